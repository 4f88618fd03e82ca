"""Have the chains converged, and what are the draws worth: R-hat and effective sample size.

References
----------
Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), Bayesian Analysis 16, 667-718.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["effective_size", "effective_size_tail", "rank_normal", "split_r_hat"]

Array = npt.NDArray[np.float64]


def _split(chains: Array) -> Array:
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, -half:]])


def rank_normal(chains: Array) -> Array:
    """Return normal scores of the pooled ranks (equation 14)."""
    from scipy.stats import norm, rankdata

    ranks = rankdata(chains, method="average").reshape(chains.shape)
    return np.asarray(norm.ppf((ranks - 0.375) / (chains.size + 0.25)))


def _r_hat(chains: Array) -> float:
    n = chains.shape[1]
    within = chains.var(axis=1, ddof=1).mean()
    between = n * chains.mean(axis=1).var(ddof=1)
    if within == 0.0:
        return 1.0 if between == 0.0 else np.inf
    return float(np.sqrt((n - 1.0) / n + between / (n * within)))


def split_r_hat(chains: Array) -> float:
    """Return the larger of the rank-normalised split R-hat of location and of scale (section 4.1).

    Parameters
    ----------
    chains : float64 (chain, draw)
    """
    split = _split(np.asarray(chains, float))
    folded = np.abs(split - np.median(split))
    return max(_r_hat(rank_normal(split)), _r_hat(rank_normal(folded)))


def _autocovariance(chains: Array) -> Array:
    n = chains.shape[1]
    centred = chains - chains.mean(axis=1, keepdims=True)
    size = 1 << (2 * n - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size, axis=1)) ** 2
    return np.asarray(np.fft.irfft(power, size, axis=1)[:, :n] / n)


def _size(split: Array) -> float:
    """Return the effective size by Geyer's initial monotone sequence over all chains (equations 10-13)."""
    m, n = split.shape
    covariance = _autocovariance(split)
    within = float(np.mean(covariance[:, 0]) * n / (n - 1.0))
    variance = within * (n - 1.0) / n + (float(split.mean(axis=1).var(ddof=1)) if m > 1 else 0.0)
    if variance <= 0.0:
        return float(m * n)
    rho = 1.0 - (within - covariance.mean(axis=0) * n / (n - 1.0)) / variance
    rho[0] = 1.0
    pairs = rho[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0.0)
    pairs = np.minimum.accumulate(pairs[: negative[0] if negative.size else None])
    time = max(-1.0 + 2.0 * float(pairs.sum()), 1.0 / np.log10(m * n))
    return float(m * n / time)


def effective_size(chains: Array) -> float:
    """Return the bulk effective sample size.

    Parameters
    ----------
    chains : float64 (chain, draw)
    """
    return _size(rank_normal(_split(np.asarray(chains, float))))


def effective_size_tail(chains: Array) -> float:
    """Return the lesser effective size of the 5 % and the 95 % quantile."""
    split = _split(np.asarray(chains, float))
    return min(_size((split <= np.quantile(split, q)).astype(float)) for q in (0.05, 0.95))
