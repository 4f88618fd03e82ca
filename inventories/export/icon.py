"""Files of ICON-ART: emissions on the triangles of an ICON grid, in the layout of the emission sets that come with it.

References
----------
Emission data sets for ICON-ART of the Karlsruhe Institute of Technology (files ``ART_<type>_icon<grid>-<date>.nc``):
dimensions ``ncells``, ``vertices`` and unlimited ``time``; ``clon`` and ``clat`` in radian with bounds; one variable
for each species in kg/m2/s with the attributes ``grid_type`` and ``coordinates``; global attribute ``uuidOfHGrid``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.files import atomic_path
from ghg.core.netcdf import opened
from inventories.export.models import fluxes, origin, stamps
from inventories.grid import fields
from inventories.grid.ellipsoid import AUTHALIC_SPHERE
from inventories.grid.grids import Polygons
from inventories.grid.regrid import regrid

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["icon_grid", "write_icon"]

Array = npt.NDArray[np.float64]
VERTICES = {"clon": "clon_vertices", "clat": "clat_vertices"}
EPOCH = "days since 1970-01-01 00:00:00"


def icon_grid(path: str | os.PathLike[str]) -> tuple[Polygons, dict[str, Any]]:
    """Return the triangles of an ICON grid file, and its centres, corners [radian] and identity.

    The edges of the triangles are taken as straight in longitude and latitude: neighbours share them, so that no mass
    is lost or counted twice.

    Raises
    ------
    InputError
        It is no ICON grid.
    """
    with opened(path) as nc:
        if missing := [n for n in (*VERTICES, *VERTICES.values()) if n not in nc.variables]:
            raise InputError("this is no ICON grid file", where=str(path), found=f"no {', '.join(missing)}",
                             need="clon, clat, clon_vertices and clat_vertices")  # fmt: skip
        found: dict[str, Any] = {n: _radian(nc[n]) for n in (*VERTICES, *VERTICES.values())}
        found["uuidOfHGrid"] = str(getattr(nc, "uuidOfHGrid", ""))
    cells = found["clon"].size
    shapes = [found[n].shape for n in (*VERTICES, *VERTICES.values())]
    if shapes != [(cells,)] * 2 + [(cells, 3)] * 2:
        raise InputError("the triangles of the grid file do not belong together", where=str(path), found=str(shapes),
                         need="a centre and three corners of each cell")  # fmt: skip
    lon, lat = (np.degrees(found[n]) for n in VERTICES.values())
    if not all(np.isfinite(found[n]).all() for n in (*VERTICES, *VERTICES.values())):
        raise InputError("a triangle of the grid file has no place", where=str(path), found="missing or infinite")
    centre = np.degrees(found["clon"])[:, None]
    lon = centre + (lon - centre + 180.0) % 360.0 - 180.0  # a triangle does not go round the Earth
    triangles = np.stack([lon, lat], axis=-1)
    return Polygons([[ring] for ring in triangles], ellipsoid=AUTHALIC_SPHERE), found


def _radian(variable: Any) -> Array:
    values = np.asarray(variable[:], np.float64)
    return np.radians(values) if str(getattr(variable, "units", "radian")).startswith("degree") else values


def write_icon(
    ds: xr.Dataset, grid: str | os.PathLike[str], path: str | os.PathLike[str], *, record: Record,
    names: Mapping[str, str] | None = None, start: str | None = None, force: bool = False,
) -> xr.Dataset:  # fmt: skip
    """Write an emission file of ICON-ART on the triangles of a grid, sectors summed.

    Parameters
    ----------
    grid : path
        ICON grid file.
    path : path
        File to write, usually ``ART_ANT_icon<grid>-<date>.nc``.
    names : mapping, optional
        Species -> name in the file; the species in capitals where not given.
    ds, record, start, force
        As for :func:`inventories.export.models.write_wrfchem`.

    Returns
    -------
    Dataset
        The emissions on the triangles, with the ledger.

    Raises
    ------
    InputError
        The grid is none of ICON, or there is no time.
    """
    import netCDF4

    triangles, found = icon_grid(grid)
    on = regrid(ds, triangles)
    times = stamps(on, start)
    with atomic_path(path, force) as temporary, netCDF4.Dataset(temporary, "w", format="NETCDF4_CLASSIC") as nc:
        for dim, size in (("ncells", triangles.size), ("vertices", 3), ("time", None)):
            nc.createDimension(dim, size)
        for name, words in (("clon", "longitude"), ("clat", "latitude")):
            made = nc.createVariable(name, "f8", ("ncells",))
            made.setncatts({"standard_name": words, "long_name": f"center {words}", "units": "radian",
                            "bounds": f"{name}_bnds"})  # fmt: skip
            made[:] = found[name]
            nc.createVariable(f"{name}_bnds", "f8", ("ncells", "vertices"))[:] = found[VERTICES[name]]
        time = nc.createVariable("time", "f8", ("time",))
        time.setncatts({"standard_name": "time", "units": EPOCH, "calendar": "standard", "axis": "T"})
        time[:] = times.astype("M8[s]").astype(np.int64) / 86400.0
        for variable in fields.emissions(on):
            species = fields.species_of(variable)
            made = nc.createVariable((names or {}).get(species, species.upper()), "f4", ("time", "ncells"), zlib=True)
            made.setncatts({k: v for k, v in fields.attributes(species).items() if k != "units"}
                           | {"units": "kg/m2/s", "grid_type": "unstructured", "coordinates": "clat clon"})  # fmt: skip
            made[:] = fluxes(on, variable, ("region",))
        nc.setncatts({"Conventions": "CF-1.6", "uuidOfHGrid": found["uuidOfHGrid"], **origin(record, on, path)})
    return on
