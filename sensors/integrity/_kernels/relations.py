"""Detectors on how one channel follows another: load -> heat -> CO2, CO2 -> O2, flow -> load."""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel
from sensors.integrity._kernels.small import median, median_few

BLOCK = 12  # steady hours in a block: half a day
BINS = 16  # of the curve
FINE = 512  # of the histogram from which the bins are made


@kernel
def steady_hours(on, x, y, tolerance, index):
    """List the hours in which the unit ran steadily: full operation now and before, `x` changed by little.

    Returns the number of hours listed in `index`.
    """
    top = 0.0
    for i in range(on.size):
        if on[i] and x[i] > top:
            top = x[i]
    count = 0
    for i in range(1, on.size):
        if on[i] and on[i - 1] and x[i] > 0.0 and y[i] > 0.0 and abs(x[i] - x[i - 1]) <= tolerance * top:
            index[count] = i
            count += 1
    return count


@kernel
def _bins(x, index, count, fine, edges):
    """Fill the upper edges of bins of about equal counts, from a fine histogram."""
    low, high = math.inf, -math.inf
    for k in range(count):
        v = x[index[k]]
        low, high = min(low, v), max(high, v)
    width = (high - low) / fine.size
    if not width > 0.0:
        edges[:] = math.inf
        return
    fine[:] = 0
    for k in range(count):
        fine[min(fine.size - 1, int((x[index[k]] - low) / width))] += 1
    total, b = 0, 0
    edges[:] = math.inf
    for f in range(fine.size):
        total += fine[f]
        if b < edges.size - 1 and total * edges.size >= (b + 1) * count:
            edges[b] = low + (f + 1) * width
            b += 1


@kernel
def residuals(x, y, index, count, r, work, order):
    """Fill `r` with ln y less its curve over ln x, the level in time apart: two rounds of each from the other.

    Without that, a curve fitted through hours before and after a change of level would hide half of it wherever the
    loads before and after differ.
    """
    level = np.zeros(count // BLOCK + 1)
    blocks = np.empty(count // BLOCK + 1)
    for turn in range(3):
        _curve_taken_out(x, y, index, count, level, r, work, order)
        if turn < 2:
            _levels(r, count, blocks, level)


@kernel
def _levels(r, count, blocks, level):
    """Fill `level` with the median of nine neighbouring blocks, less the median of all."""
    few = np.empty(9)
    m = block_medians(r, count, blocks)
    if m == 0:
        return
    for j in range(m):
        n = 0
        for i in range(max(0, j - 4), min(m, j + 5)):
            few[n] = blocks[i]
            n += 1
        level[j] = median_few(few, n)
    level[m:] = level[m - 1]
    for j in range(m):
        blocks[j] = level[j]
    level -= median(blocks, 0, m)


@kernel
def _curve_taken_out(x, y, index, count, level, r, work, order):
    """Fill `r` with ln y less its curve over ln x: medians in bins of `x`, straight lines between them.

    Parameters
    ----------
    x, y : float64 (n,)
    index : int64 (n,), count : int
        From :func:`steady_hours`.
    r, work : float64 (n,)
        `r` is filled for k < count.
    level : float64 (count // 12 + 1,)
        Level in time, by block: it does not enter the curve.
    order : int64 (n,)
        Scratch.
    """
    edges = np.empty(BINS)
    fine = np.empty(FINE, np.int64)
    _bins(x, index, count, fine, edges)
    begin = np.zeros(BINS + 1, np.int64)
    for k in range(count):
        b = 0
        while x[index[k]] >= edges[b]:
            b += 1
        order[k] = b
        begin[b + 1] += 1
    for b in range(BINS):
        begin[b + 1] += begin[b]
    centre, height = np.empty(BINS), np.empty(BINS)
    used = 0
    place = begin[:BINS].copy()
    for k in range(count):
        work[place[order[k]]] = math.log(y[index[k]]) - level[k // BLOCK]
        place[order[k]] += 1
    place[:] = begin[:BINS]
    for k in range(count):
        r[place[order[k]]] = math.log(x[index[k]])
        place[order[k]] += 1
    for b in range(BINS):
        if begin[b + 1] - begin[b] >= 4:
            height[used] = median(work, begin[b], begin[b + 1])
            centre[used] = median(r, begin[b], begin[b + 1])
            if used == 0 or centre[used] > centre[used - 1]:
                used += 1
    for k in range(count):
        r[k] = math.log(y[index[k]]) - _line(math.log(x[index[k]]), centre, height, used)


@kernel
def _line(v, centre, level, used):
    if used == 0:
        return 0.0
    if used == 1 or v <= centre[0]:
        return level[0]
    for b in range(1, used):
        if v <= centre[b]:
            share = (v - centre[b - 1]) / (centre[b] - centre[b - 1])
            return level[b - 1] + share * (level[b] - level[b - 1])
    return level[used - 1]


@kernel
def block_medians(r, count, blocks):
    """Fill `blocks` with the medians of `BLOCK` residuals each; return their number."""
    few = np.empty(BLOCK)
    m = count // BLOCK
    for j in range(m):
        for i in range(BLOCK):
            few[i] = r[j * BLOCK + i]
        blocks[j] = median_few(few, BLOCK)
    return m


@kernel
def level_steps(blocks, m, steps):
    """Fill `steps` with the change of level at each block that stays: signed, the least over four lengths.

    A change counts as much as the smallest of the differences of medians over 1, 2, 4 and 8 blocks before and after:
    a drift has a small one over short lengths, a passing excursion over long ones. The block itself is left out.
    """
    few = np.empty(8)
    for j in range(m):
        up, down, reach = math.inf, math.inf, 0
        k = 1
        while k <= 8 and j - k >= 0 and j + k < m:
            for i in range(k):
                few[i] = blocks[j + 1 + i]
            after = median_few(few, k)
            for i in range(k):
                few[i] = blocks[j - 1 - i]
            change = after - median_few(few, k)
            up, down, reach = min(up, change), min(down, -change), k
            k *= 2
        steps[j] = 0.0 if reach < 4 else up if up > 0.0 else -down if down > 0.0 else 0.0


@kernel
def noise_windows(r, index, count, length, quiet, whiteness):
    """Fill, window by window of `length` steady hours, the noise and how white it is; return their number.

    Noise: median of absolute first differences of neighbouring hours. Whiteness: minus the correlation of successive
    differences, one half for white noise, near zero or below for a smooth signal.
    """
    work = np.empty(length)
    m = count // length
    for w in range(m):
        used = 0
        sxx, sxy = 0.0, 0.0
        before, has = 0.0, False
        for k in range(w * length + 1, (w + 1) * length):
            if index[k] != index[k - 1] + 1:
                has = False
                continue
            d = r[k] - r[k - 1]
            work[used] = abs(d)
            used += 1
            d = max(-0.03, min(0.03, d))  # single excursions do not decide
            sxx += d * d
            if has:
                sxy += d * before
            before, has = d, True
        quiet[w] = median(work, 0, used) if used >= length // 2 else np.nan
        whiteness[w] = -sxy / sxx if used >= length // 2 and sxx > 0.0 else np.nan
    return m


@kernel
def twin(hour, x, y, n, length, step):
    """Return how nearly `y` is a straight line of `x` in some window: ln(10 rounding / residual spread), at least 0.

    The rounding `step` of `y` is about all that may remain where one signal feeds two channels; a genuine second
    measurement leaves many times that. Windows of `length` hours of operation, half overlapping, in which `y` varies
    by much more than its rounding.

    Returns
    -------
    score, first hour, hour after the last
    """
    best, start, end = 0.0, 0, 0
    for begin in range(0, n - length + 1, length // 2):
        mx, my, sxx, syy, sxy = 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(length):
            i = begin + k
            dx, dy = x[i] - mx, y[i] - my
            mx += dx / (k + 1)
            my += dy / (k + 1)
            sxx += dx * (x[i] - mx)
            syy += dy * (y[i] - my)
            sxy += dx * (y[i] - my)
        if not sxx > 0.0:
            continue
        slope = sxy / sxx
        rounding = step / math.sqrt(12.0)
        if not syy > 100.0 * length * rounding * rounding:
            continue
        rest = math.sqrt(max(syy - slope * sxy, 0.0) / (length - 2))
        score = math.log(10.0 * rounding / max(rest, 0.1 * rounding))
        if score > best:
            best, start, end = score, hour[begin], hour[begin + length - 1] + 1
    return best, start, end


@kernel
def lagged(on, x, y, length, most):
    """Return by how much `y` follows `x` better when moved by hours: Fisher's z of the best lag less that of none.

    Returns score, first hour, hour after the last, and the lag.
    """
    best, start, lag_best = 0.0, 0, 0
    for begin in range(most, on.size - length - most + 1, length):
        zero = 0.0
        for step in range(2 * most + 1):
            lag = 0 if step == 0 else step - most - 1 if step <= most else step - most
            n = 0
            mx, my, sxx, syy, sxy = 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(begin, begin + length):
                v = y[i + lag]
                if on[i] and on[i + lag] and x[i] == x[i] and v == v:
                    n += 1
                    dx, dy = x[i] - mx, v - my
                    mx += dx / n
                    my += dy / n
                    sxx += dx * (x[i] - mx)
                    syy += dy * (v - my)
                    sxy += dx * (v - my)
            if n < length // 3 or not (sxx > 1e-4 * n * mx * mx and syy > 1e-4 * n * my * my):
                if lag == 0:
                    break
                continue
            c = sxy / math.sqrt(sxx * syy)
            z = math.atanh(max(-0.9999, min(0.9999, c)))
            if lag == 0:
                zero = z
            elif (z - zero) * math.sqrt(n - 3.0) > best:
                best, start, lag_best = (z - zero) * math.sqrt(n - 3.0), begin, lag
    return best, start, start + length, lag_best
