"""Messages on disk: appended, synchronised, and only then acknowledged."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ghg.core.errors import InputError

__all__ = ["Store"]

LOCK = ".listener"


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """A folder with one file for each day of reception (UTC): ``received-20240101.hj212``, ``damaged-20240101.hj212``.

    Parameters
    ----------
    folder : Path
        Made if it is not there; one listener at a time.
    now : callable, optional
        The clock.

    Raises
    ------
    InputError
        The folder cannot be written, or another listener uses it.
    """

    def __init__(self, folder: Path, *, now: Callable[[], datetime] = _now) -> None:
        self.folder, self._now = folder, now
        self._files: dict[str, tuple[Path, int]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock: IO[str] | None = (folder / LOCK).open("w")
        except OSError as error:
            raise InputError("the folder cannot be written", where=str(folder), found=error.strerror or "") from None
        self._hold()

    def _hold(self) -> None:
        try:
            import fcntl
        except ImportError:  # elsewhere two listeners on one folder are the user's care
            return
        assert self._lock is not None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise InputError("another listener stores its messages here", where=str(self.folder),
                             hint="stop it, or give another folder") from None  # fmt: skip

    def append(self, kind: str, messages: Sequence[bytes]) -> None:
        """Append messages and return when the disk has them.

        Raises
        ------
        OSError
            They could not be written: then none of them may be acknowledged.
        """
        if not messages:
            return
        handle = self._open(kind)
        data = memoryview(b"".join(m if m.endswith(b"\n") else m + b"\r\n" for m in messages))
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)

    def _open(self, kind: str) -> int:
        path = self.folder / f"{kind}-{self._now():%Y%m%d}.hj212"
        known = self._files.get(kind)
        if known is not None and known[0] == path:
            return known[1]
        if known is not None:
            os.close(known[1])
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            os.write(handle, b"\r\n")  # the last run was killed while it wrote: that message was not acknowledged
        self._sync_folder()
        self._files[kind] = path, handle
        return handle

    def _sync_folder(self) -> None:
        """Make the name of a new file durable; a system that cannot do that for folders is left alone."""
        with contextlib.suppress(OSError):
            handle = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def close(self) -> None:
        """Close the files and let go of the folder."""
        for _, handle in self._files.values():
            os.close(handle)
        self._files.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None
