"""Equivalence of two sides within a margin, on the logarithm of their ratio.

That a difference is not significant does not show that two sides agree; two one-sided tests (TOST) do. The margin m
means ratios between 1 / (1 + m) and 1 + m, so that exchanging the sides changes nothing.

References
----------
Schuirmann (1987), J. Pharmacokinet. Biopharm. 15, 657-680; Phillips (1990), ibid. 18, 137-144 (power).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.pairs import Array, paired

__all__ = ["Equivalence", "power", "tost", "tost_pairs"]


@dataclass(frozen=True)
class Equivalence:
    """Outcome of two one-sided tests; see :func:`tost`.

    Parameters
    ----------
    equivalent : bool
        Both tests reject at level alpha.
    p : float
        The greater of the two p values.
    p_lower, p_upper : float
        Against ratio <= 1 / (1 + margin), and against ratio >= 1 + margin.
    ratio : float
        Measured / accounted.
    interval : tuple of float
        Interval of the ratio at coverage 1 - 2 alpha: it lies within the margin exactly where `equivalent`.
    margin, alpha : float
        As given (fractions).
    shown_margin : float
        The smallest margin for which the two would be equivalent.
    u_ln, degrees_of_freedom : float
        Standard uncertainty of ln(ratio), random and systematic, and its effective degrees of freedom.
    """

    equivalent: bool
    p: float
    p_lower: float
    p_upper: float
    ratio: float
    interval: tuple[float, float]
    margin: float
    alpha: float
    shown_margin: float
    u_ln: float
    degrees_of_freedom: float

    @property
    def power(self) -> float:
        """Probability of `equivalent` if the true ratio is 1: much below 0.8 the data can hardly show equivalence."""
        return power(self.u_ln, margin=self.margin, alpha=self.alpha, degrees_of_freedom=self.degrees_of_freedom)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON; infinite degrees of freedom are left out."""
        values = {**asdict(self), "power": self.power}
        return {
            k: list(v) if isinstance(v, tuple) else v
            for k, v in values.items()
            if not (isinstance(v, float) and not math.isfinite(v))
        }


def _quantile(p: float, degrees_of_freedom: float) -> float:
    from scipy.special import ndtri, stdtrit

    return float(ndtri(p) if math.isinf(degrees_of_freedom) else stdtrit(degrees_of_freedom, p))


def _below(t: float, degrees_of_freedom: float) -> float:
    from scipy.special import ndtr, stdtr

    return float(ndtr(t) if math.isinf(degrees_of_freedom) else stdtr(degrees_of_freedom, t))


def tost(
    ln_ratio: float,
    u_random: float,
    u_systematic: float = 0.0,
    *,
    margin: float,
    alpha: float = 0.05,
    degrees_of_freedom: float = math.inf,
) -> Equivalence:
    """Test that measured and accounted agree within a margin.

    Parameters
    ----------
    ln_ratio : float
        ln(measured / accounted).
    u_random, u_systematic : float
        Standard uncertainties of it, from random and from systematic errors of both sides.
    margin : float
        Greatest relative difference that counts as equal, as a fraction.
    alpha : float
        Level of each test.
    degrees_of_freedom : float
        Of `u_random` where it was estimated from scatter. That of `u_systematic` is infinite; the two are joined by
        the Welch-Satterthwaite formula.

    Returns
    -------
    Equivalence

    Raises
    ------
    InputError
        A margin, level or uncertainty out of range.

    References
    ----------
    Schuirmann (1987); JCGM 100:2008, eq. G.2b for the degrees of freedom.
    """
    _check(margin, alpha, u_random, u_systematic)
    u = math.hypot(u_random, u_systematic)
    if not (u > 0.0 and math.isfinite(ln_ratio)):
        raise InputError("an equivalence test needs a ratio with its uncertainty", found=f"u = {u:g}")
    df = degrees_of_freedom * (u / u_random) ** 4 if u_random > 0.0 else math.inf
    edge = math.log1p(margin)
    p_lower, p_upper = _below(-(ln_ratio + edge) / u, df), _below((ln_ratio - edge) / u, df)
    reach = _quantile(1.0 - alpha, df) * u
    return Equivalence(
        equivalent=max(p_lower, p_upper) < alpha,
        p=max(p_lower, p_upper),
        p_lower=p_lower,
        p_upper=p_upper,
        ratio=math.exp(ln_ratio),
        interval=(math.exp(ln_ratio - reach), math.exp(ln_ratio + reach)),
        margin=margin,
        alpha=alpha,
        shown_margin=math.expm1(abs(ln_ratio) + reach),
        u_ln=u,
        degrees_of_freedom=df,
    )


def tost_pairs(
    measured: npt.ArrayLike,
    accounted: npt.ArrayLike,
    u_systematic: float = 0.0,
    *,
    margin: float,
    alpha: float = 0.05,
) -> Equivalence:
    """Test the mean log ratio of independent pairs; the random part is estimated from their scatter.

    Parameters
    ----------
    measured, accounted : array, shape (n,)
        Paired positive amounts, for example months; NaN is missing.
    u_systematic : float
        Standard uncertainty of ln(ratio) common to all pairs.
    margin, alpha : float
        See :func:`tost`.

    Raises
    ------
    InputError
        Fewer than three pairs, or a value that is not positive.

    Notes
    -----
    Each pair counts alike: the ratio is the geometric mean of the pairs' ratios, not the ratio of totals.
    """
    m, a, _ = paired(measured, accounted, least=3, positive=True, names="measured and accounted")
    d = np.log(m / a)
    u = float(d.std(ddof=1)) / math.sqrt(d.size)
    return tost(float(d.mean()), u, u_systematic, margin=margin, alpha=alpha, degrees_of_freedom=float(d.size - 1))


def power(
    u_ln: float,
    *,
    margin: float,
    ln_ratio: float = 0.0,
    alpha: float = 0.05,
    degrees_of_freedom: float = math.inf,
) -> float:
    """Probability that the two one-sided tests find equivalence.

    Parameters
    ----------
    u_ln : float
        True standard deviation of the estimate of ln(ratio).
    margin, alpha : float
        See :func:`tost`.
    ln_ratio : float
        True ln(ratio).
    degrees_of_freedom : float
        With which `u_ln` will be estimated.

    Returns
    -------
    float

    Raises
    ------
    InputError
        A margin, level or uncertainty out of range.

    References
    ----------
    Phillips (1990): the chance of equivalence at every estimated standard deviation, weighted with its density and
    integrated by Gauss-Legendre quadrature (Owen's Q).
    """
    _check(margin, alpha, u_ln, 0.0)
    if u_ln == 0.0:
        return float(abs(ln_ratio) < math.log1p(margin))
    edge = math.log1p(margin)
    df = degrees_of_freedom if degrees_of_freedom < 1e6 else math.inf  # the density loses digits beyond
    t = _quantile(1.0 - alpha, df)
    if math.isinf(df):
        return float(_chance(np.ones(1), t, u_ln, ln_ratio, edge)[0])
    from scipy.special import gammaln

    # beyond the upper end the interval is wider than the margins, so that nothing can be found equivalent
    reach = 10.0 / math.sqrt(2.0 * df)
    high, low = min(edge / (t * u_ln), 1.0 + reach), max(1.0 - reach, 0.0)
    if high <= low:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(128)
    s = low + (high - low) * (nodes + 1.0) / 2.0
    log_density = math.log(2.0) + 0.5 * df * math.log(df / 2.0) - gammaln(df / 2.0) + (df - 1.0) * np.log(s)
    density = np.exp(log_density - 0.5 * df * s * s)
    chance = (high - low) / 2.0 * np.sum(weights * density * _chance(s, t, u_ln, ln_ratio, edge))
    return float(min(chance, 1.0))


def _chance(s: Array, t: float, u: float, centre: float, edge: float) -> Array:
    """Return the probability of equivalence if the standard deviation is estimated as s times the true one."""
    from scipy.special import ndtr

    high, low = (edge - centre) / u - t * s, -(edge + centre) / u + t * s
    return np.maximum(ndtr(high) - ndtr(low), 0.0)


def _check(margin: float, alpha: float, *uncertainties: float) -> None:
    if not (margin > 0.0 and math.isfinite(margin)):
        raise InputError("an equivalence margin is a positive fraction", where="margin", found=f"{margin:g}")
    if not 0.0 < alpha < 0.5:
        raise InputError("a level lies between 0 and 0.5", where="alpha", found=f"{alpha:g}")
    if not all(u >= 0.0 and math.isfinite(u) for u in uncertainties):
        raise InputError("standard uncertainties are known and not negative", found=str(uncertainties))
