"""Stationary block bootstrap: kernel by hand, known variance, coverage on correlated series."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from ghg.core.errors import InputError
from ghg.facility import _kernels
from ghg.facility.bootstrap import bootstrap_variance, ratio_interval, ratio_replicates


def ar1(rng: np.random.Generator, runs: int, n: int, phi: float) -> np.ndarray:
    """Unit-variance AR(1) series."""
    noise = rng.normal(size=(runs, n + 200))
    return lfilter([math.sqrt(1 - phi * phi)], [1.0, -phi], noise, axis=1)[:, 200:]


@pytest.mark.kernel
def test_kernel_against_explicit_indices(rng: np.random.Generator) -> None:
    n, replicates = 23, 40
    m, a = rng.uniform(1, 3, n), rng.uniform(1, 3, n)
    starts, lengths = rng.integers(0, n, 2000), rng.geometric(0.1, 2000)
    lengths[:3] = (60, 1, 23)  # longer than the series, and just as long
    got, used = np.empty(replicates), np.zeros(1, np.int64)
    sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in (m, a)]
    assert _kernels.bootstrap_ratio(sums[0], sums[1], starts, lengths, used, got) == replicates
    k = 0
    for r in range(replicates):
        index: list[int] = []
        while len(index) < n:
            index += [(int(starts[k]) + i) % n for i in range(int(lengths[k]))]
            k += 1
        index = index[:n]
        assert got[r] == pytest.approx(m[index].sum() / a[index].sum(), rel=1e-12)
    assert used[0] == k


@pytest.mark.parametrize("length", [1.0, 4.0, 20.0])
def test_variance_of_replicates_is_the_closed_form(length: float, rng: np.random.Generator) -> None:
    """Politis & Romano (1994), lemma 1."""
    x = 50 + ar1(rng, 1, 80, 0.6)[0]
    drawn = ratio_replicates(x, np.ones(80), length, 60_000, 7).var()
    assert drawn == pytest.approx(bootstrap_variance(x, length), rel=0.03)
    if length == 1.0:
        assert bootstrap_variance(x, 1.0) == pytest.approx(x.var() / 80, rel=1e-10)


@pytest.mark.parametrize(("n", "phi", "least"), [(365, 0.0, 0.93), (400, 0.6, 0.91), (1500, 0.8, 0.92)])
def test_coverage_on_correlated_series(n: int, phi: float, least: float, rng: np.random.Generator) -> None:
    runs = 500
    a = 100 * (1 + 0.3 * np.sin(np.arange(n) / 7))
    factor = np.exp(0.1 * ar1(rng, runs, n, phi))
    truth = math.exp(0.005)
    found = [ratio_interval(a * f, a, replicates=800, seed=i) for i, f in enumerate(factor)]
    covered = np.mean([f.interval[0] <= truth <= f.interval[1] for f in found])
    assert least <= covered <= 0.985
    spread = np.std([math.log(f.ratio) for f in found])
    assert np.mean([f.u_ln for f in found]) == pytest.approx(spread, rel=0.15)
    if phi == 0.8:  # taking hours as independent covers far too seldom
        naive = [ratio_interval(a * f, a, replicates=300, block_length=1.0) for f in factor[:200]]
        assert np.mean([f.interval[0] <= truth <= f.interval[1] for f in naive]) < 0.65


def test_gaps_and_seeds(rng: np.random.Generator) -> None:
    a = rng.uniform(90, 110, 200)
    m = a * rng.lognormal(0, 0.05, 200)
    m[[3, 50]], a[120] = np.nan, np.nan
    one, again, other = ratio_interval(m, a, seed=1), ratio_interval(m, a, seed=1), ratio_interval(m, a, seed=2)
    known = np.isfinite(m + a)
    assert one == again and one != other
    assert one.n == 197 and one.ratio == pytest.approx(m[known].sum() / a[known].sum())
    assert one.interval[0] < one.ratio < one.interval[1]
    assert one.interval == pytest.approx(other.interval, rel=2e-3)


def test_a_common_factor_scales_the_interval(rng: np.random.Generator) -> None:
    a = rng.uniform(90, 110, 60)
    m = a * rng.lognormal(0, 0.05, 60)
    one, two = ratio_interval(m, a), ratio_interval(3 * m, a)
    assert two.interval == pytest.approx((3 * one.interval[0], 3 * one.interval[1]), rel=1e-9)


def test_proportional_series_have_no_scatter() -> None:
    a = np.linspace(1, 2, 30)
    assert ratio_interval(1.1 * a, a).interval == pytest.approx((1.1, 1.1), rel=1e-9)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="too few pairs"):
        ratio_interval([1.0] * 7, [1.0] * 7)
    with pytest.raises(InputError, match="positive totals"):
        ratio_interval([0.0] * 9, [1.0] * 9)
    with pytest.raises(InputError, match="mean block length"):
        ratio_interval([1.0] * 9, [1.0] * 9, block_length=0.5)
    with pytest.raises(InputError, match="some blocks"):
        ratio_interval([1.0] + [0.0] * 20, [1.0] + [0.0] * 20)
