"""Kernels of the Monte Carlo propagation: plain float64 arrays; NaN in, NaN out (callers pass 0 for not estimated)."""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel

BLOCK = 128  # draws side by side: fifteen species of them stay in the first cache


@kernel
def add_class(active, fixed, start, stop, activity, first, last, work):
    """Fill ``work[k, d] = sum over rows of active[k, s] activity[s, d] + fixed[k, s]`` for one class and block."""
    species = active.shape[0]
    width = last - first
    for k in range(species):
        for d in range(width):
            work[k, d] = 0.0
    for s in range(start, stop):
        row = activity[s]
        for k in range(species):
            a, f = active[k, s], fixed[k, s]
            for d in range(width):
                work[k, d] += a * row[first + d] + f


@kernel
def add_draws(active, fixed, activity, bounds, group, shared, factor, out):
    """Add the masses of all rows, drawn, to ``out[group, species, draw]``.

    Rows lie sorted by class: class c holds rows ``bounds[c]`` to ``bounds[c + 1]``, belongs to ``group[c]`` and shares
    the components ``shared[c, slot, species]`` (-1 for none), whose multipliers are ``factor[component, draw]``.
    ``activity[s, draw]`` are the multipliers of the activities. Rows are added in their order, on one thread.
    """
    species = active.shape[0]
    draws = activity.shape[1]
    blocks = (draws + BLOCK - 1) // BLOCK
    slots = shared.shape[1]
    for b in range(blocks):
        first = b * BLOCK
        last = min(first + BLOCK, draws)
        work = np.empty((species, BLOCK))
        for c in range(group.size):
            add_class(active, fixed, bounds[c], bounds[c + 1], activity, first, last, work)
            for k in range(species):
                for j in range(slots):
                    component = shared[c, j, k]
                    if component >= 0:
                        for d in range(last - first):
                            work[k, d] *= factor[component, first + d]
                for d in range(last - first):
                    out[group[c], k, first + d] += work[k, d]


@kernel
def add_own(mass, follows, own, activity, group, shared, factor, out):
    """Add masses with a factor of their own to ``out[group, draw]``, for one species.

    ``own[i, draw]`` and ``activity[i, draw]`` are the multipliers of row i, ``shared[slot, i]`` its shared components
    (-1 for none).
    """
    rows, draws = own.shape
    blocks = (draws + BLOCK - 1) // BLOCK
    for b in range(blocks):
        first = b * BLOCK
        width = min(first + BLOCK, draws) - first
        work = np.empty(BLOCK)
        for i in range(rows):
            for d in range(width):
                work[d] = mass[i] * own[i, first + d]
            if follows[i]:
                for d in range(width):
                    work[d] *= activity[i, first + d]
            for j in range(shared.shape[0]):
                component = shared[j, i]
                if component >= 0:
                    for d in range(width):
                        work[d] *= factor[component, first + d]
            for d in range(width):
                out[group[i], first + d] += work[d]
