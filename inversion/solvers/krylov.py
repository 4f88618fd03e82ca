"""Matrix-free solver: conjugate gradients on S with a preconditioner, for any number of right-hand sides.

S v = H Q H' v + R v costs two products with H and one with Q; nothing of size n^2 or m^2 is formed. Preconditioners are
in :mod:`inversion.solvers.precondition`. The quadratic form g' S^-1 g of a total is taken in the form (2 g - S x)' x,
whose error r' S^-1 r is of second order in the residual r = g - S x and never more than r' R^-1 r, because S - R is
positive semi-definite.

References
----------
Hestenes & Stiefel (1952), J. Res. NBS 49, 409-436.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ghg.core.errors import InputError
from inversion.sensitivity import Array
from inversion.solvers.factor import Factor
from inversion.solvers.precondition import signal

if TYPE_CHECKING:
    from inversion.problem import Problem
    from inversion.solvers.precondition import Preconditioner

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
        Relative residual, in units of the root of the diagonal of R, at which a column is finished.
    iterations : int
        Most iterations.
    preconditioner : Preconditioner
        An approximation of S^-1.
    columns : int
        Right-hand sides in one sweep.
    """

    problem: Problem
    tolerance: float
    iterations: int
    preconditioner: Preconditioner
    columns: int = _COLUMNS
    method: str = "cg"
    used: list[int] = field(default_factory=list)
    residual: float = 0.0
    bound: float = 0.0

    def product(self, v: Array) -> Array:
        """Return S v."""
        return signal(self.problem, v) + self.problem.error.apply(v)

    def solve(self, v: Array) -> Array:
        """Return S^-1 v, column by column to the tolerance.

        Raises
        ------
        InputError
            Not reached within the allowed iterations.
        """
        step = self.columns
        return np.concatenate([self._solve(v[:, k : k + step]) for k in range(0, v.shape[1], step)], axis=1)

    def _solve(self, v: Array) -> Array:
        scale = np.sqrt(self.problem.error.variance())
        x, rest = np.zeros_like(v), v.copy()
        norm = np.sqrt(np.sum((v / scale[:, None]) ** 2, axis=0))
        norm[norm == 0.0] = 1.0
        z = self.preconditioner.apply(rest)
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
            z = self.preconditioner.apply(rest[:, moving])
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
    problem: Problem, *, tolerance: float = 1e-8, iterations: int = 500, rank: int = 200, seed: int = 0,
    preconditioner: str = "auto", columns: int = _COLUMNS, memory: float | None = None,
) -> KrylovFactor:  # fmt: skip
    """Return S^-1 by preconditioned conjugate gradients.

    Parameters
    ----------
    problem : Problem
        The problem.
    tolerance : float
        Relative residual, in units of the root of the diagonal of R.
    iterations : int
        Most iterations.
    rank : int
        Of the preconditioner: patterns in space ("windows"), or vectors of observations ("nystrom"); 0 for the
        diagonal of R alone.
    seed : int
        Of the random sketch.
    preconditioner : {"auto", "windows", "nystrom"}
        "auto" takes windows where observations see few of the periods and the envelope fits into memory.
    columns : int
        Right-hand sides in one sweep.
    memory : float, optional
        Bytes that the preconditioner may take.
    """
    from inversion.solvers import precondition

    if preconditioner not in ("auto", "windows", "nystrom"):
        raise InputError(
            "there is no such preconditioner", found=f"'{preconditioner}'", need="auto, windows or nystrom"
        )
    made: Preconditioner | None = None
    if rank and preconditioner != "nystrom":
        made = precondition.windows(problem, rank, memory)
        if made is None and preconditioner == "windows":
            raise InputError("the preconditioner by windows does not apply",
                             need="exponential correlation in time, sparse footprints of few periods")  # fmt: skip
    if made is None:
        made = precondition.nystrom(problem, min(rank, problem.n), np.random.default_rng(seed))
    return KrylovFactor(problem, tolerance, iterations, made, columns)
