"""Texts of large archives in blocks of whole records, so that memory does not grow with the file."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ghg.core.errors import InputError
from ghg.core.limits import DAMAGED_ARCHIVE

__all__ = ["Block", "read_blocks"]

SIZE = 8 << 20  # bytes


@dataclass
class Block:
    """Records of a text, under its header line.

    Parameters
    ----------
    where : str
        Name of the file, and of the member of an archive.
    text : bytes
        Header line and whole records.
    lines : int
        Lines between the header and these records.
    """

    where: str
    text: bytes
    lines: int


def read_blocks(path: Path, size: int = SIZE) -> Iterator[Block]:
    """Yield the texts inside a plain, gzip or zip file, each in blocks of about `size` bytes.

    Parameters
    ----------
    path : Path
    size : int
        Bytes read at a time. A block ends with a record: line feeds between quotes are none of its ends.

    Raises
    ------
    InputError
        A folder, an unreadable or truncated file, or an archive without text.
    """
    if path.is_dir():
        raise InputError("a folder stands where a file belongs", where=str(path), need="a csv, csv.gz or zip file")
    with _sentences(path):
        with path.open("rb") as file:
            first = file.read(4)
        if first == b"PK\x03\x04" or path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = [n for n in sorted(archive.namelist()) if n.lower().endswith((".csv", ".txt"))]
                if not names:
                    raise InputError("the archive holds no table", where=path.name, need="a csv file inside")
                for name in names:
                    with archive.open(name) as member:
                        yield from _blocks(cast(BinaryIO, member), f"{path.name}:{name}", size)
        elif first[:2] == b"\x1f\x8b":
            with gzip.open(path) as unpacked:
                yield from _blocks(cast(BinaryIO, unpacked), path.name, size)
        else:
            with path.open("rb") as file:
                yield from _blocks(file, path.name, size)


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError("the file does not exist", where=str(path)) from None
    except InputError:
        raise
    except DAMAGED_ARCHIVE as error:
        raise InputError(
            "the file cannot be unpacked",
            where=path.name,
            found=str(error),
            hint="it may be truncated: fetch it again",
        ) from error


def _blocks(file: BinaryIO, where: str, size: int) -> Iterator[Block]:
    header, rest, lines = b"", io.BytesIO(), 0
    first = True
    while piece := file.read(size):
        rest.write(piece)
        if first:
            text = rest.getvalue()
            end = text.find(b"\n") + 1
            if not end:  # the header is not whole yet
                continue
            header, first = text[:end], False
            rest = io.BytesIO()
            rest.write(text[end:])
        records = rest.getvalue()
        cut = _last_end(records)
        if cut:
            yield Block(where, header + records[:cut], lines)
            lines += records.count(b"\n", 0, cut)
            rest = io.BytesIO()
            rest.write(records[cut:])
    left = rest.getvalue()
    if left or not lines:  # also of a file without records, for its header to be read
        yield Block(where, header + left, lines)


def _last_end(records: bytes) -> int:
    """Return where the last whole record ends: behind a line feed with an even number of quotes before it."""
    end = records.rfind(b"\n") + 1
    odd = records.count(b'"', 0, end) % 2
    while end and odd:
        before = records.rfind(b"\n", 0, end - 1) + 1
        odd ^= records.count(b'"', before, end) % 2
        end = before
    return end
