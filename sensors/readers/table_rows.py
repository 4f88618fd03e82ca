"""Rows of the tables of stack records, block by block into typed columns: texts are let go as they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.time import zone
from sensors.config import TableReader

__all__ = ["parsed_times", "read_frame"]

Frame = Any  # pandas.DataFrame, whose stubs do not know its columns


def read_frame(paths: Sequence[Path], config: TableReader) -> Frame:
    """Return the records of tables in the columns that :func:`sensors.readers.table.gather` takes.

    Parameters
    ----------
    paths : sequence of Path
    config : TableReader

    Returns
    -------
    DataFrame
        ``file`` and ``row`` of each record, ``time`` (naive local), ``source`` and ``method`` (categories) where they
        are configured, and the channels as float64; the names of the files are in ``attrs["files"]``.

    Raises
    ------
    InputError
        Unreadable files, columns or stamps, texts in place of numbers.
    """
    import pandas as pd

    from ghg.core.tables import read_rows

    columns = {"time": config.time.column, **{name: column.column for name, column in config.columns.items()}}
    for name, header in (("source", config.source_column), ("method", config.method_column)):
        if header:
            columns[name] = header
    given: dict[str, Any] = {"sheet": config.sheet, "delimiter": config.delimiter, "encoding": config.encoding}
    given = {key: value for key, value in given.items() if value is not None}
    words: dict[str, dict[str, int]] = {name: {} for name in ("source", "method") if name in columns}
    parts: dict[str, list[Any]] = {name: [] for name in ("file", "row", *columns)}
    for number, path in enumerate(paths):
        count = 0
        for block in read_rows(path, columns, **given):
            count += len(block)
            rows = block.index.to_numpy(np.int32)
            parts["file"].append(np.full(rows.size, number, np.int32))
            parts["row"].append(rows)
            for name, header in columns.items():
                parts[name].append(_column(name, header, block, path, config, words))
        if not count:
            raise InputError("the table holds no record", where=path.name)
    data: dict[str, Any] = {}
    for name in list(parts):
        joined = np.concatenate(parts.pop(name))
        if name in words:
            joined = pd.Categorical.from_codes(joined, list(words[name]))
        data[name] = joined
    frame = pd.DataFrame(data, copy=False)
    frame.attrs["files"] = [path.name for path in paths]
    return frame


def parsed_times(stamps: Any, config: TableReader, place: Callable[[int], str]) -> Any:
    """Return stamps as naive local times (datetime64 Series); `place` names a row for messages."""
    import pandas as pd

    if not pd.api.types.is_datetime64_any_dtype(stamps):
        parsed: Any = pd.to_datetime(stamps.astype(str), format=config.time.format or "ISO8601", errors="coerce")
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
    if getattr(stamps.dt, "tz", None) is not None:
        return stamps.dt.tz_convert(zone(config.time.timezone)).dt.tz_localize(None)
    return stamps


def _column(name: str, header: str, block: Frame, path: Path, config: TableReader, words: Any) -> Any:
    """Return a column of a block in its type."""
    if name in words:
        known = words[name]
        return np.array([-1 if w is None or w != w else known.setdefault(str(w), len(known))
                         for w in block[name].tolist()], np.int32)  # fmt: skip
    if name != "time":
        return _numbers(block[name], header, path)
    stamps = block[name].reset_index(drop=True)
    if not len(stamps):
        return np.empty(0, "datetime64[ns]")
    return parsed_times(stamps, config, lambda row: f"{path.name}, row {block.index[row]}").to_numpy("datetime64[ns]")


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
