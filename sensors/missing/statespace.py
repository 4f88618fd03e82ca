"""State-space smoothing of gaps: load regression and an AR(1) signal in noise, with intervals tested on the record."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from ghg.core.errors import InputError
from sensors.missing import _kernels

__all__ = ["Smoothed", "smooth"]

Array = npt.NDArray[np.float64]
Marks = npt.NDArray[np.uint8]
LEAST = 24  # values below which no model is fitted
FIT = 20_000  # values on which the model is fitted
TRIALS = 300  # artificial gaps
COVERAGE, QUANTILE = 0.95, 1.959964


@dataclass(frozen=True)
class Smoothed:
    """A smoothed series.

    Parameters
    ----------
    mean, u : float64 (n,)
        Estimate of every interval, and the standard uncertainty with which an unmeasured value lies about it.
    persistence, innovation, noise : float
        Parameters of the model: phi; standard deviations of innovations and noise.
    slope : float
        Of the series on the covariate, zero without one.
    widening : float
        Factor by which the uncertainty of the model was multiplied so that intervals on artificial gaps in this record
        cover 95 percent.
    """

    mean: Array
    u: Array
    persistence: float
    innovation: float
    noise: float
    slope: float
    widening: float


def smooth(values: Any, ok: Any, on: Any, covariate: Any = None, *, seed: int = 0) -> Smoothed:
    """Estimate a series in its gaps.

    Parameters
    ----------
    values : float (n,)
        Regular intervals; read only where `ok`.
    ok, on : bool (n,)
        Quality-assured; in operation.
    covariate : float (n,), optional
        Load or heat input: the series is regressed on it; holes in it are interpolated.
    seed : int
        Of the artificial gaps.

    Returns
    -------
    Smoothed

    Raises
    ------
    InputError
        Fewer than 24 quality-assured values.

    Notes
    -----
    ``x = a + b load + z + e``, ``z`` an AR(1) process, ``e`` white; variances by maximum likelihood. The uncertainty
    of the Gaussian model is then multiplied by one factor, found on artificial gaps of the lengths the record's own
    gaps have (or 1 to 24 hours), since real records have heavier tails.

    References
    ----------
    Durbin and Koopman 2012, Time Series Analysis by State Space Methods, sections 2.10 and 7.2.
    """
    x = np.asarray(values, np.float64)
    use = (np.asarray(ok, bool) & np.asarray(on, bool)).astype(np.uint8)
    known = use == 1
    if known.sum() < LEAST:
        raise InputError("too few quality-assured values to smooth the gaps", where="missing",
                         found=str(int(known.sum())), need=f"at least {LEAST}")  # fmt: skip
    trend, slope = _trend(x, known, covariate)
    residual = np.where(known, x - trend, 0.0)
    phi, q, r = _fit(residual[:FIT], use[:FIT]) if known[:FIT].sum() >= LEAST else _fit(residual, use)
    state, variance = np.empty(x.size), np.empty(x.size)
    _kernels.filter_smooth(residual, use, phi, q, r, state, variance)
    widening = _widening(residual, use, np.asarray(on, bool), (phi, q, r), seed)
    u = widening * np.sqrt(variance + r)
    return Smoothed(trend + state, u, phi, math.sqrt(q), math.sqrt(r), slope, widening)


def _trend(x: Array, known: npt.NDArray[np.bool_], covariate: Any) -> tuple[Array, float]:
    """Return the regression on the covariate at every interval, and its slope."""
    level = float(x[known].mean())
    if covariate is None:
        return np.full(x.size, level), 0.0
    c = np.asarray(covariate, np.float64)
    there = np.isfinite(c)
    if (there & known).sum() < LEAST:
        return np.full(x.size, level), 0.0
    place = np.arange(c.size)
    c = np.interp(place, place[there], c[there])
    spread = float(np.sum((c[known] - c[known].mean()) ** 2))
    if spread == 0.0:
        return np.full(x.size, level), 0.0
    slope = float(np.sum((c[known] - c[known].mean()) * (x[known] - level))) / spread
    return level + slope * (c - float(c[known].mean())), slope


def _unpack(theta: Any, scale: float) -> tuple[float, float, float]:
    """Return phi, q and r from parameters without bounds; the stationary variance is what theta holds."""
    phi = 0.9995 / (1.0 + math.exp(-float(np.clip(theta[0], -30.0, 30.0))))
    whole, noise = (scale * math.exp(float(np.clip(v, -25.0, 10.0))) for v in theta[1:])
    return phi, whole * (1.0 - phi * phi), noise


def _fit(residual: Array, use: Marks) -> tuple[float, float, float]:
    """Return persistence and variances by maximum likelihood."""
    scale = float(np.mean(residual[use == 1] ** 2))
    if scale == 0.0:  # a constant series: nothing to smooth
        return 0.0, 1e-300, 1e-300
    state, variance = np.empty(residual.size), np.empty(residual.size)

    def cost(theta: Any) -> float:
        return float(_kernels.filter_smooth(residual, use, *_unpack(theta, scale), state, variance))

    best = minimize(
        cost, [2.0, -0.1, -2.0], method="Nelder-Mead", options={"maxiter": 150, "xatol": 1e-2, "fatol": 1e-1}
    )
    return _unpack(best.x, scale)


def _widening(
    residual: Array, use: Marks, on: npt.NDArray[np.bool_], model: tuple[float, float, float], seed: int
) -> float:
    """Return the factor that makes 95 percent intervals cover 95 percent of artificial gaps of the usual lengths."""
    rng = np.random.default_rng(seed)
    first, last, length = (np.empty(use.size, np.int64) for _ in range(3))
    _kernels.gaps(use, on.astype(np.uint8), first, last, length)
    starts = np.flatnonzero((first >= 0) & (first == np.arange(use.size)))
    lengths = length[starts] if starts.size else np.array([1, 2, 3, 6, 12, 24])
    known = np.flatnonzero(use)
    lengths = np.clip(lengths, 1, max(1, known.size // 20))
    masked = use.copy()
    held = 0
    for size in rng.choice(lengths, TRIALS):
        if held > known.size // 4:
            break
        begin = int(rng.integers(0, known.size - size))
        masked[known[begin : begin + size]] = 0
        held += int(size)
    test = (use == 1) & (masked == 0)
    state, variance = np.empty(use.size), np.empty(use.size)
    _kernels.filter_smooth(residual, masked, *model, state, variance)
    z = np.sort(np.abs(residual[test] - state[test]) / np.sqrt(variance[test] + model[2]))
    rank = min(z.size, math.ceil(COVERAGE * (z.size + 1)))
    return max(float(z[rank - 1]) / QUANTILE, 0.1)
