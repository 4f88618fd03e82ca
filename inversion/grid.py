"""Cells of the state: where they lie, how large they are, what they are.

References
----------
Area of a cell between two parallels and two meridians on a sphere: R^2 dlon (sin lat2 - sin lat1).
Mean Earth radius 6 371 008.8 m: Moritz (2000), Geodetic Reference System 1980, J. Geodesy 74, 128-133 (mean radius R1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.sensitivity import Array

__all__ = ["EARTH_RADIUS", "Grid", "great_circle"]

EARTH_RADIUS = 6_371_008.8  # m
_EVEN = 1e-3  # share of a step by which centres may stray from an even spacing (float32 files)


@dataclass(frozen=True)
class Grid:
    """Cells of a flux block.

    Parameters
    ----------
    latitude, longitude : array, shape (r,)
        Centres [degrees]; latitudes ascending within a regular grid, longitudes -180 to 180.
    area : array, shape (r,)
        [m2].
    shape : tuple of int, optional
        (rows of latitude, columns of longitude) of a regular grid in the order of latitude, then longitude; None for a
        selection of cells or merged cells.
    """

    latitude: Array
    longitude: Array
    area: Array
    shape: tuple[int, int] | None = None

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(self.latitude.size)

    @classmethod
    def regular(cls, latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> Grid:
        """Return the regular grid of these centres.

        Parameters
        ----------
        latitude, longitude : array, shape (nlat,) and (nlon,)
            Evenly spaced centres [degrees], ascending.

        Raises
        ------
        InputError
            Not ascending, not even, outside the sphere, or longitudes from 0 to 360 that cross 180.
        """
        lat = _axis(latitude, "latitude", 90.0)
        lon = _axis(longitude, "longitude", 180.0)
        step = abs(lon[1] - lon[0]) if lon.size > 1 else 1.0
        half = (lat[1] - lat[0]) / 2.0 if lat.size > 1 else 0.5
        edges = np.sin(np.radians(np.clip(np.append(lat - half, lat[-1] + half), -90.0, 90.0)))
        area = EARTH_RADIUS**2 * np.radians(step) * np.diff(edges)
        return cls(
            np.repeat(lat, lon.size), np.tile(lon, lat.size), np.repeat(area, lon.size), (int(lat.size), int(lon.size))
        )

    def axes(self) -> tuple[Array, Array]:
        """Return the latitudes and longitudes of a regular grid."""
        if self.shape is None:
            raise InputError("the cells are no regular grid", found=f"{self.cells} cells")
        return self.latitude[:: self.shape[1]], self.longitude[: self.shape[1]]


def _axis(values: npt.ArrayLike, name: str, most: float) -> Array:
    axis = np.array(values, dtype=np.float64).ravel()
    if axis.size == 0 or not np.isfinite(axis).all():
        raise InputError(f"the {name}s of the grid are not numbers", found=f"{axis.size} values")
    if np.abs(axis).max() > most + _EVEN:
        hint = "shift longitudes of 0 to 360 to -180 to 180" if name == "longitude" else ""
        raise InputError(f"a {name} lies outside the sphere", found=f"{axis.min():g} to {axis.max():g}",
                         need=f"-{most:g} to {most:g}", hint=hint)  # fmt: skip
    steps = np.diff(axis)
    if (steps <= 0).any():
        raise InputError(f"the {name}s of the grid are not ascending", found=f"{axis[0]:g} to {axis[-1]:g}",
                         hint=f"sort the data by {name}")  # fmt: skip
    if steps.size and np.ptp(steps) > _EVEN * steps.mean() + 2e-5:
        raise InputError(f"the {name}s of the grid are not evenly spaced",
                         found=f"steps from {steps.min():g} to {steps.max():g}")  # fmt: skip
    if steps.size:  # float32 centres: put the noise of storage away
        axis = np.linspace(axis[0], axis[-1], axis.size)
    return axis


def great_circle(lat1: Array, lon1: Array, lat2: Array, lon2: Array) -> Array:
    """Return great-circle distances [m] between points [degrees], by the haversine formula (broadcasts)."""
    a1, a2 = np.radians(lat1), np.radians(lat2)
    half = np.sin((a2 - a1) / 2.0) ** 2
    half = half + np.cos(a1) * np.cos(a2) * np.sin(np.radians(lon2 - lon1) / 2.0) ** 2
    return 2.0 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
