"""Best estimates against textbook numbers and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.facility.best_estimate import best_estimate


def test_textbook_weighted_mean() -> None:
    """Taylor, An Introduction to Error Analysis, section 7.3: 11 +- 1, 12 +- 1, 10 +- 3 give 11.42 +- 0.69."""
    found = best_estimate([11, 12, 10], [1, 1, 3])
    assert (round(found.value, 2), round(found.u, 2)) == (11.42, 0.69)
    assert found.consistent and found.degrees_of_freedom == 2


def test_peelles_puzzle() -> None:
    """Neudecker, Fruehwirth & Leeb (2012), Nucl. Sci. Eng. 170, 54: a shared factor 1.00 +- 0.15 gives 1.8857."""
    q, s = np.array([2.4, 2.0]), np.array([0.12, 0.10])
    covariance = np.diag(s**2) + 0.15**2 * np.outer(q, q)
    assert best_estimate(q, covariance).value == pytest.approx(1.8857, abs=5e-5)  # below both results
    assert best_estimate(q, s).value == pytest.approx(2.1639, abs=5e-5)
    log = best_estimate(q, covariance, log=True, inflate="none")
    assert log.value == pytest.approx(math.sqrt(4.8)) and log.weights == pytest.approx((0.5, 0.5))
    assert log.u / log.value == pytest.approx(math.sqrt(0.15**2 + 0.05**2 / 2))


@given(st.floats(1, 10), st.floats(1, 10), st.floats(0.1, 3), st.floats(0.1, 3), st.floats(-0.7, 0.7))
def test_two_correlated_results(x: float, y: float, a: float, b: float, r: float) -> None:
    """Closed form (Lyons, Gibaut & Clifford 1988): weight of x = (b^2 - rab) / (a^2 + b^2 - 2rab)."""
    found = best_estimate([x, y], [[a * a, r * a * b], [r * a * b, b * b]], inflate="none")
    whole = a * a + b * b - 2 * r * a * b
    w = (b * b - r * a * b) / whole
    assert found.value == pytest.approx(w * x + (1 - w) * y)
    assert found.u == pytest.approx(math.sqrt(a * a * b * b * (1 - r * r) / whole))
    assert found.chi2 == pytest.approx((x - y) ** 2 / whole, abs=1e-9)


def test_birge_widens_and_never_narrows() -> None:
    apart, close = best_estimate([100, 110], [1, 1]), best_estimate([100, 100.1], [1, 1])
    assert apart.birge == pytest.approx(10 / math.sqrt(2)) and not apart.consistent
    assert apart.u == pytest.approx(5.0)  # half the gap, for two results of equal weight
    assert close.u == close.u_internal == pytest.approx(math.sqrt(0.5)) and close.birge < 1


def test_random_effects_make_chi2_fit() -> None:
    x, u = np.array([100.0, 110.0, 104.0]), np.array([1.0, 2.0, 0.5])
    found = best_estimate(x, u, inflate="random effects")
    weights = 1 / (u**2 + found.between**2)
    mean = np.average(x, weights=weights)
    assert found.value == pytest.approx(mean) and np.sum(weights * (x - mean) ** 2) == pytest.approx(2.0, rel=1e-6)
    assert found.u == pytest.approx(weights.sum() ** -0.5)
    assert best_estimate([1, 1.1], [1, 1], inflate="random effects").between == 0.0


def test_coverage_of_consistent_and_inflated(rng: np.random.Generator) -> None:
    """Right uncertainties: u is right. Stated at half their size: Birge brings the spread of 8 results back."""
    x = 50 + rng.normal(size=(2000, 8)) * np.linspace(1, 3, 8)
    plain = [best_estimate(row, np.linspace(1, 3, 8), inflate="none") for row in x]
    assert np.mean([abs(f.value - 50) < 1.96 * f.u for f in plain]) == pytest.approx(0.95, abs=0.015)
    assert np.mean([f.p < 0.05 for f in plain]) == pytest.approx(0.05, abs=0.015)
    half = [best_estimate(row, np.linspace(1, 3, 8) / 2) for row in x]
    assert np.mean([abs(f.value - 50) < 2.365 * f.u for f in half]) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("values", "covariance", "what"), [
    ([1], [1], "at least two"), ([1, 2], [1, 0], "not positive definite"), ([1, 2], [[1, 1], [1, 1]], "fully correlated"),  # noqa: E501
    ([1, 2], [[1, 0.5], [0.1, 1]], "not a covariance"), ([1, 2], [1, 1, 1], "not a covariance"),
])  # fmt: skip
def test_bad_input(values: list, covariance: list, what: str) -> None:
    with pytest.raises(InputError, match=what):
        best_estimate(values, covariance)


def test_logarithms_need_positive_values() -> None:
    with pytest.raises(InputError, match="positive on the logarithmic"):
        best_estimate([1, -2], [1, 1], log=True)
    with pytest.raises(InputError, match="unknown way"):
        best_estimate([1, 2], [1, 1], inflate="more")
