"""Prior fluxes, boundary curtains and regions from NetCDF, on the grid they are wanted on."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.footprints import SIDES
from inversion.readers._netcdf import Axes, axes_of, opened, scale_of
from inversion.regrid import Regrid

__all__ = ["read_curtains", "read_flux", "read_regions"]

Array = npt.NDArray[np.float64]
FLUX_UNIT = "mol m-2 s-1"
Grid = tuple[Array, Array]


def _same(axes: Axes, grid: Grid) -> bool:
    return axes.latitude.shape == grid[0].shape and axes.longitude.shape == grid[1].shape and bool(
        np.allclose(axes.latitude, grid[0], atol=1e-4) and np.allclose(axes.longitude, grid[1], atol=1e-4)
    )  # fmt: skip


def read_flux(
    path: str | os.PathLike[str],
    grid: Grid | None = None,
    *,
    variable: str = "flux",
    units: str = "",
    species: str = "",
) -> tuple[npt.NDArray[np.datetime64], Array, Grid]:
    """Read a flux, positive to the atmosphere.

    Parameters
    ----------
    path : path
        NetCDF with (time, lat, lon) in any order; without time it is constant.
    grid : (latitude, longitude), optional
        Centres of the cells it is wanted on; area means are taken.
    variable, units : str
        Name, and unit where the file states none.
    species : str
        Whose molar mass turns mass into amount, where the unit is one of mass (kg m-2 s-1 of the species).

    Returns
    -------
    time : array of datetime64 (t,)
        Starts as in the file; the epoch where there is none.
    flux : array (t, lat, lon)
        mol m-2 s-1.
    grid : (latitude, longitude)

    Raises
    ------
    InputError
        The unit is missing or wrong, values are missing, or the file does not cover the grid.
    """
    where = str(path)
    with opened(path) as ds:
        if variable not in ds:
            raise InputError(f"there is no '{variable}'", where=where, found=", ".join(map(str, ds.data_vars)))
        axes = axes_of(ds, where)
        scale = _amount(ds, variable, where, units, species)
        field = ds[variable]
        if "time" not in field.dims:
            field = field.expand_dims("time")
        if extra := set(map(str, field.dims)) - {"time", *axes.names}:
            raise InputError(f"'{variable}' has more dimensions than time and place", where=where,
                             found=", ".join(sorted(extra)), hint="choose one first")  # fmt: skip
        values = scale * np.asarray(axes.order(field.transpose("time", *axes.names).values), np.float64)
        has_time = "time" in ds.variables and ds["time"].dtype.kind == "M"
        time = np.atleast_1d(ds["time"].values) if has_time else np.zeros(values.shape[0], "datetime64[s]")
    own = (axes.latitude, axes.longitude)
    if grid is not None and not _same(axes, grid):
        values = Regrid.between(own, grid).flux(values)
        if not np.isfinite(values).all():
            raise InputError("the flux does not cover the grid, or holds missing values", where=where,
                             found=f"{int((~np.isfinite(values)).sum())} cells of {values.size}",
                             hint="choose a smaller grid, or fill the flux")  # fmt: skip
    elif not np.isfinite(values).all():
        raise InputError("the flux holds missing values", where=where,
                         found=f"{int((~np.isfinite(values)).sum())} cells of {values.size}")  # fmt: skip
    return time.astype("datetime64[ns]"), values, own if grid is None else grid


def _amount(ds: Any, variable: str, where: str, units: str, species: str) -> float:
    """Return the factor to mol m-2 s-1 of a unit of amount, or of the mass of the species."""
    from ghg.core.errors import UnitError
    from ghg.core.gases import gas
    from ghg.core.units import factor

    told = units or str(ds[variable].attrs.get("units", "")).strip()
    if told and species:
        try:
            return factor(told, "kg m-2 s-1") / gas(species).molar_mass
        except UnitError:
            pass
    return scale_of(ds, variable, where, units, FLUX_UNIT)


def read_curtains(path: str | os.PathLike[str], time: Any = None, *, units: str = "") -> tuple[dict[str, Array], Array]:
    """Read the mole fractions at the four sides of a domain.

    Parameters
    ----------
    path : path
        ``vmr_n``, ``vmr_e``, ``vmr_s``, ``vmr_w`` (time, height, lon or lat).
    time : datetime64, optional
        The curtain that began last before it is taken; the only one where there is one.
    units : str
        Where the variables state none; plain numbers below one are taken as mol mol-1.

    Returns
    -------
    curtains : dict
        {"north": (height, lon), ...} in mol mol-1, cells ascending; NaN where the file has none.
    heights : array
        m.
    """
    where = str(path)
    with opened(path) as ds:
        axes = axes_of(ds, where)
        if missing := [f"vmr_{s[0]}" for s in SIDES if f"vmr_{s[0]}" not in ds]:
            raise InputError("a side of the boundary is missing", where=where, found="no " + ", ".join(missing))
        place = 0
        if "time" in ds.dims:
            starts = np.atleast_1d(ds["time"].values)
            if starts.size > 1 or time is not None:
                place = int(np.searchsorted(starts, np.datetime64(time, "ns"), side="right")) - 1 if time else 0
            if place < 0:
                raise InputError("the boundary begins after the observations", where=where,
                                 found=str(starts[0])[:16], need=str(time)[:16])  # fmt: skip
        out = {}
        for side in SIDES:
            name, along = f"vmr_{side[0]}", axes.names[1] if side in ("north", "south") else axes.names[0]
            one = ds[name].isel(time=place) if "time" in ds[name].dims else ds[name]
            values = np.asarray(one.transpose("height", along).values, np.float64)
            told = units or str(ds[name].attrs.get("units", ""))
            if not told and not 0.0 <= float(np.nanmax(values)) < 1e-2:
                raise InputError(f"'{name}' has no unit", where=where, need="mol mol-1", hint="state it with units")
            values = scale_of(ds, name, where, told or "mol mol-1", "mol mol-1") * values
            if not np.isfinite(values).any() or (values < 0.0).any():
                raise InputError("the boundary holds no or negative values", where=f"{where}, {name}")
            out[side] = values[:, axes.columns if along == axes.names[1] else axes.rows]
        heights = np.asarray(ds["height"].values, np.float64)
    return out, heights


def read_regions(
    path: str | os.PathLike[str], grid: Grid | None = None, *, variable: str = "country", names: str = "",
    complete: bool = False,
) -> tuple[list[str], Array, Grid]:  # fmt: skip
    """Read regions as shares of the area of each cell.

    Parameters
    ----------
    path : path
        A map of whole numbers (lat, lon) with a list of names, as country masks are, or with ``flag_values`` and
        ``flag_meanings``; or shares (region, lat, lon).
    grid : (latitude, longitude), optional
        Cells the shares are wanted on.
    variable, names : str
        Of the map, and of the list of names where it is not called ``name`` or ``region``.
    complete : bool
        Whether every cell must belong to some region.

    Returns
    -------
    names : list of str
    shares : array (regions, lat, lon)
        From 0 to 1.
    grid : (latitude, longitude)

    Raises
    ------
    InputError
        Regions overlap (shares of a cell above 1), or cells belong to none although `complete` is asked for.
    """
    from ghg.core.netcdf import read

    where = str(path)
    ds = read(path)
    if variable not in ds:
        raise InputError("there are no regions", where=where, found=", ".join(map(str, ds.variables)), need=variable)
    axes, field = axes_of(ds, where), ds[variable]
    if missing := set(axes.names) - set(map(str, field.dims)):
        raise InputError("the map of regions lacks a dimension", where=where, need=" and ".join(sorted(missing)))
    if field.ndim == 3:
        region = next(str(d) for d in field.dims if d not in axes.names)
        labels = _labels(ds, names or region)
        shares = np.asarray(axes.order(field.transpose(region, *axes.names).values), np.float64)
    else:
        codes = np.asarray(axes.order(field.transpose(*axes.names).values), np.float64)
        labels, numbers = _codes(ds, variable, names, codes)
        shares = (codes[None] == numbers[:, None, None]).astype(np.float64)
    own = (axes.latitude, axes.longitude)
    shares = np.nan_to_num(shares)
    if grid is not None and not _same(axes, grid):
        moved = Regrid.between(own, grid)
        shares = np.nan_to_num(np.stack([moved.flux(one) for one in shares]))
    check_regions(labels, shares, complete=complete, where=where)
    return labels, shares, own if grid is None else grid


def _labels(ds: Any, name: str) -> list[str]:
    if name not in ds.variables:
        return [f"region {k}" for k in range(ds.sizes.get(name, 0))]
    return [str(v.decode() if isinstance(v, bytes) else v).strip() for v in ds[name].values]


def _codes(ds: Any, variable: str, names: str, codes: Array) -> tuple[list[str], Array]:
    """Return the names of a map of whole numbers and the number of each."""
    listed = names or next((n for n in ("name", "region") if n in ds.variables and ds[n].ndim == 1), "")
    if listed:
        labels = _labels(ds, listed)
        return labels, np.arange(len(labels), dtype=np.float64)
    meanings = str(ds[variable].attrs.get("flag_meanings", "")).split()
    numbers = np.atleast_1d(ds[variable].attrs.get("flag_values", np.unique(codes[np.isfinite(codes)])))
    if len(meanings) != len(numbers):
        meanings = [f"region {int(v)}" for v in numbers]
    return meanings, np.asarray(numbers, np.float64)


def check_regions(names: list[str], shares: Array, *, complete: bool = False, where: str = "") -> None:
    """Raise where regions overlap, or miss cells although they should cover all.

    Parameters
    ----------
    names : list of str
    shares : array (regions, lat, lon)
    complete : bool
    where : str
        File, for messages.
    """
    total = shares.sum(axis=0)
    if len(names) != shares.shape[0] or (shares < -1e-9).any():
        raise InputError("the regions do not fit their names, or a share is negative", where=where,
                         found=f"{shares.shape[0]} regions, {len(names)} names")  # fmt: skip
    if (total > 1.0 + 1e-6).any():
        i, j = np.unravel_index(int(np.argmax(total)), total.shape)
        both = [n for n, s in zip(names, shares[:, i, j], strict=True) if s > 0.0]
        raise InputError("regions overlap", where=where,
                         found=f"{int((total > 1.0 + 1e-6).sum())} cells, for example {' and '.join(both[:3])}",
                         need="shares of a cell that add up to 1 at most")  # fmt: skip
    if complete and (total < 1.0 - 1e-6).any():
        raise InputError("regions miss cells", where=where, found=f"{int((total < 1.0 - 1e-6).sum())} of {total.size}",
                         hint="add a region for the rest, or do not ask for complete regions")  # fmt: skip
