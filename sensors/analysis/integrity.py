"""Screening of analyser records for tampering: copies, freezes, smoothing, edited gains, jumps of the clock.

Limits come from the record's own resolution and habit, not from constants: a copy or a freeze is reported where the
chance that genuine air makes one in a record of this length is below `chance`. Two species judge together where there
are two, which is what makes short copies stand out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Event", "clock_jumps", "copies", "edited_relation", "freezes", "likenesses", "screen", "smoothing"]

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

CHANCE = 0.01  # expected number of false events of a detector in a genuine record
SIX_HOURS = 360
STRETCH = 60  # values of a stretch that is held against all others
MARGIN = 10.0  # nats that a likeness must exceed its limit by: the tail is longer than Gumbel's, a real month reaches 6
WORDS = {
    "copy": "a stretch of the record stands in it a second time",
    "likeness": "the changes follow those of another stretch more closely than air does: a copy with noise",
    "freeze": "the values stand still for longer than this instrument does",
    "smoothing": "the scatter from value to value is below the noise floor of the instrument",
    "edited_relation": "the relation of dry to moist values changes at once: an edited coefficient or column",
    "clock": "the clock jumps",
}


@dataclass(frozen=True)
class Event:
    """One thing that looks wrong.

    Parameters
    ----------
    detector : str
        Key of :data:`WORDS`.
    start, end : datetime64
        The evidence window.
    score : float
        Of a copy or freeze, the natural logarithm of its expected number in a genuine record, negated; of a likeness
        the nats beyond what the record itself allows; of smoothing the
        scatter over the floor; of an edited relation the step over its uncertainty; of the clock seconds.
    detail : str
        Where the original stands, size of the step ...
    """

    detector: str
    start: np.datetime64
    end: np.datetime64
    score: float
    detail: str = ""

    def sentence(self) -> str:
        """Return the event in words."""
        first, last = (str(t.astype("datetime64[s]")).replace("T", " ") for t in (self.start, self.end))
        return f"{first} to {last} UTC: {WORDS[self.detector]}" + (f" ({self.detail})" if self.detail else "")


def screen(ds: xr.Dataset, names: Sequence[str], *, chance: float = CHANCE) -> list[Event]:
    """Screen the series of one analyser.

    Parameters
    ----------
    ds : Dataset
        With ``time`` in the order of the log.
    names : sequence of str
        One or two species; ``<name>_wet`` and ``h2o`` are used where they are there.
    chance : float
        Expected number of false events of each detector of copies and freezes in a genuine record.

    Returns
    -------
    list of Event
        In the order of time.
    """
    if not 1 <= len(names) <= 2:
        raise InputError("one or two series are screened together", found=str(len(names)))
    if missing := [n for n in names if n not in ds]:
        raise InputError("a series to be screened is missing", found=", ".join(map(str, ds.data_vars)),
                         need=", ".join(missing))  # fmt: skip
    time = ds["time"].values.astype("datetime64[ns]")
    events = clock_jumps(time)
    order = np.argsort(time, kind="stable")
    time = time[order]
    values = [np.asarray(ds[n].values, np.float64)[order] for n in names]
    exact = copies(time, values, chance=chance)
    events += exact + freezes(time, values, chance=chance)
    events += [e for e in likenesses(time, values, chance=chance)
               if not any(o.start <= e.end and e.start <= o.end for o in exact)]  # fmt: skip
    for name, one in zip(names, values, strict=True):
        events += smoothing(time, one)
        if f"{name}_wet" in ds and "h2o" in ds:
            wet, h2o = (np.asarray(ds[n].values, np.float64)[order] for n in (f"{name}_wet", "h2o"))
            events += edited_relation(time, wet, one, h2o)
    return sorted(events, key=lambda e: (e.start, e.detector))


def _steps(values: Float) -> tuple[Int, float]:
    """Return differences in units of the resolution (a great odd number where a value is missing), and it."""
    there = np.unique(values[np.isfinite(values)])
    gaps = np.diff(there)
    gaps = gaps[gaps > 1e-9 * max(np.abs(there).max(initial=1.0), 1e-300)]
    resolution = float(gaps.min()) if gaps.size else 1.0
    step = np.diff(values) / resolution
    result = np.full(step.size, -(2**40) + 1, np.int64)
    good = np.isfinite(step)
    result[good] = np.round(step[good])
    return result, resolution


def _habit(steps: Sequence[Int]) -> float:
    """Return the chance that two changes taken at random are alike in all series, as ln."""
    total = 0.0
    for one in steps:
        good = one[one > -(2**40) + 1]
        _, counts = np.unique(good, return_counts=True)
        total += math.log(max(float(np.sum((counts / max(good.size, 1)) ** 2)), 1e-12))
    return total


def copies(time: Any, values: Sequence[Float], *, chance: float = CHANCE) -> list[Event]:
    """Find stretches whose changes from value to value repeat elsewhere, also with a constant offset.

    Parameters
    ----------
    time : (n,) datetime64
        In order.
    values : sequence of (n,) array
        One or more series; NaN is missing.
    """
    steps = [_steps(v)[0] for v in values]
    n = steps[0].size
    habit = _habit(steps)
    if n < 10 or habit > -0.05:
        return []
    # shortest run whose expected number among all pairs of places is below `chance`
    need = max(3, math.ceil((math.log(chance) - 2 * math.log(n) + math.log(2)) / habit))
    windows = n - need + 1
    if windows < 2:
        return []
    key = np.zeros(windows, np.uint64)
    moved = np.zeros(windows, bool)
    usable = np.ones(windows, bool)
    for s, one in enumerate(steps):
        for k in range(need):
            part = one[k : k + windows]
            key = key * np.uint64(0x9E3779B97F4A7C15) + part.astype(np.uint64) * np.uint64(2 * (s + 7) + 1)
            key ^= key >> np.uint64(29)
            usable &= part > -(2**40) + 1
        moved |= np.lib.stride_tricks.sliding_window_view(one != 0, need).sum(axis=1) >= 2
    place = np.flatnonzero(usable & moved)
    order = place[np.argsort(key[place], kind="stable")]
    same = key[order][1:] == key[order][:-1]
    first, second = order[:-1][same], order[1:][same]
    return _runs(time, first, second, need, habit)


def _runs(time: Any, first: Int, second: Int, need: int, habit: float) -> list[Event]:
    """Join matches of one distance that follow one another into events."""
    events: list[Event] = []
    lag = second - first
    order = np.lexsort((first, lag))
    first, lag = first[order], lag[order]
    if first.size == 0:
        return events
    breaks = np.flatnonzero((np.diff(lag) != 0) | (np.diff(first) > need)) + 1
    for part in np.split(np.arange(first.size), breaks):
        a, d = int(first[part[0]]), int(lag[part[0]])
        length = int(first[part[-1]]) - a + need
        if d < need:  # a pattern that overlaps itself is a freeze or a ramp
            continue
        original = str(time[a].astype("datetime64[s]")).replace("T", " ")
        score = -habit * length - 2 * math.log(max(time.size, 2)) + math.log(2)
        events.append(Event("copy", time[a + d], time[min(a + d + length, time.size - 1)], score,
                            f"{length + 1} values as from {original}"))  # fmt: skip
    return events


def likenesses(
    time: Any, values: Sequence[Float], *, length: int = STRETCH, chance: float = CHANCE, margin: float = MARGIN
) -> list[Event]:
    """Find copies with noise added: see :func:`sensors.analysis.likeness.alike`.

    Parameters
    ----------
    time : (n,) datetime64
        In order.
    values : sequence of (n,) array
        One or more series; NaN is missing.
    length : int
        Values in a stretch. Stretches begin at every half of it: a copy of one and a half is held against itself whole.
    chance : float
        Expected number of false findings, were the tail of genuine likenesses that of a Gumbel distribution.
    margin : float
        Nats beyond that.
    """
    from sensors.analysis.likeness import alike

    events: list[Event] = []
    last: tuple[int, int, float, float] | None = None
    for late, early, score, r in [one for one in alike(values, length, chance=chance) if one[2] > margin]:
        end = time[min(late + length, time.size - 1)]
        if last is not None and late <= last[0] + length and abs((late - early) - (last[0] - last[1])) <= 1:
            before = events.pop()
            event = Event("likeness", before.start, end, max(before.score, score), before.detail)
        else:
            original = str(time[early].astype("datetime64[s]")).replace("T", " ")
            event = Event("likeness", time[late], end, score, f"like that from {original}, correlation {r:.2f}")
        events.append(event)
        last = (late, early, score, r)
    return events


def freezes(time: Any, values: Sequence[Float], *, chance: float = CHANCE) -> list[Event]:
    """Find runs in which no series moves, longer than the habit of the record allows."""
    steps = [_steps(v)[0] for v in values]
    still = np.logical_and.reduce([one == 0 for one in steps])
    there = np.logical_and.reduce([one > -(2**40) + 1 for one in steps])
    if there.sum() < 30:
        return []
    starts, lengths = _lengths(still)
    # how often a still pair is followed by another one: runs are longer than independence would make them
    longest = int(lengths.max(initial=0))
    rest = lengths[lengths < longest] if lengths.size > 1 else lengths[:0]
    share = (float(rest.sum()) + 1.0) / (float(there.sum()) + 2.0)
    again = (float((rest - 1).sum()) + 1.0) / (float(rest.sum()) + 2.0)
    habit = math.log(max(share, again, 1e-6))
    need = max(4, math.ceil((math.log(chance) - math.log(float(there.sum()))) / habit)) if habit < -0.01 else 10**9
    return [
        Event("freeze", time[s], time[s + k], -habit * k - math.log(float(there.sum())), f"{k + 1} equal values")
        for s, k in zip(starts.tolist(), lengths.tolist(), strict=True) if k >= need
    ]  # fmt: skip


def _lengths(flags: npt.NDArray[np.bool_]) -> tuple[Int, Int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges[::2].astype(np.int64), (edges[1::2] - edges[::2]).astype(np.int64)


def smoothing(
    time: Any, values: Float, *, window: int = SIX_HOURS, floor: float | None = None, share: float = 0.3
) -> list[Event]:
    """Find windows whose scatter from value to value is below the noise floor.

    Parameters
    ----------
    time, values : (n,) array
        In order; NaN is missing.
    window : int
        Values in a window; windows overlap by half.
    floor : float, optional
        Median absolute second difference of quiet air as this instrument measures it; by default the 10 % quantile of
        the windows of the record.
    share : float
        Share of the floor below which a window is reported. Quiet nights of a real month reach 0.43 of the default
        floor, means over 15 minutes 0.08.
    """
    second = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
    begins = np.arange(0, max(second.size - window + 1, 0), max(window // 2, 1))
    scatter = np.full(begins.size, np.nan)
    for k, b in enumerate(begins.tolist()):
        inside = second[b : b + window]
        inside = inside[np.isfinite(inside)]
        if inside.size >= window // 4:
            scatter[k] = inside.mean() if np.median(inside) == 0 else np.median(inside)
    usable = np.isfinite(scatter)
    if floor is None:
        if usable.sum() < 8:
            return []
        floor = float(np.quantile(scatter[usable], 0.1))
    with np.errstate(invalid="ignore"):
        low = usable & (scatter < share * floor)
    starts, lengths = _lengths(low)
    return [
        Event("smoothing", time[begins[s]], time[min(begins[s + k - 1] + window, time.size - 1)],
              float(scatter[s : s + k].min() / floor), f"{scatter[s : s + k].min() / floor:.2f} of the floor")
        for s, k in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]  # fmt: skip


def edited_relation(
    time: Any, wet: Float, dry: Float, h2o: Float, *, block: int = 60, limit: float = 12.0
) -> list[Event]:
    """Find steps in the relation of moist to dry values, which the analyser computes from its water by a fixed rule.

    Parameters
    ----------
    time, wet, dry, h2o : (n,) array
        In order; NaN is missing.
    block : int
        Values whose median is one point.
    limit : float
        Step over its uncertainty that is reported.
    """
    ratio = wet / dry
    good = np.isfinite(ratio) & np.isfinite(h2o) & (dry > 0)
    if good.sum() < 8 * block:
        return []
    place = np.flatnonzero(good)
    h, r = h2o[place], ratio[place]
    scale = max(float(np.abs(h).max()), 1e-30)
    design = np.stack([np.ones(h.size), h / scale, (h / scale) ** 2], axis=1)
    weights = np.ones(h.size)
    residual = r
    for _ in range(10):  # least absolute deviations by reweighting: the larger part of the record sets the rule
        fitted = np.linalg.lstsq(design * weights[:, None], r * weights, rcond=None)[0]
        residual = r - design @ fitted
        weights = 1.0 / np.sqrt(np.maximum(np.abs(residual), 1e-10))
    block = max(block, residual.size // 500)
    blocks = residual[: residual.size // block * block].reshape(-1, block)
    level = np.median(blocks, axis=1)
    spread = max(float(np.median(np.abs(np.diff(level)))) * 1.4826 / math.sqrt(2.0), 1e-9)
    at = min(range(3, level.size - 3), key=lambda k: _unlike(level[:k]) + _unlike(level[k:]))
    step = float(np.median(level[at:]) - np.median(level[:at]))
    best = abs(step) / (spread * math.sqrt(1.0 / min(at, 9) + 1.0 / min(level.size - at, 9)))
    if best <= limit:
        return []
    where = place[min(at * block, place.size - 1)]
    return [Event("edited_relation", time[where], time[-1], best, f"moist over dry changes by {step:.1e}")]


def _unlike(level: Float) -> float:
    return float(np.abs(level - np.median(level)).sum())


def clock_jumps(time: Any, *, tolerance: float = 0.5) -> list[Event]:
    """Find backward steps, and steps after which the stamps no longer fall on the old beat.

    Parameters
    ----------
    time : (n,) datetime64
        In the order of the log.
    tolerance : float
        Share of the step by which the beat must shift.
    """
    seconds = time.astype(np.int64) / 1e9
    steps = np.diff(seconds)
    if steps.size < 20:
        return []
    events = [
        Event("clock", time[i], time[i + 1], float(-steps[i]), f"set back by {-steps[i]:.0f} s")
        for i in np.flatnonzero(steps < 0).tolist()
    ]  # fmt: skip
    beat = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    if beat <= 0 or np.mean(np.abs(steps - beat) < 0.02 * beat) < 0.8:
        return events  # no steady beat to be shifted
    off = (steps / beat + 0.5) % 1.0 - 0.5
    shifted = np.flatnonzero((np.abs(off) > tolerance * 0.5) & (steps > 0))
    return events + [
        Event("clock", time[i], time[i + 1], float(abs(off[i]) * beat), f"the beat of {beat:g} s is shifted")
        for i in shifted.tolist()
    ]  # fmt: skip
