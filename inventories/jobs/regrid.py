"""Jobs of regridding and of merging inventories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ghg.core.config import Model
from ghg.core.errors import ConfigError, InputError
from inventories.grid.fields import dated
from inventories.grid.grids import Polygons
from inventories.grid.merge import Part, merge
from inventories.grid.names import as_nitrogen
from inventories.grid.regrid import regrid
from inventories.jobs.gridded import input_of
from inventories.jobs.target import TargetGrid, target_grid
from inventories.readers.shapes import read_regions

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["MergeJob", "MergePart", "RegridJob", "run_merge", "run_regrid"]


class RegridJob(Model):
    """``ghg inventories regrid``."""

    input: str = Field(description="NetCDF file of gridded emissions")
    target: TargetGrid
    year: int | None = Field(None, description="year of emissions without time: the ledger is then in kg")
    outside: Literal["allow", "refuse"] = "allow"
    missing: Literal["refuse", "zero"] = "refuse"


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


def run_regrid(job: RegridJob, *, base: Path, record: Record | None = None) -> xr.Dataset:
    """Regrid the emissions of a job."""
    ds = dated(input_of(job.input, base, record), job.year, where=job.input, hint="state it: year = 2021")
    out = regrid(ds, target_grid(job.target, base, record), outside=job.outside, missing=job.missing)
    if record is not None:
        record.step(str(out["ledger_mass"].attrs["step"]))
    return as_nitrogen(out)


def run_merge(job: MergeJob, *, base: Path, record: Record | None = None) -> xr.Dataset:
    """Merge the inventories of a job."""
    parts = []
    for one in job.inventory:
        ds = dated(input_of(one.file, base, record), one.year, where=one.file, hint="state it: year = 2021")
        parts.append(Part(one.name, ds, _chosen(one, base, record) if one.regions else None, one.total))
    target = target_grid(job.target, base, record)
    if isinstance(target, Polygons):
        raise ConfigError("inventories are merged on a grid of rows and columns", where="key 'target.like'")
    out = merge(parts, target)
    if record is not None:
        record.step(str(out["ledger_mass"].attrs["step"]))
    return as_nitrogen(out)


def _chosen(one: MergePart, base: Path, record: Record | None) -> Any:
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
