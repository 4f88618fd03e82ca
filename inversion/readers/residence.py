"""Native residence times of FLEXPART and HYSPLIT in a surface layer, s m3 kg-1, to footprints.

A flux of one mole per square metre and second, mixed into a layer of h metres, raises the mole fraction by
M_air / h for each s m3 kg-1 of residence (Seibert & Frank 2004, Atmos. Chem. Phys. 4, 51-63, section 2; the density
of the air is in the residence already). M_air = 0.0289647 kg mol-1 (ICAO standard atmosphere, Doc 7488).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.footprints import UNIT, Footprints, Piece
from inversion.readers._netcdf import axes_of, hours, opened, pick, scale_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["MOLAR_MASS_AIR", "read_flexpart", "read_hysplit"]

MOLAR_MASS_AIR = 0.0289647
NATIVE = "s m3 kg-1"
MOST_LAGS = 10_000  # a year of hours and more: a wrong time would ask for all the memory
_HOUR = np.timedelta64(1, "h")


def read_flexpart(
    path: str | os.PathLike[str], *, site: str = "", units: str = "", label: str = "", variable: str = "spec001_mr"
) -> Footprints:
    """Open native output of a backward run of FLEXPART: ``spec001_mr`` (nageclass, pointspec, time, height, lat, lon).

    Releases are ``pointspec``; the lowest layer of the output reaches to ``height[0]``; times are the ends of the
    output intervals in the sense of the run, so the earlier side of each interval.
    """
    where = str(path)
    with opened(path) as ds:
        axes = axes_of(ds, where)
        scale = scale_of(ds, variable, where, units, NATIVE)
        if missing := {"height", "RELSTART", "RELEND"} - set(map(str, ds.variables)):
            raise InputError("the file lacks what its residence times need", where=where, found="no " +
                             ", ".join(sorted(missing)), need="height, RELSTART and RELEND")  # fmt: skip
        layer = float(np.asarray(ds["height"].values).ravel()[0])
        if not 0.0 < layer < np.inf:
            raise InputError("the lowest layer has no depth", where=f"{where}, height", found=f"{layer:g}", need="m")
        starts = _moments(ds, where)
        output, step = _times(ds, where)
        dims = ("pointspec", "time", *axes.names)
    if not starts.size or np.isnat(starts).any():
        raise InputError("the times of the releases cannot be read", where=where, need="RELSTART and RELEND")
    back = hours(starts[:, None], output[None, :])
    last = int(np.ceil((back.max() - 1e-9) / step)) if output.size > 1 else 0
    if last > MOST_LAGS:
        raise InputError("the output ends too far before its releases", where=where,
                         found=f"{last} intervals of {step:g} h", need=f"at most {MOST_LAGS}",
                         hint="a time may be wrong")  # fmt: skip
    marks = np.arange(last + 1, dtype=np.float64)
    lags = np.stack([step * marks[:-1], step * marks[1:]], axis=1) if last else None

    def load(rows: npt.NDArray[np.int64]) -> Piece:
        with opened(path) as ds:
            source = ds[variable].isel(height=0)
            source = source.isel(nageclass=0) if "nageclass" in source.dims else source
            values = scale * MOLAR_MASS_AIR / layer * pick(source, rows, dims, axes)
        if lags is None:
            return Piece(values.sum(axis=1))
        out = np.zeros((rows.size, last, *values.shape[2:]))
        for k, row in enumerate(rows):
            place = np.ceil(back[row] / step - 1e-9).astype(int) - 1
            seen = (place >= 0) & (place < last)
            np.add.at(out[k], place[seen], values[k, seen])
            out[k, 0] += values[k, place < 0].sum(axis=0)
        return Piece(out.sum(axis=1), out)

    name = site or Path(where).stem
    return Footprints(name.upper(), starts, 3600.0 * step, axes.latitude, axes.longitude, load, lags,
                      attrs={"file": where, "model": "FLEXPART", "layer": layer})  # fmt: skip


def _moments(ds, where: str) -> npt.NDArray[np.datetime64]:
    """Return the middle of each release: seconds after the end date of the run, which a backward run starts from."""
    date, clock = str(ds.attrs.get("iedate", "")), str(ds.attrs.get("ietime", "")).zfill(6)
    if len(date) != 8 or not date.isdigit() or not clock.isdigit():
        raise InputError("the file does not tell when the run began", where=where, found=f"iedate '{date}'",
                         need="attributes iedate and ietime")  # fmt: skip
    begin = np.datetime64(f"{date[:4]}-{date[4:6]}-{date[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}", "ns")
    sides = []
    for name in ("RELSTART", "RELEND"):
        values = np.atleast_1d(ds[name].values)
        seconds = values / np.timedelta64(1, "s") if values.dtype.kind == "m" else values.astype(np.float64)
        sides.append(seconds)
    return begin + (0.5e9 * (sides[0] + sides[1])).round().astype("timedelta64[ns]")


def _times(ds: xr.Dataset, where: str) -> tuple[npt.NDArray[np.datetime64], float]:
    """Return the times of the intervals, and their length [h]; one interval alone counts as an hour."""
    stamps = np.atleast_1d(ds["time"].values)
    if stamps.dtype.kind != "M" or np.isnat(stamps).any():
        raise InputError("the times cannot be read", where=where, found=str(stamps.dtype))
    stamps = stamps.astype("datetime64[ns]")
    if stamps.size < 2:
        return stamps, 1.0
    step = float(np.abs(np.median(np.diff(stamps) / _HOUR)))
    if not step > 0.0:
        raise InputError("the intervals have no length: times occur twice", where=where,
                         found=f"{np.datetime_as_string(stamps[0], unit='m')}Z")  # fmt: skip
    return stamps, step


def read_hysplit(
    path: str | os.PathLike[str], *, site: str = "", units: str = "", label: str = "", variable: str = "foot",
    layer: float = 0.0, time: str = "",
) -> Footprints:  # fmt: skip
    """Open one receptor of HYSPLIT converted to NetCDF: `variable` (time, [level], lat, lon).

    Parameters
    ----------
    path, site, units, variable : str
        Residence times in s m3 kg-1 need `layer`; footprints in ppm (umol-1 m2 s) do not.
    layer : float
        Depth of the surface layer, m.
    time : str
        Time of the receptor, UTC.
    label : str
        Whether the times of the file mark the "left" or "right" end of the sampling intervals.
    """
    from ghg.core.units import is_compatible

    where = str(path)
    if not time:
        raise InputError("the time of the receptor is missing", where=where, hint="state it with the option time")
    if label not in ("left", "right"):
        raise InputError("the file does not say whether its times are the start or the end of the sampling interval",
                         where=where, need="left or right", hint="state it with the option label")  # fmt: skip
    moment = np.datetime64(time.rstrip("Z"), "ns")
    with opened(path) as ds:
        if variable not in ds:
            raise InputError(f"there is no '{variable}'", where=where, found=", ".join(map(str, ds.data_vars)))
        axes = axes_of(ds, where)
        told = units or str(ds[variable].attrs.get("units", ""))
        native = bool(told) and is_compatible(told, NATIVE)
        if native and not layer > 0.0:
            raise InputError("residence times need the depth of the surface layer", where=where, found=f"'{told}'",
                             need="m", hint="state it with the option layer")  # fmt: skip
        scale = scale_of(ds, variable, where, units, NATIVE if native else UNIT)
        scale *= MOLAR_MASS_AIR / layer if native else 1.0
        stamps, step = _times(ds, where)
        level = next((str(d) for d in ds[variable].dims if d not in ("time", *axes.names)), "")
    early = hours(moment, stamps) + (step if label == "right" else 0.0)
    order = np.argsort(early, kind="stable")
    if early.min() < step - 1e-6:
        raise InputError("sampling intervals lie after the receptor", where=where,
                         found=f"{np.datetime_as_string(stamps.max(), unit='m')}Z",
                         need=f"to end by {np.datetime_as_string(moment, unit='m')}Z")  # fmt: skip
    lags = np.stack([early[order] - step, early[order]], axis=1) if stamps.size > 1 else None

    def load(rows: npt.NDArray[np.int64]) -> Piece:
        with opened(path) as ds:
            source = ds[variable].isel({level: 0}) if level else ds[variable]
            every = scale * pick(source, np.arange(stamps.size), ("time", *axes.names), axes)[order]
        whole = np.repeat(every[None], rows.size, axis=0)
        return Piece(whole.sum(axis=1), None if lags is None else whole)

    return Footprints((site or Path(where).stem).upper(), np.array([moment]), 3600.0, axes.latitude, axes.longitude,
                      load, lags, attrs={"file": where, "model": "HYSPLIT"})  # fmt: skip
