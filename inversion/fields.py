"""Fields of a job from NetCDF: priors at the periods of the state, covariates and classes, footprints of our own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.units import factor
from inversion.grid import Grid
from inversion.regrid import Regrid, edges
from inversion.sensitivity import Array

if TYPE_CHECKING:
    from typing import Any

    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["FOOTPRINT_UNITS", "at_periods", "field", "in_units", "open_variable", "plain_grid"]

FOOTPRINT_UNITS = "m2 s mol-1"  # (mol mol-1) / (mol m-2 s-1)
_PLACES = {"latitude": ("latitude", "lat"), "longitude": ("longitude", "lon")}
Times = npt.NDArray[np.datetime64]


def plain_grid(variable: xr.DataArray, where: str) -> xr.DataArray:
    """Return a variable with latitude ascending and longitude from -180 to 180, its dimensions named in full."""
    for name, spellings in _PLACES.items():
        found = [s for s in spellings if s in variable.dims]
        if not found:
            raise InputError(f"the variable has no {name}", where=where, found=", ".join(map(str, variable.dims)))
        variable = variable.rename({found[0]: name}) if found[0] != name else variable
    if float(variable["longitude"].max()) > 180.0:
        variable = variable.assign_coords(longitude=((variable["longitude"] + 180.0) % 360.0) - 180.0)
    return variable.sortby("latitude").sortby("longitude")


def open_variable(path: Path, name: str, where: str, record: Record | None, role: str) -> xr.DataArray:
    """Read one variable of a NetCDF file onto an ascending grid."""
    from ghg.core.netcdf import read

    ds = read(path)
    if name not in ds:
        raise InputError(f"variable '{name}' is missing", where=str(path), found=", ".join(map(str, ds.data_vars)))
    if record is not None:
        record.use(path, role)
    if "time" in ds.variables and " since " in str(ds["time"].attrs.get("units", "")):
        ds = ds.assign_coords(time=_decoded(ds, str(path)))  # files of others count hours or days
    return plain_grid(ds[name], where or str(path))


def _decoded(ds: xr.Dataset, where: str) -> Any:
    import xarray as xr

    try:
        decoded = xr.decode_cf(ds[["time"]])["time"].values.astype("datetime64[ns]")
    except (ValueError, TypeError) as error:
        raise InputError("the times cannot be read", where=where, found=str(ds["time"].attrs.get("units"))) from error
    return ("time", decoded)


def in_units(variable: xr.DataArray, need: str, where: str) -> Array:
    """Return the values of a variable in another unit; footprints may spell theirs as a ratio of ratios."""
    units = variable.attrs.get("units")
    if units is None:
        raise InputError("the variable has no unit", where=where, need=need)
    text = str(units).replace("(mol mol-1) / (mol m-2 s-1)", FOOTPRINT_UNITS)
    text = text.replace("(mol mol-1)/(mol m-2 s-1)", FOOTPRINT_UNITS).replace("(mol/mol)/(mol/m2/s)", FOOTPRINT_UNITS)
    return np.asarray(variable.values, dtype=np.float64) * factor(text, need, name=where)


def at_periods(stamps: Times, values: Array, bounds: Times, record: str, where: str) -> Array:
    """Return fluxes (t, cells) that begin at `stamps` at the periods, (p, cells); see ``BlockJob``.

    Raises
    ------
    InputError
        The times are not ascending, or nothing belongs to a period.
    """
    if stamps.size == 1 or record == "mean":
        return np.broadcast_to(values.mean(axis=0), (len(bounds), values.shape[1])).copy()
    if (np.diff(stamps) <= np.timedelta64(0, "ns")).any():
        raise InputError("the times of the prior are missing or not ascending", where=where)
    month = stamps.astype("datetime64[M]").astype(np.int64) % 12
    rows = []
    for start, end in bounds:
        middle = start + (end - start) // 2
        if record == "month":
            wanted = np.flatnonzero(month == middle.astype("datetime64[M]").astype(np.int64) % 12)
        else:
            wanted = np.flatnonzero((stamps >= start) & (stamps < end))
            last = int(np.searchsorted(stamps, middle, side="right")) - 1
            wanted = wanted if wanted.size else np.arange(max(last, -1), last + 1)
        if not wanted.size or wanted[0] < 0:
            raise InputError("the prior has nothing for a period of the inversion", where=where,
                             found=f"{str(stamps[0])[:10]} to {str(stamps[-1])[:10]}", need=str(start)[:10],
                             hint="record = 'month' takes the same month of any year")  # fmt: skip
        rows.append(values[wanted].mean(axis=0))
    return np.array(rows)


def field(
    path: Path, name: str, grid: Grid, bounds: Times, where: str, record: Record | None, *, classes: bool = False
) -> Array:
    """Return a field of classes or covariates at the periods, on the grid of the state, (p, r).

    Covariates take area means, classes that of the cell in which the centre of each cell of the state lies.

    Raises
    ------
    InputError
        The field does not cover the grid, or begins after the inversion.
    """
    variable = open_variable(path, name, where, record, "prior")
    own = Grid.regular(variable["latitude"].values, variable["longitude"].values).axes()
    target = grid.axes()
    timed = "time" in variable.dims
    variable = variable.sortby("time") if timed else variable.expand_dims("time")
    values = np.asarray(variable.transpose("time", "latitude", "longitude").values, dtype=np.float64)
    same = all(a.shape == b.shape and np.allclose(a, b, atol=1e-2) for a, b in zip(own, target, strict=True))
    if not same and classes:
        rows, columns = (np.abs(np.subtract.outer(b, a)).argmin(axis=1) for a, b in zip(own, target, strict=True))
        inside = [edges(a)[0] <= b[0] and b[-1] <= edges(a)[-1] for a, b in zip(own, target, strict=True)]
        values = values[:, rows][:, :, columns] if all(inside) else values * np.nan
    elif not same:
        values = Regrid.between(own, target).flux(values)
    if not np.isfinite(values).all():
        raise InputError("a field does not cover the grid of the state, or holds missing values", where=where,
                         found=f"{int((~np.isfinite(values)).sum())} of {values.size} cells",
                         need=f"{target[0][0]:g} to {target[0][-1]:g} N, {target[1][0]:g} to {target[1][-1]:g} E",
                         )  # fmt: skip
    if not timed:
        return np.broadcast_to(values.reshape(1, -1), (len(bounds), grid.cells)).copy()
    stamps = variable["time"].values.astype("datetime64[ns]")
    middle = bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2
    place = np.searchsorted(stamps, middle, side="right") - 1
    if (place < 0).any():
        raise InputError("the field begins after the inversion", where=where, found=str(stamps[0])[:10],
                         need=str(bounds[0, 0])[:10])  # fmt: skip
    return values.reshape(stamps.size, -1)[place]
