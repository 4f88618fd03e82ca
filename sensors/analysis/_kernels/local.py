"""Local linear regression with tricube weights.

NaN rule: none may come in; the caller leaves missing values out.
"""

from __future__ import annotations

import math

from ghg.core.jit import kernel

__all__ = ["local_linear"]


@kernel
def _fit_at(x, y, robust, at, left, right):
    """Return the fit at one place from its neighbours, and whether there was any weight.

    Cleveland (1979): tricube weights over the distance of the farthest neighbour; neighbours nearer than a thousandth
    of it weigh one, those at 0.999 of it or farther nothing.
    """
    width = max(at - x[left], x[right] - at)
    far, near = 0.999 * width, 0.001 * width
    sw, swx, swy, swxx, swxy = 0.0, 0.0, 0.0, 0.0, 0.0
    j = left
    while j < x.size:  # ties beyond the last neighbour belong to it
        d = abs(x[j] - at)
        if d > far:
            if x[j] > at:
                break
        else:
            u = d / width if width > 0 else 0.0
            w = 1.0 if d <= near else (1.0 - u * u * u) ** 3
            w *= robust[j]
            dx = x[j] - at
            sw += w
            swx += w * dx
            swy += w * y[j]
            swxx += w * dx * dx
            swxy += w * dx * y[j]
        j += 1
    if sw <= 0.0:
        return 0.0, False
    mean = swx / sw
    spread = swxx / sw - mean * mean
    value = swy / sw
    if math.sqrt(max(spread, 0.0)) > 0.001 * (x[-1] - x[0]):
        slope = (swxy / sw - mean * value) / spread
        value -= slope * mean
    return value, True


@kernel
def local_linear(x, y, robust, neighbours, skip, fitted):
    """Fill `fitted` with the local linear fit at every point.

    Parameters
    ----------
    x : (n,) float64
        Rising, ties allowed.
    y, robust : (n,) float64
        Values, and their weights.
    neighbours : int
        Points in a neighbourhood.
    skip : float
        Points nearer than this to the last fitted one are interpolated.
    fitted : (n,) float64
        Filled.
    """
    n = x.size
    left, right = 0, min(neighbours, n) - 1
    last, i = -1, 0
    while True:
        while right < n - 1 and x[i] - x[left] > x[right + 1] - x[i]:
            left += 1
            right += 1
        value, there = _fit_at(x, y, robust, x[i], left, right)
        fitted[i] = value if there else y[i]
        if last < i - 1:
            length = x[i] - x[last]
            for j in range(last + 1, i):
                share = (x[j] - x[last]) / length
                fitted[j] = share * fitted[i] + (1.0 - share) * fitted[last]
        last = i
        cut = x[last] + skip
        i = last + 1
        while i < n and x[i] <= cut:
            if x[i] == x[last]:
                fitted[i] = fitted[last]
                last = i
            i += 1
        i = max(last + 1, i - 1)
        if last >= n - 1:
            return
