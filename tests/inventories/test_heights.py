"""Layers of a build: plumes by weather, sectors by profile, mass kept in the year and in its hours."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from ghg.core import netcdf
from ghg.core.config import load_dict
from ghg.core.errors import ConfigError, InputError
from inventories.compile.config import InventoryJob
from inventories.compile.heights import read_weather
from inventories.compile.rows_table import read_rows_table
from inventories.compile.sections import WeatherSection
from inventories.conservation import residual
from inventories.dataset import annual_mass
from inventories.jobs.gridded import read_gridded
from tests.inventories.export.test_checkers import ACDD, STRICT, judge
from tests.inventories.test_grids_of_a_build import JOB, ROWS, build

GAS = (
    72.93819699672669  # m s-1: with 1 m, 400 K in air of 288.15 K and 4 m s-1 the plume rises 100.71 m (test_vertical)
)
RISE = 100.71365158671999
HEIGHTS = "GNFR,20m,100m\nA,0.5,0.5\nB,1,0\n"
TALL = ROWS.replace("x,y\n", "x,y,h(m),d(m),v(m/s),t(K)\n").replace("38.04\n", f"38.04,100,1,{GAS},400\n")
TALL = re.sub(r"^(p[2-5],.*)$", r"\1,,,,", TALL, flags=re.MULTILINE)
STACK = 'lat = "y"\nstack = { height = "h", diameter = "d", velocity = "v", temperature = "t" }'
WEATHER = 'weather = { file = "weather.csv", wind = "u", temperature = "t", stability = "class" }\n'
LAYERS = '[layers]\nedges = [0, 20, 100, 201, 1000]\nprofiles = "heights.csv"\nwrite = "hours"\n' + WEATHER


def weather(folder: Path, night: str = "4,15,D", hours: int = 8760) -> None:
    """Write the weather: the same in all hours but those of the night, 12:00 to 24:00 UTC (from 20:00 in Shanghai)."""
    times = np.datetime64("2021-01-01T00", "h") + np.arange(hours)
    rows = [f"{t}:00,{night if t.astype(int) % 24 >= 12 else '4,15,D'}" for t in times]
    (folder / "weather.csv").write_text("\n".join(["time,u(m/s),t(degC),class", *rows]) + "\n", encoding="utf-8")
    (folder / "heights.csv").write_text(HEIGHTS, encoding="utf-8")


def job(layers: str = LAYERS) -> str:
    ones, day = ", ".join(["1"] * 24), ", ".join(["0"] * 8 + ["2"] * 12 + ["0"] * 4)
    return JOB.replace('lat = "y"', STACK).replace("[time]", layers + "[time]").replace(ones, day)


def test_a_plume_is_where_the_weather_of_its_hours_lifts_it(tmp_path: Path) -> None:
    """p1 emits by day alone; its plume lies evenly from 100 m + half its rise to 100 m + 1.5 of it."""
    weather(tmp_path, night="8,15,F")
    done = build(tmp_path, job(), TALL)
    assert done.returncode == 0, done.stderr
    assert "1 plumes rise by the weather" in done.stdout
    rows = read_rows_table(tmp_path / "out")
    mass = annual_mass(rows, "CO2")
    assert rows["stack_height"].values[0] == 100.0 and np.isnan(rows["stack_height"].values[1:]).all()
    mean = netcdf.read(tmp_path / "out" / "layers.nc")
    tonnes = (mean["emission_co2"] * mean["cell_area"]).values[0].reshape(4, -1) * 365 * 86400
    low = (201.0 - 100.0 - 0.5 * RISE) / RISE  # of the plume below 201 m
    assert tonnes[2].sum() == pytest.approx(mass[0] * low, rel=1e-9)
    assert tonnes[3].sum() == pytest.approx(mass[0] * (1.0 - low), rel=1e-9)
    assert tonnes[0].sum() == pytest.approx(0.5 * mass[1] + mass[2], rel=1e-9)
    row = mean["ledger_mass"].values[0]
    assert (
        row == pytest.approx([mass.sum(), mass[:3].sum(), mass[3], mass[4]], rel=1e-12) and abs(residual(row)) < 1e-12
    )
    hours = read_gridded(tmp_path / "out" / "layers_hourly.nc")
    assert hours["emission_co2"].dims == ("time", "height", "lat", "lon")
    whole = (hours["emission_co2"].astype(float) * hours["cell_area"]).sum("time").values.reshape(4, -1) * 3600.0
    assert whole == pytest.approx(tonnes, rel=1e-7)
    assert abs(residual(hours["ledger_mass"].values[0])) < 1e-12
    assert (hours["emission_co2"].sel(height=150.5).sum(("lat", "lon")).values[[0, 13]] > 0).tolist() == [True, False]
    for name in ("layers.nc", "layers_hourly.nc"):
        for options in (STRICT, ACDD):
            code, text = judge(tmp_path / "out" / name, *options)
            assert code == 0, text


def test_hours_have_the_weather_of_their_own(tmp_path: Path) -> None:
    """A wind twice as strong halves the rise of neutral air (ISC3, Briggs): all below 201 m at night, not by day."""
    weather(tmp_path, night="8,15,D")
    text = JOB.replace('lat = "y"', STACK).replace("[time]", LAYERS + "[time]")  # p1 emits in all hours alike
    assert build(tmp_path, text, TALL).returncode == 0
    hours = read_gridded(tmp_path / "out" / "layers_hourly.nc")["emission_co2"].sum(("lat", "lon")).values
    low, deep = (201.0 - 100.0 - 0.5 * RISE) / RISE, hours[:, 2:].sum(axis=1)
    assert hours[0, 2] / deep[0] == pytest.approx(low, rel=1e-6)
    assert hours[13, 2] / deep[13] == pytest.approx(1.0, rel=1e-6)
    mean = netcdf.read(tmp_path / "out" / "layers.nc")["emission_co2"].sum(("lat", "lon")).values[0]
    assert mean[2] / mean[2:].sum() == pytest.approx(0.5 * (low + 1.0), rel=1e-6)


def test_without_weather_stacks_follow_the_profile_of_their_sector(tmp_path: Path) -> None:
    weather(tmp_path)
    plain = '[layers]\nedges = [0, 20, 50]\nprofiles = "heights.csv"\n'
    assert build(tmp_path, job(plain), TALL).returncode == 0
    ds = netcdf.read(tmp_path / "out" / "layers.nc")
    mass = annual_mass(read_rows_table(tmp_path / "out"), "CO2")
    out = (ds["emission_co2"] * ds["cell_area"]).sum(("lat", "lon")).values[0] * 365 * 86400
    assert out == pytest.approx([0.5 * mass[:2].sum() + mass[2], 0.1875 * mass[:2].sum()], rel=1e-9)
    assert ds["ledger_mass"].values[0][2] == pytest.approx(0.3125 * mass[:2].sum() + mass[3], rel=1e-9)


@pytest.mark.parametrize(
    ("night", "hours", "words"),
    [
        ("4,15,D", 8759, "does not cover the hours of the year.*1 hours missing.*2021-12-31T23"),
        ("4,15,D", 8761, ""),
        ("4,15,G", 8760, "row 14: a class of stability is not known.*'G'.*A to F"),
        ("-4,15,D", 8760, "a wind is negative.*-4"),
        ("4,,D", 8760, "weather of an hour is missing.*temperature"),
    ],
)
def test_weather_covers_the_year_and_is_whole(tmp_path: Path, night: str, hours: int, words: str) -> None:
    weather(tmp_path, night, hours)
    section = WeatherSection.model_validate(
        {"file": "weather.csv", "wind": "u", "temperature": "t", "stability": "class"}
    )
    if not words:
        assert [v.size for v in read_weather(section, tmp_path, 2021).of("any")] == [8760] * 3
        return
    with pytest.raises(InputError, match=words):
        read_weather(section, tmp_path, 2021)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (', stability = "class"', "", "give either gradient or stability"),
        ("step = 2.0\n", "step = 2.0\nsectors = false\n", "layers need sectors apart"),
        (
            LAYERS[: LAYERS.index("weather")],
            "[layers]\nedges = [0, 20]\n",
            "layers need profiles of sectors, or weather",
        ),
    ],
)
def test_sections_that_do_not_fit(old: str, new: str, words: str) -> None:
    text = job().replace(WEATHER, "") if new.startswith("[layers]") else job()
    with pytest.raises(ConfigError, match=words):
        load_dict(tomllib.loads(text.replace(old, new)), InventoryJob)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("stack = {", "# {", "no source has a stack"),
        (",100,1,", ",100,0,", "row 2.*diameter of a stack is not above zero"),
        ("A,0.5,0.5\n", "C,0.5,0.5\n", "no vertical profile for a sector.*'A'.*layers.map"),
    ],
)
def test_faults_of_a_build_with_layers_leave_nothing_behind(tmp_path: Path, old: str, new: str, words: str) -> None:
    weather(tmp_path)
    (tmp_path / "heights.csv").write_text(HEIGHTS.replace(old, new), encoding="utf-8")
    done = build(tmp_path, job().replace(old, new), TALL.replace(old, new))
    said = " ".join(done.stderr.split())
    assert done.returncode == 2 and re.search(words, said), said
    assert not (tmp_path / "out").exists()
