"""Configuration of a screening: which records, which fuel, which limits, which parameters were changed when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from sensors.config import Reader
from sensors.config.readers import CHANNELS
from sensors.statements import Model

__all__ = ["Change", "IntegrityJob"]


class Change(Model):
    """A change of a parameter: span, velocity coefficient, cell constant ...

    Parameters
    ----------
    source : str
        The unit.
    time : str
        When, ISO 8601 with zone: ``"2024-03-01T08:00+08:00"``.
    what : str
        Which parameter, for the reader.
    """

    source: str
    time: str
    what: str = ""

    @field_validator("time")
    @classmethod
    def _zoned(cls, value: str) -> str:
        from datetime import datetime

        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("write the time as 2024-03-01T08:00+08:00") from None
        if moment.tzinfo is None:
            raise ValueError("the time needs its zone: 2024-03-01T08:00+08:00")
        return value


class IntegrityJob(Model):
    """Screen records for signs that they were changed.

    Parameters
    ----------
    title, summary : str
        For the file.
    reader : CampdReader, TableReader, ValuesReader or Hj212Reader
        Chosen by its `format`.
    by_file : bool
        Each file holds whole units: they are read and screened one after another, so that memory does not grow with
        the number of files.
    fuel : str, optional
        Fuel of 40 CFR 75 Appendix F Table 1, for the CO2-O2 line; any of them unless given.
    limits : table
        Limit of a channel with unit, for example ``concentration = "50 mg/m3"``.
    change : list of Change
        Changed parameters.
    false_discovery_rate : float
        Rate at which units are named.
    """

    title: str = ""
    summary: str = ""
    reader: Reader
    by_file: bool = False
    fuel: str | None = None
    limits: dict[str, str] = Field(default_factory=dict)
    change: tuple[Change, ...] = ()
    false_discovery_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05

    @field_validator("limits")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(value) - set(CHANNELS)):
            raise ValueError(f"unknown channel {', '.join(unknown)}; known are {', '.join(CHANNELS)}")
        return value
