"""Is the measured side a measurement? Found from the data, whatever the flags say.

Two families of constants look alike and mean the opposite:

- Fuel flow and G-4 (40 CFR 75 Appendix G 2.3): CO2 = Fc x heat x 44 / (385 x 2000). CO2 is heat input times a
  constant, so it is accounting.
- Stack gas and F-15 (Appendix F 5.2.1): heat = flow x CO2 / (100 Fc), while F-11 gives CO2 = 5.7e-7 x flow x CO2, so
  that CO2 / heat = 5.7e-5 Fc. The *heat input* is computed from the measured CO2; CO2 itself is measured.

The constants differ by 44/(385 x 2000) / 5.7e-5 = 1.00251, which rounding blurs in one hour and not over many.
G-4 is open to gas and oil only, so a constant in the range of solid fuels belongs to the second family.

What counts as constant is judged by rounding alone: |CO2 - k heat| of a record against the half widths of the reported
digits, found in the data. A constant is spoken of only where real measurements could not have looked so: were the
ratio to scatter by 1 % between records (genuine hours scatter by 0.9 to 3 %), the chance that all lie within rounding
must be below 1e-4. One total of a year is compared with the known constants, and called "consistent with" one; whether
its ratio varies it cannot show.
"""

from __future__ import annotations

import math
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
SCATTER = 0.01  # relative scatter below that of any real measurement of CO2 against heat
CHANCE = 1e-4  # probability of a constant by chance, below which one is spoken of
FEWEST = 3  # records that can show a constant at all
PAIRS = 6  # periods needed to speak of a constant ratio between the two sides
MASS_UNITS = {"short_ton": 1.0, "t": 0.90718474, "kg": 907.18474}  # per short ton: units in which digits are sought
HEAT_UNITS = {"mmBtu": 1.0, "GJ": 1.05505585262, "MWh": 0.29307107017}  # per mmBtu


@dataclass(frozen=True)
class Constant:
    """CO2 per heat of one source; see :func:`constant_of`.

    Parameters
    ----------
    value : float
        Ratio of totals where it is constant, else the median [short ton/mmBtu].
    share : float
        Share of records within rounding of it.
    n : int
        Records whose rounding is small enough to speak.
    chance : float
        Probability that all lie within rounding although the ratio scatters by 1 %.
    u : float
        Relative standard uncertainty of `value` from rounding.
    constant : bool
        It is constant, and not by chance.
    fuel_flow_share : float
        Share of records that lie on the constant of equation G-4 for any of its fuels.
    """

    value: float = float("nan")
    share: float = float("nan")
    n: int = 0
    chance: float = 1.0
    u: float = float("nan")
    constant: bool = False
    fuel_flow_share: float = 0.0


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
    length = seconds(measured["time_bounds"].values)
    mass = measured["emission"].transpose("source", "time").values * length * factor("kg", "short_ton")
    if "heat_input" not in measured:
        found = [_no_heat(measured, i, label) for i, label in enumerate(labels)]
        if accounted is None:
            return found
        return [_with_accounted(one, np.full(mass[i].size, np.nan), mass[i], accounted) for i, one in enumerate(found)]
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
    method = measured["emission_method"].transpose("source", "time").values[i]
    running = measured["emission"].transpose("source", "time").values[i] > 0
    return {int(m) for m in np.unique(method[running])}


def _stated(methods: set[int]) -> bool:
    """Tell whether the file itself says that nothing was measured: fuel flow, default, substitute by it, derived."""
    return bool(methods) and methods <= {3, 4, 6}


def _no_heat(measured: xr.Dataset, i: int, label: str) -> Independence:
    methods = _method(measured, i)
    if _stated(methods):
        return Independence(label, "not independent", evidence="all values are stated as fuel flow or defaults")
    return Independence(label, "undetermined", evidence="without heat input the data cannot show how CO2 was found")


def resolution(values: Array, units: dict[str, float]) -> float:
    """Return the step of the reported digits, in the unit of `values`; 0 where there is none.

    Parameters
    ----------
    values : float64 (n,)
        Positive values.
    units : dict
        Factors from the unit of `values` to the units in which they may have been reported.

    Notes
    -----
    The coarsest decimal step of which 99.9 % of the values are multiples, within the errors of float64.
    """
    if values.size == 0:
        return 0.0
    best = 0.0
    for to_unit in units.values():
        reported = values * to_unit
        for decade in range(4, -5, -1):
            step = 10.0**decade
            off = np.abs(reported / step - np.round(reported / step))
            # a grid finer than a millionth of the values would be found in any number
            if step < 1e-6 * float(np.median(reported)):
                break
            if np.mean((off <= 1e-6) & (reported >= step)) >= 0.999 and np.unique(reported).size > 1:
                best = max(best, step / to_unit)
                break
    return best


def rounding(values: Array, hours: Array, units: dict[str, float]) -> Array:
    """Return the half widths of rounding of reported values.

    Parameters
    ----------
    values : float64 (n,)
        Short ton or mmBtu per interval.
    hours : float64 (n,)
        Operating hours of the interval.
    units : dict
        See :func:`resolution`.

    Notes
    -----
    An hour's value is a rounded rate times the operating time, printed to finer digits: the step of the rate is found
    in the full hours (0.1 where there are too few). In the sum of a day or year, the hours' errors add in quadrature
    (three sigma of a sum of rectangular errors).
    """
    printed = resolution(values, units) / 2.0
    single = hours <= 3.0
    full = np.abs(hours - 1.0) < 1e-6
    hourly = resolution(values[full], units) / 2.0 if full.sum() >= 10 else HOURLY_HALF_WIDTH
    if not single.any():
        hourly = HOURLY_HALF_WIDTH
    width = np.where(single, hourly * hours, hourly * np.sqrt(3.0 * hours)) + printed * ~full
    return width.astype(np.float64)


def constant_of(mass: Array, heat: Array, hours: Array) -> Constant:
    """Test whether CO2 is heat times a constant.

    Parameters
    ----------
    mass : float64 (n,)
        CO2 [short ton] per interval.
    heat : float64 (n,)
        Heat input [mmBtu] per interval.
    hours : float64 (n,)
        Operating hours of the interval.

    Returns
    -------
    Constant

    Notes
    -----
    Only records whose rounding is below 2 % of the mass can speak for or against a constant.
    """
    from scipy.special import erf

    known = (mass > 0) & (heat > 0) & np.isfinite(mass) & np.isfinite(heat)
    m, h, t = mass[known], heat[known], hours[known]
    if m.size == 0:
        return Constant()
    k = float(np.median(m / h))
    tolerance = rounding(m, t, MASS_UNITS) + k * rounding(h, t, HEAT_UNITS) + 1e-9 * m
    sharp = tolerance < 0.02 * m
    n = int(sharp.sum())
    if n == 0:
        return Constant(k, n=0)
    m, h, tolerance = m[sharp], h[sharp], tolerance[sharp]
    k = float(np.median(m / h))
    mean = float(m.sum() / h.sum())
    by_chance = float(np.mean(erf(tolerance / (math.sqrt(2.0) * SCATTER * m))))
    u = float(np.sqrt((tolerance**2).sum() / 3.0) / m.sum())
    if n == 1:  # a record agrees with itself
        return Constant(mean, 1.0, n, 1.0, u)
    share = float(np.mean(np.abs(m - k * h) <= tolerance))
    fuel_flow = np.zeros(n, dtype=bool)
    for fuel in FUEL_FLOW_FUELS:
        fuel_flow |= np.abs(m - G4 * _fc(fuel) * h) <= tolerance * (1.0 + 1e-9) + 2e-4 * m
    constant = n >= FEWEST and share >= CONSTANT_SHARE and by_chance ** (n - 1) < CHANCE
    found = mean if share >= CONSTANT_SHARE else k
    return Constant(found, share, n, by_chance ** (n - 1), u, constant, float(fuel_flow.mean()))


def nearest_fuel(f_factor: float, fuels: tuple[str, ...] | None = None, within: float = 0.002) -> str:
    """Return the fuel whose tabulated Fc is nearest to `f_factor`, empty if none lies within that fraction."""
    best, gap = "", within
    for fuel in fuels or _solid_fuels():
        fc = _fc(fuel)
        if abs(f_factor / fc - 1.0) <= gap:
            best, gap = fuel, abs(f_factor / fc - 1.0)
    return best


def _solid_fuels() -> tuple[str, ...]:
    return ("bituminous", "subbituminous", "lignite", "anthracite", "wood", "wood_bark", "municipal_solid_waste")


def _fc(fuel: str) -> float:
    from sensors.stack.defaults import f_factors

    return f_factors(fuel)[1]


def _source(label: str, mass: Array, heat: Array, hours: Array, methods: set[int]) -> Independence:
    c = constant_of(mass, heat, hours)
    k = c.value
    if c.n == 0:
        return Independence(label, "undetermined", evidence="no record has both CO2 and heat input beyond rounding")
    if _stated(methods):
        text = f"all values are stated as fuel flow or defaults; CO2 per heat input is {k:.5f} short ton/mmBtu"
        fuel = nearest_fuel(k / G4, FUEL_FLOW_FUELS)
        return Independence(label, "not independent", False, k, c.share, k / G4 if fuel else math.nan, fuel, text)
    if c.n >= FEWEST and c.share < CONSTANT_SHARE:
        return _varying(label, c)
    if c.n >= FEWEST and not c.constant:
        text = f"CO2 per heat input is {k:.5f} short ton/mmBtu, and rounding hides whether it varies in {c.n} records"
        return Independence(label, "undetermined", False, k, c.share, evidence=text)
    return _solid(label, c) if k >= SOLID else _gas(label, c)


def _varying(label: str, c: Constant) -> Independence:
    if c.fuel_flow_share >= CONSTANT_SHARE and c.chance < CHANCE:
        text = (
            f"CO2 is heat input times a constant of equation G-4 in {c.fuel_flow_share:.0%} of {c.n} records, of more "
            "than one fuel: that is fuel accounting, whatever the flags say"
        )
        return Independence(label, "not independent", False, c.value, c.fuel_flow_share, evidence=text)
    where = f"{c.share:.0%} of {c.n} records lie on {c.value:.5f} short ton/mmBtu"
    text = f"CO2 per heat input varies beyond rounding ({where})"
    return Independence(label, "independent", False, c.value, c.share, evidence=text)


def _solid(label: str, c: Constant) -> Independence:
    k, fc = c.value, c.value / F15
    fuel = nearest_fuel(fc)
    what = f"Fc {fc:.0f} scf/mmBtu" + (f", {fuel}" if fuel else "")
    if not c.constant:
        text = (
            f"CO2 per heat input is {k:.5f} short ton/mmBtu, "
            + (f"consistent with heat derived from CO2 by F-15 ({what})" if fuel else f"no known F factor ({what})")
            + f"; {c.n} record(s) cannot show whether it varies. The mass is independent of fuel records"
            + (", but not of its own heat input" if fuel else "")
        )
        return Independence(label, "independent", bool(fuel), k, c.share, fc, fuel, text)
    text = (
        f"CO2 per heat input is constant at {k:.5f} short ton/mmBtu within rounding: heat input is computed from the "
        f"measured CO2 by F-15 ({what}), so CO2 is measured and heat input is not a second measurement"
    )
    return Independence(label, "independent", True, k, c.share, fc, fuel, text)


def _gas(label: str, c: Constant) -> Independence:
    """Tell the two families apart in the range of gas and oil."""
    k = c.value
    reach = 4.0 * c.u + 5e-4  # rounding, and the digits of the F factors
    by_fuel_flow, by_stack = nearest_fuel(k / G4, FUEL_FLOW_FUELS, reach), nearest_fuel(k / F15, FUEL_FLOW_FUELS, reach)
    said = f"CO2 per heat input is {'constant at ' if c.constant else ''}{k:.5f} short ton/mmBtu in {c.n} record(s)"
    if by_fuel_flow and by_stack:
        text = f"{said}, and rounding cannot tell fuel flow (G-4) from stack gas (F-15)"
        return Independence(label, "undetermined", False, k, c.share, k / G4, by_fuel_flow, text)
    if by_fuel_flow:
        fc = k / G4
        if not c.constant:
            text = (
                f"{said}, consistent with fuel accounting by G-4 (Fc {fc:.0f}, {by_fuel_flow}); whether it varies "
                "such a record cannot show, so hourly or daily ones are needed"
            )
            return Independence(label, "undetermined", False, k, c.share, fc, by_fuel_flow, text)
        text = (
            f"CO2 is heat input times {k:.5f} short ton/mmBtu in {c.share:.0%} of {c.n} records: equation G-4 with Fc "
            f"{fc:.0f} ({by_fuel_flow}), that is fuel accounting, whatever the flags say"
        )
        return Independence(label, "not independent", False, k, c.share, fc, by_fuel_flow, text)
    if by_stack:
        text = f"{said}, as when heat is computed from stack CO2 by F-15 (Fc {k / F15:.0f}, {by_stack})"
        status = "independent" if c.constant else "undetermined"
        return Independence(label, status, True, k, c.share, k / F15, by_stack, text)
    return Independence(label, "undetermined", False, k, c.share, evidence=f"{said}, which fits no known F factor")


def constant_ratio(a: Array, b: Array) -> bool:
    """Tell whether two series of at least six periods are one series times a constant.

    Notes
    -----
    Within 2e-4 (typed values have five digits and more), and only where the series move by more than 2 %: two steady
    series would prove nothing.
    """
    known = (a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)
    if known.sum() < PAIRS:
        return False
    ratio = a[known] / b[known]
    moved = np.ptp(b[known]) > 0.02 * np.mean(b[known])
    return bool(moved and np.max(np.abs(ratio / np.median(ratio) - 1.0)) < 2e-4)


def _with_accounted(one: Independence, heat: Array, mass: Array, accounted: xr.Dataset) -> Independence:
    """Look for an accounted side computed from the monitor of this source."""
    if accounted.sizes["time"] != heat.size:
        return one
    energies = [np.full(heat.size, np.nan)]
    if "energy" in accounted:
        energy = accounted["energy"].transpose("stream", "time").values
        energies = [np.nansum(energy, axis=0), *energy]
    emitted = accounted["emission"].sum([d for d in accounted["emission"].dims if d != "time"]).values
    length = _lengths(accounted)
    main = [e for e in energies if np.nansum(e) > 0.5 * np.nansum(energies[0])]
    if any(_same(e, heat, length) for e in main):
        text = "the accounted fuel energy is the monitored heat input times a constant in every period"
        if one.heat_from_emission:
            text += ", and that heat input was itself computed from the measured CO2"
    elif _same(emitted * length, mass, length):
        text = "the accounted emission is the measured one times a constant in every period"
    else:
        return one
    return Independence(
        one.source, "not independent", one.heat_from_emission, one.constant, one.share, one.f_factor, one.fuel, text
    )


def _same(a: Array, b: Array, length: Array) -> bool:
    """Judge amounts and rates: months of one flat amount, or of one flat rate, would prove nothing."""
    return constant_ratio(a, b) and constant_ratio(a / length, b / length)


def _lengths(ds: xr.Dataset) -> Array:
    from ghg.core.time import seconds

    return seconds(ds["time_bounds"].values)
