"""Footprints of NAME, OpenGHG and the PARIS form (NAME, FLEXPART): integrated, resolved in time, nested domains.

NAME and OpenGHG: ``fp`` (lat, lon, time), ``fp_HiTRes`` (lat, lon, time, H_back) whose last step is the remainder.
PARIS: ``srr`` (time, latitude, longitude), ``srr_time_resolved`` with a dimension of lags, ``srr_residual``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.footprints import Footprints, Piece
from inversion.readers._netcdf import Axes, axes_of, opened, pick, scale_of, starts_of
from inversion.regrid import Regrid

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read", "read_nested"]

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_LETTERS = {"north": "n", "east": "e", "south": "s", "west": "w"}
_KEPT = ("model", "met_model", "metmodel", "model_version", "species", "domain", "inlet_height")


def read(
    path: str | os.PathLike[str], *, site: str = "", units: str = "", label: str = "", resolved: bool = True
) -> Footprints:
    """Open a file of NAME, OpenGHG or the PARIS form; see :func:`inversion.readers.read_footprints`.

    ``resolved=False`` leaves the resolution in time aside.
    """
    where = str(path)
    with opened(path) as ds:
        main = "fp" if "fp" in ds else "srr"
        if main not in ds:
            raise InputError("there is no footprint", where=where, found=", ".join(map(str, ds.data_vars)),
                             need="fp or srr")  # fmt: skip
        receptor = next((d for d in ("site",) if d in ds[main].dims), "")
        if receptor and ds.sizes[receptor] != 1:
            raise InputError("the file holds several sites", where=where, found=f"{ds.sizes[receptor]} sites",
                             hint="split it, one file for each site")  # fmt: skip
        axes = axes_of(ds, where)
        if missing := {"time", *axes.names} - set(map(str, ds[main].dims)):
            raise InputError(f"'{main}' lacks a dimension", where=where, found=", ".join(map(str, ds[main].dims)),
                             need=", ".join(sorted(missing)))  # fmt: skip
        time, period = starts_of(ds, where, label)
        scale = scale_of(ds, main, where, units)
        fine = next((n for n in ("fp_HiTRes", "srr_time_resolved") if resolved and n in ds), "")
        lag_dim, lags = _lags(ds, fine, where) if fine else ("", None)
        fine_scale = scale_of(ds, fine, where, units) if fine and ds[fine].attrs.get("units") else scale
        heights = np.asarray(ds["height"].values, np.float64) if "height" in ds.variables else None
        leaves = all(f"particle_locations_{k}" in ds for k in _LETTERS.values())
        attrs = {k: str(ds.attrs[k]).strip() for k in _KEPT if k in ds.attrs}
        name = site or str(ds.attrs.get("site", "")).strip() or _prefix(where)

    def load(rows: Rows) -> Piece:
        with opened(path) as ds:
            one = ds.isel(site=0) if receptor else ds
            total = scale * pick(one[main], rows, ("time", *axes.names), axes)
            if lags is None:
                return Piece(total)
            source = one[fine].isel({lag_dim: slice(0, len(lags))})
            return Piece(total, fine_scale * pick(source, rows, ("time", lag_dim, *axes.names), axes))

    def exits(rows: Rows) -> dict[str, Array]:
        with opened(path) as ds:
            one = ds.isel(site=0) if receptor else ds
            return {side: _exit(one[f"particle_locations_{k}"], rows, axes, side) for side, k in _LETTERS.items()}

    notes = {"notes": "; ".join(axes.notes)} if axes.notes else {}
    return Footprints(name.upper(), time, period, axes.latitude, axes.longitude, load, lags,
                      exits if leaves else None, heights, {"file": where, **attrs, **notes})  # fmt: skip


def _prefix(where: str) -> str:
    from pathlib import Path

    return Path(where).name.split("-")[0].split("_")[0]


def _lags(ds: xr.Dataset, fine: str, where: str) -> tuple[str, Array]:
    """Return the dimension of lags and the hours at which each begins and ends; the remainder of NAME is left out."""
    known = ("H_back", "lag", "hours_back", "time_back", "back_time")
    dim = next((d for d in known if d in ds[fine].dims), "")
    if not dim:
        raise InputError(f"'{fine}' has no dimension of hours before the observation", where=where,
                         found=", ".join(map(str, ds[fine].dims)), need=" or ".join(known))  # fmt: skip
    marks = ds[dim].values
    begin = marks / np.timedelta64(1, "h") if marks.dtype.kind == "m" else np.asarray(marks, np.float64)
    steps = np.diff(begin)
    if begin.size < 2 or (steps <= 0.0).any() or np.ptp(steps) > 1e-6:
        raise InputError(
            "the lags are not ascending in even steps", where=f"{where}, {dim}", found=f"{begin.size} lags"
        )
    begin = begin[:-1] if fine == "fp_HiTRes" else begin  # the last step of NAME holds the rest of the travel
    return dim, np.stack([begin, begin + steps[0]], axis=1)


def _exit(variable: xr.DataArray, rows: Rows, axes: Axes, side: str) -> Array:
    along = axes.names[1] if side in ("north", "south") else axes.names[0]
    values = variable.isel(time=rows).transpose("time", "height", along).values
    return np.asarray(values[..., axes.columns if along == axes.names[1] else axes.rows], np.float64)


def read_nested(path: str | os.PathLike[str], *, site: str = "", units: str = "", label: str = "") -> Footprints:
    """Open nested footprints: ``fp_low`` on the whole domain, ``fp_high`` on a finer part of it.

    The result is on the coarse grid: each coarse cell keeps the share of its area outside the fine domain, and gets the
    fine cells that lie in it.
    """
    where = str(path)
    with opened(path) as ds:
        coarse = axes_of(ds, where, ("lat", "lon"))
        fine = axes_of(ds, where, ("lat_high", "lon_high"))
        time, period = starts_of(ds, where, label)
        scale = scale_of(ds, "fp_low", where, units)
        name = site or str(ds.attrs.get("site", "")).strip() or _prefix(where)
    grids = (coarse.latitude, coarse.longitude), (fine.latitude, fine.longitude)

    def pieces(rows: Rows) -> tuple[Array, Array]:
        with opened(path) as ds:
            low = scale * pick(ds["fp_low"], rows, ("time", *coarse.names), coarse)
            return low, scale * pick(ds["fp_high"], rows, ("time", *fine.names), fine)

    inside = Regrid.between(grids[0], grids[1]).covered()
    moved = Regrid.between(grids[1], grids[0])

    def load(rows: Rows) -> Piece:
        low, high = pieces(rows)
        return Piece(low * (1.0 - inside) + moved.footprint(high))

    attrs = {"file": where, "nested": f"{fine.latitude.size} x {fine.longitude.size} fine cells"}
    return Footprints(name.upper(), time, period, coarse.latitude, coarse.longitude, load, attrs=attrs)
