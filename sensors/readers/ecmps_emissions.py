"""Hourly emissions in ECMPS JSON -> the common Dataset: reported CO2, or what the monitors read."""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ghg.core.errors import ConfigError, InputError
from ghg.core.flags import Flag, Reason
from sensors.config import Column, EcmpsReader, State, TableReader, TimeColumn
from sensors.readers.ecmps_json import ENDINGS, listed, load, location, number
from sensors.readers.files import expand
from sensors.readers.table import gather

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read"]

# 40 CFR 72.2: standard conditions are 68 degF and 29.92 inHg; a stack flow monitor reads wet gas
STANDARD = State(temperature="68 degF", pressure="29.92 inHg", humidity="wet")
# Units of ECMPS readings (Emissions Reporting Instructions, tables of monitor and derived hourly values)
MONITORED = {"CO2C": ("co2", "percent"), "O2C": ("o2", "percent"), "H2O": ("h2o", "percent"), "FLOW": ("flow", "ft3/h")}
LOAD = {"MW": ("gross_load", "MW*h"), "KLBHR": ("steam_load", "klb")}  # as amounts; heat (MMBTUHR) is no channel here
# What the reading of a code is worth; the reading itself is kept
WORTH: dict[str, tuple[Flag, Reason | None]] = {
    "measured": (Flag.GOOD, None),
    "over": (Flag.SUSPECT, Reason.ABOVE_RANGE),
    "zeroed": (Flag.SUSPECT, Reason.NEGATIVE),
    "capped": (Flag.GOOD, Reason.CLIPPED),
    "default": (Flag.SUSPECT, Reason.DEFAULT_USED),
    "substitute": (Flag.SUSPECT, Reason.SUBSTITUTED),
}


class Code(NamedTuple):
    """A method-of-determination code."""

    kind: str
    verified: bool
    meaning: str


@cache
def modc() -> dict[str, Code]:
    """Return the method-of-determination codes (40 CFR 75.57, table 4a)."""
    lines = (files("sensors.readers") / "data" / "modc.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {row["code"]: Code(row["kind"], row["verified"] == "true", row["meaning"]) for row in rows}


def read(config: EcmpsReader, *, base: Path | None = None) -> xr.Dataset:
    """Read ECMPS files of hourly emissions.

    Parameters
    ----------
    config : EcmpsReader
        Files, filters, zone, and whether the reported emission or the readings are wanted.
    base : Path, optional
        Folder to which relative paths belong.

    Returns
    -------
    Dataset
        dims (source, time), with ``time_bounds``. Sources are ``<ORIS code>/<unit, stack or pipe>``. For
        ``take = "emission"`` a MEASURED Dataset: CO2 rate times operating time, its method and flags from the
        method-of-determination codes of the readings behind it. For ``take = "channels"`` the readings with
        ``<channel>_flag`` and ``<channel>_reason``, ready for :func:`sensors.stack.emission.stack_emission`.

    Raises
    ------
    InputError, ConfigError
        Not ECMPS emissions, missing or wrong fields, contradicting hours, no hour left after filtering, or
        readings whose moisture basis nobody tells.
    """
    hours = _Hours(config)
    for path in expand(config.files, base, endings=ENDINGS):
        hours.add(path, load(path, "emissions", certain=_named(path, config)))
    ds = gather(hours.frame(), hours.table())
    ds.attrs.update(source="US EPA ECMPS emissions (JSON)", title="Hourly CO2 of stacks")
    ds.attrs["notes"] = "; ".join(note for note in (str(ds.attrs.get("notes", "")), *hours.notes()) if note)
    return ds


def _named(path: Path, config: EcmpsReader) -> bool:
    """Tell whether the user named this very file, so that another kind of content is a mistake."""
    return any(Path(name).name == path.name for name in config.files)


class _Hours:
    """Rows (source, hour) gathered file by file."""

    def __init__(self, config: EcmpsReader) -> None:
        self.config = config
        self.rows: list[dict[str, Any]] = []
        self.codes: Counter[str] = Counter()
        self.bases: dict[str, set[str]] = {}
        self.seen: Counter[str] = Counter()

    def add(self, path: Path, content: dict[str, Any]) -> None:
        """Take the wanted hours of a file."""
        if not content:
            return
        plant = str(content.get("orisCode") or "")
        if not plant:
            raise InputError("orisCode is missing", where=path.name, need="the code of the plant")
        if self.config.facility and plant not in self.config.facility:
            return
        for k, record in enumerate(listed(content, "hourlyOperatingData", where=path.name), 1):
            place = f"{path.name}, hourlyOperatingData {k}"
            unit = location(record, place)
            self.seen[unit] += 1
            if not self.config.location or unit in self.config.location:
                self.rows.append(self._row(record, place, f"{plant}/{unit}"))

    def _row(self, record: dict[str, Any], place: str, source: str) -> dict[str, Any]:
        """Return one hour: time, operating share, load, heat and either the emission or the readings."""
        hour = number(record, "hour", place)
        day = str(record.get("date") or "")[:10]
        if not (0 <= hour <= 23 and hour == int(hour)):
            raise InputError("hour is not an hour of the day", where=place, found=f"{hour:g}", need="0 to 23")
        share = number(record, "operatingTime", place)
        if not 0.0 <= share <= 1.0:
            raise InputError("operatingTime is no share of the hour", where=place, found=f"{share:g}", need="0 to 1")
        row = {"place": place, "time": f"{day}T{int(hour):02d}:00", "source": source, "operating_time": share}
        code = str(record.get("loadUnitsOfMeasureCode") or "MW")
        if code in LOAD:
            row[LOAD[code][0]] = number(record, "hourLoad", place, optional=True) * share
        readings = self._readings(record, place)
        values = listed(record, "derivedHourlyValueData", where=place)
        derived = {str(item.get("parameterCode")): item for item in values}
        row["heat_input"] = _value(derived.get("HI", {}), place) * share if share > 0 else 0.0
        if self.config.take == "channels":
            return {**row, **readings}
        return {**row, **self._emission(record, derived.get("CO2", {}), readings, place, share)}

    def _readings(self, record: dict[str, Any], place: str) -> dict[str, Any]:
        """Return value, flag and reason of each monitored channel of an hour."""
        found: dict[str, Any] = {}
        for item in listed(record, "monitorHourlyValueData", where=place):
            code = str(item.get("parameterCode"))
            if code not in MONITORED:
                continue
            name = MONITORED[code][0]
            value = _value(item, f"{place}, {code}")
            flag, reason = self._worth(item, f"{place}, {code}")
            found |= {name: value, f"{name}_flag": int(flag), f"{name}_reason": int(reason)}
            basis = str(item.get("moistureBasis") or "").upper()
            if basis in ("W", "D"):
                self.bases.setdefault(name, set()).add("wet" if basis == "W" else "dry")
        return found

    def _worth(self, item: dict[str, Any], place: str) -> tuple[Flag, Reason]:
        """Return flag and reason that the method-of-determination code of a value means."""
        code = str(item.get("modcCode") or "").zfill(2)
        if code == "00":
            return Flag.NOT_EVALUATED, Reason(0)
        if code not in modc():
            raise InputError("the method-of-determination code is not known", where=place, found=code,
                             need=f"one of {', '.join(modc())}", hint="40 CFR 75.57, table 4a")  # fmt: skip
        self.codes[code] += 1
        flag, reason = WORTH[modc()[code].kind]
        return flag, reason or Reason(0)

    def _emission(
        self, record: dict[str, Any], item: dict[str, Any], readings: dict[str, Any], place: str, share: float
    ) -> dict[str, Any]:
        """Return the CO2 mass of an hour [short ton], and how it came about."""
        gas = "co2" if "co2" in readings else "o2"  # O2 beside CO2 serves other pollutants
        behind = [name for name in (gas, "flow", "h2o") if name in readings]
        flag = max([int(Flag.GOOD), *(readings[f"{name}_flag"] for name in behind)])
        reason = 0
        for name in behind:
            reason |= readings[f"{name}_reason"]
        if item:
            own, why = self._worth(item, f"{place}, CO2")
            flag, reason = max(flag, int(own) if own is not Flag.NOT_EVALUATED else flag), reason | int(why)
        if share == 0:
            return {"emission": 0.0, "emission_flag": int(Flag.GOOD), "emission_reason": int(Reason.NOT_OPERATING),
                    "method": "direct"}  # fmt: skip
        return {"emission": _value(item, place) * share, "emission_flag": flag, "emission_reason": reason,
                "method": _method(record, readings, reason, place)}  # fmt: skip

    def frame(self) -> Any:
        """Return one row per source and hour, in the columns that :func:`sensors.readers.table.gather` takes."""
        import numpy as np
        import pandas as pd

        if not self.rows:
            found = ", ".join(f"{name} ({count} hours)" for name, count in self.seen.most_common(8))
            raise InputError("no hour is left after filtering", where=", ".join(self.config.files),
                             found=found or "no hourly record", hint="check facility and location")  # fmt: skip
        frame: Any = pd.DataFrame(self.rows)
        for name in list(frame.columns):
            if name.endswith("_flag"):
                frame[name] = frame[name].fillna(int(Flag.MISSING)).astype(np.int8)
            elif name.endswith("_reason"):
                frame[name] = frame[name].fillna(int(Reason.MISSING)).astype(np.int32)
        if self.config.take == "channels":
            self._standstill(frame)
        return frame

    def _standstill(self, frame: Any) -> None:
        """Say of hours without operation that the unit stood still, not that a reading is missing."""
        idle = frame["operating_time"].to_numpy() == 0.0
        for name in ("co2", "o2", "h2o", "flow"):
            if name in frame:
                quiet = idle & frame[name].isna().to_numpy()
                frame.loc[quiet, f"{name}_flag"] = int(Flag.GOOD)
                frame.loc[quiet, f"{name}_reason"] = int(Reason.NOT_OPERATING)

    def table(self) -> TableReader:
        """Return the columns of :meth:`frame` as a table."""
        config = self.config
        names = set().union(*self.rows)
        columns = {"operating_time": Column(column="operatingTime", units="1")}
        columns |= {name: Column(column="hourLoad", units=units) for name, units in LOAD.values() if name in names}
        columns["heat_input"] = Column(column="HI", units="mmBtu", calorific_basis="gross")  # 40 CFR 75 counts gross
        if config.take == "emission":
            columns["emission"] = Column(column="CO2", units="short_ton")
        else:
            columns |= {name: self._channel(code, name, units) for code, (name, units) in MONITORED.items()
                        if name in names}  # fmt: skip
        return TableReader(
            files=config.files, period=config.period, columns=columns, source_column="location",
            time=TimeColumn(column="date, hour", timezone=config.timezone, label="start"),
            method_column="modcCode" if config.take == "emission" else None,
            methods={word: word for word in ("direct", "diluent", "fuel_flow", "substitute", "default", "unknown")},
            uncertainty=config.uncertainty, mrr_tier=config.mrr_tier,
        )  # fmt: skip

    def _channel(self, code: str, name: str, units: str) -> Column:
        if name == "flow":
            return Column(column=code, units=units, state=STANDARD)
        if name == "h2o":
            return Column(column=code, units=units, humidity="wet")
        told = self.bases.get(name, set())
        if len(told) > 1:
            raise InputError(f"{code} is dry in some hours and wet in others", where=", ".join(self.config.files),
                             hint="read the hours or locations apart")  # fmt: skip
        basis: Any = next(iter(told), None) or self.config.humidity
        if basis is None:
            raise ConfigError(f"nobody tells whether {code} is dry or wet", where="reader.humidity",
                              need="'dry' or 'wet'", hint="see basisCode in the monitoring plan")  # fmt: skip
        return Column(column=code, units=units, humidity=basis)

    def notes(self) -> list[str]:
        """Return what a reader of the result should know."""
        special = [code for code in sorted(self.codes) if modc()[code].kind != "measured"]
        told = [f"{self.codes[code]} readings by method {code} ({modc()[code].meaning})" for code in special]
        doubtful = sorted(code for code in self.codes if not modc()[code].verified)
        if doubtful:
            told.append(f"meaning of method codes not read in the regulation: {', '.join(doubtful)}")
        return told


def _value(item: dict[str, Any], place: str) -> float:
    """Return the value that counts: the adjusted one (bias, substitution) where there is one."""
    adjusted = number(item, "adjustedHourlyValue", place, optional=True)
    return adjusted if adjusted == adjusted else number(item, "unadjustedHourlyValue", place, optional=True)


def _method(record: dict[str, Any], readings: dict[str, Any], reason: int, place: str) -> str:
    """Return how the CO2 of an hour came about."""
    if reason & int(Reason.SUBSTITUTED):
        return "substitute"
    if "flow" in readings and "co2" in readings:
        return "direct"
    if "flow" in readings and "o2" in readings:
        return "diluent"
    if listed(record, "hourlyFuelFlowData", where=place):
        return "fuel_flow"
    return "default" if reason & int(Reason.DEFAULT_USED) else "unknown"
