"""Overlaps of intervals, and their application along two axes of a field.

All arrays are float64 but the field, which may be float32; sums are float64. A NaN in the field makes NaN every
target cell it touches.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel, kernel_parallel, prange


@kernel
def overlaps(source, target, start, weights):
    """Fill for each target interval the first source interval it meets and the lengths of the overlaps.

    Parameters
    ----------
    source : (n + 1,) float64
        Ascending edges.
    target : (m + 1,) float64
        Ascending edges.
    start : (m,) int64
        Filled: index of the first source interval.
    weights : (m, k) float64
        Filled: lengths of the overlaps with intervals start .. start + k - 1; zero where there are fewer.

    Returns
    -------
    int
        Greatest number of source intervals met; when it is above k the call must be repeated with more room.
    """
    n, room, most = source.size - 1, weights.shape[1], 0
    for j in range(start.size):
        low, high = target[j], target[j + 1]
        first = np.searchsorted(source, low, side="right") - 1
        first = min(max(first, 0), n - 1)
        start[j] = first
        count = 0
        i = first
        while i < n and source[i] < high:
            length = min(high, source[i + 1]) - max(low, source[i])
            if count < room:
                weights[j, count] = max(length, 0.0)
            count += 1
            i += 1
        most = max(most, count)
    return most


@kernel_parallel
def apply(field, row_start, row_weight, column_index, column_weight, out):
    """Sum a field over overlaps: out[f, j, i] = sum_k sum_l row_weight[j, k] column_weight[l, i] field[f, y, x].

    Parameters
    ----------
    field : (f, ny, nx) float32 or float64
        Fields.
    row_start : (my,) int64
        First source row of each target row; y = row_start[j] + k.
    row_weight : (my, ky) float64
        Overlaps with the area factor of the row.
    column_index, column_weight : (l, mx) uint32, float64
        Source columns x of each target column and their overlaps; the tap is the first axis, so that the innermost
        loop is contiguous.
    out : (f, my, mx) float32 or float64
        Filled. Sums are float64 whatever the types.
    """
    fields, rows, columns = out.shape
    ny, nx = field.shape[1], field.shape[2]
    blocks = (rows + 15) // 16
    for task in prange(fields * blocks):
        f, block = task // blocks, task % blocks
        line = np.empty(nx)
        total = np.empty(columns)
        for j in range(block * 16, min(block * 16 + 16, rows)):
            line[:] = 0.0
            for k in range(row_weight.shape[1]):
                w = row_weight[j, k]
                y = row_start[j] + k
                if w != 0.0 and y < ny:
                    row = field[f, y]
                    for x in range(nx):
                        line[x] += w * row[x]
            for i in range(columns):
                total[i] = column_weight[0, i] * line[column_index[0, i]]
            for k in range(1, column_weight.shape[0]):
                for i in range(columns):
                    total[i] += column_weight[k, i] * line[column_index[k, i]]
            for i in range(columns):
                out[f, j, i] = total[i]
