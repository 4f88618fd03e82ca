"""Kernels of the packed store: plain arrays, NaN in -> NaN out, rows independent, so threads do not change results.

They work on rows lo to hi of the chosen ones, for :func:`ghg.core.jit.spread`.
"""

from __future__ import annotations

from ghg.core.jit import kernel


@kernel
def times_map(lo, hi, rows, start, cell, value, flux, out):
    """Set out (n,) to the sum of value * flux[cell] of chosen rows: rows (n,), start (all + 1,), flux (cells,)."""
    for k in range(lo, hi):
        total = 0.0
        for i in range(start[rows[k]], start[rows[k] + 1]):
            total += value[i] * flux[cell[i]]
        out[k] = total


@kernel
def gather(lo, hi, rows, start, cell, lag, value, period, begin, cell_out, period_out, value_out):
    """Copy chosen rows: period (n, lags + 1) is the period of the state of each lag, its last column the remainder."""
    last = period.shape[1] - 1
    for k in range(lo, hi):
        place = begin[k]
        for i in range(start[rows[k]], start[rows[k] + 1]):
            cell_out[place] = cell[i]
            value_out[place] = value[i]
            which = lag[i] if lag.size else -1
            period_out[place] = period[k, last if which < 0 else which]
            place += 1
