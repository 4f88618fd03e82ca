"""Regridding, weights and hours: ours and the floors of the machine, in one run.

Run ``python benchmarks/bench_grids.py [hours | separable | lambert]``; the peers emiproc and xarray-regrid do the same
tasks in environments of their own (``peers/``, ``make bench-peers``), the latter also here where it can be imported.
Times are the best of several runs after a first, uncounted one; the processor time of the same run stands beside it.
"""

from __future__ import annotations

import importlib.util
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
from timing import Took, best, record, short

from ghg.core.jit import kernel, spread
from ghg.core.provenance import Record
from inventories.grid.fields import coordinates
from inventories.grid.grids import LonLat, Projected
from inventories.grid.projections import LambertConformal
from inventories.grid.weights import remap
from inventories.temporal import _kernels
from inventories.temporal.expand import RUN, expand_to_file, factored, multiply_out
from inventories.temporal.profiles import Profile

LAMBERT = LambertConformal(30, 60, 34, 110)


@kernel
def _read(begin, end, lines, out):
    """Touch every cache line of some rows; floats."""
    for row in range(begin, end):
        total = lines[row, 0]
        for x in range(16, lines.shape[1], 16):
            total += lines[row, x]
        out[row] = total


def show(what: str, seconds: tuple[float, float], note: str = "") -> None:
    print(f"{what:62s} {1e3 * seconds[0]:10.1f} ms  cpu {1e3 * seconds[1]:10.1f} ms  {note}", flush=True)


def separable() -> None:
    source, target = LonLat.regular(100, 20, 0.1, (400, 600)), LonLat.regular(100, 20, 0.25, (160, 240))
    field = np.random.default_rng(0).random((3, *source.shape))
    took = best(lambda: remap(source, target).flux(field))
    show("600 x 400 -> 240 x 160 x 3, with weights", took, f"goal {5.0 / 300 * 1e3:.1f} ms")
    record("regrid 600 x 400 to 240 x 160, 3 fields, with weights", took)
    if short():
        return
    source, target = LonLat.regular(-180, -90, 0.1, (1800, 3600)), LonLat.regular(-180, -90, 0.25, (720, 1440))
    field = np.random.default_rng(0).random((12, *source.shape), dtype=np.float32)
    out = np.empty((12, *target.shape), np.float32)
    way = remap(source, target)
    mass = (way.flux(field, out) * target.area).sum(dtype=float) / (field * source.area).sum(dtype=float) - 1
    constant = np.abs(way.flux(np.ones((1, *source.shape), np.float32)) - 1).max()
    took = best(lambda: way.flux(field, out), 20)
    show("3600 x 1800 -> 1440 x 720 x 12, float32", took, f"mass {mass:.1e}, constant {constant:.1e}, goal 35 ms")
    lines = field.reshape(12 * 1800, 3600)
    sums = np.empty(lines.shape[0], np.float32)
    floor = best(lambda: spread(_read, sums.size, lines, sums), 20)
    show("  floor: reading the source once", floor)
    beside = _xarray_regrid(source, target, field)
    record("regrid 3600 x 1800 to 1440 x 720, 12 months of float32", took, floor=floor.wall,
           limit="reading the source once", peer=beside, who="xarray-regrid")  # fmt: skip


def _xarray_regrid(source: LonLat, target: LonLat, field: np.ndarray) -> Took | None:
    if importlib.util.find_spec("xarray_regrid") is None:
        print("  xarray-regrid is not installed here")
        return None
    import xarray_regrid  # noqa: F401  # registers the accessor

    lon, lat = source.centres
    ds = xr.DataArray(field, dims=("time", "lat", "lon"), coords={"lat": lat, "lon": lon}).to_dataset(name="f")
    tlon, tlat = target.centres
    grid = xr.Dataset(coords={"lat": tlat, "lon": tlon})
    took = best(lambda: ds.regrid.conservative(grid, latitude_coord="lat").load(), 2)
    show("  xarray-regrid, the same", took)
    return took


def lambert() -> None:
    for cells, step, source, goal in (
        (300, 9000.0, LonLat.regular(91, 20, 0.1, (300, 400)), "100 ms"),
        (800, 2000.0, LonLat.regular(80, 14, 0.1, (400, 600)), "2 s"),
    ):
        edges = (np.arange(cells + 1) - cells / 2) * step
        target = Projected(LAMBERT, edges, edges)
        way = remap(source, target)
        exact = target.rings(tolerance=1e-12).area().reshape(target.shape) * target.ellipsoid.area_per_unit
        error = np.abs(target.area / exact - 1).max()
        flux = np.abs(way.flux(np.ones((1, *source.shape))) - 1).max()
        took = best(partial(remap, source, target))
        show(f"0.1 deg -> {cells} x {cells} Lambert at {step / 1000:.0f} km, weights", took,
             f"area error {error:.1e}, constant {flux:.1e}, goal {goal}")  # fmt: skip
        record(f"weights 0.1 deg to {cells} x {cells} Lambert at {step / 1000:.0f} km", took)
        if short():
            break


def expansion() -> None:
    rng = np.random.default_rng(1)
    annual, factor, out = rng.random((10, 90000)), rng.random((24, 4, 10)), np.empty((24, 90000), np.float32)
    start, carry = np.append(np.arange(0, 90000, RUN), 90000), np.zeros(90000)
    region = np.arange(start.size - 1) % 4
    for bits in (0, 12):
        given = (annual, start, region, factor, bits, 24, carry, out)
        took = best(partial(spread, _kernels.expand, region.size, *given))
        by_wall, by_cpu = (out.size / seconds / 1e6 for seconds in took)
        show(f"expansion kernel, 10 sectors, {bits or 'all'} bits", took,
             f"{by_wall:.0f} million values/s, {by_cpu:.0f} for a second of one processor")  # fmt: skip
        if not bits:
            floor = best(lambda: out.fill(1.0))
            record("hours of 10 sectors by profiles, 2.16 million values", took, floor=floor.wall,
                   limit="filling the result")  # fmt: skip


def hours() -> None:
    expansion()
    rng = np.random.default_rng(1)
    dims, ds = coordinates(LonLat.regular(0, 40, 0.1, (100, 100)))
    for name in ("co2", "ch4", "co"):
        ds[f"emission_{name}"] = (("sector", *dims), rng.lognormal(size=(10, 100, 100)), {"units": "kg m-2 s-1"})
    ds = ds.assign_coords(sector=[f"S{k}" for k in range(10)])
    # months, weekdays and hours of their own for every sector, as TNO's have them
    profiles = {f"S{k}": Profile(month=rng.uniform(0.5, 1.5, 12), weekday=rng.uniform(0.7, 1.2, 7),
                                 hour=1.0 + 0.5 * np.sin(np.arange(24) / 4 + k)) for k in range(10)}  # fmt: skip
    few = ds.copy()
    for name in ("co2", "ch4", "co"):
        few[f"emission_{name}"] = ds[f"emission_{name}"].where(ds["emission_co2"][0] > 3.6, 0.0).assign_attrs(
            units="kg m-2 s-1")  # fmt: skip
    task = "hourly year of 100 x 100 cells, 10 sectors, 3 species, to NetCDF"
    for what, given, choice in (
        (task, ds, {}),
        (f"{task}, not compressed", ds, {"level": 0}),
        (f"{task}, 12 bits kept", ds, {"bits": 12}),
        (f"{task}, a tenth of the cells, gathered", few, {"gathered": True}),
    ):
        with tempfile.TemporaryDirectory() as folder:
            path, begin, cpu = Path(folder) / "hours.nc", time.perf_counter(), time.process_time()
            expand_to_file(given, profiles, 2022, path, record=Record("bench", command=["bench"]), **choice)
            took = Took(time.perf_counter() - begin, time.process_time() - cpu)
            size = path.stat().st_size / 1e9
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        show(what, took, f"{size:.2f} GB, peak {peak:.2f} GB")
        record(what, took)
    _factored(ds, profiles)


def _factored(ds: xr.Dataset, profiles: dict[str, Profile]) -> None:
    """Write the factored file, and hold every hour of it against the expanded ones."""
    from ghg.core import netcdf
    from inventories.temporal.expand import expand

    with tempfile.TemporaryDirectory() as folder:
        path, begin, cpu = Path(folder) / "factors.nc", time.perf_counter(), time.process_time()
        netcdf.write(factored(ds, profiles, 2022), path, record=Record("bench", command=["bench"]))
        took = Took(time.perf_counter() - begin, time.process_time() - cpu)
        size = path.stat().st_size / 1e6
        kept = netcdf.read(path)
        hourly = expand(ds[["emission_co2", "cell_area", "crs"]], profiles, 2022)["emission_co2"].values
        worst, total = 0.0, 0.0
        for hour in range(hourly.shape[0]):
            exact = multiply_out(kept, "emission_co2", hour)
            total = total + exact - hourly[hour]
            worst = max(worst, float(np.abs(hourly[hour] / exact - 1.0).max()))
    rest = float(np.abs(total / hourly.sum(axis=0, dtype=float)).max())
    what = "hourly year of 100 x 100 cells, 10 sectors, 3 species, factored, to NetCDF"
    show(what, took, f"{size:.1f} MB; hours differ by {worst:.1e} (float32), years by {rest:.1e}")
    record(what, took)


def main(parts: Sequence[str] = ()) -> None:
    """Run all or some parts; in the short form the hours are those of a day, and the large grids are left out."""
    chosen = {"hours": expansion if short() else hours, "separable": separable, "lambert": lambert}
    for part in parts or chosen:
        chosen[part]()


if __name__ == "__main__":
    main(sys.argv[1:])
