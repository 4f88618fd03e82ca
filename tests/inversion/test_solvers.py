"""Solvers against dense formulas, against exact fractions, and against each other."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import inversion
from ghg.core.errors import InputError
from inversion.covariance import Covariance
from inversion.diagnostics import averaging_kernel
from inversion.error import ObservationError
from inversion.grid import Grid
from inversion.problem import Block, Problem
from inversion.sensitivity import Dense, Slabs, Sparse
from inversion.solver import plan
from inversion.space import DenseSpace, Independent, ZonalFourier
from inversion.time import Markov
from tests.inversion.problems import (
    dense_answer,
    flat_columns,
    flat_mean,
    random_problem,
    sparse,
    two_regions,
    weeks,
)

CASES: dict[str, dict[str, Any]] = {
    "markov": {},
    "any time": {"time": "matern32"},
    "sparse": {"as_sparse": True, "share": 0.15},
    "many observations": {"n": 90},
    "geostatistical": {"covariates": 2},
    "independent errors": {"correlated": False},
}


@pytest.mark.kernel
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["dual", "primal", "cg"])
def test_equals_the_dense_formulas(case: str, method: str) -> None:
    problem = random_problem(**CASES[case])
    mean, covariance = dense_answer(problem)
    posterior = inversion.solve(problem, method=method, tolerance=1e-12, rank=10)
    totals = posterior.total(two_regions(problem))
    a = flat_columns(posterior, two_regions(problem))
    assert np.abs(flat_mean(posterior) - mean).max() < 1e-9 * np.abs(mean).max()
    assert np.abs(totals.posterior - a.T @ mean).max() < 1e-9 * np.abs(a.T @ mean).max()
    assert np.abs(totals.covariance - a.T @ covariance @ a).max() < 1e-9 * np.abs(a.T @ covariance @ a).max()
    deviation = np.concatenate([posterior.deviation(b.name).ravel() for b in problem.blocks])
    assert np.allclose(deviation, np.sqrt(np.diag(covariance)), rtol=1e-9)


def fractions_problem(seen: list[int], variance: float) -> Problem:
    """The example of section 6 of the notes (after the tests of atmos_flux_inversion, READ there)."""
    correlation = np.array([[1, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 1]])
    h = np.eye(3)[seen][None]
    q = Covariance(np.full((1, 3), np.sqrt(2.0)), Markov([0.0], 0.0), DenseSpace(correlation))
    block = Block("x", Dense(h), np.array([[18.0, 15.0, 22.0]]), q, weeks(1), kind="offset", units="mol mol-1")
    n = len(seen)
    y = np.array([19.0, 14.0])[seen]
    error = ObservationError.independent(np.full(n, np.sqrt(variance)))
    return Problem(y, error, (block,), np.repeat(weeks(1)[0, 0], n), np.array(["a", "b"])[:n])


@pytest.mark.kernel
@pytest.mark.parametrize("method", ["dual", "primal", "cg"])
@pytest.mark.parametrize(
    ("seen", "variance", "answer"),
    [
        ([1], 1.0, ("53/3", "43/3", "65/3")),
        ([0], 1.0, ("56/3", "46/3", "133/6")),
        ([1], 4.0, ("107/6", "44/3", "131/6")),
        ([0, 1], 1.0, ("37/2", "29/2", "87/4")),
    ],
)
def test_exact_fractions(method: str, seen: list[int], variance: float, answer: tuple[str, ...]) -> None:
    posterior = inversion.solve(fractions_problem(seen, variance), method=method, tolerance=1e-13)
    assert posterior.mean("x")[0] == pytest.approx([float(Fraction(a)) for a in answer], rel=1e-12)


@pytest.mark.parametrize(
    ("prior", "var", "y", "obs_var", "mean", "after"),
    [(15.0, 2.0, 14.0, 1.0, Fraction(43, 3), Fraction(2, 3)), (2.0, 1.0, 3.0, 1.0, Fraction(5, 2), Fraction(1, 2))],
)
def test_scalar_fractions(prior: float, var: float, y: float, obs_var: float, mean: Fraction, after: Fraction) -> None:
    q = Covariance(np.full((1, 1), np.sqrt(var)), Markov([0.0], 0.0), Independent(1))
    block = Block("x", Dense(np.ones((1, 1, 1))), np.full((1, 1), prior), q, weeks(1), kind="offset", units="1")
    error = ObservationError.independent([np.sqrt(obs_var)])
    posterior = inversion.solve(Problem(np.array([y]), error, (block,), weeks(1)[0, :1], np.array(["a"])))
    assert posterior.mean("x")[0, 0] == pytest.approx(float(mean), rel=1e-14)
    assert posterior.deviation("x")[0, 0] ** 2 == pytest.approx(float(after), rel=1e-13)
    # Brasseur & Jacob (2017), ch. 11: A = s_a^2 / (s_a^2 + s_e^2 / k^2)
    assert averaging_kernel(posterior, "x")[0, 0] == pytest.approx(var / (var + obs_var), rel=1e-13)


def test_one_after_the_other_equals_both_at_once() -> None:
    both = inversion.solve(fractions_problem([0, 1], 1.0))
    first = inversion.solve(fractions_problem([0], 1.0))
    spread = np.array([[2, 1, 0.5], [1, 2, 1], [0.5, 1, 2.0]])
    h = np.array([1.0, 0.0, 0.0])
    after = spread - np.outer(spread @ h, spread @ h) / 3.0
    s = np.sqrt(np.diag(after))
    q = Covariance(s[None], Markov([0.0], 0.0), DenseSpace(after / np.outer(s, s)))
    old = fractions_problem([1], 1.0)
    block = Block("x", old.blocks[0].sensitivity, first.mean("x"), q, weeks(1), kind="offset", units="mol mol-1")
    second = inversion.solve(Problem(old.observed, old.error, (block,), old.time, old.site))
    assert second.mean("x")[0] == pytest.approx(both.mean("x")[0], rel=1e-13)


def test_geostatistical_with_the_prior_as_covariate_equals_its_textbook_system() -> None:
    """[S HX; (HX)' 0][lambda; beta] = [d; 0] (Michalak et al. 2004, eq. 9)."""
    problem = random_problem(covariates=2)
    d, h, prior, q, r = problem.dense()
    posterior = inversion.solve(problem)
    hx = posterior.drift
    system = np.block([[h @ q @ h.T + r, hx], [hx.T, np.zeros((2, 2))]])
    answer = np.linalg.solve(system, np.append(d - h @ prior, np.zeros(2)))
    assert posterior.weights == pytest.approx(answer[:-2], rel=1e-8, abs=1e-9)
    assert posterior.coefficients == pytest.approx(answer[-2:], rel=1e-8)


@pytest.mark.kernel
def test_samples_have_the_posterior_mean_and_covariance() -> None:
    problem = random_problem(n=20, p=2, covariates=1)
    mean, covariance = dense_answer(problem)
    count = 4000
    draws = inversion.solve(problem).samples(count, seed=3)
    flat = np.concatenate([d.reshape(-1, count) for d in draws])
    z = (flat.mean(axis=1) - mean) / np.sqrt(np.diag(covariance) / count)
    assert np.abs(z).max() < 4.5
    assert np.abs(flat.var(axis=1, ddof=1) / np.diag(covariance) - 1.0).max() < 5.0 * np.sqrt(2.0 / count)


@pytest.mark.kernel
def test_the_filter_is_the_kalman_update_of_its_own_ensemble() -> None:
    """For the covariance of its own members the square-root filter is exact (Whitaker & Hamill 2002, eq. 2-5)."""
    problem = random_problem(n=6, p=2)
    members, seed = 12, 4
    rng = np.random.default_rng(seed)
    draws = [b.covariance.sample(rng, members) for b in problem.blocks]
    flat = np.concatenate([(d - d.mean(axis=2, keepdims=True)).transpose(1, 0, 2).reshape(-1, members) for d in draws])
    d, h, prior, _, r = problem.dense()
    q = flat @ flat.T / (members - 1)
    gain = q @ h.T @ np.linalg.inv(h @ q @ h.T + r)
    found: Any = inversion.solve(problem, method="ensemble", members=members, seed=seed)
    assert flat_mean(found) == pytest.approx(prior + gain @ (d - h @ prior), rel=1e-9)
    after = np.concatenate([x.transpose(1, 0, 2).reshape(-1, members) for x in found.members.deviations])
    assert after @ after.T / (members - 1) == pytest.approx(q - gain @ h @ q, rel=1e-7, abs=1e-10)


def test_ensemble_within_sampling_error() -> None:
    causal = random_problem(n=20, p=2, correlated=False)
    h = causal.blocks[0].sensitivity.dense().transpose(1, 0, 2)
    h[1, :10] = 0.0  # the observations of the first week see nothing of the second
    causal = replace(causal, blocks=(replace(causal.blocks[0], sensitivity=Dense(h)), causal.blocks[1]))
    for problem, lag in ((random_problem(n=20, p=2), None), (causal, 2)):
        totals = two_regions(problem)
        exact = inversion.solve(problem).total(totals)
        found = [inversion.solve(problem, method="ensemble", members=1000, lag=lag, seed=k).total(totals)
                 for k in range(6)]  # fmt: skip
        ratio = np.array([f.u / exact.u for f in found])
        shift = np.array([(f.posterior - exact.posterior) / exact.u for f in found])
        assert np.abs(ratio.mean(axis=0) - 1.0).max() < 0.05
        assert ratio.std(axis=0).max() < 0.08
        assert np.abs(shift.mean(axis=0)).max() < 4.0 * shift.std(axis=0).max() / np.sqrt(5.0) + 0.05


def test_the_order_of_observations_changes_nothing_in_the_filter() -> None:
    problem = random_problem(n=20, p=2)
    order = np.random.default_rng(5).permutation(20)
    first = inversion.solve(problem, method="ensemble", members=50)
    second = inversion.solve(problem.take(order), method="ensemble", members=50)
    assert second.mean("land") == pytest.approx(first.mean("land"), rel=1e-9, abs=1e-12)


@pytest.mark.kernel
def test_slabs_sparse_and_dense_are_the_same() -> None:
    rng = np.random.default_rng(1)
    values = rng.random((4, 7, 6)) * (rng.random((4, 7, 6)) < 0.4)
    dense, few = Dense(values), sparse(values)
    lazy = Slabs((7, 4, 6), lambda t: few.slab(t))
    mixed = rng.permutation(few.values.size)  # values of each row in any order
    row = np.repeat(np.arange(7), np.diff(few.indptr))
    order = mixed[np.argsort(row[mixed], kind="stable")]
    period, cell = np.divmod(few.column, 6)
    turned = Sparse((7, 4, 6), few.indptr, cell[order], period[order], few.values[order])
    x, y = rng.random((6, 4, 3)), rng.random((7, 3))
    for other in (few, lazy, turned):
        assert other.forward(x) == pytest.approx(dense.forward(x))
        assert other.adjoint(y) == pytest.approx(dense.adjoint(y))
        assert other.take(np.array([5, 2])).dense() == pytest.approx(dense.dense()[[5, 2]])
    assert np.sum(dense.forward(x) * y) == pytest.approx(np.sum(x * few.adjoint(y)))  # <Hx, y> = <x, H'y>


@pytest.mark.kernel
def test_sparse_products_do_not_depend_on_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    few = sparse(rng.random((5, 23, 4)) * (rng.random((5, 23, 4)) < 0.3))
    x, y = rng.random((4, 5, 3)), rng.random((23, 3))
    found = []
    for rows in (1, 7, 512):
        monkeypatch.setattr("inversion.sensitivity._ROWS", rows)
        found.append((few.forward(x).tobytes(), few.adjoint(y).tobytes()))
    assert found[0] == found[1] == found[2]


@pytest.mark.kernel
def test_full_grid_by_fourier_transforms_equals_dense() -> None:
    grid = Grid.regular(np.arange(6) * 2.0 + 48.0, np.arange(7) * 2.0 - 5.0)
    classes = (np.arange(42) % 3 == 0).astype(np.int64)
    base = random_problem(n=15, p=3, shape=(6, 7))
    old = base.blocks[0]
    sigma = old.covariance.sigma
    for between in (0.0, 0.3):
        fourier = ZonalFourier(grid, "exponential", 3e5, classes, between)
        answers = []
        for space in (fourier, DenseSpace(fourier.dense())):
            block = Block("land", old.sensitivity, old.prior, Covariance(sigma, Markov(np.arange(3.0), 2.0), space),
                          old.time_bounds, grid=grid)  # fmt: skip
            one = Problem(base.observed, base.error, (block,), base.time, base.site)
            answers.append(inversion.solve(one).total(two_regions(one)).covariance)
        assert answers[0] == pytest.approx(answers[1], rel=1e-9)


def test_the_choice_is_explained_and_memory_said_before() -> None:
    problem = random_problem()
    assert plan(problem).method == "dual"
    assert "fewer" in plan(random_problem(n=90, p=2)).reason
    told: list[str] = []
    inversion.solve(problem, announce=told.append)
    assert "MB" in told[0] and "36 x 36 matrix of the observations" in told[0]
    with pytest.raises(InputError, match=r"memory will not suffice.*needed about"):
        plan(problem, "dual", memory=1000.0)
    with pytest.raises(InputError, match="no such solver"):
        plan(problem, "magic")


def test_slow_convergence_is_said() -> None:
    with pytest.raises(InputError, match=r"did not converge.*rank"):
        inversion.solve(random_problem(), method="cg", iterations=2, rank=0).mean("land")
