"""Calendar periods and local stamps."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.core.time import (
    local_date,
    localise,
    period_bounds,
    seconds,
    zone,
)

HOUR = np.timedelta64(3600, "s")


def utc(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[ns]")


# ---------------------------------------------------------------- calendar


def test_months_are_calendar_exact() -> None:
    lengths = seconds(period_bounds("2024-01-01", "2025-01-01", "month")) / 86400
    assert lengths.tolist() == [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert seconds(period_bounds("2023-01-01", "2025-01-01", "year")).tolist() == [365 * 86400, 366 * 86400]
    quarters = seconds(period_bounds("2024-01-01", "2025-01-01", "quarter")) / 86400
    assert quarters.tolist() == [91, 91, 92, 92]


def test_periods_in_local_time() -> None:
    bounds = period_bounds("2024-03-01", "2024-04-01", "month", "America/New_York")
    assert bounds.tolist() == utc("2024-03-01T05", "2024-04-01T04").reshape(1, 2).tolist()
    assert seconds(bounds)[0] == (31 * 24 - 1) * 3600
    assert period_bounds("2024-01-01", "2024-01-02", "day", "Asia/Shanghai")[0, 0] == utc("2023-12-31T16")[0]
    assert period_bounds("2024-01-01", "2024-01-02", "day", "UTC-07:00")[0, 0] == utc("2024-01-01T07")[0]
    assert period_bounds("2024-01-01", "2024-01-02", "day", "Asia/Kolkata")[0, 0] == utc("2023-12-31T18:30")[0]


@pytest.mark.parametrize(("day", "hours"), [("2024-03-10", 23), ("2024-11-03", 25), ("2024-06-01", 24)])
def test_days_at_the_change_of_the_clock(day: str, hours: int) -> None:
    after = str(np.datetime64(day) + 1)
    assert seconds(period_bounds(day, after, "day", "America/New_York")).tolist() == [hours * 3600]
    assert period_bounds(day, after, "hour", "America/New_York").shape == (hours, 2)


def test_midnight_that_does_not_exist_or_exists_twice() -> None:
    # Sao Paulo set the clock forward at midnight of 2018-11-04; Havana sets it back at 01:00 to 00:00
    assert period_bounds("2018-11-04", "2018-11-05", "day", "America/Sao_Paulo")[0, 0] == utc("2018-11-04T03")[0]
    havana = period_bounds("2024-11-03", "2024-11-04", "day", "America/Havana")
    assert seconds(havana)[0] == 25 * 3600


def test_ends_are_rounded_outwards_and_kinds_of_date_agree() -> None:
    expected = period_bounds("2024-01-01", "2024-03-01", "month").tolist()
    assert period_bounds("2024-01-15T12:00", dt.datetime(2024, 2, 1, 0, 0, 1), "month").tolist() == expected
    assert period_bounds(dt.date(2024, 1, 31), np.datetime64("2024-02-29T23:59"), "month").tolist() == expected
    aware = dt.datetime(2023, 12, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-1)))
    assert period_bounds(aware, "2024-03-01", "month").tolist() == expected
    local = period_bounds(np.datetime64("2024-01-01T05"), np.datetime64("2024-02-01T05"), "month", "America/New_York")
    assert local.shape == (1, 2)
    weeks = period_bounds("2024-01-03", "2024-01-09", "week")
    assert weeks[0, 0] == utc("2024-01-01")[0] and weeks.shape == (2, 2)
    assert period_bounds("2024-01-01T00:30", "2024-01-01T01:30", "hour").shape == (2, 2)


@settings(max_examples=60)
@given(
    st.dates(dt.date(1990, 1, 1), dt.date(2035, 1, 1)),
    st.integers(1, 900),
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Shanghai", "UTC+05:45"]),
)
def test_periods_join_and_cover(start: dt.date, days: int, by: str, name: str) -> None:
    end = start + dt.timedelta(days=days)
    bounds = period_bounds(start, end, by, name)
    assert (bounds[1:, 0] == bounds[:-1, 1]).all()
    assert (bounds[:, 1] > bounds[:, 0]).all()
    tz = zone(name)

    def instant(day: dt.date) -> np.datetime64:
        local = dt.datetime(day.year, day.month, day.day, tzinfo=tz)
        return np.datetime64(local.astimezone(dt.UTC).replace(tzinfo=None))

    assert bounds[0, 0] <= instant(start) and bounds[-1, 1] >= instant(end)
    assert bounds[0, 1] > instant(start) and bounds[-1, 0] < instant(end)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2024-02-01", "2024-01-01"), "not after the start"),
        (("2024-13-01", "2024-01-01"), "not a date"),
        ((20240101, "2024-01-01"), "not a date"),
        (("2024-01-01", np.datetime64("NaT")), "start and an end"),
        (("2024-01-01", "2024-02-01", "fortnight"), "unknown period"),
        (("2024-01-01", "2024-02-01", "day", "Mars/Olympus"), "unknown time zone"),
        (("2024-01-01", "2024-02-01", "day", ""), "unknown time zone"),
    ],
)
def test_bad_periods_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        period_bounds(*arguments)


# ---------------------------------------------------------------- local stamps


def test_local_stamps_with_the_double_hour_in_order() -> None:
    local = utc("2024-11-03T00:00", "2024-11-03T01:00", "2024-11-03T01:00", "2024-11-03T02:00")
    start = localise(local, "America/New_York")
    assert (np.diff(start) == HOUR).all()
    assert start[0] == utc("2024-11-03T04")[0]
    five = [f"2024-11-03T01:{m:02d}" for m in range(0, 60, 5)]
    start = localise(utc("2024-11-03T00:55", *five, *five, "2024-11-03T02:00"), "America/New_York")
    assert (np.diff(start) == np.timedelta64(300, "s")).all()


def test_end_labels_and_fixed_offsets() -> None:
    local = utc("2024-11-03T01:00", "2024-11-03T01:00", "2024-11-03T02:00")
    start = localise(local, "America/New_York", "end", interval=3600.0)
    assert start.tolist() == utc("2024-11-03T04", "2024-11-03T05", "2024-11-03T06").tolist()
    standard = localise(utc("2024-03-10T02:30"), "UTC-05:00")
    assert standard[0] == utc("2024-03-10T07:30")[0]
    assert np.isnat(localise(utc("NaT", "2024-01-01"), "Asia/Shanghai")).tolist() == [True, False]
    assert localise(utc(), "Asia/Shanghai").size == 0


def test_two_years_of_double_hours_are_told_apart() -> None:
    nights = [f"{d}T0{h}:00" for d in ("2023-11-05", "2024-11-03") for h in (0, 1, 1, 2)]
    start = localise(utc(*nights), "America/New_York")
    assert (np.diff(start)[[0, 1, 2, 4, 5, 6]] == HOUR).all()


def test_undecidable_and_skipped_stamps_are_refused() -> None:
    with pytest.raises(InputError, match=r"raw.csv: a local hour exists twice.*2024-11-03T01:00:00") as caught:
        localise(
            utc("2024-11-03T00:00", "2024-11-03T01:00", "2024-11-03T02:00"),
            "America/New_York",
            where="raw.csv",
        )
    assert "fixed offset" in str(caught.value)
    with pytest.raises(InputError, match=r"does not exist.*2024-03-10 02:30:00"):
        localise(utc("2024-03-10T01:30", "2024-03-10T02:30"), "America/New_York")
    with pytest.raises(InputError, match="length of the interval"):
        localise(utc("2024-01-01"), "UTC", "end")
    with pytest.raises(InputError, match="length of the interval"):
        localise(utc("2024-01-01"), "UTC", "middle")


def test_calendar_work_does_not_load_the_compiler() -> None:
    code = (
        "import sys; from ghg.core.time import period_bounds; from ghg.core.uncertainty import Budget; "
        "period_bounds('2024-01-01', '2025-01-01'); sys.exit(bool({'numba', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("stamp", "timezone", "date"), [
    ("2024-08-31T16:00:00Z", "Asia/Shanghai", "2024-09-01"),
    ("2024-08-31T15:59:59", "UTC+08:00", "2024-08-31"),
    ("2024-01-01T04:00:00Z", "America/Phoenix", "2023-12-31"),
])  # fmt: skip
def test_the_date_of_a_place(stamp: str, timezone: str, date: str) -> None:
    assert local_date(stamp, timezone) == date
