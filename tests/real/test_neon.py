"""NEON ONAQ: three cylinders a day, May 2019 and June 2020, from HDF5 to a file that is judged by others."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core import netcdf
from ghg.core.config import load
from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason
from ghg.core.provenance import Record, digest
from sensors.calibration.fit import fit_response
from sensors.config.station import StationJob
from sensors.readers.neon import read
from sensors.station.job import calibrate, read_records, run

EXAMPLE = Path(__file__).parents[2] / "examples" / "neon-onaq" / "station.toml"


def job_of(shared_data: Path, pattern: str, *changes: str) -> StationJob:
    return load(EXAMPLE, StationJob, [f'records.files="{shared_data}/sensors/neon/{pattern}"', *changes])


@pytest.fixture(scope="module")
def may(shared_data: Path) -> tuple[StationJob, Any]:
    job = job_of(shared_data, "*2019-05*.h5")
    return job, read_records(job)[0]


def test_daily_lines_are_those_of_the_independent_computation(may: tuple[StationJob, Any], shared_data: Path) -> None:
    """gold/neon_ONAQ_two_point_daily.csv: slope and intercept through low and high of each day, medium withheld."""
    _, records = may
    day = records.start.astype("datetime64[ns]").astype("datetime64[D]").astype(str)
    compared = 0
    for row in csv.DictReader((shared_data / "sensors/gold/neon_ONAQ_two_point_daily.csv").read_text().splitlines()):
        mine = day == row["day"][:10]
        point = {}
        for tank in ("co2Low", "co2Med", "co2High"):
            hit = np.flatnonzero(mine & (records.port == records.ports.index(tank)))
            if hit.size == 1:
                point[tank] = (records.mean[0, hit[0]], records.assigned[0, hit[0]])
        if len(point) < 3:
            continue
        x, y = zip(point["co2Low"], point["co2High"], strict=True)
        line = fit_response(x, y, 0.01, 0.0).coefficients
        assert line == pytest.approx([float(row["intercept"]), float(row["slope"])], rel=1e-9)
        error = line[0] + line[1] * point["co2Med"][0] - point["co2Med"][1]
        assert error == pytest.approx(float(row["med_cal_error"]), abs=1e-9)
        compared += 1
    assert compared >= 21  # days on which each was read once


@pytest.mark.parametrize("drift", ["smoother", "interpolate"])
def test_the_withheld_gas_is_where_it_was_found_and_is_covered(shared_data: Path, drift: str) -> None:
    job = job_of(shared_data, "*2019-05*.h5", f'calibration.drift="{drift}"')
    ds = run(job)
    found = json.loads(ds.attrs["calibration_findings"])["co2"]
    assert found["target_bias"] == pytest.approx(-0.06, abs=0.005)
    assert found["ltr"] <= 0.027  # the random part
    assert found["target_coverage"] >= 0.93
    target = ds["co2_visit_target"].values == 1
    assert (np.abs(ds["co2_visit_error"].values[target]) < 1.96 * ds["co2_visit_error_u"].values[target]).mean() > 0.93
    # an honest interval is not a wide one: it comes from the assigned values
    assert ds["co2_visit_error_u"].values[target].max() < 0.11
    assert all(one["coverage"] >= 0.93 for one in found["left_out"].values())


def test_the_same_configuration_runs_on_june_2020(shared_data: Path) -> None:
    ds = run(job_of(shared_data, "*2020-06*.h5"))
    found = json.loads(ds.attrs["calibration_findings"])["co2"]
    assert found["target_visits"] == 3 and found["target_coverage"] == 1.0
    assert (ds["co2_flag"].values == int(Flag.GOOD)).sum() > 100


@pytest.mark.parametrize(("tank", "wrong"), [(0, 420.338), (1, 471.1), (2, 451.8)])
def test_a_wrong_value_is_named_and_not_fitted_silently(shared_data: Path, tank: int, wrong: float) -> None:
    job = job_of(shared_data, "*2019-05*.h5", f"cylinders.{tank}.values.co2.value={wrong}")
    ds = run(job)
    (one,) = json.loads(ds.attrs["calibration_findings"])["co2"]["sets"]
    assert one["suspects"] == [job.cylinders[tank].name] and one["p"] < 1e-3
    there = ds["co2_n"].values > 0
    assert (ds["co2_flag"].values[there] >= int(Flag.SUSPECT)).all()
    assert (ds["co2_reason"].values[there] & int(Reason.INCONSISTENT)).all()
    assert "do not agree" in ds.attrs["notes"]
    assert set(ds["co2_visit_cylinder"].values[ds["co2_visit_suspect"].values == 1]) == {job.cylinders[tank].name}


def test_without_a_slope_from_elsewhere_three_cylinders_cannot_tell_which(shared_data: Path) -> None:
    job = job_of(shared_data, "*2019-05*.h5", "cylinders.0.values.co2.value=420.338")
    job = job.model_copy(update={"gases": {"co2": job.gases["co2"].model_copy(update={"slope_prior": None})}})
    (one,) = json.loads(run(job).attrs["calibration_findings"])["co2"]["sets"]
    assert sorted(one["suspects"]) == ["co2High", "co2Low", "co2Med"] and one["freedom"] == 1


def test_the_file_is_judged_by_others(may: tuple[StationJob, Any], tmp_path: Path) -> None:
    job, records = may
    ds = calibrate(records, job)
    target = tmp_path / "onaq.nc"
    assert netcdf.write(ds, target, record=Record("sensors calibrate", job, command=["ghg"])) == digest(ds)
    tool = Path(sys.executable).with_name("compliance-checker")
    for options in (("--criteria", "strict", "--test=cf:1.11"), ("--test=acdd:1.3",)):
        done = subprocess.run([str(tool), *options, str(target)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    back = netcdf.read(target)
    assert back["co2"].attrs["units"] == "umol mol-1" and back["co2"].attrs["calibration_scale"]


def test_bad_files(shared_data: Path, tmp_path: Path) -> None:
    whole = next((shared_data / "sensors/neon").glob("*2020-06-01*"))
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole.read_bytes()[:200_000])
    with pytest.raises(InputError, match="damaged or cut off"):
        read([cut], ["co2"])
    with pytest.raises(InputError, match="did not measure ch4"):
        read([whole], ["ch4"])
    twice = read([whole, whole], ["co2"])
    assert twice.size == read([whole], ["co2"]).size and "given twice" in " ".join(twice.notes)
