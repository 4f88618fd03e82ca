"""Sources and regions: rows without a position spread over their region, and sources that stand in none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from ghg.core.errors import InputError
from inventories.dataset import annual_mass, species_of
from inventories.grid.grids import LonLat, Polygons, Projected
from inventories.grid.points import locate_regions
from inventories.grid.regions import area_weights
from inventories.uncertainty.approach1 import sensitivities
from inventories.uncertainty.budget import of_dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Spread", "misplaced", "spread_rows"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


class Spread:
    """Mass of area rows on a grid: by layer (sector) and cell, what lies beyond the grid, and its uncertainty.

    Parameters
    ----------
    mass, u : dict
        Species -> (layers, cells), kg: mass, and standard uncertainty, fully correlated within a region.
    outside : dict
        Species -> mass of the parts of regions beyond the grid, kg.
    """

    def __init__(self) -> None:
        self.mass: dict[str, Array] = {}
        self.u: dict[str, Array] = {}
        self.outside: dict[str, float] = {}


def _numbers(labels: list[str], regions: Polygons, names: Mapping[str, str], what: str) -> Index:
    """Return the polygon of each region label.

    Raises
    ------
    InputError
        One is not in the file.
    """
    known = {name: i for i, name in enumerate(regions.names)}
    wanted = [names.get(one, one) for one in labels]
    if missing := sorted({w for w in wanted if w not in known}):
        raise InputError("a region is not in the file of regions", where=what, found=", ".join(missing[:5]),
                         need="one of " + ", ".join(sorted(n for n in known if n)[:60]),
                         hint="name it in grid.regions.map")  # fmt: skip
    return np.array([known[w] for w in wanted], np.int64)


def spread_rows(
    ds: xr.Dataset, rows: Index, layer: Index, layers: int, grid: LonLat | Projected,
    regions: tuple[Polygons, Mapping[str, str]], proxies: Mapping[int, Array] | None = None,
) -> Spread:  # fmt: skip
    """Spread rows over their regions: by the proxy of their layer, else evenly.

    Parameters
    ----------
    ds : Dataset
        Annual emissions.
    rows : int64 (n,)
        Rows without a position.
    layer : int64 (n,)
        Layer of each, such as its sector.
    layers : int
        Their number.
    grid : LonLat or Projected
        Where to.
    regions : tuple
        Polygons, and the names of the inventory's regions in them.
    proxies : mapping, optional
        Layer -> density on the grid (*grid). What a region has beyond the grid stays its part by area.
    """
    number = _numbers(ds["region"].values[rows].astype(str).tolist(), regions[0], regions[1], "key 'grid.regions'")
    used, place = np.unique(number, return_inverse=True)
    some = Polygons(
        [regions[0].polygons[k] for k in used], [str(regions[0].names[k]) for k in used], regions[0].ellipsoid
    )
    weights = area_weights(some, grid)
    beyond = 1.0 - np.asarray(weights.sum(axis=1)).ravel()
    beyond[np.abs(beyond) < 1e-12] = 0.0
    group = layer * used.size + place
    found = Spread()
    budget = of_dataset(ds).select(rows) if "budget_shared" in ds else None
    ways = {k: _by_proxy(weights, (proxies or {})[k]) if k in (proxies or {}) else weights for k in range(layers)}
    for name in species_of(ds):
        mass = np.bincount(group, np.nan_to_num(annual_mass(ds, name)[rows]), layers * used.size).reshape(layers, -1)
        found.mass[name] = np.stack([np.asarray(mass[k] @ ways[k]).ravel() for k in range(layers)])
        found.outside[name] = float((mass @ beyond).sum())
        if budget is not None:
            u = _u(budget, name, group, layers * used.size).reshape(layers, -1)
            found.u[name] = np.sqrt(np.stack([np.asarray(u[k] ** 2 @ ways[k].multiply(ways[k])).ravel()
                                              for k in range(layers)]))  # fmt: skip
    return found


def _by_proxy(weights: csr_matrix, density: Array) -> csr_matrix:
    """Return the weights of regions by a density in their cells; a region where it is nowhere is spread by area."""
    held = np.asarray(weights.sum(axis=1)).ravel()
    own = csr_matrix(weights.multiply(density.ravel()))
    total = np.asarray(own.sum(axis=1)).ravel()
    known = total > 0.0
    scaled = own.multiply(np.where(known, held / np.where(known, total, 1.0), 0.0)[:, None])
    return csr_matrix(scaled + weights.multiply((~known)[:, None]))


def _u(budget: Any, name: str, group: Index, groups: int) -> Array:
    """Return the standard uncertainty of the mass of each group, kg."""
    k = budget.species.index(name)
    mass = budget.known[k]
    square = mass**2 * (np.where(budget.follows[k], budget.u_activity, 0.0) ** 2 + budget.u_own[k] ** 2)
    shared = ((sensitivities(budget, group, groups)[:, k] * budget.u) ** 2).sum(axis=1)
    return np.sqrt(np.bincount(group, square, groups) + shared)


def misplaced(ds: xr.Dataset, regions: Polygons, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the points that lie in no region ("at sea", or beyond coasts too coarse), or in another than theirs.

    Regions of the inventory that the file does not know are taken as not stated.
    """
    lon, lat = np.asarray(ds["lon"].values, float), np.asarray(ds["lat"].values, float)
    points = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    cell = locate_regions(regions, lon[points], lat[points])
    known = set(regions.names)
    mass = np.nan_to_num(annual_mass(ds, "CO2" if "CO2" in species_of(ds) else species_of(ds)[0]))
    found = []
    for i, k in zip(points.tolist(), cell.tolist(), strict=True):
        own = str(ds["region"].values[i])
        stated, lies = names.get(own, own), regions.names[k] if k >= 0 else ""
        if lies and (stated not in known or lies == stated):
            continue
        found.append({"source": str(ds["source"].values[i]), "region": own, "lon": float(lon[i]), "lat": float(lat[i]),
                      "found": lies or "at sea", "mass_kg": float(mass[i])})  # fmt: skip
    return sorted(found, key=lambda one: -one["mass_kg"])
