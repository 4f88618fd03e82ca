"""Detectors on how one channel follows another: load -> heat -> CO2, CO2 -> O2, flow -> load."""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel
from sensors.integrity._kernels.small import median, median_few, sort_few

BLOCK = 6  # steady hours in a block
LENGTHS = 4  # of the windows before and after a change: 2, 4, 8, 16 blocks
NEIGHBOURS = 4  # steady hours in each of the four groups about a jump
STEADY = 1.1  # ratio of the loads in those hours, at most: a curve has lags where the load moves
LEAST_JUMP = 0.01  # smaller ones are not followed up


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
def _medians(blocks, m, length, out):
    """Fill `out` with the medians of `length` blocks (an even number) from each one on; the window is kept sorted."""
    few = np.empty(length)
    half = length // 2
    for j in range(m - length + 1):
        if j == 0:
            few[:] = blocks[:length]
            sort_few(few, length)
        else:
            i = 0
            while i < length - 1 and few[i] != blocks[j - 1]:
                i += 1
            new = blocks[j + length - 1]
            while i < length - 1 and few[i + 1] < new:
                few[i] = few[i + 1]
                i += 1
            while i > 0 and few[i - 1] > new:
                few[i] = few[i - 1]
                i -= 1
            few[i] = new
        out[j] = 0.5 * (few[half - 1] + few[half])


@kernel
def level_steps(blocks, m, steps):
    """Fill `steps` with the change of level at each block that stays: signed, the least over four lengths.

    A change counts as much as the smallest of the differences of medians over 2, 4, 8 and 16 blocks (12 to 96 steady
    hours) before and after: a drift has a small one over short lengths, a passing excursion over long ones. The block
    itself is left out; where the record does not reach 16 blocks, three lengths are enough.
    """
    level = np.empty((LENGTHS, max(m, 1)))
    for k in range(LENGTHS):
        _medians(blocks, m, 2 << k, level[k])
    for j in range(m):
        up, down, reach = math.inf, math.inf, 0
        for k in range(LENGTHS):
            length = 2 << k
            if j - length >= 0 and j + length < m:
                change = level[k, j + 1] - level[k, j - length]
                up, down, reach = min(up, change), min(down, -change), reach + 1
        steps[j] = 0.0 if reach < LENGTHS - 1 else up if up > 0.0 else -down if down > 0.0 else 0.0


@kernel
def jumps(r, x, index, count, out):
    """Fill `out` with the greatest jump in each block of hours, and its hour (its middle if none); return their number.

    A jump is what remains between two neighbouring hours when the trends on both sides are taken out: with the medians
    a, b | c, d of four groups of four steady hours about it, c - b less the mean of b - a and d - c. It counts as the
    smallest of this, of c - b, and of what stays after 12 and 24 hours (1.3 and 2 times the difference of medians): a
    level that wanders through 20 % in a day has no jump, and a passing excursion has none that stays. Hours about
    which the load moves by more than a tenth are passed over.

    Parameters
    ----------
    r : float64 (count,)
        ln y less its curve over ln x.
    x : float64 (n,), index : int64 (n,), count : int
        Load, and the hours that are used.
    out : float64 (count // BLOCK + 1, 2)
    """
    m = count // BLOCK
    for j in range(m):
        out[j, 0], out[j, 1] = 0.0, index[j * BLOCK + BLOCK // 2]
    near, few = np.empty(max(count, 1)), np.empty(24)
    for k in range(count - NEIGHBOURS + 1):
        low, high, total = r[k], r[k], r[k]
        for i in range(k + 1, k + NEIGHBOURS):
            low, high, total = min(low, r[i]), max(high, r[i]), total + r[i]
        near[k] = (total - low - high) / (NEIGHBOURS - 2)
    for k in range(24, count - 23):
        a, b, c, d = near[k - 2 * NEIGHBOURS], near[k - NEIGHBOURS], near[k], near[k + NEIGHBOURS]
        sign = 1.0 if c > b else -1.0
        size = sign * min(sign * (1.5 * (c - b) - 0.5 * (d - a)), sign * (c - b))
        block = k // BLOCK
        if sign * size < LEAST_JUMP or block >= m or abs(size) <= abs(out[block, 0]):
            continue
        low, high = x[index[k]], x[index[k]]
        for i in range(k - NEIGHBOURS, k + NEIGHBOURS):
            low, high = min(low, x[index[i]]), max(high, x[index[i]])
        if high > STEADY * low:
            continue
        size = sign * min(abs(size), sign * 1.3 * _stays(r, k, 12, few), sign * 2.0 * _stays(r, k, 24, few))
        if sign * size > abs(out[block, 0]):
            out[block, 0], out[block, 1] = size, index[k]
    return m


@kernel
def _stays(r, k, length, few):
    """Return the median of `length` hours from `k` on less that of those before it."""
    for i in range(length):
        few[i] = r[k + i]
    after = median_few(few, length)
    for i in range(length):
        few[i] = r[k - length + i]
    return after - median_few(few, length)


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
        sx, sy, sxx, syy, sxy = 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(begin, begin + length):  # sums about the first hour
            dx, dy = x[k] - x[begin], y[k] - y[begin]
            sx += dx
            sy += dy
            sxx += dx * dx
            syy += dy * dy
            sxy += dx * dy
        sxx -= sx * sx / length
        syy -= sy * sy / length
        sxy -= sx * sy / length
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
        first = begin
        while first < begin + length - 1 and not (on[first] and x[first] == x[first] and y[first] == y[first]):
            first += 1
        if not (x[first] == x[first] and y[first] == y[first]):
            continue
        x0, y0 = x[first], y[first]
        for step in range(2 * most + 1):
            lag = 0 if step == 0 else step - most - 1 if step <= most else step - most
            n = 0
            sx, sy, sxx, syy, sxy = 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(begin, begin + length):
                dx, dy = x[i] - x0, y[i + lag] - y0
                if on[i] and on[i + lag] and dx == dx and dy == dy:
                    n += 1
                    sx += dx
                    sy += dy
                    sxx += dx * dx
                    syy += dy * dy
                    sxy += dx * dy
            mx, my = (x0 + sx / n, y0 + sy / n) if n else (0.0, 0.0)
            if n:
                sxx, syy, sxy = sxx - sx * sx / n, syy - sy * sy / n, sxy - sx * sy / n
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


@kernel
def proportion(on, x, y, ratios):
    """Fill `ratios` with y/x of the hours that have both; return their number."""
    n = 0
    for i in range(on.size):
        if on[i] and x[i] > 0.0 and y[i] > 0.0:
            ratios[n] = y[i] / x[i]
            n += 1
    return n


@kernel
def change_at(r, x, index, count, hour, length):
    """Return level and slope of `r` after an hour less those before it, and the two with each block as the change.

    Parameters
    ----------
    r : float64 (count,)
        ln y less its curve over ln x.
    hour : int
        Hour of the change.
    length : int
        Steady hours before and after.

    Returns
    -------
    level, slope : float
        NaN where there are fewer than half of `length` hours on a side.
    levels, slopes : float64 (m,)
        The same at every eighth of `length` in the record, away from the change: the unit's own habit.
    """
    at = 0
    while at < count and index[at] < hour:
        at += 1
    own = _contrast(r, x, index, count, at, length)
    step = max(1, length // 8)
    levels, slopes = np.empty(count // step + 1), np.empty(count // step + 1)
    m = 0
    for k in range(length, count - length + 1, step):
        if abs(k - at) > length:
            levels[m], slopes[m] = _contrast(r, x, index, count, k, length)
            m += 1
    return own[0], own[1], levels[:m], slopes[:m]


@kernel
def _contrast(r, x, index, count, at, length):
    """Return the differences of mean and of slope over ln x, `length` hours from `at` on and before it."""
    before, after = min(at, length), min(count - at, length)
    if 2 * before < length or 2 * after < length:
        return np.nan, np.nan
    one = _slope(r, x, index, at - before, at)
    two = _slope(r, x, index, at, at + after)
    return two[0] - one[0], two[1] - one[1]


@kernel
def _slope(r, x, index, begin, stop):
    mx, mr, sxx, sxr = 0.0, 0.0, 0.0, 0.0
    for k in range(begin, stop):
        mx += math.log(x[index[k]])
        mr += r[k]
    mx, mr = mx / (stop - begin), mr / (stop - begin)
    for k in range(begin, stop):
        d = math.log(x[index[k]]) - mx
        sxx += d * d
        sxr += d * (r[k] - mr)
    return mr, (sxr / sxx if sxx > 1e-3 * (stop - begin) else np.nan)
