"""A global grid of 0.1 degrees, twelve months, to 0.25 degrees by xarray-regrid: the task of ``bench_grids.py``."""

from __future__ import annotations

import numpy as np
import xarray as xr
import xarray_regrid  # noqa: F401  # pyright: ignore[reportMissingImports]
from common import best, say

field = np.random.default_rng(0).random((12, 1800, 3600), dtype=np.float32)


def middles(first: float, step: float, count: int) -> np.ndarray:
    return first + step * (np.arange(count) + 0.5)


ds = xr.Dataset({"f": (("time", "lat", "lon"), field)},
                coords={"lat": middles(-90, 0.1, 1800), "lon": middles(-180, 0.1, 3600)})  # fmt: skip
grid = xr.Dataset(coords={"lat": middles(-90, 0.25, 720), "lon": middles(-180, 0.25, 1440)})
took = best(lambda: ds.regrid.conservative(grid, latitude_coord="lat").load(), 3)
say("regrid 3600 x 1800 to 1440 x 720, 12 months of float32", took, "xarray-regrid")
