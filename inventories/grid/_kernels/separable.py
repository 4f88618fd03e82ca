"""Overlaps of intervals, and their application along two axes of a field.

All arrays are float64 but the field, which may be float32; sums are float64. A NaN in the field makes NaN every
target cell it touches.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel

TOGETHER = 3  # overlaps that are added in one pass: a grid 2.5 times as coarse has no more


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


@kernel
def apply(lo, hi, field, row_index, row_weight, column_index, column_weight, piece, out):
    """Sum a field over overlaps: out[f, j, i] = sum_k sum_l row_weight[j, k] column_weight[l, i] field[f, y, x].

    Parameters
    ----------
    lo, hi : int
        The target rows that are filled, those of one field after those of another; rows are independent.
    field : (f, ny, nx) float32 or float64
        Fields.
    row_index, row_weight : (my, ky) int64, float64
        Source rows y of each target row and their overlaps with the area factor; ky is a multiple of three, spare
        places name a row of the same target row with weight zero. A target row whose first weight is zero is zero.
    column_index, column_weight : (l, mx) int64, float64
        Source columns x of each target column and their overlaps; l is a multiple of three, spare places name the
        column nx, which is zero.
    piece : (p, 4) int64
        Ranges of target columns and the source columns they need, so few that they stay in the nearest cache.
    out : (f, my, mx) float32 or float64
        Filled. Sums are float64 whatever the types.
    """
    rows, nx = out.shape[1], field.shape[2]
    line, total = np.zeros(nx + 1), np.empty(out.shape[2])
    for task in range(lo, hi):
        f, j = task // rows, task % rows
        if row_weight[j, 0] == 0.0:
            out[f, j, :] = 0.0
            continue
        for p in range(piece.shape[0]):
            first, last, a, b = piece[p, 0], piece[p, 1], piece[p, 2], piece[p, 3]
            narrow = line[a:b]
            for k in range(0, row_weight.shape[1], TOGETHER):
                w0, w1, w2 = row_weight[j, k], row_weight[j, k + 1], row_weight[j, k + 2]
                r0, r1 = field[f, row_index[j, k], a:b], field[f, row_index[j, k + 1], a:b]
                r2 = field[f, row_index[j, k + 2], a:b]
                for x in range(b - a):
                    part = w0 * r0[x] + w1 * r1[x] + w2 * r2[x]
                    narrow[x] = part if k == 0 else narrow[x] + part
            for k in range(0, column_weight.shape[0], TOGETHER):
                v0, v1 = column_weight[k, first:last], column_weight[k + 1, first:last]
                v2, i0 = column_weight[k + 2, first:last], column_index[k, first:last]
                i1, i2 = column_index[k + 1, first:last], column_index[k + 2, first:last]
                for i in range(last - first):
                    part = v0[i] * line[i0[i]] + v1[i] * line[i1[i]] + v2[i] * line[i2[i]]
                    total[i] = part if k == 0 else total[i] + part
            target = out[f, j, first:last]
            for i in range(last - first):
                target[i] = total[i]
