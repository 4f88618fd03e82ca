"""Maps of a posterior on the full grid, merged blocks too: means, and standard deviations exact or from draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from inversion.merged import Merged
from inversion.posterior import Posterior
from inversion.problem import Block
from inversion.sensitivity import Array

__all__ = ["deviation_map", "drawn_maps", "mean_map", "prior_deviation"]

MOST_DEVIATIONS = 20_000  # elements whose exact posterior deviation is computed one by one
FEW = 500  # observations through which the deviations of any number of elements are computed
SAMPLES = 100
_BYTES = 256e6  # of vectors of the state held at a time


def _column(values: Array) -> Array:
    return values.reshape(values.shape[0] * values.shape[1], -1)


def mean_map(posterior: Posterior, block: Block) -> Array:
    """Return the posterior mean of a block on its full grid, (p, r)."""
    own = posterior.mean(block.name)
    if not isinstance(basis := block.basis, Merged):
        return own
    rest = _column(posterior.mean(basis.rest)) if basis.rest else None
    return basis.map_of(_column(own), rest)[:, :, 0].T


def prior_deviation(block: Block) -> Array:
    """Return the prior standard deviation of a block, (p, r); of a truncated one before it is cut."""
    sigma = block.covariance.sigma
    return block.prior * np.sqrt(np.expm1(sigma**2)) if block.distribution == "lognormal" else sigma


def drawn_maps(posterior: Posterior, block: Block, drawn: list[Array], seed: int = 0) -> Array:
    """Return random maps of a block on its full grid, (p, r, k), from draws (p, r, k) of all blocks."""
    names = [b.name for b in posterior.used.blocks]
    own = drawn[names.index(block.name)]
    if not isinstance(basis := block.basis, Merged):
        return own
    rest = _column(drawn[names.index(basis.rest)]) if basis.rest else None
    return basis.draw_maps(_column(own), rest, np.random.default_rng(seed)).swapaxes(0, 1)


def deviation_map(posterior: Posterior, block: Block) -> tuple[Array, str]:
    """Return the posterior standard deviation of a block on its full grid, (p, r), and how it was found.

    Exact for blocks of at most 20,000 unknowns or with at most 500 observations; else from 100 posterior samples. From
    a sampled posterior it is that of all its draws, or of 100 of them where cells were merged.
    """
    merged, method = isinstance(block.basis, Merged), posterior.factor.method
    if method == "sampled" and not merged:
        return posterior.deviation(block.name), "from the draws"
    if not merged and block.size <= MOST_DEVIATIONS:
        return posterior.deviation(block.name), "exact"
    plain = posterior.used.n <= FEW and not posterior.problem.coefficient_names() and not merged
    inverse = posterior.factor.inverse() if plain else None
    if inverse is not None:
        return _by_observations(posterior, block, inverse), "exact"
    maps = drawn_maps(posterior, block, posterior.samples(SAMPLES))
    return maps.std(axis=2, ddof=1), f"from {SAMPLES} posterior samples: 7 % relative standard error"


def _by_observations(posterior: Posterior, block: Block, inverse: Any) -> Array:
    """Return the exact posterior standard deviation of a block, (p, r), by one column for each observation.

    diag(Q H' S^-1 H Q) is the sum of squares of the columns Q H' c with S^-1 = C C': n columns in place of p r.
    """
    used = posterior.used
    sigma = block.covariance.sigma
    index = [b.name for b in used.blocks].index(block.name)
    removed = np.zeros(sigma.T.shape)
    root = np.linalg.cholesky(inverse)
    step = max(1, int(_BYTES / (8.0 * used.m)))
    for first in range(0, used.n, step):
        columns = np.ascontiguousarray(root[:, first : first + step])
        removed += np.square(used.covariance(used.adjoint(columns))[index]).sum(axis=2)
    return np.sqrt(np.maximum(sigma**2 - removed.T, 0.0))
