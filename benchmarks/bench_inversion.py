"""Inversion: ours, the floor of the machine, and dense NumPy, in one run.

Run ``python benchmarks/bench_inversion.py [case ...]`` with cases small, europe, sparse (the default), medium,
exact-sparse, huge. Each runs in a process of its own, so that the memory is its own. Wall and CPU time are both given.
Floors are operations at the rate of a matrix product. The peer fips has an environment of its own
(``table.py --peers fips``).
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
from floors import GEMM, gemm_rate, products
from timing import Took, best, least, missed, record, short

from inversion import Block, Covariance, Grid, ObservationError, Posterior, Problem, TotalSet, solve
from inversion.sensitivity import Dense, Sensitivity, Slabs, Sparse
from inversion.solvers.krylov import krylov
from inversion.space import ZonalFourier, correlation_in_space
from inversion.time import Markov
from inversion.totals import Totals


def weeks(p: int) -> Any:
    edges = np.datetime64("2019-01-01", "ns") + np.arange(p + 1) * np.timedelta64(7 * 86400, "s")
    return np.stack([edges[:-1], edges[1:]], axis=1)


def problem_of(h: Sensitivity, grid: Grid, space: Any) -> Problem:
    n, p, r = h.shape
    bounds = weeks(p)
    q = Covariance(np.full((p, r), 0.5), Markov(np.arange(p) * 7 * 86400.0, 14 * 86400.0), space)
    block = Block("flux", h, np.ones((p, r)), q, bounds, grid=grid)
    y = h.forward(np.ones((r, p, 1)))[:, 0] + np.random.default_rng(1).standard_normal(n)
    error = ObservationError.independent(np.ones(n))
    return Problem(y, error, (block,), np.repeat(bounds[0, 0], n), np.repeat("A", n))


def wanted(problem: Problem, regions: int) -> TotalSet:
    grid = problem.blocks[0].grid
    assert grid is not None
    label = np.arange(grid.cells) * regions // grid.cells
    whole = problem.blocks[0].time_bounds
    return TotalSet.of(problem, {f"r{k}": (label == k) * 1.0 for k in range(regions)},
                       np.array([[whole[0, 0], whole[-1, 1]]]))  # fmt: skip


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measured(
    problem: Problem, totals: TotalSet, runs: int = 1, **options: Any
) -> tuple[float, float, Posterior, Totals]:
    """Solve, get the mean map and the totals; best wall and CPU time."""
    best = (np.inf, np.inf)
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        posterior = solve(problem, **options)
        posterior.mean("flux")
        found = posterior.total(totals)
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return *best, posterior, found


def square(cells: int) -> Grid:
    rows = round(cells**0.5)
    while cells % rows:
        rows -= 1
    return Grid.regular(np.linspace(40, 60, rows), np.linspace(-10, 20, cells // rows))


def dense_case(n: int, p: int, r: int, runs: int) -> None:
    rng = np.random.default_rng(0)
    values = np.empty((p, n, r))
    for t in range(p):
        rng.random(out=values[t])
    grid = square(r)
    problem = problem_of(Dense(values), grid, correlation_in_space(grid, 2e5))
    totals = wanted(problem, 50)
    held = memory()
    wall, cpu, posterior, _ = measured(problem, totals, runs, method="dual")
    most = memory()
    floor = products(n * n * p * r + n * p * r * r + n**3 / 3)
    residual = posterior.diagnostics().residual if n < 2000 else np.nan
    print(f"ours, dual, float64: wall {wall:.2f} s, CPU {cpu:.2f} s, {most:.2f} GB in all "
          f"(of it H {values.nbytes / 1e9:.2f}, before the solver {held:.2f}); residual {residual:.1e}")  # fmt: skip
    print(f"floor (n^2 m + n m r + n^3 / 3 at the measured {gemm_rate() / 1e9:.0f} GFLOP/s): {floor:.2f} s")
    mean = np.asarray(posterior.mean("flux")).reshape(p * r)
    plain = best(lambda: np.testing.assert_allclose(dense_numpy(problem, values, totals)[0], mean, rtol=1e-6), 1)
    print(f"dense NumPy: {plain.wall:.2f} s, CPU {plain.cpu:.2f} s, {memory():.2f} GB")
    record(f"inversion, n = {n:,}, m = {p * r:,}, 50 totals", Took(wall, cpu), floor=floor, limit=GEMM, peer=plain,
           who="NumPy, dense matrices")  # fmt: skip


def dense_numpy(problem: Problem, values: np.ndarray, totals: TotalSet) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the covariance of totals by the text-book formulas."""
    p, n, r = values.shape
    h = values.transpose(1, 0, 2).reshape(n, p * r)
    space = problem.blocks[0].covariance.space.apply(np.eye(r))
    q = 0.25 * np.kron(np.exp(-0.5 * np.abs(np.subtract.outer(np.arange(p), np.arange(p)))), space)
    qh = q @ h.T
    s = h @ qh + np.eye(n)
    mean = 1.0 + qh @ np.linalg.solve(s, problem.observed - h.sum(axis=1))
    label = np.arange(r) * 50 // r
    a = np.tile((label == np.arange(50)[:, None]) * 1.0, p)
    w = a @ qh
    return mean, a @ q @ a.T - w @ np.linalg.solve(s, w.T)


def small() -> None:
    if short():
        dense_case(300, 5, 400, 3)
    else:
        dense_case(1000, 10, 900, 5)


def generated(n: int, p: int, r: int) -> Slabs:
    """Footprints made when they are asked for, the same each time: dense, out of core."""
    base = np.random.default_rng(0).random((n, r))

    def read(t: int) -> tuple[None, np.ndarray]:
        return None, np.roll(base, 17 * t, axis=0) if t % 2 else np.roll(base, 31 * t, axis=1)

    return Slabs((n, p, r), read)


def medium() -> None:
    n, p, r = 5000, 200, 1000
    grid = square(r)
    problem = problem_of(generated(n, p, r), grid, correlation_in_space(grid, 2e5))
    wall, cpu, _, _ = measured(problem, wanted(problem, 50), 1, method="dual")
    most = memory()
    floor = products(n * n * p * r + n * p * r * r + n**3 / 3)
    record(f"inversion, n = {n:,}, m = {p * r:,}, 50 totals", Took(wall, cpu), floor=floor, limit=GEMM)
    print(f"ours, dual, float64, footprints made slab by slab: wall {wall:.1f} s, CPU {cpu:.1f} s, {most:.2f} GB")
    print(f"floor: {floor:.1f} s at {gemm_rate() / 1e9:.0f} GFLOP/s")


def seen_over(n: int, p: int, r: int, window: int, share: float) -> Sparse:
    """Footprints that see the last `window` periods, `share` of the cells in each."""
    rng = np.random.default_rng(0)
    cells = max(1, int(share * r))
    last = np.sort(rng.integers(window - 1, p, n))
    column = np.empty(n * window * cells, dtype=np.int32)
    back = np.arange(window)[::-1, None]
    for a in range(n):
        cell = np.sort((rng.integers(0, r, (window, 1)) + np.arange(cells)) % r, axis=1)
        column[a * window * cells : (a + 1) * window * cells] = ((last[a] - back) * r + cell).ravel()
    values = rng.random(column.size, dtype=np.float32)
    return Sparse.of_columns((n, p, r), np.arange(n + 1, dtype=np.int64) * window * cells, column, values)


def seen_squared(h: Sparse) -> float:
    """Return the sum over periods of the square of the number of rows that see it."""
    _, p, r = h.shape
    first, last = h.column[h.indptr[:-1]] // r, h.column[h.indptr[1:] - 1] // r
    change = np.bincount(first, minlength=p + 1) - np.bincount(last + 1, minlength=p + 1)
    return float((np.cumsum(change)[:p].astype(float) ** 2).sum())


def sparse(n: int = 20_000, p: int = 1000, r: int = 1000, rank: int = 120) -> None:
    if short():
        n, p, r, rank = 400, 100, 100, 30
    grid = square(r)
    problem = problem_of(seen_over(n, p, r, 80, 0.05), grid, correlation_in_space(grid, 2e5))
    problem.blocks[0].sensitivity.adjoint(np.ones((n, 1)))
    wall, cpu = time.perf_counter(), time.process_time()
    posterior = solve(problem, method="cg", tolerance=1e-4, rank=rank)
    factor: Any = posterior.factor
    print(f"preconditioner of rank {rank} ({type(factor.preconditioner).__name__}): wall "
          f"{time.perf_counter() - wall:.1f} s, CPU {time.process_time() - cpu:.1f} s", flush=True)  # fmt: skip
    posterior.samples(20)
    posterior.mean("flux")
    took = Took(time.perf_counter() - wall, time.process_time() - cpu)
    h: Any = problem.blocks[0].sensitivity
    work = rank * seen_squared(h) + (factor.used[0] + 20 * factor.used[-1]) * (4.0 * h.values.size + 2.0 * p * r * r)
    record(f"conjugate gradients, n = {n:,}, m = {p * r:,}, mean and 20 samples", took, floor=products(work),
           limit="operations of preconditioner and iterations at the rate of a matrix product")  # fmt: skip
    print(f"ours, CG to {factor.residual:.1e}, mean and 20 samples: wall {took.wall:.1f} s, CPU "
          f"{took.cpu:.1f} s, iterations {factor.used}, {memory():.2f} GB")  # fmt: skip


def huge(n: int = 100_000, p: int = 1000, r: int = 1000, rank: int = 100) -> None:
    """Fifty totals without any matrix of observations but an approximate one in single precision."""
    grid = square(r)
    problem = problem_of(seen_over(n, p, r, 80, 0.05), grid, correlation_in_space(grid, 2e5))
    print(f"problem made: {memory():.2f} GB", flush=True)
    wall, cpu = time.perf_counter(), time.process_time()
    factor = krylov(problem, tolerance=1e-4, rank=rank, columns=17)
    print(f"preconditioner of rank {rank}: wall {time.perf_counter() - wall:.1f} s, CPU "
          f"{time.process_time() - cpu:.1f} s, {memory():.2f} GB", flush=True)  # fmt: skip
    totals = Posterior(problem, problem, factor).total(wanted(problem, 50))
    worst = float(np.max(totals.bound / np.diag(totals.covariance)))
    print(f"ours, 50 totals: wall {time.perf_counter() - wall:.1f} s, CPU {time.process_time() - cpu:.1f} s, "
          f"{memory():.2f} GB; iterations {factor.used}, residual {factor.residual:.1e}, error of a posterior variance "
          f"at most {worst:.1e} of it")  # fmt: skip


def exact_sparse(n: int = 20_000, p: int = 1000, r: int = 1000) -> None:
    grid = square(r)
    problem = problem_of(seen_over(n, p, r, 80, 0.05), grid, correlation_in_space(grid, 2e5))
    wall, cpu, _, _ = measured(problem, wanted(problem, 50), 1, method="dual", memory=1e12)
    print(f"ours, dual, exact: wall {wall:.1f} s, CPU {cpu:.1f} s, {memory():.2f} GB")


def europe() -> None:
    from scipy.fft import irfft, rfft

    grid = Grid.regular(np.linspace(10.729, 79.057, 293), np.linspace(-97.9, 39.38, 391))
    start = time.perf_counter()
    space = ZonalFourier(grid, "exponential", 2e5)
    x = np.random.default_rng(0).standard_normal((grid.cells, 1, 64))
    built = time.perf_counter() - start
    took = best(lambda: space.apply(x), 2)
    print(f"293 x 391 cells, exact great-circle exponential: built in {built:.1f} s, 64 products in "
          f"{took.wall:.2f} s, {memory():.2f} GB")  # fmt: skip
    circle = 2 * (space._spectra.shape[0] - 1)
    rows = x.reshape(293, 391, 64).transpose(2, 0, 1).copy()
    turned = least(lambda: irfft(rfft(rows, n=circle, axis=2), n=circle, axis=2), 2)
    floor = turned + products(2.0 * 2 * 64 * (circle // 2 + 1) * 293**2)
    record("64 products with the covariance of 114,563 cells", took, floor=floor,
           limit="transforms by SciPy, then operations at the rate of a matrix product")  # fmt: skip


CASES = {"small": small, "medium": medium, "europe": europe, "sparse": sparse, "exact-sparse": exact_sparse,
         "huge": huge}  # fmt: skip


def main() -> None:
    """Run the cases, each in a process of its own."""
    if len(sys.argv) == 3 and sys.argv[1] == "--one":
        CASES[sys.argv[2]]()
        return
    usual = ["small", "sparse"] if short() else ["small", "europe", "sparse"]
    failed = []
    for case in sys.argv[1:] or usual:
        print(f"== {case}", flush=True)
        if short():
            CASES[case]()
        elif subprocess.run([sys.executable, __file__, "--one", case], check=False).returncode:
            failed.append(case)
    if not sys.argv[1:]:
        missed("the dense case of n = 5,000 and m = 200,000, the exact sparse case, and n = 100,000: minutes to hours "
               "each, by name only (bench_inversion.py medium exact-sparse huge)")  # fmt: skip
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
