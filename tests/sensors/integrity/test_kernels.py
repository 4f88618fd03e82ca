"""Kernels against published values, closed forms and plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensors.integrity._kernels import curve, patterns, physics, relations, small
from sensors.integrity._kernels import unit as whole
from sensors.integrity.physics import IAPWS

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(("t", "mpa"), [(300.0, 0.353658941e-2), (500.0, 0.263889776e1), (600.0, 0.123443146e2)])
def test_saturation_pressure_of_iapws(t: float, mpa: float) -> None:
    """IAPWS R7-97 (2012), Table 35."""
    assert physics.saturation_pressure(t, IAPWS) == pytest.approx(1e6 * mpa, rel=1e-8)


def test_no_saturation_pressure_outside_its_range() -> None:
    assert math.isnan(physics.saturation_pressure(270.0, IAPWS)) and math.isnan(
        physics.saturation_pressure(650.0, IAPWS)
    )


def test_medians(rng: np.random.Generator) -> None:
    for n in (1, 2, 5, 24, 101):
        a = rng.integers(0, 7, n).astype(float)
        assert small.median(a.copy(), 0, n) == np.sort(a)[n // 2]
        assert small.median_few(a.copy(), n) == np.median(a)


def test_a_level_step_is_not_taken_for_the_curve(rng: np.random.Generator) -> None:
    """Loads differ before and after a step of 5 %: the step comes out whole, whatever the curve."""
    n = 480
    x = np.where(np.arange(n) < 240, 60.0, 80.0) + rng.uniform(-15, 15, n)
    y = x**0.9 * np.exp(0.002 * rng.standard_normal(n) + np.where(np.arange(n) < 240, 0.0, 0.05))
    r, work = np.empty(n), np.empty(n)
    curve.residuals(x, y, np.arange(n), n, r, work)
    assert np.mean(r[240:]) - np.mean(r[:240]) == pytest.approx(0.05, abs=0.004)
    assert np.std(r[:240]) < 0.004


def test_the_curve_of_a_power_law_is_exact(rng: np.random.Generator) -> None:
    x = np.exp(rng.uniform(3.0, 4.0, 300))
    r, work = np.empty(300), np.empty(300)
    curve.residuals(x, 7.0 * x, np.arange(300), 300, r, work)
    np.testing.assert_allclose(r, math.log(7.0), atol=1e-9)  # proportion: nothing is left


def test_steps_of_a_clean_level() -> None:
    blocks = np.concatenate([np.zeros(40), np.full(40, 0.03)])
    steps = np.empty(80)
    relations.level_steps(blocks, 80, steps)
    assert np.max(np.abs(steps)) == pytest.approx(0.03)
    assert int(np.argmax(steps)) in (39, 40)
    assert np.count_nonzero(steps) <= 4


@pytest.mark.parametrize("shape", ["excursion", "drift"])
def test_what_passes_or_drifts_is_no_step(shape: str) -> None:
    j = np.arange(80)
    blocks = np.where((j >= 40) & (j < 43), 0.1, 0.0) if shape == "excursion" else 0.05 * j / 79
    steps = np.empty(80)
    relations.level_steps(blocks, 80, steps)
    assert np.max(np.abs(steps)) < 0.004


def test_exact_copies_are_found_with_their_origin(rng: np.random.Generator) -> None:
    y = np.round(rng.uniform(100, 200, 400), 1)
    y[300:330] = y[50:80]
    hour = np.arange(400)
    score, first, last, origin = patterns.copied(
        hour, y, 400, 0.1, np.empty(1024, np.int64), *np.empty((2, 400), np.int64)
    )
    assert (first, last, origin) == (300, 330, 50)
    change = np.diff(np.round(10 * y).astype(int))
    often = np.array([np.count_nonzero(change == c) for c in change[300:329]])
    exact = -np.sum(np.log(often / 400)) - 2 * math.log(400)
    assert 0.75 * exact < score <= exact * (1 + 1e-12)  # steps that share a place in the table count as more frequent


def test_scaled_copies_are_found(rng: np.random.Generator) -> None:
    y = rng.uniform(100, 200, 400)
    y[300:340] = 3.0 + 0.9 * y[50:90]
    hour = np.arange(400)
    score, first, _, origin = patterns.scaled_copies(
        hour, y, 400, np.empty(1024, np.int64), *np.empty((2, 400), np.int64)
    )
    assert score > 10 and first - origin == 250


@pytest.mark.parametrize(("step", "unit"), [(0.1, 1.0), (0.1, 293071.0703), (1.0, 1 / 3.6), (0.5, 1.0)])
def test_resolution_whatever_the_unit(step: float, unit: float, rng: np.random.Generator) -> None:
    y = np.round(rng.uniform(200, 260, 500) / step) * step * unit + 17.0
    assert patterns.resolution(y, 500) == pytest.approx(step * unit, rel=1e-6)


def test_a_stuck_value_counts_only_while_the_load_moves(rng: np.random.Generator) -> None:
    n = 300
    x = np.round(rng.uniform(50, 60, n), 1)
    y = np.round(10 * x + rng.normal(0, 1, n), 2)
    y[100:130] = y[100]
    hour = np.arange(n)
    score, first, last = patterns.stuck(hour, x, y, n)
    assert score > 50 and (first, last) == (100, 130)
    x[100:130] = x[100]
    assert patterns.stuck(hour, x, y, n)[0] < 5


def test_entropy_of_white_noise_is_that_of_six_orders(rng: np.random.Generator) -> None:
    """Bandt and Pompe: without ties the six orders of three are equally likely; the signs of the two changes, as used
    here, have probabilities 1/6, 1/3, 1/3, 1/6."""
    y = rng.standard_normal(60_000)
    entropy, first = np.empty(y.size), np.empty(y.size, np.int64)
    m = patterns.order_patterns(np.arange(y.size), y, y.size, 50_000, entropy, first)
    want = -(2 / 6 * math.log(1 / 6) + 2 / 3 * math.log(1 / 3))
    assert m == 1 and entropy[0] == pytest.approx(want, abs=0.002)


def test_crowded_is_the_sign_test() -> None:
    y = np.concatenate([np.full(60, 48.0), np.full(20, 52.0), np.full(100, 30.0)])
    score, first, last = patterns.crowded(np.ones(180, np.uint8), y, 50.0, 2.5)
    assert score == pytest.approx(40 / math.sqrt(80)) and (first, last) == (0, 60)


def test_jumps_of_the_clock() -> None:
    good = np.arange(100) * 3600
    assert physics.jumps(good, 3600)[0] == 0
    assert physics.jumps(np.delete(good, slice(20, 30)), 3600)[0] == 0  # a gap is no jump
    moved = good.copy()
    moved[50:] += 1200
    assert physics.jumps(moved, 3600) == (1, 49, 51)
    assert physics.jumps(np.concatenate([good[:50], good[48:]]), 3600)[0] == 1


def test_oversaturation_and_line() -> None:
    n = 48
    t, p = np.full(n, 330.0), np.full(n, 101325.0)
    most = 100 * physics.saturation_pressure(330.0, IAPWS) / 101325.0
    on = np.ones(n, np.uint8)
    assert physics.oversaturated(on, t, p, np.full(n, 0.99 * most), IAPWS, 24)[0] == 0
    score, first, last = physics.oversaturated(on, t, p, np.full(n, 1.2 * most), IAPWS, 24)
    assert score == pytest.approx(math.log(1.2)) and (first, last) == (0, 24)
    deficit = np.full(n, 14.9)
    co2 = 18.0 * deficit / 20.9
    assert physics.off_line(on, co2, deficit, 20.9, 12.0, 19.0, 24)[0] == 0
    score, _, _, ultimate = physics.off_line(on, 0.5 * co2, deficit, 20.9, 12.0, 19.0, 24)
    assert score == pytest.approx(math.log(12 / 9)) and ultimate == pytest.approx(9.0)


def test_noise_is_measured_by_differences(rng: np.random.Generator) -> None:
    """White noise has whiteness one half, and a median difference of 0.6745 sqrt(2) sigma."""
    n = 12_000
    r = 0.005 * rng.standard_normal(n)
    quiet, white = np.empty(2), np.empty(2)
    m = relations.noise_windows(r, np.arange(n), n, n, quiet, white)
    assert m == 1 and white[0] == pytest.approx(0.5, abs=0.02)
    assert quiet[0] == pytest.approx(0.67449 * math.sqrt(2) * 0.005, rel=0.03)


def test_twin_and_lag(rng: np.random.Generator) -> None:
    n = 400
    on = np.ones(n, np.uint8)
    x = np.cumsum(rng.standard_normal(n)) + 100.0
    y = np.round(3.0 + 2.0 * x, 2)
    assert whole.pair_twin(on, x, y)[0] > 2.0
    assert whole.pair_twin(on, x, y + rng.normal(0, 0.5, n))[0] == 0.0
    score, _, _, lag = relations.lagged(on, x, np.roll(y, 2), 168, 3)
    assert score > 5 and lag == 2


def test_nothing_to_judge_scores_nothing() -> None:
    on, nan = np.zeros(100, np.uint8), np.full(100, np.nan)
    assert not whole.channel_scores(on, nan, nan).any()
    scores, blocks = whole.relation_scores(
        np.ones(100, np.uint8), nan, nan, 0.05, True, np.zeros((17, 2)), np.zeros((17, 2))
    )
    assert not scores[:, 0].any() and blocks == 0
