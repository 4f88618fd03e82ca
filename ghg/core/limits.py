"""What a damaged file may ask for and does not get: times beyond the clock, axes beyond memory, endless nesting.

A single wrong digit in a year would otherwise ask for a gapless axis of centuries, or wrap around silently where
nanoseconds end.
"""

from __future__ import annotations

import json
import lzma
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from ghg.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

__all__ = ["DAMAGED_ARCHIVE", "DAMAGED_NETCDF", "check_axis", "check_times", "moment", "parse_json"]

# Whatever the standard library raises over a damaged gzip or zip archive: no family of its own
DAMAGED_ARCHIVE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError,
                   ValueError, KeyError, struct.error)  # fmt: skip
# The same for NetCDF and HDF5: a dimension of terabytes is a MemoryError, a lost attribute an AttributeError
DAMAGED_NETCDF = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, MemoryError,
                  OverflowError)  # fmt: skip
EARLIEST, LATEST = "1678-01-01", "2262-01-01"  # whole years of int64 ns
LONGEST_AXIS = 400_000  # cells: 45 years of hours
SPARSEST = 100  # cells for each record, on longer axes


def check_times(times: Any, where: str | Callable[[int], str] = "") -> Any:
    """Return times (n,) as datetime64[ns]; NaT stays NaT.

    Parameters
    ----------
    times : array of datetime64, any unit
    where : str or callable
        File and column, for messages; or a function that names the place of a row.

    Raises
    ------
    InputError
        A time lies before 1678 or after 2261: 64-bit nanoseconds end there, and conversion would wrap around.
    """
    import numpy as np

    stamps = np.asarray(times)
    if stamps.dtype == np.dtype("datetime64[ns]"):
        return stamps
    coarse: npt.NDArray[np.datetime64] = stamps.astype("datetime64[s]")
    wrong = ~np.isnat(coarse) & ((coarse < np.datetime64(EARLIEST)) | (coarse >= np.datetime64(LATEST)))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError("a time is out of range", where=where(first) if callable(where) else where,
                         found=str(coarse.ravel()[first]), need="a year from 1678 to 2261",
                         hint="a digit may be wrong")  # fmt: skip
    return stamps.astype("datetime64[ns]")


def moment(stamp: Any) -> np.datetime64:
    """Return a text or datetime as datetime64[ns].

    Raises
    ------
    ValueError
        It is no time, or out of range: numpy alone would make 1755 of 2924.
    """
    import numpy as np

    time = np.datetime64(stamp, "us")
    if not np.datetime64(EARLIEST) <= time < np.datetime64(LATEST):  # NaT fails too
        raise ValueError(stamp)
    return time.astype("datetime64[ns]") if len(str(stamp)) <= 26 else np.datetime64(stamp, "ns")


def check_axis(cells: int, records: int, ends: tuple[str, str], where: str = "") -> None:
    """Refuse an axis without gaps that would be almost empty and larger than any record.

    Parameters
    ----------
    cells, records : int
        Intervals of the axis, times sources if there are several, and number of records on it.
    ends : tuple of str
        First and last record, for the message.
    where : str
        File, for messages.

    Raises
    ------
    InputError
        More than 400,000 cells, of which less than one in a hundred has a record.
    """
    if cells > max(LONGEST_AXIS, SPARSEST * records):
        raise InputError("the records are too far apart", where=where, found=f"{records} from {ends[0]} to {ends[1]}",
                         hint="a date may be wrong, or the interval; or state period")  # fmt: skip


def parse_json(data: bytes | str, where: str, need: str = "JSON") -> Any:
    """Return the content of a JSON document.

    Raises
    ------
    InputError
        It is no JSON, is cut off or not in UTF-8, is nested without end, or holds a number without end.
    """
    try:
        return json.loads(data.decode("utf-8-sig") if isinstance(data, bytes) else data)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error).split(";")[0]
        raise InputError(f"the file is not {need}", where=where, found=reason[:120],
                         hint="it may be cut off") from error  # fmt: skip
