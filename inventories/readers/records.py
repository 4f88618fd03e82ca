"""Activity records of any table: the streams point to columns, the rows to intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError, UnitError
from ghg.core.tables import ColumnSpec, read_table
from ghg.core.time import period_bounds
from inventories.config import AccountingJob, StreamConfig, columns

__all__ = ["fill"]

Frame = Any  # pandas.DataFrame, whose stubs do not know its columns
Bounds = npt.NDArray[np.datetime64]
_YEAR = re.compile(r"(\d{4})(?:\.0+)?\s*年?")


def fill(job: AccountingJob, bounds: Bounds, base: Path | None = None) -> tuple[list[StreamConfig], list[str]]:
    """Return the streams of a job with the values of the columns they point to.

    Parameters
    ----------
    job : AccountingJob
        With `records`.
    bounds : datetime64 (time, 2)
        Intervals, UTC; each needs one row for each stream.
    base : Path, optional
        Folder to which the path belongs.

    Returns
    -------
    list of StreamConfig
        The streams, all values stated.
    list of str
        What was found out about the table and not stated.

    Raises
    ------
    InputError, UnitError
        The table is unreadable, a column or unit is missing, an interval has no row or two.
    """
    table = job.records
    assert table is not None
    path = (base or Path()) / table.file
    specs = {"time": ColumnSpec(table.time, kind="text" if job.by == "year" else "time")}
    for i, stream in enumerate(job.stream):
        specs |= {f"rows.{header}": ColumnSpec(header, kind="text") for header in stream.rows}
        specs |= {f"{i}.{key}": ColumnSpec(str(s.column), unit=s.unit or None) for key, s in columns(stream)}
    frame: Frame = read_table(path, specs, sheet=table.sheet, delimiter=table.delimiter, encoding=table.encoding,
                              decimal=table.decimal, timezone=job.timezone, time_format=table.time_format)  # fmt: skip
    where = path.name
    starts = _years(frame["time"], job, where) if job.by == "year" else frame["time"].to_numpy("datetime64[ns]")
    interval = _interval(starts, bounds)
    filled = [_filled(stream, i, frame, interval, bounds, where) for i, stream in enumerate(job.stream)]
    return filled, list(frame.attrs["notes"])


def _years(cells: Any, job: AccountingJob, where: str) -> npt.NDArray[np.datetime64]:
    """Return the beginning of each row's year; a row may hold a bare year or a date in it."""
    starts = []
    for row, cell in cells.items():
        match = re.match(r"\s*(\d{4})", cell or "")
        if match is None or not (_YEAR.fullmatch((cell or "").strip()) or re.match(r"\s*\d{4}[-/.年]", cell)):
            raise InputError("the year is not readable", where=f"{where}, row {row}", found=f"'{cell}'", need="2023")
        year = int(match.group(1))
        starts.append(period_bounds(f"{year}-01-01", f"{year + 1}-01-01", "year", job.timezone)[0, 0])
    return np.array(starts, "datetime64[ns]")


def _interval(starts: Any, bounds: Bounds) -> npt.NDArray[np.int64]:
    """Return the interval in which each row starts, -1 outside the period."""
    edges = bounds.astype("datetime64[ns]")
    index = np.searchsorted(edges[:, 0], starts, side="right") - 1
    inside = (index >= 0) & (starts < edges[np.maximum(index, 0), 1])
    return np.where(inside, index, -1)


def _filled(stream: StreamConfig, i: int, frame: Frame, interval: Any, bounds: Bounds, where: str) -> StreamConfig:
    pointing = list(columns(stream))
    if not pointing:
        return stream
    chosen = interval >= 0
    for header, value in stream.rows.items():
        chosen = chosen & (frame[f"rows.{header}"].fillna("").str.strip() == value.strip()).to_numpy()
    rows = np.flatnonzero(chosen)
    _check(rows, interval, frame.index, bounds, stream, where)
    order = rows[np.argsort(interval[rows], kind="stable")]
    changes: dict[str, Any] = {}
    for key, series in pointing:
        name = f"{i}.{key}"
        unit = frame.attrs["units"].get(name)
        if unit is None:
            hint = f"state unit beside column in the stream '{stream.name}', or write it in the header"
            raise UnitError("the column has no unit", where=f"{where}, column '{series.column}'", hint=hint)
        values = ["nan" if np.isnan(v) else float(v) for v in frame[name].to_numpy(float)[order]]
        one = series.model_copy(update={"values": values, "column": None, "unit": unit})
        key, _, gas = key.partition(".")
        if gas:
            changes[key] = {**changes.get(key, stream.emission_factors), gas: one}
        else:
            changes[key] = one
    return stream.model_copy(update=changes)


def _check(
    rows: Sequence[int] | Any, interval: Any, index: Any, bounds: Bounds, stream: StreamConfig, where: str
) -> None:
    """Refuse an interval without row, and one with two."""
    count = np.bincount(interval[rows], minlength=len(bounds))
    words = f"{where}, stream '{stream.name}'"
    if not count.any():
        raise InputError("no row belongs to the stream in the period", where=words,
                         found=", ".join(f"{k} = '{v}'" for k, v in stream.rows.items()) or "no row in the period",
                         hint="check rows, start and end")  # fmt: skip
    if count.max() > 1:
        step = int(np.argmax(count > 1))
        twice = [str(index[r]) for r in rows if interval[r] == step]
        hint = "one stream has one row per interval; choose them with rows = { column = 'value' }"
        raise InputError(f"the interval of {_day(bounds[step])} has {count[step]} rows", where=words,
                         found="rows " + ", ".join(twice), hint=hint)  # fmt: skip
    if count.min() < 1:
        step = int(np.argmin(count))
        hint = "write 0 where nothing was burnt, or a row with an empty cell where it is not known"
        raise InputError(f"the interval of {_day(bounds[step])} has no row", where=words, hint=hint)


def _day(bounds: Any) -> str:
    return str((bounds[0] + (bounds[1] - bounds[0]) // 2).astype("datetime64[M]"))
