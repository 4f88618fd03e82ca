"""Autocorrelated series: integrated time, variance inflation, block lengths, stationary bootstrap."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = [
    "ar1_inflation", "autocorrelation", "autocorrelation_time", "block_length", "efolding_time",
    "stationary_bootstrap_indices",
]  # fmt: skip

Array = npt.NDArray[np.float64]


def autocorrelation(x: npt.ArrayLike, lags: int | None = None) -> Array:
    """Autocorrelation of a regular series with gaps.

    Parameters
    ----------
    x : array, shape (n,)
        Values at equal steps; NaN is a gap.
    lags : int, optional
        Greatest lag; n - 1 by default.

    Returns
    -------
    ndarray, shape (lags + 1,)
        Autocovariance at each lag over the number of known pairs, divided by that at lag 0. All NaN where
        the series is constant or empty.
    """
    series = np.asarray(x, dtype=np.float64).ravel()
    n = series.size
    most = max(n - 1, 0) if lags is None else min(int(lags), max(n - 1, 0))
    known = np.isfinite(series)
    if known.sum() < 2:
        return np.full(most + 1, np.nan)
    values = np.where(known, series - series[known].mean(), 0.0)
    size = 1 << (2 * n - 1).bit_length()

    def lagged(v: Array) -> Array:
        spectrum = np.fft.rfft(v, size)
        return np.fft.irfft(spectrum * spectrum.conj(), size)[: most + 1]

    pairs = np.round(lagged(known.astype(np.float64)))
    covariance = np.where(pairs > 0.5, lagged(values) / np.maximum(pairs, 1.0), 0.0)
    if covariance[0] <= 0.0:
        return np.full(most + 1, np.nan)
    return covariance / covariance[0]


def autocorrelation_time(x: npt.ArrayLike, *, step: float = 1.0, window: float = 5.0) -> float:
    """Integrated autocorrelation time 1 + 2 sum rho_k of a series with gaps.

    The variance of a mean of n values is this many times that of independent ones. The sum is cut at the
    first lag M >= window x time (Sokal's rule).

    Parameters
    ----------
    x : array, shape (n,)
        Values at equal steps; NaN is a gap.
    step : float
        Length of a step, for a result in time units.
    window : float
        Cut-off factor.

    Returns
    -------
    float
        Integrated time in units of `step` (1 step for white noise); NaN for a constant or an empty series.

    References
    ----------
    Sokal, A. (1997), Monte Carlo methods in statistical mechanics, section 3 (automatic windowing).
    """
    rho = autocorrelation(x)
    if rho.size == 0 or np.isnan(rho[0]):
        return math.nan
    integrated = 2.0 * np.cumsum(rho) - 1.0
    reached = np.arange(rho.size) >= window * integrated
    cut = int(np.argmax(reached)) if reached.any() else rho.size - 1
    return float(max(integrated[max(cut, 1) if rho.size > 1 else 0], 0.0)) * step


def efolding_time(integrated: float, step: float = 1.0) -> float:
    """E-folding time of the AR(1) process with a given integrated time.

    The integrated time is (1 + phi) / (1 - phi) steps with phi = exp(-step / time).

    Parameters
    ----------
    integrated : float
        Integrated autocorrelation time, same unit as `step`.
    step : float
        Length of a step.

    Returns
    -------
    float
        e-folding time; 0 where the integrated time is one step or less. This is what the attribute
        ``correlation_time`` (in seconds) means.
    """
    g = integrated / step
    return step / math.log((g + 1.0) / (g - 1.0)) if g > 1.0 else 0.0


def ar1_inflation(n: npt.ArrayLike, phi: npt.ArrayLike) -> Array:
    """n Var(mean) / variance for n consecutive values of an AR(1) process.

    Parameters
    ----------
    n : array
        Number of values, at least 1.
    phi : array
        Lag-one correlation, -1 < phi < 1.

    Returns
    -------
    ndarray
        (1 + phi) / (1 - phi) - 2 phi (1 - phi**n) / (n (1 - phi)**2); n divided by it is the effective
        number of values.

    Raises
    ------
    InputError
        If phi is out of range.

    References
    ----------
    Sum of JCGM 100:2008 eq. 16 over r_ij = phi**|i - j|; Zieba (2010), Metrol. Meas. Syst. 17, 3-16.
    """
    count, p = np.asarray(n, dtype=np.float64), np.asarray(phi, dtype=np.float64)
    if np.any(np.abs(p) >= 1.0) or np.any(count < 1.0):
        raise InputError("a lag-one correlation lies between -1 and 1", found=str(phi), need="and at least one value")
    return (1.0 + p) / (1.0 - p) - 2.0 * p * (1.0 - p**count) / (count * (1.0 - p) ** 2)


def block_length(x: npt.ArrayLike, kind: str = "stationary") -> float:
    """Automatic (expected) block length for bootstrapping the mean of a dependent series.

    Parameters
    ----------
    x : array, shape (n,)
        Values at equal steps; NaN is a gap.
    kind : {"stationary", "circular"}
        Which bootstrap.

    Returns
    -------
    float
        Length in steps, between 1 and ceil(min(3 sqrt(n), n / 3)).

    References
    ----------
    Politis & White (2004), Econometric Reviews 23, 53-70; corrected by Patton, Politis & White (2009),
    Econometric Reviews 28, 372-375.
    """
    if kind not in ("stationary", "circular"):
        raise InputError("unknown bootstrap", found=kind, need="stationary or circular")
    series = np.asarray(x, dtype=np.float64).ravel()
    n = series.size
    if np.isfinite(series).sum() < 4 or np.nanstd(series) == 0.0:
        return 1.0
    quiet = max(5, math.ceil(math.sqrt(math.log10(n))))
    longest = math.ceil(math.sqrt(n)) + quiet
    rho = autocorrelation(series, longest + quiet)
    small = np.abs(rho[1:]) < 2.0 * math.sqrt(math.log10(n) / n)
    runs = [m for m in range(small.size - quiet + 1) if small[m : m + quiet].all()]
    last = runs[0] if runs else int(np.flatnonzero(~small)[-1]) + 1 if (~small).any() else 1
    bandwidth = min(2 * max(last, 1), longest, rho.size - 1)
    k = np.arange(1, bandwidth + 1)
    taper = np.clip(2.0 * (1.0 - k / bandwidth), 0.0, 1.0)  # flat-top: 1 up to half the bandwidth, then linear
    slope = 2.0 * float(np.sum(taper * k * rho[1 : bandwidth + 1]))
    level = 1.0 + 2.0 * float(np.sum(taper * rho[1 : bandwidth + 1]))
    constant = 2.0 if kind == "stationary" else 4.0 / 3.0
    bound = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    if level == 0.0:
        return float(bound)
    length = (2.0 * slope**2 / (constant * level**2)) ** (1.0 / 3.0) * n ** (1.0 / 3.0)
    return float(min(max(length, 1.0), bound))


def stationary_bootstrap_indices(
    n: int, length: float, replicates: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Indices of the stationary bootstrap: blocks of geometric length on a circle.

    Parameters
    ----------
    n : int
        Length of the series.
    length : float
        Mean block length in steps, at least 1.
    replicates : int
        Number of replicates.
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (replicates, n)

    References
    ----------
    Politis & Romano (1994), J. Am. Stat. Assoc. 89, 1303-1313.
    """
    from ghg.core import _kernels  # here, so that calendar work does not wait for the compiler

    if n < 0 or replicates < 0 or not length >= 1.0:
        raise InputError("a block has at least one value", found=f"length {length}", need="at least 1")
    out = np.empty((replicates, n), dtype=np.int64)
    if out.size:
        starts = rng.integers(0, n, size=out.shape)
        _kernels.bootstrap_indices(starts, rng.random(out.shape), 1.0 / length, out)
    return out
