"""Observation error R as a structured operator: a sum of terms, each independent or correlated within groups.

A term is measurement error, aggregation error, transport or representation error of a site: standard deviations sigma,
and a correlation exp(-|dt| / time_length - |dz| / height_length) between observations of one group (a site), none
between groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.sensitivity import Array

__all__ = ["Inferred", "ObservationError", "Term", "site_terms"]

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

    def _correlation(self, term: Term, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Array:
        assert term.group is not None
        exponent = np.zeros((rows.size, columns.size))
        if np.isfinite(term.time_length):
            exponent += np.abs(self.time[rows][:, None] - self.time[columns][None, :]) / term.time_length
        if np.isfinite(term.height_length) and self.height is not None:
            exponent += np.abs(self.height[rows][:, None] - self.height[columns][None, :]) / term.height_length
        return np.where(term.group[rows][:, None] == term.group[columns][None, :], np.exp(-exponent), 0.0)

    def of_term(self, term: Term, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Array:
        """Return what one term adds to R of some observations (rows) with some (columns)."""
        sigma = np.asarray(term.sigma)
        if term.independent:
            return np.where(rows[:, None] == columns[None, :], np.square(sigma[columns])[None, :], 0.0)
        return self._correlation(term, rows, columns) * sigma[rows][:, None] * sigma[columns][None, :]

    def between(self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Array:
        """Return R of some observations (rows) with some (columns)."""
        out = np.zeros((rows.size, columns.size)) if self.matrix is None else self.matrix[np.ix_(rows, columns)]
        for term in self.terms:
            out += self.of_term(term, rows, columns)
        return out

    def span(self, reach: float) -> float:
        """Return how far apart in time [s] errors may still correlate, `reach` correlation times; 0 where none do."""
        if self.matrix is not None:
            return np.inf
        return max((reach * term.time_length for term in self.terms if not term.independent), default=0.0)

    def dense(self) -> Array:
        """Return R (n, n)."""
        every = np.arange(self.size)
        return self.between(every, every)

    def add_to(self, matrix: Array) -> None:
        """Add R to a matrix (n, n), in place."""
        if self.diagonal_only:
            matrix[np.diag_indices(self.size)] += self.variance()
            return
        for rows in self.groups():
            if rows.size == 1:
                matrix[rows[0], rows[0]] += self.variance()[rows[0]]
            else:
                matrix[np.ix_(rows, rows)] += self.between(rows, rows)

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
        """Return R x for x (n, k) in O(n): exponential terms are Markov chains in time, one for each level."""
        from inversion import _kernels

        out = self._white()[:, None] * x
        if self.matrix is not None:
            out += self.matrix @ x
        for term in self.terms:
            if term.independent or term.group is None:
                continue
            order, rho = self._chain(term)
            part = np.empty_like(x)
            for weight in self._levels(term):
                scaled = (np.asarray(term.sigma) * weight)[order, None]
                _kernels.exponential_times(rho, np.ascontiguousarray(scaled * x[order]), part)
                out[order] += scaled * part
        return out

    def _levels(self, term: Term) -> list[Array]:
        """Return weights w_l (n,) with sum_l w_l w_l' = exp(-|dz| / height length): one for each height there is."""
        if not np.isfinite(term.height_length) or self.height is None:
            return [np.ones(self.size)]
        heights, place = np.unique(self.height, return_inverse=True)
        root = np.linalg.cholesky(np.exp(-np.abs(heights[:, None] - heights[None, :]) / term.height_length))
        return [root[place, level] for level in range(heights.size)]

    def _white(self) -> Array:
        parts = [np.square(t.sigma) for t in self.terms if t.independent]
        return np.sum(parts, axis=0) if parts else np.zeros(self.size)

    def _chain(self, term: Term) -> tuple[npt.NDArray[np.int64], Array]:
        """Return the order by group and time, and the correlation of each with the one before."""
        assert term.group is not None
        order = np.lexsort((self.time, term.group))
        rho = np.zeros(self.size)
        same = term.group[order][1:] == term.group[order][:-1]
        gap = np.where(same, np.diff(self.time[order]), 0.0)
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
                self._blocks.append((rows, lower_root(self.between(rows, rows), "the observation error")))
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
        if self.diagonal_only:
            return rng.standard_normal((self.size, count)) * np.sqrt(self.variance())[:, None]
        if self.matrix is None:
            return self._sample_chains(rng, count)
        z = rng.standard_normal((self.size, count))
        out = np.empty_like(z)
        for rows, root in self._roots():
            out[rows] = root @ z[rows]
        return out

    def _sample_chains(self, rng: np.random.Generator, count: int) -> Array:
        from inversion import _kernels

        out = rng.standard_normal((self.size, count)) * np.sqrt(self._white())[:, None]
        for term in self.terms:
            if term.independent or term.group is None:
                continue
            order, rho = self._chain(term)
            innovation = np.sqrt((1.0 - rho) * (1.0 + rho))
            for weight in self._levels(term):
                chain = innovation[:, None] * rng.standard_normal((self.size, count))
                _kernels.exponential_chain(rho, chain)
                out[order] += (np.asarray(term.sigma) * weight)[order, None] * chain
        return out

    def bound(self, x: Array) -> Array:
        """Return x' R^-1 x of each column, or where R cannot be factored something larger: x' x over the white part."""
        if self.diagonal_only or max(rows.size for rows in self.groups()) <= _BLOCK:
            return np.sum(x * self.solve(x), axis=0)
        white = self._white()
        if not (white > 0.0).all():
            return np.full(x.shape[1], np.inf)
        return np.sum(x * x / white[:, None], axis=0)

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


def site_terms(
    name: str, sigma: npt.ArrayLike, site: npt.NDArray[np.str_], time_length: float | Mapping[str, float], *,
    tower: Mapping[str, str] | None = None, height_length: float = np.inf,
) -> tuple[Term, ...]:  # fmt: skip
    """Return the terms of an error that is correlated in time within each site, and between the levels of a tower.

    Parameters
    ----------
    name : str
        Of the error; with several lengths each term is named "<name> <tower>".
    sigma : array (n,) or float
        Standard deviation [mol mol-1].
    site : array of str (n,)
        Site of each observation; each inlet height of a tower may be a site of its own.
    time_length : float or mapping of str to float
        e-folding time [s] of all, or by site (of a tower: that of its first site).
    tower : mapping of str to str, optional
        Tower to which a site belongs; sites that are not named are alone.
    height_length : float
        e-folding difference of height [m] between the levels of a tower; infinite where they err alike.

    Raises
    ------
    InputError
        A site without a length, or levels of one tower with different ones.
    """
    site = np.asarray(site, dtype=str)
    values = np.broadcast_to(np.asarray(sigma, dtype=np.float64), site.shape).copy()
    names: list[str] = list(dict.fromkeys(site.tolist()))
    given: Mapping[str, str] = tower or {}
    at = {s: given.get(s, s) for s in names}
    towers: list[str] = list(dict.fromkeys(at.values()))
    group = np.array([towers.index(at[s]) for s in site.tolist()], dtype=np.int64)
    if not isinstance(time_length, Mapping):
        return (Term(name, values, group, time_length, height_length),)
    if missing := [s for s in names if s not in time_length]:
        raise InputError(f"the {name} error has no correlation time for a site", found=", ".join(missing),
                         need="one for each of " + ", ".join(names))  # fmt: skip
    lengths = {t: {time_length[s] for s in names if at[s] == t} for t in towers}
    if mixed := [t for t in towers if len(lengths[t]) > 1]:
        raise InputError(f"levels of one tower have different correlation times of the {name} error",
                         found=", ".join(mixed))  # fmt: skip
    return tuple(Term(f"{name} {t}", np.where(group == k, values, 0.0), group, lengths[t].pop(), height_length)
                 for k, t in enumerate(towers))  # fmt: skip
