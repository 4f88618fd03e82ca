"""Part 75 equations against hand arithmetic; the numbers beside each case are worked out in the comment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import ConfigError
from ghg.core.units import factor
from sensors.stack import _kernels, part75

pytestmark = pytest.mark.kernel
BIT = part75.f_factors("bituminous")


def test_f11_and_f2() -> None:
    # 5.7e-7 * 12 * 25e6 = 171.0 ; times 0.92 = 157.32
    assert part75.co2_mass_f11(12.0, 25e6) == 171.0
    assert part75.co2_mass_f2(12.0, 25e6, 8.0) == 157.3
    assert part75.co2_mass_f2(12.0, 25e6, 8.0, rounding=False) == pytest.approx(157.32, rel=1e-14)


def test_exact_constant() -> None:
    # 44.009 / 385.3 / 2000 / 100 = 5.711e-7: the rounded constant is 0.18 % low
    assert pytest.approx(5.711e-7, rel=2e-4) == part75.EXACT_CONSTANT
    assert pytest.approx(0.0018, abs=2e-4) == part75.EXACT_CONSTANT / part75.CONSTANT - 1.0


def test_f14a() -> None:
    # 100 * 1800/9780 * 14.9/20.9 = 18.40491 * 0.7129187 = 13.1212
    assert part75.co2_dry_f14a(6.0, *BIT) == 13.1
    assert part75.co2_dry_f14a(6.0, *BIT, rounding=False) == pytest.approx(13.1212, abs=5e-5)
    assert part75.co2_dry_f14a(21.5, *BIT) == 0.0


def test_f14b() -> None:
    # 100/20.9 * 0.1840491 * (20.9 * 0.92 - 5.5) = 4.784689 * 0.1840491 * 13.728 = 12.0891
    assert part75.co2_wet_f14b(5.5, 8.0, *BIT) == 12.1
    assert part75.co2_wet_f14b(5.5, 8.0, *BIT, rounding=False) == pytest.approx(12.0891, abs=5e-5)
    assert part75.co2_wet_f14b(20.0, 8.0, *BIT) == 0.0


def test_heat_input() -> None:
    fd, fc = BIT
    # 25e6 * 12 / 180000 = 1666.67
    assert part75.heat_input_f15(12.0, 25e6, fc) == 1666.7
    # 25e6 * 92 * 12 / 1.8e7 = 1533.33
    assert part75.heat_input_f16(12.0, 25e6, 8.0, fc) == 1533.3
    # 25e6/9780 * (0.209*92 - 5.5)/20.9 = 2556.2372 * 13.728/20.9 = 1679.044
    assert part75.heat_input_f17(5.5, 25e6, 8.0, fd) == 1679.0
    # 25e6 * 92 * 14.9 / (2090 * 9780) = 3.427e10 / 20440200 = 1676.598
    assert part75.heat_input_f18(6.0, 25e6, 8.0, fd) == 1676.6
    # not below 1 mmBtu/h
    assert part75.heat_input_f15(0.001, 1e5, fc) == 1.0
    assert np.isnan(part75.heat_input_f15(np.nan, 1e5, fc))


def test_dry_and_wet_routes_agree() -> None:
    # CO2 dry 13, H2O 8 %: CO2 wet is 11.96; both routes see the same gas
    dry = part75.heat_input_f16(13.0, 1e7, 8.0, 1800.0, rounding=False)
    assert dry == pytest.approx(part75.heat_input_f15(13.0 * 0.92, 1e7, 1800.0, rounding=False), rel=1e-14)
    o2 = 6.0
    assert part75.heat_input_f17(o2 * 0.92, 1e7, 8.0, 9780.0, rounding=False) == pytest.approx(
        part75.heat_input_f18(o2, 1e7, 8.0, 9780.0, rounding=False), rel=1e-14
    )


@pytest.mark.parametrize(
    ("fuel", "kg_per_mmbtu"),
    [
        ("natural_gas", 53.91),
        ("bituminous", 93.31),
        ("subbituminous", 95.38),
        ("lignite", 99.01),
        ("oil", 73.61),
    ],
)
def test_g4_per_heat(fuel: str, kg_per_mmbtu: float) -> None:
    """V11: Fc to kg per mmBtu; medians of the unit file of 2021 are 53.91, 93.08, 95.15."""
    _, fc = part75.f_factors(fuel)
    assert part75.co2_mass_g4(1.0, fc) * factor("short_ton", "kg") == pytest.approx(kg_per_mmbtu, abs=0.005)


def test_unknown_fuel() -> None:
    with pytest.raises(ConfigError, match=r"no F factors.*'?peat"):
        part75.f_factors("peat")


def test_diluent_cap() -> None:
    assert part75.cap_co2(np.array([3.0, 8.0]), "boiler").tolist() == [5.0, 8.0]
    assert part75.cap_o2(np.array([19.5, 8.0]), "turbine").tolist() == [19.0, 8.0]


def test_round_away_differs_from_even() -> None:
    values = np.array([0.05, 0.15, 0.25, -0.25, 0.35, 2.675, 1e6 + 0.05, np.nan, 0.0])
    want = [0.1, 0.2, 0.3, -0.3, 0.4, 2.7, 1e6 + 0.1, np.nan, 0.0]
    np.testing.assert_array_equal(part75.round_away(values), want)
    assert part75.round_away(2.675, 2) == 2.68
    assert part75.round_away(0.0499999) == 0.0


@given(st.integers(-(10**9), 10**9), st.integers(0, 3))
def test_round_away_against_decimal(number: int, decimals: int) -> None:
    from decimal import ROUND_HALF_UP, Decimal

    exact = Decimal(number).scaleb(-4)
    want = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    assert part75.round_away(float(exact), decimals) == float(want)


def test_chain_kernel_is_the_equations() -> None:
    rng = np.random.default_rng(7)
    n = 5000
    flow, moisture = rng.uniform(1e6, 5e7, n), rng.uniform(4.0, 16.0, n)
    share = rng.uniform(0.0, 1.0, n)
    co2, o2 = rng.uniform(3.0, 15.0, n), rng.uniform(3.0, 20.9, n)
    fd, fc = BIT
    cases = {
        _kernels.F11: (co2, lambda r: part75.co2_mass_f11(co2, flow, rounding=r)),
        _kernels.F2: (co2, lambda r: part75.co2_mass_f2(co2, flow, moisture, rounding=r)),
        _kernels.F14A: (
            o2,
            lambda r: part75.co2_mass_f2(part75.co2_dry_f14a(o2, fd, fc, rounding=r), flow, moisture, rounding=r),
        ),
        _kernels.F14B: (
            o2,
            lambda r: part75.co2_mass_f11(part75.co2_wet_f14b(o2, moisture, fd, fc, rounding=r), flow, rounding=r),
        ),
    }
    for equation, (gas, want) in cases.items():
        for rounding in (0, 1):
            rate, mass = np.empty(n), np.empty(n)
            _kernels.part75_chain(gas, flow, moisture, share, equation, 5.7e-7, fc / fd, rounding, rate, mass)
            np.testing.assert_allclose(rate, want(bool(rounding)), rtol=1e-12, atol=1e-9)
            np.testing.assert_array_equal(mass, rate * share)
