"""All detectors of one channel, or of one relation, in one call: the unit of work that threads share out."""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel
from sensors.integrity._kernels import curve, patterns, relations
from sensors.integrity._kernels.small import median, select

# Rows of what `channel_scores` and `relation_scores` return; columns: score, first hour, hour after the last, extra
STUCK, COPIED, SCALED_COPY, HEAPED, DIGITS, ORDER = range(6)
STEP, QUIET, WHITENESS, TWIN, LAG, JUMP = range(6)
# Hours of operation in the windows of digits, noise, twins and heaps; hours in those of lags, and the longest lag
DIGIT_HOURS, NOISE_HOURS, TWIN_HOURS, HEAP_HOURS = 240, 120, 48, 240
LAG_HOURS, MOST_LAG = 168, 3


@kernel
def _departure(values, m, least_spread, work):
    """Return the window farthest from the median of all, in robust spreads, and its number; sign kept."""
    n = 0
    for w in range(m):
        if values[w] == values[w]:
            work[n] = values[w]
            n += 1
    if n < 4:
        return 0.0, 0
    centre = median(work, 0, n)
    n = 0
    for w in range(m):
        if values[w] == values[w]:
            work[n] = abs(values[w] - centre)
            n += 1
    spread = max(1.4826 * median(work, 0, n), least_spread)
    best, where = 0.0, 0
    for w in range(m):
        if values[w] == values[w]:
            z = (values[w] - centre) / spread
            if abs(z) > abs(best):
                best, where = z, w
    return best, where


@kernel
def _copies(hour, y, n, step, out):
    """Fill the scores of exact and of scaled copies."""
    size = 1
    while size < 2 * n:
        size *= 2
    table, hashes, keys = np.empty(size, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    a, b, c, d = patterns.copied(hour, y, n, step, table, hashes, keys)
    out[COPIED, 0], out[COPIED, 1], out[COPIED, 2], out[COPIED, 3] = a, b, c, d
    a, b, c, d = patterns.scaled_copies(hour, y, n, table, hashes, keys)
    out[SCALED_COPY, 0], out[SCALED_COPY, 1], out[SCALED_COPY, 2], out[SCALED_COPY, 3] = a, b, c, d


@kernel
def channel_scores(on, x, y):
    """Return the scores of the detectors on the pattern of `y` (6, 4); `x` is the load that it should follow."""
    out = np.zeros((6, 4))
    hour, xs, ys = np.empty(on.size, np.int64), np.empty(on.size), np.empty(on.size)
    n = patterns.running_hours(on, x, y, hour, xs, ys)
    if n < 48:
        return out
    step = patterns.resolution(ys, n)
    _copies(hour, ys, n, step, out)
    out[STUCK, 0], out[STUCK, 1], out[STUCK, 2] = patterns.stuck(hour, xs, ys, n)
    out[HEAPED, 0], out[HEAPED, 1], out[HEAPED, 2] = patterns.heaped(hour, xs, ys, n, HEAP_HOURS)
    out[DIGITS, 0], out[DIGITS, 1], out[DIGITS, 2] = patterns.digit_shift(hour, ys, n, step, DIGIT_HOURS)
    entropy, first, work = np.empty(n), np.empty(n, np.int64), np.empty(n)
    m = patterns.order_patterns(hour, ys, n, NOISE_HOURS, entropy, first)
    z, w = _departure(entropy, m, 0.05, work)
    if m:
        out[ORDER, 0], out[ORDER, 1], out[ORDER, 2] = abs(z), first[w], first[w + 1]
    return out


@kernel
def _steps(r, index, count, steps, out):
    """Fill the changes of level, block by block, and the greatest of them; return the number of blocks."""
    blocks = np.empty(count // relations.BLOCK + 1)
    change = np.empty(count // relations.BLOCK + 1)
    m = relations.block_medians(r, count, blocks)
    relations.level_steps(blocks, m, change)
    best = 0
    for j in range(m):
        steps[j, 0] = change[j]
        steps[j, 1] = index[j * relations.BLOCK + relations.BLOCK // 2]
        if abs(change[j]) > abs(change[best]):
            best = j
    if m > 0:
        last = min(m - 1, best + 16)
        out[STEP, 0], out[STEP, 3] = abs(change[best]), change[best]
        out[STEP, 1], out[STEP, 2] = index[best * relations.BLOCK], index[last * relations.BLOCK] + 1
    return m


@kernel
def _jumps(r, x, index, count, jumps, out):
    """Fill the jumps, block by block, and the greatest of them."""
    m = relations.jumps(r, x, index, count, jumps)
    best = 0
    for j in range(m):
        if abs(jumps[j, 0]) > abs(jumps[best, 0]):
            best = j
    if m > 0:
        last = min(m - 1, best + 16)
        out[JUMP, 0], out[JUMP, 3] = abs(jumps[best, 0]), jumps[best, 0]
        out[JUMP, 1], out[JUMP, 2] = jumps[best, 1], index[last * relations.BLOCK] + 1


@kernel
def _noise(r, index, count, out):
    """Fill the scores of vanished noise and of neighbours that hang together otherwise than usual."""
    windows = count // NOISE_HOURS + 1
    quiet, white, work = np.empty(windows), np.empty(windows), np.empty(windows)
    w = relations.noise_windows(r, index, count, NOISE_HOURS, quiet, white)
    least, used = 0, 0
    for k in range(w):
        if quiet[k] == quiet[k]:
            work[used] = quiet[k]
            used += 1
            if quiet[least] != quiet[least] or quiet[k] < quiet[least]:
                least = k
    if used >= 4:
        typical = median(work, 0, used)
        out[QUIET, 0] = min(20.0, math.log(typical / max(quiet[least], 1e-9 * typical))) if typical > 0.0 else 0.0
        out[QUIET, 1], out[QUIET, 2] = index[least * NOISE_HOURS], index[(least + 1) * NOISE_HOURS - 1] + 1
    if w > 0:
        z, k = _departure(white, w, 1.0 / math.sqrt(NOISE_HOURS), work)
        out[WHITENESS, 0], out[WHITENESS, 3] = abs(z), z
        out[WHITENESS, 1], out[WHITENESS, 2] = index[k * NOISE_HOURS], index[(k + 1) * NOISE_HOURS - 1] + 1


@kernel
def relation_scores(on, x, y, tolerance, with_curve, steps, jumps):
    """Return the scores of the detectors on how `y` follows `x` (6, 4), and the number of blocks.

    Parameters
    ----------
    on : uint8 (n,); x, y : float64 (n,)
    tolerance : float
        Hours in which `x` changes by more than this share of its maximum are left out.
    with_curve : bool
        Take out the curve of y over x, and look at noise, twins and lags too; otherwise y is proportional to x, and
        only steps are looked for: a channel computed from another has no noise of its own.
    steps, jumps : float64 (n // BLOCK + 1, 2)
        Filled for each block: change of level (natural log) and the hour in its middle; greatest jump from one hour to
        the next and that hour (with a curve only).
    """
    n = on.size
    out = np.zeros((6, 4))
    index, r, work = np.empty(n, np.int64), np.empty(n), np.empty(n)
    count = relations.steady_hours(on, x, y, tolerance, index)
    if not with_curve:
        for k in range(count):
            r[k] = math.log(y[index[k]] / x[index[k]])
        return out, _steps(r, index, count, steps, out)
    curve.residuals(x, y, index, count, r, work)
    m = _steps(r, index, count, steps, out)
    _jumps(r, x, index, count, jumps, out)
    _noise(r, index, count, out)
    running = patterns.running_hours(on, x, y, index, r, work)
    a, b, c = relations.twin(index, r, work, running, TWIN_HOURS, patterns.resolution(work, running))
    out[TWIN, 0], out[TWIN, 1], out[TWIN, 2] = a, b, c
    a, b, c, d = relations.lagged(on, x, y, LAG_HOURS, MOST_LAG)
    out[LAG, 0], out[LAG, 1], out[LAG, 2], out[LAG, 3] = a, b, c, d
    return out, m


@kernel
def pair_twin(on, x, y):
    """Return score, first hour and hour after the last of :func:`relations.twin` for any two channels."""
    hour, xs, ys = np.empty(on.size, np.int64), np.empty(on.size), np.empty(on.size)
    n = patterns.running_hours(on, x, y, hour, xs, ys)
    return relations.twin(hour, xs, ys, n, TWIN_HOURS, patterns.resolution(ys, n))


@kernel
def load_scores(on, y):
    """Return the scores of :func:`channel_scores` that make sense for the load itself: copies."""
    out = np.zeros((6, 4))
    hour, xs, ys = np.empty(on.size, np.int64), np.empty(on.size), np.empty(on.size)
    n = patterns.running_hours(on, y, y, hour, xs, ys)
    if n >= 48:
        _copies(hour, ys, n, patterns.resolution(ys, n), out)
    return out


@kernel
def spread_of_ratio(on, x, y):
    """Return (q90 - q10)/q50 of y/x: near zero where one channel was computed from the other; NaN for few hours."""
    ratios = np.empty(on.size)
    n = relations.proportion(on, x, y, ratios)
    if n < 24:
        return np.nan
    low = select(ratios, 0, n, n // 10)
    high = select(ratios, 0, n, n - 1 - n // 10)
    return (high - low) / select(ratios, 0, n, n // 2)
