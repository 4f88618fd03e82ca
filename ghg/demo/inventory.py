"""Activity tables of the region: plants, traffic, heating, landfill, gas grid and fields, with what they leave out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ghg.core.gases import carbon_to_co2
from ghg.demo.plants import PlantTruth
from ghg.demo.world import LANDFILL, LATITUDE, LONGITUDE, PLANTS, World, cell_of

__all__ = ["LANDFILL_SHARE", "TRAFFIC_SHARE", "YEAR_SECONDS", "counted", "regions", "write"]

Array = npt.NDArray[np.float64]
YEAR_SECONDS = 366.0 * 86400.0  # of 2024
CARBON = {"diesel": 20.2, "natural_gas": 15.3}  # kg C/GJ, 2006 IPCC Guidelines vol 2 table 1.3
CO2_PER_C = carbon_to_co2("44/12")  # as the guidelines count
TRAFFIC_SHARE = 1.0 / 3.0  # of the traffic in the city is in the counts: what only passes through is left out
LANDFILL_SHARE = 0.50  # of the landfill's methane is in its report
CARBON_OF = {"traffic": "diesel", "heating": "natural_gas"}
METHANE = {"landfill": "waste", "gas": "natural_gas", "fields": "rice"}  # what it comes from
U = {"plants": 0.015, "traffic": 0.06, "heating": 0.08, "landfill": 0.15, "gas": 0.15, "fields": 0.20}
SECTORS = {"plants": "1A1a", "traffic": "1A3bi", "heating": "1A4bi", "landfill": "5A", "gas": "1B2b", "fields": "3Da1"}
LEAST = 1e-4  # of the sum: cells below are not listed


def write(folder: Path, world: World, plants: dict[str, PlantTruth], rng: np.random.Generator) -> None:
    """Write the tables and the job.

    Parameters
    ----------
    folder : Path
        Existing.
    world : World
        What is true.
    plants : dict
        Truth of the plants.
    rng : Generator
        Draws the error that all rows of a table of fuel share and that of each reported mass, as the job states.
    """
    off = {name: 1.0 + u * float(rng.standard_normal()) for name, u in U.items()}
    place = _labels(world, "CO2")
    rows = [{"plant": p.name, "region": str(place[cell_of(p.longitude, p.latitude)]), "lon": p.longitude,
             "lat": p.latitude, "coal (TJ)": plants[p.name].total / 94.6e3 * off["plants"]}
            for p in PLANTS]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "plants.csv", index=False, float_format="%.6g")
    for name, fuel in CARBON_OF.items():
        heat = counted(world, name) * YEAR_SECONDS / (CARBON[fuel] * CO2_PER_C * 1e3)  # TJ
        _cells(world, heat * off[name], f"{fuel} (TJ)", "CO2").to_csv(folder / f"{name}.csv", index=False,
                                                                       float_format="%.6g")  # fmt: skip
    for name in METHANE:
        mass = counted(world, name) * YEAR_SECONDS / 1000.0  # t
        mass = mass * np.clip(1.0 + U[name] * rng.standard_normal(mass.shape), 0.1, None)
        _cells(world, mass, "CH4 (t)", "CH4").to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")
    (folder / "inventory.toml").write_text(_job(), encoding="utf-8")


def counted(world: World, name: str) -> Array:
    """Return the part of a source that is in the tables, kg s-1 in each cell."""
    if name == "traffic":
        return world.parts[name] * (1.0 - (1.0 - TRAFFIC_SHARE) * world.city)
    return world.parts[name] * (LANDFILL_SHARE if name == "landfill" else 1.0)


def regions(world: World) -> dict[str, dict[str, Array]]:
    """Return the shares of the regions by species: of CO2 the city and its outskirts, of CH4 the landfill and the rest.

    The region of the landfill is its cell and those around it.
    """
    i, j = cell_of(*LANDFILL)
    near = np.zeros(world.area.shape)
    near[i - 1 : i + 2, j - 1 : j + 2] = 1.0
    outskirts = world.land * (1.0 - world.city)
    return {"CO2": {"city": world.city, "outskirts": outskirts, "sea": world.sea},
            "CH4": {"landfill": near, "elsewhere": 1.0 - near}}  # fmt: skip


def _labels(world: World, species: str) -> npt.NDArray[np.str_]:
    """Return the name of the region of each cell."""
    shares = regions(world)[species]
    names = np.array(list(shares))
    return names[np.argmax(np.stack(list(shares.values())), axis=0)]


def _cells(world: World, values: Array, header: str, species: str) -> pd.DataFrame:
    """Return one row for each cell that holds something."""
    place = np.argwhere(values > LEAST * values.sum())
    i, j = place[:, 0], place[:, 1]
    return pd.DataFrame({"cell": [f"r{a:02d}c{b:02d}" for a, b in place], "region": _labels(world, species)[i, j],
                         "lon": LONGITUDE[j], "lat": LATITUDE[i], header: values[i, j]})  # fmt: skip


HEAD = """# The inventory of the region, 2024: CO2 by fuel and default factors, CH4 as it is reported.
#   ghg inventories build inventory.toml -o ../../out/inventory
title = "City and region, 2024"
year = 2024
species = ["CO2", "CH4"]
draws = 2000
coastlines = false                 # the land does not exist

[grid]                             # cells of 0.03 degrees, those of the footprints
west = {west:.3f}
south = {south:.3f}
step = 0.03
shape = [{rows}, {columns}]
sectors = false
"""

FUEL = """
[[activity]]
name = "{name}"
file = "{name}.csv"
source = "{source}"
region = {{ column = "region" }}
sector = "{sector}"
fuel = "{fuel}"
lon = "lon"
lat = "lat"
amount = [{{ column = "{header} (TJ)", u_shared = {u}, source = "statistics" }}]
basis = "net"
method = "ipcc2006-tier1"
species = ["CO2"]
"""

PROCESS = """
[[activity]]
name = "{name}"
file = "{name}.csv"
source = "cell"
region = {{ column = "region" }}
sector = "{sector}"
fuel = "{fuel}"
lon = "lon"
lat = "lat"
amount = [{{ column = "CH4 (t)" }}]
species = ["CH4"]

[activity.carried]                 # reported masses, with the uncertainty of each row
CH4 = {{ column = "CH4 (t)", u = {u} }}
"""


def _job() -> str:
    half = 0.5 * (LONGITUDE[1] - LONGITUDE[0])
    text = HEAD.format(west=LONGITUDE[0] - half, south=LATITUDE[0] - half, rows=LATITUDE.size, columns=LONGITUDE.size)
    for name, source, fuel, header in (
        ("plants", "plant", "bituminous", "coal"), ("traffic", "cell", "diesel", "diesel"),
        ("heating", "cell", "natural_gas", "natural_gas"),
    ):  # fmt: skip
        text += FUEL.format(name=name, source=source, fuel=fuel, header=header, u=U[name], sector=SECTORS[name])
    for name, fuel in METHANE.items():
        text += PROCESS.format(name=name, fuel=fuel, u=U[name], sector=SECTORS[name])
    return text
