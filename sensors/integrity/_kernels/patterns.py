"""Detectors on the pattern of one channel: runs, copies, digits, heaps, order of neighbours."""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel

WINDOW = 24  # hours that must repeat before a copy is looked at
SIGNS = 48  # directions of change that must repeat for an affine copy


@kernel
def stuck(on, x, y):
    """Return the longest run of equal `y` while `x` moved, in nats: -ln of its probability by the unit's own habit.

    A step counts when `x` changed; the habit is how often `y` stays although `x` changed, in the whole record.
    """
    moved, stayed = 0, 0
    for i in range(1, on.size):
        if on[i] and on[i - 1] and x[i] != x[i - 1] and x[i] == x[i] and y[i] == y[i]:
            moved += 1
            stayed += y[i] == y[i - 1]
    if moved < 24:
        return 0.0, 0, 0
    habit = -math.log((stayed + 1.0) / (moved + 2.0))
    best, begin_best, end_best = 0, 0, 0
    run, begin = 0, 0
    for i in range(1, on.size):
        if on[i] and y[i] == y[i - 1]:
            if run == 0 and x[i] == x[i - 1]:
                continue
            if run == 0:
                begin = i - 1
            run += x[i] != x[i - 1]
            if run > best:
                best, begin_best, end_best = run, begin, i + 1
        else:
            run = 0
    return max(0.0, best * habit - math.log(moved)), begin_best, end_best


@kernel
def _hash_step(h, new):
    return (h * 1000003 + new) % 2147483647


@kernel
def copied(on, y, table, keys):
    """Return the longest stretch of `y` that occurs twice, exactly: its hours with a change of value.

    Windows of `WINDOW` hours with at least half as many changes are hashed and looked up; a hit is compared value by
    value and followed to its end.

    Parameters
    ----------
    on : uint8 (n,); y : float64 (n,)
    table : int64 (power of two, at least 2 n)
        Scratch.
    keys : int64 (n,)
        Scratch.

    Returns
    -------
    score, first hour of the later copy, hour after its last, first hour of the original
    """
    n = on.size
    table[:] = -1
    mask = table.size - 1
    for i in range(n):
        keys[i] = np.int64(abs(y[i]) * 1000.0) % 2147483629 + 1 if on[i] and y[i] == y[i] else 0
    power = 1
    for _ in range(WINDOW):
        power = power * 1000003 % 2147483647
    best, start, end, origin = 0, 0, 0, 0
    h, filled, changes = 0, 0, 0
    skip_to = 0
    for i in range(n):
        h = _hash_step(h, keys[i])
        filled = filled + 1 if keys[i] else 0
        if i >= 1:
            changes += y[i] != y[i - 1]
        if i >= WINDOW:
            h = (h - keys[i - WINDOW] * power) % 2147483647
            changes -= y[i - WINDOW + 1] != y[i - WINDOW]
        if filled < WINDOW or changes < WINDOW // 2:
            continue
        slot = (h * 2654435761) & mask
        begin = i - WINDOW + 1
        hit = -1
        while table[slot] >= 0:
            other = table[slot]
            same = begin - other >= WINDOW
            k = 0
            while same and k < WINDOW:
                same = y[other + k] == y[begin + k]
                k += 1
            if same:
                hit = other
                break
            slot = (slot + 1) & mask
        if hit < 0:
            table[slot] = begin
        elif begin >= skip_to:
            k, moved = 0, 0
            while begin + k < n and hit + k < begin and y[hit + k] == y[begin + k] and on[begin + k] and on[hit + k]:
                moved += k > 0 and y[begin + k] != y[begin + k - 1]
                k += 1
            skip_to = begin + k
            if moved > best:
                best, start, end, origin = moved, begin, begin + k, hit
    return float(best), start, end, origin


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
def scaled_copies(on, y, table, keys):
    """Return the best likeness of two stretches that go up and down together, whatever their scale and offset.

    The directions of change over `SIGNS` hours are hashed; stretches with the same directions are fitted by a straight
    line. Score: ln(spread / residual spread).

    Returns
    -------
    score, first hour of the later copy, hour after its last, first hour of the original
    """
    n = on.size
    table[:] = -1
    mask = table.size - 1
    power = 1
    for _ in range(SIGNS):
        power = power * 1000003 % 2147483647
    best, start, origin = 0.0, 0, 0
    h, filled, changes = 0, 0, 0
    keys[0] = 0
    for i in range(1, n):
        good = on[i] and on[i - 1] and y[i] == y[i] and y[i - 1] == y[i - 1]
        keys[i] = (2 + (y[i] > y[i - 1]) - (y[i] < y[i - 1])) if good else 0
        h = _hash_step(h, keys[i])
        filled = filled + 1 if good else 0
        changes += keys[i] == 1 or keys[i] == 3
        if i > SIGNS:
            h = (h - keys[i - SIGNS] * power) % 2147483647
            changes -= keys[i - SIGNS] == 1 or keys[i - SIGNS] == 3
        if filled < SIGNS or changes < SIGNS - SIGNS // 4:
            continue
        begin = i - SIGNS
        slot = (h * 2654435761) & mask
        hit = -1
        while table[slot] >= 0:
            other = table[slot]
            same = begin - other >= SIGNS
            k = 1
            while same and k <= SIGNS:
                same = keys[other + k] == keys[begin + k]
                k += 1
            if same:
                hit = other
                break
            slot = (slot + 1) & mask
        if hit < 0:
            table[slot] = begin
        else:
            score = _likeness(y, hit, begin, SIGNS + 1)
            if score > best:
                best, start, origin = score, begin, hit
    return best, start, start + SIGNS + 1 if best > 0.0 else 0, origin


@kernel
def heaped(on, y):
    """Return how many hours hold the very highest value beyond what the value below it lets expect, in nats.

    A channel cut at a limit holds its highest value often; a free one seldom holds it twice. The hours within one
    per cent below are the comparison.
    """
    top = -math.inf
    for i in range(on.size):
        if on[i] and y[i] > top:
            top = y[i]
    if not top > 0.0:
        return 0.0, 0, 0
    at, near, first, last = 0, 0, -1, 0
    for i in range(on.size):
        if on[i] and y[i] > 0.99 * top:
            if y[i] == top:
                at += 1
                if first < 0:
                    first = i
                last = i + 1
            else:
                near += 1
    if at < 3:
        return 0.0, 0, 0
    # the share of the topmost value among those near it, against one of five: a cut puts most of them there
    total = at + near
    share = at / total
    if share <= 0.2:
        return 0.0, 0, 0
    rest = (1.0 - share) * math.log((1.0 - share) / 0.8) if share < 1.0 else 0.0
    return total * (share * math.log(share / 0.2) + rest), first, last


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
def digit_shift(on, y, step, length):
    """Return the window whose last digits differ most from those of the whole record: sqrt(2 chi2) - sqrt(2 dof - 1).

    Parameters
    ----------
    step : float
        Resolution of the record.
    length : int
        Hours of operation in a window.
    """
    whole = np.zeros(10)
    total = 0
    for i in range(on.size):
        if on[i] and y[i] == y[i]:
            whole[int(round(y[i] / step)) % 10] += 1.0
            total += 1
    if total < 3 * length:
        return 0.0, 0, 0
    own = np.zeros(10)
    best, begin_best, end_best = 0.0, 0, 0
    used, begin = 0, 0
    for i in range(on.size):
        if not (on[i] and y[i] == y[i]):
            continue
        if used == 0:
            own[:] = 0.0
            begin = i
        own[int(round(y[i] / step)) % 10] += 1.0
        used += 1
        if used == length:
            chi2, cells = 0.0, 0
            for d in range(10):
                other = whole[d] - own[d]
                both = whole[d]
                if both > 0.0:
                    expected = both * used / total
                    rest = both * (total - used) / total
                    chi2 += (own[d] - expected) ** 2 / expected + (other - rest) ** 2 / rest
                    cells += 1
            score = math.sqrt(2.0 * chi2) - math.sqrt(2.0 * max(cells - 1, 1) - 1.0)
            if score > best:
                best, begin_best, end_best = score, begin, i + 1
            used = 0
    return best, begin_best, end_best


@kernel
def resolution(on, y):
    """Return the finest decimal step in which the values stand: 1, 0.1, 0.01 or 0.001."""
    step = 1.0
    fine = 0
    n = 0
    for i in range(on.size):
        if on[i] and y[i] == y[i]:
            n += 1
            while step > 0.0011 and abs(y[i] / step - round(y[i] / step)) > 1e-6 * max(1.0, abs(y[i] / step)):
                fine += 1
                if fine * 50 > n + 50:  # a few finer values do not set the resolution
                    step /= 10.0
                    fine = 0
                else:
                    break
    return step


@kernel
def order_patterns(on, y, length, entropy):
    """Fill, window by window, the entropy of the order of three neighbours (permutation entropy); return their number.

    Ties count as patterns of their own. Bandt and Pompe (2002), doi:10.1103/PhysRevLett.88.174102.
    """
    counts = np.zeros(9)
    used, w = 0, 0
    for i in range(2, on.size):
        if not (on[i] and on[i - 1] and on[i - 2]):
            continue
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
    return w
