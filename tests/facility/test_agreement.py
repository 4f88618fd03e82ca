"""Bias, relative accuracy, scores and limits of agreement against published numbers and closed forms."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.facility.agreement import bias, bland_altman, e_n, relative_accuracy, symmetric_difference, zeta

# Bland & Altman (1986), Lancet 327, table 1: peak expiratory flow [L/min], first readings of two meters
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
amounts = st.floats(1e-3, 1e9)


def test_symmetric_difference_of_the_definition() -> None:
    """Quick (2014): M 110, A 100 differ by +9.52 %."""
    assert symmetric_difference(110.0, 100.0) == pytest.approx(100 * 10 / 105, rel=1e-15)
    assert math.isnan(symmetric_difference(0.0, 0.0))


@given(amounts, amounts)
def test_symmetric_difference_changes_sign_with_the_sides(m: float, a: float) -> None:
    d = symmetric_difference(m, a)
    assert d == -symmetric_difference(a, m) and -200.0 <= d <= 200.0
    # 200 tanh(ln(M/A) / 2): for small differences the log ratio in percent
    assert d == pytest.approx(200 * math.tanh(math.log(m / a) / 2), rel=1e-9, abs=1e-9)


def test_bias_counts_known_pairs_only() -> None:
    found = bias([11.0, np.nan, 9.0, 13.0], [10.0, 5.0, 10.0, 10.0])
    assert found.n == 3 and found.mean_difference == pytest.approx(1.0) and found.median_difference == 1.0
    assert found.u_mean == pytest.approx(2.0 / math.sqrt(3)) and found.ratio == pytest.approx(1.1)


def test_rata_of_a_plant(shared_data: Path) -> None:
    """NOx RATA of ORIS 54 as submitted to EPA: RA 2.38 %, BAF 1.0, mean difference -0.001, cc 0.001."""
    v = json.loads((shared_data / "facility/vectors/vectors.json").read_text())["epa_rata_nox_oris54"]
    found = relative_accuracy(v["rm"], v["cem"])
    assert round(found.percent, 2) == v["RA"] and found.adjustment_factor == v["BAF"]
    assert round(found.mean_difference, 3) == v["mean_diff"] and round(found.confidence_coefficient, 3) == v["cc"]


def test_a_monitor_that_reads_low_fails_the_bias_test() -> None:
    reference = np.array([10.0, 10.2, 9.9, 10.1, 10.0, 9.8, 10.3, 10.1, 9.9])
    low, high = relative_accuracy(reference, reference * 0.9), relative_accuracy(reference, reference * 1.1)
    assert low.adjustment_factor == pytest.approx(1.0 / 0.9) and high.adjustment_factor == 1.0


def test_scores() -> None:
    assert zeta(12.0, 10.0, 0.8, 0.6) == pytest.approx(2.0)
    assert e_n(12.0, 10.0, 1.6, 1.2) == pytest.approx(1.0)
    # a shared input: u(M - A)^2 = u_M^2 + u_A^2 - 2 cov
    assert e_n(12.0, 10.0, 1.6, 1.2, covariance=0.32) == pytest.approx(2 / math.sqrt(4 - 8 * 0.32))
    with pytest.raises(InputError, match="no positive uncertainty"):
        zeta(1.0, 2.0, 1.0, 1.0, covariance=1.0)


def test_limits_of_agreement_of_the_lancet() -> None:
    """Mean -2.1, sd 38.8, limits -79.7 and 75.5 (with 2 sd); approximate interval of the lower limit -114.3 to -45.1."""  # noqa: E501
    found = bland_altman(WRIGHT, MINI, log=False)
    assert found.bias[0] == pytest.approx(-2.1176470588, abs=1e-9) and found.sd == pytest.approx(
        38.7651298736, abs=1e-9
    )
    assert found.lower[0] == pytest.approx(-78.0959054849, abs=1e-4)
    assert found.upper[0] == pytest.approx(73.8606113673, abs=1e-4)
    # the paper's interval of the mean: -22.0 to 17.8
    assert found.bias[1] == pytest.approx(-22.0, abs=0.06) and found.bias[2] == pytest.approx(17.8, abs=0.06)
    # the exact interval is longer outwards than inwards, around the paper's symmetric one
    assert found.lower[1] < -114.3 and -58.0 < found.lower[2] < -45.1
    assert found.upper[1] - found.upper[0] == pytest.approx(found.lower[0] - found.lower[2])


def test_logarithms_give_ratios_and_exchange_to_reciprocals() -> None:
    one, two = bland_altman(WRIGHT, MINI), bland_altman(MINI, WRIGHT)
    assert one.bias[0] == pytest.approx(1.0 / two.bias[0])
    assert one.lower == pytest.approx(tuple(1.0 / v for v in (two.upper[0], two.upper[2], two.upper[1])))
    assert one.bias[0] == pytest.approx(math.exp(np.mean(np.log(np.array(WRIGHT) / MINI))))


def test_intervals_of_limits_cover(rng: np.random.Generator) -> None:
    """20,000 series of 8: the exact interval holds the true limit in 95 %; the usual approximation does not."""
    n, z = 8, 1.959963984540054
    found = bland_altman(np.arange(n) + rng.normal(size=n), np.arange(n, dtype=float), log=False)
    inner, outer = ((found.upper[k] - found.bias[0]) / found.sd for k in (1, 2))
    d = rng.normal(size=(20_000, n))
    mean, sd = d.mean(axis=1), d.std(axis=1, ddof=1)
    covered = (mean + inner * sd <= z) & (z <= mean + outer * sd)
    assert covered.mean() == pytest.approx(0.95, abs=0.006)


def test_trend_is_least_squares(rng: np.random.Generator) -> None:
    from scipy.stats import linregress

    m, a = rng.uniform(1, 9, 40), rng.uniform(1, 9, 40)
    want = linregress((m + a) / 2, m - a)
    assert bland_altman(m, a, log=False).trend == pytest.approx((want.slope, want.pvalue), rel=1e-9)


@pytest.mark.parametrize(("m", "a", "what"), [([1, 2], [1], "different lengths"), ([1, 2], [1, 2], "too few pairs"),
                                              ([1, 2, -3.0], [1, 2, 3], "positive values")])  # fmt: skip
def test_bad_pairs(m: list, a: list, what: str) -> None:
    with pytest.raises(InputError, match=what):
        bland_altman(m, a)
