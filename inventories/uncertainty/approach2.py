"""Approach 2: Monte Carlo with shared activities and factors, as sums by group and species."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from inventories.uncertainty._kernels import add_draws, add_own
from inventories.uncertainty.budget import LOGNORMAL_FROM, Array, Budget, classes

__all__ = ["ensemble", "multipliers"]

CHUNK = 2048  # rows whose activities are drawn together: 16 MB for 1000 draws


def multipliers(rng: np.random.Generator, u: npt.ArrayLike, draws: int) -> Array:
    """Return draws of factors of mean 1 and relative standard uncertainty `u`, shape (len(u), draws).

    Normal up to 30 %, log-normal of the same mean and standard deviation above (2006 IPCC Guidelines vol 1 ch 3).
    """
    width = np.asarray(u, np.float64)
    z = rng.standard_normal((width.size, draws))
    narrow = width <= LOGNORMAL_FROM
    if narrow.all():
        z *= width[:, None]
        z += 1.0
        return z
    sigma = np.sqrt(np.log1p(width**2))
    wide = ~narrow
    z[narrow] = 1.0 + z[narrow] * width[narrow, None]
    z[wide] = np.exp(z[wide] * sigma[wide, None] - 0.5 * sigma[wide, None] ** 2)
    return z


def ensemble(budget: Budget, group: npt.NDArray[np.int64] | None = None, *, draws: int = 1000, seed: int = 1) -> Array:
    """Return the drawn sums of the masses by group and species.

    Parameters
    ----------
    budget : Budget
        What the masses depend on.
    group : int64 (source,), optional
        Number of the sum each row belongs to; all in one where not given.
    draws : int
        Number of draws.
    seed : int
        Of the generator.

    Returns
    -------
    float64 (group, species, draw)
        Masses of the year [kg].
    """
    species, rows = budget.mass.shape
    number = np.zeros(rows, np.int64) if group is None else np.asarray(group, np.int64)
    rng = np.random.default_rng(seed)
    out = np.zeros((int(number.max(initial=0)) + 1, species, draws))
    factor = multipliers(rng, budget.u, draws) if budget.u.size else np.ones((1, draws))
    label = classes(budget, number)
    order = np.argsort(label, kind="stable")
    known = budget.known
    for start in range(0, rows, CHUNK):
        part = order[start : start + CHUNK]
        _add(budget, known, part, label[part], number[part], factor, rng, out)
    return out


def _add(budget: Budget, known: Array, part: Any, label: Any, number: Any, factor: Array, rng: Any, out: Array) -> None:
    draws = out.shape[2]
    activity = multipliers(rng, budget.u_activity[part], draws)
    edges = np.flatnonzero(np.concatenate([[True], label[1:] != label[:-1], [True]])).astype(np.int64)
    mass, follows = known[:, part], budget.follows[:, part]
    own = budget.u_own[:, part]
    first = edges[:-1]
    shared = np.ascontiguousarray(budget.shared[:, :, part[first]].transpose(2, 0, 1))
    plain = own == 0.0
    add_draws(np.where(plain & follows, mass, 0.0), np.where(plain & ~follows, mass, 0.0), activity, edges,
              number[first], shared, factor, out)  # fmt: skip
    for k in range(mass.shape[0]):
        rows = np.flatnonzero(~plain[k] & (mass[k] > 0))  # masses with a factor of their own
        if rows.size:
            drawn = multipliers(rng, own[k, rows], draws)
            shared_of = np.ascontiguousarray(budget.shared[:, k, part[rows]])
            add_own(mass[k, rows], follows[k, rows], drawn, activity[rows], number[rows], shared_of, factor, out[:, k])
