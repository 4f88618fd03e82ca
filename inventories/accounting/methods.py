"""The accounting methods: which factors a rule multiplies, its defaults, and what it needs from the plant.

References
----------
40 CFR 98.33(a)(1)-(3): tier 1 eq C-1, tier 2 eq C-2a, tier 3 eq C-3 (solid fuel), tables C-1 and C-2.
2006 IPCC Guidelines vol 2 ch 2 eq 2.1 (stationary combustion), ch 1 tables 1.2 and 1.3.
Commission Implementing Regulation (EU) 2018/2066, Article 24(1): standard methodology.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ghg.core.errors import ConfigError, InputError
from ghg.core.gases import carbon_to_co2
from ghg.core.units import convert, is_compatible
from inventories.accounting import factors
from inventories.accounting.engine import Array, Factor, Stream
from inventories.config import Series, StreamConfig

# 95 % half-width 5 %: "recommended default uncertainty range for fossil fuel combustion data", 2006 IPCC Guidelines
# vol 2 ch 2, activity data uncertainties; a per-plant figure (belt scale, stock survey) should replace it.
ACTIVITY_U = 0.05 / factors.HALF_WIDTHS_95


@dataclass(frozen=True)
class Method:
    """What a rule prescribes.

    Parameters
    ----------
    factor_set : str
        Factor table of its defaults.
    basis : str
        Calorific basis of its factors.
    oxidation : float, optional
        Oxidation factor it fixes; None asks for it.
    needs : tuple of str
        Measured inputs it needs.
    source : str
        The rule.
    """

    factor_set: str
    basis: str
    oxidation: float | None
    needs: tuple[str, ...]
    source: str


METHODS = {
    "part98-tier1": Method("part98", "gross", 1.0, (), "40 CFR 98.33(a)(1), eq C-1"),
    "part98-tier2": Method("part98", "gross", 1.0, ("calorific_value",), "40 CFR 98.33(a)(2), eq C-2a"),
    "part98-tier3": Method("part98", "gross", 1.0, ("mass", "carbon_content"), "40 CFR 98.33(a)(3), eq C-3"),
    "ipcc2006-tier1": Method("ipcc2006", "net", 1.0, (), "2006 IPCC Guidelines vol 2 ch 2 eq 2.1"),
    "ipcc2006-tier2": Method("ipcc2006", "net", 1.0, ("emission_factor",), "2006 IPCC Guidelines vol 2 ch 2 eq 2.1"),
    "mrr": Method("ipcc2006", "net", None, ("calorific_value", "emission_factor"), "(EU) 2018/2066 Article 24(1)"),
    "china-power": Method(
        "ipcc2006",
        "net",
        None,
        ("mass", "carbon_content"),
        "guideline for power generation facilities: FC x C_ar x OF x 44/12",
    ),
}


def stream(config: StreamConfig, steps: int, species: list[str]) -> Stream:
    """Return the chains of one stream.

    Parameters
    ----------
    config : StreamConfig
        The stream.
    steps : int
        Number of intervals.
    species : list of str
        Gases wanted.

    Raises
    ------
    ConfigError, InputError
        Something the method needs is missing, a unit is of the wrong kind, a value is negative, or the fuel has
        no factor.
    """
    rule = METHODS[config.method]
    where = f"stream '{config.name}'"
    for need in rule.needs:
        if getattr(config, need) is None and not (need == "calorific_value" and config.energy is not None):
            raise ConfigError(f"the method '{config.method}' needs {need}", where=where, hint=rule.source)
    activity, energy, basis = _activity(config, rule, steps, where)
    chains: dict[str, tuple[Factor, ...]] = {}
    notes: list[str] = []
    for gas in species:
        tail = _tail(config, rule, gas, steps, where, notes)
        if tail is not None:
            chains[gas] = (*activity, *tail) if _uses_energy(config) else (activity[0], *tail)
    if not chains:
        raise InputError("the method gives none of the species asked for", where=where, found=", ".join(species))
    return Stream(config.name, config.fuel, config.method, chains, energy, basis, tuple(notes))


def _uses_energy(config: StreamConfig) -> bool:
    return config.carbon_content is None


def _values(series: Series, need: str, steps: int, name: str, where: str) -> Array:
    values = np.array([np.nan if v == "nan" else v for v in series.values], float)
    if values.size not in (1, steps):
        raise ConfigError(
            f"{name} has the wrong number of values", where=where, found=str(values.size), need=f"1 or {steps}"
        )
    converted = np.asarray(convert(values, series.unit, need, name=name), float)
    if np.any(converted < 0):
        raise InputError(f"{name} is negative", where=where, found=f"{values[converted < 0][0]} {series.unit}")
    return np.broadcast_to(converted, (steps,)).copy()


def _uncertain(config: StreamConfig, component: str, default: float) -> tuple[float, float]:
    given = config.uncertainty.get(component)  # type: ignore[call-overload]
    return (given.systematic, given.random) if given is not None else (default, 0.0)


def _activity(config: StreamConfig, rule: Method, steps: int, where: str) -> tuple[tuple[Factor, ...], Array, str]:
    """Return the factors up to the energy of the fuel, that energy, and its calorific basis."""
    fuel_u = _uncertain(config, "fuel_mass", ACTIVITY_U)
    value_u = _uncertain(config, "calorific_value", 0.0)
    for series in (config.energy, config.calorific_value):
        if series is not None and series.basis != rule.basis:
            raise ConfigError(
                f"the factors of '{config.method}' are per {rule.basis} energy",
                where=where,
                found=f"{series.basis}",
                need=rule.basis,
            )
    energy = None if config.energy is None else _values(config.energy, "J", steps, "energy", where)
    if config.mass is None:
        assert energy is not None
        return (Factor("fuel_mass", energy, *fuel_u),), energy, rule.basis
    solid = is_compatible(config.mass.unit, "kg")
    amount = _values(config.mass, "kg" if solid else "m3", steps, "mass", where)
    names = ("fuel_mass", "calorific_value") if solid else ("fuel_volume", "calorific_value_volume")
    head = Factor("fuel_mass", amount, *fuel_u, variable=names[0])
    if energy is not None:
        with np.errstate(invalid="ignore"):
            values = np.where(
                amount > 0, energy / np.where(amount > 0, amount, 1.0), np.where(energy == 0, 0.0, np.nan)
            )
    elif config.calorific_value is not None:
        unit = "J kg-1" if solid else "J m-3"
        values = _values(config.calorific_value, unit, steps, "calorific_value", where)
    elif _uses_energy(config):
        row = factors.default(rule.factor_set, factors.fuel_name(config.fuel, rule.factor_set), "calorific_value")
        values = np.full(steps, row.to("J kg-1" if solid else "J m-3"))
        value_u = _uncertain(config, "calorific_value", row.u_relative)
    else:
        return (head,), np.full(steps, np.nan), ""
    return (head, Factor("calorific_value", values, *value_u, variable=names[1])), amount * values, rule.basis


def _tail(
    config: StreamConfig, rule: Method, gas: str, steps: int, where: str, notes: list[str]
) -> tuple[Factor, ...] | None:
    """Return the factors from the fuel to the species, None where the method knows none."""
    if config.carbon_content is not None:
        if gas != "CO2":
            return None
        carbon = _values(config.carbon_content, "1", steps, "carbon_content", where)
        if np.any(carbon > 1):
            raise InputError(
                "carbon_content is larger than the mass itself", where=where, found=f"{carbon.max():g} kg/kg"
            )
        per_carbon = np.full(steps, carbon_to_co2("44/12"))
        head = Factor("carbon_content", carbon, *_uncertain(config, "carbon_content", 0.0), variable="carbon_content")
        return (head, *_oxidation(config, rule, steps, where), Factor("", per_carbon))
    return (_emission_factor(config, rule, gas, steps, where, notes), *_oxidation(config, rule, steps, where))


def _emission_factor(config: StreamConfig, rule: Method, gas: str, steps: int, where: str, notes: list[str]) -> Factor:
    if config.emission_factor is not None and gas == "CO2":
        values = _values(config.emission_factor, "kg J-1", steps, "emission_factor", where)
        return Factor(
            "emission_factor", values, *_uncertain(config, "emission_factor", 0.0), variable="emission_factor"
        )
    fuel = factors.fuel_name(config.fuel, rule.factor_set)
    if rule.factor_set == "ipcc2006":
        row = factors.default(rule.factor_set, fuel, "carbon_per_energy")
        value = row.to("kg J-1") * carbon_to_co2("44/12") if gas == "CO2" else np.nan
        if gas != "CO2":
            raise InputError(f"no default emission factor of {gas}", where=where, hint="account CO2 only")
    else:
        row = factors.default(rule.factor_set, fuel, "emission_factor", gas)
        value = row.to("kg J-1")
    if not row.verified:
        notes.append(f"{row.quantity} of {row.fuel} ({gas}): {row.range_source}")
    u = _uncertain(config, "emission_factor", row.u_relative)
    return Factor("emission_factor", np.full(steps, value), *u, variable="emission_factor")


def _oxidation(config: StreamConfig, rule: Method, steps: int, where: str) -> tuple[Factor, ...]:
    if config.oxidation is None:
        if rule.oxidation is None:
            raise ConfigError(f"the method '{config.method}' needs oxidation", where=where, hint=rule.source)
        return ()
    values = _values(config.oxidation, "1", steps, "oxidation", where)
    if np.any(values > 1):
        raise InputError("oxidation is larger than 1", where=where, found=f"{values.max():g}")
    return (Factor("oxidation", values, *_uncertain(config, "oxidation", 0.0), variable="oxidation_factor"),)
