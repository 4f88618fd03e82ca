"""Tampering put into a real month of tower minutes (Tacolneston, August 2012), and the month as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensors.analysis.integrity import copies, freezes, likenesses, screen, smoothing
from sensors.readers.series import read_series


@pytest.fixture(scope="module")
def month(shared_data: Path) -> Any:
    ds = read_series(shared_data / "sensors" / "crds" / "tac.picarro.1minute.100m.201208.dat.gz")
    return ds.isel(time=np.flatnonzero(ds["co2"].notnull().values & ds["ch4"].notnull().values))


@pytest.fixture(scope="module")
def arrays(month: Any) -> Any:
    return month["time"].values, month["co2"].values, month["ch4"].values


def test_the_month_as_it_is_raises_no_alarm(month: Any) -> None:
    assert [e.sentence() for e in screen(month, ["co2", "ch4"]) if e.detector != "clock"] == []


@pytest.mark.parametrize(("length", "offset"), [(60, 0.0), (60, 1.5), (10, 0.0)])
def test_copied_stretches_are_found(arrays: Any, rng: np.random.Generator, length: int, offset: float) -> None:
    time, co2, ch4 = arrays
    found = 0
    for _ in range(15):
        source, target = rng.choice(np.arange(0, co2.size - 2 * length, 2 * length), 2, replace=False)
        a, b = co2.copy(), ch4.copy()
        a[target : target + length] = co2[source : source + length] + offset
        b[target : target + length] = ch4[source : source + length] + 10 * offset
        events = copies(time, [np.round(a, 2), np.round(b, 2)])
        hit = [
            e for e in events if e.start <= time[max(source, target) + length] and e.end >= time[max(source, target)]
        ]
        found += bool(hit)
        assert len(events) == len(hit)
    assert found == 15


def test_copies_with_noise_are_found(arrays: Any, rng: np.random.Generator) -> None:
    """Two hours each with noise of 0.03 ppm and 0.3 ppb, put in at six places of one month; nothing else is named."""
    time, co2, ch4 = arrays
    a, b, put = co2.copy(), ch4.copy(), []
    for k in range(6):
        source, target = int(rng.integers(13_000, co2.size - 200)), 500 + 2000 * k
        for new, old, noise in ((a, co2, 0.03), (b, ch4, 0.3)):
            new[target : target + 120] = np.round(old[source : source + 120] + rng.normal(0.0, noise, 120), 2)
        put.append((time[source], time[source + 120]))
    events = likenesses(time, [a, b])
    near = np.timedelta64(60, "m")
    assert all(any(e.start <= end and e.end >= start for e in events) for start, end in put)
    assert all(any(e.start <= end + near and e.end >= start - near for start, end in put) for e in events)
    assert not copies(time, [a, b])


def test_freezes_are_found(arrays: Any, rng: np.random.Generator) -> None:
    time, co2, ch4 = arrays
    for _ in range(15):
        at = int(rng.integers(0, co2.size - 10))
        a, b = co2.copy(), ch4.copy()
        a[at : at + 10], b[at : at + 10] = a[at], b[at]
        events = freezes(time, [a, b])
        assert len(events) == 1
        assert events[0].start == time[at] or "10 equal" not in events[0].detail


def test_smoothing_is_found(arrays: Any, rng: np.random.Generator) -> None:
    """A running mean of 15 minutes over 12 hours, as in the notes."""
    time, co2, _ = arrays
    for _ in range(15):
        at = int(rng.integers(800, co2.size - 1600))
        a = co2.copy()
        a[at : at + 720] = np.round(np.convolve(co2[at - 7 : at + 727], np.ones(15) / 15, "valid"), 2)
        events = smoothing(time, a)
        assert events
        for event in events:  # two where a window between them lacks values
            assert time[at - 360] <= event.start <= time[at + 720]
