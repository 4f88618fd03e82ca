"""The sections [grid] and [time] of INVENTORY.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ghg.core.config import Model
from inventories.jobs.expand import ProfileFiles
from inventories.jobs.target import TargetGrid

__all__ = [
    "Column",
    "GridSection",
    "LayersSection",
    "OwnProfile",
    "ProxySection",
    "Reason",
    "RegionsSection",
    "Reported",
    "ReportedMass",
    "TimeSection",
    "WeatherSection",
]


class Column(Model):
    """A column and its unit, which may be left out where the header says it."""

    column: str
    unit: str = ""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: object) -> object:
        return {"column": given} if isinstance(given, str) else given


class RegionsSection(Model):
    """Polygons of the regions.

    Parameters
    ----------
    file, encoding : str
        Shapefile or GeoJSON in longitude and latitude.
    key : str
        Attribute that names a region.
    map : table
        Region of the inventory -> name in the file; others are the same.
    """

    file: str
    encoding: str = ""
    key: str
    map: dict[str, str] = Field(default_factory=dict)


class ProxySection(Model):
    """By what rows without a position are spread within their region, in place of its area.

    Parameters
    ----------
    sectors : list of str
        GNFR letters it holds for.
    lines : str
        GeoJSON of lines (roads, railways, lanes): their length in each cell,
    weight : str
        times this property of a line, such as its traffic; or
    field, variable : str
        NetCDF file and variable, a density per area on any grid, such as people per km2.
    """

    sectors: list[str] = Field(min_length=1)
    lines: str = ""
    weight: str = ""
    field: str = ""
    variable: str = ""

    @model_validator(mode="after")
    def _one(self) -> ProxySection:
        if bool(self.lines) == bool(self.field):
            raise ValueError("give either lines or field")
        if self.field and not self.variable:
            raise ValueError("a field needs its variable")
        return self


class GridSection(TargetGrid):
    """Where the sources are put; keys of the grid itself as in :class:`inventories.jobs.target.TargetGrid`.

    Parameters
    ----------
    sectors : bool
        Keep the GNFR sectors apart.
    memo : bool
        Whether memo items (international aviation and shipping, natural sources) are put on the grid as well.
    outside : {"allow", "refuse"}
        Sources outside the grid are booked in the ledger, or an error.
    regions : RegionsSection, optional
        Polygons: sources at sea or in another region than theirs are listed.
    areas : {"withhold", "spread"}
        Rows without a position are withheld, or spread over their region: by a proxy of their sector, or evenly.
    proxy : list of ProxySection
        Proxies; a region in which one is nowhere above zero is spread evenly.
    """

    regions: RegionsSection | None = None
    areas: Literal["withhold", "spread"] = "withhold"
    proxy: list[ProxySection] = Field(default_factory=list)
    sectors: bool = True
    memo: bool = False
    outside: Literal["allow", "refuse"] = "allow"

    @model_validator(mode="after")
    def _known_regions(self) -> GridSection:
        if self.areas == "spread" and self.regions is None:
            raise ValueError("areas can be spread only over regions: give grid.regions")
        if self.proxy and self.areas != "spread":
            raise ValueError("proxies spread areas: set areas = 'spread'")
        return self


class OwnProfile(Model):
    """A profile given in the job itself, in the place of that of the tables.

    Parameters
    ----------
    sector, region, species : str
        What it holds for; all regions and all species where left out.
    month, weekday, hour : list of float, optional
        Weights that sum to one or to their number; flat where left out.
    source : str
        Where it comes from.
    """

    sector: str
    region: str = ""
    species: str = ""
    month: list[float] | None = None
    weekday: list[float] | None = None
    hour: list[float] | None = None
    source: str = ""

    @model_validator(mode="after")
    def _something(self) -> OwnProfile:
        if self.month is None and self.weekday is None and self.hour is None:
            raise ValueError("give month, weekday or hour")
        if self.species and not self.region:
            raise ValueError("a profile of one species needs a region as well")
        return self


class TimeSection(Model):
    """Hours of the year.

    Parameters
    ----------
    write : {"hours", "gathered", "factored"}
        The hours themselves, those of the cells that emit alone, or annual means with the factors of hour, zone and
        sector.
    profiles : table, optional
        Tables by sector; the same rate in all hours where left out.
    map : table
        Sector (GNFR letter) -> sector of the tables of profiles.
    profile : list of OwnProfile
        Single profiles.
    timezone : str
        IANA zone or offset of all regions that ``zones`` does not name; ``longitude`` takes the nearest full hour.
    zones : table
        Region -> zone. A cell takes the zone of the region that emits most in it.
    holidays : str
        Country whose holidays count as Sundays.
    by_sector : bool
        Keep the sectors apart in the hours.
    bits, compression : int
        As in ``ghg inventories expand``.
    """

    write: Literal["hours", "gathered", "factored"] = "hours"
    profiles: ProfileFiles | None = None
    map: dict[str, str] = Field(default_factory=dict)
    profile: list[OwnProfile] = Field(default_factory=list)
    timezone: str = "UTC"
    zones: dict[str, str] = Field(default_factory=dict)
    holidays: str = ""
    by_sector: bool = False
    bits: int = Field(0, ge=0, le=22)
    compression: int = Field(1, ge=0, le=9)


class WeatherSection(Model):
    """Weather at the tops of the stacks, hour by hour.

    Parameters
    ----------
    file : str
        Table with a row for each hour of the year; units stand in the headers or in the keys.
    time, timezone : str
        Column of the starts of the hours, and their zone.
    region : str
        Column that names the region a row holds for; all where left out.
    wind, temperature : str or table
        Columns of wind speed and air temperature.
    gradient : str or table
        Column of the gradient of the potential temperature; or
    stability : str
        column of the class of Pasquill, A to F: ISC3 takes 0.020 K/m in class E and 0.035 K/m in F.
    """

    file: str
    time: str = "time"
    timezone: str = "UTC"
    region: str = ""
    wind: Column
    temperature: Column
    gradient: Column | None = None
    stability: str = ""

    @model_validator(mode="after")
    def _one(self) -> WeatherSection:
        if (self.gradient is None) == (not self.stability):
            raise ValueError("give either gradient or stability")
        return self


class LayersSection(Model):
    """Layers above the ground: plumes of stacks where there is weather, profiles of sectors for all else.

    Parameters
    ----------
    edges : list of float
        Edges of the layers [m], the first 0.
    profiles : str
        Table of shares by sector and layer, as in ``ghg inventories layers``.
    map : table
        GNFR letter -> sector of that table.
    weather : WeatherSection, optional
        Weather; without it, rows with a stack follow the profile of their sector too.
    write : {"annual", "hours"}
        The mean of the year, or the hours (of the cells that emit) as well.
    """

    edges: list[float] = Field(min_length=2)
    profiles: str = ""
    map: dict[str, str] = Field(default_factory=dict)
    weather: WeatherSection | None = None
    write: Literal["annual", "hours"] = "annual"

    def check(self, grid: GridSection | None, time: TimeSection | None) -> None:
        """Hold the section against those it needs."""
        if grid is None:
            raise ValueError("layers are those of a grid: give [grid] beside [layers]")
        if not grid.sectors:
            raise ValueError("layers need sectors apart: leave out grid.sectors = false")
        if self.write == "hours" and time is None:
            raise ValueError("hours in layers need profiles of time: give [time] beside [layers]")
        if not self.profiles and self.weather is None:
            raise ValueError("layers need profiles of sectors, or weather for the plumes of stacks")


class ReportedMass(Model):
    """The reported mass of a species.

    Parameters
    ----------
    column, unit : str
        Header and unit.
    u : float
        Relative standard uncertainty (k = 1).
    where : table
        Column -> text or texts: rows that count, such as those that are measured.
    plus : list of str
        Species of the compilation that are in the reported mass as well, such as CO2_biogenic.
    """

    column: str
    unit: str = ""
    u: Annotated[float, Field(ge=0.0, lt=5.0)] = 0.0
    where: dict[str, str | list[str]] = Field(default_factory=dict)
    plus: list[str] = Field(default_factory=list)


class Reason(Model):
    """Why sources differ, in words; of several that fit a source the first is given.

    Parameters
    ----------
    where : table
        Column -> text or texts of the sources.
    text : str
        The reason.
    species : list of str
        What it holds for; all where left out.
    """

    where: dict[str, str | list[str]]
    text: str
    species: list[str] = Field(default_factory=list)


class Reported(Model):
    """What sources report, to hold a compilation against; it changes no number.

    Parameters
    ----------
    name, file, encoding : str
        The table.
    source : list of str
        Columns that name a source, as in the table of activities.
    by : list of str
        Columns by whose texts the agreement is listed.
    where : table
        Rows that are taken.
    mass : table
        Species -> reported mass.
    reason : list of Reason
        Known reasons of differences.
    """

    name: str
    file: str
    encoding: str | None = None
    source: list[str] = Field(min_length=1)
    by: list[str] = Field(default_factory=list)
    where: dict[str, str | list[str]] = Field(default_factory=dict)
    mass: dict[str, ReportedMass] = Field(min_length=1)
    reason: list[Reason] = Field(default_factory=list)

    @field_validator("source", mode="before")
    @classmethod
    def _one_or_more(cls, given: object) -> object:
        return [given] if isinstance(given, str) else given
