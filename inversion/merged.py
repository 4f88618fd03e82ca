"""A block merged into groups that keeps what it merged: totals and maps of the full grid stay exact.

With z = G dx the group means, G averaging by area, C = G Q G' and the optimal prolongation W = Q G' C^-1, the rest
rho = dx - W z is independent of z. It reaches the observations as e_a = H rho ~ N(0, E_a), and E_a = L L' makes it a
block of its own, e_a = L u with u ~ N(0, I). Then, for a row a of the full grid,

    a dx = (a W) z + (L+ H cov(rho) a')' u + what neither z nor the observations see,

whose last part is independent of both, with variance a cov(rho) a' less what u explains. So neither the shape of groups
nor the size of a region costs anything: with normal priors totals are those of the full grid.

References
----------
Bocquet, Wu & Chevallier (2011), Q. J. R. Meteorol. Soc. 137, 1340-1356.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ghg.core.errors import InputError
from inversion.basis import Labels
from inversion.covariance import Covariance, DenseCovariance
from inversion.grid import Grid
from inversion.problem import Block, Problem
from inversion.sensitivity import Array, Dense
from inversion.space import Independent
from inversion.time import Markov

__all__ = ["Merged", "full_block", "merge"]

MOST = 5000  # unknowns of a basis, and observations: matrices of both sizes are held
_BYTES = 256e6  # of vectors of the full grid held at a time
_SMALL = 1e-6  # of the least error variance: parts of the aggregation error below it are left out


@dataclass(frozen=True)
class Merged:
    """How a merged block belongs to its full grid.

    Parameters
    ----------
    full : Block
        On the full grid, with all observations.
    labels : array of int (r,)
        Group of each cell; -1 for cells that have no uncertainty and belong to none.
    share : array (groups, r)
        Weights of the group means.
    matrix : array (p groups, p groups)
        C, order of period, then group.
    seen : array (n, p groups)
        H Q G'.
    left : array (k, n)
        L+.
    error : array (n,)
        Standard deviation of the aggregation error of each observation [mol mol-1].
    rest : str
        Name of the block of what is within groups; empty where the observations do not see it.
    """

    full: Block
    labels: Labels
    share: Array
    matrix: Array
    seen: Array
    left: Array
    error: Array
    rest: str

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.share)

    def means(self, x: Array) -> Array:
        """Return G x, (p groups, k), for x (r, p, k)."""
        return np.einsum("gr,rpk->pgk", self.share, x).reshape(-1, x.shape[2])

    def spread(self, z: Array) -> Array:
        """Return W z, (r, p, k), for z (p groups, k)."""
        solved = np.linalg.solve(self.matrix, z).reshape(self.full.periods, self.groups, -1)
        return self.full.covariance.apply(np.ascontiguousarray(np.einsum("gr,pgk->rpk", self.share, solved)))

    def rows(self, columns: Array) -> tuple[Array, Array, Array]:
        """Return what rows a of the full grid, as vectors (r, p, K), are of z and u, and the covariance of the rest.

        Returns
        -------
        (p groups, K), (k, K), (K, K)
        """
        moved = self.full.covariance.apply(columns)  # Q a'
        own = self.means(moved)
        down: Array = np.asarray(np.linalg.solve(self.matrix, own), dtype=np.float64)
        k = columns.shape[2]
        within = columns.reshape(-1, k).T @ moved.reshape(-1, k) - own.T @ down
        known = self.left @ (self.full.sensitivity.forward(moved) - self.seen @ down)
        hidden = within - known.T @ known
        return down, known, (hidden + hidden.T) / 2.0

    def map_of(self, z: Array, u: Array | None) -> Array:
        """Return the expected map (r, p, k) of draws z (p groups, k) of the block and u (k', k) of its rest."""
        x = self.full.prior_column + self.spread(z - self.means(self.full.prior_column))
        return x if u is None else x + self._within(self.left.T @ u)

    def draw_maps(self, z: Array, u: Array | None, rng: np.random.Generator) -> Array:
        """Return random maps (r, p, k) that belong to draws of the block and its rest, one for each."""
        free = self.full.covariance.sample(rng, z.shape[1])
        free = free - self.spread(self.means(free))
        x = self.map_of(z, u) + free
        return x - self._within(self.left.T @ (self.left @ self.full.sensitivity.forward(free)))

    def _within(self, w: Array) -> Array:
        """Return cov(rho) H' w, (r, p, k)."""
        moved = self.full.covariance.apply(self.full.sensitivity.adjoint(w))
        return moved - self.spread(self.seen.T @ w)


def full_block(block: Block) -> Block:
    """Return a block on its full grid."""
    return block if block.basis is None else block.basis.full


def merge(problem: Problem, name: str, labels: Labels) -> Problem:
    """Return the problem with the cells of a block merged, and what is within groups as a block of its own.

    Parameters
    ----------
    problem : Problem
        At most 5,000 observations.
    name : str
        A flux block with a grid and without covariates.
    labels : array of int (r,)
        Group of each cell, as of :func:`inversion.basis.quadtree`.

    Raises
    ------
    InputError
        The block cannot be merged, or groups or observations are too many.
    """
    block, grid = problem.block(name), problem.block(name).grid
    labels = np.array(labels, dtype=np.int64)
    if grid is None or block.covariates or labels.shape != (block.elements,) or block.basis is not None:
        raise InputError("a basis needs a group for each cell of a flux block without covariates",
                         where=f"block '{name}'", found=f"{labels.size} labels", need=str(block.elements))  # fmt: skip
    labels[~block.covariance.sigma.any(axis=0)] = -1
    there, labels[labels >= 0] = np.unique(labels[labels >= 0], return_inverse=True)
    size = block.periods * there.size
    if size > MOST or problem.n > MOST:
        raise InputError("a basis of this size is not smaller work than the full grid", where=f"block '{name}'",
                         found=f"{size} unknowns, {problem.n} observations", need=f"at most {MOST} of each",
                         hint="fewer groups, longer periods, or no basis")  # fmt: skip
    one = _merged(problem, block, grid, labels, there.size)
    area = np.bincount(labels[labels >= 0], grid.area[labels >= 0])
    where = (one.share @ grid.latitude, one.share @ grid.longitude)
    prior = one.means(block.prior_column)[:, 0].reshape(block.periods, -1)
    h = np.linalg.solve(one.matrix, one.seen.T).T.reshape(problem.n, block.periods, -1)
    # what the prior map predicts beyond its group means is known: it belongs to the background
    known = block.sensitivity.forward(block.prior_column)[:, 0] - np.einsum("npk,pk->n", h, prior)
    covariance = DenseCovariance(one.matrix, (block.periods, there.size))
    small = replace(block, sensitivity=Dense(np.ascontiguousarray(h.transpose(1, 0, 2))), prior=prior,
                    covariance=covariance, grid=Grid(*where, np.asarray(area, np.float64)), basis=one)  # fmt: skip
    blocks = [small if b.name == name else b for b in problem.blocks]
    if one.rest:
        blocks.append(_rest(one, block))
    assert problem.background is not None
    return replace(problem, blocks=tuple(blocks), background=problem.background + known)


def _merged(problem: Problem, block: Block, grid: Grid, labels: Labels, count: int) -> Merged:
    from inversion.reml import gram

    inside = np.flatnonzero(labels >= 0)
    area = np.bincount(labels[inside], grid.area[inside], minlength=count)
    share = np.zeros((count, block.elements))
    share[labels[inside], inside] = grid.area[inside] / area[labels[inside]]
    p = block.periods
    matrix, seen = np.empty((p * count, p * count)), np.empty((problem.n, p * count))
    step = max(1, int(_BYTES / (8.0 * block.size)))
    for first in range(0, p * count, step):
        part = np.arange(first, min(first + step, p * count))
        columns = np.zeros((block.elements, p, part.size))
        columns[:, part // count, np.arange(part.size)] = share[part % count].T
        moved = block.covariance.apply(columns)
        matrix[:, part] = np.einsum("gr,rpk->pgk", share, moved).reshape(p * count, -1)
        seen[:, part] = block.sensitivity.forward(moved)
    matrix = (matrix + matrix.T) / 2.0
    error = gram(block.sensitivity, block.covariance) - seen @ np.linalg.solve(matrix, seen.T)
    values, vectors = np.linalg.eigh((error + error.T) / 2.0)
    kept = values > max(_SMALL * float(problem.error.variance().min()), 1e-12 * float(values[-1]))
    left = vectors[:, kept].T / np.sqrt(values[kept])[:, None]
    rest = f"{block.name}, within groups" if kept.any() else ""
    deviation = np.sqrt(np.maximum(np.diag(error), 0.0))
    return Merged(block, labels, share, matrix, seen, left, deviation, rest)


def _rest(one: Merged, block: Block) -> Block:
    k = len(one.left)
    spread = one.left * (1.0 / np.sum(one.left**2, axis=1))[:, None]  # L' from L+: the same vectors, inverse lengths
    covariance = Covariance(np.ones((1, k)), Markov([0.0], 0.0), Independent(k))
    bounds = np.array([[block.time_bounds[0, 0], block.time_bounds[-1, 1]]])
    return Block(one.rest, Dense(np.ascontiguousarray(spread.T[None])), np.zeros((1, k)), covariance, bounds,
                 kind="rest", units="1")  # fmt: skip
