"""Networks: the same for any number of processes, only what changed, after a kill too, and what a status says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ghg.core import netcdf
from ghg.core.errors import InputError
from ghg.core.provenance import digest, verify
from sensors.config.station import StationJob
from sensors.station import network
from sensors.station.job import run
from sensors.station.network import run_network
from sensors.station.network_config import NetworkJob, Watch
from sensors.station.status import goal_of, station_status
from tests.sensors.station.test_killed import toml_of
from tests.station_logs import job_of, simulate, text_of
from tests.terminal import ROOT, inside

NAMES = ("alpha", "beta", "gamma")
END = "2023-11-16T00:00:00"


def make(folder: Path, name: str, seed: int, **more: Any) -> None:
    station = simulate(1.0, every=20.0, seed=seed, cycle=21600.0, **more)
    logs = folder / name / "logs"
    logs.mkdir(parents=True)
    log = logs / f"CFADS{2000 + seed}-20231115-000000Z-DataLog_User.dat"
    log.write_bytes(text_of(station["time"], station["columns"]))
    os.utime(log, (1e9, 1e9))  # not of the last seconds
    job = job_of(["logs"], station["assigned"], calibration={"flush": 100.0})
    (folder / name / "station.toml").write_text(toml_of(job))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    for seed, name in enumerate(NAMES):
        make(folder, name, seed, wrong={1: 0.6} if name == "beta" else None)
    text = "".join(f'[[stations]]\nconfig = "{n}/station.toml"\nname = "{n}"\n' for n in NAMES)
    (folder / "network.toml").write_text(f'title = "three"\nwatch = {{at = "{END}", window = 1}}\n{text}')
    return folder


def job(**more: Any) -> NetworkJob:
    given: dict[str, Any] = {"stations": [{"config": f"{n}/station.toml", "name": n} for n in NAMES],
                             "watch": {"at": END, "window": 1}, **more}  # fmt: skip
    return NetworkJob(**given)


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "n")  # times of files are kept
    return tmp_path / "n"


@pytest.fixture(scope="module")
def first(made: Path) -> network.Network:
    return run_network(job(), made, made / "out")


def test_two_processes_give_the_digest_of_one(made: Path, first: network.Network, tmp_path: Path) -> None:
    again = run_network(job(), made, tmp_path / "two", workers=2)
    assert again.digest == first.digest and all(d.computed for d in again.done)
    for name in NAMES:
        assert digest(netcdf.read(tmp_path / "two" / f"{name}.nc")) == digest(netcdf.read(made / "out" / f"{name}.nc"))
    assert verify(made / "out" / "alpha.nc", base=made / "alpha").ok


def test_only_what_changed_is_computed(copy: Path, first: network.Network) -> None:
    assert [d.computed for d in run_network(job(), copy, copy / "out").done] == [True] * 3  # other files: paths differ
    assert [d.computed for d in run_network(job(), copy, copy / "out").done] == [False] * 3
    (copy / "alpha" / "station.toml").write_text((copy / "alpha" / "station.toml").read_text().replace("10m", "12m"))
    found = run_network(job(), copy, copy / "out")
    assert [d.computed for d in found.done] == [True, False, False] and found.digest != first.digest
    log = next((copy / "beta" / "logs").iterdir())
    log.write_bytes(log.read_bytes()[:-3000])
    assert [d.computed for d in run_network(job(), copy, copy / "out").done] == [False, True, False]
    # it was written this very second: another change within the tick of the clock would not show
    assert [d.computed for d in run_network(job(), copy, copy / "out").done][1]
    (copy / "out" / "gamma.nc").unlink()
    assert run_network(job(), copy, copy / "out").done[2].computed


def test_a_killed_run_goes_on_where_it_stopped(
    copy: Path, first: network.Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = network._calibrate, []

    def dies(*args: Any) -> str:
        calls.append(args[2].name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(network, "_calibrate", dies)
    shutil.rmtree(copy / "out", ignore_errors=True)
    with pytest.raises(KeyboardInterrupt):
        run_network(job(), copy, copy / "out")
    found = run_network(job(), copy, copy / "out")
    assert [d.computed for d in found.done] == [False, False, True] and found.digest == first.digest
    assert calls == ["alpha.nc", "beta.nc", "gamma.nc", "gamma.nc"]


def test_what_the_status_says(first: network.Network) -> None:
    alpha, beta, _ = first.status
    assert alpha.last == "2023-11-16 00:00" and not alpha.alarms
    gas = alpha.gases[0]
    assert gas.coverage == 1.0 and gas.goal == 0.1 and gas.within_goal and gas.target == "2023-11-15 18:35"
    assert gas.cmr == pytest.approx(0.06, abs=0.01)  # the noise put in
    assert {a.code for a in beta.alarms} >= {"cylinder"} and "T3" in str(beta.technician)


def test_alarms(made: Path, first: network.Network) -> None:
    from ghg.core.config import load

    station, ds = load(made / "gamma" / "station.toml", StationJob), netcdf.read(made / "out" / "gamma.nc")

    def codes(watch: dict[str, Any], goals: dict[str, float] | None = None, **changes: Any) -> set[str]:
        given = station.model_copy(update=changes)
        return {a.code for a in station_status(ds, given, "g", Watch(**watch), goals or {}).alarms}

    assert codes({"at": END}) == set()
    assert codes({"at": "2023-11-16T05:00:00"}) == set()
    assert codes({"at": "2023-11-16T07:00:00", "coverage": 0.7}) == {"silent"}
    assert codes({"at": "2023-11-18T00:00:00", "window": 3}) == {"silent", "coverage"}
    assert codes({"at": "2023-12-03T00:00:00", "window": 30}) == {"silent", "coverage", "target_overdue",
                                                                   "calibration_overdue"}  # fmt: skip
    assert codes({"at": END, "window": 1, "drift": {"co2": 1e-6}}) == {"drift"}
    assert codes({"at": END}, {"co2": 1e-9}) == {"goal"}
    assert codes({"at": END, "target_limit": 1e-6}) == {"target"}
    ends = tuple(c.model_copy(update={"valid_to": datetime(2023, 12, 1)}) for c in station.cylinders)
    assert codes({"at": END}, cylinders=ends) == {"expiry"}
    assert codes({"at": END, "expiry": 10.0}, cylinders=ends) == set()


def test_goals() -> None:
    """Rella et al. 2013, abstract: 0.1 ppm (0.05 in the southern hemisphere) and 2 ppb."""
    assert goal_of("co2", 50.0, {}) == (0.1, True) and goal_of("co2", -40.0, {}) == (0.05, True)
    assert goal_of("ch4", -40.0, {}) == (2.0, True) and goal_of("ch4", 0.0, {"ch4": 5.0}) == (5.0, True)
    assert goal_of("n2o", 0.0, {})[1] is False


def test_one_station_that_fails_does_not_stop_the_others(copy: Path) -> None:
    shutil.rmtree(copy / "beta" / "logs")
    found = run_network(job(), copy, copy / "out")
    assert [bool(d.fault) for d in found.done] == [False, True, False]
    assert found.status[1].alarms[0].code == "failed" and "does not exist" in found.status[1].alarms[0].values["reason"]
    for name in ("alpha", "gamma"):
        shutil.rmtree(copy / name / "logs")
    with pytest.raises(InputError, match=r"no station could be processed.*alpha.*beta.*gamma"):
        run_network(job(), copy, copy / "out")


class Ends:
    """Ends the process that unpickles it, as a system does that has no memory left."""

    def __reduce__(self) -> tuple[Any, tuple[int]]:
        return os._exit, (9,)


def test_a_process_that_is_ended_from_outside_is_told() -> None:
    with pytest.raises(InputError, match=r"--workers: a process that worked on a station was ended .*found 2.*fewer"):
        list(network._spread([Ends(), Ends()], 2, None))


BUSY = """
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from sensors.station.network import _share

with ProcessPoolExecutor(1, get_context("spawn"), _share, (1,)) as pool:
    pool.submit(time.sleep, 0).result()
    print(*pool._processes, flush=True)
    pool.submit(time.sleep, 60).result()
"""


def goes_on(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")  # it may have ended and nobody asked
    return not state.is_file() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_processes_end_with_the_one_that_began_them() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True, cwd=ROOT) as first:
        assert first.stdout is not None
        worker = int(first.stdout.readline())
        os.kill(worker, 0)
        first.kill()
    end = time.monotonic() + 20.0
    while time.monotonic() < end and goes_on(worker):
        time.sleep(0.05)
    assert not goes_on(worker)


def test_from_the_terminal(made: Path, first: network.Network, tmp_path: Path) -> None:
    done = inside("sensors", "network", made / "network.toml", "-o", made / "out", "-q")
    assert done.returncode == 0, done.stderr
    assert "3 stations, 0 computed" in done.stdout and "send cylinder T3" in done.stdout
    page = (made / "out" / "status.html").read_text()
    assert "send cylinder T3" in page and "2023-11-16 00:00" in page
    done = inside("sensors", "network", made / "network.toml", "-o", made / "out", "-q", "--lang", "zh")
    assert "将气瓶 T3 送去重新定值" in done.stdout and "3 个站点" in done.stdout
    page = (made / "out" / "status.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in page and "将气瓶 T3 送去重新定值" in page and "needs doing" not in page
    inside("sensors", "network", made / "network.toml", "-o", made / "out", "-q")
    shown = json.loads((made / "out" / "status.json").read_text())
    assert shown["digest"] == first.digest and "send cylinder T3" in str(shown["stations"][1]["words"]["technician"])
    assert inside("sensors", "network", made / "network.toml", "-o", made / "out", "-q", "--fail-on").returncode == 3
    (tmp_path / "file").write_text("")
    for options, words in ((("-o", tmp_path / "file"), "folder cannot be made"),
                           (("-o", tmp_path / "o", "--set", 'stations.1.name="alpha"'), "two stations are named alpha"),
                           (("-o", tmp_path / "o", "--set", 'stations.1.name="a/b"'), "name")):  # fmt: skip
        done = inside("sensors", "network", made / "network.toml", "-q", *options)
        assert done.returncode == 2 and words in done.stderr


def test_without_distributed_a_scheduler_is_refused(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"dask.distributed.*cluster"):
        run_network(job(), made, tmp_path / "o", scheduler="tcp://127.0.0.1:1")


def test_the_file_of_a_network_is_that_of_the_station_alone(made: Path, first: network.Network) -> None:
    from ghg.core.config import load

    station = load(made / "alpha" / "station.toml", StationJob)
    assert digest(run(station, base=made / "alpha")) == first.done[0].digest
