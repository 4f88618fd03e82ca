"""The 12-hour Tacolneston posterior by PyMC: nine parameters, the model of ``bench_sampling.py`` written by hand."""

from __future__ import annotations

import logging
import sys
import time
import warnings

import arviz as az  # pyright: ignore[reportMissingImports]
import netCDF4
import numpy as np
import pymc as pm  # pyright: ignore[reportMissingImports]
from common import SHARED, processor, say

logging.getLogger("pymc").setLevel(logging.ERROR)
warnings.simplefilter("ignore")


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the design of four fluxes and four sides of the boundary, observations and their errors."""
    with netCDF4.Dataset(SHARED / "inversion" / "tac_ch4_2019" / "linear_problem_20190101.nc") as file:
        names = ("xsensitivity", "bcsensitivity", "Yobs", "Yerror")
        flux, side, y, error = (np.asarray(file[name][:12], float) for name in names)
    return np.concatenate([flux, side], axis=1), y, error


def main() -> None:
    design, y, error = problem()
    with pm.Model():
        flux = pm.TruncatedNormal("x", mu=1.0, sigma=1.0, lower=0.0, shape=4)
        side = pm.TruncatedNormal("b", mu=1.0, sigma=0.1, lower=0.0, shape=4)
        sigma = pm.Uniform("sigma", 0.1, 100.0)
        mean = design[:, :4] @ flux + design[:, 4:] @ side
        pm.Normal("y", mu=mean, sigma=pm.math.sqrt(error**2 + sigma**2), observed=y)
        took = []
        for seed in (1, 2):  # the second run finds its compiled code
            began, used = time.perf_counter(), processor()
            trace = pm.sample(2000, tune=1000, chains=4, cores=2, random_seed=seed, progressbar=False)
            took.append((time.perf_counter() - began, processor() - used))
    size = min(float(np.min(v)) for v in az.ess(trace).values())
    divergent = int(trace.sample_stats["diverging"].sum())
    note = f"from {size:,.0f} in {took[1][0]:.1f} s, first run {took[0][0]:.1f} s, {divergent} divergent"
    say("1,000 effective samples of the 12-hour Tacolneston posterior", took[1], "pymc", note, 1000.0 / size)


if __name__ == "__main__":
    sys.exit(main())
