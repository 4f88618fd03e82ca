"""Footprints on a dask cluster give the same answers; run where the extra ``cluster`` is installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import inversion
from ghg.core.errors import InputError
from inversion.sensitivity import Dense
from inversion.solvers.cluster import Spread, connect, spread
from tests.inversion.problems import flat_mean, random_problem, two_regions


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as one,
    ):
        yield one


@pytest.mark.filterwarnings("default")
def test_a_problem_on_a_cluster_has_the_same_answers(client: Any) -> None:
    problem = random_problem(as_sparse=True, share=0.3, withheld=np.arange(36) % 9 == 0)
    far = spread(problem, client, blocks=3, least=1)
    assert all(isinstance(b.sensitivity, Spread) for b in far.blocks)
    for method in ("cg", "dual"):
        here = inversion.solve(problem, method=method, tolerance=1e-12, rank=10)
        there = inversion.solve(far, method=method, tolerance=1e-12, rank=10)
        assert flat_mean(there) == pytest.approx(flat_mean(here), rel=1e-9)
        assert there.total(two_regions(problem)).covariance == pytest.approx(
            here.total(two_regions(problem)).covariance, rel=1e-9
        )
    first, second = (far.adjoint(np.ones((36, 2)))[0].tobytes() for _ in range(2))
    assert first == second
    with pytest.raises(InputError, match="another order"):
        far.take(np.array([3, 1]))


@pytest.mark.filterwarnings("default")
def test_workers_may_make_their_rows(client: Any) -> None:
    problem = random_problem(correlated=False)
    old = problem.blocks[0]
    values = old.sensitivity.dense().transpose(1, 0, 2)
    made = Spread.made(lambda rows: Dense(values[:, rows]), client, old.sensitivity.shape, 4, values.size)
    far = replace(problem, blocks=(replace(old, sensitivity=made), problem.blocks[1]))
    assert inversion.solve(far).mean("land") == pytest.approx(inversion.solve(problem).mean("land"), rel=1e-10)


def test_without_the_extra_the_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(InputError, match=r"distributed.*ghg-toolkit\[cluster\]"):
        connect("tcp://127.0.0.1:8786")
