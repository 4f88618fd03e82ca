"""Any table by a map of columns: which column is the time, which are the values, and in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.flags import Flag
from sensors.readers.series._text import SPECIES, assemble, species_attributes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read"]


def read(
    path: Path,
    *,
    time: str | None = None,
    columns: Mapping[str, tuple[str, str]] | None = None,
    timezone: str = "UTC",
    label: str = "start",
    interval: float | None = None,
    time_format: str | None = None,
    decimal: str = ".",
    missing: float | None = None,
    repeats: str = "refuse",
) -> xr.Dataset:
    """Read a table (CSV, xlsx, Parquet; plain, gz or zip).

    Parameters
    ----------
    path : Path
        The table.
    time : str
        Header of the column of times.
    columns : mapping
        Name of the series -> header and unit.
    timezone, label, interval, time_format
        As for :func:`ghg.core.clock.parse_times`; `time_format` "decimal year" for numbers such as 1969.63.
    decimal : {".", ","}
        Decimal separator.
    missing : float, optional
        Number that stands for a missing value.
    repeats : {"refuse", "keep"}
        Whether several records of one stamp are all kept.

    Raises
    ------
    InputError
        No map given, or a column missing, unreadable, or in another unit.
    """
    from ghg.core.tables import ColumnSpec, read_table

    if not time or not columns:
        raise InputError("the format is not recognised, and no map of columns was given", where=path.name,
                         need="the column of times and those of values",
                         hint="give --time HEADER and --column NAME=HEADER:UNIT")  # fmt: skip
    specs: dict[str, Any] = {"time": ColumnSpec(time, kind="number" if time_format == "decimal year" else "time")}
    specs |= {name: ColumnSpec(header, unit=unit) for name, (header, unit) in columns.items()}
    given: dict[str, Any] = {} if time_format == "decimal year" else {
        "timezone": timezone, "label": label, "interval": interval, "time_format": time_format}  # fmt: skip
    frame: Any = read_table(path, specs, decimal=decimal, **given)
    if frame.empty:
        raise InputError("the table holds no record", where=path.name)
    if time_format == "decimal year":
        from sensors.analysis.series import from_decimal_years

        stamps = from_decimal_years(frame["time"].to_numpy(float))
    else:
        stamps = frame["time"].to_numpy("datetime64[ns]")
    data: dict[str, Any] = {}
    for name, (_, unit) in columns.items():
        values = frame[name].to_numpy(float).copy()
        if missing is not None:
            values[values == missing] = np.nan
        values[~np.isfinite(values)] = np.nan
        attrs = species_attributes(name, unit) if name in SPECIES else {"long_name": name, "units": unit}
        data[name] = (values, attrs)
    none = (np.full(stamps.size, int(Flag.NOT_EVALUATED)), np.zeros(stamps.size, np.int64))
    return assemble(stamps, data, dict.fromkeys(columns, none), where=path.name, notes=list(frame.attrs["notes"]),
                    attrs={"source": "table"}, repeats=repeats)  # fmt: skip
