"""Approach 1: first-order propagation with all correlations through shared quantities, ranking of contributions, trend.

References
----------
2006 IPCC Guidelines vol 1 ch 3: eq 3.1 (product), eq 3.2 (sum), table 3.2 and its notes (trend, sensitivities A and B),
3.2.3.1; vol 1 ch 4 (key categories, Approach 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inventories.uncertainty.budget import Array, Budget

__all__ = ["Contribution", "Trend", "contributions", "covariance", "ipcc_table_3_2", "ratio_u", "trend"]


def covariance(budget: Budget, group: npt.NDArray[np.int64] | None = None) -> Array:
    """Return the covariance of the sums by group and species.

    Parameters
    ----------
    budget : Budget
        What the masses depend on.
    group : int64 (source,), optional
        Number of the sum each row belongs to; all in one where not given.

    Returns
    -------
    float64 (group, species, group, species)
        Covariance [kg2].
    """
    species, rows = budget.mass.shape
    number = np.zeros(rows, np.int64) if group is None else np.asarray(group, np.int64)
    groups = int(number.max(initial=0)) + 1
    mass = budget.known
    out = np.zeros((groups, species, groups, species))
    active = np.where(budget.follows, mass, 0.0) * budget.u_activity
    own = (mass * budget.u_own) ** 2
    for g in range(groups):
        rows_of = number == g
        out[g, :, g, :] += active[:, rows_of] @ active[:, rows_of].T
        out[g, :, g, :] += np.diag(own[:, rows_of].sum(axis=1))
    depends = sensitivities(budget, number, groups) * budget.u
    flat = depends.reshape(groups * species, -1)
    out += (flat @ flat.T).reshape(groups, species, groups, species)
    return out


def sensitivities(budget: Budget, number: npt.NDArray[np.int64], groups: int) -> Array:
    """Return the mass [kg] of each sum that depends on each shared component, (group, species, component)."""
    species, _ = budget.mass.shape
    size = len(budget.component)
    out = np.zeros(groups * species * size)
    mass = budget.known
    base = (number[None, :] * species + np.arange(species)[:, None]) * size
    for slot in budget.shared:
        used = slot >= 0
        out += np.bincount((base + slot)[used], weights=mass[used], minlength=out.size)
    return out.reshape(groups, species, size)


def ratio_u(mass: Array, cov: Array, top: int, bottom: int) -> float:
    """Return the relative standard uncertainty of the ratio of two sums: what they share cancels.

    Parameters
    ----------
    mass : float64 (n,)
        The sums.
    cov : float64 (n, n)
        Their covariance.
    top, bottom : int
        Which is divided by which.
    """
    if not (mass[top] > 0 and mass[bottom] > 0):
        return float("nan")
    square = (cov[top, top] / mass[top] ** 2 + cov[bottom, bottom] / mass[bottom] ** 2
              - 2.0 * cov[top, bottom] / (mass[top] * mass[bottom]))  # fmt: skip
    return float(np.sqrt(max(square, 0.0)))


@dataclass(frozen=True)
class Contribution:
    """Share of one quantity in the variance of a total.

    Parameters
    ----------
    name : str
        Shared component; "own activities" and "own factors" are those of single rows, together.
    u : float
        Standard uncertainty it causes [kg].
    share : float
        Share of the variance.
    """

    name: str
    u: float
    share: float


def contributions(budget: Budget, species: str) -> list[Contribution]:
    """Return what causes the uncertainty of the total of a species, largest first.

    Raises
    ------
    InputError
        The budget does not hold the species.
    """
    if species not in budget.species:
        raise InputError("the budget does not hold the species", found=species, need=", ".join(budget.species))
    k = budget.species.index(species)
    number = np.zeros(budget.mass.shape[1], np.int64)
    depends = sensitivities(budget, number, 1)[0, k] * budget.u
    mass = budget.known[k]
    found = {name: float(u) for name, u in zip(budget.component, depends, strict=True) if u > 0}
    found["own activities"] = float(np.linalg.norm(np.where(budget.follows[k], mass, 0.0) * budget.u_activity))
    found["own factors"] = float(np.linalg.norm(mass * budget.u_own[k]))
    total = sum(u**2 for u in found.values())
    ranked = [Contribution(name, u, u**2 / total if total else 0.0) for name, u in found.items() if u > 0]
    return sorted(ranked, key=lambda one: -one.u)


@dataclass(frozen=True)
class Trend:
    """Change between two years.

    Parameters
    ----------
    base, last : float
        Totals [kg].
    change : float
        Relative change.
    u : float
        Standard uncertainty of the relative change.
    """

    base: float
    last: float
    change: float
    u: float


def trend(base: Budget, last: Budget, species: str) -> Trend:
    """Return the change of a total from one year to another.

    Shared components of the same name are the same quantity in both years (correlated: they nearly cancel, sensitivity
    A of table 3.2); own activities and own factors are independent between the years (sensitivity B).
    """
    sums, alone, shared = [], [], []
    for one in (base, last):
        k = one.species.index(species)
        number = np.zeros(one.mass.shape[1], np.int64)
        mass = one.known[k]
        sums.append(float(mass.sum()))
        alone.append(float(((np.where(one.follows[k], mass, 0.0) * one.u_activity) ** 2).sum()
                           + ((mass * one.u_own[k]) ** 2).sum()))  # fmt: skip
        depends = sensitivities(one, number, 1)[0, k] * one.u
        shared.append(dict(zip(one.component, depends, strict=True)))
    if sums[0] <= 0:
        raise InputError("the base year has no emission", found=species, need="more than 0 kg")
    ratio = sums[1] / sums[0]
    square = (alone[1] + ratio**2 * alone[0]) / sums[0] ** 2
    for name in {*shared[0], *shared[1]}:
        square += ((shared[1].get(name, 0.0) - ratio * shared[0].get(name, 0.0)) / sums[0]) ** 2
    return Trend(sums[0], sums[1], ratio - 1.0, float(np.sqrt(square)))


def ipcc_table_3_2(
    base: npt.ArrayLike, last: npt.ArrayLike, u_activity: npt.ArrayLike, u_factor: npt.ArrayLike
) -> dict[str, Array | float]:
    """Return the columns of the Approach 1 sheet of the guidelines (95 % half-widths in percent in and out).

    Parameters
    ----------
    base, last : array (n,)
        Emissions of the categories in the base year and in the last year, one unit.
    u_activity, u_factor : array (n,)
        Half-widths of the 95 % interval [percent], columns E and F.

    Returns
    -------
    dict
        ``combined`` (G), ``contribution`` (H), ``type_a`` (I), ``type_b`` (J), ``trend_factor`` (K),
        ``trend_activity`` (L), ``trend`` (M), and the totals ``total_u`` and ``trend_u`` [percent].

    References
    ----------
    2006 IPCC Guidelines vol 1 ch 3, table 3.2 and its notes: column G = sqrt(E^2 + F^2); H = (G D / sum D)^2;
    I: sensitivity type A; J = |D / sum C|; K = I F (correlated between years); L = J E sqrt(2) (independent).
    """
    c, d, e, f = (np.asarray(x, np.float64) for x in (base, last, u_activity, u_factor))
    if c.sum() <= 0 or d.sum() <= 0:
        raise InputError("a year has no emission", need="a positive sum in both years")
    combined = np.hypot(e, f)
    contribution = (combined * d / d.sum()) ** 2
    # type A: change of the trend [percentage points] for 1 % more in both years, note B to the table
    trend_now = (d.sum() - c.sum()) / c.sum()
    type_a = np.abs((0.01 * d + d.sum() - (0.01 * c + c.sum())) / (0.01 * c + c.sum()) - trend_now) * 100.0
    type_b = np.abs(d / c.sum())
    trend_factor, trend_activity = type_a * f, type_b * e * np.sqrt(2.0)
    m = trend_factor**2 + trend_activity**2
    return {"combined": combined, "contribution": contribution, "type_a": type_a, "type_b": type_b,
            "trend_factor": trend_factor, "trend_activity": trend_activity, "trend": m,
            "total_u": float(np.sqrt(contribution.sum())), "trend_u": float(np.sqrt(m.sum()))}  # fmt: skip
