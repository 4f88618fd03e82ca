"""What all readers of NetCDF footprints share: opening, axes in order, units, time conventions, joining files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.files import is_netcdf, open_input
from ghg.core.limits import DAMAGED_NETCDF
from inversion.footprints import UNIT, Footprints, Piece
from inversion.regrid import axis

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Axes", "axes_of", "hours", "join", "opened", "pick", "scale_of", "starts_of"]

Array = npt.NDArray[np.float64]
LABELS = ("left", "centre", "right")


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[xr.Dataset]:
    """Open a NetCDF file lazily, with one sentence where it cannot be read."""
    import xarray as xr
    from xarray.backends import NetCDF4DataStore

    from ghg.core._library import dataset

    given = open_input(path)
    if not is_netcdf(given):
        raise InputError("this is no NetCDF file", where=str(given))
    message = "the NetCDF file is damaged or cut off"
    try:
        with dataset(given) as nc, xr.open_dataset(NetCDF4DataStore(nc), engine="store", chunks=None) as ds:
            message = "the NetCDF file is damaged, or not of the form that is read"
            yield ds
    except DAMAGED_NETCDF as error:
        raise InputError(message, where=str(given), found=str(error).split("\n")[0][:120]) from error  # fmt: skip


@dataclass(frozen=True)
class Axes:
    """Latitude and longitude in ascending order, and how to bring the file's arrays into it."""

    names: tuple[str, str]
    latitude: Array
    longitude: Array
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    notes: tuple[str, ...]

    def order(self, values: npt.NDArray) -> npt.NDArray:
        """Return values (..., lat, lon) of the file in ascending order."""
        if self.notes:
            return values[..., self.rows[:, None], self.columns[None, :]]
        return values


def axes_of(ds: xr.Dataset, where: str, names: tuple[str, str] | None = None) -> Axes:
    """Find latitude and longitude; descending latitudes are turned, longitudes of 0 to 360 shifted."""
    found = names or next((n for n in (("lat", "lon"), ("latitude", "longitude")) if set(n) <= set(ds.variables)), None)
    if found is None:
        raise InputError("there are no latitudes and longitudes", where=where, found=", ".join(map(str, ds.coords)),
                         need="lat and lon, or latitude and longitude")  # fmt: skip
    lat, lon = (np.asarray(ds[n].values, np.float64) for n in found)
    if lat.ndim != 1 or lon.ndim != 1:
        raise InputError(f"{found[0]} and {found[1]} are no axes", where=where,
                         found=f"shapes {lat.shape}, {lon.shape}", need="one dimension each",
                         hint="bring the field to a regular grid first")  # fmt: skip
    notes = []
    rows, columns = np.arange(lat.size), np.arange(lon.size)
    if lat.size > 1 and lat[0] > lat[-1]:
        rows = rows[::-1]
        notes.append("latitudes were descending and have been turned")
    if lon.size and lon.max() > 180.0 + 1e-3:
        shifted = np.where(lon > 180.0, lon - 360.0, lon)
        columns = np.argsort(shifted, kind="stable")
        lon = shifted
        notes.append("longitudes of 0 to 360 have been shifted to -180 to 180")
    return Axes(found, axis(lat[rows], "latitude", where), axis(lon[columns], "longitude", where), rows, columns,
                tuple(notes))  # fmt: skip


def scale_of(ds: xr.Dataset, name: str, where: str, units: str = "", need: str = UNIT) -> float:
    """Return the factor from the unit of a variable to `need`.

    Raises
    ------
    UnitError
        No unit, or one of another kind.
    """
    from ghg.core.errors import UnitError
    from ghg.core.units import factor

    found = units or str(ds[name].attrs.get("units", "")).strip()
    if not found:
        raise UnitError(f"'{name}' has no unit", where=where, need=f"a unit convertible to '{need}'",
                        hint="state it with the option units, if you know it")  # fmt: skip
    if need == "mol mol-1" and re.fullmatch(r"1(?:\.0*)?[eE]-?\d+", found):
        return float(found)  # OpenGHG writes mole fractions as a bare power of ten
    try:
        return factor(found, need, name=f"'{name}'")
    except UnitError as error:
        raise UnitError(error.what, where=where, found=error.found, need=error.need, hint=error.hint) from error


def starts_of(ds: xr.Dataset, where: str, label: str = "") -> tuple[npt.NDArray[np.datetime64], float]:
    """Return the starts of the averaging intervals and their length [s]."""
    if "time" not in ds.variables:
        raise InputError("there is no time", where=where, found=", ".join(map(str, ds.coords)))
    stamps = np.atleast_1d(ds["time"].values)
    if stamps.dtype.kind != "M" or np.isnat(stamps).any():
        raise InputError("the times cannot be read", where=where, found=str(stamps.dtype))
    stamps = stamps.astype("datetime64[ns]")
    attrs = ds["time"].attrs
    told = label or str(attrs.get("label", "")).strip().lower().replace("center", "centre")
    if told not in LABELS:
        raise InputError("the file does not say whether its times are the start or the end of the averaging interval",
                         where=where, found=f"label '{told}'" if told else "no attribute 'label' of time",
                         need="left, centre or right", hint="state it with the option label")  # fmt: skip
    match = re.match(r"\s*([0-9.]+)\s*(h|hour|hours|hr|hrs|min|minutes|s|seconds)\s*$", str(attrs.get("period", "")))
    if match:
        period = float(match[1]) * {"h": 3600.0, "m": 60.0, "s": 1.0}[match[2][0]]
    elif stamps.size > 1:
        period = float(np.median(np.diff(stamps) / np.timedelta64(1, "s")))
    else:
        period = 3600.0
    back = np.timedelta64(round({"left": 0.0, "centre": 0.5, "right": 1.0}[told] * period * 1e9), "ns")
    starts: Any = stamps - back
    return starts, period


def hours(late: Any, early: Any) -> Array:
    """Return the hours between times (datetime64, broadcast)."""
    return (late - early) / np.timedelta64(1, "h")


def pick(variable: xr.DataArray, rows: npt.NDArray[np.int64], dims: Sequence[str], axes: Axes) -> Array:
    """Read rows of a variable in the order of `dims` (time first), in ascending order of the axes, float64."""
    index: Any = rows
    if rows.size > 1 and (np.diff(rows) == 1).all():
        index = slice(int(rows[0]), int(rows[-1]) + 1)  # one block is read faster than a list
    values = variable.isel({dims[0]: index}).transpose(*dims).values
    return np.ascontiguousarray(axes.order(values), dtype=np.float64)


def join(parts: Sequence[Footprints]) -> Footprints:
    """Join files of one receptor, in order of time.

    Raises
    ------
    InputError
        Their grids, lags or intervals differ, or a time occurs twice.
    """
    first = parts[0]
    if len(parts) == 1 and (np.diff(first.time) > np.timedelta64(0, "ns")).all():
        return first
    for one in parts[1:]:
        if one.latitude.shape != first.latitude.shape or one.longitude.shape != first.longitude.shape or not (
            np.allclose(one.latitude, first.latitude, atol=1e-4)
            and np.allclose(one.longitude, first.longitude, atol=1e-4)
        ):  # fmt: skip
            raise InputError("the footprints are on different grids", where=one.where,
                             found=f"{one.latitude.size} x {one.longitude.size} cells",
                             need=f"the grid of {first.where}")  # fmt: skip
        same = (one.lags is None) == (first.lags is None)
        if one.site != first.site or one.period != first.period or not same:
            found, need = (f"{p.site}, {p.period:g} s" for p in (one, first))
            raise InputError("the footprints do not belong together", where=one.where, found=found, need=need)
        if one.lags is not None and first.lags is not None and not np.array_equal(one.lags, first.lags):
            raise InputError("the footprints are resolved in different lags", where=one.where)
    time = np.concatenate([p.time for p in parts])
    file = np.repeat(np.arange(len(parts)), [p.size for p in parts])
    row: Any = np.concatenate([np.arange(p.size) for p in parts])
    order = np.argsort(time, kind="stable")
    time, file, row = time[order], file[order], row[order]
    if twice := int((np.diff(time) <= np.timedelta64(0, "ns")).sum()):
        again = time[1:][np.diff(time) <= np.timedelta64(0, "ns")]
        raise InputError("times of footprints occur twice", where=first.where,
                         found=f"{twice}, the first {np.datetime_as_string(again[0], unit='m')}Z")  # fmt: skip

    def load(index: npt.NDArray[np.int64]) -> Piece:
        pieces = [parts[f].load(row[index[file[index] == f]]) for f in np.unique(file[index])]
        place = np.argsort(np.concatenate([np.flatnonzero(file[index] == f) for f in np.unique(file[index])]))
        total = np.concatenate([p.total for p in pieces])[place]
        if first.lags is None:
            return Piece(total)
        return Piece(total, np.concatenate([p.resolved for p in pieces if p.resolved is not None])[place])

    def exits(index: npt.NDArray[np.int64]) -> dict[str, Array]:
        found: dict[str, list[Array]] = {}
        for i in index:  # one after the other: exits are small
            read = parts[int(file[i])].exits
            assert read is not None
            for side, values in read(row[[i]]).items():
                found.setdefault(side, []).append(values)
        return {side: np.concatenate(values) for side, values in found.items()}

    return replace(first, time=time, load=load, exits=exits if all(p.exits for p in parts) else None,
                   attrs={**first.attrs, "files": len(parts)})  # fmt: skip
