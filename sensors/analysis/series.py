"""One variable of a Dataset as a series: times in order, flagged values left out, units known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.flags import Flag

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Series", "decimal_years", "from_decimal_years", "on_grid", "series"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """A series in the order of time.

    Parameters
    ----------
    name, units : str
        Name and unit of the variable.
    time : (n,) datetime64[ns]
        UTC, not decreasing; stamps may repeat (flasks come in pairs).
    values : (n,) float64
        NaN is missing, flagged as bad, or not finite.
    attrs : dict
        Attributes of the variable.
    order : (n,) int64
        Places of the values in the Dataset.
    """

    name: str
    units: str
    time: npt.NDArray[Any]
    values: Float
    attrs: dict[str, Any]
    order: npt.NDArray[np.int64]

    @property
    def years(self) -> Float:
        """Return the decimal years of the stamps."""
        return decimal_years(self.time)


def series(ds: xr.Dataset, name: str | None = None, *, flagged: bool = False) -> Series:
    """Return one variable along time.

    Parameters
    ----------
    ds : Dataset
        With a coordinate ``time`` (datetime64, UTC).
    name : str, optional
        Variable; by default the only one along time that is no flag, reason or uncertainty.
    flagged : bool
        Keep values whose flag is BAD or MISSING.

    Raises
    ------
    InputError
        No such variable, no time, no unit, more than one source, or no value at all.
    """
    name = _chosen(ds, name)
    array = ds[name]
    for dim in [d for d in array.dims if d != "time"]:
        if array.sizes[dim] != 1:
            raise InputError(f"variable '{name}' holds several series", found=f"{array.sizes[dim]} along {dim}",
                             need="one", hint=f"choose one along {dim}")  # fmt: skip
        array = array.isel({dim: 0})
    time = ds["time"].values.astype("datetime64[ns]")
    if np.isnat(time).any():
        raise InputError("a record has no time", where=name)
    values = np.array(array.values, np.float64)
    if "units" not in array.attrs:
        raise InputError(f"variable '{name}' has no unit", need="attribute units")
    values[~np.isfinite(values)] = np.nan
    if not flagged and f"{name}_flag" in ds:
        flags = ds[f"{name}_flag"].values.reshape(values.shape)
        values[(flags == int(Flag.BAD)) | (flags == int(Flag.MISSING))] = np.nan
    if not np.isfinite(values).any():
        raise InputError("the series holds no usable value", where=name, found=f"{values.size} records")
    order = np.argsort(time, kind="stable")
    return Series(name, str(array.attrs["units"]), time[order], values[order], dict(array.attrs), order)


def _chosen(ds: xr.Dataset, name: str | None) -> str:
    from ghg.core.variables import split_partner

    if "time" not in ds.coords or ds["time"].dtype.kind != "M":
        raise InputError("the data have no times", found=", ".join(map(str, ds.coords)), need="coordinate time")
    along = [str(v) for v in ds.data_vars if ds[v].dims and "time" in ds[v].dims and ds[v].dtype.kind == "f"]
    main = [v for v in along if not split_partner(v)[1] and not v.endswith(("_sd", "_n"))]
    if name is None:
        measured = [v for v in main if f"{v}_flag" in ds]
        main = measured if len(measured) == 1 else main
        if len(main) != 1:
            raise InputError("the data hold more than one series", found=", ".join(main) or "none",
                             hint="name the variable")  # fmt: skip
        return main[0]
    if name not in along:
        raise InputError(f"variable '{name}' is missing", found=", ".join(main) or "none", need="a series along time")
    return name


def decimal_years(time: Any) -> Float:
    """Return decimal years: the year, and the elapsed share of its 365 or 366 days."""
    stamps = np.asarray(time).astype("datetime64[ns]")
    year = stamps.astype("datetime64[Y]")
    begin, end = year.astype("datetime64[ns]"), (year + 1).astype("datetime64[ns]")
    share = (stamps - begin).astype(np.int64) / (end - begin).astype(np.int64)
    return year.astype(np.int64) + 1970.0 + share


def from_decimal_years(years: Any) -> npt.NDArray[Any]:
    """Return datetime64[ns] of decimal years, to the second."""
    value = np.asarray(years, np.float64)
    whole = np.floor(value)
    year = (whole.astype(np.int64) - 1970).astype("datetime64[Y]")
    begin, end = year.astype("datetime64[s]"), (year + 1).astype("datetime64[s]")
    elapsed = np.round((value - whole) * (end - begin).astype(np.int64)).astype("timedelta64[s]")
    return (begin + elapsed).astype("datetime64[ns]")


def on_grid(found: Series, interval: float | None = None) -> tuple[Float, float]:
    """Return the values on a regular axis, NaN in the gaps, and its step in seconds.

    The step is the commonest between neighbouring stamps. A stamp goes to the nearest point of the axis; of several
    at one point the mean is taken.

    Raises
    ------
    InputError
        Fewer than two different stamps, or an axis out of proportion to the record.
    """
    seconds = (found.time - found.time[0]).astype(np.int64) / 1e9
    if interval is None:
        steps = np.diff(seconds)
        steps = steps[steps > 0]
        if steps.size == 0:
            raise InputError("the series has fewer than two different times", where=found.name)
        rounded, counts = np.unique(np.round(steps, 3), return_counts=True)
        interval = float(rounded[np.argmax(counts)]) if counts.max() > steps.size // 10 else float(np.median(steps))
    place = np.round(seconds / interval).astype(np.int64)
    size = int(place[-1]) + 1
    if size > max(100_000_000, 50 * found.values.size):
        raise InputError("the times do not fit a regular axis", where=found.name, found=f"steps of {interval:g} s",
                         hint="state the interval")  # fmt: skip
    there = np.isfinite(found.values)
    sums = np.bincount(place[there], found.values[there], size)
    counts = np.bincount(place[there], minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, sums / counts, np.nan), interval
