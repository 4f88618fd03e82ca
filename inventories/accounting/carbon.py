"""Material by its carbon: mass x carbon content x oxidation x CO2 per carbon, and balances of carbon in and out.

References
----------
40 CFR 98.33(a)(3): eq C-3 (solid), C-4 (liquid), C-5 (gas; molar volume conversion 849.5 scf per kg-mole at 68 degF
and 836.6 at 60 degF). Commission Implementing Regulation (EU) 2018/2066, Article 25 (mass balance, 3.664 t CO2/t C).
2006 IPCC Guidelines vol 3 ch 4 eq 4.9 (iron and steel, tier 2). China, guideline for power generation facilities
(2022): carbon as received from carbon of the air-dried or dry sample and its moisture.
"""

from __future__ import annotations

import numpy as np

from ghg.core.errors import ConfigError, InputError
from ghg.core.gases import carbon_to_co2
from ghg.core.units import ReferenceState, factor, parse_quantity
from inventories.accounting import factors
from inventories.accounting.case import Case
from inventories.accounting.engine import Array, Factor
from inventories.accounting.fuel import amount, calorific_value, check_basis, energy, oxidation

# 40 CFR 98.33 eq C-5: molar volume conversion [scf per kg-mole] by reference temperature [K]
PART98_MVC = {293.15: 849.5, 288.706: 836.6}


def chain(case: Case) -> tuple[tuple[Factor, ...], Array, str]:
    """Return the chain of CO2, the energy [J] where it is known, and its calorific basis."""
    check_basis(case)
    head = amount(case)
    known = case.config.energy is not None or case.config.calorific_value is not None
    value = calorific_value(case, head) if known else None
    basis = case.rule.basis or (case.config.basis if value is not None else "")
    sign = (Factor("", case.constant(-1.0)),) if case.config.role == "output" else ()
    burnt = oxidation(case) if case.config.role == "input" else ()
    per_carbon = Factor("", case.constant(carbon_to_co2(case.rule.co2_per_carbon)))
    total = energy(case) if value is None else head.values * value.values
    return (head, *carbon(case, head, value), *burnt, per_carbon, *sign), total, basis


def carbon(case: Case, head: Factor, value: Factor | None) -> tuple[Factor, ...]:
    """Return the factors from amount to carbon [kg]."""
    series = case.config.carbon_content
    if series is not None:
        if head.variable == "fuel_mass":
            return (carbon_share(case), *as_received(case))
        if case.config.molecular_weight is not None:
            return gas_carbon(case)
        content = case.stated(series, "kg m-3", "carbon_content")  # eq C-4: kg C per gallon
        return (case.factor("carbon_content", content),)
    if value is not None and factors.known(case.rule.factor_set, case.config.fuel, "carbon_per_energy"):
        per_energy, u = case.default("carbon_per_energy", "kg J-1")
        return value, case.factor("carbon_content", per_energy, u)
    content, u = case.default("carbon_content", "1")
    return (case.factor("carbon_content", content, u, "carbon_content"),)


def carbon_share(case: Case) -> Factor:
    """Return the stated mass of carbon per mass."""
    assert case.config.carbon_content is not None
    content = case.stated(case.config.carbon_content, "1", "carbon_content")
    if np.any(content > 1):
        raise InputError("carbon_content is larger than the mass itself", where=case.where,
                         found=f"{content.max():g} kg/kg", hint="percent has the unit '%'")  # fmt: skip
    return case.factor("carbon_content", content, 0.0, "carbon_content")


def as_received(case: Case) -> tuple[Factor, ...]:
    """Return the factor from the analysed sample to the fuel as received.

    C_ar = C_ad (100 - M_ar) / (100 - M_ad) for an air-dried sample, C_ar = C_d (100 - M_ar) / 100 for a dry one.
    """
    series = case.config.carbon_content
    assert series is not None
    if series.state == "as_received":
        return ()
    wet = case.config.moisture_as_received
    if wet is None:
        raise ConfigError(f"carbon_content of the {_words(series.state)} sample needs moisture_as_received",
                          where=case.where, hint="the mass is weighed as received")  # fmt: skip
    share = 1.0 - case.stated(wet, "1", "moisture_as_received", most=1.0)
    if series.state == "air_dried":
        inherent = case.config.moisture_air_dried
        if inherent is None:
            raise ConfigError("carbon_content of the air dried sample needs moisture_air_dried", where=case.where)
        dried = case.stated(inherent, "1", "moisture_air_dried", most=0.99)
        if np.any(share > 1.0 - dried):
            raise InputError("the air-dried sample is wetter than the fuel as received", where=case.where,
                             hint="moisture_air_dried and moisture_as_received may be exchanged")  # fmt: skip
        share = share / (1.0 - dried)
    return (case.factor("moisture", share),)


def gas_carbon(case: Case) -> tuple[Factor, ...]:
    """Return the factors from gas volume to carbon: kg C per kg x molecular weight / molar volume (eq C-5)."""
    weight = case.config.molecular_weight
    assert weight is not None
    molar = case.stated(weight, "kg mol-1", "molecular_weight")
    density = molar / molar_volume(case)
    return carbon_share(case), case.factor("molecular_weight", density)


def molar_volume(case: Case) -> float:
    """Return the molar volume [m3 mol-1] at the reference state of the volume: the regulation's, or ideal gas."""
    if case.config.reference_temperature is None:
        raise ConfigError("the volume of gas does not say at which temperature it is counted", where=case.where,
                          need="reference_temperature, for example '68 degF' or '0 degC'",
                          hint="0 degC and 20 degC differ by 7.3 %")  # fmt: skip
    kelvin = parse_quantity(case.config.reference_temperature, "K", name="reference_temperature")
    pascal = parse_quantity(case.config.reference_pressure, "Pa", name="reference_pressure")
    if not (200.0 < kelvin < 400.0 and 5e4 < pascal < 2e5):
        raise InputError("the reference state of the volume is absurd", where=case.where,
                         found=f"{kelvin:g} K, {pascal:g} Pa")  # fmt: skip
    for temperature, scf in PART98_MVC.items():
        if case.rule.factor_set == "part98" and abs(kelvin - temperature) < 0.1 and abs(pascal / 101325.0 - 1) < 1e-3:
            return scf * factor("ft3", "m3") / 1000.0
    return ReferenceState(kelvin, pascal).molar_volume


def _words(state: str | None) -> str:
    return str(state).replace("_", " ")
