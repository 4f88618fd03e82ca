"""Kernel that turns readings into statistics by minute and port in one pass: valve, flush, status, water, means.

Readings are split into chunks at fixed row numbers; each chunk begins with the first record that starts in it and
finds the state it needs by looking back, so that the result depends neither on the number of threads nor on where a
file ends.

NaN rule: a reading that is NaN or infinite is not used; water that is NaN makes a reading that needs it unusable.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel

MINUTE = 60_000_000_000
PLAIN, WATER, BRACKET = 0, 1, 2


@kernel
def _turns(time, port, i, gap, minute):
    """Tell whether row `i` starts a record: another minute or port, or after a gap."""
    return port[i] != port[i - 1] or time[i] - time[i - 1] > gap or time[i] // minute != time[i - 1] // minute


@kernel
def _first_of_chunk(time, port, i, gap, minute):
    """Return the first row from `i` on that starts a record."""
    n = time.size
    while i < n and i > 0 and not _turns(time, port, i, gap, minute):
        i += 1
    return i


@kernel
def _visit_start(time, port, i, gap, longest):
    """Return the time at which the stay on the port of row `i` began, or one that is earlier than matters."""
    k = i
    while k > 0 and port[k - 1] == port[i] and time[k] - time[k - 1] <= gap and time[i] - time[k] <= longest:
        k -= 1
    return time[k]


@kernel
def chunk_capacity(time, port, first, last, gap, minute):
    """Return an upper bound of the number of records in rows ``first:last``; a clock may jump by centuries."""
    count = 2
    for i in range(max(first, 1), last):
        count += _turns(time, port, i, gap, minute)
    return count


@kernel
def _stretch(
    time, port, bad, x, water, kind, a, b, gap, hold, i, last, edge, n, nw, x0, s1, s2, sw, lost, row
):  # fmt: skip
    """Add the rows from `i` on that lie in one record to its sums; return the last of them and the sums."""
    p = port[i]
    before = time[i - 1]
    held = x[0, i - 1]
    while True:
        t = time[i]
        if bad[i] > 0:
            lost[bad[i] - 1, row] += 1
        else:
            v = x[0, i]
            if not (v == held and t - before < hold):
                h = water[i]
                if kind == 1:
                    v = v / (1.0 + h * (a + b * h))
                if np.isfinite(v):
                    if n == 0:
                        x0 = v
                    d = v - x0
                    s1 += d
                    s2 += d * d
                    n += 1
                    if np.isfinite(h):
                        sw += h
                        nw += 1
                else:
                    lost[3, row] += 1
        held = x[0, i]
        before = t
        k = i + 1
        if k >= last or time[k] >= edge or port[k] != p or time[k] - t > gap:
            return i, n, nw, x0, s1, s2, sw
        i = k


@kernel
def _open(row, n, s1, s2, mean, m2, lost):
    """Begin a record: sums of zero, and no mean until there is a reading."""
    for g in range(n.size):
        n[g] = 0
        s1[g] = 0.0
        s2[g] = 0.0
        mean[g, row] = np.nan
        m2[g, row] = 0.0
    for j in range(lost.shape[0]):
        lost[j, row] = 0


@kernel
def _close(row, n, x0, s1, s2, nw, sw, count, mean, m2):
    """Write the statistics of a record from its sums about the first reading; return its mean water."""
    for g in range(n.size):
        count[g, row] = n[g]
        if n[g] > 0:
            shift = s1[g] / n[g]
            mean[g, row] = x0[g] + shift
            m2[g, row] = max(s2[g] - s1[g] * shift, 0.0)
    return sw / nw if nw > 0 else np.nan


@kernel
def _water_before(time, water, scan, first, hold):
    """Return water and time of the last scan before row `first`, if it is not too long ago."""
    k = first - 1
    while k >= 0 and time[first] - time[k] <= hold:
        if scan[k]:
            return water[k], time[k]
        k -= 1
    return np.nan, np.int64(-(1 << 62))


@kernel
def _chunk(
    time, port, bad, x, water, scan, mode, a, b, flush, longest, gap, hold, minute, first, last,
    slot, start, end, ports, count, mean, m2, wet, lost,
):  # fmt: skip
    """Fill the records of rows ``first:last``, at least one, from `slot` on; return how many there are."""
    gases = x.shape[0]
    row = slot - 1
    n = np.zeros(gases, np.int64)
    x0 = np.zeros(gases)
    s1 = np.zeros(gases)
    s2 = np.zeros(gases)
    nw = 0
    sw = 0.0
    begun = _visit_start(time, port, first, gap, longest)
    edge = np.int64(-1)
    before, when = _water_before(time, water, scan, first, hold)
    i = first - 1
    while i + 1 < last:
        i += 1
        t = time[i]
        p = port[i]
        broken = i > 0 and (p != port[i - 1] or t - time[i - 1] > gap)
        if broken and i > first:
            begun = t
        if row < slot or broken or t >= edge:
            if row >= slot:
                end[row] = min(edge, time[i - 1] + 1) if broken else edge
                wet[row] = _close(row, n, x0, s1, s2, nw, sw, count, mean, m2)
            row += 1
            low = t // minute * minute
            edge = low + minute
            ready = begun + (flush[p] if p >= 0 else 0)
            start[row] = min(max(max(low, begun), ready), edge - 1)
            ports[row] = p
            _open(row, n, s1, s2, mean, m2, lost)
            nw = 0
            sw = 0.0
        h = water[i]
        own = h
        if scan[i]:
            own = 0.5 * (h + before) if t - when <= hold else np.nan
            before = h
            when = t
        if p < 0:
            continue
        if gases == 1 and mode[0] < 2 and row >= slot and i > 0 and t - begun >= flush[p]:
            # the rows of one gas that share this record: the same sums in the same order, held in registers
            i, n[0], nw, x0[0], s1[0], s2[0], sw = _stretch(
                time, port, bad, x, water, mode[0], a[0], b[0], gap, hold, i, last, edge,
                n[0], nw, x0[0], s1[0], s2[0], sw, lost, row,
            )  # fmt: skip
            continue
        if bad[i] > 0:
            lost[bad[i] - 1, row] += 1
            continue
        if t - begun < flush[p]:
            lost[2, row] += 1
            continue
        used = False
        for g in range(gases):
            v = x[g, i]
            kind = mode[g]
            if kind == 2:
                if not scan[i]:
                    continue
                v = v / (1.0 + own * (a[g] + b[g] * own))
            else:
                if i > 0 and v == x[g, i - 1] and t - time[i - 1] < hold:
                    continue  # held from the row before: no new reading
                if kind == 1:
                    v = v / (1.0 + h * (a[g] + b[g] * h))
            if not np.isfinite(v):
                lost[3, row] += 1
                continue
            if n[g] == 0:
                x0[g] = v
            d = v - x0[g]
            s1[g] += d
            s2[g] += d * d
            n[g] += 1
            used = True
        if used and np.isfinite(h):
            sw += h
            nw += 1
    if row >= slot:
        end[row] = min(edge, time[last - 1] + 1)
        if last < time.size:
            t = time[last]
            near = port[last] == port[last - 1] and t - time[last - 1] <= gap
            end[row] = edge if near and t >= edge else min(edge, time[last - 1] + 1)
        wet[row] = _close(row, n, x0, s1, s2, nw, sw, count, mean, m2)
    return row + 1 - slot


@kernel
def accumulate(
    lo, hi, time, port, bad, x, water, scan, mode, a, b, flush, longest, gap, hold, minute, bounds, slots,
    start, end, ports, count, mean, m2, wet, lost, sizes,
):  # fmt: skip
    """Fill statistics of the rows ``bounds[lo]:bounds[hi]``, chunks of them, for :func:`ghg.core.jit.spread`.

    Parameters
    ----------
    time : int64 (n,)
        [ns], strictly ascending; rows before ``bounds[0]`` are context.
    port : int16 (n,)
        Port of each row, -1 for none.
    bad : uint8 (n,)
        0, or 1 + the reason for which the row is not used.
    x : float64 (gases, n)
        Readings.
    water : float64 (n,)
        [percent].
    scan : bool (n,)
        Rows that end a cycle of scans (species of water).
    mode : int64 (gases,)
        0: reading is dry; 1: water of the same row; 2: at `scan` rows, water of the scans before and after.
    a, b : float64 (gases,)
        Coefficients of 1 + a h + b h^2.
    flush : int64 (ports,)
        [ns] left out after the port was opened; `longest` is the greatest of them and one interval more.
    gap : int
        [ns] without rows that end a stay.
    hold : int
        [ns]; an equal value in the next row within this time is the same reading, held.
    minute : int
        Length of the intervals [ns].
    bounds : int64 (chunks + 1,)
        Rows at which chunks may begin.
    slots : int64 (chunks,)
        First place of each chunk in the outputs.
    start, end, ports, count, mean, m2, wet, lost :
        Filled from each slot on; `sizes` (chunks,) with the number of records.
    """
    chunks = sizes.size
    for c in range(lo, hi):
        first = bounds[c] if c == 0 else _first_of_chunk(time, port, bounds[c], gap, minute)
        last = bounds[c + 1] if c == chunks - 1 else _first_of_chunk(time, port, bounds[c + 1], gap, minute)
        sizes[c] = 0
        if first < last:
            sizes[c] = _chunk(
                time, port, bad, x, water, scan, mode, a, b, flush, longest, gap, hold, minute, first, last,
                slots[c], start, end, ports, count, mean, m2, wet, lost,
            )  # fmt: skip
