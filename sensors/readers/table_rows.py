"""Rows of the tables of stack records, block by block into typed columns: texts are let go as they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timezone
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.limits import check_times
from ghg.core.time import localise, period_bounds, zone
from sensors.config import TableReader
from sensors.readers.scratch import Scratch

__all__ = ["Stored", "in_period", "parsed_times", "read_stored", "starts"]

Frame = Any  # pandas.DataFrame, whose stubs do not know its columns
OFFSET = r"^\s*[^T ]+[T ].*[Zz+-]"  # behind the date, a sign belongs to an offset


class Stored:
    """Records of tables, put aside until their sources are asked for.

    Attributes
    ----------
    words : dict of str to dict
        ``source`` and ``method``, where they are configured: words in order of appearance, and their number.
    used : set of int
        Numbers of the methods that any record has; -1 where there is none.
    files : list of str
    aware : bool or None
        Whether the stamps carry an offset from UTC; None before the first.
    """

    def __init__(self, config: TableReader, files: list[str], folder: Path | None) -> None:
        self.config, self.files = config, files
        self.scratch = Scratch(folder)
        self.words: dict[str, dict[str, int]] = {
            name: {} for name, header in (("source", config.source_column), ("method", config.method_column)) if header
        }
        self.used: set[int] = set()
        self.fixed = isinstance(zone(config.time.timezone), timezone)
        self.aware: bool | None = None

    @property
    def exact(self) -> bool:
        """Whether each stamp stands for itself."""
        return self.fixed or bool(self.aware)

    @property
    def labels(self) -> list[str]:
        """Sources in order of appearance."""
        return list(self.words["source"]) if "source" in self.words else [self.config.source]

    def add(self, number: int, rows: Any, columns: dict[str, Any]) -> None:
        """Put the records of a block aside; `rows` tell where they stand in the file."""
        time: Any = columns.pop("time")
        source = columns.pop("source", np.zeros(rows.size, np.int32))
        if (source < 0).any():
            where = f"{self.files[number]}, row {rows[int(np.argmax(source < 0))]}"
            raise InputError("a record has no source", where=where, need=str(self.config.source_column))
        columns = {"file": np.full(rows.size, number, np.int32), "row": rows, **columns}
        keep: Any = slice(None)
        if self.exact:
            time = starts(time, self.config, self.files[number], bool(self.aware))
            wanted = in_period(time, self.config)
            keep = slice(None) if wanted.all() else wanted
            self._use(columns, keep)
        self.scratch.add(source[keep], time.astype("datetime64[ns]").view(np.int64)[keep],
                         {name: values[keep] for name, values in columns.items()})  # fmt: skip

    def _use(self, columns: dict[str, Any], keep: Any) -> None:
        if "method" in columns:
            self.used |= set(np.unique(columns["method"][keep]).tolist())

    def settle(self) -> Stored:
        """Make local times of a zone with daylight saving UTC: their order tells the passes of a double hour apart."""
        for code in range(0 if self.exact else len(self.labels)):
            _, columns = self.scratch.take([code], only=("time", "file", "method"))
            start = starts(columns["time"].view("datetime64[ns]"), self.config, self.files[columns["file"][0]])
            keep = in_period(start, self.config)
            self.scratch.retime(code, start.view(np.int64), keep)
            self._use(columns, keep)
        return self

    def frame(self, codes: range, span: tuple[int, int]) -> tuple[Frame, Any, Any]:
        """Return records of some sources that start in a span of time [ns], the index of their source, and starts."""
        import pandas as pd

        source, columns = self.scratch.take(codes, span)
        start = columns.pop("time").view("datetime64[ns]")
        data: dict[str, Any] = dict(columns)
        if "method" in data:
            data["method"] = pd.Categorical.from_codes(data["method"], list(self.words["method"]))
        frame = pd.DataFrame(data, copy=False)
        frame.attrs["files"] = self.files
        return frame, source.astype(np.int64), start


def read_stored(paths: Sequence[Path], config: TableReader, folder: Path | None = None) -> Stored:
    """Return the records of tables: ``file`` and ``row`` of each, start, source, method, and channels as float64.

    Parameters
    ----------
    paths : sequence of Path
    config : TableReader
    folder : Path, optional
        See :class:`sensors.readers.scratch.Scratch`.

    Raises
    ------
    InputError
        Unreadable files, columns or stamps, texts in place of numbers.
    """
    from ghg.core.tables import read_rows

    columns = {"time": config.time.column, **{name: column.column for name, column in config.columns.items()}}
    for name, header in (("source", config.source_column), ("method", config.method_column)):
        if header:
            columns[name] = header
    given: dict[str, Any] = {"sheet": config.sheet, "delimiter": config.delimiter, "encoding": config.encoding}
    given = {key: value for key, value in given.items() if value is not None}
    stored = Stored(config, [path.name for path in paths], folder)
    for number, path in enumerate(paths):
        count = 0
        for block in read_rows(path, columns, **given):
            count += len(block)
            typed = {name: _column(name, header, block, path, stored) for name, header in columns.items()}
            stored.add(number, block.index.to_numpy(np.int32), typed)
        if not count:
            raise InputError("the table holds no record", where=path.name)
    return stored.settle()


def starts(stamps: Any, config: TableReader, file: str, aware: bool = False) -> Any:
    """Return UTC interval starts of stamps, the local ones of one source in their order; those with offset are UTC."""
    length = None if isinstance(config.time.interval, str) else config.time.interval
    return localise(stamps, "UTC" if aware else config.time.timezone, config.time.label, interval=length,
                    where=f"{file}, '{config.time.column}'").astype("datetime64[ns]")  # fmt: skip


def in_period(start: Any, config: TableReader) -> npt.NDArray[np.bool_]:
    """Tell the starts in the local days that are wanted."""
    if config.period is None:
        return np.ones(start.size, bool)
    first, last = (
        period_bounds(day, day.replace(year=day.year + 1), "day", config.time.timezone)[0, 0] for day in config.period
    )
    return (start >= first) & (start < last)


def parsed_times(stamps: Any, config: TableReader, place: Callable[[int], str]) -> tuple[Any, bool]:
    """Return stamps (datetime64[ns], (n,)) as naive local times, or in UTC where they carry an offset; and whether.

    `place` names a row for messages.
    """
    import pandas as pd

    if not pd.api.types.is_datetime64_any_dtype(stamps):
        parsed = _of_text(stamps.astype(str), config, place)
        wrong = parsed.isna().to_numpy()
        if wrong.any():
            first = int(np.argmax(wrong))
            raise InputError(
                f"column '{config.time.column}' holds no readable time",
                where=place(first),
                found=f"'{stamps.iloc[first]}'",
                need=config.time.format or "for example 2024-03-01 13:00",
                hint="state time.format for other notations",
            )
        stamps = parsed
    if stamps.isna().any():
        raise InputError("a record has no time", where=place(int(np.argmax(stamps.isna().to_numpy()))))
    aware = getattr(stamps.dt, "tz", None) is not None
    if aware:
        stamps = stamps.dt.tz_convert("UTC").dt.tz_localize(None)
    return check_times(stamps.to_numpy(), place), aware


def _of_text(texts: Any, config: TableReader, place: Callable[[int], str]) -> Any:
    """Return texts as times, NaT where they cannot be read; offsets may differ, as across daylight saving."""
    import pandas as pd

    form = config.time.format or "ISO8601"
    try:
        return pd.to_datetime(texts, format=form, errors="coerce")
    except ValueError:  # offsets differ between rows, some rows have none, or the format is no format
        pass
    try:
        parsed: Any = pd.to_datetime(texts, format=form, errors="coerce", utc=True)
    except ValueError as error:
        raise InputError("time.format cannot be used", found=f"'{form}' ({error})",
                         need="directives as in datetime.strptime") from None  # fmt: skip
    if form == "ISO8601":
        bare = parsed.notna().to_numpy() & ~texts.str.contains(OFFSET).to_numpy(bool)
        if bare.any():
            first = int(np.argmax(bare))
            raise _unlike(texts.iloc[first], config, place(first))
    return parsed


def _unlike(stamp: Any, config: TableReader, where: str) -> InputError:
    return InputError(f"column '{config.time.column}' has stamps with and without an offset from UTC", where=where,
                      found=f"'{stamp}'", need="one notation throughout")  # fmt: skip


def _column(name: str, header: str, block: Frame, path: Path, stored: Stored) -> Any:
    """Return a column of a block in its type; new words, and what kind its stamps are, are noted in `stored`."""
    if name in stored.words:
        known = stored.words[name]
        return np.array([-1 if w is None or w != w else known.setdefault(str(w), len(known))
                         for w in block[name].tolist()], np.int32)  # fmt: skip
    if name != "time":
        return _numbers(block[name], header, path)
    stamps = block[name].reset_index(drop=True)
    if not len(stamps):
        return np.empty(0, "datetime64[ns]")

    def place(row: int) -> str:
        return f"{path.name}, row {block.index[row]}"

    times, aware = parsed_times(stamps, stored.config, place)
    if stored.aware not in (None, aware):
        raise _unlike(stamps.iloc[0], stored.config, place(0))
    stored.aware = aware
    return times


def _numbers(values: Any, header: str, path: Path) -> Any:
    import pandas as pd

    found: Any = pd.to_numeric(values, errors="coerce")
    numbers = found.to_numpy(float)
    doubtful = np.isnan(numbers) & values.notna().to_numpy()
    for k in np.flatnonzero(doubtful).tolist():
        if str(values.iloc[k]).strip().lower() not in ("", "nan", "na", "null", "<na>"):
            raise InputError(
                f"column '{header}' holds a text where a number belongs",
                where=f"{path.name}, row {values.index[k]}",
                found=f"'{values.iloc[k]}'",
                need="a number or an empty field",
            )
    return numbers
