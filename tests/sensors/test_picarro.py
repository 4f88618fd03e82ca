"""The Picarro parser on logs that are not as they should be."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from sensors.readers.picarro import members, parse_log, read

HEAD = "EPOCH_TIME                CO2                       CO2_dry                   odd_column                \n"


def line(t: float, a: float = 400.0, b: float = 410.0, c: float = 7.0) -> str:
    return "".join(x.ljust(26) for x in (f"{t:.3f}", f"{a:.10E}", f"{b:.10E}", f"{c:.10E}")) + "\n"


LOG = (HEAD + "".join(line(1.7e9 + i, 400 + i) for i in range(50))).encode()


def test_unknown_columns_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "log.dat"
    path.write_bytes(LOG)
    ds = read([path])
    assert ds["odd_column"].values.tolist() == [7.0] * 50
    assert ds["time"].values[1] == np.datetime64("2023-11-14T22:13:21")


def test_date_and_clock_where_there_is_no_epoch() -> None:
    text = b"DATE TIME CO2\n2024-02-29 23:59:59.250 401.5\n2024-03-01 00:00:00.250 402.5\n"
    log = parse_log(text)
    assert log.time.astype("datetime64[ns]").astype(str).tolist() == [
        "2024-02-29T23:59:59.250000000", "2024-03-01T00:00:00.250000000",
    ]  # fmt: skip
    assert log.columns["CO2"].tolist() == [401.5, 402.5]


def test_windows_line_ends_and_irregular_fields() -> None:
    assert parse_log(LOG.replace(b"\n", b"\r\n")).columns["CO2"].tolist() == parse_log(LOG).columns["CO2"].tolist()
    squeezed = b"\n".join(b" ".join(one.split()) for one in LOG.split(b"\n"))
    assert parse_log(squeezed).columns["CO2"].tolist() == parse_log(LOG).columns["CO2"].tolist()


def test_a_last_line_that_is_cut_off() -> None:
    log = parse_log(LOG[:-60], where="log.dat")
    assert log.time.size == 49 and "cut off" in log.notes[0]
    assert parse_log(LOG.rstrip()).time.size == 50  # whole, only its line end is missing


def test_a_header_in_mid_file_with_other_columns() -> None:
    more = b"EPOCH_TIME CO2 CAVITY\n1700000100.000 500.0 140.0\n"
    log = parse_log(LOG + more)
    assert log.columns["CO2"][-1] == 500.0 and np.isnan(log.columns["CO2_dry"][-1])
    assert np.isnan(log.columns["CAVITY"][0]) and "header comes 2 times" in log.notes[-1]


@pytest.mark.parametrize(("text", "what"), [
    (b"", "file is empty"), (b"   \n \n", "file is empty"), (b"a,b\n1,2\n", "no Picarro log"),
    (HEAD.encode(), "no row that can be read"), (HEAD.encode() + line(1.7e9).replace(".", ",").encode(), "comma"),
    (b"EPOCH_TIME CO2 CO2\n1.0 2 3\n", "named twice"), (b"\x89HDF\xff\xfe\n123\n", "no text"),
])  # fmt: skip
def test_what_is_no_log(text: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what):
        parse_log(text, where="log.dat")


def test_damaged_lines_are_left_out_and_named() -> None:
    lines = LOG.split(b"\n")
    lines[10] = lines[10][:30]
    lines[20] = lines[20].replace(b"E+02", b"#+02", 1)
    log = parse_log(b"\n".join(lines), where="log.dat")
    assert log.time.size == 49 and np.isnan(log.columns["CO2"]).sum() == 1
    assert "line 11" in " ".join(log.notes) and "line 21" in " ".join(log.notes)


def test_infinities_are_no_numbers() -> None:
    log = parse_log(b"EPOCH_TIME CO2\n1700000000.0 inf\n1700000001.0 NaN\n1700000002.0 400.0\n")
    assert np.isnan(log.columns["CO2"][:2]).all() and log.columns["CO2"][2] == 400.0


def test_archives(tmp_path: Path) -> None:
    (tmp_path / "a.dat.gz").write_bytes(gzip.compress(LOG))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("x/c.dat", LOG.replace(b"17000000", b"17000009"))
        archive.writestr("readme.pdf", b"no log")
    ds = read([tmp_path / "b.zip", tmp_path / "a.dat.gz"])
    assert ds.sizes["time"] == 100 and (np.diff(ds["time"].values) > np.timedelta64(0)).all()
    (tmp_path / "cut.gz").write_bytes(gzip.compress(LOG)[:100])
    with pytest.raises(InputError, match="truncated"):
        members([tmp_path / "cut.gz"])[0].load()
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(InputError, match="archive cannot be read"):
        members([tmp_path / "no.zip"])


@pytest.mark.kernel
def test_the_kernel_in_python(tmp_path: Path) -> None:
    log = parse_log(LOG[: len(HEAD) * 6])
    assert log.columns["CO2"].tolist() == [400.0, 401.0, 402.0, 403.0, 404.0]
