"""Headers of CAMPD bulk files: which column is what, in which unit, for both generations."""

from __future__ import annotations

import re

from ghg.core.errors import InputError, UnitError
from sensors.readers.delimited import header_of

__all__ = ["NUMBERS", "TEXTS", "kind_of", "read_header", "unit_factor"]

# Canonical name of a column by its header without unit and punctuation, for both generations.
_NAMES = {
    "state": "state",
    "facility_name": "name",
    "orispl_code": "facility",
    "facility_id": "facility",
    "facility_id_orispl": "facility",
    "oris_code": "facility",
    "unitid": "unit",
    "unit_id": "unit",
    "op_date": "date",
    "date": "date",
    "op_hour": "hour",
    "hour": "hour",
    "year": "year",
    "op_year": "year",
    "month": "month",
    "op_month": "month",
    "quarter": "quarter",
    "op_time": "operating_time",
    "operating_time": "operating_time",
    "sum_op_time": "operating_time",
    "sum_of_the_operating_time": "operating_time",
    "gload": "gross_load",
    "gross_load": "gross_load",
    "sload": "steam_load",
    "steam_load": "steam_load",
    "co2_mass": "co2",
    "co2": "co2",
    "heat_input": "heat_input",
    "co2_mass_measure_flg": "flag",
    "co2_mass_measure_indicator": "flag",
}
TEXTS = ("state", "name", "facility", "unit", "date", "year", "month", "quarter", "flag")
NUMBERS = ("hour", "operating_time", "gross_load", "steam_load", "co2", "heat_input")
# What the format means where the header names no unit (old files), and its unit words in ours.
_DEFAULT_UNITS = {"co2": "tons", "heat_input": "mmbtu"}
_UNIT_WORDS = {
    "tons": "short_ton",
    "short tons": "short_ton",
    "ton": "short_ton",
    "metric tons": "t",
    "lbs": "pound",
    "mmbtu": "mmBtu",
    "mw": "MW",
    "mwh": "MW h",
    "mw-hr": "MW h",
    "1000lb/hr": "kilopound",
    "1000 lb/hr": "kilopound",
    "1000lb": "kilopound",
    "1000 lb": "kilopound",
    "1000lbs": "kilopound",
    "1000 lbs": "kilopound",
    "klb/hr": "kilopound",
    "klb": "kilopound",
}


def read_header(text: bytes, where: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return header and unit of each canonical column of a file."""
    names, _ = header_of(text, where)
    headers: dict[str, str] = {}
    units: dict[str, str] = {}
    old = "ORISPL_CODE" in names  # there FAC_ID and UNIT_ID are internal numbers, not the unit's name
    for name in names:
        stem, unit = _stem_and_unit(name)
        if stem == "Facility ID" and unit == "ORISPL":
            unit = None
        if old and name in ("FAC_ID", "UNIT_ID"):
            continue
        key = _NAMES.get(re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_"))
        if key is None:
            continue
        headers.setdefault(key, name)
        units.setdefault(key, (unit or "").strip().lower())
    missing = [n for n in ("facility", "co2") if n not in headers]
    if missing or not {"date", "year"} & set(headers):
        words = {"facility": "Facility ID", "co2": "CO2 Mass (short tons)"}
        need = [words[n] for n in missing] or ["Date or Year"]
        raise InputError(
            "this is not a CAMPD emissions file with CO2",
            where=where,
            found="columns " + ", ".join(names),
            need=", ".join(need),
        )
    return headers, units


def _stem_and_unit(name: str) -> tuple[str, str | None]:
    """Return the name and what stands in brackets at its end; no pattern, which would go astray in endless blanks."""
    stem, bracket, unit = name.strip().removesuffix(")").rpartition("(")
    if not name.strip().endswith(")") or not bracket or ")" in unit:
        return name.strip(), None
    return stem.strip(), unit


def kind_of(headers: dict[str, str]) -> str:
    """Tell hourly, daily, monthly, quarterly or annual from the columns."""
    if "hour" in headers:
        return "hourly"
    if "date" in headers:
        return "daily"
    return "monthly" if "month" in headers else "quarterly" if "quarter" in headers else "annual"


def unit_factor(key: str, unit: str, need: str, where: str, header: str) -> float:
    """Return what a column is multiplied by, from its header or the rule of the format."""
    from ghg.core.units import factor

    word = unit or _DEFAULT_UNITS.get(key, "")
    if word not in _UNIT_WORDS:
        raise UnitError(
            f"the unit of column '{header}' is not known",
            where=where,
            found=f"'{unit}'",
            need="one of " + ", ".join(w for w in _UNIT_WORDS),
        )
    return factor(_UNIT_WORDS[word], need, name=f"{where}: {header}")
