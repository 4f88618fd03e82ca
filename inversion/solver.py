"""One door to all Gaussian solvers: chosen from sizes, the choice explained, its memory estimated before it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ghg.core.errors import InputError
from inversion.covariance import Covariance
from inversion.memory import available_memory, size_text
from inversion.posterior import Posterior
from inversion.problem import Problem
from inversion.sensitivity import Sparse
from inversion.space import lower_root

__all__ = ["METHODS", "Plan", "plan", "solve"]

METHODS = ("auto", "dual", "primal", "cg", "ensemble")
_SHARE = 0.8  # of the free memory that a solver may take
_PRIMAL = 8000  # unknowns above which the matrix of the state is not built by itself


@dataclass(frozen=True)
class Plan:
    """Which solver, why, and what it costs.

    Parameters
    ----------
    method : str
        "dual", "primal", "cg" or "ensemble".
    reason : str
        In words.
    memory : float
        Estimate [bytes] beyond the problem itself.
    operations : float
        Estimate of multiplications and additions.
    """

    method: str
    reason: str
    memory: float
    operations: float

    def sentence(self) -> str:
        """Return the plan in one line."""
        return f"{self.method}: {self.reason}; about {size_text(self.memory)} and {self.operations:.1e} operations"


def _costs(problem: Problem, rank: int, columns: int, members: int) -> dict[str, tuple[float, float]]:
    """Return (memory, operations) of each method."""
    n, m = float(problem.n), float(problem.m)
    r = max(float(b.elements) for b in problem.blocks)
    nnz = float(sum(b.sensitivity.nonzeros for b in problem.blocks))
    found = _layout(problem)
    dual = 8.0 * ((n * n if found is None else found.size) + 3.0 * n * r)
    envelope = 0.0 if found is None else 4.0 * found.size
    pairs = n * n * m if found is None else found.operations(problem)
    space = sum(float(b.elements) ** 2 * b.periods for b in problem.blocks)
    work = pairs + n * space / max(1.0, m / max(1.0, nnz / n)) + (n**3 / 3.0 if found is None else 0.0)
    per_column = 4.0 * nnz + 2.0 * space
    return {
        "dual": (dual, work),
        "primal": (8.0 * (2.0 * n * m + m * m), n * m * m + m**3 / 3.0 + n * space),
        "cg": (8.0 * (2.0 * n * rank + 3.0 * m * min(columns, 64)) + envelope, per_column * (rank + 60.0 * columns)),
        "ensemble": (8.0 * (m + n) * members * 2.0, members * per_column + n * n * members + n * members**2),
    }


def _layout(problem: Problem) -> Any:
    """Return the envelope of S, where it can be told without reading all footprints; else None."""
    if not all(isinstance(b.sensitivity, Sparse) for b in problem.blocks):
        return None
    from inversion.solvers.exact import layout

    return layout(problem)


def plan(
    problem: Problem, method: str = "auto", *, rank: int = 200, columns: int = 60, members: int = 500,
    memory: float | None = None,
) -> Plan:  # fmt: skip
    """Choose a solver and estimate its cost.

    Parameters
    ----------
    problem : Problem
        The problem.
    method : {"auto", "dual", "primal", "cg", "ensemble"}
        "auto" takes the primal form where the unknowns are few, the dual where its matrix fits into memory, and
        conjugate gradients else.
    rank, columns, members : int
        Of the preconditioner; right-hand sides that will be solved; size of the ensemble.
    memory : float, optional
        Bytes that may be used; by default 80 % of what is free now.

    Raises
    ------
    InputError
        Unknown method, or more memory needed than there is; the message holds the estimate.
    """
    if method not in METHODS:
        raise InputError("there is no such solver", found=f"'{method}'", need=" or ".join(METHODS))
    allowed = _SHARE * available_memory() if memory is None else memory
    costs = _costs(problem, rank, columns, members)
    n, m = problem.n, problem.m
    if method == "auto":
        if m < n and m <= _PRIMAL and costs["primal"][0] <= allowed and costs["primal"][1] < costs["dual"][1]:
            method, reason = "primal", f"{m:,} unknowns are fewer than {n:,} observations"
        elif costs["dual"][0] <= allowed:
            method, reason = "dual", f"the {n:,} x {n:,} matrix of the observations fits into memory; exact"
        else:
            method = "cg"
            reason = (f"the {n:,} x {n:,} matrix of the observations needs {size_text(costs['dual'][0])} and "
                      f"{size_text(allowed)} may be used; matrix-free to a stated residual")  # fmt: skip
    else:
        reason = f"as asked for, with {n:,} observations and {m:,} unknowns"
    need, work = costs[method]
    if need > allowed:
        raise InputError(f"the memory will not suffice for the solver '{method}'",
                         found=f"{size_text(allowed)} to be used", need=f"about {size_text(need)}",
                         hint="take method = 'cg', fewer observations or longer periods")  # fmt: skip
    return Plan(method, reason, need, work)


def solve(
    problem: Problem, *, method: str = "auto", tolerance: float = 1e-8, iterations: int = 500, rank: int = 200,
    members: int = 500, lag: int | None = None, seed: int = 0, memory: float | None = None, cluster: Any = None,
    announce: Callable[[str], None] = lambda text: None,
) -> Posterior:  # fmt: skip
    """Solve a linear-Gaussian inversion.

    Parameters
    ----------
    problem : Problem
        Blocks with normal priors, and observations; withheld ones are predicted and not used.
    method : {"auto", "dual", "primal", "cg", "ensemble"}
        See :func:`plan`. Covariates make any of the first four geostatistical.
    tolerance, iterations, rank : float, int, int
        Of the conjugate gradients: relative residual, most iterations, rank of the preconditioner.
    members, lag : int
        Of the ensemble filter.
    seed : int
        Of random sketches and draws.
    memory : float, optional
        Bytes that may be used.
    cluster : distributed.Client or str, optional
        Dask cluster, or the address of its scheduler, whose workers hold the footprints (extra ``cluster``).
    announce : callable
        Is told the plan before the work begins.

    Returns
    -------
    Posterior
        Answers ``mean``, ``total``, ``covariance``, ``samples`` and ``diagnostics``.

    Raises
    ------
    InputError
        A prior that is not normal, an inferred error, too little memory, a matrix that is not positive definite.
    """
    _check(problem)
    assert problem.withheld is not None
    used = problem.take(np.flatnonzero(~problem.withheld)) if problem.withheld.any() else problem
    chosen = plan(used, method, rank=rank, members=members, memory=memory)
    announce(chosen.sentence())
    if cluster is not None:
        from inversion.solvers.cluster import spread

        used = spread(used, cluster)
    if chosen.method == "ensemble":
        from inversion.ensemble_posterior import EnsemblePosterior
        from inversion.solvers.ensemble import ensemble

        return EnsemblePosterior.of(
            problem, used, ensemble(used, members=members, lag=lag, seed=seed), chosen.sentence()
        )
    return Posterior(problem, used, _factor(used, chosen.method, tolerance, iterations, rank, seed), chosen.sentence())


def _factor(used: Problem, method: str, tolerance: float, iterations: int, rank: int, seed: int) -> Any:
    if method == "cg":
        from inversion.solvers.krylov import krylov

        return krylov(used, tolerance=tolerance, iterations=iterations, rank=rank, seed=seed)
    from inversion.solvers import exact

    return exact.dual(used) if method == "dual" else exact.primal(used)


def _check(problem: Problem) -> None:
    for block in problem.blocks:
        if block.distribution != "normal":
            raise InputError("the Gaussian solvers take normal priors", where=f"block '{block.name}'",
                             found=block.distribution, hint="take the sampler: inversion.sample(problem)")  # fmt: skip
    if problem.error.inferred is not None:
        raise InputError("an inferred model error needs the sampler", hint="inversion.sample(problem), or reml")
    assert problem.withheld is not None
    if problem.withheld.all():
        raise InputError("all observations are withheld", found=f"{problem.n}")
    for block in problem.blocks:  # not every solver takes roots, and without them a wrong matrix would go unseen
        if isinstance(block.covariance, Covariance):
            block.covariance.space.lower()
    if problem.error.matrix is not None:
        lower_root(problem.error.dense(), "the observation error")
