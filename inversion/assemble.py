"""From files in the common language to a problem: grids checked, units converted, periods laid out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ErrorList, GhgError, InputError
from ghg.core.shapes import is_shapes
from ghg.core.units import factor
from inversion.background import baseline, known, side_block
from inversion.config import BackgroundJob, BlockJob, InversionJob, OffsetJob, RegionsJob
from inversion.covariance import Covariance
from inversion.footprints import Footprints
from inversion.grid import Grid
from inversion.measured import Data, observations, withheld
from inversion.problem import Block, Problem
from inversion.receptors import ENDING, integrated
from inversion.sensitivity import Array, Dense, Slabs
from inversion.space import Independent, correlation_in_space
from inversion.terms import error_of
from inversion.time import correlation_in_time
from inversion.totals import TotalSet, check_regions

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["Network", "assemble", "totals_of"]

FOOTPRINT_UNITS = "m2 s mol-1"  # (mol mol-1) / (mol m-2 s-1)
_PLACES = {"latitude": ("latitude", "lat"), "longitude": ("longitude", "lon")}
Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Network:
    """Footprints of all observations on one grid.

    Parameters
    ----------
    values : array (n, cells)
        Integrated over time.
    grid : Grid
    rows : dict
        By site the footprints at its observations, still unread, or None where the format has nothing more to tell.
    """

    values: npt.NDArray[Any]
    grid: Grid
    rows: dict[str, Footprints | None]

    def slabs(self, time: Times, bounds: Times) -> Slabs:
        """Return the sensitivity to fluxes that are constant over each period (time-integrated footprints)."""
        period = np.searchsorted(bounds[:, 0], time, side="right") - 1
        if (period < 0).any() or (time >= bounds[-1, 1]).any():
            bad = int(((period < 0) | (time >= bounds[-1, 1])).sum())
            raise InputError("observations lie outside the periods of the state", found=f"{bad} of {time.size}",
                             need=f"{bounds[0, 0]} to {bounds[-1, 1]}")  # fmt: skip
        rows = [np.flatnonzero(period == t) for t in range(len(bounds))]
        shape = (time.size, len(bounds), self.grid.cells)
        return Slabs(shape, lambda t: (rows[t], self.values[rows[t]]), self.values.size)


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


def _in_units(variable: xr.DataArray, need: str, where: str) -> Array:
    units = variable.attrs.get("units")
    if units is None:
        raise InputError("the variable has no unit", where=where, need=need)
    text = str(units).replace("(mol mol-1) / (mol m-2 s-1)", FOOTPRINT_UNITS)
    text = text.replace("(mol mol-1)/(mol m-2 s-1)", FOOTPRINT_UNITS).replace("(mol/mol)/(mol/m2/s)", FOOTPRINT_UNITS)
    return np.asarray(variable.values, dtype=np.float64) * factor(text, need, name=where)


def _read_footprints(job: InversionJob, base: Path, data: Data, record: Record | None) -> Network:
    faults: list[GhgError] = []
    grid: Grid | None = None
    values: npt.NDArray[Any] | None = None
    known = {f.site for f in job.footprints}
    rows: dict[str, Footprints | None] = {}
    if without := sorted(set(data.site.tolist()) - known):
        faults.append(InputError("a site has observations and no footprints",
                                 where=", ".join(o.file for o in job.observations), found=", ".join(without),
                                 need="an entry in [[footprints]] for it"))  # fmt: skip
    for one in job.footprints:
        where = f"footprints of {one.site}"
        mine = np.flatnonzero(data.site == one.site)
        if not mine.size:
            continue
        found: npt.NDArray[Any] | None = None
        variable: xr.DataArray | None = None
        if one.format == "plain" and not one.file.endswith(ENDING):
            variable = open_variable(base / one.file, one.variable, where, record, "footprints")
            rows[one.site] = None
            here = Grid.regular(variable["latitude"].values, variable["longitude"].values)
        else:
            seen = integrated(one, base, data.time[mine], record)
            found, rows[one.site] = seen.values, seen.rows
            here = Grid.regular(*seen.grid)
        if grid is None or values is None:
            grid = here
            values = np.zeros((data.time.size, grid.cells), dtype=np.float32)
        elif here.shape != grid.shape or not np.allclose(here.latitude, grid.latitude, atol=1e-3):
            faults.append(InputError("the footprints of two sites lie on different grids", where=where,
                                     found=str(here.shape), need=str(grid.shape)))  # fmt: skip
            continue
        if variable is not None:
            found = _footprints_of(variable, data.time[mine], where, faults)
        if found is not None:
            values[mine] = found
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)
    if grid is None or values is None:
        raise InputError("no footprints belong to the observations")
    return Network(values, grid, rows)


def _footprints_of(variable: xr.DataArray, time: Times, where: str, faults: list[GhgError]) -> Array | None:
    """Return footprints at the times of observations, (n, cells)."""
    stamps = variable["time"].values.astype("datetime64[ns]")
    order = np.argsort(stamps)
    place = np.searchsorted(stamps[order], time, side="right") - 1
    step = np.median(np.diff(stamps[order])) if stamps.size > 1 else np.timedelta64(1, "h")
    late = time - stamps[order][np.maximum(place, 0)] >= step
    if (bad := (place < 0) | late).any():
        first = f"{time[bad][0]}"[:16]
        faults.append(InputError("observations without a footprint of their time", where=where,
                                 found=f"{int(bad.sum())} of {time.size}, the first at {first}",
                                 need=f"{stamps.min()} to {stamps.max()}"))  # fmt: skip
        return None
    values = _in_units(variable.transpose("time", "latitude", "longitude"), FOOTPRINT_UNITS, where)
    values = values.reshape(stamps.size, -1)[order][place]
    empty = ~np.isfinite(values).all(axis=1)
    blank = ~empty & ~values.any(axis=1)
    for rows, what in ((empty, "footprints hold missing values"), (blank, "footprints are zero everywhere")):
        if rows.any():
            listed = ", ".join(str(t)[:16] for t in time[rows][:3])
            faults.append(InputError(what, where=where, found=f"{int(rows.sum())} of {time.size}: {listed}",
                                     hint="the file may be cut off; leave these observations out"))  # fmt: skip
    return values


def bounds_of(job: InversionJob, by: str) -> Times:
    """Return the periods of the job."""
    from ghg.core.time import period_bounds

    days = period_bounds(job.start, job.end, "day")
    whole = np.array([[days[0, 0], days[-1, 1]]])
    if by == "all":
        return whole
    edges = period_bounds(job.start, job.end, by).copy()
    edges[0, 0], edges[-1, 1] = whole[0, 0], whole[0, 1]
    return edges


def _prior(job: InversionJob, one: BlockJob, path: Path, grid: Grid, bounds: Times) -> Array:
    """Return a prior at the periods, (p, r) [mol m-2 s-1], on the grid of the state."""
    from inversion.readers import read_flux

    stamps, values, _ = read_flux(path, grid.axes(), variable=one.variable, units=one.units, species=job.species)
    values = values.reshape(stamps.size, -1)
    if stamps.size == 1 or one.record == "mean":
        return np.broadcast_to(values.mean(axis=0), (len(bounds), grid.cells)).copy()
    if (np.diff(stamps) <= np.timedelta64(0, "ns")).any():
        raise InputError("the times of the prior are missing or not ascending", where=str(path))
    month = stamps.astype("datetime64[M]").astype(np.int64) % 12
    rows = []
    for start, end in bounds:
        middle = start + (end - start) // 2
        if one.record == "month":
            wanted = np.flatnonzero(month == middle.astype("datetime64[M]").astype(np.int64) % 12)
        else:
            wanted = np.flatnonzero((stamps >= start) & (stamps < end))
            last = int(np.searchsorted(stamps, middle, side="right")) - 1
            wanted = wanted if wanted.size else np.arange(max(last, -1), last + 1)
        if not wanted.size or wanted[0] < 0:
            raise InputError("the prior has nothing for a period of the inversion", where=str(path),
                             found=f"{str(stamps[0])[:10]} to {str(stamps[-1])[:10]}", need=str(start)[:10],
                             hint="record = 'month' takes the same month of any year")  # fmt: skip
        rows.append(values[wanted].mean(axis=0))
    return np.array(rows)


def _field(path: Path, name: str, grid: Grid, bounds: Times, where: str, record: Record | None) -> Array:
    """Return a field of classes or covariates, which lies on the grid of the state, at the periods, (p, r)."""
    variable = open_variable(path, name, where, record, "prior")
    values = np.asarray(variable.values, dtype=np.float64)
    here = Grid.regular(variable["latitude"].values, variable["longitude"].values)
    if here.shape != grid.shape or not (np.allclose(here.latitude, grid.latitude, atol=1e-2)
                                        and np.allclose(here.longitude, grid.longitude, atol=1e-2)):  # fmt: skip
        raise InputError("a field does not lie on the grid of the footprints", where=where, found=str(here.shape),
                         need=str(grid.shape), hint="regrid it first")  # fmt: skip
    if "time" not in variable.dims:
        return np.broadcast_to(values.reshape(1, -1), (len(bounds), grid.cells)).copy()
    stamps = variable["time"].values.astype("datetime64[ns]")
    middle = bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2
    place = np.searchsorted(stamps, middle, side="right") - 1
    if (place < 0).any():
        raise InputError("the field begins after the inversion", where=where, found=str(stamps[0])[:10],
                         need=str(bounds[0, 0])[:10])  # fmt: skip
    axis = variable.dims.index("time")
    return np.moveaxis(values, axis, 0).reshape(stamps.size, -1)[place]


def _block(job: InversionJob, one: BlockJob, base: Path, data: Data, foot: Network, record: Record | None) -> Block:
    where, bounds = f"block '{one.name}'", bounds_of(job, one.by)
    if record is not None:
        record.use(base / one.prior, "prior")
    prior = _prior(job, one, base / one.prior, foot.grid, bounds)
    if one.sigma is not None:
        sigma = np.full(prior.shape, one.sigma)
    else:
        sigma = np.maximum((one.relative or 0.0) * np.abs(prior), one.floor)
        if not prior.any() and not one.floor:
            raise InputError("the prior is zero everywhere and its uncertainty a share of it", where=where,
                             hint="give 'sigma' or 'floor' with a unit")  # fmt: skip
    classes = None
    if one.classes is not None:
        file, _, name = one.classes.partition(":")
        classes = np.rint(_field(base / file, name or "class", foot.grid, bounds[:1], where, record)[0]).astype(int)
    covariance = Covariance(sigma, correlation_in_time(bounds, one.time_length),
                            correlation_in_space(foot.grid, one.length, one.shape, classes, one.between))  # fmt: skip
    covariates = {}
    for name, place in one.covariates.items():
        file, _, variable = place.partition(":")
        covariates[name] = _field(base / file, variable or name, foot.grid, bounds, f"{where}, covariate '{name}'",
                                  record)  # fmt: skip
    return Block(one.name, foot.slabs(data.time, bounds), prior, covariance, bounds, grid=foot.grid,
                 covariates=covariates)  # fmt: skip


def _offset(job: InversionJob, one: OffsetJob, data: Data) -> Block:
    bounds = bounds_of(job, one.by)
    sites = tuple(dict.fromkeys(data.site.tolist())) if one.per_site else ("all sites",)
    n, p, r = data.time.size, len(bounds), len(sites)
    period = np.searchsorted(bounds[:, 0], data.time, side="right") - 1
    element = np.array([sites.index(s) for s in data.site]) if one.per_site else np.zeros(n, dtype=int)
    h = np.zeros((p, n, r))
    h[period, np.arange(n), element] = 1.0
    covariance = Covariance(np.full((p, r), one.sigma), correlation_in_time(bounds, one.time_length), Independent(r))
    return Block(
        one.name, Dense(h), np.zeros((p, r)), covariance, bounds, kind="offset", units="mol mol-1", labels=sites
    )


def _with_baseline(job: InversionJob, one: BackgroundJob, data: Data) -> Data:
    """Return the observations with their baseline; a site that has no footprints serves for that alone."""
    if data.background.any():
        raise InputError("there are two backgrounds", found="[background] and the column of a table",
                         need="one of them")  # fmt: skip
    found = replace(data, background=baseline(data, str(one.site), one.quantile, one.window))
    seen = found.site != one.site
    return found if one.site in {f.site for f in job.footprints} else replace(found.take(seen), left_out=data.left_out)


def assemble(job: InversionJob, base: Path, record: Record | None = None) -> Problem:
    """Return the problem of a job.

    Parameters
    ----------
    job : InversionJob
        The configuration.
    base : Path
        Folder to which paths belong.
    record : Record, optional
        Provenance.

    Raises
    ------
    InputError
        Files missing or cut off, units or grids that do not fit, sites or times without footprints, a prior without
        uncertainty.
    """
    data = observations(job, base, record)
    if job.background is not None and job.background.site is not None:  # which may have no footprints of its own
        data = _with_baseline(job, job.background, data)
    foot = _read_footprints(job, base, data, record)
    blocks = [_block(job, one, base, data, foot, record) for one in job.block]
    blocks += [_offset(job, one, data) for one in job.offset]
    background = data.background
    if job.background is not None:
        if job.background.site is None and background.any():
            raise InputError("there are two backgrounds", found="[background] and the column of a table",
                             need="one of them")  # fmt: skip
        background, sides = (
            (data.background, None)
            if job.background.site is not None
            else known(job.background, data, foot.rows, base, record)
        )
        if sides is not None and job.background.sigma is not None:
            blocks.append(side_block(sides, job.background.sigma, data.time, bounds_of(job, job.background.by)))
    error = error_of(job, data)
    held = withheld(job, data)
    if record is not None:
        record.step(f"read {data.n} observations, left out {data.left_out} outside the period or hours, or missing")
    return Problem(data.value, error, tuple(blocks), data.time, data.site, background, held, job.species)


def totals_of(job: InversionJob, problem: Problem, base: Path, record: Record | None = None) -> TotalSet:
    """Return the totals that a job asks for."""
    grid = next(b.grid for b in problem.blocks if b.grid is not None)
    return TotalSet.of(problem, regions_of(job.regions, grid, base, record), bounds_of(job, job.totals))


def regions_of(one: RegionsJob, grid: Grid, base: Path, record: Record | None = None) -> dict[str, Array]:
    """Return the share of each cell (r,) that belongs to each region.

    Raises
    ------
    InputError
        Regions overlap, miss cells although none may be missed, or a name is not there.
    """
    from inversion.readers import read_regions
    from inversion.readers.shapes import read_shares

    path = base / one.file
    if is_shapes(path):
        names, shares = read_shares(path, grid.axes(), names=one.names or "name")
    else:
        names, shares, _ = read_regions(path, grid.axes(), variable=one.variable, names=one.names)
    if record is not None:
        record.use(path, "regions")
    found = {n: s.ravel() for n, s in zip(names, shares, strict=True) if s.any()}
    wanted = {n: [n] for n in one.select} | one.groups
    if unknown := sorted({m for members in wanted.values() for m in members} - set(found)):
        near = [n for n in found if any(n[:3].lower() == u[:3].lower() for u in unknown)]
        raise InputError("there is no such region on the grid", where=one.file, found=", ".join(unknown),
                         need="of " + ", ".join((near or list(found))[:12]))  # fmt: skip
    if wanted:
        found = {n: np.sum([found[m] for m in members], axis=0) for n, members in wanted.items()}
    return check_regions(found, grid.cells, rest=one.rest, area=grid.area)
