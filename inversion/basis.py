"""Divisions of a grid into groups of cells: the fewer unknowns of a basis.

The full grid is the default everywhere; what merging by such a division means, and why it costs nothing, is told in
:mod:`inversion.merged`.

References
----------
Turner & Jacob (2015), Atmos. Chem. Phys. 15, 7039-7048.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.sensitivity import Array

__all__ = ["quadtree", "regional", "weighted"]

Labels = npt.NDArray[np.int64]


def quadtree(weight: Array, shape: tuple[int, int], groups: int) -> Labels:
    """Divide a regular grid into rectangles: the one with most weight is cut into four until there are enough.

    Parameters
    ----------
    weight : array, shape (r,)
        Not negative: mean footprint times prior standard deviation, for example.
    shape : tuple of int
        Rows and columns of the grid.
    groups : int
        At least so many groups, if there are cells enough; at most two more.

    Returns
    -------
    array of int, shape (r,)
        Group of each cell, from 0.
    """
    w = _weights(weight, shape[0] * shape[1]).reshape(shape)
    boxes = [(0, shape[0], 0, shape[1])]
    while len(boxes) < groups:
        mass = [w[a:b, c:d].sum() if (b - a) * (d - c) > 1 else -1.0 for a, b, c, d in boxes]
        worst = int(np.argmax(mass))
        if mass[worst] < 0.0:
            break
        a, b, c, d = boxes.pop(worst)
        rows = [(a, b)] if b - a == 1 else [(a, (a + b) // 2), ((a + b) // 2, b)]
        columns = [(c, d)] if d - c == 1 else [(c, (c + d) // 2), ((c + d) // 2, d)]
        boxes += [(*i, *j) for i in rows for j in columns]
    labels = np.empty(shape, dtype=np.int64)
    for k, (a, b, c, d) in enumerate(boxes):
        labels[a:b, c:d] = k
    return labels.ravel()


def weighted(weight: Array, shape: tuple[int, int], groups: int) -> Labels:
    """Divide a regular grid into rectangles of about equal weight, halving the heaviest along its longer side.

    Parameters
    ----------
    weight, shape, groups
        As for :func:`quadtree`; exactly `groups` groups if there are cells enough.
    """
    w = _weights(weight, shape[0] * shape[1]).reshape(shape)
    boxes = [(0, shape[0], 0, shape[1])]
    while len(boxes) < min(groups, w.size):
        mass = [w[a:b, c:d].sum() if (b - a) * (d - c) > 1 else -1.0 for a, b, c, d in boxes]
        a, b, c, d = boxes.pop(int(np.argmax(mass)))
        along_rows = b - a >= d - c
        line = np.cumsum(w[a:b, c:d].sum(axis=1 if along_rows else 0))
        cut = 1 + int(np.argmin(np.abs(line[:-1] - line[-1] / 2.0)))
        boxes += [(a, a + cut, c, d), (a + cut, b, c, d)] if along_rows else [(a, b, c, c + cut), (a, b, c + cut, d)]
    labels = np.empty(shape, dtype=np.int64)
    for k, (a, b, c, d) in enumerate(boxes):
        labels[a:b, c:d] = k
    return labels.ravel()


def regional(shares: dict[str, Array]) -> Labels:
    """Return the region that has most of each cell; cells without region form the last group."""
    stack = np.array(list(shares.values()))
    stack = np.vstack([stack, np.maximum(1.0 - stack.sum(axis=0), 0.0)])
    return np.unique(np.argmax(stack, axis=0), return_inverse=True)[1].astype(np.int64)


def _weights(weight: Array, cells: int) -> Array:
    w = np.asarray(weight, dtype=np.float64).ravel()
    if w.size != cells or not np.isfinite(w).all() or (w < 0.0).any():
        raise InputError("the weights of a basis do not fit the grid, or are negative or missing",
                         found=f"{w.size} values", need=f"{cells}")  # fmt: skip
    return w
