"""Gridded emissions from NetCDF files, ours or another's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ghg.core.errors import InputError
from ghg.core.files import is_netcdf, open_input
from ghg.core.netcdf import read
from inventories.grid.names import as_no2
from inventories.temporal.gather import scatter

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["input_of", "read_gridded"]


def read_gridded(path: Path) -> xr.Dataset:
    """Read a NetCDF file of gridded emissions, ours or another's: gathered cells are laid out, NOx is NO2."""
    given = open_input(path)
    if not is_netcdf(given):
        raise InputError("this is no NetCDF file", where=str(given), need="gridded emissions")
    return as_no2(scatter(read(given)))


def input_of(path: str, base: Path, record: Record | None) -> xr.Dataset:
    """Read the gridded emissions that a job names, and record them."""
    given = base / path
    ds = read_gridded(given)
    if record is not None:
        record.use(given, "gridded emissions")
    return ds
