"""From the bytes of a table file to a grid of cells: container, encoding, delimiter, sheet. No meaning yet.

The kind of a file is told by its first bytes, not by its name. Every choice that was not stated by the user is
written into the notes of the grid.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ghg.core._table_books import parquet, workbook
from ghg.core._table_grid import HEAD, Choice, Grid, Score
from ghg.core.errors import InputError
from ghg.core.files import open_input
from ghg.core.limits import DAMAGED_ARCHIVE

LARGE = 1 << 24  # bytes; above it, plain UTF-8 text and Parquet are read row by row and never held whole
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
    if path.stat().st_size > LARGE and (grid := _streamed(path, choice, score)) is not None:
        return grid
    data, name, notes = _unpack(path.read_bytes(), path.name, choice.member)
    if data[:4] == b"PAR1":
        return parquet(io.BytesIO(data), name, notes)
    if data[:4] == b"PK\x03\x04":
        return workbook(data, name, notes, choice, score)
    return _delimited(data, name, notes, choice, score)


def _streamed(path: Path, choice: Choice, score: Score) -> Grid | None:
    """Return a large Parquet file or plain UTF-8 text as a grid that holds a few rows; None for everything else."""
    with path.open("rb") as file:
        begin = file.read(65536)
        if begin[:4] == b"PAR1":
            return parquet(path, path.name, [])
        stated = (choice.encoding or "utf-8").lower().replace("-", "").replace("_", "")
        packed = begin.startswith((b"\x1f\x8b", b"PK", *(magic for magic, _, _ in _FOREIGN)))
        if packed or stated not in ("utf8", "utf8sig") or b"\x00" in begin or not begin.strip():
            return None
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(begin)
            while piece := file.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return None
    text = begin.decode("utf-8", "ignore")
    if text.lstrip("\ufeff \t\r\n")[:200].lower().startswith(("<html", "<!doctype", "<?xml")):
        return None
    notes = ["read as UTF-8 with a byte-order mark"] if begin.startswith(codecs.BOM_UTF8) else []
    delimiter = choice.delimiter or _sniff(text.removeprefix("\ufeff"), score, notes, choice.decimal)
    rows = _rows(path.open(encoding="utf-8-sig", newline=""), delimiter, path.name)
    return Grid([row for _, row in zip(range(HEAD), rows, strict=False)], rows, path.name, notes)


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
            files = [name for name in archive.namelist() if name and not name.endswith("/")]  # damage may leave no name
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
    rows = _rows(io.StringIO(text, newline=""), delimiter, name)
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


def _rows(text: TextIO, delimiter: str, name: str) -> Iterator[tuple[int, list[Any]]]:
    with text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
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
