"""One message: its envelope, its checksum, its fields; strict as the standard, or lenient with named defects.

References
----------
HJ 212-2017, Data transmission standard for online monitoring systems of pollutants: chapter 6 (structure of
the message), annex A (checksum).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ghg.core.errors import InputError

__all__ = ["Frame", "crc16", "crc_table", "decode", "encode", "segment_of"]

HEAD, TAIL = b"##", b"\r\n"
LONGEST = 1024  # bytes of the data segment
HEADER_KEYS = ("QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO")
NEEDED = ("ST", "CN", "PW", "MN")
# What can be wrong, in the order of the bits of the bulk decoder; the last two concern the content, not the message
DEFECTS = {
    "length": "the stated length is not that of the data segment",
    "checksum": "the checksum is not that of the data segment",
    "too_long": f"the data segment is longer than {LONGEST} bytes",
    "no_end": "the message does not end with carriage return and line feed",
    "no_parameters": "the data segment has no CP=&&...&&",
    "header": "a field of the header is missing",
    "encoding": "the data segment holds bytes that are not text",
    "field": "a field has no name or no value",
    "value": "a value is not a number",
    "time": "DataTime is not a time of 14 digits",
}

_CHECKSUM = re.compile(rb"[0-9A-Fa-f]{4}")
Group = tuple[tuple[str, str], ...]


def crc_table() -> list[int]:
    """Return the 256 steps of the checksum: what eight shifts with the polynomial 0xA001 make of a byte."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return table


_TABLE = crc_table()


def crc16(data: bytes) -> int:
    """Return the checksum of a data segment (annex A).

    Unlike Modbus, the register is shifted right by eight bits before the byte is added.
    """
    register = 0xFFFF
    for byte in data:
        register = _TABLE[register >> 8 ^ byte]
    return register


@dataclass(frozen=True)
class Frame:
    """One message.

    Parameters
    ----------
    header : mapping
        QN, ST, CN, PW, MN, Flag, PNUM, PNO as written; those that are absent are left out.
    groups : tuple
        The parameters: groups (between semicolons) of named values (between commas).
    defects : tuple of str
        Keys of `DEFECTS`: what was wrong with it, in lenient mode.
    """

    header: Mapping[str, str]
    groups: tuple[Group, ...] = ()
    defects: tuple[str, ...] = field(default=(), compare=False)

    @property
    def command(self) -> int:
        """Command code CN, 0 if it is none."""
        return _whole(self.header.get("CN", ""), 0)

    @property
    def flag(self) -> int:
        """The Flag field: version (bits 7 to 2), has packets (bit 1), wants an answer (bit 0)."""
        return _whole(self.header.get("Flag", ""), 0)

    @property
    def wants_answer(self) -> bool:
        """Whether the sender waits for an answer."""
        return bool(self.flag & 1)

    @property
    def packets(self) -> tuple[int, int]:
        """Number of packets and number of this one; (1, 1) for a message in one piece."""
        return _whole(self.header.get("PNUM", "1"), 1), _whole(self.header.get("PNO", "1"), 1)

    def value(self, name: str) -> str | None:
        """Return the first parameter of that name."""
        return next((v for group in self.groups for n, v in group if n == name), None)


def _whole(text: str, otherwise: int) -> int:
    """Return a short number in plain digits; Python alone would also read other scripts, and fail on superscripts."""
    return int(text) if len(text) < 10 and text.isascii() and text.isdigit() else otherwise


def segment_of(frame: Frame) -> bytes:
    """Return the data segment of a message."""
    head = "".join(f"{key}={frame.header[key]};" for key in HEADER_KEYS if key in frame.header)
    body = ";".join(",".join(f"{n}={v}" for n, v in group) for group in frame.groups)
    return f"{head}CP=&&{body}&&".encode("gb18030")


def encode(frame: Frame) -> bytes:
    """Return the bytes of a message.

    Raises
    ------
    InputError
        The data segment is longer than the standard allows; split it into packets.
    """
    segment = segment_of(frame)
    if len(segment) > LONGEST:
        raise InputError("the data segment is too long for one message", found=f"{len(segment)} bytes",
                         need=f"at most {LONGEST}", hint="split it into packets")  # fmt: skip
    return HEAD + b"%04d" % len(segment) + segment + b"%04X" % crc16(segment) + TAIL


def split_packets(frame: Frame) -> list[Frame]:
    """Return a message as packets that each fit the standard: groups are never cut, each packet has the time."""
    if len(segment_of(frame)) <= LONGEST:
        return [frame]
    time = tuple(g for g in frame.groups if g[0][0] == "DataTime")
    bare = replace(frame, groups=time)
    room = LONGEST - len(segment_of(_packet(bare, 9999, 9999))) - 1
    pieces: list[list[Group]] = [[]]
    used = 0
    for group in (g for g in frame.groups if g not in time):
        size = len(",".join(f"{n}={v}" for n, v in group).encode("gb18030")) + 1
        if size > room:
            raise InputError("one group of parameters is too long for a message", found=f"{size} bytes")
        if pieces[-1] and used + size > room:
            pieces.append([])
            used = 0
        pieces[-1].append(group)
        used += size
    return [replace(_packet(bare, len(pieces), i), groups=(*time, *p)) for i, p in enumerate(pieces, 1)]


def _packet(frame: Frame, total: int, number: int) -> Frame:
    header = {**frame.header, "Flag": str(frame.flag | 2), "PNUM": str(total), "PNO": str(number)}
    return replace(frame, header=header)


def decode(data: bytes, *, strict: bool = True) -> Frame:
    """Return the message in `data`.

    Parameters
    ----------
    data : bytes
        One message from ``##`` to its checksum; the line end may be missing.
    strict : bool
        Refuse what the standard refuses; otherwise read what can be read and name the defects.

    Raises
    ------
    InputError
        In strict mode: any of `DEFECTS` but a missing line end. In both: no ``##``, or nothing behind it.
    """
    if not data.startswith(HEAD) or len(data) < 6:
        raise InputError("no message begins here", found=repr(data[:12]), need="##, four digits, data segment")
    segment, stated, checksum, defects = _envelope(data)
    if stated != len(segment):
        defects.append("length")
    if len(segment) > LONGEST:
        defects.append("too_long")
    if checksum is None or checksum != crc16(segment):
        defects.append("checksum")
    header, groups = _fields(segment, defects)
    fatal = [d for d in defects if d != "no_end"]
    if strict and fatal:
        raise InputError(DEFECTS[fatal[0]], where="message", found=_excerpt(data, segment, fatal[0], stated))
    return Frame(header, groups, tuple(dict.fromkeys(defects)))


def _envelope(data: bytes) -> tuple[bytes, int, int | None, list[str]]:
    """Return the data segment, its stated length, its stated checksum and the defects of the end."""
    defects = []
    body = data[:-2] if data.endswith(TAIL) else data.rstrip(b"\r\n")
    if not data.endswith(TAIL):
        defects.append("no_end")
    digits = body[2:6]
    stated = int(digits) if digits.isdigit() else -1
    cut = max(6, len(body) - 4)
    text = body[cut:]
    checksum = int(text, 16) if _CHECKSUM.fullmatch(text) else None
    if checksum is None and stated != cut - 6:  # no checksum at all: everything is the segment
        return body[6:], stated, None, defects
    return body[6:cut], stated, checksum, defects


def _fields(segment: bytes, defects: list[str]) -> tuple[dict[str, str], tuple[Group, ...]]:
    try:
        text = segment.decode("gb18030")
    except UnicodeDecodeError:
        defects.append("encoding")
        text = segment.decode("gb18030", "replace")
    before, mark, rest = text.partition("CP=&&")
    if not mark or not rest.endswith("&&"):
        defects.append("no_parameters")
    header = dict(_pairs(before.rstrip(";"), ";", defects))
    if any(not header.get(key) for key in NEEDED):
        defects.append("header")
    body = rest.removesuffix("&&").rstrip("&")
    groups = tuple(_pairs(part, ",", defects) for part in body.split(";") if part.strip()) if mark else ()
    return header, groups


def _pairs(text: str, separator: str, defects: list[str]) -> Group:
    found = []
    for item in text.split(separator):
        name, equals, value = item.partition("=")
        if not name.strip() and not equals:
            continue
        if not name.strip() or not equals:
            defects.append("field")
            continue
        found.append((name.strip(), value.strip()))
    return tuple(found)


def _excerpt(data: bytes, segment: bytes, defect: str, stated: int) -> str:
    if defect == "length":
        return f"stated {stated}, counted {len(segment)}"
    if defect == "checksum":
        return f"written {data.rstrip()[-4:].decode('latin-1')}, computed {crc16(segment):04X}"
    if defect == "too_long":
        return f"{len(segment)} bytes"
    return repr(data[:60].decode("latin-1"))


def reply(to: Frame, command: int, parameters: Sequence[tuple[str, str]] = ()) -> Frame:
    """Return the answer of the platform: same QN, PW and MN, system code 91; to a packet, with its numbers."""
    header = {"QN": to.header.get("QN", ""), "ST": "91", "CN": str(command), "PW": to.header.get("PW", ""),
              "MN": to.header.get("MN", ""), "Flag": "4"}  # fmt: skip
    if to.packets != (1, 1):
        header |= {"Flag": "6", "PNUM": to.header["PNUM"], "PNO": to.header["PNO"]}
    return Frame({k: v for k, v in header.items() if v}, (tuple(parameters),) if parameters else ())
