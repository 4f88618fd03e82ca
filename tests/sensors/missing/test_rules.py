"""Missing-data rules against cases worked by hand from their text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ghg.core.errors import InputError
from sensors.missing import _kernels, fill_series
from sensors.missing.config import MissingConfig

pytestmark = pytest.mark.kernel

# Small lookbacks: the tiers are those of the rule, the windows are arguments
HOURS, OLDEST = 10, 10**6


def _gas(x: Any, ok: Any, *, on: Any = None, sign: float = 1.0, window: int = 100, potential: float = 99.0,
         hours: int = HOURS) -> tuple[Any, Any]:  # fmt: skip
    values, ok8 = np.asarray(x, float), np.asarray(ok, np.uint8)
    on8 = np.ones(values.size, np.uint8) if on is None else np.asarray(on, np.uint8)
    filled, rule = np.empty(values.size), np.zeros(values.size, np.int8)
    _kernels.part75_gas(values, ok8 * on8, on8, sign, hours, OLDEST, window, potential, filled, rule)
    return filled, rule


def _record(good: int, missing: int, after: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return values 1, 2, 3, ... and marks with one gap."""
    n = good + missing + after
    ok = np.ones(n, np.uint8)
    ok[good : good + missing] = 0
    return np.arange(1.0, n + 1.0), ok


def test_availability_is_equation_8_then_equation_9() -> None:
    ok = np.array([1, 1, 0, 1, 1, 1], np.uint8)
    out = np.empty(6)
    _kernels.availability(ok, np.ones(6, np.uint8), 100, out)
    np.testing.assert_allclose(out, [100.0, 100.0, 66.7, 75.0, 80.0, 83.3])
    _kernels.availability(ok, np.ones(6, np.uint8), 3, out)  # only the last three operating hours
    np.testing.assert_allclose(out, [100.0, 100.0, 66.7, 66.7, 66.7, 100.0])


def test_idle_hours_count_neither_for_gaps_nor_for_availability() -> None:
    on = np.array([1, 1, 0, 1, 0, 1], np.uint8)
    ok = np.array([1, 0, 0, 0, 0, 1], np.uint8)
    first, last, length = (np.empty(6, np.int64) for _ in range(3))
    _kernels.gaps(ok, on, first, last, length)
    assert first.tolist() == [-1, 1, -1, 1, -1, -1]
    assert length.tolist() == [0, 2, 0, 2, 0, 0]
    assert last.tolist() == [-1, 3, -1, 3, -1, -1]


def test_tier_one_short_gap_is_the_mean_of_before_and_after() -> None:  # 75.33(b)(1)(i): PMA >= 95, gap <= 24 h
    x, ok = _record(500, 24)
    filled, rule = _gas(x, ok, window=600)
    assert set(rule[500:524]) == {_kernels.BEFORE_AFTER}
    np.testing.assert_allclose(filled[500:524], 0.5 * (500.0 + 525.0))


def test_tier_one_long_gap_is_the_greater_of_percentile_and_neighbours() -> None:  # 75.33(b)(1)(ii): gap > 24 h
    x, ok = _record(500, 25)
    filled, rule = _gas(x, ok, window=10_000)
    assert set(rule[500:525]) == {_kernels.BEFORE_AFTER}  # 513 exceeds the 90th percentile of 491 ... 500
    x = x[::-1].copy()  # falling: the neighbours are low, the percentile decides
    filled, rule = _gas(x, ok, window=10_000)
    lookback = np.sort(x[490:500])
    assert set(rule[500:525]) == {_kernels.PERCENTILE_90}
    np.testing.assert_allclose(filled[500:525], lookback[8])  # 9th of 10: 90 % do not exceed it


def test_tier_two_changes_at_eight_hours() -> None:  # 75.33(b)(2): 90 <= PMA < 95
    ok = np.ones(120, np.uint8)
    ok[40:46] = 0  # brings the availability to 94 %
    x = np.linspace(200.0, 100.0, 120)
    ok[100:102] = 0
    _, rule = _gas(x, ok, window=10_000)
    assert set(rule[100:102]) == {_kernels.BEFORE_AFTER}
    ok[100:102] = 1
    ok[110:119] = 0
    ok[40:46] = 1
    ok[60:62] = 0  # 98 % before; 9 more hours: 108/119 = 90.8 % at the end
    filled, rule = _gas(x, ok, window=10_000)
    assert rule[118] == _kernels.PERCENTILE_95 and filled[118] == x[100]  # 10th of the last 10


def test_tiers_three_and_four() -> None:  # 75.33(b)(3) and (4), hour by hour as the availability falls
    x, ok = _record(80, 30)
    filled, rule = _gas(x, ok, window=10_000)
    share = np.floor(1000.0 * 80 / np.arange(81, 111) + 0.5) / 10.0
    expected = np.where(share >= 90.0, -1, np.where(share >= 80.0, _kernels.MAXIMUM, _kernels.POTENTIAL))
    got = np.where(np.isin(rule[80:110], (1, 2, 3)), -1, rule[80:110])
    np.testing.assert_array_equal(got, expected)
    assert filled[109] == 99.0 and set(filled[80:110][rule[80:110] == _kernels.MAXIMUM]) == {80.0}


def test_the_initial_procedure_is_the_mean_of_before_and_after() -> None:  # 75.31(b)
    x, ok = _record(5, 40)
    filled, rule = _gas(x, ok)
    assert set(rule[5:45]) == {_kernels.INITIAL}
    np.testing.assert_allclose(filled[5:45], 0.5 * (5.0 + 46.0))
    filled, rule = _gas(x[5:], ok[5:])  # nothing before: maximum potential (75.31(b)(2))
    assert set(rule[:40]) == {_kernels.POTENTIAL} and filled[0] == 99.0


def test_oxygen_is_filled_low() -> None:  # 75.57 table 4a: 10th percentile of O2
    x, ok = _record(500, 25)
    filled, rule = _gas(x, ok, sign=-1.0, window=10_000)
    assert set(rule[500:525]) == {_kernels.PERCENTILE_90}
    np.testing.assert_allclose(filled[500:525], 492.0)


def test_flow_is_filled_by_load_range() -> None:  # 75.33(c)
    n = 500
    load = np.tile([95.0, 45.0], n // 2)
    x = np.where(load > 50, 1000.0, 400.0) + np.tile([0.0, 0.0, 6.0, 6.0], n // 4)
    ok = np.ones(n, bool)
    ok[400:404] = False
    config = MissingConfig(regime="part75", lookback_flow=100)
    result = fill_series("flow", np.where(ok, x, np.nan), ok, np.ones(n, bool), config, load=load)
    np.testing.assert_allclose(result.values[400:404], [1003.0, 403.0, 1003.0, 403.0])
    assert set(result.rule[400:404]) == {_kernels.LOAD_MEAN}
    load[400] = 60.0  # a range without values takes the next higher one
    result = fill_series("flow", np.where(ok, x, np.nan), ok, np.ones(n, bool), config, load=load)
    assert result.values[400] == pytest.approx(1003.0)


def test_hj75_takes_the_greatest_of_180_720_or_2160_hours() -> None:
    n = 2400
    x = np.linspace(3000.0, 601.0, n)
    on = np.ones(n, np.uint8)

    def fill(gap: int, share: float) -> tuple[float, int]:
        ok = np.ones(n, np.uint8)
        ok[2300 : 2300 + gap] = 0
        filled, rule = np.empty(n), np.zeros(n, np.int8)
        _kernels.hj75_fill(x, ok, on, 1.0, np.full(n, share), filled, rule)
        return filled[2300], int(rule[2300])

    assert fill(24, 95.0) == (x[2300 - 180], _kernels.MAXIMUM)
    assert fill(25, 95.0) == (x[2300 - 720], _kernels.MAXIMUM)
    assert fill(2, 80.0) == (x[2300 - 2160], _kernels.MAXIMUM)
    value, rule = fill(2, 74.9)
    assert np.isnan(value) and rule == _kernels.UNFILLED


def test_mrr_is_the_mean_plus_two_standard_deviations(rng: np.random.Generator) -> None:  # Article 45(3)
    x = rng.normal(12.0, 0.5, 300)
    ok = np.ones(300, bool)
    ok[50:60] = False
    result = fill_series("co2", np.where(ok, x, np.nan), ok, np.ones(300, bool), MissingConfig(regime="mrr"))
    np.testing.assert_allclose(result.values[50:60], x[ok].mean() + 2.0 * x[ok].std(ddof=1))
    flow = fill_series("flow", np.where(ok, x, np.nan), ok, np.ones(300, bool), MissingConfig(regime="mrr"))
    assert set(flow.rule[50:60]) == {10} and "mrr sets no rule" in flow.notes[0]


def test_what_a_rule_lacks_is_said() -> None:
    x, ok = _record(30, 30)
    one = np.ones(x.size, bool)
    with pytest.raises(InputError, match="maximum potential value"):
        fill_series("co2", x, ok == 1, one, MissingConfig(regime="part75", lookback_gas=10), units="percent")
    given = MissingConfig(regime="part75", lookback_gas=10, maximum_potential={"co2": "14 percent"})
    assert fill_series("co2", x, ok == 1, one, given, units="percent").values[59] == 14.0
    with pytest.raises(InputError, match="records have no load"):
        fill_series("flow", x, ok == 1, one, MissingConfig(regime="part75"))
    with pytest.raises(InputError, match="too few quality-assured values"):
        fill_series("co2", x[:20], np.r_[ok[:19] == 1, False], one[:20], MissingConfig(regime="none"))


def test_the_smoother_is_the_conditional_distribution(rng: np.random.Generator) -> None:
    # The smoothed state of a Gaussian process is its mean and variance given all observations: by matrices
    n, phi, q, r = 30, 0.8, 0.5, 0.3
    y = rng.normal(size=n)
    ok = (rng.random(n) > 0.4).astype(np.uint8)
    mean, variance = np.empty(n), np.empty(n)
    minus2 = _kernels.filter_smooth(y, ok, phi, q, r, mean, variance)
    i = np.arange(n)
    prior = q / (1 - phi**2) * phi ** np.abs(i[:, None] - i)
    seen = ok == 1
    inner = prior[np.ix_(seen, seen)] + r * np.eye(seen.sum())
    gain = prior[:, seen] @ np.linalg.inv(inner)
    np.testing.assert_allclose(mean, gain @ y[seen], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(variance, np.diag(prior - gain @ prior[seen]), rtol=1e-9)
    whole = y[seen] @ np.linalg.solve(inner, y[seen]) + np.linalg.slogdet(inner)[1]
    assert minus2 == pytest.approx(whole)
