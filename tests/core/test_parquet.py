"""Parquet tables: the same columns, times and refusals as CSV."""

from __future__ import annotations

import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from ghg.core.errors import InputError, UnitError
from ghg.core.tables import ColumnSpec, read_table

STAMPS = pd.to_datetime(["2024-03-01 00:00", "2024-03-01 01:00", "2024-03-01 02:00"])
SPECS = {"time": ColumnSpec("时间", kind="time"), "flow": ColumnSpec("流量(m3/h)", quantity="m3 s-1"),
         "stack": ColumnSpec("烟囱", kind="text")}  # fmt: skip


def write(path: Path, **changes) -> Path:
    columns = {"时间": STAMPS, "流量(m3/h)": [3600.0, None, 7200.0], "烟囱": ["一号", "一号", None], "x": [1, 2, 3]}
    pd.DataFrame({**columns, **changes}).to_parquet(path)
    return path


def test_numbers_text_and_naive_times_in_a_stated_zone(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "a.parquet"), SPECS, timezone="Asia/Shanghai")
    np.testing.assert_array_equal(frame["flow"], [1.0, np.nan, 2.0])
    assert frame["stack"].fillna("").tolist() == ["一号", "一号", ""]
    assert frame["time"].iloc[0] == pd.Timestamp("2024-02-29 16:00")
    assert frame.attrs["units"]["flow"] == "m3 s-1"


def test_times_that_carry_their_zone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", 时间=STAMPS.tz_localize("UTC"))
    assert read_table(path, SPECS, timezone="Asia/Shanghai")["time"].iloc[0] == pd.Timestamp("2024-03-01")


def test_same_frame_as_from_csv(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    pd.read_parquet(path).to_csv(tmp_path / "a.csv", index=False)
    one, two = (read_table(p, SPECS, timezone="UTC").reset_index(drop=True) for p in (path, tmp_path / "a.csv"))
    pd.testing.assert_frame_equal(one, two, check_like=True)


def test_refusals(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    with pytest.raises(UnitError, match="wrong kind"):
        read_table(path, {"flow": ColumnSpec("流量(m3/h)", quantity="kg s-1")})
    with pytest.raises(InputError, match="column 'y' is missing"):
        read_table(path, {"y": ColumnSpec("y")})
    with pytest.raises(InputError, match="column '烟囱' holds something that is not a number"):
        read_table(path, {"stack": ColumnSpec("烟囱")})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"cannot be read.*truncated"):
        read_table(path, SPECS)


def test_without_pyarrow_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    hidden = mock.patch.dict(sys.modules, {"pyarrow": None, "pyarrow.parquet": None})
    with hidden, pytest.raises(InputError, match=r"ghg-toolkit\[parquet\]"):
        read_table(path, SPECS)
