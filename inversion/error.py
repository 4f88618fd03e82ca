"""Observation error R as a structured operator: a sum of terms, each independent or correlated within groups.

A term is measurement error, aggregation error, transport or representation error of a site: standard deviations sigma,
and a correlation exp(-|dt| / time_length - |dz| / height_length) between observations of one group (a site), none
between groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.sensitivity import Array

__all__ = ["Inferred", "ObservationError", "Term"]

_BLOCK = 6000  # observations of one connected group that are held as a dense block


@dataclass(frozen=True)
class Term:
    """One part of the observation error.

    Parameters
    ----------
    name : str
        For example "measurement", "transport".
    sigma : array, shape (n,)
        Standard deviation [mol mol-1].
    group : array of int, shape (n,), optional
        Observations correlated among themselves; None for independent errors.
    time_length : float
        e-folding time [s] within a group; infinite for an error common to the group, 0 for independent errors.
    height_length : float
        e-folding difference of height [m] within a group (vertical levels of a tower); infinite for none.
    """

    name: str
    sigma: Array
    group: npt.NDArray[np.int64] | None = None
    time_length: float = 0.0
    height_length: float = np.inf

    @property
    def independent(self) -> bool:
        """Whether the errors of this term are independent."""
        return self.group is None or self.time_length == 0.0


@dataclass(frozen=True)
class Inferred:
    """A model error whose size is unknown: one standard deviation per group with a uniform prior, for the samplers.

    Parameters
    ----------
    group : array of int, shape (n,)
        Site and period of each observation, from 0 without gaps.
    low, high : float
        Ends of the uniform prior [mol mol-1].
    """

    group: npt.NDArray[np.int64]
    low: float
    high: float


@dataclass(frozen=True)
class ObservationError:
    """R; see the module.

    Parameters
    ----------
    terms : sequence of Term
        Independent of each other.
    time : array, shape (n,)
        Time of each observation [s] since any epoch.
    height : array, shape (n,), optional
        Height of each observation [m], where a term has a height length.
    inferred : Inferred, optional
        Model error to be sampled; the Gaussian solvers refuse it.
    matrix : array, shape (n, n), optional
        Any further covariance, such as the aggregation error of a basis.
    """

    terms: tuple[Term, ...]
    time: Array
    height: Array | None = None
    inferred: Inferred | None = None
    matrix: Array | None = None
    _blocks: list[tuple[npt.NDArray[np.int64], Array]] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the terms."""
        n = self.size
        for term in self.terms:
            sigma = np.asarray(term.sigma, dtype=np.float64)
            if sigma.shape != (n,) or not np.isfinite(sigma).all() or (sigma < 0).any():
                raise InputError(f"the {term.name} error of observations is negative, missing or of the wrong length",
                                 found=f"{int((~(sigma >= 0)).sum())} of {sigma.size}", need=f"{n} values")  # fmt: skip
            if term.group is not None and np.shape(term.group) != (n,):
                raise InputError(f"the groups of the {term.name} error do not fit", need=f"{n} values")
            if not term.independent and np.isfinite(term.height_length) and self.height is None:
                raise InputError(f"the {term.name} error is correlated by height and no heights are given")
            if not term.time_length >= 0.0 or not term.height_length > 0.0:
                raise InputError(f"a correlation length of the {term.name} error is negative")
        if n and not (self.variance() > 0.0).all():
            bad = int((~(self.variance() > 0.0)).sum())
            raise InputError("observations without any error", found=f"{bad} of {n}", need="a positive variance")

    @classmethod
    def independent(cls, sigma: npt.ArrayLike) -> ObservationError:
        """Return independent errors of these standard deviations."""
        values = np.array(sigma, dtype=np.float64).ravel()
        return cls((Term("observation", values),), np.arange(values.size, dtype=np.float64))

    @property
    def size(self) -> int:
        """n."""
        return int(np.asarray(self.time).size)

    @property
    def diagonal_only(self) -> bool:
        """Whether all errors are independent."""
        return self.matrix is None and all(term.independent for term in self.terms)

    def variance(self) -> Array:
        """Return the diagonal of R."""
        total = np.sum([np.square(term.sigma) for term in self.terms], axis=0)
        return total if self.matrix is None else total + np.diag(self.matrix)

    def _correlation(self, term: Term, rows: npt.NDArray[np.int64]) -> Array:
        assert term.group is not None
        t, g = self.time[rows], term.group[rows]
        exponent = np.zeros((rows.size, rows.size))
        if np.isfinite(term.time_length):
            exponent += np.abs(t[:, None] - t[None, :]) / term.time_length
        if np.isfinite(term.height_length) and self.height is not None:
            z = self.height[rows]
            exponent += np.abs(z[:, None] - z[None, :]) / term.height_length
        return np.where(g[:, None] == g[None, :], np.exp(-exponent), 0.0)

    def _part(self, rows: npt.NDArray[np.int64]) -> Array:
        """Return R of some observations."""
        out = np.zeros((rows.size, rows.size))
        for term in self.terms:
            sigma = np.asarray(term.sigma)[rows]
            if term.independent:
                out[np.diag_indices(rows.size)] += sigma**2
            else:
                out += self._correlation(term, rows) * sigma[:, None] * sigma[None, :]
        return out if self.matrix is None else out + self.matrix[np.ix_(rows, rows)]

    def dense(self) -> Array:
        """Return R (n, n)."""
        return self._part(np.arange(self.size))

    def add_to(self, matrix: Array) -> None:
        """Add R to a matrix (n, n), in place."""
        if self.diagonal_only:
            matrix[np.diag_indices(self.size)] += self.variance()
            return
        for rows in self.groups():
            if rows.size == 1:
                matrix[rows[0], rows[0]] += self.variance()[rows[0]]
            else:
                matrix[np.ix_(rows, rows)] += self._part(rows)

    def groups(self) -> list[npt.NDArray[np.int64]]:
        """Return sets of observations such that errors of different sets are independent."""
        if self.matrix is not None:
            return [np.arange(self.size)]
        label = np.arange(self.size)
        for term in self.terms:
            if term.independent or term.group is None:
                continue
            _, inverse = np.unique(term.group, return_inverse=True)
            while True:  # each set takes the smallest label of the groups it touches, until nothing changes
                least = np.full(inverse.max() + 1, self.size)
                np.minimum.at(least, inverse, label)
                new = least[inverse]
                new = np.minimum(new, _least(label, new, self.size))
                if (new == label).all():
                    break
                label = new
        order = np.argsort(label, kind="stable")
        edges = np.flatnonzero(np.diff(label[order])) + 1
        return np.split(order, edges) if self.size else []

    def apply(self, x: Array) -> Array:
        """Return R x for x (n, k); exponential terms in time cost O(n)."""
        from inversion import _kernels

        out = self._white()[:, None] * x
        if self.matrix is not None:
            out += self.matrix @ x
        for term in self.terms:
            if term.independent or term.group is None:
                continue
            sigma = np.asarray(term.sigma)[:, None]
            if np.isfinite(term.height_length):
                for rows in _split(term.group):
                    out[rows] += sigma[rows] * (self._correlation(term, rows) @ (sigma[rows] * x[rows]))
                continue
            order, rho = self._chain(term)
            part = np.empty_like(x)
            _kernels.exponential_times(rho, np.ascontiguousarray((sigma * x)[order]), part)
            out[order] += sigma[order] * part
        return out

    def _white(self) -> Array:
        parts = [np.square(t.sigma) for t in self.terms if t.independent or t.group is None]
        return np.sum(parts, axis=0) if parts else np.zeros(self.size)

    def _chain(self, term: Term) -> tuple[npt.NDArray[np.int64], Array]:
        """Return the order by group and time, and the correlation of each with the one before."""
        assert term.group is not None
        order = np.lexsort((self.time, term.group))
        rho = np.zeros(self.size)
        same = term.group[order][1:] == term.group[order][:-1]
        gap = np.diff(self.time[order])
        rho[1:] = np.where(same, np.exp(-gap / term.time_length), 0.0)
        return order, rho

    def _roots(self) -> list[tuple[npt.NDArray[np.int64], Array]]:
        """Return the Cholesky factor of each independent set of observations."""
        if not self._blocks:
            from inversion.space import lower_root

            for rows in self.groups():
                if rows.size > _BLOCK:
                    raise InputError("too many observations with errors correlated among themselves",
                                     found=f"{rows.size} in one group", need=f"at most {_BLOCK}",
                                     hint="group errors by site, or by site and year")  # fmt: skip
                self._blocks.append((rows, lower_root(self._part(rows), "the observation error")))
        return self._blocks

    def whiten(self, x: Array) -> Array:
        """Return L^-1 x for x (n, k), R = L L' block by block."""
        if self.diagonal_only:
            return x / np.sqrt(self.variance())[:, None]
        from scipy.linalg import solve_triangular

        out = np.empty_like(x)
        for rows, root in self._roots():
            out[rows] = solve_triangular(root, x[rows], lower=True, check_finite=False)
        return out

    def solve_root_t(self, x: Array) -> Array:
        """Return L^-T x for x (n, k), R = L L' block by block."""
        if self.diagonal_only:
            return x / np.sqrt(self.variance())[:, None]
        from scipy.linalg import solve_triangular

        out = np.empty_like(x)
        for rows, root in self._roots():
            out[rows] = solve_triangular(root, x[rows], lower=True, trans=1, check_finite=False)
        return out

    def solve(self, x: Array) -> Array:
        """Return R^-1 x for x (n, k)."""
        if self.diagonal_only:
            return x / self.variance()[:, None]
        from scipy.linalg import cho_solve

        out = np.empty_like(x)
        for rows, root in self._roots():
            out[rows] = cho_solve((root, True), x[rows], check_finite=False)
        return out

    def log_determinant(self) -> float:
        """Return ln |R|."""
        if self.diagonal_only:
            return float(np.log(self.variance()).sum())
        return float(sum(2.0 * np.log(np.diag(root)).sum() for _, root in self._roots()))

    def sample(self, rng: np.random.Generator, count: int) -> Array:
        """Draw errors, (n, count)."""
        z = rng.standard_normal((self.size, count))
        if self.diagonal_only:
            return z * np.sqrt(self.variance())[:, None]
        out = np.empty_like(z)
        for rows, root in self._roots():
            out[rows] = root @ z[rows]
        return out

    def take(self, rows: npt.NDArray[np.int64]) -> ObservationError:
        """Return the error of some observations."""
        terms = tuple(
            replace(t, sigma=np.asarray(t.sigma)[rows], group=None if t.group is None else t.group[rows])
            for t in self.terms
        )
        inferred = None if self.inferred is None else replace(self.inferred, group=self.inferred.group[rows])
        height = None if self.height is None else self.height[rows]
        matrix = None if self.matrix is None else self.matrix[np.ix_(rows, rows)]
        return ObservationError(terms, np.asarray(self.time)[rows], height, inferred, matrix)

    def scaled(self, factors: Sequence[float]) -> ObservationError:
        """Return R with the standard deviations of each term multiplied by its factor."""
        terms = tuple(replace(t, sigma=np.asarray(t.sigma) * f) for t, f in zip(self.terms, factors, strict=True))
        return ObservationError(terms, self.time, self.height, self.inferred, self.matrix)

    def with_term(self, term: Term) -> ObservationError:
        """Return R with one more term."""
        return ObservationError((*self.terms, term), self.time, self.height, self.inferred, self.matrix)


def _least(old: npt.NDArray[np.int64], new: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Return for each observation the least new label of those that had its old label."""
    least = np.full(size, size)
    np.minimum.at(least, old, new)
    return least[old]


def _split(group: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
