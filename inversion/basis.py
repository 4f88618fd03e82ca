"""Fewer unknowns: cells merged into groups, with the aggregation error that belongs to them.

The full grid is the default everywhere. Where a basis is wanted, the unknowns become the means of groups z = G dx, G
averaging by area. With the optimal prolongation W = Q G' (G Q G')^-1 the rest dx - W z is independent of z, so that

    y = H x_a + (H W) z + e_a + e,   e_a ~ N(0, H Q H' - H W (G Q G') W' H'),   z ~ N(0, G Q G'),

and the posterior of z is exactly that of the group means on the full grid. Leaving e_a out is what makes bases biased.

References
----------
Bocquet, Wu & Chevallier (2011), Q. J. R. Meteorol. Soc. 137, 1340-1356 (optimal prolongation and aggregation error).
Turner & Jacob (2015), Atmos. Chem. Phys. 15, 7039-7048.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.covariance import DenseCovariance
from inversion.grid import Grid
from inversion.problem import Problem
from inversion.sensitivity import Array, Dense

__all__ = ["aggregate", "quadtree", "regional", "weighted"]

Labels = npt.NDArray[np.int64]
MOST = 5000  # unknowns of a basis, and observations: matrices of both sizes are held


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


def aggregate(problem: Problem, name: str, labels: Labels, *, error: bool = True) -> Problem:
    """Return the problem with the cells of one block merged into groups.

    Parameters
    ----------
    problem : Problem
        At most 5,000 observations.
    name : str
        A flux block with a grid and without covariates.
    labels : array of int, shape (r,)
        Group of each cell, from 0 without gaps.
    error : bool
        Add the aggregation error to the observation error. Without it the posterior is too sure and biased.

    Returns
    -------
    Problem
        The block has one element for each group: the mean flux of its area. Totals of unions of groups have exactly the
        posterior of the full grid; those of other regions are not defined by a basis.
    """
    block, grid = problem.block(name), problem.block(name).grid
    groups = np.asarray(labels, dtype=np.int64)
    count = int(groups.max()) + 1
    if grid is None or block.covariates or groups.shape != (block.elements,) or np.unique(groups).size != count:
        raise InputError("a basis needs a group for each cell of a flux block without covariates",
                         where=f"block '{name}'", found=f"{groups.size} labels", need=str(block.elements))  # fmt: skip
    p, size = block.periods, block.periods * count
    if size > MOST or problem.n > MOST:
        found = f"{size} unknowns, {problem.n} observations"
        raise InputError("a basis of this size is not smaller work than the full grid", found=found,
                         need=f"at most {MOST} of each")  # fmt: skip
    area: Array = np.asarray(np.bincount(groups, grid.area), dtype=np.float64)
    share = np.zeros((count, block.elements))
    share[groups, np.arange(block.elements)] = grid.area / area[groups]
    rows = np.einsum("kr,pt->rptk", share, np.eye(p)).reshape(block.elements, p, size)  # G', column of (period, group)
    spread = block.covariance.apply(np.ascontiguousarray(rows))
    q = rows.reshape(-1, size).T @ spread.reshape(-1, size)
    seen = block.sensitivity.forward(np.ascontiguousarray(spread))
    covariance = DenseCovariance((q + q.T) / 2.0, (p, count))
    h = np.linalg.solve(covariance.matrix, seen.T).T.reshape(problem.n, p, count)
    added = problem.error
    if error:
        from inversion.reml import gram

        rest = gram(block.sensitivity, block.covariance) - seen @ np.linalg.solve(covariance.matrix, seen.T)
        rest = (rest + rest.T) / 2.0
        added = replace(added, matrix=rest if added.matrix is None else added.matrix + rest, _blocks=[])
    latitude, longitude = (np.bincount(groups, v * grid.area) / area for v in (grid.latitude, grid.longitude))
    merged = Grid(latitude, longitude, area)
    prior = block.prior @ share.T
    # what the prior map predicts beyond its group means is known: it belongs to the background
    known = block.sensitivity.forward(block.prior_column)[:, 0] - np.einsum("npk,pk->n", h, prior)
    assert problem.background is not None
    small = replace(block, sensitivity=Dense(np.ascontiguousarray(h.transpose(1, 0, 2))), prior=prior,
                    covariance=covariance, grid=merged)  # fmt: skip
    blocks = tuple(small if b.name == name else b for b in problem.blocks)
    return replace(problem, blocks=blocks, error=added, background=problem.background + known)
