"""Equivalent degrees of freedom of the Allan family, and the kind of noise they depend on.

References
----------
Greenhall, C. A. and Riley, W. J. (2003), Uncertainty of stability variances based on finite differences, 35th PTTI
Meeting, 267-280: equations 5-16 and tables 1-3.
Riley, W. J. and Greenhall, C. A. (2004), Power law noise identification using the lag 1 autocorrelation, 18th EFTF.
Riley, W. J. (2008), Handbook of Frequency Stability Analysis, NIST SP 1065, sections 5.3-5.5.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["edf", "interval", "noise_exponent", "total_edf"]

Float = npt.NDArray[np.float64]

J_MAX = 100  # longest sum that is carried out in full (Greenhall and Riley 2003, section 6)
# a0, a1 by (exponent, order of difference): tables 1 (modified) and 2 (unmodified) of Greenhall and Riley (2003)
MODIFIED = {
    (2, 1): (2 / 3, 1 / 3), (2, 2): (7 / 9, 1 / 2), (2, 3): (22 / 25, 2 / 3),
    (1, 1): (0.840, 0.345), (1, 2): (0.997, 0.616), (1, 3): (1.141, 0.843),
    (0, 1): (1.079, 0.368), (0, 2): (1.033, 0.607), (0, 3): (1.184, 0.848),
    (-1, 2): (1.048, 0.534), (-1, 3): (1.180, 0.816),
    (-2, 2): (1.302, 0.535), (-2, 3): (1.175, 0.777),
    (-3, 3): (1.194, 0.703), (-4, 3): (1.489, 0.702),
}  # fmt: skip
PLAIN = {
    (2, 1): (3 / 2, 1 / 2), (2, 2): (35 / 18, 1.0), (2, 3): (231 / 100, 3 / 2),
    (1, 1): (78.6, 25.2), (1, 2): (790.0, 410.0), (1, 3): (9950.0, 6520.0),
    (0, 1): (2 / 3, 1 / 6), (0, 2): (2 / 3, 1 / 3), (0, 3): (7 / 9, 1 / 2),
    (-1, 2): (0.852, 0.375), (-1, 3): (0.997, 0.617),
    (-2, 2): (1.079, 0.368), (-2, 3): (1.033, 0.607),
    (-3, 3): (1.053, 0.553), (-4, 3): (1.302, 0.535),
}  # fmt: skip
FLICKER_PHASE = {1: (6.0, 4.0), 2: (15.23, 12.0), 3: (47.8, 40.0)}  # b0, b1: table 3
TOTAL = {0: (1.500, 0.0), -1: (1.168, 0.222), -2: (0.927, 0.358)}  # b, c of SP 1065, table 7 (total deviation)


def _sw(t: Float, alpha: int) -> Float:
    """Return the generalised autocovariance of phase, equation 7."""
    a = np.abs(t)
    log = np.log(np.where(a > 0, a, 1.0))
    return {2: -a, 1: a**2 * log, 0: a**3, -1: -(a**4) * log, -2: -(a**5), -3: a**6 * log, -4: a**7}[alpha]


def _sx(t: Float, factor: float, alpha: int) -> Float:
    """Return the autocovariance of filtered phase, equation 9; an infinite filter factor raises the exponent."""
    if math.isinf(factor):
        return _sw(t, alpha + 2)
    return factor**2 * (2 * _sw(t, alpha) - _sw(t - 1 / factor, alpha) - _sw(t + 1 / factor, alpha))


def _sz(t: Float, factor: float, alpha: int, order: int) -> Float:
    """Return the autocovariance of differences of filtered phase, equation 10."""
    weights = [(-1) ** k * math.comb(2 * order, order + k) for k in range(order + 1)]
    result = weights[0] * _sx(t, factor, alpha)
    for k in range(1, order + 1):
        result = result + weights[k] * (_sx(t - k, factor, alpha) + _sx(t + k, factor, alpha))
    return result


def _sum(j: int, m: float, stride: float, factor: float, alpha: int, order: int) -> float:
    """Return the basic sum of equation 12."""
    k = np.arange(1, j)
    inner = float(np.sum((1 - k / m) * _sz(k / stride, factor, alpha, order) ** 2))
    first = float(_sz(np.zeros(1), factor, alpha, order)[0])
    last = float(_sz(np.array([j / stride]), factor, alpha, order)[0])
    return first**2 + (1 - j / m) * last**2 + 2 * inner


def edf(alpha: int, order: int, m: int, n: int, *, overlapping: bool = True, modified: bool = False) -> float:
    """Return the equivalent degrees of freedom of a variance from finite differences of phase.

    Parameters
    ----------
    alpha : int
        Exponent of the noise: 2 white PM, 1 flicker PM, 0 white FM, -1 flicker FM, -2 random walk FM, ...
    order : int
        Order of the difference of phase: 2 for Allan and modified Allan, 3 for Hadamard.
    m : int
        Averaging factor.
    n : int
        Number of phase points.
    overlapping, modified : bool
        The kind of estimator.

    Returns
    -------
    float
        NaN where the record is too short or the variance does not converge for this noise.
    """
    factor = 1.0 if modified else float(m)
    stride = float(m) if overlapping else 1.0
    need = m / factor + m * order
    if n < need or alpha + 2 * order <= 1 or not -4 <= alpha <= 2:
        return math.nan
    terms = 1 + math.floor(stride * (n - need) / m)
    return 1.0 / _inverse(alpha, order, m, terms, (stride, factor, modified))


def _inverse(alpha: int, order: int, m: int, terms: int, kind: tuple[float, float, bool]) -> float:
    """Return 1/edf by the cases of section 6 of Greenhall and Riley (2003)."""
    stride, factor, modified = kind
    zero = np.zeros(1)
    j, r = int(min(terms, (order + 1) * stride)), terms / stride

    def scaled(j: int, m_: float, s: float, f: float, norm: float | None = None) -> float:
        norm = float(_sz(zero, f, alpha, order)[0]) ** 2 if norm is None else norm
        return _sum(j, m_, s, f, alpha, order) / (norm * m_)

    if alpha == 2 and not modified:
        return _white_phase(order, terms, r)
    long = j > J_MAX
    a0, a1 = (MODIFIED if modified else PLAIN).get((alpha, order), (math.nan, math.nan))
    if modified:
        if not long:
            return scaled(j, terms, stride, 1.0)
        return (a0 - a1 / r) / r if r >= order + 1 else scaled(J_MAX, J_MAX, J_MAX / r, 1.0)
    if alpha == 1:
        if not long:
            return scaled(j, terms, stride, float(m))
        b0, b1 = FLICKER_PHASE[order]
        norm = (b0 + b1 * math.log(m)) ** 2
        if r >= order + 1:
            return (a0 - a1 / r) / (norm * r)
        return scaled(J_MAX, J_MAX, J_MAX / r, J_MAX / r, norm)
    if not long:
        return scaled(j, terms, stride, factor if m * (order + 1) <= J_MAX else math.inf)
    return (a0 - a1 / r) / r if r >= order + 1 else scaled(J_MAX, J_MAX, J_MAX / r, math.inf)


def _white_phase(order: int, terms: int, r: float) -> float:
    """Return 1/edf of white phase noise, equations 14 and 15."""
    ceiling = math.ceil(r)
    if ceiling > order:
        a0 = math.comb(4 * order, 2 * order) / math.comb(2 * order, order) ** 2
        return (a0 - order / 2 / r) / terms
    ratios = [math.comb(2 * order, order - k) / math.comb(2 * order, order) for k in range(1, ceiling)]
    return (1 + 2 * sum((1 - k / r) * ratio**2 for k, ratio in enumerate(ratios, 1))) / terms


def total_edf(alpha: int, m: int, n: int) -> float:
    """Return the equivalent degrees of freedom of the total variance: b T/tau - c (SP 1065, section 5.4.2).

    The published coefficients are those of white, flicker and random walk FM; phase noise takes those of white FM,
    as Stable32 does.
    """
    b, c = TOTAL[max(-2, min(0, alpha))]
    return max(b * (n - 1) / m - c, 1.0)


def interval(deviation: Float, degrees: Float, confidence: float) -> tuple[Float, Float]:
    """Return the two-sided interval of a deviation from the chi-square law (SP 1065, equation 45)."""
    from scipy.stats import chi2

    tail = (1.0 - confidence) / 2.0
    low = deviation * np.sqrt(degrees / chi2.ppf(1.0 - tail, degrees))
    high = deviation * np.sqrt(degrees / chi2.ppf(tail, degrees))
    return np.asarray(low), np.asarray(high)


def noise_exponent(values: Float, *, phase: bool, most: int = 2) -> int | None:
    """Return the exponent alpha of power-law noise from the lag 1 autocorrelation.

    Parameters
    ----------
    values : (n,) array
        Phase or frequency, already averaged to the interval in question; NaN is left out.
    phase : bool
        What `values` are.
    most : int
        Greatest number of differences taken.

    Returns
    -------
    int or None
        None with fewer than 30 values (Riley and Greenhall 2004, section 3).
    """
    series = np.asarray(values, np.float64)
    if np.isfinite(series).sum() < 30:
        return None
    for taken in range(most + 1):
        there = np.isfinite(series)
        centred = np.where(there, series - series[there].mean(), 0.0)
        power = float(centred @ centred) / max(int(there.sum()), 1)
        pairs = int((there[1:] & there[:-1]).sum())
        if power <= 0.0 or pairs < 10:
            return None
        r1 = float(centred[1:] @ centred[:-1]) / pairs / power
        delta = r1 / (1.0 + r1) if r1 > -1.0 else -math.inf
        if delta < 0.25 or taken == most:
            exponent = -2.0 * (delta + taken) + (2.0 if phase else 0.0)
            return int(max(-4, min(2, round(exponent))))
        series = np.diff(series)
    return None
