"""How far two series of the same quantity agree: bias, ratio, relative accuracy, E_n, zeta, Bland-Altman.

Throughout, `measured` and `accounted` are amounts or rates in one unit, paired by period; NaN is missing. The
coverage of intervals is two-sided.

References
----------
Quick (2014), J. Air Waste Manage. Assoc. 64, 73-79. 40 CFR 75 Appendix A, section 7. ISO 13528:2022, section 9.
Bland & Altman (1986), Lancet 327, 307-310; (1999), Stat. Methods Med. Res. 8, 135-160. Carkeet (2015), Optom. Vis.
Sci. 92, e71-e80.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.pairs import Array, paired

__all__ = [
    "Bias", "BlandAltman", "RelativeAccuracy", "bias", "bland_altman", "e_n", "relative_accuracy",
    "symmetric_difference", "zeta",
]  # fmt: skip


def symmetric_difference(measured: npt.ArrayLike, accounted: npt.ArrayLike) -> Any:
    """Difference in percent of the mean of both, 100 (M - A) / ((M + A) / 2).

    Parameters
    ----------
    measured, accounted : float or array
        Amounts in one unit.

    Returns
    -------
    float or ndarray
        Percent, between -200 and 200 for amounts that are not negative; NaN where both are zero.

    References
    ----------
    Quick (2014): neither side is taken as the truth, so that exchanging the two changes only the sign.
    """
    m, a = np.asarray(measured, dtype=np.float64), np.asarray(accounted, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        result = np.where(m + a != 0.0, 200.0 * (m - a) / (m + a), np.nan)
    return result[()] if result.ndim else float(result)


@dataclass(frozen=True)
class Bias:
    """Mean difference and ratio of paired series; see :func:`bias`.

    Parameters
    ----------
    n : int
        Number of pairs.
    mean_difference, u_mean : float
        Mean of measured - accounted and its standard uncertainty from the scatter, in the unit of the data.
    median_difference : float
        Median of measured - accounted.
    ratio : float
        Ratio of the totals.
    symmetric_percent : float
        Symmetric difference of the totals [%].
    """

    n: int
    mean_difference: float
    u_mean: float
    median_difference: float
    ratio: float
    symmetric_percent: float

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return asdict(self)


def bias(measured: npt.ArrayLike, accounted: npt.ArrayLike) -> Bias:
    """Bias of the measured against the accounted side.

    Parameters
    ----------
    measured, accounted : array, shape (n,)
        Paired amounts; NaN is missing.

    Returns
    -------
    Bias
        ``u_mean`` holds for independent pairs; for correlated ones use :func:`ghg.facility.bootstrap.ratio_interval`.

    Raises
    ------
    InputError
        Fewer than two pairs.
    """
    m, a, _ = paired(measured, accounted, least=2, names="measured and accounted")
    d = m - a
    total = float(a.sum())
    return Bias(
        n=d.size,
        mean_difference=float(d.mean()),
        u_mean=float(d.std(ddof=1) / math.sqrt(d.size)),
        median_difference=float(np.median(d)),
        ratio=float(m.sum()) / total if total else math.nan,
        symmetric_percent=float(symmetric_difference(float(m.sum()), total)),
    )


@dataclass(frozen=True)
class RelativeAccuracy:
    """Relative accuracy in the form of a RATA; see :func:`relative_accuracy`.

    Parameters
    ----------
    n : int
        Number of runs.
    mean_difference : float
        Mean of reference - monitor.
    confidence_coefficient : float
        t_0.025 S_d / sqrt(n).
    percent : float
        Relative accuracy [%].
    adjustment_factor : float
        1 + |mean difference| / mean of the monitor where the bias test fails, else 1.
    """

    n: int
    mean_difference: float
    confidence_coefficient: float
    percent: float
    adjustment_factor: float

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return asdict(self)


def relative_accuracy(reference: npt.ArrayLike, monitor: npt.ArrayLike) -> RelativeAccuracy:
    """Relative accuracy of a monitor against a reference, 100 (|mean d| + |cc|) / mean reference.

    Parameters
    ----------
    reference : array, shape (n,)
        Reference method, or the accounted side.
    monitor : array, shape (n,)
        Monitor, or the measured side; same unit.

    Returns
    -------
    RelativeAccuracy

    Raises
    ------
    InputError
        Fewer than three pairs, or a reference whose mean is not positive.

    Notes
    -----
    Not rounded: the regulation rounds the result when it is reported. The bias test fails where the mean difference
    (reference - monitor) exceeds the confidence coefficient: a monitor that reads low. One that reads high passes.

    References
    ----------
    40 CFR 75 Appendix A, sections 7.3 (eq. A-7 to A-10) and 7.6 (eq. A-11, A-12).
    """
    from scipy.special import stdtrit

    r, m, _ = paired(reference, monitor, least=3, names="reference and monitor")
    if r.mean() <= 0.0:
        raise InputError("relative accuracy needs a positive mean of the reference", found=f"{r.mean():g}")
    d = r - m
    mean = float(d.mean())
    cc = float(stdtrit(d.size - 1, 0.975) * d.std(ddof=1) / math.sqrt(d.size))
    low = mean > abs(cc) and m.mean() > 0.0
    return RelativeAccuracy(
        n=d.size,
        mean_difference=mean,
        confidence_coefficient=cc,
        percent=100.0 * (abs(mean) + abs(cc)) / float(r.mean()),
        adjustment_factor=1.0 + abs(mean) / float(m.mean()) if low else 1.0,
    )


def zeta(measured: float, accounted: float, u_measured: float, u_accounted: float, covariance: float = 0.0) -> float:
    """Zeta score, the difference in standard uncertainties.

    Parameters
    ----------
    measured, accounted : float
        Results in one unit.
    u_measured, u_accounted : float
        Their standard uncertainties (k = 1).
    covariance : float
        Covariance of the two through shared inputs, in the unit squared.

    Returns
    -------
    float
        |zeta| <= 2 agrees, above 3 calls for action.

    Raises
    ------
    InputError
        The uncertainty of the difference is not positive.

    References
    ----------
    ISO 13528:2022, 9.6; JCGM 100:2008, eq. 16 for the covariance.
    """
    return (measured - accounted) / _u_difference(u_measured, u_accounted, covariance)


def e_n(
    measured: float, accounted: float, expanded_measured: float, expanded_accounted: float, covariance: float = 0.0
) -> float:
    """E_n number, |difference| over the expanded uncertainty (k = 2) of the difference.

    Parameters
    ----------
    measured, accounted : float
        Results in one unit.
    expanded_measured, expanded_accounted : float
        Expanded uncertainties, k = 2.
    covariance : float
        Covariance (k = 1) of the two through shared inputs, in the unit squared.

    Returns
    -------
    float
        At most 1 where the two agree.

    Raises
    ------
    InputError
        The uncertainty of the difference is not positive.

    References
    ----------
    ISO 13528:2022, 9.7; ISO/IEC 17043:2010, B.3.1.3.
    """
    return abs(measured - accounted) / _u_difference(expanded_measured, expanded_accounted, 4.0 * covariance)


def _u_difference(a: float, b: float, covariance: float) -> float:
    variance = a * a + b * b - 2.0 * covariance
    if not variance > 0.0:
        raise InputError(
            "the difference has no positive uncertainty", found=f"u {a:g} and {b:g}, covariance {covariance:g}"
        )
    return math.sqrt(variance)


@dataclass(frozen=True)
class BlandAltman:
    """Limits of agreement; see :func:`bland_altman`.

    All numbers are differences, or ratios (measured/accounted) where ``log`` is set.

    Parameters
    ----------
    n : int
        Number of pairs.
    log : bool
        The analysis was on logarithms.
    bias : tuple of float
        Mean and its confidence interval.
    lower, upper : tuple of float
        Limit of agreement and its confidence interval.
    sd : float
        Standard deviation of the differences (of logarithms where ``log``).
    trend : tuple of float
        Slope of the differences against the mean of the two, and its two-sided p value: does the bias depend on size?
    coverage, confidence : float
        Share of pairs within the limits, and confidence of the intervals.
    """

    n: int
    log: bool
    bias: tuple[float, float, float]
    lower: tuple[float, float, float]
    upper: tuple[float, float, float]
    sd: float
    trend: tuple[float, float]
    coverage: float
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def bland_altman(
    measured: npt.ArrayLike,
    accounted: npt.ArrayLike,
    *,
    log: bool = True,
    coverage: float = 0.95,
    confidence: float = 0.95,
) -> BlandAltman:
    """Limits within which a share of the differences (or ratios) of two methods lies.

    Parameters
    ----------
    measured, accounted : array, shape (n,)
        Paired amounts; positive where `log`.
    log : bool
        Work on ln(measured/accounted), as fits errors in proportion to size.
    coverage : float
        Share of pairs within the limits; 0.95 gives mean +- 1.96 sd.
    confidence : float
        Of the intervals around mean and limits.

    Returns
    -------
    BlandAltman
        The intervals of the limits are exact for normal differences (noncentral t), not symmetric.

    Raises
    ------
    InputError
        Fewer than three pairs, or a value that is not positive where `log`.

    References
    ----------
    Bland & Altman (1999), sections 2 and 3.1 (logarithms); Carkeet (2015), exact intervals of the limits.
    """
    from scipy.special import ndtri

    m, a, _ = paired(measured, accounted, least=3, positive=log, names="measured and accounted")
    if log:
        m, a = np.log(m), np.log(a)
    d = m - a
    n, mean, sd = d.size, float(d.mean()), float(d.std(ddof=1))
    z = float(ndtri(0.5 + coverage / 2.0))
    t, inner, outer = _limit_factors(n, z, confidence)
    out = np.exp if log else np.asarray

    def triple(middle: float, low: float, high: float) -> tuple[float, float, float]:
        value, a, b = out(np.array([middle, low, high])).tolist()
        return value, a, b

    return BlandAltman(
        n=n,
        log=log,
        bias=triple(mean, mean - t * sd, mean + t * sd),
        lower=triple(mean - z * sd, mean - outer * sd, mean - inner * sd),
        upper=triple(mean + z * sd, mean + inner * sd, mean + outer * sd),
        sd=sd,
        trend=_trend((m + a) / 2.0, d),
        coverage=coverage,
        confidence=confidence,
    )


@cache
def _limit_factors(n: int, z: float, confidence: float) -> tuple[float, float, float]:
    """Return in units of the sd: half-width for the mean, and inner and outer end for the limit mean + z sd.

    The limit lies below mean + k s with probability p where k sqrt(n) is the p quantile of the noncentral t with
    n - 1 degrees of freedom and noncentrality z sqrt(n).
    """
    from scipy.special import stdtrit
    from scipy.stats import nct

    tail = (1.0 - confidence) / 2.0
    root = math.sqrt(n)
    inner, outer = (float(nct.ppf(p, n - 1, z * root)) / root for p in (tail, 1.0 - tail))
    return float(stdtrit(n - 1, 1.0 - tail)) / root, inner, outer


def _trend(size: Array, difference: Array) -> tuple[float, float]:
    """Return the least-squares slope of differences against size, and its p value; NaN where it has none."""
    from scipy.special import stdtr

    n = size.size
    u = size - size.mean()
    sxx = float(u @ u)
    if n < 3 or sxx <= 1e-24 * float(size @ size):
        return math.nan, math.nan
    slope = float(u @ difference) / sxx
    rest = difference - difference.mean() - slope * u
    error = math.sqrt(float(rest @ rest) / (n - 2) / sxx)
    if error == 0.0:
        return slope, math.nan
    return slope, float(2.0 * stdtr(n - 2, -abs(slope) / error))
