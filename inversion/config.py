"""Configuration of an inversion job."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ghg.core.config import Model, quantity

__all__ = [
    "SAMPLED", "BackgroundJob", "BlockJob", "ErrorJob", "InversionJob", "ModelErrorJob", "OffsetJob", "RegionsJob",
    "SolverJob",
]  # fmt: skip

SAMPLED = ("sampled", "truncated", "lognormal")  # methods that draw; the last two for all fluxes


def _at_least_zero(unit: str) -> Any:
    return Annotated[quantity(unit), Field(ge=0.0)]


def _positive(unit: str) -> Any:
    return Annotated[quantity(unit), Field(gt=0.0)]


Length: Any = _at_least_zero("m")
Duration: Any = _at_least_zero("s")
Flux: Any = _at_least_zero("mol m-2 s-1")
Fraction: Any = _positive("mol mol-1")
Memory: Any = _positive("byte")
Hour = Annotated[int, Field(ge=0, le=24)]
Period = Literal["hour", "day", "week", "month", "quarter", "year", "all"]


def _listed(value: Any) -> Any:
    """Return a single table as a list of one."""
    return [value] if isinstance(value, dict) else value


def _iso(value: Any) -> Any:
    """Return a date of TOML as text."""
    return value.isoformat() if isinstance(value, date) else value


Day = Annotated[str, BeforeValidator(_iso)]


class ObservationsJob(Model):
    """Observations: a table of any number of sites, or files of one station.

    A file of NetCDF is one station: ours (``ghg sensors calibrate``), ObsPack or OpenGHG, with its own unit,
    uncertainty and flags. Any other file is a table with columns of time, site, dry mole fraction and standard
    uncertainty; with `station` it holds one station and needs no column of sites. `file` may be a pattern of names.
    """

    file: str
    station: str = ""
    inlet: str = ""
    time: str = "time"
    site: str = "site"
    value: str = "value"
    uncertainty: str = "uncertainty"
    units: str = "umol mol-1"
    timezone: str = "UTC"
    background: str | None = None
    average: Duration = 0.0  # type: ignore[valid-type]
    hours: tuple[Hour, Hour] | None = None
    hours_timezone: str = "UTC"
    least_uncertainty: Fraction | None = None  # type: ignore[valid-type]
    withheld_sites: list[str] = Field(default_factory=list)


class FootprintsJob(Model):
    """Footprints of one site.

    Format "plain" is ``footprint(time, latitude, longitude)``, time as the start of each observation; other formats are
    those of :mod:`inversion.readers`. `file` may be a pattern of names, or a packed store (``.ghgfp``). Rows whose
    particles seem to be lost are refused unless `truncated` is "keep". What a file resolves in time is used unless
    `resolved` is false; the remainder before the last lag reaches evenly to `back` before the observation.
    """

    site: str
    file: str
    variable: str = "footprint"
    format: Literal["plain", "auto", "name", "paris", "nested", "stilt", "flexpart"] = "plain"
    units: str = ""
    label: Literal["", "left", "centre", "right"] = ""
    truncated: Literal["refuse", "keep"] = "refuse"
    resolved: bool = True
    back: Duration = 0.0  # type: ignore[valid-type]


class GridJob(Model):
    """The grid of the state, where it is not that of the footprints: cells of `step` degrees between edges.

    `step` is one number or (latitude, longitude); edges that are not given are those of the footprints.
    """

    step: Annotated[float, Field(gt=0.0)] | tuple[Annotated[float, Field(gt=0.0)], Annotated[float, Field(gt=0.0)]]
    south: float | None = None
    north: float | None = None
    west: float | None = None
    east: float | None = None
    outside: Literal["refuse", "ignore"] = "refuse"


class SiteJob(Model):
    """Where a site stands: degrees, and the height of its inlet above sea level."""

    latitude: Annotated[float, Field(ge=-90.0, le=90.0)]
    longitude: Annotated[float, Field(ge=-180.0, le=360.0)]
    altitude: quantity("m") | None = None  # type: ignore[valid-type]


class BlockJob(Model):
    """A block of fluxes on the grid of the footprints, or of ``[grid]``.

    The prior is brought to that grid by area. Of a prior with several times each period takes the mean of those that
    begin in it, or else the one that began last before its middle; with `record` = "month" those of the same calendar
    month of any year, with "mean" the mean of all.

    `distribution` "truncated" cuts the normal at zero, "lognormal" keeps mean and standard deviation. A `basis` merges
    cells: into rectangles, fine where the network sees most ("quadtree": by four, "weighted": of equal weight), or into
    the regions of the job ("regional").
    """

    name: str
    prior: str
    variable: str = "flux"
    units: str = ""
    record: Literal["period", "month", "mean"] = "period"
    by: Period = "month"
    sigma: Flux | None = None  # type: ignore[valid-type]
    relative: Annotated[float, Field(ge=0.0)] | None = None
    floor: Flux = 0.0  # type: ignore[valid-type]
    length: Length = 0.0  # type: ignore[valid-type]
    shape: Literal["exponential", "matern32", "matern52", "spherical"] = "exponential"
    time_length: Duration = 0.0  # type: ignore[valid-type]
    classes: str | None = None
    between: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    covariates: dict[str, str] = Field(default_factory=dict)
    distribution: Literal["normal", "truncated", "lognormal"] = "normal"
    basis: Literal["full", "quadtree", "weighted", "regional"] = "full"
    groups: Annotated[int, Field(ge=1)] = 50

    @model_validator(mode="after")
    def _sized(self) -> BlockJob:
        if (self.sigma is None) == (self.relative is None):
            raise ValueError("give either 'sigma' (with its unit) or 'relative' (a share of the prior)")
        return self


class OffsetJob(Model):
    """An offset of each site, or of all, constant over a period: what is wrong with the background."""

    name: str = "background"
    by: Period = "all"
    per_site: bool = True
    sigma: Fraction  # type: ignore[valid-type]
    time_length: Duration = 0.0  # type: ignore[valid-type]


class BackgroundJob(Model):
    """The mole fraction of the air that enters the domain, and what is unknown about it.

    One of: `value`, the same everywhere; `curtains`, a file of mole fractions at the four sides, weighed by where the
    particles of each footprint left; `site`, the low `quantile` of the values of a site within `window` about each
    observation. With `sigma` (a share) the contribution of each side is estimated as a factor for each period `by`.
    """

    value: Fraction | None = None  # type: ignore[valid-type]
    curtains: str | None = None
    units: str = ""
    missing: Literal["refuse", "interpolate", "zero"] = "refuse"
    site: str | None = None
    quantile: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    window: Annotated[quantity("s"), Field(gt=0.0)] = 259200.0  # type: ignore[valid-type]
    sigma: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    by: Period = "month"

    @model_validator(mode="after")
    def _one(self) -> BackgroundJob:
        if sum(v is not None for v in (self.value, self.curtains, self.site)) != 1:
            raise ValueError("give one of 'value', 'curtains' and 'site'")
        if self.sigma is not None and self.curtains is None:
            raise ValueError("'sigma' belongs to 'curtains'; for others add an [[offset]]")
        return self


class ErrorJob(Model):
    """What is added to the stated uncertainty of observations: transport and representation.

    `sigma` and `time_length` are one for all sites, or tables by site, "others" standing for those that are not named.
    Errors of different sites are independent; with `height_length` the levels of each tower of ``[towers]`` err alike,
    as exp(-|dz| / height_length).
    """

    name: str = "transport"
    sigma: Fraction | dict[str, Fraction]  # type: ignore[valid-type]
    time_length: Duration | dict[str, Duration] = 0.0  # type: ignore[valid-type]
    height_length: Annotated[quantity("m"), Field(gt=0.0)] | None = None  # type: ignore[valid-type]


class ModelErrorJob(Model):
    """An error of unknown size, added to what is stated: sampled, uniform before the observations from `low` to `high`.

    One for each group `by`: all observations, each site, or each site and month.
    """

    low: _at_least_zero("mol mol-1") = 0.0  # type: ignore[valid-type]
    high: Fraction  # type: ignore[valid-type]
    by: Literal["all", "site", "site and month"] = "site"


class RegionsJob(Model):
    """Regions: ``share(region, latitude, longitude)``, a mask of integers with names, or polygons (shapefile, GeoJSON).

    `select` keeps some of them, `groups` adds some up under a name, `rest` says what becomes of all other cells.
    """

    file: str
    variable: str = "share"
    names: str = ""
    select: list[str] = Field(default_factory=list)
    groups: dict[str, list[str]] = Field(default_factory=dict)
    rest: str = "error"


class SolverJob(Model):
    """Which solver, and what it may use.

    "sampled" draws from the posterior, "truncated" and "lognormal" do so with that prior for all fluxes. "auto" draws
    where a block is not normal or a model error is inferred, else takes a Gaussian solver. The last digits depend on
    the `threads` of the linear algebra: one for small problems and all cores for others, unless a number is given.
    """

    method: Literal["auto", "dual", "primal", "cg", "ensemble", "sampled", "truncated", "lognormal"] = "auto"
    chains: Annotated[int, Field(ge=2, le=64)] = 4
    draws: Annotated[int, Field(ge=100)] = 2000
    warm: Annotated[int, Field(ge=0)] = 500
    tolerance: Annotated[float, Field(gt=0.0, lt=0.1)] = 1e-8
    iterations: Annotated[int, Field(ge=1)] = 500
    rank: Annotated[int, Field(ge=0)] = 200
    members: Annotated[int, Field(ge=2)] = 500
    lag: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0
    memory: Memory | None = None  # type: ignore[valid-type]
    threads: Annotated[int, Field(ge=1)] | None = None
    estimate: list[str] = Field(default_factory=list)
    deviation: bool = True


class OsseJob(Model):
    """Simulated observing system."""

    replicates: Annotated[int, Field(ge=2)] = 200
    seed: int = 0
    candidates: list[str] = Field(default_factory=list)
    choose: Annotated[int, Field(ge=1)] = 1
    total: str | None = None


class InversionJob(Model):
    """The whole job."""

    title: str = "atmospheric inversion"
    summary: str = ""
    species: str = "CO2"
    start: Day
    end: Day
    observations: Annotated[list[ObservationsJob], Field(min_length=1), BeforeValidator(_listed)]
    sites: dict[str, SiteJob] = Field(default_factory=dict)
    background: BackgroundJob | None = None
    footprints: Annotated[list[FootprintsJob], Field(min_length=1)]
    grid: GridJob | None = None
    block: Annotated[list[BlockJob], Field(min_length=1)]
    offset: list[OffsetJob] = Field(default_factory=list)
    error: list[ErrorJob] = Field(default_factory=list)
    model_error: ModelErrorJob | None = None
    towers: dict[str, dict[str, Length]] = Field(default_factory=dict)  # type: ignore[valid-type]
    regions: RegionsJob
    totals: Period = "month"
    solver: SolverJob = SolverJob()
    osse: OsseJob = OsseJob()
    layouts: list[Literal["paris"]] = Field(default_factory=list)
    coastlines: bool = True
