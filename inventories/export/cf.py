"""CF files that models read: with standard names throughout, HEMCO, and the layout of EDGAR.

References
----------
HEMCO user guide, section on input file format (COARDS: ascending latitudes, time as the unlimited dimension).
EDGAR v6.0 gridded files: ``emi_<species>`` (lat, lon) in kg m-2 s-1.
"""

from __future__ import annotations

import xarray as xr

from ghg.core.errors import InputError
from inventories.grid import fields
from inventories.grid.grids import LonLat
from inventories.grid.names import NITROGEN, as_nitrogen, unnamed

__all__ = ["NITROGEN", "edgar", "hemco", "standard"]

START = "state it: --start 2021-01-01"


def _lonlat(ds: xr.Dataset, model: str) -> xr.Dataset:
    ds = fields.rising(ds)
    if not isinstance(fields.grid_of(ds), LonLat):
        raise InputError(f"{model} needs a grid of longitude and latitude", hint="regrid first")
    return ds


def standard(ds: xr.Dataset, year: int | None = None) -> xr.Dataset:
    """Return emissions under CF standard names; see :func:`inventories.grid.names.as_nitrogen` for NOx.

    Parameters
    ----------
    ds : Dataset
        Emissions per area.
    year : int, optional
        Year of emissions without time.

    Raises
    ------
    InputError
        A species has no standard name (fluorinated gases, mercury, total particles), or neither time nor year.
    """
    if lacking := unnamed(ds):
        raise InputError("CF has no standard name for the emission of a species",
                         found=", ".join(f"emission_{s}" for s in lacking),
                         hint="leave the species out, or export to hemco or edgar, which ask for none")  # fmt: skip
    return as_nitrogen(fields.dated(ds, year, hint=START))


def hemco(ds: xr.Dataset, year: int | None = None) -> xr.Dataset:
    """Return emissions as HEMCO reads them: time the unlimited dimension, one variable per species and sector.

    Parameters
    ----------
    ds : Dataset
        Emissions per area on longitude and latitude.
    year : int, optional
        Year of emissions without time.

    Raises
    ------
    InputError
        Another grid, or neither time nor year.
    """
    out = ds = fields.dated(as_nitrogen(_lonlat(ds, "HEMCO")), year, hint=START)
    if "time" not in ds.dims:
        raise InputError("HEMCO needs a dimension time", found="one time without a period", hint=START)
    for name in fields.emissions(ds):
        if "sector" in ds[name].dims:
            out = out.drop_vars(name)
            for sector in ds["sector"].values:
                one = ds[name].sel(sector=sector, drop=True)
                words = f"{one.attrs.get('long_name', name)}, sector {sector}"
                out[f"{name}_{str(sector).lower()}"] = one.assign_attrs(long_name=words)
    if "sector" in out.coords:
        out = out.drop_vars("sector")
    out.encoding["unlimited_dims"] = {"time"}
    return out


def edgar(ds: xr.Dataset, year: int | None = None) -> xr.Dataset:
    """Return emissions in the layout of EDGAR's gridded files: ``emi_<species>`` (lat, lon), sectors summed.

    Parameters
    ----------
    ds : Dataset
        Emissions per area on longitude and latitude, of one time.
    year : int, optional
        Year of emissions without time.

    Raises
    ------
    InputError
        Another grid than longitude and latitude, no year, or more than one time.
    """
    ds = as_nitrogen(_lonlat(ds, "EDGAR's layout"))
    if ds.sizes.get("time", 1) != 1:
        raise InputError("EDGAR's layout holds one time", found=str(ds.sizes["time"]))
    ds = fields.dated(ds, None if "time" in ds.coords else year, hint=START)
    if "time" in ds.dims:
        # the year stays as a scalar coordinate; the checkers of the conventions know no bounds of scalars
        ds = ds.isel(time=0).drop_vars("time_bounds", errors="ignore")
        ds["time"].attrs.pop("bounds", None)
    out = ds
    for name in fields.emissions(ds):
        array = ds[name].sum("sector") if "sector" in ds[name].dims else ds[name]
        out = out.drop_vars(name).assign({f"emi_{fields.species_of(name)}": array.assign_attrs(ds[name].attrs)})
    return out.drop_vars("sector", errors="ignore")
