"""What a damaged file may not ask for: found by feeding damaged files to every reader (benchmarks/fuzz_readers.py)."""

from __future__ import annotations

import io
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from benchmarks.fuzz_binary import _shape_parts
from benchmarks.fuzz_targets import workbook
from ghg.core import netcdf
from ghg.core.clock import parse_times
from ghg.core.config import read_toml
from ghg.core.errors import ConfigError, InputError
from ghg.core.limits import check_axis, check_times, moment, parse_json
from ghg.core.shapes import read_shapes
from ghg.core.tables import ColumnSpec, read_table
from ghg.core.time import localise
from inventories.readers import annex1
from inventories.temporal.profiles import _table
from sensors.config import CampdReader, TableReader
from sensors.readers import read
from sensors.readers.ecmps_json import stamp
from sensors.readers.series import read_series
from tests.terminal import ENVIRONMENT

CAMPD = "State,Facility ID,Unit ID,Date,Hour,Operating Time,CO2 Mass (short tons)\n"


def test_a_year_beyond_the_clock_is_refused_and_does_not_wrap_around() -> None:
    with pytest.raises(InputError, match=r"out of range \(found 2924-03-01T00:00:00, needed a year from 1678 to 2261"):
        localise(np.array(["2924-03-01"], "datetime64[s]"), "UTC")
    with pytest.raises(InputError, match="out of range"):
        parse_times(["9999-01-01 00:00"], timezone="UTC")
    assert check_times(np.array(["NaT", "2261-12-31"], "datetime64[D]"))[1] == np.datetime64("2261-12-31", "ns")


def test_an_axis_that_is_almost_empty_is_refused() -> None:
    check_axis(400_000, 2, ("a", "b"))
    check_axis(10_000_000, 100_000, ("a", "b"))
    with pytest.raises(InputError, match=r"too far apart \(found 2 from a to b\)"):
        check_axis(400_001, 2, ("a", "b"))


def test_a_wrong_digit_in_a_year_of_hours(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(CAMPD + "AZ,113,1,2018-03-11,2,1,9.5\nAZ,113,1,2198-03-11,3,1,9.5\n")
    with pytest.raises(InputError, match=r"too far apart \(found 2 from 2018-03-11T02 to 2198-03-11T03"):
        read(CampdReader(files=(str(path),)))
    path.write_text(CAMPD + "AZ,113,1,0018-03-11,2,1,9.5\n")
    with pytest.raises(InputError, match="a date cannot be read"):
        read(CampdReader(files=(str(path),)))
    table = tmp_path / "t.csv"
    table.write_text("t,e\n2024-01-01 00:00,1\n2224-01-01 00:00,1\n")
    reader: dict[str, Any] = {"files": str(table), "columns": {"emission": {"column": "e", "units": "t"}},
                              "time": {"column": "t", "timezone": "UTC", "label": "start"}}  # fmt: skip
    with pytest.raises(InputError, match="too far apart"):
        read(TableReader.model_validate(reader))
    table.write_text("t,e\n2024-01-01 00:00,1\n1724-01-01 00:00,1\n")  # both on the clock, and no difference holds it
    with pytest.raises(InputError, match=r"too far apart \(found 2 from 1724-01-01T00:0"):
        read(TableReader.model_validate(reader))
    table.write_text("t,e\n2024-01-01 00:00,1\n2609-01-01 00:00,1\n")  # would be 2024 again, 584.5 years before
    with pytest.raises(InputError, match=r"t.csv, row 3: a time is out of range \(found 2609-01-01T00:00:00"):
        read(TableReader.model_validate(reader))


def test_a_header_with_bare_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes((CAMPD + "AZ,113,1,2018-03-11,2,1,9.5\n").replace("\n", "\r").encode())
    with pytest.raises(InputError, match="the header is no line of a table"):
        read(CampdReader(files=(str(path),)))


def test_an_archive_whose_directory_points_before_its_beginning(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.csv", CAMPD)
    path = tmp_path / "x.zip"
    path.write_bytes(buffer.getvalue()[13:])  # the beginning is lost: offsets become negative
    with pytest.raises(InputError, match="cannot be unpacked"):
        read(CampdReader(files=(str(path),)))
    path.write_bytes(b"PK\x03\x04" + buffer.getvalue()[17:])
    with pytest.raises(InputError, match="damaged"):
        read_table(path, {"a": "State"})


def _edited(path: Path, content: bytes, old: bytes, new: bytes) -> Path:
    """Write a workbook with something replaced in all its parts."""
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(path, "w") as archive:
        for name in given.namelist():
            archive.writestr(name, given.read(name).replace(old, new))
    return path


def test_a_row_of_a_workbook_that_is_numbered_in_billions(tmp_path: Path) -> None:
    number = (b'<row r="2"', b'<row r="2147483648"')
    path = _edited(tmp_path / "x.xlsx", workbook([["a"], [1.0]]), *number)
    with pytest.raises(InputError, match=r"x\.xlsx, sheet 'Sheet': .* too many rows \(found a row beyond 1,048,576"):
        read_table(path, {"a": "a"})
    path = _edited(tmp_path / "y.xlsx", workbook([["a"], [1.0]], "2021"), *number)
    with pytest.raises(InputError, match=r"sheet 2021: .* too many rows \(found a row beyond 10,000"):
        annex1.read(path, 2021)
    path = _edited(tmp_path / "far.xlsx", workbook([["a"], [1.0]]), b'<row r="2"', b'<row r="5000"')
    assert read_table(path, {"a": "a"})["a"].tolist() == [1.0]


def test_a_workbook_says_nothing_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = workbook([["a"], [1.0]])
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        styles = archive.read("xl/styles.xml")
    old = next(m for m in re.findall(rb"<cellStyle [^>]*>", styles))
    path = _edited(tmp_path / "x.xlsx", book, old, re.sub(rb'xfId="\d+"', b'xfId="8"', old))
    with pytest.raises(InputError, match="the workbook cannot be read"):
        read_table(path, {"a": "a"})
    assert capsys.readouterr().out == ""  # openpyxl prints "8 is out of range"


@pytest.mark.parametrize("text", ["[" * 50_000, "9" * 5000, "{", "\udcff", '{"a": nul'])
def test_json_without_end(text: str) -> None:
    with pytest.raises(InputError, match="the file is not JSON"):
        parse_json(text.encode("utf-8", "surrogateescape"), "x.json")


def test_toml_without_end(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text("a = " + "[" * 50_000)
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_toml(path)


def test_a_header_of_endless_blanks_is_no_riddle(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("Facility ID,Year" + " " * 40_000 + "x,CO2 Mass\n3,2012,5\n")
    with pytest.raises(InputError, match="Date or Year"):
        read(CampdReader(files=(str(path),)))
    with pytest.raises(InputError, match="'b' is missing"):
        read_table(path, {"b": "b"})
    path.write_text("Facility ID,Year,CO2 Mass (short tons)\n3,²,5\n")
    with pytest.raises(InputError, match="out of range"):
        read(CampdReader(files=(str(path),)))


def test_a_number_of_endless_digits_is_none(tmp_path: Path) -> None:
    """The pattern of numbers took a time that grew with the square of the digits; here it would be an hour or so."""
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "9" * 100_000 + "x,1\n")
    with pytest.raises(InputError, match=r"not a number \(found '999"):
        read_table(path, {"a": ColumnSpec("a")})


def test_times_of_analysers_do_not_wrap_around(tmp_path: Path) -> None:
    assert moment("2024-03-01T00:00:00.123456789") == np.datetime64("2024-03-01T00:00:00.123456789")
    for text in ("2924-03-01", "0001-01-01", "NaT", "2024-13-01"):
        with pytest.raises(ValueError):
            moment(text)
    path = tmp_path / "x.csv"
    path.write_text("Site,Year,Month,Day,Hour,Minute,co2,Flag\nA,2924,1,1,0,0,400,O\nA,2024,1,1,1,0,400,O\n")
    with pytest.raises(InputError, match="a stamp cannot be read"):
        read_series(path, "icos")
    path.write_text("Site,Year,Month,Day,Hour,Minute,co2\nA,2024,1,1,0,0,400\nA,2024,1,1,1,0,400\n")
    with pytest.raises(InputError, match=r"needed user_flag\)"):
        read_series(path, "icos")


def test_a_full_disk_is_said_of_netcdf_too(tmp_path: Path) -> None:
    """HDF5 does not say why it could not write; in a process of its own, whose files may not grow beyond 2 kB."""
    code = (
        "import resource, numpy as np, xarray as xr\n"
        "from ghg.core.netcdf import write\nfrom ghg.core.provenance import Record\n"
        "from ghg.core.errors import InputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))\n"
        "try:\n    write(xr.Dataset({'flow': ('time', np.arange(9.0), {'units': 'm3 s-1'})}), 'x.nc',"
        " record=Record('ghg test', None))\n"
        "except InputError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=ENVIRONMENT)
    assert "x.nc: the disk is full (found file too large)" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_texts_in_an_encoding_that_nobody_knows(tmp_path: Path) -> None:
    with netCDF4.Dataset(tmp_path / "x.nc", "w") as nc:
        nc.createDimension("letters", 3)
        nc.createVariable("site", "S1", ("letters",))[...] = np.array(list("mhd"), "S1")
        nc["site"].setncattr("_Encoding", "Nm3")
    with (
        pytest.raises(InputError, match=r"damaged or cut off \(found unknown encoding: Nm3"),
        netcdf.opened(tmp_path / "x.nc") as nc,
    ):
        nc["site"][...]


def test_a_shapefile_cut_off(tmp_path: Path) -> None:
    parts = _shape_parts()
    for name, data in parts.items():
        (tmp_path / name).write_bytes(data)
    assert [s.name for s in read_shapes(tmp_path / "r.shp", "name")] == ["a", "b"]
    (tmp_path / "r.shp").write_bytes(parts["r.shp"][:-20])
    with pytest.raises(InputError, match="the shapefile is damaged or cut off"):
        read_shapes(tmp_path / "r.shp", "name")
    (tmp_path / "r.shp").write_bytes(parts["r.shp"])
    (tmp_path / "r.dbf").write_bytes(parts["r.dbf"][:-5])
    with pytest.raises(InputError, match="attributes of the shapefile are damaged"):
        read_shapes(tmp_path / "r.shp", "name")
    head = struct.pack("<IHH", 4_000_000_000, 65, 0)  # rows without a length would all fit
    (tmp_path / "r.dbf").write_bytes(parts["r.dbf"][:4] + head + parts["r.dbf"][12:])
    with pytest.raises(InputError, match=r"rows of 0 bytes that hold 9"):
        read_shapes(tmp_path / "r.shp", "name")


def test_a_stamp_of_ecmps_and_a_row_of_profiles_without_what_they_need(tmp_path: Path) -> None:
    assert stamp({"beginDate": "2021-07-01", "beginHour": "7"}, "begin") == "2021-07-01T07:00"
    for hour in ([], "x", {"a": 1}, 1e400):
        with pytest.raises(InputError, match="no whole number"):
            stamp({"beginDate": "2021-07-01", "beginHour": hour}, "begin")
    days = "sun,mon,tue,wed,thu,fri,sat"
    for name, text in (("m", "1,1\n"), ("w", f"{days},GNFR\n1,1\n"), ("h", "1,1\n")):
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="names no sector"):
        _table(tmp_path / "w", "weekday")
