"""Footprints resolved in time in a job, and a grid of the state of its own, against sums written out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from inversion.assemble import assemble
from inversion.problem import Problem
from tests.inversion import example
from tests.inversion.test_inputs import job

HOUR = np.timedelta64(1, "h")


def resolved(folder: Path, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Write the footprints of A as NAME does in time: three lags of an hour and the remainder; return both."""
    rng = np.random.default_rng(seed)
    ds = xr.load_dataset(folder / "A.nc")
    total = ds["footprint"].values
    parts = rng.dirichlet(np.ones(4), total.shape)  # (time, lat, lon, 4)
    fine = np.moveaxis(total[..., None] * parts, -1, 1)
    axes = {"time": ds["time"].values, "lat": example.LAT, "lon": example.LON, "H_back": np.arange(4.0)}
    out = xr.Dataset(
        {"fp": (("time", "lat", "lon"), total, example.FOOT),
         "fp_HiTRes": (("time", "H_back", "lat", "lon"), fine, example.FOOT)}, axes, {"site": "A"},
    )  # fmt: skip
    out["time"].attrs = {"label": "left", "period": "1 hours"}
    out["H_back"].attrs = {"units": "hours"}
    xr.decode_cf(out, decode_timedelta=False).to_netcdf(folder / "A-fine.nc")
    return fine[:, :3], fine[:, 3]


def with_fine(folder: Path, **changes: str) -> Problem:
    text = {
        'file = "A.nc"': 'file = "A-fine.nc"\nformat = "name"',
        'length = "200 km"': 'length = "200 km"\nby = "day"',
    }
    return assemble(job(folder, text | changes), folder)


def test_the_hours_of_a_footprint_belong_to_the_days_of_the_state(tmp_path: Path) -> None:
    example.write(tmp_path)
    fine, rest = resolved(tmp_path)
    problem = with_fine(tmp_path)
    h = problem.block("land").sensitivity.dense()
    rows = np.flatnonzero(problem.site == "A")
    for i in (0, 1, 2, 7):  # observations at 0 and 12 h: of the hour about midnight one half is of the day before
        row, day = h[rows[i]].reshape(90, 6, 8), i // 2
        if i % 2:
            np.testing.assert_allclose(row[day], fine[i].sum(axis=0) + rest[i], rtol=1e-5)
            continue
        before = fine[i, 0] / 2.0 + fine[i, 1] + fine[i, 2] + rest[i]
        today = fine[i, 0] / 2.0 + (before if i == 0 else 0.0)  # what lies before the first day counts as that day
        np.testing.assert_allclose(row[day], today, rtol=1e-5)
        if i:
            np.testing.assert_allclose(row[day - 1], before, rtol=1e-5)
    other = np.flatnonzero(problem.site == "B")
    assert (h[other].sum(axis=2) > 0.0).sum() == other.size  # the file of B tells nothing of time: one day each
    flat = with_fine(tmp_path, **{'site = "A"\n': 'site = "A"\nresolved = false\n'}).block("land").sensitivity.dense()
    np.testing.assert_allclose(flat.sum(axis=1), h.sum(axis=1), rtol=1e-5)
    assert (flat[rows].sum(axis=2) > 0.0).sum() == rows.size
    far = with_fine(tmp_path, **{'site = "A"\n': 'site = "A"\nback = "51 hour"\n'}).block("land").sensitivity.dense()
    np.testing.assert_allclose(far[rows[7], 2].reshape(6, 8), rest[7] * 0.5, rtol=1e-5)  # 24 of the 48 hours before


def test_a_prior_that_varies_within_the_day_goes_through_the_hours_of_the_footprint(tmp_path: Path) -> None:
    example.write(tmp_path)
    fine, rest = resolved(tmp_path)
    prior = xr.load_dataset(tmp_path / "prior.nc")["flux"]
    time = np.arange("2019-01-01", "2019-04-01", dtype="datetime64[h]").astype("datetime64[ns]")
    cycle = 1.0 + np.sin(np.arange(time.size) * 2.0 * np.pi / 24.0) + 0.5 * np.cos(np.arange(time.size) * 0.3)
    hourly = xr.DataArray(cycle, {"time": time}, "time") * prior
    hourly.transpose("time", ...).assign_attrs(prior.attrs).to_dataset(name="flux").to_netcdf(tmp_path / "hourly.nc")
    problem = with_fine(tmp_path, **{'prior = "prior.nc"': 'prior = "hourly.nc"'})
    rows, when = np.flatnonzero(problem.site == "A"), problem.time[problem.site == "A"]
    daily = cycle.reshape(-1, 24).mean(axis=1)
    for i in (1, 7, 101):
        start = int((when[i] - time[0]) / HOUR)
        # the hour before the mean time of release, start + 1/2, lies half in each of two hours of the clock
        want = [np.sum(fine[i, lag] * prior.values) * 0.5 * (cycle[start - lag - 1] + cycle[start - lag])
                for lag in range(3)]  # fmt: skip
        want.append(np.sum(rest[i] * prior.values) * daily[i // 2])
        got = problem.prior_mean()[rows[i]] - 410e-6
        assert got == pytest.approx(sum(want), rel=2e-5)


def test_a_coarser_grid_keeps_the_product_with_a_uniform_flux(tmp_path: Path) -> None:
    example.write(tmp_path)
    own = assemble(job(tmp_path), tmp_path)
    grid = {"[regions]": "[grid]\nstep = 2.0\n[regions]"}
    found = assemble(job(tmp_path, grid), tmp_path)
    land = found.block("land")
    assert (
        land.grid is not None and land.grid.shape == (3, 4) and land.grid.axes()[1].tolist() == [-3.5, -1.5, 0.5, 2.5]
    )
    ones = [[np.ones((b.elements, b.periods, 1)) if b.kind == "flux" else np.zeros((b.elements, b.periods, 1))
             for b in p.blocks] for p in (own, found)]  # fmt: skip
    np.testing.assert_allclose(found.forward(ones[1]), own.forward(ones[0]), rtol=1e-5)
    mass = [b.prior[0] @ b.grid.area for b in (own.block("land"), land) if b.grid is not None]
    assert mass[0] == pytest.approx(mass[1], rel=1e-6)
    small = {"[regions]": "[grid]\nstep = [1.0, 2.0]\nnorth = 51.5\n[regions]"}
    with pytest.raises(InputError, match=r"reach beyond the grid of the state.*% of the sensitivity"):
        assemble(job(tmp_path, small), tmp_path)
    small["[regions]"] = small["[regions]"].replace("step", 'outside = "ignore"\nstep')
    assert assemble(job(tmp_path, small), tmp_path).block("land").elements == 16
    with pytest.raises(InputError, match=r"\[grid\]: .*does not lie within .*-20 to 3\.5"):
        assemble(job(tmp_path, {"[regions]": "[grid]\nstep = 1.0\nwest = -20.0\n[regions]"}), tmp_path)


def test_a_covariate_on_another_grid_is_brought_to_that_of_the_state(tmp_path: Path) -> None:
    example.write(tmp_path)
    lat, lon = np.arange(44.25, 58.0, 0.5), np.arange(-8.25, 9.0, 0.5)
    field = np.cos(np.radians(lat))[:, None] ** 0 * np.linspace(1.0, 3.0, lon.size)
    xr.Dataset({"people": (("lat", "lon"), field, {"units": "1"})}, {"lat": lat, "lon": lon}).to_netcdf(
        tmp_path / "people.nc"
    )
    line = 'length = "200 km"\ncovariates = {people = "people.nc"}'
    problem = assemble(job(tmp_path, {'length = "200 km"': line}), tmp_path)
    x = problem.block("land").covariates["people"][0].reshape(6, 8)
    np.testing.assert_allclose(x[0], np.interp(example.LON, lon, np.linspace(1.0, 3.0, lon.size)), rtol=1e-9)
    xr.Dataset({"people": (("lat", "lon"), field[:5], {"units": "1"})}, {"lat": lat[:5], "lon": lon}).to_netcdf(
        tmp_path / "people.nc"
    )
    with pytest.raises(InputError, match=r"people.*does not cover the grid of the state"):
        assemble(job(tmp_path, {'length = "200 km"': line}), tmp_path)
