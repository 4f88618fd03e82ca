"""Is the measured side a measurement? Found from the data, whatever the flags say.

Two families of constants look alike and mean the opposite:

- Fuel flow and G-4 (40 CFR 75 Appendix G 2.3): CO2 = Fc x heat x 44 / (385 x 2000). CO2 is heat input times a
  constant, so it is accounting.
- Stack gas and F-15 (Appendix F 5.2.1): heat = flow x CO2 / (100 Fc), while F-11 gives CO2 = 5.7e-7 x flow x CO2, so
  that CO2 / heat = 5.7e-5 Fc. The *heat input* is computed from the measured CO2; CO2 itself is measured.

The constants differ by 44/(385 x 2000) / 5.7e-5 = 1.00251, which rounding blurs in one hour and not over many.
G-4 is open to gas and oil only, so a constant in the range of solid fuels belongs to the second family.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.units import factor

if TYPE_CHECKING:
    import xarray as xr

Array = npt.NDArray[np.float64]

G4 = 44.0 / (385.0 * 2000.0)  # short ton per scf of CO2, equation G-4
F15 = 5.7e-7 * 100.0  # short ton per scf of CO2, equations F-11 and F-15 together
FUEL_FLOW_FUELS = ("natural_gas", "oil", "propane", "butane")
SOLID = 0.0865  # short ton/mmBtu; the highest oil factor (Fc 1420) is 0.0811, the lowest coal factor (Fc 1800) 0.1026
HOURLY_HALF_WIDTH = 0.05  # Part 75 hourly CO2 [short ton] and heat input [mmBtu] are rounded to 0.1
CONSTANT_SHARE = 0.98  # share of records that must agree with the constant within rounding
FEWEST = 24  # records needed to speak of a constant
PAIRS = 6  # periods needed to speak of a constant ratio between the two sides


@dataclass(frozen=True)
class Independence:
    """The finding for one source.

    Parameters
    ----------
    source : str
        Label.
    status : {"independent", "not independent", "undetermined"}
        Whether the measured mass is a measurement independent of fuel and heat.
    heat_from_emission : bool
        The heat input is computed from the measured emission, and is no second measurement.
    constant : float
        CO2 per heat [short ton/mmBtu]; NaN if unknown.
    share : float
        Share of records within rounding of the constant.
    f_factor : float
        Fc [scf/mmBtu] that the constant means in its family; NaN if none.
    fuel : str
        Fuel with that F factor, empty if none.
    evidence : str
        One sentence.
    """

    source: str
    status: str
    heat_from_emission: bool = False
    constant: float = float("nan")
    share: float = float("nan")
    f_factor: float = float("nan")
    fuel: str = ""
    evidence: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for JSON, without numbers that are not known."""
        return {k: v for k, v in asdict(self).items() if v == v}


def assess(measured: xr.Dataset, accounted: xr.Dataset | None = None) -> list[Independence]:
    """Assess every source of a MEASURED Dataset.

    Parameters
    ----------
    measured : Dataset
        With ``emission`` [kg s-1] of CO2 and, where known, ``heat_input`` [W], dims (source, time).
    accounted : Dataset, optional
        ACCOUNTED Dataset on the same intervals, to find an accounting computed from the monitored heat.

    Returns
    -------
    list of Independence
        One for each source.
    """
    from ghg.core.time import seconds

    labels = [str(s) for s in measured["source"].values]
    if "heat_input" not in measured:
        return [_no_heat(measured, i, label) for i, label in enumerate(labels)]
    length = seconds(measured["time_bounds"].values)
    mass = measured["emission"].transpose("source", "time").values * length * factor("kg", "short_ton")
    heat = measured["heat_input"].transpose("source", "time").values * length * factor("J", "mmBtu")
    hours = length / 3600.0
    share = np.ones_like(mass)
    if "operating_time" in measured:
        share = np.nan_to_num(measured["operating_time"].transpose("source", "time").values, nan=1.0)
    found = [_source(label, mass[i], heat[i], hours * share[i], _method(measured, i)) for i, label in enumerate(labels)]
    if accounted is None:
        return found
    return [_with_accounted(one, heat[i], mass[i], accounted) for i, one in enumerate(found)]


def _method(measured: xr.Dataset, i: int) -> set[int]:
    if "emission_method" not in measured:
        return set()
    return {int(m) for m in np.unique(measured["emission_method"].transpose("source", "time").values[i])}


def _no_heat(measured: xr.Dataset, i: int, label: str) -> Independence:
    methods = _method(measured, i)
    if methods and methods <= {3, 4, 6}:
        return Independence(label, "not independent", evidence="all values are stated as fuel flow or defaults")
    return Independence(label, "undetermined", evidence="without heat input the data cannot show how CO2 was found")


def constant_of(mass: Array, heat: Array, hours: Array) -> tuple[float, float, int]:
    """Return CO2 per heat, the share of records within rounding of it, and the number of records.

    Parameters
    ----------
    mass : float64 (n,)
        CO2 [short ton] per interval.
    heat : float64 (n,)
        Heat input [mmBtu] per interval.
    hours : float64 (n,)
        Operating hours of the interval; rounding errors of its hours add in quadrature (three sigma of a sum of
        rectangular errors).

    Notes
    -----
    Only records whose rounding is below 2 % of the mass can speak for or against a constant.
    """
    known = (mass > 0) & (heat > 0) & np.isfinite(mass) & np.isfinite(heat)
    width = HOURLY_HALF_WIDTH * np.where(
        hours <= 3.0, np.minimum(hours, 1.0) * np.maximum(hours, 1.0), np.sqrt(3.0 * hours)
    )
    known &= width < 0.02 * mass
    n = int(known.sum())
    if n == 0:
        return float("nan"), float("nan"), 0
    k = float(np.median(mass[known] / heat[known]))
    # the printed values carry a resolution of their own, 0.001 at the finest
    tolerance = width[known] * (1.0 + k) + 0.001
    return k, float(np.mean(np.abs(mass[known] - k * heat[known]) <= tolerance)), n


def _mean_ratio(mass: Array, heat: Array) -> float:
    known = (mass > 0) & (heat > 0)
    return float(mass[known].sum() / heat[known].sum())


def nearest_fuel(f_factor: float, fuels: tuple[str, ...] | None = None, within: float = 0.002) -> str:
    """Return the fuel whose tabulated Fc is nearest to `f_factor`, empty if none lies within that fraction."""
    from sensors.stack.defaults import f_factors

    best, gap = "", within
    for fuel in fuels or _solid_fuels():
        fc = f_factors(fuel)[1]
        if abs(f_factor / fc - 1.0) <= gap:
            best, gap = fuel, abs(f_factor / fc - 1.0)
    return best


def _solid_fuels() -> tuple[str, ...]:
    return ("bituminous", "subbituminous", "lignite", "anthracite", "wood", "wood_bark", "municipal_solid_waste")


def _source(label: str, mass: Array, heat: Array, hours: Array, methods: set[int]) -> Independence:
    k, share, n = constant_of(mass, heat, hours)
    if n == 0:
        return Independence(label, "undetermined", evidence="no record has both CO2 and heat input")
    k = _mean_ratio(mass, heat) if n < FEWEST or share >= CONSTANT_SHARE else k
    if n >= FEWEST and share < CONSTANT_SHARE:
        text = f"CO2 per heat input varies beyond rounding ({share:.0%} of {n} records lie on {k:.5f} short ton/mmBtu)"
        return Independence(label, "independent", False, k, share, evidence=text)
    if k >= SOLID:
        return _solid(label, k, share, n)
    return _gas(label, k, share, n, methods)


def _solid(label: str, k: float, share: float, n: int) -> Independence:
    fc = k / F15
    fuel = nearest_fuel(fc)
    what = f"Fc {fc:.0f} scf/mmBtu" + (f", {fuel}" if fuel else "")
    if n < FEWEST:
        text = (
            f"CO2 per heat input is {k:.5f} short ton/mmBtu, as when heat input is computed from the measured CO2 "
            f"by F-15 with {what}; {n} record(s) cannot show whether it varies"
        )
        return Independence(label, "independent", bool(fuel), k, share, fc, fuel, text)
    text = (
        f"CO2 per heat input is constant at {k:.5f} short ton/mmBtu within rounding: heat input is computed from the "
        f"measured CO2 by F-15 ({what}), so CO2 is measured and heat input is not a second measurement"
    )
    return Independence(label, "independent", True, k, share, fc, fuel, text)


def _gas(label: str, k: float, share: float, n: int, methods: set[int]) -> Independence:
    by_fuel_flow = nearest_fuel(k / G4, FUEL_FLOW_FUELS)
    by_stack = nearest_fuel(k / F15, FUEL_FLOW_FUELS)
    nearer_g4 = by_fuel_flow and (not by_stack or _gap(k / G4, by_fuel_flow) <= _gap(k / F15, by_stack))
    if nearer_g4:
        fc = k / G4
        text = (
            f"CO2 is heat input times {k:.5f} short ton/mmBtu in {share:.0%} of {n} records: equation G-4 with Fc "
            f"{fc:.0f} ({by_fuel_flow}), that is fuel accounting, whatever the flags say"
        )
        return Independence(label, "not independent", False, k, share, fc, by_fuel_flow, text)
    if by_stack:
        text = f"CO2 per heat input is {k:.5f} short ton/mmBtu, as when heat is computed from stack CO2 by F-15"
        return Independence(label, "independent", True, k, share, k / F15, by_stack, text)
    text = f"CO2 per heat input is constant at {k:.5f} short ton/mmBtu, which fits no known F factor"
    status = "not independent" if methods and methods <= {3, 4, 6} else "undetermined"
    return Independence(label, status, False, k, share, evidence=text)


def _gap(f_factor: float, fuel: str) -> float:
    from sensors.stack.defaults import f_factors

    return abs(f_factor / f_factors(fuel)[1] - 1.0)


def constant_ratio(a: Array, b: Array, tolerance: float = 2e-4) -> bool:
    """Tell whether two series of at least six periods are one series times a constant."""
    known = (a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)
    if known.sum() < PAIRS:
        return False
    ratio = a[known] / b[known]
    moved = np.ptp(b[known]) > 0.02 * np.mean(b[known])  # two constant series would prove nothing
    return bool(moved and np.max(np.abs(ratio / np.median(ratio) - 1.0)) < tolerance)


def _with_accounted(one: Independence, heat: Array, mass: Array, accounted: xr.Dataset) -> Independence:
    """Look for an accounted side computed from the monitor of this source."""
    if accounted.sizes["time"] != heat.size:
        return one
    energy = accounted["energy"].sum("stream").values if "energy" in accounted else np.full(heat.size, np.nan)
    emitted = accounted["emission"].sum([d for d in accounted["emission"].dims if d != "time"]).values
    if constant_ratio(energy, heat):
        text = "the accounted fuel energy is the monitored heat input times a constant in every period"
    elif constant_ratio(emitted, mass):
        text = "the accounted emission is the measured one times a constant in every period"
    else:
        return one
    return Independence(
        one.source, "not independent", one.heat_from_emission, one.constant, one.share, one.f_factor, one.fuel, text
    )
