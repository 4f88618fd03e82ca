"""The truth of the demonstration: a city by the sea with plants, traffic, a landfill, forest, and wind.

Everything here is invented, so that everything the chain recovers can be held against it. The size of each source is a
plausible round number; nothing is meant to look like a real place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.gases import gas

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PLANTS", "TOWERS", "Plant", "Tower", "World", "axes", "build", "cell_of", "forest"]

Array = npt.NDArray[np.float64]
START = np.datetime64("2024-07-01", "ns")
DAYS = 10
LONGITUDE: Array = np.round(120.015 + 0.03 * np.arange(22.0), 6).astype(np.float64)  # centres of the cells, degrees
LATITUDE: Array = np.round(30.015 + 0.03 * np.arange(20.0), 6).astype(np.float64)
EARTH_RADIUS = 6371007.2  # m, authalic radius of GRS 80 (Moritz 2000, J. Geodesy 74, 128)
CITY = (120.33, 30.30)  # centre, degrees
CITY_RADIUS = 0.17  # degrees
LANDFILL = (120.225, 30.435)
MOLAR_MASS, METHANE = gas("CO2").molar_mass, gas("CH4").molar_mass  # kg mol-1
TOTALS = {"traffic": 260.0, "heating": 180.0, "landfill": 1.6, "gas": 0.8, "fields": 1.1}  # kg s-1 of CO2 or CH4
UPTAKE = {"forest": -7e-6, "sea": -0.5e-6}  # mol m-2 s-1, means over a growing season
TOWER_HEIGHT = 80.0  # m


@dataclass(frozen=True)
class Plant:
    """A power plant: where it is, what it burns, and what is the matter with it.

    Parameters
    ----------
    name : str
    longitude, latitude : float
        degrees.
    mean : float
        True emission of CO2, kg s-1.
    matter : str
        ``none``, ``flow`` (its flow monitor reads 16 % low from the ninth month on), or ``copied`` (one week of its
        record is another week's).
    """

    name: str
    longitude: float
    latitude: float
    mean: float
    matter: str


@dataclass(frozen=True)
class Tower:
    """A tower with an analyser."""

    name: str
    longitude: float
    latitude: float


PLANTS = (
    Plant("Anlan", 120.135, 30.405, 190.0, "none"),
    Plant("Beigang", 120.495, 30.435, 140.0, "flow"),
    Plant("Chengnan", 120.285, 30.135, 90.0, "copied"),
)
TOWERS = (
    Tower("HIL", 120.20, 30.22),
    Tower("MID", 120.32, 30.34),
    Tower("BAY", 120.47, 30.27),
    Tower("NOR", 120.36, 30.46),
)


@dataclass(frozen=True)
class World:
    """True fluxes and the wind.

    Parameters
    ----------
    parts : dict of float64 (latitude, longitude)
        Traffic, heating, plants (CO2), landfill, gas leaks, fields (CH4) -> kg s-1 of the species in each cell.
    fluxes : dict of float64 (latitude, longitude)
        ``fossil``, ``biosphere``, ``methane`` -> mol m-2 s-1, positive to the atmosphere.
    land, sea, city, area : float64 (latitude, longitude)
        Shares of land, of sea and of the city, and area in m2.
    wind : Dataset
        Meteorology as :func:`inversion.particles.meteorology.meteorology` takes it.
    """

    parts: dict[str, Array]
    fluxes: dict[str, Array]
    land: Array
    sea: Array
    city: Array
    area: Array
    wind: xr.Dataset


def build(seed: int) -> World:
    """Return the world of a seed: the seed moves the weather and the grain of the fluxes, never their totals."""
    rng = np.random.default_rng([seed, 1])
    lon, lat = (np.asarray(a, np.float64) for a in np.meshgrid(LONGITUDE, LATITUDE))
    area = np.broadcast_to(cell_area()[:, None], lon.shape).copy()
    sea = (lon > 120.56 + 0.03 * np.sin(2.0 * np.pi * lat / 0.5)).astype(np.float64)
    land = 1.0 - sea
    town = np.exp(-0.5 * (_distance(lon, lat, CITY) / 0.09) ** 2) * land
    road = (np.exp(-0.5 * ((lat - CITY[1] - 0.5 * (lon - CITY[0])) / 0.02) ** 2)
            + np.exp(-0.5 * ((lon - CITY[0] + 0.3 * (lat - CITY[1])) / 0.02) ** 2)) * land  # fmt: skip
    parts = {
        "traffic": _total((town + 0.12 * road) * _grain(rng, lon.shape), TOTALS["traffic"]),
        "heating": _total(town * _grain(rng, lon.shape), TOTALS["heating"]),
        "plants": np.zeros(lon.shape),
        "landfill": np.zeros(lon.shape),
        "gas": _total(town * _grain(rng, lon.shape), TOTALS["gas"]),
        "fields": _total(land * (1.0 - town) * _grain(rng, lon.shape), TOTALS["fields"]),
    }
    for plant in PLANTS:
        parts["plants"][cell_of(plant.longitude, plant.latitude)] += plant.mean
    parts["landfill"][cell_of(*LANDFILL)] = TOTALS["landfill"]
    mol = {"CO2": MOLAR_MASS * area, "CH4": METHANE * area}
    fluxes = {
        "fossil": (parts["traffic"] + parts["heating"] + parts["plants"]) / mol["CO2"],
        "biosphere": UPTAKE["forest"] * forest(land) * _grain(rng, lon.shape, 0.15) + UPTAKE["sea"] * sea,
        "methane": (parts["landfill"] + parts["gas"] + parts["fields"]) / mol["CH4"],
    }
    inside = (_distance(lon, lat, CITY) < CITY_RADIUS).astype(np.float64) * land
    return World(parts, fluxes, land, sea, inside, area, _wind(rng))


def _distance(lon: Array, lat: Array, place: tuple[float, float]) -> Array:
    return np.hypot((lon - place[0]) * np.cos(np.deg2rad(place[1])), lat - place[1])


def forest(land: Array) -> Array:
    """Return the share of each cell that takes carbon up as a whole forest does: all of it in the west, little else."""
    return land * np.clip((120.30 - LONGITUDE) / 0.15, 0.05, 1.0)


def axes() -> dict[str, Any]:
    """Return the coordinates of the cells for a Dataset."""
    return {"latitude": ("latitude", LATITUDE, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": ("longitude", LONGITUDE, {"units": "degrees_east", "standard_name": "longitude"})}  # fmt: skip


def cell_area() -> Array:
    """Return the area of the cells of each row, m2: R2 (sin b - sin a) on the sphere of equal area."""
    half = 0.5 * (LATITUDE[1] - LATITUDE[0])
    band = np.sin(np.deg2rad(LATITUDE + half)) - np.sin(np.deg2rad(LATITUDE - half))
    return EARTH_RADIUS**2 * np.deg2rad(LONGITUDE[1] - LONGITUDE[0]) * band


def cell_of(longitude: float, latitude: float) -> tuple[int, int]:
    """Return row and column of the cell that holds a point."""
    return int(np.argmin(np.abs(LATITUDE - latitude))), int(np.argmin(np.abs(LONGITUDE - longitude)))


def _total(field: Array, total: float) -> Array:
    return field * (total / field.sum())


def _grain(rng: np.random.Generator, shape: tuple[int, ...], spread: float = 0.25) -> Array:
    return np.exp(spread * rng.standard_normal(shape))


def _wind(rng: np.random.Generator) -> xr.Dataset:
    """Return ten days of weather: a wind that turns with the synoptic systems, a boundary layer that breathes."""
    import xarray as xr

    hours = np.arange(-12, DAYS * 24 + 2)
    day = hours / 24.0
    turn = 2.0 * np.pi * (day / 3.7 + rng.random()) + 0.9 * np.sin(2.0 * np.pi * day / 1.9 + rng.random())
    speed = np.clip(3.0 + 1.0 * np.sin(2.0 * np.pi * day / 2.6 + 6.0 * rng.random()), 1.5, None)
    sun = np.clip(np.sin(2.0 * np.pi * (day + 8.0 / 24.0 - 0.25)), 0.0, None)  # local noon is 04:00 UTC
    level = np.array([10.0, 40.0, 100.0, 250.0, 600.0, 1500.0, 3000.0])
    shear = (level / 10.0) ** 0.18
    edges = [np.array([a[0] - 0.3, a.mean(), a[-1] + 0.3]) for a in (LATITUDE, LONGITUDE)]
    shape = (hours.size, level.size, 3, 3)
    east, north = (np.broadcast_to((speed * f(turn))[:, None, None, None] * shear[:, None, None], shape)
                   for f in (np.cos, np.sin))  # fmt: skip
    surface = {"boundary_layer_height": ("m", 250.0 + 1100.0 * sun**0.7), "friction_velocity": ("m s-1", 0.07 * speed),
               "surface_pressure": ("Pa", np.full(hours.size, 100500.0)),
               "surface_temperature": ("K", 297.0 + 6.0 * sun), "roughness_length": ("m", np.full(hours.size, 0.5)),
               "sensible_heat_flux": ("W m-2", -12.0 + 230.0 * sun)}  # fmt: skip
    flat = np.ones((1, 3, 3))
    data: dict[str, Any] = {name: (("time", "latitude", "longitude"), v[:, None, None] * flat, {"units": unit})
                            for name, (unit, v) in surface.items()}  # fmt: skip
    for name, values in (("eastward_wind", east), ("northward_wind", north)):
        data[name] = (("time", "height", "latitude", "longitude"), values.copy(), {"units": "m s-1"})
    return xr.Dataset(data, coords={"time": START + hours * np.timedelta64(1, "h"), "height": ("height", level,
                      {"units": "m"}), "latitude": edges[0], "longitude": edges[1]})  # fmt: skip
