"""Job of expanding annual emissions into hours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, model_validator

from ghg.core.config import Model
from ghg.core.errors import ConfigError, InputError
from ghg.core.netcdf import write
from inventories.grid import fields
from inventories.grid.grids import LonLat
from inventories.grid.names import as_nitrogen
from inventories.jobs.gridded import input_of
from inventories.temporal.expand import Zones, expand_to_file, factored
from inventories.temporal.profiles import FLAT, read_profiles

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["ExpandJob", "ProfileFiles", "cell_zones", "run_expand"]


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


def run_expand(job: ExpandJob, *, base: Path, record: Record, output: Path, force: bool) -> xr.Dataset:
    """Expand the annual emissions of a job into a file; return its ledger."""
    ds = as_nitrogen(input_of(job.input, base, record))
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
