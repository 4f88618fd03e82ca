"""Inversion: ours, the floor of the machine, and fips, in one run.

Run ``python benchmarks/bench_inversion.py [case ...]`` with cases small, medium, europe, sparse (the default),
exact-sparse, huge. Each runs in a process of its own, so that the memory is its own. The peer is measured where
``FIPS_PYTHON`` names the Python of an environment that has it. Wall and CPU time are both given.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

from inversion import Block, Covariance, Grid, ObservationError, Posterior, Problem, TotalSet, solve
from inversion.sensitivity import Dense, Sensitivity, Slabs, Sparse
from inversion.solvers.krylov import krylov
from inversion.space import ZonalFourier, correlation_in_space
from inversion.time import Markov
from inversion.totals import Totals

FIPS = """
import resource, time
import numpy as np, pandas as pd
from fips import InverseProblem
n, p, r, k = {n}, {p}, {r}, {k}
rng = np.random.default_rng(0)
h = rng.random((n, p * r)); x = np.ones(p * r)
side = int(round(r ** 0.5))
i, j = np.divmod(np.arange(r), r // side)
d = 1.0 * np.hypot(i[:, None] - i[None], j[:, None] - j[None])
e = np.exp(-d / 3.0); t = np.exp(-np.abs(np.subtract.outer(np.arange(p), np.arange(p))) / 2.0)
y = h @ x + rng.standard_normal(n)
state = pd.MultiIndex.from_product([["flux"], range(p * r)], names=["block", "i"])
obs = pd.MultiIndex.from_product([["obs"], range(n)], names=["block", "i"])
begin = time.perf_counter()
q = np.kron(t, e)
problem = InverseProblem(
    prior=pd.Series(x, index=state[:].droplevel(0), name="flux"), obs=pd.Series(y, index=obs.droplevel(0), name="obs"),
    forward_operator=pd.DataFrame(h, index=obs.droplevel(0), columns=state.droplevel(0)),
    prior_error=pd.DataFrame(q, index=state.droplevel(0), columns=state.droplevel(0)),
    modeldata_mismatch=pd.DataFrame(np.eye(n), index=obs.droplevel(0), columns=obs.droplevel(0)))
est = problem.solve(estimator="bayesian")
mean = est.estimator.x_hat
solved = time.perf_counter() - begin
s_hat = np.asarray(est.estimator.S_hat)
a = rng.random((k, p * r))
cov = a @ s_hat @ a.T
print(solved, time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""


def weeks(p: int) -> Any:
    edges = np.datetime64("2019-01-01", "ns") + np.arange(p + 1) * np.timedelta64(7 * 86400, "s")
    return np.stack([edges[:-1], edges[1:]], axis=1)


def problem_of(h: Sensitivity, grid: Grid, space: Any) -> Problem:
    n, p, r = h.shape
    bounds = weeks(p)
    centre = bounds.mean(axis=1).astype(float) / 1e9 if False else np.arange(p) * 7 * 86400.0
    q = Covariance(np.full((p, r), 0.5), Markov(centre, 14 * 86400.0), space)
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


def gemm_rate() -> float:
    a = np.random.default_rng(0).random((2000, 2000))
    a @ a
    times = []
    for _ in range(4):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * 2000**3 / min(times)


def square(cells: int) -> Grid:
    rows = round(cells**0.5)
    while cells % rows:
        rows -= 1
    return Grid.regular(np.linspace(40, 60, rows), np.linspace(-10, 20, cells // rows))


def dense_case(n: int, p: int, r: int, runs: int) -> None:
    rng = np.random.default_rng(0)
    values = np.empty((p, n, r))
    for t in range(p):
        values[t] = rng.random((n, r))
    grid = square(r)
    problem = problem_of(Dense(values), grid, correlation_in_space(grid, 2e5))
    totals = wanted(problem, 50)
    held = memory()
    wall, cpu, posterior, _ = measured(problem, totals, runs, method="dual")
    floor = (n * n * p * r + n * p * r * r + n**3 / 3) / gemm_rate()
    residual = posterior.diagnostics().residual if n < 2000 else np.nan
    print(f"ours, dual, float64: wall {wall:.2f} s, CPU {cpu:.2f} s, {memory():.2f} GB in all "
          f"(of it H {values.nbytes / 1e9:.2f}, before the solver {held:.2f}); residual {residual:.1e}")  # fmt: skip
    print(f"floor (n^2 m + n m r + n^3 / 3 at the measured {gemm_rate() / 1e9:.0f} GFLOP/s): {floor:.2f} s")


def small() -> None:
    dense_case(1000, 10, 900, 5)
    peer = os.environ.get("FIPS_PYTHON")
    if not peer:
        print("fips: not measured (FIPS_PYTHON is not set)")
        return
    run = subprocess.run([peer, "-c", FIPS.format(n=1000, p=10, r=900, k=50)], capture_output=True, text=True)
    if run.returncode:
        print("fips: failed:", run.stderr.strip().splitlines()[-1])
        return
    solved, whole, size = map(float, run.stdout.split()[-3:])
    print(f"fips: solve {solved:.1f} s, with covariance of totals {whole:.1f} s, {size:.2f} GB")


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
    floor = (n * n * p * r + n * p * r * r + n**3 / 3) / gemm_rate()
    print(f"ours, dual, float64, footprints made slab by slab: wall {wall:.1f} s, CPU {cpu:.1f} s, {memory():.2f} GB")
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


def sparse(n: int = 20_000, p: int = 1000, r: int = 1000, rank: int = 120) -> None:
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
    print(f"ours, CG to {factor.residual:.1e}, mean and 20 samples: wall {time.perf_counter() - wall:.1f} s, CPU "
          f"{time.process_time() - cpu:.1f} s, iterations {factor.used}, {memory():.2f} GB")  # fmt: skip


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
    grid = Grid.regular(np.linspace(10.729, 79.057, 293), np.linspace(-97.9, 39.38, 391))
    start = time.perf_counter()
    space = ZonalFourier(grid, "exponential", 2e5)
    x = np.random.default_rng(0).standard_normal((grid.cells, 1, 64))
    built = time.perf_counter() - start
    start = time.perf_counter()
    space.apply(x)
    print(f"293 x 391 cells, exact great-circle exponential: built in {built:.1f} s, 64 products in "
          f"{time.perf_counter() - start:.2f} s, {memory():.2f} GB")  # fmt: skip


CASES = {"small": small, "medium": medium, "europe": europe, "sparse": sparse, "exact-sparse": exact_sparse,
         "huge": huge}  # fmt: skip


def main() -> None:
    """Run the cases, each in a process of its own."""
    if len(sys.argv) == 3 and sys.argv[1] == "--one":
        CASES[sys.argv[2]]()
        return
    for case in sys.argv[1:] or ["small", "medium", "europe", "sparse"]:
        print(f"== {case}", flush=True)
        subprocess.run([sys.executable, __file__, "--one", case], check=False)


if __name__ == "__main__":
    main()
