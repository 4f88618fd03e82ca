"""Speed of the measured side: emission with uncertainty, the Part 75 chain, and the CAMPD reader.

Run ``python benchmarks/bench_stack.py [FOLDER]``; FOLDER holds the Idaho hourly zips (by default
``../shared/data/facility/campd`` beside the project). Every line gives the rate, what it is compared with in
the same run, and the memory floor: bytes moved over the rate of a plain triad on this machine.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from floors import TRIAD
from timing import Took, best, least, missed, record, short

from ghg.core.jit import kernel_parallel, prange
from sensors.readers.delimited import parse_delimited
from sensors.stack import _kernels

N = 1_000_000 if short() else 8_000_000
NUMBERS = ["OP_HOUR", "OP_TIME", "GLOAD (MW)", "SLOAD (1000lb/hr)", "CO2_MASS (tons)", "HEAT_INPUT (mmBtu)"]
TEXTS = ["STATE", "FACILITY_NAME", "ORISPL_CODE", "UNITID", "OP_DATE", "CO2_MASS_MEASURE_FLG"]


@kernel_parallel
def _triad(a, b, c, out):
    for i in prange(out.size):
        out[i] = a[i] + b[i] * c[i]


def bandwidth() -> float:
    a, b, c, out = (np.ones(N) for _ in range(4))
    return 4 * 8 * N / least(lambda: _triad(a, b, c, out))


def line(name: str, amount: float, seconds: float, unit: str, note: str = "") -> None:
    print(f"{name:<52}{amount / seconds / 1e6:10.2f} M {unit}/s   {note}")


def faster(peer: Took, ours: Took) -> str:
    return f"we are {peer.wall / ours.wall:.1f} x faster"


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    ranges = {
        "c": (0.08, 0.14),
        "q": (200, 400),
        "t": (320, 340),
        "p": (99e3, 101e3),
        "h": (0.05, 0.12),
        "s": (0.9, 1),
    }
    return {name: rng.uniform(*span, N) for name, span in ranges.items()}


U = np.array(
    [
        [0.05, 0, 0.02, 0],
        [0.03, 0.001, 0.01, 0],
        [0, 0.009, 0, 0],
        [0, 1.7, 0, 0.5],
        [0, 170, 0, 50],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ],
    float,
)


def by_numpy(x: dict[str, Any]) -> tuple[Any, ...]:
    k = 44.009e-3 / 8.314462618
    w = k * x["s"] * x["p"] / x["t"] * (1.0 - x["h"])
    e = w * x["q"] * x["c"]
    slopes = [w * x["c"], w * x["q"], -e / (1.0 - x["h"]), e / x["t"], e / x["p"]]
    parts, variance = [], np.zeros(N)
    for slope, key, row in zip(slopes, "qchtp", U, strict=False):
        parts.append(np.abs(slope) * np.sqrt((row[0] * x[key]) ** 2 + row[1] ** 2))
        variance += slope**2 * ((row[2] * x[key]) ** 2 + row[3] ** 2)
    return e, np.sqrt(variance), parts


def measured_and_told(task: str, what: Callable[[], object], arrays: int, rate: float, **peer: Any) -> Took:
    """Time one path over the unit-hours, beside the floor of moving its arrays once."""
    took, floor = best(what), arrays * 8 * N / rate
    line(task, N, took.wall, "unit-hours", f"{took.wall / floor:.1f} x memory floor")
    record(f"{task}, {N:,} unit-hours", took, floor=floor, limit=TRIAD, **peer)
    return took


def bench_emission(rate: float) -> None:
    x = inputs()
    constants = np.array([44.009e-3 / 8.314462618, 0.0, 0.209])

    def budget(names: str, bases: list[int], parts: int) -> tuple[Callable[[], object], Any]:
        out = np.empty(N), np.empty(N), np.empty((parts, N))
        slots = np.array([k if k < parts else -1 for k in range(7)])
        return lambda: _kernels.emission_budget(*(x[n] for n in names), np.array(bases), constants, U, slots, *out), out

    ours, found = budget("cqtphs", [0, 1, 1], 5)
    plain = best(lambda: by_numpy(x), 1)
    took = measured_and_told("emission, 5 systematic parts and random", ours, 6 + 2 + 5, rate, peer=plain, who="NumPy")
    line("  the same in NumPy", N, plain.wall, "unit-hours", faster(plain, took))
    assert all(np.allclose(a, b) for a, b in zip(found, by_numpy(x), strict=True))
    two, _ = budget("cqqqqs", [0, 0, 0], 2)
    measured_and_told("emission, flow and concentration only", two, 3 + 2 + 2, rate)
    gas, flow, moisture, e, random = x["c"] * 100.0, x["q"] * 1e5, x["h"] * 100.0, np.empty(N), np.empty(N)
    measured_and_told("Part 75 chain F-2 with rounding", lambda: _kernels.part75_chain(
        gas, flow, moisture, x["s"], 1, 5.7e-7, 0.184, 1, e, random), 6, rate)  # fmt: skip


def bench_reader(folder: Path) -> None:
    texts = []
    for path in sorted(folder.glob("epacems2018id*.zip"))[: 3 if short() else None]:
        with zipfile.ZipFile(path) as archive:
            texts += [archive.read(name) for name in archive.namelist()]
    if not texts:
        missed(f"the reader of hourly files: no Idaho files in {folder.name}")
        return
    header = texts[0].split(b"\n", 1)[0]
    text = b"\n".join([header, *(body.split(b"\n", 1)[1].rstrip() for body in texts)])
    rows = parse_delimited(text, numbers=NUMBERS, texts=TEXTS).rows
    took = best(lambda: parse_delimited(text, numbers=NUMBERS, texts=TEXTS))
    line(f"CAMPD csv, {rows} rows, wanted columns", rows, took.wall, "rows", f"{len(text) / took.wall / 1e6:.0f} MB/s")
    import pandas as pd

    plain = best(lambda: pd.read_csv(io.BytesIO(text)), 3)
    line("  pandas.read_csv, defaults", rows, plain.wall, "rows", faster(plain, took))
    chosen = best(lambda: pd.read_csv(io.BytesIO(text), usecols=NUMBERS + TEXTS), 3)
    line("  pandas.read_csv, the same columns", rows, chosen.wall, "rows", faster(chosen, took))
    others = {"pandas.read_csv, defaults": plain}
    try:
        import pyarrow.csv as arrow

        options = arrow.ConvertOptions(include_columns=NUMBERS + TEXTS)
        arrowed = best(lambda: arrow.read_csv(io.BytesIO(text), convert_options=options), 3)
        line("  pyarrow.csv, the same columns", rows, arrowed.wall, "rows", faster(arrowed, took))
        others["pyarrow.csv, the same columns"] = arrowed
    except ImportError:
        missed("pyarrow.csv: pyarrow is not installed here")
    reading = least(lambda: text.count(b"\n"))
    record(f"CAMPD csv, {rows:,} rows", took, floor=reading, limit="looking at every byte once: bytes.count",
           peer=chosen, who="pandas.read_csv, the same columns", others=others)  # fmt: skip


def main() -> None:
    """Print the table."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "facility" / "campd"
    rate = bandwidth()
    print(f"triad: {rate / 1e9:.1f} GB/s")
    bench_emission(rate)
    bench_reader(Path(sys.argv[1]) if len(sys.argv) > 1 else beside)


if __name__ == "__main__":
    main()
