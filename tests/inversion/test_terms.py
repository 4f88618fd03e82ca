"""The observation error of a job: by site, between levels of a tower, and correlated as its files say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from inversion.assemble import assemble
from inversion.readers.observations import average, read_observations
from tests.inversion import example
from tests.inversion.test_inputs import job

OLD = 'sigma = "0.3 umol mol-1"\ntime_length = "6 hour"'


def test_errors_by_site_and_between_levels_of_a_tower(tmp_path: Path) -> None:
    example.write(tmp_path)
    new = ('sigma = {A = "0.3 umol mol-1", others = "0.6 umol mol-1"}\ntime_length = "12 hour"\n'
           'height_length = "50 m"\n[towers]\nT = {A = "10 m", B = "60 m"}')  # fmt: skip
    problem = assemble(job(tmp_path, {OLD: new}), tmp_path)
    r, a, b = problem.error.dense() * 1e12, np.flatnonzero(problem.site == "A"), np.flatnonzero(problem.site == "B")
    assert r[a[0], a[0]] == pytest.approx(0.2**2 + 0.3**2)
    assert r[b[0], b[0]] == pytest.approx(0.2**2 + 0.6**2)
    assert r[a[0], a[2]] == pytest.approx(0.3**2 * np.exp(-2.0))  # 24 h apart
    assert r[a[0], b[1]] == pytest.approx(0.3 * 0.6 * np.exp(-1.0 - 1.0))  # 12 h and 50 m apart
    alone = assemble(job(tmp_path, {OLD: OLD.replace('"6 hour"', '{A = "12 hour", B = "24 hour"}')}), tmp_path)
    r = alone.error.dense() * 1e12
    assert r[b[0], b[1]] == pytest.approx(0.3**2 * np.exp(-0.5)) and r[a[0], b[0]] == 0.0
    for wrong, words in (
        ('sigma = {A = "1 umol mol-1"}', "'transport', sigma: the table lacks a site .*none for B.*add 'others'"),
        ('sigma = {Z = "1 umol mol-1"}', r"no observations .*found Z.*one of A, B, or 'others'"),
        ('sigma = "1 umol mol-1"\nheight_length = "50 m"', r"add a table \[towers\]"),
        ('sigma = "1 umol mol-1"\n[towers]\nT = {A = "5 m", C = "9 m"}', r"level of a tower .*found C"),
    ):
        with pytest.raises(InputError, match=words):
            assemble(job(tmp_path, {OLD: wrong}), tmp_path)


def test_the_correlation_time_of_a_station_file_is_kept_and_averaged(tmp_path: Path) -> None:
    """Means of m values with errors correlated as rho^|i-j|: variance sum_ij rho^|i-j| / m^2."""
    time = np.datetime64("2019-01-01", "ns") + np.arange(72 * 60, dtype="timedelta64[m]")
    u = {"units": "umol mol-1", "correlation_time": 7200.0}
    ds = xr.Dataset(
        {"co2": ("time", np.full(time.size, 410.0), {"units": "umol mol-1"}),
         "co2_u_random": ("time", np.full(time.size, 0.4), u),
         "co2_u_systematic": ("time", np.full(time.size, 0.1), {"units": "umol mol-1"})},
        {"time": time}, {"species": "co2", "site": "A"},
    )  # fmt: skip
    ds.to_netcdf(tmp_path / "A_obs.nc")
    found = average(read_observations(tmp_path / "A_obs.nc"), 3600.0)
    lag = np.abs(np.subtract.outer(np.arange(60), np.arange(60)))
    want = 0.4 * np.sqrt(np.exp(-lag / 120.0).mean())
    np.testing.assert_allclose(found.correlated * 1e6, want, rtol=1e-9)
    np.testing.assert_allclose(found.random * 1e6, 0.0, atol=1e-6)
    assert found.correlation_time == pytest.approx(7200.0, rel=0.2)
    example.write(tmp_path)
    table = '[observations]\nfile = "observations.csv"\nvalue = "co2"\nuncertainty = "u"\nbackground = "background"\n'
    station = '[observations]\nfile = "A_obs.nc"\naverage = "1 hour"\nhours = [0, 1]\n'
    text = {table: station, OLD: 'sigma = "0.3 umol mol-1"'}
    problem = assemble(job(tmp_path, text), tmp_path)
    r = problem.error.dense() * 1e12
    assert r[0, 0] == pytest.approx(want**2 + 0.1**2 + 0.3**2)
    assert r[0, 1] == pytest.approx(want**2 * np.exp(-24 * 3600.0 / found.correlation_time) + 0.1**2)
    ds["co2_u_random"].attrs["correlation_time"] = -1.0
    ds.to_netcdf(tmp_path / "A_obs.nc")
    with pytest.raises(InputError, match=r"A_obs\.nc, co2_u_random.*no duration"):
        read_observations(tmp_path / "A_obs.nc")
