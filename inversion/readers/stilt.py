"""Footprints of STILT: one file for each receptor and time, ``foot`` (time, lat, lon) in ppm (umol-1 m2 s).

The times of the file are the starts of the hours of flux; the receptor is in the name of the file,
``<yyyymmddHHMM>_<longitude>_<latitude>_<height>_foot.nc`` (STILT documentation, Output files).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.footprints import Footprints, Piece
from inversion.readers._netcdf import axes_of, hours, opened, pick, scale_of

__all__ = ["read", "receptor"]

_NAME = re.compile(r"(\d{12}|\d{10})_(-?[\d.]+)_(-?[\d.]+)_([-\w.]+?)_foot\.nc$")


def receptor(path: str | os.PathLike[str]) -> tuple[np.datetime64, float, float, str] | None:
    """Return time, longitude, latitude and height of the receptor from the name of a file, None where it has another.

    Examples
    --------
    >>> receptor("201506181900_-112_40.5_5_foot.nc")[1:]
    (-112.0, 40.5, '5')
    """
    match = _NAME.search(Path(path).name)
    if match is None:
        return None
    stamp = match[1].ljust(12, "0")
    time = np.datetime64(f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[8:10]}:{stamp[10:12]}", "ns")
    return time, float(match[2]), float(match[3]), match[4]


def read(
    path: str | os.PathLike[str], *, site: str = "", units: str = "", time: str = "", label: str = ""
) -> Footprints:
    """Open one footprint of STILT; see :func:`inversion.readers.read_footprints`.

    Parameters
    ----------
    path, site, units : str
    time : str
        Time of the receptor (UTC), where the name of the file does not tell it.
    label : str
        Not used: a receptor is a moment; its hour is taken.
    """
    where = str(path)
    named = receptor(path)
    if named is None and not time:
        raise InputError("the name of the file does not tell the time of the receptor", where=where,
                         need="<yyyymmddHHMM>_<longitude>_<latitude>_<height>_foot.nc",
                         hint="state it with the option time")  # fmt: skip
    try:
        moment = np.datetime64(time.rstrip("Z"), "ns") if time or named is None else named[0]
    except ValueError as error:
        raise InputError("the time of the receptor cannot be read", where=where, found=time) from error
    with opened(path) as ds:
        axes = axes_of(ds, where)
        scale = scale_of(ds, "foot", where, units)
        starts = np.atleast_1d(ds["time"].values).astype("datetime64[ns]")
        attrs = {"file": where, "model": "STILT"}
    back = hours(moment, starts)
    order = np.argsort(back, kind="stable")
    if (back < -1e-6).any():
        raise InputError("hours of flux lie after the receptor", where=where,
                         found=f"{np.datetime_as_string(starts.max(), unit='m')}Z",
                         need=f"before {np.datetime_as_string(moment, unit='m')}Z",
                         hint="the times must be UTC, the starts of hours")  # fmt: skip
    lags = np.stack([np.maximum(back[order] - 1.0, 0.0), back[order]], axis=1) if starts.size > 1 else None

    def load(rows: npt.NDArray[np.int64]) -> Piece:
        with opened(path) as ds:
            every = scale * pick(ds["foot"], np.arange(starts.size), ("time", *axes.names), axes)[order]
        whole = np.repeat(every[None], rows.size, axis=0)
        return Piece(whole.sum(axis=1), None if lags is None else whole)

    if named is not None:
        attrs |= {"receptor_longitude": str(named[1]), "receptor_latitude": str(named[2]), "inlet_height": named[3]}
    label_of = site or (f"{named[1]:g}_{named[2]:g}_{named[3]}" if named else Path(path).stem)
    return Footprints(label_of.upper(), np.array([moment]), 3600.0, axes.latitude, axes.longitude, load, lags,
                      attrs=attrs)  # fmt: skip
