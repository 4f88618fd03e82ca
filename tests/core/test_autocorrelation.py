"""Autocorrelation and the stationary bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from ghg.core._resample import remaining_correlation_time
from ghg.core.errors import InputError
from ghg.core.time import (
    ar1_inflation,
    autocorrelation_time,
    block_length,
    efolding_time,
    stationary_bootstrap_indices,
)


def ar1(rng: np.random.Generator, phi: float, n: int) -> np.ndarray:
    noise = rng.normal(size=n + 200) * math.sqrt(1.0 - phi**2)
    x = lfilter([1.0], [1.0, -phi], noise)
    return x[200:]


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_integrated_time_of_ar1_is_recovered_with_and_without_gaps(rng: np.random.Generator, phi: float) -> None:
    x = ar1(rng, phi, 400_000)
    expected = (1 + phi) / (1 - phi)
    assert autocorrelation_time(x) == pytest.approx(expected, rel=0.1)
    assert autocorrelation_time(x, step=3600.0) == pytest.approx(3600.0 * autocorrelation_time(x))
    x[rng.random(x.size) < 0.3] = np.nan
    assert autocorrelation_time(x) == pytest.approx(expected, rel=0.1)


def test_efolding_time_inverts_the_closed_form() -> None:
    for tau in (0.1, 1.0, 10.0, 500.0):
        phi = math.exp(-1.0 / tau)
        assert efolding_time((1 + phi) / (1 - phi)) == pytest.approx(tau, rel=1e-9)
    assert efolding_time(1.0) == 0.0 and efolding_time(0.4) == 0.0
    assert efolding_time(3.0 * 3600.0, 3600.0) == pytest.approx(3600.0 / math.log(2.0))


@pytest.mark.parametrize("x", [[], [1.0], [2.0, 2.0, 2.0], [np.nan, np.nan]])
def test_series_without_variation_have_no_correlation_time(x: list[float]) -> None:
    assert math.isnan(autocorrelation_time(x))
    assert block_length(x) == 1.0


@given(st.integers(1, 60), st.floats(-0.95, 0.99))
def test_inflation_is_the_sum_over_the_matrix(n: int, phi: float) -> None:
    matrix = phi ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(float)
    assert float(ar1_inflation(n, phi)) == pytest.approx(matrix.sum() / n, rel=1e-9, abs=1e-9)


def test_inflation_refuses_a_unit_root() -> None:
    with pytest.raises(InputError):
        ar1_inflation(10, 1.0)


def test_remaining_correlation_keeps_the_limits() -> None:
    assert remaining_correlation_time(3600.0, 86_400.0, 0.0) == 0.0
    assert remaining_correlation_time(math.nan, 1.0, 1.0) == 0.0
    same = remaining_correlation_time(3600.0, 3600.0, 7200.0)
    assert same == pytest.approx(7200.0)


@pytest.mark.parametrize("kind", ["stationary", "circular"])
def test_block_length_nears_its_theory_for_ar1(rng: np.random.Generator, kind: str) -> None:
    # Patton, Politis & White (2009): b = (2 G^2 / D)^(1/3) n^(1/3); for AR(1) G / g(0) = 2 phi / (1 - phi^2)
    phi, n = 0.6, 20_000
    g = 2 * phi / (1 - phi**2)
    theory = (2 * g**2 / (2.0 if kind == "stationary" else 4 / 3)) ** (1 / 3) * n ** (1 / 3)
    found = np.median([block_length(ar1(rng, phi, n), kind) for _ in range(15)])
    assert found == pytest.approx(theory, rel=0.15)
    assert block_length(rng.normal(size=2000), kind) < 12.0
    with pytest.raises(InputError, match="bootstrap"):
        block_length([1.0, 2.0], "moving")


def test_stationary_bootstrap_has_geometric_blocks_and_uniform_indices(rng: np.random.Generator) -> None:
    n, length = 500, 8.0
    indices = stationary_bootstrap_indices(n, length, 400, rng)
    assert indices.shape == (400, n) and indices.min() == 0 and indices.max() == n - 1
    runs = np.diff(indices, axis=1) % n == 1
    assert (~runs).mean() == pytest.approx(1 / length * (1 - 1 / n), rel=0.03)
    counts = np.bincount(indices.ravel(), minlength=n)
    assert counts.mean() == 400.0 and counts.std() < 4.0 * math.sqrt(400.0 * 2 * length / 8.0)
    independent = stationary_bootstrap_indices(n, 1.0, 50, rng)
    assert (np.diff(independent, axis=1) % n == 1).mean() < 0.02
    assert stationary_bootstrap_indices(0, 2.0, 5, rng).shape == (5, 0)
    assert stationary_bootstrap_indices(1, 2.0, 5, rng).tolist() == [[0]] * 5
    with pytest.raises(InputError):
        stationary_bootstrap_indices(5, 0.5, 1, rng)


def test_bootstrap_of_a_correlated_mean_finds_its_standard_error(rng: np.random.Generator) -> None:
    phi, n = 0.7, 3000
    ratios = []
    for _ in range(12):
        x = ar1(rng, phi, n)
        means = x[stationary_bootstrap_indices(n, block_length(x), 400, rng)].mean(axis=1)
        ratios.append(means.std() / math.sqrt(float(ar1_inflation(n, phi)) / n))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.12)


@pytest.mark.kernel
def test_bootstrap_kernel_jumps_and_runs(kernel) -> None:
    starts = np.array([[2, 0, 0, 4, 0]])
    switches = np.array([[0.9, 0.9, 0.9, 0.1, 0.9]])
    out = np.zeros((1, 5), dtype=np.int64)
    kernel("bootstrap_indices")(starts, switches, 0.5, out)
    assert out.tolist() == [[2, 3, 4, 4, 0]]
