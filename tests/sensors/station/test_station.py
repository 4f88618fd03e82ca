"""A simulated station from logs to series: the same in pieces and with workers, and what is wrong is said."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ghg.core.errors import ConfigError, InputError
from ghg.core.flags import Flag, Reason
from ghg.core.provenance import Record, digest
from sensors.config.station import StationJob
from sensors.readers.picarro import read
from sensors.station import ingest
from sensors.station.job import calibrate, read_records, run
from tests.station_logs import job_of, simulate, text_of

HOURS = 3600 * 10**9


@pytest.fixture(scope="module")
def station() -> dict[str, Any]:
    return simulate(2.0, every=4.0)


def write(folder: Path, station: dict[str, Any], cuts: list[int]) -> Path:
    folder.mkdir(exist_ok=True)
    for i, (a, b) in enumerate(itertools.pairwise(cuts)):
        part = {k: v[a:b] if np.ndim(v) else v for k, v in station["columns"].items()}
        (folder / f"CFADS2283-2023{i:04d}-000000Z-DataLog_User.dat").write_bytes(text_of(station["time"][a:b], part))
    return folder


@pytest.fixture(scope="module")
def whole(station: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("whole") / "logs", station, [0, station["time"].size])


@pytest.fixture(scope="module")
def result(whole: Path, station: dict[str, Any]) -> Any:
    return run(StationJob(**job_of([whole], station["assigned"])))


def test_the_truth_is_inside_the_interval(result: Any, station: dict[str, Any]) -> None:
    air = (station["port"] == 1) & ((station["time"] % 43200 - 1_700_006_400 % 43200) % 43200 > 2500)
    hour = (station["time"][air] // 3600).astype(int)
    truth = np.bincount(hour - hour[0], station["truth"][air]) / np.maximum(np.bincount(hour - hour[0]), 1)
    there = np.bincount(hour - hour[0]) == 900  # whole hours
    first = int(result["time"].values[0].astype("datetime64[h]").astype(int))
    x = result["co2"].values[0, hour[0] - first :][: truth.size]
    u = np.hypot(result["co2_u_random"].values, result["co2_u_systematic"].values)[0, hour[0] - first :][: truth.size]
    assert there.sum() > 35
    assert (np.abs(x - truth) < 1.96 * u)[there].mean() > 0.85  # one station, one draw of its cylinders
    assert (result["co2_n"].values[0, hour[0] - first :][: truth.size][there] == 900).all()
    found = json.loads(result.attrs["calibration_findings"])["co2"]
    assert found["target_visits"] == 4 and found["target_coverage"] >= 0.75
    assert found["cmr"] == pytest.approx(0.06, abs=0.004)  # the noise put in


def test_in_pieces_with_workers_and_from_the_store(
    station: dict[str, Any], result: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = write(tmp_path / "logs", station, [0, 500, 501, 20001, 30000, station["time"].size])
    assert digest(run(StationJob(**job_of([logs], station["assigned"])))) == digest(result)
    assert digest(run(StationJob(**job_of([logs], station["assigned"])), workers=8)) == digest(result)
    job = StationJob(**job_of([logs], station["assigned"], store=str(tmp_path / "store"), calibration={"flush": 70.0}))
    calls, real = [], ingest._one

    def dies(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(ingest, "_one", dies)
    with pytest.raises(KeyboardInterrupt):
        run(job)
    assert len(list((tmp_path / "store").glob("*.npz"))) == 3 and not list((tmp_path / "store").glob("*.tmp*"))
    resumed = run(job)
    assert len(calls) == 4 + 2  # only what was not there yet
    again = run(job)
    assert len(calls) == 6 and digest(again) == digest(resumed)
    fresh = StationJob(**job_of([logs], station["assigned"], calibration={"flush": 70.0}))
    assert digest(run(fresh)) == digest(resumed)
    damaged = next((tmp_path / "store").glob("*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert digest(run(job)) == digest(resumed)


def test_the_flush_time_is_found(whole: Path, station: dict[str, Any]) -> None:
    auto, _ = read_records(StationJob(**job_of([whole], station["assigned"])))
    port = auto.port == auto.ports.index("2")
    assert auto.lost[2, port].sum() * 4.0 / 4 == pytest.approx(80.0, abs=40.0)  # memory: e-folding 12 s, 70 to 140 ppm


def test_a_new_tank_value_moves_the_result_and_reads_nothing_again(
    whole: Path, station: dict[str, Any], result: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = str(tmp_path / "store")
    given = {"store": store, "calibration": {"flush": 70.0}}
    before = run(StationJob(**job_of([whole], station["assigned"], **given)))
    monkeypatch.setattr(ingest, "_one", None)
    after = run(StationJob(**job_of([whole], station["assigned"] + 0.1, **given)))
    moved = (after["co2"] - before["co2"]).values
    assert moved[np.isfinite(moved)] == pytest.approx(0.1, abs=2e-3)


@pytest.mark.parametrize("wrong", [0, 1, 2, 3])
def test_a_wrong_cylinder_is_found(station: dict[str, Any], whole: Path, wrong: int) -> None:
    assigned = station["assigned"].copy()
    assigned[wrong] += 0.6
    ds = run(StationJob(**job_of([whole], assigned)))
    (one,) = json.loads(ds.attrs["calibration_findings"])["co2"]["sets"]
    assert f"T{wrong + 2}" in one["suspects"] and one["p"] < 0.01
    assert (ds["co2_flag"].values[ds["co2_n"].values > 0] == int(Flag.SUSPECT)).all()


def test_manual_flags(whole: Path, station: dict[str, Any], result: Any, tmp_path: Path) -> None:
    flags = tmp_path / "flags.csv"
    flags.write_text("start,end,gas,inlet,flag,author,reason\n"
                     "2023-11-15 12:00,2023-11-15 14:00,co2,10m,bad,M. Muster,"
                     "grass was cut below the inlet\n")  # fmt: skip
    ds = run(StationJob(**job_of([whole], station["assigned"], flags=str(flags))))
    hit = (ds["time"].values >= np.datetime64("2023-11-15T12")) & (ds["time"].values < np.datetime64("2023-11-15T14"))
    assert (ds["co2_flag"].values[0, hit] == int(Flag.BAD)).all() and hit.sum() == 2
    assert (ds["co2_reason"].values[0, hit] & int(Reason.MANUAL)).all()
    assert np.array_equal(ds["co2"].values, result["co2"].values, equal_nan=True)  # kept, not removed
    assert "by M. Muster: grass was cut" in ds.attrs["notes"]
    flags.write_text("start,end,flag,author,reason\n2023-11-15 12:00,2023-11-15 11:00,awful,,\n")
    with pytest.raises(InputError, match=r"no author.*no reason.*unknown.*before it begins"):
        run(StationJob(**job_of([whole], station["assigned"], flags=str(flags))))


def test_clock_set_back_and_overlap(station: dict[str, Any], result: Any, tmp_path: Path) -> None:
    n = station["time"].size
    logs = write(tmp_path / "logs", station, [0, 20000, n])
    part = {k: v[19000:20500] if np.ndim(v) else v for k, v in station["columns"].items()}
    (logs / "CFADS2283-20239999-000000Z-DataLog_User.dat").write_bytes(text_of(station["time"][19000:20500], part))
    ds = run(StationJob(**job_of([logs], station["assigned"])))
    assert "clock set back" in ds.attrs["notes"]
    assert np.allclose(ds["co2"].values, result["co2"].values, equal_nan=True, atol=1e-9)


def test_status_and_limits(station: dict[str, Any], tmp_path: Path) -> None:
    columns = dict(station["columns"])
    columns["ALARM_STATUS"] = np.where((station["time"] % 86400 > 40000) & (station["time"] % 86400 < 50000), 5, 0)
    logs = write(tmp_path / "logs", {**station, "columns": columns}, [0, station["time"].size])
    given = {"instrument": {"status": {"ALARM_STATUS": 0}, "limits": {"CavityPressure": [139.9, 140.1]}}}
    ds = run(StationJob(**job_of([logs], station["assigned"], **given)))
    at = ds["time"].values == np.datetime64("2023-11-15T12")
    assert (ds["co2_flag"].values[0, at] == int(Flag.MISSING)).all()
    assert (ds["co2_reason"].values[0, at] & int(Reason.FAULT)).all()


def small(tmp_path: Path, name: str, port: Any, n: int = 3000, **more: Any) -> Path:
    t = 1.7e9 + np.arange(float(n))
    path = tmp_path / name
    path.write_bytes(text_of(t, {"MPVPosition": port, "CO2_dry": 400.0 + np.arange(n) * 1e-3, **more}))
    return path


def test_bad_input(tmp_path: Path, station: dict[str, Any]) -> None:
    values = station["assigned"]
    port = np.repeat([1, 2, 3, 4, 5], 600)
    good = small(tmp_path, "CFADS1-20230101-1.dat", port)
    with pytest.raises(InputError, match=r"not in the map.*7 \(3000 rows\)"):
        run(StationJob(**job_of([small(tmp_path, "a.dat", 7)], values)))
    with pytest.raises(InputError, match="no reading of a cylinder"):
        run(StationJob(**job_of([small(tmp_path, "b.dat", 1)], values)))
    other = small(tmp_path, "CFADS22222-20230101-1.dat", port)
    first = small(tmp_path, "CFADS11111-20230101-1.dat", port)
    with pytest.raises(InputError, match="more than one analyser"):
        run(StationJob(**job_of([first, other], values)))
    with pytest.raises(InputError, match="of another analyser"):
        run(StationJob(**job_of([first], values, instrument={"serial": "CFADS3"})))
    with pytest.raises(InputError, match="the file is empty"):
        (tmp_path / "empty.dat").write_bytes(b"")
        run(StationJob(**job_of([tmp_path / "empty.dat"], values)))
    one = job_of([good], values[:1], targets=0, unused=["3", "4", "5"])
    with pytest.raises(InputError, match="linear response needs at least two cylinders"):
        run(StationJob(**one))
    expired = job_of([good], values)
    for c in expired["cylinders"]:
        c["valid_to"] = "2023-01-01"
    with pytest.raises(InputError, match="no cylinder with a value was valid"):
        run(StationJob(**expired))
    nothing = job_of([good], values)
    del nothing["cylinders"][0]["values"]["co2"]["value"]
    with pytest.raises(ConfigError, match="cylinder has no value"):
        run(StationJob(**nothing))
    mixed = job_of([good], values)
    mixed["cylinders"][1]["values"]["co2"]["scale"] = "WMO CO2 X2007"
    with pytest.raises(ConfigError, match=r"two scales are mixed.*convert"):
        run(StationJob(**mixed))
    twice = job_of([good], values)
    twice["cylinders"][1]["valve"] = "2"
    with pytest.raises(ValidationError, match="at the same time"):
        StationJob(**twice)
    with pytest.raises(InputError, match="no column CavityTemp"):
        run(StationJob(**job_of([good], values, instrument={"limits": {"CavityTemp": [1, 2]}})))


def test_a_cylinder_on_the_old_scale_is_converted_on_request(whole: Path, station: dict[str, Any], result: Any) -> None:
    given = job_of([whole], station["assigned"])
    for c in given["cylinders"]:
        old = (c["values"]["co2"]["value"] + 0.142) / 1.00079
        c["values"]["co2"] |= {"value": old, "scale": "WMO CO2 X2007"}
    given["gases"]["co2"]["convert"] = True
    ds = run(StationJob(**given))
    assert np.allclose(ds["co2"].values, result["co2"].values, atol=1e-6, equal_nan=True)


def test_a_table_with_a_schedule_is_the_same_station(station: dict[str, Any], result: Any, tmp_path: Path) -> None:
    stamp = np.round(station["time"] * 1000).astype("int64").astype("datetime64[ms]").astype(str)
    rows = [f"{s.replace('T', ' ')};{x:.10f}".replace(".", ",").replace(",", ".", 1)
            for s, x in zip(stamp, station["columns"]["CO2_dry"], strict=True)]  # fmt: skip
    path = tmp_path / "table.csv"
    path.write_text("when;gas\n" + "\n".join(rows) + "\n")
    given = job_of([path], station["assigned"])
    given["records"] = {"format": "table", "files": [str(path)], "time": "when", "timezone": "UTC", "decimal": ",",
                        "delimiter": ";", "columns": {"co2_dry": "gas"}}  # fmt: skip
    given["schedule"] = [{"port": f"T{k + 2}", "start": "2023-11-15T00:00:00Z", "every": 43200.0, "duration": 600.0}
                         for k in range(4)]  # fmt: skip
    begin = np.datetime64(1_700_006_400, "s")
    for k, one in enumerate(given["schedule"]):
        one["start"] = str(begin + np.timedelta64(600 * k, "s")) + "Z"
    ds = run(StationJob(**given))
    assert np.allclose(ds["co2"].values, result["co2"].values, atol=1e-3, equal_nan=True)


def test_what_is_known_is_read_from_no_file(
    station: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later runs start from the statistics of the whole record; a file that has changed is seen."""
    logs = write(tmp_path / "logs", station, [0, 20000, 30000, station["time"].size])
    for path in logs.iterdir():
        os.utime(path, (1e9, 1e9))  # not changed within the last seconds
    job = StationJob(**job_of([logs], station["assigned"], store=str(tmp_path / "store")))
    first = run(job)
    before, after = (Record("sensors calibrate", job, command=["ghg"]) for _ in range(2))
    for path in sorted(logs.iterdir()):
        before.use(path, "analyser records")
    monkeypatch.setattr(ingest, "load_rows", None)  # nothing is read
    assert digest(run(job, record=after)) == digest(first)
    assert [u.sha256 for u in after._used.values()] == [u.sha256 for u in before._used.values()]
    monkeypatch.undo()
    path = sorted(logs.iterdir())[1]
    path.write_bytes(path.read_bytes().replace(b"4.1", b"4.2", 400))
    changed = run(job)
    assert digest(changed) != digest(first)
    fresh = StationJob(**job_of([logs], station["assigned"]))
    assert digest(run(fresh)) == digest(changed)
    (whole,) = (tmp_path / "store").glob("*.whole")
    whole.write_bytes(whole.read_bytes()[:1000])
    index = tmp_path / "store" / "files.jsonl"
    index.write_text(index.read_text() + '["cut o')
    assert digest(run(job)) == digest(changed)


def test_rows_in_memory_are_those_of_files(whole: Path, station: dict[str, Any], result: Any) -> None:
    job = StationJob(**job_of([whole], station["assigned"]))
    assert digest(calibrate(ingest.records_of(read(sorted(whole.iterdir())), job), job)) == digest(result)
