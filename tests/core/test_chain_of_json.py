"""The walk goes on through JSON results that hold their provenance, down to the raw file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core.netcdf import write
from ghg.core.provenance import Record, verify, write_manifest
from ghg.demo.tamper import flipped


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Return a folder: raw.dat -> series.nc -> middle.json -> report/result.json."""
    (tmp_path / "raw.dat").write_text("1 2 3 4\n" * 50)
    record = Record("calibrate")
    record.use(tmp_path / "raw.dat")
    values = xr.Dataset({"x": ("n", np.arange(500.0), {"units": "1", "long_name": "x"})}, attrs={"title": "t"})
    write(values, tmp_path / "series.nc", record=record)
    below = tmp_path / "series.nc"
    (tmp_path / "report").mkdir()
    for target in (tmp_path / "middle.json", tmp_path / "report" / "result.json"):
        record = Record("balance")
        record.use(below)
        target.write_text(json.dumps({"provenance": record.as_dict(target)}))
        below = target
    write_manifest(tmp_path / "report")
    return tmp_path


@pytest.mark.parametrize("name", ["raw.dat", "series.nc", "middle.json", "report/result.json"])
def test_one_byte_at_any_level_is_found(chain: Path, name: str) -> None:
    clean = verify(chain / "report")
    assert clean.ok and {"raw.dat", "series.nc", "middle.json", "result.json"} <= set(clean.checked)
    with flipped(chain / name):
        found = verify(chain / "report")
    assert any(p.fatal and Path(name).name in f"{p.file} {p.message}" for p in found.problems)
    assert verify(chain / "report").ok
