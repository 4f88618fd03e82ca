"""Bases with their aggregation error have exactly the posterior of the full grid; without it they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import inversion
import inversion.diagnostics
from ghg.core.errors import InputError
from inversion.basis import quadtree, regional, weighted
from inversion.covariance import Covariance
from inversion.merged import merge
from inversion.totals import TotalSet
from tests.inversion.problems import random_problem, two_regions

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("method", ["dual", "primal", "cg"])
def test_group_means_have_the_posterior_of_the_full_grid(method: str) -> None:
    problem = random_problem(p=3)
    labels = regional({"a": (np.arange(12) < 4) * 1.0, "b": (np.arange(12) >= 9) * 1.0})
    small = merge(problem, "land", labels)
    full, found = inversion.solve(problem), inversion.solve(small, method=method, tolerance=1e-12)
    groups = TotalSet.of(problem, {f"g{k}": (labels == k) * 1.0 for k in range(3)})
    expected, given = full.total(groups), found.total(groups)
    assert given.prior == pytest.approx(expected.prior, rel=1e-12)
    assert given.posterior == pytest.approx(expected.posterior, rel=1e-8)
    assert np.abs(given.covariance - expected.covariance).max() < 1e-9 * expected.covariance.max()
    # without what is within groups, the aggregation error, the means of groups are too sure of themselves
    bare = replace(small, blocks=tuple(replace(b, basis=None) for b in small.blocks if b.kind != "rest"))
    proud = inversion.solve(bare).total(TotalSet.of(bare, {f"g{k}": np.eye(3)[k] for k in range(3)}))
    assert (proud.u < 0.9 * expected.u).any()


def test_divisions_cover_every_cell_once_and_follow_the_weight() -> None:
    weight = np.zeros((8, 8))
    weight[:2, :2] = 1.0
    for divide in (quadtree, weighted):
        labels = divide(weight.ravel(), (8, 8), 13)
        assert labels.shape == (64,) and set(labels) == set(range(labels.max() + 1)) and 13 <= labels.max() + 1 <= 15
        sizes = np.bincount(labels)
        assert sizes[labels.reshape(8, 8)[:2, :2].ravel()].max() <= 2  # fine where the weight is
        assert sizes.max() >= 8
    with pytest.raises(InputError, match="negative or missing"):
        quadtree(-weight.ravel(), (8, 8), 4)
    with pytest.raises(InputError, match="a group for each cell"):
        merge(random_problem(), "land", np.zeros(5, dtype=np.int64))


@pytest.mark.parametrize("method", ["dual", "primal"])
def test_a_merged_block_has_the_totals_and_maps_of_the_full_grid_whatever_its_groups(method: str) -> None:
    problem = random_problem(p=2, n=24, correlated=False, withheld=np.arange(24) % 5 == 0)
    full, wanted = inversion.solve(problem), two_regions(problem)  # regions that cut through groups
    labels = np.arange(12) % 3
    small = merge(problem, "land", labels)
    found = inversion.solve(small, method=method)
    assert [b.size for b in small.blocks] == [6, 4, 18]  # 2 x 12 cells less 2 x 3 group means are within groups
    a, b = full.total(wanted), found.total(wanted)
    assert b.prior == pytest.approx(a.prior, rel=1e-12) and b.posterior == pytest.approx(a.posterior, rel=1e-8)
    assert np.abs(b.prior_covariance - a.prior_covariance).max() < 1e-10 * a.prior_covariance.max()
    assert np.abs(b.covariance - a.covariance).max() < 1e-8 * a.covariance.max()
    assert found.predicted() == pytest.approx(full.predicted(), rel=1e-8)
    basis, rest = small.blocks[0].basis, small.blocks[2].name
    assert basis is not None and rest == "land, within groups"
    z, u = found.mean("land").reshape(-1, 1), found.mean(rest).reshape(-1, 1)
    expected = full.mean("land")
    assert pytest.approx(expected, rel=1e-8) == basis.map_of(z, u)[:, :, 0].T
    drawn = found.samples(3000, seed=2)
    maps = basis.draw_maps(drawn[0].reshape(6, -1), drawn[2].reshape(18, -1), np.random.default_rng(3))
    spread = full.deviation("land")
    assert pytest.approx(spread, rel=0.06) == maps.std(axis=2, ddof=1).T
    left, again = (inversion.diagnostics.leave_out(x, totals=wanted) for x in (full, found))
    for one, two in zip(left, again, strict=True):
        assert one.totals is not None and two.totals is not None
        assert two.totals.posterior == pytest.approx(one.totals.posterior, rel=1e-7)
        assert two.totals.u == pytest.approx(one.totals.u, rel=1e-6)


def test_cells_without_uncertainty_belong_to_no_group() -> None:
    problem = random_problem(p=1, n=12)
    land = problem.blocks[0]
    assert isinstance(land.covariance, Covariance)
    sigma = land.covariance.sigma.copy()
    sigma[0, :4] = 0.0
    sea = replace(problem, blocks=(replace(land, covariance=replace(land.covariance, sigma=sigma)), problem.blocks[1]))
    small = merge(sea, "land", np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]))
    assert small.block("land").size == 2
    a, b = (inversion.solve(x).total(two_regions(problem)) for x in (sea, small))
    assert b.posterior == pytest.approx(a.posterior, rel=1e-8) and b.u == pytest.approx(a.u, rel=1e-8)
