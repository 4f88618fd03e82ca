"""``ghg sensors calibrate`` killed at any moment: nothing half-written, and run again it gives the same file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np

from ghg.core import netcdf
from ghg.core.provenance import digest
from tests.station_logs import job_of, simulate, text_of
from tests.terminal import ENVIRONMENT, PROGRAM, inside

FILES = 12


def toml_of(config: dict) -> str:
    """Write a configuration: JSON values are TOML values here but for tables, which are written inline."""

    def value(v: object) -> str:
        if isinstance(v, dict):
            return "{" + ", ".join(f"{k} = {value(x)}" for k, x in v.items()) + "}"
        return "[" + ", ".join(value(x) for x in v) + "]" if isinstance(v, list | tuple) else json.dumps(v)

    return "\n".join(f"{k} = {value(v)}" for k, v in config.items())


def test_killed_at_random_moments(tmp_path: Path) -> None:
    station = simulate(2.0, every=4.0)
    logs = tmp_path / "logs"
    logs.mkdir()
    cuts = np.linspace(0, station["time"].size, FILES + 1).astype(int)
    for i in range(FILES):
        part = {k: v[cuts[i] : cuts[i + 1]] if np.ndim(v) else v for k, v in station["columns"].items()}
        (logs / f"CFADS2283-2023{i:04d}-000000Z-DataLog_User.dat").write_bytes(
            text_of(station["time"][cuts[i] : cuts[i + 1]], part)
        )
    config = tmp_path / "station.toml"
    config.write_text(toml_of(job_of(["logs"], station["assigned"], store="store", calibration={"flush": 70.0})))
    whole = tmp_path / "whole.nc"
    assert inside("sensors", "calibrate", config, "-o", whole, "--set", 'store="elsewhere"', "-q").returncode == 0
    out = tmp_path / "out.nc"
    command = [*PROGRAM, "sensors", "calibrate", str(config), "-o", str(out), "--force", "-q"]
    stored: set[str] = set()
    started = time.perf_counter()
    subprocess.run(command, check=True, env=ENVIRONMENT, capture_output=True)
    usual = time.perf_counter() - started
    for path in [out, *(tmp_path / "store").iterdir()]:
        path.unlink()
    rng = np.random.default_rng()  # other moments at every run
    for share in rng.uniform(0.4, 1.0, 3):
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(share * usual)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if out.exists():  # whole, or not there
            assert inside("verify", out).returncode == 0
        kept = {p.name for p in (tmp_path / "store").glob("[!.]*.npz")}
        assert kept >= stored  # what was done is not lost
        stored = kept
        for name in kept:
            np.load(tmp_path / "store" / name).close()
    assert inside("sensors", "calibrate", config, "-o", out, "--force", "-q").returncode == 0
    assert digest(netcdf.read(out)) == digest(netcdf.read(whole))
    assert len(list((tmp_path / "store").glob("[!.]*.npz"))) == FILES
    for path in tmp_path.rglob(".*.tmp*"):  # left behind by the killed; swept away once they are old
        os.utime(path, (time.time() - 7200.0, time.time() - 7200.0))
    assert inside("sensors", "calibrate", config, "-o", out, "--force", "-q").returncode == 0
    assert not list((tmp_path / "store").glob(".*"))
