"""Processes and bought energy: clinker from its oxides, electricity from the grid, any activity x factor.

References
----------
2006 IPCC Guidelines vol 3 ch 2: eq 2.2 and 2.4 (tier 1: 65 % CaO, correction 1.02 for kiln dust), eq 2.5 (kiln dust).
The oxides come from carbonates: CaCO3 -> CaO + CO2 and MgCO3 -> MgO + CO2, 44/56 and 44/40 by mass; oxides that
entered the kiln as such (slag, fly ash) are subtracted.
"""

from __future__ import annotations

import numpy as np

from ghg.core.errors import ConfigError, InputError
from ghg.core.units import is_compatible
from inventories.accounting.case import Case
from inventories.accounting.engine import Array, Factor
from inventories.accounting.fuel import activity_u, amount, energy

CO2_PER_CAO, CO2_PER_MGO = 44.0 / 56.0, 44.0 / 40.0


def clinker(case: Case) -> tuple[Factor, ...]:
    """Return the chain of clinker: mass x CO2 of its oxides x kiln dust."""
    config = case.config
    cao, u_cao = _oxide(case, "cao", CO2_PER_CAO)
    mgo, u_mgo = _oxide(case, "mgo", CO2_PER_MGO)
    per_clinker = cao + mgo
    if np.any(per_clinker <= 0):
        raise InputError("no carbonate oxide is left in the clinker", where=case.where,
                         hint="cao_not_carbonate is as large as cao")  # fmt: skip
    u = float(np.max(np.hypot(cao * u_cao, mgo * u_mgo) / per_clinker))
    factor = case.factor("emission_factor", per_clinker, u)
    if config.kiln_dust is not None:
        dust, u_dust = case.stated(config.kiln_dust, "1", "kiln_dust"), 0.0
        if np.any(dust < 1.0):
            raise InputError(
                "kiln_dust is a correction factor of at least 1", where=case.where, found=f"{dust.min():g}"
            )
    else:
        dust, u_dust = case.default("kiln_dust", "1")
    return amount(case), factor, case.factor("kiln_dust", dust, u_dust)


def _oxide(case: Case, name: str, per_oxide: float) -> tuple[Array, float]:
    """Return CO2 per clinker from one oxide, and the relative standard uncertainty of the oxide."""
    series = getattr(case.config, name)
    other = getattr(case.config, f"{name}_not_carbonate")
    if series is None and name == "mgo":
        return case.constant(0.0), 0.0
    if series is None:
        content, u = case.default(name, "1")
    else:
        content, u = case.stated(series, "1", name, most=0.8), 0.0
    given = case.uncertain(name, u)
    if other is not None:
        removed = case.stated(other, "1", f"{name}_not_carbonate", most=0.8)
        if np.any(removed > content):
            raise InputError(f"{name}_not_carbonate is larger than {name}", where=case.where)
        content = content - removed
    return per_oxide * content, float(np.hypot(*given))


def electricity(case: Case) -> tuple[tuple[Factor, ...], Array]:
    """Return the chain of bought electricity: energy x factor of the grid in the year of the interval."""
    bought = energy(case)
    if case.config.factor_of("CO2") is not None:
        series = case.config.factor_of("CO2")
        assert series is not None
        values, u = case.stated(series, "kg J-1", "emission_factor"), 0.0
    else:
        values, u = case.default("grid_factor", "kg J-1", "CO2")
    head = case.factor("fuel_mass", bought, activity_u(case))
    return (head, case.factor("emission_factor", values, u, "emission_factor")), bought


def by_factor(case: Case, gas: str) -> tuple[Factor, ...] | None:
    """Return activity x stated factor, None for a gas without one."""
    series = case.config.factor_of(gas)
    if series is None and case.rule.factor_set and case.has("emission_per_mass", gas):
        values, u = case.default("emission_per_mass", "1", gas)
        return amount(case), Factor("emission_factor", values, *case.uncertain("emission_factor", u))
    if series is None:
        return None
    if case.config.mass is None:
        head, need = case.factor("fuel_mass", energy(case), activity_u(case)), "kg J-1"
    else:
        head = amount(case)
        need = "1" if head.variable == "fuel_mass" else "kg m-3"
    if not is_compatible(series.unit, need):
        raise ConfigError("emission_factor is not per unit of the activity", where=case.where, found=series.unit,
                          need=f"a unit convertible to '{need}'")  # fmt: skip
    values = case.stated(series, need, "emission_factor")
    return head, Factor("emission_factor", values, *case.uncertain("emission_factor"))
