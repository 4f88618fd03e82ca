"""What the channels of a stack say about each other: substituted hours, and CO2 on the line through O2."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError
from ghg.facility.sums import Sums, rows_of

if TYPE_CHECKING:
    import xarray as xr

Array = npt.NDArray[np.float64]

# fuel name of the factor tables -> fuel of the F-factor table
F_FACTOR_FUELS = {"diesel": "oil", "residual_oil": "oil"}


def quantities(channels: xr.Dataset) -> Iterator[tuple[str, Array]]:
    """Yield what the questions of this module need of each interval, to be added up.

    Parameters
    ----------
    channels : Dataset
        MEASURED.

    Yields
    ------
    str, float64 (source, time)
        ``measured`` and ``substituted`` (count of known intervals), ``measured_mass``, ``substituted_mass`` [kg],
        ``measured_load``, ``substituted_load``; ``load``, that of the intervals with an emission; ``on_line`` (mass),
        ``expected_on_line`` and ``ln_on_line`` (mass times the line over CO2, and times its ln, both for a line of
        slope 1). Each as far as there are the channels for it.
    """
    from ghg.core.time import seconds

    length = seconds(channels.variables["time_bounds"].values)
    emission = rows_of(channels, "emission")
    yield from _substituted(channels, emission * length, length)
    if "gross_load" in channels:
        load = rows_of(channels, "gross_load") * length
        yield "load", np.where(np.isfinite(emission) & np.isfinite(load), load, 0.0)
    line = line_co2(channels)
    if line is None:
        return
    co2 = rows_of(channels, "co2")
    good = np.isfinite(line) & (line > 0) & (co2 > 0) & (emission > 0)
    mass = np.where(good, emission, 0.0)
    off = np.where(good, co2, 1.0) / np.where(good, line, 1.0)
    yield "on_line", mass
    yield "expected_on_line", mass / off
    yield "ln_on_line", mass * np.log(off)


def _substituted(channels: xr.Dataset, mass: Array, length: Array) -> Iterator[tuple[str, Array]]:
    """Yield count, mass and load of the intervals with both, of those measured and of those substituted."""
    from ghg.core.flags import Method

    scale = next((name for name in ("gross_load", "operating_time") if name in channels), None)
    if scale is None or "emission_method" not in channels:
        return
    load = rows_of(channels, scale) * length
    filled = rows_of(channels, "emission_method") == int(Method.SUBSTITUTE)
    known = np.isfinite(mass) & np.isfinite(load) & (load > 0)
    for name, which in (("measured", known & ~filled), ("substituted", known & filled)):
        yield name, which
        yield f"{name}_mass", np.where(which, mass, 0.0)
        yield f"{name}_load", np.where(which, load, 0.0)


def substitution(sums: Sums) -> float | None:
    """Return what substituted hours add, in ln: the mass against that of the measured hours at the same load.

    Parameters
    ----------
    sums : Sums
        Of :func:`quantities`.

    Returns
    -------
    float or None
        None where nothing is substituted, everything is, or neither load nor operating time is known.
    """
    if not sums.total("measured") or not sums.total("substituted"):
        return None
    direct = sums.total("measured_mass") / sums.total("measured_load")
    mass = sums.total("measured_mass") + sums.total("substituted_mass")
    return math.log(mass / (direct * (sums.total("measured_load") + sums.total("substituted_load"))))


def concentration_off_line(sums: Sums, accounted: xr.Dataset) -> float | None:
    """Return ln of the measured CO2 over that of the stoichiometric line through O2, weighted by mass.

    None where a channel is missing or the fuel has no F factors.

    References
    ----------
    40 CFR 75 Appendix F, equations F-14A and F-14B.
    """
    factors = main_fuel_factors(accounted)
    if factors is None or not sums.total("on_line"):
        return None
    return math.log(sums.total("on_line") / (slope(factors) * sums.total("expected_on_line")))


def line_series(sums: Sums, accounted: xr.Dataset) -> Array | None:
    """Return ln(CO2/line) of each period, weighted by mass; None where a period has none."""
    factors = main_fuel_factors(accounted)
    if factors is None or "on_line" not in sums:
        return None
    weight = sums.by_period("on_line")
    if not np.all(weight > 0):
        return None
    return sums.by_period("ln_on_line") / weight - math.log(slope(factors))


def slope(factors: tuple[float, float]) -> float:
    """Return CO2 over the oxygen used up, of a fuel with Fd and Fc [scf/mmBtu]: percent of percent."""
    from sensors.stack.part75 import AIR_O2

    return 100.0 * factors[1] / factors[0] / AIR_O2


def line_co2(channels: xr.Dataset) -> Array | None:
    """Return CO2 [percent] of the line of slope 1 through O2, in the humidity of the CO2 channel; None if unknown.

    It needs ``co2`` and ``o2`` (attribute ``humidity``), and ``h2o`` where one of them is wet.
    """
    from sensors.stack.part75 import AIR_O2

    if "co2" not in channels or "o2" not in channels:
        return None
    co2_state, o2_state = (channels.variables[name].attrs.get("humidity") for name in ("co2", "o2"))
    wet = [state == "wet" for state in (co2_state, o2_state)]
    if not {co2_state, o2_state} <= {"wet", "dry"} or (any(wet) and "h2o" not in channels):
        return None
    o2 = rows_of(channels, "o2")
    dry = 1.0 - rows_of(channels, "h2o") / 100.0 if any(wet) else np.ones(o2.shape)
    line = AIR_O2 * dry - o2 if wet[1] else (AIR_O2 - o2) * dry
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
