"""Jobs of regridding and expansion: the models of their TOML files, and what they do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from ghg.core.config import Model
from ghg.core.errors import ConfigError, InputError

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record
    from inventories.grid.grids import Grid

__all__ = ["ExpandJob", "MergeJob", "RegridJob", "TargetGrid", "run_expand", "run_merge", "run_regrid", "target_grid"]

FIGURES = ("WGS84", "GRS80", "WRF", "sphere")


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


class RegridJob(Model):
    """``ghg inventories regrid``."""

    input: str = Field(description="NetCDF file of gridded emissions")
    target: TargetGrid
    year: int | None = Field(None, description="year of emissions without time: the ledger is then in kg")
    outside: Literal["allow", "refuse"] = "allow"
    missing: Literal["refuse", "zero"] = "refuse"


class ProfileFiles(Model):
    """Tables of profiles by sector."""

    month: str
    weekday: str
    hour: str


class ExpandJob(Model):
    """``ghg inventories expand``."""

    input: str = Field(description="NetCDF file of gridded annual emissions")
    year: int
    profiles: ProfileFiles | None = Field(None, description="without: the same rate in all hours")
    sectors: dict[str, str] = Field(default_factory=dict, description="sector of the file -> sector of the profiles")
    sector: str = Field("", description="sector of the profiles for emissions without a dimension sector")
    timezone: str = Field("", description="of all cells; without: the zone_index of the file, else UTC; 'longitude': "
                          "the full hour nearest to local mean time, cell by cell")  # fmt: skip
    holidays: str = Field("", description="country whose holidays count as Sundays")
    by_sector: bool = False
    bits: int = Field(0, ge=0, le=22, description="bits of the significand that are kept; 0 for all")
    compression: int = Field(1, ge=0, le=9)
    factored: bool = Field(False, description="write annual means and factors in the place of hours")
    gathered: bool = Field(False, description="write only the cells that emit (CF compression by gathering)")

    @model_validator(mode="after")
    def _one_form(self) -> ExpandJob:
        if self.factored and self.gathered:
            raise ValueError("a file is factored or gathered, not both")
        return self


class MergePart(Model):
    """One inventory of a merger."""

    name: str
    file: str = Field(description="NetCDF file of gridded emissions")
    year: int | None = Field(None, description="year of emissions without time")
    regions: str = Field("", description="shapefile or GeoJSON: where it has a say; without, its whole grid")
    key: str = Field("", description="attribute that names a region")
    names: list[str] = Field(default_factory=list, description="regions that are taken; all where left out")
    total: dict[str, float] = Field(default_factory=dict, description="species -> total it is scaled to, kg")


class MergeJob(Model):
    """``ghg inventories merge``."""

    target: TargetGrid
    inventory: list[MergePart] = Field(min_length=2, description="by falling priority")


def target_grid(target: TargetGrid, base: Path, record: Record | None = None) -> Grid:
    """Return the grid a job asks for.

    Raises
    ------
    ConfigError or InputError
        Something is missing for the projection, or the file has no grid.
    """
    from inventories.grid.grids import LonLat, Projected

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
    import numpy as np

    return first + step * np.arange(count + 1)


def _figure(name: str) -> Any:
    from inventories.grid import ellipsoid

    found = {"WGS84": ellipsoid.WGS84, "GRS80": ellipsoid.GRS80, "WRF": ellipsoid.WRF_SPHERE}
    return found.get(name, ellipsoid.AUTHALIC_SPHERE)


def _need(target: TargetGrid, key: str) -> Any:
    value = getattr(target, key)
    if value is None:
        raise ConfigError("the key is missing", where=f"key 'target.{key}'", need=f"for projection {target.projection}")
    return value


def _projection(target: TargetGrid, figure: Any) -> Any:
    from inventories.grid import projections
    from inventories.grid.transverse import utm

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
    from ghg.core.files import open_input
    from inventories.grid.fields import grid_of, rising
    from inventories.grid.wrf import from_wrfinput, is_wrf

    open_input(path, where="key 'target.like'")
    if record is not None:
        record.use(path, "target grid")
    return from_wrfinput(path) if is_wrf(path) else grid_of(rising(read_gridded(path)))


def read_gridded(path: Path) -> xr.Dataset:
    """Read a NetCDF file of gridded emissions, ours or another's: gathered cells are laid out, NOx is NO2."""
    from ghg.core.files import is_netcdf, open_input
    from inventories.grid.names import as_no2
    from inventories.temporal.gather import scatter

    given = open_input(path)
    if not is_netcdf(given):
        raise InputError("this is no NetCDF file", where=str(given), need="gridded emissions")
    from ghg.core.netcdf import read

    return as_no2(scatter(read(given)))


def _input(path: str, base: Path, record: Record | None) -> xr.Dataset:
    given = base / path
    ds = read_gridded(given)
    if record is not None:
        record.use(given, "gridded emissions")
    return ds


def run_regrid(job: RegridJob, *, base: Path, record: Record | None = None) -> xr.Dataset:
    """Regrid the emissions of a job."""
    from inventories.grid.fields import dated
    from inventories.grid.names import as_nitrogen
    from inventories.grid.regrid import regrid

    ds = dated(_input(job.input, base, record), job.year, where=job.input, hint="state it: year = 2021")
    out = regrid(ds, target_grid(job.target, base, record), outside=job.outside, missing=job.missing)
    if record is not None:
        record.step(str(out["ledger_mass"].attrs["step"]))
    return as_nitrogen(out)


def run_merge(job: MergeJob, *, base: Path, record: Record | None = None) -> xr.Dataset:
    """Merge the inventories of a job."""
    from inventories.grid.fields import dated
    from inventories.grid.grids import Polygons
    from inventories.grid.merge import Part, merge
    from inventories.grid.names import as_nitrogen

    parts = []
    for one in job.inventory:
        ds = dated(_input(one.file, base, record), one.year, where=one.file, hint="state it: year = 2021")
        parts.append(Part(one.name, ds, _chosen(one, base, record) if one.regions else None, one.total))
    target = target_grid(job.target, base, record)
    if isinstance(target, Polygons):
        raise ConfigError("inventories are merged on a grid of rows and columns", where="key 'target.like'")
    out = merge(parts, target)
    if record is not None:
        record.step(str(out["ledger_mass"].attrs["step"]))
    return as_nitrogen(out)


def _chosen(one: MergePart, base: Path, record: Record | None) -> Any:
    from inventories.grid.grids import Polygons
    from inventories.readers.shapes import read_regions

    if not one.key:
        raise ConfigError("the key is missing", where="key 'inventory.key'", need="the attribute that names a region")
    every = read_regions(base / one.regions, one.key)
    if record is not None:
        record.use(base / one.regions, "regions")
    if missing := sorted(set(one.names) - set(every.names)):
        raise InputError("a region is not in the file of regions", where=one.regions, found=", ".join(missing),
                         need="one of " + ", ".join(sorted(filter(None, every.names))[:60]))  # fmt: skip
    wanted = [i for i, name in enumerate(every.names) if not one.names or name in one.names]
    return Polygons([every.polygons[i] for i in wanted], [str(every.names[i]) for i in wanted], every.ellipsoid)


def run_expand(job: ExpandJob, *, base: Path, record: Record, output: Path, force: bool) -> xr.Dataset:
    """Expand the annual emissions of a job into a file; return its ledger."""
    from ghg.core.netcdf import write
    from inventories.grid.names import as_nitrogen
    from inventories.temporal.expand import Zones, expand_to_file, factored
    from inventories.temporal.profiles import FLAT, read_profiles

    ds = as_nitrogen(_input(job.input, base, record))
    profiles: dict[Any, Any] = {"": FLAT}
    if job.profiles is not None:
        paths = [base / p for p in (job.profiles.month, job.profiles.weekday, job.profiles.hour)]
        for path in paths:
            record.use(path, "time profiles")
        profiles = _mapped(read_profiles(*paths), job)
    names, index = cell_zones(ds, job.timezone)
    zones = Zones(names, index, (job.holidays,) * len(names), (bool(job.holidays),) * len(names))
    ds = ds.drop_vars([n for n in ds.data_vars if str(n) == "zone_index" or "_u_" in str(n)])
    if job.factored:
        out = factored(ds, profiles, job.year, zones=zones)
        write(out, output, record=record, force=force)
        return out
    return expand_to_file(ds, profiles, job.year, output, record=record, zones=zones, by_sector=job.by_sector,
                          bits=job.bits, level=job.compression, force=force, gathered=job.gathered)  # fmt: skip


def cell_zones(ds: xr.Dataset, timezone: str) -> tuple[tuple[str, ...], Any]:
    """Return the time zones of a grid and the number of that of each cell, None where all are in one.

    Parameters
    ----------
    ds : Dataset
        Gridded emissions; ``zone_index`` with ``flag_meanings``, as ``ghg inventories build`` writes it, is taken where
        `timezone` is empty.
    timezone : str
        IANA zone or offset, ``longitude``, or empty.

    Raises
    ------
    InputError
        ``zone_index`` does not say what its numbers mean.
    """
    import numpy as np

    from inventories.grid import fields
    from inventories.grid.grids import LonLat

    if timezone == "longitude":
        grid = fields.grid_of(fields.rising(ds))
        lon: Any = grid.centres[0]  # type: ignore[union-attr]
        hours = np.round(((np.asarray(lon) + 180.0) % 360.0 - 180.0) / 15.0).astype(int)
        own, index = np.unique(hours, return_inverse=True)
        names = tuple("UTC" if h == 0 else f"UTC{h:+03d}" for h in own.tolist())
        index = index.reshape(hours.shape)
        return names, np.broadcast_to(index, grid.shape).copy() if isinstance(grid, LonLat) else index
    if timezone or "zone_index" not in ds:
        return (timezone or "UTC",), None
    given = fields.rising(ds)["zone_index"].transpose(*fields.dimensions(ds))
    words = str(given.attrs.get("flag_meanings", "")).split()
    values = np.asarray(given.attrs.get("flag_values", range(len(words)))).ravel()
    if not words or values.size != len(words) or not np.isin(given.values, values).all():
        raise InputError("the zones of the cells are not named", where="zone_index",
                         need="attributes flag_values and flag_meanings", hint="or state timezone")  # fmt: skip
    names = tuple(word.split("@")[0].replace(".", "/") for word in words)
    order = np.argsort(values)
    return names, order[np.searchsorted(values[order], given.values)]


def _mapped(profiles: dict[str, Any], job: ExpandJob) -> dict[Any, Any]:
    found: dict[Any, Any] = dict(profiles)
    for own, other in {**job.sectors, **({"": job.sector} if job.sector else {})}.items():
        if other not in profiles:
            raise ConfigError("the profiles do not know the sector", where="key 'sectors'", found=f"'{other}'",
                              need="one of " + ", ".join(profiles))  # fmt: skip
        found[own] = profiles[other]
    return found
