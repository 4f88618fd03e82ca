"""An end to waiting for a file that never opens, or is never read to its end.

HDF5 goes round in a circle over some damaged files and never comes back: no exception comes, and no signal reaches
Python. The reasons that were ever found are looked for before a file is opened (:mod:`ghg.core._structure`). For what
may be left the command ``ghg`` is watched from another thread while a file is opened or read as a whole; as a library
nothing is watched, since there is no safe way to stop a thread that is somewhere else.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ghg.core._structure import check_structure
from ghg.core.errors import InputError

__all__ = ["LONGEST", "end_with", "opening", "reading"]

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


@contextmanager
def opening(path: str | os.PathLike[str]) -> Iterator[None]:
    """Watch the opening of one file by the time of the processor that this thread takes.

    Parameters
    ----------
    path : path
        NetCDF or HDF5.

    Raises
    ------
    InputError
        The library would never come back.
    """
    check_structure(path)
    with _watched(path, 0.0):
        yield


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Watch the reading of a whole file, which may take longer the larger it is.

    Parameters
    ----------
    path : path
        NetCDF or HDF5.
    """
    with _watched(path, Path(path).stat().st_size / SLOWEST):
        yield


@contextmanager
def _watched(path: str | os.PathLike[str], besides: float) -> Iterator[None]:
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
