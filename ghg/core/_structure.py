"""Damage within NetCDF files over which their libraries go on for ever or read zeros, found before they open one.

HDF5: references between variables, and texts of any length, lie in collections that are walked from object to object
when one of them is asked for. The object 0 is free space, its length counts its own header, and the walk goes on behind
it: with the length 0, as zeros written over a part of the file leave it, it never does. And the memory of a text is
asked for by the length that stands beside its place (:mod:`ghg.core._texts`).

Classic NetCDF: the header says how many names, numbers and lists follow in it, and the library believes it: one wrong
byte asks for gigabytes that are not there. Where a file was cut off, the library reads zeros.

References
----------
HDF5 File Format Specification version 3.0, III.E (global heap). NetCDF Users Guide, appendix B (file format
specifications: classic, 64-bit offset and 64-bit data).
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path

from ghg.core._texts import longest_text
from ghg.core.errors import InputError

__all__ = ["check_structure"]

HDF5 = b"\x89HDF\r\n\x1a\n"
LARGEST = 16 << 20  # bytes of HDF5, 40 ms; larger files are watched only (:mod:`ghg.core.patience`)
HEADER = 1 << 20  # bytes of classic files that are read; longer headers pass
_HEAD = struct.Struct("<4sB3xQ")  # of a collection: signature, version, size
_OBJECT = struct.Struct("<HH4xQ")  # number, references to it, length
_MEMBER = 8  # bytes of a member of a list in a header, at the least: the length of its name, and its type or size
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}  # of types, in bytes


def check_structure(path: str | os.PathLike[str]) -> None:
    """Refuse a file over which the library would not come to an end, or of which it would read zeros.

    Parameters
    ----------
    path : path
        Files that are neither HDF5 nor classic NetCDF pass, and what is larger than the limits above.

    Raises
    ------
    InputError
        A collection of HDF5 that something in the file points to has an object that is followed by itself; a text
        claims to be longer than the file; a header of classic NetCDF promises more than the file holds.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        begin = file.read(8)
        if begin[:3] == b"CDF" and begin[3:4] in (b"\1", b"\2", b"\5"):
            found = _promised(begin + file.read(HEADER), size)
        elif begin == HDF5 and size <= LARGEST:
            data = begin + file.read()
            found = _circle(data) or _promised_text(data)
        else:
            return
    if found:
        raise InputError("the NetCDF file is damaged or cut off", where=str(path), found=found,
                         hint="fetch it or make it again")  # fmt: skip


def _circle(data: bytes) -> str:
    """Return what is wrong with the heaps of a file."""
    at = data.find(b"GCOL")
    while at >= 0:
        if _endless(data, at) and _pointed_to(data, at):
            return f"an empty object in the heap at byte {at}, over which reading would never end"
        at = data.find(b"GCOL", at + 4)
    return ""


def _promised_text(data: bytes) -> str:
    length = longest_text(data) if b"GCOL" in data else 0
    return f"a text of {length} bytes in a file of {len(data)}" if length > len(data) else ""


def _endless(data: bytes, start: int) -> bool:
    """Return whether a walk over the collection that begins at `start` [byte] comes to an object of no length."""
    if start + _HEAD.size > len(data):
        return False
    _, version, size = _HEAD.unpack_from(data, start)
    at, last = start + _HEAD.size, min(start + size, len(data)) - _OBJECT.size
    while version == 1 and at <= last:
        number, _, length = _OBJECT.unpack_from(data, at)
        step = (length if number == 0 else _OBJECT.size + (length + 7) // 8 * 8) % 2**64
        if step == 0 or step >= 2**63:  # it stays where it is, or goes back
            return True
        at += step
    return False


def _pointed_to(data: bytes, start: int) -> bool:
    """Return whether its address stands anywhere: space that was given back keeps what it held, and is never read."""
    return struct.pack("<Q", start) in data


class _Header:
    """A walk through the header of classic NetCDF; `room` is what the file holds."""

    def __init__(self, data: bytes, room: int) -> None:
        self.data, self.room, self.at = data, room, 4
        self.wide = 8 if data[3] == 5 else 4  # bytes of a count
        self.place = 4 if data[3] == 1 else 8  # bytes of an offset

    def number(self, size: int) -> int:
        self.skip(size)
        if self.at > self.room:
            raise ValueError(f"a header that is longer than the file's {self.room} bytes")
        if self.at > len(self.data):
            raise EOFError
        return int.from_bytes(self.data[self.at - size : self.at], "big")

    def count(self) -> int:
        return self.number(self.wide)

    def skip(self, size: int) -> None:
        self.at += (size + 3) // 4 * 4
        if self.at > self.room + 3:
            raise ValueError(f"something of {size} bytes in a file of {self.room}")

    def entries(self) -> int:
        """Return the number of members of a list."""
        tag, count = self.number(4), self.count()
        if count and tag not in (0, 10, 11, 12):
            raise EOFError  # the library says so itself; it takes an empty list by any name
        if count * _MEMBER > self.room:  # the library asks for the memory of all of them first
            raise ValueError(f"a list of {count} in a file of {self.room} bytes")
        return count

    def attributes(self) -> None:
        for _ in range(self.entries()):
            self.skip(self.count())  # the name
            kind = self.number(4)
            self.skip(self.count() * _SIZES.get(kind, 1))

    def dimension(self) -> int:
        self.skip(self.count())
        return self.count()

    def variable(self, dims: list[int]) -> tuple[bool, int, int]:
        """Return whether a variable grows by records, its size (of a record) and its place [bytes]."""
        self.skip(self.count())
        own = [self.count() for _ in range(self.count())]
        self.attributes()
        kind = self.number(4)
        self.skip(self.wide)  # its size, which is not true of large ones
        if any(k >= len(dims) for k in own):
            return False, 0, self.number(self.place)  # the library says so itself, but only at the end of the header
        grows = bool(own) and dims[own[0]] == 0
        return grows, _SIZES.get(kind, 1) * math.prod(dims[k] for k in own[grows:]), self.number(self.place)


def _promised(data: bytes, room: int) -> str:
    """Return what a header promises and the file does not hold."""
    header = _Header(data, room)
    try:
        records = header.count()
        dims = [header.dimension() for _ in range(header.entries())]
        header.attributes()
        variables = [header.variable(dims) for _ in range(header.entries())]
    except ValueError as error:
        return str(error)
    except EOFError:  # a header of more than what was read, or one the library refuses
        return ""
    sizes = [size for grows, size, _ in variables if grows]
    step = sizes[0] if len(sizes) == 1 else sum((size + 3) // 4 * 4 for size in sizes)
    unknown = records >= 2 ** (8 * header.wide) - 1  # it was still being written
    ends = [place + size + (step * (records - 1) if grows else 0)
            for grows, size, place in variables if size and not (grows and (unknown or not records))]  # fmt: skip
    return f"{room} bytes, and its variables reach to {max(ends)}" if max(ends, default=0) > room else ""
