"""Screen the records of units: every detector on every channel and relation, under false-discovery control.

Which channels are looked at follows from what the records hold. A relation is a pair in which the second follows the
first: load -> heat input -> emission, oxygen -> CO2, velocity and gas law -> flow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.jit import threads
from sensors.integrity import parameters, physics
from sensors.integrity._kernels import patterns as _patterns
from sensors.integrity._kernels import relations as _relations
from sensors.integrity._kernels import unit as _unit
from sensors.integrity.findings import Finding, Screening, controlled, made
from sensors.integrity.null import nulls
from sensors.integrity.units import AUXILIARY, LOADS, RELATIONS, Array, Relation, Unit, units_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["screen", "screen_unit", "screen_units"]

REVIEW = np.timedelta64(30, "D")  # a step sooner after another finds the unit under review already
TOLERANCE = 0.05  # change of load in an hour that still counts as steady
AFTER = 16  # blocks before and after a step that show it
CHANGES = {"step": AFTER, "step_ratio": AFTER, "jump": 4}  # blocks within which changes of a level are one
NARROW = 0.01  # of a limit: so near it a density without a hand in it is even
DERIVED = 2e-3  # relative spread of a ratio below which one channel was computed from the other
CHANNEL_DETECTORS = ("stuck", "copied", "scaled_copy", "heaped", "digits", "order")
RELATION_DETECTORS = ("step", "quiet", "whiteness", "twin", "lag", "jump")
LOAD_DETECTORS = ("copied", "scaled_copy")
NO_TWINS = frozenset({"emission", "heat_input"})  # often computed from another channel by right


def screen(ds: xr.Dataset, **options: Any) -> Screening:
    """Screen the records of a Dataset.

    Parameters
    ----------
    ds : Dataset
        dims (source, time) with ``time_bounds``: ``gross_load`` or ``steam_load``, ``heat_input``, ``emission``,
        ``flow``, ``velocity``, ``concentration``, ``co2``, ``o2``, ``h2o``, ``temperature``, ``pressure`` as far as
        there are; ``operating_time`` where there is.
    **options
        ``line``, ``limits`` and ``changes`` of :func:`sensors.integrity.units.units_of`.

    Returns
    -------
    Screening

    Raises
    ------
    InputError
        See :func:`sensors.integrity.units.units_of`.
    """
    return screen_units(units_of(ds, **options))


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
        for found, count, length in _ordered(pool, units, 2 * (workers or threads())):
            findings += found
            tests += count
            years += length
    return Screening(tuple(controlled(findings, tests)), years, tests)


def _ordered(pool: ThreadPoolExecutor, units: Iterable[Unit], ahead: int) -> Iterator[tuple[list[Finding], int, float]]:
    """Yield results in the order of the units, with a few of them under way."""
    waiting: Any = deque()
    for unit in units:
        waiting.append(pool.submit(screen_unit, unit))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def screen_unit(unit: Unit) -> tuple[list[Finding], int, float]:
    """Return the findings of one unit, how many tests were made, and its years."""
    findings, tests = _channels(unit)
    relations = _relations_of(unit)
    for part in (
        *(_relation(unit, relation) for relation in relations),
        _twins(unit, relations),
        _limits(unit),
        physics.findings(unit),
        parameters.findings(unit, [r for r in relations if r.curve], TOLERANCE),
    ):
        findings += part[0]
        tests += part[1]
    return findings, tests, unit.years


def _channels(unit: Unit) -> tuple[list[Finding], int]:
    """Return what the pattern of each channel tells."""
    findings: list[Finding] = []
    tests = 0
    load = unit.load()
    for name, y in unit.channels.items():
        if name in AUXILIARY or _is_derived(unit, name):
            continue
        if name in LOADS:
            scores, wanted = _unit.load_scores(unit.on, y), LOAD_DETECTORS
        else:
            scores = _unit.channel_scores(unit.on, unit.channels[load] if load is not None else y, y)
            wanted = CHANNEL_DETECTORS if load is not None else CHANNEL_DETECTORS[1:]
        for row, detector in enumerate(CHANNEL_DETECTORS):
            if detector in wanted and _lawful(unit, detector):
                tests += 1
                findings += _finding(unit, detector, name, scores[row])
    return _once(findings), tests


def _once(findings: list[Finding]) -> list[Finding]:
    """Leave out scaled copies that are the exact copies found already."""
    exact = {f.subject: f for f in findings if f.detector == "copied" and f.alarm}
    return [
        f for f in findings
        if not (f.detector == "scaled_copy" and f.subject in exact
                and f.start < exact[f.subject].end and exact[f.subject].start < f.end)
    ]  # fmt: skip


def _lawful(unit: Unit, detector: str) -> bool:
    """Tell whether the law of a detector holds for the interval of the record."""
    return unit.hourly or nulls()[detector].daily


def _is_derived(unit: Unit, name: str) -> bool:
    """Tell whether the emission is the heat input times a constant: then it has no pattern of its own."""
    if name != "emission" or "heat_input" not in unit.channels:
        return False
    return bool(_unit.spread_of_ratio(unit.on, unit.channels["heat_input"], unit.channels["emission"]) < DERIVED)


def _relations_of(unit: Unit) -> list[Relation]:
    """Return the relations that are there; those that follow from others are left out."""
    found = [r for r in RELATIONS if r.x in unit.channels and r.y in unit.channels]
    if "gross_load" in unit.channels:
        found = [r for r in found if r.x != "steam_load"]
    if any(r.y == "heat_input" for r in found) and any(r.x == "heat_input" for r in found):
        found = [r for r in found if not (r.x in LOADS and r.y == "emission")]
    return found


def _relation(unit: Unit, relation: Relation) -> tuple[list[Finding], int]:
    changes = ("step", "jump") if relation.curve else ("step_ratio",)
    changes = tuple(d for d in changes if _lawful(unit, d))
    wanted = [d for d in RELATION_DETECTORS if d not in CHANGES and relation.curve and _lawful(unit, d)]
    if not (wanted or changes):
        return [], 0
    x, y = unit.channels[relation.x], unit.channels[relation.y]
    steps, jumps = np.zeros((2, unit.on.size // _relations.BLOCK + 1, 2))
    tolerance = TOLERANCE if relation.curve else np.inf
    scores, blocks = _unit.relation_scores(unit.on, x, y, tolerance, relation.curve, steps, jumps)
    subject = f"{relation.y} ~ {relation.x}"
    over = [f for d in changes for f in _over(unit, d, subject, (jumps if d == "jump" else steps)[:blocks])]
    findings = _under_review(over)
    for detector in changes:
        if not any(f.detector == detector for f in over):
            findings += _finding(unit, detector, subject, scores[_unit.JUMP if detector == "jump" else _unit.STEP])
    for row, name in enumerate(RELATION_DETECTORS):
        if name in wanted:
            findings += _finding(unit, name, subject, scores[row])
    return findings, len(wanted) + len(changes)


def _twins(unit: Unit, relations: list[Relation]) -> tuple[list[Finding], int]:
    """Hold every two measured channels against each other: one signal may feed both."""
    done = {frozenset((r.x, r.y)) for r in relations if r.curve}
    names = [n for n in unit.channels if n not in AUXILIARY and n not in NO_TWINS]
    findings: list[Finding] = []
    tests = 0
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if frozenset((a, b)) in done or not _lawful(unit, "twin"):
                continue
            tests += 1
            row = _unit.pair_twin(unit.on, unit.channels[a], unit.channels[b])
            findings += _finding(unit, "twin", f"{b} ~ {a}", np.array([*row, 0.0]))
    return findings, tests


def _limits(unit: Unit) -> tuple[list[Finding], int]:
    """Count the hours just below a limit against those just above it."""
    findings: list[Finding] = []
    for name, limit in unit.limits.items():
        if name in unit.channels:
            row = _patterns.crowded(unit.on, unit.channels[name], limit, NARROW * limit)
            findings += _finding(unit, "crowded", name, np.array([*row, 0.0]))
    return findings, len(unit.limits)


def _over(unit: Unit, detector: str, subject: str, changes: Array) -> list[Finding]:
    """Return all changes that are alarms, each the greatest within the reach of its windows."""
    size = np.abs(changes[:, 0])
    over = size >= nulls()[detector].alarm
    found = []
    while over.any():
        peak = int(np.argmax(np.where(over, size, 0.0)))
        first, last = peak if detector == "jump" else max(peak - 1, 0), min(peak + AFTER, len(changes) - 1)
        size_of = (_percent(changes[peak, 0]),)
        found.append(made(unit, detector, subject, float(size[peak]), (changes[first, 1], changes[last, 1]), size_of))
        over[max(peak - CHANGES[detector], 0) : peak + CHANGES[detector] + 1] = False
    return found


def _under_review(found: list[Finding]) -> list[Finding]:
    """Return findings in the order of time; those soon after another open no review of their own."""
    found.sort(key=lambda f: f.start)
    return [replace(f, opens=i == 0 or f.start - found[i - 1].end >= REVIEW) for i, f in enumerate(found)]


def _finding(unit: Unit, detector: str, subject: str, row: Array) -> list[Finding]:
    """Return the finding of one row of scores, none where there was nothing to judge."""
    score = float(row[0])
    if not score > 0.0:
        return []
    values: tuple[str, ...] = ()
    if detector in ("copied", "scaled_copy"):
        values = (str(unit.time(row[3]).astype("datetime64[m]")).replace("T", " "),)
    elif detector == "lag":
        values = (f"{int(row[3]):+d}",)
    elif detector in CHANGES:
        values = (_percent(row[3]),)
    return [made(unit, detector, subject, score, (row[1], row[2]), values)]


def _percent(log: float) -> str:
    """Return a difference of logarithms as a signed percentage."""
    return f"{100.0 * np.expm1(log):+.1f} %"
