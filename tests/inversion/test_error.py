"""Observation errors correlated in time, by site and between levels of a tower; correlations of totals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import inversion
from ghg.core.errors import InputError
from inversion.error import ObservationError, Term, site_terms
from inversion.sensitivity import Array
from tests.inversion.problems import dense_answer, flat_columns, random_problem, two_regions

pytestmark = pytest.mark.kernel
SITES = np.array(["TAC 54", "TAC 185", "MHD"] * 8)
HEIGHT = np.array([54.0, 185.0, 10.0] * 8)
TIME: Array = np.repeat(np.arange(8) * 3600.0, 3).astype(np.float64)
TOWER = {"TAC 54": "TAC", "TAC 185": "TAC"}


def towers(rng: np.random.Generator) -> ObservationError:
    """Two levels of one tower at the same hours, another site, white noise beside."""
    lengths = {"TAC 54": 7200.0, "TAC 185": 7200.0, "MHD": 36000.0}
    terms = site_terms("transport", rng.random(24) + 0.5, SITES, lengths, tower=TOWER, height_length=100.0)
    return ObservationError((Term("measurement", rng.random(24) + 0.1), *terms), TIME, HEIGHT)


def test_the_matrix_is_written_out(rng: np.random.Generator) -> None:
    error = towers(rng)
    white, tac, mhd = (np.asarray(t.sigma) for t in error.terms)
    assert [t.name for t in error.terms] == ["measurement", "transport TAC", "transport MHD"]
    expected = np.zeros((24, 24))
    for i in range(24):
        for j in range(24):
            gap = abs(TIME[i] - TIME[j])
            if SITES[i] == SITES[j] == "MHD":
                expected[i, j] = mhd[i] * mhd[j] * np.exp(-gap / 36000.0)
            elif SITES[i] != "MHD" and SITES[j] != "MHD":
                expected[i, j] = tac[i] * tac[j] * np.exp(-gap / 7200.0 - abs(HEIGHT[i] - HEIGHT[j]) / 100.0)
        expected[i, i] += white[i] ** 2
    assert error.dense() == pytest.approx(expected, rel=1e-13)
    x = rng.standard_normal((24, 3))
    assert error.apply(x) == pytest.approx(expected @ x, rel=1e-11, abs=1e-12)
    assert error.solve(error.apply(x)) == pytest.approx(x, rel=1e-9, abs=1e-10)
    assert error.bound(x) == pytest.approx(np.sum(x * np.linalg.solve(expected, x), axis=0), rel=1e-10)
    assert sorted(len(g) for g in error.groups()) == [8, 16]  # the levels belong together, the other site does not


@pytest.mark.slow
def test_draws_have_the_covariance(rng: np.random.Generator) -> None:
    error = towers(rng)
    count = 40_000
    draws = error.sample(rng, count)
    scale = np.sqrt(error.variance())
    found = draws @ draws.T / count / np.outer(scale, scale)
    expected = error.dense() / np.outer(scale, scale)
    assert np.abs((found - expected) / np.sqrt((1.0 + expected**2) / count)).max() < 5.0


def test_the_bound_holds_where_the_matrix_is_not_factored(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = towers(rng)
    x = rng.standard_normal((24, 2))
    exact = error.bound(x)
    monkeypatch.setattr("inversion.error._BLOCK", 10)
    assert (error.bound(x) > exact).all()
    alone = ObservationError(error.terms[1:], TIME, HEIGHT)
    assert np.isinf(alone.bound(x)).all()
    with pytest.raises(InputError, match=r"correlated among themselves.*group errors by site"):
        towers(rng).solve(x)  # a new one: factors are kept


def test_solvers_agree_with_towers_and_the_correlation_of_regions_is_exact(rng: np.random.Generator) -> None:
    problem = replace(random_problem(n=24, p=3), error=towers(rng), site=SITES)
    mean, covariance = dense_answer(problem)
    totals = two_regions(problem)
    for method in ("dual", "primal", "cg"):
        posterior = inversion.solve(problem, method=method, tolerance=1e-12)
        a = flat_columns(posterior, totals)
        exact = a.T @ covariance @ a
        u = np.sqrt(np.diag(exact))
        found = posterior.total(totals)
        assert np.abs(found.posterior - a.T @ mean).max() < 1e-9 * np.abs(a.T @ mean).max()
        assert found.correlation == pytest.approx(exact / np.outer(u, u), rel=1e-7, abs=1e-9)
    years = found.over_time("all")
    assert years.labels == [("land", "north"), ("land", "south")]
    weight = np.kron(np.eye(2), np.full((1, 3), 1.0 / 3.0))
    year = weight @ exact @ weight.T
    assert years.covariance == pytest.approx(year, rel=1e-8)
    assert years.correlation[0, 1] == pytest.approx(year[0, 1] / np.sqrt(year[0, 0] * year[1, 1]), rel=1e-7)
    assert abs(years.correlation[0, 1]) > 0.05


def test_lengths_by_site_that_do_not_fit() -> None:
    one = site_terms("transport", 1.0, SITES, 3600.0, tower=TOWER)
    assert len(one) == 1 and one[0].name == "transport" and one[0].group is not None
    with pytest.raises(InputError, match=r"no correlation time.*TAC 185"):
        site_terms("transport", 1.0, SITES, {"TAC 54": 1.0, "MHD": 1.0})
    with pytest.raises(InputError, match=r"different correlation times.*TAC"):
        site_terms("transport", 1.0, SITES, {"TAC 54": 1.0, "TAC 185": 2.0, "MHD": 1.0}, tower=TOWER)
    with pytest.raises(InputError, match="no heights"):
        ObservationError(site_terms("transport", 1.0, SITES, 1.0, tower=TOWER, height_length=50.0), TIME)
