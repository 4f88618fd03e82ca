"""From a problem to draws: against the exact solver, closed forms, sums on a grid, and the gold posterior."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import inversion
from ghg.core.errors import InputError
from inversion.covariance import Covariance
from inversion.error import Inferred, ObservationError, Term
from inversion.osse import simulate
from inversion.problem import Block, Problem
from inversion.sampling import infer_error, sample, with_distribution
from inversion.sampling.posterior import prior_moments
from inversion.sensitivity import Dense
from inversion.space import DenseSpace, Independent
from inversion.time import Markov
from tests.inversion.problems import flat_columns, random_problem, two_regions, weeks


def test_normal_blocks_with_correlated_errors_are_the_exact_posterior() -> None:
    problem = random_problem(n=24, p=2, shape=(4, 2))
    exact, drawn = inversion.solve(problem), sample(problem, draws=4000, warm=20)
    totals = two_regions(problem)
    a, b = exact.total(totals), drawn.total(totals)
    assert np.abs((b.posterior - a.posterior) / a.u).max() < 4.5 / math.sqrt(16_000)
    assert np.abs(b.u / a.u - 1.0).max() < 4.5 / math.sqrt(2 * 16_000)
    assert b.prior == pytest.approx(a.prior, rel=1e-12)
    assert b.prior_covariance == pytest.approx(a.prior_covariance, rel=1e-10)
    for block in problem.blocks:
        z = (drawn.mean(block.name) - exact.mean(block.name)) / exact.deviation(block.name)
        assert np.abs(z).max() < 4.5 / math.sqrt(16_000)
    flat = flat_columns(drawn, totals)
    weekly = np.concatenate([x.reshape(-1, 500) for x in drawn.samples(500)])
    assert np.std(flat[:, 0] @ weekly) == pytest.approx(a.u[0], rel=0.15)
    assert drawn.predicted() == pytest.approx(exact.predicted(), abs=0.05)
    found = drawn.diagnostics()
    assert found.alarms == [] and found.r_hat < 1.005 and found.effective_size > 10_000
    few = sample(problem, draws=20, warm=5).diagnostics()
    assert any("independent ones" in str(alarm) for alarm in few.alarms)


def test_an_unknown_error_beside_correlated_ones_against_sums_on_a_grid() -> None:
    """One unknown, three observations with a correlated error, and a model error of all of them."""
    n, h, y = 3, np.array([1.0, 0.4, 1.6]), np.array([2.0, 0.1, 4.5])
    error = ObservationError(
        (Term("measurement", np.full(n, 0.3)), Term("transport", np.full(n, 0.5), np.zeros(n, int), 2.0)),
        np.array([0.0, 1.0, 2.0]), inferred=Inferred(np.zeros(n, int), 0.0, 4.0),
    )  # fmt: skip
    block = Block("x", Dense(h[None, :, None]), np.ones((1, 1)),
                  Covariance(np.full((1, 1), 0.7), Markov([0.0], 0.0), Independent(1)), weeks(1), kind="offset",
                  units="1", distribution="truncated")  # fmt: skip
    problem = Problem(y, error, (block,), np.repeat(weeks(1)[0, 0], n), np.repeat("A", n))
    drawn = sample(problem, draws=6000)
    x, sigma = np.linspace(0.0, 6.0, 601) + 0.005, np.linspace(0.0, 4.0, 400, endpoint=False) + 0.005
    r = error.dense()
    log = np.empty((sigma.size, x.size))
    for i, s in enumerate(sigma):
        log[i] = stats.multivariate_normal(np.zeros(n), r + s**2 * np.eye(n)).logpdf(y - x[:, None] * h)
    weight = np.exp(log - log.max()) * stats.norm.pdf(x, 1.0, 0.7)
    weight /= weight.sum()
    found = drawn.diagnostics().model_error[0]
    size = drawn.diagnostics().effective_size
    for given, values, axis in ((drawn.mean("x")[0, 0], x, 0), (found["mean"], sigma, 1)):
        share = weight.sum(axis=axis)
        mean = share @ values
        sd = math.sqrt(share @ (values - mean) ** 2)
        assert abs(given - mean) < 4.5 * sd / math.sqrt(size)
    assert found["group"] == "A"


def test_distributions_keep_mean_and_deviation_or_say_what_the_cut_makes_of_them() -> None:
    problem = random_problem(n=12, p=2, shape=(2, 2))
    land = problem.blocks[0]
    log = with_distribution(problem, "lognormal").blocks[0]
    mean, covariance = prior_moments(log)
    assert mean == pytest.approx(land.prior.ravel(), rel=1e-13)
    assert np.diag(covariance) == pytest.approx(land.covariance.sigma.ravel() ** 2, rel=1e-12)
    alone = Block("x", Dense(np.ones((1, 1, 2))), np.array([[0.0, 1.0]]),
                  Covariance(np.array([[2.0, 0.5]]), Markov([0.0], 0.0), Independent(2)), weeks(1), kind="offset",
                  units="1", distribution="truncated")  # fmt: skip
    mean, covariance = prior_moments(alone)
    assert mean[0] == pytest.approx(2.0 * math.sqrt(2.0 / math.pi), rel=1e-13)  # half-normal
    assert covariance[0, 0] == pytest.approx(4.0 * (1.0 - 2.0 / math.pi), rel=1e-12)
    expected = stats.truncnorm(-2.0, np.inf, 1.0, 0.5)
    assert (mean[1], covariance[1, 1]) == pytest.approx((expected.mean(), expected.var()), rel=1e-9)
    # a correlation of rho between two half-spaces: E[x1] = (1 + rho) sqrt(2 / pi) / (4 P), P = 1/4 + asin(rho) / 2 pi
    both = replace(alone, prior=np.zeros((1, 2)), covariance=Covariance(
        np.ones((1, 2)), Markov([0.0], 0.0), DenseSpace(np.array([[1.0, 0.6], [0.6, 1.0]]))))  # fmt: skip
    share = 0.25 + math.asin(0.6) / (2.0 * math.pi)
    assert prior_moments(both)[0] == pytest.approx(np.full(2, 1.6 / (4 * share) * math.sqrt(2 / math.pi)), rel=0.02)


@pytest.mark.parametrize("distribution", ["truncated", "lognormal"])
def test_bounded_fluxes_have_positive_totals_that_approach_the_gaussian_where_the_bound_is_far(
    distribution: Any,
) -> None:
    problem = random_problem(n=24, p=2, shape=(4, 2), correlated=False)
    land = problem.blocks[0]
    quiet = replace(land, prior=land.prior + 1.0, covariance=land.covariance.scaled(0.02))
    totals = two_regions(problem)
    near = replace(problem, blocks=(quiet, problem.blocks[1]))
    near = replace(near, observed=simulate(near, np.random.default_rng(6))[1][:, 0])
    exact = inversion.solve(near).total(totals)
    drawn = sample(with_distribution(near, distribution), draws=1500, warm=300)
    found = drawn.total(totals)
    assert np.abs(found.posterior / exact.posterior - 1.0).max() < 0.01
    assert np.abs(found.u / exact.u - 1.0).max() < 0.12
    assert drawn.diagnostics().divergent == 0
    far = sample(with_distribution(problem, distribution), draws=300, warm=200)
    assert far.quantile("land", [0.0]).min() >= 0.0 and far.total_draws(totals).min() > 0.0
    assert far.deviation("land").shape == (2, 8)


def tacolneston(folder: Path) -> Problem:
    """The gold problem as a problem in mole fractions, its observations in parts per thousand million."""
    with xr.open_dataset(folder / "linear_problem_20190101.nc") as ds:
        hours = slice(0, 12)
        parts = {"x": ds["xsensitivity"].values[hours], "b": ds["bcsensitivity"].values[hours]}
        y, u, time = ds["Yobs"].values[hours], ds["Yerror"].values[hours], np.repeat(weeks(1)[0, 0], 12)
    blocks = [
        Block(name, Dense(h[None] * 1e-9), np.ones((1, 4)),
              Covariance(np.full((1, 4), sigma), Markov([0.0], 0.0), Independent(4)), weeks(1), kind="boundary",
              units="1", distribution="truncated")
        for (name, h), sigma in zip(parts.items(), (1.0, 0.1), strict=True)
    ]  # fmt: skip
    error = ObservationError.independent(u * 1e-9)
    return infer_error(Problem(y * 1e-9, error, tuple(blocks), time, np.repeat("TAC", 12)), 0.1e-9, 100e-9)


def test_the_gold_posterior_of_tacolneston_is_asked_for_as_a_problem(shared_data: Path) -> None:
    folder = shared_data / "inversion" / "tac_ch4_2019"
    drawn = sample(tacolneston(folder), draws=5000)
    gold: Any = pd.read_csv(folder / "tac_ch4_20190101_summary.csv", index_col=0)
    found, size = drawn.diagnostics(), drawn.diagnostics().effective_size
    assert found.alarms == [] and found.divergent == 0 and size > 5000
    mean = np.r_[drawn.mean("x")[0], drawn.mean("b")[0], found.model_error[0]["mean"] * 1e9]
    sd = np.r_[drawn.deviation("x")[0], drawn.deviation("b")[0], found.model_error[0]["sd"] * 1e9]
    assert np.all(np.abs(mean - gold["mean"].values) < 3.0 * np.hypot(sd / math.sqrt(size), gold["mcse_mean"].values))
    assert np.all(np.abs(sd - gold["sd"].values) < 3.0 * np.hypot(sd / math.sqrt(size), gold["mcse_sd"].values))


def test_what_cannot_be_sampled_is_said() -> None:
    problem = random_problem(n=12, p=2, shape=(2, 2))
    with pytest.raises(InputError, match=r"no covariates.*land: x0"):
        sample(random_problem(n=12, p=2, shape=(2, 2), covariates=1))
    with pytest.raises(InputError, match=r"too many unknowns.*2,404"):
        sample(random_problem(n=4, p=50, shape=(8, 6)))
    with pytest.raises(InputError, match=r"correlated across groups.*by = 'all'"):
        common = Term("transport", np.full(12, 0.3), np.zeros(12, int), 3.0)
        sample(infer_error(replace(problem, error=problem.error.with_term(common)), 0.0, 1.0), draws=4)
    with pytest.raises(InputError, match="must ascend"):
        infer_error(problem, 1.0, 1.0)
    land = problem.blocks[0]
    negative = replace(problem, blocks=(replace(land, prior=land.prior - 1.0), problem.blocks[1]))
    with pytest.raises(InputError, match=r"'land': a log-normal prior is positive.*take 'truncated'"):
        with_distribution(negative, "lognormal")
    assert isinstance(land.covariance, Covariance)
    still = land.covariance.sigma.copy()
    still[0, 0] = 0.0
    fixed = replace(land, covariance=replace(land.covariance, sigma=still))
    with pytest.raises(InputError, match=r"without spread.*1 of 8"):
        sample(replace(problem, blocks=(fixed, problem.blocks[1])))
    drawn = sample(problem, draws=4, warm=1)
    with pytest.raises(InputError, match="more samples"):
        drawn.samples(17)
    with pytest.raises(InputError, match="no closed form"):
        drawn.project([])
