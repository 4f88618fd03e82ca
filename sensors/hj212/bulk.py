"""Many messages at once: from bytes to columns of values, as fast as the machine moves them.

What :mod:`sensors.hj212.frame` does for one message, this does for files and streams of any length; the tests hold
the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.jit import spread
from sensors.hj212 import _kernels
from sensors.hj212.frame import DEFECTS, LONGEST, crc_table
from sensors.hj212.stream import PATIENCE

__all__ = ["FIELDS", "Messages", "decode_all", "decode_stream"]

FIELDS = ("Rtd", "Min", "Avg", "Max", "Cou", "ZsRtd", "ZsMin", "ZsAvg", "ZsMax", "Flag")
CHUNK = 16 * 2**20  # bytes decoded at a time: the columns of a chunk stay below 100 MB
_SHORTEST = 6  # bytes a beginning takes, for the number of messages a chunk can have
_FATAL = sum(1 << i for i, name in enumerate(DEFECTS) if name not in ("no_end", "field", "value", "time"))


def _packed(text: str) -> int:
    return int.from_bytes(text.encode("ascii"), "little")


_KEYS = np.array([_packed(k) for k in ("MN", "CN", "ST", "PW", "QN", "Flag", "PNUM", "PNO", "DataTime")], np.uint64)
_FIELDS = np.array([_packed(f.lower()) for f in FIELDS], np.uint64)
_POWERS = np.array([float(f"1e{k}") for k in range(23)])
_STEPS = np.array(crc_table(), np.uint16)


@dataclass(frozen=True)
class Messages:
    """The messages of one chunk, in columns.

    Parameters
    ----------
    command, system, flag : int64 (m,)
        CN, ST and Flag of each message.
    packet : int64 (m, 2)
        PNUM and PNO.
    qn : int64 (m,)
        QN as a number, -1 if it is none.
    time : datetime64[s] (m,)
        DataTime as written (local time of the station), NaT if there is none.
    station : int64 (m,)
        Index into `stations`.
    stations : list of str
        MN.
    defects : int64 (m,)
        Bits in the order of :data:`sensors.hj212.frame.DEFECTS`.
    place : int64 (m,)
        First byte of each message in the stream.
    frame : int32 (v,)
        Message of each value.
    code : uint64 (v,)
        Factor code, packed; see :func:`unpack`.
    field : uint8 (v,)
        1 + place in `FIELDS`, 0 for others.
    value : float64 (v,)
        NaN where it is no number; for ``Flag`` the letter's number.
    skipped : int
        Bytes between messages that belong to none.
    """

    command: npt.NDArray[np.int64]
    system: npt.NDArray[np.int64]
    flag: npt.NDArray[np.int64]
    packet: npt.NDArray[np.int64]
    qn: npt.NDArray[np.int64]
    time: npt.NDArray[np.datetime64]
    station: npt.NDArray[np.int64]
    stations: list[str]
    defects: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    frame: npt.NDArray[np.int32]
    code: npt.NDArray[np.uint64]
    field: npt.NDArray[np.uint8]
    value: npt.NDArray[np.float64]
    skipped: int = 0

    def __len__(self) -> int:
        return self.command.size

    def named_defects(self, message: int) -> tuple[str, ...]:
        """Return the names of the defects of one message."""
        return tuple(name for i, name in enumerate(DEFECTS) if self.defects[message] >> i & 1)

    def defect_counts(self) -> dict[str, int]:
        """Return how many messages have each defect, those that occur."""
        counts = {name: int(np.count_nonzero(self.defects >> i & 1)) for i, name in enumerate(DEFECTS)}
        return {name: count for name, count in counts.items() if count}


def unpack(code: int) -> str:
    """Return the text of a packed factor code."""
    return int(code).to_bytes(8, "little").rstrip(b"\0").decode("latin-1")


def pack(code: str) -> int:
    """Return a factor code as the number in the column `code`."""
    return _packed(code)


def decode_all(data: bytes | npt.NDArray[np.uint8], *, strict: bool = False) -> Messages:
    """Return the messages in `data`.

    Parameters
    ----------
    data : bytes or uint8 array
        A stream of messages; what lies between them is skipped and counted.
    strict : bool
        Refuse the first message that the standard refuses.

    Raises
    ------
    InputError
        In strict mode: a message with a defect, with its place in the stream.
    """
    messages, _ = _decode(np.frombuffer(data, np.uint8), last=True, strict=strict, before=0)
    return messages


def decode_stream(
    source: BinaryIO | Iterable[bytes], *, strict: bool = False, chunk: int = CHUNK
) -> Iterator[Messages]:
    """Yield the messages of a file, pipe or sequence of bytes, chunk by chunk; memory does not grow with its length.

    Parameters
    ----------
    source : binary file or iterable of bytes
    strict : bool
        As for :func:`decode_all`.
    chunk : int
        Bytes read at a time from a file.
    """
    rest, before = b"", 0
    reader = getattr(source, "read", None)
    pieces: Iterable[bytes] = iter(lambda: reader(chunk), b"") if reader is not None else source  # type: ignore[assignment]
    for piece in pieces:
        data = np.frombuffer(rest + piece, np.uint8)
        messages, used = _decode(data, last=False, strict=strict, before=before)
        rest, before = data[used:].tobytes(), before + used
        if len(messages) or messages.skipped:
            yield messages
    messages, _ = _decode(np.frombuffer(rest, np.uint8), last=True, strict=strict, before=before)
    if len(messages) or messages.skipped:
        yield messages


class _Columns:
    """The columns of values, not yet filled."""

    def __init__(self, count: int) -> None:
        self.frame = np.empty(count, np.int32)
        self.code = np.empty(count, np.uint64)
        self.kind = np.empty(count, np.uint8)
        self.value = np.empty(count)
        self.place = np.empty(count, np.int64)

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        """Leave out the rows that were not filled."""
        for name, column in vars(self).items():
            setattr(self, name, column[rows])


def _decode(data: npt.NDArray[np.uint8], *, last: bool, strict: bool, before: int) -> tuple[Messages, int]:
    starts, ends = (np.empty(data.size // _SHORTEST + 1 if data.size else 0, np.int64) for _ in range(2))
    count, used, skipped = _kernels.find_messages(data, last, PATIENCE, starts, ends)
    starts, ends = starts[:count], ends[:count]
    segments, defects, counts = np.empty((count, 3), np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64)
    spread(_kernels.check_messages, count, data, starts, ends, _STEPS, LONGEST, segments, defects, counts, least=64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    columns = _Columns(int(offsets[-1]))
    heads = np.empty((count, _kernels.HEADS), np.int64)
    room = counts.copy()
    spread(_kernels.read_messages, count, data, segments, offsets[:-1], _KEYS, _FIELDS, _POWERS, heads, defects, counts,
           columns.frame, columns.code, columns.kind, columns.value, columns.place, least=64)  # fmt: skip
    if np.any(room != counts):  # fields without name: close the holes
        columns.keep(np.arange(offsets[-1]) - np.repeat(offsets[:-1], room) < np.repeat(counts, room))
    _by_python(data, columns, segments[:, 2], defects)
    if strict and np.any(defects & _FATAL):
        _refuse(data, starts, ends, defects, before)
    return _messages(data, heads, defects, starts + before, columns, skipped), used


def _by_python(data: npt.NDArray[np.uint8], columns: _Columns, ends: npt.NDArray[np.int64],
               defects: npt.NDArray[np.int64]) -> None:  # fmt: skip
    """Read the values that the kernel left: more digits than it takes, or no number at all."""
    bit = 1 << list(DEFECTS).index("value")
    for row in np.flatnonzero(columns.kind >= 100):
        columns.kind[row] -= 100
        end = ends[columns.frame[row]]
        text = data[columns.place[row] : min(end, columns.place[row] + 64)].tobytes()
        text = text.split(b",", 1)[0].split(b";", 1)[0]
        try:
            columns.value[row] = float(text) if text.isascii() and b"_" not in text else np.nan
        except ValueError:
            columns.value[row] = np.nan
        if not np.isfinite(columns.value[row]):
            columns.value[row] = np.nan
            # fields that are not numbers by design (serial numbers, logs) are no defect
            if columns.kind[row]:
                defects[columns.frame[row]] |= bit


def _refuse(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64],
            defects: npt.NDArray[np.int64], before: int) -> None:  # fmt: skip
    from sensors.hj212.frame import decode

    first = int(np.argmax(defects & _FATAL != 0))
    where = f"message at byte {before + int(starts[first])}"
    try:
        decode(data[starts[first] : ends[first]].tobytes())
    except InputError as error:
        raise InputError(error.what, where=where, found=error.found, need=error.need,
                         hint="read it without strict to keep what is sound") from None  # fmt: skip
    raise InputError("the message is not as the standard wants it", where=where)


def _messages(data: npt.NDArray[np.uint8], heads: npt.NDArray[np.int64], defects: npt.NDArray[np.int64],
              place: npt.NDArray[np.int64], columns: _Columns, skipped: int) -> Messages:  # fmt: skip
    _, first, station = np.unique(heads[:, _kernels.MN_HASH], return_index=True, return_inverse=True)
    stations = [
        data[heads[k, _kernels.MN_START] : heads[k, _kernels.MN_START] + heads[k, _kernels.MN_LENGTH]]
        .tobytes()
        .decode("gb18030", "replace")
        for k in first
    ]
    return Messages(
        command=heads[:, _kernels.COMMAND],
        system=heads[:, _kernels.SYSTEM],
        flag=heads[:, _kernels.FLAG],
        packet=heads[:, [_kernels.PACKETS, _kernels.PACKET]],
        qn=heads[:, _kernels.QN],
        time=heads[:, _kernels.TIME].astype("datetime64[s]"),  # the least number is NaT
        station=station.astype(np.int64),
        stations=stations,
        defects=defects,
        place=place,
        frame=columns.frame,
        code=columns.code,
        field=columns.kind,
        value=columns.value,
        skipped=skipped,
    )
