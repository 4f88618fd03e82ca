"""ICOS ATC files: level 2 (semicolons, ``#`` header) and the older blank-separated and comma-separated exports.

Flags: O correct after manual control, U correct and not yet controlled, N and K incorrect before and after manual
control (header of the files). -999.99 and -9.99 are missing, instrument 82 is a dummy in gaps. Stamps are the starts of
the intervals, UTC.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason
from ghg.core.limits import moment
from sensors.readers.series._text import SPECIES, assemble, clean, numbers, read_lines, species_attributes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read"]

FLAGS = {"O": Flag.GOOD, "U": Flag.NOT_EVALUATED, "N": Flag.BAD, "K": Flag.BAD}
MISSING = ("-999.99", "-999.990", "-9.99", "-9.990", "-999.9900")
WORDS = {"LTR": "long-term repeatability", "CMR": "continuous measurement repeatability",
         "STTB": "short-term target bias", "QcBias": "bias found by quality control",
         "QcBiasUncertainty": "uncertainty of the bias found by quality control"}  # fmt: skip


def read(path: Path) -> xr.Dataset:
    """Read an ICOS file.

    Returns
    -------
    Dataset
        dims (time): the species, ``_sd``, ``_n``, ``_without_spikes`` (and its ``_sd`` and ``_n``), ``instrument``, and
        LTR, CMR and STTB under ``<species>_ltr`` and so on. The scale is an attribute only where all instruments
        with values share a known one; else ``scales`` tells them.
    """
    lines = read_lines(path)
    header, names, rows = _table(lines, path.name)
    rows, notes = clean(rows, len(names), path.name)
    low = [n.lower() for n in names]
    name = _species(low, rows, path.name)
    lines_at = [i for i, _ in rows]

    def column(label: str) -> Any:
        return numbers([c[low.index(label)] for _, c in rows], label, lines_at, path.name, MISSING)

    mark = "flag" if "flag" in low else "user_flag"
    if missing := [n for n in (name if name in low else "concentration", mark) if n not in low]:
        raise InputError("columns of an ICOS file are missing", where=path.name, found=", ".join(low),
                         need=", ".join(missing))  # fmt: skip
    time = _times(rows, low, path.name)
    unit = species_attributes(name)["units"]
    value = column(name if name in low else "concentration")
    letters = np.array([c[low.index(mark)].strip() for _, c in rows])
    if unknown := sorted(set(letters) - set(FLAGS)):
        raise InputError("a flag has no meaning", where=path.name, found=", ".join(unknown), need=", ".join(FLAGS))
    flag = np.array([int(FLAGS[c]) for c in letters])
    columns: dict[str, Any] = {name: (value, species_attributes(name, humidity="dry"))}
    for label, target, units in (("stdev", f"{name}_sd", unit), ("std_dev", f"{name}_sd", unit),
                                 ("nbpoints", f"{name}_n", "1"), ("nb_points", f"{name}_n", "1"),
                                 ("instrumentid", "instrument", "1"), ("instrument_id", "instrument", "1"),
                                 (f"{name}-withoutspikes", f"{name}_without_spikes", unit),
                                 ("stdev-withoutspikes", f"{name}_without_spikes_sd", unit),
                                 ("nbpoints-withoutspikes", f"{name}_without_spikes_n", "1"),
                                 *((w.lower(), f"{name}_{w.lower()}", unit) for w in WORDS)):  # fmt: skip
        if label in low:
            words = next((WORDS[w] for w in WORDS if w.lower() == label), target.replace("_", " "))
            columns[target] = (column(label), {"long_name": words, "units": units})
    notes += _scales(header, columns, value, name)
    reason = np.where(flag == int(Flag.BAD), int(Reason.MANUAL), 0)
    attrs = {"source": "ICOS Atmosphere Thematic Centre", **_place(header)}
    return assemble(time, columns, {name: (flag, reason)}, where=path.name, notes=notes, attrs=attrs)


def _table(lines: list[str], where: str) -> tuple[dict[str, str], list[str], list[tuple[int, list[str]]]]:
    header: dict[str, str] = {}
    last = -1
    for i, line in enumerate(lines):
        if not line.startswith("#"):
            break
        last = i
        key, colon, text = line[1:].partition(":")
        if colon:
            header[key.strip()] = text.strip()
    if last >= 0 and ";" in lines[last]:
        names, body = lines[last][1:].split(";"), last + 1
    else:
        body = 1
        names = next(csv.reader([lines[0]])) if "," in lines[0] else lines[0].split()
    if "," in lines[0] and last < 0:
        rows = [(i + 1, cells) for i, cells in enumerate(csv.reader(lines)) if i >= body and cells]
        return header, names, rows
    if last >= 0:
        return header, names, [(i + 1, line.split(";")) for i, line in enumerate(lines) if i >= body and line.strip()]
    # blank-separated: the two descriptive flags at the end may be empty
    keep = next((k for k, n in enumerate(names) if n == "AutoDescriptiveFlag"), len(names))
    rows = [(i + 1, line.split()[:keep]) for i, line in enumerate(lines) if i >= body and line.strip()]
    return header, names[:keep], rows


def _species(low: list[str], rows: list[tuple[int, list[str]]], where: str) -> str:
    if "species" in low:
        found = sorted({cells[low.index("species")].strip('"').lower() for _, cells in rows})
        if len(found) != 1:
            raise InputError("the file holds several species", where=where, found=", ".join(found), need="one")
        return found[0]
    hits = [n for n in low if n in SPECIES]
    if len(hits) != 1:
        raise InputError("the column of the species is not found", where=where, found=", ".join(low),
                         need="one of " + ", ".join(SPECIES))  # fmt: skip
    return hits[0]


def _times(rows: list[tuple[int, list[str]]], low: list[str], where: str) -> Any:
    if "sampling_datetime" in low:
        at = low.index("sampling_datetime")
        stamps = [c[at].strip() for _, c in rows]
    else:
        try:
            at = [low.index(k) for k in ("year", "month", "day", "hour", "minute")]
        except ValueError:
            raise InputError("the columns of the time are missing", where=where, found=", ".join(low),
                             need="Year, Month, Day, Hour, Minute") from None  # fmt: skip
        stamps = ["{}-{:0>2}-{:0>2}T{:0>2}:{:0>2}".format(*(c[k] for k in at)) for _, c in rows]
    result = np.empty(len(rows), "datetime64[ns]")
    for k, stamp in enumerate(stamps):
        try:
            result[k] = moment(stamp)
        except ValueError:
            raise InputError(
                "a stamp cannot be read", where=f"{where}, line {rows[k][0]}", found=f"'{stamp}'"
            ) from None
    return result


def _scales(header: dict[str, str], columns: dict[str, Any], value: Any, name: str) -> list[str]:
    text = header.get("MEASUREMENT SCALE", "")
    if not text:
        return []
    parts = [p.split(":", 1) for p in text.split(";") if ":" in p]
    by_instrument = {k.strip(): v.strip() for k, v in parts} or {"": text}
    attrs = columns[name][1]
    attrs["scales"] = text
    used = set(by_instrument)
    if "instrument" in columns:
        used = {f"{i:.0f}" for i in columns["instrument"][0][np.isfinite(value)]}
    found = {by_instrument.get(i, "Unknown") for i in used}
    if len(found) == 1 and "Unknown" not in found:
        attrs["scale"] = found.pop()
        return []
    return [f"the scale is not one for all values: {text}"]


def _place(header: dict[str, str]) -> dict[str, Any]:
    place: dict[str, Any] = {}
    for key, name in (("LATITUDE", "latitude"), ("LONGITUDE", "longitude"), ("ALTITUDE", "altitude"),
                      ("SAMPLING HEIGHTS", "height")):  # fmt: skip
        words = header.get(key, "").split()
        try:
            place[name] = float(words[0])
        except (IndexError, ValueError):
            continue
    if "STATION CODE" in header:
        place["site"] = header["STATION CODE"]
    return place
