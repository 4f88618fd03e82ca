"""Identities that any solver must keep, and matrices that are no covariances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import inversion
from ghg.core.errors import InputError
from inversion.covariance import Covariance, DenseCovariance
from inversion.diagnostics import leave_out
from inversion.error import ObservationError, Term
from inversion.problem import Block, Problem
from inversion.sensitivity import Array, Dense
from inversion.space import DenseSpace, lower_root
from inversion.time import DenseTime, Markov
from tests.inversion.problems import dense_answer, flat_mean, random_problem, weeks

pytestmark = pytest.mark.kernel


def any_covariance(n: int = 20, p: int = 3, r: int = 4) -> Problem:
    """One block whose covariance is no product of space and time."""
    rng = np.random.default_rng(8)
    root = rng.standard_normal((p * r, p * r))
    q = DenseCovariance(root @ root.T + 0.1 * np.eye(p * r), (p, r))
    block = Block("x", Dense(rng.random((p, n, r))), rng.random((p, r)), q, weeks(p), kind="offset", units="1")
    when = np.repeat(weeks(1)[0, 0], n)
    return Problem(rng.random(n), ObservationError.independent(np.full(n, 0.3)), (block,), when, np.repeat("a", n))


@pytest.mark.parametrize("method", ["dual", "primal", "cg"])
def test_a_covariance_of_any_form_equals_the_dense_formulas(method: str) -> None:
    problem = any_covariance()
    mean, covariance = dense_answer(problem)
    posterior = inversion.solve(problem, method=method, tolerance=1e-13)
    assert np.abs(flat_mean(posterior) - mean).max() < 1e-9 * np.abs(mean).max()
    found = posterior.map_covariance(posterior.project([np.eye(12).reshape(3, 4, 12).transpose(1, 0, 2)]))[0]
    assert np.abs(found - covariance).max() < 1e-9 * np.abs(covariance).max()


@pytest.mark.parametrize("kind", ["exponential", "matern32"])
def test_the_product_of_space_and_time_is_its_kronecker_matrix(kind: str) -> None:
    """Coprime numbers of periods and cells, so that no mistake in the order of rows can hide."""
    problem = random_problem(p=7, shape=(5, 2), time=kind)
    q = problem.blocks[0].covariance
    assert isinstance(q, Covariance)
    d, e = q.time.dense(), q.space.dense()
    expected = np.array([[q.sigma[t, i] * q.sigma[u, j] * d[t, u] * e[i, j] for u in range(7) for j in range(10)]
                         for t in range(7) for i in range(10)])  # fmt: skip
    unit = np.eye(70).reshape(7, 10, 70).transpose(1, 0, 2)

    def rows(x: Array) -> Array:
        return x.transpose(1, 0, 2).reshape(70, -1)

    assert q.dense() == pytest.approx(expected, rel=1e-13)
    assert rows(q.apply(unit)) == pytest.approx(expected, rel=1e-10, abs=1e-13)
    root = rows(q.root(unit))
    assert root @ root.T == pytest.approx(expected, rel=1e-10, abs=1e-13)
    assert rows(q.root_t(unit)) == pytest.approx(root.T, rel=1e-10, abs=1e-13)


def test_long_and_short_records_have_the_same_correlation_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    chain = Markov(np.cumsum(rng.random(9) + 0.1), 0.8)
    x = rng.random((2, 9, 3))
    few = (chain.root(x), chain.root_t(x), chain.apply(x))
    monkeypatch.setattr("inversion.time._FEW", 2)
    for a, b in zip(few, (chain.root(x), chain.root_t(x), chain.apply(x)), strict=True):
        assert a == pytest.approx(b, rel=1e-14)
    assert few[2] == pytest.approx(np.einsum("ts,isk->itk", chain.dense(), x), rel=1e-13)


@pytest.mark.parametrize("method", ["dual", "primal", "cg"])
def test_with_the_prior_as_covariate_only_its_pattern_counts(method: str) -> None:
    """x = beta x_a + zeta, beta flat: the size of x_a drops out, and a wide normal prior on beta tends to it."""
    problem = random_problem(p=3)
    land = problem.blocks[0]
    answers = []
    for size in (1.0, 7.0):
        block = replace(land, prior=size * land.prior, covariates={"prior": size * land.prior})
        answers.append(inversion.solve(replace(problem, blocks=(block, problem.blocks[1])), method=method,
                                       tolerance=1e-13))  # fmt: skip
    assert answers[1].mean("land") == pytest.approx(answers[0].mean("land"), rel=1e-8, abs=1e-9)
    # coefficients are of x - x_a, so the estimated factor is 1 + beta
    assert 7.0 * (1.0 + answers[1].coefficients[0]) == pytest.approx(1.0 + answers[0].coefficients[0], rel=1e-8)
    flat = land.prior.ravel()
    wide = DenseCovariance(land.covariance.dense() + 1e4 * np.outer(flat, flat), land.covariance.shape)
    limit = inversion.solve(replace(problem, blocks=(replace(land, covariance=wide), problem.blocks[1])))
    assert limit.mean("land") == pytest.approx(answers[0].mean("land"), rel=1e-3, abs=1e-3)
    assert limit.deviation("land") == pytest.approx(answers[0].deviation("land"), rel=1e-3)


def test_one_observation_left_out_is_a_ratio_of_the_inverse() -> None:
    """e_i = (S^-1 d)_i / (S^-1)_ii (Dubrule 1983), and what a new solution without the observation predicts."""
    problem = random_problem(n=20, p=2, correlated=False)
    d, h, prior, q, r = problem.dense()
    inverse = np.linalg.inv(h @ q @ h.T + r)
    ratio = (inverse @ (d - h @ prior)) / np.diag(inverse)
    for i, one in enumerate(leave_out(inversion.solve(problem), by=np.arange(20))):
        held = replace(problem, withheld=np.arange(20) == i)
        refit = problem.observed[i] - inversion.solve(held).predicted()[i]
        assert one.residual[0] == pytest.approx(ratio[i], rel=1e-9)
        assert one.residual[0] == pytest.approx(refit, rel=1e-8, abs=1e-10)
        assert one.covariance[0, 0] == pytest.approx(1.0 / inverse[i, i], rel=1e-9)


@pytest.mark.parametrize("covariates", [0, 2])
def test_residuals_show_the_variances_where_they_are_right_and_where_they_are_not(covariates: int) -> None:
    """E[d_a d_b'] = R and E[H (x^ - x_a) d_b'] = H Q H' (Desroziers et al. 2005, eq. 1-3), only if both are right.

    The columns of sqrt(n) L, L L' = S, have exactly the covariance S, so their mean is the expectation, without noise.
    """
    problem = random_problem(n=18, p=2, covariates=covariates)
    prior = problem.prior_mean()
    _, h, _, q, r = problem.dense()
    true = h @ q @ h.T + r
    draws = np.sqrt(18.0) * np.linalg.cholesky(true).T

    def ratios(given: Problem) -> Array:
        found = [inversion.solve(replace(given, observed=prior + d)).diagnostics().consistency for d in draws]
        return np.mean([[(s["error_ratio"], s["signal_ratio"]) for s in row] for row in found], axis=0)

    assert ratios(problem) == pytest.approx(np.ones((3, 2)), rel=1e-8)
    if not covariates:
        doubled = replace(problem, error=problem.error.scaled([2.0, 2.0]))
        expected = np.diag(4.0 * r @ np.linalg.solve(h @ q @ h.T + 4.0 * r, true))
        by_site = [expected[problem.site == s].sum() / (4.0 * np.diag(r))[problem.site == s].sum() for s in "ABC"]
        assert ratios(doubled)[:, 0] == pytest.approx(by_site, rel=1e-8)
        assert np.max(by_site) < 0.9


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", ["land", "sides"])
def test_a_truth_five_prior_sigmas_away_is_said(name: str, sign: float) -> None:
    problem = random_problem(correlated=False)
    rng = np.random.default_rng(11)
    truth = [b.prior_column + (5.0 * sign if b.name == name else 0.0) * b.covariance.sigma.T[:, :, None]
             for b in problem.blocks]  # fmt: skip
    seen = problem.forward(truth)[:, 0] + problem.error.sample(rng, 1)[:, 0]
    error = problem.error if name == "land" else problem.error.scaled([0.2])
    if name == "sides":  # a boundary is found only where the fluxes do not cover for it
        land = problem.blocks[0]
        quiet = replace(land, covariance=land.covariance.scaled(0.01))
        problem = replace(problem, blocks=(quiet, problem.blocks[1]), error=error)
    alarms = inversion.solve(replace(problem, observed=seen)).diagnostics().alarms
    assert any(a.code == "block" and a.values[1] == name and a.values[0][0] == "+-"[sign < 0] for a in alarms)


NEGATIVE = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])


def with_space(matrix: Array) -> Problem:
    block = Block("x", Dense(np.ones((1, 4, 3))), np.ones((1, 3)),
                  Covariance(np.ones((1, 3)), Markov([0.0], 0.0), DenseSpace(matrix)), weeks(1), kind="offset",
                  units="1")  # fmt: skip
    error = ObservationError.independent(np.ones(4))
    return Problem(np.ones(4), error, (block,), np.repeat(weeks(1)[0, 0], 4), np.repeat("a", 4))


@pytest.mark.parametrize("method", ["dual", "primal", "cg", "ensemble"])
def test_a_correlation_between_cells_that_is_none_is_refused(method: str) -> None:
    with pytest.raises(InputError, match=r"correlation between cells is not positive definite.*eigenvalue -0\.8"):
        inversion.solve(with_space(NEGATIVE), method=method, members=10)


@pytest.mark.parametrize("method", ["dual", "primal", "cg", "ensemble"])
def test_an_observation_error_that_is_none_is_refused(method: str) -> None:
    """The covariance S of the innovations may still be positive definite, which must not hide it."""
    problem = with_space(np.eye(3))
    matrix = np.zeros((4, 4))
    matrix[:3, :3] = NEGATIVE
    error = ObservationError((Term("measurement", np.full(4, 0.1)),), np.arange(4.0), matrix=matrix)
    with pytest.raises(InputError, match=r"observation error is not positive definite.*eigenvalue"):
        inversion.solve(replace(problem, error=error), method=method, members=10)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DenseTime(NEGATIVE), r"between periods is not positive definite.*eigenvalue"),
        (lambda: DenseCovariance(NEGATIVE, (1, 3)), r"basis is not positive definite.*eigenvalue"),
        (lambda: lower_root(np.ones((2, 2)), "it"), "it is not positive definite.*may be the same"),
        (lambda: lower_root(np.array([[1.0, 0.5], [0.4, 1.0]]), "it"), "not symmetric"),
        (lambda: lower_root(np.array([[1.0, np.nan], [np.nan, 1.0]]), "it"), "missing values"),
        (lambda: lower_root(np.ones((2, 3)), "it"), "not square"),
        (lambda: Covariance(np.zeros((1, 3)), Markov([0.0], 0.0), DenseSpace(np.eye(3))), "zero everywhere"),
        (lambda: Covariance(np.full((1, 3), -1.0), Markov([0.0], 0.0), DenseSpace(np.eye(3))), "negative or missing"),
    ],
)
def test_matrices_that_are_no_covariances(make: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
