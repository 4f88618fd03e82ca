"""The NetCDF library, opened so that a damaged file neither holds the program up nor ends it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import netCDF4

from ghg.core.limits import DAMAGED_NETCDF
from ghg.core.patience import opening

__all__ = ["dataset"]


class _Dataset(netCDF4.Dataset):
    """A file that nobody closes but :func:`dataset`: xarray does so where it cannot read one."""

    def close(self) -> None:  # type: ignore[override]
        pass


@contextmanager
def dataset(path: str | os.PathLike[str]) -> Iterator[netCDF4.Dataset]:
    """Open a file for reading, and close it unless the library failed over it.

    Where a text in an attribute cannot be read, the library (netCDF-C 4.9) frees memory it never filled when the file
    is closed, which ends the process every now and then. Such a file stays open.

    Parameters
    ----------
    path : path
        NetCDF-4 or classic.

    Raises
    ------
    InputError
        Its inner structure would keep the library for ever, or make it ask for memory that is not there.
    """
    nc = _Dataset.__new__(_Dataset)  # held before it is opened, since it may fail then
    try:
        with opening(path):
            nc.__init__(Path(path), "r")
        yield nc
    except BaseException as error:
        if _of_the_library(error):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(nc))  # not closed when it is forgotten either
        elif nc.isopen():
            netCDF4.Dataset.close(nc)
        raise
    netCDF4.Dataset.close(nc)


def _of_the_library(error: BaseException | None) -> bool:
    """Return whether this, or what it came from, is something the library raises over damaged files."""
    while error is not None:
        if isinstance(error, DAMAGED_NETCDF):
            return True
        error = error.__cause__ or error.__context__
    return False
