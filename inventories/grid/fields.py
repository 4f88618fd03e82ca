"""Gridded emissions as Datasets: which grid a Dataset lies on, and its coordinates as CF-1.11 wants them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError, UnitError
from ghg.core.limits import check_times
from ghg.core.units import is_compatible
from inventories.grid.ellipsoid import WGS84
from inventories.grid.grids import Grid, LonLat, Polygons, Projected
from inventories.grid.mappings import from_cf

__all__ = [
    "DENSITY",
    "RATE",
    "coordinates",
    "dated",
    "dimensions",
    "emissions",
    "grid_of",
    "species_of",
    "standard_names",
    "uncertainty",
    "with_year",
]

DENSITY, RATE = "kg m-2 s-1", "kg s-1"
Array = npt.NDArray[np.float64]
# names of CF table v93; species without one (fluorinated gases, total particles, mercury) keep a long name only, and so
# does NOx counted as NO2, which is written as nitrogen (inventories.grid.names). That of biomass is CO2 all the same.
standard_names = {
    "co2": "carbon_dioxide", "co2_biogenic": "carbon_dioxide",
    "ch4": "methane", "n2o": "nitrous_oxide", "so2": "sulfur_dioxide", "co": "carbon_monoxide",
    "nh3": "ammonia", "nmvoc": "nmvoc", "pm10": "pm10_dry_aerosol_particles", "pm2_5": "pm2p5_dry_aerosol_particles",
    "pm25": "pm2p5_dry_aerosol_particles", "bc": "elemental_carbon_dry_aerosol_particles",
    "ec": "elemental_carbon_dry_aerosol_particles",
    "nox_n": "nox_expressed_as_nitrogen",
    "oc": "particulate_organic_matter_dry_aerosol_particles_expressed_as_carbon",
}  # fmt: skip


def species_of(name: str) -> str:
    """Return the species of a variable named ``emission_<species>``."""
    return name.removeprefix("emission_")


def attributes(species: str, units: str = DENSITY) -> dict[str, Any]:
    """Return the attributes of a variable of gridded emissions."""
    words = {"nox_n": "NOx as nitrogen", "nox": "NOx as NO2", "co2_biogenic": "CO2 of biomass"}
    plain = words.get(species, species.upper().replace("_", "."))
    found: dict[str, Any] = {"long_name": f"emission of {plain}", "units": units}
    if units == DENSITY and species in standard_names:
        name = standard_names[species]
        found["standard_name"] = f"tendency_of_atmosphere_mass_content_of_{name}_due_to_emission"
    if species == "nox":
        found["comment"] = "mass counted as NO2"
    return found


def uncertainty(attrs: dict[str, Any], token: str, kind: str) -> dict[str, Any]:
    """Return the attributes of the standard uncertainty of an emission, and name it in those of the emission."""
    attrs["ancillary_variables"] = f"{attrs.get('ancillary_variables', '')} {token}_u_{kind}".strip()
    words = {"long_name": f"standard uncertainty (k = 1) of {token}, {kind.replace('_', ' ')}", "units": DENSITY}
    if "standard_name" in attrs:
        words["standard_name"] = f"{attrs['standard_name']} standard_error"
    return words | {k: attrs[k] for k in ("grid_mapping", "cell_measures") if k in attrs}


def emissions(ds: xr.Dataset) -> list[str]:
    """Return the variables that are emissions per area or per cell, in order.

    Raises
    ------
    UnitError
        A variable named ``emission_...`` has no unit, or one that is no emission.
    """
    found = []
    for name in map(str, ds.data_vars):
        if "zone" in ds[name].dims:  # means of the zones of a factored file
            continue
        units = str(ds[name].attrs.get("units", ""))
        named = name.startswith("emission") and "_u_" not in name and not name.endswith("_standard_error")
        if named and not units:
            raise UnitError("an emission has no unit", where=name, need=f"'{DENSITY}' or '{RATE}'",
                            hint="set its attribute units")  # fmt: skip
        fitting = bool(units) and ds[name].dtype.kind == "f" and any(fits(units, need) for need in (DENSITY, RATE))
        if named and not fitting:
            raise UnitError("the unit is none of an emission", where=name, found=units, need=f"{DENSITY} or {RATE}")
        if fitting and "ledger" not in name and "_u_" not in name:
            found.append(name)
    if not found:
        raise InputError("there is no emission in the Dataset", found=", ".join(map(str, ds.data_vars)),
                         need=f"a variable in {DENSITY} or {RATE}")  # fmt: skip
    return found


def fits(units: str, need: str) -> bool:
    """Tell whether a unit can be brought to another; an unreadable one cannot."""
    try:
        return is_compatible(units, need)
    except UnitError:
        return False


def _named(ds: xr.Dataset, standard: str, *names: str) -> str | None:
    for name in map(str, ds.variables):
        if ds[name].attrs.get("standard_name") == standard and ds[name].ndim == 1:
            return name
    return next((n for n in names if n in ds.variables and ds[n].ndim == 1), None)


def dimensions(ds: xr.Dataset) -> tuple[str, str]:
    """Return the names of the row and the column dimension.

    Raises
    ------
    InputError
        There are none.
    """
    for y, x in (
        (_named(ds, "projection_y_coordinate", "y"), _named(ds, "projection_x_coordinate", "x")),
        (_named(ds, "grid_latitude", "rlat"), _named(ds, "grid_longitude", "rlon")),
        (_named(ds, "latitude", "lat", "latitude"), _named(ds, "longitude", "lon", "longitude")),
    ):
        if y in ds.dims and x in ds.dims:
            return str(y), str(x)
    raise InputError("the Dataset has no grid", found=", ".join(map(str, ds.dims)),
                     need="coordinates lat and lon, or y and x of a projection")  # fmt: skip


def _edges(ds: xr.Dataset, name: str) -> Array:
    """Return cell edges from bounds, else from the middles, which must then be evenly spaced to 1 part in 1000."""
    bounds = str(ds[name].attrs.get("bounds", ""))
    if bounds in ds.variables:
        pairs = np.asarray(ds[bounds].values, np.float64)
        if pairs.shape != (ds[name].size, 2):
            raise InputError("the bounds of cells are not two for each", where=bounds, found=str(pairs.shape),
                             need=str((ds[name].size, 2)))  # fmt: skip
        edges = np.append(pairs[:, 0], pairs[-1, 1])
        if not np.allclose(pairs[1:, 0], pairs[:-1, 1], rtol=0, atol=1e-6 * abs(pairs[0, 1] - pairs[0, 0])):
            raise InputError("the bounds of neighbouring cells do not meet", where=bounds)
        return edges
    middle = np.asarray(ds[name].values, np.float64)
    if middle.size < 2:
        raise InputError("one cell has no width without bounds", where=name, need=f"a variable {name}_bounds")
    step = np.diff(middle)
    if np.abs(step - step.mean()).max() > 2e-2 * abs(step.mean()):
        raise InputError("the cells are not evenly spaced and have no bounds", where=name, need=f"{name}_bounds")
    mean = (middle[-1] - middle[0]) / (middle.size - 1)
    return np.append(middle - 0.5 * mean, middle[-1] + 0.5 * mean)


def grid_of(ds: xr.Dataset) -> Grid:
    """Return the grid of a Dataset; its rows and columns must rise (see :func:`rising`).

    Raises
    ------
    InputError
        There is none, or its edges cannot be told.
    """
    y, x = dimensions(ds)
    mapping = next((v.attrs for v in ds.variables.values() if "grid_mapping_name" in v.attrs), {})
    projection = from_cf(dict(mapping))
    ye, xe = _edges(ds, y), _edges(ds, x)
    if projection is None:
        surplus = xe[-1] - xe[0] - 360.0
        if 0.0 < surplus <= 2.0 * (xe[1] - xe[0]) and f"{x}_bounds" not in ds.variables:
            # a global grid whose first and last column stand at the same meridian: each is half a cell
            xe[0], xe[-1] = xe[0] + 0.5 * surplus, xe[-1] - 0.5 * surplus
        ellipsoid = WGS84
        if mapping:
            from inventories.grid.mappings import ellipsoid_of

            ellipsoid = ellipsoid_of(dict(mapping))
        return LonLat(xe, ye, ellipsoid)
    metres = 1000.0 if str(ds[x].attrs.get("units")) == "km" else 1.0
    return Projected(projection, xe * metres, ye * metres)


def rising(ds: xr.Dataset) -> xr.Dataset:
    """Return the Dataset with rows and columns in ascending order."""
    for name in dimensions(ds):
        if ds.sizes[name] > 1 and ds[name].values[0] > ds[name].values[-1]:
            ds = ds.isel({name: slice(None, None, -1)})
            bounds = str(ds[name].attrs.get("bounds", ""))
            if bounds in ds.variables:
                ds[bounds] = (ds[bounds].dims, np.sort(ds[bounds].values, axis=1))
    return ds


def _crs(grid: Grid) -> dict[str, Any]:
    if isinstance(grid, Projected):
        return grid.projection.cf()
    figure = grid.ellipsoid
    shape = {"earth_radius": figure.a} if figure.f == 0 else {
        "semi_major_axis": figure.a, "inverse_flattening": 1.0 / figure.f}  # fmt: skip
    return {"grid_mapping_name": "latitude_longitude", **shape}


def coordinates(grid: Grid) -> tuple[tuple[Hashable, ...], xr.Dataset]:
    """Return the dimensions of a grid and a Dataset of its coordinates, bounds, cell areas and grid mapping."""
    area = {"standard_name": "cell_area", "long_name": "area of the cell", "units": "m2",
            "coverage_content_type": "auxiliaryInformation"}  # fmt: skip
    if isinstance(grid, Polygons):
        names = list(grid.names) or [str(i + 1) for i in range(grid.size)]
        ds = xr.Dataset({"cell_area": ("region", grid.area, area)},
                        {"region": ("region", names, {"long_name": "region"})})  # fmt: skip
        return ("region",), ds
    crs = xr.Variable((), np.int32(0), {**_crs(grid), "long_name": "coordinate reference system",
                                        "coverage_content_type": "referenceInformation"})  # fmt: skip
    if isinstance(grid, LonLat):
        lon, lat = grid.centres
        dims = ("lat", "lon")
        coords: dict[str, Any] = {
            "lat": ("lat", lat, _axis("latitude", "degrees_north", "Y", "lat")),
            "lon": ("lon", lon, _axis("longitude", "degrees_east", "X", "lon")),
            "lat_bounds": (("lat", "nv"), _pairs(grid.lat_edges)),
            "lon_bounds": (("lon", "nv"), _pairs(grid.lon_edges)),
        }
        return dims, xr.Dataset({"cell_area": (dims, grid.area, {**area, "grid_mapping": "crs"}), "crs": crs}, coords)
    return _projected(grid, crs, area)


def _projected(grid: Projected, crs: xr.Variable, area: dict[str, Any]) -> tuple[tuple[str, str], xr.Dataset]:
    rotated = crs.attrs["grid_mapping_name"] == "rotated_latitude_longitude"
    y, x = ("rlat", "rlon") if rotated else ("y", "x")
    names = ("grid_latitude", "grid_longitude") if rotated else ("projection_y_coordinate", "projection_x_coordinate")
    lon, lat = grid.centres
    clon, clat = grid.corners
    lon, clon = (_beside(v, lon[0, 0]) for v in (lon, clon))
    corners = [np.stack([v[:-1, :-1], v[:-1, 1:], v[1:, 1:], v[1:, :-1]], axis=-1) for v in (clon, clat)]
    coords: dict[str, Any] = {
        y: (y, 0.5 * (grid.y_edges[1:] + grid.y_edges[:-1]),
            _axis(names[0], "degrees" if rotated else "m", "Y", y)),
        x: (x, 0.5 * (grid.x_edges[1:] + grid.x_edges[:-1]),
            _axis(names[1], "degrees" if rotated else "m", "X", x)),
        f"{y}_bounds": ((y, "nv"), _pairs(grid.y_edges)), f"{x}_bounds": ((x, "nv"), _pairs(grid.x_edges)),
        "lon": ((y, x), lon, {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east",
                              "bounds": "lon_bounds"}),
        "lat": ((y, x), lat, {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north",
                              "bounds": "lat_bounds"}),
        "lon_bounds": ((y, x, "corner"), corners[0]), "lat_bounds": ((y, x, "corner"), corners[1]),
    }  # fmt: skip
    return (y, x), xr.Dataset({"cell_area": ((y, x), grid.area, {**area, "grid_mapping": "crs"}), "crs": crs}, coords)


def _beside(lon: Array, reference: float) -> Array:
    """Return longitudes within half a turn of the first."""
    return reference + (lon - reference + 180.0) % 360.0 - 180.0


def _axis(standard: str, units: str, axis: str, name: str) -> dict[str, Any]:
    return {"standard_name": standard, "long_name": standard.replace("_", " "), "units": units, "axis": axis,
            "bounds": f"{name}_bounds"}  # fmt: skip


def _pairs(edges: Array) -> Array:
    return np.stack([edges[:-1], edges[1:]], axis=1)


def dated(ds: xr.Dataset, year: int | None = None, *, where: str = "", hint: str = "") -> xr.Dataset:
    """Return emissions that say when: those without a dimension time as means over a year, where one is given.

    Raises
    ------
    InputError
        They have no time, and no year is given: a file without a period says nothing of a year's mass.
    """
    if "time" in ds.dims:
        return ds
    if year is not None:
        return with_year(ds.drop_vars(["time", "time_bounds"], errors="ignore"), year)
    if "time" not in ds.variables:
        raise InputError("the emissions have no time", where=where, need="a coordinate time, or a year", hint=hint)
    return ds


def with_year(ds: xr.Dataset, year: int) -> xr.Dataset:
    """Return emissions without time as means over a calendar year.

    Raises
    ------
    InputError
        The year lies beyond what times in nanoseconds hold.
    """
    edges = check_times(np.array([[f"{year:04}-01-01", f"{year + 1:04}-01-01"]], "M8[D]"))
    out = ds.copy()
    for name in emissions(ds):
        out[name] = ds[name].expand_dims(time=edges[:, 0]).assign_attrs(ds[name].attrs)
    out = out.assign_coords(time=("time", edges[:, 0], {"bounds": "time_bounds"}),
                            time_bounds=(("time", "nv"), edges))  # fmt: skip
    return out
