"""Is CO2 heat input times a constant? Judged by rounding alone, with the constants of the regulation beside it.

|CO2 - k heat| of a record stands against the half widths of the reported digits, found in the data. A constant is
spoken of only where real measurements could not have looked so: were the ratio to scatter by 1 % between records
(genuine hours scatter by 0.9 to 3 %), the chance that all lie within rounding must be below 1e-4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

G4 = 44.0 / (385.0 * 2000.0)  # short ton per scf of CO2, equation G-4
F15 = 5.7e-7 * 100.0  # short ton per scf of CO2, equations F-11 and F-15 together
FUEL_FLOW_FUELS = ("natural_gas", "oil", "propane", "butane")
HOURLY_HALF_WIDTH = 0.05  # Part 75 hourly CO2 [short ton] and heat input [mmBtu] are rounded to 0.1
CONSTANT_SHARE = 0.98  # share of records that must agree with the constant within rounding
SCATTER = 0.01  # relative scatter below that of any real measurement of CO2 against heat
CHANCE = 1e-4  # probability of a constant by chance, below which one is spoken of
FEWEST = 3  # records that can show a constant at all
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
    from sensors.defaults import f_factors

    return f_factors(fuel)[1]
