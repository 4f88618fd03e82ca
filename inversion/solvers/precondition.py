"""Approximations of S^-1 for conjugate gradients.

"nystrom": R^-1/2 H Q H' R^-1/2 by a randomised Nystrom approximation, R by its diagonal. "windows": S itself with E
replaced by its leading patterns, in single precision and within its envelope, factored; blocks with few unknowns are
added by the formula of Woodbury. The former needs products with H only; the latter needs an exponential correlation in
time and observations that see few of the periods, and then cuts the iterations to some ten.

References
----------
Frangella, Tropp & Udell (2023), SIAM J. Matrix Anal. Appl. 44, 718-752 (Nystrom preconditioning, algorithms 2.1 and
5.1). Harbrecht, Peters & Schneider (2012), Appl. Numer. Math. 62, 428-440 (pivoted Cholesky decomposition).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inversion.covariance import Covariance
from inversion.memory import available_memory
from inversion.sensitivity import Array, Dense, Rows, Sensitivity, Sparse
from inversion.solvers.band import Band, envelope, sizes
from inversion.solvers.windows import Windows, add_windows, windows_of
from inversion.space import Independent, Space
from inversion.time import Markov

if TYPE_CHECKING:
    from inversion.problem import Block, Problem

__all__ = ["Preconditioner", "nystrom", "signal", "windows"]

_COLUMNS = 64  # of a sketch in one sweep
_REACH = 9.0  # e-foldings of time that the windows take
_FILL = 0.07  # of the variance of the patterns left out that goes to the diagonal
_EIGEN = 2000  # cells up to which patterns are eigenvectors
_FULL = 0.6  # share of n^2 / 2 above which an envelope gains nothing
_SMALL = 600  # unknowns of a block that is added by the formula of Woodbury
_MEMORY = 0.4  # share of the free memory that the envelope may take


class Preconditioner(ABC):
    """An approximation of S^-1, symmetric and positive definite."""

    @abstractmethod
    def apply(self, v: Array) -> Array:
        """Return P^-1 v for v (n, k)."""


def signal(problem: Problem, v: Array) -> Array:
    """Return H Q H' v."""
    return problem.forward(problem.covariance(problem.adjoint(v)))


@dataclass
class Nystrom(Preconditioner):
    """U diag(values) U' + I in units of the root of the diagonal of R.

    Parameters
    ----------
    scale : array, shape (n,)
        Root of the diagonal of R.
    vectors, values : array
        U (n, rank), and eigenvalues, descending.
    """

    scale: Array
    vectors: Array
    values: Array

    def apply(self, v: Array) -> Array:
        """Return P^-1 v."""
        w = v / self.scale[:, None]
        least = self.values[-1] + 1.0 if self.values.size else 1.0
        factor = least / (self.values + 1.0) - 1.0
        return (w + self.vectors @ (factor[:, None] * (self.vectors.T @ w))) / self.scale[:, None]


def nystrom(problem: Problem, rank: int, rng: np.random.Generator) -> Nystrom:
    """Return a randomised Nystrom approximation of R^-1/2 H Q H' R^-1/2."""
    from scipy.linalg import cholesky, solve_triangular

    scale = np.sqrt(problem.error.variance())
    if not rank:
        return Nystrom(scale, np.zeros((scale.size, 0)), np.zeros(0))
    omega, _ = np.linalg.qr(rng.standard_normal((scale.size, rank)))
    y = np.empty_like(omega)
    for k in range(0, rank, _COLUMNS):
        part = np.ascontiguousarray(omega[:, k : k + _COLUMNS] / scale[:, None])
        y[:, k : k + _COLUMNS] = signal(problem, part) / scale[:, None]
    shift = np.sqrt(scale.size) * np.spacing(np.linalg.norm(y))
    y += shift * omega
    middle = omega.T @ y
    root = cholesky((middle + middle.T) / 2.0, lower=True)
    b = np.asarray(solve_triangular(root, y.T, lower=True)).T
    vectors, singular, _ = np.linalg.svd(b, full_matrices=False)
    return Nystrom(scale, np.ascontiguousarray(vectors), np.maximum(singular**2 - shift, 0.0))


@dataclass
class Enveloped(Preconditioner):
    """(P + U U')^-1, P factored within its envelope.

    Parameters
    ----------
    band : Band
        Cholesky factor of P.
    low : array, shape (n, k)
        U; no columns where there is nothing to add.
    """

    band: Band
    low: Array

    def __post_init__(self) -> None:
        """Solve for U once."""
        self._solved = self._inner(self.low)
        self._middle = np.eye(self.low.shape[1]) + self.low.T @ self._solved

    def _inner(self, v: Array) -> Array:
        if not v.shape[1]:
            return v
        w = v[self.band.order].astype(self.band.flat.dtype)
        return self.band.backward(self.band.forward(w))[self.band.place].astype(np.float64)

    def apply(self, v: Array) -> Array:
        """Return P^-1 v."""
        w = self._inner(v)
        if self.low.shape[1]:
            w -= self._solved @ np.linalg.solve(self._middle, self.low.T @ w)
        return w


def windows(problem: Problem, rank: int, memory: float | None = None) -> Enveloped | None:
    """Return S of the leading `rank` patterns in space, factored within its envelope; None where it does not apply.

    Parameters
    ----------
    problem : Problem
        The problem.
    rank : int
        Patterns of each block.
    memory : float, optional
        Bytes that the envelope may take; by default 40 % of what is free.
    """
    small = [b for b in problem.blocks if b.size <= _SMALL]
    large = [b for b in problem.blocks if b.size > _SMALL]
    if not large or not all(_fits(b) for b in large):
        return None
    seen = [windows_of(b.sensitivity, b.covariance.time, _REACH) for b in large]  # pyright: ignore[reportAttributeAccessIssue]
    widest = max(range(len(large)), key=lambda k: large[k].size)
    order = np.argsort(seen[widest].first, kind="stable")
    bottom = envelope(seen, problem.error, order, _REACH)
    n, allowed = problem.n, _MEMORY * available_memory() if memory is None else memory
    if (size := sizes(bottom, n)) > _FULL * n * n / 2.0 or 4.0 * size > allowed:
        return None
    band = Band(bottom, order, np.float32)
    lost = np.zeros(n)
    for block, window in zip(large, seen, strict=True):
        before = band.diagonal()
        share = _add_patterns(block, window, rank, band)
        lost += share * (band.diagonal() - before)
    band.add_error(problem.error)
    places = band.offset + np.arange(n)
    band.flat[places] += _FILL * lost
    if band.factor():
        return None
    low = [_root(b) for b in small]
    return Enveloped(band, np.concatenate([np.zeros((n, 0)), *low], axis=1))


def _fits(block: Block) -> bool:
    q = block.covariance
    return isinstance(q, Covariance) and isinstance(q.time, Markov) and not isinstance(block.sensitivity, Dense)


def _root(block: Block) -> Array:
    """Return H L of a small block, (n, unknowns)."""
    n = block.sensitivity.shape[0]
    flat = block.sensitivity.dense().transpose(2, 1, 0)
    return np.ascontiguousarray(block.covariance.root_t(np.ascontiguousarray(flat)).reshape(-1, n).T)


def _add_patterns(block: Block, window: Windows, rank: int, band: Band) -> float:
    """Add H Q H' of the leading patterns; return the share of the variance of a cell that they leave out."""
    q: Any = block.covariance
    root = patterns(q.space, rank)
    kept = float(np.sum(np.square(root)))
    h: Any = block.sensitivity
    few = Patterns(h, q.sigma, root.astype(np.float32))
    p = h.shape[1]
    flat = Covariance(np.ones((p, root.shape[1])), q.time, Independent(root.shape[1]))
    add_windows(few, flat, window, band, np.float32)
    return max(0.0, q.space.size / kept - 1.0)


def patterns(space: Space, rank: int) -> Array:
    """Return F (r, rank), F F' near E: leading eigenvectors, or for many cells a pivoted Cholesky decomposition."""
    rank = min(rank, space.size)
    if space.size <= _EIGEN:
        from scipy.linalg import eigh

        values, vectors = eigh(space.dense(), subset_by_index=(space.size - rank, space.size - 1))
        return np.ascontiguousarray(vectors * np.sqrt(np.maximum(values, 0.0)))
    out, left = np.zeros((space.size, rank)), np.ones(space.size)
    unit = np.zeros((space.size, 1, 1))
    for k in range(rank):
        pivot = int(np.argmax(left))
        unit[pivot] = 1.0
        column = space.apply(unit)[:, 0, 0] - out[:, :k] @ out[pivot, :k]
        unit[pivot] = 0.0
        out[:, k] = column / np.sqrt(left[pivot])
        left = np.maximum(left - np.square(out[:, k]), 1e-12)
    return out


class Patterns(Sensitivity):
    """A sensitivity to patterns instead of cells, made period by period.

    Parameters
    ----------
    inner : Sensitivity
        (n, p, r).
    sigma : array, shape (p, r)
        Standard deviation of each cell.
    root : array of float32, shape (r, k)
        Patterns.
    """

    def __init__(self, inner: Sensitivity, sigma: Array, root: npt.NDArray[np.float32]) -> None:
        self.inner, self.sigma, self.root = inner, sigma, root
        self.shape = (inner.shape[0], inner.shape[1], root.shape[1])

    def slab(self, t: int) -> tuple[Rows, Any]:
        """Return the rows that see one period, and their sensitivity to each pattern."""
        from ghg.core import jit
        from inversion import _kernels

        h = self.inner
        if not isinstance(h, Sparse):
            rows, values = h.slab(t)
            return rows, (values * self.sigma[t]).astype(np.float32) @ self.root
        rows, first, stop = h.period(t)
        out = np.zeros((rows.size, self.shape[2]), np.float32)
        scale = self.sigma[t].astype(np.float32)
        own = first, stop, h.column, h.values, t * h.shape[2], scale, np.arange(rows.size)
        jit.spread(_kernels.add_whitened, rows.size, *own, self.root, False, 1.0, out, least=16)
        return rows, out

    def take(self, rows: npt.NDArray[np.int64]) -> Patterns:
        """Return some observations."""
        return Patterns(self.inner.take(rows), self.sigma, self.root)
