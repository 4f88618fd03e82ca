"""Samplers against closed forms and quadrature; measures of convergence against chains whose worth is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate, stats

from ghg.core.errors import InputError
from inversion.sampling import Prior, sample_linear
from inversion.sampling.convergence import effective_size, effective_size_tail, split_r_hat

Y, E = np.array([1.0, -0.5, 2.0]), np.array([0.5, 0.4, 0.8])
D = np.array([[1.0, 0.2], [-0.3, 1.0], [0.7, 0.9]])
COVARIANCE = np.array([[1.0, 0.4], [0.4, 0.8]])


def close(found: float, true: float, error: float) -> bool:
    return abs(found - true) < 4.5 * error


def test_without_bounds_it_is_the_gaussian_posterior() -> None:
    mean = np.array([0.3, -0.2])
    s = sample_linear(Y, D, E, Prior(mean, COVARIANCE), draws=4000, warm=50).summary()
    precision = np.linalg.inv(COVARIANCE) + D.T @ np.diag(E**-2) @ D
    true = np.linalg.solve(precision, np.linalg.solve(COVARIANCE, mean) + D.T @ (Y / E**2))
    sd = np.sqrt(np.diag(np.linalg.inv(precision)))
    for i in range(2):
        assert close(float(s["mean"][i]), true[i], float(s["error_of_mean"][i]))
        assert float(s["sd"][i]) == pytest.approx(sd[i], rel=0.04)
        assert float(s["effective_size"][i]) > 12_000  # independent draws
        assert float(s["r_hat"][i]) < 1.01


def test_bounds_against_quadrature() -> None:
    """A correlated Gaussian cut at zero and at a half, most of its mass outside."""
    mean, cuts = np.array([-0.8, 0.1]), np.array([0.0, 0.5])
    s = sample_linear(Y, D, E, Prior(mean, COVARIANCE, cuts), draws=6000, warm=100)
    assert np.all(s.state >= cuts)
    inverse = np.linalg.inv(COVARIANCE)

    def density(b: float, a: float) -> float:
        x = np.array([a, b])
        return math.exp(-0.5 * float((x - mean) @ inverse @ (x - mean)) - 0.5 * float(np.sum(((Y - D @ x) / E) ** 2)))

    def moment(power: int, of: int) -> float:
        return integrate.dblquad(lambda b, a: (a, b)[of] ** power * density(b, a), 0.0, 6.0, 0.5, 6.0, epsabs=1e-9)[0]

    norm, table = moment(0, 0), s.summary()
    for i in range(2):
        true = moment(1, i) / norm
        assert close(float(table["mean"][i]), true, float(table["error_of_mean"][i]))
        assert float(table["sd"][i]) == pytest.approx(math.sqrt(moment(2, i) / norm - true**2), rel=0.04)


def test_log_normal_element_and_model_error_against_quadrature() -> None:
    y, design, error = np.array([2.5, 3.0, 1.6, 2.9]), np.ones((4, 1)), np.full(4, 0.3)
    s = sample_linear(y, design, error, Prior(np.array([1.5]), np.array([0.6]), logarithmic=np.array([True])),
                      model_error=[(0.0, 3.0)], draws=6000, warm=500)  # fmt: skip
    assert s.divergent == 0 and 0.75 < s.acceptance < 1.0
    centre = math.log(1.5) - 0.5 * 0.36  # the mean of the log-normal is 1.5

    def density(sigma: float, x: float) -> float:
        return float(stats.norm.pdf((math.log(x) - centre) / 0.6) / x
                     * np.prod(stats.norm.pdf(y, x, math.sqrt(0.09 + sigma**2))))  # fmt: skip

    def moment(f) -> float:
        return integrate.dblquad(lambda b, a: f(a, b) * density(b, a), 0.05, 12.0, 0.0, 3.0, epsabs=1e-12, epsrel=1e-6)[
            0
        ]

    norm, table = moment(lambda a, b: 1.0), s.summary()
    for i, f in enumerate((lambda a, b: a, lambda a, b: b)):
        assert close(float(table["mean"][i]), moment(f) / norm, float(table["error_of_mean"][i]))


def test_prior_comes_back_where_nothing_is_observed() -> None:
    """No sensitivity: the draws are the prior, log-normal with the stated mean, or half of a normal."""
    nothing = np.zeros((2, 1))
    log = sample_linear(np.zeros(2), nothing, np.ones(2), Prior(np.array([2.0]), np.array([0.5]),
                        logarithmic=np.array([True])), draws=8000)  # fmt: skip
    table = log.summary()
    assert close(float(table["mean"][0]), 2.0, float(table["error_of_mean"][0]))
    half = sample_linear(np.zeros(2), nothing, np.ones(2), Prior(np.zeros(1), np.ones(1), 0.0), draws=8000)
    assert stats.kstest(half.state[:, ::2].ravel(), stats.halfnorm.cdf).pvalue > 1e-3


def test_same_draws_with_any_number_of_threads() -> None:
    prior = Prior(np.zeros(2), COVARIANCE, 0.0)
    one, two = (sample_linear(Y, D, E, prior, model_error=[(0.0, 2.0)], draws=50, workers=w, seed=3) for w in (1, 4))
    assert one.state.tobytes() == two.state.tobytes() and one.sigma.tobytes() == two.sigma.tobytes()
    other = sample_linear(Y, D, E, prior, model_error=[(0.0, 2.0)], draws=50, seed=4)
    assert other.state.tobytes() != one.state.tobytes()


@pytest.mark.parametrize("phi", [0.0, 0.8])
def test_effective_size_of_chains_with_known_memory(phi: float, rng: np.random.Generator) -> None:
    """A first-order autoregression of N draws is worth N (1 - phi) / (1 + phi)."""
    noise = rng.standard_normal((4, 20_000))
    chains = np.empty_like(noise)
    chains[:, 0] = noise[:, 0]
    for t in range(1, noise.shape[1]):
        chains[:, t] = phi * chains[:, t - 1] + math.sqrt(1.0 - phi**2) * noise[:, t]
    assert effective_size(chains) == pytest.approx(80_000 * (1.0 - phi) / (1.0 + phi), rel=0.08)
    assert split_r_hat(chains) < 1.005
    assert effective_size_tail(chains) > 5_000
    assert split_r_hat(chains + np.arange(4)[:, None]) > 1.3  # chains that have not met
    assert split_r_hat(chains * np.array([1.0, 1.0, 1.0, 4.0])[:, None]) > 1.1  # in spread
    trend = chains + np.linspace(0.0, 6.0, 20_000)  # a chain that still wanders
    assert split_r_hat(trend) > 1.3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"design": D[:2]}, "do not fit"),
        ({"observed": np.array([1.0, np.nan, 2.0])}, "missing values"),
        ({"error": np.array([0.5, 0.0, 0.8])}, "without error"),
        ({"prior": Prior(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]))}, "positive definite"),
        ({"prior": Prior(np.zeros(2), np.zeros(2))}, "positive definite"),
        ({"prior": Prior(np.zeros(2), np.ones(2), logarithmic=np.array([True, False]))}, "positive prior mean"),
        ({"prior": Prior(np.ones(2), np.ones(2), 0.0, np.array([True, False]))}, "together"),
        ({"prior": Prior(np.array([np.nan, 0.0]), np.ones(2))}, "missing"),
        ({"model_error": [(2.0, 1.0)]}, "ascend"),
        ({"draws": 1}, "too few"),
    ],
)
def test_refusals(change: dict, words: str) -> None:
    values = {"observed": Y, "design": D, "error": E, "prior": Prior(np.zeros(2), COVARIANCE), **change}
    with pytest.raises(InputError, match=words):
        sample_linear(**values)


def test_tacolneston_twelve_hours(shared_data: Path) -> None:
    """The gold posterior (20,000 draws of NUTS): means, sds and quantiles within three Monte-Carlo errors."""
    folder = shared_data / "inversion" / "tac_ch4_2019"
    with xr.open_dataset(folder / "linear_problem_20190101.nc") as ds:
        hours = slice(0, 12)
        design = np.concatenate([ds["xsensitivity"].values[hours], ds["bcsensitivity"].values[hours]], axis=1)
        y, error = ds["Yobs"].values[hours], ds["Yerror"].values[hours]
    prior = Prior(np.ones(8), np.r_[np.ones(4), np.full(4, 0.1)], 0.0)
    s = sample_linear(y, design, error, prior, model_error=[(0.1, 100.0)], draws=10_000, warm=500)
    assert s.divergent == 0
    table = s.summary()
    gold = pd.read_csv(folder / "tac_ch4_20190101_summary.csv", index_col=0)
    size = table["effective_size"].values
    assert size.min() > 0.3 * 40_000 and table["r_hat"].values.max() < 1.005
    mean_error = np.hypot(table["error_of_mean"].values, gold["mcse_mean"].values)
    assert np.all(np.abs(table["mean"].values - gold["mean"].values) < 3.0 * mean_error)
    sd_error = np.hypot(table["sd"].values / np.sqrt(size), gold["mcse_sd"].values)  # at most, also for heavy tails
    assert np.all(np.abs(table["sd"].values - gold["sd"].values) < 3.0 * sd_error)
    with xr.open_dataset(folder / "tac_ch4_20190101_quantiles.nc") as ds:
        quantiles = np.concatenate([ds[name].values for name in ("x", "b", "sigma")], axis=1)
    found, draws = table["quantile_value"].values, np.concatenate([s.state, s.sigma], axis=2)
    for i, q in enumerate((0.025, 0.16, 0.5, 0.84, 0.975)):
        # error of a quantile: that of its probability over the density there
        step = 0.25 * min(q, 1.0 - q)
        spread = (np.quantile(draws, q + step, axis=(0, 1)) - np.quantile(draws, q - step, axis=(0, 1))) / (2.0 * step)
        worth = 1.0 / size + 1.0 / np.minimum(gold["ess_bulk"].values, gold["ess_tail"].values)
        assert np.all(np.abs(found[i] - quantiles[i]) < 3.0 * spread * np.sqrt(q * (1.0 - q) * worth))
