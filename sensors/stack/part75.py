"""US 40 CFR Part 75, Appendices F and G: CO2 mass and heat input, in the units of the regulation.

Each function is one equation, named by its number, on plain numbers or arrays: CO2, O2 and H2O in percent by
volume, flow in standard cubic feet per hour (68 degF, 29.92 inHg, wet unless said otherwise), heat input in
mmBtu per hour, F factors in (d)scf per mmBtu, mass in short tons. The door with units is
:func:`sensors.stack.emission.stack_emission`.

References
----------
40 CFR 75 Appendix F, sections 4 and 5; Appendix G, section 2.3. Rounding as in EPA's check engine (midpoint
away from zero), which differs from Python's and NumPy's rounding to even.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sensors.defaults import diluent_cap, f_factors

__all__ = [
    "AIR_O2",
    "CONSTANT",
    "EXACT_CONSTANT",
    "cap_co2",
    "cap_o2",
    "co2_dry_f14a",
    "co2_mass_f2",
    "co2_mass_f11",
    "co2_mass_g4",
    "co2_wet_f14b",
    "f_factors",
    "heat_input_f15",
    "heat_input_f16",
    "heat_input_f17",
    "heat_input_f18",
    "round_away",
]

# Appendix F section 4.1: short tons per standard cubic foot and percent CO2
CONSTANT = 5.7e-7
# 44.009 lb per lb-mol, 385.325 scf per lb-mol (ideal gas at 68 degF and 29.92 inHg), 2000 lb per short ton
EXACT_CONSTANT = 44.009 / (1545.349 * 527.67 / (29.92 * 70.7262)) / 2000.0 / 100.0
AIR_O2 = 20.9
# Appendix G equation G-4: cubic feet per lb-mol and mass of a mole as the regulation writes them
G4_VOLUME, G4_MOLE = 385.0, 44.0


def round_away(values: Any, decimals: int = 1) -> Any:
    """Round halves away from zero, as the regulation does.

    Parameters
    ----------
    values : float or array
    decimals : int
        Digits kept.

    Returns
    -------
    float or ndarray
        NaN stays NaN. A value within 4e-15 (relative) of a tie counts as one, since the regulation's decimals
        have no neighbour just below 0.05.
    """
    from sensors.stack._kernels import round_away as kernel

    flat = np.ascontiguousarray(np.asarray(values, np.float64)).ravel()
    out = np.empty_like(flat)
    kernel(flat, 10.0**decimals, out)
    return float(out[0]) if np.ndim(values) == 0 else out.reshape(np.shape(values))


def _rounded(values: Any, rounding: bool) -> Any:
    return round_away(values) if rounding else values


def co2_mass_f11(co2_wet: Any, flow: Any, *, constant: float = CONSTANT, rounding: bool = True) -> Any:
    """Return the hourly CO2 rate [short ton h-1] from wet CO2 [%] and wet flow [scfh] (equation F-11)."""
    return _rounded(constant * np.multiply(co2_wet, flow), rounding)


def co2_mass_f2(co2_dry: Any, flow: Any, h2o: Any, *, constant: float = CONSTANT, rounding: bool = True) -> Any:
    """Return the CO2 rate [short ton h-1] from dry CO2 [%], wet flow [scfh], moisture [%] (F-2 form)."""
    return _rounded(constant * np.multiply(co2_dry, flow) * (100.0 - np.asarray(h2o)) / 100.0, rounding)


def co2_dry_f14a(o2_dry: Any, fd: float, fc: float, *, rounding: bool = True) -> Any:
    """Return dry CO2 [%] from dry O2 [%] (equation F-14A); below zero is zero."""
    co2 = 100.0 * fc / fd * (AIR_O2 - np.asarray(o2_dry, np.float64)) / AIR_O2
    return _rounded(np.where(co2 < 0.0, 0.0, co2)[()], rounding)


def co2_wet_f14b(o2_wet: Any, h2o: Any, fd: float, fc: float, *, rounding: bool = True) -> Any:
    """Return wet CO2 [%] from wet O2 [%] and moisture [%] (equation F-14B); below zero is zero."""
    dry_air = AIR_O2 * (100.0 - np.asarray(h2o, np.float64)) / 100.0
    co2 = 100.0 / AIR_O2 * fc / fd * (dry_air - np.asarray(o2_wet, np.float64))
    return _rounded(np.where(co2 < 0.0, 0.0, co2)[()], rounding)


def _heat(values: Any, rounding: bool) -> Any:
    """Round to 0.1 and not below 1 mmBtu/h, as EPA's check engine does; NaN stays NaN."""
    return np.where(values < 1.0, 1.0, round_away(values))[()] if rounding else values


def heat_input_f15(co2_wet: Any, flow: Any, fc: float, *, rounding: bool = True) -> Any:
    """Return heat input [mmBtu h-1] from wet CO2 [%] and wet flow [scfh] (equation F-15)."""
    return _heat(np.multiply(flow, co2_wet) / (100.0 * fc), rounding)


def heat_input_f16(co2_dry: Any, flow: Any, h2o: Any, fc: float, *, rounding: bool = True) -> Any:
    """Return heat input [mmBtu h-1] from dry CO2 [%], wet flow [scfh] and moisture [%] (equation F-16)."""
    dry = np.multiply(flow, 100.0 - np.asarray(h2o, np.float64))
    return _heat(dry * co2_dry / (1e4 * fc), rounding)


def heat_input_f17(o2_wet: Any, flow: Any, h2o: Any, fd: float, *, rounding: bool = True) -> Any:
    """Return heat input [mmBtu h-1] from wet O2 [%], wet flow [scfh] and moisture [%] (equation F-17)."""
    excess = 0.209 * (100.0 - np.asarray(h2o, np.float64)) - np.asarray(o2_wet, np.float64)
    return _heat(np.asarray(flow) / fd * excess / AIR_O2, rounding)


def heat_input_f18(o2_dry: Any, flow: Any, h2o: Any, fd: float, *, rounding: bool = True) -> Any:
    """Return heat input [mmBtu h-1] from dry O2 [%], wet flow [scfh] and moisture [%] (equation F-18)."""
    dry = np.multiply(flow, 100.0 - np.asarray(h2o, np.float64)) / (100.0 * fd)
    return _heat(dry * (AIR_O2 - np.asarray(o2_dry, np.float64)) / AIR_O2, rounding)


def co2_mass_g4(heat_input: Any, fc: float) -> Any:
    """Return CO2 mass [short ton] from heat input [mmBtu] of gas or oil (Appendix G, equation G-4)."""
    return fc * np.asarray(heat_input)[()] / G4_VOLUME * G4_MOLE / 2000.0


def cap_co2(co2: Any, kind: str) -> Any:
    """Return CO2 [%], not below the diluent cap of a "boiler" or "turbine" (Appendix F 3.3.4.1)."""
    least, _ = diluent_cap(kind)
    return np.where(np.asarray(co2) < least, least, co2)[()]


def cap_o2(o2: Any, kind: str) -> Any:
    """Return O2 [%], not above the diluent cap of a "boiler" or "turbine" (Appendix F 3.3.4.1)."""
    _, greatest = diluent_cap(kind)
    return np.where(np.asarray(o2) > greatest, greatest, o2)[()]
