"""Edited coefficients and jumps of the clock in simulated logs; bad requests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from sensors.analysis.integrity import clock_jumps, edited_relation, screen


def log(rng: np.random.Generator, n: int = 3000) -> tuple[Any, Any, Any, Any]:
    time = np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(5, "s")
    h = 1.5 + 0.5 * np.sin(np.arange(n) / 300)
    wet = 405 + np.cumsum(rng.normal(0, 0.02, n))
    return time, wet, wet / (1 - 0.012 * h - 2.674e-4 * h**2), h


def test_an_edited_water_coefficient_is_found(rng: np.random.Generator) -> None:
    time, wet, dry, h = log(rng)
    assert edited_relation(time, wet, dry, h) == []
    edited = dry.copy()
    edited[1800:] = wet[1800:] / (1 - 0.0122 * h[1800:] - 2.674e-4 * h[1800:] ** 2)
    (event,) = edited_relation(time, wet, edited, h)
    assert abs(event.start - time[1800]) < np.timedelta64(20, "m")
    gain = dry.copy()
    gain[1200:] *= 1.0005
    (event,) = edited_relation(time, wet, gain, h)
    assert abs(event.start - time[1200]) < np.timedelta64(20, "m")
    assert event.score > 12
    assert "moist over dry changes by -" in event.detail


def test_clock_jumps(rng: np.random.Generator) -> None:
    time = log(rng)[0]
    assert clock_jumps(time) == []
    back = time.copy()
    back[1000:] -= np.timedelta64(3600, "s")
    (event,) = clock_jumps(back)
    assert event.detail == "set back by 3595 s"
    shifted = time.copy()
    shifted[1000:] += np.timedelta64(2, "s")
    (event,) = clock_jumps(shifted)
    assert "beat of 5 s" in event.detail
    gap = np.concatenate([time[:1000], time[1500:]])
    assert clock_jumps(gap) == []


def test_screen_uses_what_is_there(rng: np.random.Generator) -> None:
    time, wet, dry, h = log(rng)
    dry[1800:] *= 1.001
    ds = xr.Dataset({"co2": ("time", dry), "co2_wet": ("time", wet), "h2o": ("time", h)}, {"time": time})
    assert {e.detector for e in screen(ds, ["co2"])} == {"edited_relation"}
    with pytest.raises(InputError, match="missing"):
        screen(ds, ["ch4"])
    with pytest.raises(InputError, match="one or two"):
        screen(ds, [])
