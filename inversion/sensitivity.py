"""Sensitivity of observations to a block of the state: dense, sparse, or read slab by slab.

A sensitivity is the matrix H of one block, seen as (n observations, p periods, r cells). Solvers ask for one period at
a time (:meth:`Sensitivity.slab`) or for products with vectors, never for the whole. A reader that keeps footprints
packed in a file needs :class:`Slabs` only: a function that returns the rows that see a period, and their values.

Vectors of the state are arrays (r, p, k), observations (n, k), float64.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Array", "Dense", "Outer", "Sensitivity", "Slabs", "Sparse"]

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64] | None
_ROWS = 512  # rows of a sparse matrix that go through the columns together
_PARTS = 16  # groups of columns of a transposed one
_ALONE = 20_000  # products that one thread does sooner than two
_BAND = 16384  # numbers of the other factor that they read at a time, an eighth of a megabyte


def _band(x: Array) -> int:
    return max(256, _BAND // max(1, x.shape[-1]))


class Sensitivity(ABC):
    """H of one block, (n, p, r); see the module."""

    shape: tuple[int, int, int]

    @abstractmethod
    def slab(self, t: int) -> tuple[Rows, Array]:
        """Return the rows that see period `t` (None: all n, in order) and their values (rows, r)."""

    @abstractmethod
    def take(self, rows: npt.NDArray[np.int64]) -> Sensitivity:
        """Return the sensitivity of some observations, in the order of `rows`."""

    def window(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the first and the last period that each observation sees, (n,); p and -1 where it sees none."""
        n, p, _ = self.shape
        first, last = np.full(n, p, dtype=np.int64), np.full(n, -1, dtype=np.int64)
        for t in range(p):
            rows, _ = self.slab(t)
            seen = slice(None) if rows is None else rows
            first[seen] = np.minimum(first[seen], t)
            last[seen] = t
        return first, last

    @property
    def nonzeros(self) -> int:
        """Number of stored values, for estimates of cost."""
        n, p, r = self.shape
        return n * p * r

    def forward(self, x: Array) -> Array:
        """Return H x for x (r, p, k) -> (n, k)."""
        n, p, _ = self.shape
        out = np.zeros((n, x.shape[2]))
        for t in range(p):
            rows, values = self.slab(t)
            if rows is None:
                out += values @ x[:, t, :]
            elif rows.size:
                out[rows] += values @ x[:, t, :]
        return out

    def adjoint(self, y: Array) -> Array:
        """Return H' y for y (n, k) -> (r, p, k)."""
        _, p, r = self.shape
        out = np.zeros((r, p, y.shape[1]))
        for t in range(p):
            rows, values = self.slab(t)
            if rows is None or rows.size:
                out[:, t, :] = values.T @ (y if rows is None else y[rows])
        return out

    def dense(self) -> Array:
        """Return H as an array (n, p, r)."""
        n, p, r = self.shape
        out = np.zeros((n, p, r))
        for t in range(p):
            rows, values = self.slab(t)
            out[slice(None) if rows is None else rows, t, :] = values
        return out


class Dense(Sensitivity):
    """H held as an array, one contiguous slab for each period; a memory-mapped array keeps it out of core.

    Parameters
    ----------
    values : array, shape (p, n, r)
        Period first. Float32 is allowed and converted slab by slab.
    """

    def __init__(self, values: npt.NDArray[Any]) -> None:
        if values.ndim != 3:
            raise InputError("a dense sensitivity has three dimensions", found=str(values.shape), need="(p, n, r)")
        self.values = values
        p, n, r = values.shape
        self.shape = (n, p, r)

    def slab(self, t: int) -> tuple[Rows, Array]:
        """Return all rows of one period."""
        return None, np.asarray(self.values[t], dtype=np.float64)

    def window(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the first and the last period that each observation sees: all."""
        n, p, _ = self.shape
        return np.zeros(n, dtype=np.int64), np.full(n, p - 1, dtype=np.int64)

    def take(self, rows: npt.NDArray[np.int64]) -> Dense:
        """Return some observations."""
        return Dense(self.values[:, rows, :])


class Slabs(Sensitivity):
    """H that is read, or made, slab by slab when it is asked for.

    Parameters
    ----------
    shape : tuple of int
        (n, p, r).
    read : callable
        ``read(t)`` returns ``(rows, values)`` as :meth:`Sensitivity.slab` does.
    nonzeros : int, optional
        Number of values there are, for estimates of cost.
    """

    def __init__(
        self, shape: tuple[int, int, int], read: Callable[[int], tuple[Rows, Array]], nonzeros: int | None = None
    ) -> None:
        self.shape, self.read = shape, read
        self._nonzeros = shape[0] * shape[1] * shape[2] if nonzeros is None else nonzeros

    @property
    def nonzeros(self) -> int:
        """Number of values there are."""
        return self._nonzeros

    def slab(self, t: int) -> tuple[Rows, Array]:
        """Read one period."""
        rows, values = self.read(t)
        return rows, np.asarray(values, dtype=np.float64)

    def take(self, rows: npt.NDArray[np.int64]) -> Slabs:
        """Return some observations, still read slab by slab."""
        wanted = np.asarray(rows, dtype=np.int64)
        place = np.full(self.shape[0], -1, dtype=np.int64)
        place[wanted] = np.arange(wanted.size)

        def read(t: int) -> tuple[Rows, Array]:
            seen, values = self.read(t)
            if seen is None:
                return None, values[wanted]
            new = place[seen]
            return new[new >= 0], values[new >= 0]

        share = wanted.size / max(self.shape[0], 1)
        return Slabs((wanted.size, *self.shape[1:]), read, round(self._nonzeros * share))


class Sparse(Sensitivity):
    """H with few values that differ from zero, row by row (CSR).

    Parameters
    ----------
    shape : tuple of int
        (n, p, r).
    indptr : array of int64, shape (n + 1,)
        Where each row begins.
    cell, period : array of int, shape (nnz,)
        Place of each value.
    values : array of float, shape (nnz,)
        Float32 halves the memory; sums are float64.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        indptr: npt.NDArray[Any],
        cell: npt.NDArray[Any],
        period: npt.NDArray[Any],
        values: npt.NDArray[Any],
    ) -> None:
        n, p, r = self.shape = shape
        self.indptr = np.ascontiguousarray(indptr, dtype=np.int64)
        _check_parts(self.indptr, n, len(cell), len(period), len(values))
        if len(cell) and (min(np.min(cell), np.min(period)) < 0 or np.max(cell) >= r or np.max(period) >= p):
            raise _outside(p, r)
        # by period, then cell: observations near in time then read the same part of the state, which stays in the cache
        column = np.asarray(period, dtype=np.int64) * r + np.asarray(cell, dtype=np.int64)
        self.column = column.astype(np.int32) if p * r < 2**31 else column
        kept = np.float32 if getattr(values, "dtype", None) == np.float32 else np.float64
        self.values = np.ascontiguousarray(values, dtype=kept)
        self._sort()
        self._periods: Any = None

    @classmethod
    def of_columns(
        cls, shape: tuple[int, int, int], indptr: npt.NDArray[np.int64], column: npt.NDArray[Any],
        values: npt.NDArray[Any],
    ) -> Sparse:  # fmt: skip
        """Return a sensitivity from period x r + cell of each value; nothing is copied.

        Parameters
        ----------
        shape : tuple of int
            (n, p, r).
        indptr : array of int64, shape (n + 1,)
            Where each row begins.
        column : array of int32 (int64 where p r exceeds it), shape (nnz,)
            Period x r + cell; sorted here within each row where it is not.
        values : array of float32 or float64, shape (nnz,)
        """
        empty = np.zeros(0, dtype=np.int64)
        one = cls(shape, np.zeros(shape[0] + 1, np.int64), empty, empty, values[:0])
        n, p, r = shape
        _check_parts(indptr, n, column.size, values.size)
        if column.size and (column.min() < 0 or column.max() >= p * r):
            raise _outside(p, r)
        one.indptr, one.column, one.values = indptr, np.ascontiguousarray(column), np.ascontiguousarray(values)
        one._sort()
        return one

    def _sort(self) -> None:
        """Order the values of each row by place."""
        falls = np.flatnonzero(self.column[1:] < self.column[:-1]) + 1
        place = np.searchsorted(self.indptr, falls)
        if (self.indptr[np.minimum(place, self.indptr.size - 1)] != falls).any():
            from ghg.core import jit
            from inversion import _kernels

            jit.spread(_kernels.sort_rows, self.indptr.size - 1, self.indptr, self.column, self.values, least=256)

    @property
    def nonzeros(self) -> int:
        """Number of stored values."""
        return int(self.values.size)

    def forward(self, x: Array) -> Array:
        """Return H x for x (r, p, k) -> (n, k)."""
        from ghg.core import jit
        from inversion import _kernels

        n = self.shape[0]
        flat = np.ascontiguousarray(x.transpose(1, 0, 2)).reshape(-1, x.shape[2])
        out = np.zeros((n, x.shape[2]))
        blocks = -(-n // _ROWS)
        jit.spread(_kernels.csr_times, blocks, self.indptr, self.column, self.values, flat, out, _band(x), _ROWS)
        return out

    def adjoint(self, y: Array) -> Array:
        """Return H' y for y (n, k) -> (r, p, k)."""
        from ghg.core import jit
        from inversion import _kernels

        _, p, r = self.shape
        out = np.zeros((p * r, y.shape[1]))
        y = np.ascontiguousarray(y)
        own = self.indptr, self.column, self.values
        least = 1 if self.nonzeros * y.shape[1] > _ALONE else _PARTS
        jit.spread(_kernels.csr_adjoint, _PARTS, *own, y, out, 2 * _band(y), _PARTS, least=least)
        return np.ascontiguousarray(out.reshape(p, r, -1).transpose(1, 0, 2))

    def period(self, t: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the rows that see one period, where their values begin, and where those of the whole row end."""
        from inversion import _kernels

        if self._periods is None:
            _, p, r = self.shape
            self._periods = _kernels.by_period(self.indptr, self.column, r, p)
        start, row, first = self._periods
        rows = row[start[t] : start[t + 1]].astype(np.int64)
        return rows, first[start[t] : start[t + 1]], self.indptr[rows + 1]

    def window(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the first and the last period that each observation sees."""
        n, p, r = self.shape
        some = np.flatnonzero(np.diff(self.indptr))
        first, last = np.full(n, p, dtype=np.int64), np.full(n, -1, dtype=np.int64)
        first[some] = self.column[self.indptr[some]] // r
        last[some] = self.column[self.indptr[some + 1] - 1] // r
        return first, last

    def slab(self, t: int) -> tuple[Rows, Array]:
        """Return the rows that see one period, as an array."""
        from ghg.core import jit
        from inversion import _kernels

        rows, first, stop = self.period(t)
        r = self.shape[2]
        out = np.zeros((rows.size, r))
        jit.spread(_kernels.scatter_rows, rows.size, first, stop, self.column, self.values, t * r, out, least=64)
        return rows, out

    def take(self, rows: npt.NDArray[np.int64]) -> Sparse:
        """Return some observations."""
        wanted = np.asarray(rows, dtype=np.int64)
        counts = np.diff(self.indptr)[wanted]
        starts = np.repeat(self.indptr[:-1][wanted], counts)
        inside = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        index = starts + inside
        _, p, r = self.shape
        period, cell = np.divmod(self.column[index], r)
        indptr = np.concatenate([[0], np.cumsum(counts)])
        return Sparse((wanted.size, p, r), indptr, cell, period, self.values[index])


def _check_parts(indptr: npt.NDArray[Any], n: int, *lengths: int) -> None:
    sizes = {*lengths, int(indptr[-1])}
    if indptr.shape != (n + 1,) or len(sizes) > 1:
        raise InputError("the parts of a sparse sensitivity do not fit", found=f"{sorted(sizes)} values",
                         need=f"{n + 1} row starts, the last of them the number of values")  # fmt: skip


def _outside(periods: int, cells: int) -> InputError:
    return InputError("a sparse sensitivity points outside the state", need=f"{periods} periods, {cells} cells")


class Outer(Sensitivity):
    """Rows that are a product of weights of periods and weights of cells: regional totals.

    Parameters
    ----------
    period : array, shape (k, p)
        Weight of each period in each row.
    cell : array, shape (k, r)
        Weight of each cell in each row.
    """

    def __init__(self, period: Array, cell: Array) -> None:
        self.period = np.ascontiguousarray(period, dtype=np.float64)
        self.cell = np.ascontiguousarray(cell, dtype=np.float64)
        self.shape = (self.period.shape[0], self.period.shape[1], self.cell.shape[1])

    def slab(self, t: int) -> tuple[Rows, Array]:
        """Return the rows that have weight in one period."""
        rows = np.flatnonzero(self.period[:, t])
        return rows.astype(np.int64), self.period[rows, t, None] * self.cell[rows]

    def take(self, rows: npt.NDArray[np.int64]) -> Outer:
        """Return some rows."""
        return Outer(self.period[rows], self.cell[rows])
