"""What a stream of HJ 212 messages holds: stations, commands, factors, defects; and its values as one long table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sensors.hj212.bulk import FIELDS, Messages, unpack
from sensors.hj212.codes import COMMANDS, factors
from sensors.hj212.frame import DEFECTS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Overview", "overview", "tables"]

Key = tuple[str, int]  # station, command
_LETTER = FIELDS.index("Flag") + 1


@dataclass
class _Kind:
    """The messages of one station and command."""

    messages: int = 0
    damaged: int = 0
    first: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT"))
    last: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT"))
    codes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Overview:
    """What was found.

    Parameters
    ----------
    messages : int
    skipped : int
        Bytes between messages that belong to none.
    kinds : list of dict
        One row for each station and command: messages, damaged ones, first and last DataTime (local time of the
        station), factor codes.
    defects : dict
        How many messages have each defect, by name.
    unknown : list of str
        Factor codes whose channel and unit this toolkit does not know.
    """

    messages: int
    skipped: int
    kinds: list[dict[str, Any]]
    defects: dict[str, int]
    unknown: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the overview for JSON."""
        return {"messages": self.messages, "skipped_bytes": self.skipped, "defects": self.defects,
                "unknown_codes": self.unknown, "kinds": self.kinds}  # fmt: skip


def overview(chunks: Iterable[Messages]) -> Overview:
    """Count what the chunks of :func:`sensors.hj212.bulk.decode_stream` hold; memory does not grow with their number.

    Parameters
    ----------
    chunks : iterable of Messages
    """
    kinds: dict[Key, _Kind] = {}
    defects: Counter[str] = Counter()
    count, skipped = 0, 0
    for chunk in chunks:
        count, skipped = count + len(chunk), skipped + chunk.skipped
        defects.update(chunk.defect_counts())
        for key, own in _groups(chunk):
            _add(kinds.setdefault(key, _Kind()), chunk, own)
    rows = [_row(key, kind) for key, kind in sorted(kinds.items())]
    seen = {code for kind in kinds.values() for code in kind.codes}
    ordered = {name: defects[name] for name in DEFECTS if defects[name]}
    return Overview(count, skipped, rows, ordered, sorted(seen - set(factors())))


def _groups(chunk: Messages) -> Iterator[tuple[Key, npt.NDArray[np.int64]]]:
    pairs = np.stack([chunk.station, chunk.command], axis=1)
    kinds, which = np.unique(pairs, axis=0, return_inverse=True)
    for k, (station, command) in enumerate(kinds):
        yield (chunk.stations[station], int(command)), np.flatnonzero(which.ravel() == k)


def _add(kind: _Kind, chunk: Messages, own: npt.NDArray[np.int64]) -> None:
    kind.messages += own.size
    kind.damaged += int(np.count_nonzero(chunk.defects[own]))
    times = chunk.time[own]
    times = times[~np.isnat(times)]
    if times.size:
        kind.first = np.fmin(kind.first, times.min())
        kind.last = np.fmax(kind.last, times.max())
    codes, counts = np.unique(chunk.code[np.isin(chunk.frame, own)], return_counts=True)
    kind.codes.update({unpack(c): int(n) for c, n in zip(codes, counts, strict=True) if c})


def _row(key: Key, kind: _Kind) -> dict[str, Any]:
    station, command = key
    names = {number: name for name, number in COMMANDS.items()}
    return {"station": station, "command": command, "data": names.get(command, ""), "messages": kind.messages,
            "damaged": kind.damaged, "first": _text(kind.first), "last": _text(kind.last),
            "codes": " ".join(sorted(kind.codes))}  # fmt: skip


def _text(time: np.datetime64) -> str:
    return "" if np.isnat(time) else str(time).replace("T", " ")


def tables(chunks: Iterable[Messages]) -> Iterator[pd.DataFrame]:
    """Yield the values of each chunk as a long table.

    Parameters
    ----------
    chunks : iterable of Messages

    Yields
    ------
    DataFrame
        One row for each value: station, command, time (as written, local time of the station), code, field, value,
        flag (the letter sent with the code, empty where none came), defects of its message.
    """
    import pandas as pd

    labels = np.array(["", *FIELDS])
    for chunk in chunks:
        named = {bits: " ".join(chunk.named_defects(int(k))) for bits, k in
                 zip(*np.unique(chunk.defects, return_index=True), strict=True)}  # fmt: skip
        letters = _letters(chunk)
        rows = np.flatnonzero((chunk.field != _LETTER) & (chunk.code != 0))
        of = chunk.frame[rows]
        codes, which = np.unique(chunk.code[rows], return_inverse=True)
        yield pd.DataFrame({
            "station": np.array(chunk.stations, object)[chunk.station[of]] if len(chunk) else [],
            "command": chunk.command[of],
            "time": chunk.time[of],
            "code": np.array([unpack(c) for c in codes], object)[which.ravel()] if codes.size else [],
            "field": labels[chunk.field[rows]],
            "value": chunk.value[rows],
            "flag": [letters.get((f, c), "") for f, c in zip(of.tolist(), chunk.code[rows].tolist(), strict=True)],
            "defects": [named[bits] for bits in chunk.defects[of]],
        })  # fmt: skip


def _letters(chunk: Messages) -> dict[tuple[int, int], str]:
    rows = np.flatnonzero(chunk.field == _LETTER)
    return {
        (f, c): chr(int(v))
        for f, c, v in zip(chunk.frame[rows].tolist(), chunk.code[rows].tolist(), chunk.value[rows].tolist(),
                           strict=True)
        if v == v
    }  # fmt: skip
