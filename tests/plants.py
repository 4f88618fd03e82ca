"""Synthetic plants whose inputs are wrong by a known amount, for the tests of causes, attribution and the report."""

from __future__ import annotations

import numpy as np
import xarray as xr

from ghg.core._bounds import time_variables
from ghg.core.time import period_bounds, seconds
from ghg.facility.config import Comparison as Settings
from inventories.accounting.engine import Factor, Stream, dataset
from sensors.measured import emission_variables

MONTHS = period_bounds("2023-01-01", "2024-01-01", "month", "UTC")
MEASURED = {"flow": 0.01, "concentration": 0.005, "moisture": 0.005}
ACCOUNTED = {"fuel_mass": 0.01, "calorific_value": 0.005, "carbon_content": 0.007, "oxidation": 0.003}
ORDINARY = {**{f"measured.{n}": u for n, u in MEASURED.items()}, **{f"accounted.{n}": u for n, u in ACCOUNTED.items()}}


def plant(errors: dict[str, np.ndarray], rng: np.random.Generator, natural: float = 0.0) -> tuple[xr.Dataset, ...]:
    """Return both sides of a plant whose inputs are wrong by `errors` (ln, by month).

    `natural` is the monthly scatter of heat rate and coal (relative); the channels gross_load, co2 and o2 are there.
    """
    length = seconds(MONTHS)
    load = 5e8 * rng.uniform(0.7, 1.0, 12)  # W
    heat = load / 0.36 * np.exp(natural * rng.standard_normal(12))
    calorific = 22e6 * np.exp(1.5 * natural * rng.standard_normal(12))
    carbon = 93e-9 * np.exp(0.5 * natural * rng.standard_normal(12))  # kg CO2 J-1, unburnt left out
    mass = heat * carbon  # kg s-1
    factor = {n: np.exp(e) for n, e in errors.items()}
    rate = mass * np.prod([factor[n] for n in ORDINARY if n.startswith("measured.")], axis=0)
    rate = rate * np.exp(0.004 * rng.standard_normal(12))
    marks = tuple(np.full((1, 12), v, t) for v, t in ((1, np.int8), (0, np.int32), (1, np.int8)))
    u = {n: rate[None] * u for n, u in MEASURED.items()}
    data = emission_variables((rate[None], 0.004 * rate[None], u), marks, species="CO2")
    o2 = rng.uniform(5.0, 7.0, 12)
    # dry gas on the line of subbituminous coal (Fd 9820, Fc 1840), within what mixing and O2 leave of it
    co2 = (
        100
        * 1840
        / 9820
        * (20.9 - o2)
        / 20.9
        * factor["measured.concentration"]
        * np.exp(0.3 * natural * rng.standard_normal(12))
    )
    dims = ("source", "time")
    data |= {"gross_load": (dims, load[None], {"units": "W"}),
             "o2": (dims, o2[None], {"units": "percent", "humidity": "dry"}),
             "co2": (dims, co2[None], {"units": "percent", "humidity": "dry"})}  # fmt: skip
    time, bounds = time_variables(MONTHS)
    measured = xr.Dataset({**data, "time_bounds": bounds}, coords={"source": ["stack"], "time": time})
    burnt = heat / calorific * length
    chain = (
        Factor("fuel_mass", burnt * factor["accounted.fuel_mass"], ACCOUNTED["fuel_mass"], 0.004, "fuel_mass"),
        Factor("calorific_value", calorific * factor["accounted.calorific_value"], ACCOUNTED["calorific_value"], 0.0,
               "calorific_value"),
        Factor("carbon_content", carbon / 0.99 * factor["accounted.carbon_content"], ACCOUNTED["carbon_content"], 0.0,
               "carbon_content"),
        Factor("oxidation", 0.99 * factor["accounted.oxidation"], ACCOUNTED["oxidation"], 0.0, "oxidation_factor"),
    )  # fmt: skip
    energy = chain[0].values * chain[1].values
    stream = Stream("coal", "subbituminous", "test", {"CO2": chain}, energy, "gross")
    return measured, dataset([stream], MONTHS, ["CO2"])


def settings(references: list[dict] | None = None) -> Settings:
    values = {"start": "2023-01-01", "end": "2024-01-01", "draws": 10_000, "reference": references or []}
    return Settings.model_validate(values)


def ordinary(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {n: np.full(12, u * rng.standard_normal()) for n, u in ORDINARY.items()}
