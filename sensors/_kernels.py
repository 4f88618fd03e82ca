"""Kernels that read dates and numbers from bytes, for every reader of text.

Numbers of at most 18 digits whose mantissa is below 2**53 and whose power of ten is at most 22 in size are exact
products or quotients of two exact doubles and therefore correctly rounded (Clinger 1990, PLDI '90, 92-101); every other
one is left to Python's ``float``.

NaN rule: an empty field is NaN; one that is not a number is told apart, never guessed.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def days_since_1970(year, month, day):
    """Return the days of a date of the Gregorian calendar; years begin in March, so that a leap day is the last."""
    y = year - (month <= 2)
    m = (month + 9) % 12
    return 365 * y + y // 4 - y // 100 + y // 400 + (153 * m + 2) // 5 + day - 1 - 719468


@kernel
def read_number(data, a, b, powers):
    """Read the number in ``data[a:b]``, NaN where it is empty; the second value is 1 when it needs Python, else 0."""
    if a == b:
        return np.nan, 0
    i = a
    negative = False
    if data[i] == 45:
        negative = True
        i += 1
    elif data[i] == 43:
        i += 1
    mantissa = 0
    digits = 0
    seen = 0
    scale = 0
    point = False
    while i < b:
        d = np.int64(data[i]) - 48
        if d == -2 and not point:
            point = True
        elif d < 0 or d > 9:
            break
        else:
            if digits == 18:  # one more may not fit
                return np.nan, 1
            mantissa = mantissa * 10 + d
            digits += mantissa != 0
            seen += 1
            scale -= point
        i += 1
    if seen == 0:
        return np.nan, 1
    if i < b and (data[i] == 101 or data[i] == 69):
        i += 1
        minus = False
        if i < b and (data[i] == 45 or data[i] == 43):
            minus = data[i] == 45
            i += 1
        if i == b or b - i > 4:
            return np.nan, 1
        exponent = 0
        while i < b:
            d = np.int64(data[i]) - 48
            if d < 0 or d > 9:
                return np.nan, 1
            exponent = exponent * 10 + d
            i += 1
        scale += -exponent if minus else exponent
    if i != b or mantissa > 9007199254740992 or scale > 22 or scale < -22:
        return np.nan, 1
    value = float(mantissa)
    value = value / powers[-scale] if scale < 0 else value * powers[scale]
    return (-value if negative else value), 0
