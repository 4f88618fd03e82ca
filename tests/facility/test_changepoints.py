"""Change points: exact null distribution, measured false alarms and power, brute-force partitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.facility import _kernels
from ghg.facility.changepoints import _long_scan_p, change_points, scan_p_value, scan_statistic


@pytest.mark.parametrize("n", [6, 12, 60])
@pytest.mark.parametrize("shortest", [1, 2])
def test_p_values_are_exact(n: int, shortest: int, rng: np.random.Generator) -> None:
    u = rng.uniform(0.01, 0.04, n)
    y = rng.normal(size=(60_000, n)) * u
    out = np.empty(60_000)
    _kernels.scan_rows(y, np.broadcast_to(1 / u**2, y.shape).copy(), shortest, out)
    for c in (1.5, 2.2, 3.0):
        assert scan_p_value(c, u, shortest) == pytest.approx(np.mean(out > c * c), abs=0.0065)


def test_two_periods_are_one_normal_difference() -> None:
    """n = 2: the only contrast is (y1 - y2) / u, so p = 2 Phi(-c)."""
    assert scan_p_value(1.96, [1.0, 3.0], 1) == pytest.approx(0.05, abs=5e-5)
    assert scan_statistic([1.0, 5.0], [1.0, math.sqrt(3)], 1) == pytest.approx(2.0)


def test_long_series_err_on_the_safe_side() -> None:
    for c in (3.0, 3.5, 4.5):
        exact, formula = scan_p_value(c, np.ones(240)), _long_scan_p(c, np.ones(240), 2)
        assert exact <= formula < 2.5 * exact
    assert scan_p_value(4.0, np.ones(3650)) < 0.01


@pytest.mark.parametrize("penalty", [0.5, 3.0, 8.0])
def test_partition_is_the_best_of_all(penalty: float, rng: np.random.Generator) -> None:
    n, shortest = 11, 2
    y, w = rng.normal(size=n) + np.repeat([0, 2, 1], [4, 4, 3]), rng.uniform(0.5, 2, n)

    def chi2(a: int, b: int) -> float:
        mean = np.average(y[a:b], weights=w[a:b])
        return float(np.sum(w[a:b] * (y[a:b] - mean) ** 2))

    best = min(
        sum(chi2(a, b) for a, b in itertools.pairwise((0, *cut, n))) + penalty * len(cut)
        for k in range(5)
        for cut in itertools.combinations(range(1, n), k)
        if all(b - a >= shortest for a, b in itertools.pairwise((0, *cut, n)))
    )
    cost, last = np.empty(n + 1), np.empty(n + 1, np.int64)
    _kernels.optimal_partition(y, w, penalty, shortest, cost, last)
    assert cost[n] == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("n", [12, 24])
def test_false_alarms(n: int, rng: np.random.Generator) -> None:
    """Of 1,500 steady series fewer than 5 % are broken; of series with u stated at half its size at most 10 %."""
    alarms = np.zeros(2)
    for _ in range(1500):
        u = rng.uniform(0.01, 0.03, n)
        y = math.log(1.06) + u * rng.normal(size=n)
        alarms += [bool(change_points(y, s).changes) for s in (u, u / 2)]
    assert alarms[0] / 1500 < 0.05 and alarms[1] / 1500 < 0.10


def test_false_alarms_without_uncertainties_and_with_correlation(rng: np.random.Generator) -> None:
    plain = [bool(change_points(0.02 * rng.normal(size=12)).changes) for _ in range(400)]
    assert np.mean(plain) < 0.08
    e = rng.normal(size=(400, 24))
    for t in range(1, 24):
        e[:, t] = 0.5 * e[:, t - 1] + math.sqrt(0.75) * e[:, t]
    told = [bool(change_points(row, 1.0, correlation=0.5).changes) for row in e]
    untold = [bool(change_points(row, 1.0).changes) for row in e]
    assert np.mean(told) < 0.06 < np.mean(untold)


def test_a_step_is_found_sized_and_dated(rng: np.random.Generator) -> None:
    """A velocity coefficient changed by 6 % after month 12 of 24, months known to 2 %."""
    found, dated, held, shifts = 0, 0, 0, []
    for _ in range(400):
        y = 0.02 * rng.normal(size=24)
        y[12:] += 0.06
        changes = change_points(y, 0.02).changes
        if len(changes) == 1:
            found += 1
            dated += abs(changes[0].index - 12) <= 1
            held += changes[0].candidates[0] <= 12 <= changes[0].candidates[1]
            shifts.append((changes[0].shift - 0.06) / changes[0].u_shift)
    assert found / 400 > 0.95 and dated / found > 0.9 and held / found > 0.93
    assert abs(np.mean(shifts)) < 0.3


def test_two_steps_gaps_and_units() -> None:
    y = np.repeat([0.0, 0.2, -0.1], 6) + 0.01 * np.tile([1.0, -1.0, 0.5], 6)
    y[7] = np.nan
    result = change_points(y, 0.02)
    assert [c.index for c in result.changes] == [6, 12] and len(result.levels) == 3 and result.n == 17
    assert result.changes[1].shift == pytest.approx(-0.3, abs=0.01) and result.scale == 1.0
    moved = change_points(5 + 10 * y, 0.2)
    assert [c.index for c in moved.changes] == [6, 12]
    assert moved.levels == pytest.approx([5 + 10 * v for v in result.levels])
    back = change_points(y[::-1], 0.02)
    assert [c.shift for c in back.changes] == pytest.approx([0.3, -0.2], abs=0.01)


def test_one_odd_month_is_no_change() -> None:
    y = 0.01 * np.tile([1.0, -1.0], 6)
    y[4] = 0.15
    assert not change_points(y, 0.02).changes


def test_short_and_constant_series_stay_whole() -> None:
    short = change_points([0.1, 0.2, 0.3], 0.01)
    assert not short.changes and math.isnan(short.p) and len(short.levels) == 1
    assert not change_points(np.ones(12)).changes and not change_points(np.ones(12), 0.1).changes


@pytest.mark.parametrize(("y", "u", "what"), [([np.nan], 1.0, "nothing to search"), ([1.0, 2.0], 0.0, "positive")])
def test_bad_input(y: list, u: float, what: str) -> None:
    with pytest.raises(InputError, match=what):
        change_points(y, u)
    with pytest.raises(InputError, match="out of range"):
        change_points([1.0], 1.0, alpha=2.0)
