"""Exact solvers: S = H Q H' + R summed tile by tile and factored (dual), or the matrix of the state (primal).

The exponential correlation in time is a Markov chain, so that with E = L L'

    Z_i = c_i B_i,  B_i = H_i diag(sigma_i) L + rho_(i+1) B_(i+1),  i = p ... 1,  c_1 = 1, else c_i^2 = 1 - rho_i^2,
    H Q H' = sum_i Z_i Z_i':

n^2 + 2 n r numbers in memory whatever the number of periods. Where observations see few of the periods the sum is taken
over the windows that they see (:mod:`inversion.solvers.windows`). Any other correlation in time goes by tiles of
whitened cells. Compare Yadav & Michalak (2013), Geosci. Model Dev. 6, 583-590, eq. 8-12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion._blas import blas, lapack
from inversion.covariance import Covariance, DenseCovariance
from inversion.sensitivity import Array, Sensitivity, Sparse
from inversion.solvers.band import WIDTH, Band, envelope, sizes
from inversion.solvers.factor import BandFactor, DualFactor, PrimalFactor
from inversion.solvers.windows import Windows, add_windows, whitened, windows_of
from inversion.time import Markov

if TYPE_CHECKING:
    from inversion.problem import Problem

__all__ = ["Layout", "add_gram", "dual", "layout", "primal"]

_INNER = 256  # columns of a symmetric update, so that it runs at the speed of the machine
_OPEN = 0.6  # share of pairs of observations with open windows below which they are taken by windows
_TILE_BYTES = 400e6
_LEAST = 1500  # observations below which the full matrix costs little
_FULL = 0.4  # share of n^2 above which the full matrix is taken


def dual(problem: Problem) -> DualFactor | BandFactor:
    """Return the Cholesky factor of S, within an envelope where observations see few of the periods.

    Raises
    ------
    InputError
        S is not positive definite: a covariance is wrong.
    """
    if (found := banded(problem)) is not None:
        return found
    s = np.zeros((problem.n, problem.n), order="F")
    for block in problem.blocks:
        add_gram(block.sensitivity, block.covariance, s)
    problem.error.add_to(s)
    low, info = lapack.dpotrf(s, lower=1, overwrite_a=1, clean=1)
    if info:
        raise _indefinite(int(info))
    return DualFactor(low)


def _indefinite(observation: int) -> InputError:
    return InputError("the covariance of the observations is not positive definite", found=f"at observation "
                      f"{observation}", hint="check the observation errors and the prior covariance")  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """How S lies within its envelope.

    Parameters
    ----------
    windows : list of Windows
        Of each block.
    order : array of int, shape (n,)
        Observations in the order of the matrix.
    bottom : array of int
        See :func:`inversion.solvers.band.envelope`.
    """

    windows: list[Windows]
    order: npt.NDArray[np.int64]
    bottom: npt.NDArray[np.int64]

    @property
    def size(self) -> int:
        """Numbers within the envelope."""
        return sizes(self.bottom, self.order.size)

    def operations(self, problem: Problem) -> float:
        """Return the multiplications and additions that S and its factor take."""
        rows = [float(np.square(w.open_rows(), dtype=np.float64).sum()) * b.elements
                for w, b in zip(self.windows, problem.blocks, strict=True)]  # fmt: skip
        return sum(rows) + float(np.square((self.bottom - np.arange(self.bottom.size) * WIDTH) * 1.0).sum()) * WIDTH


def layout(problem: Problem) -> Layout | None:
    """Return the envelope of S; None where S is small or full."""
    if problem.n < _LEAST or not all(isinstance(b.covariance, Covariance) and isinstance(b.covariance.time, Markov)
                                     and _mean_seen(b.sensitivity) < problem.n for b in problem.blocks):  # fmt: skip
        return None
    windows = [windows_of(b.sensitivity, b.covariance.time) for b in problem.blocks]  # pyright: ignore[reportAttributeAccessIssue]
    largest = max(range(len(windows)), key=lambda k: problem.blocks[k].size)
    order = np.argsort(windows[largest].first, kind="stable")
    found = Layout(windows, order, envelope(windows, problem.error, order))
    return found if found.size <= _FULL * problem.n**2 else None


def banded(problem: Problem) -> BandFactor | None:
    """Return the factor of S within an envelope; None where S is small or full."""
    if (found := layout(problem)) is None:
        return None
    band = Band(found.bottom, found.order)
    for block, window in zip(problem.blocks, found.windows, strict=True):
        add_windows(block.sensitivity, block.covariance, window, band)  # pyright: ignore[reportArgumentType]
    band.add_error(problem.error)
    diagonal = band.diagonal()[band.place]
    if info := band.factor():
        raise _indefinite(int(found.order[info - 1]) + 1)
    return BandFactor(band, diagonal)


def primal(problem: Problem) -> PrimalFactor:
    """Return the factor of M = I + L' H' R^-1 H L, m x m."""
    columns = []
    for block in problem.blocks:
        flat = block.sensitivity.dense()  # (n, p, r)
        root = block.covariance.root_t(np.ascontiguousarray(flat.transpose(2, 1, 0)))
        columns.append(root.reshape(-1, problem.n).T)
    white = problem.error.whiten(np.concatenate(columns, axis=1))
    matrix = np.asfortranarray(white.T @ white)
    matrix[np.diag_indices(matrix.shape[0])] += 1.0
    low, info = lapack.dpotrf(matrix, lower=1, overwrite_a=1, clean=1)
    if info:
        raise InputError("the matrix of the state is not positive definite", found=f"at unknown {int(info)}")
    return PrimalFactor(problem, white, low)


def add_gram(h: Sensitivity, q: Covariance | DenseCovariance, s: Array) -> None:
    """Add H Q H' of one block to the lower triangle of s (n, n), Fortran order, in place."""
    if isinstance(q, DenseCovariance):
        flat = h.dense().reshape(h.shape[0], -1)
        s += flat @ q.matrix @ flat.T
        return
    if not isinstance(q.time, Markov):
        _tiles(h, q, s)
        return
    windows = windows_of(h, q.time) if _mean_seen(h) < h.shape[0] else None
    if windows is not None and np.square(windows.open_rows(), dtype=float).sum() < _OPEN * h.shape[0] ** 2 * h.shape[1]:
        add_windows(h, q, windows, Square(s))
        return
    lower = q.space.lower()
    if lower is None and not _is_unit(q):
        _unwhitened(h, q, s)
    else:
        _recursion(h, q, lower, s)


class Square:
    """A full matrix (n, n) in Fortran order that takes pairs."""

    def __init__(self, s: Array) -> None:
        self.place = np.arange(s.shape[0], dtype=np.int64)
        self.offset = self.place * s.shape[0]
        self.flat = s.reshape(-1, order="F")
        assert np.shares_memory(self.flat, s)


def _is_unit(q: Covariance) -> bool:
    from inversion.space import Independent

    return isinstance(q.space, Independent)


def _mean_seen(h: Sensitivity) -> float:
    """Return the mean number of observations that see a period, from a few periods."""
    p = h.shape[1]
    some = np.unique(np.linspace(0, p - 1, 5).astype(int)).tolist()
    if isinstance(h, Sparse):
        return float(np.mean([h.period(t)[0].size for t in some]))
    seen = [h.slab(t)[0] for t in some]
    return float(np.mean([h.shape[0] if rows is None else rows.size for rows in seen]))


def _symmetric(z: Array, s: Array, scale: float = 1.0) -> None:
    """Add scale z z' to the lower triangle of s, z (n, k) in C order."""
    result = blas.dsyrk(scale, z.T, beta=1.0, c=s, trans=1, lower=1, overwrite_c=1)
    if result is not s and not np.shares_memory(result, s):
        s[...] = result


def _recursion(h: Sensitivity, q: Covariance, lower: Array | None, s: Array) -> None:
    assert isinstance(q.time, Markov)
    n, p, r = h.shape
    lower = None if lower is None else np.ascontiguousarray(lower)
    batch = max(1, _INNER // r)
    carried = np.zeros((n, r))
    buffer = np.empty((n, batch, r)) if batch > 1 else None
    filled = 0
    for i in range(p - 1, -1, -1):
        if i + 1 < p:
            carried *= q.time.rho[i + 1]
        rows, values = h.slab(i)
        part = whitened(values, q.sigma[i], lower)
        if rows is None:
            carried += part
        else:
            carried[rows] += part
        scale = q.time.innovation[i] if i else 1.0
        if buffer is None:
            _symmetric(carried, s, scale * scale)
            continue
        np.multiply(carried, scale, out=buffer[:, filled])
        filled += 1
        if filled == batch or i == 0:
            _symmetric(np.ascontiguousarray(buffer[:, :filled]).reshape(n, -1), s)
            filled = 0


def _unwhitened(h: Sensitivity, q: Covariance, s: Array) -> None:
    """Add sum_i c_i^2 B_i E B_i', where no root of E is held as an array."""
    assert isinstance(q.time, Markov)
    n, p, r = h.shape
    carried = np.zeros((n, r))
    for i in range(p - 1, -1, -1):
        if i + 1 < p:
            carried *= q.time.rho[i + 1]
        rows, values = h.slab(i)
        if rows is None:
            carried += values * q.sigma[i]
        else:
            carried[rows] += values * q.sigma[i]
        seen = np.flatnonzero(carried.any(axis=1))
        scale = q.time.innovation[i] ** 2 if i else 1.0
        part = np.ascontiguousarray(carried[seen].T)
        spread = q.space.apply(part[:, None, :])[:, 0, :]
        if seen.size == n:
            s[...] = blas.dgemm(scale, part, spread, beta=1.0, c=s, trans_a=1, overwrite_c=1)
        elif seen.size:
            s[np.ix_(seen, seen)] += scale * (part.T @ spread)


def _tiles(h: Sensitivity, q: Covariance, s: Array) -> None:
    """Any correlation in time: whitened cells tile by tile, the root of D along time, one symmetric update each."""
    n, p, _ = h.shape
    root_size = q.space.root_size
    width = int(max(1, min(root_size, _TILE_BYTES / (8.0 * n * p))))
    lower = q.space.lower()
    for first in range(0, root_size, width):
        last = min(first + width, root_size)
        tile = np.zeros((last - first, p, n))
        for t in range(p):
            rows, values = h.slab(t)
            scaled = values * q.sigma[t]
            if lower is not None:
                part: Any = lower[:, first:last].T @ scaled.T
            else:
                part = q.space.root_t(np.ascontiguousarray(scaled.T)[:, None, :])[first:last, 0, :]
            tile[:, t, slice(None) if rows is None else rows] = part
        white = q.time.root_t(tile).reshape(-1, n)
        _symmetric(np.ascontiguousarray(white.T), s)
