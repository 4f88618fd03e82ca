"""The terminal: Allan deviations, trend, background and spikes of files, their outputs, and wrong requests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ghg.core.netcdf import read
from ghg.core.provenance import verify
from tests.terminal import inside as run


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days of minutes as a table: background, noise of 0.05 ppm, and spikes of 20 ppm."""
    rng = np.random.default_rng(4)
    y = 410 + rng.normal(0, 0.05, 5760)
    y[1000:1005] += 20
    time = np.datetime64("2024-03-01T00:00") + np.arange(5760)
    path = tmp_path_factory.mktemp("series") / "minutes.csv"
    path.write_text("when,CO2 dry\n" + "".join(f"{t},{v:.4f}\n" for t, v in zip(time, y, strict=True)))
    return path


COLUMN = ("--time", "when", "--column", "co2=CO2 dry:umol mol-1")


def test_allan(minutes: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "a.nc", tmp_path / "a.png"
    done = run("sensors", "allan", str(minutes), *COLUMN, "--statistic", "oadev", "--statistic", "mdev", "-o", str(out),
               "--figure", str(picture), "--format", "json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout[: done.stdout.index("]") + 1])
    assert rows[0]["tau_s"] == 60
    assert rows[0]["oadev"] == read(out)["deviation"].values[0, 0].round(5)
    assert verify(out).ok
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_spikes_and_baseline_of_our_own_file(minutes: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.nc"
    done = run("sensors", "spikes", str(minutes), *COLUMN, "-o", str(out), "--figure", str(tmp_path / "s.svg"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[1].split()[:3] == ["co2", "5760", "5"]
    done = run("sensors", "baseline", str(out), "--width", "2", "-o", str(tmp_path / "b.nc"), "--figure",
               str(tmp_path / "b.png"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = read(tmp_path / "b.nc")
    assert float(abs(found["baseline"] - 410).max()) < 0.05
    assert int(found["is_baseline"].sum()) > 5500


def test_trend(tmp_path: Path) -> None:
    years = 2000 + np.arange(240) / 24
    y = 370 + 2 * (years - 2000) + 3 * np.sin(2 * np.pi * years)
    table = tmp_path / "t.csv"
    table.write_text("year,x\n" + "".join(f"{t:.5f},{v:.3f}\n" for t, v in zip(years, y, strict=True)))
    done = run("sensors", "trend", str(table), "--time", "year", "--column", "co2=x:ppm", "--set",
               "time_format=decimal year", "-o", str(tmp_path / "t.nc"), "--figure",
               str(tmp_path / "t.pdf"))  # fmt: skip
    assert done.returncode == 0, done.stderr
    growth = read(tmp_path / "t.nc")["annual_growth"]
    np.testing.assert_allclose(growth[1:-1], 2.0, atol=0.02)


@pytest.mark.parametrize(("options", "message"), [
    (("--time", "when", "--column", "co2"), "column cannot be understood"),
    (("--time", "when", "--column", "co2=Co2 wet:ppm"), "is missing"),
    ((*COLUMN, "--set", "decimals=,"), "setting is unknown"),
    ((*COLUMN, "--set", "interval=x"), "no readable value"),
    ((*COLUMN, "--figure", "a.gif"), "not that of a picture"),
    ((*COLUMN, "-o", "a.csv"), "ending .nc"),
    ((*COLUMN, "--statistic", "avar"), "statistic is unknown"),
    ((*COLUMN, "-n", "ch4"), "'ch4' is missing"),
    ((), "no map of columns"),
    (("--reader", "tower"), "header is not that of a tower file"),
    (("--reader", "tower", "--set", "day_first=true"), "no such setting"),
])  # fmt: skip
def test_wrong_requests(minutes: Path, options: tuple[str, ...], message: str) -> None:
    done = run("sensors", "allan", str(minutes), *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_existing_file_is_not_replaced(minutes: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.nc"
    out.write_text("mine")
    done = run("sensors", "allan", str(minutes), *COLUMN, "-o", str(out))
    assert done.returncode == 2
    assert out.read_text() == "mine"
