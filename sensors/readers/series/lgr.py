"""Text logs of LGR/ABB analysers (UGGA, micro-GGA ...): a line with the version, a header, comma-separated records.

``[CH4]_ppm`` is moist, ``[CH4]d_ppm`` dry; ``_sd`` or ``_se`` the scatter within the record; ``Fit_Flag`` 3 is a good
fit. A block of a signature (``-----BEGIN PGP MESSAGE-----``) may follow and is passed over.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason
from ghg.core.limits import moment
from sensors.readers.series._text import assemble, clean, numbers, read_lines, species_attributes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read"]

COLUMN = re.compile(
    r"^\[?(?P<gas>CO2|CH4|CO|N2O|H2O|C2H6|NH3)\]?(?P<dry>d?)_(?P<unit>ppm|ppb)(?P<kind>_sd|_se)?$", re.I
)
STAMP = re.compile(r"(?:\d{1,19}[/ :-]){5}\d{1,19}(?:\.\d{0,19})?", re.ASCII)
TO_PPM = {"ppm": 1.0, "ppb": 1e-3}
UNITS = {"torr": "torr", "C": "degC", "us": "us"}


def read(path: Path, *, day_first: bool | None = None) -> xr.Dataset:
    """Read an LGR log.

    Parameters
    ----------
    path : Path
        The log; the clock of the analyser is taken as UTC.
    day_first : bool, optional
        Whether 03/04/2020 is the third of April. By default found from the stamps; where they allow both, the month
        first, which the notes tell.

    Returns
    -------
    Dataset
        dims (time): dry species under their names, moist ones under ``<species>_wet``, ``h2o``, cell pressure and
        temperature, ring-down times, all other columns of numbers.
    """
    lines = read_lines(path)
    place = next((i for i, line in enumerate(lines[:5]) if line.strip().startswith("Time,")), None)
    if place is None:
        raise InputError("the header is not that of an LGR log", where=path.name, found=f"'{lines[0][:60]}'",
                         need="a line of columns that begins with Time")  # fmt: skip
    names = [n.strip() for n in lines[place].split(",")]
    end = next((i for i, line in enumerate(lines) if line.startswith("-----BEGIN")), len(lines))
    rows = [(i + 1, [c.strip() for c in lines[i].split(",")]) for i in range(place + 1, end) if lines[i].strip()]
    again = [i for i, cells in rows if cells[0] == "Time"]
    if again:
        raise InputError("the header stands a second time in the file", where=f"{path.name}, line {again[0]}",
                         hint="split the file there")  # fmt: skip
    rows, notes = clean(rows, len(names), path.name)
    time, more = _times(rows, day_first, path.name)
    lines_at = [i for i, _ in rows]
    columns: dict[str, Any] = {}
    for k, name in enumerate(names[1:], 1):
        if name.upper().startswith("MIU_DESC"):
            continue
        value = numbers([c[k] for _, c in rows], name, lines_at, path.name)
        label, attrs, factor = _meaning(name)
        columns[label] = (value * factor, attrs)
    flag = np.full(time.size, int(Flag.NOT_EVALUATED))
    reason = np.zeros(time.size, np.int64)
    if "fit_flag" in columns:
        poor = columns["fit_flag"][0] != 3
        flag[poor], reason[poor] = int(Flag.BAD), int(Reason.FAULT)
    species = {n: (flag, reason) for n in ("co2", "ch4", "co", "n2o") if n in columns}
    serial = re.search(r"SN:(\S+)", lines[0])
    attrs = {"source": "LGR/ABB analyser log", **({"instrument": serial[1]} if serial else {})}
    return assemble(time, columns, species, where=path.name, notes=[*notes, *more], attrs=attrs)


def _meaning(name: str) -> tuple[str, dict[str, Any], float]:
    match = COLUMN.match(name)
    if match is None:
        plain = name.lower().removesuffix("_sd").removesuffix("_se")
        unit = next((u for key, u in UNITS.items() if plain.endswith(f"_{key.lower()}")), "1")
        return name.lower(), {"long_name": name, "units": unit}, 1.0
    gas, ppm = match["gas"].lower(), TO_PPM[match["unit"].lower()]
    label = gas + ("" if match["dry"] or gas == "h2o" else "_wet") + ("_sd" if match["kind"] else "")
    base = species_attributes(gas)
    units = base["units"] if gas != "h2o" and base["units"] != "1" else "umol mol-1"
    factor = ppm * (1e3 if units == "nmol mol-1" else 1.0)
    if match["kind"]:
        return label, {"long_name": f"scatter of {gas.upper()} within the record", "units": units}, factor
    return label, {**base, "units": units, "humidity": "dry" if match["dry"] else "wet"}, factor


def _times(rows: list[tuple[int, list[str]]], day_first: bool | None, where: str) -> tuple[Any, list[str]]:
    parts = [re.split(r"[/ :-]", cells[0]) for _, cells in rows]
    for row, cells in rows:
        if STAMP.fullmatch(cells[0]) is None:
            raise InputError("a stamp cannot be read", where=f"{where}, line {row}", found=f"'{cells[0]}'",
                             need="03/27/2020 12:00:00.123")  # fmt: skip
    notes: list[str] = []
    if len(parts[0][0]) == 4:
        order = (0, 1, 2)
    else:
        first, second = max(int(p[0]) for p in parts), max(int(p[1]) for p in parts)
        if day_first is None:
            day_first = first > 12
            if first <= 12 and second <= 12:
                notes.append("the stamps allow day or month first; the month was taken (state day_first to change it)")
        order = (2, 1, 0) if day_first else (2, 0, 1)
    stamps = [f"{p[order[0]]}-{p[order[1]]:0>2}-{p[order[2]]:0>2}T{p[3]:0>2}:{p[4]:0>2}:{p[5]:0>2}" for p in parts]
    result = np.empty(len(rows), "datetime64[ns]")
    for k, stamp in enumerate(stamps):
        try:
            result[k] = moment(stamp)
        except ValueError:
            raise InputError("a stamp is no date", where=f"{where}, line {rows[k][0]}", found=f"'{rows[k][1][0]}'",
                             hint="check the order of day and month") from None  # fmt: skip
    return result, notes
