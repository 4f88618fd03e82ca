"""An end to waiting for a file that never opens, or is never read to its end.

HDF5 goes round in a circle over some damaged files and never comes back (an empty object in a global heap has the
length 0, so that the next one is the same again): no exception comes, and no signal reaches Python. The command
``ghg`` is therefore watched from another thread while a file is opened or read as a whole; as a library nothing is
watched, since there is no safe way to stop a thread that is somewhere else.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ghg.core.errors import InputError

__all__ = ["LONGEST", "end_with", "longest", "opening"]

LONGEST = 20.0  # s of the processor to open one file; 5,000 variables take 2
SLOWEST = 1e6  # bytes of a file that are read in a second of the processor, at the least
_EVERY = 1.0  # s by the clock between two looks
_open: dict[int, tuple[str, int, float]] = {}  # by thread: the file, the clock of its processor, the beginning
_ends: list[Callable[[InputError], None]] = []
_watchers: dict[int, threading.Thread] = {}  # by process: none survives a fork


def end_with(end: Callable[[InputError], None] | None) -> None:
    """Say how this process is to end when a file never opens; None to watch nothing.

    Parameters
    ----------
    end : callable
        Given the sentence; called in another thread, and must not return.
    """
    _ends[:] = [] if end is None else [end]


def longest(path: str | os.PathLike[str]) -> float:
    """Return how long the reading of a whole file may take at the most, by its length [s of the processor]."""
    return Path(path).stat().st_size / SLOWEST


@contextmanager
def opening(path: str | os.PathLike[str], besides: float = 0.0) -> Iterator[None]:
    """Watch the opening or reading of one file by the time of the processor that this thread takes.

    Parameters
    ----------
    path : path
        For the sentence.
    besides : float
        Time of the processor that reading may take besides [s].
    """
    clock = getattr(time, "pthread_getcpuclockid", None)
    if not _ends or clock is None:  # no such clock on Windows
        yield
        return
    me = threading.get_ident()
    _open[me] = (str(path), clock(me), time.thread_time() + besides)
    if os.getpid() not in _watchers:
        _watchers[os.getpid()] = threading.Thread(target=_watch, daemon=True)
        _watchers[os.getpid()].start()
    try:
        yield
    finally:
        _open.pop(me, None)


def _watch() -> None:
    while True:
        time.sleep(_EVERY)
        for thread, (path, clock, began) in list(_open.items()):
            try:
                spent = time.clock_gettime(clock) - began
            except OSError:  # the thread ended
                continue
            if spent > LONGEST and thread in _open and _ends:
                _ends[0](InputError(
                    "reading the file never ends: its inner structure is damaged", where=path,
                    found=f"{spent:.0f} s of the processor without an end",
                    hint="fetch it or make it again"))  # fmt: skip
