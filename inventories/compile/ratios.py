"""Co-emission ratios: mass of a pollutant per mass of CO2 by class, with what both share cancelled.

The ratio of two species of the same rows does not depend on their common activity; its uncertainty is that of the two
factors alone. Classes whose ratio leaves the range that their fuels can give are findings of :mod:`.checks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from inventories.dataset import GNFR
from inventories.uncertainty.approach1 import covariance, ratio_u
from inventories.uncertainty.budget import groups_of, of_dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Ratio", "ratios"]


@dataclass(frozen=True)
class Ratio:
    """One ratio.

    Parameters
    ----------
    group : str
        Class or region.
    species, to : str
        What is divided by what.
    value : float
        kg per kg.
    u : float
        Standard uncertainty, what both share cancelled.
    u_apart : float
        Standard uncertainty if the two were taken as independent.
    """

    group: str
    species: str
    to: str
    value: float
    u: float
    u_apart: float


def ratios(ds: xr.Dataset, by: str = "sector", to: str = "CO2") -> list[Ratio]:
    """Return all ratios to a species by group of rows, memo items left out.

    Only classes of a region that emit the dividing species count: the NOx of a glass furnace is not divided by the CO2
    of a boiler.

    Parameters
    ----------
    ds : Dataset
        Annual emissions with their budget.
    by : str
        Coordinate of the rows: sector, region, fuel, category.
    to : str
        Species that divides.
    """
    budget = of_dataset(ds)
    if to not in budget.species:
        return []
    _, place = groups_of(
        np.char.add(ds["region"].values.astype(str), np.char.add("|", ds["category"].values.astype(str)))
    )
    emits = np.bincount(place, weights=budget.known[budget.species.index(to)])[place] > 0
    rows = np.flatnonzero(~np.asarray(ds["memo"].values, bool) & emits)
    part = budget.select(rows)
    names, number = groups_of(ds[by].values[rows])
    species = len(part.species)
    cov = covariance(part, number).reshape(len(names) * species, len(names) * species)
    mass: Any = np.zeros((len(names), species))
    for k in range(species):
        mass[:, k] = np.bincount(number, weights=part.known[k], minlength=len(names))
    flat, bottom = mass.ravel(), part.species.index(to)
    found = []
    for g, name in enumerate(names):
        base = g * species + bottom
        for k, one in enumerate(part.species):
            top = g * species + k
            if k == bottom or not (flat[top] > 0 and flat[base] > 0):
                continue
            value = float(flat[top] / flat[base])
            apart = np.sqrt(cov[top, top] / flat[top] ** 2 + cov[base, base] / flat[base] ** 2)
            found.append(Ratio(name, one, to, value, value * ratio_u(flat, cov, top, base), float(value * apart)))
    return found


def group_name(by: str, group: str) -> str:
    """Return a group with its words: ``A_PublicPower`` for a GNFR letter."""
    return f"{group}_{GNFR[group]}" if by == "sector" and group in GNFR else group
