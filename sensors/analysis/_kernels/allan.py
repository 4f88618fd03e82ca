"""Sums of squared differences of phase, for the Allan family.

NaN rule: a phase that is missing takes away the terms it belongs to, and no others; the number of terms is returned.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel, kernel_parallel, kernel_sum, prange

__all__ = ["averaged", "differences", "total"]


@kernel_sum
def _second(x, m, stride):
    """Return the sum of squares of second differences over `m` steps, and their number."""
    end = x.size - 2 * m
    total, missing = 0.0, 0
    if stride == 1:
        near, mid, far = x[:end], x[m : m + end], x[2 * m : 2 * m + end]
        for i in range(end):
            d = far[i] - 2.0 * mid[i] + near[i]
            there = d == d
            total += d * d if there else 0.0
            missing += 0 if there else 1
        return total, end - missing
    count = 0
    for i in range(0, end, stride):
        d = x[i + 2 * m] - 2.0 * x[i + m] + x[i]
        if d == d:
            total += d * d
            count += 1
    return total, count


@kernel_sum
def _third(x, m, stride):
    """Return the sum of squares of third differences over `m` steps, and their number."""
    end = x.size - 3 * m
    total, missing, count = 0.0, 0, 0
    if stride == 1:
        a, b, c, d = x[:end], x[m : m + end], x[2 * m : 2 * m + end], x[3 * m : 3 * m + end]
        for i in range(end):
            t = d[i] - 3.0 * c[i] + 3.0 * b[i] - a[i]
            there = t == t
            total += t * t if there else 0.0
            missing += 0 if there else 1
        return total, end - missing
    for i in range(0, end, stride):
        t = x[i + 3 * m] - 3.0 * x[i + 2 * m] + 3.0 * x[i + m] - x[i]
        if t == t:
            total += t * t
            count += 1
    return total, count


@kernel_parallel
def differences(x, factors, order, overlapping):
    """Return sums of squared differences of phase and their numbers, for each averaging factor.

    Parameters
    ----------
    x : (n,) float64
        Phase; NaN is missing.
    factors : (k,) int64
        Averaging factors, at least 1.
    order : int
        2 (Allan) or 3 (Hadamard).
    overlapping : int
        1 for all differences, 0 for those that do not share an interval.
    """
    sums, counts = np.zeros(factors.size), np.zeros(factors.size, np.int64)
    for k in prange(factors.size):
        m = factors[k]
        stride = 1 if overlapping == 1 else m
        if order * m < x.size:
            if order == 2:
                sums[k], counts[k] = _second(x, m, stride)
            else:
                sums[k], counts[k] = _third(x, m, stride)
    return sums, counts


@kernel
def _averaged(x, m):
    """Return the sum of squares of second differences averaged over `m` neighbours, and their number."""
    terms = x.size - 3 * m + 1
    running, gaps = 0.0, 0
    total, count = 0.0, 0
    for i in range(m):
        a, b, c = x[i], x[i + m], x[i + 2 * m]
        gaps += (0 if a == a else 1) + (0 if b == b else 1) + (0 if c == c else 1)
        running += (c if c == c else 0.0) - 2.0 * (b if b == b else 0.0) + (a if a == a else 0.0)
    for j in range(terms):
        if gaps == 0:
            total += running * running
            count += 1
        if j + 1 < terms:
            a, b, c, d = x[j], x[j + m], x[j + 2 * m], x[j + 3 * m]
            gaps += (0 if d == d else 1) - (0 if a == a else 1)
            a, b = (a if a == a else 0.0), (b if b == b else 0.0)
            c, d = (c if c == c else 0.0), (d if d == d else 0.0)
            running += d - 3.0 * c + 3.0 * b - a
    return total / (float(m) * float(m)), count


@kernel_parallel
def averaged(x, factors):
    """Return the sums of the modified Allan variance and the numbers of terms; a term with a gap is left out."""
    sums, counts = np.zeros(factors.size), np.zeros(factors.size, np.int64)
    for k in prange(factors.size):
        if 3 * factors[k] <= x.size:
            sums[k], counts[k] = _averaged(x, factors[k])
    return sums, counts


@kernel_parallel
def total(x, factors):
    """Return the sums of the total variance over the phase reflected at both ends, and the numbers of terms."""
    n = x.size
    sums, counts = np.zeros(factors.size), np.zeros(factors.size, np.int64)
    if n < 3:  # the compiler moves the reading of the ends out of the loop
        return sums, counts
    for k in prange(factors.size):
        m = factors[k]
        value, count = 0.0, 0
        if m < n:
            for i in range(1, n - 1):
                before, after = i - m, i + m
                left = x[before] if before >= 0 else 2.0 * x[0] - x[-before]
                right = x[after] if after < n else 2.0 * x[n - 1] - x[2 * (n - 1) - after]
                d = left - 2.0 * x[i] + right
                if d == d:
                    value += d * d
                    count += 1
        sums[k], counts[k] = value, count
    return sums, counts
