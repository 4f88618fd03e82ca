"""The grid of a WRF domain from its ``wrfinput`` file, held against the file's own latitudes and longitudes.

References
----------
Skamarock et al. (2019): A Description of the Advanced Research WRF Model Version 4, NCAR/TN-556+STR, chapter 3; the
model's Earth is a sphere of radius 6370 km.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.netcdf import opened
from inventories.grid.ellipsoid import WRF_SPHERE
from inventories.grid.grids import Projected
from inventories.grid.projections import LambertConformal, Mercator, PolarStereographic, Projection

__all__ = ["WRF_ATTRIBUTES", "from_wrfinput", "header"]

AGREE = 2e-3  # degrees: XLAT and XLONG are float32, written by the preprocessor
WRF_ATTRIBUTES = ("DX", "DY", "CEN_LAT", "CEN_LON", "TRUELAT1", "TRUELAT2", "STAND_LON", "MAP_PROJ", "MOAD_CEN_LAT",
                  "POLE_LAT", "POLE_LON", "GRID_ID", "MMINLU", "ISWATER")  # fmt: skip


def header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return global attributes, XLAT and XLONG of a ``wrfinput`` file.

    Raises
    ------
    InputError
        It is none, or its positions are no grid of rows and columns.
    """
    with opened(path) as nc:
        attrs = {key: nc.getncattr(key) for key in nc.ncattrs()}
        lack = [key for key in ("DX", "DY", "TRUELAT1", "TRUELAT2", "STAND_LON", "MAP_PROJ") if key not in attrs]
        lack += [name for name in ("XLAT", "XLONG") if name not in nc.variables]
        if lack:
            raise InputError("this is no wrfinput file", where=str(path), need=", ".join(lack))
        for name in ("XLAT", "XLONG"):
            values = np.asarray(nc.variables[name][...], np.float64)
            attrs[name] = values[0] if values.ndim == 3 else values
    lat, lon = attrs["XLAT"], attrs["XLONG"]
    if lat.ndim != 2 or lat.shape != lon.shape or not lat.size or not np.isfinite(lat + lon).all():
        raise InputError("the positions of the cells are missing, or no grid of rows and columns", where=str(path),
                         found=f"XLAT {lat.shape}, XLONG {lon.shape}", need="the same rows and columns")  # fmt: skip
    return attrs


def _number(found: dict[str, Any], key: str, where: str) -> float:
    value = np.asarray(found[key])
    if value.size != 1 or value.dtype.kind not in "iuf" or not np.isfinite(value).all():
        raise InputError(
            "the attribute is not a number", where=f"{where}, attribute '{key}'", found=str(found[key])[:60]
        )
    return float(value.item())


def from_wrfinput(path: str | os.PathLike[str]) -> Projected:
    """Return the mass grid of a WRF domain.

    Parameters
    ----------
    path : path
        ``wrfinput_d0*``, ``geo_em`` or ``wrfout``.

    Raises
    ------
    InputError
        No such file, a projection that is not known, or positions in the file that its projection does not give.
    """
    found = header(path)
    lat, lon = found["XLAT"], found["XLONG"]
    projection = _projection(found, str(path))
    x, y = projection.forward(lon, lat)
    ny, nx = lat.shape
    dx, dy = (_number(found, key, str(path)) for key in ("DX", "DY"))
    x0 = float(np.mean(x - dx * np.arange(nx)))
    y0 = float(np.mean(y - dy * np.arange(ny)[:, None]))
    grid = Projected(projection, x0 + dx * (np.arange(nx + 1) - 0.5), y0 + dy * (np.arange(ny + 1) - 0.5))
    glon, glat = grid.centres
    off = max(float(np.abs(glat - lat).max()), float(np.abs((glon - lon + 180.0) % 360.0 - 180.0).max()))
    if off > AGREE:
        raise InputError("the positions of the cells are not those of the projection", where=str(path),
                         found=f"up to {off:.3g} degrees off", need=f"below {AGREE} degrees")  # fmt: skip
    return grid


def _projection(found: dict[str, Any], where: str) -> Projection:
    kind, one, two, lon0 = (_number(found, key, where) for key in ("MAP_PROJ", "TRUELAT1", "TRUELAT2", "STAND_LON"))
    central = next((key for key in ("MOAD_CEN_LAT", "CEN_LAT") if key in found), "TRUELAT1")
    origin = _number(found, central, where)
    if kind == 1:
        return LambertConformal(one, two, origin, lon0, ellipsoid=WRF_SPHERE)
    if kind == 2:
        return PolarStereographic(one, lon0, ellipsoid=WRF_SPHERE)
    if kind == 3:
        return Mercator(one, lon0, ellipsoid=WRF_SPHERE)
    raise InputError("the map projection of the WRF domain is not known here", where=where,
                     found=f"MAP_PROJ = {kind:g}",
                     need="1 (Lambert), 2 (polar stereographic) or 3 (Mercator)")  # fmt: skip


def is_wrf(path: str | os.PathLike[str]) -> bool:
    """Tell whether a NetCDF file is one of WRF."""
    with opened(path) as nc:
        return "MAP_PROJ" in nc.ncattrs() and "XLAT" in nc.variables
