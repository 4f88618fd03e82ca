"""Prior covariance of a block as a structured operator: Q = diag(sigma) (E x D) diag(sigma).

E is a correlation between cells, D one between periods; neither Q nor, on large regular grids, E is ever formed.
Vectors are arrays (r, p, k): cell, period, column.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.sensitivity import Array
from inversion.space import Space
from inversion.time import TimeCorrelation

__all__ = ["Covariance", "DenseCovariance"]


@dataclass(frozen=True)
class Covariance:
    """Covariance of one block.

    Parameters
    ----------
    sigma : array, shape (p, r)
        Standard deviation, in the unit of the block.
    time : TimeCorrelation
        D, (p, p).
    space : Space
        E, (r, r).
    """

    sigma: Array
    time: TimeCorrelation
    space: Space

    def __post_init__(self) -> None:
        """Check shapes and signs."""
        sigma = np.array(self.sigma, dtype=np.float64)
        need = (self.time.size, self.space.size)
        if sigma.shape != need:
            raise InputError("the prior standard deviations do not fit the state", found=str(sigma.shape),
                             need=f"{need[0]} periods, {need[1]} cells")  # fmt: skip
        if not np.isfinite(sigma).all() or (sigma < 0).any():
            raise InputError("a prior standard deviation is negative or missing",
                             found=f"{int((~(sigma >= 0)).sum())} of {sigma.size}")  # fmt: skip
        if not sigma.any():
            raise InputError("the prior uncertainty is zero everywhere, so no observation can change the prior",
                             hint="give an absolute sigma, or a relative one with a floor")  # fmt: skip
        object.__setattr__(self, "sigma", np.ascontiguousarray(sigma))

    @property
    def shape(self) -> tuple[int, int]:
        """(p, r)."""
        return (self.time.size, self.space.size)

    def _scaled(self, x: Array) -> Array:
        return x * self.sigma.T[:, :, None]

    def apply(self, x: Array) -> Array:
        """Return Q x for x (r, p, k)."""
        return self._scaled(self.space.apply(self.time.apply(self._scaled(x))))

    def root(self, z: Array) -> Array:
        """Return L z, Q = L L', for z (root size of E, p, k): the way to samples."""
        return self._scaled(self.space.root(self.time.root(z)))

    def root_t(self, x: Array) -> Array:
        """Return L' x for x (r, p, k)."""
        return self.time.root_t(self.space.root_t(self._scaled(x)))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Draw deviations from the prior, (r, p, count)."""
        return self.root(rng.standard_normal((self.space.root_size, self.time.size, count)))

    def dense(self) -> Array:
        """Return Q (p r, p r), rows in the order of period, then cell (small blocks only)."""
        flat = self.sigma.ravel()
        return np.kron(self.time.dense(), self.space.dense()) * flat[:, None] * flat[None, :]

    def scaled(self, factor: float) -> Covariance:
        """Return the covariance with all standard deviations multiplied."""
        return replace(self, sigma=self.sigma * factor)

    def with_lengths(self, *, space: float | None = None, time: float | None = None) -> Covariance:
        """Return the covariance with other correlation lengths: [m] between cells, [s] between periods."""
        result = self
        if space is not None:
            result = replace(result, space=self.space.with_length(space))
        if time is not None:
            result = replace(result, time=self.time.with_length(time))
        return result

    def take_periods(self, index: npt.NDArray[np.int64]) -> Covariance:
        """Return the covariance of some periods."""
        return replace(self, sigma=self.sigma[index], time=self.time.take(index))


class DenseCovariance:
    """Covariance of a small block held as a matrix: no product of space and time, as a basis has it.

    Parameters
    ----------
    matrix : array, shape (p r, p r)
        Order of period, then element; symmetric, positive definite.
    shape : tuple of int
        (p, r).
    """

    def __init__(self, matrix: npt.ArrayLike, shape: tuple[int, int]) -> None:
        from inversion.space import lower_root

        self.matrix = np.array(matrix, dtype=np.float64)
        self.shape = shape
        self.sigma = np.sqrt(np.diag(self.matrix)).reshape(shape)
        self._lower = lower_root(self.matrix, "the covariance of the basis")

    def _with(self, matrix: Array, x: Array) -> Array:
        r, p, k = x.shape
        return (matrix @ x.transpose(1, 0, 2).reshape(p * r, k)).reshape(p, r, k).transpose(1, 0, 2)

    def apply(self, x: Array) -> Array:
        """Return Q x for x (r, p, k)."""
        return self._with(self.matrix, x)

    def root(self, z: Array) -> Array:
        """Return L z."""
        return self._with(self._lower, z)

    def root_t(self, x: Array) -> Array:
        """Return L' x."""
        return self._with(self._lower.T, x)

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Draw deviations from the prior, (r, p, count)."""
        return self.root(rng.standard_normal((self.shape[1], self.shape[0], count)))

    def dense(self) -> Array:
        """Return Q."""
        return self.matrix

    def scaled(self, factor: float) -> DenseCovariance:
        """Return the covariance with all standard deviations multiplied."""
        return DenseCovariance(self.matrix * factor**2, self.shape)

    def with_lengths(self, *, space: float | None = None, time: float | None = None) -> DenseCovariance:
        """Return itself; it has no lengths to change."""
        if space is not None or time is not None:
            raise InputError("the covariance of a basis has no lengths", hint="estimate them on the full grid")
        return self
