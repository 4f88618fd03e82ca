"""The files of real records: read, written, judged by the independent checker, verified, and spoilt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import netCDF4
import pytest

from ghg.core import netcdf
from ghg.core.dataset import check_measured
from ghg.core.provenance import Record, digest, verify
from sensors.config import CampdReader
from sensors.readers import read


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "facility" / "campd"


@pytest.fixture(scope="module")
def written(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    ds = read(CampdReader(files=(str(folder / "epacems2018id*.zip"),)))
    check_measured(ds)
    record = Record("sensors stack", command=["ghg", "sensors", "stack"])
    for path in sorted(folder.glob("epacems2018id*.zip")):
        record.use(path, "stack records")
    target = tmp_path_factory.mktemp("idaho") / "measured.nc"
    assert netcdf.write(ds, target, record=record) == digest(ds)
    return target


@pytest.mark.parametrize(
    "options",
    [
        ("--criteria", "strict", "--test=cf:1.11"),
        # the CF table has no name for a facility's emission in kg s-1, see tests/core/test_netcdf.py
        ("--test=acdd:1.3", "--skip-checks=check_var_standard_name"),
    ],
)
def test_the_checker_finds_nothing(written: Path, options: tuple[str, ...]) -> None:
    tool = Path(sys.executable).with_name("compliance-checker")
    done = subprocess.run([str(tool), *options, str(written)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_chain_is_verified_down_to_the_records(written: Path, folder: Path) -> None:
    result = verify(written, base=folder)
    assert result.ok and not result.problems
    assert len(result.checked) == 1 + len(list(folder.glob("epacems2018id*.zip")))


def test_no_path_of_the_machine_is_in_the_file(written: Path, folder: Path) -> None:
    assert str(folder).encode() not in written.read_bytes()
    with netCDF4.Dataset(written) as nc:
        assert str(folder) not in nc.provenance + nc.history


def test_one_changed_hour_in_70_080_is_named(written: Path, folder: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "measured.nc"
    spoilt.write_bytes(written.read_bytes())
    ds = netcdf.read(written)
    with netCDF4.Dataset(spoilt, "a") as nc:
        nc["emission"][5, 4242] = 1.5
    (problem,) = verify(spoilt, base=folder).problems
    source, time = str(ds.source.values[5]), str(ds.time.values[4242])[:19]
    assert f"variable 'emission' was changed at source '{source}', time {time}Z" in problem.message
