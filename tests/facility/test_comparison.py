"""The comparison: pairing, refusals, and intervals that cover a known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.time import bounds_variable, period_bounds
from ghg.facility import compare
from ghg.facility.config import Comparison
from inventories.accounting.engine import Factor, Stream, dataset
from sensors.measured import emission_variables

MONTHS = period_bounds("2023-01-01", "2024-01-01", "month", "UTC")


def settings(**changes) -> Comparison:
    values = {"start": "2023-01-01", "end": "2024-01-01", "by": "month", "draws": 20_000, **changes}
    return Comparison.model_validate(values)


def measured(rate, u_flow: float = 0.02, u_random: float = 0.01, heat=None, bounds=MONTHS) -> xr.Dataset:
    rate = np.broadcast_to(np.asarray(rate, float), (1, len(bounds))).copy()
    marks = tuple(np.full(rate.shape, v, t) for v, t in ((1, np.int8), (0, np.int32), (1, np.int8)))
    data = emission_variables((rate, rate * u_random, {"flow": rate * u_flow}), marks, species="CO2")
    if heat is not None:
        data["heat_input"] = (
            ("source", "time"),
            np.broadcast_to(heat, rate.shape).copy(),
            {"units": "W", "calorific_basis": "gross"},
        )
    times = bounds_variable(bounds)
    return xr.Dataset({**data, "time_bounds": times}, coords={"source": ["s"], "time": times.time})


def accounted(rate, u_mass: float = 0.02, u_random: float = 0.0, bounds=MONTHS) -> xr.Dataset:
    length = (bounds[:, 1] - bounds[:, 0]) / np.timedelta64(1, "s")
    energy = np.broadcast_to(np.asarray(rate, float), length.shape) * length / 1e-7
    chain = (Factor("fuel_mass", energy, u_mass, u_random), Factor("emission_factor", np.full(len(bounds), 1e-7)))
    return dataset([Stream("coal", "bituminous", "test", {"CO2": chain}, energy, "gross")], bounds, ["CO2"])


def test_equal_sides_are_equivalent_with_small_uncertainty() -> None:
    rate = np.linspace(80, 120, 12)
    found = compare(measured(rate * 1.001, 0.005), accounted(rate, 0.005), settings(), "UTC")
    assert found.verdict.code == "equivalent"
    assert found.ratio[0] == pytest.approx(1.001)


def test_a_large_difference_is_named_with_its_sign() -> None:
    rate = np.linspace(80, 120, 12)
    assert compare(measured(rate * 1.2), accounted(rate), settings(), "UTC").verdict.code == "measured_higher"
    assert compare(measured(rate * 0.8), accounted(rate), settings(), "UTC").verdict.code == "measured_lower"


def test_systematic_parts_do_not_average_out() -> None:
    rate = np.full(12, 100.0)
    total = compare(measured(rate, 0.03, 0.03), accounted(rate), settings(), "UTC").measured_total
    assert total.u_systematic["flow"] / total.value == pytest.approx(0.03)
    assert total.u_random / total.value == pytest.approx(0.03 / math.sqrt(12), rel=0.01)


def test_a_year_of_months_gets_a_line_and_its_change_point() -> None:
    rate = np.linspace(80, 120, 12)[[3, 7, 1, 9, 5, 0, 11, 2, 8, 4, 10, 6]]
    step = np.r_[np.full(6, 1.0), np.full(6, 1.1)]
    noise = 1 + 0.004 * np.random.default_rng(2).standard_normal(12)
    found = compare(
        measured(rate * step * noise, 0.02, 0.005), accounted(rate, 0.02, 0.005), settings(), "UTC"
    ).statistics
    (change,) = found["change_points"]["changes"]
    assert change["index"] == 6
    assert change["shift"] == pytest.approx(np.log(1.1), abs=4 * change["u_shift"])
    assert {"york", "theil_sen", "bland_altman", "bootstrap", "relative_accuracy_percent"} <= found.keys()
    assert found["york"]["n"] == 12


def test_accounting_from_the_monitored_heat_is_not_independent() -> None:
    rate = np.linspace(80, 120, 12) * (1 + 0.03 * np.sin(np.arange(12)))
    found = compare(measured(rate, heat=rate / 0.9e-7), accounted(rate * 1.02), settings(), "UTC")
    assert found.verdict.code == "not_independent"
    assert found.attribution is None and found.steps == []  # it has no flow of its own that could be wrong
    assert "times a constant" in found.verdict.reasons[0]


def test_too_few_paired_months_are_not_comparable() -> None:
    rate = np.full(12, 100.0)
    rate[3:] = np.nan
    found = compare(measured(rate), accounted(100.0), settings(), "UTC")
    assert found.verdict.code == "not_comparable"
    assert found.measured.sizes["time"] == 3


def test_refusals() -> None:
    year = period_bounds("2023-01-01", "2024-01-01", "year", "UTC")
    with pytest.raises(InputError, match="longer than the periods"):
        compare(measured(100.0, bounds=year), accounted(100.0), settings(), "UTC")
    with pytest.raises(InputError, match="lacks the species"):
        compare(measured(100.0), accounted(100.0).assign_coords(species=["CH4"]), settings(), "UTC")
    with pytest.raises(InputError, match="no period has both sides"):
        compare(measured(100.0), accounted(100.0), settings(start="2025-01-01", end="2026-01-01"), "UTC")
    with pytest.raises(InputError, match="time_bounds"):
        compare(measured(100.0).drop_vars("time_bounds"), accounted(100.0), settings(), "UTC")
    with pytest.raises(InputError, match="not positive"):
        compare(measured(0.0), accounted(100.0), settings(), "UTC")


@pytest.mark.slow
@pytest.mark.parametrize(("u_systematic", "u_random"), [(0.005, 0.06), (0.04, 0.01)])
def test_intervals_cover_the_truth_at_the_stated_rate(u_systematic: float, u_random: float) -> None:
    """1,000 plants with known truth, random-dominated and systematic-dominated: 95 % intervals cover 93-97 %."""
    rng = np.random.default_rng(20261123)
    truth = np.linspace(80, 120, 12)
    length = (MONTHS[:, 1] - MONTHS[:, 0]) / np.timedelta64(1, "s")
    whole = float((truth * length).sum())
    hits = np.zeros(3)
    plants, asked = 1000, settings(draws=10_000)
    for _ in range(plants):
        m = truth * (1 + u_systematic * rng.standard_normal()) * (1 + u_random * rng.standard_normal(12))
        a = truth * (1 + u_systematic * rng.standard_normal()) * (1 + u_random * rng.standard_normal(12))
        found = compare(measured(m, u_systematic, u_random), accounted(a, u_systematic, u_random), asked, "UTC")
        for i, (low, high, true) in enumerate(
            ((*found.measured_total.interval, whole), (*found.accounted_total.interval, whole), (*found.ratio[1:], 1.0))
        ):
            hits[i] += low <= true <= high
    assert np.all((hits / plants >= 0.93) & (hits / plants <= 0.97)), hits / plants
