"""Area totals less the points that stand for part of them: nothing is counted twice, and what was taken is listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ghg.core.config import Model
from ghg.core.errors import InputError
from inventories.dataset import annual_mass, species_of
from inventories.species import variable_name
from inventories.uncertainty.approach1 import covariance
from inventories.uncertainty.budget import of_dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SwapSection", "swap"]

Array = npt.NDArray[np.float64]


class SwapSection(Model):
    """Which area totals the points are part of.

    Parameters
    ----------
    by : {"sector", "category"}
        Points and totals of one region belong together by GNFR sector, or by class.
    of : list of str
        Sectors or classes; all that have both where left out.
    excess : {"refuse", "zero"}
        Points above their total are an error, or leave a total of nothing and are listed.
    """

    by: Literal["sector", "category"] = "sector"
    of: list[str] = Field(default_factory=list)
    excess: Literal["refuse", "zero"] = "refuse"


def is_area(ds: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Tell rows that are totals of a region; rows of a table of points whose position is not known are none."""
    kind = ds["kind"].values.astype(str)
    if "table" not in ds.coords:
        return kind == "area"
    table = ds["table"].values.astype(str)
    return (kind == "area") & ~np.isin(table, np.unique(table[kind == "point"]))


def swap(ds: xr.Dataset, section: SwapSection) -> tuple[xr.Dataset, list[dict[str, Any]]]:
    """Reduce area totals by the points of their region and class, species by species.

    Parameters
    ----------
    ds : Dataset
        Annual emissions with their budget.
    section : SwapSection
        What belongs together.

    Returns
    -------
    Dataset
        The same rows; totals are what is left. The absolute uncertainty of a total stays and that of the points is
        added by squares, so the relative one of what is left grows.
    list of dict
        ``region``, ``class``, ``species``, ``total``, ``points``, ``left`` and ``excess`` in kg.

    Raises
    ------
    InputError
        A class is named that has not both, or points exceed their total where that is refused.
    """
    budget = of_dataset(ds)
    area, point = is_area(ds), ds["kind"].values.astype(str) == "point"
    label = ds[section.by].values.astype(str)
    if missing := [c for c in section.of if not ((label == c) & area).any() or not ((label == c) & point).any()]:
        raise InputError("a class that is to be swapped has not both points and area totals", where="key 'swap.of'",
                         found=", ".join(missing))  # fmt: skip
    region = ds["region"].values.astype(str)
    out, rows, own = ds.copy(), [], np.array(budget.u_own)
    for key in sorted({*zip(region[area].tolist(), label[area].tolist(), strict=True)}):
        same = (region == key[0]) & (label == key[1])
        if (section.of and key[1] not in section.of) or not (same & point).any():
            continue
        totals, places = np.flatnonzero(same & area), np.flatnonzero(same & point)
        spread = np.sqrt(np.diag(covariance(budget.select(places))[0, :, 0, :]))
        for k, name in enumerate(budget.species):
            mass = np.nan_to_num(annual_mass(ds, name))
            total, points = float(mass[totals].sum()), float(mass[places].sum())
            if not (total > 0.0 and points > 0.0):
                continue
            excess = max(points - total, 0.0)
            if excess > 1e-9 * total and section.excess == "refuse":
                raise InputError("points exceed the area total they are to be taken from",
                                 where=f"{key[0]} {key[1]}, {name}", found=f"{points:.6g} kg of points",
                                 need=f"at most {total:.6g} kg",
                                 hint="correct one of the two, or set swap.excess = 'zero'")  # fmt: skip
            left = max(1.0 - points / total, 0.0)
            rows.append({"region": key[0], "class": key[1], "species": name, "total": total, "points": points,
                         "left": total * left, "excess": excess})  # fmt: skip
            variable = out[variable_name(name)]
            values = variable.values.copy()
            values[totals] *= left
            out[variable_name(name)] = (variable.dims, values, variable.attrs)
            own[k, totals] = _own(budget, k, totals, float(spread[k]) / total, left)
    out["budget_u_own"] = (ds["budget_u_own"].dims, own, ds["budget_u_own"].attrs)
    out.attrs["swapped"] = "; ".join(sorted({f"{r['region']} {r['class']}" for r in rows}))
    assert species_of(out) == species_of(ds)
    return out, rows


def _own(budget: Any, k: int, rows: Any, points: float, left: float) -> Array:
    """Return the own relative uncertainty of what is left, so that with the shared ones the absolute is kept."""
    shared = np.where(budget.follows[k, rows], budget.u_activity[rows], 0.0) ** 2
    for slot in budget.shared[:, k][:, rows]:
        if budget.u.size:
            shared = shared + np.where(slot >= 0, budget.u[slot], 0.0) ** 2
    whole = shared + budget.u_own[k, rows] ** 2 + points**2
    return np.sqrt(np.maximum(whole / left**2 - shared, 0.0)) if left > 0.0 else budget.u_own[k, rows]
