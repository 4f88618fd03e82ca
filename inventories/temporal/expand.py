"""Annual emissions to hourly ones, block by block, and the same kept factored.

Both close on the annual mass: the factors have mean one over the real hours of the year, and what rounding to
float32 (or to fewer bits) takes from one hour is given to the next.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.jit import spread
from ghg.core.units import factor as unit_factor
from inventories.conservation import attach, exact_sum
from inventories.grid import fields
from inventories.temporal import _kernels
from inventories.temporal.calendars import year_hours
from inventories.temporal.chunks import slabs
from inventories.temporal.gather import gather_template
from inventories.temporal.profiles import FLAT, Profile
from inventories.temporal.zones import Profiles, Zones, hourly_factors

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["Zones", "expand", "expand_to_file", "factored", "multiply_out"]

Array = npt.NDArray[np.float64]
RUN = 512  # cells that are summed together
CELLS = 2048  # cells that are in memory for all hours, where cells are gathered


def _annual(ds: xr.Dataset, name: str) -> tuple[Array, list[str]]:
    """Return the annual means (sector, cell) of a variable in kg m-2 s-1 and its sectors."""
    array = ds[name]
    if "time" in array.dims:
        if array.sizes["time"] != 1:
            raise InputError("only annual emissions can be expanded", where=name, found=f"{array.sizes['time']} times")
        array = array.isel(time=0)
    array = array.transpose(..., *fields.dimensions(ds))
    if array.ndim > 3 or (array.ndim == 3 and array.dims[0] != "sector"):
        raise InputError("an emission has dimensions that cannot be expanded", where=name, found=str(array.dims),
                         need="sector and those of the grid")  # fmt: skip
    units = str(array.attrs["units"])
    if not fields.fits(units, fields.DENSITY):
        raise InputError("expansion needs emissions per area", where=name, found=units, need=fields.DENSITY)
    values = np.asarray(array.values, np.float64) * unit_factor(units, fields.DENSITY)
    if not np.isfinite(values).all():
        raise InputError("an emission is missing in some cells", where=name, found="NaN")
    sectors = [str(s) for s in ds["sector"].values] if array.ndim == 3 else [""]
    return np.ascontiguousarray(values.reshape(len(sectors), -1)), sectors


def _runs(index: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return runs of cells of one zone, none longer than RUN."""
    change = np.flatnonzero(np.diff(index)) + 1
    start = np.unique(np.concatenate([[0], change, np.arange(0, index.size, RUN)])).astype(np.int64)
    return np.append(start, index.size), index[start]


def _template(ds: xr.Dataset, year: int, names: Sequence[str], by_sector: bool, bits: int) -> xr.Dataset:
    """Return the Dataset of the hourly file, its emissions as placeholders."""
    from ghg.core.stream import placeholder

    grid = fields.grid_of(ds)
    dims, out = fields.coordinates(grid)
    hours = year_hours(year)
    step = np.timedelta64(1, "h")
    out = out.assign_coords(
        time=("time", hours, {"standard_name": "time", "long_name": "start of the hour, UTC", "bounds": "time_bounds"}),
        time_bounds=(("time", "nv"), np.stack([hours, hours + step], axis=1)),
    )
    for name in names:
        # CF-1.11 2.4: other dimensions stand left of time
        lead = ("sector", "time") if by_sector and "sector" in ds[name].dims else ("time",)
        size = tuple(ds.sizes[d] for d in lead[:-1])
        kept = {k: ds[name].attrs[k] for k in ("species", "comment") if k in ds[name].attrs}
        attrs = {**fields.attributes(fields.species_of(name)), **kept, "cell_methods": "time: mean area: mean",
                 "cell_measures": "area: cell_area", "grid_mapping": "crs"}  # fmt: skip
        if bits:
            words = f"{bits} bits of the significand are kept; what is cut off is given to the next hour"
            attrs["comment"] = "; ".join(filter(None, [str(kept.get("comment", "")), words]))
        out[name] = ((*lead, *dims), placeholder((*size, hours.size, *grid.shape)), attrs)
        if len(lead) == 2:
            out = out.assign_coords(sector=ds["sector"])
    out.attrs = {k: v for k, v in ds.attrs.items() if k not in ("provenance", "content_digest", "content_leaves")}
    return out


def _blocks(
    annual: Array, index: npt.NDArray[np.int64], factor: Array, carry: Array, by_sector: bool, bits: int, block: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield hourly values (hours, cell) of one species, sector after sector where they stay apart.

    `carry` (sector, cell) keeps what rounding owes.
    """
    start, region = _runs(index)
    hours, sectors = factor.shape[0], annual.shape[0]
    parts = [(annual[k : k + 1], np.ascontiguousarray(factor[:, :, k : k + 1])) for k in range(sectors)] if (
        by_sector) else [(annual, factor)]  # fmt: skip
    for k, (rate, share) in enumerate(parts):
        for at in range(0, hours, block):
            end = min(at + block, hours)
            last = end - at - 1 if end == hours else end - at
            out = np.empty((end - at, annual.shape[1]), np.float32)
            spread(_kernels.expand, region.size, rate, start, region, share[at:end], bits, last, carry[k], out)
            yield out


@dataclass
class _Plan:
    """All that one expansion needs, checked before the first hour is written."""

    names: list[str]
    annual: dict[str, Array]
    factor: dict[str, Array]
    index: npt.NDArray[np.int64]
    area: Array
    template: xr.Dataset
    by_sector: bool
    bits: int
    gathered: bool = False
    carry: dict[str, Array] = field(default_factory=dict)

    def chunks(self, name: str) -> tuple[int, ...]:
        """Return the chunks of a variable; hours of one block first."""
        dims, shape = self.template[name].dims, self.template[name].shape
        along = dims.index("time")
        return (*(1,) * along, *slabs(shape[along], shape[along + 1 :]))

    def blocks(self, name: str) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the hours of a species on the grid, sector after sector where they stay apart.

        Those of gathered cells come as (cell, hour), some cells and all hours at a time.
        """
        dims = self.template[name].dims
        shape, apart = self.template[name].shape[dims.index("time") + 1 :], "sector" in dims
        if self.gathered:
            yield from self._by_cells(name, apart)
            return
        self.carry[name] = carry = np.zeros((self.annual[name].shape[0] if apart else 1, self.area.size))
        block = slabs(self.factor[name].shape[0], shape)[0]
        for part in _blocks(self.annual[name], self.index, self.factor[name], carry, apart, self.bits, block):
            yield part.reshape(-1, *shape)

    def _by_cells(self, name: str, apart: bool) -> Iterator[npt.NDArray[np.float32]]:
        annual, factor = self.annual[name], self.factor[name]
        self.carry[name] = carry = np.zeros((annual.shape[0] if apart else 1, self.area.size))
        hours = factor.shape[0]
        for k in range(annual.shape[0] if apart else 1):
            rate, share = (annual[k : k + 1], factor[:, :, k : k + 1]) if apart else (annual, factor)
            for at in range(0, self.area.size, CELLS):
                some = slice(at, min(at + CELLS, self.area.size))
                owed = carry[k : k + 1, some].copy()
                blocks = _blocks(np.ascontiguousarray(rate[:, some]), self.index[some], share, owed, False, self.bits,
                                 hours)  # fmt: skip
                yield np.ascontiguousarray(next(blocks).T)
                carry[k, some] = owed[0]

    def weighed(self, name: str) -> Iterator[tuple[npt.NDArray[np.float32], float]]:
        """Yield the blocks of a species, each with its mass in kg."""
        at = 0
        for part in self.blocks(name):
            yield part, self.mass(part, at)
            at = (at + part.shape[0]) % self.area.size if self.gathered else 0

    def mass(self, part: npt.NDArray[np.float32], first: int = 0) -> float:
        """Return the mass of a block of hours, kg; of gathered cells from the number `first` on."""
        if self.gathered:
            by_cell = part.sum(axis=1, dtype=np.float64)
            return exact_sum(by_cell * self.area[first : first + by_cell.size]) * 3600.0
        by_cell = part.reshape(-1, self.area.size).sum(axis=0, dtype=np.float64)
        return exact_sum(by_cell * self.area) * 3600.0

    def owed(self, name: str) -> float:
        """Return the mass that rounding of the last hour left over, kg."""
        return exact_sum(self.carry[name] * self.area) * 3600.0

    def mass_in(self, name: str) -> float:
        """Return the annual mass of a species, kg."""
        return exact_sum(self.annual[name] * self.area) * 3600.0 * self.template.sizes["time"]


def _plan(
    ds: xr.Dataset, profiles: Profiles, year: int, zones: Zones, by_sector: bool, bits: int, gathered: bool = False
) -> _Plan:
    if not 0 <= bits < 23:
        raise InputError("the number of bits to keep is out of range", found=str(bits), need="0 (all) or 1 to 22")
    ds = fields.rising(ds)
    names = fields.emissions(ds)
    index = zones.cells(fields.grid_of(ds).shape)
    annual, factor = {}, {}
    for name in names:
        annual[name], sectors = _annual(ds, name)
        species = fields.species_of(name)
        factor[name] = hourly_factors(profiles, year, sectors, "nox" if species == "nox_n" else species, zones)
    template = _template(ds, year, names, by_sector, bits)
    area = fields.grid_of(ds).area.ravel()
    if gathered:
        emits = np.flatnonzero(np.any([(a != 0.0).any(axis=0) for a in annual.values()], axis=0))
        cells = emits if emits.size else np.zeros(1, np.int64)
        template = gather_template(template, names, cells, fields.dimensions(ds))
        annual = {n: np.ascontiguousarray(a[:, cells]) for n, a in annual.items()}
        index, area = index[cells], area[cells]
    return _Plan(names, annual, factor, index, area, template, by_sector, bits, gathered)


def _ledger(plan: _Plan, out: Mapping[str, Sequence[float]], year: int) -> xr.Dataset:
    """Book the year; withheld is what the rounding of the last hour leaves over, below 1e-11 of a cell's year."""
    entries = {
        fields.species_of(name): [plan.mass_in(name), math.fsum(out[name]), 0.0, plan.owed(name)] for name in plan.names
    }
    return attach(plan.template, entries, "kg", f"expansion to the hours of {year}")


def expand(
    ds: xr.Dataset, profiles: Profiles, year: int, *, zones: Zones | None = None, by_sector: bool = False, bits: int = 0
) -> xr.Dataset:
    """Expand annual emissions to the hours of a year, in memory; see :func:`expand_to_file` for large ones.

    Parameters
    ----------
    ds : Dataset
        Gridded annual means in kg m-2 s-1, with or without a dimension ``sector``.
    profiles : mapping
        Profiles by (country, sector, species), (country, sector), (sector, species), sector, or "" for all others.
    year : int
        Calendar year, UTC.
    zones : Zones, optional
        Clocks; UTC everywhere where not given.
    by_sector : bool
        Keep the sectors apart; else they are summed.
    bits : int
        Bits of the significand kept, 0 for all 23.

    Returns
    -------
    Dataset
        float32 hourly means with the ledger.

    Raises
    ------
    InputError
        A sector has no profile, zones do not fit, or emissions are not annual, per area and finite.
    """
    plan = _plan(ds, profiles, year, zones or Zones(), by_sector, bits)
    out = plan.template
    masses: dict[str, list[float]] = {}
    for name in plan.names:
        whole = np.concatenate(list(plan.blocks(name))).reshape(out[name].shape)
        masses[name] = [plan.mass(whole)]
        out[name] = (out[name].dims, whole, out[name].attrs)
    return _ledger(plan, masses, year)


def expand_to_file(
    ds: xr.Dataset, profiles: Profiles, year: int, path: str | os.PathLike[str], *, record: Record,
    zones: Zones | None = None, by_sector: bool = False, bits: int = 0, level: int = 1, force: bool = False,
    gathered: bool = False,
) -> xr.Dataset:  # fmt: skip
    """Expand annual emissions into a NetCDF file, a few days at a time.

    Parameters as :func:`expand`; `record`, `force` and `level` as :func:`ghg.core.stream.stream`. With `gathered` only
    the cells that emit are written (CF-1.11 8.2), see :mod:`inventories.temporal.gather`.

    Returns
    -------
    Dataset
        All of the file but its emissions: coordinates and the ledger.
    """
    from ghg.core.stream import ahead, stream

    plan = _plan(ds, profiles, year, zones or Zones(), by_sector, bits, gathered)
    masses: dict[str, list[float]] = {name: [] for name in plan.names}
    plan.template = attach(plan.template, {fields.species_of(n): [0.0] * 4 for n in plan.names}, "kg", "")
    chunks = {} if gathered else {name: plan.chunks(name) for name in plan.names}
    with stream(plan.template, plan.names, path, record=record, force=force, level=level, chunks=chunks) as out:
        for name in plan.names:
            for part, mass in ahead(plan.weighed(name)):
                out.put(name, part)
                masses[name].append(mass)
        ledger = _ledger(plan, masses, year)
        for name in plan.names:
            record.step(f"{fields.species_of(name)}: {math.fsum(masses[name]):.9g} kg in the hours of {year}")
        out.replace(ledger[["ledger_mass"]])
    return ledger.drop_vars(plan.names)


def factored(ds: xr.Dataset, profiles: Profiles, year: int, *, zones: Zones | None = None) -> xr.Dataset:
    """Return the hourly emissions factored: annual means, factors by hour, zone and sector, and zones of cells.

    It holds the same numbers as :func:`expand` in a small fraction of the room; :func:`multiply_out` gives an hour. The
    factors are auxiliary coordinates of ``zone_mean_<species>``, the hourly mean over the cells of each zone.
    """
    plan = _plan(ds, profiles, year, zones or Zones(), False, 0)
    rising = fields.rising(ds)
    out = plan.template.drop_vars(plan.names)
    dims = fields.dimensions(out)
    timezones = list((zones or Zones()).timezone)
    words = {"long_name": "number of the time zone of the cell", "grid_mapping": "crs",
             "flag_values": np.arange(len(timezones), dtype=np.int32),
             "flag_meanings": " ".join(name.replace("/", ".") for name in timezones)}  # fmt: skip
    out["zone_index"] = (dims, plan.index.reshape(out["cell_area"].shape).astype(np.int32), words)
    out = out.assign_coords(zone=("zone", timezones, {"long_name": "time zone"}))
    for name in plan.names:
        species, apart = fields.species_of(name), "sector" in rising[name].dims
        if apart:
            out = out.assign_coords(sector=rising["sector"])
        lead = ("sector",) if apart else ()
        shape = (*(rising.sizes[d] for d in lead), *out["cell_area"].shape)
        words = {k: v for k, v in rising[name].attrs.items() if k in ("species", "comment")}
        words |= {**fields.attributes(species), "grid_mapping": "crs", "cell_measures": "area: cell_area"}
        out[name] = ((*lead, *dims), plan.annual[name].reshape(shape), words)
        factor = np.moveaxis(plan.factor[name], 0, -1) if apart else plan.factor[name][:, :, 0].T
        over = ("zone", *lead, "time")
        mean = _zone_mean(plan, name)
        named = {k: v for k, v in fields.attributes(species).items() if k != "comment"}
        named["long_name"] += ", mean over the cells of the zone"
        out[f"zone_mean_{species}"] = (over, (mean if apart else mean[:, 0])[..., None] * factor, named)
        out = out.assign_coords({f"factor_{species}": (over, factor, _FACTOR)})
    entries = {fields.species_of(n): [plan.mass_in(n), *_factored_mass(plan, n), 0.0, 0.0] for n in plan.names}
    return attach(out, entries, "kg", f"factors of the hours of {year}")


_FACTOR = {"long_name": "rate of the hour over the mean rate of the year", "units": "1"}


def _zone_mean(plan: _Plan, name: str) -> Array:
    """Return the mean emission over the cells of each zone (zone, sector)."""
    zones = plan.factor[name].shape[1]
    area = np.bincount(plan.index, plan.area, zones)
    sums = np.array([np.bincount(plan.index, row * plan.area, zones) for row in plan.annual[name]])
    return (sums / np.where(area > 0, area, 1.0)).T


def _factored_mass(plan: _Plan, name: str) -> list[float]:
    mean = plan.factor[name].mean(axis=0)  # (zone, sector)
    return [exact_sum(plan.annual[name] * mean[plan.index].T * plan.area) * 3600.0 * plan.template.sizes["time"]]


def multiply_out(ds: xr.Dataset, name: str, hour: int) -> Array:
    """Return the emission of one hour from a factored Dataset, summed over sectors."""
    factor = ds[f"factor_{fields.species_of(name)}"].isel(time=hour)
    by_cell = factor.values[ds["zone_index"].values]
    if "sector" in ds[name].dims:
        return (np.moveaxis(by_cell, -1, 0) * ds[name].values).sum(axis=0)
    return by_cell * ds[name].values


def flat(sectors: Sequence[str]) -> dict[str, Profile]:
    """Return flat profiles for sectors."""
    return dict.fromkeys(sectors, FLAT)
