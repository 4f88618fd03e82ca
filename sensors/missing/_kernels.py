"""Kernels of missing data: substitution by rule, and the state-space smoother; plain float64 arrays.

A value is quality-assured where ``ok`` is 1. Hours out of operation (``on`` is 0) are neither counted nor filled.
NaN rule: values are read only where ``ok`` is 1, and must be finite there.
"""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel

# Which rule filled an hour
NOT_FILLED, BEFORE_AFTER, PERCENTILE_90, PERCENTILE_95, MAXIMUM, POTENTIAL, LOAD_MEAN, INITIAL, UNFILLED = range(9)


@kernel
def gaps(ok, on, first, last, length):
    """Fill, for each hour to be filled, first and last hour of its gap and its operating hours; -1 and 0 elsewhere.

    A gap is a run of operating hours without quality-assured value, hours out of operation inside not counted.
    """
    n = ok.size
    i = 0
    for j in range(n):
        first[j], last[j], length[j] = -1, -1, 0
    while i < n:
        if on[i] == 0 or ok[i] == 1:
            i += 1
            continue
        begin, end, count = i, i, 0
        j = i
        while j < n and (on[j] == 0 or ok[j] == 0):
            if on[j] == 1:
                end = j
                count += 1
            j += 1
        for k in range(begin, end + 1):
            if on[k] == 1:
                first[k], last[k], length[k] = begin, end, count
        i = end + 1


@kernel
def availability(ok, on, window, out):
    """Fill the percent monitor data availability of each hour, rounded to 0.1.

    Before `window` operating hours have passed: of all of them (equation 8); later of the last `window` (equation 9).
    """
    n = ok.size
    places = np.empty(n, np.int64)
    count, good = 0, 0
    for i in range(n):
        if on[i] == 1:
            places[count] = i
            count += 1
            good += int(ok[i])  # a byte would overflow where the compiler is off
            if count > window:
                good -= int(ok[places[count - window - 1]])
        total = min(count, window)
        out[i] = math.floor(1000.0 * good / total + 0.5) / 10.0 if total > 0 else 0.0


@kernel
def _ranked(sorted_values, count, percent):
    """Return the percentile: the smallest value that at least `percent` of the values do not exceed (40 CFR 72.2)."""
    rank = math.ceil(count * percent / 100.0 - 1e-9)
    return sorted_values[min(count, max(1, rank)) - 1]


@kernel
def _lookback(x, ok, begin, hours, oldest, ranges, wanted, out):
    """Fill `out` with the last `hours` quality-assured values before `begin` in the wanted range; return how many."""
    seen, count = 0, 0
    i = begin - 1
    while i >= 0 and seen < hours and i >= begin - oldest:
        if ok[i] == 1:
            seen += 1
            if wanted < 0 or ranges[i] == wanted:
                out[count] = x[i]
                count += 1
        i -= 1
    return count


@kernel
def _quality_hours(ok, begin, least):
    """Return the number of quality-assured hours before `begin`, counted up to `least`."""
    count = 0
    for i in range(begin - 1, -1, -1):
        count += ok[i]
        if count >= least:
            break
    return count


@kernel
def _neighbours(x, ok, first, last, n):
    """Return the mean of the hour before and the hour after; one of them where there is only one; else NaN."""
    before, after = np.nan, np.nan
    for i in range(first - 1, -1, -1):
        if ok[i] == 1:
            before = x[i]
            break
    for i in range(last + 1, n):
        if ok[i] == 1:
            after = x[i]
            break
    if before == before and after == after:
        return 0.5 * (before + after)
    return before if before == before else after


@kernel
def part75_gas(x, ok, on, sign, hours, oldest, window, potential, filled, rule):
    """Fill a concentration or moisture by 40 CFR 75.31(b), 75.33(b) and 75.35.

    Parameters
    ----------
    x : float64 (n,)
        Values.
    ok, on : uint8 (n,)
        Quality-assured; in operation.
    sign : float
        1 where a high value is the careful one, -1 where a low one is (oxygen).
    hours, oldest, window : int
        Lookback in quality-assured hours and in clock hours, window of the availability in operating hours.
    potential : float
        Maximum (minimum for `sign` -1) potential value, NaN if not given.
    filled : float64 (n,)
        Filled; `x` where nothing was done.
    rule : int8 (n,)
        Filled: which rule.
    """
    n = x.size
    first, last, length = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    gaps(ok, on, first, last, length)
    share = np.empty(n)
    availability(ok, on, window, share)
    values, none = np.empty(min(n, hours) + 1), np.zeros(n, np.int64)
    before, count, begin = np.nan, 0, -1
    initial = False
    for i in range(n):
        filled[i], rule[i] = x[i], 0
        if first[i] < 0:
            continue
        if first[i] != begin:
            begin = first[i]
            before = _neighbours(x, ok, first[i], last[i], n)
            count = _lookback(x, ok, begin, hours, oldest, none, -1, values)
            values[:count] = np.sort(sign * values[:count])
            initial = _quality_hours(ok, begin, hours) < hours and begin < oldest
        filled[i], rule[i] = potential, 5
        if initial:
            if count > 0 and before == before:
                filled[i], rule[i] = before, 7
            continue
        if count == 0:
            continue
        if (share[i] >= 95.0 and length[i] <= 24) or (90.0 <= share[i] < 95.0 and length[i] <= 8):
            filled[i], rule[i] = before, 1
        elif share[i] >= 90.0:
            percent = 90.0 if share[i] >= 95.0 else 95.0
            ranked = sign * _ranked(values, count, percent)
            # the neighbours alone decide where one is missing (end of the record)
            use = before == before and sign * before > sign * ranked
            filled[i] = before if use else ranked
            rule[i] = 1 if use else (2 if percent == 90.0 else 3)
        elif share[i] >= 80.0:
            filled[i], rule[i] = sign * values[count - 1], 4


@kernel
def part75_flow(x, ok, on, ranges, bins, hours, oldest, window, potential, filled, rule):
    """Fill a flow by 40 CFR 75.31(c) and 75.33(c), with load ranges.

    Parameters are those of :func:`part75_gas`; `ranges` is the load range 1 to `bins` of each hour (0: not known). A
    range without values takes the next higher one; none at all takes the potential.
    """
    n = x.size
    first, last, length = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    gaps(ok, on, first, last, length)
    share = np.empty(n)
    availability(ok, on, window, share)
    values = np.empty(min(n, hours) + 1)
    for i in range(n):
        filled[i], rule[i] = x[i], 0
        if first[i] < 0:
            continue
        before = _neighbours(x, ok, first[i], last[i], n)
        count = 0
        wanted = ranges[i]
        if wanted == 0:
            count = _lookback(x, ok, first[i], hours, oldest, ranges, -1, values)
        while 0 < wanted <= bins and count == 0:
            count = _lookback(x, ok, first[i], hours, oldest, ranges, wanted, values)
            wanted += 1
        filled[i], rule[i] = potential, 5
        if count == 0:
            continue
        mean = values[:count].sum() / count
        if _quality_hours(ok, first[i], hours) < hours and first[i] < oldest:
            filled[i], rule[i] = mean, 7
        elif (share[i] >= 95.0 and length[i] <= 24) or (90.0 <= share[i] < 95.0 and length[i] <= 8):
            filled[i], rule[i] = mean, 6
        elif share[i] >= 90.0:
            percent = 90.0 if share[i] >= 95.0 else 95.0
            ranked = _ranked(np.sort(values[:count]), count, percent)
            use = before == before and before > ranked
            filled[i] = before if use else ranked
            rule[i] = 1 if use else (2 if percent == 90.0 else 3)
        elif share[i] >= 80.0:
            filled[i], rule[i] = values[:count].max(), 4


@kernel
def hj75_fill(x, ok, on, sign, share, filled, rule):
    """Fill by HJ 75-2017: the greatest of the last 180, 720 or 2160 valid hours, by capture rate and gap.

    `share` is the capture rate in percent of each hour's quarter; below 75 percent nothing is filled (NaN, rule 8).
    """
    n = x.size
    first, last, length = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    gaps(ok, on, first, last, length)
    values, none = np.empty(2161), np.zeros(n, np.int64)
    for i in range(n):
        filled[i], rule[i] = x[i], 0
        if first[i] < 0:
            continue
        filled[i], rule[i] = np.nan, 8
        if share[i] < 75.0:
            continue
        hours = 2160 if share[i] < 90.0 else (180 if length[i] <= 24 else 720)
        count = _lookback(x, ok, first[i], hours, n, none, -1, values)
        if count > 0:
            filled[i], rule[i] = sign * (sign * values[:count]).max(), 4


@kernel
def filter_smooth(y, ok, phi, q, r, mean, variance):
    """Smooth an AR(1) signal in white noise by a Kalman filter and the Rauch-Tung-Striebel pass; return -2 ln L.

    Parameters
    ----------
    y : float64 (n,)
        Observations of mean zero, one for each interval of equal length.
    ok : uint8 (n,)
        1 where there is an observation.
    phi, q, r : float
        Persistence (0 <= phi < 1), variance of the innovations, variance of the noise.
    mean, variance : float64 (n,)
        Filled: smoothed state.

    References
    ----------
    Rauch, Tung and Striebel 1965, AIAA Journal 3, 1445; Durbin and Koopman 2012, Time Series Analysis by State
    Space Methods, chapters 2 and 4.
    """
    n = y.size
    a, p = 0.0, q / (1.0 - phi * phi)
    before, spread = np.empty(n), np.empty(n)
    minus2 = 0.0
    for i in range(n):
        if i > 0:
            a, p = phi * a, phi * phi * p + q
        before[i], spread[i] = a, p
        if ok[i] == 1:
            f = p + r
            v = y[i] - a
            minus2 += math.log(f) + v * v / f
            a += p / f * v
            p -= p * p / f
        mean[i], variance[i] = a, p
    for i in range(n - 2, -1, -1):
        gain = phi * variance[i] / spread[i + 1]
        mean[i] += gain * (mean[i + 1] - before[i + 1])
        variance[i] += gain * gain * (variance[i + 1] - spread[i + 1])
    return minus2
