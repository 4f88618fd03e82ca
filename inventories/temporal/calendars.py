"""Local time of every hour of a year, with daylight saving as it was, and holidays."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.limits import check_times
from ghg.core.time import zone

__all__ = ["LocalYear", "holidays", "local_year", "year_hours"]

Int = npt.NDArray[np.int64]
QUARTERS = 4  # no zone is off by anything finer than a quarter of an hour


@dataclass(frozen=True, eq=False)
class LocalYear:
    """Local calendar at each quarter of an hour of the UTC year, (hours, 4) arrays.

    Parameters
    ----------
    month : array
        0 to 11.
    weekday : array
        0 is Monday.
    hour : array
        0 to 23.
    day : array
        Local days since 1970.
    """

    month: Int
    weekday: Int
    hour: Int
    day: Int


def year_hours(year: int) -> npt.NDArray[np.datetime64]:
    """Return the starts of the hours of a UTC year; one that nanoseconds do not hold is refused."""
    return check_times(np.arange(f"{year:04}-01-01T00", f"{year + 1:04}-01-01T00", dtype="M8[h]"))


def _offset(name: str, when: datetime) -> int:
    found = when.astimezone(zone(name)).utcoffset()
    return int(found.total_seconds()) if found is not None else 0


@lru_cache(maxsize=512)
def local_year(year: int, timezone: str = "UTC") -> LocalYear:
    """Return the local calendar of the hours of a UTC year.

    A change of the clock is found to the quarter of an hour: the hour that daylight saving leaves out is not there,
    the one it doubles is there twice.

    Raises
    ------
    InputError
        The zone is not known.
    """
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    count = int((end - start).total_seconds()) // 900
    offset = np.empty(count, np.int64)
    step = timedelta(days=1)
    at, now = 0, _offset(timezone, start)
    while at < count:
        following = min(at + 96, count)
        after = _offset(timezone, start + following * step / 96)
        if after == now:
            offset[at:following] = now
        else:
            low, high = at, following  # the clock changes once within the day
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(timezone, start + middle * step / 96) == now else (low, middle)
            offset[at:high], offset[high:following] = now, after
        at, now = following, after
    seconds = np.datetime64(f"{year}-01-01T00:00:00").astype("M8[s]").astype(np.int64) + np.arange(count) * 900 + offset
    days = seconds // 86400
    month = days.astype("M8[D]").astype("M8[M]").astype(np.int64) % 12
    parts = [v.reshape(-1, QUARTERS) for v in (month, (days + 3) % 7, seconds % 86400 // 3600, days)]
    return LocalYear(*parts)


@lru_cache(maxsize=1)
def _tables() -> dict:
    return tomllib.loads((files("inventories.temporal") / "data" / "holidays.toml").read_text("utf-8"))


def holidays(country: str, year: int) -> tuple[set[date], set[date]]:
    """Return the days off and the working weekends of a country, from the table with its sources.

    Parameters
    ----------
    country : str
        ISO 3166-1 alpha-3 code.
    year : int
        Calendar year.

    Raises
    ------
    InputError
        The table does not hold the country or the year.
    """
    table = _tables()
    if country not in table:
        raise InputError("no holidays are known for the country", found=country,
                         need="one of " + ", ".join(sorted(table)))  # fmt: skip
    if str(year) not in table[country]:
        known = ", ".join(k for k in table[country] if k.isdigit())
        raise InputError("the holidays of this year are not known", where=country, found=str(year), need=known)
    found = table[country][str(year)]
    off = {d for part in found["off"] for d in _days(part)}
    return off, {d for part in found.get("work", []) for d in _days(part)}


def _days(text: str) -> Iterable[date]:
    first, _, last = text.partition("/")
    start = date.fromisoformat(first)
    end = date.fromisoformat(last) if last else start
    for k in range((end - start).days + 1):
        yield start + timedelta(days=k)


def as_sundays(calendar: LocalYear, off: set[date], work: set[date]) -> LocalYear:
    """Return the calendar with days off as Sundays and working weekends as Mondays."""
    epoch = date(1970, 1, 1)
    weekday = calendar.weekday.copy()
    for days, value in ((off, 6), (work, 0)):
        numbers = np.array(sorted((d - epoch).days for d in days), np.int64)
        weekday[np.isin(calendar.day, numbers)] = value
    return LocalYear(calendar.month, weekday, calendar.hour, calendar.day)
