"""Messages out of a stream of bytes: sticky and split packets, rubbish between them, and messages in several parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sensors.hj212.frame import HEAD, LONGEST, Frame

__all__ = ["Assembler", "Splitter"]

_BLANKS = bytes(range(33))  # blanks and control characters between messages are not rubbish
_BEGIN = re.compile(rb"##\d{4}")
ENVELOPE = 10  # ##, four digits, four digits of checksum
# A message whose length is wrong is given up after this many bytes without another beginning
PATIENCE = 4 * LONGEST


@dataclass
class Splitter:
    """Cuts a stream into messages; what is not yet complete waits for the next bytes.

    Parameters
    ----------
    skipped : int
        Bytes between messages that belong to none.
    """

    skipped: int = 0
    _rest: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete with these bytes, each from ``##`` to its line end if it has one."""
        self._rest += data
        return list(self._take(last=False))

    def close(self) -> list[bytes]:
        """Return what can still be called a message at the end of the stream."""
        found = list(self._take(last=True))
        self._drop(len(self._rest))
        return found

    def _take(self, last: bool) -> Iterator[bytes]:
        while True:
            start = self._rest.find(HEAD)
            if start < 0:
                keep = 1 if self._rest.endswith(b"#") and not last else 0
                self._drop(len(self._rest) - keep)
                return
            self._drop(start)
            end = self._end(last)
            if end is None:
                return
            if end == 0:  # ## without digits: not a beginning
                self._drop(1)
                continue
            message = bytes(self._rest[:end])
            del self._rest[:end]
            yield message

    def _drop(self, count: int) -> None:
        self.skipped += len(self._rest[:count].translate(None, _BLANKS))
        del self._rest[:count]

    def _end(self, last: bool) -> int | None:
        """Return the end of the message at the front, 0 if none begins there, None if more bytes are needed."""
        rest = self._rest
        if len(rest) < 6:
            return 0 if last else None
        if not rest[2:6].isdigit():
            return 0
        stated = int(rest[2:6]) + ENVELOPE
        if len(rest) >= stated and rest[stated - 6 : stated - 4] == b"&&":
            if rest[stated : stated + 2] == b"\r\n":
                return stated + 2
            if len(rest) >= stated + 2 or last or rest[stated : stated + 1] not in (b"", b"\r"):
                return stated
            return stated if len(rest) == stated else None
        # the length is wrong, or the message is not complete: another end or beginning tells
        line = rest.find(b"\n", 6)
        again = _BEGIN.search(rest, 6)
        ends = [line + 1] * (line >= 0) + ([again.start()] if again else [])
        if ends:
            return min(ends)
        if last or len(rest) > max(stated, PATIENCE):
            return len(rest)
        return None


@dataclass
class Assembler:
    """Puts messages in several packets together again.

    Packets belong together by MN, CN and QN. A message that lacks packets is kept until `patience` others have come.
    """

    patience: int = 256
    _waiting: dict[tuple[str, str, str], dict[int, Frame]] = field(default_factory=dict)

    def add(self, frame: Frame) -> Frame | None:
        """Return the whole message when the last packet has come, None before."""
        total, number = frame.packets
        if total <= 1:
            return frame
        key = (frame.header.get("MN", ""), frame.header.get("CN", ""), frame.header.get("QN", ""))
        parts = self._waiting.setdefault(key, {})
        parts[number] = frame
        if len(parts) < total:
            while len(self._waiting) > self.patience:
                self._waiting.pop(next(iter(self._waiting)))
            return None
        del self._waiting[key]
        return _joined([parts[i] for i in sorted(parts)])

    @property
    def incomplete(self) -> int:
        """Messages of which packets are still missing."""
        return len(self._waiting)


def _joined(parts: list[Frame]) -> Frame:
    first = parts[0]
    header = {k: v for k, v in first.header.items() if k not in ("PNUM", "PNO")}
    if "Flag" in header:
        header["Flag"] = str(first.flag & ~2)
    time = first.value("DataTime")
    groups = list(first.groups)
    for part in parts[1:]:  # each packet repeats the time
        groups += [g for g in part.groups if g != (("DataTime", time),)]
    defects = tuple(dict.fromkeys(d for part in parts for d in part.defects))
    return replace(first, header=header, groups=tuple(groups), defects=defects)
