"""Files of WRF-Chem and CMAQ: layouts of their own, which no CF checker knows, with the ledger and the provenance.

References
----------
WRF-Chem: user's guide version 4.4, chapter on emissions (``wrfchemi_d<domain>_<date>``, io style 2).
CMAQ: I/O API 3.2 user manual, gridded files (FTYPE 1).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.files import atomic_path
from inventories.conservation import exact_sum
from inventories.export.species import molar_mass
from inventories.grid import fields
from inventories.grid.grids import Projected
from inventories.grid.projections import LambertConformal, Mercator, PolarStereographic
from inventories.grid.regrid import regrid
from inventories.grid.wrf import from_wrfinput, header

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["write_ioapi", "write_wrfchem"]

Array = npt.NDArray[np.float64]


def fluxes(ds: xr.Dataset, name: str, space: tuple[str, ...] = ()) -> Array:
    """Return kg m-2 s-1 (time, *space), sectors and layers summed; a field without time is one time."""
    return layers(ds, name, space).sum(axis=1)


def layers(ds: xr.Dataset, name: str, space: tuple[str, ...] = ()) -> Array:
    """Return kg m-2 s-1 (time, layer, *space), sectors summed; a field without time or height has one of it."""
    array, space = ds[name], space or fields.dimensions(ds)
    for extra in [d for d in array.dims if d not in ("time", "height", *space)]:
        array = array.sum(str(extra))
    for lead in ("height", "time"):
        array = array if lead in array.dims else array.expand_dims(lead)
    return np.asarray(array.transpose("time", "height", *space).values, np.float64)


def molar_of(array: xr.DataArray) -> float | None:
    """Return the molar mass of an emission [kg mol-1]: its own (of a speciation) or the known; None for particles."""
    own = array.attrs.get("molar_mass")
    return float(own) if own else molar_mass(fields.species_of(str(array.name)))


def stamps(ds: xr.Dataset, start: str | None) -> npt.NDArray[np.datetime64]:
    """Return the times of emissions, or the one that is given for those that have none."""
    if "time" in ds.dims:
        return ds["time"].values.astype("M8[s]")
    if start is None:
        raise InputError("the emissions have no time", need="a dimension time, or a start", hint="expand them first")
    try:
        return np.array([np.datetime64(start, "s")])
    except ValueError as error:
        raise InputError("the start is no date", found=f"'{start}'", need="2022-01-01T00:00:00") from error


def origin(record: Record, ds: xr.Dataset, path: str | os.PathLike[str]) -> dict[str, str]:
    """Return provenance and ledger as attributes of a file that has no place for them."""
    found = {"provenance": json.dumps(record.as_dict(path), ensure_ascii=False, sort_keys=True)}
    if "ledger_mass" in ds:
        rows = {str(s): dict(zip(map(str, ds["ledger_entry"].values), map(float, row), strict=True))
                for s, row in zip(ds["ledger_species"].values, ds["ledger_mass"].values, strict=True)}  # fmt: skip
        found["ledger"] = json.dumps({"units": ds["ledger_mass"].attrs.get("units", ""), "mass": rows})
    return found


def write_wrfchem(
    ds: xr.Dataset, wrfinput: str | os.PathLike[str], path: str | os.PathLike[str], *, record: Record,
    names: Mapping[str, str] | None = None, start: str | None = None, force: bool = False,
) -> xr.Dataset:  # fmt: skip
    """Write an emission file of WRF-Chem on the grid of a domain.

    Parameters
    ----------
    ds : Dataset
        Emissions per area on any grid; they are regridded to the domain. Layers stay: WRF-Chem takes them for those of
        the model, from the ground upwards.
    wrfinput : path
        The domain.
    path : path
        File to write, usually ``wrfchemi_d01_<date>``.
    record : Record
        Provenance, kept in the file.
    names : mapping, optional
        Species -> name in the file; ``E_<SPECIES>`` where not given.
    start : str, optional
        Time stamp of emissions that have no time.
    force : bool
        Replace an existing file.

    Returns
    -------
    Dataset
        The emissions on the domain, with the ledger.

    Raises
    ------
    InputError
        The domain or a species is not known, or there is no time.
    """
    import netCDF4

    grid, found = from_wrfinput(wrfinput), header(wrfinput)
    on = regrid(ds, grid)
    times = stamps(on, start)
    wanted = fields.emissions(on)
    masses = {name: molar_of(on[name]) for name in wanted}
    with atomic_path(path, force) as temporary, netCDF4.Dataset(temporary, "w", format="NETCDF3_64BIT_OFFSET") as nc:
        ny, nx = grid.shape
        for dim, size in (("Time", None), ("DateStrLen", 19), ("west_east", nx), ("south_north", ny),
                          ("emissions_zdim_stag", on.sizes.get("height", 1))):  # fmt: skip
            nc.createDimension(dim, size)
        words = np.char.replace(np.datetime_as_string(times, unit="s"), "T", "_").astype("S19")
        nc.createVariable("Times", "S1", ("Time", "DateStrLen"))[:] = words.view("S1").reshape(-1, 19)
        for name, words, units in (("XLAT", "LATITUDE, SOUTH IS NEGATIVE", "degree north"),
                                   ("XLONG", "LONGITUDE, WEST IS NEGATIVE", "degree east")):  # fmt: skip
            variable = nc.createVariable(name, "f4", ("south_north", "west_east"))
            variable.setncatts(_wrf("XY", words, units, ""))
            variable[:] = found[name]
        for name in wanted:
            species = fields.species_of(name)
            density, molar = layers(on, name), masses[name]
            factor = 1e9 if molar is None else 3600.0 * 1e6 / molar
            units = "ug m^-2 s^-1" if molar is None else "mol km^-2 hr^-1"
            variable = nc.createVariable((names or {}).get(species, f"E_{species.upper()}"), "f4",
                                         ("Time", "emissions_zdim_stag", "south_north", "west_east"))  # fmt: skip
            variable.setncatts(_wrf("XYZ", "EMISSIONS", units, "Z"))
            variable[:] = density * factor
        nc.setncatts({key: value for key, value in found.items() if key not in ("XLAT", "XLONG")})
        nc.setncatts(origin(record, on, path))
    return on


def _wrf(order: str, words: str, units: str, stagger: str) -> dict[str, Any]:
    return {"MemoryOrder": order, "description": words, "units": units, "stagger": stagger,
            "FieldType": np.float32(104)}  # fmt: skip


def write_ioapi(
    ds: xr.Dataset, path: str | os.PathLike[str], *, record: Record, name: str = "GRID", start: str | None = None,
    force: bool = False,
) -> float:  # fmt: skip
    """Write an emission file in the style of the I/O API, as CMAQ reads it: gases in mol/s, particles in g/s per cell.

    Parameters
    ----------
    ds : Dataset
        Emissions per area on a Lambert, Mercator or polar stereographic grid, hourly or without time, with or without
        layers above the ground.
    path : path
        File to write.
    record : Record
        Provenance, kept in the file.
    name : str
        Name of the grid, at most 16 characters.
    start : str, optional
        Time stamp of emissions that have no time.
    force : bool
        Replace an existing file.

    Returns
    -------
    float
        Mass in the file over mass in the Dataset, minus one, the worst of all species: the rounding to float32.

    Raises
    ------
    InputError
        The grid has no counterpart in the I/O API, a species is not known, or there is no time.
    """
    import netCDF4

    ds = fields.rising(ds)
    grid = fields.grid_of(ds)
    if not isinstance(grid, Projected):
        raise InputError(
            "CMAQ needs a projected grid", found=type(grid).__name__, hint="regrid to a Lambert grid first"
        )
    times, wanted = stamps(ds, start), fields.emissions(ds)
    area, worst = grid.area, 0.0
    masses = {variable: molar_of(ds[variable]) for variable in wanted}
    with atomic_path(path, force) as temporary, netCDF4.Dataset(temporary, "w", format="NETCDF3_64BIT_OFFSET") as nc:
        ny, nx = grid.shape
        for dim, size in (("TSTEP", None), ("DATE-TIME", 2), ("LAY", ds.sizes.get("height", 1)), ("VAR", len(wanted)),
                          ("ROW", ny), ("COL", nx)):  # fmt: skip
            nc.createDimension(dim, size)
        flags = nc.createVariable("TFLAG", "i4", ("TSTEP", "VAR", "DATE-TIME"))
        flags.setncatts({"units": "<YYYYDDD,HHMMSS>", "long_name": f"{'TFLAG':16s}",
                         "var_desc": f"{'Timestep-valid flags:  (1) YYYYDDD or (2) HHMMSS':80s}"})  # fmt: skip
        stamp = np.array([_julian(t) for t in times], np.int32)
        flags[:] = np.repeat(stamp[:, None, :], len(wanted), axis=1)
        for variable in wanted:
            label = fields.species_of(variable).upper()
            molar = masses[variable]
            unit, factor = ("g/s", 1e3) if molar is None else ("moles/s", 1.0 / molar)
            made = nc.createVariable(label, "f4", ("TSTEP", "LAY", "ROW", "COL"))
            made.setncatts({"long_name": f"{label:16s}", "units": f"{unit:16s}",
                            "var_desc": f"{'Emission of ' + label:80s}"})  # fmt: skip
            rate = layers(ds, variable) * area
            stored = (rate * factor).astype(np.float32)
            made[:] = stored
            total = exact_sum(rate)
            worst = max(worst, abs(exact_sum(stored.astype(np.float64) / factor) / total - 1.0) if total else 0.0)
        nc.setncatts({**_ioapi(grid, stamp, [fields.species_of(v).upper() for v in wanted], name), **_heights(ds)})
        nc.setncatts(origin(record, ds, path))
    return worst


def _julian(time: np.datetime64) -> tuple[int, int]:
    when = time.astype("M8[s]").astype(datetime)
    return when.year * 1000 + when.timetuple().tm_yday, when.hour * 10000 + when.minute * 100 + when.second


def _heights(ds: xr.Dataset) -> dict[str, Any]:
    """Return the layers of a file: heights above the ground (VGTYP 6, VGHVAL3) in metres."""
    if "height_bounds" not in ds:
        return {}
    edges = np.append(ds["height_bounds"].values[:, 0], ds["height_bounds"].values[-1, 1])
    return {"NLAYS": np.int32(edges.size - 1), "VGTYP": np.int32(6), "VGTOP": np.float32(edges[-1]),
            "VGLVLS": edges.astype(np.float32)}  # fmt: skip


def _ioapi(grid: Projected, stamp: npt.NDArray[np.int32], names: list[str], name: str) -> dict[str, Any]:
    p = grid.projection
    if isinstance(p, LambertConformal):
        kind = (2, p.parallel1, p.parallel2, p.lon0, p.lon0, p.lat0)
    elif isinstance(p, PolarStereographic):
        kind = (6, np.copysign(1.0, p.parallel), abs(p.parallel), p.lon0, p.lon0, 90.0)
    elif isinstance(p, Mercator):
        kind = (7, p.parallel, 0.0, p.lon0, p.lon0, 0.0)
    else:
        raise InputError("the I/O API does not know this projection", found=type(p).__name__,
                         need="Lambert, polar stereographic or Mercator")  # fmt: skip
    now = datetime.now(UTC)
    today = np.int32(now.year * 1000 + now.timetuple().tm_yday)
    ny, nx = grid.shape
    return {
        "IOAPI_VERSION": f"{'ghg-toolkit, in the style of I/O API 3.2':80s}", "EXEC_ID": f"{'ghg-toolkit':80s}",
        "FTYPE": np.int32(1), "CDATE": today, "CTIME": np.int32(0), "WDATE": today, "WTIME": np.int32(0),
        "SDATE": stamp[0, 0], "STIME": stamp[0, 1], "TSTEP": np.int32(10000), "NTHIK": np.int32(1),
        "NCOLS": np.int32(nx), "NROWS": np.int32(ny), "NLAYS": np.int32(1), "NVARS": np.int32(len(names)),
        "GDTYP": np.int32(kind[0]), "P_ALP": float(kind[1]), "P_BET": float(kind[2]), "P_GAM": float(kind[3]),
        "XCENT": float(kind[4]), "YCENT": float(kind[5]), "XORIG": float(grid.x_edges[0]),
        "YORIG": float(grid.y_edges[0]), "XCELL": float(grid.x_edges[1] - grid.x_edges[0]),
        "YCELL": float(grid.y_edges[1] - grid.y_edges[0]), "VGTYP": np.int32(-1), "VGTOP": np.float32(0),
        "VGLVLS": np.array([0.0, 0.0], np.float32), "GDNAM": f"{name[:16]:16s}", "UPNAM": f"{'GHG':16s}",
        "VAR-LIST": "".join(f"{n:16s}" for n in names), "FILEDESC": f"{'Emissions':80s}", "HISTORY": "",
    }  # fmt: skip
