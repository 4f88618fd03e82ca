"""Fuel by its energy: activity x calorific value x emission factor x oxidation.

References
----------
40 CFR 98.33(a)(1) and (2): eq C-1, C-2a, tables C-1 and C-2. 2006 IPCC Guidelines vol 2 ch 2 eq 2.1.
Commission Implementing Regulation (EU) 2018/2066, Article 24(1) and Annex II (tiers of the activity data).
"""

from __future__ import annotations

import numpy as np

from ghg.core.errors import ConfigError
from ghg.core.gases import carbon_to_co2
from ghg.core.units import is_compatible
from inventories.accounting import factors, fuels
from inventories.accounting.case import Case
from inventories.accounting.engine import Array, Factor

# 95 % half-width 5 %: default range for fossil fuel combustion data, 2006 IPCC Guidelines vol 2 ch 2 (activity data
# uncertainties); a figure of the plant (belt scale, stock survey) should replace it.
ACTIVITY_U = 0.05 / factors.HALF_WIDTHS_95
# (EU) 2018/2066 Annex II: maximum permissible uncertainty (95 %) of the activity data of combustion, by tier
ACTIVITY_TIERS = {1: 0.075, 2: 0.05, 3: 0.025, 4: 0.015}


def activity_u(case: Case) -> float:
    """Return the relative standard uncertainty of the activity where the plant states none."""
    tier = case.config.activity_tier
    return ACTIVITY_U if tier is None else ACTIVITY_TIERS[tier] / factors.HALF_WIDTHS_95


def amount(case: Case) -> Factor:
    """Return the mass [kg] or volume [m3] of the stream."""
    series = case.config.mass
    assert series is not None
    solid = is_compatible(series.unit, "kg")
    values = case.stated(series, "kg" if solid else "m3", "mass")
    return case.factor("fuel_mass", values, activity_u(case), "fuel_mass" if solid else "fuel_volume")


def energy(case: Case) -> Array:
    """Return the stated energy [J], NaN where there is none."""
    series = case.config.energy
    return case.constant(np.nan) if series is None else case.stated(series, "J", "energy")


def calorific_value(case: Case, head: Factor) -> Factor:
    """Return energy per amount [J kg-1 or J m-3]: stated, from the stated energy, or the default of the fuel."""
    per_mass = head.variable == "fuel_mass"
    unit = "J kg-1" if per_mass else "J m-3"
    u = 0.0
    if case.config.energy is not None:
        total, mass = energy(case), head.values
        with np.errstate(invalid="ignore"):
            values = np.where(mass > 0, total / np.where(mass > 0, mass, 1.0), np.where(total == 0, 0.0, np.nan))
    elif case.config.calorific_value is not None:
        values = case.stated(case.config.calorific_value, unit, "calorific_value")
    else:
        values, u = case.default("calorific_value", unit)
    return case.factor("calorific_value", values, u, "calorific_value" if per_mass else "calorific_value_volume")


def check_basis(case: Case) -> None:
    """Refuse energies on another calorific basis than the factors of the rule."""
    for series in (case.config.energy, case.config.calorific_value):
        if series is not None and case.rule.basis and series.basis != case.rule.basis:
            raise ConfigError(f"the factors of '{case.config.method}' are per {case.rule.basis} energy",
                              where=case.where, found=f"{series.basis}", need=case.rule.basis)  # fmt: skip


def activity(case: Case) -> tuple[tuple[Factor, ...], Array]:
    """Return the factors up to the energy of the fuel, and that energy [J]."""
    check_basis(case)
    if case.config.mass is None:
        values = energy(case)
        return (case.factor("fuel_mass", values, activity_u(case)),), values
    head = amount(case)
    value = calorific_value(case, head)
    return (head, value), head.values * value.values


def emission_factor(case: Case, gas: str) -> Factor:
    """Return kg of the gas per J: stated for the gas, or the default of the fuel."""
    series = case.config.factor_of(gas)
    if series is not None:
        values = case.stated(series, "kg J-1", "emission_factor")
        return case.factor("emission_factor", values, 0.0, "emission_factor")
    if gas == "CO2" and case.rule.factor_set == "ipcc2006" and case.has("carbon_per_energy") and not _own(case):
        values, u = case.default("carbon_per_energy", "kg J-1")
        values = values * carbon_to_co2(case.rule.co2_per_carbon)
    else:
        values, u = case.default("emission_factor", "kg J-1", gas)
    # one stated uncertainty cannot be of CO2 and of N2O at once: it is of CO2, the others keep their default range
    if gas != "CO2":
        return Factor("emission_factor", values, u, variable="emission_factor")
    return case.factor("emission_factor", values, u, "emission_factor")


def _own(case: Case) -> bool:
    """Tell whether the user gives a factor of CO2, and no carbon: it comes before the carbon of the table."""
    where = (case.config.sector, case.config.technology)
    return factors.of_user("ipcc2006", case.config.fuel, "emission_factor", "CO2", *where) and not factors.of_user(
        "ipcc2006", case.config.fuel, "carbon_per_energy", "", *where
    )


def oxidation(case: Case) -> tuple[Factor, ...]:
    """Return the oxidation factor, nothing where the rule fixes it at 1 and none is stated."""
    if case.config.oxidation is not None:
        values = case.stated(case.config.oxidation, "1", "oxidation", most=1.0)
        return (case.factor("oxidation", values, 0.0, "oxidation_factor"),)
    if case.rule.oxidation is not None:
        return ()
    if not factors.known(case.rule.factor_set, case.config.fuel, "oxidation"):
        raise ConfigError(f"the method '{case.config.method}' needs oxidation", where=case.where, hint=case.rule.source)
    values, u = case.default("oxidation", "1")
    return (case.factor("oxidation", values, u, "oxidation_factor"),)


def per_mass(case: Case, gas: str, head: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Return the chain with a default per mass of fuel; an energy is divided by the IPCC calorific value."""
    values, u = case.default("emission_per_mass", "1", gas)
    last = Factor("emission_factor", values, u)
    if case.config.mass is not None:
        return head[0], last
    rows = factors.candidates("ipcc2006", factors.code(case.config.fuel), "calorific_value")
    if not rows:
        raise ConfigError("the factor is per mass and the activity an energy", where=case.where,
                          hint="give mass, or a fuel with a default calorific value")  # fmt: skip
    value = rows[-1]
    inverse = case.factor("calorific_value", case.constant(1.0 / value.to("J kg-1")), value.u_relative)
    return (*head, inverse, last)


def emits(case: Case, gas: str) -> bool:
    """Tell whether a fuel emits a gas: CO2 of biomass is CO2_biogenic, and is no CO2."""
    one = fuels.fuel(factors.code(case.config.fuel))
    biogenic = one is not None and one.biogenic
    if case.config.factor_of(gas) is not None:
        return True
    return (gas != "CO2" or not biogenic) and (gas != "CO2_biogenic" or biogenic)


def chain(case: Case, gas: str, head: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Return the whole chain of one gas; oxidation acts on the carbon, so on CO2 only."""
    burnt = oxidation(case) if gas in ("CO2", "CO2_biogenic") else ()
    if case.config.factor_of(gas) is None and not _per_energy(case, gas) and case.has("emission_per_mass", gas):
        return (*per_mass(case, gas, head), *burnt)
    return (*head, emission_factor(case, gas), *burnt)


def _per_energy(case: Case, gas: str) -> bool:
    return case.has("emission_factor", gas) or (gas == "CO2" and case.has("carbon_per_energy"))
