"""Tower CRDS files ``.dat`` (minutes or hours, calibrated): three header lines, stamps as yymmdd hhmmss.

The second line names the species over each group of columns, the third the columns: C (mean), stdev, N.
"""

from __future__ import annotations

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

KINDS = {"C": "", "stdev": "_sd", "N": "_n"}


def read(path: Path, *, kind: str = "air") -> xr.Dataset:
    """Read a tower file.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        Which rows by the column ``type``; the others are counted in the notes.

    Returns
    -------
    Dataset
        dims (time): each species, with ``_sd`` and ``_n``, ``port``. Stamps after the creation of the file are marked
        suspect (INCONSISTENT).
    """
    lines = read_lines(path)
    place = next((i for i, line in enumerate(lines[:5]) if "date" in line.split() and "time" in line.split()), None)
    if place is None or place == 0:
        raise InputError("the header is not that of a tower file", where=path.name, found=f"'{lines[0][:60]}'",
                         need="columns date, time, type, port and a line of species above them")  # fmt: skip
    names, kinds = lines[place - 1].split(), lines[place].split()
    if len(names) != len(kinds):
        raise InputError(
            "the two header lines do not fit", where=path.name, found=f"{len(names)} and {len(kinds)} fields"
        )
    rows = [(i + 1, line.split()) for i, line in enumerate(lines) if i > place and line.strip()]
    rows, notes = clean(rows, len(kinds), path.name)
    at = {k: i for i, k in enumerate(kinds[:4])}
    if "type" in at:
        others = [cells[at["type"]] for _, cells in rows if cells[at["type"]] != kind]
        if others:
            notes.append(f"{len(others)} rows of type {', '.join(sorted(set(others)))} were left out")
        rows = [(i, cells) for i, cells in rows if cells[at["type"]] == kind]
        if not rows:
            raise InputError(f"no row is of type '{kind}'", where=path.name, found=", ".join(sorted(set(others))))
    numbers_of = [i for i, _ in rows]
    time = _times(rows, (at["date"], at["time"]), path.name)
    columns: dict[str, Any] = {}
    species: dict[str, Any] = {}
    late = time > _created(lines[0])
    if late.any():
        notes.append(f"{int(late.sum())} records are dated after the creation of the file")
    if "port" in at:
        port = numbers([cells[at["port"]] for _, cells in rows], "port", numbers_of, path.name)
        columns["port"] = (port, {"long_name": "port of the inlet", "units": "1"})
    for k in range(4, len(kinds)):
        name = names[k].lower() + KINDS.get(kinds[k], "_" + kinds[k].lower())
        value = numbers([cells[k] for _, cells in rows], f"{names[k]} {kinds[k]}", numbers_of, path.name)
        base = species_attributes(names[k].lower(), humidity="dry")
        if kinds[k] == "C":
            columns[name] = (value, base)
            marks = np.where(late, int(Flag.SUSPECT), int(Flag.NOT_EVALUATED))
            species[name] = (marks, np.where(late, int(Reason.INCONSISTENT), 0))
        elif kinds[k] == "stdev":
            columns[name] = (
                value,
                {"long_name": f"standard deviation of {names[k]} in the interval", "units": base["units"]},
            )
        else:
            columns[name] = (value, {"long_name": f"number of values of {names[k]} in the mean", "units": "1"})
    return assemble(time, columns, species, where=path.name, notes=notes, attrs={"source": "tower CRDS file"})


def _times(rows: list[tuple[int, list[str]]], at: tuple[int, int], where: str) -> Any:
    from datetime import datetime

    result = np.empty(len(rows), "datetime64[ns]")
    for k, (row, cells) in enumerate(rows):
        text = cells[at[0]].zfill(6) + cells[at[1]].zfill(6)
        try:
            result[k] = moment(datetime.strptime(text, "%y%m%d%H%M%S"))
        except ValueError:
            raise InputError("a stamp cannot be read", where=f"{where}, line {row}",
                             found=f"'{cells[at[0]]} {cells[at[1]]}'", need="yymmdd hhmmss") from None  # fmt: skip
    return result


def _created(line: str) -> Any:
    from datetime import datetime

    try:
        when = datetime.strptime(line.split(":", 1)[1].strip(), "%d %b %y %H:%M GMT")
    except (ValueError, IndexError):
        return np.datetime64("2200-01-01", "ns")
    return moment(when)
