"""NOAA GML event files (flasks): a header whose first line tells its length, then blank-separated fields.

The three-column flag: a character other than ``.`` in the first column rejects, in the second it deselects, the third
is a comment (header of the files). Flasks come in pairs, so stamps may repeat.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason
from ghg.core.limits import check_times
from sensors.readers.series._text import assemble, clean, numbers, read_lines, species_attributes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["qc_flags", "read"]

CLOCK = ("year", "month", "day", "hour", "minute", "seconds")
NEEDED = ("parameter_formula", "analysis_value", "analysis_flag", *(f"sample_{k}" for k in CLOCK))
MISSING = ("-999.990", "-999.99", "-999.999", "-9.990")


def read(path: Path) -> xr.Dataset:
    """Read an event file.

    Returns
    -------
    Dataset
        dims (time): the species, ``_u_random`` (analysis uncertainty), latitude, longitude, altitude.
    """
    lines = read_lines(path)
    fields = next((line.split(":", 1)[1].split() for line in lines if line.startswith("# data_fields:")), None)
    if fields is None:
        raise InputError("the header names no fields", where=path.name, need="a line '# data_fields:'")
    rows = [(i + 1, line.split()) for i, line in enumerate(lines) if line.strip() and not line.startswith("#")]
    rows, notes = clean(rows, len(fields), path.name)
    at = {f: i for i, f in enumerate(fields)}
    if missing := [f for f in NEEDED if f not in at]:
        raise InputError("fields of an event file are missing", where=path.name, found=", ".join(fields),
                         need=", ".join(missing))  # fmt: skip
    lines_at = [i for i, _ in rows]
    found = sorted({c[at["parameter_formula"]].lower() for _, c in rows}) if "parameter_formula" in at else []
    if len(found) != 1:
        raise InputError("the file holds not one species", where=path.name, found=", ".join(found) or "none")
    name = found[0]

    def column(field: str) -> Any:
        return numbers([c[at[field]] for _, c in rows], field, lines_at, path.name, MISSING)

    stamps = ["{}-{}-{}T{}:{}:{}".format(*(c[at[f"sample_{k}"]] for k in CLOCK)) for _, c in rows]
    try:
        time = check_times(np.array(stamps, "datetime64[s]"), path.name)
    except ValueError as error:
        raise InputError("a stamp cannot be read", where=path.name, found=str(error)) from error
    base = species_attributes(name, humidity="dry")
    columns: dict[str, Any] = {name: (column("analysis_value"), base)}
    if "analysis_uncertainty" in at:
        u = column("analysis_uncertainty")
        columns[f"{name}_u_random"] = (np.where(u >= 0, u, np.nan), {
            "long_name": f"standard uncertainty of the analysis of {name}", "units": base["units"]})  # fmt: skip
    for field, label, units in (("sample_latitude", "latitude", "degrees_north"), ("sample_altitude", "altitude", "m"),
                                ("sample_longitude", "longitude", "degrees_east")):  # fmt: skip
        if field in at:
            columns[label] = (column(field), {"long_name": f"{label} of the sample", "units": units})
    marks = qc_flags([c[at["analysis_flag"]] for _, c in rows])
    attrs = {"source": "NOAA Global Monitoring Laboratory, event file", "site": rows[0][1][0]}
    return assemble(time, columns, {name: marks}, where=path.name, notes=notes, attrs=attrs, repeats="keep")


def qc_flags(texts: list[str]) -> tuple[Any, Any]:
    """Return flag and reason of three-column flags.

    Examples
    --------
    >>> [list(v) for v in qc_flags(["...", "N..", ".C.", "..P"])]
    [[1, 4, 3, 1], [0, 134217728, 536870912, 0]]
    """
    flag = np.full(len(texts), int(Flag.GOOD))
    reason = np.zeros(len(texts), np.int64)
    for k, text in enumerate(texts):
        three = (text.strip() + "...")[:3]
        if three[0] != ".":
            flag[k], reason[k] = int(Flag.BAD), int(Reason.MANUAL)
        elif three[1] != ".":
            flag[k], reason[k] = int(Flag.SUSPECT), int(Reason.EXCLUDED)
    return flag, reason
