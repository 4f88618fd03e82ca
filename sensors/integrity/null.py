"""How rare a score is among genuine records: measured, not assumed.

The textbook null of most of these detectors does not hold: genuine loads repeat, genuine digits are uneven, genuine
heat rates drift. The highest score of a genuine record of T years is therefore described by a Gumbel law whose two
numbers were determined on genuine units:

    P(highest score <= s) = exp(-T exp(-(s - yearly) / scale)),

so that `yearly` is exceeded once in a year of record on average.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

__all__ = ["Null", "benjamini_yekutieli", "fit", "nulls"]


@dataclass(frozen=True)
class Null:
    """The law of one detector on genuine records.

    Parameters
    ----------
    alarm : float
        Score from which it is an alarm.
    yearly, scale : float
        See the module.
    meaning : str
        What an alarm says.
    detail : str
        How its size or origin is put into words, with a place for each value.
    log : bool
        The law holds for the logarithm of the score.
    daily : bool
        The detector may judge daily records too.
    measured : bool
        The law was determined on genuine records; otherwise it follows from what instruments may err.
    """

    alarm: float
    yearly: float
    scale: float
    meaning: str
    detail: str = ""
    log: bool = False
    daily: bool = False
    measured: bool = True

    def rate(self, score: float) -> float:
        """Return how often a genuine unit exceeds the score in a year of record."""
        if not score > 0.0:
            return math.inf
        excess = math.log(score / self.yearly) if self.log else score - self.yearly
        return math.exp(min(700.0, -excess / self.scale))

    def p(self, score: float, years: float) -> float:
        """Return the probability that a genuine record of so many years scores as high."""
        rate = self.rate(score)
        return 1.0 if math.isinf(rate) else -math.expm1(-years * rate)


@cache
def nulls() -> dict[str, Null]:
    """Return the laws of all detectors."""
    text = (files("sensors.integrity") / "data" / "null.toml").read_text(encoding="utf-8")
    return {name: Null(**row) for name, row in tomllib.loads(text).items()}


def fit(scores: Sequence[float], years: Sequence[float], *, log: bool = False) -> tuple[float, float]:
    """Return `yearly` and `scale` from the highest scores of genuine records, by maximum likelihood.

    Parameters
    ----------
    scores : sequence of float
        Highest score of each record; 0 where there was nothing to judge (left out).
    years : sequence of float
        Length of each record.
    log : bool
        Fit the logarithms.
    """
    from scipy.optimize import minimize

    s, t = np.asarray(scores, float), np.asarray(years, float)
    use = s > 0.0
    s, t = (np.log(s[use]) if log else s[use]), t[use]

    def loss(theta: np.ndarray) -> float:
        location, scale = theta[0], math.exp(theta[1])
        z = (s - location) / scale
        return float(-np.sum(np.log(t) - theta[1] - z - t * np.exp(-z)))

    start = np.array([float(np.mean(s)), math.log(max(float(np.std(s)), 1e-3))])
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-8, "maxiter": 4000})
    location, scale = float(found.x[0]), float(math.exp(found.x[1]))
    return (math.exp(location) if log else location), scale


def benjamini_yekutieli(p: Sequence[float], tests: int | None = None) -> np.ndarray:
    """Return the q values: the false-discovery rate at which each test is a discovery, under any dependence.

    Parameters
    ----------
    p : sequence of float
        P-values.
    tests : int, optional
        Number of tests where not all have a p-value: the others count as 1.

    References
    ----------
    Benjamini and Yekutieli (2001), Ann. Statist. 29, 1165-1188, theorem 1.3.
    """
    values = np.asarray(p, float)
    n = values.size
    m = max(n, tests or 0)
    order = np.argsort(values, kind="stable")
    harmonic = float(np.sum(1.0 / np.arange(1, m + 1)))
    q = values[order] * m * harmonic / np.arange(1, n + 1)
    result = np.empty(n)
    result[order] = np.minimum(1.0, np.minimum.accumulate(q[::-1])[::-1])
    return result
