"""What a table file is before it has a meaning: a grid of cells, and what the user stated of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

HEAD = 50  # rows in which the header is looked for
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
    text : bool
        Whether all cells are text, as in CSV.
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
