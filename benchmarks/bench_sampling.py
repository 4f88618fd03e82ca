"""Effective samples a second of the 12-hour Tacolneston posterior: 4 fluxes, 4 boundary sides, one model error.

Run ``python benchmarks/bench_sampling.py [FOLDER]``; FOLDER holds the inversion data (by default
``../shared/data/inversion`` beside the project). The floor is the algebra that no sampler of this model can spare: one
Cholesky factor of 12 x 12 for each effective sample, by NumPy in one batch. The peer has an environment of its own
(``table.py --peers pymc``).
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import xarray as xr
from timing import Took, best, least, missed, record, short

from inversion.sampling import Prior, sample_linear

GOAL = 10_000.0  # effective samples a second, the worst parameter


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/inversion") / "tac_ch4_2019"
    if not folder.is_dir():
        missed("effective samples of the Tacolneston posterior: its data are not beside the project")
        return
    with xr.open_dataset(folder / "linear_problem_20190101.nc") as ds:
        hours = slice(0, 12)
        design = np.concatenate([ds["xsensitivity"].values[hours], ds["bcsensitivity"].values[hours]], axis=1)
        y, error = ds["Yobs"].values[hours], ds["Yerror"].values[hours]
    deviation = np.r_[np.ones(4), np.full(4, 0.1)]
    prior = Prior(np.ones(8), deviation, 0.0)

    def run(draws: int):
        return sample_linear(y, design, error, prior, model_error=[(0.1, 100.0)], draws=draws, warm=500)

    run(10)
    draws = 2_000 if short() else 20_000
    wall, cpu = best(lambda: run(draws), 2 if short() else 5)
    samples = run(draws)
    table = samples.summary()
    worst, r_hat = float(table["effective_size"].min()), float(table["r_hat"].max())
    print(f"{4 * draws:,} draws of 4 chains: {wall:.2f} s, {cpu:.2f} s of processor; worst effective "
          f"size {worst:,.0f}, R-hat {r_hat:.4f}, {samples.divergent} divergent")  # fmt: skip
    print(f"effective samples a second      {worst / wall:10,.0f}   goal {GOAL:,.0f}")
    print(f"  a second of processor         {worst / cpu:10,.0f}")
    cov = np.diag(error**2) + (design * deviation**2) @ design.T
    batch = np.broadcast_to(cov, (1000, *cov.shape)).copy()
    floor = least(lambda: np.linalg.cholesky(batch))
    share = 1000.0 / worst
    print(f"floor: {1000 / floor:10,.0f} Cholesky factors of {len(y)} x {len(y)} a second, NumPy, one core")
    record("1,000 effective samples of the 12-hour Tacolneston posterior", Took(wall, cpu).times(share), floor=floor,
           limit="a 12 x 12 Cholesky factor for each, NumPy")  # fmt: skip


if __name__ == "__main__":
    main()
