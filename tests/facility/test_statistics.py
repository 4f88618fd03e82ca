"""The comparison statistics against published values, closed forms and symmetries."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.facility.agreement import bland_altman, e_n, relative_accuracy, symmetric_difference, zeta
from ghg.facility.best_estimate import best_estimate
from ghg.facility.bootstrap import ratio_interval
from ghg.facility.changepoints import change_points
from ghg.facility.equivalence import tost
from ghg.facility.robust import passing_bablok, theil_sen
from ghg.facility.york import deming, york


@pytest.fixture
def vectors(shared_data: Path) -> dict:
    return json.loads((shared_data / "facility" / "vectors" / "vectors.json").read_text())


@pytest.mark.kernel
def test_york_on_pearsons_data_with_yorks_weights(vectors: dict) -> None:
    # York et al. 2004, Am. J. Phys. 72, 367, table II
    v = {k: np.array(x, float) for k, x in vectors["york_pearson"].items()}
    line = york(v["x"], v["y"], v["wx"] ** -0.5, v["wy"] ** -0.5)
    assert line.slope == pytest.approx(float(v["slope"]), rel=1e-9)
    assert line.intercept == pytest.approx(float(v["intercept"]), rel=1e-9)
    assert line.u_slope == pytest.approx(float(v["se_slope"]), rel=1e-9)
    assert line.u_intercept == pytest.approx(float(v["se_intercept"]), rel=1e-9)
    assert line.chi2 == pytest.approx(float(v["chi2"]), rel=1e-9)


@pytest.mark.kernel
def test_york_swapped_axes_invert_the_slope(rng: np.random.Generator) -> None:
    x = np.linspace(1, 10, 12)
    y = 1.0 + 0.8 * x + 0.1 * rng.standard_normal(12)
    there, back = york(x, y, 0.1, 0.2), york(y, x, 0.2, 0.1)
    assert there.slope == pytest.approx(1 / back.slope, rel=1e-9)
    assert there.chi2 == pytest.approx(back.chi2, rel=1e-9)


@pytest.mark.kernel
def test_york_without_error_in_x_is_weighted_least_squares(rng: np.random.Generator) -> None:
    x = np.linspace(0, 1, 9)
    u = rng.uniform(0.5, 2.0, 9)
    y = 2 * x + rng.standard_normal(9)
    slope, intercept = np.polyfit(x, y, 1, w=1 / u)
    line = york(x, y, 0.0, u)
    assert (line.slope, line.intercept) == pytest.approx((slope, intercept), rel=1e-9)


@pytest.mark.kernel
def test_york_a_common_scale_error_goes_to_the_slope_whole() -> None:
    x = np.linspace(1, 10, 10)
    line = york(x, 2 * x, 0.1, 0.1, systematic={"scale": (0.0 * x, 0.03 * 2 * x)})
    plain = york(x, 2 * x, 0.1, 0.1)
    assert line.u_slope**2 - plain.u_slope**2 == pytest.approx((0.03 * 2) ** 2, rel=1e-6)


@pytest.mark.kernel
@pytest.mark.slow
def test_york_intervals_cover_the_true_slope() -> None:
    rng = np.random.default_rng(5)
    truth = np.linspace(1, 10, 15)
    hits = 0
    for _ in range(1000):
        x, y = truth + 0.2 * rng.standard_normal(15), 1 + 0.9 * truth + 0.3 * rng.standard_normal(15)
        line = york(x, y, 0.2, 0.3)
        hits += abs(line.slope - 0.9) <= 1.96 * line.u_slope
    assert 0.93 <= hits / 1000 <= 0.97


def test_deming_with_equal_errors_is_the_major_axis(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((2, 50)) + np.linspace(0, 20, 50)
    values, vectors_ = np.linalg.eigh(np.cov(x, y))
    major = vectors_[:, np.argmax(values)]
    assert deming(x, y).slope == pytest.approx(major[1] / major[0], rel=1e-9)


def test_relative_accuracy_of_a_published_rata(vectors: dict) -> None:
    v = vectors["epa_rata_nox_oris54"]
    found = relative_accuracy(v["rm"], v["cem"])
    assert round(found.percent, 2) == v["RA"]
    assert found.adjustment_factor == v["BAF"]


def test_symmetric_difference_zeta_and_e_n() -> None:
    assert round(symmetric_difference(110.0, 100.0), 2) == 9.52  # Quick 2014
    assert symmetric_difference(100.0, 110.0) == -symmetric_difference(110.0, 100.0)
    assert zeta(110.0, 100.0, 3.0, 4.0) == 2.0
    assert e_n(110.0, 100.0, 6.0, 8.0) == 1.0
    assert zeta(110.0, 100.0, 3.0, 4.0, 12.0 - 1e-9) == pytest.approx(10.0, rel=1e-3)
    with pytest.raises(InputError):
        zeta(1.0, 1.0, 0.0, 0.0)


def test_bland_altman_on_logs_is_symmetric(rng: np.random.Generator) -> None:
    m = np.exp(0.05 + 0.1 * rng.standard_normal(200)) * 100
    a = np.full(200, 100.0) * np.exp(0.02 * rng.standard_normal(200))
    there, back = bland_altman(m, a), bland_altman(a, m)
    assert there.bias[0] == pytest.approx(1 / back.bias[0])
    assert there.lower[0] == pytest.approx(1 / back.upper[0])
    d = np.log(m / a)
    assert np.log(there.upper[0]) == pytest.approx(d.mean() + 1.959964 * d.std(ddof=1), rel=1e-6)
    with pytest.raises(InputError):
        bland_altman([1.0, 2.0, -1.0], [1.0, 2.0, 3.0])


@given(st.floats(-0.2, 0.2), st.floats(0.001, 0.1), st.floats(0.01, 0.2))
def test_tost_agrees_with_its_interval_and_is_symmetric(ln: float, u: float, margin: float) -> None:
    found, back = tost(ln, u, margin=margin), tost(-ln, u, margin=margin)
    assert found.p == pytest.approx(back.p, abs=1e-9)
    inside = found.interval[0] > 1 / (1 + margin) and found.interval[1] < 1 + margin
    assert found.equivalent == inside
    assert found.p == pytest.approx(scipy.stats.norm.sf((math.log1p(margin) - abs(ln)) / u), abs=1e-9)


def test_tost_has_its_size_at_the_edge() -> None:
    rng = np.random.default_rng(7)
    edge, u = math.log1p(0.05), 0.01
    hits = sum(tost(edge + u * z, u, margin=0.05).equivalent for z in rng.standard_normal(1000))
    assert hits / 1000 == pytest.approx(0.05, abs=0.021)


def test_best_estimate_is_the_weighted_mean_widened_by_birge() -> None:
    near = best_estimate([10.0, 10.2], [0.2, 0.2])
    assert near.value == pytest.approx(10.1) and near.u == pytest.approx(0.2 / math.sqrt(2))
    far = best_estimate([10.0, 12.0], [0.2, 0.2])
    assert far.birge == pytest.approx(math.sqrt(2 * (1 / 0.2) ** 2))
    assert far.u == pytest.approx(far.birge * 0.2 / math.sqrt(2))
    assert near.consistent and not far.consistent


def test_theil_sen_is_the_median_slope_and_agrees_with_scipy(rng: np.random.Generator) -> None:
    x = np.arange(20.0)
    y = 3 + 0.5 * x + rng.standard_normal(20)
    y[3] += 100
    found = theil_sen(x, y)
    slope, _, low, high = scipy.stats.theilslopes(y, x, 0.95)
    assert found.slope == pytest.approx(slope, rel=1e-12)
    assert low <= found.slope <= high


def test_passing_bablok_does_not_care_which_side_is_x(rng: np.random.Generator) -> None:
    x = rng.uniform(1, 10, 30)
    y = 1.1 * x * np.exp(0.02 * rng.standard_normal(30))
    assert passing_bablok(x, y).slope == pytest.approx(1 / passing_bablok(y, x).slope, rel=1e-9)


@pytest.mark.slow
@pytest.mark.kernel
def test_bootstrap_interval_of_independent_pairs_is_near_the_normal_one(rng: np.random.Generator) -> None:
    a = rng.uniform(90, 110, 400)
    m = a * 1.02 + rng.standard_normal(400) * 5
    found = ratio_interval(m, a, replicates=2000)
    assert found.ratio == pytest.approx(m.sum() / a.sum())
    assert found.interval[0] < found.ratio < found.interval[1]
    assert found.u_ln == pytest.approx(np.std(m - found.ratio * a) * math.sqrt(400) / m.sum(), rel=0.25)


def test_a_change_of_level_is_found_where_it_is_and_a_year_without_one_is_left_whole() -> None:
    rng = np.random.default_rng(11)
    u = np.full(12, 0.02)
    found = sum(bool(change_points(u * rng.standard_normal(12), u).changes) for _ in range(200)) / 200
    assert found <= 0.09  # at most 5 % false alarms, plus three sigma of 200 trials
    (change,) = change_points(np.r_[np.zeros(6), np.full(6, 0.1)] + 0.01 * rng.standard_normal(12), u / 2).changes
    assert change.candidates[0] <= 6 <= change.candidates[1]
    assert change.shift == pytest.approx(0.1, abs=3 * change.u_shift)


def test_change_points_ignore_a_common_shift_and_follow_a_reversal() -> None:
    y = np.r_[np.zeros(7), np.full(5, 0.2)]
    u = np.full(12, 0.02)
    there, shifted, back = change_points(y, u), change_points(y + 5.0, u), change_points(y[::-1].copy(), u)
    assert there.changes[0].index == shifted.changes[0].index == 7
    assert back.changes[0].index == 5
    assert there.changes[0].shift == pytest.approx(-back.changes[0].shift)


def test_months_that_hold_no_line_are_still_compared() -> None:
    """Steady work: months differ no more than they are uncertain; York's iteration wanders (1 in 600 such years)."""
    from ghg.facility.statistics import of_pairs
    from ghg.facility.york import NoLine, york

    rng, u = np.random.default_rng(671), np.full(12, 0.3)
    a, m = 100.0 + 0.3 * rng.standard_normal(12), 100.0 + 0.3 * rng.standard_normal(12)
    with pytest.raises(NoLine):
        york(a, m, u, u)
    parts = {f"{side}_emission{suffix}": ("time", value) for side, mean in (("measured", m), ("accounted", a))
             for suffix, value in (("", mean), ("_u_random", u))}  # fmt: skip
    found = of_pairs(xr.Dataset(parts), 0)
    assert "york" not in found and found["bland_altman"]
