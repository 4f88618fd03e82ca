"""The grid that a job asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from ghg.core.config import Model
from ghg.core.errors import ConfigError
from ghg.core.files import open_input
from inventories.grid import ellipsoid, projections
from inventories.grid.fields import grid_of, rising
from inventories.grid.grids import LonLat, Projected
from inventories.grid.transverse import utm
from inventories.grid.wrf import from_wrfinput, is_wrf
from inventories.jobs.gridded import read_gridded

if TYPE_CHECKING:
    from ghg.core.provenance import Record
    from inventories.grid.grids import Grid

__all__ = ["TargetGrid", "target_grid"]


class TargetGrid(Model):
    """A grid: like that of a file, regular in longitude and latitude, or regular on a projection."""

    like: str = Field("", description="NetCDF file whose grid is taken; a wrfinput file gives the WRF domain")
    west: float | None = None
    south: float | None = None
    step: float | tuple[float, float] | None = Field(None, description="degrees, or metres on a projection")
    shape: tuple[int, int] | None = Field(None, description="rows, columns")
    projection: Literal["lonlat", "lambert", "utm", "rotated_pole", "mercator", "stereographic", "laea"] = "lonlat"
    parallels: tuple[float, float] | None = None
    origin: tuple[float, float] | None = Field(None, description="longitude, latitude")
    zone: int | None = None
    hemisphere: Literal["north", "south"] = "north"
    ellipsoid: Literal["WGS84", "GRS80", "WRF", "sphere"] = "WGS84"

    @model_validator(mode="after")
    def _whole(self) -> TargetGrid:
        if not self.like and None in (self.west, self.south, self.step, self.shape):
            raise ValueError("a target needs 'like', or west, south, step and shape")
        if self.shape is not None and min(self.shape) < 1:
            raise ValueError("a grid needs at least one row and one column")
        return self


def target_grid(target: TargetGrid, base: Path, record: Record | None = None) -> Grid:
    """Return the grid a job asks for.

    Raises
    ------
    ConfigError or InputError
        Something is missing for the projection, or the file has no grid.
    """
    if target.like:
        return _like(base / target.like, record)
    assert target.west is not None and target.south is not None
    assert target.step is not None and target.shape is not None
    figure = _figure(target.ellipsoid)
    if target.projection == "lonlat":
        return LonLat.regular(target.west, target.south, target.step, target.shape, figure)
    dx, dy = target.step if isinstance(target.step, tuple) else (target.step, target.step)
    ny, nx = target.shape
    return Projected(_projection(target, figure), _edges(target.west, dx, nx), _edges(target.south, dy, ny))


def _edges(first: float, step: float, count: int) -> Any:
    return first + step * np.arange(count + 1)


def _figure(name: str) -> Any:
    found = {"WGS84": ellipsoid.WGS84, "GRS80": ellipsoid.GRS80, "WRF": ellipsoid.WRF_SPHERE}
    return found.get(name, ellipsoid.AUTHALIC_SPHERE)


def _need(target: TargetGrid, key: str) -> Any:
    value = getattr(target, key)
    if value is None:
        raise ConfigError("the key is missing", where=f"key 'target.{key}'", need=f"for projection {target.projection}")
    return value


def _projection(target: TargetGrid, figure: Any) -> Any:
    if target.projection == "utm":
        return utm(_need(target, "zone"), target.hemisphere == "south", figure)
    lon, lat = _need(target, "origin")
    if target.projection == "rotated_pole":
        return projections.RotatedPole(lon, lat, 0.0, figure)
    if target.projection == "laea":
        return projections.LambertAzimuthal(lat, lon, ellipsoid=figure)
    one, two = _need(target, "parallels")
    if target.projection == "lambert":
        return projections.LambertConformal(one, two, lat, lon, ellipsoid=figure)
    kind = projections.Mercator if target.projection == "mercator" else projections.PolarStereographic
    return kind(one, lon, ellipsoid=figure)


def _like(path: Path, record: Record | None) -> Grid:
    open_input(path, where="key 'target.like'")
    if record is not None:
        record.use(path, "target grid")
    return from_wrfinput(path) if is_wrf(path) else grid_of(rising(read_gridded(path)))
