"""Quality-assurance tests in ECMPS JSON -> the common test records, with what the file reports beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ghg.core.config import load_dict
from ghg.core.errors import InputError
from sensors.quality.config import (
    CalibrationDay,
    CalibrationTest,
    CycleTimeTest,
    LinearityLevel,
    LinearityTest,
    QaTest,
    RataTest,
    Reported,
)
from sensors.readers.ecmps_json import listed, load, location, number, stamp

__all__ = ["components", "read_qa"]

# What a component or system measures, in our names; NOX is a rate for systems and ppm for components
COMPONENTS = {"CO2": "co2", "O2": "o2", "NOX": "nox", "SO2": "so2", "FLOW": "flow", "H2O": "h2o"}
SYSTEMS = {"CO2": "co2", "O2": "o2", "NOX": "nox_rate", "NOXC": "nox", "SO2": "so2", "FLOW": "flow", "H2O": "h2o",
           "H2OM": "h2o", "H2OT": "h2o"}  # fmt: skip
UNITS = {"co2": "percent", "o2": "percent", "h2o": "percent", "nox": "ppm", "so2": "ppm", "nox_rate": "lb/mmBtu",
         "flow": "scfh"}  # fmt: skip
UNUSED = "NOTUSED"


def components(plans: Iterable[Path]) -> dict[tuple[str, str, str], str]:
    """Return what each component and system measures: ("component" or "system", location, id) -> parameter.

    Parameters
    ----------
    plans : iterable of Path
        Monitoring plans, in either generation of ECMPS (``locations`` or ``monitoringLocationData``).
    """
    found: dict[tuple[str, str, str], str] = {}
    for path in plans:
        for place in listed(load(path, "plan"), "monitoringLocationData", "locations", where=path.name):
            label = location(place, path.name)
            for kind, names, key, code, table in (
                ("component", ("componentData", "components"), "componentId", "componentTypeCode", COMPONENTS),
                ("system", ("monitoringSystemData", "systems"), "monitoringSystemId", "systemTypeCode", SYSTEMS),
            ):
                for item in listed(place, *names, where=path.name):
                    if (known := table.get(str(item.get(code)))) and item.get(key):
                        found[kind, label, str(item[key])] = known
    return found


def read_qa(path: Path, known: dict[tuple[str, str, str], str] | None = None) -> tuple[list[QaTest], list[str]]:
    """Read the tests of an ECMPS file that can be judged here.

    Parameters
    ----------
    path : Path
        JSON with ``testSummaryData``.
    known : dict, optional
        What each component measures (:func:`components`); without it, it is inferred from the reference methods and
        the calibration gases, which each such test remarks.

    Returns
    -------
    list of tests, list of str
        RATAs (one for each load level), linearity checks, 7-day calibration errors and cycle times; notes on tests
        of other kinds, which are left.

    Raises
    ------
    InputError
        A file that is no ECMPS file, or a test that lacks a value it needs.
    """
    content = load(path, "qa")
    oris = str(content.get("orisCode", "?"))
    tests: list[QaTest] = []
    left: dict[str, int] = {}
    for record in listed(content, "testSummaryData", where=path.name):
        code = str(record.get("testTypeCode", "?"))
        where = f"{path.name}, test {record.get('testNumber', '?')}"
        maker = MAKERS.get(code)
        if maker is None:
            left[code] = left.get(code, 0) + 1
            continue
        tests += maker(record, _common(record, oris, where), known or {}, where)
    notes = [f"{count} tests of type {code} are not judged here" for code, count in sorted(left.items())]
    return tests, notes


def _common(record: dict[str, Any], oris: str, where: str) -> dict[str, Any]:
    return {
        "name": f"{oris}:{location(record, where)} {record.get('testNumber', '')}".strip(),
        "begin": stamp(record, "begin"), "end": stamp(record, "end"),
    }  # fmt: skip


def _identity(record: dict[str, Any], kind: str, where: str, known: dict[tuple[str, str, str], str]) -> tuple[str, str]:
    """Return id and parameter of the component or system, the parameter empty where no plan tells it."""
    names = ("componentID", "componentId") if kind == "component" else ("monitoringSystemID", "monitoringSystemId")
    identity = str(next((record[n] for n in names if record.get(n)), ""))
    return identity, known.get((kind, location(record, where), identity), "")


def _make(model: type[Any], where: str, fields: dict[str, Any]) -> Any:
    return load_dict(fields, model, where=where)


def _reported(record: dict[str, Any], **values: Any) -> Reported:
    numbers = {k: float(v) for k, v in values.items() if isinstance(v, int | float) and -1e300 < v < 1e300}
    return Reported(result=str(record.get("testResultCode") or ""), values=numbers)


def _span(record: dict[str, Any], where: str) -> float | None:
    """Return the span, None where it is not given or 0."""
    given = (number(record, name, where, optional=True) for name in ("calculatedSpanValue", "spanValue"))
    return next((value for value in given if value and not math.isnan(value)), None)


def _by_number(runs: list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    """Return runs in the order of their numbers; those without one come first."""
    order = [number(run, "runNumber", where, optional=True) for run in runs]
    return [runs[i] for i in sorted(range(len(runs)), key=lambda i: 0.0 if math.isnan(order[i]) else order[i])]


def _gases(record: dict[str, Any], where: str) -> str:
    """Return the parameter that the calibration gases point to; empty where they point to none or several."""
    codes: set[str] = set()
    for gas in listed(record, "protocolGasData", where=where):
        codes |= set(str(gas.get("gasTypeCode") or "").split(","))
    hits = [name for code, name in (("NOX", "nox"), ("SO2", "so2"), ("CO2", "co2"), ("O2", "o2")) if code in codes]
    return hits[0] if len(hits) == 1 else ""


def _method(code: str) -> str:
    """Return the parameter that the codes of the reference methods point to."""
    methods = {part.strip() for part in code.split(",")}
    if "7E" in methods:
        return "nox_rate" if methods & {"3A", "3B", "20"} else "nox"
    if methods & {"6", "6A", "6C"}:
        return "so2"
    if any(m.startswith(("2", "D2", "M2")) for m in methods):
        return "flow"
    return "h2o" if methods & {"4"} else ""


def _rata(record: dict[str, Any], common: dict[str, Any], known: Any, where: str) -> list[QaTest]:
    system, planned = _identity(record, "system", where, known)
    tests: list[QaTest] = []
    for rata in listed(record, "rataData", where=where):
        for level in listed(rata, "rataSummaryData", where=where):
            parameter = planned or _method(str(level.get("referenceMethodCode") or ""))
            if not parameter:
                raise InputError("what the system measures is not known", where=where,
                                 found=f"reference method {level.get('referenceMethodCode')}",
                                 hint="give its monitoring plan")  # fmt: skip
            runs = _by_number(listed(level, "rataRunData", where=where), where)
            used = [r.get("runStatusCode") != UNUSED for r in runs]
            places = [f"{where}, run {r.get('runNumber')}" for r in runs]
            columns = [[number(r, key, place, optional=not u) for r, u, place in zip(runs, used, places, strict=True)]
                       for key in ("cemValue", "rataReferenceValue")]  # fmt: skip
            complete = [not (math.isnan(a) or math.isnan(b)) for a, b in zip(*columns, strict=True)]
            keep = [i for i, whole in enumerate(complete) if whole]
            name = f"{common['name']}, system {system}"
            code = level.get("operatingLevelCode")
            fields = {
                "name": name + (f", load {code}" if code else ""), "parameter": parameter, "units": UNITS[parameter],
                "monitor": tuple(columns[0][i] for i in keep), "reference": tuple(columns[1][i] for i in keep),
                "used": tuple(used[i] for i in keep),
                "remarks": () if planned else ("the parameter was inferred from the reference method",),
                "reported": _reported(record, relative_accuracy=level.get("relativeAccuracy"),
                                      bias_adjustment_factor=level.get("biasAdjustmentFactor")),
            }  # fmt: skip
            tests.append(_make(RataTest, where, {**common, **fields}))
    return tests


def _linearity(record: dict[str, Any], common: dict[str, Any], known: Any, where: str) -> list[QaTest]:
    component, planned = _identity(record, "component", where, known)
    parameter = planned or _gases(record, where)
    levels, reported = {}, {}
    for level in listed(record, "linearitySummaryData", where=where):
        code = str(level.get("gasLevelCode", "")).lower()
        if code not in ("low", "mid", "high"):
            raise InputError("a level of the linearity check is not known", where=where, found=code or "none",
                             need="LOW, MID or HIGH")  # fmt: skip
        shots = listed(level, "linearityInjectionData", where=f"{where}, level {code}")
        levels[code] = LinearityLevel(
            reference=tuple(number(s, "referenceValue", f"{where}, level {code}") for s in shots),
            measured=tuple(number(s, "measuredValue", f"{where}, level {code}") for s in shots),
        )
        reported[code] = level.get("percentError")
    if not levels:
        raise InputError("the linearity check holds no level", where=where, need="linearitySummaryData")
    scale = record.get("spanScaleCode")
    span = _span(record, where)
    remarks = [] if planned else [
        "the parameter was inferred from the calibration gases" if parameter else
        "the parameter is not known without the monitoring plan: only the percent limit was used"]  # fmt: skip
    name = f"{common['name']}, component {component}" + (f", scale {scale}" if scale else "")
    fields = {"parameter": parameter or "unknown", "units": UNITS.get(parameter, ""), "span": span}
    return [_make(LinearityTest, where, {**common, **fields, "name": name, "levels": levels, "remarks": tuple(remarks),
                                         "reported": _reported(record, **reported)})]  # fmt: skip


def _calibration(record: dict[str, Any], common: dict[str, Any], known: Any, where: str) -> list[QaTest]:
    component, planned = _identity(record, "component", where, known)
    parameter = planned or _gases(record, where)
    if not parameter:
        raise InputError("what the component measures is not known", where=where, hint="give its monitoring plan")
    span = _span(record, where)
    if not span and parameter not in ("co2", "o2"):
        raise InputError("the span of the component is not known", where=where, need="calculatedSpanValue")
    days = []
    for shot in listed(record, "calibrationInjectionData", where=where):
        values = [number(shot, f"{level}{kind}Value", where)
                  for level in ("zero", "upscale") for kind in ("Reference", "Measured")]  # fmt: skip
        days.append(CalibrationDay(zero=(values[0], values[1]), upscale=(values[2], values[3])))
    if not days:
        raise InputError("the calibration error test holds no injection", where=where, need="calibrationInjectionData")
    fields = {
        "name": f"{common['name']}, component {component}", "parameter": parameter, "span": span or 1.0,
        "units": UNITS[parameter], "days": tuple(days), "reported": _reported(record),
        "remarks": () if planned else ("the parameter was inferred from the calibration gases",),
    }  # fmt: skip
    return [_make(CalibrationTest, where, {**common, **fields})]


def _cycle(record: dict[str, Any], common: dict[str, Any], known: Any, where: str) -> list[QaTest]:
    component, _ = _identity(record, "component", where, known)
    tests: list[QaTest] = []
    for summary in listed(record, "cycleTimeSummaryData", where=where):
        times: dict[str, float] = {}
        for shot in listed(summary, "cycleTimeInjectionData", "cycleTimeInjections", where=where):
            begin, end = (number(shot, f"{w}MonitorValue", where) for w in ("begin", "end"))
            direction = "upscale" if end > begin else "downscale"
            times[direction] = max(times.get(direction, 0.0), number(shot, "injectionCycleTime", where))
        missing = [d for d in ("upscale", "downscale") if d not in times]
        if missing:
            raise InputError(f"the cycle time test has no {missing[0]} injection", where=where)
        fields = {**common, **times, "name": f"{common['name']}, component {component}"}
        reported = _reported(record, cycle_time=summary.get("totalTime"))
        tests.append(_make(CycleTimeTest, where, {**fields, "reported": reported}))
    return tests


MAKERS = {"RATA": _rata, "LINE": _linearity, "7DAY": _calibration, "CYCLE": _cycle}
