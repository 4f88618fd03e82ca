"""Configuration of the records of a station: one model for each format.

Importing this module costs nothing heavy.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sensors.config.columns import Labels
from sensors.statements import Model

__all__ = ["NeonRecords", "PicarroRecords", "TableRecords"]


class _Records(Model):
    files: Labels = Field(min_length=1)


class PicarroRecords(_Records):
    """Picarro G2000 ``DataLog_User`` logs: files, folders, gz and zip.

    Parameters
    ----------
    valve : str
        Column of the valve position.
    """

    format: Literal["picarro"]
    valve: str = "MPVPosition"


class NeonRecords(_Records):
    """NEON eddy-covariance bundle DP4.00200.001 (HDF5): statistics of tank injections and of air."""

    format: Literal["neon"]


class TableRecords(_Records):
    """Any CSV or Parquet table of readings, through a map of columns.

    Parameters
    ----------
    time : str
        Column of the time stamps.
    timezone : str
        Their zone.
    time_format : str, optional
        As in ``datetime.strptime``.
    columns : table
        Name used here -> header in the file (``co2``, ``co2_dry``, ``h2o_reported`` ...).
    valve : str, optional
        Header of the valve or port column.
    decimal, delimiter : str, optional
        Where the file does not tell.
    """

    format: Literal["table"]
    time: str
    timezone: str
    time_format: str | None = None
    columns: dict[str, str] = Field(min_length=1)
    valve: str | None = None
    decimal: Literal[".", ","] = "."
    delimiter: str | None = None
