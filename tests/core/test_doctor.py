"""The doctor: sound here, and each fault is told when it is there."""

from __future__ import annotations

import json
import zoneinfo
from importlib import metadata

import pytest

from ghg.core import doctor, jit
from tests.terminal import inside


def state(name: str) -> str:
    return next(f.state for f in doctor.examine() if f.name == name)


def test_this_machine_is_fit() -> None:
    run = inside("doctor", "--format", "json")
    findings = {f["name"]: f for f in json.loads(run.stdout)}
    assert run.returncode == 0
    assert {f["state"] for f in findings.values()} <= {"ok", "note"}
    assert {"Python", "packages", "compiler", "NetCDF", "time zones", "disk"} <= set(findings)
    assert all(name in findings["packages"]["text"] for name in ("numpy", "netcdf4", "typer", "tzdata"))


def test_an_old_or_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    true = metadata.version

    def version(name: str) -> str:
        if name == "scipy":
            raise metadata.PackageNotFoundError(name)
        return "1.26.4" if name == "numpy" else true(name)

    monkeypatch.setattr(metadata, "version", version)
    found = doctor._packages()
    assert found.state == "fault"
    assert found.text == "numpy 1.26.4 (needed 2.1), scipy missing (needed 1.14)"


def test_no_folder_for_kernels_and_no_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "cache_directory", lambda: None)
    assert state("kernel cache") == "note"

    def missing(key: str) -> zoneinfo.ZoneInfo:
        raise zoneinfo.ZoneInfoNotFoundError(key)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", missing)
    run = inside("doctor")
    assert run.returncode == 3 and "FAULT  zones" in run.stdout and "not fit" in run.stderr
