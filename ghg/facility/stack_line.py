"""What the channels of a stack say about each other: substituted hours, and CO2 on the line through O2."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError

if TYPE_CHECKING:
    import xarray as xr

Array = npt.NDArray[np.float64]

# fuel name of the factor tables -> fuel of the F-factor table
F_FACTOR_FUELS = {"diesel": "oil", "residual_oil": "oil"}


def substitution(channels: xr.Dataset) -> float | None:
    """Return what substituted hours add, in ln: the mass against that of the measured hours at the same load.

    Parameters
    ----------
    channels : Dataset
        MEASURED with ``emission_method``, and ``gross_load`` or ``operating_time`` to scale with.

    Returns
    -------
    float or None
        None where nothing is substituted, or everything is.
    """
    from ghg.core.flags import Method
    from ghg.core.time import seconds

    scale = next((name for name in ("gross_load", "operating_time") if name in channels), None)
    if scale is None or "emission_method" not in channels:
        return None
    length = seconds(channels.variables["time_bounds"].values)
    mass = channels.variables["emission"].transpose("source", "time").values * length
    load = channels[scale].transpose("source", "time").values * length
    filled = channels.variables["emission_method"].transpose("source", "time").values == int(Method.SUBSTITUTE)
    known = np.isfinite(mass) & np.isfinite(load) & (load > 0)
    if not (known & filled).any() or not (known & ~filled).any():
        return None
    direct = mass[known & ~filled].sum() / load[known & ~filled].sum()
    return math.log(mass[known].sum() / (direct * load[known].sum()))


def concentration_off_line(channels: xr.Dataset, accounted: xr.Dataset) -> float | None:
    """Return ln of the measured CO2 over that of the stoichiometric line through O2, weighted by mass.

    None where a channel is missing or the fuel has no F factors.

    References
    ----------
    40 CFR 75 Appendix F, equations F-14A and F-14B.
    """
    factors = main_fuel_factors(accounted)
    ln, weight = off_line(channels, factors) if factors else (None, None)
    if ln is None or weight is None:
        return None
    return math.log(np.sum(weight) / np.sum(weight * np.exp(-ln)))


def off_line(channels: xr.Dataset, factors: tuple[float, float]) -> tuple[Array, Array] | tuple[None, None]:
    """Return ln(CO2/line) and the mass rate of the intervals that have both channels, flattened; else None.

    Parameters
    ----------
    channels : Dataset
        MEASURED with ``co2`` and ``o2`` (attribute ``humidity``), and ``h2o`` where they are wet.
    factors : pair of float
        Fd and Fc of the fuel [scf/mmBtu].
    """
    line = line_co2(channels, factors)
    if line is None:
        return None, None
    co2 = channels.variables["co2"].transpose("source", "time").values
    mass = channels.variables["emission"].transpose("source", "time").values
    usable = np.isfinite(line) & (line > 0) & (co2 > 0) & (mass > 0)
    return np.log(co2[usable] / line[usable]), mass[usable]


def line_co2(channels: xr.Dataset, factors: tuple[float, float]) -> Array | None:
    """Return CO2 [percent] of the line through O2, in the humidity of the CO2 channel; None if it cannot be had."""
    from sensors.stack.part75 import AIR_O2

    if "co2" not in channels or "o2" not in channels:
        return None
    co2_state, o2_state = (channels.variables[name].attrs.get("humidity") for name in ("co2", "o2"))
    wet = [state == "wet" for state in (co2_state, o2_state)]
    if not {co2_state, o2_state} <= {"wet", "dry"} or (any(wet) and "h2o" not in channels):
        return None
    o2 = channels.variables["o2"].transpose("source", "time").values
    dry = 1.0 - channels.variables["h2o"].transpose("source", "time").values / 100.0 if any(wet) else np.ones(o2.shape)
    slope = 100.0 * factors[1] / factors[0] / AIR_O2
    line = slope * (AIR_O2 * dry - o2) if wet[1] else slope * (AIR_O2 - o2) * dry
    return line if wet[0] else line / dry


def main_fuel_factors(accounted: xr.Dataset) -> tuple[float, float] | None:
    """Return Fd and Fc of the fuel that carries at least 95 % of the accounted energy (mass, if no energy is known)."""
    from inventories.accounting.factors import FUEL_CODES
    from sensors.defaults import f_factors

    if "fuel" not in accounted.coords:
        return None
    there = accounted.variables
    carried = there["energy" if "energy" in there and there["energy"].notnull().any() else "emission"]
    rows = carried.transpose("stream", ...).values
    share = np.nansum(rows.reshape(rows.shape[0], -1), axis=1)
    main = int(share.argmax())
    if share[main] < 0.95 * share.sum():
        return None
    name = str(accounted.variables["fuel"].values[main])
    name = FUEL_CODES.get(name.upper(), name.lower())
    try:
        return f_factors(F_FACTOR_FUELS.get(name, name))
    except ConfigError:
        return None
