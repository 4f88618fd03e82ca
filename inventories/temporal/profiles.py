"""Profiles of month, weekday and hour, and what they make of the real hours of a year.

A profile is three sets of relative weights. The weight of an hour is the product of the three in local time, taken by
quarters of an hour, so that zones off by a half or a quarter are right; the factor of the hour is that weight over
the mean weight of all hours of the year. Hence the year's mass is exactly the annual mass, in leap years and with
daylight saving, which profiles that are not renormalised miss (-0.9 to +0.3 % with those of TNO in 2022 and 2024).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ErrorList, GhgError, InputError
from ghg.core.files import open_input
from inventories.temporal.calendars import LocalYear, as_sundays, holidays, local_year

__all__ = ["FLAT", "Profile", "factors", "heating", "read_profiles"]

Array = npt.NDArray[np.float64]
LENGTHS = {"month": 12, "weekday": 7, "hour": 24}
SUM_TOLERANCE = 0.011  # relative; published factors are rounded to two digits


def _ones(count: int) -> Array:
    return np.ones(count)


@dataclass(frozen=True, eq=False)
class Profile:
    """Relative weights of the months, of the days from Monday, and of the hours from midnight.

    Parameters
    ----------
    month, weekday, hour : (12,), (7,), (24,) array
        Weights; only their ratios count.
    hour_saturday, hour_sunday : (24,) array, optional
        Hours of those days where they differ.
    daily : (days,) array, optional
        Weights of the local days of the year in the place of month (heating), from 1 January.
    hold : str
        What is kept: the mass of the ``year``, or of each ``month``, month weights being its share of the year.
    name : str
        For messages.
    """

    month: Array = field(default_factory=lambda: _ones(12))
    weekday: Array = field(default_factory=lambda: _ones(7))
    hour: Array = field(default_factory=lambda: _ones(24))
    hour_saturday: Array | None = None
    hour_sunday: Array | None = None
    daily: Array | None = None
    hold: str = "year"
    name: str = ""

    def __post_init__(self) -> None:
        for part, length in LENGTHS.items():
            values = np.ascontiguousarray(getattr(self, part), np.float64)
            if values.shape != (length,) or not np.isfinite(values).all():
                raise InputError(f"a {part} profile has not {length} numbers", where=self.name,
                                 found=str(values.size))  # fmt: skip
            if (values < 0).any() or values.sum() <= 0:
                raise InputError(f"a {part} profile has negative weights or none", where=self.name,
                                 found=f"{values.min():g}")  # fmt: skip
            object.__setattr__(self, part, values)
        if self.hold not in ("year", "month"):
            raise InputError("a profile holds neither year nor month", where=self.name, found=self.hold)

    def weights(self, calendar: LocalYear) -> Array:
        """Return the weights of the hours of a year, not normalised."""
        saturday = self.hour if self.hour_saturday is None else self.hour_saturday
        sunday = self.hour if self.hour_sunday is None else self.hour_sunday
        by_day = np.stack([self.hour] * 5 + [saturday, sunday]) * self.weekday[:, None]
        season = self.month[calendar.month]
        if self.daily is not None:
            middle = np.datetime64(int(calendar.day[calendar.day.shape[0] // 2, 0]), "D")
            first = int(middle.astype("M8[Y]").astype("M8[D]").astype(np.int64))
            season = self.daily[np.clip(calendar.day - first, 0, self.daily.size - 1)]
        return (season * by_day[calendar.weekday, calendar.hour]).mean(axis=1)


FLAT = Profile(name="flat")


def factors(profile: Profile, year: int, timezone: str = "UTC", country: str = "") -> Array:
    """Return for each hour of a UTC year its rate over the annual mean rate.

    Parameters
    ----------
    profile : Profile
        Weights in local time.
    year : int
        Calendar year, UTC.
    timezone : str
        IANA zone.
    country : str
        ISO code: its holidays count as Sundays and its working weekends as Mondays.

    Returns
    -------
    (hours,) array
        Mean one, to the last bits.

    Raises
    ------
    InputError
        The profile gives no weight to any hour, or the holidays are not known.
    """
    calendar = local_year(year, timezone)
    if country:
        calendar = as_sundays(calendar, *holidays(country, year))
    if profile.hold == "month":
        return _by_month(profile, calendar)
    weight = profile.weights(calendar)
    if weight.sum() <= 0:
        raise InputError("a profile gives no weight to any hour of the year", where=profile.name)
    return weight / weight.mean()


def _by_month(profile: Profile, calendar: LocalYear) -> Array:
    """Give each month its share of the year; hours that belong to the local year before or after go with theirs."""
    month = calendar.month[:, 0]
    inner = replace(profile, month=np.ones(12)).weights(calendar)
    mass = np.bincount(month, inner, 12)
    share = profile.month / profile.month.sum()
    factor = inner * (share / np.where(mass > 0, mass, 1.0))[month] * inner.size
    return factor / factor.mean()


def heating(temperature: npt.ArrayLike, base: float = 288.15, floor: float = 0.0) -> Array:
    """Return daily weights of heating: degrees below a base temperature.

    Parameters
    ----------
    temperature : (days,) array
        Daily mean air temperature of the year, K.
    base : float
        Temperature at which heating begins, K; 15 degrees Celsius in most of Europe.
    floor : float
        Share of the year's mass that does not depend on temperature (hot water, cooking), 0 to 1.

    Raises
    ------
    InputError
        The series has gaps or not the days of a year, is not in kelvin, or no day is below the base.

    References
    ----------
    Guevara et al. (2021), Earth Syst. Sci. Data 13, 367 (degree days, with a constant share).
    """
    t = np.asarray(temperature, np.float64)
    if t.shape not in ((365,), (366,)) or not np.isfinite(t).all():
        raise InputError("a year of daily temperatures has gaps or not 365 or 366 days", found=f"{t.size} values")
    if t.min() < 150.0 or t.max() > 350.0:
        raise InputError("daily temperatures are not in kelvin", found=f"{t.min():g} to {t.max():g}")
    if not 0.0 <= floor < 1.0:
        raise InputError("the constant share of heating is out of range", found=str(floor), need="0 to 1")
    degree = np.maximum(base - t, 0.0)
    if degree.sum() <= 0.0:
        raise InputError("no day is cold enough for heating", found=f"{t.min():g} K", need=f"below {base:g} K")
    return floor / t.size + (1.0 - floor) * degree / degree.sum()


def read_profiles(
    month: str | PathLike[str], weekday: str | PathLike[str], hour: str | PathLike[str]
) -> dict[str, Profile]:
    """Read tables of profiles by sector: one row per sector, as TNO and CAMS publish them.

    Lines that begin with # are comments; columns are split by ; or , and found by their names (jan ..., mon ...,
    1 ... 24); the sector is the column GNFR, or the one whose name begins with TNO GNFR.

    Raises
    ------
    ErrorList or InputError
        A column is missing, a number is none, a profile's sum is not its length, or the tables name other sectors.
    """
    tables = {"month": _table(month, "month"), "weekday": _table(weekday, "weekday"), "hour": _table(hour, "hour")}
    sectors = list(tables["month"])
    faults: list[GhgError] = []
    for part, path in (("weekday", weekday), ("hour", hour)):
        if odd := sorted(set(sectors) ^ set(tables[part])):
            faults.append(InputError("the tables of profiles name other sectors", where=str(path),
                                     found=", ".join(odd)))  # fmt: skip
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)
    return {s: Profile(tables["month"][s], tables["weekday"][s], tables["hour"][s], name=s) for s in sectors}


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMES: Mapping[str, Sequence[str]] = {"month": _MONTHS, "weekday": _DAYS, "hour": [str(h) for h in range(1, 25)]}


def _table(path: str | PathLike[str], part: str) -> dict[str, Array]:
    raw = open_input(path).read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # the comments of TNO's tables hold names; numbers and codes are ASCII
    lines = [line for line in text.splitlines() if line.strip(";, ") and not re.match(r"\s*\"?#", line)]
    rows = list(csv.reader(lines, delimiter=";" if lines and ";" in lines[0] else ","))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    key = next((i for i, name in enumerate(header) if name == "gnfr" or name.startswith("tno gnfr")), None)
    missing = [name for name in _NAMES[part] if name not in header]
    if key is None or missing:
        raise InputError("a table of profiles lacks columns", where=str(path), need=", ".join(missing) or "GNFR")
    places = [header.index(name) for name in _NAMES[part]]
    if short := next((row for row in rows[1:] if len(row) <= key), None):
        raise InputError("a row of profiles names no sector", where=str(path), found=",".join(short)[:80])
    return {row[key].strip(): _weights(row, places, f"{path}, sector {row[key].strip()}") for row in rows[1:]}


def _weights(row: Sequence[str], places: Sequence[int], where: str) -> Array:
    try:
        values = np.array([float(row[i]) for i in places])
    except (ValueError, IndexError) as error:
        raise InputError("a profile holds something that is no number", where=where) from error
    for total in (len(places), 1.0):
        if abs(values.sum() / total - 1.0) <= SUM_TOLERANCE:
            return values
    raise InputError("a profile does not sum to one", where=where, found=f"sum {values.sum():g}",
                     need=f"1, or {len(places)} for factors of mean one")  # fmt: skip
