"""Smoothed gaps in real CAMPD hours: intervals cover withheld values at their rate, and facility compare takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensors.config import CampdReader, StackJob
from sensors.missing import smooth
from sensors.missing.config import MissingConfig
from sensors.readers import read
from sensors.stack.job import run


@pytest.mark.parametrize("hours", [1, 6, 24])
def test_intervals_on_artificial_gaps_cover_95_percent(shared_data: Path, hours: int) -> None:
    files = str(shared_data / "facility" / "campd" / "epacems2018id*.zip")
    ds = read(CampdReader(files=(files,)))
    rng = np.random.default_rng(hours)
    inside = total = 0
    for k in range(ds.sizes["source"]):
        x, load = ds["emission"].values[k], ds["gross_load"].values[k]
        on = ds["operating_time"].values[k] > 0
        ok = on & np.isfinite(x)
        if ok.sum() < 500:
            continue
        known, masked = np.flatnonzero(ok), ok.copy()
        for _ in range(min(60, known.size // (8 * hours))):
            begin = rng.integers(0, known.size - hours)
            masked[known[begin : begin + hours]] = False
        held = ok & ~masked
        result = smooth(np.where(masked, x, np.nan), masked, on, load)
        inside += int((np.abs(x - result.mean) < 1.96 * result.u)[held].sum())
        total += int(held.sum())
    assert total > 200
    assert inside / total == pytest.approx(0.95, abs=0.035)


def test_filling_a_real_record_changes_only_its_gaps(shared_data: Path) -> None:
    files = str(shared_data / "facility" / "campd" / "epacems2018id0[1-3].zip")
    reader = CampdReader(files=(files,))
    before = run(StackJob(reader=reader))
    after = run(StackJob(reader=reader, missing=MissingConfig(regime="none")))
    known = np.isfinite(before["emission"].values)
    np.testing.assert_array_equal(after["emission"].values[known], before["emission"].values[known])
    assert np.isfinite(after["emission"].values).sum() >= known.sum()
