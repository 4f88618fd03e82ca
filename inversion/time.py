"""Correlation between periods: exponential (a Markov chain, never formed) or any positive definite matrix."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.sensitivity import Array

_FEW = 64  # periods up to which numpy is as quick as compiled code, whose loading costs 0.1 GB and half a second

__all__ = ["DenseTime", "Markov", "TimeCorrelation", "correlation_in_time"]


class TimeCorrelation(ABC):
    """D, (p, p), acting on the second axis of arrays (r, p, k)."""

    size: int

    @abstractmethod
    def apply(self, x: Array) -> Array:
        """Return D x."""

    @abstractmethod
    def root(self, x: Array) -> Array:
        """Return L x, L lower, D = L L'."""

    @abstractmethod
    def root_t(self, x: Array) -> Array:
        """Return L' x."""

    @abstractmethod
    def dense(self) -> Array:
        """Return D."""

    @abstractmethod
    def take(self, index: npt.NDArray[np.int64]) -> TimeCorrelation:
        """Return the correlation of some periods, ascending."""

    def with_length(self, length: float) -> TimeCorrelation:
        """Return the same kind with another length [s]."""
        raise InputError("this correlation in time has no length", found=type(self).__name__)


class Markov(TimeCorrelation):
    """Exponential correlation exp(-|t - t'| / length) of periods in order.

    Parameters
    ----------
    centre : array, shape (p,)
        Middle of each period [s], ascending.
    length : float
        e-folding time [s]; 0 for independent periods, infinite for one value at all times.
    """

    def __init__(self, centre: npt.ArrayLike, length: float) -> None:
        self.centre = np.array(centre, dtype=np.float64).ravel()
        if (np.diff(self.centre) <= 0).any():
            raise InputError("the periods of the state are not in order of time")
        if not length >= 0.0:
            raise InputError("a correlation length is negative", where="time", found=f"{length:g}")
        self.length, self.size = float(length), int(self.centre.size)
        self.rho = np.zeros(self.size)
        if length > 0.0:
            self.rho[1:] = np.exp(-np.diff(self.centre) / length)
        self.innovation = np.sqrt(-np.expm1(2.0 * np.log(np.maximum(self.rho, 1e-300))))
        self.innovation[self.rho == 0.0] = 1.0

    def apply(self, x: Array) -> Array:
        """Return D x."""
        return self.root(self.root_t(x))

    def root(self, x: Array) -> Array:
        """Return L x."""
        out = np.array(x, order="C")
        if self.rho.any() and self.size <= _FEW:
            for t in range(1, self.size):
                out[:, t] = self.rho[t] * out[:, t - 1] + self.innovation[t] * out[:, t]
        elif self.rho.any():
            from ghg.core import jit
            from inversion import _kernels

            jit.spread(_kernels.ar1_forward, len(out), self.rho, self.innovation, out, least=256)
        return out

    def root_t(self, x: Array) -> Array:
        """Return L' x."""
        out = np.array(x, order="C")
        if self.rho.any() and self.size <= _FEW:
            for t in range(self.size - 2, -1, -1):
                out[:, t] += self.rho[t + 1] * out[:, t + 1]
            out[:, 1:] *= self.innovation[1:, None]
        elif self.rho.any():
            from ghg.core import jit
            from inversion import _kernels

            jit.spread(_kernels.ar1_backward, len(out), self.rho, self.innovation, out, least=256)
        return out

    def dense(self) -> Array:
        """Return D."""
        gap = np.abs(self.centre[:, None] - self.centre[None, :])
        return np.exp(-gap / self.length) if self.length > 0.0 else np.eye(self.size)

    def take(self, index: npt.NDArray[np.int64]) -> Markov:
        """Return some periods: a Markov chain still."""
        return Markov(self.centre[index], self.length)

    def with_length(self, length: float) -> Markov:
        """Return another length."""
        return Markov(self.centre, length)


class DenseTime(TimeCorrelation):
    """Any correlation between periods.

    Parameters
    ----------
    matrix : array, shape (p, p)
        Symmetric, positive definite.
    """

    def __init__(self, matrix: npt.ArrayLike) -> None:
        from inversion.space import lower_root

        self.matrix = np.array(matrix, dtype=np.float64)
        self.size = self.matrix.shape[0]
        self._root = lower_root(self.matrix, "the correlation between periods")

    def apply(self, x: Array) -> Array:
        """Return D x."""
        return np.matmul(self.matrix, x)

    def root(self, x: Array) -> Array:
        """Return L x."""
        return np.matmul(self._root, x)

    def root_t(self, x: Array) -> Array:
        """Return L' x."""
        return np.matmul(self._root.T, x)

    def dense(self) -> Array:
        """Return D."""
        return self.matrix

    def take(self, index: npt.NDArray[np.int64]) -> DenseTime:
        """Return some periods."""
        return DenseTime(self.matrix[np.ix_(index, index)])


def correlation_in_time(
    bounds: npt.NDArray[np.datetime64], length: float, kind: str = "exponential"
) -> TimeCorrelation:
    """Return the correlation between periods.

    Parameters
    ----------
    bounds : array of datetime64, shape (p, 2)
        Start and end of the periods, in order.
    length : float
        [s]; see `kind`.
    kind : {"exponential", "matern32", "matern52", "spherical"}
        Shape; only the exponential is a Markov chain and costs nothing at any number of periods.
    """
    from inversion.space import shape_of

    edges = np.asarray(bounds).astype("datetime64[ns]").astype(np.int64) / 1e9
    centre = edges.mean(axis=1)
    if kind == "exponential":
        return Markov(centre, length)
    return DenseTime(shape_of(kind)(np.abs(centre[:, None] - centre[None, :]), length))
