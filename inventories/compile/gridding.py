"""Sources of a compilation on a grid: masses close, uncertainties go along, every cell knows its clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inventories.compile.areas import Spread, spread_rows
from inventories.conservation import attach, exact_sum
from inventories.crosswalks import name_of
from inventories.dataset import annual_mass, seconds_of_year, species_of
from inventories.grid import fields
from inventories.grid.grids import LonLat, Polygons, Projected
from inventories.grid.points import locate, locate_regions
from inventories.species import SPECIES, variable_name
from inventories.uncertainty.approach1 import sensitivities
from inventories.uncertainty.budget import of_dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["place", "with_zones", "zones_of"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


def place(
    ds: xr.Dataset, grid: LonLat | Projected, *, sectors: bool = True, memo: bool = False, outside: str = "allow",
    regions: tuple[Polygons, Mapping[str, str]] | None = None, proxies: Mapping[str, Array] | None = None,
) -> xr.Dataset:  # fmt: skip
    """Put the sources of an inventory on a grid.

    Parameters
    ----------
    ds : Dataset
        Annual emissions, see :mod:`inventories.dataset`, with or without a budget.
    grid : LonLat or Projected
        Where to.
    sectors : bool
        Keep the GNFR sectors apart.
    memo : bool
        Put memo items on the grid as well.
    outside : {"allow", "refuse"}
        Sources outside the grid are booked in the ledger, or an error.
    regions : tuple, optional
        Polygons, and names of the inventory's regions in them: rows without a position are spread over their region in
        place of being withheld.
    proxies : mapping, optional
        GNFR sector -> density on the grid by which its rows are spread; evenly where there is none. Needs `sectors`.

    Returns
    -------
    Dataset
        ``emission_<species>`` ([sector,] time, *grid) in kg m-2 s-1 as a mean over the year; with a budget
        ``_u_random``, independent between sources, and ``_u_systematic``, of factors and activities they share. The
        ledger in kg: rows outside the grid are ``outside``, rows without a position and memo items left out
        ``withheld``. Attributes ``sources_placed``, ``sources_outside`` and ``sources_without_position``.

    Raises
    ------
    InputError
        No source has a position or lies inside, or one lies outside where that is refused.
    """
    where = _Where(ds, grid, memo, outside, regions is not None)
    letters = [""]
    if sectors:
        letters = sorted(set(ds["sector"].values[np.r_[where.there, where.spread]].astype(str).tolist()))
    layer = np.searchsorted(letters, ds["sector"].values.astype(str)) if sectors else np.zeros(where.cell.size, int)
    at = layer[where.there] * grid.size + where.cell[where.there]
    areas = Spread()
    if regions is not None and where.spread.size:
        by = {letters.index(s): p for s, p in (proxies or {}).items() if s in letters}
        areas = spread_rows(ds, where.spread, layer[where.spread], len(letters), grid, regions, by)
    dims, out = fields.coordinates(grid)
    shape = (len(letters), *grid.shape) if sectors else grid.shape
    if sectors:
        words = {"long_name": "GNFR sector", "comment": "; ".join(f"{c}: {name_of('GNFR', c)}" for c in letters)}
        out = out.assign_coords(sector=("sector", letters, words))
        dims = ("sector", *dims)
    per_area = 1.0 / (seconds_of_year(int(ds["year"])) * grid.area)
    ledger, partners = {}, _uncertainty(ds, where.there, at)
    for name in species_of(ds):
        mass = np.nan_to_num(annual_mass(ds, name))
        total = np.bincount(at, mass[where.there], len(letters) * grid.size)
        if name in areas.mass:
            total = total + areas.mass[name].ravel()
        token = variable_name(name)
        out[token] = (dims, total.reshape(shape) * per_area, _attributes(name, token))
        ledger[fields.species_of(token)] = [
            exact_sum(mass), exact_sum(out[token].values / per_area),
            exact_sum([*mass[where.outside], areas.outside.get(name, 0.0)]), exact_sum(mass[where.held])]  # fmt: skip
        for kind, u in _both(partners.get(name, {}), np.unique(at), areas.u.get(name), total.size).items():
            out[f"{token}_u_{kind}"] = (
                dims,
                u.reshape(shape) * per_area,
                fields.uncertainty(out[token].attrs, token, kind),
            )
    out = _dated(out, int(ds["year"]))
    out.attrs = {"title": str(ds.attrs.get("title", "")), "sources_placed": int(where.there.size),
                 "sources_spread": int(where.spread.size), "sources_outside": int(where.outside.sum()),
                 "sources_without_position": int(where.held.sum())}  # fmt: skip
    return attach(out, ledger, "kg", f"{where.there.size} points and {where.spread.size} areas of {int(ds['year'])} "
                  f"put on {_named(grid)}")  # fmt: skip


def _attributes(name: str, token: str) -> dict[str, Any]:
    return {**fields.attributes(fields.species_of(token)), "long_name": f"emission of {SPECIES[name].long_name}",
            "species": name, "grid_mapping": "crs", "cell_measures": "area: cell_area",
            "cell_methods": "time: mean area: mean"}  # fmt: skip


def _both(points: dict[str, Array], cells: Index, areas: Array | None, size: int) -> dict[str, Array]:
    """Return the uncertainties of points and areas together; that of an area is common to all its cells."""
    found = {}
    for kind, values in points.items():
        found[kind] = np.zeros(size)
        found[kind][cells] = values
    if areas is not None:
        found.setdefault("random", np.zeros(size))
        found["systematic"] = np.hypot(found.get("systematic", 0.0), areas.ravel())
    return found


class _Where:
    """Where each row goes: into a cell, over its region, beyond the grid, or nowhere."""

    def __init__(self, ds: xr.Dataset, grid: LonLat | Projected, memo: bool, outside: str, spread: bool) -> None:
        lon, lat = np.asarray(ds["lon"].values, float), np.asarray(ds["lat"].values, float)
        known = np.isfinite(lon) & np.isfinite(lat)
        wanted = np.ones(known.size, bool) if memo else ~np.asarray(ds["memo"].values, bool)
        if not known.any() and not spread:
            raise InputError("no source has a position, so nothing can be put on the grid", where="key 'grid'",
                             found=f"{known.size} rows", need="lon and lat, or position, in an [[activity]] table",
                             hint="or spread areas: grid.regions and areas = 'spread'")  # fmt: skip
        self.cell = np.full(known.size, -1, np.int64)
        self.cell[known & wanted] = locate(grid, lon[known & wanted], lat[known & wanted])
        self.there = np.flatnonzero(self.cell >= 0)
        self.outside = (self.cell < 0) & known & wanted
        self.spread = np.flatnonzero(~known & wanted) if spread else np.zeros(0, np.int64)
        self.held = ~wanted | (~known & (not spread))
        lost = not self.there.size and not self.spread.size
        if self.outside.any() and (outside == "refuse" or lost):
            first = int(np.argmax(self.outside))
            raise InputError("all sources lie outside the grid" if lost else "a source lies outside the grid",
                             where=f"source '{ds['source'].values[first]}'",
                             found=f"longitude {lon[first]:g}, latitude {lat[first]:g}; "
                             f"such sources: {int(self.outside.sum())}",
                             hint="widen the grid" + ("" if lost else ", or allow it"))  # fmt: skip


def _named(grid: LonLat | Projected) -> str:
    return f"{' x '.join(map(str, grid.shape))} cells ({grid.fingerprint})"


def _uncertainty(ds: xr.Dataset, there: Index, at: Index) -> dict[str, dict[str, Array]]:
    """Return species -> kind -> standard uncertainty of the mass of each cell that holds a source, kg.

    2006 IPCC Guidelines vol 1 ch 3 eq 3.2: independent rows by squares; rows that share a factor add up.
    """
    if "budget_shared" not in ds:
        return {}
    if not there.size:
        return {}
    budget = of_dataset(ds).select(there)
    _, group = np.unique(at, return_inverse=True)
    groups = int(group.max()) + 1
    shared = np.sqrt(((sensitivities(budget, group, groups) * budget.u) ** 2).sum(axis=2))
    found = {}
    for k, name in enumerate(budget.species):
        mass = budget.known[k]
        square = mass**2 * (np.where(budget.follows[k], budget.u_activity, 0.0) ** 2 + budget.u_own[k] ** 2)
        found[name] = {"random": np.sqrt(np.bincount(group, square, groups)), "systematic": shared[:, k]}
    return found


def _dated(ds: xr.Dataset, year: int) -> xr.Dataset:
    """Return the Dataset as a mean over the year, uncertainties too."""
    out = fields.with_year(ds, year)
    for name in map(str, ds.data_vars):
        if "_u_" in name:
            out[name] = ds[name].expand_dims(time=out["time"].values).assign_attrs(ds[name].attrs)
        if "sector" in out[name].dims:  # CF-1.11 2.4: other dimensions stand left of time
            out[name] = out[name].transpose("sector", "time", ...)
    return out


def zones_of(
    ds: xr.Dataset,
    grid: LonLat | Projected,
    timezone: str,
    zones: Mapping[str, str],
    apart: tuple[str, ...] = (),
    regions: tuple[Polygons, Mapping[str, str]] | None = None,
) -> tuple[list[tuple[str, str]], npt.NDArray[np.int32], int]:
    """Return the clocks of a grid: that of the region which emits most in a cell.

    Parameters
    ----------
    ds : Dataset
        Annual emissions.
    grid : LonLat or Projected
        The grid.
    timezone : str
        Zone of regions that are not named; ``longitude`` for the full hour nearest to local mean time.
    zones : mapping
        Region -> zone.
    apart : tuple of str
        Regions with profiles of their own.
    regions : tuple, optional
        Polygons, and names of the inventory's regions in them: a cell without a point has the clock of the region in
        which its middle lies.

    Returns
    -------
    list of (str, str)
        Zone and region of each clock; the region is empty where it has no profile of its own.
    (*grid) array of int32
        Number of the clock of each cell.
    int
        Sources whose own clock is not that of their cell.

    Raises
    ------
    InputError
        A region is named that no source lies in.
    """
    labels = ds["region"].values.astype(str)
    if unknown := sorted((set(zones) | set(apart)) - set(labels.tolist())):
        known_regions = ", ".join(sorted(set(labels.tolist()))[:60])
        raise InputError("a region is named that the inventory does not hold", where="key 'time'",
                         found=", ".join(unknown[:5]), need=f"one of {known_regions}")  # fmt: skip
    lon, lat = np.asarray(ds["lon"].values, float), np.asarray(ds["lat"].values, float)
    known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    known = known[locate(grid, lon[known], lat[known]) >= 0]
    cell = locate(grid, lon[known], lat[known])
    own = [_clock(r, x, timezone, zones, apart) for r, x in
           zip(labels[known].tolist(), lon[known].tolist(), strict=True)]  # fmt: skip
    middles = [] if regions is None else _middles(grid, regions, (timezone, zones, apart))
    clocks = sorted({*own, *middles}) or [_clock("", 0.0, timezone, zones, apart)]
    number = np.array([clocks.index(one) for one in own], np.int64)
    first = species_of(ds)[0]
    weight = np.nan_to_num(annual_mass(ds, "CO2" if "CO2" in species_of(ds) else first))[known] + 1e-30
    keys, place_ = np.unique(cell * len(clocks) + number, return_inverse=True)
    mass = np.bincount(place_, weight)
    order = np.argsort(mass, kind="stable")  # the heaviest of a cell is written last
    place_of = {clock: i for i, clock in enumerate(clocks)}
    index = np.array([place_of[one] for one in middles] or np.zeros(grid.size), np.int32)
    index[keys[order] // len(clocks)] = keys[order] % len(clocks)
    return clocks, index.reshape(grid.shape), int((index[cell] != number).sum())


def _clock(region: str, lon: float, timezone: str, zones: Mapping[str, str], apart: tuple[str, ...]) -> tuple[str, str]:
    zone = zones.get(region, timezone)
    return (by_longitude(lon) if zone == "longitude" else zone), (region if region in apart else "")


def _middles(grid: LonLat | Projected, regions: tuple[Polygons, Mapping[str, str]], rule: Any) -> list[tuple]:
    """Return the clock of the middle of each cell."""
    lon, lat = grid.centres
    if isinstance(grid, LonLat):
        lon, lat = np.meshgrid(lon, lat)
    back = {name: own for own, name in regions[1].items()}
    names = [back.get(str(name), str(name)) for name in regions[0].names]
    found = locate_regions(regions[0], lon.ravel(), lat.ravel())
    own = [names[k] if k >= 0 else "" for k in found.tolist()]
    return [_clock(name, x, *rule) for name, x in zip(own, lon.ravel().tolist(), strict=True)]


def by_longitude(lon: float) -> str:
    """Return the offset of the full hour nearest to local mean time, as ``UTC+08``."""
    hours = round(((lon + 180.0) % 360.0 - 180.0) / 15.0)
    return f"UTC{'-' if hours < 0 else '+'}{abs(hours):02d}" if hours else "UTC"


def with_zones(out: xr.Dataset, clocks: list[tuple[str, str]], index: npt.NDArray[np.int32]) -> xr.Dataset:
    """Return the gridded emissions with the clock of each cell, which ``ghg inventories expand`` reads."""
    dims = fields.dimensions(out)
    names = [z.replace("/", ".") + (f"@{r}" if r else "") for z, r in clocks]
    words: dict[str, Any] = {"long_name": "time zone of the cell", "grid_mapping": "crs",
                             "flag_values": np.arange(len(clocks), dtype=np.int32), "flag_meanings": " ".join(names),
                             "coverage_content_type": "auxiliaryInformation"}  # fmt: skip
    out["zone_index"] = (dims, index, words)
    return out
