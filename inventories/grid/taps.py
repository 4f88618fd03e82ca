"""Overlaps along two axes laid out for the kernel that sums over them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ghg.core.jit import spread
from inventories.grid._kernels import separable

__all__ = ["sum_overlaps"]

Array = npt.NDArray[np.float64]
Field = npt.NDArray[np.floating]
Index = npt.NDArray[np.int64]
SPAN = 1024  # source columns of a piece: one line of them in float64 and three in float32 take 20 KiB


def sum_overlaps(
    fields: Field, start: Index, rows: Array, columns: npt.NDArray[np.integer], weights: Array, out: Field
) -> None:
    """Fill `out` (f, my, mx) with sums of `fields` (f, ny, nx) over overlaps of rows and columns.

    Parameters
    ----------
    fields : array
        float32 or float64.
    start : (my,) array
        First source row of each target row.
    rows : (my, k) array
        Weights of source rows start .. start + k - 1.
    columns, weights : (l, mx) array
        Source columns of each target column and their weights.
    out : array
        float32 or float64; sums are float64.
    """
    ny, nx = fields.shape[1:]
    below = np.minimum(start[:, None] + np.arange(rows.shape[1]), ny - 1)
    row_index, row_weight = (np.ascontiguousarray(a.T) for a in _threefold(below.T, rows.T, None))
    column_index, column_weight = _threefold(np.asarray(columns, np.int64), weights, nx)
    pieces = _pieces(column_index, nx)
    # a thread is worth some ten thousand cells
    least = 1 + (1 << 14) // max(1, nx * row_weight.shape[1])
    spread(separable.apply, out.shape[0] * out.shape[1], np.ascontiguousarray(fields), row_index, row_weight,
           column_index, column_weight, pieces, out, least=least)  # fmt: skip


def _threefold(index: Index, weight: Array, spare: int | None) -> tuple[Index, Array]:
    """Bring overlaps (axis 0) to the front, and their number to a multiple of three.

    Spare places have weight zero and name `spare`, or where that is None the first overlap.
    """
    order = np.argsort(weight == 0.0, axis=0, kind="stable")
    index, weight = np.take_along_axis(index, order, axis=0), np.take_along_axis(weight, order, axis=0)
    most = max(1, int(np.count_nonzero(weight, axis=0).max()))
    size = -(-most // separable.TOGETHER) * separable.TOGETHER
    found, shares = np.empty((size, index.shape[1]), np.int64), np.zeros((size, index.shape[1]))
    shares[:most] = weight[:most]
    found[:] = index[:1] if spare is None else spare
    found[:most] = np.where(shares[:most] != 0.0, index[:most], found[:most])
    return found, shares


def _pieces(columns: Index, nx: int) -> Index:
    """Return ranges of target columns (first, end) and of the source columns they need (first, end)."""
    count = columns.shape[1]
    edges = np.unique(np.linspace(0, count, -(-nx // SPAN) + 1).astype(np.int64))
    low = np.minimum.reduceat(columns.min(axis=0), edges[:-1])
    high = np.maximum.reduceat(np.where(columns < nx, columns, -1).max(axis=0), edges[:-1]) + 1
    return np.column_stack([edges[:-1], edges[1:], np.minimum(low, high), high]).astype(np.int64)
