"""The one door for tables: CSV, xlsx and Parquet in, columns of numbers, text and times out, with units.

The user's column map says which columns are wanted and in which unit they stand. Headers under title rows, Chinese
encodings, full-width digits, Excel dates and percent cells are understood, and whatever was not stated is written
into ``frame.attrs["notes"]``. All faults of a file are reported together, each with its row and column.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ghg.core._table_files import Choice, Grid, Percent, open_grid
from ghg.core.errors import ErrorList, GhgError, InputError, UnitError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnSpec", "read_table"]

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "--", "-", "—", "——", "/", "无", "缺失"})
MOST = 20  # faults that are spelt out
_BRACKETS = re.compile(r"^(.*?)\s*/?\s*[(\[{]\s*([^()\[\]{}]+(?:\([^()]*\))?[^()\[\]{}]*)\s*[)\]}]\s*$")
_GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(?:([, '’])\d{3})(?:\1\d{3})*(?:\.\d*)?"),
    ",": re.compile(r"[+-]?\d{1,3}(?:([. '’])\d{3})(?:\1\d{3})*(?:,\d*)?"),
}
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class ColumnSpec:
    """One wanted column.

    Parameters
    ----------
    column : str
        Header in the file. Case, blanks, full-width characters and a unit in brackets may differ.
    unit : str, optional
        Unit in which the column stands; where it is left out the header may say it, as in ``Flow (m3/h)``.
    quantity : str, optional
        Unit to convert to, or the name of a variable of :mod:`ghg.core.variables`, whose unit is taken. Without it
        numbers stay as they are and no unit is demanded.
    required : bool
        Whether the table must have the column; one that is not there is left out of the result.
    kind : {"number", "text", "time", "raw"}
        What the cells hold; "raw" gives text from CSV files and the cells as they are from others.
    """

    column: str
    unit: str | None = None
    quantity: str | None = None
    required: bool = True
    kind: Literal["number", "text", "time", "raw"] = "number"


@dataclass(frozen=True)
class _Found:
    """A wanted column in the file."""

    name: str
    spec: ColumnSpec
    index: int
    header: str


@dataclass
class _State:
    """Where we are, for messages; and what has been found so far."""

    where: str
    decimal: str
    notes: list[str]
    faults: list[GhgError]

    def fault(self, what: str, header: str, row: int | None = None, **parts: str) -> None:
        place = f"{self.where}, row {row}" if row is not None else self.where
        self.faults.append(InputError(f"column '{header}' {what}", where=place, **parts))


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
        One column for each name found, in the order of `columns`: float64 (NaN is missing), text (None is missing)
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
    grid = open_grid(Path(path), Choice(sheet, delimiter, encoding, member, decimal), lambda rows: _score(rows, names))
    state = _State(where or grid.name, decimal, grid.notes, [])
    header, body = _header(grid, names, state)
    found = _match(specs, header, state)
    _raise(state)
    rows, cells = _cells(grid, header, body, found, state)
    units = _units(found, rows, cells, state)
    data: dict[str, Any] = {}
    for one, column in zip(found, cells, strict=True):
        if one.spec.kind == "time":
            data[one.name] = _times(one, column, rows, grid.epoch, state, (timezone, label, interval, time_format))
        elif one.spec.kind == "number":
            data[one.name] = _numbers(one, column, rows, units, state)
        else:
            data[one.name] = _texts(column, raw=one.spec.kind == "raw" and not grid.text)
    _raise(state)
    frame = pd.DataFrame(data, index=pd.Index(rows, name="row"))
    frame.attrs = {"units": {k: v for k, v in units.items() if v is not None}, "notes": list(state.notes)}
    return frame


def _raise(state: _State) -> None:
    faults = state.faults
    if not faults:
        return
    if len(faults) > MOST:
        faults = [*faults[:MOST], InputError(f"and {len(faults) - MOST} more faults", where=state.where)]
    raise faults[0] if len(faults) == 1 else ErrorList(faults)


# ---- the header ----------------------------------------------------------------------------------------------------


def _plain(text: Any) -> str:
    """Return a header for comparison: full-width characters, blanks and case made alike."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", "" if text is None else str(text))).casefold()


def _split(header: str) -> tuple[str, str | None]:
    """Return the name and the unit of a header such as ``Flow (m3/h)``."""
    match = _BRACKETS.match(unicodedata.normalize("NFKC", header).strip())
    return (match[1], match[2].strip()) if match and match[1] else (header, None)


def _score(rows: list[list[Any]], names: list[str]) -> int:
    wanted = {_plain(n) for n in names} | {_plain(_split(n)[0]) for n in names}
    best = 0
    for row in rows:
        cells = {_plain(c) for c in row if isinstance(c, str)}
        cells |= {_plain(_split(c)[0]) for c in row if isinstance(c, str)}
        best = max(best, len(wanted & cells))
    return best


def _header(grid: Grid, names: list[str], state: _State) -> tuple[list[str], int]:
    """Return the header and the position in ``grid.head`` of the row after it."""
    scores = [_score([row], names) for _, row in grid.head]
    if max(scores, default=0) > 0:
        place = scores.index(max(scores))
    else:  # nothing fits: show the widest of the first rows as what there is
        widths = [sum(isinstance(c, str) and c.strip() != "" for c in row) for _, row in grid.head]
        place = widths.index(max(widths, default=0)) if widths else 0
    number, row = grid.head[place] if grid.head else (1, [])
    if place and any(c not in (None, "") for _, r in grid.head[:place] for c in r):
        state.notes.append(f"the header was found in row {number}")
    return ["" if c is None else str(c).strip() for c in row], place + 1


def _match(specs: Mapping[str, ColumnSpec], header: list[str], state: _State) -> list[_Found]:
    levels = [header, [_plain(h) for h in header], [_plain(_split(h)[0]) for h in header]]
    found = []
    for name, spec in specs.items():
        keys = [spec.column.strip(), _plain(spec.column), _plain(_split(spec.column)[0])]
        if _split(spec.column)[1] is not None:
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
            found.append(_Found(name, spec, places[0], text))
            if text != spec.column.strip():
                state.notes.append(f"column '{text}' taken for '{spec.column}'")
        elif spec.required:
            _missing(spec.column, header, state)
    return found


def _missing(column: str, header: list[str], state: _State) -> None:
    there = [h for h in header if h]
    plain = {_plain(h): h for h in there} | {_plain(_split(h)[0]): h for h in there}
    near = difflib.get_close_matches(_plain(column), list(plain), n=1, cutoff=0.6)
    shown = ", ".join(f"'{h}'" for h in there[:30]) + (f" and {len(there) - 30} more" if len(there) > 30 else "")
    state.fault(
        "is missing", column, found=shown or "no header", hint=f"did you mean '{plain[near[0]]}'" if near else ""
    )


# ---- the cells -----------------------------------------------------------------------------------------------------


def _cells(
    grid: Grid, header: list[str], body: int, found: list[_Found], state: _State
) -> tuple[list[int], list[list[Any]]]:
    """Return row numbers and the cells of each wanted column; rows without anything are left out."""
    width, last = len(header), max((f.index for f in found), default=0)
    numbers: list[int] = []
    taken: list[tuple[Any, ...]] = []
    take = itemgetter(*[f.index for f in found], last)  # `last` twice: one column would not give a tuple
    for rows in (grid.head[body:], grid.rest):
        for number, row in rows:
            if not any(c is not None and c != "" and not (isinstance(c, str) and c.isspace()) for c in row):
                continue
            if len(row) <= last or len(row) > width:
                if grid.text and len(row) != width and not _only_blank(row[width:], len(row) >= width):
                    state.faults.append(
                        InputError(
                            "a row has the wrong number of fields",
                            where=f"{state.where}, row {number}",
                            found=str(len(row)),
                            need=str(width),
                            hint="the file may be truncated",
                        )
                    )
                    continue
                row = row + [None] * (last + 1 - len(row))
            elif grid.text and len(row) < width:
                state.faults.append(
                    InputError(
                        "a row has the wrong number of fields",
                        where=f"{state.where}, row {number}",
                        found=str(len(row)),
                        need=str(width),
                        hint="the file may be truncated",
                    )
                )
                continue
            numbers.append(number)
            taken.append(take(row))
    cells = [list(column) for column in zip(*taken, strict=True)][: len(found)] if taken else [[] for _ in found]
    return numbers, cells


def _only_blank(extra: list[Any], long: bool) -> bool:
    return long and not any(str(c).strip() for c in extra)


def _is_missing(cell: Any) -> bool:
    return cell is None or cell != cell or (isinstance(cell, str) and cell.strip().casefold() in MISSING)


def _texts(column: list[Any], raw: bool) -> Any:
    import pandas as pd

    if raw:
        kept = [None if _is_missing(c) else c.value if isinstance(c, Percent) else c for c in column]
        return pd.Series(kept, dtype=object).infer_objects().to_numpy() if kept else kept
    return pd.array([None if _is_missing(c) else _text(c) for c in column], dtype=object)


def _text(cell: Any) -> str:
    """Return a label; a number that a spreadsheet made of it loses its decimal point (``3.0`` -> ``3``)."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _times(
    one: _Found, column: list[Any], rows: list[int], epoch: int, state: _State, how: tuple[Any, Any, Any, Any]
) -> Any:
    from ghg.core.clock import parse_times

    timezone, label, interval, form = how
    place = f"{state.where}, column '{one.header}'"
    if not all(isinstance(c, str) or c is None for c in column):
        state.notes.append(f"column '{one.header}' holds spreadsheet dates")
    try:
        return parse_times(
            column, timezone=timezone, label=label, interval=interval, format=form, epoch=epoch, rows=rows, where=place
        )
    except InputError as error:
        state.faults.extend(getattr(error, "errors", [error]))
        return [None] * len(column)


# ---- numbers and units ---------------------------------------------------------------------------------------------


def _units(found: list[_Found], rows: list[int], cells: list[list[Any]], state: _State) -> dict[str, str | None]:
    """Return the unit in which each number column stands; a row of units under the header is taken out."""
    below = _unit_row(found, cells)
    if below:
        state.notes.append(f"row {rows[0]} holds units")
        del rows[0]
        for column in cells:
            del column[0]
    return {f.name: _unit(f, below.get(f.name), state) for f in found if f.spec.kind == "number"}


def _unit_row(found: list[_Found], cells: list[list[Any]]) -> dict[str, str]:
    from ghg.core.units import registry  # noqa: F401  (the door is opened before it is asked)

    texts: dict[str, str] = {}
    for one, column in zip(found, cells, strict=True):
        if one.spec.kind != "number":
            continue
        cell = column[0] if column else None
        if not isinstance(cell, str) or _is_missing(cell) or _number(cell, ".") is not None or not _is_unit(cell):
            return {}
        texts[one.name] = unicodedata.normalize("NFKC", cell).strip().strip("()[]")
    return texts


def _is_unit(text: str) -> bool:
    from ghg.core.units import is_compatible

    try:
        return is_compatible(unicodedata.normalize("NFKC", text).strip().strip("()[]"), "1") or True
    except UnitError:
        return False


def _unit(one: _Found, below: str | None, state: _State) -> str | None:
    """Return the unit from the map, the header or the row below it; what contradicts the map is noted."""
    spec, written = one.spec, _split(one.header)[1] or below
    place = f"{state.where}, column '{one.header}'"
    if spec.unit is not None:
        if written is not None and _differ(written, spec.unit):
            state.notes.append(f"column '{one.header}' says '{written}', the map says '{spec.unit}': the map was taken")
        unit: str | None = spec.unit
    elif written is not None and (spec.quantity is not None or _is_unit(written)):
        unit = written
        state.notes.append(f"unit '{written}' of column '{one.header}' was read from the table")
    else:
        unit = None
    if spec.quantity is None:
        return unit
    if unit is None:
        state.faults.append(
            UnitError(
                "the column has no unit",
                where=place,
                need=f"a unit convertible to '{_need(spec.quantity)}'",
                hint="state it in the column map or the header",
            )
        )
        return None
    from ghg.core.units import check_units

    try:
        check_units(unit, _need(spec.quantity), name=f"column '{one.header}'")
    except UnitError as error:
        state.faults.append(
            UnitError(error.what, where=state.where, found=error.found, need=error.need, hint=error.hint)
        )
        return None
    return unit


def _need(quantity: str) -> str:
    from ghg.core.variables import SPECS

    return SPECS[quantity].units if quantity in SPECS else quantity


def _differ(written: str, stated: str) -> bool:
    from ghg.core.units import factor

    try:
        return abs(factor(written, stated) - 1.0) > 1e-9
    except UnitError:
        return _is_unit(written) and _plain(written) != _plain(stated)


def _number(text: str, decimal: str) -> float | None:
    """Return the number in a text, or None; separators of thousands are understood, a wrong decimal sign is not."""
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip()
    if _GROUPED[decimal].fullmatch(plain):
        plain = re.sub(r"[ '’]", "", plain).replace("." if decimal == "," else ",", "")
    elif decimal == "," and "." in plain:
        return None
    if decimal == ",":
        plain = plain.replace(",", ".")
    value = float(plain) if _PLAIN.fullmatch(plain) else math.inf
    return value if math.isfinite(value) else None


def _numbers(one: _Found, column: list[Any], rows: list[int], units: dict[str, str | None], state: _State) -> Any:
    """Return a number column, converted where a quantity is wanted."""
    import numpy as np

    values = np.full(len(column), np.nan)
    percent: list[int] = []
    plain = 0
    for i, cell in enumerate(column):
        if type(cell) is float:
            value: float | None = cell if not math.isinf(cell) else None
        elif _is_missing(cell):
            continue
        elif isinstance(cell, Percent):
            value = cell.value
            percent.append(i)
        elif isinstance(cell, str):
            body = cell.strip()
            if body.endswith(("%", "％")):
                body = body[:-1]
                percent.append(i)
            value = _number(body, state.decimal)
        else:
            value = None if isinstance(cell, bool | date | time) else float(cell)
        if value is None:
            _not_a_number(one, cell, rows[i], state)
            continue
        values[i] = value
        plain += 1
    _percent(one, values, percent, plain, units, state)
    unit = units.get(one.name)
    if unit is None or one.spec.quantity is None or state.faults:
        return values
    from ghg.core.units import convert

    units[one.name] = _need(one.spec.quantity)
    return convert(values, unit, _need(one.spec.quantity), name=f"column '{one.header}'")


def _not_a_number(one: _Found, cell: Any, row: int, state: _State) -> None:
    hint = ""
    if isinstance(cell, str):
        other = "," if state.decimal == "." else "."
        if _number(cell, other) is not None:
            hint = f"if '{other}' is the decimal sign, state decimal = \"{other}\""
        elif cell.startswith("#"):
            hint = "a formula of the spreadsheet has failed"
    elif isinstance(cell, date | time):
        hint = "the spreadsheet may have turned a number into a date"
    state.fault(
        "holds something that is not a number",
        one.header,
        row,
        found=f"'{cell}'",
        need="a number or an empty cell",
        hint=hint,
    )


def _percent(
    one: _Found, values: Any, percent: Sequence[int], count: int, units: dict[str, str | None], state: _State
) -> None:
    """Bring cells that show a percent sign to the unit of the column."""
    if not percent:
        return
    from ghg.core.units import factor

    unit = units.get(one.name)
    if unit is None:
        if len(percent) != count:
            state.fault("has cells with and without percent sign", one.header, need="a unit in the column map")
        units[one.name] = "percent"
        return
    try:
        values[list(percent)] *= factor("percent", unit)
    except UnitError:
        state.fault("shows percent signs, but its unit is another", one.header, found=f"'{unit}'", need="percent or 1")
        return
    state.notes.append(f"column '{one.header}' has cells that show percent")
