"""Times and durations as whole counts of a unit."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

EPOCH = "1970-01-01 00:00:00"
PER_COUNT = {"seconds": 10**9, "milliseconds": 10**6, "microseconds": 1000, "nanoseconds": 1}  # ns
PIECE = 1 << 20  # values
NAT = np.iinfo(np.int64).min
_UNITS = re.compile(r"^(seconds|milliseconds|microseconds|nanoseconds)( since 1970-01-01 00:00:00)?$")


def to_nanoseconds(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return times or durations as int64 nanoseconds (NaT stays the smallest number)."""
    return np.ascontiguousarray(values.astype(f"{values.dtype.kind}8[ns]", copy=False)).view(np.int64)


def unit_of(*arrays: npt.NDArray[np.int64]) -> tuple[str, type[np.signedinteger[Any]]]:
    """Return the largest unit that leaves nanoseconds whole, and the integer that holds their counts.

    CF had no 64-bit integers before 1.9, and many readers know none: seconds until 2038 go into 32 bits.
    """
    units, missing, ends = list(PER_COUNT), False, [0]
    for piece in (p for array in arrays for p in _pieces(array.ravel())):
        known = piece[piece != NAT]
        missing |= known.size < piece.size
        if known.size:
            ends += [int(known.min()), int(known.max())]
        while (known % PER_COUNT[units[0]]).any():
            del units[0]
    short = not missing and all(abs(end // PER_COUNT[units[0]]) < 2**31 for end in ends)
    return units[0], np.int32 if short else np.int64


def counted(
    nanoseconds: npt.NDArray[np.int64], unit: str, dtype: type[np.signedinteger[Any]]
) -> npt.NDArray[np.signedinteger[Any]]:
    """Return nanoseconds as counts of a unit; NaT stays."""
    flat, out = nanoseconds.ravel(), np.empty(nanoseconds.size, dtype)
    for piece, place in zip(_pieces(flat), _pieces(out), strict=True):
        place[...] = np.where(piece == NAT, NAT, piece // PER_COUNT[unit])
    return out.reshape(nanoseconds.shape)


def _pieces(flat: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Return views of parts: of many millions of times, copies of a part only are made."""
    return [flat[at : at + PIECE] for at in range(0, flat.size, PIECE)]


def decode(units: str, values: npt.NDArray[Any], duration: bool) -> npt.NDArray[Any] | None:
    """Return counts as datetime64[ns] or timedelta64[ns]; None where the unit is no time of ours."""
    match = _UNITS.match(units)
    if match is None or (not duration and match[2] is None) or values.dtype.kind not in "iuf":
        return None
    counts = np.round(values).astype(np.int64)
    scaled = np.where(counts == NAT, NAT, counts * PER_COUNT[match[1]])
    return scaled.view("m8[ns]" if duration else "M8[ns]")
