"""Configuration of the accounted side: streams of fuel or material, their records, and how they are accounted."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ghg.core.config import Model
from inventories.rules import METHODS

Component = Literal["fuel_mass", "calorific_value", "emission_factor", "carbon_content", "oxidation", "moisture",
                    "molecular_weight", "cao", "mgo", "kiln_dust", "control"]  # fmt: skip


class Series(Model):
    """One value for the whole period, one per interval, or a column of the table of records.

    Parameters
    ----------
    unit : str
        Unit of the values; may be left out where the column says it.
    values : list of float, optional
        One value, or as many as there are intervals; ``nan`` is written as text and means missing.
    column : str, optional
        Header of a column of the table of records, in place of values.
    basis : {"gross", "net"}, optional
        For energies and calorific values: needed.
    state : {"as_received", "air_dried", "dry"}, optional
        For carbon contents: the state of the analysed sample.
    """

    unit: str = ""
    values: list[float | Literal["nan"]] | None = Field(default=None, min_length=1)
    column: str | None = None
    basis: Literal["gross", "net"] | None = None
    state: Literal["as_received", "air_dried", "dry"] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Series:
        if (self.values is None) == (self.column is None):
            raise ValueError("give either values or column")
        if self.values is not None and not self.unit:
            raise ValueError("the values have no unit: state unit")
        return self


class Relative(Model):
    """Relative standard uncertainties (k = 1) of one component.

    Parameters
    ----------
    systematic, random : float
        Fully correlated over the record, and independent between intervals.
    source : str
        Where the numbers come from.
    """

    systematic: Annotated[float, Field(ge=0.0, lt=2.0)] = 0.0
    random: Annotated[float, Field(ge=0.0, lt=2.0)] = 0.0
    source: str = ""


class StreamConfig(Model):
    """One stream of fuel, material or bought energy.

    Parameters
    ----------
    name : str
        Name in the results.
    fuel : str
        Fuel or material, as in the factor table.
    method : str
        Accounting rule; it chooses defaults and what must be given.
    role : {"input", "output"}
        For mass balances: carbon in (also from stock), or carbon out with products, by-products and into stock.
    mass, energy : Series, optional
        Mass or volume, and energy, per interval.
    calorific_value, emission_factor, carbon_content, oxidation : Series, optional
        Measured or prescribed factors; defaults of the method where left out.
    emission_factors : table
        Factors of several gases, by formula.
    moisture_as_received, moisture_air_dried : Series, optional
        Of the fuel as weighed and of the analysed sample, where the carbon content is not as received.
    molecular_weight : Series, optional
        Of a gas whose volume and carbon per mass are given, with `reference_temperature` and `reference_pressure`.
    cao, mgo, cao_not_carbonate, mgo_not_carbonate, kiln_dust : Series, optional
        Oxides of clinker, the part of them that entered the kiln as oxide, and the correction factor for kiln dust.
    activity_tier : {1, 2, 3, 4}, optional
        Tier of (EU) 2018/2066 that the activity data meet: uncertainty at most 7.5, 5, 2.5 or 1.5 % (95 %).
    sector, technology : str
        Class (NFR) and technology, where the defaults of the method differ by them.
    controls : table
        Share of a species that is removed before it leaves (efficiency x operating rate), by species.
    rows : table
        Column -> value: the rows of the table of records that belong to the stream.
    uncertainty : table
        Relative standard uncertainties by component.
    """

    name: str
    fuel: str
    method: str
    role: Literal["input", "output"] = "input"
    mass: Series | None = None
    energy: Series | None = None
    calorific_value: Series | None = None
    emission_factor: Series | None = None
    emission_factors: dict[str, Series] = Field(default_factory=dict)
    carbon_content: Series | None = None
    oxidation: Series | None = None
    moisture_as_received: Series | None = None
    moisture_air_dried: Series | None = None
    molecular_weight: Series | None = None
    reference_temperature: str | None = None
    reference_pressure: str = "101.325 kPa"
    cao: Series | None = None
    mgo: Series | None = None
    cao_not_carbonate: Series | None = None
    mgo_not_carbonate: Series | None = None
    kiln_dust: Series | None = None
    activity_tier: Literal[1, 2, 3, 4] | None = None
    sector: str = ""
    technology: str = ""
    controls: dict[str, Series] = Field(default_factory=dict)
    rows: dict[str, str] = Field(default_factory=dict)
    uncertainty: dict[Component, Relative] = Field(default_factory=dict)

    def factor_of(self, gas: str) -> Series | None:
        """Return the stated emission factor of a gas; `emission_factor` is of CO2."""
        return self.emission_factors.get(gas, self.emission_factor if gas == "CO2" else None)

    @property
    def basis(self) -> str:
        """Calorific basis that the stream states, empty if none."""
        return next((s.basis for s in (self.energy, self.calorific_value) if s is not None and s.basis), "")

    @field_validator("method")
    @classmethod
    def _known(cls, method: str) -> str:
        if method not in METHODS:
            near = difflib.get_close_matches(method, METHODS, n=1)
            raise ValueError(f"not one of {', '.join(METHODS)}" + (f"; did you mean '{near[0]}'" if near else ""))
        return method

    @model_validator(mode="after")
    def _stated(self) -> StreamConfig:
        rule = METHODS[self.method]
        if self.mass is None and self.energy is None:
            raise ValueError("a stream needs its activity: mass or energy")
        if self.emission_factor is not None and "CO2" in self.emission_factors:
            raise ValueError("the emission factor of CO2 is given twice")
        if self.role == "output" and rule.kind != "carbon":
            raise ValueError("only a mass balance has outputs")
        for key in ("energy", "calorific_value"):
            series = getattr(self, key)
            if rule.kind in ("energy", "carbon") and series is not None and series.basis is None:
                raise ValueError(f"{key} does not say whether it is gross (HHV) or net (LHV): state basis")
        if self.carbon_content is not None and self.carbon_content.state is None and self.molecular_weight is None:
            raise ValueError("carbon_content does not say of which sample: state = 'as_received', 'air_dried' or 'dry'")
        return self


class Records(Model):
    """A table of activity records (CSV, xlsx or Parquet) to which the streams point by column.

    Parameters
    ----------
    file : str
        Path, relative to the configuration.
    time : str
        Header of the column with the month, day or year of each row.
    sheet : str or int, optional
        Sheet of a workbook.
    time_format : str, optional
        strptime pattern where stamps are ambiguous.
    encoding, delimiter, decimal : str, optional
        Where the file does not tell.
    """

    file: str
    time: str
    sheet: str | int | None = None
    time_format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: Literal[".", ","] = "."


class Eia923Reader(Model):
    """Monthly fuel of a US plant from the EIA-923 generation and fuel table.

    Parameters
    ----------
    file : str
        The published workbook (xlsx) or its first page as CSV, or a long CSV with plant_id_eia, report_date,
        fuel_type, fuel_consumed_units and fuel_consumed_mmbtu.
    plant : int
        Plant code (ORIS).
    """

    file: str
    plant: int


class AccountingJob(Model):
    """Account the emissions of a plant.

    Parameters
    ----------
    title : str
        For the file.
    start, end : str
        First day and day after the last, local.
    by : {"month", "year"}
        Length of the intervals of the records.
    timezone : str
        Zone of the interval boundaries.
    species : list of str
        Gases to account.
    stream : list of StreamConfig
        The streams; or
    eia923 : Eia923Reader, optional
        where to read them, accounted by 40 CFR 98 tier 1.
    records : Records, optional
        Table of records to which the streams point by column.
    """

    title: str = ""
    start: str
    end: str
    by: Literal["month", "year"] = "month"
    timezone: str
    species: list[str] = ["CO2"]  # noqa: RUF012
    stream: list[StreamConfig] = Field(default_factory=list)
    eia923: Eia923Reader | None = None
    records: Records | None = None

    @model_validator(mode="after")
    def _one_source(self) -> AccountingJob:
        if bool(self.stream) == (self.eia923 is not None):
            raise ValueError("give either [[stream]] tables or [eia923]")
        names = [s.name for s in self.stream]
        if len(set(names)) != len(names):
            raise ValueError("two streams have the same name")
        pointing = [s.name for s in self.stream if any(True for _ in columns(s))]
        if pointing and self.records is None:
            raise ValueError(f"stream '{pointing[0]}' points to a column, but there is no [records] table")
        if self.records is not None and not pointing:
            raise ValueError("no stream points to a column of the [records] table")
        return self


def columns(stream: StreamConfig) -> Iterator[tuple[str, Series]]:
    """Yield the keys of a stream that point to a column; a gas of `emission_factors` after a dot."""
    for key in StreamConfig.model_fields:
        value = getattr(stream, key)
        if isinstance(value, Series) and value.column is not None:
            yield key, value
    for gas, series in stream.emission_factors.items():
        if series.column is not None:
            yield f"emission_factors.{gas}", series
