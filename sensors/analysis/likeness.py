"""Copies that were disguised: stretches whose changes follow those of another stretch too closely to be air.

A copy with noise added escapes every exact comparison. Its changes from value to value still correlate with those of
the original, in all species at the same distance. Genuine stretches correlate too, ramps and mornings are alike; how
much the best of all other places is like a stretch is therefore read from the record itself, and only what lies beyond
the extreme-value distribution of these likenesses is reported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["alike"]

Float = npt.NDArray[np.float64]
SPAN = 1 << 15  # values compared with each other; spans overlap by half, so that the work grows with the record
BATCH = 32  # stretches at once
CLIP = 4.0  # robust standard deviations at which a change is cut: one spike is like another
FEWEST = 40  # stretches below which the record does not tell what is usual


def alike(values: Sequence[Float], length: int, *, chance: float = 0.01) -> list[tuple[int, int, float, float]]:
    """Find stretches that are like another one beyond chance.

    Parameters
    ----------
    values : sequence of (n,) array
        One or more series of one analyser, in order of time; NaN is missing.
    length : int
        Values in a stretch; stretches overlap by half.
    chance : float
        Expected number of false findings in a genuine record.

    Returns
    -------
    list of (int, int, float, float)
        First value of the later stretch and of the earlier one; nats by which the likeness exceeds what is allowed; the
        smallest correlation of the series.

    Notes
    -----
    Likeness of two stretches: minus half the number of changes times the sum of ln(1 - r^2) over the series, with r the
    correlation of the changes (those that are not positive count nothing). Its largest value over all distances, for
    each stretch, is held against a Gumbel distribution with the median and quartiles of all stretches.
    """
    changes = [_changes(v) for v in values]
    n = changes[0].size
    found: dict[int, tuple[float, int, float]] = {}
    for begin in range(0, max(n - SPAN // 2, 1), SPAN // 2):
        span = [c[begin : begin + SPAN] for c in changes]
        for at, best, other, r in _best(span, length):
            if best > found.get(begin + at, (-math.inf, 0, 0.0))[0]:
                found[begin + at] = (best, begin + other, r)
    if len(found) < FEWEST:
        return []
    best = np.array([one[0] for one in found.values()])
    low, middle, high = np.quantile(best, [0.25, 0.5, 0.75])
    width = (high - low) / (math.log(-math.log(0.25)) - math.log(-math.log(0.75)))
    place = middle + width * math.log(math.log(2.0))
    limit = place - width * math.log(-math.log1p(-chance / best.size))
    pairs = {}
    for at, (score, other, r) in found.items():
        if score > limit:
            pairs.setdefault((max(at, other), min(at, other)), (score - limit, r))
    return [(late, early, score, r) for (late, early), (score, r) in sorted(pairs.items())]


def _changes(values: Float) -> npt.NDArray[np.float32]:
    """Return changes from value to value in robust standard deviations, cut; none where a value is missing."""
    step = np.diff(values)
    spread = 1.4826 * float(np.nanmedian(np.abs(step))) if np.isfinite(step).any() else 0.0
    if spread <= 0.0:
        return np.zeros(step.size, np.float32)
    return np.nan_to_num(np.clip(step / spread, -CLIP, CLIP)).astype(np.float32)


def _best(span: list[npt.NDArray[np.float32]], length: int) -> Iterator[tuple[int, float, int, float]]:
    """Yield for each stretch its place, its largest likeness, where that stands, and the least correlation there."""
    from scipy.fft import irfft, next_fast_len, rfft

    n, count = span[0].size, length - 1
    if n < 3 * count:
        return
    size = next_fast_len(n + count, real=True)
    whole: list[Any] = [rfft(c, size) for c in span]
    energy = [_moving(np.square(c, dtype=np.float64), count) for c in span]
    starts = np.arange(0, n - count + 1, max(count // 2, 1))
    starts = starts[np.logical_and.reduce([e[starts] > 0.25 * count for e in energy])]  # stretches that move
    for first in range(0, starts.size, BATCH):
        some = starts[first : first + BATCH]
        total = np.zeros((some.size, n - count + 1), np.float32)
        least = np.ones_like(total)
        for one, spectrum, own in zip(span, whole, energy, strict=True):
            blocks = np.lib.stride_tricks.sliding_window_view(one, count)[some]
            own_spectrum: Any = rfft(blocks, size, axis=1)
            product: Any = irfft(np.conj(own_spectrum) * spectrum, size, axis=1)
            product = product[:, : n - count + 1]
            norm = np.sqrt(np.maximum(own, 0.25 * count)).astype(np.float32)  # what stands still is like nothing
            r = np.clip(product / (norm * norm[some][:, None]), 0.0, 0.99999)
            total -= 0.5 * count * np.log1p(-r * r)
            np.minimum(least, r, out=least)
        for row, at in enumerate(some.tolist()):
            total[row, max(at - count, 0) : at + count] = -1.0  # itself
            other = int(total[row].argmax())
            yield at, float(total[row, other]), other, float(least[row, other])


def _moving(values: Float, count: int) -> Float:
    whole = np.concatenate([[0.0], np.cumsum(values)])
    return whole[count:] - whole[:-count]
