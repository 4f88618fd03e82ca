"""Speed of the calibration chain: kernels, fits, four tests, text to NetCDF, recalibration of a network.

Run ``python benchmarks/bench_calibration.py [part ...]`` with parts among kernels, fits, tests, chain, network; all by
default. Our time, the floor, and the peer in the same run: pandas for the averages and the chain, scipy.odr for the
fits, NumPy for the tests. Times are the least of several; the processor time beside them tells a busy machine apart.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from floors import TRIAD, moving
from timing import Took, best, least, record, short

from ghg.core.jit import threads
from sensors.calibration.fit import fit_rows
from sensors.calibration.gas import calibrate_gas
from sensors.calibration.records import Records
from sensors.config.station import StationJob
from sensors.station.job import calibrate
from sensors.station.rows import Plan, Rows, rows_of
from sensors.station.simulation import START, Scenario, simulate

MINUTE = 60 * 10**9
STATIONS, YEARS = 10, 10
NAMES = (
    "DATE", "TIME", "FRAC_DAYS_SINCE_JAN1", "FRAC_HRS_SINCE_JAN1", "JULIAN_DAYS", "EPOCH_TIME", "ALARM_STATUS",
    "INST_STATUS", "species", "MPVPosition", "solenoid_valves", "CH4", "CH4_dry", "CO2", "CO2_dry", "H2O",
    "h2o_reported",
)  # fmt: skip
WIDTH = 26


def line(name: str, took: tuple[float, float], count: float, note: str = "") -> None:
    wall, cpu = took
    rate = count / wall / 1e6
    print(f"{name:<56}{rate:9.2f} M/s {wall * 1e3:10.1f} ms   cpu {cpu * 1e3:10.1f} ms   {note}", flush=True)


# ---- kernels -------------------------------------------------------------------------------------------------------


def by_pandas(rows: Rows, coefficients: tuple[float, float]) -> Any:
    """Return the same averages: water corrected, flushed; mean, variance and number by visit and minute."""
    import pandas as pd

    visit = np.concatenate([[0], np.cumsum(rows.port[1:] != rows.port[:-1])])
    begin = rows.time[np.searchsorted(visit, visit)]
    h = rows.water
    table = pd.DataFrame({"visit": visit, "minute": rows.time // MINUTE,
                          "dry": rows.x[0] / (1.0 + coefficients[0] * h + coefficients[1] * h * h)})  # fmt: skip
    kept = table[(rows.time - begin >= 2 * MINUTE) & (rows.bad == 0)]
    return kept.groupby(["visit", "minute"])["dry"].agg(["mean", "var", "count"])


def kernels() -> None:
    one = simulate(Scenario(days=3.0, every=1.0), 1)
    job = StationJob(**one.job)
    plan, tiles = Plan(job), 4 if short() else 40
    t = one.raw["time"].values.astype(np.int64)
    rows = rows_of(t, {str(k): one.raw[k].values for k in one.raw.data_vars}, plan, "simulated")
    many = Rows(np.concatenate([t + i * 3 * 86400 * 10**9 for i in range(tiles)]), np.tile(rows.port, tiles),
                np.tile(rows.bad, tiles), np.tile(rows.x, (1, tiles)), np.tile(rows.water, tiles),
                np.tile(rows.scan, tiles))  # fmt: skip
    flush = np.full(len(plan.ports), 120 * 10**9, np.int64)
    n = many.time.size
    size = sum(getattr(many, name).nbytes for name in ("time", "port", "bad", "x", "water", "scan"))
    took = best(lambda: plan.accumulate(many, 0, flush, MINUTE))
    line(f"segment, water, average: {n / 1e6:.0f} M rows", took, n, f"{size / took[0] / 1e9:.1f} GB/s; target 120 M/s")
    floor = moving(size)
    line("  floor: a triad over as many bytes", (floor, floor), n)
    records = plan.accumulate(many, 0, flush, MINUTE)
    first = Rows(rows.time, rows.port, rows.bad, rows.x, rows.water, rows.scan)
    pair = float(plan.coefficients[0][0]), float(plan.coefficients[1][0])
    theirs = by_pandas(first, pair)
    mine = plan.accumulate(first, 0, flush, MINUTE)
    assert mine.count.sum() == theirs["count"].sum() and np.isclose(
        np.nansum(mine.count * mine.mean), (theirs["count"] * theirs["mean"]).sum(), rtol=1e-12)  # fmt: skip
    peer = best(lambda: by_pandas(first, pair), 2).times(n / rows.time.size)
    line("  pandas, the same averages", peer, n, f"{peer.wall / took[0]:.0f} times ours")
    record(f"segment, water, average, {n:,} rows", took, floor=floor, limit=TRIAD, peer=peer, who="pandas")
    visit = np.concatenate([[0], np.cumsum(records.port[1:] != records.port[:-1])])
    records = replace(records, visit=visit.astype(np.int64))

    response = calibrate_gas(records, job, "co2").response
    middle = (records.start + (records.end - records.start) // 2) / 1e9
    own = best(lambda: response.apply(middle, records.mean[0], records.m2[0] / np.maximum(records.count[0], 1)))
    line("calibrate and propagate, on minutes, as rows", own, n, f"adds {own[0] / took[0]:.1%} to the above")
    line("all of it", (took[0] + own[0], took[1] + own[1]), n, "target 120 M/s")
    record(f"calibrate and propagate, {middle.size:,} minutes", own, floor=moving(5 * 8.0 * middle.size), limit=TRIAD)


# ---- fits ----------------------------------------------------------------------------------------------------------


def fits() -> None:
    from ghg.core.york import _fit

    rng = np.random.default_rng(1)
    rows, true = 20_000 if short() else 200_000, np.linspace(360.0, 520.0, 9)
    x, y = (true + rng.normal(0, 0.03, (rows, 9)) for _ in range(2))
    v = np.full(x.shape, 0.03**2)
    zero = np.zeros(x.shape)
    york = best(lambda: _fit(x, y, v, v, zero))
    line("York fits of nine cylinders, one core", york, rows, "target 1 M/s")
    for degree, name in ((1, "lines"), (2, "quadratics")):
        line(
            f"orthogonal distance fits of nine cylinders, {name}", best(lambda d=degree: fit_rows(x, y, v, v, d)), rows
        )
    try:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from scipy import odr

            some = 50 if short() else 200

            def peer() -> None:
                for i in range(some):
                    odr.ODR(odr.RealData(x[i], y[i], 0.03, 0.03), odr.unilinear, beta0=[1.0, 0.0]).run()

            theirs = best(peer, 2)
            line("  scipy.odr, lines", theirs, some)
            record(f"York fits of nine cylinders, {rows:,}", york, floor=moving(5.0 * x.nbytes),
                   limit="five arrays at the rate of a triad", peer=theirs.times(rows / some),
                   who=f"scipy.odr, {some} fits scaled up")  # fmt: skip
    except ImportError:
        print("scipy.odr is gone: no peer")


def tests() -> None:
    from sensors.analysis.quality import Limits, four_tests

    y = 410 + np.random.default_rng(3).normal(0, 0.05, 1_000_000)
    limits = Limits((0, 1000), (350, 600), spike=0.7, spike_bad=10.0, rate=2.0, flat=10, flat_bad=20, tolerance=1e-4)
    took = best(lambda: four_tests(y, limits), 15)
    line("four tests of a million values", took, 1e6, "target 5 ms")

    def plain() -> np.ndarray:
        """Return which values are not good: spike and its neighbours, rate, range, flat over ten."""
        spike = np.abs(y[1:-1] - 0.5 * (y[:-2] + y[2:])) > limits.spike
        rate = np.abs(np.diff(y)) > limits.rate
        flat = np.ptp(np.lib.stride_tricks.sliding_window_view(y, 10), axis=1) <= limits.tolerance
        out = (y < 350) | (y > 600)
        out[1:-1] |= spike
        out[1:] |= rate
        out[9:] |= flat
        return out

    assert not plain().any() and not (four_tests(y, limits)[0] > 2).any()
    peer = best(plain, 2)
    line("  NumPy, the same", peer, 1e6)
    record("four quality tests of 1,000,000 values", took, floor=moving(21.0 * y.size), limit=TRIAD, peer=peer,
           who="NumPy")  # fmt: skip


# ---- text to NetCDF ------------------------------------------------------------------------------------------------


def write_logs(folder: Path, rows: int, files: int) -> dict[str, Any]:
    """Write logs in the layout of a G2301 (17 fields of 26 characters, 443 bytes a row); return their configuration."""
    part = rows // files
    one = simulate(Scenario(days=part / 86400.0 + 0.001, every=1.0, cycle=14400.0, visit=480.0), 1)
    raw = one.raw.isel(time=slice(0, part))
    ms = raw["time"].values.astype("datetime64[ms]").astype(np.int64)
    wet, h, valve = (raw[n].values for n in ("CO2", "h2o_reported", "MPVPosition"))
    dry = wet / (1.0 - 0.012 * h - 2.674e-4 * h * h)
    fill: dict[str, Any] = {"ALARM_STATUS": "0", "INST_STATUS": "963", "species": _numbers(np.full(part, 3.0)),
                            "MPVPosition": _numbers(valve), "CO2": _numbers(wet), "CO2_dry": _numbers(dry),
                            "h2o_reported": _numbers(h), "H2O": _numbers(0.772 * h + 0.019493 * h * h),
                            "CH4": _numbers(wet / 210.0), "CH4_dry": _numbers(dry / 210.0),
                            "DATE": "2023-11-14", "TIME": "00:00:00.000", "FRAC_DAYS_SINCE_JAN1": "317.00000000",
                            "FRAC_HRS_SINCE_JAN1": "7608.000000", "JULIAN_DAYS": "318.00000000",
                            "solenoid_valves": "0.0000000000E+000", "EPOCH_TIME": "0"}  # fmt: skip
    table = np.full((part, len(NAMES) * WIDTH + 1), 32, np.uint8)
    table[:, -1] = 10
    for k, name in enumerate(NAMES):
        text = np.asarray(fill[name], dtype=bytes)
        cells = np.broadcast_to(text, (part,)).astype(f"S{WIDTH}")
        block = np.ascontiguousarray(cells).view(np.uint8).reshape(part, WIDTH)
        table[:, k * WIDTH : (k + 1) * WIDTH] = np.where(block == 0, 32, block)
    header = "".join(n.ljust(WIDTH) for n in NAMES).encode() + b"\n"
    place = NAMES.index("EPOCH_TIME") * WIDTH
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(files):
        table[:, place : place + 14] = _stamps(ms + i * int(ms[-1] - ms[0] + 1000))
        (folder / f"CFADS2283-{20230000 + i}-000000Z-DataLog_User.dat").write_bytes(header + table.tobytes())
    return {**one.job, "records": {"format": "picarro", "files": [str(folder)]}}


def _numbers(values: Any) -> Any:
    """Return numbers as the analyser writes them: ``4.0512345678E+002``."""
    return np.array([f"{v:.10E}".replace("E+", "E+0").replace("E-", "E-0").encode() for v in values.tolist()])


def _stamps(ms: Any) -> Any:
    """Return times [ms] as digits, ``1699920000.123``."""
    digits = (ms[:, None] // 10 ** np.arange(12, -1, -1)) % 10 + 48
    return np.insert(digits, 10, 46, axis=1).astype(np.uint8)


def chain() -> None:
    import pandas as pd

    from ghg.core import netcdf
    from ghg.core.provenance import Record
    from sensors.readers.picarro import parse_log
    from sensors.station.job import run

    n, files = (40_000, 4) if short() else (2_400_000, 24)
    with tempfile.TemporaryDirectory() as folder:
        job = StationJob(**write_logs(Path(folder) / "logs", n, files))
        paths = sorted((Path(folder) / "logs").iterdir())

        def whole(workers: int) -> None:
            record = Record("sensors calibrate", job, command=["ghg"])
            netcdf.write(run(job, record=record, workers=workers), Path(folder) / "out.nc", force=True, record=record)

        whole_took = Took(np.inf, np.inf)
        for workers in (1,) if short() else (1, 2):
            took = best(lambda w=workers: whole(w), 2 if short() else 4)
            line(f"text to NetCDF, hashed, workers {workers}", took, n, "target 1.2 M/s")
            whole_took = min(whole_took, took)
        texts = [path.read_bytes() for path in paths[:4]]
        part = n // files * 4
        wanted = Plan(job).wanted
        parser = best(lambda: [parse_log(t, wanted=wanted) for t in texts])
        line("  of this the parser, from memory", parser, part)
        reading = least(lambda: [path.read_bytes() for path in paths[:4]])
        line("  floor: reading the bytes", (reading, reading), part)
        columns = ["EPOCH_TIME", "CO2", "h2o_reported", "MPVPosition"]
        every = best(lambda: pd.read_csv(paths[0], sep=r"\s+"), 2)
        line("  pandas.read_csv alone, all columns", every, n // files)
        chosen = best(lambda: pd.read_csv(paths[0], sep=r"\s+", usecols=columns), 2)
        line("  pandas.read_csv alone, the columns wanted", chosen, n // files)
        least_of_pandas = min(every, chosen)
        limit = "reading the bytes from the page cache"
        record(f"analyser logs to calibrated NetCDF, hashed, {n:,} rows", whole_took, floor=reading * n / part,
               limit=limit, peer=least_of_pandas.times(files), who="pandas, reading alone")  # fmt: skip
        record(f"analyser log to columns, {n // files:,} rows", parser.times(0.25),
               floor=reading / 4, limit=limit, peer=least_of_pandas, who="pandas.read_csv")  # fmt: skip
        if left := os.environ.get("GHG_BENCH_INPUTS"):
            shutil.copy(paths[0], Path(left) / paths[0].name)


# ---- a network, ten years ------------------------------------------------------------------------------------------


def decade(seed: int, years: float) -> tuple[Records, StationJob]:
    """Return statistics by minute of a station of five cylinders read once a day, as ingestion leaves them."""
    s = Scenario(cycle=86400.0)
    job = StationJob(**simulate(Scenario(days=2.0, every=60.0, cycle=86400.0), seed).job)
    rng = np.random.default_rng(seed)
    n = int(years * 365.25 * 1440)
    start = int(START) * 10**9 + np.arange(n) * MINUTE
    place = ((start // MINUTE) % 1440 - 360) // 10
    port = np.where((place >= 0) & (place < 5), place + 1, 0).astype(np.int32)
    mean = 420 + 8 * np.sin(np.arange(n) / 1440 * 2 * np.pi)
    for k in range(5):
        mean[port == k + 1] = s.tanks[k]
    mean -= 0.35 + np.cumsum(rng.normal(0, 0.02 / np.sqrt(1440), n))
    mean += rng.normal(0, 0.01, n)
    count = np.full((1, n), 70)
    count[0, (port > 0) & ((start // MINUTE) % 10 < 2)] = 0
    visit = np.concatenate([[0], np.cumsum(port[1:] != port[:-1])]).astype(np.int64)
    return Records(("co2",), ("1", *(str(k + 2) for k in range(5))), start, start + MINUTE, port, visit, count,
                   mean[None], np.full((1, n), 69 * 0.06**2), np.full(n, 1.2), np.zeros((4, n), np.int32),
                   np.full((1, n), np.nan)), job  # fmt: skip


def _stations(seeds: list[int]) -> tuple[float, float, int, float]:
    """Recalibrate stations one after the other: wall and processor time, rows, most memory [GB]."""
    threads(1)
    wall, cpu, rows = 0.0, 0.0, 0
    calibrate(*decade(0, 0.1))  # compiled
    for seed in seeds:
        records, job = decade(seed, YEARS)
        rows += int(records.count.sum())
        changed = job.model_copy(update={"cylinders": tuple(
            c.model_copy(update={"values": {"co2": c.values["co2"].model_copy(update={"value": v + 0.05})}})
            if (v := c.values["co2"].value) and c.name == "T2" else c for c in job.cylinders)})  # fmt: skip
        a, b = time.perf_counter(), time.process_time()
        calibrate(records, changed)
        wall, cpu = wall + time.perf_counter() - a, cpu + time.process_time() - b
        del records
    return wall, cpu, rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def network() -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(_stations, [list(range(0, STATIONS, 2)), list(range(1, STATIONS, 2))]))
    rows = sum(p[2] for p in parts) / 1e9
    wall, cpu, memory = max(p[0] for p in parts), sum(p[1] for p in parts), max(p[3] for p in parts)
    print(f"{STATIONS} stations, {YEARS} years, {rows:.1f}e9 readings kept as minutes; a new value of one cylinder:")
    print(f"  noise learnt, uncertainty and hours anew in {wall:.1f} s on 2 cores (cpu {cpu:.1f} s; target 60 s), "
          f"most memory of a process {memory:.2f} GB")  # fmt: skip
    minutes = STATIONS * YEARS * 365.25 * 1440
    record(f"recalibration of {STATIONS} stations x {YEARS} years after a new cylinder value", Took(wall, cpu),
           floor=moving(84.0 * minutes), limit="84 bytes a minute at the rate of a triad")  # fmt: skip


PARTS = {"kernels": kernels, "fits": fits, "tests": tests, "chain": chain, "network": network}


def main() -> None:
    print(f"{threads()} threads")
    for name in sys.argv[1:] or [part for part in PARTS if not (short() and part == "network")]:
        PARTS[name]()


if __name__ == "__main__":
    main()
