"""Configuration of a compilation (INVENTORY.toml)."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ghg.core.config import Model
from ghg.core.gases import METRICS
from inventories.compile.sections import Column, GridSection, LayersSection, Reported, TimeSection
from inventories.compile.swap import SwapSection
from inventories.rules import METHODS
from inventories.species import species

U = Annotated[float, Field(ge=0.0, lt=5.0)]


class Text(Model):
    """A text of each row.

    Parameters
    ----------
    column : str, optional
        Header of the column.
    value : str, optional
        The same text for all rows.
    map : table
        What stands in the column -> what is meant; other texts stay as they are.
    default : str
        For empty cells.
    """

    column: str | None = None
    value: str | None = None
    map: dict[str, str] = Field(default_factory=dict)
    default: str = ""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: object) -> object:
        return {"value": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one(self) -> Text:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either a text, or a table with column")
        return self


class Quantity(Model):
    """One number of a row; the activity is their product.

    Parameters
    ----------
    column, value : str or float
        Header of a column, or the same number for all rows.
    unit : str
        Unit; may be left out where the header says it.
    power : {1, -1}
        Multiplied or divided by.
    u, u_shared : float
        Relative standard uncertainty (k = 1): of each row on its own, and of all rows together.
    source : str
        Where a fixed number and the uncertainties come from.
    """

    column: str | None = None
    value: float | None = None
    unit: str = ""
    power: Literal[1, -1] = 1
    u: U = 0.0
    u_shared: U = 0.0
    source: str = ""

    @model_validator(mode="after")
    def _one(self) -> Quantity:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either column or value")
        if self.value is not None and not self.unit:
            raise ValueError("the value has no unit: state unit ('1' for none)")
        return self


class Control(Model):
    """Removal of a species before it leaves.

    Parameters
    ----------
    species : str
        What is removed.
    efficiency : float
        Share removed while the control runs.
    rate : float
        Share of the activity during which it runs.
    u : float
        Relative standard uncertainty of what is left (1 - efficiency x rate), shared by the rows.
    where : table
        Column -> text or texts; ``"*"`` is any text, ``"~part"`` any with that part, ``""`` an empty cell. Rows it acts
        on; all where left out.
    source : str
        Where the efficiency comes from.
    """

    species: str
    efficiency: Annotated[float, Field(ge=0.0, le=1.0)]
    rate: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    u: U = 0.0
    where: dict[str, str | list[str]] = Field(default_factory=dict)
    source: str = ""


class Carried(Column):
    """A mass that a row carries in place of activity x factor: measured, or from a balance.

    Parameters
    ----------
    column, unit : str
        Header and unit; an empty cell leaves the row to its factor.
    u : float
        Relative standard uncertainty (k = 1), of each row on its own.
    """

    u: U = 0.0


class Position(Model):
    """Positions in a table of their own.

    Parameters
    ----------
    file : str
        The table.
    key : str
        Its column that names a place.
    match : str
        The key of a row, made of its columns: ``"USA{orispl:0>7}"``.
    lon, lat : str
        Columns of the position [degrees].
    """

    file: str
    key: str
    match: str
    lon: str = "longitude"
    lat: str = "latitude"


class Stack(Model):
    """The stack of a row, for the rise of its plume; a row with an empty cell has none.

    Parameters
    ----------
    height, diameter : str or table
        Height above the ground and inner diameter.
    velocity, temperature : str or table
        Speed and temperature of the gas that leaves it.
    """

    height: Column
    diameter: Column
    velocity: Column
    temperature: Column


class ActivityTable(Model):
    """A table of activities: one row drives all its species.

    Parameters
    ----------
    name : str
        Name, for messages and for the methods recorded with each row.
    file, sheet, encoding, delimiter, decimal
        The table: CSV, xlsx or Parquet.
    source : list of str
        Columns that name a row.
    region, sector, fuel : str or table
        Region code, class in the taxonomy of the inventory, fuel or material.
    amount : list of Quantity
        Their product is the activity: a mass, a volume or an energy.
    basis : {"gross", "net"}, optional
        Calorific basis where the activity is an energy.
    method, pollutants : str, optional
        Accounting rules of the greenhouse gases and of the pollutants; see ``ghg inventories methods``.
    species : list of str, optional
        Only these, of the inventory's.
    lon, lat : str, optional
        Columns of the position [degrees].
    position : Position, optional
        Where the positions stand, if in another table.
    stack : Stack, optional
        Stacks of the rows, see ``layers``.
    where : table
        Column -> text or texts: rows that are taken.
    duplicates : {"error", "keep"}
        Two rows of one source, fuel and class are refused, or kept as two sources.
    control : list of Control
        Removals; those of one species act one after another.
    carried : table
        Species -> mass that the row carries.
    u_factor : table
        Species -> further relative standard uncertainty of each row's own factor against the mean of its class.
    technology : str or table
        Of the pollutant factors; a fuel without a factor of its technology takes that of any.
    """

    name: str
    file: str
    sheet: str | int | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: Literal[".", ","] = "."
    source: list[str] = Field(min_length=1)
    region: Text
    sector: Text
    fuel: Text
    amount: list[Quantity] = Field(min_length=1)
    basis: Literal["gross", "net"] | None = None
    method: str = ""
    pollutants: str = ""
    species: list[str] = Field(default_factory=list)
    lon: str | None = None
    lat: str | None = None
    position: Position | None = None
    stack: Stack | None = None
    where: dict[str, str | list[str]] = Field(default_factory=dict)
    duplicates: Literal["error", "keep"] = "error"
    control: list[Control] = Field(default_factory=list)
    carried: dict[str, Carried] = Field(default_factory=dict)
    u_factor: dict[str, U] = Field(default_factory=dict)
    technology: Text = Field(default_factory=lambda: Text(value=""))

    @field_validator("source", mode="before")
    @classmethod
    def _one_or_more(cls, given: object) -> object:
        return [given] if isinstance(given, str) else given

    @field_validator("method", "pollutants")
    @classmethod
    def _known(cls, method: str) -> str:
        if method and method not in METHODS:
            near = difflib.get_close_matches(method, METHODS, n=1)
            raise ValueError(f"not one of {', '.join(METHODS)}" + (f"; did you mean '{near[0]}'" if near else ""))
        return method

    @model_validator(mode="after")
    def _complete(self) -> ActivityTable:
        if not (self.method or self.pollutants or self.carried):
            raise ValueError("the table needs a method, pollutants or carried masses")
        if (self.lon is None) != (self.lat is None):
            raise ValueError("a position needs lon and lat")
        return self


class Annex1(Model):
    """A submission under the air convention (NFR template, Annex I), with its activities.

    Parameters
    ----------
    file : str
        The workbook; its sheets are years.
    region : str
        Code of the country; the workbook's where left out.
    fuel : table
        Column of activity (``Liquid Fuels`` ...) -> fuel whose factors are taken.
    method : str
        Rule of the greenhouse gases.
    u_activity, u_pollutant : float
        Relative standard uncertainties of the activities and of the reported masses.
    """

    file: str
    region: str = ""
    fuel: dict[str, str] = Field(default_factory=lambda: {
        "Liquid Fuels": "crude_oil", "Solid Fuels": "bituminous", "Gaseous Fuels": "natural_gas", "Biomass": "wood",
        "Other Fuels": ""})  # fmt: skip
    method: str = "ipcc2006-tier1"
    u_activity: U = 0.02
    u_pollutant: U = 0.1


class InventoryJob(Model):
    """Compile an inventory.

    Parameters
    ----------
    title : str
        For the file and the report.
    year : int
        Calendar year.
    taxonomy : str
        Of the classes in the activity tables: NFR, CRT, IPCC2006, GNFR, SNAP, EDGAR or CHINA.
    species : list of str
        What is compiled.
    gwp : str
        Metric of CO2 equivalents.
    activity : list of ActivityTable
        The tables; and/or
    annex1 : Annex1, optional
        a submission with its own classes and masses.
    overlay : list of str
        CSV files with factors of your own, columns as in the factor tables; they come before those of the toolkit.
    grid : GridSection, optional
        Grid on which the sources are put.
    time : TimeSection, optional
        Profiles and clocks by which the gridded emissions are given in hours.
    layers : LayersSection, optional
        Layers above the ground into which the gridded emissions are put.
    swap : SwapSection, optional
        Area totals that are reduced by the points of their region and class.
    reported : Reported, optional
        What the sources report themselves, to hold the compilation against.
    draws, seed : int
        Of the Monte Carlo ensemble that is kept; 0 draws for none.
    coastlines : bool
        Whether the maps of the report show the coasts of the Earth.
    """

    title: str = ""
    year: Annotated[int, Field(ge=1750, le=2200)]
    taxonomy: str = "NFR"
    species: list[str] = Field(min_length=1)
    gwp: str = "AR5GWP100"
    activity: list[ActivityTable] = Field(default_factory=list)
    annex1: Annex1 | None = None
    overlay: list[str] = Field(default_factory=list)
    grid: GridSection | None = None
    time: TimeSection | None = None
    layers: LayersSection | None = None
    swap: SwapSection | None = None
    reported: Reported | None = None
    draws: Annotated[int, Field(ge=0, le=100_000)] = 1000
    seed: int = 1
    coastlines: bool = True

    @field_validator("species")
    @classmethod
    def _named(cls, given: list[str]) -> list[str]:
        names = [species(name).name for name in given]
        if len(set(names)) != len(names):
            raise ValueError("a species is named twice")
        return names

    @field_validator("gwp")
    @classmethod
    def _metric(cls, metric: str) -> str:
        if metric not in METRICS:
            raise ValueError(f"not one of {', '.join(METRICS)}")
        return metric

    @model_validator(mode="after")
    def _something(self) -> InventoryJob:
        if not self.activity and self.annex1 is None:
            raise ValueError("give [[activity]] tables or [annex1]")
        if self.time is not None and self.grid is None:
            raise ValueError("hours are those of a grid: give [grid] beside [time]")
        if self.layers is not None:
            self.layers.check(self.grid, self.time)
        return self
