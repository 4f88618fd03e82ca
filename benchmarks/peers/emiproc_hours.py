"""Hourly NetCDF of 100 x 100 cells, ten categories and three species by emiproc: a week, times the weeks of a year."""

from __future__ import annotations

import tempfile
import time

import geopandas as gpd  # pyright: ignore[reportMissingImports]
import numpy as np
import pandas as pd
from common import processor, say
from emiproc.exports.hourly import export_hourly_emissions  # pyright: ignore[reportMissingImports]
from emiproc.exports.netcdf import nc_cf_attributes  # pyright: ignore[reportMissingImports]
from emiproc.grids import RegularGrid  # pyright: ignore[reportMissingImports]
from emiproc.inventories import Inventory  # pyright: ignore[reportMissingImports]
from emiproc.profiles.temporal.profiles import DailyProfile  # pyright: ignore[reportMissingImports]

HOURS = 168
grid = RegularGrid(xmin=0, ymin=40, nx=100, ny=100, dx=0.1, dy=0.1)
rng = np.random.default_rng(1)
species, categories = ("co2", "ch4", "co"), [f"S{k}" for k in range(10)]
columns = {(c, s): rng.lognormal(size=10_000) for c in categories for s in species}
inventory = Inventory.from_gdf(gpd.GeoDataFrame(columns, geometry=grid.gdf.geometry, crs=4326))
inventory.grid = grid
inventory.year = 2022
shape = 1.0 + 0.5 * np.sin(np.arange(24))
for category in categories:
    inventory.set_profile([DailyProfile(ratios=shape / shape.sum())], category=category)
words = nc_cf_attributes(author="benchmark", title="benchmark", source="synthetic")
with tempfile.TemporaryDirectory() as folder:
    hours = pd.date_range("2022-01-03", periods=HOURS, freq="h")
    began, used = time.perf_counter(), processor()
    export_hourly_emissions(inventory, folder, start_time=hours[0], end_time=hours[-1], netcdf_attributes=words)
    took = time.perf_counter() - began, processor() - used
say("hourly year of 100 x 100 cells, 10 sectors, 3 species, to NetCDF", took, "emiproc",
    "a week, times 52.1; one file for each hour, float64, not compressed", 8760 / HOURS)  # fmt: skip
