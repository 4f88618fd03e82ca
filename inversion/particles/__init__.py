"""A small Lagrangian particle model: footprints for first looks, demonstrations and simulated networks.

It solves the Langevin equation for the turbulent velocity with the well-mixed drift of Thomson (1987) in a wind field
on a regular longitude-latitude grid. For published work use STILT, FLEXPART or NAME with their meteorology, and read
their footprints.
"""

from inversion.particles.footprint import Release, footprint, footprints
from inversion.particles.meteorology import meteorology, uniform
from inversion.particles.turbulence import ConstantTurbulence, Hanna, profile

__all__ = [
    "ConstantTurbulence",
    "Hanna",
    "Release",
    "footprint",
    "footprints",
    "meteorology",
    "profile",
    "uniform",
]
