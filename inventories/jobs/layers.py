"""Jobs of layers above the ground and of the species of a mechanism."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from ghg.core.config import Model
from inventories.grid.fields import dated
from inventories.grid.names import as_nitrogen
from inventories.jobs.gridded import input_of
from inventories.speciation import read_speciation, speciate
from inventories.vertical.layers import in_layers, read_vertical

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["LayersJob", "SpeciateJob", "run_layers", "run_speciate"]


class LayersJob(Model):
    """``ghg inventories layers``."""

    input: str = Field(description="NetCDF file of gridded emissions by sector")
    profiles: str = Field(description="table of shares by sector and layer; columns 20m, 92m ... are upper edges")
    edges: list[float] = Field(min_length=2, description="edges of the layers of the model [m], the first 0")
    sectors: dict[str, str] = Field(default_factory=dict, description="sector of the file -> sector of the profiles")


class SpeciateJob(Model):
    """``ghg inventories speciate``."""

    input: str = Field(description="NetCDF file of gridded emissions")
    table: str = Field(description="columns species, to, share (of mass) or mole_share, and sector, molar_mass [g/mol]")


def _dated(name: str, base: Path, record: Record | None) -> xr.Dataset:
    hint = "state it: ghg inventories regrid with year = 2021"
    return dated(input_of(name, base, record), where=Path(name).name, hint=hint)


def run_layers(job: LayersJob, *, base: Path, record: Record | None = None) -> xr.Dataset:
    """Put gridded emissions into layers."""
    ds = _dated(job.input, base, record)
    profiles = read_vertical(base / job.profiles)
    if record is not None:
        record.use(base / job.profiles, "vertical profiles")
    return as_nitrogen(in_layers(ds, profiles, job.edges, job.sectors))


def run_speciate(job: SpeciateJob, *, base: Path, record: Record | None = None) -> xr.Dataset:
    """Split the species of gridded emissions."""
    ds = _dated(job.input, base, record)
    table = read_speciation(base / job.table)
    if record is not None:
        record.use(base / job.table, "speciation")
    return as_nitrogen(speciate(ds, table))
