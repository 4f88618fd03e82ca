"""Uncertainty of an inventory: Monte Carlo with shared activities, the analytic covariance, and the floor, in one run.

Run ``python benchmarks/bench_inventories.py``: 20,000 sources x 15 species x 1,000 draws, one uncertain activity for a
source, shared by its species, and one factor for each of 40 fuels and species. The floor is the drawing of the
activities alone; the peer is the same product with numpy. Times are the best of several runs after an uncounted one.
"""

from __future__ import annotations

import numpy as np
from timing import best, record

from inventories.uncertainty.approach1 import covariance
from inventories.uncertainty.approach2 import ensemble
from inventories.uncertainty.budget import Budget

SOURCES, SPECIES, DRAWS, FUELS = 20_000, 15, 1_000, 40


def problem() -> Budget:
    rng = np.random.default_rng(1)
    fuel = rng.integers(0, FUELS, SOURCES)
    shared = (fuel[None, :] * SPECIES + np.arange(SPECIES)[:, None]).astype(np.int32)[None]
    shape = (SPECIES, SOURCES)
    return Budget(tuple(f"s{k}" for k in range(SPECIES)), rng.lognormal(size=shape), np.ones(shape, bool),
                  np.full(SOURCES, 0.05), np.zeros(shape), shared, tuple(f"c{i}" for i in range(FUELS * SPECIES)),
                  rng.uniform(0.02, 0.25, FUELS * SPECIES))  # fmt: skip


def by_numpy(budget: Budget) -> np.ndarray:
    """Return the drawn totals with plain numpy, one species at a time."""
    rng = np.random.default_rng(1)
    factor = 1.0 + rng.standard_normal((budget.u.size, DRAWS)) * budget.u[:, None]
    activity = 1.0 + rng.standard_normal((SOURCES, DRAWS)) * budget.u_activity[:, None]
    return np.stack([(budget.mass[k][:, None] * activity * factor[budget.shared[0, k]]).sum(axis=0)
                     for k in range(SPECIES)])  # fmt: skip


def main() -> None:
    budget = problem()
    rng = np.random.default_rng(1)
    rows = {
        "Monte Carlo, ours": best(lambda: ensemble(budget, draws=DRAWS)),
        "analytic covariance, ours": best(lambda: covariance(budget)),
        "floor: drawing the activities": best(lambda: rng.standard_normal((SOURCES, DRAWS))),
        "Monte Carlo, numpy": best(lambda: by_numpy(budget), runs=1),
    }
    for name, (wall, processor) in rows.items():
        print(f"{name:<32}{wall:8.3f} s   processor {processor:8.3f} s")
    task = "totals of 20,000 sources and 15 species with shared activities"
    record(f"{task}, 1,000 draws", rows["Monte Carlo, ours"], floor=rows["floor: drawing the activities"].wall,
           limit="drawing the activities by numpy", peer=rows["Monte Carlo, numpy"], who="numpy")  # fmt: skip
    record(f"{task}, analytic covariance", rows["analytic covariance, ours"], peer=rows["Monte Carlo, numpy"],
           who="numpy, by draws")  # fmt: skip
    u = np.sqrt(np.diag(covariance(budget)[0, :, 0, :]))
    drawn = ensemble(budget, draws=4 * DRAWS)[0].std(axis=1, ddof=1)
    print(f"largest difference of draws and analytic: {np.abs(drawn / u - 1).max():.1%}")


if __name__ == "__main__":
    main()
