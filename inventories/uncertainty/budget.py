"""The budget of an inventory: which uncertain quantities each mass is a product of, and which masses share them.

mass[k, s] = nominal x (1 + activity of s) x (1 + own of k, s) x product over slots of (1 + shared component), all of
mean 1. Two pollutants of one row share its activity; two rows of one fuel share its factor; so the covariance of any
two sums follows to first order from the quantities they have in common, and never has to be stored:

cov(a, b) = sum over quantities c of u_c^2 x (mass of a that depends on c) x (mass of b that depends on c).

References
----------
2006 IPCC Guidelines vol 1 ch 3 eq 3.1 and 3.2, 3.2.3.1 (Approach 1), 3.2.3.2 (Approach 2); JCGM 100:2008 5.2.2 and
F.1.2.3 (correlation through common input quantities).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inventories.dataset import annual_mass, species_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Budget", "attach", "of_dataset"]

Array = npt.NDArray[np.float64]
# Above this relative standard uncertainty a factor is taken as log-normal, so that no draw is negative (2006 IPCC
# Guidelines vol 1 ch 3, 3.2.2.4: log-normal for non-negative quantities of large uncertainty)
LOGNORMAL_FROM = 0.3


@dataclass(frozen=True)
class Budget:
    """What the masses of an inventory depend on.

    Parameters
    ----------
    species : tuple of str
        Names, in the order of the first axis.
    mass : float64 (species, source)
        Mass of the year [kg]; NaN is not estimated and counts as nothing.
    follows : bool (species, source)
        Whether the mass is a product with the activity of its row (a carried mass is not).
    u_activity : float64 (source,)
        Relative standard uncertainty of each row's own activity.
    u_own : float64 (species, source)
        Relative standard uncertainty of each mass on its own.
    shared : int32 (slot, species, source)
        Shared components of each mass, -1 for none.
    component : tuple of str
        Names of the shared components.
    u : float64 (component,)
        Their relative standard uncertainties.
    """

    species: tuple[str, ...]
    mass: Array
    follows: npt.NDArray[np.bool_]
    u_activity: Array
    u_own: Array
    shared: npt.NDArray[np.int32]
    component: tuple[str, ...]
    u: Array

    def __post_init__(self) -> None:
        n, m = self.mass.shape
        shapes = {"follows": (n, m), "u_own": (n, m), "u_activity": (m,), "u": (len(self.component),)}
        for name, need in shapes.items():
            if getattr(self, name).shape != need:
                raise InputError(
                    f"{name} does not fit the masses", found=str(getattr(self, name).shape), need=str(need)
                )
        if self.shared.shape[1:] != (n, m) or (self.shared.size and self.shared.max() >= len(self.component)):
            raise InputError("shared does not fit the masses and components", found=str(self.shared.shape))
        for name in ("u_activity", "u_own", "u"):
            if not (getattr(self, name) >= 0).all():
                raise InputError(f"{name} holds a negative or missing uncertainty")

    @property
    def known(self) -> Array:
        """Masses with nothing in place of what is not estimated."""
        return np.nan_to_num(self.mass, nan=0.0)

    def select(self, rows: npt.NDArray[Any]) -> Budget:
        """Return the budget of some rows (mask or indices)."""
        return Budget(self.species, self.mass[:, rows], self.follows[:, rows], self.u_activity[rows],
                      self.u_own[:, rows], self.shared[:, :, rows], self.component, self.u)  # fmt: skip


def attach(ds: xr.Dataset, budget: Budget) -> xr.Dataset:
    """Return the Dataset with its budget in variables ``budget_*``, so that every later sum knows its covariance."""
    words = "relative standard uncertainty (k = 1)"
    names = [s.lower() for s in budget.species]
    result = ds.assign_coords(
        budget_species=("budget_species", list(budget.species), {"long_name": "species of the budget"}),
        budget_component=("budget_component", list(budget.component) or ["none"],
                          {"long_name": "quantity shared by several masses"}),
    )  # fmt: skip
    assert len(names) == len(set(names))
    u = budget.u if budget.component else np.zeros(1)
    wide = ("budget_species", "source")
    result["budget_u"] = ("budget_component", u, {"long_name": f"shared component, {words}", "units": "1"})
    result["budget_u_activity"] = ("source", budget.u_activity, {"long_name": f"own activity, {words}", "units": "1"})
    result["budget_u_own"] = (wide, budget.u_own, {"long_name": f"own factor, {words}", "units": "1"})
    result["budget_follows"] = (
        wide,
        budget.follows,
        {"long_name": "the mass is a product with the activity of its row"},
    )
    result["budget_shared"] = (("budget_slot", *wide), budget.shared,
                               {"long_name": "index of a shared component, -1 for none", "units": "1"})  # fmt: skip
    return result


def of_dataset(ds: xr.Dataset) -> Budget:
    """Return the budget of a Dataset of annual emissions.

    Raises
    ------
    InputError
        It holds none.
    """
    if "budget_shared" not in ds:
        raise InputError("the inventory holds no budget of uncertainty", need="variables budget_*, as ghg inventories "
                         "build writes them")  # fmt: skip
    names = tuple(map(str, ds["budget_species"].values))
    if missing := [n for n in names if n not in species_of(ds)]:
        raise InputError("the budget has species the inventory lacks", found=", ".join(missing))
    mass = np.stack([annual_mass(ds, n) for n in names])
    return Budget(names, mass, np.asarray(ds["budget_follows"].values, bool), ds["budget_u_activity"].values,
                  ds["budget_u_own"].values, np.asarray(ds["budget_shared"].values, np.int32),
                  tuple(map(str, ds["budget_component"].values)), ds["budget_u"].values)  # fmt: skip


def classes(budget: Budget, group: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return a class number by row: rows of one class share group and all shared components."""
    slots, n, m = budget.shared.shape
    keys = np.concatenate([budget.shared.reshape(slots * n, m), group[None, :].astype(np.int32)]).T
    packed = np.ascontiguousarray(keys).view([("", keys.dtype)] * keys.shape[1]).ravel()
    return np.unique(packed, return_inverse=True)[1].ravel()


def groups_of(labels: Sequence[str] | npt.NDArray[Any]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the distinct labels and the number of the label of each row."""
    names, place = np.unique(np.asarray(labels, str), return_inverse=True)
    return names.tolist(), place.ravel().astype(np.int64)
