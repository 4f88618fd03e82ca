"""Daily and yearly cycles: what was put in comes back, in local solar time."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from sensors.analysis.cycles import cycles

LONGITUDE = 60.0  # four hours before UTC


def year(gap: slice | None = None) -> xr.Dataset:
    """An hourly year: 400 + month + 5 sin of the solar day, twice that in summer; no noise."""
    time = np.arange(np.datetime64("2022-12-31T20"), np.datetime64("2023-12-31T20")).astype("datetime64[ns]")
    solar = time + np.timedelta64(4, "h")
    hour = (solar.astype("datetime64[h]").astype(np.int64) % 24).astype(float)
    month = solar.astype("datetime64[M]").astype(np.int64) % 12 + 1
    summer = (month >= 6) & (month <= 8)
    y = 400.0 + month + np.where(summer, 10.0, 5.0) * np.sin(2 * np.pi * hour / 24)
    if gap is not None:
        y[gap] = np.nan
    return xr.Dataset({"co2": ("time", y, {"units": "umol mol-1"})}, {"time": time}, {"longitude": LONGITUDE})


def test_the_cycles_that_were_put_in() -> None:
    found = cycles(year())
    expected = 5.0 * np.sin(2 * np.pi * np.arange(24) / 24)
    for season, size in (("DJF", 1.0), ("MAM", 1.0), ("JJA", 2.0), ("SON", 1.0)):
        np.testing.assert_allclose(found["daily_median"].sel(season=season), size * expected, atol=1e-9)
    np.testing.assert_allclose(found["monthly_median"], 400.0 + np.arange(1, 13), atol=1e-9)
    assert (found["daily_high"] >= found["daily_low"]).all()
    assert found["daily_n"].sum() == found["monthly_n"].sum() == 365 * 24


def test_the_longitude_turns_the_day() -> None:
    by_utc = cycles(year(), longitude=0.0)["daily_median"].sel(season="MAM")
    local = cycles(year())["daily_median"].sel(season="MAM")
    np.testing.assert_allclose(by_utc.values, np.roll(local.values, -4), atol=0.05)  # days begin elsewhere
    with pytest.raises(InputError, match="longitude is out of range"):
        cycles(year(), longitude=400.0)


def test_days_with_few_values_do_not_pull_the_cycle() -> None:
    """A day with its afternoon only has another mean; it is left out, and cells without values are empty."""
    found = cycles(year(slice(24 * 100, 24 * 100 + 18)))
    np.testing.assert_allclose(found["daily_median"].sel(season="MAM"), 5.0 * np.sin(2 * np.pi * np.arange(24) / 24),
                               atol=1e-9)  # fmt: skip
    short = cycles(year().isel(time=slice(0, 24 * 31)))
    assert short["daily_median"].sel(season="JJA").isnull().all() and short["monthly_median"].isnull().sum() == 11
