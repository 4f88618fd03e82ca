"""A whole inversion out of nothing: weather, particles, footprints, stations, prior and shapes, with a known truth.

Everything is made up and seeded: a network of five stations in a land that does not exist, for one June. The files are
those a real run has: footprints of the particle model in a wind that turns, calibrated station files with flags and
uncertainties, a prior, polygons of regions, and the job. ``truth.csv`` holds what the run should find.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inversion.grid import Grid
from inversion.sensitivity import Array

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["write_example"]

Times = npt.NDArray[np.datetime64]
START, DAYS = np.datetime64("2024-06-01"), 30
LATITUDE, LONGITUDE = np.arange(46.25, 55.0, 0.5), np.arange(-5.75, 6.0, 0.5)
SITES = {  # longitude, latitude, height above ground
    "ALD": (-2.9, 51.6, 100.0),
    "BRO": (0.4, 49.4, 100.0),
    "CAW": (2.3, 51.9, 120.0),
    "DUN": (-0.6, 52.9, 90.0),
    "EKE": (1.6, 50.4, 110.0),
}
SHAPES = {
    "Westmark": [(-4.6, 48.2), (-0.8, 47.4), (-0.5, 50.9), (-1.2, 53.6), (-3.4, 53.8), (-5.0, 51.0)],
    "Ostmark": [(-0.8, 47.4), (3.2, 47.1), (4.4, 49.6), (3.9, 51.2), (-0.5, 50.9)],
    "Northmark": [(-0.5, 50.9), (3.9, 51.2), (4.1, 52.8), (1.4, 54.3), (-1.2, 53.6)],
}
HOURS = (12, 15)  # UTC
WAY, PARTICLES = 24, 120
COARSE = {"step": 0.3, "least": 60.0, "longest": 180.0}  # steps for a look; truth and inversion share them
BACKGROUND, NOISE, OFFSET = 422.0, 1.0, 0.1  # umol mol-1
MOLAR = 0.044009  # kg mol-1
UNIT = "(mol mol-1) / (mol m-2 s-1)"

JOB = """\
# Five stations of a land that does not exist, June 2024: from raw files to the report in one command.
#   ghg inversion run inversion.toml -o result
title = "Carbon dioxide in a made-up land, June 2024"
summary = "Simulated stations, footprints of the particle model, and a truth that is known (truth.csv)."
coastlines = false               # the land does not exist
species = "CO2"
start = "2024-06-01"
end = "2024-07-01"
totals = "week"

[[observations]]                 # one file for each station, hourly, with flags and uncertainty
file = "stations/*.nc"
hours = [12, 16]                 # afternoons, when the air is mixed
withheld_sites = ["EKE"]         # predicted, not used: does the result hold where it was not fitted?

[background]
value = "422 umol mol-1"

{footprints}
[[block]]
name = "land"
prior = "prior.nc"
variable = "land"                # mol m-2 s-1, positive to the atmosphere; a sink is negative
by = "week"
relative = 0.5
floor = "5e-9 mol m-2 s-1"
length = "200 km"
time_length = "20 day"

[[block]]
name = "fossil"
prior = "prior.nc"
variable = "fossil"
by = "all"
relative = 0.15
length = "200 km"

[[offset]]                       # what is wrong with the background, the same at all stations
name = "background"
by = "week"
per_site = false
sigma = "0.2 umol mol-1"

[[error]]                        # transport and representation
name = "transport"
sigma = "1.0 umol mol-1"

[regions]
file = "regions.geojson"
rest = "sea"
"""


def write_example(
    folder: Path, record: Record, *, seed: int = 1, days: int = DAYS, particles: int = PARTICLES,
    announce: Callable[[str], None] = lambda text: None,
) -> Path:  # fmt: skip
    """Write the raw files of an inversion, and its job.

    Parameters
    ----------
    folder : Path
        Existing, empty.
    record : Record
        Provenance.
    seed : int
        Of wind, particles, truth and noise.
    days, particles : int
        Length, and particles for each footprint.
    announce : callable
        Is told each step.

    Returns
    -------
    Path
        The job.
    """
    from ghg.core.netcdf import write

    grid = Grid.regular(LATITUDE, LONGITUDE)
    rng = np.random.default_rng(seed)
    (folder / "footprints").mkdir()
    (folder / "stations").mkdir()
    (folder / "regions.geojson").write_text(json.dumps(_shapes(), indent=1) + "\n", encoding="utf-8")
    shares = _shares(folder / "regions.geojson")
    prior = _prior(grid, shares)
    weather = _weather(rng, days)
    write(weather, folder / "weather.nc", record=record)
    write(_prior_dataset(prior), folder / "prior.nc", record=record)
    weeks = _weeks(days)
    truth = {
        "land": prior["land"] + _drawn(grid, np.maximum(0.5 * np.abs(prior["land"]), 5e-9), weeks, rng),
        "fossil": prior["fossil"] + _drawn(grid, 0.15 * prior["fossil"], np.array([[weeks[0, 0], weeks[-1, 1]]]), rng),
    }
    flux = (truth["land"] + truth["fossil"]).reshape(len(weeks), LATITUDE.size, LONGITUDE.size)
    offset = OFFSET * rng.standard_normal()
    for number, site in enumerate(SITES):
        announce(f"footprints of {site}")
        foot = _footprints(weather, site, days, particles, seed + 1000 * number)
        write(foot, folder / "footprints" / f"{site}.nc", record=record)
        week = np.searchsorted(weeks[:, 0], foot["time"].values, side="right") - 1
        seen = np.einsum("tij,tij->t", foot["footprint"].values, flux[week])
        write(_station(site, foot["time"].values, BACKGROUND + offset + 1e6 * seen, rng),
              folder / "stations" / f"{site}.nc", record=record)  # fmt: skip
    (folder / "truth.csv").write_text(_table(grid, shares, prior, truth, weeks), encoding="utf-8")
    entries = "".join(f'[[footprints]]\nsite = "{s}"\nfile = "footprints/{s}.nc"\n\n' for s in SITES)
    text = JOB.format(footprints=entries)
    if days != DAYS:
        text = text.replace('end = "2024-07-01"', f'end = "{START + np.timedelta64(days, "D")}"')
    (folder / "inversion.toml").write_text(text, encoding="utf-8")
    return folder / "inversion.toml"


def _shapes() -> dict[str, Any]:
    features = [{"type": "Feature", "properties": {"name": name},
                 "geometry": {"type": "Polygon", "coordinates": [[list(p) for p in [*ring, ring[0]]]]}}
                for name, ring in SHAPES.items()]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def _shares(path: Path) -> dict[str, Array]:
    from inversion.readers.shapes import read_shares

    names, shares = read_shares(path, (LATITUDE, LONGITUDE))
    return {n: s.ravel() for n, s in zip(names, shares, strict=True)}


def _prior(grid: Grid, shares: dict[str, Array]) -> dict[str, Array]:
    """Return a biosphere that takes up carbon where there is land, and towns that give it off [mol m-2 s-1]."""
    rates = {"Westmark": -1.4e-6, "Ostmark": -0.9e-6, "Northmark": -0.6e-6}
    land = np.sum([rates[n] * s for n, s in shares.items()], axis=0)
    fossil = 0.05e-6 * np.sum(list(shares.values()), axis=0)
    for lon, lat, rate in ((-1.4, 52.4, 1.5e-6), (2.3, 48.9, 2.5e-6), (2.6, 51.4, 1.0e-6)):
        fossil = fossil + rate * np.exp(-0.5 * ((grid.longitude - lon) ** 2 + (grid.latitude - lat) ** 2) / 0.4**2)
    return {"land": land, "fossil": fossil * np.minimum(np.sum(list(shares.values()), axis=0), 1.0)}


def _weeks(days: int) -> Times:
    """Return the periods of the state, cut at the ends of the job."""
    from ghg.core.time import period_bounds

    end = START + np.timedelta64(days, "D")
    bounds = period_bounds(str(START), str(end), "week").copy()
    bounds[0, 0], bounds[-1, 1] = START, end
    return bounds


def _drawn(grid: Grid, sigma: Array, bounds: Times, rng: np.random.Generator) -> Array:
    """Return a deviation from the prior, (periods, cells), drawn from the covariance that the job states."""
    from inversion.covariance import Covariance
    from inversion.space import correlation_in_space
    from inversion.time import correlation_in_time

    covariance = Covariance(np.tile(sigma, (len(bounds), 1)), correlation_in_time(bounds, 20.0 * 86400.0),
                            correlation_in_space(grid, 200e3))  # fmt: skip
    return covariance.sample(rng, 1)[:, :, 0].T


def _prior_dataset(prior: dict[str, Array]) -> xr.Dataset:
    import xarray as xr

    shape = (LATITUDE.size, LONGITUDE.size)
    words = {"land": "net flux of the land biosphere", "fossil": "emission of fossil carbon dioxide"}
    data = {n: (("latitude", "longitude"), v.reshape(shape), {"units": "mol m-2 s-1", "long_name": words[n]})
            for n, v in prior.items()}  # fmt: skip
    return xr.Dataset(data, _axes(), {"title": "Made-up prior fluxes", "species": "CO2",
                                      "summary": "Positive to the atmosphere."})  # fmt: skip


def _axes() -> dict[str, Any]:
    return {"latitude": ("latitude", LATITUDE, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": ("longitude", LONGITUDE, {"units": "degrees_east", "standard_name": "longitude"})}  # fmt: skip


def _weather(rng: np.random.Generator, days: int) -> xr.Dataset:
    """Return a wind that turns with passing lows, a logarithmic profile, and a boundary layer that grows by day."""
    import xarray as xr

    from inversion.particles.meteorology import uniform

    hours = 24 * (days + 2)
    extent = (LONGITUDE[0] - 0.25, LONGITUDE[-1] + 0.25, LATITUDE[0] - 0.25, LATITUDE[-1] + 0.25)
    ds = uniform(wind=(1.0, 0.0), start=str(START - np.timedelta64(2, "D")), hours=hours, shear=True, extent=extent)
    t = np.arange(hours + 1.0)
    slow = [np.convolve(rng.standard_normal(t.size + 96), np.hanning(97), "valid") for _ in range(2)]
    u, v = (s / s.std() for s in slow)
    east, north = 2.0 * u + 1.0, 2.0 * v
    profile = ds["eastward_wind"].values / ds["eastward_wind"].values[:, :1].mean()
    light = np.maximum(np.sin(np.pi * ((t % 24.0) - 5.0) / 15.0), 0.0) * ((t % 24.0) > 5.0)
    flat = np.ones((t.size, 5, 5))
    speed = np.hypot(east, north)
    change = {
        "boundary_layer_height": (200.0 + 1100.0 * light)[:, None, None] * flat,
        "friction_velocity": np.maximum(0.08 * speed, 0.15)[:, None, None] * flat,
        "sensible_heat_flux": (-15.0 + 165.0 * light)[:, None, None] * flat,
    }
    ds = ds.drop_vars("obukhov_length")
    for name, values in change.items():
        unit = {"boundary_layer_height": "m", "friction_velocity": "m s-1", "sensible_heat_flux": "W m-2"}[name]
        ds[name] = (("time", "latitude", "longitude"), values, {"units": unit})
    for name, wind in (("eastward_wind", east), ("northward_wind", north)):
        ds[name] = (ds[name].dims, profile * wind[:, None, None, None], {"units": "m s-1"})
    for name in ds.data_vars:
        ds[name].attrs["long_name"] = str(name).replace("_", " ")
    ds["height"].attrs = {"units": "m", "standard_name": "height", "positive": "up", "long_name": "height above ground"}
    for name, unit in (("latitude", "degrees_north"), ("longitude", "degrees_east")):
        ds[name].attrs = {"units": unit, "standard_name": name}
    ds.attrs = {"title": "Made-up weather", "summary": "Horizontally uniform wind that turns; a daily boundary layer."}
    assert isinstance(ds, xr.Dataset)
    return ds


def _footprints(weather: xr.Dataset, site: str, days: int, particles: int, seed: int) -> xr.Dataset:
    import xarray as xr

    from ghg.core.dataset import time_coords
    from inversion.particles.footprint import Release, footprint
    from inversion.particles.meteorology import meteorology

    lon, lat, height = SITES[site]
    field = meteorology(weather)
    starts = np.array([START + np.timedelta64(d, "D") + np.timedelta64(h, "h") for d in range(days) for h in HOURS])
    rows = []
    for number, start in enumerate(starts):
        release = Release(lon, lat, height, start + np.timedelta64(30, "m"), site)
        one = footprint(
            field, release, LONGITUDE, LATITUDE, hours=WAY, particles=particles, seed=seed + number, **COARSE
        )
        rows.append(one["footprint"].values.sum(axis=0))
    ds = time_coords(starts.astype("datetime64[ns]"), starts.astype("datetime64[ns]") + np.timedelta64(1, "h"))
    ds = ds.assign_coords(_axes())
    ds["footprint"] = (("time", "latitude", "longitude"), np.array(rows, np.float32),
                       {"units": UNIT, "long_name": "sensitivity to surface flux"})  # fmt: skip
    ds.attrs = {"title": f"Footprints of {site}", "site": site, "particles": particles, "seed": seed,
                "summary": f"Particles followed {WAY} hours back in a made-up wind."}  # fmt: skip
    assert isinstance(ds, xr.Dataset)
    return ds


def _station(site: str, time: Times, value: Array, rng: np.random.Generator) -> xr.Dataset:
    """Return what a calibrated station file holds; a few hours are flagged bad and far off."""
    from ghg.core.dataset import time_coords
    from ghg.core.flags import Flag, flag_attributes

    n = time.size
    bad = rng.random(n) < 0.03
    seen = value + NOISE * rng.standard_normal(n) + np.where(bad, 25.0, 0.0)
    lon, lat, height = SITES[site]
    ds = time_coords(time, time + np.timedelta64(1, "h"))
    words, unit = "mole fraction of carbon dioxide in dry air", "umol mol-1"
    u, uncertainty = np.full(n, 0.05), ", standard uncertainty, "
    for name, values, more in (("co2", seen, ""), ("co2_u_random", u, uncertainty + "random"),
                               ("co2_u_systematic", u, uncertainty + "systematic")):  # fmt: skip
        ds[name] = ("time", values, {"units": unit, "long_name": words + more})
    ds["co2"].attrs["standard_name"] = "mole_fraction_of_carbon_dioxide_in_air"
    flags = np.where(bad, int(Flag.BAD), int(Flag.GOOD)).astype(np.int8)
    ds["co2_flag"] = ("time", flags, {"long_name": words + ", flag", **flag_attributes(Flag)})
    ds.attrs = {"title": f"Simulated station {site}", "summary": "Simulated from a known truth.", "site_code": site,
                "species": "CO2", "station_longitude": lon, "station_latitude": lat,
                "inlet_height_magl": height}  # fmt: skip
    return ds


def _table(grid: Grid, shares: dict[str, Array], prior: dict[str, Array], truth: dict[str, Array],
           weeks: Times) -> str:  # fmt: skip
    """Return prior and truth by block and region in TgC per year, as the tables of a run."""
    from ghg.core.gases import carbon_to_co2

    days = 366.0  # of 2024
    weight = (weeks[:, 1] - weeks[:, 0]) / (weeks[-1, 1] - weeks[0, 0])
    mean = {n: (np.tensordot(weight, v, 1) if len(v) > 1 else v[0]) for n, v in truth.items()}
    lines = ["block,region,prior_TgC_per_year,truth_TgC_per_year"]
    for name in prior:
        for region, share in shares.items():
            both = [float((f[name] * share * grid.area).sum()) * MOLAR * days * 86400.0 / 1e9 / carbon_to_co2()
                    for f in (prior, mean)]  # fmt: skip
            lines.append(f"{name},{region},{both[0]:.4f},{both[1]:.4f}")
    return "\n".join(lines) + "\n"
