"""Conservative change of grid between regular longitude-latitude grids, on the sphere.

Footprints are sums over cells: a cell gives each target the share of its area that lies in it, so that the product
with a uniform flux does not change. Fluxes are means: a target gets the mean weighted by area.
The area of a cell is R^2 dlon (sin lat2 - sin lat1), so both directions separate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Regrid", "axis", "edges"]

Array = npt.NDArray[np.float64]
_EVEN = 2e-3  # share of a step by which centres may stray from an even spacing (float32 files)


def axis(values: npt.ArrayLike, name: str, where: str = "") -> Array:
    """Return evenly spaced, ascending centres in float64, the noise of float32 storage put away.

    Raises
    ------
    InputError
        Fewer than two, not finite, not ascending or not even, or outside the sphere.
    """
    given = np.asarray(values, dtype=np.float64).ravel()
    if given.size < 2 or not np.isfinite(given).all():
        raise InputError(f"the {name}s are missing or not numbers", where=where, found=f"{given.size} values", need="2")
    steps = np.diff(given)
    if (steps <= 0.0).any():
        raise InputError(f"the {name}s are not ascending", where=where, found=f"{given[0]:g} to {given[-1]:g}")
    if np.ptp(steps) > _EVEN * steps.mean() + 4e-5:
        raise InputError(f"the {name}s are not evenly spaced", where=where,
                         found=f"steps from {steps.min():g} to {steps.max():g} degrees")  # fmt: skip
    limit = 90.0 if name == "latitude" else 360.0
    if np.abs(given).max() > limit + 1e-3:
        raise InputError(f"a {name} lies outside the sphere", where=where,
                         found=f"{given.min():g} to {given.max():g}")  # fmt: skip
    return np.linspace(given[0], given[-1], given.size)


def edges(centres: Array) -> Array:
    """Return the edges (k + 1,) of evenly spaced centres (k,), degrees."""
    half = 0.5 * (centres[1] - centres[0])
    return np.append(centres - half, centres[-1] + half)


def _overlap(source: Array, target: Array) -> Array:
    """Return the length that each target interval shares with each source interval, (targets, sources)."""
    low = np.maximum(target[:-1, None], source[None, :-1])
    high = np.minimum(target[1:, None], source[None, 1:])
    return np.maximum(high - low, 0.0)


@dataclass(frozen=True)
class Regrid:
    """Shared areas between two regular grids, by direction.

    Parameters
    ----------
    latitude, longitude : array (targets, sources)
        Shared sin(latitude) and shared longitude [rad].
    source_latitude, source_longitude, target_latitude, target_longitude : array
        Extents of the single cells, the same quantities.
    """

    latitude: Array
    longitude: Array
    source_latitude: Array
    source_longitude: Array
    target_latitude: Array
    target_longitude: Array

    @classmethod
    def between(cls, source: tuple[Array, Array], target: tuple[Array, Array]) -> Regrid:
        """Return the overlaps of two grids given by centres (latitude, longitude), degrees, ascending."""
        lat = [np.sin(np.radians(np.clip(edges(g[0]), -90.0, 90.0))) for g in (source, target)]
        lon = [np.radians(edges(g[1])) for g in (source, target)]
        return cls(_overlap(*lat), _overlap(*lon), np.diff(lat[0]), np.diff(lon[0]), np.diff(lat[1]), np.diff(lon[1]))

    def footprint(self, values: npt.NDArray) -> Array:
        """Return footprints (..., lat, lon) summed into the target cells."""
        rows = self.latitude / self.source_latitude
        columns = self.longitude / self.source_longitude
        return rows @ np.asarray(values, np.float64) @ columns.T

    def flux(self, values: npt.NDArray) -> Array:
        """Return area means of fluxes (..., lat, lon); NaN where less than the whole target cell is covered."""
        rows = self.latitude / self.target_latitude[:, None]
        columns = self.longitude / self.target_longitude[:, None]
        covered = rows.sum(axis=1)[:, None] * columns.sum(axis=1)[None, :]
        out = rows @ np.asarray(values, np.float64) @ columns.T
        return np.where(covered > 1.0 - 1e-4, out / np.maximum(covered, 1e-30), np.nan)

    def covered(self) -> Array:
        """Return the share of each source cell that lies in the target grid, (lat, lon)."""
        rows = self.latitude.sum(axis=0) / self.source_latitude
        columns = self.longitude.sum(axis=0) / self.source_longitude
        return np.clip(rows[:, None] * columns[None, :], 0.0, 1.0)
