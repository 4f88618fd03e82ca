"""Expansion of annual emissions with profiles, and its rounding without loss.

Float64 sums; the caller excludes NaN.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel

TOGETHER = 4  # sectors that are added in one pass over the cells


@kernel
def expand(lo, hi, annual, run_start, run_region, factor, keep, last, carry, out):
    """Fill hourly means out[t, c] = sum over k of annual[k, c] * factor[t, region, k], rounded without loss.

    What rounding takes from an hour is given to the next, so that the sum over the year is that of exact numbers. No
    cell changes its sign by it, and in an hour without emission what is left over is stored whole.

    Parameters
    ----------
    lo, hi : int
        The runs that are filled; runs are independent.
    annual : (k, c) float64
        Means over the year, by sector and cell.
    run_start : (r + 1,) int64
        Where runs of cells of one region begin; short runs stay in the nearest cache over all hours.
    run_region : (r,) int64
        Region of each run.
    factor : (t, regions, k) float64
        Rate of the hour over the mean rate of the year.
    keep : int
        Bits of the significand that are kept, 1 to 22, the others cut off; 0 stores the nearest float32.
    last : int
        Hour of this block from which float32 is kept whole; the block's length where the year does not end in it.
    carry : (c,) float64
        Rounding carried from the hour before; changed.
    out : (t, c) float32
        Filled.
    """
    hours, sectors = out.shape[0], annual.shape[0]
    whole = np.uint32(0xFFFFFFFF)
    mask = whole << np.uint32(23 - keep) if 0 < keep < 23 else whole
    room = 0
    for r in range(lo, hi):
        room = max(room, run_start[r + 1] - run_start[r])
    groups = (sectors + TOGETHER - 1) // TOGETHER
    near, rate = np.zeros((groups, TOGETHER, room)), np.zeros((groups, TOGETHER))
    total, sign, stored = np.empty(room), np.empty(room), np.empty(room, np.float32)
    bits = stored.view(np.uint32)
    for r in range(lo, hi):
        a, n = run_start[r], run_start[r + 1] - run_start[r]
        owed = carry[a : a + n]
        sign[:] = 0.0
        for k in range(sectors):
            source, target = annual[k, a : a + n], near[k // TOGETHER, k % TOGETHER]
            for c in range(n):
                target[c] = source[c]
                sign[c] += source[c]
        for t in range(hours):
            for k in range(sectors):
                rate[k // TOGETHER, k % TOGETHER] = factor[t, run_region[r], k]
            for g in range(groups):
                # four sums at a time, so that the totals are not read and written for every sector
                f0, f1, f2, f3 = rate[g, 0], rate[g, 1], rate[g, 2], rate[g, 3]
                n0, n1, n2, n3 = near[g, 0], near[g, 1], near[g, 2], near[g, 3]
                for c in range(n):
                    part = (f0 * n0[c] + f1 * n1[c]) + (f2 * n2[c] + f3 * n3[c])
                    total[c] = part if g == 0 else total[c] + part
            line = out[t, a : a + n]
            for c in range(n):
                exact = total[c] + owed[c]
                stored[c] = exact if exact * sign[c] > 0.0 else 0.0
            if mask != whole and t < last:
                for c in range(n):
                    bits[c] = bits[c] & (mask if total[c] != 0.0 else whole)
            for c in range(n):
                line[c] = stored[c]
                owed[c] += total[c] - np.float64(stored[c])
