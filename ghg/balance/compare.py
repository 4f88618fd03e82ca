"""Inventory against posterior by region: do they agree, and what do both together say.

With a the inventory (covariance C_a) and b the posterior (covariance C_b, full over the regions), both mean rates of
the same regions and period,

    z_i   = (b_i - a_i) / sqrt(C_a,ii + C_b,ii - 2 C_ab,ii),      chi2 = (b - a)' (C_a + C_b - C_ab - C_ab')^-1 (b - a),
    joint = a + W (b - a),  W = (C_a - C_ab) (C_a + C_b - C_ab - C_ab')^-1,   covariance C_a - W (C_a - C_ab)'.

The posterior is no independent result where the inventory was its prior: then the posterior is the joint estimate
already, and the comparison is made with what the observations alone say. C_ab is zero unless it is given.

References
----------
Joint estimate of correlated results: Cox (2002), Metrologia 39, 589-595 (generalised mean); Tarantola (2005), eq. 3.37.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Balance", "compare", "observed_alone"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Balance:
    """Two accounts of the same regions, and the joint estimate.

    Parameters
    ----------
    regions : tuple of str
        Names.
    inventory, inversion, joint : array, shape (k,)
        In one unit, positive to the atmosphere.
    inventory_covariance, inversion_covariance, joint_covariance : array, shape (k, k)
        In the square of the unit.
    z : array, shape (k,)
        Difference (inversion less inventory) in its standard uncertainty.
    chi2, p : float
        Of all differences together, and the probability of a greater one.
    """

    regions: tuple[str, ...]
    inventory: Array
    inversion: Array
    joint: Array
    inventory_covariance: Array
    inversion_covariance: Array
    joint_covariance: Array
    z: Array
    chi2: float
    p: float

    @property
    def weight(self) -> Array:
        """Share of the inversion in each joint value, were the regions independent: 1 - var(joint) / var(inventory)."""
        return 1.0 - np.diag(self.joint_covariance) / np.diag(self.inventory_covariance)

    def table(self) -> list[dict[str, Any]]:
        """Return one row for each region, and the sum of all as the last."""
        ones = np.ones(len(self.regions))
        rows = [self._row(name, np.eye(len(self.regions))[i]) for i, name in enumerate(self.regions)]
        return [*rows, self._row("all regions", ones)] if len(self.regions) > 1 else rows

    def _row(self, name: str, w: Array) -> dict[str, Any]:
        def of(value: Array, covariance: Array) -> tuple[float, float]:
            return float(w @ value), float(np.sqrt(w @ covariance @ w))

        a, ua = of(self.inventory, self.inventory_covariance)
        b, ub = of(self.inversion, self.inversion_covariance)
        c, uc = of(self.joint, self.joint_covariance)
        z = float(self.z[int(np.argmax(w))]) if w.sum() == 1.0 else (b - a) / float(np.hypot(ua, ub))
        return {"region": name, "inventory": a, "inventory_u": ua, "inversion": b, "inversion_u": ub,
                "difference": b - a, "z": z, "verdict": verdict(z), "joint": c, "joint_u": uc}  # fmt: skip


def verdict(z: float) -> str:
    """Return in words what a z-score says (two-sided: 2 is 4.6 %, 3 is 0.27 %)."""
    if abs(z) < 2.0:
        return "agree"
    side = "above" if z > 0.0 else "below"
    return f"inversion {side} inventory" + (" (doubtful)" if abs(z) < 3.0 else "")


def compare(
    regions: Sequence[str],
    inventory: npt.ArrayLike,
    inventory_covariance: npt.ArrayLike,
    inversion: npt.ArrayLike,
    inversion_covariance: npt.ArrayLike,
    cross: npt.ArrayLike | None = None,
) -> Balance:
    """Compare an inventory with the totals of an inversion.

    Parameters
    ----------
    regions : sequence of str
        Names of the k regions.
    inventory, inversion : array, shape (k,)
        Mean rates in one unit, positive to the atmosphere.
    inventory_covariance, inversion_covariance : array, shape (k,) or (k, k)
        Standard uncertainties, or covariance matrices.
    cross : array, shape (k, k), optional
        Covariance of inventory (rows) and inversion (columns), where they share inputs.

    Raises
    ------
    InputError
        Sizes that do not fit, values missing, or covariances that are not positive definite.
    """
    from scipy.special import chdtrc

    names = tuple(regions)
    a, ca = _checked("inventory", names, inventory, inventory_covariance)
    b, cb = _checked("inversion", names, inversion, inversion_covariance)
    shared = np.zeros_like(ca) if cross is None else np.array(cross, dtype=np.float64)
    if shared.shape != ca.shape:
        raise InputError("the shared covariance does not fit the regions", found=str(shared.shape), need=str(ca.shape))
    total = ca + cb - shared - shared.T
    scale = np.sqrt(np.maximum(np.diag(total), 0.0))
    if not (scale > 0.0).all() or np.linalg.eigvalsh(total / np.outer(scale, scale))[0] <= 1e-12:
        raise InputError("the covariance of the differences is not positive definite",
                         hint="a region without uncertainty, or two that are the same")  # fmt: skip
    gain = np.linalg.solve(total.T, (ca - shared).T).T
    joint = a + gain @ (b - a)
    covariance = ca - gain @ (ca - shared).T
    chi2 = float((b - a) @ np.linalg.solve(total, b - a))
    return Balance(names, a, b, joint, ca, cb, (covariance + covariance.T) / 2.0, (b - a) / scale, chi2,
                   float(chdtrc(len(names), chi2)))  # fmt: skip


def observed_alone(prior: Array, prior_covariance: Array, posterior: Array, covariance: Array) -> tuple[Array, Array]:
    """Return what the observations alone say of totals, the prior of the inversion taken out.

    The posterior is the product of the prior and of what was observed: C_o^-1 = C^-1 - C_p^-1. The latter is
    independent of an inventory that was that prior.

    Raises
    ------
    InputError
        The observations say nothing about some combination of the totals.
    """
    scale = np.sqrt(np.diag(prior_covariance))
    if not (scale > 0.0).all():
        raise InputError("a total has no prior uncertainty, so the observations alone cannot be told")
    p = prior_covariance / np.outer(scale, scale)
    gained = np.linalg.inv(covariance / np.outer(scale, scale)) - np.linalg.inv(p)
    gained = (gained + gained.T) / 2.0
    if np.linalg.eigvalsh(gained)[0] < 1e-6:
        raise InputError("the observations say nothing about a combination of the regions",
                         hint="merge regions, or take a posterior whose prior was another inventory")  # fmt: skip
    alone: Array = np.asarray(np.linalg.inv(gained), dtype=np.float64)
    right = np.linalg.solve(covariance / np.outer(scale, scale), posterior / scale) - np.linalg.solve(p, prior / scale)
    return alone @ right * scale, alone * np.outer(scale, scale)


def _checked(
    what: str, names: tuple[str, ...], values: npt.ArrayLike, covariance: npt.ArrayLike
) -> tuple[Array, Array]:
    x = np.array(values, dtype=np.float64).ravel()
    c = np.array(covariance, dtype=np.float64)
    if c.ndim == 1:
        c = np.diag(c**2)
    if x.shape != (len(names),) or c.shape != (len(names), len(names)) or not names:
        raise InputError(f"the {what} does not fit the regions", found=f"{x.size} values, covariance {c.shape}",
                         need=f"{len(names)} regions")  # fmt: skip
    if not np.isfinite(x).all() or not np.isfinite(c).all() or (np.diag(c) < 0.0).any():
        bad = [n for n, v, s in zip(names, x, np.diag(c), strict=True) if not (np.isfinite(v) and s >= 0.0)]
        raise InputError(f"a value of the {what} is missing or its variance negative", found=", ".join(bad) or "?")
    return x, c
