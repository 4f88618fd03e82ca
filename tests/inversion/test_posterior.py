"""Identities of the posterior, leaving out, alarms, totals over time, estimated covariances, and simulated systems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import inversion
from ghg.core.errors import InputError
from inversion.diagnostics import averaging_kernel, leave_out, response, withheld
from inversion.osse import coverage, next_sites, simulate
from inversion.reml import negative_log_likelihood, reml
from inversion.totals import TotalSet, calendar_years, check_regions
from tests.inversion.problems import dense_answer, random_problem, two_regions

pytestmark = pytest.mark.kernel


def test_degrees_of_freedom_are_the_trace_of_the_averaging_kernel_and_of_the_spectrum() -> None:
    problem = random_problem()
    posterior = inversion.solve(problem)
    signal = posterior.diagnostics().signal
    _, h, _, q, r = problem.dense()
    gain = q @ h.T @ np.linalg.inv(h @ q @ h.T + r)
    assert signal == pytest.approx(np.trace(gain @ h), rel=1e-10)
    values = np.linalg.eigvals(np.linalg.solve(r, h @ q @ h.T)).real
    assert signal == pytest.approx(np.sum(values / (1.0 + values)), rel=1e-8)  # Rodgers (2000), eq. 2.81
    land = problem.blocks[0].size
    assert averaging_kernel(posterior, "land") == pytest.approx((gain @ h)[:land, :land], rel=1e-8, abs=1e-12)


def test_the_averaging_kernel_of_totals_is_the_response_to_a_changed_truth() -> None:
    problem = random_problem(covariates=1)
    posterior, totals = inversion.solve(problem), two_regions(problem)
    kernel = response(posterior, totals)
    columns = posterior.columns(totals)
    change = columns[0][:, :, 3] * problem.blocks[0].covariance.sigma.T
    more = problem.forward([change[:, :, None], np.zeros((4, 1, 1))])[:, 0]
    moved = inversion.solve(replace(problem, observed=problem.observed + more)).total(totals)
    added = float(np.sum(columns[0][:, :, 3] * change))
    assert kernel[:, 3] == pytest.approx((moved.posterior - posterior.total(totals).posterior) / added, rel=1e-6)


@pytest.mark.slow
def test_chi2_is_one_where_prior_and_errors_are_right_and_both_terms_have_their_expectation() -> None:
    problem = random_problem()
    _, seen = simulate(problem, np.random.default_rng(1), 200)
    found = [inversion.solve(replace(problem, observed=y)).diagnostics() for y in seen.T]
    standard_error = np.sqrt(2.0 / (36 * 200))
    assert abs(np.mean([f.chi2 for f in found]) - 1.0) < 4.0 * standard_error
    signal = found[0].signal  # E[J_b] = DOFS and E[J_o] = n - DOFS, which add up to n: E[J(x^)] = n / 2
    assert abs(np.mean([f.cost_prior for f in found]) / signal - 1.0) < 0.1
    assert abs(np.mean([f.cost_observations for f in found]) / (36 - signal) - 1.0) < 0.3
    assert sum(bool(f.alarms) for f in found) <= 3


def test_a_truth_five_sigmas_away_raises_the_alarm() -> None:
    problem = random_problem(correlated=False)
    rng = np.random.default_rng(2)
    block = problem.blocks[0]
    far = block.prior_column + 5.0 * block.covariance.sigma.T[:, :, None]
    seen = problem.forward([far, problem.blocks[1].prior_column])[:, 0] + problem.error.sample(rng, 1)[:, 0]
    alarms = inversion.solve(replace(problem, observed=seen)).diagnostics().alarms
    assert any("'land'" in str(alarm) for alarm in alarms)


@pytest.mark.parametrize("covariates", [0, 2])
def test_leaving_out_in_closed_form_equals_solving_again(covariates: int) -> None:
    problem = random_problem(covariates=covariates)
    totals = two_regions(problem)
    for one in leave_out(inversion.solve(problem), totals=totals):
        rest = np.setdiff1d(np.arange(problem.n), one.rows)
        again = inversion.solve(problem.take(rest))
        expected = again.total(totals)
        assert one.totals is not None
        assert one.totals.posterior == pytest.approx(expected.posterior, rel=1e-8)
        assert np.abs(one.totals.covariance - expected.covariance).max() < 1e-9 * expected.covariance.max()
        held = replace(problem, withheld=np.isin(np.arange(problem.n), one.rows))
        posterior = inversion.solve(held)
        predicted = posterior.predicted()[one.rows]
        assert one.residual == pytest.approx(problem.observed[one.rows] - predicted, rel=1e-7, abs=1e-9)
        assert withheld(posterior)[0]["chi2"] == pytest.approx(one.chi2, rel=1e-7)


def test_a_year_is_not_the_sum_of_variances() -> None:
    problem = random_problem(p=4)
    posterior = inversion.solve(problem)
    weekly = posterior.total(two_regions(problem))
    whole = np.array([[weekly.bounds[0, 0], weekly.bounds[-1, 1]]])
    grid = problem.blocks[0].grid
    assert grid is not None
    direct = posterior.total(TotalSet.of(problem, {"north": (grid.latitude >= 52.0) * 1.0}, whole))
    added = weekly.over_time("all")
    assert added.posterior[0] == pytest.approx(direct.posterior[0], rel=1e-12)
    assert added.u[0] == pytest.approx(direct.u[0], rel=1e-9)
    naive = np.sqrt(np.sum(np.diag(weekly.covariance)[:4])) / 4.0
    assert abs(added.u[0] / naive - 1.0) > 0.02
    both = weekly.over_regions("both", ["north", "south"]).over_time("all")
    mean, covariance = dense_answer(problem)
    assert grid is not None
    row = np.tile(np.where(grid.latitude >= 52.0, 1.0, 0.5) * grid.area * 0.0440095, 4) / 4.0
    row = np.concatenate([row, np.zeros(4)]) * (0.044009 / 0.0440095)
    assert both.posterior[0] == pytest.approx(row @ mean, rel=1e-9)
    assert both.u[0] == pytest.approx(np.sqrt(row @ covariance @ row), rel=1e-9)


def test_calendar_years_know_leap_years() -> None:
    bounds = np.array([["2020-01-01", "2021-01-01"], ["2019-01-01", "2020-01-01"], ["2019-12-31", "2020-01-02"]],
                      dtype="datetime64[ns]")  # fmt: skip
    assert calendar_years(bounds) == pytest.approx([1.0, 1.0, 1 / 365 + 1 / 366], abs=1e-12)


@pytest.mark.slow
def test_reml_recovers_sizes_and_lengths_within_its_uncertainty() -> None:
    truth = random_problem(n=200, p=5, shape=(4, 4), seed=3)
    names = ["land.sigma", "land.length", "land.time", "error.measurement"]
    z = []
    for k in range(4):
        _, seen = simulate(truth, np.random.default_rng(20 + k), 1)
        right = replace(truth, observed=seen[:, 0])
        start = replace(truth, observed=seen[:, 0])
        land = start.blocks[0]
        wrong = replace(land, covariance=land.covariance.scaled(2.0).with_lengths(space=1e5, time=5 * 86400.0))
        found = reml(replace(start, blocks=(wrong, start.blocks[1]), error=start.error.scaled([0.5, 1.0])), names)
        expected = np.array([0.5, 2e5, 9 * 86400.0, 2.0])
        z.append((np.log(found.values) - np.log(expected)) / found.u_log)
        # the minimum lies no higher than the truth
        assert found.objective == pytest.approx(negative_log_likelihood(found.problem), abs=1e-6)
        assert found.objective <= negative_log_likelihood(right) + 1e-6
    z = np.array(z)
    assert np.abs(z).max() < 4.0
    assert 0.4 < np.sqrt(np.mean(z**2)) < 1.6


def test_reml_says_what_it_cannot_do() -> None:
    problem = random_problem()
    with pytest.raises(InputError, match="not known"):
        reml(problem, ["land.colour"])
    with pytest.raises(InputError, match="only where there is one"):
        reml(problem, ["sides.length"])


def test_intervals_of_a_simulated_system_hold_the_truth_and_wrong_ones_do_not() -> None:
    problem = random_problem()
    totals = two_regions(problem)
    found = coverage(problem, totals, 400)
    shares = found.share()
    assert np.abs(shares - 0.95).max() < 4.0 * np.sqrt(0.95 * 0.05 / 400)
    assert all(abs(row["bias_in_u"]) < 4.0 / np.sqrt(400) for row in found.table())
    land = problem.blocks[0]
    proud = replace(problem, blocks=(replace(land, covariance=land.covariance.scaled(0.2)), problem.blocks[1]))
    assert coverage(problem, totals, 400, assumed=proud).share().min() < 0.9


def test_the_next_site_is_the_one_that_helps_most() -> None:
    problem = random_problem(correlated=False)
    totals = two_regions(problem)
    sites = {s: np.flatnonzero(problem.site == s) for s in "ABC"}
    found = next_sites(problem, totals, 0, {s: sites[s] for s in "BC"}, count=2)
    alone = {s: inversion.solve(problem.take(np.concatenate([sites["A"], sites[s]]))).total(totals).u[0] for s in "BC"}
    assert found[1]["site"] == min(alone, key=lambda s: alone[s])
    assert found[1]["u"] == pytest.approx(min(alone.values()), rel=1e-9)
    assert found[2]["u"] == pytest.approx(inversion.solve(problem).total(totals).u[0], rel=1e-9)


def test_regions_that_overlap_or_leave_cells_out() -> None:
    a, b = np.array([1.0, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    with pytest.raises(InputError, match=r"overlap.*1 cells.*a and c"):
        check_regions({"a": a, "b": b, "c": np.array([0.5, 0, 0])}, 3)
    with pytest.raises(InputError, match=r"leave cells out.*1 cells"):
        check_regions({"a": a, "b": b}, 3)
    assert check_regions({"a": a, "b": b}, 3, rest="rest")["rest"] == pytest.approx([0, 0, 0.5])
    with pytest.raises(InputError, match="covers no cell"):
        check_regions({"a": 0 * a}, 3)
