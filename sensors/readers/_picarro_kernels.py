"""Kernels of the Picarro text parser: straight from bytes to float64 columns, only the wanted fields read.

A log has one line per row, fields separated by blanks and usually padded to one width. Where a line has the length of
the header the wanted fields are taken from their places, else the line is split. Lines are counted by blocks of fixed
size, so that the result does not depend on the number of threads.

NaN rule: a field that is no number is NaN and counted; nothing is guessed.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel
from sensors._kernels import days_since_1970, read_number


@kernel
def count_lines(data, block, lines):
    """Count line feeds per block of `block` bytes into `lines` (blocks,)."""
    n = data.size
    for b in range(lines.size):
        count = 0
        for i in range(b * block, min(n, (b + 1) * block)):
            count += data[i] == 10
        lines[b] = count


@kernel
def feeds(words, first, last):
    """Return the number of line feeds in ``words[first:last]`` (uint64, eight bytes each).

    Eight bytes at once: a byte that is a line feed is zero after the exclusive or, and only such a byte gets its high
    bit by the rest (Warren, Hacker's Delight, 2nd ed., section 6-1). Sums of bytes stay below 256 for 255 words.
    """
    feed = np.uint64(0x0A0A0A0A0A0A0A0A)
    low = np.uint64(0x7F7F7F7F7F7F7F7F)
    seven = np.uint64(7)
    byte = np.uint64(0xFF)
    total = np.uint64(0)
    i = first
    while i < last:
        stop = min(last, i + 255)
        sums = np.uint64(0)
        for k in range(i, stop):
            w = words[k] ^ feed
            sums += ~(((w & low) + low) | w | low) >> seven
        for k in range(8):
            total += (sums >> np.uint64(8 * k)) & byte
        i = stop
    return np.int64(total)


@kernel
def count_feeds(lo, hi, words, span, counts):
    """Count line feeds by spans of `span` words into ``counts[lo:hi]``."""
    for b in range(lo, hi):
        counts[b] = feeds(words, b * span, min(words.size, (b + 1) * span))


@kernel
def _trimmed(data, a, b):
    """Return begin and end of the word in the blank-padded field ``data[a:b]``."""
    while a < b and data[a] == 32:
        a += 1
    e = a
    while e < b and data[e] > 32:
        e += 1
    return a, e


@kernel
def _field(data, a, b, powers):
    """Return the number in the blank-padded field ``data[a:b]`` and whether it is one."""
    a, e = _trimmed(data, a, b)
    if e == a:
        return np.nan, 0
    value, late = read_number(data, a, e, powers)
    if late:
        return np.nan, 0
    return value, 1


@kernel
def _exponential(data, a, powers):
    """Return the number in the 18 bytes from `a` on if they are ``1.2345678901E+002 ``, and whether they are.

    Eleven digits fit a double exactly, and so do powers of ten up to 22: the one operation left rounds correctly.
    """
    one = np.int64(data[a]) - 48
    worst = one if one >= 0 else 99
    high = one
    for k in range(2, 7):
        d = np.int64(data[a + k]) - 48
        worst = max(worst, d if d >= 0 else 99)
        high = high * 10 + d
    low = np.int64(0)
    for k in range(7, 12):
        d = np.int64(data[a + k]) - 48
        worst = max(worst, d if d >= 0 else 99)
        low = low * 10 + d
    exponent = np.int64(0)
    for k in range(14, 17):
        d = np.int64(data[a + k]) - 48
        worst = max(worst, d if d >= 0 else 99)
        exponent = exponent * 10 + d
    sign = data[a + 13]
    scale = (exponent if sign == 43 else -exponent) - 10
    shape = data[a + 1] == 46 and data[a + 12] == 69 and (sign == 43 or sign == 45) and data[a + 17] <= 32
    if worst > 9 or not shape or scale > 22 or scale < -22:
        return np.nan, 0
    mantissa = float(high * 100000 + low)
    return (mantissa * powers[scale] if scale >= 0 else mantissa / powers[-scale]), 1


@kernel
def _stamp(data, a, e):
    """Return the time of ``1441041520.949`` [ns], exactly; -1 where it is none."""
    seconds = np.int64(0)
    digits = 0
    i = a
    while i < e and 48 <= data[i] <= 57:
        seconds = seconds * 10 + np.int64(data[i]) - 48
        digits += 1
        i += 1
    if digits == 0 or digits > 11:
        return np.int64(-1)
    fraction = np.int64(0)
    places = 0
    if i < e and data[i] == 46:
        i += 1
        while i < e and 48 <= data[i] <= 57 and places < 9:
            fraction = fraction * 10 + np.int64(data[i]) - 48
            places += 1
            i += 1
        while i < e and 48 <= data[i] <= 57:
            i += 1
    if i != e:
        return np.int64(-1)
    while places < 9:
        fraction *= 10
        places += 1
    return seconds * 1_000_000_000 + fraction


@kernel
def _two(data, i):
    return (np.int64(data[i]) - 48) * 10 + np.int64(data[i + 1]) - 48


@kernel
def _date_time(data, a, b, e, f):
    """Return the time of a date ``2018-08-01`` and a clock ``00:37:07.130`` [ns]; -1 where it is none."""
    if b - a != 10 or f - e < 8 or data[a + 4] != 45 or data[e + 2] != 58 or data[e + 5] != 58:
        return np.int64(-1)
    y = _two(data, a) * 100 + _two(data, a + 2)
    m = _two(data, a + 5)
    d = _two(data, a + 8)
    if m < 1 or m > 12 or d < 1 or d > 31:
        return np.int64(-1)
    rest = _stamp(data, e + 6, f)
    if rest < 0:
        return np.int64(-1)
    return ((days_since_1970(y, m, d) * 24 + _two(data, e)) * 60 + _two(data, e + 3)) * 60_000_000_000 + rest


@kernel
def _padded(data, i, length, width, place, uniform):
    """Tell whether the line at `i` is one of fixed places, and no wanted field runs over its own."""
    if length == 0 or i + length > data.size or data[i + length - 1] != 10:
        return False
    for k in range(place.size):
        j = i + place[k] * width
        if (place[k] > 0 and data[j - 1] > 32) or data[min(j + width, i + length) - 1] > 32:
            return False
    inner = 0
    if not uniform:  # several short lines may be as long as one
        for q in range(i, i + length - 1):
            inner += data[q] == 10
    return inner == 0


@kernel
def _take_places(i, end, width, place, clock, begin, close):
    """Set begin and end of the wanted fields of a line of fixed places."""
    for k in range(-2, place.size):
        j = clock[k + 2] if k < 0 else place[k]
        if j >= 0:
            begin[j] = i + j * width
            close[j] = min(i + (j + 1) * width, end)


@kernel
def _split(data, i, begin, close):
    """Set begin and end of the fields of the line at `i`; return their number and the end of the line."""
    found = 0
    e = i
    while e < data.size and data[e] != 10:
        if data[e] > 32:
            a = e
            while e < data.size and data[e] > 32:
                e += 1
            if found < begin.size:
                begin[found] = a
                close[found] = e
            found += 1
        else:
            e += 1
    return found, e


@kernel
def _values(data, begin, close, place, powers, row, out):
    """Fill the wanted values of a row; return whether each field was a number."""
    all_read = True
    for k in range(place.size):
        first = begin[place[k]]
        value, ok = np.nan, 0
        if close[place[k]] - first > 17:
            value, ok = _exponential(data, first, powers)
        if ok == 0:
            value, ok = _field(data, first, close[place[k]], powers)
        out[k, row] = value
        all_read &= ok == 1
    return all_read


@kernel
def _time(data, begin, close, clock):
    """Return the time of a row [ns], from its epoch or its date and clock; -1 where there is none."""
    a, b = _trimmed(data, begin[clock[0]], close[clock[0]])
    if clock[1] < 0:
        return _stamp(data, a, b)
    e, f = _trimmed(data, begin[clock[1]], close[clock[1]])
    return _date_time(data, a, b, e, f)


@kernel
def parse_rows(lo, hi, data, block, offset, fields, place, width, length, uniform, clock, powers, time, out,
               state):  # fmt: skip
    """Read the wanted fields of every line that begins in one of the blocks ``lo ... hi - 1``.

    Parameters
    ----------
    lo, hi : int
        Blocks, which are independent.
    data : uint8 (n,)
        Lines without header; the last one ends with a line feed.
    block : int
        Bytes of a block; a block reads the lines that begin in it.
    offset : int64 (blocks,)
        Number of line feeds before each block.
    fields : int
        Fields of a line.
    place : int64 (wanted,)
        Which fields are wanted.
    width, length : int
        Width of a field and of a line with its line feed, where they are fixed; else 0.
    uniform : bool
        Whether every line is known to have that length.
    clock : int64 (2,)
        Field of the epoch time and -1, or fields of date and time.
    powers : float64 (23,)
    time : int64 (lines,)
        Filled [ns]; -1 where there is none.
    out : float64 (wanted, lines)
        Filled.
    state : uint8 (lines,)
        Filled: 0 good, 1 another number of fields, 2 no time, 3 a field that is no number, 4 empty.
    """
    begin, close = np.empty(fields, np.int64), np.empty(fields, np.int64)
    i, row = lo * block, offset[lo]
    if lo > 0 and data[i - 1] != 10:  # the line before reaches into this block
        while i < data.size and data[i] != 10:
            i += 1
        i += 1
        row += 1
    while i < min(data.size, hi * block):
        if _padded(data, i, length, width, place, uniform):
            found, end = fields, i + length - 1
            _take_places(i, end, width, place, clock, begin, close)
        else:
            found, end = _split(data, i, begin, close)
        if found == fields:
            state[row] = 0 if _values(data, begin, close, place, powers, row, out) else 3
            time[row] = _time(data, begin, close, clock)
            if time[row] < 0:
                state[row] = 2
        else:
            state[row] = 1 if found > 0 else 4
            time[row] = -1
            for k in range(place.size):
                out[k, row] = np.nan
        i = end + 1
        row += 1
