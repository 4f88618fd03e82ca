"""A file of a station before the independent checkers and before the parts of the toolkit that read it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core import netcdf
from ghg.core.provenance import Record
from inversion.readers.observations import read_observations
from sensors.station.config import StationJob
from sensors.station.job import run
from tests.station_logs import job_of, simulate, text_of


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    station = simulate(1.0, every=10.0)
    log = folder / "CFADS2283-20231115-000000Z-DataLog_User.dat"
    log.write_bytes(text_of(station["time"], station["columns"]))
    given: Any = job_of([log], station["assigned"])
    given["site"] |= {"code": "SIM", "elevation": 120.0, "institution": "nobody"}
    job = StationJob(**given)
    record = Record("sensors calibrate", job, command=["ghg", "sensors", "calibrate"])
    ds = run(job, record=record)
    netcdf.write(ds, folder / "station.nc", record=record)
    return folder / "station.nc"


@pytest.mark.parametrize("options", [("--criteria", "strict", "--test=cf:1.11"), ("--test=acdd:1.3",)])
def test_the_checker_finds_nothing(written: Path, options: tuple[str, ...]) -> None:
    tool = Path(sys.executable).with_name("compliance-checker")
    done = subprocess.run([str(tool), *options, str(written)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_other_parts_need_is_in_the_file(written: Path) -> None:
    ds = netcdf.read(written)
    for name in ("co2", "co2_u_random", "co2_u_systematic", "co2_flag", "time_bounds"):
        assert name in ds
    assert ds["co2"].attrs["units"] == "umol mol-1" and ds["co2"].attrs["humidity"] == "dry"
    assert ds["co2"].attrs["standard_name"] == "mole_fraction_of_carbon_dioxide_in_dry_air"
    assert ds["co2"].attrs["calibration_scale"] == "WMO CO2 X2019"
    assert (float(ds["latitude"]), float(ds["longitude"]), float(ds["altitude"])) == (50.0, 8.0, 120.0)
    assert float(ds["intake_height"][0]) == 10.0


def test_an_inversion_reads_it_as_it_is(written: Path) -> None:
    ds, found = netcdf.read(written), read_observations(written, species="co2")
    x, flag = ds["co2"].values[0], ds["co2_flag"].values[0]
    use = np.isfinite(x) & (flag < 4)
    np.testing.assert_allclose(found.value, x[use] * 1e-6, rtol=1e-12)
    u = np.hypot(ds["co2_u_random"].values, ds["co2_u_systematic"].values)[0, use]
    np.testing.assert_allclose(found.error, u * 1e-6, rtol=1e-12)
    np.testing.assert_array_equal(found.time, ds["time"].values[use])
    assert found.site == "SIM" and found.species == "co2"
