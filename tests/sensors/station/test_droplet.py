"""Droplet tests with known coefficients: they come back within what is stated, and what is wrong is said."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.core.provenance import verify
from sensors.calibration.water import combine_tests, fit_water
from sensors.config.station import Water
from tests.station_logs import text_of
from tests.terminal import inside as run

TRUTH = {"CO2": (-0.0124404, -3.03e-5), "CH4": (-0.010575, 1.65e-4)}  # Groningen's pairs, notes 2.1
DRY = {"CO2": 412.3, "CH4": 1.9876}


def drying(n: int, top: float) -> Any:
    """Water after a droplet: a plateau, then quickly down and a long dry end."""
    t = np.linspace(0.0, 1.0, n)
    return top / (1.0 + np.exp((t - 0.35) * 14.0)) + 0.01


def log(path: Path, seed: int = 0, top: float = 3.0, noise: float = 1.0, n: int = 1500, **more: Any) -> Path:
    rng, h = np.random.default_rng(seed), drying(n, top)
    columns: dict[str, Any] = {"h2o_reported": h, "MPVPosition": 1.0, "CavityPressure": 140.0}
    for name, (a, b) in TRUTH.items():
        columns[name] = DRY[name] * (1 + a * h + b * h**2) + noise * rng.normal(0, DRY[name] * 1e-4, n)
    columns |= more
    path.write_bytes(text_of(1.7e9 + np.arange(float(n)) * 5.0, columns, ("DATE", "TIME", "EPOCH_TIME", *columns)))
    return path


def test_intervals_hold_the_truth_at_the_stated_rate() -> None:
    """400 tests with a long dry end and a short wet one, noise that grows with water: 95 % regions of (a, b)."""
    a, b = TRUTH["CO2"]
    rng, h, inside = np.random.default_rng(5), drying(1200, 3.0), []
    for _ in range(400):
        fit = fit_water(412.3 * (1 + a * h + b * h**2) + rng.normal(0, 0.03 + 0.03 * h), h)
        d = np.array([fit.a - a, fit.b - b])
        inside.append((d @ np.linalg.inv(fit.covariance) @ d < 5.991, abs(1 - (1 + 2 * a + 4 * b) / (
            1 + 2 * fit.a + 4 * fit.b)) < 1.96 * fit.uncertainty(2.0)))  # fmt: skip
    region, at_two = np.mean(inside, axis=0)
    assert 0.91 < region < 0.98 and 0.92 < at_two < 0.98  # standard error 0.011


def test_without_noise_the_coefficients_are_exact() -> None:
    h = drying(500, 2.5)
    fit = fit_water(412.3 * (1 - 0.012 * h - 2.674e-4 * h**2), h, blocks=10_000_000)
    assert (fit.a, fit.b, fit.dry) == pytest.approx((-0.012, -2.674e-4, 412.3), rel=1e-7)


def test_tests_that_differ_raise_the_uncertainty() -> None:
    h, rng = drying(800, 3.0), np.random.default_rng(2)
    fits = [fit_water(400.0 * (1 + a * h - 2e-4 * h**2) + rng.normal(0, 0.03, h.size), h) for a in (-0.012, -0.0125)]
    mean, covariance, ratio = combine_tests(fits)
    assert ratio > 3.0 and -0.0125 < mean[0] < -0.012
    assert covariance[0, 0] > fits[0].covariance[0, 0]
    assert combine_tests(fits[:1])[2] == 1.0


def test_from_the_terminal_to_the_configuration(tmp_path: Path) -> None:
    tests = [log(tmp_path / f"d{k}.dat", seed=k) for k in range(2)]
    out, picture = tmp_path / "w.nc", tmp_path / "w.png"
    done = run("sensors", "fit-water", *tests, "-o", out, "--figure", picture)
    assert done.returncode == 0, done.stderr
    section = tomllib.loads(done.stdout[: done.stdout.index("Written")])["gases"]
    for gas, column in (("co2", "CO2"), ("ch4", "CH4")):
        water = Water(**section[gas]["water"])  # as a station reads it
        assert water.method == "coefficients" and water.column == "h2o_reported"
        h = np.array([0.5, 1.0, 2.0, 3.0])
        a, b = TRUTH[column]
        off = (1 + a * h + b * h**2) / (1 + h * (float(water.a or 0) + float(water.b or 0) * h)) - 1
        assert (np.abs(off) < 4 * water.uncertainty * h).all() and water.uncertainty < 3e-5
    assert verify(out).ok and picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads(run("sensors", "fit-water", *tests, "--gas", "co2", "--format", "json").stdout)
    assert found["co2"]["tests"] == 2


def test_the_water_of_a_scan_is_that_of_the_scans_around_it(tmp_path: Path) -> None:
    """Species one after the other, water changing between them: only the mean of both scans gives the coefficients."""
    n = 900
    species = np.tile([1.0, 2.0, 3.0], n // 3)
    true = drying(n, 3.0)
    middle = np.arange(n) // 3 * 3
    held = true[np.maximum(middle - 1, 0)]  # the water of the last scan of species 3
    shown = np.where(species == 3, true, held)
    at = 0.5 * (shown + held)
    columns = {"species": species, "h2o_reported": shown}
    columns |= {c: DRY[c] * (1 + at * (TRUTH[c][0] + TRUTH[c][1] * at)) for c in DRY}
    path = log(tmp_path / "s.dat", n=n, **columns)
    found = json.loads(run("sensors", "fit-water", path, "--format", "json").stdout)
    assert found["co2"]["a"] == pytest.approx(TRUTH["CO2"][0], abs=3e-6)
    assert found["ch4"]["b"] == pytest.approx(TRUTH["CH4"][1], abs=2e-6)


def test_a_table(tmp_path: Path) -> None:
    h = drying(400, 2.0)
    x = 412.3 * (1 - 0.012 * h - 2.674e-4 * h**2)
    stamps = np.datetime64("2024-03-01T00:00:00") + np.arange(h.size)
    path = tmp_path / "t.csv"
    path.write_text("when,wet,water\n" + "".join(f"{t},{v:.6f},{w:.8f}\n" for t, v, w in
                                                 zip(stamps, x, h, strict=True)))  # fmt: skip
    done = run("sensors", "fit-water", path, "--gas", "co2", "--time", "when", "--column", "co2=wet:ppm", "--column",
               "h2o=water:percent", "--format", "json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["co2"]["a"] == pytest.approx(-0.012, abs=2e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--gas", "o3"), "the gas is unknown"),
        (("--gas", "co"), "lacks a column"),
        (("--water", "H2O"), "lacks a column"),
        (("--start", "2030-01-01"), "no row lies between"),
        (("--end", "2023-11-14T22:13:40"), "needs more readings"),
        (("--start", "2023-11-15T00:00:00"), "needs more water"),
        (("-o", "w.txt"), "ending .nc"),
        (("--figure", "w.doc"), "not that of a picture"),
    ],
)
def test_wrong_requests(tmp_path: Path, arguments: tuple[str, str], words: str) -> None:
    done = run("sensors", "fit-water", log(tmp_path / "d.dat"), *arguments)
    assert done.returncode == 2 and words in done.stderr


def test_the_dry_column_is_not_taken_for_the_wet_one(tmp_path: Path) -> None:
    path = log(tmp_path / "d.dat", CO2=np.full(1500, 412.3) + np.random.default_rng(1).normal(0, 0.03, 1500))
    done = run("sensors", "fit-water", path, "--gas", "co2")
    assert done.returncode == 2 and "does not fall as water rises" in done.stderr


def test_two_levels_of_water_are_no_droplet() -> None:
    h = np.repeat([0.01, 2.0], 200)
    with pytest.raises(InputError, match="does not pass through its range"):
        fit_water(400.0 * (1 - 0.012 * h), h)
