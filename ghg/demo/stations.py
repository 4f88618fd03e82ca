"""Raw analyser logs of the towers: what an analyser that drifts, in wet air, with one wrong cylinder, has written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.demo.air import Air
from ghg.demo.world import DAYS, START, TOWER_HEIGHT, TOWERS, Tower

if TYPE_CHECKING:
    from sensors.station.simulation import Scenario, Simulated

__all__ = ["WRONG", "scenarios", "write"]

Array = npt.NDArray[np.float64]
WRONG = ("MID", "T3", 0.60)  # the tower, the cylinder, and by how much its assigned CO2 is wrong [umol mol-1]
SERVICE = 6.25  # days after the begin: the analysers are opened
PRESSURE = 140.0  # torr
SCALES = {"co2": "WMO CO2 X2019", "ch4": "WMO CH4 X2004A"}
COLUMNS = ("CavityPressure", "species", "MPVPosition", "CO2", "CO2_dry", "CH4", "CH4_dry", "h2o_reported")
WIDTH = 26  # of a field of the log


def scenarios(wrong: bool, days: int = DAYS) -> dict[str, Scenario]:
    """Return what the analyser does with each gas.

    Parameters
    ----------
    wrong : bool
        Whether the assigned CO2 of one cylinder is wrong.
    days : int
        Length of the record.
    """
    from sensors.station.simulation import Scenario

    start = float(START.astype("datetime64[s]").astype(np.int64))
    shared: dict[str, Any] = {"days": float(days), "every": 30.0, "start": start, "water": 1.9}
    services = {gas: ((SERVICE, size),) if days > SERVICE else () for gas, size in (("co2", 0.3), ("ch4", 2.0))}
    tank = int(WRONG[1][1:]) - 1
    co2 = Scenario(**shared, steps=services["co2"], tanks=(390.0, 415.0, 440.0, 480.0, 425.0), u_tank=0.02,
                   u_water=2e-5, wrong=((tank, WRONG[2]),) if wrong else ())  # fmt: skip
    ch4 = Scenario(**shared, steps=services["ch4"], tanks=(1900.0, 1980.0, 2060.0, 2200.0, 2010.0),
                   u_tank=0.3, u_water=3e-5, white=0.4, flicker=0.06, walk=0.15, offset=2.0, ageing=1.0, day=0.05,
                   a=-0.00982, b=-2.39e-4, pivot=2030.0)  # fmt: skip
    return {"co2": co2, "ch4": ch4}


def write(folder: Path, air: Air, seed: int) -> None:
    """Write logs and description of each tower.

    Parameters
    ----------
    folder : Path
        Where each tower gets a folder of its own.
    air : Air
        What is let in.
    seed : int
        Of drift, noise, water and the errors of the cylinders.
    """
    from sensors.station.simulation import simulate

    days = air.hours.size // 24
    for number, tower in enumerate(TOWERS):
        place = folder / tower.name.lower()
        (place / "logs").mkdir(parents=True)
        cases = scenarios(tower.name == WRONG[0], days)
        gases = {gas: simulate(case, 1000 * seed + number, air.values[gas][tower.name], gas=k)
                 for k, (gas, case) in enumerate(cases.items())}  # fmt: skip
        _logs(place / "logs", gases, np.random.default_rng([seed, 3, number]), f"CFADS{2101 + number}")
        (place / "station.toml").write_text(_station(tower, gases, cases), encoding="utf-8")


def _logs(folder: Path, gases: dict[str, Simulated], rng: np.random.Generator, serial: str) -> None:
    """Write one log a day; for an hour the pump fails."""
    raw = {gas: one.raw for gas, one in gases.items()}
    t = raw["co2"]["time"].values.astype("datetime64[ms]")
    co2, ch4, water = (raw[g][n].values for g, n in (("co2", "CO2"), ("ch4", "CO2"), ("co2", "h2o_reported")))
    pressure = PRESSURE + 0.02 * rng.standard_normal(t.size)
    broken = slice(int(0.62 * t.size), int(0.62 * t.size) + 120)
    pressure[broken] = 128.0
    co2[broken] += 7.0
    factory = 1.0 - 0.0120 * water - 2.67e-4 * water**2, 1.0 - 0.00982 * water - 2.393e-4 * water**2
    columns = np.column_stack([pressure, np.ones(t.size), raw["co2"]["MPVPosition"].values, co2, co2 / factory[0],
                               ch4 / 1000.0, ch4 / factory[1] / 1000.0, water])  # fmt: skip
    day = t.astype("datetime64[D]")
    for one in np.unique(day):
        name = f"{serial}-{str(one).replace('-', '')}-000010Z-DataLog_User.dat"
        (folder / name).write_bytes(_text(t[day == one], columns[day == one]))


def _text(t: npt.NDArray[np.datetime64], columns: Array) -> bytes:
    """Return a log as the analyser's programme writes it: fields of fixed width, time in three forms."""
    head = ("DATE", "TIME", "EPOCH_TIME", "ALARM_STATUS", "INST_STATUS", *COLUMNS)
    line = "%-26s%-26s%-26.3f%-26d%-26d" + "%-26.10E" * len(COLUMNS)
    epoch = t.astype(np.int64) / 1000.0
    rows = zip(t.astype(str).tolist(), epoch.tolist(), columns.tolist(), strict=True)
    text = [line % (stamp[:10], stamp[11:], seconds, 0, 963, *values) for stamp, seconds, values in rows]
    return ("".join(name.ljust(WIDTH) for name in head) + "\n" + "\n".join(text) + "\n").encode()


def _station(tower: Tower, gases: dict[str, Simulated], cases: dict[str, Scenario]) -> str:
    tanks = ""
    for k in range(len(cases["co2"].tanks)):
        target = k == len(cases["co2"].tanks) - 1
        tanks += f'\n[[cylinders]]\nname = "{"TARGET" if target else f"T{k + 1}"}"\nvalve = {k + 2}\n'
        tanks += 'role = "target"\n' if target else ""
        for gas, one in gases.items():
            tanks += (f"values.{gas} = {{ value = {one.assigned[k]:.4f}, uncertainty = {cases[gas].u_tank}, "
                      f'scale = "{SCALES[gas]}" }}\n')  # fmt: skip
    water = {gas: f'{{ method = "coefficients", a = {one.job["gases"]["co2"]["water"]["a"]:.7f}, b = {cases[gas].b}, '
             f"uncertainty = {cases[gas].u_water}, bracket = false }}" for gas, one in gases.items()}  # fmt: skip
    when = str((START + np.timedelta64(round(SERVICE * 1440), "m")).astype("datetime64[s]"))
    service = f'services = ["{when}"]   # the analyser was opened\n' if cases["co2"].steps else ""
    return STATION.format(name=tower.name, longitude=tower.longitude, latitude=tower.latitude, height=TOWER_HEIGHT,
                          co2=water["co2"], ch4=water["ch4"], tanks=tanks, service=service, scales=SCALES)  # fmt: skip


STATION = """# Tower {name}: an analyser in wet air, four cylinders and a target every twelve hours.
#   ghg sensors calibrate station.toml -o {name}.nc
title = "CO2 and CH4 at tower {name}"
summary = "Simulated raw log of a tower whose true mole fractions are known."

[site]
name = "{name}"
code = "{name}"
latitude = {latitude}
longitude = {longitude}
elevation = 10.0

[instrument]
name = "analyser of {name}"
limits = {{ CavityPressure = [139.0, 141.0] }}   # rows outside are not used

[records]
format = "picarro"
files = "logs"

[gases.co2]
scale = "{scales[co2]}"
water = {co2}

[gases.ch4]
scale = "{scales[ch4]}"
water = {ch4}

[[inlets]]
name = "{height:g}m"
height = {height}
valve = 1
{tanks}
[calibration]
drift = "smoother"                  # learns its noise from the record
flush = 120.0                       # s left out after the valve has turned
{service}
[averages]
interval = "hour"
"""
