"""Best estimate from results of one quantity: generalised mean, consistency, Birge inflation, random effects.

References
----------
Birge (1932), Phys. Rev. 40, 207-227. Bodnar & Elster (2014), Metrologia 51, 516-521 (on the Birge ratio).
Mandel & Paule (1970), Anal. Chem. 42, 1194-1197. Cox (2002), Metrologia 39, 589-595.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.pairs import Array

__all__ = ["BestEstimate", "best_estimate"]

METHODS = ("birge", "random effects", "none")


@dataclass(frozen=True)
class BestEstimate:
    """Mean of several results; see :func:`best_estimate`.

    Parameters
    ----------
    value, u : float
        Best estimate and its standard uncertainty after inflation.
    u_internal : float
        Standard uncertainty from the stated ones alone.
    weights : tuple of float
        Of the results, summing to 1; correlated ones can be negative.
    chi2 : float
        Sum of squared deviations in units of the stated covariance.
    degrees_of_freedom : int
        Results less one.
    p : float
        Probability of a greater chi2 if the stated uncertainties are right: small means inconsistent.
    birge : float
        sqrt(chi2 / degrees of freedom).
    between : float
        Standard deviation between results that "random effects" adds, in the unit of the results (relative on the
        logarithmic scale).
    consistent : bool
        p is at least 0.05.
    """

    value: float
    u: float
    u_internal: float
    weights: tuple[float, ...]
    chi2: float
    degrees_of_freedom: int
    p: float
    birge: float
    between: float
    consistent: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return {**asdict(self), "weights": list(self.weights)}


def best_estimate(
    values: npt.ArrayLike, covariance: npt.ArrayLike, *, log: bool = False, inflate: str = "birge"
) -> BestEstimate:
    """Combine results of one quantity, such as the measured and the accounted total.

    Parameters
    ----------
    values : array, shape (n,)
        Results in one unit, at least two.
    covariance : array, shape (n,) or (n, n)
        Standard uncertainties, or the covariance matrix where results share inputs.
    log : bool
        Combine logarithms (positive values). Right where errors are factors: a shared relative error then cannot pull
        the mean below all results, as it does on the plain scale ("Peelle's pertinent puzzle").
    inflate : {"birge", "random effects", "none"}
        What is done where the results disagree: widen all uncertainties by the Birge ratio if it exceeds 1 (mean and
        weights stay); add the variance between results that makes chi2 equal to its degrees of freedom (weights become
        more alike); or nothing.

    Returns
    -------
    BestEstimate

    Raises
    ------
    InputError
        Fewer than two results, a covariance that is not positive definite, or values not positive with `log`.

    References
    ----------
    Generalised mean: Cox (2002), procedure A with covariances; Birge (1932); Mandel & Paule (1970).
    """
    x, c = _checked(values, covariance, log, inflate)
    if log:
        c = c / np.outer(x, x)
        x = np.log(x)
    mean, variance, weights, chi2 = _mean(x, c)
    df = x.size - 1
    birge = math.sqrt(chi2 / df)
    internal, between = math.sqrt(variance), 0.0
    u = internal
    if inflate == "birge":
        u = max(1.0, birge) * internal
    elif inflate == "random effects" and chi2 > df:
        between = _between(x, c)
        mean, variance, weights, _ = _mean(x, c + between**2 * np.eye(x.size))
        u = math.sqrt(variance)
    scale = math.exp(mean) if log else 1.0
    value = scale if log else mean
    p = _p_value(df, chi2)
    return BestEstimate(
        value, scale * u, scale * internal, tuple(weights.tolist()), chi2, df, p, birge, between, p >= 0.05
    )


def _p_value(df: int, chi2: float) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(df, chi2))


def _mean(x: Array, c: Array) -> tuple[float, float, Array, float]:
    """Return the generalised mean, its variance, the weights and chi2."""
    inverse = np.linalg.inv(c)
    rows = inverse.sum(axis=1)
    variance = 1.0 / float(rows.sum())
    weights = variance * rows
    mean = float(x[0] + weights @ (x - x[0]))  # differences keep the digits that differ
    rest = x - mean
    return mean, variance, weights, max(float(rest @ inverse @ rest), 0.0)


def _between(x: Array, c: Array) -> float:
    """Return the standard deviation between results at which chi2 equals its degrees of freedom (Mandel & Paule)."""
    from scipy.optimize import brentq

    def excess(t: float) -> float:
        return _mean(x, c + t * t * np.eye(x.size))[3] - (x.size - 1)

    high = float(np.ptp(x)) + math.sqrt(float(c.diagonal().max()))
    while excess(high) > 0.0:
        high *= 2.0
    root: Any = brentq(excess, 0.0, high, xtol=1e-14 * high)
    return float(root)


def _checked(values: npt.ArrayLike, covariance: npt.ArrayLike, log: bool, inflate: str) -> tuple[Array, Array]:
    x = np.asarray(values, dtype=np.float64).ravel()
    c = np.asarray(covariance, dtype=np.float64)
    if inflate not in METHODS:
        raise InputError("unknown way to inflate", where="inflate", found=inflate, need=" or ".join(METHODS))
    if x.size < 2 or not np.isfinite(x).all():
        raise InputError("a best estimate needs at least two known results", found=str(x.tolist()))
    if log and not (x > 0.0).all():
        raise InputError("results must be positive on the logarithmic scale", found=f"{x.min():g}")
    if c.shape == x.shape:
        c = np.diag(np.square(c))
    if c.shape != (x.size, x.size) or not np.allclose(c, c.T, rtol=1e-10, atol=0.0):
        raise InputError("not a covariance matrix of the results", found=f"shape {c.shape}")
    if not np.isfinite(c).all() or np.linalg.eigvalsh(c / np.max(np.abs(c))).min() <= 1e-14:
        raise InputError(
            "the covariance of the results is not positive definite",
            hint="a result without uncertainty, or two that are fully correlated, cannot be averaged",
        )
    return x, c
