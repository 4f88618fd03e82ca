"""Calendar periods in a time zone, local stamps to UTC, and resampling that carries uncertainty.

Times inside the toolkit are UTC, ``datetime64[ns]``, and label the start of an interval whose ends are in
``time_bounds``. Text, dates and naive datetimes given by a user are wall clock in the stated time zone.

References
----------
JCGM 100:2008, 5.1.2 and 5.2.2 (independent parts in quadrature, fully correlated parts linearly).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt

from ghg.core._bounds import bounds_variable, seconds, time_variables
from ghg.core.errors import InputError
from ghg.core.limits import check_times
from ghg.core.uncertainty.series import (
    ar1_inflation,
    autocorrelation_time,
    block_length,
    efolding_time,
    stationary_bootstrap_indices,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "ar1_inflation", "autocorrelation_time", "block_length", "bounds_variable", "efolding_time", "local_date",
    "localise", "period_bounds", "resample", "seconds", "stationary_bootstrap_indices", "zone",
]  # fmt: skip

Times = npt.NDArray[np.datetime64]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STANDARD_TIME = "if the logger stays on standard time give a fixed offset such as UTC-07:00"
_OFFSET = re.compile(r"^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$")


def zone(name: str) -> tzinfo:
    """Time zone by IANA name ("Asia/Shanghai", "America/Phoenix") or fixed offset ("UTC", "UTC-07:00").

    A fixed offset is what a data logger without daylight saving uses.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    match = _OFFSET.match(name.strip())
    if match:
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))
    if name.strip() in ("UTC", "GMT", "Z"):
        return UTC
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError, IsADirectoryError) as error:
        raise InputError(
            "unknown time zone",
            found=repr(name),
            need="an IANA name such as Asia/Shanghai or an offset such as UTC+08:00",
        ) from error


def local_date(stamp: str, timezone: str) -> str:
    """Return the date that a calendar at the place shows at a time in UTC.

    Parameters
    ----------
    stamp : str
        ISO 8601; without an offset it is UTC.
    timezone : str
        See :func:`zone`.
    """
    when = datetime.fromisoformat(stamp)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(zone(timezone)).date().isoformat()


def _wall_clock(when: Any, tz: tzinfo) -> datetime:
    """Return the naive wall-clock time in `tz`; numpy times are UTC, the naive are wall clock already."""
    if isinstance(when, np.datetime64):
        if np.isnat(when):
            raise InputError("a period needs a start and an end", found="NaT")
        microseconds = int(when.astype("datetime64[us]").astype(np.int64))
        return (_EPOCH + timedelta(microseconds=microseconds)).astimezone(tz).replace(tzinfo=None)
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError as error:
            raise InputError("not a date", found=repr(when), need="for example 2024-01-01") from error
    if isinstance(when, datetime):
        return when.astimezone(tz).replace(tzinfo=None) if when.tzinfo else when
    if isinstance(when, date):
        return datetime(when.year, when.month, when.day)
    raise InputError("not a date", found=repr(when), need="text, date, datetime or datetime64")


def _to_utc(local: datetime, tz: tzinfo) -> np.datetime64:
    """UTC instant of a wall-clock time: the first of a double one, the moment of change for a skipped one."""
    utc = local.replace(tzinfo=tz).astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(utc, "ns")


def _floor(local: datetime, by: str) -> datetime:
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if by == "hour":
        return local.replace(minute=0, second=0, microsecond=0)
    if by == "day":
        return midnight
    if by == "week":
        return midnight - timedelta(days=midnight.weekday())
    if by == "month":
        return midnight.replace(day=1)
    if by == "quarter":
        return midnight.replace(month=3 * ((local.month - 1) // 3) + 1, day=1)
    if by == "year":
        return midnight.replace(month=1, day=1)
    raise InputError("unknown period", found=repr(by), need="hour, day, week, month, quarter or year")


def _next(local: datetime, by: str) -> datetime:
    if by in ("day", "week"):
        return local + timedelta(days=1 if by == "day" else 7)
    months = {"month": 1, "quarter": 3, "year": 12}[by]
    ahead = local.year * 12 + local.month - 1 + months
    return local.replace(year=ahead // 12, month=ahead % 12 + 1)


def period_bounds(start: Any, end: Any, by: str = "month", timezone: str = "UTC") -> Times:
    """Calendar periods that cover [start, end), exact in a time zone.

    A local day at a change of daylight saving has 23 or 25 hours, and so does its bound.

    Parameters
    ----------
    start, end : str, date, datetime or datetime64
        Wall clock in `timezone`, unless aware or datetime64 (UTC). The first period is the one that holds
        `start`, the last the one that holds the moment before `end`.
    by : {"hour", "day", "week", "month", "quarter", "year"}
        Length; weeks begin on Monday.
    timezone : str
        See :func:`zone`.

    Returns
    -------
    ndarray of datetime64[ns], shape (m, 2)
        UTC start and end.

    Raises
    ------
    InputError
        If a date is unreadable, the end is not after the start, or the zone is unknown.
    """
    tz = zone(timezone)
    first, last = _wall_clock(start, tz), _wall_clock(end, tz)
    if not last > first:
        raise InputError("the end is not after the start", found=f"{start} to {end}")
    local = _floor(first, by)
    if by == "hour":
        begin, stop = _to_utc(local, tz), _to_utc(last, tz)
        edges = np.arange(
            begin,
            stop + np.timedelta64(3_599_999_999_999, "ns"),
            np.timedelta64(1, "h"),
            dtype="datetime64[ns]",
        )
        return np.stack([edges[:-1], edges[1:]], axis=1)
    marks = [local]
    while marks[-1] < last:
        marks.append(_next(marks[-1], by))
    utc = np.array([_to_utc(mark, tz) for mark in marks], dtype="datetime64[ns]")
    return np.stack([utc[:-1], utc[1:]], axis=1)


def localise(
    times: Any, timezone: str, label: str = "start", *, interval: float | None = None, where: str = ""
) -> Times:
    """Turn local stamps into UTC interval starts, handling daylight saving without guessing.

    Where the clock is set back, an hour exists twice: stamps in the order of the file tell first from second
    when the series goes back in time or repeats itself there; a single stamp in the double hour cannot be
    told apart and is refused. A stamp in the skipped hour is refused.

    Parameters
    ----------
    times : array of datetime64 or Timestamp, shape (n,)
        Naive local stamps of one record, in its order.
    timezone : str
        See :func:`zone`; use a fixed offset for a logger that stays on standard time.
    label : {"start", "end"}
        What a stamp labels.
    interval : float, optional
        Length of the intervals in seconds, needed for end labels.
    where : str
        File and column, for messages.

    Returns
    -------
    ndarray of datetime64[ns], shape (n,)
        UTC start of each interval; NaT stays NaT.

    Raises
    ------
    InputError
        For a skipped or undecidable hour, or end labels without an interval.
    """
    import pandas as pd

    if label not in ("start", "end") or (label == "end" and not (interval and interval > 0.0)):
        raise InputError("end labels need the length of the interval", where=where, found=f"label {label!r}",
                         need="start, or end with an interval in seconds")  # fmt: skip
    tz = zone(timezone)
    stamps = pd.DatetimeIndex(check_times(pd.to_datetime(np.asarray(times).ravel()).to_numpy(), where))
    try:
        aware = stamps.tz_localize(tz, ambiguous="NaT", nonexistent="raise")
    except ValueError as error:
        raise InputError(
            f"a local time does not exist in {timezone}", where=where, found=_first_skipped(stamps, tz),
            hint=f"the clock was set forward there; {_STANDARD_TIME}",
        ) from error  # fmt: skip
    utc = aware.tz_convert("UTC").tz_localize(None).to_numpy(dtype="datetime64[ns]", copy=True)
    double = np.isnat(utc) & ~stamps.isna()
    if double.any():
        _resolve_double(stamps.to_numpy(dtype="datetime64[ns]"), double, utc, tz, timezone, where)
    if label == "end" and interval is not None:
        utc -= np.timedelta64(round(interval * 1e9), "ns")
    return utc


def _first_skipped(stamps: Any, tz: tzinfo) -> str:
    for stamp in stamps:
        local = stamp.to_pydatetime().replace(tzinfo=tz)
        if local.astimezone(UTC).astimezone(tz).replace(tzinfo=None) != local.replace(tzinfo=None):
            return str(stamp)
    return str(stamps[0])


def _resolve_double(local: Times, double: npt.NDArray[np.bool_], utc: Times, tz: tzinfo, name: str, where: str) -> None:
    """Tell first from second passes through each double hour by the order of the record."""
    index = np.flatnonzero(double)
    nights = np.diff(local[index].astype("datetime64[D]").astype(np.int64))
    for night in np.split(index, np.flatnonzero(nights != 0) + 1):
        steps = np.diff(local[night])
        back = np.flatnonzero(steps <= np.timedelta64(0))
        if back.size != 1:
            raise InputError(
                f"a local hour exists twice in {name} and the record does not tell which is meant",
                where=where,
                found=str(local[night[0]]).split(".")[0],
                hint=f"give both passes in order of time; {_STANDARD_TIME}",
            )
        for position, i in enumerate(night):
            stamp = datetime.fromisoformat(str(local[i].astype("datetime64[us]")))
            utc[i] = _to_utc(stamp.replace(fold=int(position > back[0])), tz)


def resample(
    ds: xr.Dataset,
    bounds: Times,
    *,
    name: str | Sequence[str] = "emission",
    minimum_coverage: float = 0.75,
    how: str = "mean",
    correlation_time: float | None = None,
) -> xr.Dataset:
    """Bring variables to other intervals by exact overlap, with uncertainty, coverage and flags.

    Values flagged bad (4) or missing (9), and NaN, are left out. Random uncertainty adds in quadrature, with
    correlation exp(-|dt| / correlation_time); every systematic component linearly. Where less than
    `minimum_coverage` of a target interval is covered the result is NaN with flag 9. A mean is over the
    covered part: mean x coverage x length is conserved.

    Parameters
    ----------
    ds : Dataset
        With ``time``, ``time_bounds``, the variables, and any of their partners (``_u_random``,
        ``_u_systematic``, ``_u_systematic_<component>``, ``_flag``, ``_reason``, ``_method``). Intervals in
        order and without overlap.
    bounds : array of datetime64[ns], shape (m, 2)
        Target intervals in UTC, in order and without overlap.
    name : str or sequence of str
        Variables to bring over.
    minimum_coverage : float
        Smallest fraction of a target interval that must be covered.
    how : {"mean", "sum"}
        "mean" for rates and states (kg s-1, percent); "sum" for amounts per interval (J, kg), shared out over
        time where a source interval is cut, and not scaled up for what is missing.
    correlation_time : float, optional
        e-folding time in seconds; by default the attribute of ``<name>_u_random``.

    Returns
    -------
    Dataset
        The variables with partners, ``<name>_coverage``, ``<name>_substituted_share`` where methods are
        known, ``time`` and ``time_bounds``; attributes kept. ``_flag`` is the worst of the values used,
        ``_reason`` the union of all, ``_method`` the one with the greatest share.

    Raises
    ------
    InputError
        If a variable, ``time_bounds`` or ``time`` is missing, or intervals overlap.
    """
    import xarray as xr

    names = [name] if isinstance(name, str) else list(name)
    found = resample_variables(ds.variables, bounds, names, minimum_coverage, how, correlation_time)
    found = dict(zip(("time", "time_bounds"), time_variables(bounds), strict=True)) | found
    fixed = {k: v for k, v in ds.coords.items() if "time" not in v.dims}
    return xr.Dataset(found, coords=fixed, attrs=dict(ds.attrs))


def resample_variables(
    variables: Mapping[Any, xr.Variable],
    bounds: Times,
    names: Sequence[str],
    minimum_coverage: float = 0.75,
    how: str = "mean",
    correlation_time: float | None = None,
) -> dict[str, xr.Variable]:
    """Return the variables of :func:`resample` without their times, where a Dataset would only be taken apart again.

    Parameters
    ----------
    variables : mapping
        As of a Dataset, with ``time_bounds``.
    bounds, names, minimum_coverage, how, correlation_time
        As there.
    """
    from ghg.core import _resample

    return _resample.resample(variables, bounds, names, minimum_coverage, how, correlation_time)
