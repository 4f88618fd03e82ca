"""Global heaps of HDF5 over which its library goes round in a circle.

References between variables, and texts of any length, lie in collections that are walked from object to object when one
of them is asked for (HDF5 File Format Specification 3.0, III.E "Disk Format: Level 1E - Global Heap"). The object 0 is
free space, its length counts its own header, and the walk goes on behind it: with the length 0, as zeros written over a
part of the file leave it, it never does.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from ghg.core.errors import InputError

__all__ = ["check_heaps"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST = 16 << 20  # bytes, 40 ms; larger files are watched only (:mod:`ghg.core.patience`)
_HEAD = struct.Struct("<4sB3xQ")  # of a collection: signature, version, size
_OBJECT = struct.Struct("<HH4xQ")  # number, references to it, length


def check_heaps(path: str | os.PathLike[str]) -> None:
    """Refuse a file whose global heap has no end.

    Parameters
    ----------
    path : path
        Files that are not HDF5, or larger than 16 MB, pass.

    Raises
    ------
    InputError
        A collection that something in the file points to has an object that is followed by itself.
    """
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST or file.read(8) != SIGNATURE:
            return
        data = SIGNATURE + file.read()
    at = data.find(b"GCOL")
    while at >= 0:
        if _endless(data, at) and _pointed_to(data, at):
            raise InputError("reading the file would never end: its inner structure is damaged", where=str(path),
                             found=f"an empty object in the heap at byte {at}", hint="fetch it or make it again"
                             )  # fmt: skip
        at = data.find(b"GCOL", at + 4)


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
