"""Four tests of a record in one pass: possible and likely range, spike, rate of change, flat line.

References
----------
U.S. IOOS (2020), Manual for Real-Time Quality Control (QARTOD): gross range, spike, rate of change and flat line tests,
with the flag levels of :class:`ghg.core.flags.Flag`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Limits", "check_series", "four_tests"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """Limits of the tests, in the unit of the values.

    Parameters
    ----------
    possible, likely : (float, float)
        Values outside are bad, and suspect.
    spike, spike_bad : float
        Distance from the mean of both neighbours that is suspect, and bad.
    rate : float
        Greatest change per second.
    flat, flat_bad : int
        Values in a row within `tolerance` of the first that are suspect, and bad.
    tolerance : float
        Half the last digit of the instrument, or its noise.
    """

    possible: tuple[float, float] = (-np.inf, np.inf)
    likely: tuple[float, float] = (-np.inf, np.inf)
    spike: float = np.inf
    spike_bad: float = np.inf
    rate: float = np.inf
    flat: int = 2**31
    flat_bad: int = 2**31
    tolerance: float = 0.0


def four_tests(
    values: npt.ArrayLike, limits: Limits, *, seconds: npt.ArrayLike | None = None
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
    """Return flag and reason of each value.

    Parameters
    ----------
    values : (n,) array
        Record; what is not finite is MISSING.
    limits : Limits
        Of the tests.
    seconds : (n,) array, optional
        Times in seconds, rising; the index by default.

    Returns
    -------
    (n,) int8, (n,) int32
        :class:`~ghg.core.flags.Flag` and :class:`~ghg.core.flags.Reason`.

    Raises
    ------
    InputError
        Times that fall, or limits in the wrong order.
    """
    from ghg.core.jit import spread
    from sensors.analysis._kernels import checks

    y = np.ascontiguousarray(values, np.float64)
    t = np.arange(y.size, dtype=np.float64) if seconds is None else np.ascontiguousarray(seconds, np.float64)
    if y.ndim != 1 or t.shape != y.shape:
        raise InputError("times and values do not match", found=f"{t.shape} and {y.shape}")
    if seconds is not None and (np.diff(t) < 0).any():
        raise InputError("the times are not in order", need="times that do not fall")
    for name, (low, high) in (("possible", limits.possible), ("likely", limits.likely)):
        if not low <= high:
            raise InputError(f"the {name} range is upside down", found=f"{low} to {high}")
    if not (2 <= limits.flat <= limits.flat_bad and limits.spike <= limits.spike_bad and limits.tolerance >= 0):
        raise InputError("the limit of bad values lies below that of suspect ones", where="flat or spike")
    flag, reason = np.empty(y.size, np.int8), np.empty(y.size, np.int32)
    numbers = (*limits.possible, *limits.likely, limits.spike, limits.spike_bad, limits.rate, limits.tolerance)
    runs = (int(limits.flat), int(limits.flat_bad))
    spread(checks.four_tests, -(-y.size // checks.BLOCK), y, t, tuple(map(float, numbers)), runs, reason, flag)
    return flag, reason


def check_series(ds: xr.Dataset, name: str, limits: Limits) -> xr.Dataset:
    """Return the Dataset with flags and reasons of the four tests merged into those of a variable along time."""
    from ghg.core.flags import Flag, Reason, flag_attributes, merge_flags, merge_reasons

    if name not in ds or ds[name].dims != ("time",):
        raise InputError(f"variable '{name}' is missing or not a series along time", found=", ".join(map(str, ds)))
    seconds = (ds["time"].values - ds["time"].values[:1]).astype("timedelta64[ns]").astype(np.int64) / 1e9
    flag, reason = four_tests(ds[name].values, limits, seconds=seconds)
    result = ds.copy()
    for partner, new, enum, merge in (("flag", flag, Flag, merge_flags), ("reason", reason, Reason, merge_reasons)):
        label = f"{name}_{partner}"
        both = merge(ds[label].values, new) if label in ds else new
        words = {"long_name": f"{name}, {partner}", **flag_attributes(enum)}
        result[label] = (("time",), both, ds[label].attrs if label in ds else words)
    return result
