"""Workbooks, opened so that a damaged one asks for no billions of rows and says nothing on the terminal."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from ghg.core.errors import InputError

__all__ = ["open_book", "sheet_rows"]

SHEET = 1_048_576  # rows of a sheet of a workbook


def open_book(source: Path | io.BytesIO) -> Any:
    """Return a workbook of openpyxl, for reading the values of its cells.

    Parameters
    ----------
    source : Path or BytesIO
        An xlsx file.

    Raises
    ------
    Exception
        Whatever the parts of openpyxl raise over a damaged file: they have no family.
    """
    from openpyxl import load_workbook

    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # it prints what is out of range
        warnings.simplefilter("ignore")  # about styles and extensions, which do not touch the values
        return load_workbook(source, read_only=True, data_only=True)


def sheet_rows(sheet: Any, where: str, *, most: int = SHEET, values_only: bool = False) -> Iterator[Any]:
    """Return the rows of a sheet, empty ones between others too.

    Parameters
    ----------
    sheet : openpyxl worksheet, opened for reading only
    where : str
        For messages.
    most : int
        Rows the sheet may have.
    values_only : bool
        Values in the place of cells.

    Raises
    ------
    InputError
        A row has a higher number: one wrong digit of it would ask for billions of empty ones.
    """
    sheet.reset_dimensions()  # some programs write a wrong size into the file
    for number, row in enumerate(sheet.iter_rows(values_only=values_only), start=1):
        if number > most:
            raise InputError("the sheet has too many rows", where=where, found=f"a row beyond {most:,}",
                             hint="the workbook may be damaged")  # fmt: skip
        yield row
