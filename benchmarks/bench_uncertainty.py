"""Uncertainty of totals and resampling: ours, the floor of the machine, and peers, in one run.

Run ``python benchmarks/bench_uncertainty.py``; the peer ``uncertainties`` is measured where it can be imported, punpy
in an environment of its own (``table.py --peers punpy``). Times are the best of several runs after an uncounted one.
"""

from __future__ import annotations

import importlib.util
import threading
from typing import Any

import numpy as np
import xarray as xr
from timing import least, record, short

from ghg.core.time import period_bounds, resample
from ghg.core.uncertainty import coverage_interval, first_order, monomial_sums, sample_total, total

HOURS, DRAWS = 8760, 1_000_000
NAMES = ("flow", "concentration", "moisture", "temperature", "pressure")
SHARES = (0.03, 0.015, 0.01, 0.005, 0.002)
Row = tuple[str, str, float, str]


def unit_year() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    e = 60.0 + 40.0 * rng.random(HOURS)
    return e, {c: e * s * (0.5 + rng.random(HOURS)) for c, s in zip(NAMES, SHARES, strict=True)}


def normals_floor(numbers: int) -> float:
    """Two threads that only make the normal numbers needed."""
    streams = [np.random.Generator(np.random.SFC64(k)) for k in (1, 2)]
    out = [np.empty(16384) for _ in streams]

    def fill(k: int) -> None:
        for _ in range(numbers // 2 // 16384):
            streams[k].standard_normal(out=out[k])

    def both() -> None:
        other = threading.Thread(target=fill, args=(1,))
        other.start()
        fill(0)
        other.join()

    return least(both)


def brute_force(e: np.ndarray, u: dict[str, np.ndarray], draws: int) -> np.ndarray:
    """Propagate every hour with the same z: what the sums replace."""
    z = np.random.default_rng(3).standard_normal((len(u), draws))
    ratios = np.array(list(u.values())) / e
    out = np.zeros(draws)
    for t in range(e.size):
        hour = np.full(draws, e[t] * 3600.0)
        for j in range(len(u)):
            hour *= 1.0 + z[j] * ratios[j, t]
        out += hour
    return out


def bench_total() -> list[Row]:
    e, u = unit_year()
    noise = 0.05 * e
    ours = least(lambda: total(e, 3600.0, noise, u, draws=DRAWS, seed=1, correlation_time=7200.0), 3 if short() else 9)
    one = least(lambda: total(e, 3600.0, noise, u, draws=DRAWS, seed=1, correlation_time=7200.0, threads=1))
    floor = normals_floor(6 * DRAWS)
    few = 500 if short() else 5000
    brute = least(lambda: coverage_interval(brute_force(e, u, few)), 1) * DRAWS / few
    rows: list[Row] = [
        ("GUM-S1 of a unit-year, 1e6 draws, interval", "ours", ours, "target 150 ms"),
        ("", "ours, 1 thread", one, ""),
        ("", "floor", floor, "6e6 normal numbers on 2 threads"),
        ("", "numpy, hour by hour", brute, f"{few:,} draws, scaled up"),
    ]
    return rows + peer_uncertainties_total(e, u)


def check_agreement() -> str:
    """Compare draws from the sums with hour-by-hour draws at the same z: mean, deviation, interval ends."""
    e, u = unit_year()
    sums = monomial_sums(e, np.array(list(u.values())), weights=np.full(HOURS, 3600.0), names=NAMES)
    draws = 5000
    brute = brute_force(e, u, draws)
    z = np.random.default_rng(3).standard_normal((5, draws))
    ours = np.zeros(draws)
    for mask, value in enumerate(sums.values):
        ours += value * np.prod(z[[j for j in range(5) if mask >> j & 1]], axis=0)
    worst = max(
        abs(float(f(ours) / f(brute)) - 1.0)
        for f in (np.mean, np.std, lambda x: coverage_interval(x)[0], lambda x: coverage_interval(x)[1])
    )
    many = sample_total(sums, 0.0, DRAWS, 1)
    exact = abs(many.std() / np.sqrt(sums.variance) - 1.0)
    return (
        f"same z, hour by hour against sums: mean, sd, interval ends within {worst:.1e}; "
        f"sd of 1e6 draws against the closed form within {exact:.1e}"
    )


def peer_uncertainties_total(e: np.ndarray, u: dict[str, np.ndarray]) -> list[Row]:
    if importlib.util.find_spec("uncertainties") is None:
        return [("", "uncertainties", np.nan, "not installed")]
    from uncertainties import ufloat

    def work() -> float:
        z = [ufloat(1.0, 1.0) - 1.0 for _ in u]
        columns = [v / e for v in u.values()]
        whole = 0.0 * z[0]
        for t in range(0, HOURS, 20):
            hour = e[t] * 3600.0
            for j, column in enumerate(columns):
                hour = hour * (1.0 + z[j] * column[t])
            whole = whole + hour
        return whole.std_dev

    return [("", "uncertainties", least(work, 2) * 20, "first order only; 438 hours x 20")]


def bench_sums() -> list[Row]:
    n = 1_000_000 if short() else 4_000_000
    rng = np.random.default_rng(2)
    e, w = rng.random(n) + 1.0, np.full(n, 3600.0)
    u = rng.random((5, n)) * 0.1
    ours = least(lambda: monomial_sums(e, u, weights=w), 3)
    read = least(lambda: [x.sum() for x in (e, w, *u)], 3)

    def numpy_sums() -> list[float]:
        ratios = u / e
        products = [e * w]
        for ratio in ratios:
            products += [p * ratio for p in products]
        return [float(p.sum()) for p in products]

    return [
        (f"monomial sums, {n:,} hours, 5 components", "ours", ours, f"{n / ours / 1e6:.0f} M rows/s"),
        ("", "floor", read, "numpy reading the same arrays once"),
        ("", "numpy", least(numpy_sums, 1), ""),
    ]


def bench_first_order() -> list[Row]:
    x, s = [4.999, 0.0196610, 1.04446], [0.0032, 0.0095e-3, 0.00075]
    r = np.array([[1.0, -0.36, 0.86], [-0.36, 1.0, -0.65], [0.86, -0.65, 1.0]])
    cov = r * np.outer(s, s)

    def model(v: np.ndarray) -> np.ndarray:
        z = v[0] / v[1]
        return np.array([z * np.cos(v[2]), z * np.sin(v[2]), z])

    ours = least(lambda: first_order(model, x, cov), 50)
    rows: list[Row] = [("GUM H.2, three outputs, correlated", "ours", ours, "any function, numerical derivatives")]
    if importlib.util.find_spec("uncertainties") is not None:
        import uncertainties
        from uncertainties import umath

        def peer() -> object:
            v, i, phi = uncertainties.correlated_values(x, cov)
            z = v / i
            return uncertainties.covariance_matrix([z * umath.cos(phi), z * umath.sin(phi), z])

        rows.append(("", "uncertainties", least(peer, 50), ""))
    return rows


def bench_resample() -> list[Row]:
    units, n = 100, 8784
    rng = np.random.default_rng(4)
    start = np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(3600, "s")
    bounds = np.stack([start, start + np.timedelta64(3600, "s")], axis=1).astype("datetime64[ns]")
    e = rng.random((units, n)) + 1.0
    dims = ("source", "time")
    ds = xr.Dataset(
        {
            "emission": (dims, e),
            "emission_u_random": (dims, 0.05 * e, {"correlation_time": 7200.0}),
            **{f"emission_u_systematic_{c}": (dims, s * e) for c, s in zip(NAMES, SHARES, strict=True)},
            "emission_flag": (dims, np.ones((units, n), dtype=np.int8)),
            "time_bounds": (("time", "bounds"), bounds),
        },
        coords={"time": bounds[:, 0]},
    )
    months = period_bounds("2024-01-01", "2025-01-01", "month", "America/New_York")
    ours = least(lambda: resample(ds, months), 3)
    values = ds.drop_vars(["time_bounds", "emission_flag"])
    peer = least(lambda: values.resample(time="MS").mean(), 2)
    return [
        (
            "hours to local months, 100 units, 7 variables",
            "ours",
            ours,
            f"{units * n / ours / 1e6:.1f} M unit-hours/s",
        ),
        ("", "xarray resample", peer, "UTC months, plain means, no uncertainty rules"),
    ]


def keep(rows: list[Row]) -> None:
    """Keep each task with its floor and its peers."""
    tasks: list[dict[str, Any]] = []
    for task, who, seconds, note in rows:
        if task:
            tasks.append({"task": task, "ours": seconds, "others": {}})
        elif who == "floor":
            tasks[-1]["floor"] = seconds
        elif not who.startswith("ours") and np.isfinite(seconds):
            tasks[-1]["others"][f"{who} ({note})" if note else who] = seconds
    limits = {tasks[0]["task"]: "6e6 normal numbers on 2 threads", tasks[1]["task"]: "the arrays summed once by NumPy"}
    for one in tasks:
        record(**one, limit=limits.get(one["task"], ""))


def main() -> None:
    """Print the table."""
    if not short():
        print(check_agreement() + "\n")
    print(f"{'task':48} {'who':22} {'time':>12}  note")
    rows = bench_total() + bench_sums() + bench_first_order() + ([] if short() else bench_resample())
    keep(rows)
    for task, who, seconds, note in rows:
        shown = "-" if np.isnan(seconds) else f"{seconds * 1e3:,.3g} ms" if seconds < 10 else f"{seconds:,.0f} s"
        print(f"{task:48} {who:22} {shown:>12}  {note}")


if __name__ == "__main__":
    main()
