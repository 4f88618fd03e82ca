"""ECMPS JSON files: opened, and told apart into emissions, quality-assurance tests and monitoring plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from ghg.core.errors import InputError
from ghg.core.files import open_input

__all__ = ["ENDINGS", "kind_of", "listed", "load", "location", "number", "stamp"]

ENDINGS = (".json",)
Kind = Literal["emissions", "qa", "plan"]
MARKS: dict[Kind, tuple[str, ...]] = {
    "emissions": ("hourlyOperatingData",),
    "qa": ("testSummaryData", "certificationEventData", "testExtensionExemptionData"),
    "plan": ("locations", "monitoringLocationData"),
}
WORDS: dict[Kind, str] = {
    "emissions": "hourly emissions (hourlyOperatingData)",
    "qa": "quality-assurance tests (testSummaryData)",
    "plan": "a monitoring plan (monitoringLocationData)",
}


def load(path: Path, kind: Kind, *, certain: bool = True) -> dict[str, Any]:
    """Return the content of an ECMPS file of the wanted kind.

    Parameters
    ----------
    path : Path
    kind : {"emissions", "qa", "plan"}
    certain : bool
        The file must be of that kind; otherwise one of another kind gives nothing, as for a folder of all sorts.

    Raises
    ------
    InputError
        Not JSON, or JSON of another kind.
    """
    data = open_input(path).read_bytes()
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError("the file is not UTF-8", where=path.name, hint="is it an ECMPS JSON file") from error
    except (RecursionError, ValueError) as error:
        if not isinstance(error, json.JSONDecodeError):
            raise InputError("the file is no ECMPS file", where=path.name, found="endless nesting or digits") from error
        raise InputError("the file is not valid JSON", where=f"{path.name}, line {error.lineno}, column {error.colno}",
                         found=error.msg, hint="the download may be cut short") from error  # fmt: skip
    found = kind_of(content) if isinstance(content, dict) else None
    if found == kind:
        return content
    if not certain:
        return {}
    if not isinstance(content, dict):
        raise InputError("the file is no ECMPS file", where=path.name, found=f"a JSON {type(content).__name__}",
                         need="an object with orisCode")  # fmt: skip
    raise InputError("the file holds something else", where=path.name, need=WORDS[kind],
                     found="no ECMPS data" if found is None else WORDS[found])  # fmt: skip


def kind_of(content: dict[str, Any]) -> Kind | None:
    """Tell by its keys what an ECMPS file holds."""
    return next((kind for kind, marks in MARKS.items() if any(mark in content for mark in marks)), None)


def listed(record: dict[str, Any], *names: str, where: str) -> list[dict[str, Any]]:
    """Return a list of records under the first of several names; missing and null are empty."""
    value = next((record[name] for name in names if record.get(name) is not None), [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError(f"{names[0]} is not a list of records", where=where)
    return value


def number(record: dict[str, Any], name: str, where: str, *, optional: bool = False) -> float:
    """Return a number of a record; NaN where it is missing and `optional`.

    Raises
    ------
    InputError
        It is missing, or no number.
    """
    value = record.get(name)
    if value is None:
        if optional:
            return float("nan")
        raise InputError(f"{name} is missing", where=where, need="a number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name} is not a number", where=where, found=repr(value)[:40])
    if not -1e300 < value < 1e300:  # NaN and Infinity are words that Python takes for JSON
        raise InputError(f"{name} is not a finite number", where=where, found=repr(value)[:40])
    return float(value)


def location(record: dict[str, Any], where: str) -> str:
    """Return the unit, or the stack or pipe, of a record."""
    label = record.get("unitId") or record.get("stackPipeId")
    if not label:
        raise InputError("a record names neither unit nor stack", where=where, need="unitId or stackPipeId")
    return str(label)


def stamp(record: dict[str, Any], which: str) -> str:
    """Return ``2023-01-16T07:37`` from date, hour and minute of a record; empty where there is none."""
    day = str(record.get(f"{which}Date") or "")[:10]
    if not day:
        return ""
    hour, minute = record.get(f"{which}Hour"), record.get(f"{which}Minute")
    try:
        return day if hour is None else f"{day}T{int(hour):02d}:{int(minute or 0):02d}"
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{which}Hour or {which}Minute is no whole number", where=day,
                         found=f"{hour!r}, {minute!r}"[:80]) from None  # fmt: skip
