"""Bases with their aggregation error have exactly the posterior of the full grid; without it they do not."""

from __future__ import annotations

import numpy as np
import pytest

import inversion
from ghg.core.errors import InputError
from inversion.basis import aggregate, quadtree, regional, weighted
from inversion.totals import TotalSet
from tests.inversion.problems import random_problem

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("method", ["dual", "primal", "cg"])
def test_group_means_have_the_posterior_of_the_full_grid(method: str) -> None:
    problem = random_problem(p=3)
    labels = regional({"a": (np.arange(12) < 4) * 1.0, "b": (np.arange(12) >= 9) * 1.0})
    small = aggregate(problem, "land", labels)
    full, found = inversion.solve(problem), inversion.solve(small, method=method, tolerance=1e-12)
    at = {k: (labels == k) * 1.0 for k in range(3)}
    expected = full.total(TotalSet.of(problem, {f"g{k}": at[k] for k in at}))
    given = found.total(TotalSet.of(small, {f"g{k}": np.eye(3)[k] for k in at}))
    assert given.prior == pytest.approx(expected.prior, rel=1e-12)
    assert given.posterior == pytest.approx(expected.posterior, rel=1e-8)
    assert np.abs(given.covariance - expected.covariance).max() < 1e-9 * expected.covariance.max()
    proud = inversion.solve(aggregate(problem, "land", labels, error=False)).total(
        TotalSet.of(small, {f"g{k}": np.eye(3)[k] for k in at})
    )
    assert (proud.u < 0.9 * expected.u).any()  # too sure of itself


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
        aggregate(random_problem(), "land", np.zeros(5, dtype=np.int64))
