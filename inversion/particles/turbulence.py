"""Turbulence of the boundary layer: standard deviations and Lagrangian times by height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.particles import _kernels

__all__ = ["ConstantTurbulence", "Hanna", "profile"]

Array = npt.NDArray[np.float64]
OMEGA = 7.292115e-5  # rad s-1, rotation of the Earth (IERS Conventions 2010, table 1.1)


@dataclass(frozen=True)
class Hanna:
    """Hanna's (1982) scheme for neutral, unstable and stable boundary layers.

    References
    ----------
    Hanna (1982), in: Nieuwstadt and van Dop, Atmospheric Turbulence and Air Pollution Modelling; as written by Stohl et
    al. (2005), Atmos. Chem. Phys. 5, 2461-2474.
    """

    def settings(self) -> dict[int, float]:
        """Return what the kernel needs."""
        return {_kernels.SCHEME: _kernels.HANNA}


@dataclass(frozen=True)
class ConstantTurbulence:
    """Homogeneous turbulence, for checks against closed forms.

    Parameters
    ----------
    sigma_u, sigma_v, sigma_w : float
        Standard deviations of the velocity, m s-1.
    timescale : float
        Lagrangian time, s.
    """

    sigma_u: float
    sigma_v: float
    sigma_w: float
    timescale: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (min(self.sigma_u, self.sigma_v, self.sigma_w) >= 0.0 and self.timescale > 0.0):
            raise InputError("turbulence needs standard deviations of at least 0 and a timescale above 0",
                             found=f"{self}")  # fmt: skip

    def settings(self) -> dict[int, float]:
        """Return what the kernel needs."""
        k = _kernels
        return {k.SCHEME: k.CONSTANT, k.SU: self.sigma_u, k.SV: self.sigma_v, k.SW: self.sigma_w, k.TL: self.timescale}


def coriolis(latitude: float) -> float:
    """Return the Coriolis parameter in s-1, not below that of 10 degrees, where the neutral scheme loses its sense."""
    return float(2.0 * OMEGA * np.sin(np.deg2rad(max(abs(latitude), 10.0))))


def profile(
    height: Any, *, boundary_layer: float, friction_velocity: float, obukhov_length: float = np.inf,
    latitude: float = 45.0,
) -> dict[str, Array]:  # fmt: skip
    """Return Hanna's profiles, to look at them.

    Parameters
    ----------
    height : float64 (n,)
        Above ground, m.
    boundary_layer, obukhov_length : float
        m; the latter negative where the ground heats the air, infinite in a neutral layer.
    friction_velocity : float
        m s-1.
    latitude : float
        degrees, for the neutral scheme.

    Returns
    -------
    dict of float64 (n,)
        ``sigma_u``, ``sigma_v``, ``sigma_w`` [m s-1], ``slope`` (of sigma_w) [s-1], ``time_u``, ``time_v``,
        ``time_w`` [s].
    """
    surface = np.array([boundary_layer, friction_velocity, 1.0 / obukhov_length, 1.2, 8500.0, 0.1])
    settings = np.zeros(16)
    settings[_kernels.CORIOLIS] = coriolis(latitude)
    rows = [_kernels.turbulence(float(z), surface, settings) for z in np.atleast_1d(np.asarray(height, float))]
    names = ("sigma_u", "sigma_v", "sigma_w", "slope", "time_u", "time_v", "time_w")
    return {name: np.array([row[i] for row in rows]) for i, name in enumerate(names)}
