"""A simulated station with known truth, as Picarro logs."""

from __future__ import annotations

from typing import Any

import numpy as np

NAMES = ("DATE", "TIME", "EPOCH_TIME", "ALARM_STATUS", "INST_STATUS", "CavityPressure", "species", "MPVPosition",
         "CO2", "CO2_dry", "h2o_reported")  # fmt: skip
WIDTH = 26


def text_of(time: np.ndarray, columns: dict[str, Any], names: tuple[str, ...] = NAMES) -> bytes:
    """Write a log; `time` in seconds since 1970."""
    stamp = np.round(time * 1000).astype("int64").astype("datetime64[ms]").astype(str)
    n = time.size
    fields = []
    for name in names:
        if name == "DATE":
            cells = [s[:10] for s in stamp]
        elif name == "TIME":
            cells = [s[11:] for s in stamp]
        elif name == "EPOCH_TIME":
            cells = [f"{t:.3f}" for t in time]
        elif name in ("ALARM_STATUS", "INST_STATUS"):
            cells = [f"{int(v)}" for v in np.broadcast_to(columns.get(name, 0), n)]
        else:
            cells = [f"{v:.10E}" for v in np.broadcast_to(columns.get(name, 0.0), n)]
        fields.append([c.ljust(WIDTH) for c in cells])
    lines = ["".join(n.ljust(WIDTH) for n in names), *("".join(row) for row in zip(*fields, strict=True))]
    return ("\n".join(lines) + "\n").encode()


def simulate(
    days: float = 2.0,
    *,
    seed: int = 1,
    every: float = 2.0,
    wrong: dict[int, float] | None = None,
    tanks: tuple[float, ...] = (380.0, 450.0, 520.0, 415.0),
    u_tank: float = 0.03,
    cycle: float = 43200.0,
) -> dict[str, Any]:
    """Return rows of a station: a valve that visits cylinders every `cycle`, an analyser that drifts, truth beside.

    Ports 1 (air), 2, 3, ... the cylinders in the order of `tanks`; each 600 s, with 90 s of flush. The assigned values
    are off by errors drawn with `u_tank`, and by `wrong`.
    """
    rng = np.random.default_rng(seed)
    start = 1_700_006_400.0
    t = start + np.arange(0.0, days * 86400.0, every)
    t = np.round(t + rng.uniform(0.0, 0.2, t.size), 3)
    since = t - start
    phase = since % cycle
    port = np.ones(t.size)
    for k in range(len(tanks)):
        port[(phase >= 600.0 * k) & (phase < 600.0 * (k + 1))] = k + 2
    air = 410.0 + 15.0 * np.sin(since / 86400.0 * 2 * np.pi) + 3.0 * np.sin(since / 4000.0)
    truth = np.select([port == k + 2 for k in range(len(tanks))], tanks, air)
    # the analyser: slope, offset, a random walk, and a day process
    step = max(int(600.0 / every), 1)
    coarse = np.arange(0, t.size + step, step)
    walk = np.cumsum(rng.normal(0, 0.05 * np.sqrt(600.0 / 86400.0), coarse.size))
    day = np.zeros(coarse.size)
    f = np.exp(-600.0 / 86400.0)
    for i in range(1, coarse.size):
        day[i] = f * day[i - 1] + 0.03 * np.sqrt(1 - f * f) * rng.normal()
    drift = np.interp(np.arange(t.size), coarse, walk + day)
    seen = (truth - 0.35 - drift) / 1.002
    # memory of the gas before
    turns = np.flatnonzero(np.diff(port)) + 1
    for a in turns:
        b = min(a + int(90 / every), t.size)
        seen[a:b] += (seen[a - 1] - seen[a:b]) * np.exp(-(t[a:b] - t[a]) / 12.0)
    read = seen + rng.normal(0, 0.06, t.size)
    assigned = np.array(tanks) + rng.normal(0, u_tank, len(tanks))
    for k, error in (wrong or {}).items():
        assigned[k] += error
    columns = {"MPVPosition": port, "CO2": read * 0.97, "CO2_dry": read, "h2o_reported": 2.0, "species": 3.0,
               "CavityPressure": 140.0}  # fmt: skip
    return {"time": t, "columns": columns, "truth": truth, "assigned": assigned, "port": port}


def job_of(files: Any, assigned: np.ndarray, *, targets: int = 1, u_tank: float = 0.03, **more: Any) -> dict[str, Any]:
    """Return the configuration of the simulated station; the last cylinders are targets."""
    k = len(assigned)
    scale = "WMO CO2 X2019"
    return {
        "site": {"name": "simulated", "latitude": 50.0, "longitude": 8.0},
        "records": {"format": "picarro", "files": [str(f) for f in files]},
        "gases": {"co2": {"scale": scale}},
        "inlets": [{"name": "10m", "height": 10.0, "valve": "1"}],
        "cylinders": [
            {"name": f"T{i + 2}", "valve": str(i + 2), "role": "calibration" if i < k - targets else "target",
             "values": {"co2": {"value": float(v), "uncertainty": u_tank, "scale": scale}}}
            for i, v in enumerate(assigned)
        ],
        **more,
    }  # fmt: skip
