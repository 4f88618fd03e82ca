"""A symmetric matrix of observations that is zero outside an envelope: panels of columns, and their Cholesky factor.

Observations whose windows of periods lie far apart do not correlate. In the order of their windows S then has an
envelope of some thousand rows, which the Cholesky factor keeps, so that memory is n x envelope in place of n^2 and
work n x envelope^2 in place of n^3 / 3 (George & Liu 1981, Computer Solution of Large Sparse Positive Definite
Systems, ch. 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inversion._blas import blas, lapack
from inversion.sensitivity import Array
from inversion.solvers.windows import REACH, Index, Windows

if TYPE_CHECKING:
    from inversion.error import ObservationError

__all__ = ["Band", "envelope", "sizes"]

WIDTH = 256  # columns of a panel


def envelope(windows: Sequence[Windows], error: ObservationError, order: Index, reach: float = REACH) -> Index:
    """Return for each panel of columns the row after the last that may differ from zero, never falling.

    Parameters
    ----------
    windows : sequence of Windows
        Of each block of the state.
    error : ObservationError
        R; rows further apart than `reach` correlation times do not meet.
    order : array of int, shape (n,)
        The observations in the order of the matrix.
    """
    n = order.size
    starts = np.arange(0, n, WIDTH)
    bottom = np.minimum(starts + WIDTH, n)
    for one in [w.take(order) for w in windows]:
        seen = one.last >= 0
        for k, first in enumerate(starts):
            mine = slice(first, first + WIDTH)
            if seen[mine].any():
                least, most = one.first[mine][seen[mine]].min(), one.limit[mine].max()
                meets = np.flatnonzero(seen & (one.first <= most) & (one.limit >= least))
                bottom[k] = max(bottom[k], meets[-1] + 1)
    span = error.span(reach)
    if span > 0.0:
        time = np.asarray(error.time)[order]
        for k, first in enumerate(starts):
            mine = time[first : first + WIDTH]
            meets = np.flatnonzero((time >= mine.min() - span) & (time <= mine.max() + span))
            bottom[k] = max(bottom[k], meets[-1] + 1)
    return np.maximum.accumulate(bottom)


def sizes(bottom: Index, n: int) -> int:
    """Return how many numbers an envelope holds."""
    start = np.arange(0, n, WIDTH)
    return int(((bottom - start) * (np.minimum(start + WIDTH, n) - start)).sum())


class Band:
    """The lower triangle of a symmetric matrix within an envelope; after :meth:`factor` its Cholesky factor.

    Parameters
    ----------
    bottom : array of int
        Of :func:`envelope`.
    order : array of int, shape (n,)
        Row i of the matrix is observation order[i].
    dtype : type
        float64, or float32 for a preconditioner.
    """

    def __init__(self, bottom: Index, order: Index, dtype: Any = np.float64) -> None:
        n = order.size
        self.order, self.bottom = order, bottom
        self.start = np.arange(0, n, WIDTH)
        self.width = np.minimum(self.start + WIDTH, n) - self.start
        size = (bottom - self.start) * self.width
        self.base = np.concatenate([[0], np.cumsum(size)])
        self.flat: npt.NDArray[Any] = np.zeros(int(self.base[-1]), dtype=dtype)
        panel = np.arange(n) // WIDTH
        start = self.start[panel]
        self.offset = self.base[panel] + (np.arange(n) - start) * (bottom - self.start)[panel] - start
        self.place = np.empty(n, dtype=np.int64)
        self.place[order] = np.arange(n)
        kind = "s" if self.flat.dtype == np.float32 else "d"
        self._trsm: Any = getattr(blas, f"{kind}trsm")
        self._potrf: Any = getattr(lapack, f"{kind}potrf")

    def panel(self, k: int) -> npt.NDArray[Any]:
        """Return one panel: rows from its start to its bottom, Fortran order."""
        part = self.flat[self.base[k] : self.base[k + 1]]
        return part.reshape((self.bottom[k] - self.start[k], self.width[k]), order="F")

    def diagonal(self) -> Array:
        """Return the diagonal, in the order of the matrix."""
        return self.flat[self.offset + np.arange(self.order.size)].astype(np.float64)

    def add_error(self, error: ObservationError) -> None:
        """Add R."""
        if error.diagonal_only:
            self.flat[self.offset + np.arange(self.order.size)] += error.variance()[self.order]
            return
        for k, first in enumerate(self.start):
            rows = self.order[first : self.bottom[k]]
            part = error.between(rows, rows[: self.width[k]])
            part[: self.width[k]] = np.tril(part[: self.width[k]])
            self.panel(k)[...] += part

    def factor(self) -> int:
        """Turn the matrix into its Cholesky factor; return 0, or the place (from 1) where it is indefinite."""
        for k, first in enumerate(self.start):
            width, panel = self.width[k], self.panel(k)
            low, info = self._potrf(panel[:width], lower=1, clean=1)
            if info:
                return int(first + info)
            panel[:width] = low
            if panel.shape[0] == width:
                continue
            panel[width:] = self._trsm(1.0, low, panel[width:], side=1, lower=1, trans_a=1)
            for m in range(k + 1, self.start.size):
                if self.start[m] >= self.bottom[k]:
                    break
                rest = panel[self.start[m] - first :]
                across = rest[: self.width[m]]
                self.panel(m)[: rest.shape[0], : across.shape[0]] -= rest @ across.T
        return 0

    def forward(self, v: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return L^-1 v, v (n, k) in the order of the matrix, in place."""
        for k, first in enumerate(self.start):
            width, panel, end = self.width[k], self.panel(k), self.bottom[k]
            v[first : first + width] = self._trsm(1.0, panel[:width], v[first : first + width], lower=1)
            if end > first + width:
                v[first + width : end] -= panel[width:] @ v[first : first + width]
        return v

    def backward(self, v: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return L^-T v, v (n, k) in the order of the matrix, in place."""
        for k in range(self.start.size - 1, -1, -1):
            first, width, panel, end = self.start[k], self.width[k], self.panel(k), self.bottom[k]
            if end > first + width:
                v[first : first + width] -= panel[width:].T @ v[first + width : end]
            v[first : first + width] = self._trsm(1.0, panel[:width], v[first : first + width], lower=1, trans_a=1)
        return v

    def gram(self, rows: Index) -> Array:
        """Return L[rows] L[rows]': the matrix between some observations."""
        place = self.place[rows]
        out = np.zeros((rows.size, rows.size))
        for k, first in enumerate(self.start):
            mine = np.flatnonzero((place >= first) & (place < self.bottom[k]))
            part = self.panel(k)[place[mine] - first]
            out[np.ix_(mine, mine)] += part @ part.T
        return out
