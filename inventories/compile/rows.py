"""Rows of activity: read from a table, every fault named with its row."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError, UnitError
from ghg.core.tables import ColumnSpec, read_table
from ghg.core.units import product_factor
from inventories.compile.config import ActivityTable, Quantity, Text
from inventories.compile.sections import Column
from inventories.dataset import STACK

__all__ = ["Rows", "converted", "matching", "read_rows"]

Array = npt.NDArray[np.float64]
Words = npt.NDArray[np.str_]
DIMENSIONS = ("J", "kg", "m3")
LABELS = ("region", "sector", "fuel", "technology")


@dataclass
class Rows:
    """Activities of one table.

    Parameters
    ----------
    table : ActivityTable
        What they are.
    source, region, sector, fuel, technology : str (row,)
        Labels; the technology may be empty.
    amount : float64 (row,)
        Activity in `unit`; NaN is missing.
    unit : {"J", "kg", "m3"}
        SI unit of the activity.
    u_own, u_shared : float
        Relative standard uncertainty of each row on its own, and of all rows together.
    lon, lat : float64 (row,)
        Position, NaN where there is none.
    carried : mapping
        Species -> mass [kg] (row,), NaN where the factor is used.
    left : mapping
        Species -> share left after controls (row,), and the relative uncertainty of it.
    number : int64 (row,)
        Row in the file.
    stack : mapping
        Stacks, see :data:`inventories.dataset.STACK` (row,), NaN where there is none.
    notes : list of str
        What was found out and not stated.
    """

    table: ActivityTable
    source: Words
    region: Words
    sector: Words
    fuel: Words
    technology: Words
    amount: Array
    unit: str
    u_own: float
    u_shared: float
    lon: Array
    lat: Array
    carried: dict[str, Array]
    left: dict[str, tuple[Array, Array]]
    number: npt.NDArray[np.int64]
    stack: dict[str, Array] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_rows(table: ActivityTable, base: Path) -> Rows:
    """Read an activity table.

    Parameters
    ----------
    table : ActivityTable
        Where and what.
    base : Path
        Folder to which its path belongs.

    Raises
    ------
    InputError, UnitError
        Missing columns or units, negative activities, empty labels, two rows for one source, fuel and class, or no
        row at all.
    """
    specs = _specs(table)
    frame: Any = read_table(base / table.file, specs, sheet=table.sheet, encoding=table.encoding,
                       delimiter=table.delimiter, decimal=table.decimal)  # fmt: skip
    where = Path(table.file).name
    keep = matching(frame, table.where, "where")
    frame = frame[keep]
    if frame.empty:
        raise InputError("no row of the table is taken", where=where, found=str(table.where) if table.where else "",
                         hint="check where")  # fmt: skip
    number = np.asarray(frame.index, np.int64)
    source = np.array([" ".join(map(str, one)) for one in zip(*(_words(frame, f"source.{i}")
                       for i in range(len(table.source))), strict=True)])  # fmt: skip
    labels = {key: _label(frame, key, getattr(table, key), where) for key in LABELS}
    twice = _doubled(source, labels)
    notes = list(frame.attrs["notes"])
    if twice.any():
        if table.duplicates == "error":
            _refuse_doubled(source, labels, number, where)
        source = np.where(twice, np.char.add(np.char.add(source, " row "), number.astype(str)), source)
        notes.append(f"{int(twice.sum())} rows stand for one source, fuel and class with another: kept as they are")
    amount, unit = _amount(frame, table.amount, where)
    _not_negative(amount, number, "the activity", where)
    carried = {}
    for name, one in table.carried.items():
        carried[name] = converted(frame, f"carried.{name}", one.unit, one.column, "kg", where)
        _not_negative(carried[name], number, f"the mass of {name}", where)
    return Rows(
        table, source, labels["region"], labels["sector"], labels["fuel"], labels["technology"],
        amount, unit,
        float(np.sqrt(sum(q.u**2 for q in table.amount))), float(np.sqrt(sum(q.u_shared**2 for q in table.amount))),
        *_positions(frame, table, base, notes, where), carried, _left(frame, table), number,
        _stacks(frame, table, number, where), notes,
    )  # fmt: skip


def _specs(table: ActivityTable) -> dict[str, ColumnSpec]:
    specs = {f"source.{i}": ColumnSpec(name, kind="text") for i, name in enumerate(table.source)}
    for key in LABELS:
        if (column := getattr(table, key).column) is not None:
            specs[key] = ColumnSpec(column, kind="text")
    for i, one in enumerate(table.amount):
        if one.column is not None:
            specs[f"amount.{i}"] = ColumnSpec(one.column, unit=one.unit or None)
    for name, one in _stack_columns(table).items():
        specs[name] = ColumnSpec(one.column, unit=one.unit or None)
    for name, one in table.carried.items():
        specs[f"carried.{name}"] = ColumnSpec(one.column, unit=one.unit or None)
    for key in ("lon", "lat"):
        if (column := getattr(table, key)) is not None:
            specs[key] = ColumnSpec(column)
    if table.position is not None:
        specs |= {f"match.{name}": ColumnSpec(name, kind="text") for name in fields_of(table.position.match)}
    filters = {column: None for rule in (table.where, *(c.where for c in table.control)) for column in rule}
    return specs | {f"where.{column}": ColumnSpec(column, kind="text") for column in filters}


def _stack_columns(table: ActivityTable) -> dict[str, Column]:
    return {} if table.stack is None else {name: getattr(table.stack, name.removeprefix("stack_")) for name in STACK}


def _stacks(frame: Any, table: ActivityTable, number: Any, where: str) -> dict[str, Array]:
    """Return the stacks of the rows in the units of :data:`inventories.dataset.STACK`."""
    found = {}
    for name, one in _stack_columns(table).items():
        found[name] = values = converted(frame, name, one.unit, one.column, STACK[name], where)
        if (bad := values <= 0.0).any():
            place = int(np.argmax(bad))
            raise InputError(f"the {name.removeprefix('stack_')} of a stack is not above zero",
                             where=f"{where}, row {number[place]}", found=f"{values[place]:g} {STACK[name]}",
                             hint="leave the cell empty where there is no stack")  # fmt: skip
    return found


def matching(frame: Any, rule: dict[str, str | list[str]], prefix: str) -> npt.NDArray[np.bool_]:
    """Return which rows a rule takes: all its columns must hold one of the texts.

    ``"*"`` is any text, and ``"~part"`` any text with that part in it.
    """
    chosen = np.ones(len(frame), bool)
    for column, wanted in rule.items():
        cells = _words(frame, f"{prefix}.{column}")
        texts = [wanted] if isinstance(wanted, str) else wanted
        hit = np.isin(cells, texts) | ((cells != "") & ("*" in texts))
        for part in (text[1:] for text in texts if text.startswith("~")):
            hit |= np.char.find(cells, part) >= 0
        chosen &= hit
    return chosen


def _words(frame: Any, name: str) -> Words:
    return frame[name].fillna("").astype(str).str.strip().to_numpy(dtype=str)


def _label(frame: Any, key: str, text: Text, where: str) -> Words:
    if text.value is not None:
        return np.full(len(frame), text.value)
    cells = _words(frame, key)
    lookup = {cell: text.map.get(cell, cell) or text.default for cell in np.unique(cells).tolist()}
    found = np.array([lookup[cell] for cell in cells.tolist()], dtype=str)
    if (empty := found == "").any() and key != "technology":
        row = frame.index[int(np.argmax(empty))]
        raise InputError(f"the {key} is empty", where=f"{where}, row {row}", found=f"{int(empty.sum())} such rows",
                         hint=f"give {key}.default, or leave the rows out with where")  # fmt: skip
    return found


def _keys(source: Words, labels: dict[str, Words]) -> Words:
    return np.char.add(np.char.add(source, "\n"), np.char.add(np.char.add(labels["fuel"], "\n"), labels["sector"]))


def _doubled(source: Words, labels: dict[str, Words]) -> npt.NDArray[np.bool_]:
    _, place, count = np.unique(_keys(source, labels), return_inverse=True, return_counts=True)
    return count[place.ravel()] > 1


def _refuse_doubled(source: Words, labels: dict[str, Words], number: Any, where: str) -> None:
    keys = _keys(source, labels)
    key = str(keys[np.argmax(_doubled(source, labels))])
    rows = number[keys == key]
    raise InputError("two rows stand for one source, fuel and class", where=where,
                     found=f"'{key.replace(chr(10), ', ')}' in rows {', '.join(map(str, rows[:4]))}",
                     hint="add the column that tells them apart to source, or set duplicates = 'keep'")  # fmt: skip


def _positions(frame: Any, table: ActivityTable, base: Path, notes: list[str], where: str) -> tuple[Array, Array]:
    """Return longitudes and latitudes: of the table, or of another by key; NaN where there is none."""
    nowhere = np.full(len(frame), np.nan)
    if table.lon and table.lat:
        lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    elif table.position is not None:
        one = table.position
        specs = {"key": ColumnSpec(one.key, kind="text"), "lon": ColumnSpec(one.lon), "lat": ColumnSpec(one.lat)}
        other: Any = read_table(base / one.file, specs).drop_duplicates("key").set_index("key")
        columns = fields_of(one.match)
        keys = [one.match.format(**dict(zip(columns, cells, strict=True)))
                for cells in zip(*(_words(frame, f"match.{c}") for c in columns), strict=True)]  # fmt: skip
        found = other.reindex(keys)
        lon, lat = found["lon"].to_numpy(float), found["lat"].to_numpy(float)
        notes.append(f"{int(np.isnan(lon).sum())} of {len(lon)} rows have no position in {Path(one.file).name}")
    else:
        return nowhere, nowhere
    if (bad := (np.abs(lat) > 90) | (np.abs(lon) > 360)).any():
        place = int(np.argmax(bad))
        raise InputError("a position is not on Earth", where=f"{where}, row {frame.index[place]}",
                         found=f"lon {lon[place]:g}, lat {lat[place]:g}",
                         hint="are lon and lat exchanged?")  # fmt: skip
    return lon, lat


def fields_of(match: str) -> list[str]:
    """Return the columns that a key such as ``"USA{orispl:0>7}"`` is made of."""
    from string import Formatter

    return list(dict.fromkeys(name for _, name, _, _ in Formatter().parse(match) if name))


def converted(frame: Any, name: str, unit: str, column: str, need: str, where: str) -> Array:
    """Return a column in a unit; its own is the stated one, else that of its header."""
    from ghg.core.units import convert

    stated = unit or frame.attrs["units"].get(name)
    if not stated:
        raise UnitError("the column has no unit", where=f"{where}, column '{column}'",
                        hint="state unit beside column, or write it in the header")  # fmt: skip
    return np.asarray(convert(frame[name].to_numpy(float), stated, need, name=column), float)


def _amount(frame: Any, quantities: list[Quantity], where: str) -> tuple[Array, str]:
    values, parts = np.ones(len(frame)), []
    for i, one in enumerate(quantities):
        unit = one.unit or frame.attrs["units"].get(f"amount.{i}")
        if not unit:
            raise UnitError("the column has no unit", where=f"{where}, column '{one.column}'",
                            hint="state unit beside column, or write it in the header")  # fmt: skip
        parts.append((unit, one.power))
        number: Any = one.value if one.column is None else frame[f"amount.{i}"].to_numpy(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            values = values * number if one.power > 0 else values / number
    for need in DIMENSIONS:
        try:
            return values * product_factor(parts, need, name="the activity"), need
        except UnitError as error:
            last = error
            if "wrong kind" not in error.what:
                raise
    raise UnitError("the activity is no mass, volume or energy", where=where, found=last.found,
                    need="a unit convertible to J, kg or m3")  # fmt: skip


def _not_negative(values: Array, number: Any, what: str, where: str) -> None:
    if (bad := (values < 0) | np.isinf(values)).any():
        place = int(np.argmax(bad))
        kind = "negative" if values[place] < 0 else "infinite"
        raise InputError(f"{what} is {kind}", where=f"{where}, row {number[place]}", found=f"{values[place]:g} (SI)",
                         need="zero or more")  # fmt: skip


def _left(frame: Any, table: ActivityTable) -> dict[str, tuple[Array, Array]]:
    """Return the share left by species and its relative uncertainty: removals act one after another."""
    found: dict[str, tuple[Array, Array]] = {}
    for one in table.control:
        share, square = found.get(one.species, (np.ones(len(frame)), np.zeros(len(frame))))
        acts = matching(frame, one.where, "where")
        rest = 1.0 - one.efficiency * one.rate
        found[one.species] = (np.where(acts, share * rest, share), np.where(acts, square + one.u**2, square))
    return {name: (share, np.sqrt(square)) for name, (share, square) in found.items()}
