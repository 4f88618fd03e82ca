"""Observing-system simulation: draw a truth, observe it, invert, and see whether the stated intervals hold.

The network design asks which next site would lower the variance of a chosen total most; for linear problems the answer
needs no observed values: with g_s = H_s Q a', C_s = H_s P H_s' + R_s and P the covariance after the sites there are,

    gain of site s = (H_s P a')' C_s^-1 (H_s P a').

References
----------
Rayner, Enting & Trudinger (1996), Tellus B 48, 433-444 (network optimisation). Ziehn et al. (2014), Geosci. Instrum.
Method. Data Syst. 3, 45-54 (incremental choice of sites).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.posterior import Posterior
from inversion.problem import Problem
from inversion.sensitivity import Array
from inversion.solver import solve
from inversion.solvers.factor import Factor
from inversion.totals import TotalSet

__all__ = ["Coverage", "coverage", "next_sites", "simulate"]


def simulate(problem: Problem, rng: np.random.Generator, count: int = 1) -> tuple[list[Array], Array]:
    """Draw truths from the prior and observations of them.

    Parameters
    ----------
    problem : Problem
        Without covariates, or with coefficients of zero.
    rng : Generator
        Seeded.
    count : int
        Number of truths.

    Returns
    -------
    truth : list of array, (r, p, count) per block
    observed : array, (n, count)
        [mol mol-1].
    """
    truth = [b.prior_column + b.covariance.sample(rng, count) for b in problem.blocks]
    assert problem.background is not None
    seen = problem.background[:, None] + problem.forward(truth)
    return truth, seen + problem.error.sample(rng, count)


@dataclass(frozen=True)
class Coverage:
    """What an observing system would give.

    Parameters
    ----------
    labels : list of (group, region)
        Totals.
    replicates : int
        Simulated truths.
    truth, estimate : array, shape (K, replicates)
        [kg s-1].
    prior_u, u : array, shape (K,)
        Stated standard uncertainties.
    """

    labels: list[tuple[str, str]]
    replicates: int
    truth: Array
    estimate: Array
    prior_u: Array
    u: Array

    def share(self, k: float = 1.959963984540054) -> Array:
        """Return the share of replicates in which the interval of k standard uncertainties holds the truth, (K,)."""
        return np.mean(np.abs(self.estimate - self.truth) <= k * self.u[:, None], axis=1)

    def table(self) -> list[dict[str, Any]]:
        """Return bias, error reduction and coverage for each total."""
        rest = self.estimate - self.truth
        share = self.share()
        return [
            {"group": g, "region": r, "bias_in_u": float(rest[i].mean() / self.u[i]) if self.u[i] > 0 else np.nan,
             "rmse_over_u": float(np.sqrt(np.mean(rest[i] ** 2)) / self.u[i]) if self.u[i] > 0 else np.nan,
             "error_reduction": float(1.0 - self.u[i] / self.prior_u[i]) if self.prior_u[i] > 0 else np.nan,
             "coverage": float(share[i])}
            for i, (g, r) in enumerate(self.labels)
        ]  # fmt: skip


def coverage(
    problem: Problem,
    totals: TotalSet,
    replicates: int = 200,
    *,
    seed: int = 0,
    method: str = "auto",
    assumed: Problem | None = None,
    announce: Callable[[str], None] = lambda text: None,
) -> Coverage:
    """Simulate truths and observations, invert all of them, and compare totals.

    Parameters
    ----------
    problem : Problem
        What is true: prior, covariances, errors, network.
    totals : TotalSet
        Totals that are compared.
    replicates : int
        Number of truths.
    seed : int
        Of the draws.
    method : str
        Solver.
    assumed : Problem, optional
        What the inversion assumes, where it differs from what is true (wrong sizes, a basis, other lengths).
    announce : callable
        Is told the plan.
    """
    if replicates < 2:
        raise InputError("a coverage needs replicates", found=str(replicates), need="2 or more")
    posterior = solve(problem if assumed is None else assumed, method=method, announce=announce)
    columns = posterior.columns(totals)
    found = posterior.project(columns)
    stated = np.sqrt(np.diag(posterior.map_covariance(found)[0]))
    rng = np.random.default_rng(seed)
    truths, estimates = [], []
    prior_mean = posterior.used.prior_mean()
    true_columns = columns if assumed is None else Posterior(problem, problem, posterior.factor).columns(totals)
    for first in range(0, replicates, 50):
        count = min(50, replicates - first)
        truth, seen = simulate(problem, rng, count)
        truths.append(sum(c.reshape(-1, c.shape[2]).T @ x.reshape(-1, count)
                          for c, x in zip(true_columns, truth, strict=True)))  # fmt: skip
        misfit = seen - prior_mean[:, None]
        beta = posterior.coefficient_covariance @ (posterior._inverse_drift.T @ misfit)
        weights = posterior.factor.solve(misfit - posterior.drift @ beta)
        estimates.append(found.prior[:, None] + found.drift @ beta + found.g.T @ weights)
    labels = [(g, r) for g, r, _ in totals.labels]
    return Coverage(labels, replicates, np.concatenate(truths, axis=1), np.concatenate(estimates, axis=1),
                    np.sqrt(np.diag(found.covariance)), stated)  # fmt: skip


def next_sites(
    problem: Problem, totals: TotalSet, total: int, candidates: Mapping[str, npt.NDArray[np.int64]], count: int = 1
) -> list[dict[str, Any]]:
    """Choose sites one after the other, each the one that lowers the variance of a total most.

    Parameters
    ----------
    problem : Problem
        Holds the observations of the sites there are and of all candidates; their values play no part.
    totals : TotalSet
        Defines the total.
    total : int
        Which of its rows.
    candidates : mapping of str to array of int
        Rows of `problem` that each candidate site would add. The errors of sites must be independent of each other.
    count : int
        Number of sites to choose.

    Returns
    -------
    list of dict
        ``site``, ``u`` [kg s-1] of the total with it and all before, ``reduction`` against the step before, and
        ``gains`` of all candidates [kg2 s-2], in order of choice. The first entry, ``site = None``, is the state now.
    """
    everything = np.zeros(problem.n, dtype=bool)
    for rows in candidates.values():
        everything[rows] = True
    base = np.flatnonzero(~everything)
    chosen: list[str] = []
    result: list[dict[str, Any]] = []
    mine = Posterior(problem, problem, _Prior())
    found = mine.project([c[:, :, total : total + 1] for c in mine.columns(totals)])
    from inversion.solvers.exact import add_gram

    s = np.zeros((problem.n, problem.n), order="F")
    for b in problem.blocks:
        add_gram(b.sensitivity, b.covariance, s)
    problem.error.add_to(s)
    s = np.tril(s) + np.tril(s, -1).T

    def variance(rows: npt.NDArray[np.int64]) -> float:
        g = found.g[rows, 0]
        return float(found.covariance[0, 0] - g @ np.linalg.solve(s[np.ix_(rows, rows)], g)) if rows.size else float(
            found.covariance[0, 0])  # fmt: skip

    now = variance(base)
    result.append({"site": None, "u": float(np.sqrt(now)), "reduction": 0.0, "gains": {}})
    for _ in range(min(count, len(candidates))):
        gains = {name: now - variance(np.concatenate([base, rows]))
                 for name, rows in candidates.items() if name not in chosen}  # fmt: skip
        best = max(gains, key=lambda name: gains[name])
        base = np.concatenate([base, candidates[best]])
        after = now - gains[best]
        result.append({"site": best, "u": float(np.sqrt(after)), "reduction": float(1.0 - np.sqrt(after / now)),
                       "gains": gains})  # fmt: skip
        chosen.append(best)
        now = after
    return result


class _Prior(Factor):
    """Stands where no observations have been used."""

    method = "none"

    def solve(self, v: Array) -> Array:
        """Refuse: nothing was observed, so whoever asks has made a mistake."""
        raise NotImplementedError("no observation has been used yet")
