"""The one door for tables: CSV, Excel and Parquet, by a map of columns, in the encodings that are met in practice.

Nothing is converted silently: how a file was read stands in ``frame.attrs["notes"]``.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.core.errors import InputError
from ghg.core.files import open_input

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_table"]

EXCEL = (".xlsx", ".xlsm")
PARQUET = (".parquet", ".pq")
# GB 18030 reads every byte sequence of GBK and GB 2312, so it stands for all three
ENCODINGS = ("utf-8-sig", "gb18030")
DELIMITERS = ",;\t|"
TITLE_ROWS = 20  # a header stands within the first rows, below titles that people put above it


def read_table(
    path: str | Path,
    columns: Mapping[str, str],
    *,
    sheet: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> pd.DataFrame:
    """Return the wanted columns of a table under their own names, values as they stand in the file.

    Parameters
    ----------
    path : str or Path
        ``.csv``, ``.txt``, the same in ``.gz`` or in a ``.zip`` with one member, ``.xlsx``, ``.parquet``.
    columns : mapping
        Name in the result -> header in the file; headers are compared without blanks around them.
    sheet : str, optional
        Sheet of a workbook; needed if it has several.
    delimiter, encoding : str, optional
        Where the file does not tell.

    Returns
    -------
    DataFrame
        Numbers of workbooks and Parquet stay numbers; CSV cells are text, empty ones NA.

    Raises
    ------
    InputError
        The file is missing, empty, a folder, unreadable or truncated, or lacks a column; all missing columns are
        named together with what the file holds.
    """
    path = open_input(path)
    suffix = path.suffixes[-1].lower() if path.suffixes else ""
    if suffix in EXCEL:
        frame, notes = _excel(path, columns, sheet)
    elif suffix in PARQUET:
        frame, notes = _parquet(path), []
    else:
        frame, notes = _text(path, columns, delimiter, encoding)
    frame = frame.rename(columns={c: str(c).strip() for c in frame.columns})
    missing = [header for header in columns.values() if header.strip() not in frame.columns]
    if missing:
        raise _missing(path, missing, [str(c) for c in frame.columns])
    result = frame[[header.strip() for header in columns.values()]].copy()
    result.columns = list(columns)
    result.attrs["notes"] = notes
    return result


def _missing(path: Path, missing: list[str], present: list[str]) -> InputError:
    near = difflib.get_close_matches(missing[0], present, n=1, cutoff=0.5)
    return InputError("columns are missing", where=path.name, found=", ".join(present[:40]), need=", ".join(missing),
                      hint=f"did you mean '{near[0]}'" if near else "name the headers as they stand in the file")  # fmt: skip


def _content(path: Path) -> bytes:
    suffix = path.suffix.lower()
    try:
        if suffix == ".gz":
            return gzip.decompress(path.read_bytes())
        if suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                members = [name for name in archive.namelist() if not name.endswith("/")]
                if len(members) != 1:
                    raise InputError(
                        "the archive does not hold exactly one file", where=path.name, found=str(len(members))
                    )
                return archive.read(members[0])
        return path.read_bytes()
    except (OSError, EOFError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise InputError("the file is truncated or not what its name says", where=path.name) from error


def _decode(content: bytes, path: Path, encoding: str | None) -> tuple[str, list[str]]:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = encoding or "utf-16"
    if encoding is None and b"\0" in content[:4096]:
        raise InputError("the file is binary and not a text table", where=path.name)
    for name in [encoding] if encoding else ENCODINGS:
        try:
            text = content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        notes = [] if name == "utf-8-sig" and content[:3] != b"\xef\xbb\xbf" else [f"{path.name}: read as {name}"]
        return text, notes
    raise InputError("the encoding of the file is not known", where=path.name, need=encoding or "UTF-8 or GB 18030",
                     hint="state encoding")  # fmt: skip


def _text(
    path: Path, columns: Mapping[str, str], delimiter: str | None, encoding: str | None
) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd

    text, notes = _decode(_content(path), path, encoding)
    if not text.strip():
        raise InputError("the file is empty", where=path.name)
    lines = text.splitlines()[:TITLE_ROWS]
    wanted = {header.strip() for header in columns.values()}
    delimiter = delimiter or max(
        DELIMITERS, key=lambda d: max(len(next(csv.reader([line], delimiter=d))) for line in lines)
    )
    header = _header([next(csv.reader([line], delimiter=delimiter), []) for line in lines], wanted)
    if header:
        notes.append(f"{path.name}: header found in row {header + 1}")
    try:
        frame = pd.read_csv(io.StringIO(text), sep=delimiter, skiprows=header, dtype="string", skip_blank_lines=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise InputError("the table cannot be read", where=path.name, found=str(error).strip()) from error
    return frame.dropna(how="all"), notes


def _header(rows: list[list[Any]], wanted: set[str]) -> int:
    """Return the index of the row that holds most of the wanted headers; the first row if none does."""
    hits = [len(wanted & {str(cell).strip() for cell in row}) for row in rows]
    return hits.index(max(hits)) if hits and max(hits) > 0 else 0


def _excel(path: Path, columns: Mapping[str, str], sheet: str | None) -> tuple[pd.DataFrame, list[str]]:
    import pandas as pd

    try:
        book = pd.ExcelFile(path)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError("the workbook cannot be read", where=path.name, hint="is it truncated?") from error
    with book:
        names = [str(name) for name in book.sheet_names]
        if sheet is None and len(names) > 1:
            raise InputError("the workbook has several sheets", where=path.name, found=", ".join(names), need="sheet")
        if sheet is not None and sheet not in names:
            raise InputError("the workbook lacks the sheet", where=path.name, found=", ".join(names), need=sheet)
        name = sheet or names[0]
        top = pd.read_excel(book, sheet_name=name, header=None, nrows=TITLE_ROWS)
        if top.empty:
            raise InputError("the sheet is empty", where=f"{path.name}, {name}")
        header = _header(top.to_numpy().tolist(), {h.strip() for h in columns.values()})
        frame = pd.read_excel(book, sheet_name=name, header=header)
    return frame.dropna(how="all"), [f"{path.name}: header found in row {header + 1}"] if header else []


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise InputError("Parquet needs another package", where=path.name,
                         hint="install ghg-toolkit[parquet]") from error  # fmt: skip
    except Exception as error:  # the engines raise errors of their own for damaged files
        raise InputError("the Parquet file cannot be read", where=path.name, hint="is it truncated?") from error
