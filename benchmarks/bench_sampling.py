"""Effective samples a second of the 12-hour Tacolneston posterior: 4 fluxes, 4 boundary sides, one model error.

Run ``python benchmarks/bench_sampling.py [FOLDER]``; FOLDER holds the inversion data (by default
``../shared/data/inversion`` beside the project). The peer's numbers were measured once on this kind of machine and are
not repeated here: it needs an environment of 1.5 GB of its own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import xarray as xr

from inversion.sampling import Prior, sample_linear

GOAL = 10_000.0  # effective samples a second, the worst parameter


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/inversion") / "tac_ch4_2019"
    with xr.open_dataset(folder / "linear_problem_20190101.nc") as ds:
        hours = slice(0, 12)
        design = np.concatenate([ds["xsensitivity"].values[hours], ds["bcsensitivity"].values[hours]], axis=1)
        y, error = ds["Yobs"].values[hours], ds["Yerror"].values[hours]
    prior = Prior(np.ones(8), np.r_[np.ones(4), np.full(4, 0.1)], 0.0)

    def run(draws: int):
        return sample_linear(y, design, error, prior, model_error=[(0.1, 100.0)], draws=draws, warm=500)

    run(10)
    times = []
    for _ in range(5):
        start, cpu = time.perf_counter(), time.process_time()
        samples = run(20_000)
        times.append((time.perf_counter() - start, time.process_time() - cpu))
    wall, cpu = min(t[0] for t in times), min(t[1] for t in times)
    table = samples.summary()
    worst, r_hat = float(table["effective_size"].min()), float(table["r_hat"].max())
    print(f"80,000 draws of 4 chains: {wall:.2f} s, {cpu:.2f} s of processor; worst effective size {worst:,.0f}, "
          f"R-hat {r_hat:.4f}, {samples.divergent} divergent")  # fmt: skip
    print(f"effective samples a second      {worst / wall:10,.0f}   goal {GOAL:,.0f}")
    print(f"  a second of processor         {worst / cpu:10,.0f}")
    print("peers, measured once: openghg-inversions 0.7.4 24 to 57, 32 to 35 divergent; PyMC written by hand 243")


if __name__ == "__main__":
    main()
