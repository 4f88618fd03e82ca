"""Who measures and who multiplies, on simulated plants of known kind with the regulation's rounding."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from ghg.core.time import bounds_variable, period_bounds
from ghg.facility.co2_per_heat import F15, G4, MASS_UNITS, constant_of, resolution
from ghg.facility.independence import EVIDENCE, Independence, assess
from sensors.measured import emission_variables

TON, MMBTU = 907.18474, 1055.05585262e6


def half_up(x: np.ndarray, step: float) -> np.ndarray:
    return np.floor(x / step + 0.5) * step


def dataset(mass, heat, operating=None, method: int = 1, by: str = "hour") -> xr.Dataset:
    """MEASURED Dataset of one source from CO2 [short ton] and heat input [mmBtu] per interval."""
    mass = np.asarray(mass, float)
    bounds = period_bounds("2023-01-01", "2024-01-01", by, "UTC")[: mass.size]
    length = (bounds[:, 1] - bounds[:, 0]) / np.timedelta64(1, "s")
    rate = (mass * TON / length)[None]
    marks = tuple(np.full(rate.shape, v, t) for v, t in ((1, np.int8), (0, np.int32), (method, np.int8)))
    data = emission_variables((rate, 0.01 * rate, {"flow": 0.02 * rate}), marks, species="CO2")
    if heat is not None:
        watt = (np.asarray(heat, float) * MMBTU / length)[None]
        data["heat_input"] = (("source", "time"), watt, {"units": "W", "calorific_basis": "gross"})
    if operating is not None:
        data["operating_time"] = (("source", "time"), np.asarray(operating, float)[None], {"units": "1"})
    times = bounds_variable(bounds)
    return xr.Dataset({**data, "time_bounds": times}, coords={"source": ["unit"], "time": times.time})


def stack_gas(rng: np.random.Generator, n: int, fc: float, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Hours of a CO2 monitor and a flow monitor: F-11 and F-15, rates rounded to 0.1. `size` [short ton/h]."""
    q_co2 = size / 5.7e-7 * rng.uniform(0.5, 1.2, n)
    return half_up(5.7e-7 * q_co2, 0.1), half_up(q_co2 / (100 * fc), 0.1)


def fuel_flow(rng: np.random.Generator, n: int, fc: float, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Hours of a gas meter: heat input rounded to 0.1, then G-4 rounded to 0.1."""
    heat = half_up(size / (G4 * fc) * rng.uniform(0.5, 1.2, n), 0.1)
    return half_up(G4 * fc * heat, 0.1), heat


def of(mass, heat, **options) -> Independence:
    (found,) = assess(dataset(mass, heat, **options))
    return found


def test_the_two_families_differ_by_a_quarter_percent() -> None:
    ratio = G4 / F15
    assert ratio == pytest.approx(1.002506, abs=1e-6)


@pytest.mark.parametrize(("fc", "fuel"), [(1800, "bituminous"), (1840, "subbituminous"), (1910, "lignite")])
def test_coal_with_a_co2_monitor_is_measured(fc: float, fuel: str, rng: np.random.Generator) -> None:
    found = of(*stack_gas(rng, 2000, fc, 400.0))
    assert (found.status, found.fuel, found.heat_from_emission) == ("independent", fuel, True)
    assert found.f_factor == pytest.approx(fc, rel=2e-4) and "F-15" in found.evidence


@pytest.mark.parametrize(("fc", "fuel"), [(1040, "natural_gas"), (1420, "oil")])
@pytest.mark.parametrize("size", [8.0, 150.0])
def test_fuel_flow_is_found_whatever_the_flag_says(fc: float, fuel: str, size: float, rng: np.random.Generator) -> None:
    found = of(*fuel_flow(rng, 1500, fc, size), method=1)
    assert (found.status, found.fuel) == ("not independent", fuel)
    assert found.f_factor == pytest.approx(fc, rel=5e-4) and "G-4" in found.evidence


@pytest.mark.parametrize("n", [300, 4000])
def test_a_gas_unit_with_a_co2_monitor_is_not_accused(n: int, rng: np.random.Generator) -> None:
    found = of(*stack_gas(rng, n, 1040, 120.0))
    assert (found.status, found.fuel, found.heat_from_emission) == ("independent", "natural_gas", True)


def test_part_hours(rng: np.random.Generator) -> None:
    """Rates are rounded, then multiplied by the operating time and printed with three decimals."""
    mass, heat = fuel_flow(rng, 800, 1040, 60.0)
    share = np.where(rng.random(800) < 0.3, half_up(rng.uniform(0.01, 1, 800), 0.01), 1.0)
    found = of(half_up(mass * share, 0.001), half_up(heat * share, 0.001), operating=share)
    assert found.status == "not independent" and found.share > 0.98


def test_two_fuels_by_turns(rng: np.random.Generator) -> None:
    gas, oil = fuel_flow(rng, 700, 1040, 80.0), fuel_flow(rng, 500, 1420, 80.0)
    found = of(np.r_[gas[0], oil[0]], np.r_[gas[1], oil[1]])
    assert found.status == "not independent" and "more than one fuel" in found.evidence


@pytest.mark.parametrize("size", [3.0, 12.0, 120.0])
@pytest.mark.parametrize("scatter", [0.009, 0.03])
def test_no_false_accusation(size: float, scatter: float, rng: np.random.Generator) -> None:
    """Gas units whose CO2 really is measured beside a gas meter, at exactly the ratio of G-4 on average."""
    for n in (10, 60, 2000):
        for _ in range(20):
            heat = half_up(size / (G4 * 1040) * rng.uniform(0.5, 1.2, n), 0.1)
            mass = half_up(G4 * 1040 * heat * (1 + scatter * rng.normal(size=n)), 0.1)
            assert of(mass, heat).status != "not independent"


def test_rounding_that_hides_everything_is_said(rng: np.random.Generator) -> None:
    heat = rng.uniform(60, 90, 8)
    found = of(half_up(G4 * 1040 * heat, 0.1), half_up(heat, 0.1))
    assert found.status == "undetermined" and "rounding hides" in found.evidence


def test_one_annual_total_is_consistent_and_no_more() -> None:
    """Cholla 2012: 8,468,675.828 short tons over 82,540,692.896 mmBtu."""
    cholla = of([8_468_675.828], [82_540_692.896], by="year")
    assert cholla.status == "independent" and cholla.heat_from_emission
    assert cholla.f_factor == pytest.approx(1800, rel=1e-6)
    assert "consistent with heat derived from CO2 by F-15 (Fc 1800" in cholla.evidence
    assert "cannot show whether it varies" in cholla.evidence and "not of its own heat input" in cholla.evidence
    gas = of([G4 * 1040 * 3e7], [3e7], by="year")
    assert gas.status == "undetermined" and "consistent with fuel accounting by G-4 (Fc 1040" in gas.evidence
    other = of([0.0700 * 3e7], [3e7], by="year")
    assert other.status == "undetermined" and "fits no known F factor" in other.evidence


def test_twelve_monthly_totals_show_a_constant(rng: np.random.Generator) -> None:
    heat = np.round(rng.uniform(2e6, 3e6, 12), 3)
    assert of(np.round(G4 * 1040 * heat, 3), heat, by="month").status == "not independent"
    assert of(np.round(F15 * 1040 * heat, 3), heat, by="month").status == "independent"
    noisy = G4 * 1040 * heat * (1 + 0.01 * rng.normal(size=12))
    assert of(np.round(noisy, 3), heat, by="month").status == "independent"


def test_what_the_file_itself_says_counts(rng: np.random.Generator) -> None:
    heat = rng.uniform(500, 900, 200)
    mixed = G4 * rng.uniform(1040, 1420, 200) * heat  # co-fired: no constant, but stated as fuel flow
    assert of(mixed, heat, method=3).status == "not independent"
    assert of(mixed, None, method=4).status == "not independent"
    assert of(mixed, None, method=1).status == "undetermined"


@pytest.mark.parametrize(("step", "unit"), [(0.1, "short_ton"), (0.001, "short_ton"), (1.0, "t"), (10.0, "kg")])
def test_resolution_is_found_in_the_data(step: float, unit: str, rng: np.random.Generator) -> None:
    values = half_up(rng.uniform(200, 900, 500) * MASS_UNITS[unit], step) / MASS_UNITS[unit]
    assert resolution(values, MASS_UNITS) == pytest.approx(step / MASS_UNITS[unit])
    assert resolution(rng.uniform(200, 900, 500), MASS_UNITS) == 0.0


def test_constant_of_nothing() -> None:
    found = constant_of(np.array([0.0, np.nan, 2.0]), np.array([1.0, 2.0, 0.0]), np.ones(3))
    assert found.n == 0 and not found.constant


def accounted(energy_mmbtu: np.ndarray, factor: float) -> xr.Dataset:
    """Monthly ACCOUNTED Dataset of one stream: energy [mmBtu] and kg of CO2 per mmBtu."""
    bounds = period_bounds("2023-01-01", "2024-01-01", "month", "UTC")
    length = (bounds[:, 1] - bounds[:, 0]) / np.timedelta64(1, "s")
    times = bounds_variable(bounds)
    rate = (energy_mmbtu * factor / length)[None, None]
    return xr.Dataset(
        {"emission": (("species", "stream", "time"), rate, {"units": "kg s-1"}),
         "energy": (("stream", "time"), (energy_mmbtu * MMBTU)[None], {"units": "J"}), "time_bounds": times},
        coords={"species": ["CO2"], "stream": ["coal"], "time": times.time},
    )  # fmt: skip


def test_accounting_from_the_monitor_is_found(rng: np.random.Generator) -> None:
    """A fuel record that repeats the monitored heat (or mass) is no second opinion, coal or not."""
    heat = np.round(rng.uniform(4e6, 8e6, 12))
    coal = dataset(F15 * 1800 * heat, heat, by="month")
    (same,) = assess(coal, accounted(0.98 * heat, 97.17))
    assert same.status == "not independent" and "computed from the measured CO2" in same.evidence
    (own,) = assess(coal, accounted(heat * (1 + 0.02 * rng.normal(size=12)), 97.17))
    assert own.status == "independent"
    bare = dataset(F15 * 1800 * heat, None, by="month")
    (mass,) = assess(bare, accounted(heat, 93.28))
    assert mass.status == "not independent" and "accounted emission" in mass.evidence
    days = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    for flat in (np.full(12, 1e6), 1e6 / 31 * days):  # two flat series prove nothing
        (found,) = assess(dataset(0.1 * flat, flat, by="month"), accounted(1.1 * flat, 93.28))
        assert "in every period" not in found.evidence


def test_every_finding_has_its_sentence() -> None:
    for code in EVIDENCE:
        one = Independence("s", "independent", True, 0.10259, 1.0, 1800.0, "bituminous", 8760, code)
        assert "{" not in one.evidence and one.as_dict()["evidence"] == one.evidence
