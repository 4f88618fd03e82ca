"""The total of a unit-year with five systematic components by punpy: the model of ``bench_uncertainty.py``."""

from __future__ import annotations

import warnings

import numpy as np
import punpy  # pyright: ignore[reportMissingImports]
from common import best, say

HOURS, DRAWS, few_hours, few_draws = 8760, 1_000_000, 876, 1000
SHARES = (0.03, 0.015, 0.01, 0.005, 0.002)
rng = np.random.default_rng(1)
e = 60.0 + 40.0 * rng.random(HOURS)
ratios = [(s * (0.5 + rng.random(HOURS)))[:few_hours] for s in SHARES]
part = e[:few_hours] * 3600.0


def model(*factors: np.ndarray) -> np.ndarray:
    return np.atleast_1d((part * np.prod(factors, axis=0)).sum())


propagation = punpy.MCPropagation(few_draws)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    took = best(lambda: propagation.propagate_systematic(model, [np.ones(few_hours)] * 5, ratios), 2)
scale = DRAWS / few_draws * HOURS / few_hours
say("GUM-S1 of a unit-year, 1e6 draws, interval", took, "punpy",
    "1,000 draws of 876 hours, scaled up", scale)  # fmt: skip
