"""Lengths of the texts of variables in HDF5 files, looked at before the library believes them.

A variable of texts of any length holds for each a length, the address of a heap and a number within it. The library
asks for the memory of the length before it looks whether the heap holds as much: one wrong byte asks for gigabytes.
Everything else that has a length lies in headers with a checksum.

References
----------
HDF5 File Format Specification version 3.0, III.E (global heap), IV.A.1 (object headers), IV.A.2.d (datatype), IV.A.2.i
(data layout).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

__all__ = ["longest_text"]

# the end of the type of texts of any length, 16 bytes each, of a type of one byte; a fixed piece first, to be quick
_TYPE = re.compile(rb"\x00\x10\x00\x00\x00.{4}\x01\x00\x00\x00", re.DOTALL)
# and its beginning: class 9 of version 1 or 3, texts, padded and coded in any way
_BEGIN = re.compile(rb"[\x19\x39][\x01\x11\x21][\x00\x01]")
_PLACE = 16  # bytes of a length, an address and a number
_DATATYPE, _LAYOUT, _LAST = 3, 8, 24  # kinds of messages
_CONTIGUOUS = 1
_MOST = 50  # messages between the two, at the most


def longest_text(data: bytes) -> int:
    """Return the greatest length that a text of a variable claims [byte]; 0 where there is none.

    Parameters
    ----------
    data : bytes
        A whole file. Variables that grow are stored in pieces and not looked at.
    """
    each = (struct.iter_unpack("<I12x", data[begin : begin + size]) for begin, size in _variables(data))
    return max((length for texts in each for (length,) in texts), default=0)


def _variables(data: bytes) -> Iterator[tuple[int, int]]:
    """Find the places and sizes of what variables of texts hold."""
    for found in _TYPE.finditer(data):
        begin = found.start() - 3
        if not _BEGIN.fullmatch(data, max(begin, 0), begin + 3):
            continue
        place = next(filter(None, (_stored(data, begin, *form) for form in _FORMS)), None)
        if place is not None:
            yield place


# what stands before the body of a message, and how its kind and length are read: headers of version 2, with and
# without the order of creation, and of version 1
_FORMS = (("<BHB2x", 6), ("<BHB", 4), ("<HHB3x", 8))


def _stored(data: bytes, body: int, form: str, before: int) -> tuple[int, int] | None:
    """Follow the messages of a header from a datatype to the layout of its data."""
    at = body - before
    if at < 0 or struct.unpack_from(form, data, at)[0] != _DATATYPE:
        return None
    for _ in range(_MOST):
        if at + before > len(data):
            break
        kind, size, _ = struct.unpack_from(form, data, at)
        at += before
        if kind == _LAYOUT:
            return _contiguous(data[at : at + size], len(data))
        if kind > _LAST or (kind and not size):
            return None
        at += size
    return None


def _contiguous(layout: bytes, room: int) -> tuple[int, int] | None:
    if len(layout) < 18 or layout[0] not in (3, 4) or layout[1] != _CONTIGUOUS:
        return None
    address, size = struct.unpack_from("<QQ", layout, 2)
    return (address, size) if size % _PLACE == 0 and address + size <= room else None
