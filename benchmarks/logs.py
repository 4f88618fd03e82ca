"""Picarro logs of a simulated station for benchmarks: the layout of a G2301, 17 fields of 26 characters, 443 bytes a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sensors.station.simulation import Scenario, simulate

NAMES = (
    "DATE", "TIME", "FRAC_DAYS_SINCE_JAN1", "FRAC_HRS_SINCE_JAN1", "JULIAN_DAYS", "EPOCH_TIME", "ALARM_STATUS",
    "INST_STATUS", "species", "MPVPosition", "solenoid_valves", "CH4", "CH4_dry", "CO2", "CO2_dry", "H2O",
    "h2o_reported",
)  # fmt: skip
WIDTH = 26


def write_logs(folder: Path, rows: int, files: int) -> dict[str, Any]:
    """Write `files` logs of together `rows` rows and return the configuration of their station."""
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
