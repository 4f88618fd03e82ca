"""Configuration of an inversion job."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ghg.core.config import Model, quantity

__all__ = ["BlockJob", "ErrorJob", "InversionJob", "OffsetJob", "RegionsJob", "SolverJob"]


def _at_least_zero(unit: str) -> Any:
    return Annotated[quantity(unit), Field(ge=0.0)]


def _positive(unit: str) -> Any:
    return Annotated[quantity(unit), Field(gt=0.0)]


Length: Any = _at_least_zero("m")
Duration: Any = _at_least_zero("s")
Flux: Any = _at_least_zero("mol m-2 s-1")
Fraction: Any = _positive("mol mol-1")
Memory: Any = _positive("byte")
Period = Literal["hour", "day", "week", "month", "quarter", "year", "all"]


class ObservationsJob(Model):
    """Table of observations: time, site, dry mole fraction, standard uncertainty."""

    file: str
    time: str = "time"
    site: str = "site"
    value: str = "value"
    uncertainty: str = "uncertainty"
    units: str = "umol mol-1"
    timezone: str = "UTC"
    withheld_sites: list[str] = Field(default_factory=list)
    background: str | None = None


class FootprintsJob(Model):
    """Footprints of one site.

    Format "plain" is ``footprint(time, latitude, longitude)``, time as the start of each observation; other formats are
    those of :mod:`inversion.readers`. `file` may be a pattern of names, or a packed store (``.ghgfp``). Rows whose
    particles seem to be lost are refused unless `truncated` is "keep".
    """

    site: str
    file: str
    variable: str = "footprint"
    format: Literal["plain", "auto", "name", "paris", "nested", "stilt", "flexpart"] = "plain"
    units: str = ""
    label: Literal["", "left", "centre", "right"] = ""
    truncated: Literal["refuse", "keep"] = "refuse"


class BlockJob(Model):
    """A block of fluxes on the grid of the footprints."""

    name: str
    prior: str
    variable: str = "flux"
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


class ErrorJob(Model):
    """What is added to the stated uncertainty of observations: transport and representation."""

    name: str = "transport"
    sigma: Fraction  # type: ignore[valid-type]
    time_length: Duration = 0.0  # type: ignore[valid-type]


class RegionsJob(Model):
    """Regions: ``share(region, latitude, longitude)``, or a mask of integers with names."""

    file: str
    variable: str = "share"
    rest: str = "error"


class SolverJob(Model):
    """Which solver, and what it may use."""

    method: Literal["auto", "dual", "primal", "cg", "ensemble"] = "auto"
    tolerance: Annotated[float, Field(gt=0.0, lt=0.1)] = 1e-8
    iterations: Annotated[int, Field(ge=1)] = 500
    rank: Annotated[int, Field(ge=0)] = 200
    members: Annotated[int, Field(ge=2)] = 500
    lag: Annotated[int, Field(ge=1)] | None = None
    seed: int = 0
    memory: Memory | None = None  # type: ignore[valid-type]
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
    start: str
    end: str
    observations: ObservationsJob
    footprints: Annotated[list[FootprintsJob], Field(min_length=1)]
    block: Annotated[list[BlockJob], Field(min_length=1)]
    offset: list[OffsetJob] = Field(default_factory=list)
    error: list[ErrorJob] = Field(default_factory=list)
    regions: RegionsJob
    totals: Period = "month"
    solver: SolverJob = SolverJob()
    osse: OsseJob = OsseJob()
