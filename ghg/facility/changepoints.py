"""Change points of a series of log ratios with a known uncertainty for each period.

Model: y_t = mu(t) + e_t, mu constant between change points, e_t normal with standard deviation s u_t. A
systematic error shifts all periods alike and is no change; `u` holds random errors only. Where the periods scatter
more than `u` says, the scale s > 1 is estimated from successive differences, which a change of level hardly touches.

The penalty of a further change point is the square of the critical value of the exact test for one change at level
alpha, and not less than the modified BIC, 3 ln n. So a series without a change is left whole in at least about
1 - alpha of all cases for any length, as short as a year of months.

References
----------
Jackson et al. (2005), IEEE Signal Process. Lett. 12, 105-108 (optimal partitioning). Zhang & Siegmund (2007),
Biometrics 63, 22-32 (modified BIC). Worsley (1986), Biometrika 73, 91-104 (exact distribution of the greatest
contrast, by recursion). Csorgo & Horvath (1997), Limit Theorems in Change-Point Analysis, section 1.3 (long series).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.pairs import Array, columns

__all__ = ["Change", "Changes", "change_points", "scan_p_value", "scan_statistic"]

EXACT = 240  # periods up to which p values come from the recursion
SHUFFLES = 2_000  # permutations where uncertainties are not known


@dataclass(frozen=True)
class Change:
    """One change of level.

    Parameters
    ----------
    index : int
        First period of the new level, counted in the series as given.
    candidates : tuple of int
        First and last index that the change may have: 95 % of its probability, uniform prior.
    shift, u_shift : float
        New level less old level, and its standard uncertainty.
    p : float
        Of the test for one change between its neighbours.
    """

    index: int
    candidates: tuple[int, int]
    shift: float
    u_shift: float
    p: float


@dataclass(frozen=True)
class Changes:
    """Segments of a series; see :func:`change_points`.

    Parameters
    ----------
    changes : tuple of Change
        In the order of time; empty where the series has one level.
    levels, u_levels : tuple of float
        Weighted mean of every segment and its standard uncertainty.
    p : float
        Of the test for one change in the whole series.
    scale : float
        Factor on the given uncertainties that the scatter demands, at least 1.
    penalty : float
        Decrease of chi2 that a change point must earn.
    n : int
        Known periods.
    """

    changes: tuple[Change, ...]
    levels: tuple[float, ...]
    u_levels: tuple[float, ...]
    p: float
    scale: float
    penalty: float
    n: int

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return {
            **asdict(self),
            "changes": [{**asdict(c), "candidates": list(c.candidates)} for c in self.changes],
            "levels": list(self.levels),
            "u_levels": list(self.u_levels),
        }


def change_points(
    values: npt.ArrayLike,
    u: npt.ArrayLike | None = None,
    *,
    alpha: float = 0.05,
    shortest: int = 2,
    correlation: float = 0.0,
    seed: int = 0,
) -> Changes:
    """Find changes of level in a short series, such as twelve monthly ln(measured/accounted).

    Parameters
    ----------
    values : array, shape (n,)
        Series in the order of time; NaN is a gap.
    u : float or array, shape (n,), optional
        Standard uncertainty of the random error of every period. Where none is given, the scatter of successive
        differences stands for it and p values come from permutations.
    alpha : float
        Probability of any change being found where there is none.
    shortest : int
        Fewest periods of a level; 2, so that one odd period is no change.
    correlation : float
        Lag-one correlation of the random errors; variances grow by (1 + r) / (1 - r).
    seed : int
        Of the permutations.

    Returns
    -------
    Changes
        With fewer than ``2 shortest + 2`` known periods the series is left whole and p is NaN.

    Raises
    ------
    InputError
        No known value, or settings out of range.
    """
    y, s, place = _series(values, u, alpha, shortest, correlation)
    n = y.size
    given = u is not None
    scale = _scale(y, s, at_least=1.0 if given else 0.0) * math.sqrt((1.0 + correlation) / (1.0 - correlation))
    w = 1.0 / (scale * s) ** 2 if scale > 0.0 else np.ones(n)
    if n < 2 * shortest + 2 or not scale > 0.0:
        return _whole(y, w, scale, math.nan)
    penalty = _penalty(w, alpha, shortest)
    rng = None if given else np.random.default_rng(seed)
    edges = _prune(y, w, _partition(y, w, penalty, shortest), alpha, shortest, rng)
    changes = tuple(
        _change(y, w, place, (a, b, c), shortest, rng) for a, b, c in zip(edges, edges[1:], edges[2:], strict=False)
    )
    means = [_mean(y, w, a, b) for a, b in itertools.pairwise(edges)]
    return Changes(
        changes=changes,
        levels=tuple(m for m, _ in means),
        u_levels=tuple(v for _, v in means),
        p=_p_value(y, w, shortest, rng),
        scale=scale,
        penalty=penalty,
        n=n,
    )


def _series(
    values: npt.ArrayLike, u: npt.ArrayLike | None, alpha: float, shortest: int, correlation: float
) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    if not (0.0 < alpha < 1.0 and shortest >= 1 and 0.0 <= correlation < 1.0):
        raise InputError("settings of the search for changes are out of range",
                         found=f"alpha {alpha}, shortest {shortest}, correlation {correlation}")  # fmt: skip
    y = np.asarray(values, dtype=np.float64).ravel()
    (s,) = columns(y.size, u=1.0 if u is None else u)
    known = np.isfinite(y) & np.isfinite(s)
    if not known.any():
        raise InputError("no period has a value with its uncertainty, so that there is nothing to search")
    if not (s[known] > 0.0).all():
        raise InputError("a period needs a positive uncertainty", found=f"{s[known].min():g}")
    return np.ascontiguousarray(y[known]), np.ascontiguousarray(s[known]), np.flatnonzero(known).astype(np.int64)


def _scale(y: Array, s: Array, at_least: float) -> float:
    """Return the factor on uncertainties that successive differences demand.

    Differences have variance s_t^2 + s_(t+1)^2; one change of level spoils one of them, and the largest of every eight
    is left out for that. The mean of the others is divided by what normal differences would give.
    """
    from scipy.special import chdtr, ndtri

    if y.size < 4:
        return at_least
    d2 = np.sort(np.diff(y) ** 2 / (s[1:] ** 2 + s[:-1] ** 2))
    keep = d2.size - max(d2.size // 8, 1)
    # mean of a chi2(1) variable below its quantile keep / size: P(chi2_3 < q) / P(chi2_1 < q)
    share = keep / d2.size
    q = float(ndtri(0.5 + share / 2.0)) ** 2
    trimmed = float(chdtr(3, q)) / share
    return max(math.sqrt(float(d2[:keep].mean()) / trimmed), at_least)


def _mean(y: Array, w: Array, start: int, end: int) -> tuple[float, float]:
    weight = float(w[start:end].sum())
    return float((w[start:end] * y[start:end]).sum()) / weight, 1.0 / math.sqrt(weight)


def _whole(y: Array, w: Array, scale: float, p: float) -> Changes:
    level, u = _mean(y, w, 0, y.size)
    return Changes((), (level,), (u,), p, scale, math.nan, y.size)


def _partition(y: Array, w: Array, penalty: float, shortest: int) -> list[int]:
    from ghg.facility import _kernels

    cost, last = np.empty(y.size + 1), np.empty(y.size + 1, np.int64)
    _kernels.optimal_partition(y - y.mean(), w, penalty, shortest, cost, last)
    edges = [y.size]
    while edges[-1] > 0:
        edges.append(int(last[edges[-1]]))
    return edges[::-1]


def _prune(
    y: Array, w: Array, edges: list[int], alpha: float, shortest: int, rng: np.random.Generator | None
) -> list[int]:
    """Take out, weakest first, changes that the test between their neighbours does not confirm."""
    while len(edges) > 2:
        p = [_p_value(y[a:c], w[a:c], shortest, rng) for a, c in zip(edges, edges[2:], strict=False)]
        worst = int(np.argmax(p))
        if p[worst] < alpha:
            break
        edges = edges[: worst + 1] + edges[worst + 2 :]
    return edges


def _change(
    y: Array,
    w: Array,
    place: npt.NDArray[np.int64],
    edges: tuple[int, int, int],
    shortest: int,
    rng: np.random.Generator | None,
) -> Change:
    a, b, c = edges
    (before, u_before), (after, u_after) = _mean(y, w, a, b), _mean(y, w, b, c)
    places = np.arange(a + shortest, c - shortest + 1)
    weight, moment = np.cumsum(w[a:c]), np.cumsum(w[a:c] * (y[a:c] - y[a:c].mean()))
    left, right = weight[places - a - 1], weight[-1] - weight[places - a - 1]
    contrast = moment[places - a - 1] - moment[-1] * left / weight[-1]
    # levels integrated out with a flat prior: exp(chi2 gained / 2) / sqrt(left right)
    logs = 0.5 * contrast**2 * weight[-1] / (left * right) - 0.5 * np.log(left * right)
    chance = np.exp(logs - logs.max())
    share = np.cumsum(chance) / chance.sum()
    first, last = int(np.searchsorted(share, 0.025)), int(np.searchsorted(share, 0.975))
    return Change(
        index=int(place[b]),
        candidates=(int(place[places[first]]), int(place[places[min(last, places.size - 1)]])),
        shift=after - before,
        u_shift=math.hypot(u_before, u_after),
        p=_p_value(y[a:c], w[a:c], shortest, rng),
    )


def scan_statistic(values: npt.ArrayLike, u: npt.ArrayLike, shortest: int = 2) -> float:
    """Greatest standardised difference between the means before and after any period.

    Parameters
    ----------
    values, u : array, shape (n,)
        Series and standard uncertainties, without gaps.
    shortest : int
        Fewest periods on either side.

    Returns
    -------
    float
        Its square is the decrease of chi2 that the best single change brings.
    """
    from ghg.facility import _kernels

    y, s, _ = _series(values, u, 0.5, shortest, 0.0)
    out = np.empty(1)
    _kernels.scan_rows((y - y.mean())[None], (1.0 / (s * s))[None], shortest, out)
    return math.sqrt(float(out[0]))


def scan_p_value(statistic: float, u: npt.ArrayLike, shortest: int = 2) -> float:
    """Probability that a series without a change gives a greater :func:`scan_statistic`.

    Parameters
    ----------
    statistic : float
        Observed value.
    u : array, shape (n,)
        Standard uncertainties.
    shortest : int
        Fewest periods on either side.

    Returns
    -------
    float
        Exact for normal errors up to 240 periods; above, the extreme-value formula for continuous time, which errs
        on the safe side.

    References
    ----------
    The sums of weighted deviations form a Brownian bridge in the time of the weights: Markov, so that the probability
    of staying within the bounds follows by recursion (Worsley 1986). Csorgo & Horvath (1997), section 1.3.
    """
    s = np.atleast_1d(np.asarray(u, dtype=np.float64))
    return _scan_p(float(statistic), 1.0 / (s * s), shortest)


def _scan_p(c: float, w: Array, shortest: int) -> float:
    from ghg.facility import _kernels

    n = w.size
    if n < 2 * shortest:
        return 1.0
    if c <= 0.0:
        return 1.0
    if n > EXACT:
        return _long_scan_p(c, w, shortest)
    times = np.cumsum(w / w.sum())[shortest - 1 : n - shortest]
    increments = np.diff(np.concatenate([[0.0], times, [1.0]]))
    bound = c * np.sqrt(times * (1.0 - times))
    nodes, weights = _quadrature(64 + 2 * n // 3)
    inside = _kernels.bridge_rows(bound, increments, nodes, weights)
    return float(min(max(1.0 - inside, 0.0), 1.0))


@cache
def _quadrature(points: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(points)


def _long_scan_p(c: float, w: Array, shortest: int) -> float:
    times = np.cumsum(w / w.sum())
    low, high = float(times[shortest - 1]), float(times[-shortest - 1])
    span = math.log(high * (1.0 - low) / (low * (1.0 - high)))
    if c < 1.5:
        return 1.0
    tail = c * math.exp(-0.5 * c * c) / math.sqrt(2.0 * math.pi) * (span - span / c**2 + 4.0 / c**2)
    return float(min(max(tail, 0.0), 1.0))


def _penalty(w: Array, alpha: float, shortest: int) -> float:
    """Return the modified BIC, or the squared critical value of the test for one change where that is greater."""
    from scipy.optimize import brentq

    least = math.sqrt(3.0 * math.log(w.size))
    if _scan_p(least, w, shortest) <= alpha:
        return least**2
    value = brentq(lambda c: _scan_p(c, w, shortest) - alpha, least, 12.0, xtol=1e-6)
    return float(value) ** 2  # type: ignore[arg-type]


def _p_value(y: Array, w: Array, shortest: int, rng: np.random.Generator | None) -> float:
    """Return the p value of one change: exact where uncertainties are known, by permutation where not."""
    from ghg.facility import _kernels

    n = y.size
    if n < 2 * shortest:
        return 1.0
    out = np.empty(1)
    _kernels.scan_rows(np.ascontiguousarray((y - y.mean())[None]), np.ascontiguousarray(w[None]), shortest, out)
    if rng is None:
        return _scan_p(math.sqrt(float(out[0])), w, shortest)
    order = np.argsort(rng.random((SHUFFLES, n)), axis=1)
    shuffled = np.empty(SHUFFLES)
    _kernels.scan_rows(np.ascontiguousarray((y - y.mean())[order]), np.ascontiguousarray(w[order]), shortest, shuffled)
    return float((1 + (shuffled >= out[0] * (1.0 - 1e-12)).sum()) / (SHUFFLES + 1))
