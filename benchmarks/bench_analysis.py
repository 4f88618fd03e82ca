"""Speed of the analysis of series: Allan deviations, curve fit, REBS, spikes, screening.

Run ``python benchmarks/bench_analysis.py [FOLDER]``; FOLDER holds the caesium clock and the Mauna Loa flasks (by
default ``../shared/data/sensors`` beside the project). The peer of the Allan deviations, allantools, has an
environment of its own (``table.py --peers allantools``). Times are the least of several; the processor time beside it
tells a busy machine apart.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from floors import TRIAD, moving
from timing import best, missed, record, short

from ghg.core.jit import threads
from sensors.analysis.allan import averaging_factors, deviations
from sensors.analysis.curvefit import curve_fit
from sensors.analysis.integrity import copies
from sensors.analysis.quality import Limits, four_tests
from sensors.analysis.rebs import rebs
from sensors.analysis.spikes import rebs_spikes, sd_spikes


def line(name: str, took: tuple[float, float], note: str = "") -> None:
    print(f"{name:<58}{took[0] * 1e3:10.2f} ms   cpu {took[1] * 1e3:10.2f} ms   {note}")


def allan(folder: Path) -> None:
    x = np.loadtxt(folder / "allan" / "5071A_phase.txt.gz")
    decade = averaging_factors(x.size, "decade")
    spaced = np.unique(np.linspace(1, x.size // 3, 2000).astype(np.int64))
    for name, factors, repeats in (("decade points", decade, 9), ("2,000 spaced points", spaced, 2)):
        if short() and factors is spaced:
            continue
        ours = best(lambda f=factors: deviations(x, "oadev", list(f), phase=True), repeats)
        terms = float(sum(x.size - 2 * f for f in factors.tolist() if 2 * f < x.size))
        line(f"OADEV of {x.size:,} points, {name}", ours, f"{terms / ours[0] / 1e9:.2f} G differences/s")
        record(f"OADEV of {x.size:,} points, {name}", ours, floor=terms / x.size * moving(x.nbytes),
               limit="the record read once for each averaging time, at the rate of a triad")  # fmt: skip
    if short():
        return
    y = np.diff(x)
    y[np.random.default_rng(1).random(y.size) < 0.1] = np.nan
    line("OADEV with a tenth missing, octaves", best(lambda: deviations(y, "oadev", "octave"), 3))


def fits(folder: Path) -> None:
    years, values = np.loadtxt(folder / "mauna_loa" / "noaa_mlo.dat").T
    took = best(lambda: curve_fit(years, values, step=7))
    line("curve fit, 8,123 flasks", took, "NOAA's programme: 25 ms, measured elsewhere")
    record("curve fit, 8,123 flasks", took)
    rng = np.random.default_rng(2)
    days = np.arange(0, 365, 1 / 24)
    y = (
        410
        + 5 * np.cos(days / 58)
        + rng.normal(0, 0.4, days.size)
        + (rng.random(days.size) < 0.3) * rng.gamma(2, 4, days.size)
    )
    took = best(lambda: rebs(days, y, width=60.0))
    line("REBS, one hourly year (60 days)", took, "target 100 ms")
    record("REBS, one hourly year, 60 days", took)
    if short():
        return
    line("REBS, one hourly year, at every hour", best(lambda: rebs(days, y, width=60.0, fits=0), 2))


def checks() -> None:
    rng = np.random.default_rng(3)
    y = 410 + rng.normal(0, 0.05, 1_000_000)
    seconds = np.arange(y.size) * 1.0
    limits = Limits((0, 1000), (350, 600), spike=0.7, spike_bad=10.0, rate=2.0, flat=10, flat_bad=20, tolerance=1e-4)
    line("four tests, times given and checked", best(lambda: four_tests(y, limits, seconds=seconds), 9))
    minutes = 410 + rng.normal(0, 0.05, 44_640)
    at = np.arange(minutes.size) * 60.0
    took = best(lambda: sd_spikes(at, minutes))
    line("spikes of a month of minutes, sd", took)
    record("spikes of a month of minutes, sd", took, floor=moving(17.0 * minutes.size), limit=TRIAD)
    if short():
        return
    line("spikes of a month of minutes, REBS", best(lambda: rebs_spikes(at, minutes), 3))
    pair = [np.round(minutes, 2), np.round(1900 + rng.normal(0, 0.5, minutes.size), 1)]
    stamps = np.datetime64("2024-01-01", "ns") + np.arange(minutes.size) * np.timedelta64(1, "m")
    line("copies in a month of minutes, two species", best(lambda: copies(stamps, pair), 3))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared" / "data" / "sensors"
    print(f"{threads()} threads")
    if folder.is_dir():
        allan(folder)
        fits(folder)
    else:
        missed(f"Allan deviations and fits: the data folder {folder.name} is not beside the project")
    checks()


if __name__ == "__main__":
    main()
