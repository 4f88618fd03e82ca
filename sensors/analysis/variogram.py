"""Variances of the Allan family from records with gaps, without bias.

Each variance of the family is the mean square of a filter whose weights add up to zero, hence a weighted sum of the
variogram of the record, and the variogram is estimated without bias from whatever pairs are there. Where at least
half of the windows are whole, they alone are used: also without bias, and with less scatter.

References
----------
Mondal, D. and Percival, D. B. (2010), Wavelet variance analysis for gappy time series, Annals of the Institute of
Statistical Mathematics 62, 943-966: the estimator for processes with stationary increments. Here the pairs of a lag
are taken from the whole record, which makes one transform serve all averaging factors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["gapped", "variogram"]

Float = npt.NDArray[np.float64]

EDGES = 32  # placements at the ends that stand for all, in the total variance


def variogram(y: Float) -> tuple[Float, npt.NDArray[np.int64]]:
    """Return half the mean square difference by lag, and the number of pairs.

    Parameters
    ----------
    y : (n,) array
        Values at a regular step; NaN is missing.

    Returns
    -------
    (n,) array, (n,) array
        NaN where no pair is there.
    """
    import scipy.fft

    fft: Any = scipy.fft
    there = np.isfinite(y)
    size = fft.next_fast_len(2 * y.size, real=True)
    level = y[there].mean() if there.any() else 0.0
    centred = np.where(there, y - level, 0.0)
    mask, value, square = (fft.rfft(a, size) for a in (there.astype(float), centred, centred**2))
    pairs = fft.irfft(np.abs(mask) ** 2, size)[: y.size]
    cross = fft.irfft(2.0 * (square * mask.conj()).real - 2.0 * np.abs(value) ** 2, size)[: y.size]
    count = np.round(pairs).astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, cross / (2.0 * count), np.nan), count


def gapped(y: Float, factors: npt.NDArray[np.int64], statistic: str) -> Float:
    """Return the variance of frequency data with gaps, for each averaging factor.

    Parameters
    ----------
    y : (n,) array
        Frequency (for an analyser: mole fraction), NaN is missing.
    factors : (k,) int array
        Averaging factors.
    statistic : str
        "allan", "hadamard", "modified" or "total".

    Returns
    -------
    (k,) array
        In the square of the unit of `y`; NaN where lags beyond the last pair are needed. A lag without a pair (a valve
        that returns every hour leaves some) takes the straight line between its neighbours. Being unbiased, an estimate
        from few pairs can be negative.
    """
    gamma = _filled(variogram(np.asarray(y, np.float64))[0])
    before = np.concatenate([[0], np.cumsum(np.isnan(y))])
    phase = np.concatenate([[0.0], np.cumsum(np.where(np.isnan(y), 0.0, y - np.nanmean(y)))])
    result = np.full(len(factors), np.nan)
    for k, m in enumerate(int(f) for f in factors):
        span = {"allan": 2 * m, "hadamard": 3 * m, "modified": 3 * m - 1, "total": 2 * m}[statistic]
        if span > y.size:
            continue
        whole = before[span:] == before[:-span]
        if statistic == "total":
            result[k] = _total(gamma, m, y.size)
        elif 2 * int(whole.sum()) >= whole.size:
            result[k] = _complete(phase, m, statistic, whole)
        else:
            result[k] = _variance(gamma, m, statistic)
    return result


def _filled(gamma: Float) -> Float:
    there = np.isfinite(gamma)
    lag = np.arange(gamma.size)
    return np.interp(lag, lag[there], gamma[there], right=np.nan) if there.any() else gamma


def _complete(phase: Float, m: int, statistic: str, whole: npt.NDArray[np.bool_]) -> float:
    """Return the variance from the windows without a gap, which scatters less where most windows are whole."""
    if statistic == "hadamard":
        terms = phase[3 * m :] - 3 * phase[2 * m : -m] + 3 * phase[m : -2 * m] - phase[: -3 * m]
    else:
        terms = phase[2 * m :] - 2 * phase[m:-m] + phase[: -2 * m]
    if statistic == "modified":
        running = np.concatenate([[0.0], np.cumsum(terms)])
        terms = (running[m:] - running[:-m]) / m
    return float(np.mean((terms[whole] / m) ** 2)) / (6.0 if statistic == "hadamard" else 2.0)


def _variance(gamma: Float, m: int, statistic: str) -> float:
    box = np.ones(m)
    steps = np.concatenate([box, -2 * box, box] if statistic == "hadamard" else [-box, box]) / m
    if statistic == "modified":
        steps = np.convolve(steps, box / m) if m < 64 else _convolve(steps, box / m)
    return _quadratic(gamma, steps) / (6.0 if statistic == "hadamard" else 2.0)


def _convolve(a: Float, b: Float) -> Float:
    from scipy.signal import fftconvolve

    return np.asarray(fftconvolve(a, b), np.float64)


def _quadratic(gamma: Float, weights: Float) -> float:
    """Return the mean square of a filter whose weights add up to zero: -2 sum of A(k) gamma(k)."""
    short = weights.size < 256
    products = np.correlate(weights, weights, mode="full") if short else _convolve(weights, weights[::-1])
    return float(-2.0 * products[weights.size :] @ gamma[1 : weights.size])


def _total(gamma: Float, m: int, n: int) -> float:
    """Return the total variance: placements inside as for Allan, those at the ends on the mirrored record."""
    inside = _variance(gamma, m, "allan")
    if m == 1:
        return inside
    places = np.unique(np.round(np.linspace(1, m - 1, min(EDGES, m - 1))).astype(np.int64))
    edge = float(np.mean([_mirrored(gamma, m, int(i)) for i in places]))
    points = n + 1  # phase points
    return ((points - 2 * m) * inside + 2 * (m - 1) * edge) / (points - 2)


def _mirrored(gamma: Float, m: int, i: int) -> float:
    """Return the term of the total variance centred on phase point `i` < `m`, whose first window is mirrored."""
    weights = np.zeros(i + m)
    index = np.arange(i - m, i)
    np.add.at(weights, np.where(index < 0, -index - 1, index), -1.0 / m)
    weights[i : i + m] += 1.0 / m
    return _quadratic(gamma, weights) / 2.0
