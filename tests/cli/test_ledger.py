"""A stack job that must answer to a parameter ledger, from the first entry to the verification of its output."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import xarray as xr

from ghg.core import ledger
from ghg.core.flags import Flag, Reason
from tests.terminal import Run, inside

JOB = """
[reader]
format = "table"
files = ["stack.csv"]
time = { column = "hour", timezone = "UTC", label = "start" }

[reader.columns]
co2 = { column = "CO2", units = "percent", humidity = "wet" }
velocity = { column = "v", units = "m/s", state = "actual" }
temperature = { column = "T", units = "degC" }
pressure = { column = "p", units = "kPa" }

[stack]
method = "hj75"
h2o = 8.0
area = "20 m2"
velocity_coefficient = 1.02

[ledger]
file = "stack.ledger"
"""
RECORDS = "hour,CO2,v,T,p\n" + "".join(f"2024-01-01 {h:02d}:00,12.{h},15.{h},120,100.5\n" for h in range(6))
SETTINGS = {"stack.method": "hj75", "stack.h2o": 8.0, "stack.area": "20 m2", "stack.velocity_coefficient": 1.02}


def _add(folder: Path, key: str, value: object) -> Run:
    return inside("sensors", "ledger", "add", folder / "stack.ledger", key, value, "--author", "A. Zhang", "--reason",
                  "commissioning, report 7", "--time", "2024-01-01T00:00:00Z")  # fmt: skip


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """Return a folder with a job, its records, and a ledger that holds all of its settings."""
    (tmp_path / "job.toml").write_text(JOB)
    (tmp_path / "stack.csv").write_text(RECORDS)
    for key, value in SETTINGS.items():
        run = _add(tmp_path, key, value)
        assert run.returncode == 0, run.stderr
    return tmp_path


def _emission(folder: Path, name: str = "out.nc", *more: str) -> xr.Dataset:
    run = inside("sensors", "emission", folder / "job.toml", "-o", folder / name, *more)
    assert run.returncode == 0, run.stderr
    with xr.open_dataset(folder / name) as ds:
        return ds.load()


def test_recorded_settings_leave_the_values_good(plant: Path) -> None:
    ds = _emission(plant)
    assert (ds["emission_flag"] == Flag.GOOD).all()
    assert inside("verify", plant / "out.nc").returncode == 0
    assert inside("sensors", "ledger", "check", plant / "stack.ledger", "--job", plant / "job.toml").returncode == 0


def test_a_change_without_a_record_marks_every_value_and_a_record_clears_it(plant: Path) -> None:
    job = plant / "job.toml"
    job.write_text(JOB.replace("1.02", "0.97"))
    ds = _emission(plant)
    assert (ds["emission_flag"] == Flag.SUSPECT).all() and (ds["emission_reason"] & Reason.UNRECORDED).all()
    assert "velocity_coefficient" in ds.attrs["notes"] and "0.97" in ds.attrs["notes"]
    check = inside("sensors", "ledger", "check", plant / "stack.ledger", "--job", job)
    assert check.returncode == 3 and "velocity_coefficient" in check.stdout
    assert _add(plant, "stack.velocity_coefficient", 0.97).returncode == 0
    assert (_emission(plant, "again.nc")["emission_flag"] == Flag.GOOD).all()


def test_verify_allows_a_ledger_to_grow_and_names_one_that_was_rewritten(plant: Path) -> None:
    _emission(plant)
    assert _add(plant, "stack.o2_span", 25.0).returncode == 0
    assert inside("verify", plant / "out.nc").returncode == 0
    book = plant / "stack.ledger"
    shutil.copy(book, plant / "kept")
    book.write_text(book.read_text().replace("1.02", "1.01"))
    run = inside("verify", plant / "out.nc")
    assert run.returncode == 3 and "stack.ledger" in run.stdout + run.stderr
    shutil.copy(plant / "kept", book)
    book.write_text("".join(book.read_text().splitlines(keepends=True)[:2]))
    assert inside("verify", plant / "out.nc").returncode == 3


def test_a_station_answers_to_its_ledger_too(tmp_path: Path) -> None:
    """Values of cylinders are compared with their records: another value, a rewritten entry, and a later entry."""
    from sensors.config.station import StationJob
    from sensors.station.job import run
    from sensors.station.parameters import recorded
    from tests.sensors.station.test_killed import toml_of
    from tests.station_logs import job_of, simulate, text_of

    station = simulate(0.5, every=30.0, cycle=10800.0)
    (tmp_path / "CFADS2283-20231115-000000Z-DataLog_User.dat").write_bytes(text_of(station["time"], station["columns"]))
    given = job_of(["*.dat"], station["assigned"], ledger={"file": "stack.ledger"}, calibration={"flush": 100.0})
    job = StationJob(**given)
    assert recorded(job)["cylinder.T3.co2.value"] == given["cylinders"][1]["values"]["co2"]["value"]
    for key, value in recorded(job).items():
        ledger.add(tmp_path / "stack.ledger", key, value, author="A", reason="set", time="2023-01-01T00:00:00Z")
    assert (run(job, base=tmp_path)["co2_flag"] == Flag.GOOD).all()
    (tmp_path / "job.toml").write_text(toml_of(given))
    check = ("sensors", "ledger", "check", tmp_path / "stack.ledger", "--job", tmp_path / "job.toml")
    assert inside(*check).returncode == 0
    last = ledger.add(tmp_path / "stack.ledger", "cylinder.T3.co2.value", 1.0, author="A", reason="measured again")
    ds = run(job, base=tmp_path)
    assert (ds["co2_flag"] == Flag.SUSPECT).all() and (ds["co2_reason"] & Reason.UNRECORDED).all()
    assert "'cylinder.T3.co2.value'" in ds.attrs["notes"] and f"entry {last.number}" in ds.attrs["notes"]
    assert inside(*check).returncode == 3
    book = tmp_path / "stack.ledger"
    book.write_text(book.read_text().replace("measured again", "measured amiss"))
    assert "was changed after it was written" in run(job, base=tmp_path).attrs["notes"]


def test_a_ledger_that_does_not_exist_is_said_and_nothing_is_written(plant: Path) -> None:
    (plant / "stack.ledger").unlink()
    run = inside("sensors", "emission", plant / "job.toml", "-o", plant / "out.nc")
    assert run.returncode == 2 and "the ledger does not exist" in run.stderr
    assert not (plant / "out.nc").exists()
