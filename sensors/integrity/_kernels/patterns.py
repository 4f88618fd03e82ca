"""Detectors on the pattern of one channel: runs, copies, digits, heaps, order of neighbours.

All work on the hours of operation, one after another: `hour` says which they are.
"""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel

WINDOW, MOVED = 5, 3  # hours that must repeat before a copy is looked at, and how often the value moves in them
SIGNS, TURNS = 24, 18  # directions of change that must repeat for a scaled copy, and how many of them are not zero
SAMPLE = 2000  # values that tell the resolution
PRIME, FACTOR = 2147483647, 1000003  # of the rolling hashes


@kernel
def running_hours(on, x, y, hour, xs, ys):
    """Gather the hours of operation in which both channels have a value; return their number."""
    n = 0
    for i in range(on.size):
        if on[i] and x[i] == x[i] and y[i] == y[i]:
            hour[n], xs[n], ys[n] = i, x[i], y[i]
            n += 1
    return n


@kernel
def stuck(hour, x, y, n):
    """Return the longest run of equal `y` while `x` moved, in nats: -ln of its probability by the unit's own habit.

    A step counts when `x` changed; the habit is how often `y` stays although `x` changed, in the whole record.
    Returns score, first hour, hour after the last.
    """
    moved, stayed = 0, 0
    for i in range(1, n):
        if hour[i] == hour[i - 1] + 1 and x[i] != x[i - 1]:
            moved += 1
            stayed += y[i] == y[i - 1]
    if moved < 24:
        return 0.0, 0, 0
    best, begin_best, end_best = 0, 0, 0
    run, begin = 0, 0
    for i in range(1, n):
        if hour[i] == hour[i - 1] + 1 and y[i] == y[i - 1]:
            if run == 0:
                begin = hour[i - 1]
            run += x[i] != x[i - 1]
            if run > best:
                best, begin_best, end_best = run, begin, hour[i] + 1
        else:
            run = 0
    # the run itself does not make the habit
    habit = -math.log((stayed - best + 1.0) / (moved - best + 2.0))
    return max(0.0, best * habit - math.log(moved)), begin_best, end_best


@kernel
def _reduced(v):
    """Return v modulo the Mersenne prime, for 0 <= v < 2**62: two shifts in place of a division."""
    v = (v & PRIME) + (v >> 31)
    v = (v & PRIME) + (v >> 31)
    return v - PRIME if v >= PRIME else v


@kernel
def _rolled(h, new, old, power):
    """Return the hash of a window that gained one key and lost another, both at least 0."""
    h = _reduced(h * FACTOR + (new & PRIME)) - _reduced((old & PRIME) * power)
    return h + PRIME if h < 0 else h


@kernel
def _find(table, hashes, keys, begin, length, h, mask):
    """Return the earlier window with the same keys, -1 after entering this one in the table."""
    hashes[begin] = h
    slot = (h * 2654435761 >> 16) & mask
    while table[slot] >= 0:
        other = table[slot]
        if hashes[other] == h and begin - other >= length:
            k = 0
            while k < length and keys[other + k] == keys[begin + k]:
                k += 1
            if k == length:
                return other
        slot = (slot + 1) & mask
    table[slot] = begin
    return -1


@kernel
def _power(length):
    """Return the weight of the key that leaves a window of `length` keys."""
    power = 1
    for _ in range(length):
        power = power * FACTOR % PRIME
    return power


@kernel
def _surprise(keys, n, table, told):
    """Fill `told` with the sums of -ln of how often each step of the value occurs in the record; none for a step of 0.

    The steps are counted in a table of hashes: two that share a place count as more frequent, never as rarer.
    """
    mask = table.size - 1
    table[:] = 0
    for i in range(1, n):
        table[((keys[i] - keys[i - 1]) * FACTOR >> 3) & mask] += 1
    told[0] = 0.0
    rarest = math.log(n)
    for i in range(1, n):
        change = keys[i] - keys[i - 1]
        told[i] = told[i - 1]
        if change != 0:
            count = table[(change * FACTOR >> 3) & mask]
            told[i] += rarest if count == 1 else rarest - math.log(count)


@kernel
def copied(hour, y, n, step, table, hashes, keys):
    """Return the stretch of `y` that occurs twice, exactly, and is least likely to by chance, in nats.

    -ln of the product of the frequencies of its steps, less the logarithm of how many pairs of hours there are: a
    stretch of fine values needs few hours, one of coarse values that often take the same steps needs many.

    Parameters
    ----------
    hour : int64 (n,); y : float64 (n,)
    step : float
        Resolution of the record.
    table : int64 (power of two, at least 2 n); hashes, keys : int64 (n,)
        Scratch.

    Returns
    -------
    score, first hour of the later copy, hour after its last, first hour of the original
    """
    power = _power(WINDOW)
    best, start, end, origin = 0.0, 0, 0, 0
    h, moves, done = 0, 0, 0
    low = math.inf
    for i in range(n):
        low = min(low, y[i])
    for i in range(n):  # whole steps: an exact copy may differ in the last bit of a conversion
        keys[i] = math.floor((y[i] - low) / step + 0.5)
    told = np.empty(n)
    _surprise(keys, n, table, told)
    pairs = 2.0 * math.log(n)
    table[:] = -1
    mask = table.size - 1
    for i in range(n):
        moves += i > 0 and keys[i] != keys[i - 1]
        if i < WINDOW:
            h = _rolled(h, keys[i], 0, power)
        else:
            h = _rolled(h, keys[i], keys[i - WINDOW], power)
            moves -= keys[i - WINDOW + 1] != keys[i - WINDOW]
        begin = i - WINDOW + 1
        if begin < 0 or moves < MOVED:
            continue
        hit = _find(table, hashes, keys, begin, WINDOW, h, mask)
        if hit < 0 or begin < done:
            continue
        k = 0
        while begin + k < n and hit + k < begin and keys[hit + k] == keys[begin + k]:
            k += 1
        done = begin + k
        score = told[done - 1] - told[begin] - pairs
        if score > best:
            best, start, end, origin = score, hour[begin], hour[done - 1] + 1, hour[hit]
    return best, start, end, origin


@kernel
def _likeness(y, a, b, length):
    """Return ln(spread / residual spread) of the straight line between two stretches, 0 if one does not vary."""
    ma, mb = 0.0, 0.0
    for k in range(length):
        ma += y[a + k]
        mb += y[b + k]
    ma, mb = ma / length, mb / length
    saa, sbb, sab = 0.0, 0.0, 0.0
    for k in range(length):
        da, db = y[a + k] - ma, y[b + k] - mb
        saa += da * da
        sbb += db * db
        sab += da * db
    if not (saa > 1e-6 * length * ma * ma and sbb > 1e-6 * length * mb * mb) or sab <= 0.0:
        return 0.0
    return -0.5 * math.log(max(1.0 - sab * sab / (saa * sbb), 1e-14))


@kernel
def scaled_copies(hour, y, n, table, hashes, keys):
    """Return the best likeness of two stretches that go up and down together, whatever their scale and offset.

    The directions of change over `SIGNS` hours are hashed; stretches with the same directions are fitted by a straight
    line. Score: ln(spread / residual spread). Scratch and results as for :func:`copied`.
    """
    table[:] = -1
    mask = table.size - 1
    power = _power(SIGNS)
    best, start, end, origin = 0.0, 0, 0, 0
    h, turns = 0, 0
    for i in range(1, n):
        key = 2 + (y[i] > y[i - 1]) - (y[i] < y[i - 1])
        keys[i - 1] = key
        turns += key != 2
        begin = i - SIGNS
        if begin <= 0:
            h = _rolled(h, key, 0, power)
        else:
            h = _rolled(h, key, keys[begin - 1], power)
            turns -= keys[begin - 1] != 2
        if begin < 0 or turns < TURNS:
            continue
        hit = _find(table, hashes, keys, begin, SIGNS, h, mask)
        if hit >= 0:
            score = _likeness(y, hit, begin, SIGNS + 1)
            if score > best:
                best, start, end, origin = score, hour[begin], hour[i] + 1, hour[hit]
    return best, start, end, origin


@kernel
def heaped(hour, x, y, n, length):
    """Return how many hours hold the highest value of a window beyond what the values near it let expect, in nats.

    A channel cut at a limit holds its highest value often although the load moves; a free one seldom holds it twice.
    The hours within one per cent below are the comparison. Returns score, first hour, hour after the last.
    """
    best, begin_best, end_best = 0.0, 0, 0
    for begin in range(0, max(1, n - length // 2), length // 2):
        stop = min(n, begin + length)
        top = -math.inf
        for i in range(begin, stop):
            top = max(top, y[i])
        if not top > 0.0:
            continue
        at, near, first, last = 0, 0, -1, 0
        for i in range(begin, stop):
            if y[i] <= 0.99 * top:
                continue
            if y[i] < top:
                near += 1
            elif i == 0 or x[i] != x[i - 1] or y[i - 1] != top:
                at += 1
                first = hour[i] if first < 0 else first
                last = hour[i] + 1
        share = at / (at + near)
        if at < 3 or share <= 0.2:
            continue
        rest = (1.0 - share) * math.log((1.0 - share) / 0.8) if share < 1.0 else 0.0
        score = (at + near) * (share * math.log(share / 0.2) + rest)
        if score > best:
            best, begin_best, end_best = score, first, last
    return best, begin_best, end_best


@kernel
def crowded(on, y, limit, width):
    """Return the excess of hours just below a limit over those just above it: z of the sign test (0 if none).

    Parameters
    ----------
    limit, width : float
        Values in [limit - width, limit) are set against [limit, limit + width).
    """
    below, above, first, last = 0, 0, -1, 0
    for i in range(on.size):
        if on[i] and limit - width <= y[i] < limit + width:
            if y[i] < limit:
                below += 1
                if first < 0:
                    first = i
                last = i + 1
            else:
                above += 1
    n = below + above
    return (max(0.0, (below - above) / math.sqrt(n)) if n >= 20 else 0.0), max(first, 0), last


@kernel
def digit_shift(hour, y, n, step, length):
    """Return the window whose last digits differ most from those of the whole record: sqrt(2 chi2) - sqrt(2 dof - 1).

    Parameters
    ----------
    step : float
        Resolution of the record.
    length : int
        Hours in a window.

    Returns
    -------
    score, first hour, hour after the last
    """
    whole, own = np.zeros(10), np.zeros(10)
    for i in range(n):
        whole[round((y[i] - y[0]) / step) % 10] += 1.0
    best, begin_best, end_best = 0.0, 0, 0
    if n < 3 * length:
        return best, begin_best, end_best
    for begin in range(0, n - length + 1, length):
        own[:] = 0.0
        for i in range(begin, begin + length):
            own[round((y[i] - y[0]) / step) % 10] += 1.0
        chi2, cells = 0.0, 0
        for d in range(10):
            if whole[d] > 0.0:
                expected, rest = whole[d] * length / n, whole[d] * (n - length) / n
                chi2 += (own[d] - expected) ** 2 / expected + (whole[d] - own[d] - rest) ** 2 / rest
                cells += 1
        score = math.sqrt(2.0 * chi2) - math.sqrt(2.0 * max(cells - 1, 1) - 1.0)
        if score > best:
            best, begin_best, end_best = score, hour[begin], hour[begin + length - 1] + 1
    return best, begin_best, end_best


@kernel
def resolution(y, n):
    """Return the step in which the values stand, whatever their unit: the smallest change, or a simple part of it.

    A channel recorded to 0.1 mmBtu/h and converted to W stands in steps of 29307 W. Continuous values have a step near
    zero.
    """
    n = min(n, SAMPLE)
    top, least = 0.0, math.inf
    for i in range(n):
        top = max(top, abs(y[i]))
    for i in range(1, n):
        d = abs(y[i] - y[i - 1])
        if d > 1e-9 * top:
            least = min(least, d)
    if least == math.inf:
        return max(top, 1e-300)
    for part in range(1, 11):
        step, off = least / part, 0
        for i in range(n):
            places = (y[i] - y[0]) / step
            off += abs(places - round(places)) > 0.02
        if off * 50 <= n:  # a few finer values do not set the resolution
            return step
    return least


@kernel
def order_patterns(hour, y, n, length, entropy, first):
    """Fill, window by window, the entropy of the order of three neighbours, and the first hour; return their number.

    Ties count as patterns of their own. Permutation entropy: Bandt and Pompe (2002),
    doi:10.1103/PhysRevLett.88.174102.
    """
    counts = np.zeros(9)
    used, w = 0, 0
    for i in range(2, n):
        if hour[i] != hour[i - 2] + 2:
            continue
        if used == 0:
            first[w] = hour[i - 2]
        a = 1 + (y[i - 1] > y[i - 2]) - (y[i - 1] < y[i - 2])
        b = 1 + (y[i] > y[i - 1]) - (y[i] < y[i - 1])
        counts[3 * a + b] += 1.0
        used += 1
        if used == length:
            h = 0.0
            for c in counts:
                if c > 0.0:
                    h -= c / used * math.log(c / used)
            entropy[w] = h
            w += 1
            counts[:] = 0.0
            used = 0
    if w < first.size:
        first[w] = hour[n - 1] + 1 if n else 0
    return w
