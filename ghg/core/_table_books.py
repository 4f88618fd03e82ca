"""Workbooks and Parquet files as grids of cells."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ghg.core._table_grid import HEAD, Choice, Grid, Percent, Score
from ghg.core.errors import InputError
from ghg.core.workbooks import open_book, sheet_rows


def workbook(data: bytes, name: str, notes: list[str], choice: Choice, score: Score) -> Grid:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions, which do not touch the values
        try:
            book = open_book(io.BytesIO(data))
            sheets = {ws.title: ws for ws in book.worksheets}
            title = _sheet(sheets, choice.sheet, score, name, notes)
            grid = [(n, row) for n, row in _sheet_rows(sheets[title], f"{name}, sheet '{title}'") if row]
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
    scores = {
        t: score([row for _, (_, row) in zip(range(HEAD), _sheet_rows(sheets[t], name), strict=False)]) for t in titles
    }
    best = [t for t in titles if scores[t] == max(scores.values())]
    if len(best) > 1 and max(scores.values()) > 0:
        raise InputError(
            "several sheets hold the wanted columns", where=name, found=", ".join(best), hint="state sheet"
        )
    notes.append(f"read sheet '{best[0]}' of {len(titles)}")
    return best[0]


def _sheet_rows(sheet: Any, where: str) -> Iterator[tuple[int, list[Any]]]:
    for number, cells in enumerate(sheet_rows(sheet, where), start=1):
        row = [_cell(cell) for cell in cells]
        while row and row[-1] is None:
            row.pop()
        yield number, row


def _cell(cell: Any) -> Any:
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool) and "%" in str(cell.number_format):
        return Percent(float(value) * 100.0)
    return value


def parquet(source: Path | io.BytesIO, name: str, notes: list[str]) -> Grid:
    try:
        import pyarrow.parquet as library
    except ImportError as error:
        raise InputError(
            "Parquet files need pyarrow, which is not installed",
            where=name,
            hint="pip install 'ghg-toolkit[parquet]', or give the table as CSV",
        ) from error
    try:
        file = library.ParquetFile(source)
        names = list(file.schema_arrow.names)
    except Exception as error:  # pyarrow has a family of its own
        raise InputError("the Parquet file cannot be read", where=name, hint="it may be truncated") from error

    def rows() -> Iterator[tuple[int, list[Any]]]:
        number = 0
        try:
            with file:
                for batch in file.iter_batches(batch_size=1 << 14):
                    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                        number += 1
                        yield number, list(row)
        except Exception as error:
            raise InputError("the Parquet file cannot be read", where=name, hint="it may be truncated") from error

    return Grid([(0, names)], rows(), name, notes, text=False)
