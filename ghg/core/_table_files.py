"""From the bytes of a table file to a grid of cells: container, encoding, delimiter, sheet. No meaning yet.

The kind of a file is told by its first bytes, not by its name. Every choice that was not stated by the user is
written into the notes of the grid.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ghg.core.errors import InputError
from ghg.core.files import open_input
from ghg.core.limits import DAMAGED_ARCHIVE

HEAD = 50  # rows in which the header is looked for
DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an old or protected Excel file", "save it without password as xlsx or CSV"),
    (b"%PDF", "a PDF file", "export the table as CSV or xlsx"),
    (b"\x89HDF", "a NetCDF-4 or HDF5 file", "a table is needed here"),
    (b"CDF\x01", "a NetCDF file", "a table is needed here"),
    (b"CDF\x02", "a NetCDF file", "a table is needed here"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"SQLite", "a database", "export the table as CSV"),
)

Score = Callable[[list[list[Any]]], int]  # how many of the wanted columns some row of these holds


@dataclass(frozen=True)
class Percent:
    """A spreadsheet cell that shows percent: the number as shown."""

    value: float


@dataclass
class Grid:
    """Cells of a table as they stand in the file.

    Parameters
    ----------
    head : list of rows
        The first rows, in which the header is looked for, each with its row number.
    rest : iterator of rows
        The rows after `head`.
    name : str
        File, member and sheet, for messages.
    notes : list of str
        What was found out and not stated.
    epoch : int
        Date system of a spreadsheet.
    """

    head: list[tuple[int, list[Any]]]
    rest: Iterator[tuple[int, list[Any]]]
    name: str
    notes: list[str] = field(default_factory=list)
    epoch: int = 1900
    text: bool = True


@dataclass(frozen=True)
class Choice:
    """What the user stated about the file."""

    sheet: str | int | None = None
    delimiter: str | None = None
    encoding: str | None = None
    member: str | None = None
    decimal: str = "."


def open_grid(path: Path, choice: Choice, score: Score) -> Grid:
    """Open a CSV, xlsx or Parquet file, plain or within gz or zip.

    Parameters
    ----------
    path : Path
        The file.
    choice : Choice
        What was stated.
    score : callable
        Tells how many wanted columns a row holds: it decides between delimiters, encodings and sheets.

    Raises
    ------
    InputError
        Missing, empty, truncated, foreign or undecidable files.
    """
    open_input(path)
    data, name, notes = _unpack(path.read_bytes(), path.name, choice.member)
    if data[:4] == b"PAR1":
        return _parquet(data, name, notes)
    if data[:4] == b"PK\x03\x04":
        return _workbook(data, name, notes, choice, score)
    return _delimited(data, name, notes, choice, score)


def _unpack(data: bytes, name: str, member: str | None) -> tuple[bytes, str, list[str]]:
    notes: list[str] = []
    for _ in range(3):  # a zip in a gz in a zip is as deep as it goes
        if data[:2] == b"\x1f\x8b":
            try:
                data = gzip.decompress(data)
            except DAMAGED_ARCHIVE as error:
                raise InputError("the compressed file is damaged", where=name, hint="it may be truncated") from error
        elif data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            inside = _member(data, name, member)
            if inside is None:
                break
            data, name = inside[0], f"{name}/{inside[1]}"
            notes.append(f"read {inside[1]} from the archive")
        else:
            break
        if not data.strip():
            raise InputError("the file is empty", where=name, found="0 bytes")
    return data, name, notes


def _member(data: bytes, name: str, member: str | None) -> tuple[bytes, str] | None:
    """Return a file of a zip archive; None for a workbook, which is a zip archive too."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [i.filename for i in archive.infolist() if not i.is_dir()]
            if "xl/workbook.xml" in files or "[Content_Types].xml" in files:
                return None
            files = [f for f in files if not f.startswith("__MACOSX/") and not Path(f).name.startswith(".")]
            if member is not None and member not in files:
                raise InputError("the archive has no such file", where=name, found=", ".join(files), need=member)
            if member is None and len(files) != 1:
                raise InputError(
                    "the archive does not hold exactly one table",
                    where=name,
                    found=", ".join(files) or "nothing",
                    hint="state member",
                )
            chosen = member or files[0]
            return archive.read(chosen), chosen
    except InputError:
        raise
    except DAMAGED_ARCHIVE as error:
        locked = isinstance(error, RuntimeError) and "password" in str(error)
        raise InputError(
            "the archive is protected by a password" if locked else "the file is damaged",
            where=name,
            hint="" if locked else "it may be truncated",
        ) from error


# ---- text ----------------------------------------------------------------------------------------------------------


def _delimited(data: bytes, name: str, notes: list[str], choice: Choice, score: Score) -> Grid:
    for magic, what, hint in _FOREIGN:
        if data.startswith(magic):
            raise InputError("this is no table", where=name, found=what, hint=hint)
    text = _decode(data, name, notes, choice, score)
    if not text.strip():
        raise InputError("the file is empty", where=name, found="only blank space")
    if text.lstrip()[:200].lower().startswith(("<html", "<!doctype", "<?xml")):
        raise InputError(
            "this is no table",
            where=name,
            found="a web page or XML",
            hint="open it in a spreadsheet and save it as xlsx or CSV",
        )
    delimiter = choice.delimiter or _sniff(text, score, notes, choice.decimal)
    rows = _rows(text, delimiter, name)
    head = [row for _, row in zip(range(HEAD), rows, strict=False)]
    return Grid(head, rows, name, notes)


def _decode(data: bytes, name: str, notes: list[str], choice: Choice, score: Score) -> str:
    stated = choice.encoding
    mark = next((codec for bom, codec in _BOMS if data.startswith(bom)), None)
    if (
        mark is None
        and b"\x00" in data[:65536]
        and not (stated or "").lower().startswith(("utf-16", "utf_16", "utf16"))
    ):
        raise InputError(
            "this is no text",
            where=name,
            found="binary content",
            need="CSV, xlsx or Parquet",
            hint="UTF-16 without a mark needs encoding",
        )
    codec = stated or mark
    if stated and mark and stated.lower().replace("-", "").replace("_", "") in ("utf8", "utf16", "utf8sig"):
        codec = mark
    if codec is not None:
        try:
            text = data.decode(codec)
        except (UnicodeDecodeError, LookupError) as error:
            raise InputError(
                "the text cannot be decoded",
                where=name,
                found=_bad_byte(data, error),
                need=codec,
                hint="state another encoding, or the file may be truncated",
            ) from error
        if mark:
            notes.append(f"read as {mark.removesuffix('-sig').upper()} with a byte-order mark")
        return text
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _legacy(data, name, notes, choice, score, error)


def _bad_byte(data: bytes, error: Exception) -> str:
    if not isinstance(error, UnicodeDecodeError):
        return "an unknown encoding"
    return f"byte 0x{data[error.start]:02X} in line {data.count(10, 0, error.start) + 1}"


def _legacy(data: bytes, name: str, notes: list[str], choice: Choice, score: Score, why: UnicodeDecodeError) -> str:
    """Tell GB 18030 (with GBK and GB 2312 in it) from Windows-1252 by the wanted headers, then by the characters."""
    found: list[tuple[int, str, str]] = []
    for codec in ("gb18030", "cp1252"):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        best = max((score([row for _, row in _head(text, d)]) for d in DELIMITERS), default=0)
        found.append((best, codec, text))
    if len(found) == 2 and found[0][0] == found[1][0]:
        # both could be: Chinese text is mostly of GB 2312, Western text read as Chinese hardly ever
        strange = [c for c in found[0][2][:20000] if ord(c) > 127]
        common = sum(_is_gb2312(c) for c in strange)
        if 2 * common < len(strange):
            raise InputError(
                "the encoding of the text cannot be told",
                where=name,
                found=_bad_byte(data, why),
                need="UTF-8, or encoding in the configuration",
            )
    if not found:
        raise InputError(
            "the text cannot be decoded",
            where=name,
            found=_bad_byte(data, why),
            need="UTF-8, or encoding in the configuration",
        )
    _, codec, text = max(found, key=lambda f: f[0])
    notes.append(f"the text is not UTF-8 and was read as {codec.upper()}")
    return text


def _is_gb2312(character: str) -> bool:
    try:
        return bool(character.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def _head(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(text[:65536].splitlines()[:HEAD], delimiter=delimiter)
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error:
        return []


def _sniff(text: str, score: Score, notes: list[str], decimal: str) -> str:
    best, chosen = (-1, -1), ","
    for delimiter in DELIMITERS:
        rows = [row for _, row in _head(text, delimiter) if row]
        widths = [len(row) for row in rows if len(row) > 1]
        alike = max((widths.count(w) for w in set(widths)), default=0)
        # with a decimal comma, commas in the body cut numbers: let the other delimiters win
        rank = (score(rows), alike if delimiter != decimal else min(alike, 0))
        if rank > best:
            best, chosen = rank, delimiter
    if chosen != ",":
        notes.append(f"columns are separated by {_NAMES[chosen]}")
    return chosen


def _rows(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        cut = "end of data" in str(error)
        raise InputError(
            "a quoted field is not closed" if cut else "a quoted field is not well formed",
            where=f"{name}, row {line}",
            hint="the file may be truncated" if cut else "",
        ) from error


# ---- workbooks and Parquet -----------------------------------------------------------------------------------------


def _workbook(data: bytes, name: str, notes: list[str], choice: Choice, score: Score) -> Grid:
    import warnings

    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions, which do not touch the values
        try:
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            sheets = {ws.title: ws for ws in book.worksheets}
            title = _sheet(sheets, choice.sheet, score, name, notes)
            grid = [(n, row) for n, row in _sheet_rows(sheets[title]) if row]
            epoch = 1904 if book.epoch.year == 1904 else 1900
        except InputError:
            raise
        except Exception as error:  # openpyxl raises whatever its parts raise
            raise InputError(
                "the workbook cannot be read", where=name, hint="it may be truncated or not xlsx"
            ) from error
    if not grid:
        raise InputError("the sheet is empty", where=f"{name}, sheet '{title}'")
    if epoch == 1904:
        notes.append("the workbook counts days from 1904")
    label = name if len(sheets) == 1 else f"{name}, sheet '{title}'"
    return Grid(grid[:HEAD], iter(grid[HEAD:]), label, notes, epoch, text=False)


def _sheet(sheets: dict[str, Any], stated: str | int | None, score: Score, name: str, notes: list[str]) -> str:
    titles = list(sheets)
    if isinstance(stated, int) and 0 <= stated < len(titles):
        return titles[stated]
    if stated is not None:
        if stated not in sheets:
            raise InputError("the workbook has no such sheet", where=name, found=", ".join(titles), need=f"'{stated}'")
        return str(stated)
    if len(titles) == 1:
        return titles[0]
    scores = {t: score([row for _, (_, row) in zip(range(HEAD), _sheet_rows(sheets[t]), strict=False)]) for t in titles}
    best = [t for t in titles if scores[t] == max(scores.values())]
    if len(best) > 1 and max(scores.values()) > 0:
        raise InputError(
            "several sheets hold the wanted columns", where=name, found=", ".join(best), hint="state sheet"
        )
    notes.append(f"read sheet '{best[0]}' of {len(titles)}")
    return best[0]


def _sheet_rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    sheet.reset_dimensions()  # some programs write a wrong size into the file
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        row = [_cell(cell) for cell in cells]
        while row and row[-1] is None:
            row.pop()
        yield number, row


def _cell(cell: Any) -> Any:
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool) and "%" in str(cell.number_format):
        return Percent(float(value) * 100.0)
    return value


def _parquet(data: bytes, name: str, notes: list[str]) -> Grid:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise InputError(
            "Parquet files need pyarrow, which is not installed",
            where=name,
            hint="pip install 'ghg-toolkit[parquet]', or give the table as CSV",
        ) from error
    try:
        table = parquet.read_table(io.BytesIO(data))
    except Exception as error:  # pyarrow has a family of its own
        raise InputError("the Parquet file cannot be read", where=name, hint="it may be truncated") from error
    columns = [column.to_pylist() for column in table.columns]
    rows = ((n, list(row)) for n, row in enumerate(zip(*columns, strict=True), start=1))
    return Grid([(0, list(table.column_names))], rows, name, notes, text=False)
