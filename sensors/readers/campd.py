"""US EPA Clean Air Markets bulk files (CAMPD, before it AMPD): hourly, daily, monthly, quarterly, annual.

Both header generations are read, ``CO2_MASS (tons)`` with ``ORISPL_CODE`` and ``CO2 Mass (short tons)`` with
``Facility ID``; the kind of file is told from its header. Hours are local standard time all year.

Notes
-----
``CO2 Mass`` and ``Heat Input`` of an hour are mass and energy in that hour already; the loads of an hour are
rates while the unit ran and are multiplied by the operating time. Tons are short tons (2000 lb).
A blank CO2 in an hour with zero operating time is zero; in a running hour it is missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.pieces import WHOLE, Cut, Pieces
from sensors.config import CampdReader
from sensors.readers.blocks import Block, read_blocks
from sensors.readers.campd_headers import NUMBERS, TEXTS, kind_of, read_header, unit_factor
from sensors.readers.campd_rows import Rows, Stored
from sensors.readers.delimited import Columns, parse_delimited
from sensors.readers.files import expand

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read", "read_pieces", "read_rows"]

_DATE = re.compile(r"^(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[-/](\d{1,2})[-/](\d{4}|\d{2}))$")
_EPOCH = date(1970, 1, 1).toordinal()


def read(config: CampdReader, *, base: Path | None = None) -> xr.Dataset:
    """Read CAMPD bulk files into a MEASURED Dataset.

    Parameters
    ----------
    config : CampdReader
        Files, filters, time zone and uncertainties.
    base : Path, optional
        Folder to which relative paths belong.

    Returns
    -------
    Dataset
        dims (source, time): ``emission`` [kg s-1] with random and systematic parts, flags, reasons and
        methods, ``heat_input`` [W, gross], ``operating_time``, ``gross_load`` [W], ``steam_load`` [kg s-1].
        Sources are ``<facility>-<unit>``, or ``<facility>`` in files of whole facilities.

    Raises
    ------
    InputError
        Unreadable files, missing columns, unreadable dates, contradicting records of one hour, nothing left.
    """
    return read_pieces(config, base=base).only()


def read_pieces(config: CampdReader, *, base: Path | None = None, cut: Cut = WHOLE) -> Pieces:
    """Read the Dataset of :func:`read` in pieces, each of whole sources."""
    from sensors.readers.campd_dataset import pieces

    paths = expand(config.files, base, endings=(".csv", ".csv.gz", ".zip"))
    return pieces(read_rows(paths, config, cut.folder), config, cut.cells)


def read_rows(paths: Sequence[Path], config: CampdReader, folder: Path | None = None) -> Stored:
    """Read and join the records of several files, filtered by facility, unit and period."""
    stored = Stored(folder)
    texts: dict[tuple[Path, str], _Text] = {}
    for path in paths:
        for block in read_blocks(path):
            part = _read_block(block, config, texts.setdefault((path, block.where), _Text()))
            if part is not None:
                stored.add(part)
    empty = [where for (_, where), text in texts.items() if not text.records]
    if empty:
        raise InputError("the file holds no record", where=empty[0])
    kinds = sorted(stored.kinds)
    if not kinds:
        raise InputError(
            "no record is left after filtering",
            where=", ".join(p.name for p in paths[:5]),
            found=_wanted(config),
            hint="check facility, unit and period",
        )
    if len(kinds) > 1:
        raise InputError(
            "files of different kinds are mixed",
            found=", ".join(kinds),
            need="one kind",
            hint="read them as separate jobs",
        )
    labels = dict.fromkeys(label for text in texts.values() for label in text.labels())
    return stored.settle(list(labels), {k: v for text in texts.values() for k, v in text.about.items()})


@dataclass
class _Text:
    """What was seen of a text in the blocks before: the result is the same for blocks of any size.

    Parameters
    ----------
    records : int
    facility, unit : dict
        Words in order of appearance, and their place in it.
    about : dict
        Label of a source -> what its first record tells of it.
    """

    records: int = 0
    facility: dict[str, int] = field(default_factory=dict)
    unit: dict[str, int] = field(default_factory=dict)
    about: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)

    def labels(self) -> list[str]:
        """Return the sources by their facility, then their unit, in order of appearance."""
        return sorted(self.about, key=lambda x: (self.facility[self.about[x][2]], self.unit[self.about[x][3]]))


def _wanted(config: CampdReader) -> str:
    parts = [
        f"{name} {', '.join(map(str, value))}"
        for name, value in (("facility", config.facility), ("unit", config.unit), ("period", config.period))
        if value
    ]
    return "; ".join(parts) or "empty files"


_NEEDED_UNITS = {
    "hourly": {"co2": "kg", "heat_input": "J", "gross_load": "W", "steam_load": "kg"},
    "other": {"co2": "kg", "heat_input": "J", "gross_load": "J", "steam_load": "kg"},
}


def _read_block(block: Block, config: CampdReader, text: _Text) -> Rows | None:
    where = block.where
    headers, units = read_header(block.text, where)
    kind = kind_of(headers)
    numbers = [headers[n] for n in NUMBERS if n in headers]
    texts = [headers[n] for n in TEXTS if n in headers]
    table = parse_delimited(block.text, numbers=numbers, texts=texts, where=where, lines=block.lines)
    if table.rows == 0:
        return None
    labels, source, about = _sources(table, headers, where)
    period = _periods(table, headers, kind, where, text.records)
    text.records += table.rows
    for key, seen in (("facility", text.facility), ("unit", text.unit)):
        for word in table.texts[headers[key]] if key in headers else [""]:
            seen.setdefault(word, len(seen))
    text.about = about | text.about
    keep: Any = _keep(labels, about, source, period, kind, config)
    if not keep.any():
        return None
    keep = slice(None) if keep.all() else keep
    values = {}
    for key, need in _NEEDED_UNITS["hourly" if kind == "hourly" else "other"].items():
        if key in headers:
            values[key] = table.numbers[headers[key]][keep] * unit_factor(key, units[key], need, where, headers[key])
    if "operating_time" in headers:
        values["operating_time"] = table.numbers[headers["operating_time"]][keep]
    source, period = source[keep].astype(np.int32), period[keep].astype(np.int32)
    words = table.texts[headers["flag"]] if "flag" in headers else []
    flag = table.codes[headers["flag"]][keep] if "flag" in headers else np.full(source.size, -1)
    if kind == "hourly":  # a rate per hour while the unit ran, in an hour of 3600 s
        if "steam_load" in values:
            values["steam_load"] = values["steam_load"] / 3600.0
        ran = values.get("operating_time", np.float64(1.0))
        for key in {"gross_load", "steam_load"} & set(values):
            values[key] = values[key] * ran
    return Rows(kind, labels, source, period, values, flag.astype(_small(len(words))), words,
                np.zeros(1, np.int8), [where], about)  # fmt: skip


def _small(count: int) -> Any:
    """Return the smallest signed type that holds indices below `count`, and -1: there may be many millions of them."""
    return np.min_scalar_type(-max(count, 1))


def _sources(
    table: Columns, headers: dict[str, str], where: str
) -> tuple[list[str], npt.NDArray[np.int64], dict[str, tuple[str, str, str, str]]]:
    """Return labels, the index of each row into them, and what is known of each source."""
    facility = table.codes[headers["facility"]].astype(np.int64)
    unit_words = table.texts[headers["unit"]] if "unit" in headers else [""]
    unit = table.codes[headers["unit"]].astype(np.int64) if "unit" in headers else np.zeros_like(facility)
    pairs, first, source = np.unique(facility * len(unit_words) + unit, return_index=True, return_inverse=True)
    labels, about = [], {}
    for pair, row in zip(pairs.tolist(), first.tolist(), strict=True):
        code = table.texts[headers["facility"]][pair // len(unit_words)]
        if not code:
            raise InputError("a record has no facility code", where=where)
        piece = unit_words[pair % len(unit_words)]
        name, state = (
            table.texts[headers[k]][table.codes[headers[k]][row]] if k in headers else "" for k in ("name", "state")
        )
        labels.append(f"{code}-{piece}" if piece else code)
        about[labels[-1]] = (name, state, code, piece)
    return labels, source.astype(np.int64), about


def _day(text: str, where: str) -> int:
    """Return days since 1970-01-01 of mm-dd-yyyy, m/d/yy, m/d/yyyy or yyyy-mm-dd."""
    match = _DATE.match(text)
    try:
        if match is None:
            raise ValueError
        year, month, day = (int(match[k]) for k in ((1, 2, 3) if match[1] else (6, 4, 5)))
        # two digits: the programme began in 1990, so 70-99 are of the last century
        year += (1900 if year >= 70 else 2000) if not match[1] and len(match[6]) == 2 else 0
        if not 1970 <= year <= 2200:
            raise ValueError
        return date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        raise InputError(
            "a date cannot be read",
            where=where,
            found=f"'{text}'",
            need="mm-dd-yyyy, m/d/yy, m/d/yyyy or yyyy-mm-dd",
        ) from None


def _integers(table: Columns, header: str, low: int, high: int, where: str) -> npt.NDArray[np.int64]:
    values = []
    for text in table.texts[header]:
        if not (text.isascii() and text.isdigit() and len(text) < 10) or not low <= int(text) <= high:
            raise InputError(
                f"column '{header}' is out of range", where=where, found=f"'{text}'", need=f"{low} to {high}"
            )
        values.append(int(text))
    return np.array(values, np.int64)[table.codes[header]]


def _periods(table: Columns, headers: dict[str, str], kind: str, where: str, before: int) -> npt.NDArray[np.int64]:
    if kind in ("hourly", "daily"):
        header = headers["date"]
        day = np.array([_day(text, where) for text in table.texts[header]], np.int64)[table.codes[header]]
        if kind == "daily":
            return day
        hour = table.numbers[headers["hour"]]
        wrong = ~((hour >= 0) & (hour <= 23) & (hour == np.floor(hour)))
        if wrong.any():
            raise InputError(
                f"column '{headers['hour']}' is out of range",
                where=f"{where}, record {before + int(np.argmax(wrong)) + 1}",
                found=str(hour[np.argmax(wrong)]),
                need="0 to 23",
            )
        return day * 24 + hour.astype(np.int64)
    months = 12 * (_integers(table, headers["year"], 1970, 2200, where) - 1970)
    if kind == "monthly":
        months = months + _integers(table, headers["month"], 1, 12, where) - 1
    elif kind == "quarterly":
        months = months + 3 * (_integers(table, headers["quarter"], 1, 4, where) - 1)
    return months


def _keep(
    labels: list[str],
    about: dict[str, tuple[str, str, str, str]],
    source: Any,
    period: Any,
    kind: str,
    config: CampdReader,
) -> npt.NDArray[np.bool_]:
    wanted = np.array(
        [
            (not config.facility or about[label][2] in config.facility)
            and (not config.unit or about[label][3] in config.unit)
            for label in labels
        ]
    )
    keep = wanted[source]
    if config.period is not None:
        first, last = (np.datetime64(d) for d in config.period)
        unit = {"hourly": "h", "daily": "D"}.get(kind, "M")
        starts = period.astype(f"datetime64[{unit}]")
        keep &= (starts >= first) & (starts < last)
    return keep
