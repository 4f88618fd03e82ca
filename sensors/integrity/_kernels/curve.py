"""The curve by which one channel follows another, estimated within short stretches: no change of level enters it.

A curve fitted through the hours before and after a change of level hides part of the change wherever the loads before
and after differ. Here each stretch of `STRETCH` steady hours has a level of its own (fixed effects), and only what
happens inside the stretches tells the curve.
"""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel
from sensors.integrity._kernels.small import median

STRETCH = 48  # steady hours that share a level
KNOTS = 8  # of the curve: a straight line in logarithms between them
SPACING = 0.02  # least distance of knots, in ln
RIDGE = 1.0  # weight, in hours, with which the slopes of neighbouring pieces are held to that of proportion
ROUNDS = 3  # of re-weighting
FINE = 256  # cells of the histogram from which the knots are taken
HUBER, LEAST = 1.5, 2e-3  # residuals beyond 1.5 spreads count less; least spread


@kernel
def _knots(lx, count, knots):
    """Fill `knots` with quantiles of `lx`, from a histogram; return their number (1 where `lx` hardly varies)."""
    low, high = math.inf, -math.inf
    for k in range(count):
        low, high = min(low, lx[k]), max(high, lx[k])
    width = (high - low) / FINE
    knots[0] = low
    if not width > 0.0:
        return 1
    cells = np.zeros(FINE, np.int64)
    for k in range(count):
        cells[min(FINE - 1, int((lx[k] - low) / width))] += 1
    used, total, wanted = 0, 0, 0
    for f in range(FINE):
        total += cells[f]
        while wanted < KNOTS and total >= count * (0.02 + 0.96 * wanted / (KNOTS - 1.0)):
            v = low + (f + 0.5) * width
            if used == 0 or v - knots[used - 1] > SPACING:
                knots[used] = v
                used += 1
            wanted += 1
    return max(used, 1)


@kernel
def _places(lx, count, knots, used, piece, share):
    """Fill the piece of the curve in which each hour lies, and how far along."""
    for k in range(count):
        p = 0
        while p < used - 2 and lx[k] > knots[p + 1]:
            p += 1
        s = (lx[k] - knots[p]) / (knots[p + 1] - knots[p])
        piece[k] = p
        share[k] = min(1.0, max(0.0, s))


@kernel
def _solve(a, b, n):
    """Solve the symmetric positive system in place (Cholesky); the answer is left in `b`."""
    for j in range(n):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = math.sqrt(max(a[j, j], 1e-300))
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    for i in range(n):
        for k in range(i):
            b[i] -= a[i, k] * b[k]
        b[i] /= a[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            b[i] -= a[k, i] * b[k]
        b[i] /= a[i, i]


@kernel
def _stretch(z, weight, piece, share, begin, stop, a, b, sums):
    """Add one stretch, its mean taken out, to the normal equations."""
    used = b.size
    sums[:] = 0.0
    total, mean = 0.0, 0.0
    for k in range(begin, stop):
        w, p, s = weight[k], piece[k], share[k]
        total += w
        mean += w * z[k]
        sums[p] += w * (1.0 - s)
        sums[p + 1] += w * s
        a[p, p] += w * (1.0 - s) * (1.0 - s)
        a[p + 1, p] += w * s * (1.0 - s)
        a[p + 1, p + 1] += w * s * s
        b[p] += w * (1.0 - s) * z[k]
        b[p + 1] += w * s * z[k]
    if total > 0.0:
        for i in range(used):
            b[i] -= sums[i] * mean / total
            for j in range(i + 1):
                a[i, j] -= sums[i] * sums[j] / total


@kernel
def _weights(z, height, piece, share, count, weight, work):
    """Give hours far from the curve of their stretch less weight (Huber)."""
    for begin in range(0, count, STRETCH):
        stop = min(count, begin + STRETCH)
        total, mean = 0.0, 0.0
        for k in range(begin, stop):
            p, s = piece[k], share[k]
            work[k] = z[k] - (1.0 - s) * height[p] - s * height[p + 1]
            total += weight[k]
            mean += weight[k] * work[k]
        for k in range(begin, stop):
            work[k] = abs(work[k] - mean / total)
            weight[k] = work[k]
    spread = max(1.4826 * median(work, 0, count), LEAST)
    for k in range(count):
        weight[k] = 1.0 / max(1.0, weight[k] / (HUBER * spread))


@kernel
def residuals(x, y, index, count, r, work):
    """Fill `r` with ln y less its curve over ln x, for the hours listed in `index`; its mean level is arbitrary.

    Parameters
    ----------
    x, y : float64 (n,)
        Positive at the listed hours.
    index : int64 (n,), count : int
        Hours that are used.
    r, work : float64 (n,)
        `r` is filled for k < count; `work` is scratch.
    """
    if count == 0:
        return
    for k in range(count):
        work[k] = math.log(x[index[k]])
    knots = np.empty(KNOTS)
    used = _knots(work, count, knots)
    if used < 2:
        for k in range(count):
            r[k] = math.log(y[index[k]]) - work[k]
        return
    piece, share, weight = np.empty(count, np.int64), np.empty(count), np.ones(count)
    _places(work, count, knots, used, piece, share)
    for k in range(count):
        r[k] = math.log(y[index[k]]) - work[k]
    a, height, sums = np.empty((used, used)), np.empty(used), np.empty(used)
    for turn in range(ROUNDS):
        a[:] = 0.0
        height[:] = 0.0
        for i in range(used):
            a[i, i] = 1e-6 + RIDGE * (1.0 if i in (0, used - 1) else 2.0)
            if i > 0:
                a[i, i - 1] = -RIDGE
        for begin in range(0, count, STRETCH):
            _stretch(r, weight, piece, share, begin, min(count, begin + STRETCH), a, height, sums)
        _solve(a, height, used)
        if turn < ROUNDS - 1:
            _weights(r, height, piece, share, count, weight, work)
    for k in range(count):
        p, s = piece[k], share[k]
        r[k] -= (1.0 - s) * height[p] + s * height[p + 1]
