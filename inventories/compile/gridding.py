"""Sources of a compilation on a grid: masses close, uncertainties go along, every cell knows its clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inventories.conservation import attach, exact_sum
from inventories.crosswalks import name_of
from inventories.dataset import annual_mass, seconds_of_year, species_of
from inventories.grid import fields
from inventories.grid.grids import LonLat, Projected
from inventories.grid.points import locate
from inventories.species import SPECIES, variable_name
from inventories.uncertainty.approach1 import sensitivities
from inventories.uncertainty.budget import of_dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["place", "with_zones", "zones_of"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


def place(
    ds: xr.Dataset, grid: LonLat | Projected, *, sectors: bool = True, memo: bool = False, outside: str = "allow"
) -> xr.Dataset:
    """Put the points of an inventory on a grid.

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
    cell, held = _cells(ds, grid, memo, outside)
    there = np.flatnonzero(cell >= 0)
    letters = sorted(set(ds["sector"].values[there].astype(str).tolist())) if sectors else [""]
    layer = np.searchsorted(letters, ds["sector"].values[there].astype(str)) if sectors else np.zeros(
        there.size, np.int64)  # fmt: skip
    at = layer * grid.size + cell[there]
    dims, out = fields.coordinates(grid)
    lead = (len(letters),) if sectors else ()
    shape = (*lead, *grid.shape)
    names = ("sector", *dims) if sectors else dims
    if sectors:
        out = out.assign_coords(sector=("sector", letters, {"long_name": "GNFR sector"}))
    per_area = 1.0 / (seconds_of_year(int(ds["year"])) * grid.area)
    ledger, partners = {}, _uncertainty(ds, there, at)
    for name in species_of(ds):
        mass = np.nan_to_num(annual_mass(ds, name))
        token = variable_name(name)
        total = np.bincount(at, mass[there], int(np.prod(shape))).reshape(shape)
        attrs = {**fields.attributes(fields.species_of(token)), "long_name": f"emission of {SPECIES[name].long_name}",
                 "species": name, "grid_mapping": "crs", "cell_measures": "area: cell_area",
                 "cell_methods": "time: mean area: mean"}  # fmt: skip
        out[token] = (names, total * per_area, attrs)
        back = out[token].values / per_area
        ledger[fields.species_of(token)] = [exact_sum(mass), exact_sum(back), exact_sum(mass[(cell < 0) & ~held]),
                                            exact_sum(mass[held])]  # fmt: skip
        for kind, by_group in partners.get(name, {}).items():
            u = np.zeros(int(np.prod(shape)))
            u[np.unique(at)] = by_group
            words = {"long_name": f"standard uncertainty (k = 1) of {token}, {kind}", "units": fields.DENSITY,
                     "grid_mapping": "crs", "cell_measures": "area: cell_area"}  # fmt: skip
            if "standard_name" in attrs:
                words["standard_name"] = f"{attrs['standard_name']} standard_error"
            out[f"{token}_u_{kind}"] = (names, u.reshape(shape) * per_area, words)
            linked = out[token].attrs.get("ancillary_variables", "")
            out[token].attrs["ancillary_variables"] = f"{linked} {token}_u_{kind}".strip()
    out = _dated(out, int(ds["year"]))
    out.attrs = {"title": str(ds.attrs.get("title", "")), "sources_placed": int(there.size),
                 "sources_outside": int(((cell < 0) & ~held).sum()),
                 "sources_without_position": int(held.sum())}  # fmt: skip
    if sectors:
        out["sector"].attrs["comment"] = "; ".join(f"{c}: {name_of('GNFR', c)}" for c in letters)
    return attach(out, ledger, "kg", f"{there.size} sources of {int(ds['year'])} put on {_named(grid)}")


def _named(grid: LonLat | Projected) -> str:
    return f"{' x '.join(map(str, grid.shape))} cells ({grid.fingerprint})"


def _cells(ds: xr.Dataset, grid: LonLat | Projected, memo: bool, outside: str) -> tuple[Index, npt.NDArray[np.bool_]]:
    """Return the cell of each row, -1 where it has none, and which rows are withheld."""
    lon, lat = np.asarray(ds["lon"].values, float), np.asarray(ds["lat"].values, float)
    held = ~(np.isfinite(lon) & np.isfinite(lat))
    if held.all():
        raise InputError("no source has a position, so nothing can be put on the grid", where="key 'grid'",
                         found=f"{held.size} rows",
                         need="lon and lat, or position, in an [[activity]] table")  # fmt: skip
    if not memo:
        held = held | np.asarray(ds["memo"].values, bool)
    cell = np.full(held.size, -1, np.int64)
    cell[~held] = locate(grid, lon[~held], lat[~held])
    beyond = (cell < 0) & ~held
    if beyond.any() and (outside == "refuse" or beyond.sum() == (~held).sum()):
        first = int(np.argmax(beyond))
        raise InputError("a source lies outside the grid" if outside == "refuse" else
                         "all sources lie outside the grid", where=f"source '{ds['source'].values[first]}'",
                         found=f"longitude {lon[first]:g}, latitude {lat[first]:g}; {int(beyond.sum())} such sources",
                         hint="widen the grid" + (", or allow it" if outside == "refuse" else ""))  # fmt: skip
    return cell, held


def _uncertainty(ds: xr.Dataset, there: Index, at: Index) -> dict[str, dict[str, Array]]:
    """Return species -> kind -> standard uncertainty of the mass of each cell that holds a source, kg.

    2006 IPCC Guidelines vol 1 ch 3 eq 3.2: independent rows by squares; rows that share a factor add up.
    """
    if "budget_shared" not in ds:
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
    ds: xr.Dataset, grid: LonLat | Projected, timezone: str, zones: Mapping[str, str], apart: tuple[str, ...] = ()
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
    regions = ds["region"].values.astype(str)
    if unknown := sorted((set(zones) | set(apart)) - set(regions.tolist())):
        known_regions = ", ".join(sorted(set(regions.tolist()))[:60])
        raise InputError("a region is named that the inventory does not hold", where="key 'time'",
                         found=", ".join(unknown[:5]), need=f"one of {known_regions}")  # fmt: skip
    lon, lat = np.asarray(ds["lon"].values, float), np.asarray(ds["lat"].values, float)
    known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    known = known[locate(grid, lon[known], lat[known]) >= 0]
    cell = locate(grid, lon[known], lat[known])
    own = [(zones.get(r, timezone), r if r in apart else "") for r in regions[known].tolist()]
    own = [(by_longitude(x) if z == "longitude" else z, r) for (z, r), x in zip(own, lon[known].tolist(), strict=True)]
    clocks = sorted(set(own)) or [("UTC" if timezone == "longitude" else timezone, "")]
    number = np.array([clocks.index(one) for one in own], np.int64)
    first = species_of(ds)[0]
    weight = np.nan_to_num(annual_mass(ds, "CO2" if "CO2" in species_of(ds) else first))[known] + 1e-30
    keys, place_ = np.unique(cell * len(clocks) + number, return_inverse=True)
    mass = np.bincount(place_, weight)
    order = np.argsort(mass, kind="stable")  # the heaviest of a cell is written last
    index = np.zeros(grid.size, np.int32)
    index[keys[order] // len(clocks)] = keys[order] % len(clocks)
    return clocks, index.reshape(grid.shape), int((index[cell] != number).sum())


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
