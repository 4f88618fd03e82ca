"""Hidden names of unfinished outputs: whose they are, and what of them a killed run left behind.

A temporary name carries the machine and the process that made it. It is stale, and only then taken away, if it was made
on this machine and no process of that number lives: another machine's names on a shared disk are never judged.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

__all__ = ["EXCHANGE", "NEW", "rename", "stale", "sweep", "token"]

_PARTS = re.compile(r"([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}")
NEW, EXCHANGE = 1, 2  # RENAME_NOREPLACE, RENAME_EXCHANGE of Linux
_HERE = -100  # AT_FDCWD


def token() -> str:
    """Return machine, process and a random number, for a name that nobody else takes."""
    return f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"


@cache
def _machine() -> str:
    """Return eight digits for where numbers of processes mean the same: host, installation, and container."""
    words = [socket.gethostname()]
    with suppress(OSError):
        words.append(Path("/etc/machine-id").read_text())
    with suppress(OSError):
        words.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:8]


def _lives(process: int) -> bool:
    if os.name == "nt":  # there os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def stale(folder: Path, start: str, end: str) -> Iterator[Path]:
    """Yield what lies under temporary names of a target and belongs to no living process of this machine.

    Parameters
    ----------
    folder : Path
    start, end : str
        What stands before and behind the token in the name.
    """
    try:
        paths = list(folder.iterdir())
    except OSError:
        return
    for path in paths:
        name = path.name
        if not (name.startswith(start) and name.endswith(end)):
            continue
        found = _PARTS.fullmatch(name[len(start) : len(name) - len(end)])
        if found and found[1] == _machine() and not _lives(int(found[2])):
            yield path


def sweep(folder: Path, start: str, end: str) -> None:
    """Take away what :func:`stale` names; what cannot be taken away stays."""
    for path in stale(folder, start, end):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def rename(one: Path, two: Path, how: int) -> int:
    """Rename without replacing (`NEW`) or exchange two names (`EXCHANGE`), in one step.

    Returns
    -------
    int
        0, or why not: the number of the error, ENOSYS where the system has no such call.
    """
    if not sys.platform.startswith("linux"):
        return errno.ENOSYS
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return errno.ENOSYS
    failed = call(_HERE, os.fsencode(one), _HERE, os.fsencode(two), how)
    return ctypes.get_errno() if failed else 0
