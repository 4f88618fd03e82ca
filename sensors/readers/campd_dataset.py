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
from ghg.core.pieces import CELLS, Axis, Part, Pieces, spans_of
from ghg.core.time import bounds_variable
from ghg.core.units import factor
from ghg.core.variables import attributes
from sensors.config import CampdReader
from sensors.measured import emission_variables, reported_uncertainty, unverified_note
from sensors.readers.campd_rows import MONTHS, Rows, Stored
from sensors.readers.cells import first_of_each
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


class _Whole:
    """What is true of all sources together: time axis, zones, methods that occur, and what is told at the end."""

    def __init__(self, stored: Stored, config: CampdReader) -> None:
        self.stored, self.config = stored, config
        self.kind, self.sources = stored.kind, len(stored.labels)
        self.offset, self.notes = offsets(stored.about, config)
        self.zones = sorted({offset_name(h) for h in self.offset})
        self.axis, self.first, more = _axis(stored, self.offset)
        self.notes += more
        self.step = 60 if self.kind == "hourly" else MONTHS.get(self.kind, 1)
        words = stored.words
        unknown = sorted({w for w in words if w.strip().lower() not in METHODS})
        self.unknown = [f"measure indicators taken as unknown: {', '.join(unknown)}"] if unknown else []
        table = [int(METHODS.get(word.strip().lower(), Method.UNKNOWN)) for word in words]
        self.lookup = np.array([*table, int(Method.UNKNOWN)], np.int8)  # flag -1: a file without the column
        self.methods = {int(self.lookup[k]) for k in stored.used} | ({int(Method.UNKNOWN)} if self._gaps() else set())
        self.coords = _coords(stored)
        self.repeated, self.clashes = 0, 0
        self.clash: InputError | None = None
        self.doubtful: list[str] = []
        self.offsets_of = np.round(self.offset * 60).astype(np.int64)

    def index(self, rows: Rows, first: int) -> npt.NDArray[np.int64]:
        """Return the interval of each record of the sources from `first` on."""
        if self.kind != "hourly":
            return (rows.period.astype(np.int64) - self.first) // self.step
        start = rows.period.astype(np.int64) * 60
        start -= self.offsets_of[first:][rows.source]
        return (start - self.first) // 60

    def _gaps(self) -> bool:
        """Tell whether any source lacks an interval."""
        if (self.stored.summary()[0] < self.axis.size).any():
            return True
        spans = spans_of(self.sources, self.axis, CELLS, split=False)
        return any(self.stored.different(own) < (own.stop - own.start) * self.axis.size for own, _ in spans)

    def attrs(self) -> dict[str, Any]:
        """Return the global attributes, when all pieces were made.

        Raises
        ------
        InputError
            Records that contradict each other.
        """
        if self.clash is not None:
            raise InputError(self.clash.what, where=self.clash.where, hint=self.clash.hint,
                             found=f"{self.clashes} contradicting records in all")  # fmt: skip
        again = [f"{self.repeated} records repeated identically were used once"] if self.repeated else []
        return {
            "title": "Measured CO2 emissions (EPA CAMPD)",
            "summary": f"{self.kind} CO2 mass emissions as reported to the US EPA under 40 CFR 75",
            "source": "US EPA Clean Air Markets Program Data, bulk files",
            "timezone": offset_name(_common(self.offset)) if len(self.zones) == 1 else " ".join(self.zones),
            "period": self.kind,
            "files": " ".join(self.stored.files),
            "notes": "; ".join([*self.notes, *again, *self.unknown, *unverified_note(self.doubtful)]),
        }


def _common(offset: npt.NDArray[np.float64]) -> float:
    return Counter(offset.tolist()).most_common(1)[0][0]


def _axis(stored: Stored, offset: npt.NDArray[np.float64]) -> tuple[Axis, int, list[str]]:
    """Return the axis, its first period (hours: minute), and notes."""
    notes: list[str] = []
    count, low, high = stored.summary()
    if stored.kind == "hourly":
        # whole minutes, so that zones of half an hour would work as well
        shift = np.round(offset * 60).astype(np.int64)
        begin, end = low * 60 - shift, high * 60 - shift
        first = int(begin.min())
        if ((begin - first) % 60).any():
            raise InputError("sources in time zones that differ by part of an hour", hint="read them apart")
        size = int(end.max() - first) // 60 + 1
        ends = _stamp(stored.kind, low[begin.argmin()]), _stamp(stored.kind, high[end.argmax()])
        check_axis(len(stored.labels) * size, int(count.sum()), ends, ", ".join(list(stored.files)[:3]))
        return Axis(size, first * 60 * 10**9, 3600 * 10**9), first, notes
    common = _common(offset)
    if np.unique(offset).size > 1:
        zones = ", ".join(offset_name(h) for h in sorted(set(offset.tolist())))
        if stored.kind == "daily":
            raise InputError(
                "daily records of several time zones have no common days",
                found=zones,
                need="one time zone",
                hint="select facilities, or read them as separate jobs",
            )
        notes.append(f"periods of {zones} put on {offset_name(common)}")
    step, first = MONTHS.get(stored.kind, 1), int(low.min())
    unit = "D" if stored.kind == "daily" else "M"
    edges = (first + step * np.arange((int(high.max()) - first) // step + 2)).astype(f"datetime64[{unit}]")
    edges = (edges.astype("datetime64[m]") - np.timedelta64(round(common * 60), "m")).astype("datetime64[ns]")
    return Axis(edges.size - 1, listed=np.stack([edges[:-1], edges[1:]], axis=1)), first, notes


def _stamp(kind: str, period: Any) -> str:
    unit = {"hourly": "h", "daily": "D"}.get(kind, "M")
    return str(np.int64(period).astype(f"datetime64[{unit}]"))


def _used(rows: Rows, cell: npt.NDArray[np.int64], whole: _Whole) -> tuple[Any, Any]:
    """Return the records to use and the cells that were repeated identically; contradictions are told to the whole."""
    use, again, before = first_of_each(cell)
    differ = rows.flag[again] != rows.flag[before]
    for value in rows.values.values():
        a, b = value[again], value[before]
        differ |= ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if differ.any():
        k = int(np.argmax(differ))
        one, two = (rows.files[rows.file[i]] for i in (before[k], again[k]))
        whole.clash = whole.clash or InputError(
            f"source {rows.labels[rows.source[again[k]]]} has two different records of "
            f"{_stamp(rows.kind, rows.period[again[k]])} (local standard time)",
            where=one if one == two else f"{one} and {two}",
            hint="keep one of the files",
        )
        whole.clashes += int(differ.sum())
    return use, cell[again]


class _Grid:
    """Arrays (source, time) filled from records."""

    def __init__(self, rows: Rows, whole: _Whole, first: int) -> None:
        self.rows, self.whole = rows, whole
        self.bounds = whole.axis.bounds()
        self.shape = (len(rows.labels), self.bounds.shape[0])
        cell = rows.source.astype(np.intp)
        cell *= self.shape[1]
        cell += whole.index(rows, first)
        self.use, repeated = _used(rows, cell, whole)
        cell = cell[self.use]
        full = not repeated.size and cell.size == self.shape[0] * self.shape[1] and bool((cell[1:] > cell[:-1]).all())
        self.cell: Any = slice(None) if full else cell  # each cell in its order: nothing is to be moved
        rows.source = rows.period = rows.file = np.empty(0, np.int32)
        self.repeated = np.zeros(self.shape, bool)
        self.repeated.ravel()[repeated] = True
        whole.repeated += repeated.size
        self.present = np.zeros(self.shape, bool)
        self.present.ravel()[self.cell] = True
        self.seconds = np.diff(self.bounds.astype(np.int64), axis=1)[:, 0] / 1e9

    def channel(self, key: str) -> npt.NDArray[np.float64] | None:
        """Return a channel on the grid, and let go of its records (days are few, and asked twice)."""
        values = self.rows.values.get(key) if self.rows.kind == "daily" else self.rows.values.pop(key, None)
        if values is None:
            return None
        if isinstance(self.cell, slice) and self.rows.kind != "daily":
            return values.reshape(self.shape)
        grid = np.full(self.shape, np.nan)
        grid.ravel()[self.cell] = values[self.use]
        return grid

    def method(self) -> npt.NDArray[np.int8]:
        grid = np.full(self.shape, int(Method.UNKNOWN), np.int8)
        grid.ravel()[self.cell] = self.whole.lookup[self.rows.flag[self.use]]
        return grid


def _idle(grid: _Grid, co2: Any, operating: Any) -> npt.NDArray[np.bool_]:
    """Tell the intervals in which the unit stood still, so that a blank CO2 is zero."""
    blank = grid.present & np.isnan(co2)
    if operating is not None:
        known = ~np.isnan(operating)
        if grid.rows.kind == "hourly" or "operating_time" in grid.whole.stored.shown:
            return blank & known & (operating == 0.0)
    if grid.rows.kind != "daily" or grid.whole.config.blank_day == "missing":
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


def pieces(stored: Stored, config: CampdReader, cells: int | None) -> Pieces:
    """Return the MEASURED Dataset of records in pieces; see :func:`sensors.readers.campd.read_pieces`."""
    whole = _Whole(stored, config)
    spans = spans_of(whole.sources, whole.axis, cells, split=False)
    parts = (Part(source, time, _dataset(whole, source)) for source, time in spans)
    return Pieces(whole.sources, whole.axis, parts, whole.coords, whole.attrs)


def _dataset(whole: _Whole, span: slice) -> xr.Dataset:
    """Return the MEASURED Dataset of some sources."""
    import xarray as xr

    rows, config = whole.stored.rows(span.start, span.stop), whole.config
    grid = _Grid(rows, whole, span.start)
    co2, heat = grid.channel("co2"), grid.channel("heat_input")
    assert co2 is not None
    operating = grid.channel("operating_time")
    idle = _idle(grid, co2, operating)
    method = grid.method()
    flag, reason = _flags(grid, co2, heat, operating, idle, method)
    emission = co2  # in place from here on: of many millions of records there is room for what is written only
    emission[idle] = 0.0
    emission /= grid.seconds
    parts, random, doubtful = reported_uncertainty(emission, method, config.uncertainty, config.mrr_tier, whole.methods)
    whole.doubtful = doubtful
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
    ds = xr.Dataset(data, coords={name: one[span] for name, one in whole.coords.items()})
    ds["time_bounds"] = bounds_variable(grid.bounds)
    return ds


def _loads(grid: _Grid, idle: Any) -> dict[str, Any]:
    data = {}
    for key in ("gross_load", "steam_load"):
        load = grid.channel(key)
        if load is None or key not in grid.whole.stored.shown:
            continue
        seconds = 1.0 if grid.rows.kind == "hourly" else grid.seconds
        data[key] = (("source", "time"), _rate(load, idle, seconds), attributes(key))
    return data


def _rate(amount: Any, idle: Any, seconds: Any) -> Any:
    """Make amounts rates, in place; a blank is zero where the unit stood still."""
    amount[idle & np.isnan(amount)] = 0.0
    amount /= seconds
    return amount


def _coords(stored: Stored) -> dict[str, xr.Variable]:
    """Return what is known of all sources."""
    import xarray as xr

    names, states, facilities, units = zip(*(stored.about[label] for label in stored.labels), strict=True)
    found: dict[str, tuple[Any, str]] = {
        "source": (stored.labels, "facility code, and unit where given"),
        "facility": (facilities, "EPA facility (ORIS) code"),
        "facility_name": (names, "name of the facility"),
        "state": (states, "US state"),
    }
    if any(units):
        found["unit"] = (units, "unit or stack")
    return {key: xr.Variable("source", np.array(words), {"long_name": text}) for key, (words, text) in found.items()}
