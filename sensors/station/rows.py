"""Rows of a log for the accumulation kernel: ports, reasons not to use a row, readings, water."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.jit import spread
from sensors.calibration._kernels import accumulate
from sensors.calibration.records import Records
from sensors.config.station import StationJob

__all__ = ["Plan", "Rows", "rows_of"]

# Column of the wet and of the dry value, and the factor from the unit of the log (ppm) to that of the gas
PICARRO = {"co2": ("CO2", "CO2_dry"), "ch4": ("CH4", "CH4_dry"), "co": ("CO", "CO_dry"), "n2o": ("N2O", "N2O_dry")}
PER_PPM = {"co2": 1.0, "ch4": 1000.0, "co": 1000.0, "n2o": 1000.0}
# Factory coefficients of 1 + a h + b h^2 with the reported water (Chen et al. 2010, AMT 3, 375; Rella et al. 2013,
# AMT 6, 837); found again in logs of a G2301 to 5e-11
FACTORY = {"co2": (-0.012, -2.674e-4), "ch4": (-0.00982, -2.393e-4)}
SPECIES, WATER_SCAN = "species", 3.0
HOLD, GAP = 20 * 10**9, 60 * 10**9
LIMITS, STATUS, INVALID = 1, 2, 4  # positions in Records.LOST, plus one


@dataclass
class Rows:
    """Rows in order of time.

    Parameters
    ----------
    time : int64 (n,)
    port : int16 (n,)
    bad : uint8 (n,)
    x : float64 (gases, n)
    water : float64 (n,)
    scan : bool (n,)
    """

    time: Any
    port: Any
    bad: Any
    x: Any
    water: Any
    scan: Any

    def part(self, first: int, last: int | None = None) -> Rows:
        """Return some rows."""
        cut = slice(first, last)
        return Rows(self.time[cut], self.port[cut], self.bad[cut], self.x[:, cut], self.water[cut], self.scan[cut])

    def after(self, other: Rows) -> Rows:
        """Return the rows of `other` followed by these."""
        names = ("time", "port", "bad", "x", "water", "scan")
        return Rows(*(np.concatenate([getattr(other, n), getattr(self, n)], axis=-1) for n in names))


class Plan:
    """What the columns of a log are to the job."""

    def __init__(self, job: StationJob) -> None:
        self.job = job
        self.gases = tuple(job.gases)
        inlets = [(i.valve if i.valve is not None else i.name, i.name, i.flush) for i in job.inlets]
        places: dict[str, tuple[str, float | None]] = {p: (n, f) for p, n, f in inlets}
        for c in job.cylinders:
            places.setdefault(c.port, (c.name, c.flush))
        self.ports = tuple(places)
        self.flushes = [f for _, f in places.values()]
        self.name_port = {n: p for p, n, _ in inlets} | {c.name: c.port for c in job.cylinders}
        self.columns: list[tuple[str, str]] = []  # wet or dry column of each gas, and how it becomes dry
        self.coefficients = np.zeros((2, len(self.gases)))
        waters = set()
        for k, gas in enumerate(self.gases):
            one = job.gases[gas]
            wet, dry = PICARRO[gas] if job.records.format == "picarro" else (gas, f"{gas}_dry")
            wet, dry = one.column or wet, one.dry_column or dry
            if one.water.method == "coefficients":
                self.coefficients[:, k] = _coefficients(gas, one)
                waters.add(one.water.column)
            self.columns.append((dry if one.water.method == "instrument" else wet, one.water.method))
        if len(waters) > 1:
            raise InputError("gases use different water columns", where="gases", found=", ".join(sorted(waters)),
                             need="one column")  # fmt: skip
        self.water = next(iter(waters), "h2o_reported" if job.records.format == "picarro" else "h2o")
        self.valve: str | None = job.records.valve if job.records.format != "neon" else None

    @property
    def wanted(self) -> list[str]:
        """Columns to read from a log."""
        names = [c for c, _ in self.columns] + [self.water, *self.job.instrument.limits, *self.job.instrument.status]
        names += [SPECIES] + ([self.valve] if self.valve else [])
        return list(dict.fromkeys(names))

    def factor(self, gas: str) -> float:
        """Return the factor from the unit of the log to that of the gas."""
        from ghg.core.units import factor
        from sensors.config.station import GASES

        unit = self.job.gases[gas].units
        if unit is None:
            return PER_PPM[gas] if self.job.records.format == "picarro" else 1.0
        names = {"ppm": "umol mol-1", "ppb": "nmol mol-1", "ppmv": "umol mol-1", "ppbv": "nmol mol-1"}
        return factor(names.get(unit, unit), GASES[gas][0], name=f"gases.{gas}.units")

    def accumulate(self, rows: Rows, first: int, flush: npt.NDArray[np.int64], minute: int) -> Records:
        """Return the statistics of the rows from `first` on; those before are context."""
        n = rows.time.size
        step = 1 << 18
        bounds = np.append(np.arange(first, n, step), n).astype(np.int64)
        capacity = [accumulate.chunk_capacity(rows.time, rows.port, a, b, GAP, minute)
                    for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)]  # fmt: skip
        # a chunk may run into the next one until a record ends
        slots = np.concatenate([[0], np.cumsum(capacity)]).astype(np.int64)
        total, g = int(slots[-1]) + 8, len(self.gases)
        start, end, port = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.int32)
        count, mean, m2 = np.empty((g, total), np.int64), np.empty((g, total)), np.empty((g, total))
        wet, lost = np.empty(total), np.empty((len(Records.LOST), total), np.int32)
        sizes = np.zeros(bounds.size - 1, np.int64)
        spread(
            accumulate.accumulate, sizes.size,
            rows.time, rows.port, rows.bad, np.ascontiguousarray(rows.x), rows.water, rows.scan, self.modes(rows),
            self.coefficients[0].copy(), self.coefficients[1].copy(), flush, int(flush.max(initial=0)) + minute,
            GAP, HOLD, minute, bounds, slots[:-1].copy(), start, end, port, count, mean, m2, wet, lost, sizes,
        )  # fmt: skip
        keep = np.concatenate([np.arange(s, s + k) for s, k in zip(slots[:-1].tolist(), sizes.tolist(), strict=True)])
        keep = keep[port[keep] >= 0]
        k = keep.size
        return Records(self.gases, self.ports, start[keep], end[keep], port[keep], np.zeros(k, np.int64),
                       count[:, keep], mean[:, keep], m2[:, keep], wet[keep], lost[:, keep],
                       np.full((g, k), np.nan))  # fmt: skip

    def modes(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Return the mode of each gas for the kernel; bracketing needs to know the scans."""
        scans = bool(rows.scan.any())
        modes = []
        for gas, (_, method) in zip(self.gases, self.columns, strict=True):
            bracket = self.job.gases[gas].water.bracket and scans
            modes.append(accumulate.PLAIN if method != "coefficients"
                         else accumulate.BRACKET if bracket else accumulate.WATER)  # fmt: skip
        return np.array(modes, np.int64)


def _coefficients(gas: str, one: Any) -> tuple[float, float]:
    if one.water.a is not None:
        return one.water.a, one.water.b
    if one.water.column != "h2o_reported":
        raise InputError("the factory coefficients belong to the column h2o_reported", where=f"gases.{gas}.water",
                         found=one.water.column, hint="with H2O they are wrong by half a percent")  # fmt: skip
    if gas not in FACTORY:
        raise InputError(f"no factory coefficients are known for {gas}", where=f"gases.{gas}.water", need="a and b")
    return FACTORY[gas]


def rows_of(time: Any, columns: dict[str, Any], plan: Plan, where: str) -> Rows:
    """Return the rows of a log as the kernel needs them.

    Raises
    ------
    InputError
        A column is missing, or valve positions are not in the map.
    """
    n = time.size
    x = np.empty((len(plan.gases), n))
    for k, (gas, (column, _)) in enumerate(zip(plan.gases, plan.columns, strict=True)):
        if column not in columns:
            raise InputError(f"the log has no column for {gas}", where=where, found=", ".join(columns), need=column,
                             hint=f"state gases.{gas}.column, dry_column or water.method")  # fmt: skip
        np.multiply(columns[column], plan.factor(gas), out=x[k])
        limits = plan.job.gases[gas].limits
        if limits is not None:
            x[k][(x[k] < limits[0]) | (x[k] > limits[1])] = np.nan
    needs = any(method == "coefficients" for _, method in plan.columns)
    if needs and plan.water not in columns:
        raise InputError("the log has no column of water", where=where, found=", ".join(columns), need=plan.water)
    water = columns.get(plan.water)
    scan = columns[SPECIES] == WATER_SCAN if needs and SPECIES in columns else np.zeros(n, np.bool_)
    return Rows(time, _ports(time, columns, plan, where), _bad(columns, plan, n, where), x,
                np.full(n, np.nan) if water is None else water, scan)  # fmt: skip


def _bad(columns: dict[str, Any], plan: Plan, n: int, where: str) -> npt.NDArray[np.uint8]:
    bad = np.zeros(n, np.uint8)
    for name, (low, high) in plan.job.instrument.limits.items():
        values = _column(columns, name, where, "instrument.limits")
        bad[~((values >= low) & (values <= high))] = LIMITS
    for name, normal in plan.job.instrument.status.items():
        bad[_column(columns, name, where, "instrument.status") != normal] = STATUS
    return bad


def _column(columns: dict[str, Any], name: str, where: str, key: str) -> Any:
    if name not in columns:
        raise InputError(f"the log has no column {name}", where=where, found=", ".join(columns), need=key)
    return columns[name]


def _ports(time: Any, columns: dict[str, Any], plan: Plan, where: str) -> npt.NDArray[np.int16]:
    """Return the port of each row from valve, schedule or both; where the two disagree it is none."""
    scheduled = _scheduled(time, plan) if plan.job.schedule else None
    by_valve = plan.valve is not None and plan.valve in columns
    if not by_valve and scheduled is None:
        if len(plan.ports) == 1:
            return np.zeros(time.size, np.int16)
        raise InputError("nothing says which port was open", where=where, found=", ".join(columns),
                         need=f"the column {plan.valve or 'records.valve'}, or a schedule")  # fmt: skip
    if not by_valve:
        return scheduled  # type: ignore[return-value]
    port = _by_valve(columns[str(plan.valve)], plan, where)
    if scheduled is not None:
        port[(scheduled != port) & (scheduled >= 0)] = -1
    return port


def _by_valve(values: Any, plan: Plan, where: str) -> npt.NDArray[np.int16]:
    port = np.full(values.size, -1, np.int16)
    if values.dtype.kind in "OUS":
        labels = np.array(["" if v is None else str(v) for v in values])
        kinds = np.unique(labels)
        known = {k: labels == k for k in kinds}
    else:
        turns = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
        kinds = np.unique(values[turns])
        kinds = kinds[np.isfinite(kinds) & (kinds == np.round(kinds))]  # between two positions it is turning
        known = {f"{k:g}": values == k for k in kinds}
    lost = []
    for label, rows in known.items():
        if label in plan.ports:
            port[rows] = plan.ports.index(label)
        elif label not in plan.job.unused:
            lost.append(f"{label} ({int(rows.sum())} rows)")
    if lost:
        raise InputError("a valve position is not in the map", where=f"{where}, {plan.valve}", found=", ".join(lost),
                         need=", ".join(plan.ports), hint="name it as inlet or cylinder, or list it in unused",
                         )  # fmt: skip
    return port


def _scheduled(time: Any, plan: Plan) -> npt.NDArray[np.int16]:
    port = np.full(time.size, -1, np.int16)
    for one in plan.job.schedule:
        begin = np.datetime64(one.start, "ns").astype(np.int64)
        phase = (time - begin) % int(one.every * 1e9)
        hit = (time >= begin) & (phase < int(one.duration * 1e9))
        if one.until is not None:
            hit &= time < np.datetime64(one.until, "ns").astype(np.int64)
        port[hit] = plan.ports.index(plan.name_port[one.port])
    inlets: Sequence[str] = [i.valve if i.valve is not None else i.name for i in plan.job.inlets]
    named = {one.port for one in plan.job.schedule}
    if len(inlets) == 1 and plan.job.inlets[0].name not in named:  # what is not calibration is air
        port[port < 0] = plan.ports.index(inlets[0])
    return port
