"""Simulated stations with known truth: coverage, wrong cylinders, spikes.

Run ``python benchmarks/coverage_station.py [REPLICATES] [coverage] [wrong] [spikes]`` (200 and all by default, half an
hour). Every replicate draws the
errors of the cylinders and of the water coefficients anew, so that the systematic part is judged too.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from sensors.station.simulation import Scenario
from sensors.station.trial import spike_scores, summary, trial

USUAL = Scenario(every=20.0, white=0.03)  # a row each 20 s, its noise that of the mean of rows each 5 s
CASES = {
    "usual": USUAL,
    "random noise dominates": replace(USUAL, u_tank=0.003, u_water=0.0, flicker=0.03, walk=0.06, white=0.15),
    "drift dominates": replace(USUAL, u_tank=0.005, u_water=1e-6, walk=0.15, day=0.05, gain_walk=3e-4),
    "cylinders and water dominate": replace(USUAL, u_tank=0.1, u_water=3e-5),
    "an analyser that does not drift": replace(USUAL, walk=0.0, day=0.0, flicker=0.0, gain_walk=0.0, ageing=0.0),
    "two cylinders and a target": replace(USUAL, tanks=(380.0, 450.0, 430.0)),
    "every second day, 20 days": replace(USUAL, cycle=2 * 86400.0, days=20.0, every=10.0),
    "five sequences in all": replace(USUAL, days=2.5),
    "gaps and spikes": replace(USUAL, gaps=0.7, spikes=6.0),
    "two services, stated": replace(USUAL, steps=((3.3, 0.5), (6.6, 0.5))),
    "two services, not stated": replace(USUAL, steps=((3.3, 0.5), (6.6, 0.5)), declared=False),
}


def coverage(replicates: int) -> None:
    print(f"Coverage of 95 % intervals, {replicates} replicates; rms of the error and of the stated u in umol mol-1")
    print(f"{'case':<34}{'drift by':<13}{'hours':>7}{'+-':>6}{'mean':>7}{'target':>8}"
          f"{'rms':>8}{'u':>8}{'rms mean':>10}{'u mean':>8}{'alarms':>8}")  # fmt: skip
    for number, (name, case) in enumerate(CASES.items()):  # seeds of its own for each case
        for drift in ("smoother", "interpolate"):
            s = summary(
                [
                    trial(case, seed, {"calibration": {"drift": drift}})
                    for seed in range(1000 * number, 1000 * number + replicates)
                ]
            )
            print(f"{name:<34}{drift:<13}{100 * s.hours:7.1f}{100 * s.u_hours:6.1f}{100 * s.mean:7.1f}"
                  f"{100 * s.target:8.1f}{s.rms:8.4f}{s.u:8.4f}{s.rms_mean:10.4f}{s.u_mean:8.4f}{100 * s.alarms:8.1f}",
                  flush=True)  # fmt: skip


def wrong_cylinders(replicates: int) -> None:
    print(f"\nOne assigned value wrong (stated u 0.03), {replicates} replicates: % found, expected, named, named alone")
    quick = replace(USUAL, days=5.0)
    sets = {"three cylinders, one degree of freedom": replace(quick, tanks=(380.0, 450.0, 520.0), targets=0),
            "four cylinders and a target": quick}  # fmt: skip
    for name, case in sets.items():
        alarms = np.mean([bool(trial(case, seed).suspects) for seed in range(replicates)])
        print(f"{name}; none wrong: {100 * alarms:.1f} % called wrong")
        for error in (0.1, 0.15, 0.2, 0.3, 0.5, 1.0):
            found, named, alone = 0, 0, 0
            for seed in range(replicates):
                tank = seed % len(case.tanks)
                suspects = trial(replace(case, wrong=((tank, error * (-1) ** seed),)), 10_000 + seed).suspects
                found += bool(suspects)
                named += f"T{tank + 1}" in suspects
                alone += suspects == (f"T{tank + 1}",)
            expected = np.mean([power(np.array(case.tanks), 0.03, k, error) for k in range(len(case.tanks))])
            shares = " ".join(f"{100 * n:6.1f}" for n in (found / replicates, expected, named / replicates,
                                                          alone / replicates))  # fmt: skip
            print(f"  off by {error:4.2f} umol mol-1 {shares}", flush=True)


def power(tanks: np.ndarray, u: float, wrong: int, error: float) -> float:
    """Probability that chi2 of a straight line through cylinders known to `u` is beyond its 1 % point, one being wrong:
    non-central chi2, the noise of the visits left out."""
    from scipy.stats import chi2, ncx2

    line = np.stack([np.ones(tanks.size), tanks - tanks.mean()], axis=1)
    free = 1.0 - (line @ np.linalg.pinv(line))[wrong, wrong]
    freedom = tanks.size - 2
    return float(ncx2.sf(chi2.isf(0.01, freedom), freedom, free * (error / u) ** 2))


def spikes(replicates: int) -> None:
    print(
        f"\nSpikes of 5 to 30 umol mol-1 over 2 to 12 minutes, 6 a day, in calibrated minutes, {replicates} replicates"
    )
    case = replace(USUAL, days=6.0, spikes=6.0, gaps=0.5)
    for method in ("rebs", "sd"):
        marked, right, there, hit = np.sum([spike_scores(case, seed, method) for seed in range(replicates)], axis=0)
        print(f"  {method:<5} precision of minutes {right / marked:.3f}   recall of spikes {hit / there:.3f}   "
              f"({marked} minutes, {there} spikes)", flush=True)  # fmt: skip


def main() -> None:
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    wanted = sys.argv[2:] or ["coverage", "wrong", "spikes"]
    if "coverage" in wanted:
        coverage(replicates)
    if "wrong" in wanted:
        wrong_cylinders(replicates)
    if "spikes" in wanted:
        spikes(max(replicates // 10, 2))


if __name__ == "__main__":
    main()
