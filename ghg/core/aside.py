"""Records beside the memory: put aside and taken back, few in memory, many in a file without a name."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["IN_MEMORY", "Aside", "nameless", "room", "usable"]

IN_MEMORY = 16 << 20  # bytes


def usable(folder: Path | None) -> Path | None:
    """Return a folder if a file can be made in it: on the disk of the output there is room for what is put aside.

    Where it cannot be written to, the folder of temporary files takes its place: who writes the output says so.
    """
    return folder if folder is not None and os.access(folder, os.W_OK) and folder.is_dir() else None


def nameless(folder: Path | None, limit: int) -> IO[bytes]:
    """Return a file that stays in memory while it is small, and is gone with the process, also when that is killed.

    Parameters
    ----------
    folder : Path, optional
        See :func:`usable`; that of temporary files by default.
    limit : int
        Bytes that stay in memory.
    """
    return tempfile.SpooledTemporaryFile(limit, dir=None if folder is None else str(folder))  # type: ignore[return-value]


@contextmanager
def room(folder: Path | None) -> Iterator[None]:
    """Say it in one sentence where a file without a name cannot grow."""
    try:
        yield
    except OSError as error:
        raise InputError("the records cannot be put aside", where=str(folder or tempfile.gettempdir()),
                         found=str(error.strerror).lower(), need="room for the records") from error  # fmt: skip


class Aside:
    """Datasets put aside, and taken back in the order in which they came, as often as wanted.

    Parameters
    ----------
    folder : Path, optional
        See :func:`usable`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = usable(folder)
        self._file = nameless(self._folder, IN_MEMORY)
        weakref.finalize(self, self._file.close)
        self._known: list[tuple[int, list[tuple[str, tuple[str, ...], dict[str, Any], bool]]]] = []
        self._end = 0

    def put(self, ds: xr.Dataset) -> None:
        """Put a Dataset away, without its global attributes.

        Raises
        ------
        InputError
            There is no room for it.
        """
        self._file.seek(self._end)
        names = [(str(n), tuple(map(str, v.dims)), v.attrs, n in ds.coords) for n, v in ds.variables.items()]
        with room(self._folder):
            for name, *_ in names:
                values = ds.variables[name].values
                plain = values.astype(str) if values.dtype.kind == "O" else values
                np.lib.format.write_array(self._file, plain, allow_pickle=False)
        self._known.append((self._end, names))
        self._end = self._file.tell()

    def __iter__(self) -> Iterator[xr.Dataset]:
        import xarray as xr

        for place, names in self._known:
            self._file.seek(place)
            made = {n: xr.Variable(dims, np.lib.format.read_array(self._file), attrs) for n, dims, attrs, _ in names}
            coords = [name for name, _, _, coord in names if coord]
            yield xr.Dataset({k: v for k, v in made.items() if k not in coords}, {k: made[k] for k in coords})
