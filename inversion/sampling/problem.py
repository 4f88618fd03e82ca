"""From a problem with bounded or log-normal blocks, and a model error that may be unknown, to draws of its posterior.

The observation error R may be correlated. Where each independent set of observations lies within one group of the
model error, R = U diag(v) U' of that set turns y ~ N(D x, R + sigma^2 I) into independent U'y ~ N(U'D x, v + sigma^2)
with the same sigma, so that nothing is lost. State and observations are scaled to numbers of the order of one.

References
----------
Ganesan et al. (2014), Atmos. Chem. Phys. 14, 3855-3864 (hierarchical inversion). Miller, Michalak & Levi (2014),
Geosci. Model Dev. 7, 303-315 (bounded fluxes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.covariance import DenseCovariance
from inversion.error import Inferred
from inversion.memory import available_memory, size_text
from inversion.problem import Block, Problem
from inversion.sampling.posterior import SampledPosterior
from inversion.sampling.sample import LARGEST, Prior, Samples, sample_linear
from inversion.sensitivity import Array

__all__ = ["checked", "infer_error", "sample", "with_distribution"]


def with_distribution(
    problem: Problem, distribution: Literal["normal", "truncated", "lognormal"], *, lower: float = 0.0,
    blocks: Sequence[str] | None = None,
) -> Problem:  # fmt: skip
    """Return the problem with another prior distribution of some blocks, of the same mean and standard deviation.

    Parameters
    ----------
    problem : Problem
        Its blocks are normal.
    distribution : {"normal", "truncated", "lognormal"}
        "truncated" cuts the normal at `lower`; mean and sigma are those before the cut. "lognormal" keeps the mean m
        and the standard deviation s of each element: its logarithm gets sqrt(ln(1 + s^2 / m^2)) and the correlations.
    lower : float
        Least value, in the unit of the block.
    blocks : sequence of str, optional
        Which; by default all that are fluxes.

    Raises
    ------
    InputError
        A log-normal block whose prior is not positive everywhere.
    """
    wanted = [b.name for b in problem.blocks if b.kind == "flux"] if blocks is None else list(blocks)
    for name in wanted:
        problem.block(name)
    changed = [_changed(b, distribution, lower) if b.name in wanted else b for b in problem.blocks]
    return replace(problem, blocks=tuple(changed))


def _changed(block: Block, distribution: Literal["normal", "truncated", "lognormal"], lower: float) -> Block:
    if distribution != "lognormal":
        return replace(block, distribution=distribution, lower=lower)
    where = f"block '{block.name}'"
    if (block.prior <= 0.0).any():
        raise InputError("a log-normal prior is positive", where=where,
                         found=f"{int((block.prior <= 0.0).sum())} of {block.size} prior values are not",
                         hint="take 'truncated', or leave sinks and empty cells to a block of their own")  # fmt: skip
    if isinstance(block.covariance, DenseCovariance):
        mean = block.prior.ravel()
        logs = np.log1p(block.covariance.matrix / np.outer(mean, mean))  # of normals whose exponentials have it
        return replace(block, distribution="lognormal", covariance=DenseCovariance(logs, block.covariance.shape))
    sigma = np.sqrt(np.log1p((block.covariance.sigma / block.prior) ** 2))
    return replace(block, distribution="lognormal", covariance=replace(block.covariance, sigma=sigma))


def infer_error(
    problem: Problem, low: float, high: float, by: Literal["all", "site", "site and month"] = "site"
) -> Problem:
    """Return the problem with an unknown model error added to R, uniform from `low` to `high` in each group.

    Parameters
    ----------
    problem : Problem
    low, high : float
        Range before the observations [mol mol-1].
    by : {"all", "site", "site and month"}
        Which observations share one model error.
    """
    key = {"all": np.zeros(problem.n, dtype=int), "site": problem.site}
    key["site and month"] = np.char.add(problem.site, problem.time.astype("datetime64[M]").astype(str))
    if by not in key:
        raise InputError("there is no such grouping of model errors", found=f"'{by}'", need=" or ".join(key))
    if not 0.0 <= low < high:
        raise InputError("the range of the model error must ascend from 0 on", found=f"{low:g} to {high:g}")
    group = np.unique(key[by], return_inverse=True)[1].astype(np.int64)
    return replace(problem, error=replace(problem.error, inferred=Inferred(group, low, high), _blocks=[]))


def sample(
    problem: Problem, *, draws: int = 2000, warm: int = 500, chains: int = 4, seed: int = 0,
    workers: int | None = None, memory: float | None = None, announce: Callable[[str], None] = lambda text: None,
) -> SampledPosterior:  # fmt: skip
    """Sample the posterior of a problem whose blocks are normal, truncated or log-normal.

    Parameters
    ----------
    problem : Problem
        At most 2,000 unknowns, no covariates; ``problem.error.inferred`` is sampled where it is given.
    draws, warm, chains : int
        Draws kept of each chain, draws before them, and chains.
    seed, workers : int
        As for :func:`inversion.sampling.sample_linear`.
    memory : float, optional
        Bytes that may be used.
    announce : callable
        Is told what is sampled, and what the chains are worth.

    Returns
    -------
    SampledPosterior
        Answers ``mean``, ``deviation``, ``quantile``, ``total``, ``samples`` and ``diagnostics``.

    Raises
    ------
    InputError
        Too many unknowns, covariates, errors correlated across groups of the model error, or what the sampler refuses.
    """
    used, (y, design, error, group), (prior, scale), explained = _ready(problem, chains, draws, memory)
    announce(explained)
    unit = float(np.median(np.sqrt(used.error.variance())))
    inferred = used.error.inferred
    model_error = [] if inferred is None else [(inferred.low / unit, inferred.high / unit)] * _groups(used)
    found = sample_linear(y / unit, design * (scale / unit), error / unit, prior, model_error=model_error, group=group,
                          draws=draws, warm=warm, chains=chains, seed=seed, workers=workers)  # fmt: skip
    whole = Samples(found.state * scale, found.sigma * unit, found.divergent, found.acceptance)
    posterior = SampledPosterior.of(problem, used, whole, explained)
    announce(posterior.diagnostics().sentence())
    return posterior


def checked(problem: Problem, chains: int, draws: int, memory: float | None = None) -> str:
    """Return in words what is sampled and what it takes, after all that would be refused is refused.

    Raises
    ------
    InputError
        As :func:`sample`; more memory needed than `memory` bytes, by default 80 % of what is free.
    """
    return _ready(problem, chains, draws, memory)[-1]


def _ready(
    problem: Problem, chains: int, draws: int, memory: float | None
) -> tuple[Problem, tuple[Array, Array, Array, npt.NDArray[np.int64]], tuple[Prior, Array], str]:
    """Return what is sampled: the problem of what is used, its parts (:func:`rotated`), its prior, and words."""
    used = _used(problem)
    kinds = ", ".join(f"'{b.name}' {b.distribution}" for b in used.blocks if b.kind != "rest")
    need = 8.0 * used.m * (chains * draws + 4.0 * used.m * chains + used.n)
    if need > (free := 0.8 * available_memory() if memory is None else memory):
        raise InputError("the memory will not suffice for the draws", found=f"{size_text(free)} to be used",
                         need=f"about {size_text(need)}", hint="fewer draws, or fewer groups of cells")  # fmt: skip
    explained = (f"sampled: {kinds}; {used.m} unknowns, {_groups(used)} model errors; {chains} chains of {draws:,} "
                 f"draws; about {size_text(need)}")  # fmt: skip
    return used, rotated(used), scaled_prior(used), explained


def _groups(used: Problem) -> int:
    """Return the number of model errors that are inferred."""
    return 0 if used.error.inferred is None else int(used.error.inferred.group.max(initial=-1)) + 1


def _used(problem: Problem) -> Problem:
    assert problem.withheld is not None
    if problem.coefficient_names():
        raise InputError("the sampler takes no covariates", found=", ".join(problem.coefficient_names()),
                         hint="take a Gaussian solver, or make each covariate a block of one element")  # fmt: skip
    if problem.m > LARGEST:
        raise InputError("too many unknowns for sampling", found=f"{problem.m:,}", need=f"at most {LARGEST:,}",
                         hint="merge cells (inversion.basis), or take normal priors and a Gaussian solver")  # fmt: skip
    if problem.withheld.all():
        raise InputError("all observations are withheld", found=f"{problem.n}")
    if not problem.withheld.any():
        return problem
    used = problem.take(np.flatnonzero(~problem.withheld))
    if used.error.inferred is None:
        return used
    group = np.unique(used.error.inferred.group, return_inverse=True)[1].astype(np.int64)  # without withheld sites
    return replace(used, error=replace(used.error, inferred=replace(used.error.inferred, group=group), _blocks=[]))


def rotated(used: Problem) -> tuple[Array, Array, Array, npt.NDArray[np.int64]]:
    """Return observations, sensitivities and errors that are independent, and the group of each model error."""
    assert used.background is not None
    y = used.observed - used.background
    design = np.concatenate([b.sensitivity.dense().reshape(used.n, -1) for b in used.blocks], axis=1)
    inferred = used.error.inferred
    group = np.full(used.n, -1, dtype=np.int64) if inferred is None else inferred.group.copy()
    variance = used.error.variance()
    if used.error.diagonal_only:
        return y, design, np.sqrt(variance), group
    for rows in used.error.groups():
        if rows.size == 1:
            continue
        if np.unique(group[rows]).size > 1:
            raise InputError("observation errors are correlated across groups of the model error",
                             found=", ".join(np.unique(used.site[rows])),
                             hint="infer one model error for all (by = 'all'), or leave correlations out")  # fmt: skip
        values, vectors = np.linalg.eigh(used.error.take(rows).dense())
        if values[0] < -1e-10 * values[-1]:
            raise InputError("the observation error is not positive definite", found=f"eigenvalue {values[0]:.3g}")
        y[rows], design[rows] = vectors.T @ y[rows], vectors.T @ design[rows]
        variance[rows] = np.maximum(values, 1e-14 * values[-1])
    return y, design, np.sqrt(variance), group


def scaled_prior(used: Problem) -> tuple[Prior, Array]:
    """Return the prior of the state in units of its size, and that size: sigma, or the mean of a log-normal element."""
    m = used.m
    mean, scale, lower, logs = np.empty(m), np.empty(m), np.full(m, -np.inf), np.zeros(m, bool)
    covariance = np.zeros((m, m))
    place = 0
    for block in used.blocks:
        part = slice(place, place + block.size)
        q = block.covariance.dense()
        flat, sigma = block.prior.ravel(), np.sqrt(np.diag(q))
        if not (sigma > 0.0).all():
            raise InputError("a prior without spread cannot be sampled", where=f"block '{block.name}'",
                             found=f"{int((sigma <= 0.0).sum())} of {block.size} elements have sigma = 0",
                             hint="give 'floor', or leave these elements out")  # fmt: skip
        logs[part] = block.distribution == "lognormal"
        scale[part] = flat if block.distribution == "lognormal" else sigma
        if block.distribution == "lognormal" and (flat <= 0.0).any():
            raise InputError("a log-normal prior is positive", where=f"block '{block.name}'",
                             found=f"{int((flat <= 0.0).sum())} of {block.size} prior values are not")  # fmt: skip
        unit = np.ones(block.size) if block.distribution == "lognormal" else sigma
        covariance[part, part] = q / np.outer(unit, unit)
        mean[part] = flat / scale[part]
        if block.distribution == "truncated":
            lower[part] = block.lower / sigma
        place += block.size
    return Prior(mean, covariance, lower, logs), scale
