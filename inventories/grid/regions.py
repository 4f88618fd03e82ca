"""Regions on grids: shares of cells, totals, proxies.

A region's share of a cell is its exact overlap; totals of regions that tile a domain add up to the total of the
domain. Where a region meets no proxy, its emission is spread by the next one of a list, in the end by area.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.sparse import csr_matrix

from ghg.core.errors import InputError
from inventories.conservation import attach, exact_sum
from inventories.grid import fields
from inventories.grid.grids import Grid, LonLat, Polygons, Projected
from inventories.grid.weights import Sparse, remap

__all__ = ["area_weights", "field_density", "mask", "region_totals", "spread"]

Array = npt.NDArray[np.float64]


def _shares(grid: Grid, regions: Polygons) -> Sparse:
    way = remap(grid, regions)
    assert isinstance(way, Sparse)
    return way


def _names(regions: Polygons) -> list[str]:
    return list(regions.names) or [str(i + 1) for i in range(regions.size)]


def area_weights(regions: Polygons, grid: LonLat | Projected) -> csr_matrix:
    """Return the part of each region's area that lies in each cell, (region, cell); what is missing to one is outside.

    A sum within 1e-9 of one is taken as one, so that a region inside the grid keeps its mass.
    """
    overlap = _shares(grid, regions).matrix().tocsr()
    held = overlap.multiply(grid.area.ravel()).multiply(1.0 / regions.area[:, None]).tocsr()
    whole = np.asarray(held.sum(axis=1)).ravel()
    scale = np.where(np.abs(whole - 1.0) < 1e-9, 1.0 / np.where(whole > 0, whole, 1.0), 1.0)
    return csr_matrix(held.multiply(scale[:, None]))


def mask(grid: LonLat | Projected, regions: Polygons) -> xr.Dataset:
    """Return the share of each cell that lies in each region.

    Parameters
    ----------
    grid : LonLat or Projected
        Grid of the mask.
    regions : Polygons
        Regions; where they do not overlap, shares of a cell add up to at most one.

    Returns
    -------
    Dataset
        ``share`` (region, *grid).
    """
    dims, ds = fields.coordinates(grid)
    share = _shares(grid, regions).matrix().toarray().reshape(regions.size, *grid.shape)
    ds = ds.assign_coords(region=("region", _names(regions), {"long_name": "region"}))
    ds["share"] = (("region", *dims), share, {"long_name": "share of the cell within the region", "units": "1",
                                              "grid_mapping": "crs"})  # fmt: skip
    return ds


def region_totals(ds: xr.Dataset, regions: Polygons) -> xr.Dataset:
    """Return the emissions of regions, kg s-1, and what lies in none of them.

    Parameters
    ----------
    ds : Dataset
        Gridded emissions, see :func:`inventories.grid.regrid.regrid`.
    regions : Polygons
        Regions.

    Returns
    -------
    Dataset
        ``emission_<species>`` (..., region) in kg s-1, with the ledger: what no region holds is ``outside``.
    """
    ds = fields.rising(ds)
    grid = fields.grid_of(ds)
    way = _shares(grid, regions)
    out = xr.Dataset(coords={"region": ("region", _names(regions), {"long_name": "region"})})
    ledger = {}
    for name in fields.emissions(ds):
        array = ds[name].transpose(..., *fields.dimensions(ds))
        mass = np.asarray(array.values, np.float64)
        mass = mass * grid.area if fields.fits(str(array.attrs["units"]), fields.DENSITY) else mass
        found = way.mass(mass.reshape(-1, grid.size)).reshape(*mass.shape[:-2], regions.size)
        attrs = {"long_name": f"emission of {fields.species_of(name)} in the region", "units": fields.RATE}
        out[name] = ((*array.dims[:-2], "region"), found, attrs)
        lost = exact_sum(mass * (1.0 - way.covered()))
        ledger[fields.species_of(name)] = [exact_sum(mass), exact_sum(found), lost, 0.0]
    return attach(out, ledger, fields.RATE, "totals of regions")


def spread(
    totals: Mapping[str, npt.ArrayLike],
    regions: Polygons,
    grid: LonLat | Projected,
    proxies: Sequence[npt.ArrayLike] = (),
) -> tuple[xr.Dataset, list[tuple[str, int]]]:
    """Spread the totals of regions over a grid by proxies.

    Parameters
    ----------
    totals : mapping
        Species -> emission of each region, kg s-1.
    regions : Polygons
        Regions, in the order of the totals.
    grid : LonLat or Projected
        Where to.
    proxies : sequence of arrays
        Densities on the grid, per area, not negative: the first that is anywhere above zero within a region is its
        proxy, else the next; after the last comes area.

    Returns
    -------
    Dataset
        Emissions per area with the ledger. A region that does not meet the grid is ``outside``, as is the part of
        a region's area beyond the grid where its proxy is area.
    list of (str, int)
        Regions that did not get the first proxy, with the number of the one they got.

    Raises
    ------
    InputError
        A proxy is negative, missing or on another grid; a total is missing.
    """
    way = _shares(grid, regions)
    overlap = way.matrix().tocsr()  # share of the cell, (region, cell)
    fields_of_proxies = [_proxy(p, grid, k) for k, p in enumerate(proxies)]
    weight, used = [], []
    for r, name in enumerate(_names(regions)):
        cells = overlap.indices[overlap.indptr[r] : overlap.indptr[r + 1]]
        part = overlap.data[overlap.indptr[r] : overlap.indptr[r + 1]] * grid.area.ravel()[cells]
        by_proxy = [part * proxy[cells] for proxy in fields_of_proxies]
        chosen = next((k for k, found in enumerate(by_proxy) if found.sum() > 0.0), len(by_proxy))
        if chosen < len(by_proxy):
            weight.append((cells, by_proxy[chosen] / by_proxy[chosen].sum()))
        else:
            held = part / regions.area[r]
            whole = abs(held.sum() - 1.0) < 1e-9
            weight.append((cells, held / held.sum() if whole else held))
        if chosen:
            used.append((name, chosen + 1))
    dims, ds = fields.coordinates(grid)
    ledger = {}
    for species, values in totals.items():
        rate = np.asarray(values, np.float64)
        if rate.shape != (regions.size,) or not np.isfinite(rate).all():
            raise InputError("a region has no total", where=species, found=f"{rate.size} values",
                             need=f"{regions.size} finite ones")  # fmt: skip
        mass, lost = np.zeros(grid.size), []
        for value, (cells, share) in zip(rate, weight, strict=True):
            np.add.at(mass, cells, value * share)
            lost.append(value * (1.0 - share.sum()))
        ds[f"emission_{species}"] = (dims, mass.reshape(grid.shape) / grid.area,
                                     {**fields.attributes(species), "grid_mapping": "crs",
                                      "cell_measures": "area: cell_area"})  # fmt: skip
        ledger[species] = [exact_sum(rate), exact_sum(mass), exact_sum(lost), 0.0]
    return attach(ds, ledger, fields.RATE, "totals of regions spread by proxies"), used


def field_density(path: Path, variable: str, grid: LonLat | Projected) -> Array:
    """Return a density of a NetCDF file (people per area, land use) on a grid, exact by area; missing is nothing.

    Raises
    ------
    InputError
        The variable is not there, is no field of rows and columns, or is negative somewhere.
    """
    from ghg.core.netcdf import read

    ds = read(path)
    if variable not in ds.data_vars:
        raise InputError("the file of a proxy lacks its variable", where=path.name, need=variable,
                         found=", ".join(map(str, ds.data_vars)))  # fmt: skip
    ds = fields.rising(ds)
    array = ds[variable].squeeze(drop=True)
    if set(array.dims) != set(fields.dimensions(ds)):
        raise InputError(
            "a proxy is no field of rows and columns", where=f"{path.name}, {variable}", found=str(array.dims)
        )
    values = np.nan_to_num(np.asarray(array.transpose(*fields.dimensions(ds)).values, np.float64))
    if (values < 0).any():
        raise InputError("a proxy is negative", where=f"{path.name}, {variable}", found=f"{values.min():g}")
    source = fields.grid_of(ds)
    return np.asarray(remap(source, grid).flux(values[None]), np.float64).reshape(grid.shape)


def _proxy(values: npt.ArrayLike, grid: LonLat | Projected, number: int) -> Array:
    found = np.asarray(values, np.float64)
    if found.shape != grid.shape or not np.isfinite(found).all() or (found < 0).any():
        raise InputError("a proxy is negative, missing somewhere, or on another grid", where=f"proxy {number + 1}",
                         found=str(found.shape), need=str(grid.shape))  # fmt: skip
    return found.ravel()
