"""Picarro G2000 ``DataLog_User`` logs: any layout by its header, every column kept.

Lines are read by an own parser, several times faster than a general one, and only in the columns wanted. A header may
come again in mid-file with other columns; a last line that is cut off (a log that is still being written) is left out
and noted; a comma for the decimal point is refused. Rows are taken as they are written: one line for each species
scanned, values held between.
"""

from __future__ import annotations

import gzip
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Log", "Member", "fill", "members", "parse_log", "read", "serial_of"]

BLOCK = 1 << 20  # bytes; fixed, so that the result is the same for any number of threads
CLOCK = ("DATE", "TIME")
EPOCH = "EPOCH_TIME"
TEXTS = (".dat", ".txt", ".csv", ".log")
_SERIAL = re.compile(r"([A-Z]{3,8}\d{3,6})-(\d{8})")
_POWERS = np.array([float(f"1e{k}") for k in range(23)])


@dataclass(frozen=True)
class Member:
    """A log: a file (`plain`), or one that must be unpacked."""

    name: str
    path: Path
    load: Callable[[], bytes]
    head: Callable[[], bytes]
    plain: bool = False


@dataclass
class Log:
    """Rows of a log.

    Parameters
    ----------
    time : int64, shape (n,)
        [ns since 1970, UTC], as written.
    columns : dict of str to float64 array
        NaN where the layout of that part of the file has no such column, or the field is no number.
    notes : list of str
    """

    time: npt.NDArray[np.int64]
    columns: dict[str, npt.NDArray[np.float64]]
    notes: list[str]


def serial_of(name: str) -> str:
    """Return the serial number in a file name such as ``CFADS2283-20180801-003712Z-DataLog_User.dat``."""
    found = _SERIAL.search(Path(name).name)
    return found[1] if found else ""


def members(paths: Sequence[Path]) -> list[Member]:
    """Return the logs of files and archives.

    Raises
    ------
    InputError
        An archive that is damaged or holds no log.
    """
    found: list[Member] = []
    for path in paths:
        if path.suffix.lower() == ".zip":
            found += _inside(path)
        elif path.suffix.lower() == ".gz":
            found.append(Member(path.name, path, _reader(path, gzip.open), _reader(path, gzip.open, 65536)))
        else:
            found.append(Member(path.name, path, _reader(path, open), _reader(path, open, 65536), plain=True))
    return found


def _reader(path: Path, opener: Any, size: int = -1) -> Callable[[], bytes]:
    def load() -> bytes:
        try:
            with opener(path, "rb") as stream:
                return stream.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError("the file cannot be read", where=path.name, found=str(error)[:80],
                             hint="it may be truncated: fetch it again") from error  # fmt: skip

    return load


def fill(path: Path, buffer: bytearray) -> None:
    """Read a file into `buffer`, which takes its length; memory that is there already is used again.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            if len(buffer) < size:
                buffer.extend(bytes(size - len(buffer)))
            del buffer[size:]
            place = 0
            with memoryview(buffer) as view:
                while place < size and (got := stream.readinto(view[place:])):
                    place += got
            del buffer[place:]
    except OSError as error:
        raise InputError("the file cannot be read", where=path.name, found=str(error)[:80]) from error


def _inside(path: Path) -> list[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(n for n in archive.namelist() if n.lower().endswith(TEXTS))
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError("the archive cannot be read", where=path.name, found=str(error)) from error
    if not names:
        raise InputError("the archive holds no log", where=path.name, need=" or ".join(TEXTS))

    def loader(name: str, size: int = -1) -> Callable[[], bytes]:
        def load() -> bytes:
            try:
                with zipfile.ZipFile(path) as archive, archive.open(name) as stream:
                    return stream.read(size)
            except (OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise InputError("a log in the archive cannot be unpacked", where=f"{path.name}:{name}",
                                 found=str(error)) from error  # fmt: skip

        return load

    return [Member(f"{path.name}:{name}", path, loader(name), loader(name, 65536)) for name in names]


def _header(line: bytes | bytearray, where: str) -> list[str]:
    try:
        names = line.decode("ascii").split()
    except UnicodeDecodeError:
        raise InputError("the header is no text", where=where, hint="is it a Picarro log at all?") from None
    if EPOCH not in names and not all(name in names for name in CLOCK):
        raise InputError("this is no Picarro log: its header names no time", where=where,
                         found=", ".join(names[:6])[:100] or "an empty line",
                         need=f"{EPOCH}, or {' and '.join(CLOCK)}")  # fmt: skip
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputError("a column is named twice", where=where, found=", ".join(twice))
    return names


def _array(text: bytes | bytearray) -> npt.NDArray[np.uint8]:
    """Return the bytes as an array that is not written to: for two kinds of array kernels are compiled twice."""
    return np.frombuffer(memoryview(text).toreadonly(), np.uint8)


def _uniform(text: bytes | bytearray, parallel: bool) -> bool:
    """Whether all lines have the length of the first, and those after it begin with a digit: no header among them."""
    length = text.find(b"\n") + 1
    if not length or len(text) % length or _feeds(text, parallel) * length != len(text):
        return False
    lines = _array(text).reshape(-1, length)
    first = lines[1:, 0]
    return bool((lines[:, -1] == 10).all() and ((first >= 48) & (first <= 57)).all())


def _feeds(text: bytes | bytearray, parallel: bool = True) -> int:
    """Return the number of line feeds."""
    from ghg.core.jit import spread
    from sensors.readers import _picarro_kernels as kernels

    words, span = _array(text)[: len(text) // 8 * 8].view(np.uint64), BLOCK // 8
    if parallel:
        counts = np.empty(-(-words.size // span), np.int64)
        spread(kernels.count_feeds, counts.size, words, span, counts)
        total = int(counts.sum())
    else:
        total = int(kernels.feeds(words, 0, words.size))
    return total + text[words.size * 8 :].count(b"\n")


def _parts(text: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each part of a text that has its own header."""
    starts = [0]
    for mark in (b"\nDATE ", b"\nDATE\t", b"\nEPOCH_TIME ", b"\nFRAC_DAYS"):
        place = text.find(mark)
        while place >= 0:
            starts.append(place + 1)
            place = text.find(mark, place + 1)
    starts = sorted(set(starts))
    yield from zip(starts, [*starts[1:], len(text)], strict=True)


def parse_log(
    text: bytes | bytearray, *, wanted: Sequence[str] | None = None, where: str = "", parallel: bool = True
) -> Log:
    """Read a log from its bytes.

    Parameters
    ----------
    text : bytes
        Header and lines.
    wanted : sequence of str, optional
        Columns to read, where they are there; all numeric ones by default.
    where : str
        File, for messages.
    parallel : bool
        Use all cores; not where the caller is one of several threads.

    Returns
    -------
    Log
        In the order of the file.

    Raises
    ------
    InputError
        An empty file, no Picarro header, a decimal comma, or no line that can be read.
    """
    if not text[:4096].strip() and not text.strip():
        raise InputError("the file is empty", where=where, found=f"{len(text)} bytes")
    notes: list[str] = []
    uniform = _uniform(text, parallel)
    places = [(0, len(text))] if uniform else _parts(text)
    ways = (uniform, parallel)
    found = (_part(text if uniform else text[a:b], wanted, where, notes, ways) for a, b in places)
    parts = [part for part in found if part is not None]
    if len(parts) > 1:
        notes.append(f"{where}: the header comes {len(parts)} times")
    if not parts or not sum(p[0].size for p in parts):
        raise InputError("the log holds no row that can be read", where=where, found="; ".join(notes))
    names = list(dict.fromkeys(name for _, columns in parts for name in columns))
    columns = {
        name: np.concatenate([c[name] if name in c else np.full(t.size, np.nan) for t, c in parts])
        if len(parts) > 1 else parts[0][1][name] for name in names
    }  # fmt: skip
    time = np.concatenate([t for t, _ in parts]) if len(parts) > 1 else parts[0][0]
    return Log(time, columns, notes)


def _part(
    text: bytes | bytearray, wanted: Sequence[str] | None, where: str, notes: list[str], ways: tuple[bool, bool]
) -> Any:
    """Return time and columns of a part with one header; None if it has no rows."""
    from ghg.core.jit import spread
    from sensors.readers import _picarro_kernels as kernels

    uniform, parallel = ways
    stop = text.find(b"\n")
    stop = len(text) if stop < 0 else stop
    names = _header(text[:stop], where)
    body = _array(text)[stop + 1 :]
    if not body.size:
        return None
    cut = body[-1] != 10
    keep = [n for n in (names if wanted is None else wanted) if n in names and n not in (*CLOCK, "TIMESTAMP")]
    if cut:
        last = text.rfind(b"\n")
        if len(text[last:].split()) == len(names):  # whole, but for its line end
            body, cut = np.append(body, np.uint8(10)), False
            body.flags.writeable = False
        else:
            body = body[: last - stop]
            notes.append(f"{where}: the last line is cut off and left out (a log still being written?)")
            if not body.size:
                return None
    width = _width(text[:stop], names)
    length = stop + 1 if width else 0
    blocks = -(-body.size // BLOCK)
    uniform = uniform and length > 0 and body.size % length == 0
    if uniform:
        before = np.arange(blocks) * BLOCK // length  # line ends before each block
        total = body.size // length
    else:
        lines = np.empty(blocks, np.int64)
        kernels.count_lines(body, BLOCK, lines)
        before, total = np.concatenate([[0], np.cumsum(lines)[:-1]]), int(lines.sum())
    clock = [names.index(EPOCH), -1] if EPOCH in names else [names.index(n) for n in CLOCK]
    time, out, state = np.empty(total, np.int64), np.empty((len(keep), total)), np.empty(total, np.uint8)
    call = (body, BLOCK, before, len(names), np.array([names.index(n) for n in keep], np.int64), width, length, uniform,
            np.array(clock, np.int64), _POWERS, time, out, state)  # fmt: skip
    if parallel:
        spread(kernels.parse_rows, blocks, *call)
    else:
        kernels.parse_rows(0, blocks, *call)
    if state.any():
        time, out = _mended(bytes(body), state, (time, out), where, notes)
    return time, dict(zip(keep, out, strict=True))


def _width(header: bytes | bytearray, names: list[str]) -> int:
    """Return the width of the fields, where all begin at its multiples; else 0."""
    places, at = [], 0
    for name in names:
        at = header.index(name.encode(), at)
        places.append(at)
        at += len(name)
    width = places[1] - places[0] if len(places) > 1 else 0
    return width if width and all(p == k * width for k, p in enumerate(places)) else 0


def _mended(
    body: bytes, state: npt.NDArray[np.uint8], data: tuple[Any, Any], where: str, notes: list[str]
) -> tuple[Any, Any]:
    """Leave out what is no row, say so, and refuse what is wrong throughout."""
    time, out = data
    bad = np.flatnonzero((state > 0) & (state < 4))
    if bad.size:
        first = int(bad[0])
        line = body.split(b"\n", first + 1)[first].decode("latin-1").strip()
        if re.search(r"\d,\d", line):
            raise InputError("numbers have a comma for the decimal point", where=f"{where}, line {first + 2}",
                             found=line[:60], need="a point", hint="export the log in its original form")  # fmt: skip
        words = {1: "have another number of fields than the header", 2: "have no time",
                 3: "hold a field that is no number"}  # fmt: skip
        for kind, what in words.items():
            count = int((state == kind).sum())
            if count:
                place = int(np.flatnonzero(state == kind)[0])
                done = "that field is missing" if kind == 3 else "left out"
                notes.append(f"{where}: {count} lines {what}, the first is line {place + 2}: {done}")
    keep = (state == 0) | (state == 3)
    return time[keep], np.ascontiguousarray(out[:, keep])


def read(paths: Sequence[Path]) -> xr.Dataset:
    """Read logs whole: every column of every layout, in the order of time.

    Parameters
    ----------
    paths : sequence of Path
        Files and archives of one analyser.

    Returns
    -------
    Dataset
        dim ``time``; columns under the names of the header. Rows with the time of an earlier row are left out.

    Raises
    ------
    InputError
        See :func:`parse_log`.
    """
    import xarray as xr

    logs = [parse_log(m.load(), where=m.name) for m in members(paths)]
    logs.sort(key=lambda log: int(log.time[0]))
    names = list(dict.fromkeys(n for log in logs for n in log.columns))
    time = np.concatenate([log.time for log in logs])
    order = np.argsort(time, kind="stable")
    order = order[np.concatenate([[True], np.diff(time[order]) > 0])]
    data = {
        n: ("time", np.concatenate([log.columns.get(n, np.full(log.time.size, np.nan)) for log in logs])[order],
            {"long_name": n}) for n in names
    }  # fmt: skip
    notes = "; ".join(note for log in logs for note in log.notes)
    return xr.Dataset(data, {"time": time[order].astype("datetime64[ns]")}, {"source": "Picarro log", "notes": notes})
