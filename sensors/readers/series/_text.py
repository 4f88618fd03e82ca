"""Text of series files, plain or compressed, and the steps all readers share: order, repetitions, partners."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason, flag_attributes
from ghg.core.limits import DAMAGED_ARCHIVE

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SPECIES", "assemble", "clean", "head", "numbers", "read_lines"]

# species: unit of the common language, factor from ppm, CF standard name
SPECIES = {
    "co2": ("umol mol-1", "mole_fraction_of_carbon_dioxide_in_air"),
    "ch4": ("nmol mol-1", "mole_fraction_of_methane_in_air"),
    "co": ("nmol mol-1", "mole_fraction_of_carbon_monoxide_in_air"),
    "n2o": ("nmol mol-1", "mole_fraction_of_nitrous_oxide_in_air"),
}


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file, of a gz file, or of the one member of a zip file.

    Raises
    ------
    InputError
        Damaged compression, several members, or bytes that are no text.
    """
    try:
        if path.suffix == ".gz":
            data = gzip.decompress(path.read_bytes())
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = [n for n in archive.namelist() if not n.endswith("/")]
                if len(names) != 1:
                    raise InputError("the archive holds not one file", where=path.name, found=f"{len(names)} files",
                                     hint="unpack it")  # fmt: skip
                data = archive.read(names[0])
        else:
            data = path.read_bytes()
    except InputError:
        raise
    except DAMAGED_ARCHIVE as error:
        raise InputError("the compressed file is damaged or cut off", where=path.name, found=str(error)) from error
    if b"\0" in data[:4096]:
        raise InputError("the file is no text", where=path.name, found="zero bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = text.splitlines()
    if not any(line.strip() for line in lines):
        raise InputError("the file is empty", where=path.name)
    return lines


def head(path: Path, count: int) -> list[str]:
    """Return the first lines, without reading a large plain file whole."""
    if path.suffix in (".gz", ".zip"):
        return read_lines(path)[:count]
    with path.open("rb") as file:
        data = file.read(65_536)
    lines = data.decode("utf-8-sig", "replace").splitlines()[:count]
    return lines or [""]


def numbers(cells: list[str], column: str, rows: list[int], where: str, missing: tuple[str, ...] = ()) -> Any:
    """Return numbers of text cells: empty, nan and the words of `missing` are NaN, a decimal comma is refused."""
    words = {"", "nan", "na", "n/a", "null", "-", *missing}
    result = np.empty(len(cells))
    for k, cell in enumerate(cells):
        text = cell.strip()
        try:
            result[k] = np.nan if text.lower() in words else float(text)
        except ValueError:
            hint = "the file has decimal commas" if "," in text else ""
            raise InputError(f"column '{column}' holds a text where a number belongs",
                             where=f"{where}, line {rows[k]}", found=f"'{text}'", need="a number",
                             hint=hint) from None  # fmt: skip
    result[~np.isfinite(result)] = np.nan
    return result


def clean(lines: list[tuple[int, list[str]]], width: int, where: str) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """Return the rows of full width and notes; a last row that is cut off is left out, any other is an error."""
    notes: list[str] = []
    if lines and len(lines[-1][1]) < width:
        notes.append(f"line {lines[-1][0]} at the end is cut off and was left out")
        lines = lines[:-1]
    for row, cells in lines:
        if len(cells) != width:
            raise InputError("a row has the wrong number of fields", where=f"{where}, line {row}",
                             found=str(len(cells)), need=str(width),
                             hint="the file may be damaged, or the header changes in it")  # fmt: skip
    if not lines:
        raise InputError("the file holds no record", where=where)
    return lines, notes


def assemble(
    time: npt.NDArray[Any],
    columns: Mapping[str, tuple[Any, dict[str, Any]]],
    species: Mapping[str, tuple[Any, Any]],
    *,
    where: str,
    notes: list[str],
    attrs: dict[str, Any],
    repeats: str = "refuse",
) -> xr.Dataset:
    """Return the Dataset of a file: in the order of time, repetitions resolved, species with flag and reason.

    Parameters
    ----------
    time : (n,) datetime64[ns]
        UTC.
    columns : mapping
        Name -> values and attributes.
    species : mapping
        Name of a column -> flag and reason of each value (int arrays).
    repeats : {"refuse", "keep"}
        Of records with one stamp, the first is used; where they differ, it is marked suspect (DUPLICATE). "keep": all
        are kept, as flasks come in pairs.
    """
    import xarray as xr

    if np.isnat(time).any():
        raise InputError("a record has no readable time", where=where)
    falling = int((np.diff(time) < np.timedelta64(0)).sum())
    order = np.argsort(time, kind="stable")
    if falling:
        notes = [*notes, f"the times fell {falling} times; the records were sorted"]
    first = np.ones(order.size, bool)
    doubt = np.zeros(order.size, bool)
    if repeats == "refuse":
        first[1:] = time[order][1:] != time[order][:-1]
        doubt = _contradicted(order, first, [columns[name][0] for name in species])
        if not first.all():
            notes = [
                *notes,
                f"{int((~first).sum())} records repeat a stamp, the first was used, {int(doubt.sum())} differ",
            ]
    use = order[first]
    data: dict[str, Any] = {n: (("time",), np.asarray(v)[use], a) for n, (v, a) in columns.items()}
    for name, (flag, reason) in species.items():
        value = data[name][1]
        level = np.where(np.isfinite(value), np.asarray(flag)[use], int(Flag.MISSING)).astype(np.int8)
        why = np.asarray(reason)[use].astype(np.int32)
        why[~np.isfinite(value)] |= int(Reason.MISSING)
        hit = doubt[first] & np.isfinite(value)
        why[hit] |= int(Reason.DUPLICATE)
        level[hit] = np.maximum(level[hit], int(Flag.SUSPECT))
        data[f"{name}_flag"] = (("time",), level, {"long_name": f"{name}, flag", **flag_attributes(Flag)})
        data[f"{name}_reason"] = (("time",), why, {"long_name": f"{name}, reason", **flag_attributes(Reason)})
    head_ = {**attrs, **({"notes": "; ".join(notes)} if notes else {})}
    return xr.Dataset(data, coords={"time": time[use]}, attrs=head_)


def _contradicted(order: Any, first: Any, values: list[Any]) -> npt.NDArray[np.bool_]:
    """Return, in the sorted order, which first records have a later one of the same stamp with other values."""
    group = np.cumsum(first) - 1
    leader = np.flatnonzero(first)[group]
    differ = np.zeros(order.size, bool)
    for value in values:
        sorted_ = np.asarray(value, float)[order]
        same = (sorted_ == sorted_[leader]) | (np.isnan(sorted_) & np.isnan(sorted_[leader]))
        differ |= ~same
    result = np.zeros(order.size, bool)
    result[leader[differ]] = True
    return result


def species_attributes(name: str, units: str | None = None, **extra: Any) -> dict[str, Any]:
    """Return attributes of a mole fraction."""
    unit, standard = SPECIES.get(name, ("1", ""))
    attrs = {"long_name": f"mole fraction of {name.upper()}", "units": units or unit, **extra}
    return {**attrs, **({"standard_name": standard} if standard else {})}
