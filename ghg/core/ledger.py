"""The parameter ledger: an append-only, hash-chained record of settings and of every change to them.

One JSON object on each line: number, time (UTC), key, old and new value, author, reason, the SHA-256 of the line before
and of the entry itself. An entry is on disk (fsync) before it counts, under a lock, so that two writers cannot
interleave. A line that was cut short by a crash is told apart from one that was tampered with.

The chain shows edits, insertions, removals and reordering, and names the entry. Against somebody who rewrites the
whole file, or cuts entries off its end, only a copy of the head elsewhere helps: every output that used the ledger
holds it in its provenance, and ``ghg verify`` compares; a signature (:mod:`ghg.core.signature`) does the same.

References
----------
Haber and Stornetta 1991, Journal of Cryptology 3, 99: chained time stamps. RFC 8785: canonical JSON (sorted keys, no
blanks), followed here for the values a ledger holds: text, numbers, true, false and null.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ghg.core.errors import InputError

__all__ = ["Entry", "Finding", "Value", "add", "check", "compare", "is_ledger", "parameters", "prefix_of", "read"]

Value = str | float | int | bool | None
FIELDS = ("number", "time", "key", "old", "new", "author", "reason", "previous")
GENESIS = "0" * 64
MARK = b'{"author":'  # how every line begins, keys being sorted
LONGEST = 100_000  # bytes of a line


@dataclass(frozen=True)
class Entry:
    """One change.

    Parameters
    ----------
    number : int
        1, 2, 3, ...
    time : str
        When the change holds from, UTC, ISO 8601.
    key : str
        What was changed: ``stack.velocity_coefficient``.
    old, new : str, number, bool or None
        Values; `old` is None for the first entry of a key.
    author, reason : str
        Who, and why.
    previous : str
        SHA-256 of the line before, zeros for the first.
    sha256 : str
        SHA-256 of this entry without this field.
    """

    number: int
    time: str
    key: str
    old: Value
    new: Value
    author: str
    reason: str
    previous: str
    sha256: str


@dataclass(frozen=True)
class Finding:
    """What is wrong with a ledger, or with parameters against it.

    Parameters
    ----------
    kind : str
        truncated, unreadable, tampered, broken_chain, contradiction, time_order, unrecorded or changed.
    entry : int
        Number of the entry concerned, 0 where there is none.
    message : str
        One sentence.
    """

    kind: str
    entry: int
    message: str


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _line(entry: Entry) -> str:
    return _canonical(vars(entry))


def _same(a: Value, b: Value) -> bool:
    """Tell whether two values are equal; a number is not a text and True is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool) and a == b
    return a == b


def is_ledger(path: Path) -> bool:
    """Tell by its first bytes whether a file is a parameter ledger."""
    with path.open("rb") as file:
        head = file.read(LONGEST)
    return head.startswith(MARK) and b'"previous":"' in head.split(b"\n", 1)[0]


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except FileNotFoundError:
        raise InputError("the ledger does not exist", where=str(path), hint="its first entry makes it") from None
    except OSError as error:
        raise InputError("the ledger cannot be read", where=str(path), found=error.strerror or "") from error


def _parse(line: bytes, number: int) -> Entry | Finding:
    try:
        content = json.loads(line)
        if not isinstance(content, dict) or set(content) != {*FIELDS, "sha256"}:
            return Finding("unreadable", number, f"entry {number} does not have the fields of a ledger entry")
        entry = Entry(**content)
        text = _canonical({k: getattr(entry, k) for k in FIELDS})
    except (ValueError, TypeError, RecursionError):
        return Finding("unreadable", number, f"entry {number} cannot be read")
    if _digest(text) != entry.sha256 or _line(entry).encode() != line:
        what = f"'{entry.key}'" if isinstance(entry.key, str) else "of an unreadable key"
        return Finding("tampered", number, f"entry {number} ({what}) was changed after it was written")
    return entry


def _walk(path: Path) -> tuple[list[Entry], list[Finding]]:
    """Return the sound entries and everything that is wrong."""
    lines = _lines(path)
    *whole, rest = lines
    entries: list[Entry] = []
    findings: list[Finding] = []
    previous, current, last = GENESIS, {}, ""
    for number, line in enumerate(whole, 1):
        parsed = _parse(line, number)
        digest = hashlib.sha256(line).hexdigest()
        if isinstance(parsed, Finding):
            findings.append(parsed)
            previous = digest
            continue
        findings += _chained(parsed, number, previous, current.get(parsed.key), parsed.key in current, last)
        entries.append(parsed)
        previous, current[parsed.key], last = digest, parsed.new, parsed.time
    if rest:
        text = f"the last line ({len(rest)} bytes) is cut short: an entry was being written when the program stopped"
        findings.append(Finding("truncated", len(whole) + 1, text))
    return entries, findings


def _chained(entry: Entry, number: int, previous: str, old: Value, known: bool, last: str) -> Iterator[Finding]:
    if entry.previous != previous or entry.number != number:
        missing = f"entries before entry {entry.number} were removed, inserted or reordered"
        if entry.number == number:
            missing = f"entry {number - 1} or {number} was replaced: the chain breaks between them"
        yield Finding("broken_chain", number, missing)
    if not _same(entry.old, old if known else None):
        yield Finding("contradiction", number, f"entry {number} says '{entry.key}' was {entry.old!r}, the ledger has "
                      f"{old!r}")  # fmt: skip
    if entry.time < last:
        yield Finding("time_order", number, f"entry {number} is dated before the entry above it")


def check(path: str | os.PathLike[str]) -> list[Finding]:
    """Check the chain of a ledger; an empty list means that nothing is wrong.

    Raises
    ------
    InputError
        The file does not exist or cannot be read.
    """
    return _walk(Path(path))[1]


def read(path: str | os.PathLike[str]) -> list[Entry]:
    """Return the entries of a sound ledger.

    Raises
    ------
    InputError
        The file cannot be read, or something is wrong with it: the first finding is named.
    """
    entries, findings = _walk(Path(path))
    if findings:
        raise InputError(findings[0].message, where=str(path), found=f"{len(findings)} findings",
                         hint="see them all with ghg sensors ledger check")  # fmt: skip
    return entries


def parameters(path: str | os.PathLike[str], at: str | None = None) -> dict[str, Value]:
    """Return the value of every key, now or at a time.

    Parameters
    ----------
    path : path
        Ledger.
    at : str, optional
        UTC, ISO 8601; entries dated later are left out.
    """
    limit = None if at is None else _stamp(at)
    return {e.key: e.new for e in read(path) if limit is None or e.time <= limit}


def compare(path: str | os.PathLike[str], found: Mapping[str, Value], at: str | None = None) -> list[Finding]:
    """Compare parameters in use with those of the ledger.

    Parameters
    ----------
    path : path
        Ledger; what is wrong with its chain is among the findings.
    found : mapping
        Key -> value in use.
    at : str, optional
        Time for which they were used.

    Returns
    -------
    list of Finding
        ``unrecorded`` for a key the ledger does not know, ``changed`` for a value that differs from the recorded one.
    """
    entries, findings = _walk(Path(path))
    limit = None if at is None else _stamp(at)
    known: dict[str, Entry] = {e.key: e for e in entries if limit is None or e.time <= limit}
    for key, value in found.items():
        if key not in known:
            findings.append(Finding("unrecorded", 0, f"'{key}' is {value!r} and has no record"))
        elif not _same(known[key].new, value):
            text = f"'{key}' is {value!r}, its last record (entry {known[key].number}) says {known[key].new!r}"
            findings.append(Finding("changed", known[key].number, text))
    return findings


def prefix_of(path: str | os.PathLike[str], sha256: str) -> int | None:
    """Return how many entries were added since the file had a digest; None if it never had that digest.

    A ledger grows, so a file that was used and recorded by its digest is still sound when it begins with what was used.
    """
    lines = _lines(Path(path))
    state = hashlib.sha256()
    for count, line in enumerate(lines[:-1], 1):
        state.update(line + b"\n")
        if state.hexdigest() == sha256:
            return len(lines) - 1 - count
    return None


def _stamp(text: str) -> str:
    """Return a time as UTC text that sorts.

    Raises
    ------
    InputError
        It is no ISO 8601 time, or has no zone.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InputError("the time cannot be read", where="time", found=f"'{text}'",
                         need="for example 2024-03-01T13:00:00Z") from None  # fmt: skip
    if when.tzinfo is None:
        raise InputError("the time has no zone", where="time", found=f"'{text}'", need="Z or an offset")
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _valid(key: str, new: Value, author: str, reason: str) -> None:
    for name, text in (("key", key), ("author", author), ("reason", reason)):
        if not text.strip():
            raise InputError(f"the {name} of a ledger entry is empty", where=name)
    if isinstance(new, float) and not math.isfinite(new):
        raise InputError("the new value is not finite", where=key, found=str(new))


def add(
    path: str | os.PathLike[str], key: str, new: Value, *, author: str, reason: str, old: Value = None,
    expect_old: bool = False, time: str | None = None,
) -> Entry:  # fmt: skip
    """Append a change; when it returns, the disk has it.

    Parameters
    ----------
    path : path
        Ledger; made by its first entry.
    key, new
        What is changed, and its new value.
    author, reason : str
        Who, and why: neither may be empty.
    old : value
        What the writer believes the value was; compared only with `expect_old`.
    expect_old : bool
        Refuse the entry unless the ledger has `old`.
    time : str, optional
        From when the change holds, UTC; now unless given. It may not lie before the last entry.

    Raises
    ------
    InputError
        The ledger is damaged (a last line cut short included: it is never repaired silently), the value is what it
        was already, `old` is not what the ledger has, an earlier time, an empty text, or a file that cannot be
        written.
    """
    _valid(key, new, author, reason)
    path = Path(path)
    with _locked(path) as handle:
        entries = read(path) if os.fstat(handle).st_size else []
        current = {e.key: e.new for e in entries}
        before = current.get(key)
        if expect_old and not _same(before, old):
            raise InputError(f"'{key}' is not what was expected", where=str(path), found=repr(before), need=repr(old))
        if key in current and _same(before, new):
            raise InputError(f"'{key}' is {new!r} already", where=str(path), hint="nothing was recorded")
        stamp = _stamp(time or datetime.now(UTC).isoformat())
        if entries and stamp < entries[-1].time:
            raise InputError("the entry is dated before the last one", where=str(path), found=stamp,
                             need=f"{entries[-1].time} or later")  # fmt: skip
        previous = _digest(_line(entries[-1])) if entries else GENESIS
        content = {"number": len(entries) + 1, "time": stamp, "key": key, "old": before, "new": new, "author": author,
                   "reason": reason, "previous": previous}  # fmt: skip
        entry = Entry(**content, sha256=_digest(_canonical(content)))
        data = (_line(entry) + "\n").encode("utf-8")
        if len(data) > LONGEST:
            raise InputError("the entry is too long", where=key, found=f"{len(data)} bytes", need=f"{LONGEST} at most")
        _append(path, handle, data)
    return entry


def _append(path: Path, handle: int, data: bytes) -> None:
    """Write and synchronise; an entry that did not reach the disk whole is taken back."""
    size = os.fstat(handle).st_size
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, size)
        raise InputError(
            "the ledger cannot be written", where=str(path), found=(error.strerror or "").lower()
        ) from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open for appending under an exclusive lock; other writers wait."""
    try:
        new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise InputError(
            "the ledger cannot be opened", where=str(path), found=(error.strerror or "").lower()
        ) from error
    try:
        with contextlib.suppress(ImportError):  # elsewhere two writers at once are the user's care
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        if new:
            _sync_folder(path.absolute().parent)
        yield handle
    finally:
        if os.fstat(handle).st_size == 0 and new:
            with contextlib.suppress(OSError):
                path.unlink()  # nothing was recorded
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
