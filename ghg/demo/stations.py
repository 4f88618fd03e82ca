"""Raw analyser logs of the towers: what an analyser that drifts, in wet air, with one wrong cylinder, would have written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ghg.demo.world import TOWER_HEIGHT, TOWERS, Tower

__all__ = ["WRONG", "write"]

Array = npt.NDArray[np.float64]
EVERY = 15.0  # s between rows
CYCLE = 43200.0  # s between calibrations
TANK_TIME = 900.0  # s for each cylinder
TANKS = {"T1": 395.0, "T2": 425.0, "T3": 460.0, "TARGET": 417.0}
TANK_ERROR = 0.02  # umol mol-1, of each assigned value
WATER = (-0.0120, -0.00026)  # of these analysers: 1 + a h + b h2
WRONG = ("MID", "T2", 0.60)  # the tower, the cylinder, and by how much its label is wrong [umol mol-1]
COLUMNS = ("CavityPressure", "species", "MPVPosition", "CO2", "CO2_dry", "h2o_reported")
WIDTH = 26  # of a field of the log


def write(folder: Path, towers: dict[str, tuple[npt.NDArray[np.datetime64], Array]], rng: np.random.Generator) -> None:
    """Write logs and description of each tower.

    Parameters
    ----------
    folder : Path
        Where each tower gets a folder of its own.
    towers : dict
        Tower -> (hours, true mole fraction of each hour [umol mol-1]).
    rng : Generator
        Draws drift, noise, water and the errors of the cylinders.
    """
    for tower in TOWERS:
        hours, truth = towers[tower.name]
        place = folder / tower.name.lower()
        (place / "logs").mkdir(parents=True)
        labels = {name: value + rng.normal(0.0, TANK_ERROR) for name, value in TANKS.items()}
        if tower.name == WRONG[0]:
            labels[WRONG[1]] += WRONG[2]
        _log(place / "logs", hours, truth, rng)
        (place / "station.toml").write_text(_station(tower, labels), encoding="utf-8")


def _log(folder: Path, hours: npt.NDArray[np.datetime64], truth: Array, rng: np.random.Generator) -> None:
    """Write one log a day."""
    first = float(hours[0].astype("datetime64[s]").astype(np.int64))
    t = first + np.arange(0.0, 3600.0 * hours.size, EVERY)
    since = t - first
    port, gas = _gas(since, truth)
    drift = _drift(since, rng)
    water = np.clip(1.9 + 0.4 * np.sin(2.0 * np.pi * since / 86400.0) + 0.05 * rng.standard_normal(t.size), 0.1, None)
    water = np.where(port == 1, water, 0.002)  # cylinders are dry
    seen = (gas - 0.25 - drift) / 1.0015 + 0.05 * rng.standard_normal(t.size)
    wet = seen * (1.0 + WATER[0] * water + WATER[1] * water**2)
    columns = {"CavityPressure": np.full(t.size, 140.0) + 0.02 * rng.standard_normal(t.size), "MPVPosition": port,
               "species": np.full(t.size, 1.0), "CO2": wet, "CO2_dry": wet / (1.0 - 0.0120 * water),
               "h2o_reported": water}  # fmt: skip
    broken = slice(int(t.size * 0.62), int(t.size * 0.62) + 240)  # an hour with the pump failing
    columns["CavityPressure"][broken] = 128.0
    columns["CO2"][broken] += 7.0
    for day in np.unique(t // 86400.0):
        mine = t // 86400.0 == day
        name = str(np.datetime64(int(day), "D")).replace("-", "")
        (folder / f"CFADS-{name}-DataLog_User.dat").write_bytes(_text(t[mine], {k: v[mine] for k, v in columns.items()}))


def _gas(since: Array, truth: Array) -> tuple[Array, Array]:
    """Return the port and the gas in the cell: the air between hourly values, or a cylinder, with memory of the other."""
    air = np.interp(since, 3600.0 * (np.arange(truth.size) + 0.5), truth)
    port = np.ones(since.size)
    phase = since % CYCLE
    for k in range(len(TANKS)):
        port[(phase >= TANK_TIME * k) & (phase < TANK_TIME * (k + 1))] = k + 2
    gas = np.select([port == k + 2 for k in range(len(TANKS))], list(TANKS.values()), air)
    for a in np.flatnonzero(np.diff(port)) + 1:
        b = min(a + int(120 / EVERY), since.size)
        gas[a:b] += (gas[a - 1] - gas[a:b]) * np.exp(-(since[a:b] - since[a]) / 15.0)
    return port, gas


def _drift(since: Array, rng: np.random.Generator) -> Array:
    """Return a random walk of 0.04 umol mol-1 a day and a step after a service."""
    knots = np.arange(0.0, since[-1] + 1200.0, 600.0)
    walk = np.cumsum(rng.normal(0.0, 0.04 * np.sqrt(600.0 / 86400.0), knots.size))
    return np.interp(since, knots, walk) + 0.3 * (since > 6.25 * 86400.0)


def _text(t: Array, columns: dict[str, Array]) -> bytes:
    """Return a log as Picarro's programme writes it: fixed fields, time in three forms."""
    stamp = np.round(t * 1000.0).astype(np.int64).astype("datetime64[ms]").astype(str)
    head = ("DATE", "TIME", "EPOCH_TIME", "ALARM_STATUS", "INST_STATUS", *COLUMNS)
    line = "".join("%-26s" for _ in range(2)) + "%-26.3f" + "%-26d%-26d" + "".join("%-26.10E" for _ in COLUMNS)
    rows = zip(stamp, t.tolist(), *(columns[name].tolist() for name in COLUMNS), strict=True)
    text = [line % (s[:10], s[11:], epoch, 0, 963, *values) for s, epoch, *values in rows]
    return ("".join(name.ljust(WIDTH) for name in head) + "\n" + "\n".join(text) + "\n").encode()


def _station(tower: Tower, labels: dict[str, float]) -> str:
    scale = "WMO CO2 X2019"
    tanks = "".join(
        f'\n[[cylinders]]\nname = "{name}"\nvalve = {k + 2}\n' + ('role = "target"\n' if name == "TARGET" else "")
        + f'values.co2 = {{ value = {value:.3f}, uncertainty = {TANK_ERROR}, scale = "{scale}" }}\n'
        for k, (name, value) in enumerate(labels.items())
    )  # fmt: skip
    return f"""# Tower {tower.name} of the demonstration: an analyser in wet air with three cylinders and a target.
title = "CO2 at tower {tower.name}"

[site]
name = "{tower.name}"
code = "{tower.name}"
latitude = {tower.latitude}
longitude = {tower.longitude}
elevation = 10.0

[instrument]
name = "analyser of {tower.name}"
limits = {{ CavityPressure = [139.0, 141.0] }}   # rows outside are kept and flagged

[records]
format = "picarro"
files = "logs"

[gases.co2]
scale = "{scale}"
scale_uncertainty = 0.01
water = {{ method = "coefficients", a = {WATER[0]}, b = {WATER[1]}, uncertainty = 5e-5 }}

[[inlets]]
name = "{TOWER_HEIGHT:g}m"
height = {TOWER_HEIGHT}
valve = 1
{tanks}
[calibration]
drift = "smoother"      # learns its noise from the record
flush = "auto"          # found from the record

[averages]
interval = "hour"
"""

