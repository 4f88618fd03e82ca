"""Four tests of a record in one pass, and the running standard-deviation spike test.

NaN rule: a missing value has flag 9, and is passed over by the tests that look at neighbours.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel

__all__ = ["four_tests", "sd_spikes"]

BLOCK = 65_536


@kernel
def _judge(v, before, after, dt, limits):
    """Return flag and reason of one value by range, spike and rate; NaN neighbours pass."""
    low, high, likely_low, likely_high, spike, spike_bad, rate, _ = limits
    f, r = 1, 0
    if v < low or v > high:
        f, r = 4, (32 if v > high else 16)
    elif v < likely_low or v > likely_high:
        f, r = 3, 64
    d = abs(v - 0.5 * (before + after))
    if d > spike:
        f, r = max(f, 4 if d > spike_bad else 3), r | (1 << 24)
    if abs(v - before) > rate * dt:
        f, r = max(f, 3), r | (1 << 25)
    return f, r


@kernel
def _plain(y, seconds, first, last, limits, flag, reason):
    """Mark what passes range, spike and rate as good, the rest as 0; the loop has no branch, so that it vectorises."""
    low, high = max(limits[0], limits[2]), min(limits[1], limits[3])
    spike, rate = limits[4], limits[6]
    for i in range(first, last):
        v, before, after = y[i], y[i - 1], y[i + 1]
        wrong = (v < low) | (v > high) | (abs(v - 0.5 * (before + after)) > spike)
        wrong |= abs(v - before) > rate * (seconds[i] - seconds[i - 1])
        flag[i] = 0 if wrong | (not np.isfinite(v)) else 1
        reason[i] = 0


@kernel
def _block(y, seconds, first, last, limits, run, reason, flag):
    """Run the tests on one block; the run of equal values before the block is followed back."""
    suspect_run, bad_run = run
    tolerance, n = limits[7], y.size
    begin, end = max(first, 1), min(last, n - 1)
    _plain(y, seconds, begin, end, limits, flag, reason)
    if first == 0:
        flag[0], reason[0] = 0, 0
    if last == n:
        flag[n - 1], reason[n - 1] = 0, 0
    start = first  # first value of the current run of equal values
    while start > 0 and first - start < bad_run and abs(y[start - 1] - y[first]) <= tolerance:
        start -= 1
    anchor = y[start]
    for i in range(first, last):
        v = y[i]
        if flag[i] == 0:
            if not np.isfinite(v):
                flag[i], reason[i] = 9, 1
            else:
                before = y[i - 1] if i > 0 else np.nan
                after = y[i + 1] if i + 1 < n else np.nan
                dt = seconds[i] - seconds[i - 1] if i > 0 else 0.0
                flag[i], reason[i] = _judge(v, before, after, dt, limits)
        if not (abs(v - anchor) <= tolerance):
            start, anchor = i, v
        elif i - start + 1 >= suspect_run:
            flag[i] = max(flag[i], 4 if i - start + 1 >= bad_run else 3)
            reason[i] |= 1 << 23


@kernel
def four_tests(lo, hi, y, seconds, limits, run, reason, flag):
    """Fill `flag` (QARTOD level) and `reason` (bits of ghg.core.flags.Reason) of each value.

    For the blocks (of `BLOCK` values) lo to hi of :func:`ghg.core.jit.spread`.

    Parameters
    ----------
    y, seconds : (n,) float64
        Values, and times in seconds, rising.
    limits : tuple of 8 float
        Lowest and highest possible, lowest and highest likely, spike suspect and bad, rate per second, tolerance of
        equality.
    run : tuple of 2 int
        Equal values in a row that are suspect, and bad.
    reason : (n,) int32
    flag : (n,) int8
    """
    for b in range(lo, hi):
        _block(y, seconds, b * BLOCK, min((b + 1) * BLOCK, y.size), limits, run, reason, flag)


@kernel
def sd_spikes(y, window, sigma, alpha, longest, spike):
    """Mark spikes against the last value that is none; return their number.

    A value is a spike where it exceeds the last unmarked one by (alpha + sqrt(n)) sigma, n being the number of values
    since then (El Yazidi et al. 2018, equation 1).

    Parameters
    ----------
    y : (n,) float64
        Values; NaN is missing.
    window : (n,) int64
        Which entry of `sigma` is for which value.
    sigma : (w,) float64
        Standard deviation of the values between the quartiles, by window; NaN stops the test there.
    alpha : float
        Multiple of sigma.
    longest : int
        After so many marked values in a row the next is taken as the new level.
    spike : (n,) bool
        Filled.
    """
    base, since, found = np.nan, 0, 0
    for i in range(y.size):
        v, s = y[i], sigma[window[i]]
        if v != v:
            since += 1
            continue
        if base != base or s != s:
            base, since, spike[i] = v, 0, False
            continue
        since += 1
        if v > base + (alpha + np.sqrt(since)) * s and since <= longest:
            spike[i] = True
            found += 1
        else:
            base, since, spike[i] = v, 0, False
    return found
