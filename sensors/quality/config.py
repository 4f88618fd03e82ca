"""Configuration of quality tests: what was measured, and where the readings stand.

Importing this module costs nothing heavy.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sensors.statements import Model

__all__ = [
    "AcceptanceTest",
    "AstTest",
    "CalibrationDay",
    "CalibrationTest",
    "ChartTest",
    "ColumnOf",
    "CycleTimeTest",
    "LinearityLevel",
    "LinearityTest",
    "QaJob",
    "QaTest",
    "Qal2Test",
    "RataTest",
    "Reported",
    "Standardisation",
]  # fmt: skip


class ColumnOf(Model):
    """A column of a table in place of typed readings."""

    file: str
    column: str
    sheet: str | None = None


Readings = tuple[float, ...] | ColumnOf
Positive = Annotated[float, Field(gt=0.0)]


class Reported(Model):
    """What a report says of its own test, compared with what is computed here."""

    result: str = ""
    values: dict[str, float] = Field(default_factory=dict)


class _Test(Model):
    name: str = ""
    units: str = ""
    begin: str = ""  # as reported; local standard time under Part 75
    end: str = ""
    reported: Reported = Reported()
    remarks: tuple[str, ...] = ()


class RataTest(_Test):
    """Relative accuracy test audit: see :func:`sensors.quality.part75.relative_accuracy`."""

    kind: Literal["rata"] = "rata"
    parameter: Literal["co2", "o2", "h2o", "flow", "nox_rate", "nox", "so2"]
    monitor: Readings
    reference: Readings
    used: tuple[bool, ...] | None = None


class LinearityLevel(Model):
    """Injections at one level."""

    reference: tuple[float, ...]
    measured: tuple[float, ...]


class LinearityTest(_Test):
    """Linearity check: see :func:`sensors.quality.part75.linearity`."""

    kind: Literal["linearity"] = "linearity"
    parameter: Literal["co2", "o2", "nox", "so2", "unknown"]
    span: Positive | None = None
    levels: dict[Literal["low", "mid", "high"], LinearityLevel] = Field(min_length=1)


class CalibrationDay(Model):
    """Zero and upscale injection of one day: reference, then reading."""

    zero: tuple[float, float]
    upscale: tuple[float, float]


class CalibrationTest(_Test):
    """Seven-day calibration error: see :func:`sensors.quality.part75.calibration_error`."""

    kind: Literal["calibration"] = "calibration"
    parameter: Literal["co2", "o2", "nox", "so2", "flow"]
    span: Positive
    days: tuple[CalibrationDay, ...] = Field(min_length=1)


class CycleTimeTest(_Test):
    """Cycle time in minutes: see :func:`sensors.quality.part75.cycle_time`."""

    kind: Literal["cycle_time"] = "cycle_time"
    upscale: float
    downscale: float


class Standardisation(Model):
    """Conditions at which a method measured: see :func:`sensors.quality.en14181.standardise`."""

    temperature: Readings  # K
    pressure: Readings  # Pa
    h2o: Readings | float = 0.0  # percent
    o2: Readings | None = None  # percent, dry
    reference_o2: float | None = None


class _Parallel(_Test):
    ams: Readings
    srm: Readings
    elv: Positive
    percent: Positive
    standard_ams: Standardisation | None = None
    standard_srm: Standardisation | None = None


class Qal2Test(_Parallel):
    """Calibration and variability: see :func:`sensors.quality.en14181.qal2`."""

    kind: Literal["qal2"] = "qal2"
    procedure: Literal["auto", "a", "b"] = "auto"
    zero: float = 0.0
    days: tuple[str, ...] | None = None


class AstTest(_Parallel):
    """Annual surveillance test: see :func:`sensors.quality.en14181.ast`."""

    kind: Literal["ast"] = "ast"
    intercept: float = 0.0
    slope: float = 1.0
    valid_range: tuple[float, float] | None = None


class ChartTest(_Test):
    """Control chart of zero or span readings: see :mod:`sensors.quality.qal3`."""

    kind: Literal["shewhart", "cusum", "ewma"]
    readings: Readings
    reference: float | Readings = 0.0
    s_ams: Positive
    zones: bool = False
    weight: float | None = None
    width: float | None = None


class AcceptanceTest(_Test):
    """HJ 75 acceptance: see :func:`sensors.quality.hj75.acceptance`."""

    kind: Literal["acceptance"] = "acceptance"
    parameter: Literal["velocity", "temperature", "h2o", "o2"]
    monitor: Readings
    reference: Readings


QaTest = Annotated[
    RataTest | LinearityTest | CalibrationTest | CycleTimeTest | Qal2Test | AstTest | ChartTest | AcceptanceTest,
    Field(discriminator="kind"),
]


class QaJob(Model):
    """Quality tests, typed in or taken from ECMPS files.

    Parameters
    ----------
    title : str
        For the page.
    test : list of tests
        Each with its `kind`.
    ecmps : list of str
        ECMPS JSON files of quality-assurance tests.
    plan : list of str
        ECMPS JSON files of monitoring plans, which tell what a component measures.
    """

    title: str = ""
    test: tuple[QaTest, ...] = ()
    ecmps: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> QaJob:
        if not self.test and not self.ecmps:
            raise ValueError("there is no test: add [[test]] or ecmps = [...]")
        return self
