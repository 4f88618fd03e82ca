"""Delimited text of large archives, read straight into columns: the numbers as float64, the texts as codes.

The reader knows nothing of emissions; formats choose the columns they want. It reads the real CAMPD files
several times faster than a general reader, because only the wanted columns are touched and repeated texts
are never made into strings.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Columns", "parse_delimited"]

SMALL = 1 << 18  # bytes; below it, starting the compiled reader costs more than it saves
BLOCK = 1 << 20  # bytes; fixed, so that the result is the same for any number of threads
_POWERS = np.array([float(f"1e{k}") for k in range(23)])
_BOM = b"\xef\xbb\xbf"


@dataclass
class Columns:
    """The wanted columns of one file.

    Parameters
    ----------
    numbers : dict of str to float64 (rows,)
        Empty fields are NaN.
    codes : dict of str to int32 (rows,)
        Index into `texts`.
    texts : dict of str to list of str
        The different texts of each text column, in order of appearance.
    rows : int
        Number of records.
    """

    numbers: dict[str, npt.NDArray[np.float64]]
    codes: dict[str, npt.NDArray[np.int32]]
    texts: dict[str, list[str]]
    rows: int


def header_of(text: bytes, where: str, delimiter: str = ",") -> tuple[list[str], int]:
    """Return the column names of a text and the offset of the first record.

    Raises
    ------
    InputError
        The text is empty, is not UTF-8, or names a column twice.
    """
    start = len(_BOM) if text.startswith(_BOM) else 0
    end = text.find(b"\n", start)
    end = len(text) if end < 0 else end
    if not text[start:end].strip():
        raise InputError("the file is empty", where=where, need="a header line and records")
    try:
        line = text[start:end].decode("utf-8").rstrip("\r")
    except UnicodeDecodeError:
        raise InputError("the header is not UTF-8 text", where=where, hint="is it a table at all?") from None
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error as error:
        raise InputError("the header is no line of a table", where=where, found=str(error).split(" - ")[0],
                         hint="do its lines end as those of a text, and is the delimiter right?") from None  # fmt: skip
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError("a column is named twice", where=where, found=", ".join(twice))
    return names, min(end + 1, len(text))


def parse_delimited(
    text: bytes,
    *,
    numbers: Sequence[str],
    texts: Sequence[str],
    where: str = "",
    delimiter: str = ",",
    lines: int = 0,
) -> Columns:
    """Read the wanted columns of a delimited text.

    Parameters
    ----------
    text : bytes
        Whole file in UTF-8 with a header line; fields may be quoted, a leading byte-order mark is skipped.
    numbers, texts : sequence of str
        Names of the numeric and of the text columns.
    where : str
        Name of the file, for messages.
    delimiter : str
        One character.
    lines : int
        Lines of the file that were left out behind the header, for messages.

    Raises
    ------
    InputError
        Missing column, record with another number of fields, unclosed quote, or a text in place of a number.
    """
    names, first = header_of(text, where, delimiter)
    missing = [n for n in (*numbers, *texts) if n not in names]
    if missing:
        raise InputError("columns are missing", where=where, found=", ".join(names), need=", ".join(missing))
    if len(text) < SMALL:
        return _parse_small(text, first, names, numbers, texts, (where, lines), delimiter)
    return _parse_large(text, first, names, numbers, texts, (where, lines), delimiter)


def _parse_small(
    text: bytes,
    first: int,
    names: list[str],
    numbers: Sequence[str],
    texts: Sequence[str],
    place: tuple[str, int],
    delimiter: str,
) -> Columns:
    """Read with the standard library; same answers and same faults as the compiled reader."""
    where, skipped = place
    try:
        body = io.StringIO(text[first:].decode("utf-8"), newline="")
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8 text", where=where) from None
    reader = csv.reader(body, delimiter=delimiter, strict=True, skipinitialspace=True)
    places = {name: names.index(name) for name in (*numbers, *texts)}
    values: dict[str, list[float]] = {name: [] for name in numbers}
    codes: dict[str, list[int]] = {name: [] for name in texts}
    known: dict[str, dict[str, int]] = {name: {} for name in texts}
    while True:
        line = reader.line_num + 2 + skipped
        try:
            row = next(reader, None)
        except csv.Error:
            raise _bad_quote(f"{where}, line {line}") from None
        if row is None:
            break
        if not row:
            continue
        if len(row) != len(names):
            raise _bad_columns(f"{where}, line {line}", len(row), len(names))
        for name in numbers:
            field = row[places[name]].strip()
            try:
                values[name].append(_float(field))
            except ValueError:
                raise _bad_number(name, field, f"{where}, line {line}") from None
        for name in texts:
            field = row[places[name]].strip()
            codes[name].append(known[name].setdefault(field, len(known[name])))
    return Columns(
        {name: np.array(column, np.float64) for name, column in values.items()},
        {name: np.array(column, np.int32) for name, column in codes.items()},
        {name: list(table) for name, table in known.items()},
        len(next(iter({**values, **codes}.values()), ())),
    )


def _float(field: str) -> float:
    """Return the number; Python's own extensions (1_000, inf) are not numbers of a table."""
    value = float(field) if field else math.nan
    if "_" in field or math.isinf(value):
        raise ValueError(field)
    return value


def _bad_columns(where: str, found: int, need: int) -> InputError:
    return InputError(
        "a record has another number of fields than the header",
        where=where,
        found=str(found),
        need=str(need),
        hint="the file may be truncated",
    )


def _bad_quote(where: str) -> InputError:
    return InputError("a quoted field is not closed", where=where, hint="the file may be truncated")


def _bad_number(column: str, field: str, where: str) -> InputError:
    return InputError(
        f"column '{column}' holds a text where a number belongs",
        where=where,
        found=f"'{field}'",
        need="a number or an empty field",
    )


class _Room:
    """What the kernel fills, block by block."""

    def __init__(self, numbers: int, texts: int, row0: Any) -> None:
        blocks, rows = row0.size - 1, int(row0[-1])
        self.values = np.empty((numbers, rows))
        self.codes = np.empty((texts, rows), np.int32)
        self.uniq_start, self.uniq_len = (np.empty((texts, rows), np.int64) for _ in range(2))
        self.uniq_count = np.zeros((blocks, texts), np.int64)
        self.slow = np.empty((blocks, 3, 1024), np.int64)
        self.info = np.zeros((blocks, 4), np.int64)

    def fill(self, *call: Any) -> None:
        """Read all blocks; again where more fields need Python than there was room for."""
        from ghg.core.jit import spread
        from sensors.readers import _kernels

        blocks = self.info.shape[0]
        while True:
            spread(_kernels.parse, blocks, *call, self.values, self.codes, self.uniq_start, self.uniq_len,
                   self.uniq_count, self.slow, self.info)  # fmt: skip
            need = int(self.info[:, 2].max(initial=0))
            if need <= self.slow.shape[2] or (self.info[:, 0] < 0).any():
                return
            self.slow = np.empty((blocks, 3, need), np.int64)
            self.uniq_count[:] = 0


def _parse_large(
    text: bytes,
    first: int,
    names: list[str],
    numbers: Sequence[str],
    texts: Sequence[str],
    place: tuple[str, int],
    delimiter: str,
) -> Columns:
    from sensors.readers import _kernels

    data = np.frombuffer(text, np.uint8)
    kinds, slots = np.zeros((2, len(names)), np.int64)
    for kind, wanted in ((_kernels.NUMBER, numbers), (_kernels.TEXT, texts)):
        for slot, name in enumerate(wanted):
            kinds[names.index(name)], slots[names.index(name)] = kind, slot
    starts, row0 = _blocks(data, first)
    room = _Room(len(numbers), len(texts), row0)
    room.fill(data, starts, row0, ord(delimiter), kinds, slots, _POWERS)
    _raise_faults(text, room.info, names, place)
    _read_slow(text, room.slow, room.info, room.values, numbers, place)
    used = [slice(int(begin), int(begin + rows)) for begin, rows in zip(row0, room.info[:, 0], strict=False)]
    columns = {name: np.concatenate([room.values[i, s] for s in used]) for i, name in enumerate(numbers)}
    coded: dict[str, npt.NDArray[np.int32]] = {}
    words: dict[str, list[str]] = {}
    for i, name in enumerate(texts):
        coded[name], words[name] = _merge_codes(text, i, used, row0, room)
    return Columns(columns, coded, words, int(room.info[:, 0].sum()))


def _blocks(data: npt.NDArray[np.uint8], first: int) -> tuple[Any, Any]:
    """Return the first byte of each block and its first row; rows are an upper bound from the line feeds."""
    from ghg.core.jit import spread
    from sensors.readers import _kernels

    count = max(1, -(-data.size // BLOCK))
    quotes, lines = np.zeros(count, np.int64), np.zeros(count, np.int64)
    spread(_kernels.scan_blocks, count, data, BLOCK, quotes, lines)
    starts = np.empty(count + 1, np.int64)
    _kernels.block_starts(data, first, BLOCK, quotes, starts)
    # a record begins in its block and ends in it or in a later one: at most one more than the line feeds
    before = np.concatenate([[0], np.cumsum(lines)])
    last = np.searchsorted(np.arange(count) * BLOCK, starts[1:], side="left")
    rows = before[last] - before[:-1] + 1
    return starts, np.concatenate([[0], np.cumsum(rows)])


def _line(text: bytes, byte: int, place: tuple[str, int]) -> str:
    line = text.count(b"\n", 0, byte) + 1 + place[1]
    return f"{place[0]}, line {line}"


def _raise_faults(text: bytes, info: Any, names: list[str], place: tuple[str, int]) -> None:
    from sensors.readers._kernels import BAD_COLUMNS, BAD_QUOTE

    for status, byte, _, found in info.tolist():
        if status == BAD_COLUMNS:
            raise _bad_columns(_line(text, byte, place), found, len(names))
        if status == BAD_QUOTE:
            raise _bad_quote(_line(text, byte, place))


def _read_slow(text: bytes, slow: Any, info: Any, values: Any, numbers: Sequence[str], place: tuple[str, int]) -> None:
    """Read the listed fields with Python's correctly rounded ``float``."""
    for block in range(info.shape[0]):
        for row, column, packed in slow[block, :, : info[block, 2]].T.tolist():
            byte, length = packed >> 16, packed & 0xFFFF
            field = text[byte : byte + length].decode("utf-8", "replace")
            try:
                values[column, row] = _float(field)
            except ValueError:
                raise _bad_number(str(numbers[column]), field, _line(text, byte, place)) from None


def _merge_codes(
    text: bytes, column: int, used: list[slice], row0: Any, room: _Room
) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Join the codes of the blocks into one coding in order of appearance."""
    known: dict[bytes, int] = {}
    parts = []
    for block, rows in enumerate(used):
        table = np.empty(int(room.uniq_count[block, column]), np.int32)
        for k in range(table.size):
            entry = column, row0[block] + k
            at, length = room.uniq_start[entry], room.uniq_len[entry]
            table[k] = known.setdefault(text[at : at + length], len(known))
        parts.append(table[room.codes[column, rows]])
    words = [word.decode("utf-8", "replace").replace('""', '"') for word in known]
    return np.concatenate(parts), words
