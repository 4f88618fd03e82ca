"""Matrix-free solver: conjugate gradients on S with a Nystrom preconditioner, for any number of right-hand sides.

S v = H Q H' v + R v costs two products with H and one with Q; nothing of size n^2 or m^2 is formed. The preconditioner
is the randomised Nystrom approximation of R^-1/2 H Q H' R^-1/2 (R by its diagonal). The quadratic form g' S^-1 g of a
total is taken in the form (2 g - S x)' x, whose error r' S^-1 r is of second order in the residual r = g - S x and
never more than r' R^-1 r, because S - R is positive semi-definite.

References
----------
Hestenes & Stiefel (1952), J. Res. NBS 49, 409-436. Frangella, Tropp & Udell (2023), SIAM J. Matrix Anal. Appl. 44,
718-752 (Nystrom preconditioning, algorithms 2.1 and 5.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ghg.core.errors import InputError
from inversion.sensitivity import Array
from inversion.solvers.factor import Factor

if TYPE_CHECKING:
    from inversion.problem import Problem

__all__ = ["KrylovFactor", "krylov"]

_COLUMNS = 64  # right-hand sides in one sweep


@dataclass
class KrylovFactor(Factor):
    """S^-1 by conjugate gradients.

    Parameters
    ----------
    problem : Problem
        The problem.
    tolerance : float
        Relative residual, in the norm of R^-1, at which a column is finished.
    iterations : int
        Most iterations.
    vectors, values : array
        Nystrom approximation U diag(values) U' of R^-1/2 H Q H' R^-1/2.
    """

    problem: Problem
    tolerance: float
    iterations: int
    vectors: Array
    values: Array
    method: str = "cg"
    used: list[int] = field(default_factory=list)
    residual: float = 0.0
    bound: float = 0.0

    def _signal(self, v: Array) -> Array:
        """Return H Q H' v."""
        return self.problem.forward(self.problem.covariance(self.problem.adjoint(v)))

    def product(self, v: Array) -> Array:
        """Return S v."""
        return self._signal(v) + self.problem.error.apply(v)

    def _precondition(self, v: Array, scale: Array) -> Array:
        """Return P^-1 v in observation units; scale is the root of the diagonal of R."""
        w = v / scale[:, None]
        inner = self.vectors.T @ w
        least = self.values[-1] + 1.0 if self.values.size else 1.0
        factor = least / (self.values + 1.0) - 1.0
        return (w + self.vectors @ (factor[:, None] * inner)) / scale[:, None]

    def solve(self, v: Array) -> Array:
        """Return S^-1 v, column by column to the tolerance.

        Raises
        ------
        InputError
            Not reached within the allowed iterations.
        """
        return np.concatenate([self._solve(v[:, k : k + _COLUMNS]) for k in range(0, v.shape[1], _COLUMNS)], axis=1)

    def _solve(self, v: Array) -> Array:
        scale = np.sqrt(self.problem.error.variance())
        x, rest = np.zeros_like(v), v.copy()
        norm = np.sqrt(np.sum((v / scale[:, None]) ** 2, axis=0))
        norm[norm == 0.0] = 1.0
        z = self._precondition(rest, scale)
        direction, rz = z.copy(), np.sum(rest * z, axis=0)
        for step in range(self.iterations + 1):
            relative = np.sqrt(np.sum((rest / scale[:, None]) ** 2, axis=0)) / norm
            if (relative <= self.tolerance).all():
                self.used.append(step)
                self.residual = max(self.residual, float(relative.max(initial=0.0)))
                return x
            moving = np.flatnonzero(relative > self.tolerance)
            p = np.ascontiguousarray(direction[:, moving])
            sp = self.product(p)
            alpha = rz[moving] / np.sum(p * sp, axis=0)
            x[:, moving] += alpha * p
            rest[:, moving] -= alpha * sp
            z = self._precondition(rest[:, moving], scale)
            new = np.sum(rest[:, moving] * z, axis=0)
            direction[:, moving] = z + (new / rz[moving]) * p
            rz[moving] = new
        raise InputError("the conjugate gradients did not converge", found=f"relative residual {relative.max():.1e} "
                         f"after {self.iterations} iterations", need=f"{self.tolerance:g}",
                         hint="raise 'rank' of the preconditioner, 'iterations' or 'tolerance'")  # fmt: skip

    def quadratic(self, g: Array) -> tuple[Array, Array]:
        """Return g' S^-1 g to second order in the residual, and the bound of its diagonal."""
        x = self.solve(g)
        sx = self.product(x)
        value = g.T @ x + x.T @ (g - sx)
        rest = g - sx
        bound = self.problem.error.bound(rest)
        self.bound = max(self.bound, float(np.max(bound / np.maximum(np.diag(value), 1e-300), initial=0.0)))
        return (value + value.T) / 2.0, bound


def krylov(
    problem: Problem, *, tolerance: float = 1e-8, iterations: int = 500, rank: int = 200, seed: int = 0
) -> KrylovFactor:
    """Return S^-1 by preconditioned conjugate gradients.

    Parameters
    ----------
    problem : Problem
        The problem.
    tolerance : float
        Relative residual in the norm of R^-1.
    iterations : int
        Most iterations.
    rank : int
        Of the preconditioner; 0 for the diagonal of R alone.
    seed : int
        Of the random sketch.
    """
    n = problem.n
    factor = KrylovFactor(problem, tolerance, iterations, np.zeros((n, 0)), np.zeros(0))
    rank = min(rank, n)
    if rank:
        factor.vectors, factor.values = _nystrom(factor, rank, np.random.default_rng(seed))
    return factor


def _nystrom(factor: KrylovFactor, rank: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return U and the eigenvalues, descending, of a randomised Nystrom approximation."""
    from scipy.linalg import cholesky, solve_triangular

    scale = np.sqrt(factor.problem.error.variance())
    omega, _ = np.linalg.qr(rng.standard_normal((scale.size, rank)))
    y = np.empty_like(omega)
    for k in range(0, rank, _COLUMNS):
        part = np.ascontiguousarray(omega[:, k : k + _COLUMNS] / scale[:, None])
        y[:, k : k + _COLUMNS] = factor._signal(part) / scale[:, None]
    shift = np.sqrt(scale.size) * np.spacing(np.linalg.norm(y))
    y += shift * omega
    middle = omega.T @ y
    root = cholesky((middle + middle.T) / 2.0, lower=True)
    b = np.asarray(solve_triangular(root, y.T, lower=True)).T
    vectors, singular, _ = np.linalg.svd(b, full_matrices=False)
    return np.ascontiguousarray(vectors), np.maximum(singular**2 - shift, 0.0)
