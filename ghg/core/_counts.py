"""Times and durations as whole counts of a unit."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

EPOCH = "1970-01-01 00:00:00"
PER_COUNT = {"seconds": 10**9, "milliseconds": 10**6, "microseconds": 1000, "nanoseconds": 1}  # ns
NAT = np.iinfo(np.int64).min
_UNITS = re.compile(r"^(seconds|milliseconds|microseconds|nanoseconds)( since 1970-01-01 00:00:00)?$")


def to_nanoseconds(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return times or durations as int64 nanoseconds (NaT stays the smallest number)."""
    return np.ascontiguousarray(values.astype(f"{values.dtype.kind}8[ns]")).view(np.int64)


def unit_of(counts: npt.NDArray[np.int64]) -> tuple[str, type[np.signedinteger[Any]]]:
    """Return the largest unit that leaves nanoseconds whole, and the integer that holds their counts.

    CF had no 64-bit integers before 1.9, and many readers know none: seconds until 2038 go into 32 bits.
    """
    known = counts[counts != NAT]
    unit = next(unit for unit, size in PER_COUNT.items() if not (known % size).any())
    short = known.size == counts.size and bool((np.abs(known // PER_COUNT[unit]) < 2**31).all())
    return unit, np.int32 if short else np.int64


def decode(units: str, values: npt.NDArray[Any], duration: bool) -> npt.NDArray[Any] | None:
    """Return counts as datetime64[ns] or timedelta64[ns]; None where the unit is no time of ours."""
    match = _UNITS.match(units)
    if match is None or (not duration and match[2] is None) or values.dtype.kind not in "iuf":
        return None
    counts = np.round(values).astype(np.int64)
    scaled = np.where(counts == NAT, NAT, counts * PER_COUNT[match[1]])
    return scaled.view("m8[ns]" if duration else "M8[ns]")
