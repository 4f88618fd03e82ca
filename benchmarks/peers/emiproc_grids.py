"""From 0.1 degrees to 0.25 degrees and to a Lambert grid by emiproc: tasks of ``bench_grids.py``.

The Lambert grid is given to emiproc as the polygons of its cells, projected back to longitudes and latitudes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import geopandas as gpd  # pyright: ignore[reportMissingImports]
import numpy as np
import pyproj
import shapely
from common import processor, say
from emiproc.grids import RegularGrid  # pyright: ignore[reportMissingImports]
from emiproc.inventories import Inventory  # pyright: ignore[reportMissingImports]
from emiproc.regrid import remap_inventory  # pyright: ignore[reportMissingImports]

rng = np.random.default_rng(0)


def inventory(grid: RegularGrid, species: list[str]) -> Inventory:
    columns = {("all", name): rng.random(grid.nx * grid.ny) for name in species}
    return Inventory.from_gdf(gpd.GeoDataFrame(columns, geometry=grid.gdf.geometry, crs=4326))


def once(work: Callable[[], object]) -> tuple[float, float]:
    began, used = time.perf_counter(), processor()
    work()
    return time.perf_counter() - began, processor() - used


source = inventory(RegularGrid(xmin=100, ymin=20, nx=600, ny=400, dx=0.1, dy=0.1), ["a", "b", "c"])
target = RegularGrid(xmin=100, ymin=20, nx=240, ny=160, dx=0.25, dy=0.25)
took = min(once(lambda: remap_inventory(source, target)) for _ in range(2))
say("regrid 600 x 400 to 240 x 160, 3 fields, with weights", took, "emiproc")

source = inventory(RegularGrid(xmin=91, ymin=20, nx=400, ny=300, dx=0.1, dy=0.1), ["a"])
edges = (np.arange(301) - 150) * 9000.0
x, y = np.meshgrid(edges, edges)
lambert = pyproj.CRS("+proj=lcc +lat_1=30 +lat_2=60 +lat_0=34 +lon_0=110 +ellps=WGS84")
lon, lat = pyproj.Transformer.from_crs(lambert, 4326, always_xy=True).transform(x, y)
node = np.stack([lon, lat], axis=-1)
ring = np.stack([node[:-1, :-1], node[:-1, 1:], node[1:, 1:], node[1:, :-1]], axis=2).reshape(-1, 4, 2)
cells = gpd.GeoSeries(shapely.polygons(ring), crs=4326)
took = min(once(lambda: remap_inventory(source, cells)) for _ in range(2))
say("weights 0.1 deg to 300 x 300 Lambert at 9 km", took, "emiproc", "planar in degrees")
