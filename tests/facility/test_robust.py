"""Theil-Sen and Passing-Bablok lines against their definitions and another program."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import theilslopes

from ghg.core.errors import InputError
from ghg.facility import _kernels, robust
from ghg.facility.robust import passing_bablok, theil_sen


def plain_passing_bablok(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Passing & Bablok (1983), the five steps as printed: slope and interval with a counted shift K."""
    slopes = []
    for i in range(x.size):
        for j in range(i + 1, x.size):
            dx, dy = x[i] - x[j], y[i] - y[j]
            if dx == 0 and dy == 0:
                continue
            s = math.copysign(math.inf, dy) if dx == 0 else dy / dx
            if s != -1:
                slopes.append(s)
    slopes.sort()
    n, k = len(slopes), sum(s < -1 for s in slopes)
    b = slopes[(n + 1) // 2 + k - 1] if n % 2 else (slopes[n // 2 + k - 1] + slopes[n // 2 + k]) / 2
    c = 1.959963984540054 * math.sqrt(x.size * (x.size - 1) * (2 * x.size + 5) / 18)
    m1 = round((n - c) / 2)
    return b, slopes[m1 + k - 1], slopes[n - m1 + 1 + k - 1]


@pytest.mark.parametrize("decimals", [1, 8])
@pytest.mark.parametrize("n", [8, 41, 120])
def test_theil_sen_as_scipy_finds_it(n: int, decimals: int, rng: np.random.Generator) -> None:
    x = np.round(rng.normal(size=n), decimals)
    y = np.round(2 * x + rng.standard_t(2, n), decimals)
    line, want = theil_sen(x, y), theilslopes(y, x)
    assert line.slope == pytest.approx(want.slope, rel=1e-12)
    assert line.slope_interval == pytest.approx((want.low_slope, want.high_slope), rel=1e-12)
    assert line.intercept == pytest.approx(np.median(y - line.slope * x))


@pytest.mark.parametrize("n", [10, 41, 120])
def test_passing_bablok_as_printed(n: int, rng: np.random.Generator) -> None:
    true = rng.uniform(10, 50, n)
    x, y = true + rng.normal(size=n), 1.1 * true + rng.normal(size=n)
    line = passing_bablok(x, y)
    assert (line.slope, *line.slope_interval) == pytest.approx(plain_passing_bablok(x, y), rel=1e-9)
    assert line.intercept == pytest.approx(np.median(y - line.slope * x))
    ends = [np.median(y - b * x) for b in line.slope_interval]
    assert line.intercept_interval == pytest.approx((min(ends), max(ends)))


@pytest.mark.parametrize("decimals", [0, 6])
def test_counting_finds_the_listed_slopes(decimals: int, rng: np.random.Generator, monkeypatch) -> None:
    """Bisection without a list (years of hours) and the sorted list give the same ranks, ties included."""
    x = np.round(rng.normal(0, 3, 300), decimals)
    y = np.round(0.7 * x + rng.normal(0, 2, 300), decimals)
    listed = theil_sen(x, y), passing_bablok(x, y)
    monkeypatch.setattr(robust, "LISTED", 2)
    for one, other in zip(listed, (theil_sen(x, y), passing_bablok(x, y)), strict=True):
        assert one.slope == pytest.approx(other.slope, rel=1e-12)
        assert one.slope_interval == pytest.approx(other.slope_interval, rel=1e-12)


@settings(max_examples=60)
@given(st.lists(st.integers(-5, 5), max_size=40))
def test_merge_count_is_brute_force(values: list[int]) -> None:
    v = np.array(values, dtype=np.float64)
    want = sum(v[j] <= v[i] for i in range(v.size) for j in range(i + 1, v.size))
    work = v.copy()
    assert _kernels.merge_count(work, np.empty_like(v)) == want
    assert work.tolist() == sorted(v.tolist())


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=2, max_size=25), st.floats(-3, 3))
def test_slopes_are_counted_with_ties(points: list[tuple[int, int]], slope: float) -> None:
    points = sorted(points)
    x, y = np.array(points, dtype=np.float64).T.copy()
    all_slopes = [(y[j] - y[i]) / (x[j] - x[i]) for i in range(x.size) for j in range(x.size) if x[j] > x[i]]
    if any(abs(s - slope) < 1e-9 for s in all_slopes):
        return  # equal within rounding: either answer is right
    want = sum(s <= slope for s in all_slopes)
    assert _kernels.slopes_up_to(x, y, slope, np.empty_like(x), np.empty_like(x)) == want


def test_exchange_scaling_and_outliers(rng: np.random.Generator) -> None:
    true = rng.uniform(10, 50, 38)  # 703 pairs, an odd number: the median is one of them
    x, y = true + rng.normal(size=38), 1.2 * true + rng.normal(size=38)
    one, two = passing_bablok(x, y), passing_bablok(y, x)
    assert two.slope == pytest.approx(1 / one.slope, rel=1e-12)
    assert two.slope_interval == pytest.approx((1 / one.slope_interval[1], 1 / one.slope_interval[0]), rel=1e-9)
    assert passing_bablok(7 * x, 7 * y).slope == pytest.approx(one.slope, rel=1e-12)
    assert theil_sen(3 * x + 1, 5 * y - 2).slope == pytest.approx(theil_sen(x, y).slope * 5 / 3, rel=1e-12)
    wild = y.copy()
    wild[:8] = 1e6  # a fifth of all points
    assert abs(theil_sen(x, wild).slope / theil_sen(x, y).slope - 1) < 0.4


def test_intervals_cover(rng: np.random.Generator) -> None:
    """1,000 series of 24: both intervals hold the true slope about as often as they say."""
    hits = np.zeros(2)
    for _ in range(1000):
        true = rng.uniform(20, 60, 24)
        lines = (
            theil_sen(true, 1.1 * true + rng.laplace(0, 1.5, 24)),
            passing_bablok(true + rng.normal(size=24), 1.1 * true + 1.1 * rng.normal(size=24)),
        )
        hits += [line.slope_interval[0] <= 1.1 <= line.slope_interval[1] for line in lines]
    assert ((hits / 1000 > 0.93) & (hits / 1000 < 0.975)).all()


def test_points_that_allow_no_line() -> None:
    with pytest.raises(InputError, match="x values that differ"):
        theil_sen([2, 2, 2], [1, 2, 3])
    with pytest.raises(InputError, match="rise together"):
        passing_bablok([1, 2, 3, 4], [4, 3, 2, 1])
    with pytest.raises(InputError, match="rise together"):
        passing_bablok([1, 2, 3, 4], [8, 4, 2, -5])
