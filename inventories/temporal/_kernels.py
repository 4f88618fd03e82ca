"""Expansion of annual emissions with profiles, and its rounding without loss.

Float64 sums; the caller excludes NaN.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel_parallel, prange


@kernel_parallel
def expand(annual, run_start, run_region, factor, keep, last, carry, out):
    """Fill hourly means out[t, c] = sum over k of annual[k, c] * factor[t, region, k], rounded without loss.

    What rounding takes from an hour is given to the next, so that the sum over the year is that of exact numbers. No
    cell changes its sign by it, and in an hour without emission what is left over is stored whole.

    Parameters
    ----------
    annual : (k, c) float64
        Means over the year, by sector and cell.
    run_start : (r + 1,) int64
        Where runs of cells of one region begin.
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
    mask = np.uint32(0xFFFFFFFF)
    if 0 < keep < 23:
        mask = np.uint32(0xFFFFFFFF) << np.uint32(23 - keep)
    for r in prange(run_region.size):
        a, n = run_start[r], run_start[r + 1] - run_start[r]
        region = run_region[r]
        total = np.empty(n)
        sign = np.zeros(n)
        stored = np.empty(n, np.float32)
        bits = stored.view(np.uint32)
        for k in range(sectors):
            for c in range(n):
                sign[c] += annual[k, a + c]
        for t in range(hours):
            total[:] = 0.0
            for k in range(sectors):
                f = factor[t, region, k]
                if f != 0.0:
                    for c in range(n):
                        total[c] += f * annual[k, a + c]
            cut = mask if t < last else np.uint32(0xFFFFFFFF)
            for c in range(n):
                exact = total[c] + carry[a + c]
                stored[c] = exact if exact * sign[c] > 0.0 else 0.0
            for c in range(n):
                bits[c] = bits[c] & (cut if total[c] != 0.0 else np.uint32(0xFFFFFFFF))
            for c in range(n):
                out[t, a + c] = stored[c]
                carry[a + c] += total[c] - np.float64(stored[c])
