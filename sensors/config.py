"""Configuration of the measured side: what to read, how the stack is measured, how uncertain each part is.

Importing this module costs nothing heavy: no arrays, no units library.
"""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

FIXED_OFFSET = re.compile(r"^UTC(?:[+-](?:0\d|1[0-4]):[0-5]\d)?$")
CHANNELS = (
    "concentration",
    "co2",
    "o2",
    "h2o",
    "flow",
    "velocity",
    "temperature",
    "pressure",
    "operating_time",
    "heat_input",
    "gross_load",
    "steam_load",
    "emission",
)


class Model(BaseModel):
    """Common base: unknown keys are errors, and so are numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Uncertainty(Model):
    """One statement of uncertainty, and how it becomes a standard uncertainty.

    Parameters
    ----------
    relative : float, optional
        Fraction of the value (0.05 is 5 %).
    absolute : float, optional
        In `units`.
    units : str
        Unit of `absolute`.
    form : {"standard", "limit", "expanded"}
        ``standard``: taken as it is (k = 1). ``limit``: half-width of a rectangular distribution, divided by
        sqrt(3) (GUM 4.3.7): for acceptance limits. ``expanded``: divided by `coverage_factor`.
    coverage_factor : float
        For ``expanded``; 1.96 turns a 95 % interval into k = 1.
    source : str
        Where the number comes from.
    verified : bool
        Whether the number was read in its source.
    """

    relative: Annotated[float, Field(ge=0.0, lt=5.0)] | None = None
    absolute: Annotated[float, Field(ge=0.0)] | None = None
    units: str = ""
    form: Literal["standard", "limit", "expanded"] = "standard"
    coverage_factor: Annotated[float, Field(gt=0.0)] = 1.96
    source: str = ""
    verified: bool = True

    @model_validator(mode="after")
    def _one_of(self) -> Uncertainty:
        if self.relative is None and self.absolute is None:
            raise ValueError("give relative (a fraction) or absolute (with units)")
        if self.absolute is not None and not self.units:
            raise ValueError("an absolute uncertainty needs units")
        return self

    @property
    def divisor(self) -> float:
        """What the stated number is divided by to have k = 1."""
        return {"standard": 1.0, "limit": math.sqrt(3.0), "expanded": self.coverage_factor}[self.form]

    @property
    def standard_relative(self) -> float:
        """Relative standard uncertainty (zero if none was stated)."""
        return (self.relative or 0.0) / self.divisor

    @property
    def standard_absolute(self) -> float:
        """Absolute standard uncertainty in `units` (zero if none was stated)."""
        return (self.absolute or 0.0) / self.divisor


class ComponentUncertainty(Model):
    """The parts of one component; one left out keeps its default, ``relative = 0`` removes it."""

    systematic: Uncertainty | None = None
    random: Uncertainty | None = None


class State(Model):
    """Reference state of a volume of gas: nothing is assumed.

    Parameters
    ----------
    temperature : str
        With unit: ``"0 degC"``, ``"273.15 K"``, ``"68 degF"``.
    pressure : str
        With unit: ``"101.325 kPa"``, ``"29.92 inHg"``.
    humidity : {"dry", "wet"}
        Whether water vapour is counted.
    """

    temperature: str
    pressure: str = "101325 Pa"
    humidity: Literal["dry", "wet"]


class Column(Model):
    """One column of a table.

    Parameters
    ----------
    column : str
        Header in the file.
    units : str
        Unit of the column; ``"1"`` for none.
    humidity : {"dry", "wet"}, optional
        For gas fractions and concentrations: needed.
    state : State or "actual", optional
        For volume flows and mass concentrations: needed.
    gauge : bool
        The pressure is relative to the barometric pressure.
    calorific_basis : {"gross", "net"}, optional
        For heat input: needed.
    """

    column: str
    units: str
    humidity: Literal["dry", "wet"] | None = None
    state: State | Literal["actual"] | None = None
    gauge: bool = False
    calorific_basis: Literal["gross", "net"] | None = None


class TimeColumn(Model):
    """Time stamps of a table: nothing is assumed about zone and label.

    Parameters
    ----------
    column : str
        Header in the file.
    timezone : str
        IANA name or fixed offset (``UTC+08:00``).
    label : {"start", "end"}
        What a stamp labels.
    interval : float or {"day", "month", "year"}
        Length of the intervals in seconds, or calendar periods of the zone (start labels only).
    format : str, optional
        As in ``datetime.strptime``; ISO 8601 is assumed, since 01/02/2024 means two days.
    """

    column: str
    timezone: str
    label: Literal["start", "end"]
    interval: Annotated[float, Field(gt=0.0)] | Literal["day", "month", "year"] = 3600.0
    format: str | None = None

    @model_validator(mode="after")
    def _calendar(self) -> TimeColumn:
        if self.label == "end" and isinstance(self.interval, str):
            raise ValueError("calendar periods are labelled by their start")
        return self


def _texts(value: Any) -> Any:
    """Accept one value for a list, and numbers for labels."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values)


class _Files(Model):
    files: tuple[str, ...] = Field(min_length=1)
    period: tuple[date, date] | None = None

    @field_validator("files", mode="before")
    @classmethod
    def _files(cls, value: Any) -> Any:
        return _texts(value)

    @field_validator("period")
    @classmethod
    def _order(cls, value: tuple[date, date] | None) -> tuple[date, date] | None:
        if value is not None and not value[1] > value[0]:
            raise ValueError("the second date (exclusive) must be after the first")
        return value


class CampdReader(_Files):
    """US EPA Clean Air Markets bulk files: hourly to annual, both header generations.

    Parameters
    ----------
    files : list of str
        Files (csv, csv.gz, zip), folders or patterns.
    facility, unit : list of str
        Keep only these facility (ORIS) codes and units; all if empty.
    period : [date, date], optional
        First day and day after the last, in local standard time.
    timezone : str, optional
        Fixed offset such as ``UTC-07:00``: the files are in local standard time all year. Looked up by state
        if not given, which is noted in the result.
    timezones : table
        Offsets by facility code, for plants in another zone than most of their state.
    blank_day : {"not operating", "missing"}
        What a daily row means in which heat input, load, steam and CO2 are all blank.
    uncertainty : table
        Overrides by component.
    mrr_tier : int, optional
        Scale the systematic components so that together they are the tier of EU 2018/2066 Annex VIII.
    """

    format: Literal["campd"] = "campd"
    facility: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    timezone: str | None = None
    timezones: dict[str, str] = Field(default_factory=dict)
    blank_day: Literal["not operating", "missing"] = "not operating"
    uncertainty: dict[str, ComponentUncertainty] = Field(default_factory=dict)
    mrr_tier: Literal[1, 2, 3, 4] | None = None

    @field_validator("facility", "unit", mode="before")
    @classmethod
    def _labels(cls, value: Any) -> Any:
        return _texts(value)

    @field_validator("timezone")
    @classmethod
    def _fixed(cls, value: str | None) -> str | None:
        return None if value is None else _fixed_offset(value)

    @field_validator("timezones")
    @classmethod
    def _all_fixed(cls, value: dict[str, str]) -> dict[str, str]:
        return {key: _fixed_offset(zone) for key, zone in value.items()}


def _fixed_offset(value: str) -> str:
    if not FIXED_OFFSET.match(value):
        raise ValueError("local standard time has a fixed offset all year: write it as UTC-07:00")
    return value


class TableReader(_Files):
    """Any CSV, xlsx or Parquet table of stack records, through a map of columns with units.

    Parameters
    ----------
    files : list of str
        Files, folders or patterns.
    time : TimeColumn
        Stamps, their zone and label.
    columns : table
        Column of each channel (concentration, co2, o2, h2o, flow, velocity, temperature, pressure,
        operating_time, heat_input, gross_load, steam_load, emission).
    source : str
        Label of the stack, if the table has one only.
    source_column : str, optional
        Column with the label of the stack.
    method_column : str, optional
        Column with how each value came about; `methods` translates its words.
    methods : table
        Word -> direct, diluent, fuel_flow, default, substitute or unknown.
    method : str
        Method of all values when there is no column.
    species : str
        Gas that `concentration` and `emission` mean.
    uncertainty : table
        For tables of emissions: overrides by component of the defaults for reported totals.
    mrr_tier : int, optional
        For tables of emissions: scale the systematic components to a tier of EU 2018/2066 Annex VIII.
    sheet, delimiter, encoding : str, optional
        Where the file does not tell.
    """

    format: Literal["table"] = "table"
    time: TimeColumn
    columns: dict[str, Column] = Field(min_length=1)
    source: str = "stack"
    source_column: str | None = None
    method_column: str | None = None
    methods: dict[str, Literal["direct", "diluent", "fuel_flow", "default", "substitute", "unknown"]] = Field(
        default_factory=dict
    )
    method: Literal["direct", "diluent", "fuel_flow", "default", "substitute", "unknown"] = "direct"
    species: str = "CO2"
    uncertainty: dict[str, ComponentUncertainty] = Field(default_factory=dict)
    mrr_tier: Literal[1, 2, 3, 4] | None = None
    sheet: str | None = None
    delimiter: str | None = None
    encoding: str | None = None

    @field_validator("columns")
    @classmethod
    def _known(cls, value: dict[str, Column]) -> dict[str, Column]:
        unknown = sorted(set(value) - set(CHANNELS))
        if unknown:
            raise ValueError(f"unknown channel {', '.join(unknown)}; known are {', '.join(CHANNELS)}")
        if "heat_input" in value and value["heat_input"].calorific_basis is None:
            raise ValueError("heat_input does not say whether it is gross or net: state calorific_basis")
        return value


class TypedSeries(Model):
    """Values with their unit, one for each interval; ``"nan"`` is missing."""

    unit: str
    values: tuple[float | Literal["nan"], ...] = Field(min_length=1)


class ValuesReader(Model):
    """Totals of a stack typed into the configuration.

    Parameters
    ----------
    start, end : str
        First day and day after the last, local.
    by : {"month", "year"}
        Length of the intervals.
    timezone : str
        Zone of the interval boundaries.
    emission : TypedSeries
        Mass of the species per interval.
    heat_input : TypedSeries, optional
        Energy of the fuel per interval, with `calorific_basis`.
    method : str
        How the totals came about.
    citation : str
        Where they were published.
    source : str
        Label of the stack or plant.
    uncertainty, mrr_tier
        As for reported totals of other readers.
    """

    format: Literal["values"]
    start: str
    end: str
    by: Literal["month", "year"] = "year"
    timezone: str
    emission: TypedSeries
    heat_input: TypedSeries | None = None
    calorific_basis: Literal["gross", "net"] | None = None
    method: Literal["direct", "diluent", "fuel_flow", "default", "substitute", "unknown"] = "direct"
    citation: str
    source: str = "plant"
    species: str = "CO2"
    uncertainty: dict[str, ComponentUncertainty] = Field(default_factory=dict)
    mrr_tier: Literal[1, 2, 3, 4] | None = None

    @model_validator(mode="after")
    def _basis(self) -> ValuesReader:
        if self.heat_input is not None and self.calorific_basis is None:
            raise ValueError("heat_input does not say whether it is gross or net: state calorific_basis")
        return self


Reader = Annotated[CampdReader | TableReader | ValuesReader, Field(discriminator="format")]


class Limits(Model):
    """Outside these a value is physically absurd and flagged bad; it is kept."""

    co2: tuple[float, float] = (-0.5, 100.0)  # percent; small negatives are zero drift
    o2: tuple[float, float] = (-0.5, 25.0)  # percent; air holds 20.9
    h2o: tuple[float, float] = (0.0, 60.0)  # percent
    concentration: tuple[float, float] = (-0.01, 2.0)  # kg m-3; pure CO2 at 0 degC is 1.96
    flow: tuple[float, float] = (0.0, 5000.0)  # m3 s-1
    velocity: tuple[float, float] = (0.0, 60.0)  # m s-1
    temperature: tuple[float, float] = (233.15, 1273.15)  # K
    pressure: tuple[float, float] = (50e3, 120e3)  # Pa, absolute
    operating_time: tuple[float, float] = (0.0, 1.0)


class StackConfig(Model):
    """How the emission of a stack is computed from its channels.

    Parameters
    ----------
    method : {"part75", "hj75"}
        40 CFR 75 Appendix F, or the HJ 75 / ISO route through temperature, pressure and moisture.
    species : str
        The gas.
    diluent : bool
        Find CO2 from O2 (F-14A, F-14B) instead of measuring it.
    fuel : str, optional
        Fuel for the F factors, from the table of F factors; needed for `diluent` with no `f_factors`.
    f_factors : [float, float], optional
        Fd [dscf/mmBtu] and Fc [scf/mmBtu] of the fuel itself.
    constant : {"regulation", "exact"}
        Part 75: 5.7e-7 ton/scf per percent, or the gas law and the molar mass.
    rounding : bool
        Part 75: round hourly values as the regulation does, halves away from zero.
    diluent_cap : {"boiler", "turbine", "none"}
        Appendix F cap of O2 and CO2 at start-up; it applies to rates, not to mass, so the default is none.
    area : str, optional
        Cross-section with unit (``"28.3 m2"``), with `velocity`.
    velocity_coefficient : float
        Velocity-field coefficient of the monitor against the manual traverse.
    h2o : float, optional
        Constant moisture [percent] where no channel has it.
    barometric_pressure : str, optional
        With unit, for gauge pressures.
    uncertainty : table
        Overrides by component.
    shared_components : list of str
        Components whose error is the same in all sources.
    mrr_tier : int, optional
        Scale the systematic components to a tier of EU 2018/2066 Annex VIII.
    limits : Limits
        What is absurd.
    """

    method: Literal["part75", "hj75"]
    species: str = "CO2"
    diluent: bool = False
    fuel: str | None = None
    f_factors: tuple[float, float] | None = None
    constant: Literal["regulation", "exact"] = "regulation"
    rounding: bool = True
    diluent_cap: Literal["boiler", "turbine", "none"] = "none"
    area: str | None = None
    velocity_coefficient: Annotated[float, Field(gt=0.0, lt=10.0)] = 1.0
    h2o: Annotated[float, Field(ge=0.0, lt=100.0)] | None = None
    barometric_pressure: str | None = None
    uncertainty: dict[str, ComponentUncertainty] = Field(default_factory=dict)
    shared_components: tuple[str, ...] = ()
    mrr_tier: Literal[1, 2, 3, 4] | None = None
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _consistent(self) -> StackConfig:
        if self.diluent and self.fuel is None and self.f_factors is None:
            raise ValueError("CO2 from O2 needs fuel or f_factors")
        if self.f_factors is not None and not all(f > 0 for f in self.f_factors):
            raise ValueError("F factors are positive")
        if self.method == "part75" and self.species != "CO2":
            raise ValueError("the Part 75 equations here are for CO2")
        return self


class StackJob(Model):
    """Read records of stacks and, where they hold channels, compute the emission.

    Parameters
    ----------
    reader : CampdReader or TableReader
        Chosen by its `format`.
    stack : StackConfig, optional
        Needed when the records do not hold the emission itself.
    title, summary : str
        For the file.
    """

    title: str = ""
    summary: str = ""
    reader: Reader
    stack: StackConfig | None = None
