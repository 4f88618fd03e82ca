"""Where a difference sits: the exact split of ln(measured/accounted) over the inputs of both sides.

Each side is a product of factors, so the logarithm of the ratio is a sum. Over many intervals the log-mean
weights of LMDI-I keep the split exact (Ang 2005, Energy Policy 33, 867, additive log form). Part of a split may be
mere convention: how a plant shares one measured mass between heat and emission factor depends on the F factor
it was told to use, and the mass does not.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError
from ghg.facility.independence import Independence

if TYPE_CHECKING:
    import xarray as xr

Array = npt.NDArray[np.float64]

# fuel name of the factor tables -> fuel of the F-factor table
F_FACTOR_FUELS = {"diesel": "oil", "residual_oil": "oil"}


@dataclass(frozen=True)
class Term:
    """One term of the split.

    Parameters
    ----------
    name : str
        Input: heat, emission_factor, substitution, or the mass as a whole.
    ln : float
        Its part of ln(measured/accounted).
    convention_ln : float
        The share of `ln` that would vanish under the other convention; the terms of a split share it with
        opposite signs.
    """

    name: str
    ln: float
    convention_ln: float = 0.0

    @property
    def percent(self) -> float:
        """The factor as a percentage."""
        return 100.0 * math.expm1(self.ln)


@dataclass(frozen=True)
class Convention:
    """A choice that moves the split and not the total."""

    name: str
    ln: float
    explanation: str


@dataclass(frozen=True)
class Decomposition:
    """The split: its terms sum to `total_ln`."""

    total_ln: float
    terms: list[Term]
    conventions: list[Convention] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the split for JSON."""
        return {
            "total_ln": self.total_ln,
            "terms": [{**asdict(t), "percent": t.percent} for t in self.terms],
            "conventions": [asdict(c) for c in self.conventions],
        }


def log_mean(a: Array, b: Array) -> Array:
    """Return the logarithmic mean (a - b)/ln(a/b), `a` where both are equal, 0 where one is 0."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    positive = (a > 0) & (b > 0)
    safe_a, safe_b = np.where(positive, a, 1.0), np.where(positive, b, 1.0)
    log = np.log(safe_a / safe_b)
    near = np.abs(log) < 1e-6  # series of (x - 1)/ln x, since the quotient loses its digits
    mean = np.where(near, safe_b * (1.0 + log / 2.0 + log**2 / 6.0), (safe_a - safe_b) / np.where(near, 1.0, log))
    return np.where(positive, mean, 0.0)


def lmdi(measured: dict[str, Array], accounted: dict[str, Array]) -> dict[str, float]:
    """Split ln of the ratio of two sums of products over their factors (LMDI-I, additive log form).

    Parameters
    ----------
    measured, accounted : dict of float64 (n,)
        The same factors on both sides; their product over the names is the mass of each interval, and the sum
        over the intervals the total. All positive.

    Returns
    -------
    dict
        Factor -> its part; the parts sum to ln(total measured / total accounted).

    References
    ----------
    Ang 2005, doi:10.1016/j.enpol.2003.10.010, table 2: weights L(V_i, W_i)/L(V, W).
    """
    v = np.prod(list(measured.values()), axis=0)
    w = np.prod(list(accounted.values()), axis=0)
    weight = log_mean(v, w) / log_mean(np.array([v.sum()]), np.array([w.sum()]))[0]
    return {name: float(np.sum(weight * np.log(measured[name] / accounted[name]))) for name in measured}


def decompose(
    mass: tuple[Array, Array], heat: tuple[Array, Array] | None, used: float = math.nan, of_fuel: float = math.nan
) -> Decomposition:
    """Split the ratio of two masses over heat and emission factor.

    Parameters
    ----------
    mass : pair of float64 (n,)
        Measured and accounted mass [kg] per interval.
    heat : pair of float64 (n,), optional
        Measured and accounted energy [J], on the same calorific basis.
    used, of_fuel : float
        F factors Fc: the one with which the measured heat was computed from CO2, and the one of the fuel that
        the accounted side names. NaN where there is none.
    """
    measured, accounted = (np.asarray(m, float) for m in mass)
    total = math.log(measured.sum() / accounted.sum())
    if heat is None or not all(np.all(np.isfinite(h) & (h > 0)) for h in heat):
        return Decomposition(total, [Term("mass", total)])
    if np.any(measured <= 0) or np.any(accounted <= 0):
        measured, accounted = measured.sum(keepdims=True), accounted.sum(keepdims=True)
        heat = (heat[0].sum(keepdims=True), heat[1].sum(keepdims=True))
    parts = lmdi(
        {"heat": heat[0], "emission_factor": measured / heat[0]},
        {"heat": heat[1], "emission_factor": accounted / heat[1]},
    )
    shift = math.log(of_fuel / used) if used > 0 and of_fuel > 0 else 0.0
    terms = [Term("heat", parts["heat"], shift), Term("emission_factor", parts["emission_factor"], -shift)]
    conventions = []
    if shift:
        text = (f"the plant computed heat input from CO2 with Fc {used:.0f}, the fuel of the accounted side has Fc "
                f"{of_fuel:.0f} scf/mmBtu: with the latter the heat term is {parts['heat'] - shift:+.5f} and the "
                f"emission-factor term {parts['emission_factor'] + shift:+.5f}; the mass does not change")  # fmt: skip
        conventions.append(Convention("f_factor", shift, text))
    return Decomposition(total, terms, conventions)


def from_datasets(measured: xr.Dataset, accounted: xr.Dataset, finding: list[Independence]) -> Decomposition:
    """Split the difference of two Datasets on the same intervals.

    Parameters
    ----------
    measured, accounted : Dataset
        MEASURED and ACCOUNTED on the same intervals, one species.
    finding : list of Independence
        What the data say about each source; a common F factor makes the convention visible.
    """
    from ghg.core.time import seconds

    length = seconds(measured["time_bounds"].values)
    mass_m = np.atleast_1d(measured["emission"].sum("source", skipna=False).values) * length
    mass_a = np.atleast_1d(accounted["emission"].sum("stream", skipna=False).values) * length
    known = np.isfinite(mass_m) & np.isfinite(mass_a)
    heat = None
    if "heat_input" in measured and "energy" in accounted:
        same = measured["heat_input"].attrs.get("calorific_basis") == accounted["energy"].attrs.get("calorific_basis")
        if same:
            heat_m = measured["heat_input"].sum("source", skipna=False).values * length
            heat = (heat_m[known], accounted["energy"].sum("stream", skipna=False).values[known])
    used, fuel = _common_factor(finding), _fuel_factor(accounted)
    return decompose((mass_m[known], mass_a[known]), heat, used, fuel)


def _common_factor(finding: list[Independence]) -> float:
    """Return Fc of all sources when heat comes from CO2 with one and the same factor, else NaN."""
    factors = [one.f_factor for one in finding if one.heat_from_emission and one.fuel]
    if len(factors) != len(finding) or np.ptp(factors) > 1e-3 * factors[0]:
        return math.nan
    from sensors.stack.defaults import f_factors

    return f_factors(finding[0].fuel)[1]


def _fuel_factor(accounted: xr.Dataset) -> float:
    """Return the energy-weighted Fc of the accounted fuels, taking the fuel that carries nearly all energy."""
    from inventories.accounting.factors import FUEL_CODES
    from sensors.stack.defaults import f_factors

    if "energy" not in accounted or "fuel" not in accounted.coords:
        return math.nan
    energy = accounted["energy"].sum("time")
    main = int(energy.argmax("stream"))
    if float(energy[main]) < 0.95 * float(energy.sum()):
        return math.nan
    name = str(accounted["fuel"].values[main])
    name = FUEL_CODES.get(name.upper(), name.lower())
    try:
        return f_factors(F_FACTOR_FUELS.get(name, name))[1]
    except ConfigError:
        return math.nan
