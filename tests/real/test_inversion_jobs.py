"""Every sample file of footprints in a job: observed at its own times, with a uniform flux, and resolved in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ghg.core.config import load_dict
from inversion.assemble import assemble
from inversion.config import InversionJob
from inversion.problem import Problem
from inversion.readers import read_flux, read_footprints

UNIFORM = 2e-9  # mol m-2 s-1


@pytest.fixture(scope="module")
def formats(shared_data: Path) -> Path:
    return shared_data / "inversion" / "formats"


def made(folder: Path, path: Path, rows: Any, prior: Path | None = None, by: str = "all", **options: Any) -> Problem:
    """Return the problem of a job whose observations lie at the times of some footprints."""
    found = read_footprints(path)
    time = found.time[rows]
    lines = [f"{t}Z,{found.site},400,1" for t in np.datetime_as_string(time, "s")]
    (folder / "observations.csv").write_text("\n".join(["time,site,value,uncertainty", *lines]) + "\n")
    if prior is None:
        flux = np.full((found.latitude.size, found.longitude.size), UNIFORM)
        grid = {"lat": found.latitude, "lon": found.longitude}
        prior = folder / "prior.nc"
        xr.Dataset({"flux": (("lat", "lon"), flux, {"units": "mol m-2 s-1"})}, grid).to_netcdf(prior)
    first, last = time.min().astype("datetime64[D]"), time.max().astype("datetime64[D]") + 1
    job = {
        "start": str(first), "end": str(last), "observations": {"file": "observations.csv"},
        "footprints": [{"site": found.site, "file": str(path), "format": "auto", "truncated": "keep", **options}],
        "block": [{"name": "land", "prior": str(prior), "by": by, "relative": 0.5, "floor": "1e-9 mol m-2 s-1"}],
        "regions": {"file": "none"},
    }  # fmt: skip
    return assemble(load_dict(job, InversionJob), folder)


@pytest.mark.parametrize(
    "name",
    [
        "MHD-10magl_FLEXPART_ECMWFHRES_TEST_inert_201809.nc",
        "MHD-10magl_NAME_UKV_TEST_inert_PARIS-format_201301.nc",
        "MHD-10magl_UKV_hfo-1234zee_EUROPE_201401_test.nc",
        "RGL-90magl_UKV_co2_TEST_201401.nc",
        "TAC-100magl_TEST_201606.nc",
        "TAC-100magl_UKV_co2_TEST_201407.nc",
        "THW-column_NAME_UMG_EUROPE_TEST_inert_202304.nc",
        "footprint_test.nc",
    ],
)
def test_each_form_in_a_job_gives_its_own_sum(formats: Path, tmp_path: Path, name: str) -> None:
    found = read_footprints(formats / name)
    doubtful = found.screen()
    rows = np.setdiff1d(np.arange(found.size), np.concatenate([doubtful["missing"], doubtful["zero"]]))
    problem = made(tmp_path, formats / name, rows)
    want = UNIFORM * found.read(rows).total.sum(axis=(1, 2))
    assert rows.size and problem.prior_mean() == pytest.approx(want, rel=1e-5)


def test_hours_of_a_resolved_footprint_see_the_two_hourly_prior(formats: Path, tmp_path: Path) -> None:
    """Tacolneston with the respiration of CARDAMOM every two hours, against the sum over hours written out."""
    path, prior = formats / "TAC-100magl_UKV_co2_TEST_201407.nc", formats / "co2-rtot-cardamom-2hr_TEST_2014.nc"
    every = slice(0, 73, 2)
    problem = made(tmp_path, path, every, prior, by="day")
    found = read_footprints(path)
    stamps, flux, _ = read_flux(prior, (found.latitude, found.longitude))
    piece = found.read(np.arange(73)[every])
    assert piece.resolved is not None and found.lags is not None
    minute, lags = np.timedelta64(1, "m"), np.asarray(found.lags)
    start = problem.block("land").time_bounds[0, 0]
    for k in (5, 18, 30):
        release, want = found.time[2 * k] + 30 * minute, 0.0
        for lag, (begin, end) in enumerate(lags.tolist()):
            quarters = release - int(60 * end) * minute + np.arange(7, int(60 * (end - begin)), 15) * minute
            at = np.searchsorted(stamps, quarters, side="right") - 1
            want += float(np.sum(piece.resolved[k, lag] * flux[at].mean(axis=0)))
        day = max((release - int(60 * lags[-1, 1]) * minute - minute).astype("datetime64[D]"), start)
        of_day = (stamps >= day) & (stamps < day + 1440 * minute)
        want += float(np.sum(piece.remainder[k] * flux[of_day].mean(axis=0)))
        assert problem.prior_mean()[k] == pytest.approx(want, rel=1e-5)
    flat = made(tmp_path, path, every, prior, by="day", resolved=False)
    assert np.abs(flat.prior_mean() / problem.prior_mean() - 1.0).max() > 0.01  # it matters
