"""What a solver leaves behind: a way to apply the inverse of S = H Q H' + R, from which everything else follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inversion._blas import lapack
from inversion.sensitivity import Array

if TYPE_CHECKING:
    from inversion.problem import Problem
    from inversion.solvers.band import Band

__all__ = ["BandFactor", "DualFactor", "Factor", "PrimalFactor"]

_COLUMNS = 512  # of an inverse that are solved for together


class Factor(ABC):
    """Inverse of S."""

    method = ""

    @abstractmethod
    def solve(self, v: Array) -> Array:
        """Return S^-1 v for v (n, k)."""

    def quadratic(self, g: Array) -> tuple[Array, Array]:
        """Return g' S^-1 g (k, k) and a bound on the error of its diagonal (k,)."""
        value = g.T @ self.solve(g)
        return (value + value.T) / 2.0, np.zeros(g.shape[1])

    def inverse(self) -> Array | None:
        """Return S^-1 (n, n), where it can be held."""
        return None

    def variance(self) -> Array | None:
        """Return the diagonal of S, where it is known."""
        return None

    def between(self, rows: npt.NDArray[np.int64]) -> Array | None:
        """Return S of some observations, where it is known."""
        return None

    def log_determinant(self) -> float:
        """Return ln |S|; NaN where it is not known."""
        return np.nan


@dataclass
class DualFactor(Factor):
    """Cholesky factor of S, lower, (n, n)."""

    lower: Array
    method: str = "dual"
    _inverse: Any = field(default=None, repr=False)

    def half(self, v: Array) -> Array:
        """Return L^-1 v."""
        from scipy.linalg import solve_triangular

        return np.asarray(solve_triangular(self.lower, v, lower=True, check_finite=False))

    def solve(self, v: Array) -> Array:
        """Return S^-1 v."""
        from scipy.linalg import cho_solve

        return np.asarray(cho_solve((self.lower, True), v, check_finite=False))

    def quadratic(self, g: Array) -> tuple[Array, Array]:
        """Return g' S^-1 g."""
        w = self.half(g)
        return w.T @ w, np.zeros(g.shape[1])

    def inverse(self) -> Array:
        """Return S^-1, computed once."""
        if self._inverse is None:
            low, info = lapack.dpotri(self.lower, lower=1)
            if info:
                raise ArithmeticError(f"dpotri: {info}")
            low = np.tril(low)
            self._inverse = np.asarray(low + np.tril(low, -1).T)
        return self._inverse

    def variance(self) -> Array:
        """Return the diagonal of S."""
        return np.einsum("ij,ij->i", self.lower, self.lower)

    def between(self, rows: npt.NDArray[np.int64]) -> Array:
        """Return S of some observations."""
        return self.lower[rows] @ self.lower[rows].T

    def log_determinant(self) -> float:
        """Return ln |S|."""
        return float(2.0 * np.log(np.diag(self.lower)).sum())


@dataclass
class BandFactor(Factor):
    """Cholesky factor of S within an envelope.

    Parameters
    ----------
    band : Band
        The factor.
    diagonal : array, shape (n,)
        Of S, in the order of the observations.
    """

    band: Band
    diagonal: Array
    method: str = "dual"
    _inverse: Any = field(default=None, repr=False)

    def solve(self, v: Array) -> Array:
        """Return S^-1 v."""
        return self.band.backward(self.band.forward(v[self.band.order]))[self.band.place]

    def quadratic(self, g: Array) -> tuple[Array, Array]:
        """Return g' S^-1 g."""
        w = self.band.forward(g[self.band.order])
        return w.T @ w, np.zeros(g.shape[1])

    def inverse(self) -> Array:
        """Return S^-1, computed once."""
        if self._inverse is None:
            n = self.diagonal.size
            out = np.empty((n, n), order="F")
            for k in range(0, n, _COLUMNS):
                unit = np.zeros((n, min(_COLUMNS, n - k)))
                unit[np.arange(k, k + unit.shape[1]), np.arange(unit.shape[1])] = 1.0
                out[:, k : k + _COLUMNS] = self.solve(unit)
            self._inverse = out
        return self._inverse

    def variance(self) -> Array:
        """Return the diagonal of S."""
        return self.diagonal

    def between(self, rows: npt.NDArray[np.int64]) -> Array:
        """Return S of some observations."""
        return self.band.gram(rows)

    def log_determinant(self) -> float:
        """Return ln |S|."""
        return float(2.0 * np.log(self.band.diagonal()).sum())


@dataclass
class PrimalFactor(Factor):
    """S^-1 through the smaller matrix M = I + L' H' R^-1 H L of the state (Woodbury).

    Parameters
    ----------
    problem : Problem
        The problem.
    white : array, shape (n, m)
        R^-1/2 H L, L the root of Q.
    lower : array, shape (m, m)
        Cholesky factor of M.
    """

    problem: Problem
    white: Array
    lower: Array
    method: str = "primal"

    def solve(self, v: Array) -> Array:
        """Return S^-1 v = R^-1/2 (I - W M^-1 W') R^-1/2 v."""
        from scipy.linalg import cho_solve

        error = self.problem.error
        scaled = error.whiten(v)
        middle = scaled - self.white @ cho_solve((self.lower, True), self.white.T @ scaled, check_finite=False)
        return error.solve_root_t(middle)

    def remaining(self, root: Array) -> Array:
        """Return the posterior covariance a L M^-1 L' a' of maps given as root = L' a', (m, k)."""
        from scipy.linalg import solve_triangular

        half = np.asarray(solve_triangular(self.lower, root, lower=True, check_finite=False))
        return half.T @ half

    def inverse(self) -> Array:
        """Return S^-1 (n, n)."""
        return self.solve(np.eye(self.problem.n))

    def log_determinant(self) -> float:
        """Return ln |S| = ln |M| + ln |R|."""
        return float(2.0 * np.log(np.diag(self.lower)).sum()) + self.problem.error.log_determinant()
