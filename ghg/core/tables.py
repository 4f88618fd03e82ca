"""The one door for tables: CSV, xlsx and Parquet in, columns of numbers, text and times out, with units.

The user's column map says which columns are wanted and in which unit they stand. Headers under title rows, Chinese
encodings, full-width digits, Excel dates and percent cells are understood, and whatever was not stated is written
into ``frame.attrs["notes"]``. All faults of a file are reported together, each with its row and column.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ghg.core._table_columns import (
    ColumnSpec,
    Found,
    State,
    alike,
    name_and_unit,
    numbers_of,
    texts_of,
    times_of,
    units_of,
)
from ghg.core._table_files import open_grid
from ghg.core._table_grid import Choice, Grid
from ghg.core.errors import ErrorList, InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnSpec", "read_rows", "read_table"]

BLOCK = 1 << 16  # rows
MOST = 20  # faults that are spelt out
MOST_HEADERS = 500  # among which a column that is missing is looked for under another spelling


def read_table(
    path: str | Path,
    columns: Mapping[str, ColumnSpec | str],
    *,
    sheet: str | int | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    member: str | None = None,
    decimal: Literal[".", ","] | str = ".",
    timezone: str | None = None,
    label: Literal["start", "end"] | str = "start",
    interval: float | None = None,
    time_format: str | None = None,
    where: str = "",
) -> pd.DataFrame:
    """Read the wanted columns of a table.

    Parameters
    ----------
    path : str or Path
        CSV (any delimiter), xlsx or Parquet, plain or in gz or zip.
    columns : mapping
        Name in the result -> :class:`ColumnSpec`, or a header for a raw column.
    sheet : str or int, optional
        Sheet of a workbook, by title or position; by default the one with the wanted columns.
    delimiter, encoding, member : str, optional
        Where the file does not tell: column separator, text encoding, file of a zip archive.
    decimal : {".", ","}
        Decimal separator of numbers in text.
    timezone, label, interval, time_format
        For columns of kind "time", see :func:`ghg.core.clock.parse_times`.
    where : str, optional
        Name of the table for messages; by default the file name.

    Returns
    -------
    DataFrame
        One column for each name found, in the order of `columns`: float64 (NaN is missing), text (null is missing)
        or datetime64[ns] UTC interval starts. The index ``row`` is the row number in the file. ``attrs["units"]``
        holds the unit of each number column that has one, ``attrs["notes"]`` what was found out and not stated.

    Raises
    ------
    InputError
        The file is missing, empty, a folder, truncated, or no table; or one fault in it.
    ErrorList
        Several faults: missing columns, units, texts in place of numbers, unreadable times.
    """
    import pandas as pd

    if decimal not in (".", ","):
        raise InputError("the decimal separator is unknown", where=where, found=f"'{decimal}'", need="'.' or ','")
    specs = {n: c if isinstance(c, ColumnSpec) else ColumnSpec(c, kind="raw") for n, c in columns.items()}
    names = [spec.column for spec in specs.values()]
    grid = open_grid(
        Path(path),
        Choice(sheet, delimiter, encoding, member, decimal),
        lambda rows: max(_scores(rows, names), default=0),
    )
    state = State(where or grid.name, decimal, grid.notes, [])
    header, body = _header(grid, names, state)
    found = _match(specs, header, state)
    _raise(state)
    rows, cells = _cells(chain(grid.head[body:], grid.rest), grid.text, header, found, state)
    units = units_of(found, rows, cells, state)
    data: dict[str, Any] = {}
    for one, column in zip(found, cells, strict=True):
        if one.spec.kind == "time":
            data[one.name] = times_of(one, column, rows, grid.epoch, state, (timezone, label, interval, time_format))
        elif one.spec.kind == "number":
            data[one.name] = numbers_of(one, column, rows, units, state)
        else:
            data[one.name] = texts_of(column, raw=one.spec.kind == "raw" and not grid.text)
    _raise(state)
    frame = pd.DataFrame(data, index=pd.Index(rows, name="row"))
    frame.attrs = {"units": {k: v for k, v in units.items() if v is not None}, "notes": list(state.notes)}
    return frame


def read_rows(
    path: str | Path,
    columns: Mapping[str, str],
    *,
    sheet: str | int | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    block: int = BLOCK,
) -> Iterator[pd.DataFrame]:
    """Yield the wanted raw columns of a table in blocks of rows: of large CSV and Parquet files no more is held.

    Parameters
    ----------
    path, columns, sheet, delimiter, encoding
        As for :func:`read_table`; `columns` names headers.
    block : int
        Rows of a block.

    Yields
    ------
    DataFrame
        As of :func:`read_table`; at least one, without rows where the table has none.

    Raises
    ------
    InputError
        As of :func:`read_table`; the faults of a block are reported together.
    """
    import pandas as pd

    specs = {name: ColumnSpec(header, kind="raw") for name, header in columns.items()}
    names = list(columns.values())
    grid = open_grid(Path(path), Choice(sheet, delimiter, encoding), lambda rows: max(_scores(rows, names), default=0))
    state = State(grid.name, ".", grid.notes, [])
    header, body = _header(grid, names, state)
    found = _match(specs, header, state)
    _raise(state)
    rows, first = chain(grid.head[body:], grid.rest), True
    while (piece := list(islice(rows, block))) or first:
        first = False
        numbers, cells = _cells(piece, grid.text, header, found, state)
        _raise(state)
        data = {one.name: texts_of(column, raw=not grid.text) for one, column in zip(found, cells, strict=True)}
        yield pd.DataFrame(data, index=pd.Index(numbers, name="row"))


def _raise(state: State) -> None:
    faults = state.faults
    if not faults:
        return
    if len(faults) > MOST:
        faults = [*faults[:MOST], InputError(f"and {len(faults) - MOST} more faults", where=state.where)]
    raise faults[0] if len(faults) == 1 else ErrorList(faults)


# ---- the header ----------------------------------------------------------------------------------------------------


def _scores(rows: list[list[Any]], names: list[str]) -> list[int]:
    """Return how many of the names stand in each row."""

    def both(texts: Iterable[Any]) -> set[str]:
        written = [t for t in texts if isinstance(t, str)]
        return {alike(t) for t in written} | {alike(name_and_unit(t)[0]) for t in written}

    wanted = both(names)
    return [len(wanted & both(row)) for row in rows]


def _header(grid: Grid, names: list[str], state: State) -> tuple[list[str], int]:
    """Return the header and the position in ``grid.head`` of the row after it."""
    scores = _scores([row for _, row in grid.head], names)
    if max(scores, default=0) > 0:
        place = scores.index(max(scores))
    else:  # nothing fits: show the widest of the first rows as what there is
        widths = [sum(isinstance(c, str) and c.strip() != "" for c in row) for _, row in grid.head]
        place = widths.index(max(widths, default=0)) if widths else 0
    number, row = grid.head[place] if grid.head else (1, [])
    if place and any(c not in (None, "") for _, r in grid.head[:place] for c in r):
        state.notes.append(f"the header was found in row {number}")
    return ["" if c is None else str(c).strip() for c in row], place + 1


def _match(specs: Mapping[str, ColumnSpec], header: list[str], state: State) -> list[Found]:
    levels = [header, [alike(h) for h in header], [alike(name_and_unit(h)[0]) for h in header]]
    found = []
    for name, spec in specs.items():
        keys = [spec.column.strip(), alike(spec.column), alike(name_and_unit(spec.column)[0])]
        if name_and_unit(spec.column)[1] is not None:
            keys[2] = keys[1]  # a unit in the map is not to be overlooked: 'x (kg)' is not 'x (t)'
        places: list[int] = []
        for level, key in zip(levels, keys, strict=True):
            places = [i for i, text in enumerate(level) if text == key and text]
            if places:
                break
        if len(places) > 1:
            state.fault("stands more than once in the table", spec.column, hint="give the columns different names")
        elif places:
            text = header[places[0]]
            found.append(Found(name, spec, places[0], text))
            if text != spec.column.strip():
                state.notes.append(f"column '{text}' taken for '{spec.column}'")
        elif spec.required:
            _missing(spec.column, header, state)
    return found


def _missing(column: str, header: list[str], state: State) -> None:
    there = [h if len(h) <= 200 else f"{h[:200]}..." for h in header[:MOST_HEADERS] if h]
    plain = {alike(h): h for h in there} | {alike(name_and_unit(h)[0]): h for h in there}
    near = difflib.get_close_matches(alike(column), list(plain), n=1, cutoff=0.6)
    shown = ", ".join(f"'{h}'" for h in there[:30]) + (f" and {len(there) - 30} more" if len(there) > 30 else "")
    state.fault(
        "is missing", column, found=shown or "no header", hint=f"did you mean '{plain[near[0]]}'" if near else ""
    )


# ---- the cells -----------------------------------------------------------------------------------------------------


def _cells(
    rows: Iterable[tuple[int, list[Any]]], text: bool, header: list[str], found: list[Found], state: State
) -> tuple[list[int], list[list[Any]]]:
    """Return row numbers and the cells of each wanted column; rows without anything are left out."""
    width, last = len(header), max((f.index for f in found), default=0)
    numbers: list[int] = []
    taken: list[tuple[Any, ...]] = []
    take = itemgetter(*[f.index for f in found], last)  # `last` twice: one column would not give a tuple
    for number, row in rows:
        first = row[0] if row else None
        if (not first or (isinstance(first, str) and first.isspace())) and _only_blank(row):
            continue
        if text and len(row) != width and (len(row) < width or not _only_blank(row[width:])):
            state.faults.append(InputError("a row has the wrong number of fields",
                                           where=f"{state.where}, row {number}", found=str(len(row)),
                                           need=str(width), hint="the file may be truncated"))  # fmt: skip
            continue
        if len(row) <= last:
            row = row + [None] * (last + 1 - len(row))
        numbers.append(number)
        taken.append(take(row))
    cells = [list(column) for column in zip(*taken, strict=True)][: len(found)] if taken else [[] for _ in found]
    return numbers, cells


def _only_blank(cells: list[Any]) -> bool:
    return not any(str(c).strip() for c in cells if c is not None)
