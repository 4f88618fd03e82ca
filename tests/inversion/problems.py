"""Small random problems and their dense answers, by textbook formulas in plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from inversion.covariance import Covariance
from inversion.error import ObservationError, Term
from inversion.grid import Grid
from inversion.posterior import Posterior
from inversion.problem import Block, Problem
from inversion.sensitivity import Array, Dense, Sparse
from inversion.space import Independent, correlation_in_space
from inversion.time import Markov, correlation_in_time
from inversion.totals import TotalSet

WEEK = np.timedelta64(7 * 86400, "s")


def weeks(count: int, start: str = "2019-01-01") -> Any:
    edges = np.datetime64(start, "ns") + np.arange(count + 1) * WEEK
    return np.stack([edges[:-1], edges[1:]], axis=1)


def sparse(values: Array) -> Sparse:
    """Turn (p, n, r) into CSR."""
    p, n, r = values.shape
    flat = values.transpose(1, 0, 2).reshape(n, -1)
    column = np.nonzero(flat)[1]
    indptr = np.concatenate([[0], np.cumsum((flat != 0).sum(axis=1))])
    return Sparse((n, p, r), indptr, column % r, column // r, flat[flat != 0])


def random_problem(
    n: int = 36,
    p: int = 5,
    shape: tuple[int, int] = (4, 3),
    *,
    time: str = "exponential",
    covariates: int = 0,
    share: float = 1.0,
    as_sparse: bool = False,
    correlated: bool = True,
    seed: int = 0,
    withheld: Any = None,
) -> Problem:
    """Two blocks, a grid and four sides, with numbers of the order of one."""
    rng = np.random.default_rng(seed)
    grid = Grid.regular(np.arange(shape[0]) + 50.0, np.arange(shape[1]) * 1.5)
    bounds = weeks(p)
    h = rng.random((p, n, grid.cells)) * (rng.random((p, n, grid.cells)) < share)
    q = Covariance(
        rng.random((p, grid.cells)) + 0.2,
        correlation_in_time(bounds, 9 * 86400.0, time),
        correlation_in_space(grid, 2e5),
    )
    land = Block(
        "land", sparse(h) if as_sparse else Dense(h), rng.random((p, grid.cells)), q, bounds, grid=grid,
        covariates={f"x{i}": rng.random((p, grid.cells)) for i in range(covariates)},
    )  # fmt: skip
    sides = Block(
        "sides", Dense(rng.random((1, n, 4))), np.ones((1, 4)),
        Covariance(np.full((1, 4), 0.1), Markov([0.0], 0.0), Independent(4)),
        np.array([[bounds[0, 0], bounds[-1, 1]]]), kind="boundary", units="1", labels=("N", "E", "S", "W"),
    )  # fmt: skip
    terms = [Term("measurement", rng.random(n) * 0.2 + 0.1)]
    if correlated:
        terms.append(Term("transport", rng.random(n) * 0.3, np.arange(n) % 3, 3.0))
    error = ObservationError(tuple(terms), np.arange(n) * 1.0)
    when = bounds[0, 0] + (np.arange(n) * (p * WEEK // n)).astype("timedelta64[ns]")
    site = np.array(list("ABC"))[np.arange(n) % 3]
    return Problem(rng.random(n) * 5, error, (land, sides), when, site, withheld=withheld)


def flat_covariates(problem: Problem) -> Array:
    """X (m, q), rows by block, period, cell."""
    q = len(problem.coefficient_names())
    out, row, column = np.zeros((problem.m, q)), 0, 0
    for b in problem.blocks:
        x = b.covariate_columns()
        part = x.transpose(1, 0, 2).reshape(b.size, -1)
        out[row : row + b.size, column : column + x.shape[2]] = part
        row, column = row + b.size, column + x.shape[2]
    return out


def dense_answer(problem: Problem) -> tuple[Array, Array]:
    """Posterior mean (m,) and covariance (m, m), flat prior on coefficients."""
    d, h, prior, q, r = problem.dense()
    x = flat_covariates(problem)
    inverse = np.linalg.inv(h @ q @ h.T + r)
    hx = h @ x
    c = np.linalg.inv(hx.T @ inverse @ hx) if x.shape[1] else np.zeros((0, 0))
    rest = d - h @ prior
    beta = c @ hx.T @ inverse @ rest
    mean = prior + x @ beta + q @ h.T @ inverse @ (rest - hx @ beta)
    extra = x - q @ h.T @ inverse @ hx
    return mean, q - q @ h.T @ inverse @ h @ q + extra @ c @ extra.T


def flat_mean(posterior: Posterior) -> Array:
    return np.concatenate([posterior.mean(b.name).ravel() for b in posterior.used.blocks])


def two_regions(problem: Problem) -> TotalSet:
    grid = problem.blocks[0].grid
    assert grid is not None
    return TotalSet.of(problem, {"north": (grid.latitude >= 52.0) * 1.0, "south": (grid.latitude < 52.0) * 0.5})


def flat_columns(posterior: Posterior, totals: TotalSet) -> Array:
    """Rows of the totals as (m, K)."""
    parts = posterior.columns(totals)
    return np.concatenate([c.transpose(1, 0, 2).reshape(-1, c.shape[2]) for c in parts])
