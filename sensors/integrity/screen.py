"""Screen the records of units: every detector on every channel and relation, under false-discovery control.

Which channels are looked at follows from what the records hold. A relation is a pair in which the second follows the
first: load -> heat input -> emission, oxygen -> CO2, velocity and gas law -> flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.jit import threads
from sensors.integrity._kernels import relations as _relations
from sensors.integrity._kernels import unit as _unit
from sensors.integrity.findings import Finding, Screening, controlled, merged
from sensors.integrity.null import nulls

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Relation", "Unit", "screen", "screen_units", "units_of"]

Array = npt.NDArray[np.float64]
YEAR = 8766.0  # hours
TOLERANCE = 0.05  # change of load in an hour that still counts as steady
REVIEW = np.timedelta64(30, "D")  # alarms of one detector closer than this are one: the unit is under review
DERIVED = 2e-3  # relative spread of a ratio below which one channel was computed from the other
CHANNEL_DETECTORS = ("stuck", "copied", "scaled_copy", "heaped", "digits", "order")
RELATION_DETECTORS = ("step", "step_own", "quiet", "whiteness", "twin", "lag")
LOAD_DETECTORS = ("copied", "scaled_copy")


@dataclass(frozen=True)
class Relation:
    """One channel that follows another.

    Parameters
    ----------
    x, y : str
        Names; `y` follows `x`.
    curve : bool
        By a curve; otherwise in proportion.
    """

    x: str
    y: str
    curve: bool


@dataclass(frozen=True)
class Unit:
    """The record of one unit, hour by hour.

    Parameters
    ----------
    name : str
        Label.
    start : datetime64
        Start of the first hour (UTC).
    on : uint8 (n,)
        Hours of full operation.
    channels : dict of float64 (n,)
        Load first: ``gross_load`` or ``steam_load``, then those that follow it. NaN is missing.
    step : timedelta64
        Length of an interval.
    """

    name: str
    start: np.datetime64
    on: npt.NDArray[np.uint8]
    channels: dict[str, Array]
    step: np.timedelta64 = np.timedelta64(1, "h")

    @property
    def years(self) -> float:
        """Length of the record in years."""
        return self.on.size * float(self.step / np.timedelta64(1, "h")) / YEAR

    def time(self, hour: float) -> np.datetime64:
        """Return the start of an interval."""
        return self.start + int(hour) * self.step


LOADS = ("gross_load", "steam_load")
RELATIONS = (
    Relation("gross_load", "heat_input", True),
    Relation("steam_load", "heat_input", True),
    Relation("gross_load", "flow", True),
    Relation("heat_input", "emission", False),
    Relation("gross_load", "emission", True),
    Relation("oxygen_deficit", "co2", False),
    Relation("normal_velocity", "flow", False),
)


def screen(ds: xr.Dataset) -> Screening:
    """Screen the records of a Dataset.

    Parameters
    ----------
    ds : Dataset
        dims (source, time) with ``time_bounds``: ``gross_load`` or ``steam_load``, ``heat_input``, ``emission``,
        ``flow``, ``co2``, ``o2`` ... as far as there are; ``operating_time`` where there is.

    Returns
    -------
    Screening

    Raises
    ------
    InputError
        No two channels that could be held against each other, or intervals of unequal length.
    """
    return screen_units(units_of(ds))


def units_of(ds: xr.Dataset) -> list[Unit]:
    """Return the units of a Dataset with the channels that the screening knows."""
    bounds = ds["time_bounds"].values
    lengths = np.unique(np.diff(bounds, axis=1))
    if lengths.size != 1:
        raise InputError("the screening needs intervals of one length", found=f"{lengths.size} lengths", need="hours")
    names = [n for n in (*LOADS, "heat_input", "flow", "velocity", "emission", "co2", "o2") if n in ds]
    if len(names) < 2:
        raise InputError("the records hold no two channels that follow each other", found=", ".join(names) or "none",
                         need="for example gross_load and heat_input or emission")  # fmt: skip
    units = []
    for label in ds["source"].values:
        one = ds.sel(source=label)
        share = one["operating_time"].values if "operating_time" in ds else np.ones(bounds.shape[0])
        channels = {n: np.ascontiguousarray(one[n].values, np.float64) for n in names}
        substituted = _substituted(one)
        for n in ("emission",):
            if n in channels and substituted is not None:
                channels[n] = np.where(substituted, np.nan, channels[n])
        _derived_channels(one, channels)
        load = next((channels[n] for n in LOADS if n in channels), None)
        on = (share >= 1.0 - 1e-9) & (True if load is None else load > 0.0)
        units.append(Unit(str(label), bounds[0, 0], on.astype(np.uint8), channels, lengths[0]))
    return units


def _substituted(one: xr.Dataset) -> Any:
    """Return which values were filled by rule: they repeat and jump by right."""
    from ghg.core.flags import Reason

    return (one["emission_reason"].values & int(Reason.SUBSTITUTED)) != 0 if "emission_reason" in one else None


def _derived_channels(one: xr.Dataset, channels: dict[str, Array]) -> None:
    """Add what CO2 and flow follow by physics: the oxygen used up, and the velocity brought to the normal state."""
    if "o2" in channels and "co2" in channels:
        channels["oxygen_deficit"] = 20.9 - channels["o2"]
    if {"velocity", "flow"} <= set(channels) and {"temperature", "pressure"} <= set(one):
        ratio = one["pressure"].values / one["temperature"].values
        channels["normal_velocity"] = channels["velocity"] * ratio
    channels.pop("velocity", None)
    channels.pop("o2", None)


def screen_units(units: Iterable[Unit], *, workers: int | None = None) -> Screening:
    """Screen units one after another; memory does not grow with their number but by their findings.

    Parameters
    ----------
    units : iterable of Unit
        May be a generator.
    workers : int, optional
        Threads; those of the kernels by default.
    """
    findings: list[Finding] = []
    years, tests = 0.0, 0
    with ThreadPoolExecutor(workers or threads()) as pool:
        for found, count, length in _ordered(pool, units, 4 * (workers or threads())):
            findings += found
            tests += count
            years += length
    return Screening(tuple(controlled(findings)), years, tests)


def _ordered(pool: ThreadPoolExecutor, units: Iterable[Unit], ahead: int) -> Iterator[tuple[list[Finding], int, float]]:
    """Yield results in the order of the units, with a few of them under way."""
    from collections import deque

    waiting: Any = deque()
    for unit in units:
        waiting.append(pool.submit(screen_unit, unit))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def screen_unit(unit: Unit) -> tuple[list[Finding], int, float]:
    """Return the findings of one unit, how many tests were made, and its years."""
    findings: list[Finding] = []
    tests = 0
    load = next((n for n in LOADS if n in unit.channels), None)
    for name, y in unit.channels.items():
        if name in ("oxygen_deficit", "normal_velocity") or _is_derived(unit, name):
            continue
        x = unit.channels[load] if load is not None else y
        scores = _unit.channel_scores(unit.on, x, y)
        for row, detector in enumerate(CHANNEL_DETECTORS):
            if name not in LOADS or detector in LOAD_DETECTORS:
                tests += 1
                findings += _finding(unit, detector, name, scores[row])
    for relation in _relations_of(unit):
        found, count = _relation(unit, relation)
        findings += found
        tests += count
    return findings, tests, unit.years


def _is_derived(unit: Unit, name: str) -> bool:
    """Tell whether the emission is the heat input times a constant: then it has no pattern of its own."""
    if name != "emission" or "heat_input" not in unit.channels:
        return False
    ratio = unit.channels["emission"] / np.where(unit.channels["heat_input"] > 0.0, unit.channels["heat_input"], np.nan)
    ratio = ratio[(unit.on == 1) & np.isfinite(ratio)]
    if ratio.size < 24:
        return False
    low, middle, high = np.quantile(ratio, [0.1, 0.5, 0.9])
    return bool(high - low < DERIVED * middle)


def _relations_of(unit: Unit) -> list[Relation]:
    found = [r for r in RELATIONS if r.x in unit.channels and r.y in unit.channels]
    if any(r.y == "heat_input" for r in found) and any(r.x == "heat_input" for r in found):
        found = [r for r in found if (r.x, r.y) != ("gross_load", "emission")]  # follows from the other two
    return found


def _relation(unit: Unit, relation: Relation) -> tuple[list[Finding], int]:
    x, y = unit.channels[relation.x], unit.channels[relation.y]
    steps = np.zeros((unit.on.size // _relations.BLOCK + 1, 2))
    tolerance = TOLERANCE if relation.curve else np.inf
    scores, blocks = _unit.relation_scores(unit.on, x, y, tolerance, relation.curve, steps)
    subject = f"{relation.y} ~ {relation.x}"
    findings, tests = [], 1
    detector = "step" if relation.curve else "step_ratio"
    findings += _steps(unit, detector, subject, steps[:blocks], scores[_unit.STEP])
    for row, name in enumerate(RELATION_DETECTORS):
        if name == "step" or not relation.curve:
            continue  # a channel computed from another has no noise of its own to judge
        tests += 1
        findings += _finding(unit, name, subject, scores[row])
    return findings, tests


def _steps(unit: Unit, detector: str, subject: str, steps: Array, best: Array) -> list[Finding]:
    """Return all steps that are alarms, or the greatest one."""
    null = nulls()[detector]
    size = np.abs(steps[:, 0])
    alarms = [
        _make(unit, detector, subject, float(size[j]), (steps[max(j - 1, 0), 1], steps[min(j + 8, len(steps) - 1), 1]),
              f"by {100.0 * np.expm1(steps[j, 0]):+.1f} %")
        for j in np.flatnonzero(size >= null.alarm)
    ]  # fmt: skip
    if alarms:
        return merged(alarms, REVIEW)
    return _finding(unit, detector, subject, best)


def _finding(unit: Unit, detector: str, subject: str, row: Array) -> list[Finding]:
    """Return the finding of one row of scores, none where there was nothing to judge."""
    score = float(row[0])
    if not score > 0.0:
        return []
    detail = ""
    if detector in ("copied", "scaled_copy"):
        detail = f"the same as from {str(unit.time(row[3]).astype('datetime64[m]')).replace('T', ' ')}"
    elif detector == "lag":
        detail = f"by {int(row[3]):+d} intervals"
    elif detector in ("step", "step_own", "step_ratio"):
        detail = f"by {100.0 * np.expm1(row[3]):+.1f} %"
    return [_make(unit, detector, subject, score, (row[1], row[2]), detail)]


def _make(unit: Unit, detector: str, subject: str, score: float, hours: tuple[float, float], detail: str) -> Finding:
    null = nulls()[detector]
    return Finding(unit.name, detector, subject, score, null.p(score, unit.years), unit.time(hours[0]),
                   unit.time(hours[1]), score >= null.alarm, detail)  # fmt: skip
