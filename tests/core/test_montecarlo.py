"""Monte Carlo: published examples of JCGM 101 and 102, intervals, correlated inputs, the adaptive stop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ghg.core.errors import InputError
from ghg.core.uncertainty import (
    Distribution,
    coverage_interval,
    first_order,
    monte_carlo,
    multivariate_normal,
)


def add4(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    return a + b + c + d


def test_additive_model_normal_inputs() -> None:
    # JCGM 101 9.2.2, table 2: mean 0, u = 2.00, interval +-3.92
    result = monte_carlo(add4, [Distribution("normal", (0.0, 1.0))] * 4, 1_000_000, seed=1)
    assert float(result.mean) == pytest.approx(0.0, abs=0.008)
    assert float(result.u) == pytest.approx(2.00, abs=0.006)
    np.testing.assert_allclose(result.interval, [-3.92, 3.92], atol=0.02)
    assert "JCGM 101, 1000000 draws, seed 1" in result.statement()


def test_additive_model_rectangular_inputs() -> None:
    # JCGM 101 9.2.3, table 3: +-3.88, exactly +-2 sqrt(3) (2 - (3/5)**(1/4))
    root = math.sqrt(3.0)
    result = monte_carlo(add4, [Distribution("rectangular", (-root, root))] * 4, 1_000_000, seed=2)
    end = 2.0 * root * (2.0 - 0.6**0.25)
    assert round(end, 2) == 3.88
    assert float(result.u) == pytest.approx(2.0, abs=0.006)
    np.testing.assert_allclose(result.interval, [-end, end], atol=0.02)


def test_logarithm_of_a_rectangular_input() -> None:
    # NPL report DEM-ES-011, 9.2: y = ln x, x rectangular on [0.1, 1.1]; shortest interval -1.895, 0.095
    x = {"x": Distribution("rectangular", (0.1, 1.1))}
    result = monte_carlo(lambda x: np.log(x), x, 1_000_000, seed=3, interval="shortest")
    assert float(result.mean) == pytest.approx(-0.665, abs=0.003)
    assert float(result.u) == pytest.approx(0.606, abs=0.003)
    np.testing.assert_allclose(result.interval, [-1.895, 0.095], atol=0.01)
    value, variance = first_order(lambda v: np.log(v[0]), [0.6], [1.0 / math.sqrt(12.0)])
    assert (round(value, 3), round(math.sqrt(variance), 3)) == (-0.511, 0.481)


@pytest.mark.parametrize(
    ("real", "r", "magnitude", "phase"),
    [
        (0.001, 0.0, (0.013, 0.007), (0.000, 1.744)),
        (0.001, 0.9, (0.012, 0.008), (-0.556, 1.599)),
        (0.010, 0.9, (0.015, 0.008), (-0.343, 0.903)),
    ],
)
def test_magnitude_and_phase_with_correlated_parts(
    real: float, r: float, magnitude: tuple[float, float], phase: tuple[float, float]
) -> None:
    # JCGM 102 9.3.2, tables 6 and 7: u = 0.01 for both parts, imaginary part 0
    parts = multivariate_normal([real, 0.0], 0.01**2 * np.array([[1.0, r], [r, 1.0]]))
    result = monte_carlo(lambda x, y: (np.hypot(x, y), np.arctan2(y, x)), [parts], 1_000_000, seed=4)
    assert tuple(np.round([result.mean[0], result.u[0]], 3)) == magnitude
    assert (result.mean[1], result.u[1]) == pytest.approx(phase, abs=0.006)
    assert result.sample.shape == (2, 1_000_000)


def test_correlated_inputs_keep_their_covariance() -> None:
    cov = np.array([[4.0, -1.0, 0.0], [-1.0, 1.0, 0.3], [0.0, 0.3, 0.25]])
    result = monte_carlo(lambda a, b, c: (a, b, c), [multivariate_normal([1.0, 2.0, 3.0], cov)], 400_000, seed=5)
    np.testing.assert_allclose(result.covariance, cov, atol=0.03)
    singular = multivariate_normal([0.0, 0.0], np.ones((2, 2)))
    result = monte_carlo(lambda a, b: a - b, [singular], 1000)
    assert float(result.u) == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize(
    ("distribution", "law"),
    [
        (Distribution("normal", (2.0, 3.0)), stats.norm(2.0, 3.0)),
        (Distribution("rectangular", (1.0, 4.0)), stats.uniform(1.0, 3.0)),
        (Distribution("triangular", (1.0, 4.0)), stats.triang(0.5, 1.0, 3.0)),
        (Distribution("trapezoidal", (1.0, 4.0, 0.4)), stats.trapezoid(0.3, 0.7, 1.0, 3.0)),
        (Distribution("arcsine", (1.0, 4.0)), stats.arcsine(1.0, 3.0)),
        (Distribution("t", (1.0, 2.0, 5.0)), stats.t(5.0, 1.0, 2.0)),
        (Distribution("exponential", (2.0,)), stats.expon(0.0, 2.0)),
        (Distribution("gamma", (3.0, 2.0)), stats.gamma(3.0, 0.0, 2.0)),
        (Distribution("lognormal", (2.0, 1.5)), stats.lognorm(math.log(1.5), 0.0, 2.0)),
    ],
)
def test_draws_follow_the_stated_law(distribution: Distribution, law: stats.rv_continuous) -> None:
    x = distribution.draw(np.random.default_rng(11), 20_000)[0]
    assert stats.kstest(x, law.cdf).pvalue > 1e-3


def test_constant_and_mapping_inputs() -> None:
    inputs = {"a": Distribution("constant", (3.0,)), "b": multivariate_normal([1.0, 2.0], np.zeros((2, 2)))}
    result = monte_carlo(lambda a, b: a * b[0] + b[1], inputs, 100)
    assert float(result.mean) == 5.0


def test_adaptive_procedure_stops_and_is_right() -> None:
    # JCGM 101 7.9: two significant digits of u = 2.0 mean a tolerance of 0.05
    inputs = [Distribution("normal", (0.0, 1.0))] * 4
    result = monte_carlo(add4, inputs, 10_000_000, seed=6, digits=2)
    assert result.stabilised
    assert 20_000 <= result.draws < 1_000_000
    assert float(result.u) == pytest.approx(2.0, abs=0.05)
    np.testing.assert_allclose(result.interval, [-3.92, 3.92], atol=0.08)
    assert not monte_carlo(add4, inputs, 20_000, seed=6, digits=4).stabilised


def test_same_seed_same_draws_and_more_draws_extend() -> None:
    inputs = [Distribution("normal", (0.0, 1.0))]
    a = monte_carlo(lambda x: x, inputs, 70_000, seed=7).sample
    b = monte_carlo(lambda x: x, inputs, 140_000, seed=7).sample
    np.testing.assert_array_equal(a[:, :65_536], b[:, :65_536])
    assert not np.array_equal(a, monte_carlo(lambda x: x, inputs, 70_000, seed=8).sample)


def test_interval_by_ranks() -> None:
    y = np.arange(1.0, 101.0)[::-1]
    # JCGM 101 7.7.2: q = 95, r = (100 - 95 + 1) / 2 = 3
    assert coverage_interval(y, 0.95) == (3.0, 98.0)
    skew = np.concatenate([np.linspace(0.0, 1.0, 96), [10.0, 20.0, 30.0, 40.0]])
    low, high = coverage_interval(skew, 0.95, "shortest")
    assert (low, high) == (0.0, 1.0)
    assert coverage_interval([1.0, 2.0], 0.95) == (1.0, 2.0)
    assert all(math.isnan(v) for v in coverage_interval([1.0, math.nan, 2.0]))
    assert all(math.isnan(v) for v in coverage_interval([1.0, math.nan, 2.0], kind="shortest"))
    assert coverage_interval(np.full(1000, 7.0)) == (7.0, 7.0)


def test_symmetric_interval_agrees_with_sorting(rng: np.random.Generator) -> None:
    for m in (2, 3, 10, 99, 1000, 12_345):
        y = rng.gamma(2.0, size=m)
        for p in (0.5, 0.9, 0.95, 0.999):
            low, high = coverage_interval(y, p)
            ranked = np.sort(y)
            i, j = np.searchsorted(ranked, [low, high])
            assert j - i == min(max(int(p * m + 0.5), 1), m - 1)
            assert abs(i - (m - 1 - j)) <= 1


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="unknown distribution"):
        Distribution("cauchy", (0.0, 1.0))
    with pytest.raises(InputError, match="2 finite parameters"):
        Distribution("normal", (0.0,))
    with pytest.raises(InputError, match="below the lower"):
        Distribution("rectangular", (2.0, 1.0))
    with pytest.raises(InputError, match="positive"):
        Distribution("normal", (0.0, -1.0))
    with pytest.raises(InputError, match="one value per draw"):
        monte_carlo(lambda x: 1.0, [Distribution("normal", (0.0, 1.0))], 100)
    with pytest.raises(InputError, match="two draws"):
        monte_carlo(lambda x: x, [Distribution("normal", (0.0, 1.0))], 1)
    with pytest.raises(InputError, match="out of range"):
        coverage_interval([1.0, 2.0], 95.0)
    with pytest.raises(InputError, match="kind of interval"):
        coverage_interval([1.0, 2.0], 0.9, "widest")
    with pytest.raises(InputError, match="two draws"):
        coverage_interval([1.0])
