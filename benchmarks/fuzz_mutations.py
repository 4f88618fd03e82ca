"""Damage to files, as users, disks and other programs do it: seeded, so that every damaged file can be made again."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from ghg.core.limits import DAMAGED_ARCHIVE

Rng = np.random.Generator
Damage = Callable[[bytes, Rng], bytes]

NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
ODD = (b"1e308", b"-1e308", b"1e999", b"nan", b"inf", b"-inf", b"99999999999999999999", b"", b"-", b"1,5", b"0x10",
       "١٢".encode(), b"1_000", "²".encode(), b"1e-400", b"-1", b"0", b"1e20", b"2147483648", b"9999", b"0000", b"13",
       b"32", b"25:61", b"2262-04-12", b"9999-12-31", b"1.2.3", b"#REF!", "无".encode(), b"\x00", b"1e5", b"-0",
       b"9223372036854775807", b"4294967296", b"true", b"[]", b"{}", b"null", b'"')  # fmt: skip
DELIMITERS = (b",", b";", b"\t", b"|", b" ")
ENDS = (b"\r\n", b"\r", b"\n\n", b"\x0b", b"\x0c", "\u2028".encode(), b"\x85", b" ")
CODECS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "utf-8-sig", "cp1252", "utf-7", "big5")
WORDS = ("二氧化碳", "Größe", "ñandú", "\u200b", "\ufeff", "٣", "𝟘", "é")


def _int(rng: Rng, high: int) -> int:
    return int(rng.integers(0, max(1, high)))


def flip(data: bytes, rng: Rng) -> bytes:
    """Change one to eight bytes."""
    out = bytearray(data)
    for _ in range(1 + _int(rng, 8)):
        if out:
            out[_int(rng, len(out))] = _int(rng, 256)
    return bytes(out)


def head_flip(data: bytes, rng: Rng) -> bytes:
    """Change bytes near the beginning, where binary files keep their structure."""
    out = bytearray(data)
    for _ in range(1 + _int(rng, 4)):
        if out:
            out[_int(rng, min(len(out), 1024))] = _int(rng, 256)
    return bytes(out)


def bit(data: bytes, rng: Rng) -> bytes:
    """Turn a single bit over."""
    out = bytearray(data)
    if out:
        out[_int(rng, len(out))] ^= 1 << _int(rng, 8)
    return bytes(out)


def cut(data: bytes, rng: Rng) -> bytes:
    """Cut the end off."""
    return data[: _int(rng, len(data) + 1)]


def remove(data: bytes, rng: Rng) -> bytes:
    """Take a piece out of the middle."""
    start = _int(rng, len(data))
    return data[:start] + data[start + 1 + _int(rng, 64) :]


def splice(data: bytes, rng: Rng) -> bytes:
    """Copy a piece to another place."""
    start, at = _int(rng, len(data)), _int(rng, len(data))
    return data[:at] + data[start : start + 1 + _int(rng, 200)] + data[at:]


def zeros(data: bytes, rng: Rng) -> bytes:
    """Overwrite a piece with zero bytes, as a crashed disk does."""
    start, size = _int(rng, len(data)), 1 + _int(rng, 512)
    return data[:start] + b"\0" * min(size, len(data) - start) + data[start + size :]


def lines(data: bytes, rng: Rng) -> bytes:
    """Remove, repeat, swap or join lines."""
    rows = data.split(b"\n")
    i, j = _int(rng, len(rows)), _int(rng, len(rows))
    kind = _int(rng, 5)
    if kind == 0:
        del rows[i]
    elif kind == 1:
        rows.insert(j, rows[i])
    elif kind == 2:
        rows[i], rows[j] = rows[j], rows[i]
    elif kind == 3:
        rows = rows[: 1 + _int(rng, 3)]
    else:
        rows[i : i + 2] = [b"".join(rows[i : i + 2])]
    return b"\n".join(rows)


def column(data: bytes, rng: Rng) -> bytes:
    """Drop, repeat or empty a column, in all lines or in one."""
    counts = [data.count(d) for d in DELIMITERS[:4]]
    mark = DELIMITERS[int(np.argmax(counts))] if max(counts) else b" "
    rows = [row.split(mark) for row in data.split(b"\n")]
    k, kind = _int(rng, max(map(len, rows))), _int(rng, 3)
    some = rows if rng.random() < 0.7 else [rows[_int(rng, len(rows))]]
    for row in some:
        if k < len(row):
            row[k : k + 1] = ([], [row[k], row[k]], [b""])[kind]
    return b"\n".join(mark.join(row) for row in rows)


def number(data: bytes, rng: Rng) -> bytes:
    """Put something odd in the place of numbers."""
    found = list(NUMBER.finditer(data))
    for one in sorted(rng.choice(len(found), min(len(found), 1 + _int(rng, 3)), False), reverse=True) if found else ():
        a, b = found[one].span()
        data = data[:a] + ODD[_int(rng, len(ODD))] + data[b:]
    return data


def digit(data: bytes, rng: Rng) -> bytes:
    """Change digits into other digits: everything stays readable and means something else."""
    out = bytearray(data)
    places = [i for i, c in enumerate(data) if 48 <= c <= 57]
    for _ in range(1 + _int(rng, 4)):
        if places:
            out[places[_int(rng, len(places))]] = 48 + _int(rng, 10)
    return bytes(out)


def delimiter(data: bytes, rng: Rng) -> bytes:
    """Take another delimiter throughout."""
    a, b = DELIMITERS[_int(rng, 5)], DELIMITERS[_int(rng, 5)]
    return data.replace(a, b)


def encoding(data: bytes, rng: Rng) -> bytes:
    """Write the text in another encoding, or words of another script into it."""
    text = data.decode("utf-8", "replace")
    at = _int(rng, len(text))
    if rng.random() < 0.7:
        text = text[:at] + WORDS[_int(rng, len(WORDS))] + text[at:]
    return text.encode(CODECS[_int(rng, len(CODECS))], "replace")


def ends(data: bytes, rng: Rng) -> bytes:
    """End the lines in another way."""
    return data.replace(b"\n", ENDS[_int(rng, len(ENDS))])


def insert(data: bytes, rng: Rng) -> bytes:
    """Write signs with a meaning somewhere."""
    what = (b"\0", b'"', b"'", b"\n", b",", b";", b"#", b"\x1a", b"&&", b"##", b"\xff", b"(", b"%", b"\\", b"{", b"[")
    at = _int(rng, len(data))
    return data[:at] + what[_int(rng, len(what))] * (1 + _int(rng, 3)) + data[at:]


def long(data: bytes, rng: Rng) -> bytes:
    """Make a field, a line or a nesting very long."""
    at, kind = _int(rng, len(data)), _int(rng, 4)
    what = (data[at : at + 8] * 2000, b"9" * 5000, b"," * 3000, b"[" * 20000)[kind]
    return data[:at] + what + data[at:]


def hollow(data: bytes, rng: Rng) -> bytes:
    """Leave nothing, blanks, or only the first line."""
    return (b"", b"\n", b" \n\t\n", data.split(b"\n")[0], data.split(b"\n")[0] + b"\n", b"\xef\xbb\xbf")[_int(rng, 6)]


def packed(data: bytes, rng: Rng) -> bytes:
    """Pack as gzip or zip, whole or damaged, under the old name."""
    if rng.random() < 0.5:
        out = gzip.compress(data, 1, mtime=0)
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            name = ("x.csv", "a/x.txt", "../x.dat")[_int(rng, 3)]
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # the same at any time
        out = buffer.getvalue()
    return out if rng.random() < 0.3 else (flip, cut, remove, bit)[_int(rng, 4)](out, rng)


def value(data: bytes, rng: Rng) -> bytes:
    """Put another kind of value, or nothing, in a place of a JSON document."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return flip(data, rng)
    odd: list[Any] = [None, [], {}, "x", "", -1, 1e300, True, [[]], [None], {"a": 1}, "2021-13-45", 10**30, 0.5, [0]]
    at: Any = document
    for _ in range(1 + _int(rng, 9)):
        keys = list(at) if isinstance(at, dict) else list(range(len(at))) if isinstance(at, list) else []
        if not keys:
            break
        key = keys[_int(rng, len(keys))]
        if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.85:
            at = at[key]
        elif rng.random() < 0.25:
            del at[key]
            break
        else:
            at[key] = odd[_int(rng, len(odd))]
            break
    return json.dumps(document).encode()


def member(data: bytes, rng: Rng) -> bytes:
    """Damage one file inside a zip archive (a workbook is one) and pack it again."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = {name: archive.read(name) for name in archive.namelist()}
    except DAMAGED_ARCHIVE:
        return flip(data, rng)
    if not inside:
        return flip(data, rng)
    name = list(inside)[_int(rng, len(inside))]
    if rng.random() < 0.1:
        del inside[name]
    else:
        inside[name] = TEXT[_int(rng, len(TEXT))](inside[name], rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for key, content in inside.items():
            archive.writestr(zipfile.ZipInfo(key), content)
    return buffer.getvalue()


TEXT: tuple[Damage, ...] = (flip, bit, cut, remove, splice, zeros, lines, column, number, number, digit, digit,
                            delimiter, encoding, ends, insert, long, hollow, packed)  # fmt: skip
JSON: tuple[Damage, ...] = (value, value, value, value, number, digit, *TEXT)
BINARY: tuple[Damage, ...] = (flip, head_flip, head_flip, bit, cut, remove, splice, zeros, hollow)
ARCHIVE: tuple[Damage, ...] = (member, member, member, member, *BINARY)


def damaged(data: bytes, kinds: tuple[Damage, ...], rng: Rng) -> bytes:
    """Return the file after one to three of the damages."""
    for _ in range(1 + int(rng.random() < 0.4) + int(rng.random() < 0.15)):
        if not data:
            break
        data = kinds[_int(rng, len(kinds))](data, rng)
    return data
