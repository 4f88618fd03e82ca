"""The job of quality tests: read them, judge each, compare with what was reported."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import ErrorList, InputError
from sensors.quality.config import (
    AcceptanceTest,
    AstTest,
    CalibrationTest,
    ChartTest,
    ColumnOf,
    CycleTimeTest,
    LinearityTest,
    QaJob,
    Qal2Test,
    QaTest,
    RataTest,
    Standardisation,
)
from sensors.quality.result import QualityResult

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["judge", "run"]

# Steps in which values are reported: a recomputed value that differs by more is remarked
REPORTED_STEP = {"relative_accuracy": 0.01, "bias_adjustment_factor": 0.001, "cycle_time": 1.0, "low": 0.1, "mid": 0.1,
                 "high": 0.1}  # fmt: skip


def run(job: QaJob, *, base: Path | None = None, record: Record | None = None) -> tuple[list[QualityResult], list[str]]:
    """Judge all tests of a job.

    Parameters
    ----------
    job : QaJob
        Tests, and files that hold tests.
    base : Path, optional
        Folder to which relative paths belong.
    record : Record, optional
        Provenance: the files used and the steps taken are written into it.

    Returns
    -------
    list of QualityResult, list of str
        One for each test in the order of the job, and notes on what was left.

    Raises
    ------
    InputError, ErrorList
        Files or values that are missing or wrong; all tests are looked at before.
    """
    from sensors.quality.ecmps import components, read_qa
    from sensors.readers.ecmps_json import ENDINGS
    from sensors.readers.files import expand

    plans = expand(job.plan, base, endings=ENDINGS) if job.plan else []
    sources = expand(job.ecmps, base, endings=ENDINGS) if job.ecmps else []
    if record is not None:
        for path, role in [(p, "monitoring plan") for p in plans] + [(p, "quality tests") for p in sources]:
            record.use(path, role)
    known = components(plans)
    tests, notes = list(job.test), []
    for path in sources:
        more, remarks = read_qa(path, known)
        tests += more
        notes += [f"{path.name}: {text}" for text in remarks]
    results: list[QualityResult] = []
    faults: list[InputError] = []
    for k, test in enumerate(tests):
        try:
            results.append(judge(test, base=base))
        except InputError as error:
            faults.append(_placed(error, test, k))
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)
    if not results:
        raise InputError("there is no test to judge", where=", ".join(p.name for p in sources), found="; ".join(notes))
    if record is not None:
        record.step(f"judged {len(results)} quality tests: {sum(r.passed for r in results)} passed")
    return results, notes


def _placed(error: InputError, test: QaTest, k: int) -> InputError:
    label = test.name or f"test {k + 1}"
    if label in error.where:
        return error
    where = f"{label} ({test.kind}): {error.where}" if error.where else f"{label} ({test.kind})"
    return InputError(error.what, where=where, found=error.found, need=error.need, hint=error.hint)


def judge(test: QaTest, *, base: Path | None = None) -> QualityResult:
    """Judge one test; see the function named in its configuration."""
    result = _judge(test, base)
    notes = [*test.remarks, *result.notes, *_against_report(test, result)]
    values = {**result.values, **({"begin": test.begin, "end": test.end} if test.begin else {})}
    return replace(result, notes=tuple(notes), values=values)


def _judge(test: QaTest, base: Path | None) -> QualityResult:
    from sensors.quality import en14181, hj75, part75, qal3

    about: dict[str, Any] = {"units": test.units, "subject": test.name}
    if isinstance(test, RataTest):
        monitor, reference = _readings(test.monitor, base), _readings(test.reference, base)
        return part75.relative_accuracy(monitor, reference, test.parameter, used=test.used, **about)
    if isinstance(test, LinearityTest):
        levels = {name: (level.reference, level.measured) for name, level in test.levels.items()}
        return part75.linearity(levels, test.parameter, **about)
    if isinstance(test, CalibrationTest):
        return part75.calibration_error([(*d.zero, *d.upscale) for d in test.days], test.parameter, test.span, **about)
    if isinstance(test, CycleTimeTest):
        return part75.cycle_time(test.upscale, test.downscale, subject=test.name)
    if isinstance(test, AcceptanceTest):
        monitor, reference = _readings(test.monitor, base), _readings(test.reference, base)
        return hj75.acceptance(monitor, reference, test.parameter, subject=test.name)
    if isinstance(test, ChartTest):
        reference = test.reference if isinstance(test.reference, float) else _readings(test.reference, base)
        readings = _readings(test.readings, base)
        if test.kind == "cusum":
            return qal3.cusum(readings, reference, test.s_ams, **about)
        if test.kind == "shewhart":
            return qal3.shewhart(readings, reference, test.s_ams, zones=test.zones, **about)
        return qal3.ewma(readings, reference, test.s_ams, weight=test.weight, width=test.width, **about)
    ams, srm = _readings(test.ams, base), _readings(test.srm, base)
    factors = {f"standard_{s}": _factor(getattr(test, f"standard_{s}"), base) for s in ("ams", "srm")}
    if isinstance(test, AstTest):
        return en14181.ast(ams, srm, test.elv, test.percent, intercept=test.intercept, slope=test.slope,
                           valid_range=test.valid_range, **factors, **about)  # fmt: skip
    assert isinstance(test, Qal2Test)
    return en14181.qal2(ams, srm, test.elv, test.percent, procedure=test.procedure, zero=test.zero, days=test.days,
                        **factors, **about)  # fmt: skip


def _readings(given: Any, base: Path | None) -> np.ndarray:
    if not isinstance(given, ColumnOf):
        return np.asarray(given, float)
    from ghg.core.tables import ColumnSpec, read_table

    path = Path(given.file) if base is None else base / given.file
    frame = read_table(path, {"value": ColumnSpec(given.column, kind="number")}, sheet=given.sheet)
    return frame["value"].to_numpy(float)


def _factor(state: Standardisation | None, base: Path | None) -> Any:
    from sensors.quality.en14181 import standardise

    if state is None:
        return None
    t, p, h = (_readings(v, base) for v in (state.temperature, state.pressure, state.h2o))
    o2 = None if state.o2 is None else _readings(state.o2, base)
    return standardise(t, p, h, o2, reference_o2=state.reference_o2)


def _against_report(test: QaTest, result: QualityResult) -> list[str]:
    """Return remarks where the recomputed numbers or the answer are not those reported."""
    notes = []
    flat = {**result.values, **result.values.get("error", {})} if test.kind == "linearity" else result.values
    for name, reported in test.reported.values.items():
        found = flat.get(name)
        step = REPORTED_STEP.get(name, 0.0)
        if isinstance(found, int | float) and math.isfinite(found) and abs(found - reported) > 0.51 * step:
            notes.append(f"{name.replace('_', ' ')} was reported as {reported:g} and is {found:g}")
    said = test.reported.result.upper()
    if said and said.startswith("PASS") != result.passed:
        notes.append(f"the result was reported as {said} and is {'PASSED' if result.passed else 'FAILED'}")
    return notes
