"""Configuration of a station: site, inlets, analyser, valve map, cylinders, records, and how all is calibrated.

Importing this module costs nothing heavy.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sensors.config.formats import NeonRecords, PicarroRecords, TableRecords
from sensors.config.stack import LedgerConfig
from sensors.statements import Model

__all__ = [
    "GASES",
    "Assigned",
    "Averages",
    "Calibration",
    "Cylinder",
    "Gas",
    "Inlet",
    "Instrument",
    "NeonRecords",
    "Picarro",
    "PicarroRecords",
    "Schedule",
    "Site",
    "StationJob",
    "TableRecords",
    "Water",
]  # fmt: skip

# Gas -> unit of its series, CF standard name (table 93)
GASES: dict[str, tuple[str, str]] = {
    "co2": ("umol mol-1", "mole_fraction_of_carbon_dioxide_in_dry_air"),
    "ch4": ("nmol mol-1", "mole_fraction_of_methane_in_dry_air"),
    "co": ("nmol mol-1", "mole_fraction_of_carbon_monoxide_in_dry_air"),
    "n2o": ("nmol mol-1", "mole_fraction_of_nitrous_oxide_in_dry_air"),
}


def _utc(value: Any) -> Any:
    """Return a date or time as UTC; a time without zone is UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if value is not None and hasattr(value, "year"):
        return datetime(value.year, value.month, value.day)
    return value


Moment = Annotated[datetime, BeforeValidator(_utc)]
Port = Annotated[str, BeforeValidator(lambda v: f"{v:g}" if isinstance(v, int | float) else v)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]


class Site(Model):
    """Where the station stands.

    Parameters
    ----------
    name, code : str
        Full and short name.
    latitude, longitude : float
        Degrees north and east.
    elevation : float
        Ground above sea level [m].
    institution, contact, email : str
        Who answers for the data.
    """

    name: str
    code: str = ""
    latitude: Annotated[float, Field(ge=-90.0, le=90.0)]
    longitude: Annotated[float, Field(ge=-180.0, le=360.0)]
    elevation: float = 0.0
    institution: str = ""
    contact: str = ""
    email: str = ""


class Inlet(Model):
    """One air intake.

    Parameters
    ----------
    name : str
        Label of its series.
    height : float
        Above the ground [m].
    valve : str, optional
        Position of the valve, or label of the port in the records, that means this inlet.
    flush : float, optional
        Seconds to leave out after the valve has turned; that of the calibration section unless given.
    """

    name: str
    height: float
    valve: Port | None = None
    flush: NotNegative | None = None


class Assigned(Model):
    """The value a cylinder was given.

    Parameters
    ----------
    value : float, optional
        In the unit of the gas; left out only where the records carry it (NEON).
    uncertainty : float
        Standard uncertainty (k = 1) of the assignment, without that of the scale.
    scale : str
        Calibration scale, for example ``"WMO CO2 X2019"``.
    """

    value: float | None = None
    uncertainty: NotNegative
    scale: str


class Cylinder(Model):
    """A calibration or target gas.

    Parameters
    ----------
    name : str
        Number or label of the cylinder.
    role : {"calibration", "target"}
        Targets are never fitted; they test the result.
    valve : str, optional
        Position or port label; the name unless given.
    valid_from, valid_to : time, optional
        When it hangs on this port (UTC).
    values : table
        Gas -> assigned value.
    flush : float, optional
        Seconds to leave out, as for an inlet.
    """

    name: str
    role: Literal["calibration", "target"] = "calibration"
    valve: Port | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    values: dict[str, Assigned] = Field(min_length=1)
    flush: NotNegative | None = None

    @property
    def port(self) -> str:
        """Label of its port in the records."""
        return self.valve if self.valve is not None else self.name


class Water(Model):
    """How the mole fraction in dry air is found: x_dry = x_wet / (1 + a h + b h^2), h in percent.

    Parameters
    ----------
    method : {"instrument", "coefficients", "none"}
        The analyser's own dry column, coefficients of a droplet test of this analyser, or air that was dried.
    a, b : float
        Coefficients [1/percent, 1/percent^2]. The factory's unless given.
    column : str
        Column with the water the coefficients belong to (``h2o_reported`` for those of the factory: with ``H2O``
        they are wrong by half a percent).
    uncertainty : float
        Standard uncertainty of the correction at `reference` percent of water, as a fraction of the value; it grows
        in proportion to the water.
    reference : float
        Water at which `uncertainty` is stated [percent].
    bracket : bool
        Water is the mean of the scans before and after, as the analyser does.
    """

    method: Literal["instrument", "coefficients", "none"] = "instrument"
    a: float | None = None
    b: float | None = None
    column: str = "h2o_reported"
    uncertainty: NotNegative = 0.0
    reference: Positive = 1.0
    bracket: bool = True

    @model_validator(mode="after")
    def _both(self) -> Water:
        if (self.a is None) != (self.b is None):
            raise ValueError("give a and b together")
        return self


class Gas(Model):
    """One gas of the record.

    Parameters
    ----------
    scale : str
        Scale of the result; cylinders on another one are refused unless it can be converted and `convert` is set.
    units : str, optional
        Unit of the analyser's column (``"ppm"``); the usual one of the format unless given.
    column, dry_column : str, optional
        Columns of the wet and of the dry value; the usual ones of the format unless given.
    water : Water
        Water correction.
    response : {"offset", "linear", "quadratic"}
        Assigned minus read value as a polynomial in the read one.
    scale_uncertainty : float
        Standard uncertainty of the scale, common to all cylinders.
    convert : bool
        Convert cylinders that are on another scale.
    limits : [float, float], optional
        Outside these a reading is not used.
    slope_prior : [float, float], optional
        Slope of the response and its standard uncertainty as known from the analyser (1.0, 0.005): it helps to tell
        which of three cylinders is wrong, and is not used in the fit.
    """

    scale: str
    units: str | None = None
    column: str | None = None
    dry_column: str | None = None
    water: Water = Water()
    response: Literal["offset", "linear", "quadratic"] = "linear"
    scale_uncertainty: NotNegative = 0.0
    convert: bool = False
    limits: tuple[float, float] | None = None
    slope_prior: tuple[float, Positive] | None = None


class Instrument(Model):
    """The analyser.

    Parameters
    ----------
    name, serial : str
        Maker and model; serial number: files of another one are refused.
    limits : table
        Column -> [low, high]: rows outside are not used (cavity pressure and temperature, for example).
    status : table
        Column -> value that means normal work.
    """

    name: str = "analyser"
    serial: str = ""
    limits: dict[str, tuple[float, float]] = Field(default_factory=dict)
    status: dict[str, float] = Field(default_factory=dict)


class Schedule(Model):
    """Which port is open when, for records without a valve column (or to check it).

    Parameters
    ----------
    port : str
        Name of the cylinder or inlet.
    start : time
        First time (UTC).
    every, duration : float
        Period and length [s].
    until : time, optional
        No more from here on.
    """

    port: str
    start: Moment
    every: Positive
    duration: Positive
    until: Moment | None = None


Picarro = PicarroRecords
Records = Annotated[PicarroRecords | NeonRecords | TableRecords, Field(discriminator="format")]


class Calibration(Model):
    """How the response is followed through time.

    Parameters
    ----------
    drift : {"smoother", "interpolate"}
        A Kalman smoother that learns its noise from the record, or straight lines between sequences.
    sequence : float
        Visits of cylinders less than this apart belong to one sequence [s].
    max_gap : float
        Further than this from any sequence values are suspect [s]. NOAA allows 14 days.
    flush : float or "auto"
        Seconds to leave out after the valve has turned, or found from the record.
    least_readings : int
        A visit with fewer readings is not used.
    node : float
        Spacing of the times at which the smoothed response is kept [s].
    services : list of time
        When the analyser was opened, moved or set (UTC): from there on the response may be another one.
    """

    drift: Literal["smoother", "interpolate"] = "smoother"
    sequence: Positive = 7200.0
    max_gap: Positive = 14 * 86400.0
    flush: NotNegative | Literal["auto"] = "auto"
    least_readings: Annotated[int, Field(ge=1)] = 5
    node: Positive = 3600.0
    services: tuple[Moment, ...] = ()


class Averages(Model):
    """How readings become means.

    Parameters
    ----------
    interval : {"hour", "minute"}
        Of the series written; each with number and spread of the readings.
    least_coverage : float
        An hour with fewer of its minutes than this fraction is suspect.
    """

    interval: Literal["hour", "minute", "record"] = "hour"
    least_coverage: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


class StationJob(Model):
    """A station and the record to calibrate.

    Parameters
    ----------
    title, summary : str
        For the file.
    site : Site
    instrument : Instrument
    records : PicarroRecords, NeonRecords or TableRecords
    gases : table
        Gas (co2, ch4, co, n2o) -> how it is calibrated.
    inlets, cylinders, schedule : list
    unused : list of str
        Valve positions that are known and not wanted.
    calibration : Calibration
    averages : Averages
    flags : str, optional
        CSV of manual flags: start, end, gas, inlet, flag, author, reason.
    store : str, optional
        Folder in which statistics of each file are kept, so that a later run reads only what is new.
    ledger : LedgerConfig, optional
        Parameter ledger that must answer for cylinders, water coefficients, scales and responses.
    """

    title: str = ""
    summary: str = ""
    site: Site
    instrument: Instrument = Instrument()
    records: Records
    gases: dict[str, Gas] = Field(min_length=1)
    inlets: tuple[Inlet, ...] = Field(min_length=1)
    cylinders: tuple[Cylinder, ...] = ()
    schedule: tuple[Schedule, ...] = ()
    unused: tuple[Port, ...] = ()
    calibration: Calibration = Calibration()
    averages: Averages = Averages()
    flags: str | None = None
    store: str | None = None
    ledger: LedgerConfig | None = None

    @model_validator(mode="after")
    def _ports(self) -> StationJob:
        if unknown := sorted(set(self.gases) - set(GASES)):
            raise ValueError(f"unknown gas {', '.join(unknown)}; known are {', '.join(GASES)}")
        names = [i.name for i in self.inlets]
        if doubled := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"two inlets are named {', '.join(doubled)}")
        inlet_ports = {i.valve if i.valve is not None else i.name for i in self.inlets}
        if both := sorted(inlet_ports & {c.port for c in self.cylinders}):
            raise ValueError(f"port {', '.join(both)} is an inlet and a cylinder at once")
        known = {*names, *(c.name for c in self.cylinders)}
        if lost := sorted({s.port for s in self.schedule} - known):
            raise ValueError(f"the schedule names {', '.join(lost)}, which is neither inlet nor cylinder")
        self._overlaps()
        return self

    def _overlaps(self) -> None:
        for i, one in enumerate(self.cylinders):
            if one.valid_from and one.valid_to and one.valid_to <= one.valid_from:
                raise ValueError(f"cylinder {one.name} ends before it begins")
            for two in self.cylinders[i + 1 :]:
                early, late = one.valid_to or datetime.max, two.valid_to or datetime.max
                begins, other = one.valid_from or datetime.min, two.valid_from or datetime.min
                if one.port == two.port and begins < late and other < early:
                    raise ValueError(f"cylinders {one.name} and {two.name} hang on port {one.port} at the same time")
