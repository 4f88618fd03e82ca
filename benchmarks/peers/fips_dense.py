"""1,000 observations, 9,000 unknowns and the covariance of 50 totals by fips, as ``bench_inversion.py small``."""

from __future__ import annotations

import resource
import time

import numpy as np
import pandas as pd
from common import processor, say
from fips import InverseProblem  # pyright: ignore[reportMissingImports]

n, p, r, k = 1000, 10, 900, 50
rng = np.random.default_rng(0)
h, x = rng.random((n, p * r)), np.ones(p * r)
side = round(r**0.5)
i, j = np.divmod(np.arange(r), r // side)
space = np.exp(-np.hypot(i[:, None] - i[None], j[:, None] - j[None]) / 3.0)
time_ = np.exp(-np.abs(np.subtract.outer(np.arange(p), np.arange(p))) / 2.0)
y = h @ x + rng.standard_normal(n)
state = pd.MultiIndex.from_product([["flux"], range(p * r)], names=["block", "i"]).droplevel(0)
obs = pd.MultiIndex.from_product([["obs"], range(n)], names=["block", "i"]).droplevel(0)
begin, used = time.perf_counter(), processor()
q = np.kron(time_, space)
problem = InverseProblem(
    prior=pd.Series(x, index=state, name="flux"),
    obs=pd.Series(y, index=obs, name="obs"),
    forward_operator=pd.DataFrame(h, index=obs, columns=state),
    prior_error=pd.DataFrame(q, index=state, columns=state),
    modeldata_mismatch=pd.DataFrame(np.eye(n), index=obs, columns=obs),
)
found = problem.solve(estimator="bayesian")
mean = found.estimator.x_hat
covariance = np.asarray(found.estimator.S_hat)
a = rng.random((k, p * r))
totals = a @ covariance @ a.T
took = time.perf_counter() - begin, processor() - used
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
say(f"inversion, n = {n:,}, m = {p * r:,}, {k} totals", took, "fips", f"one run, {memory:.1f} GB")
