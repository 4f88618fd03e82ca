"""A small inversion as files: two sites, three months, land and ocean, known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

JOB = """
title = "example"
start = "2019-01-01"
end = "2019-04-01"
[observations]
file = "observations.csv"
value = "co2"
uncertainty = "u"
background = "background"
[[footprints]]
site = "A"
file = "A.nc"
[[footprints]]
site = "B"
file = "B.nc"
[[block]]
name = "land"
prior = "prior.nc"
relative = 0.8
floor = "1e-8 mol m-2 s-1"
length = "200 km"
time_length = "30 day"
classes = "regions.nc:land_class"
[[offset]]
sigma = "0.3 umol mol-1"
[[error]]
name = "transport"
sigma = "0.3 umol mol-1"
time_length = "6 hour"
[regions]
file = "regions.nc"
rest = "sea"
"""
LAT, LON = np.arange(48.0, 54.0), np.arange(-4.0, 4.0)
HOURS = 12
FLUX = {"units": "mol m-2 s-1"}
FOOT = {"units": "(mol mol-1) / (mol m-2 s-1)"}


def write(folder: Path, seed: int = 1) -> Path:
    """Write the files and return the job; the truth is 1.5 times the prior."""
    rng = np.random.default_rng(seed)
    time = pd.date_range("2019-01-01", "2019-03-31 23:00", freq=f"{HOURS}h")
    prior = np.where(np.arange(8) < 5, -4e-7, 1e-8) * np.ones((6, 8))
    rows = []
    for site, (i, j) in {"A": (2, 2), "B": (4, 4)}.items():
        y, x = np.mgrid[0:6, 0:8]
        foot = 3.0 * np.exp(-(np.hypot(y - i, x - j)[None] / (1.0 + rng.random((len(time), 1, 1)))))
        axes = {"time": time.values, "latitude": LAT, "longitude": LON}
        xr.Dataset({"footprint": (("time", "latitude", "longitude"), foot, FOOT)}, axes).to_netcdf(
            folder / f"{site}.nc"
        )
        seen = 410.0 + 1e6 * (foot * prior * 1.5).sum(axis=(1, 2)) + 0.3 * rng.standard_normal(len(time))
        rows += [f"{t:%Y-%m-%d %H:%M},{site},{v:.4f},0.2,410.0" for t, v in zip(time, seen, strict=True)]
    (folder / "observations.csv").write_text("\n".join(["time,site,co2,u,background", *rows]) + "\n")
    grid = {"latitude": LAT, "longitude": LON}
    xr.Dataset({"flux": (("latitude", "longitude"), prior, FLUX)}, grid).to_netcdf(folder / "prior.nc")
    west = np.zeros((2, 6, 8))
    west[0, :3, :5], west[1, 3:, :5] = 1.0, 1.0
    xr.Dataset(
        {"share": (("region", "latitude", "longitude"), west, {"units": "1"}),
         "land_class": (("latitude", "longitude"), (prior < 0).astype(np.int32), {"units": "1"})},
        {**grid, "region": ["south", "north"]},
    ).to_netcdf(folder / "regions.nc")  # fmt: skip
    (folder / "job.toml").write_text(JOB)
    return folder / "job.toml"
