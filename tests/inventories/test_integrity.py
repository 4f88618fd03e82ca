"""Analyses that look like analyses, and analyses that do not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.time import bounds_variable, period_bounds
from inventories.accounting.engine import Factor, Stream, dataset
from inventories.integrity import _chance, _resolution, examine
from tests.terminal import inside

MONTHS = period_bounds("2023-01-01", "2025-01-01", "month", "UTC")


def analyses(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return net calorific value [GJ/t] and carbon content [1] of 24 months of one coal."""
    ncv = np.round(rng.normal(21.0, 0.8, 24), 2)
    return ncv, np.round(0.0258 * ncv * (1 + 0.01 * rng.standard_normal(24)), 4)


def accounted(ncv: np.ndarray, carbon: np.ndarray) -> xr.Dataset:
    mass = np.full(24, 1e8)
    chain = (
        Factor("fuel_mass", mass, 0.005, 0.0, "fuel_mass"),
        Factor("carbon_content", carbon * 44 / 12, 0.01, 0.0, ""),
    )
    stream = Stream("coal", "bituminous", "test", {"CO2": chain}, mass * ncv * 1e6, "net")
    ds = dataset([stream], MONTHS, ["CO2"])
    dims = ("stream", "time")
    return ds.assign(carbon_content=(dims, carbon[None]), calorific_value=(dims, 1e6 * ncv[None]))


def test_honest_analyses_raise_no_alarm_at_the_stated_rate() -> None:
    """Three to four checks at 1 % on each of 200 plants."""
    rng = np.random.default_rng(5)
    plants = [examine(accounted(*analyses(rng))) for _ in range(200)]
    assert sum(any(f.alarm for f in found) for found in plants) <= 12


def test_a_repeated_month_is_found(rng: np.random.Generator) -> None:
    ncv, carbon = analyses(rng)
    ncv[17], carbon[17] = ncv[4], carbon[4]
    found = [f for f in examine(accounted(ncv, carbon)) if f.alarm]
    assert [(f.detector, f.periods) for f in found] == [("repeated", ("2023-05-01", "2024-06-01"))]


def test_carbon_that_does_not_belong_to_its_energy(rng: np.random.Generator) -> None:
    ncv, carbon = analyses(rng)
    carbon[9] = round(carbon[9] * 0.85, 4)
    first = examine(accounted(ncv, carbon))[0]
    assert first.alarm and first.detector == "off_line" and first.periods == ("2023-10-01",)
    assert "-15" in first.detail or "-14" in first.detail or "-16" in first.detail


def test_months_at_the_default(rng: np.random.Generator) -> None:
    """25.8 GJ/t is the default of bituminous coal in the 2006 IPCC Guidelines."""
    ncv, carbon = analyses(rng)
    ncv[[3, 8, 15]] = 25.8
    found = [f for f in examine(accounted(ncv, carbon)) if f.detector == "at_default"]
    assert found[0].alarm and found[0].score == 3 and found[0].periods[0] == "2023-04-01"


def test_coincidence_of_two_normal_values(rng: np.random.Generator) -> None:
    """r/(2 sqrt(pi) s), against simulated values."""
    values = np.round(rng.normal(20.0, 1.0, (4000, 2)), 1)
    assert np.mean(values[:, 0] == values[:, 1]) == pytest.approx(0.1 / (2 * math.sqrt(math.pi)), abs=0.006)
    assert _chance(np.round(rng.normal(20.0, 1.0, 4000), 1)) == pytest.approx(0.0282, rel=0.05)
    assert _resolution(np.array([20.3, 20.7, 21.5, 19.9])) == pytest.approx(0.4)


def test_constants_are_not_analyses(rng: np.random.Generator) -> None:
    assert examine(accounted(np.full(24, 25.8), np.full(24, 0.66))) == []


def test_a_dataset_without_streams_is_refused() -> None:
    ds = xr.Dataset({"time_bounds": bounds_variable(MONTHS)})
    with pytest.raises(InputError, match="no accounting"):
        examine(ds)


def test_the_terminal(tmp_path: Path) -> None:
    example = Path(__file__).resolve().parents[2] / "examples" / "china-power"
    run = inside("inventories", "screen", example / "account.toml")
    assert run.returncode == 0 and run.stdout.endswith("0 alarms\n")
    text = (example / "fuel.csv").read_text(encoding="utf-8").splitlines()
    fields = text[5].split(",")
    fields[2:4] = text[2].split(",")[2:4]
    text[5] = ",".join(fields)
    (tmp_path / "fuel.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    (tmp_path / "account.toml").write_text((example / "account.toml").read_text(encoding="utf-8"), encoding="utf-8")
    run = inside("inventories", "screen", tmp_path / "account.toml", "--fail-on", "-o", tmp_path / "found.json")
    assert run.returncode == 3 and "ALARM" in run.stdout and (tmp_path / "found.json").exists()
