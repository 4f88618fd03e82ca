"""Lines from medians of pairwise slopes: Theil-Sen, Passing-Bablok.

Both need the slopes of given rank among all n (n - 1) / 2 pairs. Up to 1,500 points the slopes are listed and sorted;
beyond, ranks are found by bisection on the slope, counting the pairs below it by a merge sort: O(n log n) a step and
no list, so that a year of hours (38 million pairs) needs no memory.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.pairs import Array, paired

__all__ = ["RobustLine", "passing_bablok", "theil_sen"]

LISTED = 1_500  # points up to which the slopes are listed
HALVINGS = 200  # bisection ends before, at neighbouring numbers


@dataclass(frozen=True)
class RobustLine:
    """A line with confidence intervals from ranks.

    Parameters
    ----------
    slope, intercept : float
        Unit of y per unit of x, and unit of y.
    slope_interval, intercept_interval : tuple of float
        Confidence intervals.
    n : int
        Number of points.
    confidence : float
        Of the intervals.
    """

    slope: float
    intercept: float
    slope_interval: tuple[float, float]
    intercept_interval: tuple[float, float]
    n: int
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


class _Slopes:
    """Slopes of all pairs with different x, by rank from 1."""

    def __init__(self, x: Array, y: Array) -> None:
        from ghg.facility import _kernels

        order = np.lexsort((y, x))
        self.x, self.y = np.ascontiguousarray(x[order]), np.ascontiguousarray(y[order])
        n = x.size
        same = np.unique(self.x, return_counts=True)[1]
        self.count = n * (n - 1) // 2 - int((same * (same - 1) // 2).sum())
        self.listed: Array | None = None
        if self.count and n <= LISTED:
            slopes = np.empty(self.count)
            _kernels.pair_slopes(self.x, self.y, slopes)
            self.listed = np.sort(slopes)

    def __getitem__(self, rank: int) -> float:
        from ghg.facility import _kernels

        rank = min(max(rank, 1), self.count)
        if self.listed is not None:
            return float(self.listed[rank - 1])
        scale = float(np.ptp(self.y) / np.ptp(self.x)) or 1.0
        work, again = np.empty_like(self.x), np.empty_like(self.x)
        return float(_kernels.slope_of_rank(self.x, self.y, rank, scale, HALVINGS, work, again))


def theil_sen(x: npt.ArrayLike, y: npt.ArrayLike, confidence: float = 0.95) -> RobustLine:
    """Theil-Sen line: the median of all pairwise slopes.

    Parameters
    ----------
    x, y : array, shape (n,)
        Points, at least three; NaN is missing. x is taken as exact; pairs of equal x have no slope.
    confidence : float
        Of the intervals.

    Returns
    -------
    RobustLine
        The intercept is the median of y - slope x. Its interval takes that median at the ends of the slope's.

    Raises
    ------
    InputError
        Too few points, or all x equal.

    Notes
    -----
    Up to 29 % of the points may be arbitrarily wrong. Errors in x flatten the slope, as in ordinary least squares: use
    :func:`passing_bablok` or York's line for two measured variables.

    References
    ----------
    Sen (1968), J. Am. Stat. Assoc. 63, 1379-1389, with the variance of Kendall's S for ties.
    """
    from scipy.special import ndtri

    px, py, _ = paired(x, y, least=3)
    slopes = _Slopes(px, py)
    if not slopes.count:
        raise InputError("a line needs x values that differ", found=f"{px.size} times {px[0]:g}")
    total = slopes.count
    slope = (slopes[(total + 1) // 2] + slopes[total // 2 + 1]) / 2.0
    reach = float(ndtri(0.5 + confidence / 2.0)) * math.sqrt(_kendall_variance(px, py))
    low = slopes[round((total - reach) / 2.0)]
    high = slopes[round((total + reach) / 2.0) + 1]
    return _line(px, py, slope, (low, high), confidence)


def _line(x: Array, y: Array, slope: float, interval: tuple[float, float], confidence: float) -> RobustLine:
    a = [float(np.median(y - b * x)) if math.isfinite(b) else math.copysign(math.inf, -b) for b in (slope, *interval)]
    return RobustLine(slope, a[0], interval, (min(a[1:]), max(a[1:])), x.size, confidence)


def _kendall_variance(x: Array, y: Array) -> float:
    """Return the variance of Kendall's S under independence, with ties in both variables (Sen 1968; Kendall 1970)."""

    def ties(v: Array) -> Array:
        counts = np.unique(v, return_counts=True)[1].astype(np.float64)
        return counts[counts > 1]

    n = float(x.size)
    tx, ty = ties(x), ties(y)

    def cubic(t: Any) -> Any:
        return t * (t - 1.0) * (2.0 * t + 5.0)

    first = (cubic(n) - cubic(tx).sum() - cubic(ty).sum()) / 18.0
    threes = (tx * (tx - 1) * (tx - 2)).sum() * (ty * (ty - 1) * (ty - 2)).sum() / (9.0 * n * (n - 1) * (n - 2))
    twos = (tx * (tx - 1)).sum() * (ty * (ty - 1)).sum() / (2.0 * n * (n - 1))
    return max(float(first + threes + twos), 0.0)


def passing_bablok(x: npt.ArrayLike, y: npt.ArrayLike, confidence: float = 0.95) -> RobustLine:
    """Passing-Bablok line: a shifted median of pairwise slopes that treats x and y alike.

    Parameters
    ----------
    x, y : array, shape (n,)
        Points measured by two methods in one unit, at least three, positively related; NaN is missing.
    confidence : float
        Of the intervals.

    Returns
    -------
    RobustLine
        The two methods agree where the slope's interval holds 1 and the intercept's holds 0.

    Raises
    ------
    InputError
        Too few points, or points that allow no positive slope.

    Notes
    -----
    A slope S below -1 counts as above +infinity, and S = -1 is left out. Turned by 45 degrees, to u = x + y and
    v = y - x, slopes become (S - 1) / (S + 1), which rise in exactly that order; so the shifted median is the plain
    median there, and no shift has to be counted.

    References
    ----------
    Passing & Bablok (1983), J. Clin. Chem. Clin. Biochem. 21, 709-720.
    """
    from scipy.special import ndtri

    px, py, _ = paired(x, y, least=3)
    turned = _Slopes(px + py, py - px)
    if not turned.count:
        raise InputError("Passing-Bablok regression needs points that rise together", found="x + y that is constant")

    def back(rank: int) -> float:
        t = turned[rank]
        return (1.0 + t) / (1.0 - t) if t != 1.0 else math.inf

    n, total = px.size, turned.count
    slope = (back((total + 1) // 2) + back(total // 2 + 1)) / 2.0
    if not (slope > 0.0 and math.isfinite(slope)):
        raise InputError("Passing-Bablok regression needs points that rise together", found=f"a slope of {slope:.4g}")
    c = float(ndtri(0.5 + confidence / 2.0)) * math.sqrt(n * (n - 1) * (2 * n + 5) / 18.0)
    first = round((total - c) / 2.0)
    return _line(px, py, slope, (back(first), back(total - first + 1)), confidence)
