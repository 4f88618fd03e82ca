"""Stationary block bootstrap of the ratio of two totals: an interval that respects correlation in time.

References
----------
Politis & Romano (1994), J. Am. Stat. Assoc. 89, 1303-1313. Politis & White (2004), Econometric Reviews 23, 53-70, and
Patton, Politis & White (2009), ibid. 28, 372-375 (block length).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.pairs import Array, paired

__all__ = ["RatioInterval", "ratio_interval", "ratio_replicates"]


@dataclass(frozen=True)
class RatioInterval:
    """Ratio of totals with a bootstrap interval; see :func:`ratio_interval`.

    Parameters
    ----------
    ratio : float
        Total of the measured over total of the accounted side, of the pairs.
    interval : tuple of float
        Coverage interval of the ratio that random, time-correlated scatter explains.
    u_ln : float
        Standard deviation of ln(ratio) over the replicates.
    block_length : float
        Mean block length in steps.
    n, replicates, seed : int
        Pairs, replicates, seed.
    coverage : float
        Of the interval.
    """

    ratio: float
    interval: tuple[float, float]
    u_ln: float
    block_length: float
    n: int
    replicates: int
    seed: int
    coverage: float

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def ratio_interval(
    measured: npt.ArrayLike,
    accounted: npt.ArrayLike,
    *,
    block_length: float | None = None,
    replicates: int = 10_000,
    coverage: float = 0.95,
    seed: int = 0,
) -> RatioInterval:
    """Interval of total(measured) / total(accounted) from the scatter of the pairs in time.

    Parameters
    ----------
    measured, accounted : array, shape (n,)
        Paired amounts at equal steps in the order of time; a NaN on either side is a gap of the pair.
    block_length : float, optional
        Mean block length in steps; by default chosen from the data.
    replicates : int
        Number of replicates.
    coverage : float
        Coverage probability of the interval.
    seed : int
        Of the random numbers.

    Returns
    -------
    RatioInterval

    Raises
    ------
    InputError
        Fewer than eight pairs, a total that is not positive, or settings out of range.

    Notes
    -----
    The interval holds what moves from step to step. A systematic error moves all pairs alike and is invisible here:
    add it in quadrature (``u_ln``), as :func:`ghg.facility.equivalence.tost` does. Gaps keep their place in time and
    carry no weight. The block length is that of the linearised ratio, measured - ratio x accounted, and at least a
    500th of the series. The interval is mirrored on the logarithm ("basic" bootstrap). Blocks of mean length L cut
    correlations, which makes replicates too much alike: their spread is widened by the factors of :func:`_widening`.
    """
    m, a, known = paired(measured, accounted, least=8, names="measured and accounted")
    total_m, total_a = float(m.sum()), float(a.sum())
    if not (total_m > 0.0 and total_a > 0.0):
        raise InputError("a ratio of totals needs positive totals", found=f"{total_m:g} and {total_a:g}")
    if not (0.0 < coverage < 1.0 and replicates >= 100):
        raise InputError("a bootstrap needs 0 < coverage < 1 and at least 100 replicates")
    ratio = total_m / total_a
    above, below = np.zeros(known.size), np.zeros(known.size)
    above[known], below[known] = m, a
    length = block_length if block_length is not None else _length(above - ratio * below, known)
    found = np.log(ratio_replicates(above, below, length, replicates, seed))
    bias, freedom = _widening(above - ratio * below, length, coverage)
    spread = bias * (found - found.mean())
    low, high = np.quantile(freedom * spread, [0.5 - coverage / 2.0, 0.5 + coverage / 2.0]).tolist()
    interval = (ratio * math.exp(-high), ratio * math.exp(-low))
    return RatioInterval(ratio, interval, float(spread.std()), length, m.size, replicates, seed, coverage)


def _length(influence: Array, known: npt.NDArray[np.bool_]) -> float:
    from ghg.core.uncertainty.series import block_length

    return max(block_length(np.where(known, influence, np.nan)), influence.size / 500.0)


def bootstrap_variance(series: Array, length: float) -> float:
    """Variance that the stationary bootstrap gives to the mean of a series, without drawing.

    Parameters
    ----------
    series : float64 (n,)
        Values.
    length : float
        Mean block length in steps.

    References
    ----------
    Politis & Romano (1994), lemma 1: the circular autocovariance at lag k counts with
    (1 - k / n) (1 - p)^k + (k / n) (1 - p)^(n - k), p = 1 / length.
    """
    n = series.size
    spectrum = np.fft.rfft(series - series.mean())
    circular = np.fft.irfft(spectrum * spectrum.conj(), n) / n
    k = np.arange(n)
    q = 1.0 - 1.0 / length
    # the circular sum holds every pair of places k and n - k once
    weights = (1.0 - k / n) * q**k + (k / n) * np.where(k > 0, q ** (n - k), 0.0)
    one_way = circular * weights
    return float(one_way[0] + one_way[1:].sum()) / n


def _widening(influence: Array, length: float, coverage: float) -> tuple[float, float]:
    """Return the factors for the bias of the replicates' standard deviation, and for its own uncertainty.

    Bias: to first order proportional to 1 / length, so that twice the variance at double length less the variance at
    this one is free of it; and a mean removed from the series takes (2 length - 1) / n of the variance. Uncertainty:
    Student's t with n / (2 length) degrees of freedom for the normal quantile (a variance estimated with lag weights
    whose squares sum to 2 length).
    """
    from scipy.special import ndtri, stdtrit

    n = influence.size
    once, twice = bootstrap_variance(influence, length), bootstrap_variance(influence, min(2.0 * length, n))
    cut = 1.0 if length <= 1.0 or once <= 0.0 else min(max(2.0 * twice / once - 1.0, 1.0), 4.0)
    bias = math.sqrt(cut * n / max(n - 2.0 * length + 1.0, n / 4.0))
    p = 0.5 + coverage / 2.0
    freedom = max(n / (2.0 * length), 2.0) if length > 1.0 else n - 1.0
    return bias, float(stdtrit(freedom, p) / ndtri(p))


def ratio_replicates(above: Array, below: Array, length: float, replicates: int, seed: int) -> Array:
    """Ratios of totals of stationary-bootstrap replicates.

    Parameters
    ----------
    above, below : float64 (n,)
        Amounts, zero in gaps.
    length : float
        Mean block length in steps, from 1 to n.
    replicates : int
        How many.
    seed : int
        Of the random numbers.

    Returns
    -------
    ndarray, shape (replicates,)

    Raises
    ------
    InputError
        A block length out of range.

    Notes
    -----
    A block's sums are differences of prefix sums, so that a replicate costs n / length steps and not n. The result
    does not depend on how the random numbers are portioned out.
    """
    from ghg.facility import _kernels

    n = above.size
    if not 1.0 <= length <= n:
        raise InputError("a mean block length lies between 1 and the length of the series", found=f"{length:g}")
    sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in (above, below)]
    rng = np.random.default_rng(seed)
    starts, lengths = np.empty(0, np.int64), np.empty(0, np.int64)
    ratios = np.empty(replicates)
    done, used = 0, np.zeros(1, np.int64)
    while done < replicates:
        more = int((replicates - done) * (n / length + 1.0) * 1.1) + 64
        more = min(more, 4_000_000)
        starts = np.concatenate([starts, rng.integers(0, n, more)])
        lengths = np.concatenate([lengths, rng.geometric(1.0 / length, more)])
        used[0] = 0
        done += _kernels.bootstrap_ratio(sums[0], sums[1], starts, lengths, used, ratios[done:])
        starts, lengths = starts[used[0] :], lengths[used[0] :]
    if not np.isfinite(ratios).all() or (ratios <= 0.0).any():
        raise InputError(
            "some blocks of the series have totals that are not positive",
            found=f"{int((~(ratios > 0.0)).sum())} of {replicates} replicates",
            hint="too few known pairs for a bootstrap",
        )
    return ratios
