"""Regridding of Datasets: mass is kept, and what falls outside the target is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.units import factor
from inventories.conservation import attach, exact_sum
from inventories.grid import fields
from inventories.grid.grids import Grid
from inventories.grid.taps import sum_overlaps
from inventories.grid.weights import TOLERANCE, Separable, Sparse, remap

if TYPE_CHECKING:
    from inventories.grid.weights import Remap

__all__ = ["regrid"]

Array = npt.NDArray[np.float64]

GREATEST = 1e100  # sums of it and of its squares are still numbers


def regrid(
    ds: xr.Dataset, target: Grid, *, outside: str = "allow", missing: str = "refuse", tolerance: float = TOLERANCE
) -> xr.Dataset:
    """Put gridded emissions on another grid, conserving mass.

    Parameters
    ----------
    ds : Dataset
        Emissions in kg m-2 s-1 or kg s-1 per cell on a grid of longitude and latitude or of a CF grid mapping; any
        further dimensions. Standard uncertainties ``<name>_u_random`` (independent between cells) and
        ``<name>_u_systematic`` (common to all) go along.
    target : LonLat, Projected or Polygons
        Where to.
    outside : str
        Mass that falls outside the target is booked in the ledger (``allow``) or an error (``refuse``).
    missing : str
        NaN is an error (``refuse``) or no emission (``zero``).
    tolerance : float
        See :func:`inventories.grid.weights.remap`.

    Returns
    -------
    Dataset
        float64, with cell areas, grid mapping and the ledger.

    Raises
    ------
    InputError
        No grid, no emission, NaN, or mass outside where that is refused.
    """
    _choice("outside", outside, ("allow", "refuse"))
    _choice("missing", missing, ("refuse", "zero"))
    ds = fields.rising(ds)
    names = fields.emissions(ds)
    source = fields.grid_of(ds)
    way = remap(source, target, tolerance)
    space = fields.dimensions(ds)
    dims, result = fields.coordinates(target)
    for extra in ("time_bounds", "height_bounds"):
        if extra in ds:
            result[extra] = ds[extra]
    ledger: dict[str, list[float]] = {}
    gross: dict[str, float] = {}
    for name in names:
        if not set(space) <= set(ds[name].dims):
            raise InputError("an emission does not stand over the grid", where=name, found=str(ds[name].dims),
                             need=" and ".join(space))  # fmt: skip
        array = ds[name].transpose(..., *space)
        values = _values(array, name, missing)
        per_area = fields.fits(str(array.attrs["units"]), fields.DENSITY)
        values *= factor(str(array.attrs["units"]), fields.DENSITY if per_area else fields.RATE)
        density = values if per_area else values / source.area
        found = way.flux(density.reshape(-1, *source.shape)).reshape(*values.shape[:-2], *target.shape)
        lead = array.dims[:-2]
        attrs = {**_kept(array.attrs), **fields.attributes(fields.species_of(name)), "cell_measures": "area: cell_area"}
        if "crs" in result:
            attrs["grid_mapping"] = "crs"
        result[name] = ((*lead, *dims), found, attrs)
        for d in lead:
            if d in ds.coords and d not in result.coords:
                result = result.assign_coords({d: ds[d]})
        token = fields.species_of(name)
        ledger[token], gross[token] = _entries(ds, density * source.area, found * target.area, way, lead, name, outside)
        result = _uncertainty(ds, result, name, way, space, dims, per_area)
    result.attrs = {k: v for k, v in ds.attrs.items() if k not in ("provenance", "content_digest", "content_leaves")}
    return attach(result, ledger, "kg" if "time_bounds" in ds else "kg s-1", f"regrid to {_named(target)}", gross)


def _choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"the option {name} is not known", found=f"'{value}'", need=" or ".join(known))


def _named(target: Grid) -> str:
    return f"{' x '.join(map(str, target.shape))} cells ({target.fingerprint})"


def _kept(attrs: dict) -> dict:
    gone = (
        "units",
        "grid_mapping",
        "cell_measures",
        "ancillary_variables",
        "coordinates",
        "standard_name",
        "long_name",
    )
    return {k: v for k, v in attrs.items() if k not in gone}


def _values(array: xr.DataArray, name: str, missing: str) -> Array:
    values = np.array(array.values, np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        if missing == "refuse":
            raise InputError("an emission is missing in some cells", where=name, found=f"{int(bad.sum())} NaN",
                             hint="fill them, or ask for missing = 'zero'")  # fmt: skip
        values[bad] = 0.0
    if (np.abs(values) > GREATEST).any():
        raise InputError("an emission is too great for any unit", where=name, found=f"{np.abs(values).max():g}")
    return values


def seconds(ds: xr.Dataset, lead: tuple) -> Array | None:
    """Return the lengths of the time steps, shaped to go before the dimensions of space; None without bounds."""
    if "time_bounds" not in ds or "time" not in lead:
        return None
    edges = ds["time_bounds"].values
    if edges.shape != (ds.sizes["time"], 2) or edges.dtype.kind != "M":
        raise InputError("the bounds of the time steps are not two times for each", where="time_bounds",
                         found=f"{edges.dtype} {edges.shape}", need=f"datetime64 ({ds.sizes['time']}, 2)")  # fmt: skip
    length = np.diff(edges.astype("M8[ns]").astype(np.int64), axis=-1)[..., 0] / 1e9
    shape = [ds.sizes[d] if d == "time" else 1 for d in lead]
    return length.reshape(shape)


def _entries(
    ds: xr.Dataset, mass: Array, found: Array, way: Remap, lead: tuple, name: str, refuse: str
) -> tuple[list[float], float]:
    """Return the ledger row of a variable, and its gross mass: rates, or masses where time has bounds."""
    ndim = mass.ndim - len(lead)
    length = seconds(ds, lead)
    share = 1.0 - way.covered()
    if length is not None:
        mass = mass * length.reshape(length.shape + (1,) * ndim)
        found = found * length.reshape(length.shape + (1,) * (found.ndim - len(lead)))
    lost = exact_sum(mass * share) if share.any() else 0.0
    total = exact_sum(mass)
    if refuse == "refuse" and abs(lost) > 1e-12 * abs(total):
        cells = int(((share > 0) & (np.abs(mass).reshape(-1, *share.shape).sum(axis=0) > 0)).sum())
        raise InputError("mass falls outside the target grid", where=name,
                         found=f"{lost:.6g} of {total:.6g} kg ({lost / total:.3%}) in {cells} cells",
                         hint="widen the target, or allow it: it is then booked in the ledger as outside")  # fmt: skip
    return [total, exact_sum(found), lost, 0.0], float(np.abs(mass).sum())


def _uncertainty(
    ds: xr.Dataset, result: xr.Dataset, name: str, way: Remap, space: tuple[str, str], dims: tuple, per_area: bool
) -> xr.Dataset:
    """Carry standard uncertainties: common parts add as the emission itself, independent ones by squares."""
    for partner in map(str, ds.data_vars):
        kind = partner.removeprefix(f"{name}_u_")
        if kind == partner:
            continue
        u = np.asarray(ds[partner].transpose(..., *space).values, np.float64)
        u *= factor(str(ds[partner].attrs["units"]), fields.DENSITY if per_area else fields.RATE)
        mass = u * way.source.area if per_area else u
        flat = mass.reshape(-1, *way.source.shape)
        if kind.startswith("systematic"):
            got = way.flux(flat / way.source.area)
        else:
            got = np.sqrt(_squares(way, flat**2)) / way.target.area
        lead = ds[partner].transpose(..., *space).dims[:-2]
        shape = (*mass.shape[:-2], *way.target.shape)
        words = fields.uncertainty(result[name].attrs, name, kind)
        result[partner] = ((*lead, *dims), got.reshape(shape), words)
    return result


def _squares(way: Remap, variance: Array) -> Array:
    """Return sum over source cells of share^2 times variance."""
    if isinstance(way, Sparse):
        squared = Sparse(way.source, way.target, way.indptr, way.indices, way.share**2)
        return squared.mass(variance.reshape(variance.shape[0], -1)).reshape(-1, *way.target.shape)
    assert isinstance(way, Separable)
    band = way.target.area[:, 0] / np.diff(way.target.lon_edges)[0]
    row_area = way.source.area[:, 0] / np.diff(way.source.lon_edges)[0]
    at = np.minimum(way.row_start[:, None] + np.arange(way.rows.shape[1]), way.source.shape[0] - 1)
    rows = (way.rows * band[:, None] / row_area[at]) ** 2
    columns = (way.weights * np.diff(way.target.lon_edges) / np.diff(way.source.lon_edges)[way.columns]) ** 2
    out = np.empty((variance.shape[0], *way.target.shape))
    sum_overlaps(variance, way.row_start, rows, way.columns, columns, out)
    return out
