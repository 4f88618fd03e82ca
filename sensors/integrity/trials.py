"""Trials of the screening on genuine records: how often it errs, and what it finds in tampered copies of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ghg.core.jit import threads
from sensors.integrity.findings import Finding
from sensors.integrity.null import fit, nulls
from sensors.integrity.screen import screen_unit
from sensors.integrity.tamper import Attack, tamper
from sensors.integrity.units import Unit

__all__ = ["Trial", "cut", "false_alarms", "highest", "laws", "starts", "trials"]

STEPS = {"step": 24, "step_ratio": 24, "jump": 6}  # hours of operation between a change and the start of an attack
HISTORY, FOUND_WITHIN = 21 * 24, 14 * 24  # hours before an attack, and hours in which it must be found


@dataclass(frozen=True)
class Trial:
    """One attack on one unit, screened with no more of the record than there was at the end of the window.

    Parameters
    ----------
    unit : str
        Label.
    attack : Attack
        What was done.
    found : tuple of str
        Detectors with an alarm that overlaps the attack and that the untouched record does not have there; a step must
        lie within 24 hours of operation of the start, a jump within 6.
    before : bool
        The untouched record has a step just there.
    """

    unit: str
    attack: Attack
    found: tuple[str, ...]
    before: bool


def cut(unit: Unit, stop: int) -> Unit:
    """Return the first `stop` hours of a unit."""
    stamps = None if unit.stamps is None else unit.stamps[:stop]
    return replace(unit, on=unit.on[:stop], channels={k: v[:stop] for k, v in unit.channels.items()}, stamps=stamps)


def false_alarms(units: Iterable[Unit]) -> list[Finding]:
    """Return the alarms of records that are taken to be genuine."""
    return [f for unit in units for f in screen_unit(unit)[0] if f.alarm and f.opens]


def starts(unit: Unit, count: int, rng: np.random.Generator, *, operation: int = 168) -> list[int]:
    """Draw hours at which an attack may start.

    Parameters
    ----------
    unit : Unit
        A genuine record.
    count : int
        How many (fewer where there are not so many).
    rng : Generator
        For the draw.
    operation : int
        Least hours of operation in the 14 days of the attack; before it, there are at least 21 days with 240 of them.
    """
    total = np.concatenate([[0], np.cumsum(unit.on, dtype=np.int64)])
    hours = np.arange(HISTORY, unit.on.size - FOUND_WITHIN + 1)
    hours = hours[(total[hours + FOUND_WITHIN] - total[hours] >= operation) & (total[hours] >= 240)]
    return sorted(int(h) for h in rng.choice(hours, min(count, hours.size), replace=False))


def trials(cases: Iterable[tuple[Unit, Attack]], *, seed: int = 0) -> list[Trial]:
    """Try attacks; each is screened with the record up to 14 days after its start.

    Parameters
    ----------
    cases : iterable of (Unit, Attack)
        Genuine units, and what is done to them.
    seed : int
        For attacks that invent values.
    """
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(lambda case: _trial(case[0], case[1], seed), cases))


def _trial(unit: Unit, attack: Attack, seed: int) -> Trial:
    stop = attack.start + FOUND_WITHIN
    length = min(attack.length, FOUND_WITHIN) if attack.length else 0
    before = cut(unit, stop)
    after = tamper(before, replace(attack, length=length), seed=seed)
    known = list(_near(before, attack.start, stop))
    new = {f.detector for f in _near(after, attack.start, stop) if not any(_same(f, g) for g in known)}
    at_once = any(f.detector in STEPS for f in known)
    return Trial(unit.name, attack, tuple(sorted(new)), at_once)


def _same(f: Finding, g: Finding) -> bool:
    alike = (f.detector, f.subject) == (g.detector, g.subject)
    return alike and (
        f.detector not in STEPS or bool(abs(f.start - g.start) <= np.timedelta64(2 * STEPS[f.detector], "h"))
    )


def _near(unit: Unit, start: int, stop: int) -> Iterator[Finding]:
    """Yield the alarms that overlap an attack, steps only where they lie at its start."""
    total = np.concatenate([[0], np.cumsum(unit.on, dtype=np.int64)])
    for f in screen_unit(unit)[0]:
        hour = int((f.start - unit.start) / unit.step)
        close = f.detector not in STEPS or abs(total[hour] - total[start]) <= STEPS[f.detector]
        if f.alarm and close and f.end > unit.time(start) and f.start < unit.time(stop):
            yield f


def highest(units: Iterable[Unit]) -> dict[str, list[tuple[str, float, float]]]:
    """Return for each detector the highest score of each unit: (unit, score, years)."""
    scores: dict[str, dict[str, tuple[float, float]]] = {}
    for unit in units:
        for f in screen_unit(unit)[0]:
            best = scores.setdefault(f.detector, {})
            if f.score > best.get(unit.name, (0.0, 0.0))[0]:
                best[unit.name] = (f.score, unit.years)
    return {d: [(name, *pair) for name, pair in of.items()] for d, of in scores.items()}


def laws(units: Iterable[Unit], *, least: int = 5) -> dict[str, tuple[float, float]]:
    """Return `yearly` and `scale` of each detector that `least` of the units gave a score.

    Parameters
    ----------
    units : iterable of Unit
        Genuine records.
    least : int
        Fewest units with a score from which a law is fitted.
    """
    return {
        name: fit([s for _, s, _ in rows], [y for _, _, y in rows], log=nulls()[name].log)
        for name, rows in highest(units).items()
        if len(rows) >= least
    }
