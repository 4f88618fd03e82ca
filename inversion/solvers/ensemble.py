"""Ensemble square-root filter and fixed-lag smoother.

Observations are taken one by one. Each moves the mean by the ordinary gain and every deviation by the reduced gain, so
that no perturbed observations are needed. With a lag, periods older than the last `lag` are final. Errors
correlated among observations are whitened first (all together, without a lag).

References
----------
Whitaker & Hamill (2002), Mon. Weather Rev. 130, 1913-1924, eq. 10-13. Peters et al. (2005), J. Geophys. Res. 110,
D24304 (fixed lag).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ghg.core.errors import InputError
from inversion.sensitivity import Array

if TYPE_CHECKING:
    from inversion.problem import Problem

__all__ = ["Ensemble", "ensemble"]


@dataclass(frozen=True)
class Ensemble:
    """Mean and deviations after the filter.

    Parameters
    ----------
    mean : list of array, (r, p) per block
        Posterior mean.
    deviations : list of array, (r, p, members) per block
        They sum to zero over the members.
    """

    mean: list[Array]
    deviations: list[Array]

    @property
    def members(self) -> int:
        """Size of the ensemble."""
        return int(self.deviations[0].shape[2])


def ensemble(problem: Problem, *, members: int = 500, lag: int | None = None, seed: int = 0) -> Ensemble:
    """Run the filter.

    Parameters
    ----------
    problem : Problem
        Without covariates.
    members : int
        Size of the ensemble; errors of (co)variances fall with its root.
    lag : int, optional
        Periods (of the block with most) that an observation may still move; all by default.
    seed : int
        Of the draws.
    """
    if any(b.covariates for b in problem.blocks):
        raise InputError("the ensemble filter has no covariates", need="a geostatistical method: 'dual' or 'cg'")
    if members < 2:
        raise InputError("an ensemble needs members", found=str(members), need="2 or more")
    rng = np.random.default_rng(seed)
    deviations = []
    for block in problem.blocks:
        draws = block.covariance.sample(rng, members)
        deviations.append(draws - draws.mean(axis=2, keepdims=True))
    mean = [b.prior_column.copy() for b in problem.blocks]
    if lag is None:
        _all_at_once(problem, mean, deviations)
    else:
        _step_by_step(problem, mean, deviations, lag)
    return Ensemble([m[:, :, 0] for m in mean], deviations)


def _all_at_once(problem: Problem, mean: list[Array], deviations: list[Array]) -> None:
    error = problem.error
    assert problem.background is not None
    seen = error.whiten(problem.forward(deviations))
    misfit = error.whiten((problem.observed - problem.background)[:, None] - problem.forward(mean))[:, 0]
    weights, transform = _update(seen, misfit, np.ones(problem.n))
    for m, d in zip(mean, deviations, strict=True):
        m[:, :, 0] += d @ weights
        d[...] = d @ transform


def _update(seen: Array, misfit: Array, variance: Array) -> tuple[Array, Array]:
    """Take observations one by one; return the shift of the mean and the transform, both in members.

    seen (n, members) are deviations of the predicted observations, changed in place with the misfits.
    """
    from inversion import _kernels

    members = seen.shape[1]
    weights, transform = np.zeros(members), np.eye(members)
    _kernels.serial_update(np.ascontiguousarray(seen), misfit.copy(), variance, weights, transform)
    return weights, transform


def _step_by_step(problem: Problem, mean: list[Array], deviations: list[Array], lag: int) -> None:
    """Fixed lag: observations of period t move periods from t - lag + 1 on, later ones by prior correlation."""
    if not problem.error.diagonal_only:
        raise InputError("a lag needs independent observation errors", hint="leave the lag out, or use another method")
    assert problem.background is not None
    bounds = max((b.time_bounds for b in problem.blocks), key=len)
    step = np.clip(np.searchsorted(bounds[:, 0], problem.time, side="right") - 1, 0, len(bounds) - 1)
    variance = problem.error.variance()
    for t in range(len(bounds)):
        rows = np.flatnonzero(step == t)
        if not rows.size:
            continue
        part = problem.take(rows)
        begin = bounds[max(0, t - lag + 1), 0]
        windows = [b.time_bounds[:, 1] > begin for b in problem.blocks]
        inside = [d * w[None, :, None] for d, w in zip(deviations, windows, strict=True)]
        misfit = problem.observed[rows] - problem.background[rows] - part.forward(mean)[:, 0]
        weights, transform = _update(part.forward(inside), misfit, variance[rows])
        for m, d, w in zip(mean, deviations, windows, strict=True):
            m[:, w, 0] += d[:, w] @ weights
            d[:, w] = d[:, w] @ transform
