"""The numbers of a comparison in one table: of the two totals, and of their pairs where there are enough."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.facility.agreement import bland_altman, e_n, relative_accuracy, symmetric_difference, zeta
from ghg.facility.best_estimate import best_estimate
from ghg.facility.equivalence import tost
from ghg.facility.pairing import chosen

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.uncertainty.totals import Total

__all__ = ["of_pairs", "of_totals"]

FEWEST_FOR_LINE = 3
FEWEST_FOR_BOOTSTRAP = 8
K = 2.0


def of_totals(measured: Total, accounted: Total, margin: float) -> dict[str, Any]:
    """Return what the two totals and their uncertainties say.

    Parameters
    ----------
    measured, accounted : Total
        kg, with random and systematic parts apart.
    margin : float
        Of equivalence, as a fraction.
    """
    m, a = measured, accounted
    random = math.hypot(m.u_random / m.value, a.u_random / a.value)
    systematic = math.hypot(m.u_systematic_total / m.value, a.u_systematic_total / a.value)
    equivalence = tost(math.log(m.value / a.value), random, systematic, margin=margin)
    best = best_estimate([m.value, a.value], [m.u, a.u], log=True)
    return {
        "symmetric_percent": float(symmetric_difference(m.value, a.value)),
        "e_n": e_n(m.value, a.value, m.expanded(K), a.expanded(K)),
        "zeta": zeta(m.value, a.value, m.u, a.u),
        "tost": {**equivalence.as_dict(), "margin_percent": 100.0 * margin},
        "best_estimate": {**best.as_dict(), "value_kg": best.value, "u_kg": best.u},
    }


def of_pairs(pairs: xr.Dataset, seed: int = 0) -> dict[str, Any]:
    """Return what the scatter of the pairs says; empty where there are fewer than three.

    Parameters
    ----------
    pairs : Dataset
        Measured and accounted emission [kg s-1] by period, with standard uncertainties.
    seed : int
        Of the bootstrap.

    Notes
    -----
    The line has the accounted side on x; its systematic part is one scale error of each side, since the parts of the
    budgets that do not average out act on all periods alike.
    """
    from ghg.facility.bootstrap import ratio_interval
    from ghg.facility.changepoints import change_points
    from ghg.facility.robust import theil_sen

    m, a = (pairs.variables[f"{side}_emission"].values for side in ("measured", "accounted"))
    both = np.isfinite(m) & np.isfinite(a) & (m > 0) & (a > 0)
    if both.sum() < FEWEST_FOR_LINE or np.ptp(a[both]) == 0.0:
        return {}
    m, a = m[both], a[both]
    found: dict[str, Any] = {
        "bland_altman": bland_altman(m, a).as_dict(),
        "theil_sen": theil_sen(a, m).as_dict(),
        "relative_accuracy_percent": relative_accuracy(a, m).percent,
    }
    pairs = chosen(pairs, both)
    random = _random_of_ln(pairs, m, a)
    found["change_points"] = change_points(np.log(m / a), random, seed=seed).as_dict()
    line = _line(pairs)
    if line is not None:
        found["york"] = line
    if both.sum() >= FEWEST_FOR_BOOTSTRAP:
        found["bootstrap"] = ratio_interval(m, a, seed=seed).as_dict()
    return found


def _random_of_ln(pairs: xr.Dataset, m: np.ndarray, a: np.ndarray) -> np.ndarray | None:
    """Return the random standard uncertainty of ln(measured/accounted) by period, None where there is none."""
    parts = [
        pairs.variables[f"{side}_emission_u_random"].values / values
        for side, values in (("measured", m), ("accounted", a))
        if f"{side}_emission_u_random" in pairs
    ]
    total = np.sqrt(sum((part**2 for part in parts), np.zeros(m.size)))
    return total if np.all(total > 0) else None


def _line(pairs: xr.Dataset) -> dict[str, Any] | None:
    """Return York's line through the pairs; None where no random uncertainty weighs them, or they hold no line.

    Periods that differ less than their uncertainties, as months of a plant in steady work, have none.
    """
    from ghg.facility.york import NoLine, york

    parts = {}
    for side in ("measured", "accounted"):
        for kind in ("random", "systematic"):
            name = f"{side}_emission_u_{kind}"
            parts[side, kind] = pairs.variables[name].values if name in pairs else np.zeros(pairs.sizes["time"])
    if not np.all(parts["measured", "random"] + parts["accounted", "random"] > 0):
        return None
    zero = np.zeros(pairs.sizes["time"])
    try:
        line = york(
            pairs.variables["accounted_emission"].values,
            pairs.variables["measured_emission"].values,
            parts["accounted", "random"],
            parts["measured", "random"],
            systematic={
                "accounted": (parts["accounted", "systematic"], zero),
                "measured": (zero, parts["measured", "systematic"]),
            },
        )
    except NoLine:
        return None
    return {**line.as_dict(), "u_slope": line.u_slope, "u_intercept": line.u_intercept, "n": line.n}
