"""Records of US EPA bulk files, in columns, before they become a Dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sensors.readers.scratch import Scratch

__all__ = ["MONTHS", "Rows", "Stored"]

MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12}


@dataclass
class Rows:
    """Records of one or more files.

    Parameters
    ----------
    kind : {"hourly", "daily", "monthly", "quarterly", "annual"}
    labels : list of str
        Different sources.
    source : int32 (n,)
        Index into `labels`.
    period : int32 (n,)
        Local hours since 1970-01-01T00 (hourly), days (daily) or months (others).
    values : dict of str to float64 (n,)
        co2 [kg], heat_input [J], operating_time [h], gross_load [W or J], steam_load [kg s-1 or kg].
    flag : signed integers (n,), words : list of str
        Measure indicator of CO2; empty list when the file has none.
    file : signed integers (n,), files : list of str
        Where each record stands.
    about : dict of str to (name, state, facility, unit)
        What is known of each source.
    """

    kind: str
    labels: list[str]
    source: npt.NDArray[np.signedinteger]
    period: npt.NDArray[np.signedinteger]
    values: dict[str, npt.NDArray[np.float64]]
    flag: npt.NDArray[np.signedinteger]
    words: list[str]
    file: npt.NDArray[np.signedinteger]
    files: list[str]
    about: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)


class Stored:
    """Records of all blocks and files, put aside until their sources are asked for.

    Parameters
    ----------
    folder : Path, optional
        See :class:`sensors.readers.scratch.Scratch`.

    Attributes
    ----------
    kinds, files : dict
        As keys, in order of appearance.
    shown : set of str
        Columns in which any record has a value.
    used : set of int
        Indices of the words that any record has; -1 where a file has no such column.
    labels : list of str
        Sources, after :meth:`settle`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._scratch = Scratch(folder)
        self._codes: dict[str, int] = {}
        self._words: dict[str, int] = {}
        self.kinds: dict[str, None] = {}
        self.files: dict[str, int] = {}
        self.values: dict[str, None] = {}
        self.shown: set[str] = set()
        self.used: set[int] = set()
        self.labels: list[str] = []
        self.about: dict[str, tuple[str, str, str, str]] = {}

    def add(self, part: Rows) -> None:
        """Put the records of a block aside."""
        self.kinds.setdefault(part.kind)
        self.values |= dict.fromkeys(part.values)
        self.shown |= {key for key, column in part.values.items()
                       if key not in self.shown and not np.isnan(column).all()}  # fmt: skip
        spot = np.array([*(self._words.setdefault(w, len(self._words)) for w in part.words), -1], np.int16)
        flag = spot[part.flag]  # -1 stays -1
        self.used |= set(np.unique(flag).tolist())
        here = np.zeros(len(part.labels), bool)
        here[part.source] = True
        codes = [self._codes.setdefault(label, len(self._codes)) if use else -1
                 for label, use in zip(part.labels, here, strict=True)]  # fmt: skip
        file = np.full(flag.size, self.files.setdefault(part.files[0], len(self.files)), np.int32)
        columns = {**part.values, "flag": flag, "file": file}
        self._scratch.add(np.array(codes, np.int32)[part.source], part.period, columns)

    def settle(self, labels: Sequence[str], about: dict[str, tuple[str, str, str, str]]) -> Stored:
        """Give the sources their order; those without a record are left out."""
        self.labels = [label for label in labels if label in self._codes]
        self.about = {label: about[label] for label in self.labels}
        return self

    @property
    def kind(self) -> str:
        """What the periods are."""
        return next(iter(self.kinds))

    @property
    def words(self) -> list[str]:
        """Measure indicators, in order of appearance."""
        return list(self._words)

    def summary(self) -> tuple[Any, Any, Any]:
        """Return number, first and last period of the records of each source."""
        order = [self._codes[label] for label in self.labels]
        count, low, high = self._scratch.summary(len(self._codes))
        return count[order], low[order], high[order]

    def rows(self, first: int, last: int) -> Rows:
        """Return the records of the sources from `first` to before `last`."""
        labels = self.labels[first:last]
        source, columns = self._scratch.take([self._codes[label] for label in labels])
        period, flag, file = columns.pop("time"), columns.pop("flag"), columns.pop("file")
        values = {key: columns[key] for key in self.values}
        about = {label: self.about[label] for label in labels}
        return Rows(self.kind, labels, source, period, values, flag, self.words, file, list(self.files), about)

    def different(self, own: slice) -> int:
        """Return the number of different periods that the records of each of some sources have, all together."""
        return self._scratch.different([self._codes[label] for label in self.labels[own]])
