"""EN 14181: k_v from its table, recovered calibration functions, and the power of charts known from the literature."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ghg.core.errors import InputError
from sensors.quality import _kernels, acceptance, ast, cusum, ewma, k_v, qal2, shewhart, standardise
from sensors.quality.en14181 import permissible_deviation


@pytest.mark.parametrize(
    ("pairs", "expected"), [(3, 0.8326), (4, 0.8881), (5, 0.9161), (6, 0.9329), (10, 0.9628), (15, 0.9761)]
)
def test_k_v_is_that_of_the_standard(pairs: int, expected: float) -> None:
    assert round(k_v(pairs), 4) == expected


def test_procedure_a_is_the_regression_line() -> None:
    x = np.linspace(4.0, 20.0, 15)
    result = qal2(x, -50.0 + 12.5 * x, elv=200.0, percent=10.0)
    assert result.values["procedure"] == "a"
    assert result.values["slope"] == pytest.approx(12.5)
    assert result.values["intercept"] == pytest.approx(-50.0)
    assert result.values["standard_deviation"] == pytest.approx(0.0, abs=1e-10)
    assert result.values["valid_range"][1] == pytest.approx(1.1 * 200.0)


def test_procedure_b_goes_through_zero_and_the_mean() -> None:
    x = 10.0 + np.resize([-0.1, 0.0, 0.1], 15)
    y = 75.0 + np.resize([0.2, 0.0, -0.2], 15)  # a regression would slope down
    result = qal2(x, y, elv=200.0, percent=10.0, zero=4.0)
    assert result.values["procedure"] == "b"
    assert result.values["slope"] == pytest.approx(75.0 / 6.0)
    assert result.values["intercept"] == pytest.approx(-4.0 * 75.0 / 6.0)
    assert result.passed


def test_the_variability_test_turns_at_sigma_0_times_k_v(rng: np.random.Generator) -> None:
    x = np.linspace(4.0, 20.0, 15)
    noise = rng.normal(size=15)
    noise -= np.polyval(np.polyfit(x, noise, 1), x)  # so that the line is found exactly
    limit = permissible_deviation(200.0, 10.0) * k_v(15)
    for factor, passes in ((0.999, True), (1.001, False)):
        y = 10.0 * x + noise / noise.std(ddof=1) * limit * factor
        assert qal2(x, y, elv=200.0, percent=10.0, procedure="a").passed is passes


def test_both_sides_are_standardised_with_their_own_conditions() -> None:
    x = np.linspace(4.0, 20.0, 15)
    t = np.linspace(380.0, 420.0, 15)
    factor = standardise(t, 101325.0, 10.0, 8.0, reference_o2=11.0)
    np.testing.assert_allclose(factor, t / 273.15 / 0.9 * 10.0 / 13.0)
    result = qal2(x, 5.0 * x, elv=200.0, percent=10.0, standard_ams=factor, standard_srm=factor)
    assert result.values["standard_deviation"] == pytest.approx(0.0, abs=1e-10)
    np.testing.assert_allclose(result.series["reference"], 5.0 * x * factor)


def test_ast_limits_by_hand() -> None:
    x = np.array([5.0, 8.0, 11.0, 14.0, 17.0])
    d = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    result = ast(x, 10.0 * x + d, elv=100.0, percent=10.0, slope=10.0)
    sigma, s = 10.0 / 1.96, math.sqrt(2.5)
    assert result.check("standard_deviation").limit == pytest.approx(1.5 * sigma * 0.9161, rel=1e-4)
    assert result.check("mean_difference").limit == pytest.approx(2.1318 * s / math.sqrt(5) + sigma, rel=1e-4)
    assert result.passed
    assert not ast(x, 10.0 * x + d + 20.0, elv=100.0, percent=10.0, slope=10.0).passed


def test_the_variability_test_passes_half_of_the_systems_at_the_limit(rng: np.random.Generator) -> None:
    # k_v is the median of s/sigma: a system with exactly sigma_0 passes an AST without the factor 1.5 every other time
    sigma = permissible_deviation(100.0, 10.0)
    draws = rng.normal(scale=sigma, size=(2000, 15)).std(axis=1, ddof=1)
    assert np.mean(draws <= sigma * k_v(15)) == pytest.approx(0.5, abs=0.035)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ams": [1.0] * 14, "srm": [1.0] * 14}, "too few readings"),
        ({"ams": [1.0] * 15}, "all signals are equal"),
        ({"srm": [1.0] * 16}, "another number of AMS"),
        ({"elv": 0.0}, "positive"),
        ({"standard_ams": [1.0, 2.0]}, "another length"),
    ],
)
def test_bad_qal2_is_refused(change: dict, message: str) -> None:
    x = np.linspace(4.0, 20.0, 15)
    with pytest.raises(InputError, match=message):
        qal2(**{"ams": x, "srm": 5.0 * x, "elv": 200.0, "percent": 10.0, "procedure": "a", **change})


def test_oxygen_of_air_cannot_be_corrected() -> None:
    with pytest.raises(InputError, match="oxygen reaches that of air"):
        standardise(400.0, 101325.0, 0.0, [8.0, 21.0], reference_o2=11.0)


@pytest.mark.kernel
def test_cusum_sums_follow_their_definition(rng: np.random.Generator) -> None:
    d = rng.normal(size=40)
    sums, spread = _kernels.empty_sums(d.size)
    _kernels.cusum_sums(d, 0.501, 1.85, sums, spread)
    up = down = s = 0.0
    for i, x in enumerate(d):
        up, down = max(0.0, up + x - 0.501), max(0.0, down - x - 0.501)
        s = max(0.0, s + 0.5 * (x - d[i - 1]) ** 2 - 1.85) if i else 0.0
        assert sums[i, 0] == pytest.approx(up) and sums[i, 1] == pytest.approx(down) and spread[i] == pytest.approx(s)


@pytest.mark.kernel
def test_zone_rules_by_hand() -> None:
    def marks(z: list[float]) -> list[int]:
        out = np.zeros(len(z), np.int64)
        _kernels.shewhart_rules(np.array(z), out)
        return out.tolist()

    assert marks([3.1]) == [1]
    assert marks([2.1, 0.0, 2.2]) == [0, 0, 2]
    assert marks([2.1, 0.0, -2.2]) == [0, 0, 0]
    assert marks([1.1, 1.2, -0.1, 1.1, 1.1])[-1] == 4
    assert marks([0.1] * 8) == [0] * 7 + [8]


def test_cusum_finds_a_drift_and_estimates_it() -> None:
    result = cusum(np.r_[np.zeros(5), np.full(10, 2.0)], 0.0, 1.0)
    assert not result.passed
    assert result.values["first_drift"] == 6  # 1.499 after the first, 2.998 > 2.85 after the second
    assert result.values["drift"] == pytest.approx(2.0)
    assert result.values["first_imprecision"] == -1
    lower = cusum(np.full(10, -2.0), 0.0, 1.0)
    assert lower.values["drift"] == pytest.approx(-2.0)


def test_ewma_runs_500_readings_in_control(rng: np.random.Generator) -> None:
    # Lucas and Saccucci (1990), Technometrics 32, table 3: weight 0.2, width 2.962 give an average run length of 500
    lengths = []
    for _ in range(400):
        first = ewma(rng.normal(size=5000), 0.0, 1.0, asymptotic=True).values["first_alarm"]
        lengths.append(first + 1 if first >= 0 else 5000)
    assert np.mean(lengths) == pytest.approx(500.0, rel=0.15)  # standard error 5 %


def test_cusum_runs_as_long_as_siegmund_says(rng: np.random.Generator) -> None:
    # Montgomery (2013), equation (9.6): ARL = (exp(-2 D b) + 2 D b - 1)/(2 D^2), D = -k, b = h + 1.166, both sides
    b, k = 2.85 + 1.166, 0.501
    one = (math.exp(2 * k * b) - 2 * k * b - 1) / (2 * k * k)
    lengths = []
    for _ in range(800):
        first = cusum(rng.normal(size=600), 0.0, 1.0).values["first_drift"]
        lengths.append(first + 1 if first >= 0 else 600)
    assert np.mean(lengths) == pytest.approx(one / 2, rel=0.12)


def test_a_shewhart_chart_names_the_reading() -> None:
    result = shewhart([10.0, 10.1, 9.9, 10.7], 10.0, 0.2)
    assert not result.passed and result.values["first_alarm"] == 3
    assert result.margin == pytest.approx((0.6 - 0.7) / 0.6)
    trend = shewhart([10.02] * 9, 10.0, 0.2, zones=True)
    assert not trend.passed and trend.deciding == "zone_rules"
    with pytest.raises(InputError, match="not positive"):
        shewhart([10.0], 10.0, 0.0)


def test_hj75_acceptance_changes_with_the_level() -> None:
    fast = acceptance([11.0] * 5, [12.2] * 5, "velocity")
    assert fast.values["relative_error"] == pytest.approx(-100 * 1.2 / 12.2)
    assert fast.passed and fast.check("relative_error").limit == 10.0
    slow = acceptance([8.0] * 5, [9.0] * 5, "velocity")
    assert slow.passed and slow.check("relative_error").limit == 12.0
    assert acceptance([4.0] * 5, [3.0] * 5, "h2o").deciding == "absolute_error"
    wet = acceptance([12.4] * 5, [10.0] * 5, "h2o")
    assert wet.deciding == "relative_error" and wet.passed
    assert not acceptance([124.0] * 5, [120.0] * 5, "temperature").passed
    assert not fast.verified
    with pytest.raises(InputError, match="nine pairs"):
        acceptance([6.0] * 5, [6.1] * 5, "o2")
    with pytest.raises(InputError, match="no criterion"):
        acceptance([6.0] * 5, [6.1] * 5, "co2")
