"""Text logs of LI-COR trace-gas analysers (LI-7810, LI-7815, LI-7820 and kin): lines DATAH, DATAU and DATA.

SECONDS and NANOSECONDS count from 1970-01-01 UTC, whatever the time zone of DATE and TIME; DIAG 0 is free of faults.
CO2, CH4 and N2O stand dry; a remark goes into the notes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason
from ghg.core.units import factor
from sensors.readers.series._text import assemble, clean, numbers, read_lines, species_attributes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read"]

GASES = ("co2", "ch4", "n2o", "co")
LATEST = 9.2e9  # s since 1970: the year 2261, where 64-bit nanoseconds end
TEXTS = ("REMARK", "DATE", "TIME")
UNITS = {"ppm": "umol mol-1", "ppb": "nmol mol-1", "C": "degC", "nsecs": "ns", "secs": "s", "%": "percent"}


def read(path: Path) -> xr.Dataset:
    """Read a LI-COR log.

    Returns
    -------
    Dataset
        dims (time): gases in the unit of the common language, ``h2o``, cavity pressure and temperature, all other
        columns of numbers. A DIAG other than 0 makes the gases suspect (FAULT).
    """
    lines = read_lines(path)
    heads = [i for i, line in enumerate(lines) if line.startswith("DATAH")]
    if not heads:
        raise InputError("the header is not that of a LI-COR log", where=path.name, found=f"'{lines[0][:60]}'",
                         need="a line that begins with DATAH")  # fmt: skip
    if len({lines[i] for i in heads}) > 1:
        raise InputError("the header changes in the file", where=f"{path.name}, line {heads[1] + 1}",
                         hint="split the file there")  # fmt: skip
    names = [n.strip() for n in lines[heads[0]].split("\t")]
    units = next((line.split("\t") for line in lines if line.startswith("DATAU")), [""] * len(names))
    rows = [(i + 1, line.split("\t")) for i, line in enumerate(lines) if line.startswith("DATA\t")]
    rows, notes = clean(rows, len(names), path.name)
    lines_at = [i for i, _ in rows]
    if "SECONDS" not in names:
        raise InputError("the column SECONDS is missing", where=path.name, found=", ".join(names))

    def column(name: str) -> Any:
        return numbers([c[names.index(name)] for _, c in rows], name, lines_at, path.name)

    whole = column("SECONDS")
    part = column("NANOSECONDS") if "NANOSECONDS" in names else np.zeros(whole.size)
    known = (whole >= 0.0) & (whole < LATEST) & (np.abs(part) < 1e10)  # NaN is not
    if not known.all():
        raise InputError("a record has no time", where=f"{path.name}, line {lines_at[int(np.argmin(known))]}",
                         need="seconds since 1970")  # fmt: skip
    time = np.datetime64(0, "ns") + (whole.astype(np.int64) * 10**9 + part.astype(np.int64)).astype("timedelta64[ns]")
    columns: dict[str, Any] = {}
    for name, unit in zip(names[1:], units[1:], strict=False):
        if name in (*TEXTS, "SECONDS", "NANOSECONDS") or not name:
            continue
        columns[name.lower()] = _quantity(name.lower(), column(name), unit.strip())
    if "REMARK" in names:
        notes += [
            f"line {i}: remark '{c[names.index('REMARK')].strip()}'"
            for i, c in rows
            if c[names.index("REMARK")].strip()
        ][:20]
    diag = columns["diag"][0] if "diag" in columns else np.zeros(time.size)
    flag = np.where(diag != 0, int(Flag.SUSPECT), int(Flag.NOT_EVALUATED))
    reason = np.where(diag != 0, int(Reason.FAULT), 0)
    species = {n: (flag, reason) for n in GASES if n in columns}
    head = {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in lines[: heads[0]] if ":" in line}
    attrs = {
        "source": "LI-COR analyser log",
        "instrument": " ".join(v for v in (head.get("Model"), head.get("SN")) if v),
    }
    return assemble(time, columns, species, where=path.name, notes=notes, attrs=attrs)


def _quantity(name: str, value: Any, unit: str) -> tuple[Any, dict[str, Any]]:
    found = UNITS.get(unit, unit)
    if name in GASES:
        base = species_attributes(name, humidity="dry")
        return value * factor(found or base["units"], base["units"], name=name), base
    return value, {"long_name": name.replace("_", " "), "units": found if found and found != "#" else "1"}
