"""Regridding and expansion: ours, the floor of the machine, and peers, in one run.

Run ``python benchmarks/bench_grids.py``; the peer ``xarray-regrid`` is measured where it can be imported. Times are the
best of several runs after a first, uncounted one; the CPU time of the same run stands beside it.
"""

from __future__ import annotations

import importlib.util
import resource
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
from timing import best

from ghg.core.jit import spread
from ghg.core.provenance import Record
from inventories.grid.fields import coordinates
from inventories.grid.grids import LonLat, Projected
from inventories.grid.projections import LambertConformal
from inventories.grid.weights import remap
from inventories.temporal import _kernels
from inventories.temporal.expand import expand_to_file
from inventories.temporal.profiles import Profile

LAMBERT = LambertConformal(30, 60, 34, 110)


def show(what: str, seconds: tuple[float, float], note: str = "") -> None:
    print(f"{what:62s} {1e3 * seconds[0]:10.1f} ms  cpu {1e3 * seconds[1]:10.1f} ms  {note}")


def separable() -> None:
    source, target = LonLat.regular(100, 20, 0.1, (400, 600)), LonLat.regular(100, 20, 0.25, (160, 240))
    field = np.random.default_rng(0).random((3, *source.shape))
    show("600 x 400 -> 240 x 160 x 3, with weights", best(lambda: remap(source, target).flux(field)), "emiproc 5.0 s")
    source, target = LonLat.regular(-180, -90, 0.1, (1800, 3600)), LonLat.regular(-180, -90, 0.25, (720, 1440))
    field = np.random.default_rng(0).random((12, *source.shape), dtype=np.float32)
    out = np.empty((12, *target.shape), np.float32)
    way = remap(source, target)
    mass = (way.flux(field, out) * target.area).sum(dtype=float) / (field * source.area).sum(dtype=float) - 1
    constant = np.abs(way.flux(np.ones((1, *source.shape), np.float32)) - 1).max()
    show("3600 x 1800 -> 1440 x 720 x 12, float32", best(lambda: way.flux(field, out)),
         f"mass {mass:.1e}, constant {constant:.1e}")  # fmt: skip
    show("  floor: reading the source once", best(lambda: field.sum()))
    if importlib.util.find_spec("xarray_regrid") is None:
        print("  xarray-regrid is not installed here")
        return
    import xarray_regrid  # noqa: F401  # registers the accessor

    lon, lat = source.centres
    ds = xr.DataArray(field, dims=("time", "lat", "lon"), coords={"lat": lat, "lon": lon}).to_dataset(name="f")
    tlon, tlat = target.centres
    grid = xr.Dataset(coords={"lat": tlat, "lon": tlon})
    show("  xarray-regrid, the same", best(lambda: ds.regrid.conservative(grid, latitude_coord="lat").load(), 2))


def lambert() -> None:
    for cells, step, source, note in (
        (300, 9000.0, LonLat.regular(91, 20, 0.1, (300, 400)), "emiproc 3.35 s"),
        (800, 2000.0, LonLat.regular(98, 24, 0.1, (200, 250)), "goal 2 s"),
    ):
        edges = (np.arange(cells + 1) - cells / 2) * step
        target = Projected(LAMBERT, edges, edges)
        way = remap(source, target)
        error = np.abs(target.area / (target.rings(tolerance=1e-12).area().reshape(target.shape)
                                      * target.ellipsoid.area_per_unit) - 1).max()  # fmt: skip
        flux = np.abs(way.flux(np.ones((1, *source.shape))) - 1).max()
        words = f"0.1 deg -> {cells} x {cells} Lambert at {step / 1000:.0f} km, weights"
        show(words, best(partial(remap, source, target)),
             f"area error {error:.1e}, constant {flux:.1e}, {note}")  # fmt: skip


def hours() -> None:
    rng = np.random.default_rng(1)
    annual = rng.random((10, 90000))
    factor, out = rng.random((24, 4, 10)), np.empty((24, 90000), np.float32)
    start, carry = np.append(np.arange(0, 90000, 512), 90000), np.zeros(90000)
    region = np.arange(start.size - 1) % 4
    seconds = best(lambda: spread(_kernels.expand, region.size, annual, start, region, factor, 0, 24, carry, out))
    show("expansion kernel, 10 sectors", seconds, f"{out.size / seconds[0] / 1e6:.0f} million values/s")
    dims, ds = coordinates(LonLat.regular(0, 40, 0.1, (100, 100)))
    for name in ("co2", "ch4", "co"):
        ds[f"emission_{name}"] = (("sector", *dims), rng.lognormal(size=(10, 100, 100)), {"units": "kg m-2 s-1"})
    ds = ds.assign_coords(sector=[f"S{k}" for k in range(10)])
    profiles = {"": Profile(hour=1.0 + 0.5 * np.sin(np.arange(24)))}
    few = ds.copy()
    for name in ("co2", "ch4", "co"):
        few[f"emission_{name}"] = ds[f"emission_{name}"].where(ds["emission_co2"][0] > 3.6, 0.0).assign_attrs(
            units="kg m-2 s-1")  # fmt: skip
    for apart, level, gathered in ((False, 0, False), (False, 1, False), (True, 0, False), (False, 1, True)):
        with tempfile.TemporaryDirectory() as folder:
            begin, cpu = time.perf_counter(), time.process_time()
            path = Path(folder) / "hours.nc"
            expand_to_file(few if gathered else ds, profiles, 2022, path, record=Record("bench", command=["bench"]),
                           by_sector=apart, level=level, gathered=gathered)  # fmt: skip
            seconds = time.perf_counter() - begin, time.process_time() - cpu
            size = path.stat().st_size / 1e9
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        words = "sectors apart" if apart else "a tenth of the cells, gathered" if gathered else "sectors summed"
        show(f"hourly year 100 x 100 x 10 x 3, {words}, zlib {level}", seconds, f"{size:.2f} GB, peak {peak:.2f} GB")


if __name__ == "__main__":
    hours()
    separable()
    lambert()
