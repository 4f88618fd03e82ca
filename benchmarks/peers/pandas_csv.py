"""Text to columns by pandas: the hourly file of Idaho's units and one analyser log, as ``bench_stack.py`` and
``bench_calibration.py chain`` read them; the log is the one that run has left."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pandas as pd
from common import SHARED, best, say

NUMBERS = ["OP_HOUR", "OP_TIME", "GLOAD (MW)", "SLOAD (1000lb/hr)", "CO2_MASS (tons)", "HEAT_INPUT (mmBtu)"]
TEXTS = ["STATE", "FACILITY_NAME", "ORISPL_CODE", "UNITID", "OP_DATE", "CO2_MASS_MEASURE_FLG"]


def hours() -> None:
    texts = []
    for path in sorted((SHARED / "facility" / "campd").glob("epacems2018id*.zip")):
        with zipfile.ZipFile(path) as archive:
            texts += [archive.read(name) for name in archive.namelist()]
    header = texts[0].split(b"\n", 1)[0]
    text = b"\n".join([header, *(body.split(b"\n", 1)[1].rstrip() for body in texts)])
    rows = len(pd.read_csv(io.BytesIO(text)))
    chosen = best(lambda: pd.read_csv(io.BytesIO(text), usecols=NUMBERS + TEXTS))
    say(f"CAMPD csv, {rows:,} rows", chosen, "pandas", "read_csv, the same columns")
    say(f"CAMPD csv, {rows:,} rows", best(lambda: pd.read_csv(io.BytesIO(text))), "pandas", "read_csv, defaults")


def log() -> None:
    wanted = ["EPOCH_TIME", "CO2", "h2o_reported", "MPVPosition"]
    for path in sorted(Path(os.environ["GHG_BENCH_INPUTS"]).glob("*.dat")):
        rows = len(pd.read_csv(path, sep=r"\s+", usecols=wanted))
        took = best(lambda p=path: pd.read_csv(p, sep=r"\s+", usecols=wanted), 2)
        say(f"analyser log to columns, {rows:,} rows", took, "pandas", "read_csv, the same columns")


hours()
log()
