"""Speed of the integrity screening on one year of hours of a unit, beside the public first-step screening in pandas.

Run ``python benchmarks/bench_integrity.py [UNITS]``. The peer is what a public package of hourly emissions does first:
flag runs of equal values and values far from the median, group by group; it is written here after its description, and
does two tests where ours does fourteen. The floor is reading two channels once for each test.
The units stream through a generator, so that memory does not grow with them; the peak is printed.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import pandas as pd
from floors import moving
from timing import Took, best, record, short

from sensors.integrity.screen import screen_units
from sensors.integrity.units import Unit

HOURS = 8766


def unit(seed: int) -> Unit:
    """Return a year of a unit that runs all the time."""
    rng = np.random.default_rng(seed)
    load = np.round(300 + 80 * np.sin(np.arange(HOURS) / 24 * 2 * np.pi) + 10 * rng.standard_normal(HOURS))
    heat = np.round(9.5 * load * np.exp(0.01 * rng.standard_normal(HOURS)), 1)
    on = np.ones(HOURS, np.uint8)
    return Unit(str(seed), np.datetime64("2024-01-01T00:00:00"), on, {"gross_load": load, "heat_input": heat})


def by_pandas(units: list[Unit]) -> pd.DataFrame:
    """Return flags of runs of three and of values far from the median, unit by unit."""
    table = pd.concat([pd.DataFrame({"unit": u.name, "heat": u.channels["heat_input"]}) for u in units])

    def flags(values: pd.Series) -> pd.Series:
        run = values.groupby((values != values.shift()).cumsum()).transform("size")
        middle = values.rolling(168, center=True, min_periods=24).median()
        spread = (values - middle).abs().rolling(168, center=True, min_periods=24).median()
        return (run >= 3) | ((values - middle).abs() > 10 * spread)

    return table.assign(flag=table.groupby("unit")["heat"].transform(flags))


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100 if short() else 1000
    few = [unit(seed) for seed in range(20)]
    tests = screen_units(few).tests // len(few)  # compiles
    wall_least, cpu_least = np.inf, np.inf
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        screen_units(few[i % 20] for i in range(count))
        wall_least = min(wall_least, time.perf_counter() - wall)
        cpu_least = min(cpu_least, time.process_time() - cpu)
    n = count * HOURS
    print(f"{tests} tests on each unit, {n:,} unit-hours: {n / wall_least / 1e6:.2f} M/s (wall), "
          f"{n / cpu_least / 1e6:.2f} M per CPU second and core")  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    pandas_took = best(lambda: by_pandas(few[:2]), 1)
    plain = 2 * HOURS / pandas_took.wall
    print(f"two flags in pandas: {plain / 1e6:.3f} M/s; we are {n / wall_least / plain:.0f} x faster")
    floor = moving(tests * 17.0 * n)
    record(f"{tests} tests of integrity, {n:,} unit-hours", Took(wall_least, cpu_least), floor=floor,
           limit="two channels read once for each test, at the rate of a triad",
           peer=pandas_took.times(count / 2), who="two of the tests in pandas, 2 units scaled up")  # fmt: skip
    print(f"peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
