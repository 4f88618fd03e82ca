"""Stack records and fuel accounts of the plants: a year of hours with faults, and what is wrong with each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ghg.core.gases import carbon_to_co2
from ghg.demo.world import MOLAR_MASS, PLANTS, Plant

__all__ = ["COPIED_FROM", "COPIED_TO", "FLOW_FACTOR", "FLOW_SINCE", "PlantTruth", "write"]

Array = npt.NDArray[np.float64]
HOURS = pd.date_range("2024-01-01", "2025-01-01", freq="h", inclusive="left")  # local time, UTC+8
FLOW_FACTOR, FLOW_SINCE = 0.84, np.datetime64("2024-09-01")  # what the flow monitor of the second plant reads
COPIED_FROM, COPIED_TO = np.datetime64("2024-07-29"), np.datetime64("2024-08-12")  # a week of the third plant
R = 8.314462618  # J mol-1 K-1
COAL = {"ncv": 22.8, "carbon": 26.1, "oxidation": 0.99}  # GJ/t, kg C/GJ, share: bituminous coal
CO2_PER_C = carbon_to_co2("IUPAC")
U = {"flow": 0.010, "concentration": 0.007, "fuel_mass": 0.005, "calorific_value": 0.004, "emission_factor": 0.004}


@dataclass(frozen=True)
class PlantTruth:
    """What the plant emitted in the year, and the errors of its monitors and scales.

    Parameters
    ----------
    total : float
        kg of CO2.
    errors : dict
        Component -> relative error of the whole year, drawn from what its budget states.
    """

    total: float
    errors: dict[str, float]


def write(folder: Path, rng: np.random.Generator) -> dict[str, PlantTruth]:
    """Write record, fuel account and jobs of each plant.

    Parameters
    ----------
    folder : Path
        Where each plant gets a folder of its own.
    rng : Generator
        Draws loads, noise and errors.

    Returns
    -------
    dict
        Plant -> what is true.
    """
    truths = {}
    for plant in PLANTS:
        place = folder / plant.name.lower()
        place.mkdir(parents=True)
        errors = {name: float(u * rng.standard_normal()) for name, u in U.items()}
        load, rate = _operation(plant, rng)
        _record(load, rate, errors, plant, rng).to_csv(place / "stack.csv", index=False, float_format="%.6g")
        _fuel(rate, errors, rng).to_csv(place / "fuel.csv", index=False, float_format="%.6g")
        (place / "compare.toml").write_text(_compare(plant), encoding="utf-8")
        (place / "screen.toml").write_text(_screen(plant), encoding="utf-8")
        truths[plant.name] = PlantTruth(float(rate.sum() * 3600.0), errors)
    return truths


def _operation(plant: Plant, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return load in MW and true emission in kg/s, hour by hour."""
    hour, day = HOURS.hour.to_numpy(), HOURS.day_of_week.to_numpy()
    wander = _memory(rng, HOURS.size, 0.97)
    share = 0.78 + 0.10 * np.sin(2.0 * np.pi * (hour - 9.0) / 24.0) - 0.06 * (day >= 5) + 0.05 * wander
    share = np.clip(share, 0.45, 1.0)
    heat_rate = 1.0 + 0.04 * (1.0 - share) + 0.004 * _memory(rng, HOURS.size, 0.5)  # relative; worse at part load
    rate = share * heat_rate
    rate *= plant.mean / rate.mean()
    rated = plant.mean / 0.245 / 0.78  # about 0.88 kg of CO2 for each kWh
    return np.round(rated * share, 1), rate


def _record(load: Array, rate: Array, errors: dict[str, float], plant: Plant, rng: np.random.Generator) -> pd.DataFrame:
    """Return the channels of the monitors, with noise, errors and faults."""
    n = rate.size
    excess = 6.0 + 0.12 * _memory(rng, n, 0.8)  # percent of oxygen, dry
    dry = 18.6 * (20.9 - excess) / 20.9
    water = 8.0 + 0.15 * _memory(rng, n, 0.9)
    wet = dry * (1.0 - water / 100.0)
    temperature = 118.0 + 12.0 * load / load.max() + 0.8 * rng.standard_normal(n)
    draught = -420.0 - 60.0 * load / load.max() + 4.0 * rng.standard_normal(n)  # Pa
    pressure = 100.2e3 + draught
    flow = rate / MOLAR_MASS / (wet / 100.0) * R * (temperature + 273.15) / pressure * 3600.0
    flow *= (1.0 + errors["flow"]) * (1.0 + 0.01 * rng.standard_normal(n))
    co2 = dry * (1.0 + errors["concentration"]) * (1.0 + 0.005 * rng.standard_normal(n))
    table = pd.DataFrame({
        "time": HOURS.strftime("%Y-%m-%d %H:%M"), "load": load, "flow": np.round(flow, -2), "co2": np.round(co2, 2),
        "o2": np.round(excess + 0.05 * rng.standard_normal(n), 2), "moisture": np.round(water, 2),
        "temperature": np.round(temperature, 1), "static pressure": np.round(draught),
    })  # fmt: skip
    time = HOURS.to_numpy()
    if plant.matter == "flow":
        table.loc[time >= FLOW_SINCE, "flow"] = np.round(FLOW_FACTOR * table["flow"], -2)
    if plant.matter == "copied":
        week = np.timedelta64(7, "D")
        source = (time >= COPIED_FROM) & (time < COPIED_FROM + week)
        target = (time >= COPIED_TO) & (time < COPIED_TO + week)
        for name in ("flow", "co2", "o2", "temperature"):
            table.loc[target, name] = table.loc[source, name].to_numpy()
    for start in rng.integers(0, n - 60, 4):  # the analyser fails now and then
        table.loc[start : start + int(rng.integers(3, 40)), ["co2", "o2"]] = np.nan
    return table


def _fuel(rate: Array, errors: dict[str, float], rng: np.random.Generator) -> pd.DataFrame:
    """Return the monthly account: mass of coal, calorific value and carbon of its analyses."""
    month = HOURS.month.to_numpy()
    burnt = np.array([rate[month == m].sum() * 3600.0 for m in range(1, 13)])  # kg of CO2
    ncv = COAL["ncv"] * (1.0 + 0.02 * rng.standard_normal(12))
    carbon = COAL["carbon"] * (1.0 + 0.005 * rng.standard_normal(12))
    coal = burnt / 1000.0 / (ncv * carbon / 1000.0 * COAL["oxidation"] * CO2_PER_C)
    return pd.DataFrame({
        "month": [f"2024-{m:02d}" for m in range(1, 13)],
        "coal (t)": np.round(coal * (1.0 + errors["fuel_mass"]) * (1.0 + 0.003 * rng.standard_normal(12))),
        "ncv (GJ/t)": ncv * (1.0 + errors["calorific_value"]),
        "CO2 (kg/GJ)": CO2_PER_C * carbon * (1.0 + errors["emission_factor"]),
    })  # fmt: skip


def _memory(rng: np.random.Generator, n: int, keep: float) -> Array:
    """Return standard noise that remembers the share `keep` of the hour before."""
    from scipy.signal import lfilter

    kicks = rng.standard_normal(n) * np.sqrt(1.0 - keep**2)
    return np.asarray(lfilter([1.0], [1.0, -keep], kicks))


READER = """format = "table"
files = "stack.csv"
source = "{name}"

[{section}.time]
column = "time"
timezone = "UTC+08:00"
label = "start"
interval = 3600

[{section}.columns]
gross_load = {{ column = "load", units = "MW" }}
flow = {{ column = "flow", units = "m3 h-1", state = "actual", humidity = "wet" }}
co2 = {{ column = "co2", units = "percent", humidity = "dry" }}
o2 = {{ column = "o2", units = "percent", humidity = "dry" }}
h2o = {{ column = "moisture", units = "percent" }}
temperature = {{ column = "temperature", units = "degC" }}
pressure = {{ column = "static pressure", units = "Pa", gauge = true }}
"""


def _compare(plant: Plant) -> str:
    return f"""# Does the CO2 that the stack monitors of {plant.name} measured agree with what its coal accounts for?
#   ghg facility compare compare.toml -o ../../{plant.name.lower()}
title = "{plant.name}, 2024: measured against accounted CO2"

[facility]
name = "{plant.name}"
timezone = "UTC+08:00"

[comparison]
start = "2024-01-01"
end = "2025-01-01"
by = "month"
margin = "5 %"
draws = 200000

[measured.reader]
{READER.format(name=plant.name, section="measured.reader")}
[measured.stack]
method = "hj75"
barometric_pressure = "100.2 kPa"

[measured.stack.uncertainty]
flow = {_stated(U["flow"], 0.01)}
concentration = {_stated(U["concentration"], 0.005)}

[accounted]
start = "2024-01-01"
end = "2025-01-01"
by = "month"
timezone = "UTC+08:00"
records = {{ file = "fuel.csv", time = "month" }}

[[accounted.stream]]
name = "Coal"
fuel = "bituminous"
method = "ipcc2006-tier3"
mass = {{ column = "coal (t)", unit = "t" }}
calorific_value = {{ column = "ncv (GJ/t)", unit = "GJ/t", basis = "net" }}
emission_factor = {{ column = "CO2 (kg/GJ)", unit = "kg/GJ" }}
oxidation = {{ values = [{COAL["oxidation"]}], unit = "1" }}

[accounted.stream.uncertainty]
fuel_mass = {{ systematic = {U["fuel_mass"]}, random = 0.003, source = "belt scale" }}
calorific_value = {{ systematic = {U["calorific_value"]}, random = 0.002, source = "laboratory" }}
emission_factor = {{ systematic = {U["emission_factor"]}, random = 0.002, source = "laboratory" }}
"""


def _stated(systematic: float, random: float) -> str:
    parts = (f'{name} = {{ relative = {u}, source = "acceptance test" }}'
             for name, u in (("systematic", systematic), ("random", random)))  # fmt: skip
    return "{ " + ", ".join(parts) + " }"


def _screen(plant: Plant) -> str:
    return f"""# Does the stack record of {plant.name} look as if somebody had a hand in it?
#   ghg sensors screen screen.toml -o screening.json
title = "{plant.name}, 2024: screening of the stack record"
fuel = "bituminous"

[reader]
{READER.format(name=plant.name, section="reader")}"""
