"""Point sources on a grid: each in the cell it stands in, none lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError
from inventories.conservation import attach, exact_sum
from inventories.grid import fields
from inventories.grid.grids import Grid, LonLat, Polygons, Projected

__all__ = ["Placed", "grid_points", "locate", "locate_regions"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Placed:
    """Gridded points and those that found no place.

    Parameters
    ----------
    ds : Dataset
        Emissions per area, with the ledger.
    cell : (n,) array
        Flat number of the cell of each point; -1 outside.
    """

    ds: xr.Dataset
    cell: Index

    @property
    def outside(self) -> Index:
        """Numbers of the points outside the grid."""
        return np.flatnonzero(self.cell < 0)


def locate(grid: Grid, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Index:
    """Return the flat number of the cell of each point, -1 where it is outside.

    A point on an edge belongs to the cell east or north of it, at the last edge to the last cell.

    Raises
    ------
    InputError
        A position is missing or not on Earth.
    """
    x, y = np.asarray(lon, np.float64), np.asarray(lat, np.float64)
    bad = ~(np.isfinite(x) & np.isfinite(y)) | (np.abs(y) > 90.0) | (np.abs(x) > 360.0)
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError("a point has no position on Earth", where=f"point {first + 1}",
                         found=f"longitude {x[first]:g}, latitude {y[first]:g}; {int(bad.sum())} such points",
                         need="-180 to 360, -90 to 90")  # fmt: skip
    if isinstance(grid, Polygons):
        return locate_regions(grid, x, y)
    if isinstance(grid, LonLat):
        x = grid.lon_edges[0] + (x - grid.lon_edges[0]) % 360.0
        return _bins(grid.lon_edges, grid.lat_edges, x, y)
    px, py = grid.projection.forward(x, y)
    return _bins(grid.x_edges, grid.y_edges, px, py)


def _bins(xe: Array, ye: Array, x: Array, y: Array) -> Index:
    i, j = (np.searchsorted(edges, v, side="right") - 1 for edges, v in ((xe, x), (ye, y)))
    i = np.where(x == xe[-1], xe.size - 2, i)
    j = np.where(y == ye[-1], ye.size - 2, j)
    with np.errstate(invalid="ignore"):
        inside = (x >= xe[0]) & (x <= xe[-1]) & (y >= ye[0]) & (y <= ye[-1])
    return np.where(inside, j * (xe.size - 1) + i, -1).astype(np.int64)


def locate_regions(regions: Polygons, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Index:
    """Return the number of the polygon each point lies in, the first where there are several; -1 outside all."""
    from ghg.core.jit import spread
    from inventories.grid._kernels.inside import inside

    rings = regions.rings()
    s = regions.ellipsoid.authalic_sine(lat)
    x, found = np.asarray(lon, np.float64), np.empty(s.size, np.int64)
    spread(inside, s.size, x, s, rings.x, rings.y, rings.first, rings.polygons, rings.box(), found, least=256)
    return found


def grid_points(
    emission: Mapping[str, npt.ArrayLike], lon: npt.ArrayLike, lat: npt.ArrayLike, grid: LonLat | Projected,
    *, outside: str = "allow",
) -> Placed:  # fmt: skip
    """Put point sources on a grid.

    Parameters
    ----------
    emission : mapping
        Species -> mean emission, kg s-1, (n,).
    lon, lat : (n,) array
        Degrees.
    grid : LonLat or Projected
        Where to.
    outside : str
        Points outside the grid are booked in the ledger (``allow``) or an error (``refuse``).

    Returns
    -------
    Placed
        Flux densities with the ledger, and the cell of each point.

    Raises
    ------
    InputError
        A position or an emission is missing, or a point lies outside where that is refused.
    """
    cell = locate(grid, lon, lat)
    beyond = cell < 0
    if beyond.any() and outside == "refuse":
        first = int(np.argmax(beyond))
        raise InputError("a point lies outside the grid", where=f"point {first + 1}",
                         found=f"longitude {np.asarray(lon)[first]:g}, latitude {np.asarray(lat)[first]:g}; "
                         f"{int(beyond.sum())} such points", hint="widen the grid, or allow it")  # fmt: skip
    dims, ds = fields.coordinates(grid)
    ledger = {}
    for species, values in emission.items():
        rate = np.asarray(values, np.float64)
        if rate.shape != cell.shape or not np.isfinite(rate).all():
            raise InputError("a point has no emission", where=species, found=f"{int((~np.isfinite(rate)).sum())} NaN",
                             hint="leave such points out, or give 0")  # fmt: skip
        mass = np.bincount(cell[~beyond], rate[~beyond], grid.size).reshape(grid.shape)
        attrs = {**fields.attributes(species), "grid_mapping": "crs", "cell_measures": "area: cell_area"}
        ds[f"emission_{species}"] = (dims, mass / grid.area, attrs)
        density = ds[f"emission_{species}"].values
        ledger[species] = [exact_sum(rate), exact_sum(density * grid.area), exact_sum(rate[beyond]), 0.0]
    return Placed(attach(ds, ledger, "kg s-1", f"{cell.size} points"), cell)
