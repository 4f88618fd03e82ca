"""Time stamps as users write them, to UTC interval starts: text of many shapes, dates, Excel serial numbers.

One record has one shape of stamp. What means two days (``01/02/2024``), what mixes shapes, and what does not say
its time zone is refused with a sentence that tells what to state. Daylight saving is resolved by
:func:`ghg.core.time.localise`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ErrorList, InputError
from ghg.core.limits import check_times
from ghg.core.time import localise

__all__ = ["check_intervals", "excel_times", "find_duplicates", "find_overlaps", "parse_times"]

Times = npt.NDArray[np.datetime64]
Stamp = tuple[datetime, str]  # wall clock or UTC, and the shape it was written in

MISSING = frozenset({"", "na", "n/a", "nan", "nat", "null", "none", "--", "-"})
# Serial days of spreadsheets: 1954-10-03 to 2119-01-11. Outside, a number is more likely a year or a code.
SERIAL_RANGE = (20000.0, 80000.0)
EPOCHS = {1900: datetime(1899, 12, 30), 1904: datetime(1904, 1, 1)}

_CLOCK = r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
_ZONE = r"(?P<z>Z|UTC|[+-]\d{2}:?\d{2})"
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "year-month-day",
        re.compile(
            rf"(?P<Y>\d{{4}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}})"
            rf"(?:[T ]\s*{_CLOCK})?\s*{_ZONE}?"
        ),
    ),
    (
        "Chinese date",
        re.compile(
            r"(?P<Y>\d{4})年(?P<m>\d{1,2})月(?:(?P<d>\d{1,2})[日号])?"
            r"\s*(?:(?P<H>\d{1,2})[时時点:](?:(?P<M>\d{1,2})(?:分|(?=:)|$))?(?::?(?P<S>\d{1,2})秒?)?)?"
        ),
    ),
    (
        "digits without separators",
        re.compile(
            r"(?P<Y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})"
            r"(?:[T ]?(?P<H>\d{2})(?::?(?P<M>\d{2})(?::?(?P<S>\d{2}))?)?)?"
        ),
    ),
    ("year-month", re.compile(r"(?P<Y>\d{4})[-/.](?P<m>\d{1,2})")),
)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_AMBIGUOUS = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{2,4}(?:\D.*)?")


def parse_times(
    stamps: Any,
    *,
    timezone: str | None,
    label: Literal["start", "end"] | str = "start",
    interval: float | None = None,
    format: str | None = None,
    epoch: int = 1900,
    rows: Sequence[int] | None = None,
    where: str = "",
) -> Times:
    """Read the time stamps of one record, in its order, as UTC interval starts.

    Parameters
    ----------
    stamps : sequence, shape (n,)
        Text, dates or datetimes, or serial days of a spreadsheet; one shape throughout.
    timezone : str or None
        IANA name or fixed offset (see :func:`ghg.core.time.zone`); needed unless the stamps carry an offset.
    label : {"start", "end"}
        What a stamp labels.
    interval : float, optional
        Length of the intervals [s]; needed for end labels.
    format : str, optional
        As in ``datetime.strptime``, for shapes that are not understood or mean two days.
    epoch : {1900, 1904}
        Date system of the spreadsheet, for serial days.
    rows : sequence of int, optional
        Row number of each stamp in the file, for messages; by default counted from 1.
    where : str
        File and column, for messages.

    Returns
    -------
    ndarray of datetime64[ns], shape (n,)
        UTC start of each interval. Serial days are rounded to the second.

    Raises
    ------
    InputError, ErrorList
        Unreadable, missing, ambiguous or mixed stamps; no time zone; an hour that does not exist, or exists twice
        and cannot be told apart; end labels without an interval.
    """
    if label not in ("start", "end"):
        raise InputError(
            "the label of the time stamps is unknown", where=where, found=f"'{label}'", need="'start' or 'end'"
        )
    if label == "end" and not (interval and interval > 0):
        raise InputError(
            "end-labelled time stamps need the length of the interval", where=where, hint="state interval in seconds"
        )
    cells = list(stamps)
    numbers = list(rows) if rows is not None else list(range(1, len(cells) + 1))
    read = _read(cells, format, epoch, label == "end", numbers, where)
    if not read:
        return np.empty(0, "datetime64[ns]")
    times = check_times(np.array([when for when, _ in read], dtype="datetime64[us]"), where)
    if read[0][1].endswith("with offset"):
        step = np.timedelta64(round((interval or 0.0) * 1e9), "ns")
        shifted: Any = times - step if label == "end" else times
        return shifted
    if not timezone:
        raise InputError(
            "the time stamps do not say their time zone",
            where=where,
            found=f"'{cells[0]}'",
            need="timezone in the configuration",
            hint='write for example timezone = "Asia/Shanghai", or "UTC+08:00" for a clock without daylight saving',
        )
    return localise(times, timezone, label, interval=interval, where=where)


def _read(cells: list[Any], format: str | None, epoch: int, end: bool, rows: list[int], where: str) -> list[Stamp]:
    faults: list[InputError] = []
    read: list[Stamp] = []
    reader = _formatted(format) if format else None
    for cell, row in zip(cells, rows, strict=True):
        try:
            read.append(_stamp(cell, epoch, end, reader))
        except ValueError as error:
            message, need = error.args
            missing = message == "a record has no time"
            faults.append(InputError(message, where=_at(where, row), found="" if missing else f"'{cell}'", need=need))
            if len(faults) == 10:
                break
    if not faults:
        shape = read[0][1] if read else ""
        for (_, other), row, cell in zip(read, rows, cells, strict=True):
            if other != shape:
                faults.append(
                    InputError(
                        "the time stamps have more than one shape",
                        where=_at(where, row),
                        found=f"'{cell}' ({other})",
                        need=f"the shape of '{cells[0]}' ({shape})",
                    )
                )
                break
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)
    return read


def _at(where: str, row: int) -> str:
    return f"{where}, row {row}" if where else f"row {row}"


def _stamp(cell: Any, epoch: int, end: bool, reader: Callable[[str], Stamp] | None) -> Stamp:
    """Return one stamp; a ValueError carries what is wrong and what is needed."""
    if cell is None or cell != cell:
        raise ValueError("a record has no time", "a time stamp")
    if isinstance(cell, np.datetime64):
        return cell.astype("datetime64[us]").item(), "date of a spreadsheet or table"
    if isinstance(cell, datetime | date):
        return _date(cell)
    if isinstance(cell, int | float | np.number) and not isinstance(cell, bool):
        number = float(cell)
        if number.is_integer() and number >= 1e7:
            cell = str(int(number))  # 20240301, 2024030113, ... stored as a number
        else:
            return _serial(number, epoch), "serial day of a spreadsheet"
    text = unicodedata.normalize("NFKC", str(cell)).strip()
    if text.lower() in MISSING:
        raise ValueError("a record has no time", "a time stamp")
    return reader(text) if reader is not None else _text(text, epoch, end)


def _date(cell: date) -> Stamp:
    if not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day), "date of a spreadsheet or table"
    to_pydatetime = getattr(cell, "to_pydatetime", None)
    when: datetime = to_pydatetime(warn=False) if to_pydatetime is not None else cell
    if when.tzinfo is not None:
        return when.astimezone(UTC).replace(tzinfo=None), "date with offset"
    # spreadsheets hold days as floating point: 01:00 comes back as 00:59:59.997
    rounded = when.replace(microsecond=0) + timedelta(seconds=round(when.microsecond / 1e6))
    near = abs((rounded - when).total_seconds()) < 0.01
    return (rounded if near else when), "date of a spreadsheet or table"


def _serial(days: float, epoch: int) -> datetime:
    if not SERIAL_RANGE[0] <= days <= SERIAL_RANGE[1]:
        raise ValueError("a number stands where a time belongs", "a date, or a serial day of a spreadsheet")
    return EPOCHS[epoch] + timedelta(seconds=round(days * 86400.0))


def excel_times(days: Sequence[float], epoch: int = 1900) -> list[datetime]:
    """Return the wall-clock times of spreadsheet serial days, rounded to the second.

    Parameters
    ----------
    days : sequence of float, shape (n,)
        Days since the epoch. The 1900 system counts a 29 February 1900 that never was; from March 1900 on its days
        are those since 1899-12-30 (ECMA-376 part 1, 18.17.4.1).
    epoch : {1900, 1904}
        Date system.

    Raises
    ------
    InputError
        A number that is no plausible day.
    """
    try:
        return [_serial(float(d), epoch) for d in days]
    except ValueError as error:
        raise InputError(error.args[0], need=error.args[1]) from error


def _text(text: str, epoch: int, end: bool) -> Stamp:
    for shape, pattern in _SHAPES:
        match = pattern.fullmatch(text)
        if match:
            return _compose(match.groupdict(), shape, end)
    if _SERIAL.fullmatch(text):
        return _serial(float(text), epoch), "serial day of a spreadsheet"
    if _AMBIGUOUS.fullmatch(text):
        raise ValueError(
            "a date does not say which number is the day",
            "a year first (2024-03-01), or format, for example '%m/%d/%Y %H:%M'",
        )
    raise ValueError("a time stamp cannot be read", "for example 2024-03-01 13:00, or format in the configuration")


def _compose(part: dict[str, str | None], shape: str, end: bool) -> Stamp:
    hour, more = int(part.get("H") or 0), timedelta(0)
    minute, second = int(part.get("M") or 0), int(part.get("S") or 0)
    if hour == 24:
        if not end or minute or second:
            raise ValueError("24:00 is the end of a day, and the stamps are said to label starts", "label = 'end'")
        hour, more = 0, timedelta(days=1)
    micro = int((part.get("f") or "").ljust(6, "0")[:6] or 0)
    try:
        when = datetime(int(part["Y"] or 0), int(part["m"] or 0), int(part.get("d") or 1), hour, minute, second, micro)
    except ValueError:
        raise ValueError("there is no such date or time", "a date of the calendar") from None
    when += more
    if part.get("sep"):
        shape = part["sep"].join(("year", "month", "day"))  # type: ignore[union-attr]
    if part.get("H") is not None:
        shape += " with clock"
    if part.get("z"):
        return _shift(when, part["z"] or ""), shape + " with offset"
    return when, shape


def _shift(when: datetime, zone: str) -> datetime:
    if zone in ("Z", "UTC"):
        return when
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    offset = timedelta(hours=hours, minutes=minutes) * (1 if zone[0] == "+" else -1)
    return when.replace(tzinfo=timezone(offset)).astimezone(UTC).replace(tzinfo=None)


def _formatted(format: str) -> Callable[[str], Stamp]:
    def read(text: str) -> Stamp:
        try:
            when = datetime.strptime(text, format)
        except ValueError:
            raise ValueError("a time stamp does not have the stated format", f"'{format}'") from None
        if when.tzinfo is not None:
            return when.astimezone(UTC).replace(tzinfo=None), f"format '{format}' with offset"
        return when, f"format '{format}'"

    return read


def find_duplicates(starts: Any, group: Any = None) -> npt.NDArray[np.bool_]:
    """Mark every second and later stamp of an interval start that was there before.

    Parameters
    ----------
    starts : array of datetime64, shape (n,)
        Interval starts.
    group : array, shape (n,), optional
        Stack, stream or other label; the same start in two groups is no duplicate.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    seen: set[tuple[Any, int]] = set()
    mark = np.zeros(len(starts), bool)
    labels = [None] * len(starts) if group is None else list(group)
    for i, (label, start) in enumerate(zip(labels, _ns(starts).tolist(), strict=True)):
        mark[i] = (label, start) in seen
        seen.add((label, start))
    return mark


def find_overlaps(bounds: Any, group: Any = None) -> npt.NDArray[np.int64]:
    """Return the pairs of intervals of which the later begins before the earlier has ended.

    Parameters
    ----------
    bounds : array of datetime64, shape (n, 2)
        Start and end of each interval, in any order.
    group : array, shape (n,), optional
        Stack, stream or other label; intervals of two groups do not overlap.

    Returns
    -------
    ndarray of int64, shape (k, 2)
        Row positions, the earlier interval first; each interval is reported once, against the one before it that
        ends last. Duplicates are overlaps too.
    """
    edges = _ns(bounds)
    labels = np.zeros(edges.shape[0], np.int64)
    if group is not None:
        labels = np.unique(np.asarray(group, dtype=str), return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((np.arange(labels.size), edges[:, 0], labels))
    pairs, last = [], -1
    for i in order.tolist():
        if last >= 0 and labels[last] == labels[i]:
            if edges[i, 0] < edges[last, 1]:
                pairs.append((last, i))
            last = i if edges[i, 1] > edges[last, 1] else last
        else:
            last = i
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _ns(times: Any) -> npt.NDArray[np.int64]:
    return np.asarray(times).astype("datetime64[ns]").astype(np.int64)


def check_intervals(
    bounds: Any, *, group: Any = None, rows: Sequence[int] | None = None, where: str = "", most: int = 10
) -> None:
    """Refuse intervals that are repeated or overlap.

    Parameters
    ----------
    bounds : array of datetime64, shape (n, 2)
        Start and end of each interval.
    group : array, shape (n,), optional
        Stack, stream or other label.
    rows : sequence of int, optional
        Row number of each interval in the file; by default counted from 1.
    where : str
        File, for messages.
    most : int
        Number of faults that are spelt out.

    Raises
    ------
    InputError, ErrorList
        Repeated or overlapping intervals, each with both rows and the hour in UTC.
    """
    pairs = find_overlaps(bounds, group)
    edges = np.asarray(bounds).astype("datetime64[s]")
    faults = []
    for before, after in pairs[:most].tolist():
        same = bool((edges[before] == edges[after]).all())
        names = [rows[i] if rows is not None else i + 1 for i in (before, after)]
        faults.append(
            InputError(
                "an interval is given twice" if same else "two intervals overlap",
                where=f"{where}, rows {names[0]} and {names[1]}" if where else f"rows {names[0]} and {names[1]}",
                found=f"{edges[after, 0]} UTC",
            )
        )
    if len(pairs) > most:
        faults.append(InputError(f"{len(pairs) - most} more intervals are repeated or overlap", where=where))
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)
