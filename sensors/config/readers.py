"""Configuration of the readers: which files, what each column or code means, in which unit, zone and state."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sensors.config.columns import CHANNELS, Column, Files, Labels, Offset, TimeColumn
from sensors.statements import ComponentUncertainty, Model, State

__all__ = ["CampdReader", "Column", "EcmpsReader", "Hj212Channel", "Hj212Reader", "NetcdfReader", "Reader",
           "TableReader", "TimeColumn", "TypedSeries", "ValuesReader"]  # fmt: skip


class CampdReader(Files):
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
    facility: Labels = ()
    unit: Labels = ()
    timezone: Offset | None = None
    timezones: dict[str, Offset] = Field(default_factory=dict)
    blank_day: Literal["not operating", "missing"] = "not operating"
    uncertainty: dict[str, ComponentUncertainty] = Field(default_factory=dict)
    mrr_tier: Literal[1, 2, 3, 4] | None = None


class TableReader(Files):
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


class Hj212Channel(Model):
    """One channel of a station that sends HJ 212 messages.

    Parameters
    ----------
    code : str
        Factor code: ``a05001``.
    field : {"Avg", "Rtd", "Min", "Max", "Cou", "ZsAvg", "ZsRtd"}, optional
        Which of its values; ``Rtd`` for real-time data and ``Avg`` for all others unless given.
    units : str, optional
        Unit in which the station sends it; that of the standard unless given.
    humidity, state, gauge, calorific_basis
        As for columns of tables.
    """

    code: str = Field(min_length=1, max_length=8)
    field: Literal["Rtd", "Min", "Avg", "Max", "Cou", "ZsRtd", "ZsMin", "ZsAvg", "ZsMax"] | None = None
    units: str | None = None
    humidity: Literal["dry", "wet"] | None = None
    state: State | Literal["actual"] | None = None
    gauge: bool = False
    calorific_basis: Literal["gross", "net"] | None = None


class Hj212Reader(Files):
    """HJ 212-2017 messages, as a listener stored them or as they come through a pipe.

    Parameters
    ----------
    files : list of str
        Files, folders or patterns; ``-`` is standard input.
    data : {"realtime", "minute", "hour", "day"}
        Which of the data a station sends: commands 2011, 2051, 2061, 2031.
    label : {"start", "end"}
        What DataTime labels: stations differ, so it must be stated.
    interval : float, optional
        Length of the intervals in seconds: needed for real-time and minute data.
    timezone : str
        Zone of DataTime.
    channels : table
        Factor code of each channel.
    stations : list of str
        Keep only these device numbers (MN); all if empty.
    strict : bool
        Refuse a file with a message the standard refuses; otherwise such values are kept and flagged.
    species, method, uncertainty, mrr_tier
        As for tables.
    """

    format: Literal["hj212"]
    data: Literal["realtime", "minute", "hour", "day"] = "hour"
    label: Literal["start", "end"]
    interval: Annotated[float, Field(gt=0.0)] | None = None
    timezone: str = "UTC+08:00"
    channels: dict[str, Hj212Channel] = Field(min_length=1)
    stations: Labels = ()
    strict: bool = False
    species: str = "CO2"
    method: Literal["direct", "diluent", "fuel_flow", "default", "substitute", "unknown"] = "direct"
    uncertainty: dict[str, ComponentUncertainty] = Field(default_factory=dict)
    mrr_tier: Literal[1, 2, 3, 4] | None = None

    @model_validator(mode="after")
    def _length(self) -> Hj212Reader:
        if self.interval is None and self.data in ("realtime", "minute"):
            raise ValueError(f"state the interval of {self.data} data in seconds: stations differ")
        if self.interval is not None and self.data == "day":
            raise ValueError("the interval of daily data is the day of the zone")
        return self

    def as_table(self, units: dict[str, str]) -> TableReader:
        """Return the same as a table with the columns DataTime and MN and one for each channel."""
        fallback = "Rtd" if self.data == "realtime" else "Avg"
        columns = {
            name: Column(
                column=f"{channel.code}-{channel.field or fallback}",
                units=units[name],
                **{k: getattr(channel, k) for k in ("humidity", "state", "gauge", "calorific_basis")},
            )
            for name, channel in self.channels.items()
        }
        interval = "day" if self.data == "day" else self.interval or 3600.0
        label = "start" if self.data == "day" else self.label
        return TableReader(
            files=self.files, period=self.period, columns=columns, source_column="MN", species=self.species,
            time=TimeColumn(column="DataTime", timezone=self.timezone, label=label, interval=interval),
            method=self.method, uncertainty=self.uncertainty, mrr_tier=self.mrr_tier,
        )  # fmt: skip


class EcmpsReader(Files):
    """Hourly emissions in US EPA's ECMPS JSON (one file per monitoring plan and quarter).

    Parameters
    ----------
    files : list of str
        Files, folders or patterns; quality-assurance and plan files in a folder are passed over.
    facility, location : list of str
        Keep only these ORIS codes, and these units, stacks or pipes; all if empty.
    period : [date, date], optional
        First day and day after the last, in local standard time.
    timezone : str
        Fixed offset such as ``UTC-05:00``: ECMPS hours are local standard time all year and no file tells the zone.
    take : {"emission", "channels"}
        The reported CO2 mass, or what the monitors read (CO2, O2, H2O, flow), to compute the emission again.
    humidity : {"dry", "wet"}, optional
        Basis of CO2 readings, and of O2 readings whose record does not tell; needed for channels.
    uncertainty : table
        Overrides by component, for `take` = emission.
    mrr_tier : int, optional
        Scale the systematic components to a tier of EU 2018/2066 Annex VIII.
    """

    format: Literal["ecmps"]
    facility: Labels = ()
    location: Labels = ()
    timezone: Offset
    take: Literal["emission", "channels"] = "emission"
    humidity: Literal["dry", "wet"] | None = None
    uncertainty: dict[str, ComponentUncertainty] = Field(default_factory=dict)
    mrr_tier: Literal[1, 2, 3, 4] | None = None


class NetcdfReader(Model):
    """Our own files: an emission as it was written, or the calibrated gas of a station beside the flow of the stack.

    Parameters
    ----------
    files : list of str
        Files of ``ghg sensors emission`` or ``ghg sensors calibrate``, of one stack, in any order.
    gas : str
        Gas of the station.
    inlet : str, optional
        Its inlet, where there are several.
    channels : TableReader, optional
        Table with flow, temperature, pressure, moisture on the same intervals; needed for the gas of a station.
    """

    format: Literal["netcdf"]
    files: Labels = Field(min_length=1)
    gas: Literal["co2", "ch4", "co", "n2o"] = "co2"
    inlet: str | None = None
    channels: TableReader | None = None


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


Reader = Annotated[CampdReader | TableReader | ValuesReader | Hj212Reader | EcmpsReader | NetcdfReader,
                   Field(discriminator="format")]  # fmt: skip
