"""Detectors that need no history: what stack gas cannot be, and what a clock cannot do."""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel
from sensors.integrity._kernels.small import median

CRITICAL = 647.096  # K: above it water has no saturation pressure


@kernel
def saturation_pressure(t, n):
    """Return the saturation pressure of water [Pa] at a temperature [K]; NaN outside 273.15 K to the critical point.

    Parameters
    ----------
    n : float64 (10,)
        Coefficients of equation 30 of IAPWS R7-97 (2012).
    """
    if not 273.15 <= t <= CRITICAL:
        return np.nan
    v = t + n[8] / (t - n[9])
    a = v * v + n[0] * v + n[1]
    b = n[2] * v * v + n[3] * v + n[4]
    c = n[5] * v * v + n[6] * v + n[7]
    return 1e6 * (2.0 * c / (-b + math.sqrt(b * b - 4.0 * a * c))) ** 4


@kernel
def oversaturated(on, temperature, pressure, moisture, n, length):
    """Return by how much (ln) moisture exceeds saturation in the worst window: the median over `length` hours.

    Parameters
    ----------
    temperature [K], pressure [Pa], moisture [percent of the wet gas] : float64 (hours,)
    n : float64 (10,)
        See :func:`saturation_pressure`.

    Returns
    -------
    score, first hour, hour after the last
    """
    excess, hour = np.empty(on.size), np.empty(on.size, np.int64)
    m = 0
    for i in range(on.size):
        most = 100.0 * saturation_pressure(temperature[i], n) / pressure[i]
        if on[i] and moisture[i] > 0.0 and most == most:
            excess[m], hour[m] = math.log(moisture[i] / most), i
            m += 1
    return _worst(excess, hour, m, length, -math.inf, 0.0)


@kernel
def off_line(on, co2, deficit, air, low, high, length):
    """Return how far (ln) CO2 lies off the line through O2 in the worst window: the median over `length` hours.

    Parameters
    ----------
    co2, deficit : float64 (hours,)
        CO2, and the oxygen that is missing against air; percent, both of the dry or both of the wet gas.
    air : float
        O2 of dry air [percent].
    low, high : float
        CO2 at no oxygen [percent] of the fuels that may be burnt: 100 Fc/Fd.

    Returns
    -------
    score, first hour, hour after the last, and the CO2 at no oxygen that the window would need
    """
    place, hour = np.empty(on.size), np.empty(on.size, np.int64)
    m = 0
    for i in range(on.size):
        if on[i] and co2[i] > 0.0 and deficit[i] > 0.1 * air:
            place[m], hour[m] = math.log(co2[i] * air / deficit[i]), i
            m += 1
    score, first, last = _worst(place, hour, m, length, math.log(low), math.log(high))
    n = 0
    for k in range(m):
        if first <= hour[k] < last:
            place[n] = place[k]
            n += 1
    return score, first, last, (math.exp(median(place, 0, n)) if n else 0.0)


@kernel
def _worst(values, hour, m, length, low, high):
    """Return the greatest distance of a window's median from the range, and the window."""
    work = np.empty(length)
    best, first, last = 0.0, 0, 0
    for begin in range(0, m - length + 1, length):
        for k in range(length):
            work[k] = values[begin + k]
        middle = median(work, 0, length)
        away = max(middle - high, low - middle)
        if away > best:
            best, first, last = away, hour[begin], hour[begin + length - 1] + 1
    return best, first, last


@kernel
def jumps(stamps, step):
    """Return how many stamps do not come a whole number of steps after the one before: first, last among them.

    Parameters
    ----------
    stamps : int64 (n,)
        In the order of the record.
    step : int
        Length of an interval in the same unit.
    """
    found, first, last = 0, 0, 0
    for i in range(1, stamps.size):
        ahead = stamps[i] - stamps[i - 1]
        if ahead <= 0 or ahead % step != 0:
            found += 1
            if found == 1:
                first = i - 1
            last = i + 1
    return float(found), first, last
