"""Bad input through the whole job: one clear sentence and exit 2, or handled and flagged; never a half-written output.

The job is two months of hourly stack records in a table with Chinese headers against two months of fuel.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl
import pytest

from tests.terminal import ENVIRONMENT, PROGRAM, Run, inside

HEADER = "时间,烟气流量(m3/h),CO2浓度(%),烟温(℃),静压(Pa),湿度(%)"

JOB = """
title = "two months"
[facility]
name = "plant"
timezone = "{zone}"
[comparison]
start = "2023-03-01"
end = "2023-05-01"
by = "month"
draws = 10000
[measured.reader]
format = "table"
files = "records.csv"
[measured.reader.time]
column = "时间"
timezone = "{zone}"
label = "start"
[measured.reader.columns]
flow = {{ column = "烟气流量(m3/h)", units = "m3 h-1", state = "actual" }}
co2 = {{ column = "CO2浓度(%)", units = "percent", humidity = "wet" }}
temperature = {{ column = "烟温(℃)", units = "degC" }}
pressure = {{ column = "静压(Pa)", units = "Pa", gauge = true }}
h2o = {{ column = "湿度(%)", units = "percent" }}
[measured.stack]
method = "hj75"
barometric_pressure = "100.2 kPa"
[accounted]
start = "2023-03-01"
end = "2023-05-01"
by = "month"
timezone = "{zone}"
[[accounted.stream]]
name = "coal"
fuel = "烟煤"
method = "ipcc2006-tier1"
mass = {{ unit = "kt", values = [56.1, 54.3] }}
"""


def rows(hours: range = range(61 * 24)) -> list[str]:
    first = datetime(2023, 3, 1)
    return [f"{first + timedelta(hours=h):%Y-%m-%d %H:%M},1000000,{11 + h % 7 / 10:.1f},{50 + h % 5},-200,10"
            for h in hours]  # fmt: skip


def job(folder: Path, lines: list[str] | None = None, zone: str = "UTC+08:00", encoding: str = "utf-8") -> Path:
    text = "\n".join([HEADER, *(rows() if lines is None else lines)]) + "\n"
    (folder / "records.csv").write_bytes(text.encode(encoding))
    (folder / "job.toml").write_text(JOB.format(zone=zone), encoding="utf-8")
    return folder / "job.toml"


def compare(folder: Path, *changes: str) -> Run:
    options = [part for change in changes for part in ("--set", change)]
    return inside("facility", "compare", folder / "job.toml", "-o", folder / "report", "-q", *options)


def result(folder: Path) -> dict:
    return json.loads((folder / "report" / "result.json").read_text(encoding="utf-8"))


def refused(run: Run, folder: Path, *words: str) -> None:
    """Exit 2, one sentence with the words, no traceback, nothing left of the output."""
    assert run.returncode == 2, run.stderr or run.stdout
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("ghg: "), run.stderr
    assert "Traceback" not in run.stderr
    for word in words:
        assert word in run.stderr, run.stderr
    assert not (folder / "report").exists()
    assert not [p.name for p in folder.iterdir() if "report" in p.name]


def test_the_job_itself_is_sound(tmp_path: Path) -> None:
    job(tmp_path)
    run = compare(tmp_path)
    assert run.returncode == 0, run.stderr
    assert 0.9 < result(tmp_path)["ratio"]["value"] < 1.1


# ---- what the table lacks or says wrongly ----------------------------------------------------------------------
def _drop(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for name in ("records.csv", "job.toml"):
            text = (folder / name).read_text(encoding="utf-8")
            (folder / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


def _record(number: int, line: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        lines = (folder / "records.csv").read_text(encoding="utf-8").splitlines()
        (folder / "records.csv").write_text("\n".join([*lines[: number - 1], line, *lines[number:]]), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_record(1, HEADER.replace("烟气流量(m3/h)", "流量")), ("烟气流量", "missing", "records.csv")),
        (_drop('units = "m3 h-1"', 'units = "kg"'), ("flow", "m3")),
        (_drop('units = "m3 h-1"', 'units = "ton"'), ("ton",)),
        (_drop(', units = "m3 h-1"', ""), ("measured.reader", "units")),
        (_drop(', humidity = "wet"', ""), ("dry or wet",)),
        (_drop(', state = "actual"', ""), ("state", "7.3 %")),
        (_drop('timezone = "UTC+08:00"\nlabel', "label"), ("timezone",)),
        (_drop('label = "start"\n', ""), ("label",)),
        (_record(40, "2023-03-02 14:00,lots,11.2,51,-200,10"), ("row 40", "lots", "烟气流量")),
        (_record(40, "02/03/2023 14:00,1e6,11.2,51,-200,10"), ("row 40", "02/03/2023")),
        (_record(40, "2023-03-02 14:20,1000000,11.2,51,-200,10"), ("2023-03-02", "regular")),
        (_record(40, "2023-03-02 13:00,999999,11.2,51,-200,10"), ("two different records",)),
        (_drop('fuel = "烟煤"', 'fuel = "木屑"'), ("木屑", "no factor")),
        (_drop('fuel = "烟煤"', 'fuel = "烟煤+柴油"'), ("two fuels",)),
        (_drop('unit = "kt", ', ""), ("unit",)),
        (_drop("unit = \"kt\", ", "unit = \"kt\", sort = 1, "), ("sort",)),
        (_drop("by = \"month\"\ndraws", "by = \"quarter\"\ndraws"), ("comparison.by", "quarter")),
        (_drop("UTC+08:00", "CST"), ("CST",)),
        (_drop('title = "two months"', "title = "), ("job.toml", "line")),
    ],
)  # fmt: skip
def test_refused_in_one_sentence(tmp_path: Path, change: Callable[[Path], None], words: tuple[str, ...]) -> None:
    job(tmp_path)
    change(tmp_path)
    refused(compare(tmp_path), tmp_path, *words)


# ---- clocks ----------------------------------------------------------------------------------------------------
def test_an_hour_that_the_clock_skipped_is_refused(tmp_path: Path) -> None:
    job(tmp_path, zone="Europe/Berlin")
    refused(compare(tmp_path), tmp_path, "2023-03-26", "does not exist")


def test_local_time_without_the_skipped_hour_is_understood(tmp_path: Path) -> None:
    job(tmp_path, [r for r in rows() if not r.startswith("2023-03-26 02:")], zone="Europe/Berlin")
    assert compare(tmp_path).returncode == 0
    assert result(tmp_path)["pairs"][0]["start"] == "2023-02-28T23:00:00Z"
    assert result(tmp_path)["pairs"][0]["measured_coverage"] == pytest.approx(1.0)


def test_repeated_equal_hours_are_one_hour(tmp_path: Path) -> None:
    job(tmp_path)
    assert compare(tmp_path).returncode == 0
    once = result(tmp_path)["measured"]["total_kg"]
    shutil.rmtree(tmp_path / "report")
    job(tmp_path, sorted([*rows(), *rows(range(100, 140))]))
    assert compare(tmp_path).returncode == 0
    assert result(tmp_path)["measured"]["total_kg"] == once


# ---- values ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("cells", ["-1000000,11.2,51,-200,10", "1000000,-3,51,-200,10", "1000000,250,51,-200,10",
                                   "1000000,11.2,51,-200,140", ",,,,", "1000000,NaN,51,-200,10"])  # fmt: skip
def test_absurd_and_missing_hours_are_left_out_and_counted(tmp_path: Path, cells: str) -> None:
    job(tmp_path)
    _record(40, f"2023-03-02 14:00,{cells}")(tmp_path)
    assert compare(tmp_path).returncode == 0
    march = result(tmp_path)["pairs"][0]
    assert march["measured_coverage"] == pytest.approx(1 - 1 / 744)


def test_an_empty_month_is_not_a_month_of_zero(tmp_path: Path) -> None:
    job(tmp_path, rows(range(31 * 24)))
    assert compare(tmp_path).returncode == 0
    found = result(tmp_path)
    assert found["verdict"]["code"] == "not_comparable"
    assert len(found["pairs"]) == 1


# ---- files -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_encodings_of_spreadsheets(tmp_path: Path, encoding: str) -> None:
    job(tmp_path, encoding=encoding)
    assert compare(tmp_path).returncode == 0


def test_workbook_with_excel_dates(tmp_path: Path) -> None:
    job(tmp_path)
    assert compare(tmp_path).returncode == 0
    text = result(tmp_path)["measured"]["total_kg"]
    shutil.rmtree(tmp_path / "report")
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER.split(","))
    for line in rows():
        stamp, *cells = line.split(",")
        sheet.append([datetime.strptime(stamp, "%Y-%m-%d %H:%M"), *(float(c) for c in cells)])
    book.save(tmp_path / "records.xlsx")
    _drop("records.csv", "records.xlsx")(tmp_path)
    assert compare(tmp_path).returncode == 0
    assert result(tmp_path)["measured"]["total_kg"] == pytest.approx(text, rel=1e-12)


@pytest.mark.parametrize("kind", ["missing", "folder", "zero bytes", "header only", "binary", "cut gz"])
def test_files_that_are_none(tmp_path: Path, kind: str) -> None:
    job(tmp_path)
    path = tmp_path / "records.csv"
    content = path.read_bytes()
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "zero bytes":
        path.touch()
    elif kind == "header only":
        path.write_text(HEADER, encoding="utf-8")
    elif kind == "binary":
        path.write_bytes(bytes(range(256)) * 40)
    elif kind == "cut gz":
        text = (tmp_path / "job.toml").read_text(encoding="utf-8").replace("records.csv", "records.csv.gz")
        (tmp_path / "job.toml").write_text(text, encoding="utf-8")
        (tmp_path / "records.csv.gz").write_bytes(gzip.compress(content)[:-300])
    refused(compare(tmp_path), tmp_path, "records.csv")


def test_target_below_a_file(tmp_path: Path) -> None:
    config = job(tmp_path)
    (tmp_path / "file").touch()
    run = inside("facility", "compare", config, "-o", tmp_path / "file" / "report", "-q")
    refused(run, tmp_path, "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_target_in_a_folder_without_permission(tmp_path: Path) -> None:
    config = job(tmp_path)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    refused(inside("facility", "compare", config, "-o", locked / "report", "-q"), tmp_path, "locked")


@pytest.mark.parametrize("at", ["comparing", "writing files", "drawing the report"])
def test_a_killed_run_leaves_no_half_written_report_and_can_be_repeated(tmp_path: Path, at: str) -> None:
    config = job(tmp_path)
    command = [*PROGRAM, "facility", "compare", str(config), "-o", str(tmp_path / "report")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=ENVIRONMENT)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(at):
            time.sleep(0.2)
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "report").exists()
    assert compare(tmp_path).returncode == 0
    assert inside("verify", tmp_path / "report").returncode == 0
