"""Logs of a station as they are on a bad day: a clear sentence, or data that are flagged with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason
from sensors.config.station import StationJob
from sensors.station.job import run
from tests.station_logs import NAMES, job_of, simulate, text_of
from tests.terminal import inside

NAME = "CFADS2283-2023{:04d}-000000Z-DataLog_User.dat"
FIXED: dict[str, Any] = {"calibration": {"flush": 100.0}}


@pytest.fixture(scope="module")
def station() -> dict[str, Any]:
    return simulate(1.0, every=20.0, cycle=21600.0)


def part(station: dict[str, Any], a: int, b: int | None = None, **more: Any) -> bytes:
    columns = {k: v[a:b] if np.ndim(v) else v for k, v in (station["columns"] | more).items()}
    return text_of(station["time"][a:b], columns)


@pytest.fixture
def logs(station: dict[str, Any], tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    for k, (a, b) in enumerate([(0, 2000), (2000, None)]):
        (folder / NAME.format(k)).write_bytes(part(station, a, b))
    return folder


def job(station: dict[str, Any], logs: Path, **more: Any) -> StationJob:
    return StationJob(**job_of([logs], station["assigned"], **(FIXED | more)))


@pytest.mark.parametrize("begun", [b"", b"".join(n.ljust(26).encode() for n in NAMES), part.__name__.encode()])
def test_a_log_that_was_just_opened_is_left_out(station: dict[str, Any], logs: Path, begun: bytes) -> None:
    """Nothing, half a header, or a header and half a row: the others are calibrated, and it is said."""
    whole = run(job(station, logs))
    if begun == b"part":
        begun = part(station, 0, 1)[:-60]
    (logs / NAME.format(2)).write_bytes(begun)
    ds = run(job(station, logs))
    assert np.array_equal(ds["co2"], whole["co2"], equal_nan=True)
    assert f"no row yet in {NAME.format(2)}" in ds.attrs["notes"]


def test_a_log_that_is_still_being_written(station: dict[str, Any], logs: Path) -> None:
    """The last line cut off: whole lines are used; when the rest is there the result is that of the whole file."""
    whole, last = run(job(station, logs)), logs / NAME.format(1)
    text = last.read_bytes()
    last.write_bytes(text[:-100])
    ds = run(job(station, logs, store="store").model_copy(update={"store": str(logs.parent / "store")}))
    assert "cut off" in ds.attrs["notes"]
    assert np.allclose(ds["co2"][0, :-1], whole["co2"][0, :-1], equal_nan=True, atol=0.02)
    last.write_bytes(text)
    again = run(job(station, logs).model_copy(update={"store": str(logs.parent / "store")}))
    assert np.array_equal(again["co2"], whole["co2"], equal_nan=True)


def test_a_header_that_changes_in_mid_file(station: dict[str, Any], logs: Path) -> None:
    """From there on without the dry column: the hours are missing, with the reason, and the note names the change."""
    short = tuple(n for n in NAMES if n != "CO2_dry")
    columns = {k: v[4000:] if np.ndim(v) else v for k, v in station["columns"].items()}
    (logs / NAME.format(1)).write_bytes(part(station, 2000, 4000) + text_of(station["time"][4000:], columns, short))
    ds = run(job(station, logs))
    late = ds["time"].values >= np.datetime64(int(station["time"][4000] // 3600 + 1) * 3600, "s")
    assert late.any() and (ds["co2_flag"].values[0, late] == int(Flag.MISSING)).all()
    assert (ds["co2_reason"].values[0, late] & int(Reason.MISSING | Reason.GAP)).all()
    assert "header comes 2 times" in ds.attrs["notes"]


def test_infinities_are_missing_with_a_reason(station: dict[str, Any], logs: Path) -> None:
    time, values = station["time"], station["columns"]["CO2_dry"].copy()
    at = time // 3600 == time[2500] // 3600  # one hour
    values[at] = np.inf
    for k, (a, b) in enumerate([(0, 2000), (2000, None)]):
        (logs / NAME.format(k)).write_bytes(part(station, a, b, CO2_dry=values))
    ds = run(job(station, logs))
    hour = ds["time"].values == np.datetime64(int(time[2500] // 3600) * 3600, "s")
    assert (ds["co2_flag"].values[0, hour] == int(Flag.MISSING)).all() and np.isnan(ds["co2"].values[0, hour]).all()
    assert (ds["co2_reason"].values[0, hour] & int(Reason.MISSING)).all()
    assert np.isfinite(ds["co2"].values[np.isfinite(ds["co2_u_random"].values)]).all()


def test_after_all_cylinders_have_expired_values_are_suspect(station: dict[str, Any], logs: Path) -> None:
    given = job_of([logs], station["assigned"], calibration={"flush": 100.0, "max_gap": 10_000.0})
    for c in given["cylinders"]:
        c["valid_to"] = "2023-11-15T12:00:00"
    ds = run(StationJob(**given))
    hours, flag = ds["time"].values, ds["co2_flag"].values[0]
    late = hours >= np.datetime64("2023-11-15T16:00")
    assert (flag[late] == int(Flag.SUSPECT)).all() and (
        ds["co2_reason"].values[0, late] & int(Reason.CALIBRATION)
    ).all()
    assert (flag[hours < np.datetime64("2023-11-15T09:00")] == int(Flag.GOOD)).any()
    assert ds["co2_visit_time"].values.max() < np.datetime64("2023-11-15T12:00:00")


@pytest.mark.parametrize(("change", "words"), [
    (lambda text: text.replace(b".", b","), "comma"),
    (lambda text: b"", "empty"),
    (lambda text: text[: text.index(b"\n") + 1], "no row"),
    (lambda text: text.replace(b"MPVPosition", b"OtherColumn"), "which port was open"),
    (lambda text: b"a;b\n1;2\n", "no Picarro log"),
])  # fmt: skip
def test_files_that_are_refused(station: dict[str, Any], tmp_path: Path, change: Any, words: str) -> None:
    path = tmp_path / NAME.format(0)
    path.write_bytes(change(part(station, 0, 500)))
    with pytest.raises(InputError, match=words) as caught:
        run(job(station, path))
    assert path.name in str(caught.value)


def test_a_table_with_decimal_commas_that_are_not_stated(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("when;gas\n" + "".join(f"2024-01-01 00:00:{k:02d};400,{k}\n" for k in range(60)))
    (tmp_path / "s.toml").write_text(
        '[site]\nname="x"\nlatitude=1\nlongitude=2\n[records]\nformat="table"\nfiles="t.csv"\ntime="when"\n'
        'timezone="UTC"\ncolumns={co2_dry="gas"}\n[gases.co2]\nscale="WMO CO2 X2019"\n[[inlets]]\nname="a"\nheight=1\n'
    )
    done = inside("sensors", "calibrate", tmp_path / "s.toml", "-o", tmp_path / "o.nc", "-q")
    assert done.returncode == 2 and "t.csv" in done.stderr and "400,0" in done.stderr
    assert not (tmp_path / "o.nc").exists()


def test_two_analysers_in_one_folder(station: dict[str, Any], logs: Path) -> None:
    (logs / NAME.format(3).replace("2283", "2284")).write_bytes(part(station, 0, 1000))
    with pytest.raises(InputError, match=r"more than one analyser.*CFADS2283, CFADS2284.*instrument.serial"):
        run(job(station, logs))
    assert run(job(station, logs, instrument={"serial": "CFADS2283"})).sizes["time"] == 24
