"""Where a difference sits: the exact split of ln(measured/accounted) over the inputs of both sides.

Each side is a product of factors, so the logarithm of the ratio is a sum. Over many intervals the log-mean
weights of LMDI-I keep the split exact (Ang 2005, Energy Policy 33, 867, additive log form). Part of a split may be
mere convention: how a plant shares one measured mass between heat and emission factor depends on the F factor
it was told to use, and the mass does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.facility.independence import Independence
from ghg.facility.lmdi import lmdi
from ghg.facility.stack_line import concentration_off_line, main_fuel_factors, substitution

if TYPE_CHECKING:
    import xarray as xr

    from ghg.facility.sums import Sums

Array = npt.NDArray[np.float64]


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
    explanation : str
        What the term compares, where its name does not say it.
    """

    name: str
    ln: float
    convention_ln: float = 0.0
    explanation: str = ""

    @property
    def percent(self) -> float:
        """The factor as a percentage."""
        return 100.0 * math.expm1(self.ln)


@dataclass(frozen=True)
class Convention:
    """A choice of convention, and what it does to the terms.

    Parameters
    ----------
    name : str
        Which choice.
    ln : float
        Its size in ln.
    explanation : str
        One sentence.
    shares : dict
        Term -> share of `ln` that sits in it. Shares that add up to 0 move the split and not the total.
    values : dict
        The numbers in the sentence, by name.
    """

    name: str
    ln: float
    explanation: str
    shares: dict[str, float] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    @property
    def total_ln(self) -> float:
        """The part of ln(measured/accounted) itself that is this convention."""
        return self.ln * math.fsum(self.shares.values())


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
            "conventions": [{**asdict(c), "total_ln": c.total_ln} for c in self.conventions],
        }

    def refined(self, name: str, parts: Mapping[str, tuple[float, str]], remainder: str) -> Decomposition:
        """Return the split with one term divided into known parts and what is left of it.

        Parameters
        ----------
        name : str
            The term.
        parts : mapping
            New term -> its ln and what it compares.
        remainder : str
            Name of what is left; it keeps the convention of the term.
        """
        terms: list[Term] = []
        for term in self.terms:
            if term.name != name:
                terms.append(term)
                continue
            terms += [Term(part, ln, 0.0, text) for part, (ln, text) in parts.items()]
            rest = term.ln - math.fsum(ln for ln, _ in parts.values())
            terms.append(Term(remainder, rest, term.convention_ln, term.explanation))
        conventions = [
            replace(c, shares={remainder if k == name else k: v for k, v in c.shares.items()}) for c in self.conventions
        ]
        return Decomposition(self.total_ln, terms, conventions)


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
    conventions = [_f_factor_convention(used, of_fuel, parts, shift)] if shift else []
    return Decomposition(total, terms, conventions)


def _f_factor_convention(used: float, of_fuel: float, parts: dict[str, float], shift: float) -> Convention:
    """Return what the choice of Fc moves: heat computed from CO2 with `used`, a fuel that has `of_fuel`.

    References
    ----------
    40 CFR 75 Appendix F, equation F-15: heat = flow x CO2 / (100 Fc).
    """
    values = {"used": used, "of_fuel": of_fuel, "heat": parts["heat"] - shift,
              "emission_factor": parts["emission_factor"] + shift}  # fmt: skip
    text = (
        "the plant computed heat input from CO2 with Fc {used:.0f}, the fuel of the accounted side has Fc "
        "{of_fuel:.0f} scf/mmBtu: with the latter the heat term is {heat:+.5f} and the emission-factor term "
        "{emission_factor:+.5f}; the mass does not change"
    )
    return Convention("f_factor", shift, text.format(**values), {"heat": 1.0, "emission_factor": -1.0}, values)


def from_datasets(
    measured: xr.Dataset, accounted: xr.Dataset, finding: list[Independence], sums: Sums
) -> Decomposition:
    """Split the difference of two Datasets on the same intervals.

    Parameters
    ----------
    measured, accounted : Dataset
        MEASURED and ACCOUNTED on the same intervals, one species.
    finding : list of Independence
        What the data say about each source; a common F factor makes the convention visible.
    sums : Sums
        Of the channels over the same intervals (:func:`ghg.facility.stack_line.quantities`), as far as there are any.
        They divide the heat term further: hours substituted by a missing-data rule, CO2 against the stoichiometric
        line through O2, and the flow that is left.
    """
    from ghg.core.time import seconds

    length = seconds(measured.variables["time_bounds"].values)
    mass_m = np.atleast_1d(measured.variables["emission"].sum("source", skipna=False).values) * length
    mass_a = np.atleast_1d(accounted.variables["emission"].sum("stream", skipna=False).values) * length
    known = np.isfinite(mass_m) & np.isfinite(mass_a)
    heat = None
    if "heat_input" in measured and "energy" in accounted:
        heat_input, energy = measured.variables["heat_input"], accounted.variables["energy"]
        if heat_input.attrs.get("calorific_basis") == energy.attrs.get("calorific_basis"):
            heat_m = heat_input.sum("source", skipna=False).values * length
            heat = (heat_m[known], energy.sum("stream", skipna=False).values[known])
    used, fuel = _common_factor(finding), _fuel_factor(accounted)
    found = decompose((mass_m[known], mass_a[known]), heat, used, fuel)
    return _detailed(found, sums, accounted, all(one.heat_from_emission for one in finding))


def _detailed(found: Decomposition, sums: Sums, accounted: xr.Dataset, from_emission: bool) -> Decomposition:
    """Divide heat, where it is computed from the stack gas, and the emission factor, where oxidation is known."""
    if not any(term.name == "heat" for term in found.terms):
        return found
    parts = {}
    if (ln := substitution(sums)) is not None:
        parts["substitution"] = (ln, "all operating hours against those that were measured")
    if from_emission and (ln := concentration_off_line(sums, accounted)) is not None:
        parts["concentration"] = (ln, "CO2 against the stoichiometric line through O2 for the fuel")
    if parts:
        found = found.refined("heat", parts, "flow" if "concentration" in parts else "heat")
    if "oxidation_factor" in accounted:
        oxidised = accounted.variables["oxidation_factor"]
        emitted = accounted.variables["emission"].where(oxidised > 0)
        burnt = float((emitted / oxidised).sum())
        ln = math.log(burnt / float(emitted.sum()))
        rest = "carbon_content" if "carbon_content" in accounted else "emission_factor"
        text = "carbon the accounted side leaves unburnt"
        found = found.refined("emission_factor", {"oxidation": (ln, text)}, rest)
    return found


def _common_factor(finding: list[Independence]) -> float:
    """Return Fc of all sources when heat comes from CO2 with one and the same factor, else NaN."""
    factors = [one.f_factor for one in finding if one.heat_from_emission and one.fuel]
    if len(factors) != len(finding) or np.ptp(factors) > 1e-3 * factors[0]:
        return math.nan
    from sensors.defaults import f_factors

    return f_factors(finding[0].fuel)[1]


def _fuel_factor(accounted: xr.Dataset) -> float:
    factors = main_fuel_factors(accounted)
    return factors[1] if factors else math.nan
