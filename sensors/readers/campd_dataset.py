"""CAMPD records -> MEASURED Dataset: time axis, gaps and repeats, methods, flags, default uncertainties."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Method, Reason
from ghg.core.limits import check_axis
from ghg.core.time import bounds_variable
from ghg.core.units import factor
from ghg.core.variables import attributes
from sensors.config import CampdReader
from sensors.measured import emission_variables, reported_uncertainty, unverified_note
from sensors.readers.campd_rows import MONTHS, Rows
from sensors.readers.us_time import offset_name, offsets

if TYPE_CHECKING:
    import xarray as xr

# What EPA's measure indicator of CO2 mass says, as a method. "Measured" is what the file claims: whether it
# is heat input times a constant is found from the data later (Method.DERIVED), not here.
METHODS = {
    "measured": Method.DIRECT,
    "calculated": Method.FUEL_FLOW,
    "lme": Method.DEFAULT,
    "substitute": Method.SUBSTITUTE,
    "measured and substitute": Method.SUBSTITUTE,
    "other": Method.UNKNOWN,
    "undetermined": Method.UNKNOWN,
    "unknown code": Method.UNKNOWN,
    "not applicable": Method.UNKNOWN,
    "": Method.UNKNOWN,
}
# Appendix F section 4.3 reports hourly CO2 to 0.1 ton: half of that, uniformly distributed
ROUNDING_TONS = 0.05
# Above any fuel: blast-furnace gas, the richest in carbon per heat, gives about 0.3 short ton per mmBtu
ABSURD_RATIO = 0.5


def _axis(rows: Rows, offset: npt.NDArray[np.float64]) -> tuple[Any, npt.NDArray[np.int64], float, list[str]]:
    """Return bounds (m, 2), the index of each record on them, the offset of the periods, and notes."""
    notes: list[str] = []
    common = Counter(offset.tolist()).most_common(1)[0][0]
    if rows.kind == "hourly":
        # whole minutes, so that zones of half an hour would work as well
        start = rows.period * np.int32(60)
        start -= np.round(offset * 60).astype(np.int32)[rows.source]
        first = int(start.min())
        if ((start - first) % 60).any():
            raise InputError("sources in time zones that differ by part of an hour", hint="read them apart")
        start -= np.int32(first)
        index = start // np.int32(60)
        ends = _stamp(rows, int(start.argmin())), _stamp(rows, int(start.argmax()))
        check_axis(len(rows.labels) * (int(index.max()) + 1), index.size, ends, ", ".join(rows.files[:3]))
        edges = (first + 60 * np.arange(int(index.max()) + 2)).astype("datetime64[m]")
    else:
        if np.unique(offset).size > 1:
            zones = ", ".join(offset_name(h) for h in sorted(set(offset.tolist())))
            if rows.kind == "daily":
                raise InputError(
                    "daily records of several time zones have no common days",
                    found=zones,
                    need="one time zone",
                    hint="select facilities, or read them as separate jobs",
                )
            notes.append(f"periods of {zones} put on {offset_name(common)}")
        step = MONTHS.get(rows.kind, 1)
        first = int(rows.period.min())
        index = (rows.period - first) // step
        unit = "D" if rows.kind == "daily" else "M"
        edges = (first + step * np.arange(int(index.max()) + 2)).astype(f"datetime64[{unit}]")
        edges = edges.astype("datetime64[m]") - np.timedelta64(round(common * 60), "m")
    edges = edges.astype("datetime64[ns]")
    return np.stack([edges[:-1], edges[1:]], axis=1), index, common, notes


def _stamp(rows: Rows, record: int) -> str:
    unit = {"hourly": "h", "daily": "D"}.get(rows.kind, "M")
    return str(rows.period[record].astype(np.int64).astype(f"datetime64[{unit}]"))


def _first_of_each(rows: Rows, cell: npt.NDArray[np.int64], size: int) -> tuple[Any, Any]:
    """Return the records to use and the cells that were repeated identically.

    Raises
    ------
    InputError
        Two records of one source and period contradict each other.
    """
    seen = np.zeros(size, bool)
    seen[cell] = True
    if np.count_nonzero(seen) == cell.size:
        return slice(None), np.empty(0, np.int64)
    order = np.argsort(cell, kind="stable")
    begins = np.concatenate([[True], cell[order][1:] != cell[order][:-1]])
    first = order[begins][np.cumsum(begins) - 1]
    again, before = order[~begins], first[~begins]
    differ = rows.flag[again] != rows.flag[before]
    for value in rows.values.values():
        a, b = value[again], value[before]
        differ |= ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if differ.any():
        k = int(np.argmax(differ))
        one, two = (rows.files[rows.file[i]] for i in (before[k], again[k]))
        raise InputError(
            f"source {rows.labels[rows.source[again[k]]]} has two different records of "
            f"{_stamp(rows, again[k])} (local standard time)",
            where=one if one == two else f"{one} and {two}",
            found=f"{int(differ.sum())} contradicting records in all",
            hint="keep one of the files",
        )
    return np.sort(order[begins]), cell[again]


class _Grid:
    """Arrays (source, time) filled from records."""

    def __init__(self, rows: Rows, config: CampdReader) -> None:
        self.rows, self.config = rows, config
        offset, notes = offsets({label: rows.about[label] for label in rows.labels}, config)
        self.bounds, index, self.offset, more = _axis(rows, offset)
        self.zones = sorted({offset_name(h) for h in offset})
        self.shape = (len(rows.labels), self.bounds.shape[0])
        cell = rows.source.astype(np.intp)
        cell *= self.shape[1]
        cell += index
        self.use, repeated = _first_of_each(rows, cell, self.shape[0] * self.shape[1])
        self.cell = cell[self.use]
        self.notes = [*notes, *more]
        self.repeated = np.zeros(self.shape, bool)
        self.repeated.ravel()[repeated] = True
        if repeated.size:
            self.notes.append(f"{repeated.size} records repeated identically were used once")
        self.present = np.zeros(self.shape, bool)
        self.present.ravel()[self.cell] = True
        self.seconds = np.diff(self.bounds.astype(np.int64), axis=1)[:, 0] / 1e9

    def channel(self, key: str) -> npt.NDArray[np.float64] | None:
        """Return a channel on the grid, and let go of its records (days are few, and asked twice)."""
        values = self.rows.values.get(key) if self.rows.kind == "daily" else self.rows.values.pop(key, None)
        if values is None:
            return None
        grid = np.full(self.shape, np.nan)
        grid.ravel()[self.cell] = values[self.use]
        return grid

    def method(self) -> npt.NDArray[np.int8]:
        grid = np.full(self.shape, int(Method.UNKNOWN), np.int8)
        if self.rows.words:
            unknown = sorted({w for w in self.rows.words if w.strip().lower() not in METHODS})
            if unknown:
                self.notes.append(f"measure indicators taken as unknown: {', '.join(unknown)}")
            table = [int(METHODS.get(word.strip().lower(), Method.UNKNOWN)) for word in self.rows.words]
            lookup = np.array([*table, int(Method.UNKNOWN)], np.int8)  # flag -1: a file without the column
            grid.ravel()[self.cell] = lookup[self.rows.flag[self.use]]
        return grid


def _idle(grid: _Grid, co2: Any, operating: Any) -> npt.NDArray[np.bool_]:
    """Tell the intervals in which the unit stood still, so that a blank CO2 is zero."""
    blank = grid.present & np.isnan(co2)
    if operating is not None:
        known = ~np.isnan(operating)
        if grid.rows.kind == "hourly" or known.any():
            return blank & known & (operating == 0.0)
    if grid.rows.kind != "daily" or grid.config.blank_day == "missing":
        return np.zeros(grid.shape, bool)
    others = [grid.channel(k) for k in ("heat_input", "gross_load", "steam_load")]
    shown = [o for o in others if o is not None]
    for other in shown:
        blank &= np.isnan(other)
    return blank & bool(shown)


def _flags(grid: _Grid, co2: Any, heat: Any, operating: Any, idle: Any, method: Any) -> tuple[Any, Any]:
    flag = np.full(grid.shape, int(Flag.GOOD), np.int8)
    reason = np.zeros(grid.shape, np.int32)

    def mark(where: Any, level: Flag | None, why: Reason) -> None:
        reason[where] |= int(why)
        if level is not None:
            flag[where] = np.maximum(flag[where], int(level))

    mark(idle, None, Reason.NOT_OPERATING)
    if grid.rows.kind == "daily" and operating is None:
        mark(idle, Flag.NOT_EVALUATED, Reason.NOT_OPERATING)  # inferred from a blank row
    mark(grid.repeated, None, Reason.DUPLICATE)
    missing = np.isnan(co2) & ~idle
    substituted = (method == int(Method.SUBSTITUTE)) & ~missing
    mark(substituted, Flag.SUSPECT, Reason.SUBSTITUTED)
    if operating is not None:
        longest = grid.seconds / 3600.0
        mark((operating < 0) | (operating > longest * (1 + 1e-9)), Flag.SUSPECT, Reason.OUT_OF_RANGE)
        mark((operating == 0) & (co2 > 0), Flag.SUSPECT, Reason.INCONSISTENT)
    if heat is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = co2 / heat  # kg per J
        limit = ABSURD_RATIO * factor("short_ton", "kg") / factor("mmBtu", "J")
        mark((heat > 0) & (ratio > limit), Flag.BAD, Reason.OUT_OF_RANGE)
        mark(heat < 0, Flag.SUSPECT, Reason.NEGATIVE)
    mark(co2 < 0, Flag.BAD, Reason.NEGATIVE)
    mark(method == int(Method.DEFAULT), None, Reason.DEFAULT_USED)
    mark(grid.present & missing, Flag.MISSING, Reason.MISSING)
    mark(~grid.present, Flag.MISSING, Reason.GAP)
    return flag, reason


def dataset(rows: Rows, config: CampdReader) -> xr.Dataset:
    """Return the MEASURED Dataset of records; see :func:`sensors.readers.campd.read`."""
    import xarray as xr

    grid = _Grid(rows, config)
    co2, heat = grid.channel("co2"), grid.channel("heat_input")
    assert co2 is not None
    operating = grid.channel("operating_time")
    idle = _idle(grid, co2, operating)
    method = grid.method()
    flag, reason = _flags(grid, co2, heat, operating, idle, method)
    emission = co2  # in place from here on: of many millions of records there is room for what is written only
    emission[idle] = 0.0
    emission /= grid.seconds
    parts, random, doubtful = reported_uncertainty(emission, method, config.uncertainty, config.mrr_tier)
    half = ROUNDING_TONS * factor("short_ton", "kg") / grid.seconds
    hours = grid.seconds / 3600.0
    np.hypot(random, half * np.sqrt(hours) / math.sqrt(3.0), out=random)
    random[emission == 0.0] = 0.0
    extra = {"rounding": float(half[0])} if rows.kind == "hourly" else {}
    values = (emission, random, parts)
    data = emission_variables(values, (flag, reason, method), species="CO2", **extra)
    data["emission_method"][2]["comment"] = "as reported by the measure indicator of the file"
    dims = ("source", "time")
    if heat is not None:
        data["heat_input"] = (
            dims,
            _rate(heat, idle, grid.seconds),
            attributes("heat_input", calorific_basis="gross"),
        )
    if operating is not None:
        operating /= hours
        data["operating_time"] = (dims, operating, attributes("operating_time"))
    data |= _loads(grid, idle)
    ds = xr.Dataset(data, coords=_coords(rows))
    ds["time_bounds"] = bounds_variable(grid.bounds)
    grid.notes += unverified_note(doubtful)
    ds.attrs = {
        "title": "Measured CO2 emissions (EPA CAMPD)",
        "summary": f"{rows.kind} CO2 mass emissions as reported to the US EPA under 40 CFR 75",
        "source": "US EPA Clean Air Markets Program Data, bulk files",
        "timezone": offset_name(grid.offset) if len(grid.zones) == 1 else " ".join(grid.zones),
        "period": rows.kind,
        "files": " ".join(rows.files),
        "notes": "; ".join(grid.notes),
    }
    return ds


def _loads(grid: _Grid, idle: Any) -> dict[str, Any]:
    data = {}
    for key in ("gross_load", "steam_load"):
        load = grid.channel(key)
        if load is None or np.isnan(load).all():
            continue
        seconds = 1.0 if grid.rows.kind == "hourly" else grid.seconds
        data[key] = (("source", "time"), _rate(load, idle, seconds), attributes(key))
    return data


def _rate(amount: Any, idle: Any, seconds: Any) -> Any:
    """Make amounts rates, in place; a blank is zero where the unit stood still."""
    amount[idle & np.isnan(amount)] = 0.0
    amount /= seconds
    return amount


def _coords(rows: Rows) -> dict[str, Any]:
    names, states, facilities, units = zip(*(rows.about[label] for label in rows.labels), strict=True)
    coords: dict[str, Any] = {
        "source": ("source", np.array(rows.labels), {"long_name": "facility code, and unit where given"}),
        "facility": ("source", np.array(facilities), {"long_name": "EPA facility (ORIS) code"}),
        "facility_name": ("source", np.array(names), {"long_name": "name of the facility"}),
        "state": ("source", np.array(states), {"long_name": "US state"}),
    }
    if any(units):
        coords["unit"] = ("source", np.array(units), {"long_name": "unit or stack"})
    return coords
