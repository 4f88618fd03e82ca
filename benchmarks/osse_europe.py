"""Experiment: on the full grid of Europe (293 x 391 cells), do 95 % intervals of country totals hold the truth?

Run ``python benchmarks/osse_europe.py [replicates]``. Synthetic footprints (a plume per observation, fresh wind each
time) of ten towers, an exponential prior of 200 km in great-circle distance, separate for land and sea, on all
114,563 cells; nothing is reduced. Countries come from the mask beside the project where it is there.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr

from inversion import Block, Covariance, Grid, ObservationError, Problem, TotalSet
from inversion.grid import great_circle
from inversion.osse import coverage
from inversion.sensitivity import Dense
from inversion.space import ZonalFourier
from inversion.time import Markov

MASK = Path(__file__).resolve().parents[2] / "shared/data/inversion/tac_ch4_2019/country_EUROPE.nc"
SITES = {"TAC": (52.5, 1.1), "MHD": (53.3, -9.9), "RGL": (52.0, -2.5), "CBW": (52.0, 4.9), "OPE": (48.6, 5.5),
         "GAT": (53.1, 11.4), "KRE": (49.6, 15.1), "IPR": (45.8, 8.6), "SAC": (48.7, 2.1),
         "HTM": (56.1, 13.4)}  # fmt: skip
PER_SITE = 30
SHOWN = ("UNITED KINGDOM", "FRANCE", "GERMANY", "NETHERLANDS", "BELGIUM", "IRELAND", "POLAND", "ITALY", "SPAIN",
         "DENMARK", "CZECHIA", "AUSTRIA", "SWITZERLAND")  # fmt: skip


def footprints(grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Gaussian plumes upwind of each tower, (n, cells), of the size of real surface footprints."""
    out = np.zeros((len(SITES) * PER_SITE, grid.cells), dtype=np.float32)
    row = 0
    for lat, lon in SITES.values():
        d = great_circle(np.float64(lat), np.float64(lon), grid.latitude, grid.longitude) / 1e3
        bearing = np.arctan2((grid.longitude - lon) * np.cos(np.radians(lat)), grid.latitude - lat)
        for _ in range(PER_SITE):
            off = np.abs((bearing - rng.uniform(0, 2 * np.pi) + np.pi) % (2 * np.pi) - np.pi)
            out[row] = 2.0 * np.exp(-d / rng.uniform(200, 800)) / (1 + d / 20.0) * np.exp(-0.5 * (off / 0.5) ** 2)
            row += 1
    return out


def countries(grid: Grid) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return shares of countries, and the class land or sea of each cell."""
    if not MASK.is_file():
        box = np.floor(grid.longitude / 10.0).astype(int)
        return {f"box {k}": (box == k) * 1.0 for k in range(-1, 4)}, np.zeros(grid.cells, dtype=np.int64)
    ds = xr.open_dataset(MASK)
    mask = np.rint(ds["country"].values).astype(int).ravel()
    names = [str(n).strip() for n in ds["name"].values]
    found = {n: (mask == k) * 1.0 for k, n in enumerate(names) if n in SHOWN and (mask == k).any()}
    return found, (mask > 0).astype(np.int64)


def main() -> None:
    """Run and print the table."""
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    rng = np.random.default_rng(7)
    start, cpu = time.perf_counter(), time.process_time()
    if MASK.is_file():
        ds = xr.open_dataset(MASK)
        grid = Grid.regular(ds["lat"].values, ds["lon"].values)
    else:
        grid = Grid.regular(np.linspace(10.729, 79.057, 293), np.linspace(-97.9, 39.38, 391))
    regions, land = countries(grid)
    h = footprints(grid, rng)
    bounds = np.array([["2019-01-01", "2019-02-01"]], dtype="datetime64[ns]")
    prior = np.where(land > 0, 1e-7, 1e-8)[None]
    q = Covariance(0.8 * prior, Markov([0.0], 0.0), ZonalFourier(grid, "exponential", 2e5, land, 0.0))
    block = Block("flux", Dense(h[None]), prior, q, bounds, grid=grid)
    n = h.shape[0]
    error = ObservationError.independent(np.full(n, 2e-7))
    problem = Problem(np.zeros(n), error, (block,), np.repeat(bounds[0, 0], n), np.repeat(list(SITES), PER_SITE))
    print(f"{grid.cells} cells, {n} observations, {len(regions)} regions, {replicates} replicates", flush=True)
    found = coverage(problem, TotalSet.of(problem, regions), replicates, method="dual", announce=print)
    for row in found.table():
        print(f"{row['region']:>16}: coverage {row['coverage']:.1%}, bias {row['bias_in_u']:+.2f} u, "
              f"rmse {row['rmse_over_u']:.2f} u, error reduction {row['error_reduction']:.0%}")  # fmt: skip
    share = found.share()
    inside = np.abs(found.estimate - found.truth) <= 1.96 * found.u[:, None]
    se = inside.mean(axis=0).std() / np.sqrt(replicates)
    wall, used = time.perf_counter() - start, time.process_time() - cpu
    print(f"all regions: {share.mean():.2%} +- {se:.2%} (standard error); {wall:.0f} s wall, {used:.0f} s CPU, "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")  # fmt: skip


if __name__ == "__main__":
    main()
