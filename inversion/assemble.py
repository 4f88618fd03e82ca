"""From files in the common language to a problem: grids checked, units converted, periods laid out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.shapes import is_shapes
from inversion.background import baseline, known, side_block
from inversion.config import BackgroundJob, BlockJob, InversionJob, OffsetJob, RegionsJob
from inversion.covariance import Covariance
from inversion.fields import at_periods, field
from inversion.grid import Grid
from inversion.measured import Data, observations, places, withheld
from inversion.problem import Block, Problem
from inversion.regrid import edges
from inversion.seen import Network, read_network
from inversion.sensitivity import Array, Dense
from inversion.space import Independent, correlation_in_space
from inversion.terms import error_of
from inversion.time import correlation_in_time
from inversion.totals import TotalSet, check_regions

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["assemble", "totals_of"]

Times = npt.NDArray[np.datetime64]


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


def _block(
    job: InversionJob, one: BlockJob, base: Path, data: Data, foot: Network, record: Record | None
) -> tuple[Block, Array | None]:
    """Return a block, and what its prior adds that varies within its periods, where footprints are resolved in time."""
    from inversion.readers import read_flux

    where, bounds = f"block '{one.name}'", bounds_of(job, one.by)
    path = base / one.prior
    if record is not None:
        record.use(path, "prior")
    stamps, values, _ = read_flux(path, foot.grid.axes(), variable=one.variable, units=one.units, species=job.species)
    values = values.reshape(stamps.size, -1)
    prior = at_periods(stamps, values, bounds, one.record, str(path))
    within = foot.within(stamps, values, prior, bounds) if one.record == "period" else None
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
        found = field(base / file, name or "class", foot.grid, bounds[:1], where, record, classes=True)
        classes = np.rint(found[0]).astype(int)
    covariance = Covariance(sigma, correlation_in_time(bounds, one.time_length),
                            correlation_in_space(foot.grid, one.length, one.shape, classes, one.between))  # fmt: skip
    covariates = {}
    for name, place in one.covariates.items():
        file, _, variable = place.partition(":")
        covariates[name] = field(base / file, variable or name, foot.grid, bounds, f"{where}, covariate '{name}'",
                                 record)  # fmt: skip
    block = Block(one.name, foot.slabs(data.time, bounds), prior, covariance, bounds, grid=foot.grid,
                  covariates=covariates)  # fmt: skip
    return block, within


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
    foot = read_network(job, base, data, record)
    made = [_block(job, one, base, data, foot, record) for one in job.block]
    blocks = [block for block, _ in made] + [_offset(job, one, data) for one in job.offset]
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
    for block, within in made:
        if within is not None:
            background = background + within
            if record is not None:
                record.step(f"the prior of '{block.name}' varies within its periods: known, by footprints in time")
    held = withheld(job, data)
    if record is not None:
        record.step(f"read {data.n} observations, left out {data.left_out} outside the period or hours, or missing")
    where = places(job, data)
    _within(where, foot.grid)
    return Problem(data.value, error, tuple(blocks), data.time, data.site, background, held, job.species, where)


def _within(where: dict[str, tuple[float, float, float]], grid: Grid) -> None:
    """Refuse sites that stand outside the domain of the footprints."""
    lat, lon = (edges(v) for v in grid.axes())
    for site, (y, x, _) in where.items():
        if not (lat[0] <= y <= lat[-1] and lon[0] <= x <= lon[-1]):
            raise InputError("a site stands outside the domain of the footprints", where=f"site {site}",
                             found=f"{y:.2f} N, {x:.2f} E",
                             need=f"{lat[0]:.2f} to {lat[-1]:.2f} N, {lon[0]:.2f} to {lon[-1]:.2f} E",
                             hint="is this the station, or its footprint, of another place?")  # fmt: skip


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
