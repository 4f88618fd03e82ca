"""H Q H' by the windows of the periods that observations see, against the dense product."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inversion.covariance import Covariance
from inversion.error import ObservationError, Term
from inversion.grid import Grid
from inversion.posterior import Posterior
from inversion.problem import Block, Problem
from inversion.sensitivity import Array, Dense, Slabs, Sparse
from inversion.solvers import exact, precondition, windows
from inversion.solvers.exact import Square
from inversion.solvers.factor import BandFactor, DualFactor
from inversion.solvers.krylov import krylov
from inversion.space import Independent, ZonalFourier, correlation_in_space
from inversion.time import Markov
from tests.inversion.problems import sparse, weeks

N, P, R = 40, 30, 12


def staggered(width: int = 6) -> Sparse:
    """Rows in any order that see one to `width` periods, with gaps; the eighth sees nothing."""
    rng = np.random.default_rng(0)
    h = np.zeros((P, N, R))
    for a in range(N):
        first = rng.integers(0, P - width)
        seen = first + rng.choice(width, rng.integers(1, width + 1), replace=False)
        h[seen, a] = rng.random((seen.size, R)) * (rng.random((seen.size, R)) < 0.4)
    h[:, 7] = 0.0
    return sparse(h)


def prior(length: float, space: Any) -> Covariance:
    rng = np.random.default_rng(1)
    return Covariance(rng.random((P, R)) + 0.1, Markov(np.cumsum(rng.random(P) + 0.2), length), space)


def wanted(h: Sparse, q: Covariance) -> Array:
    flat = h.dense().reshape(N, -1)
    return np.tril(flat @ q.dense() @ flat.T)


GRID = Grid.regular(np.linspace(45.0, 55.0, 4), np.arange(3) * 1.5)
SPACES = {
    "dense": correlation_in_space(GRID, 2e5),
    "independent": Independent(R),
    "zonal": ZonalFourier(GRID, "exponential", 2e5),
}


@pytest.mark.kernel
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("length", [0.0, 3.0, np.inf])
def test_windows_equal_the_dense_product(space: str, length: float, monkeypatch: pytest.MonkeyPatch) -> None:
    h, q = staggered(), prior(length, SPACES[space])
    monkeypatch.setattr(windows, "_SMALL", 1e-3)
    for few, inner, given in ((9.0, 1, h), (9.0, 60, h), (0.0, 60, h), (0.0, 60, Slabs(h.shape, h.slab))):
        monkeypatch.setattr(windows, "_FEW", few)
        monkeypatch.setattr(windows, "_INNER", inner)  # one period at a time, and five
        found = np.zeros((N, N), order="F")
        windows.add_windows(given, q, windows.windows_of(given, q.time), Square(found))
        assert np.abs(np.tril(found) - wanted(h, q)).max() < 1e-14 * np.abs(found).max()


@pytest.mark.kernel
def test_windows_of_sparse_and_slabs_are_the_same() -> None:
    h = staggered()
    lazy = Slabs(h.shape, h.slab)
    assert [w.tolist() for w in h.window()] == [w.tolist() for w in lazy.window()]
    assert (h.window()[0][7], h.window()[1][7]) == (P, -1)


@pytest.mark.kernel
@pytest.mark.parametrize("correlated", [False, True])
def test_the_factor_within_an_envelope_equals_the_full_one(correlated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    h, q = staggered(), prior(0.1, SPACES["dense"])
    bounds = weeks(P)
    block = Block("land", h, np.ones((P, R)), q, bounds, grid=GRID)
    rng = np.random.default_rng(2)
    terms = [Term("measurement", rng.random(N) + 0.1)]
    if correlated:
        terms.append(Term("transport", rng.random(N), np.arange(N) % 3, 0.02))
    error = ObservationError(tuple(terms), h.window()[0].astype(np.float64))
    site = np.array(list("ABC"))[np.arange(N) % 3]
    problem = Problem(rng.random(N), error, (block,), np.repeat(bounds[0, 0], N), site)
    full = exact.dual(problem)
    monkeypatch.setattr(exact, "_LEAST", 1)
    monkeypatch.setattr("inversion.solvers.band.WIDTH", 6)
    found = exact.dual(problem)
    assert isinstance(found, BandFactor) and isinstance(full, DualFactor)
    v = rng.random((N, 3))
    rows = np.array([30, 2, 11])
    for a, b in (
        (found.solve(v), full.solve(v)), (found.quadratic(v)[0], full.quadratic(v)[0]),
        (found.inverse(), full.inverse()), (found.between(rows), full.between(rows)),
        (found.variance(), full.variance()),
        (np.array(found.log_determinant()), np.array(full.log_determinant())),
    ):  # fmt: skip
        assert np.abs(a - b).max() < 1e-12 * np.abs(b).max()
    assert found.band.flat.size < 0.4 * N * N
    one, other = (Posterior(problem, problem, f).diagnostics() for f in (found, full))
    assert [one.signal, one.chi2] == pytest.approx([other.signal, other.chi2], rel=1e-10)
    chi2 = [[row.get("chi2", 0.0) for row in d.innovations] for d in (one, other)]
    assert chi2[0] == pytest.approx(chi2[1], rel=1e-10)


@pytest.mark.kernel
@pytest.mark.parametrize("rank", [3, R])
def test_gradients_with_patterns_agree_with_the_factor(rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second, small block sees all observations at once: it is added to the preconditioner by Woodbury's formula."""
    monkeypatch.setattr("inversion.solvers.band.WIDTH", 6)
    monkeypatch.setattr(precondition, "_SMALL", 5)
    rng = np.random.default_rng(4)
    h, q, bounds = staggered(), prior(0.1, SPACES["dense"]), weeks(P)
    land = Block("land", h, np.ones((P, R)), q, bounds, grid=GRID)
    side = Block("side", Dense(rng.random((1, N, 2))), np.ones((1, 2)),
                 Covariance(np.full((1, 2), 3.0), Markov([0.0], 0.0), Independent(2)),
                 np.array([[bounds[0, 0], bounds[-1, 1]]]), kind="boundary", labels=("N", "S"))  # fmt: skip
    error = ObservationError.independent(rng.random(N) + 0.1)
    problem = Problem(rng.random(N), error, (land, side), np.repeat(bounds[0, 0], N), np.repeat("A", N))
    v = rng.random((N, 3))
    found = krylov(problem, tolerance=1e-12, rank=rank, preconditioner="windows", columns=2)
    assert found.solve(v) == pytest.approx(exact.dual(problem).solve(v), rel=1e-9, abs=1e-10)
    assert max(found.used) < (12 if rank == R else 30)
    assert isinstance(found.preconditioner, precondition.Enveloped)


def test_patterns_keep_what_matters() -> None:
    grid = Grid.regular(np.linspace(45.0, 55.0, 8), np.arange(9) * 1.5)
    e = correlation_in_space(grid, 1e6)
    for few in (2000, 1):  # eigenvectors, and a pivoted decomposition
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(precondition, "_EIGEN", few)
            root = precondition.patterns(e, 30)
            rest = e.dense() - root @ root.T
            assert np.trace(rest) < 0.15 * 72
            assert np.linalg.eigvalsh(rest)[0] > -1e-9
            assert precondition.patterns(e, 72) @ precondition.patterns(e, 72).T == pytest.approx(e.dense(), abs=1e-9)
