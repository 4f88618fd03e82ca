"""What the configurations of all readers share: files and period, columns with units, time stamps, zones."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from sensors.statements import Model, State

__all__ = ["CHANNELS", "Column", "Files", "Labels", "Offset", "TimeColumn"]

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


def _texts(value: Any) -> Any:
    """Accept one value for a list, and numbers for labels."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values)


def _fixed_offset(value: str) -> str:
    """Return `value`, refused unless it is ``UTC`` or like ``UTC-07:00``."""
    if not FIXED_OFFSET.match(value):
        raise ValueError("local standard time has a fixed offset all year: write it as UTC-07:00")
    return value


Labels = Annotated[tuple[str, ...], BeforeValidator(_texts)]  # one label or several; numbers are labels too
Offset = Annotated[str, AfterValidator(_fixed_offset)]


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
        IANA name or fixed offset (``UTC+08:00``), of stamps that carry none and of calendar periods.
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


class Files(Model):
    """Files, folders or patterns, and the local days wanted (the second exclusive)."""

    files: Labels = Field(min_length=1)
    period: tuple[date, date] | None = None

    @field_validator("period")
    @classmethod
    def _order(cls, value: tuple[date, date] | None) -> tuple[date, date] | None:
        if value is not None and not value[1] > value[0]:
            raise ValueError("the second date (exclusive) must be after the first")
        return value
