"""Columns of a table: what is wanted of each, and how its cells become numbers with units, text or times."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from typing import Any, Literal

from ghg.core._table_grid import Percent
from ghg.core.errors import GhgError, InputError, UnitError

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "--", "-", "—", "——", "/", "无", "缺失"})
LONGEST_HEADER, LONGEST_UNIT, LONGEST_NUMBER = 500, 100, 200  # characters
_BRACKETS = re.compile(r"^(.*?)\s*/?\s*[(\[{]\s*([^()\[\]{}]+(?:\([^()]*\))?[^()\[\]{}]*)\s*[)\]}]\s*$")
_GROUPED = {
    ".": re.compile(r"[+-]?\d{1,3}(?:([, '’])\d{3})(?:\1\d{3})*(?:\.\d*)?"),
    ",": re.compile(r"[+-]?\d{1,3}(?:([. '’])\d{3})(?:\1\d{3})*(?:,\d*)?"),
}
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


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
class Found:
    """A wanted column in the file."""

    name: str
    spec: ColumnSpec
    index: int
    header: str


@dataclass
class State:
    """Where we are, for messages; and what has been found so far."""

    where: str
    decimal: str
    notes: list[str]
    faults: list[GhgError]

    def fault(self, what: str, header: str, row: int | None = None, **parts: str) -> None:
        place = f"{self.where}, row {row}" if row is not None else self.where
        self.faults.append(InputError(f"column '{header}' {what}", where=place, **parts))


@lru_cache(4096)
def alike(text: str | None) -> str:
    """Return a header for comparison: full-width characters, blanks and case made alike."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text or "")).casefold()


@lru_cache(4096)
def name_and_unit(header: str) -> tuple[str, str | None]:
    """Return the name and the unit of a header such as ``Flow (m3/h)``."""
    if len(header) > LONGEST_HEADER:  # no header, and patterns go astray in thousands of blanks
        return header, None
    match = _BRACKETS.match(unicodedata.normalize("NFKC", header).strip())
    return (match[1], match[2].strip()) if match and match[1] else (header, None)


def is_missing(cell: Any) -> bool:
    return cell is None or cell != cell or (isinstance(cell, str) and cell.strip().casefold() in MISSING)


def texts_of(column: list[Any], raw: bool) -> Any:
    import pandas as pd

    if raw:
        kept = [None if is_missing(c) else c.value if isinstance(c, Percent) else c for c in column]
        return pd.Series(kept, dtype=object).infer_objects().to_numpy() if kept else kept
    return pd.array([None if is_missing(c) else _text(c) for c in column], dtype=object)


def _text(cell: Any) -> str:
    """Return a label; a number that a spreadsheet made of it loses its decimal point (``3.0`` -> ``3``)."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def times_of(
    one: Found, column: list[Any], rows: list[int], epoch: int, state: State, how: tuple[Any, Any, Any, Any]
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


def units_of(found: list[Found], rows: list[int], cells: list[list[Any]], state: State) -> dict[str, str | None]:
    """Return the unit in which each number column stands; a row of units under the header is taken out."""
    below = _unit_row(found, cells)
    if below:
        state.notes.append(f"row {rows[0]} holds units")
        del rows[0]
        for column in cells:
            del column[0]
    return {f.name: _unit(f, below.get(f.name), state) for f in found if f.spec.kind == "number"}


def _unit_row(found: list[Found], cells: list[list[Any]]) -> dict[str, str]:
    from ghg.core.units import registry  # noqa: F401  (the door is opened before it is asked)

    texts: dict[str, str] = {}
    for one, column in zip(found, cells, strict=True):
        if one.spec.kind != "number":
            continue
        cell = column[0] if column else None
        if not isinstance(cell, str) or is_missing(cell) or _number(cell, ".") is not None or not _is_unit(cell):
            return {}
        texts[one.name] = unicodedata.normalize("NFKC", cell).strip().strip("()[]")
    return texts


def _is_unit(text: str) -> bool:
    from ghg.core.units import is_compatible

    if len(text) > LONGEST_UNIT:
        return False
    try:
        return is_compatible(unicodedata.normalize("NFKC", text).strip().strip("()[]"), "1") or True
    except UnitError:
        return False


def _unit(one: Found, below: str | None, state: State) -> str | None:
    """Return the unit from the map, the header or the row below it; what contradicts the map is noted."""
    spec, written = one.spec, name_and_unit(one.header)[1] or below
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
        return _is_unit(written) and alike(written) != alike(stated)


def _number(text: str, decimal: str) -> float | None:
    """Return the number in a text, or None; separators of thousands are understood, a wrong decimal sign is not."""
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip()
    if len(plain) > LONGEST_NUMBER:
        return None
    if _GROUPED[decimal].fullmatch(plain):
        plain = re.sub(r"[ '’]", "", plain).replace("." if decimal == "," else ",", "")
    elif decimal == "," and "." in plain:
        return None
    if decimal == ",":
        plain = plain.replace(",", ".")
    value = float(plain) if _PLAIN.fullmatch(plain) else math.inf
    return value if math.isfinite(value) else None


def numbers_of(one: Found, column: list[Any], rows: list[int], units: dict[str, str | None], state: State) -> Any:
    """Return a number column, converted where a quantity is wanted."""
    import numpy as np

    values = np.full(len(column), np.nan)
    percent: list[int] = []
    plain = 0
    for i, cell in enumerate(column):
        if type(cell) is float:
            value: float | None = cell if not math.isinf(cell) else None
        elif is_missing(cell):
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


def _not_a_number(one: Found, cell: Any, row: int, state: State) -> None:
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
    one: Found, values: Any, percent: Sequence[int], count: int, units: dict[str, str | None], state: State
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
