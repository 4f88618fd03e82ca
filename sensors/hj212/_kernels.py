"""Kernels of the bulk decoder: from bytes to flat columns of values, checksum verified, in three passes.

1. `find_messages` walks from message to message by their stated lengths and looks for the next beginning or line
   end only where a length is wrong.
2. `check_messages` finds the data segment, verifies length and checksum, and counts the values (parallel).
3. `read_messages` reads header and values (parallel; each message has its place in the columns).

The defects are bits, in the order of :data:`sensors.hj212.frame.DEFECTS`. Nothing here raises: what cannot be read is
marked. NaN rule: a value that is not a number is NaN.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel
from sensors._kernels import days_since_1970, read_number

# Columns of `heads` (int64): numbers of the header of each message
COMMAND, SYSTEM, FLAG, PACKETS, PACKET, QN, TIME, MN_HASH, MN_START, MN_LENGTH, QN_LENGTH = range(11)
HEADS = 11
NO_TIME = -(2**63)


@kernel
def _digit(data, i):
    return 48 <= data[i] <= 57


@kernel
def _begins(data, i, n):
    """Tell whether ## and four digits stand at `i`."""
    if i + 6 > n or data[i] != 35 or data[i + 1] != 35:
        return False
    return _digit(data, i + 2) and _digit(data, i + 3) and _digit(data, i + 4) and _digit(data, i + 5)


@kernel
def _stated(data, i):
    return (
        (np.int64(data[i + 2]) - 48) * 1000
        + (np.int64(data[i + 3]) - 48) * 100
        + (np.int64(data[i + 4]) - 48) * 10
        + (np.int64(data[i + 5]) - 48)
    )


@kernel
def find_messages(data, last, patience, starts, ends):
    """Find the messages; the same cuts as :class:`sensors.hj212.stream.Splitter` makes.

    Parameters
    ----------
    data : uint8 (n,)
    last : bool
        No more bytes follow.
    patience : int
        Bytes after which a message of wrong length is given up.
    starts, ends : int64 (m,)
        Filled as far as they reach.

    Returns
    -------
    tuple of int
        Messages found, bytes used up, bytes that belong to none.
    """
    n = data.size
    count, i, skipped = 0, 0, 0
    while count < starts.size and i < n:
        if not _begins(data, i, n):
            if data[i] == 35 and i + 6 > n and not last and (i + 1 == n or data[i + 1] == 35):
                break  # perhaps a beginning
            skipped += data[i] > 32
            i += 1
            continue
        stated = _stated(data, i) + 10
        end = -1
        if i + stated <= n and stated >= 12 and data[i + stated - 6] == 38 and data[i + stated - 5] == 38:
            end = i + stated
            if end + 1 < n and data[end] == 13 and data[end + 1] == 10:
                end += 2
            elif end + 1 == n and data[end] == 13 and not last:
                break
        else:
            j = i + 6
            while j < n:
                if data[j] == 10:
                    end = j + 1
                    break
                if data[j] == 35 and _begins(data, j, n):
                    end = j
                    break
                j += 1
            if end < 0:
                if not last and n - i <= max(stated, patience):
                    break
                end = n
        starts[count], ends[count] = i, end
        count += 1
        i = end
    return count, i, skipped


@kernel
def _hex(data, i):
    """Return the number of four hexadecimal digits at `i`, -1 if there are none."""
    number = 0
    for k in range(i, i + 4):
        c = np.int64(data[k])
        if 48 <= c <= 57:
            c -= 48
        elif 65 <= c <= 70:
            c -= 55
        elif 97 <= c <= 102:
            c -= 87
        else:
            return -1
        number = number * 16 + c
    return number


@kernel
def _parameters(data, a, b):
    """Return where ``CP=&&`` begins, `b` if it is not there."""
    for i in range(a, b - 4):
        if data[i] == 67 and data[i + 1] == 80 and data[i + 2] == 61 and data[i + 3] == 38 and data[i + 4] == 38:
            return i
    return b


@kernel
def _check(data, start, end, table, longest, segment):
    """Fill begin and end of the data segment and of the parameters; return defects and number of values."""
    defects = 0
    b = end
    if end - start >= 2 and data[end - 1] == 10 and data[end - 2] == 13:
        b = end - 2
    else:
        defects |= 8
        while b > start and (data[b - 1] == 10 or data[b - 1] == 13):
            b -= 1
    a = start + 6
    stated = _stated(data, start)
    cut = max(a, b - 4)
    written = _hex(data, cut) if b - cut == 4 else -1
    if written < 0 and stated != cut - a:
        cut = max(a, b)
    if stated != cut - a:
        defects |= 1
    if cut - a > longest:
        defects |= 4
    register = 0xFFFF
    for i in range(a, cut):
        register = np.int64(table[(register >> 8) ^ data[i]])
    if written != register:
        defects |= 2
    body = _parameters(data, a, cut)
    stop = cut
    values = 0
    if body == cut:
        defects |= 16
    else:
        if not (stop - body >= 7 and data[stop - 1] == 38 and data[stop - 2] == 38):
            defects |= 16
        while stop > body + 5 and data[stop - 1] == 38:
            stop -= 1
        for i in range(body + 5, stop):
            values += data[i] == 61
    segment[0], segment[1], segment[2] = a, body, stop
    return defects, values


@kernel
def check_messages(lo, hi, data, starts, ends, table, longest, segments, defects, counts):
    """Verify length and checksum of the messages lo to hi and count their values, for :func:`ghg.core.jit.spread`.

    Parameters
    ----------
    data : uint8 (n,)
    starts, ends : int64 (m,)
    table : uint16 (256,)
        Steps of the checksum.
    longest : int
        Bytes a data segment may have.
    segments : int64 (m, 3)
        Filled: begin of the data segment, of ``CP=&&``, and end of the parameters.
    defects : int64 (m,)
        Filled.
    counts : int64 (m,)
        Filled: at most so many values.
    """
    for k in range(lo, hi):
        defects[k], counts[k] = _check(data, starts[k], ends[k], table, longest, segments[k])


@kernel
def _pack(data, a, b, lower):
    """Return up to eight bytes as one number, first byte lowest; 0 if there are none or more."""
    if b - a > 8:
        return np.uint64(0)
    number = np.uint64(0)
    for i in range(b - 1, a - 1, -1):
        c = data[i]
        if lower and 65 <= c <= 90:
            c += 32
        number = (number << np.uint64(8)) | np.uint64(c)
    return number


@kernel
def _whole(data, a, b, most):
    """Return a whole number of at most `most` digits, -1 if it is none."""
    if a == b or b - a > most:
        return -1
    number = 0
    for i in range(a, b):
        if not _digit(data, i):
            return -1
        number = number * 10 + np.int64(data[i]) - 48
    return number


@kernel
def _seconds(data, a, b):
    """Return seconds since 1970 of YYYYMMDDhhmmss (what follows is not read), `NO_TIME` if there is no such time."""
    if b - a < 14:
        return NO_TIME
    digits = _whole(data, a, a + 14, 14)
    if digits < 0:
        return NO_TIME
    second, minute, hour = digits % 100, digits // 100 % 100, digits // 10000 % 100
    day, month, year = digits // 1000000 % 100, digits // 100000000 % 100, digits // 10000000000
    long_month = month in (1, 3, 5, 7, 8, 10, 12)
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    longest = 31 if long_month else (29 if leap else 28) if month == 2 else 30
    date = 1678 <= year <= 2261 and 1 <= month <= 12 and 1 <= day <= longest  # as far as ns since 1970 reach
    if not (date and hour < 24 and minute < 60 and second < 60):
        return NO_TIME
    return days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second


@kernel
def _blank(c):
    """Tell whether Python's ``strip`` takes this byte away."""
    return c == 32 or 9 <= c <= 13 or 28 <= c <= 31


@kernel
def _trim(data, a, b):
    while a < b and _blank(data[a]):
        a += 1
    while b > a and _blank(data[b - 1]):
        b -= 1
    return a, b


@kernel
def _header(data, a, b, keys, head):
    """Read the header between `a` and `b`; return defects."""
    head[:] = 0
    head[PACKETS], head[PACKET], head[TIME], head[QN] = 1, 1, NO_TIME, -1
    seen = 0
    defects = 0
    i = a
    while i < b:
        j = i
        equals = -1
        while j < b and data[j] != 59:
            if data[j] == 61 and equals < 0:
                equals = j
            j += 1
        lo, hi = _trim(data, i, j if equals < 0 else equals)
        if equals < 0 or lo == hi:
            if equals >= 0 or lo < hi:
                defects |= 128
        else:
            key = _pack(data, lo, hi, False)
            c, d = _trim(data, equals + 1, j)
            if key == keys[0]:  # MN
                seen |= 1 if d > c else 0
                one, two = 1, 1  # two polynomials modulo primes near 2**31: 62 bits together
                for k in range(c, d):
                    one = (one * 263 + np.int64(data[k])) % 2147483647
                    two = (two * 1031 + np.int64(data[k])) % 2147483629
                head[MN_HASH], head[MN_START], head[MN_LENGTH] = (one << 31) | two, c, d - c
            elif key == keys[1]:  # CN
                seen |= 2 if d > c else 0
                head[COMMAND] = max(0, _whole(data, c, d, 9))
            elif key == keys[2]:  # ST
                seen |= 4 if d > c else 0
                head[SYSTEM] = max(0, _whole(data, c, d, 9))
            elif key == keys[3]:  # PW
                seen |= 8 if d > c else 0
            elif key == keys[4]:  # QN
                head[QN], head[QN_LENGTH] = _whole(data, c, d, 18), d - c
            elif key == keys[5]:  # Flag
                head[FLAG] = max(0, _whole(data, c, d, 9))
            elif key == keys[6]:  # PNUM
                head[PACKETS] = max(1, _whole(data, c, d, 9))
            elif key == keys[7]:  # PNO
                head[PACKET] = max(1, _whole(data, c, d, 9))
        i = j + 1
    return defects | (32 if seen != 15 else 0)


@kernel
def _values(data, a, b, where, time_key, fields, powers, head, codes, kinds, values, places):
    """Read the parameters between `a` and `b` into the columns from `where` on; return defects and values read.

    `data[b]` may be read: a value never ends the text, two ampersands do.
    """
    defects = 0
    row = where
    flag_field = fields.size  # the last of the known fields is the data flag
    i = a
    while i < b:
        j = i
        equals = -1
        dash = -1
        while j < b and data[j] != 59 and data[j] != 44:
            if equals < 0:
                if data[j] == 61:
                    equals = j
                elif data[j] == 45:
                    dash = j
            j += 1
        lo, hi = _trim(data, i, j if equals < 0 else equals)
        if equals < 0 or lo == hi:
            if equals >= 0 or lo < hi:
                defects |= 128
            i = j + 1
            continue
        c, d = _trim(data, equals + 1, j)
        kind = 0
        code_end = hi
        if dash > lo:
            name = _pack(data, dash + 1, hi, True)
            for k in range(fields.size):
                if fields[k] == name:
                    kind = k + 1
            code_end = dash
        code = _pack(data, lo, code_end, False)
        if kind == 0 and code == time_key:
            head[TIME] = _seconds(data, c, d)
            if d - c != 14 or head[TIME] == NO_TIME:
                defects |= 512
            i = j + 1
            continue
        codes[row], kinds[row], places[row] = code, kind, c
        if kind == flag_field:
            values[row] = float(data[c]) if d - c == 1 else np.nan
        else:
            value, status = read_number(data, c, d, powers)
            values[row] = value
            if status:
                kinds[row] = kind + 100  # for Python to read
        row += 1
        i = j + 1
    return defects, row - where


@kernel
def read_messages(lo, hi, data, segments, offsets, keys, fields, powers, heads, defects, counts, frames, codes, kinds,
                  values, places):  # fmt: skip
    """Read header and values of the messages lo to hi, for :func:`ghg.core.jit.spread`.

    Parameters
    ----------
    data : uint8 (n,)
    segments : int64 (m, 3)
        From :func:`check_messages`.
    offsets : int64 (m,)
        First place of each message in the columns.
    keys : uint64 (9,)
        MN, CN, ST, PW, QN, Flag, PNUM, PNO and DataTime as packed bytes.
    fields : uint64 (f,)
        Known fields in small letters as packed bytes, the data flag last.
    powers : float64 (23,)
        Powers of ten.
    heads : int64 (m, HEADS)
        Filled.
    defects : int64 (m,)
        More bits are set.
    counts : int64 (m,)
        Filled: values read.
    frames : int32 (v,); codes : uint64 (v,); kinds : uint8 (v,); values : float64 (v,); places : int64 (v,)
        Filled: message, packed factor code, 1 + number of the field (0 unknown; 100 more when the value needs
        Python), value, and place of the text.
    """
    for k in range(lo, hi):
        bits = _header(data, segments[k, 0], segments[k, 1], keys, heads[k])
        counts[k] = 0
        if segments[k, 1] < segments[k, 2]:
            more, counts[k] = _values(data, segments[k, 1] + 5, segments[k, 2], offsets[k], keys[8], fields, powers,
                                      heads[k], codes, kinds, values, places)  # fmt: skip
            bits |= more
            for row in range(offsets[k], offsets[k] + counts[k]):
                frames[row] = k
        defects[k] |= bits
