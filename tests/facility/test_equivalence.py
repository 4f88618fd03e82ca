"""Two one-sided tests: published power and interval, size, duality."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.facility.equivalence import power, tost, tost_pairs

# A 2x2 crossover: variance of ln ratio = 2 mse / n with mse = ln(1 + CV^2) and n - 2 degrees of freedom
SE = math.sqrt(2 * math.log1p(0.2**2) / 20)


def test_power_as_published() -> None:
    """R package PowerTOST, sampleN.TOST(theta0 = 0.95, CV = 0.20): n = 20, power 0.8346802 (limits 0.80 to 1.25)."""
    found = power(SE, margin=0.25, ln_ratio=math.log(0.95), degrees_of_freedom=18)
    assert found == pytest.approx(0.8346802, abs=5e-8)


def test_interval_as_published() -> None:
    """PowerTOST, CI.BE(pe = 0.95, CV = 0.20, n = 20): 0.8522362 to 1.0589787."""
    found = tost(math.log(0.95), SE, margin=0.25, degrees_of_freedom=18)
    assert found.interval == pytest.approx((0.8522362, 1.0589787), abs=5e-8) and found.equivalent


@given(st.floats(-0.2, 0.2), st.floats(1e-4, 0.1), st.floats(0, 0.1), st.floats(0.005, 0.3), st.floats(2, 1e4))
def test_interval_and_tests_say_the_same(d: float, u: float, s: float, margin: float, df: float) -> None:
    e = tost(d, u, s, margin=margin, degrees_of_freedom=df)
    inside = e.interval[0] > 1 / (1 + margin) and e.interval[1] < 1 + margin
    near = min(abs(e.interval[0] * (1 + margin) - 1), abs(e.interval[1] / (1 + margin) - 1)) < 1e-9
    assert e.equivalent == inside or near
    assert e.equivalent == (e.shown_margin < margin) or near
    mirror = tost(-d, u, s, margin=margin, degrees_of_freedom=df)
    assert mirror.p == pytest.approx(e.p) and mirror.p_lower == pytest.approx(e.p_upper)
    assert e.degrees_of_freedom >= df * (1 - 1e-12)


def test_size_with_a_systematic_part(rng: np.random.Generator) -> None:
    """True ratio on the margin; months scatter, and one calibration error moves all: wrong "equivalent" in 5 %."""
    runs, n, margin, u_systematic = 3000, 12, 0.10, 0.02
    d = math.log1p(margin) + u_systematic * rng.normal(size=(runs, 1)) + 0.03 * rng.normal(size=(runs, n))
    found = sum(tost_pairs(np.exp(row), np.ones(n), u_systematic, margin=margin).equivalent for row in d)
    naive = sum(tost_pairs(np.exp(row), np.ones(n), margin=margin).equivalent for row in d)
    assert found / runs == pytest.approx(0.05, abs=0.013)
    assert naive / runs > 0.15  # forgetting what does not average out


@pytest.mark.parametrize(("ln_ratio", "df"), [(0.0, math.inf), (0.03, math.inf), (0.03, 8.0)])
def test_power_is_what_happens(ln_ratio: float, df: float, rng: np.random.Generator) -> None:
    from scipy.stats import norm, t

    u, margin, runs = 0.03, 0.10, 20_000
    d = ln_ratio + u * rng.normal(size=runs)
    s = u * (np.ones(runs) if math.isinf(df) else np.sqrt(rng.chisquare(df, runs) / df))
    k = norm.ppf(0.95) if math.isinf(df) else t.ppf(0.95, df)
    happened = np.mean(np.abs(d) + k * s < math.log1p(margin))
    assert power(u, margin=margin, ln_ratio=ln_ratio, degrees_of_freedom=df) == pytest.approx(happened, abs=0.012)


def test_power_limits() -> None:
    assert power(0.0, margin=0.05) == 1.0 and power(0.0, margin=0.05, ln_ratio=0.06) == 0.0
    assert power(1.0, margin=0.05) == 0.0 and power(1.0, margin=0.05, degrees_of_freedom=11) < 1e-4
    assert power(0.02, margin=0.05, degrees_of_freedom=9e5) == pytest.approx(power(0.02, margin=0.05), abs=1e-5)
    assert power(1e-6, margin=0.05, degrees_of_freedom=5e5) == pytest.approx(1.0, abs=1e-9)
    found = tost(0.0, 0.02, margin=0.05)
    assert found.as_dict()["power"] == found.power == power(0.02, margin=0.05)


@pytest.mark.parametrize(("options", "what"), [
    ({"margin": 0.0}, "positive fraction"), ({"margin": 0.1, "alpha": 0.7}, "between 0 and 0.5"),
])  # fmt: skip
def test_bad_settings(options: dict, what: str) -> None:
    with pytest.raises(InputError, match=what):
        tost(0.0, 0.01, **options)


def test_no_uncertainty_no_test() -> None:
    with pytest.raises(InputError, match="with its uncertainty"):
        tost(0.0, 0.0, margin=0.1)
    with pytest.raises(InputError, match="too few pairs"):
        tost_pairs([1, 2], [1, 2], margin=0.1)
