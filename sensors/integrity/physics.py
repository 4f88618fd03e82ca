"""What needs no history of the unit: saturation, the CO2-O2 line of the fuels, the clock."""

from __future__ import annotations

import numpy as np

from sensors.integrity._kernels import physics as _physics
from sensors.integrity.findings import Finding, made
from sensors.integrity.units import Unit

__all__ = ["ANY_FUEL", "IAPWS", "findings"]

# IAPWS R7-97 (2012), Table 34: coefficients of the saturation-pressure equation (30)
IAPWS = np.array([0.11670521452767e4, -0.72421316703206e6, -0.17073846940092e2, 0.12020824702470e5,
                  -0.32325550322333e7, 0.14915108613530e2, -0.48232657361591e4, 0.40511340542057e6,
                  -0.23855557567849, 0.65017534844798e3])  # fmt: skip
DAY = 24  # hours of operation in the windows
# CO2 at no oxygen [percent, dry] of the fuels of 40 CFR 75 App. F Table 1, natural gas to lignite: 100 Fc/Fd
ANY_FUEL = (100.0 * 1040.0 / 8710.0, 100.0 * 1910.0 / 9860.0)


def findings(unit: Unit) -> tuple[list[Finding], int]:
    """Return what stack gas or a clock cannot do, and how many tests that took.

    Parameters
    ----------
    unit : Unit
        Saturation needs temperature, pressure and h2o, the line co2 and o2 in one humidity, the clock stamps.

    References
    ----------
    Saturation pressure of water: IAPWS R7-97 (2012), equation 30. CO2 against O2: 40 CFR 75 App. F, equation F-14A.
    """
    from sensors.stack.part75 import AIR_O2

    found: list[Finding] = []
    tests = 0
    c = unit.channels
    if {"temperature", "pressure", "h2o"} <= set(c):
        row = _physics.oversaturated(unit.on, c["temperature"], c["pressure"], c["h2o"], IAPWS, DAY)
        tests += 1
        if row[0] > 0.0:
            found.append(made(unit, "saturation", "h2o ~ temperature", row[0], row[1:3],
                              (f"{100.0 * np.expm1(row[0]):.0f} %",)))  # fmt: skip
    if "oxygen_deficit" in c and "co2" in c:
        low, high = unit.line or ANY_FUEL
        row = _physics.off_line(unit.on, c["co2"], c["oxygen_deficit"], AIR_O2, low, high, DAY)
        tests += 1
        if row[0] > 0.0:
            found.append(made(unit, "line", "co2 ~ o2", row[0], row[1:3], (f"{row[3]:.1f} %",)))
    if unit.stamps is not None and unit.stamps.size > 1:
        row = _physics.jumps(unit.stamps, int(unit.step / np.timedelta64(1, "s")))
        tests += 1
        if row[0] > 0.0:
            times = unit.stamps.astype("datetime64[s]")
            hours = [(times[i] - unit.start) / unit.step for i in (int(row[1]), min(int(row[2]), times.size - 1))]
            found.append(made(unit, "clock", "time", row[0], (min(hours), max(hours)), (str(int(row[0])),)))
    return found, tests
