"""QAL3 of EN 14181: control charts of zero and span readings between two calibrations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ghg.core.errors import InputError
from sensors.quality import _kernels
from sensors.quality.criteria import criterion
from sensors.quality.result import Check, QualityResult, finite_values

__all__ = ["cusum", "ewma", "shewhart"]

STANDARD = "EN 14181 QAL3"
RULES = {1: "one beyond 3 s", 2: "two of three beyond 2 s", 4: "four of five beyond 1 s", 8: "eight on one side"}


def _differences(readings: Any, reference: Any, s_ams: float, subject: str) -> np.ndarray:
    values = finite_values(readings, subject or "readings", 1, "a control chart")
    if not s_ams > 0:
        raise InputError("the standard deviation of the system is not positive", where="s_ams", found=str(s_ams),
                         hint="take it from QAL1")  # fmt: skip
    given = np.asarray(reference, float)
    if given.ndim and given.size != values.size:
        raise InputError("the reference has another length than the readings", where="reference",
                         found=f"{given.size} for {values.size}")  # fmt: skip
    return np.ascontiguousarray(values - given)


def _when(marks: np.ndarray) -> int:
    return int(_kernels.first_true(np.ascontiguousarray(marks, np.int64)))


def shewhart(
    readings: Any, reference: Any, s_ams: float, *, zones: bool = False, units: str = "", subject: str = ""
) -> QualityResult:
    """Judge readings one by one against their standard deviation.

    Parameters
    ----------
    readings : float (n,)
        Zero or span readings in the order of time.
    reference : float or float (n,)
        What they should be.
    s_ams : float
        Standard deviation of the system, from QAL1, in the unit of the readings.
    zones : bool
        Use the zone rules as well (two of three beyond 2 s, four of five beyond 1 s, eight on one side).
    units, subject : str, optional
        For the result.

    References
    ----------
    Shewhart 1931; Western Electric 1956, Statistical Quality Control Handbook (zone rules); EN 14181, QAL3.
    """
    rule = criterion("en14181", "shewhart")
    d = _differences(readings, reference, s_ams, subject)
    z, marks = d / s_ams, np.zeros(d.size, np.int64)
    _kernels.shewhart_rules(z, marks)
    if not zones:
        marks &= 1
    first = _when(marks)
    clause, verified = rule["source"], rule["verified"]
    checks = [Check("greatest", float(d[np.argmax(np.abs(d))]), rule["action"] * s_ams, units, clause, verified)]
    if zones:
        checks.append(Check("zone_rules", float((marks > 1).sum()), 0.0, "readings", clause, verified))
    deciding = min(checks, key=lambda c: (c.passed, c.margin)).name
    broken = [text for bit, text in RULES.items() if (marks & bit).any()]
    values = {
        "readings": d.size, "s_ams": s_ams, "first_alarm": first, "alarms": int((marks != 0).sum()),
        "warnings": int((np.abs(z) > rule["warning"]).sum()), "rules_broken": broken,
    }  # fmt: skip
    limits = {"warning": rule["warning"] * s_ams, "action": rule["action"] * s_ams}
    return QualityResult("shewhart", STANDARD, first < 0, tuple(checks), deciding, values,
                         {"difference": d.tolist(), **{k: [v] for k, v in limits.items()}}, units, subject,
                         tuple(f"rule broken: {text}" for text in broken))  # fmt: skip


def cusum(readings: Any, reference: Any, s_ams: float, *, units: str = "", subject: str = "") -> QualityResult:
    """Judge drift and precision by cumulative sums.

    Parameters
    ----------
    readings, reference, s_ams, units, subject
        As for :func:`shewhart`.

    Returns
    -------
    QualityResult
        ``values``: drift (estimate of the shift at the first alarm, ``k_x + sum/n``, zero without one), first alarm
        of drift and of precision (-1: none).

    References
    ----------
    EN 14181, annex on CUSUM charts: ``k_x = 0.501 s``, ``h_x = 2.85 s``, ``k_s = 1.85 s^2``, ``h_s = 6.90 s^2``;
    Montgomery 2013, Introduction to Statistical Quality Control, equations (9.2), (9.3) and (9.5) (shift).
    """
    rule = criterion("en14181", "cusum")
    d = _differences(readings, reference, s_ams, subject)
    sums, spread = _kernels.empty_sums(d.size)
    k_x, h_x = rule["k_x"] * s_ams, rule["h_x"] * s_ams
    h_s = rule["h_s"] * s_ams**2
    _kernels.cusum_sums(d, k_x, rule["k_s"] * s_ams**2, sums, spread)
    drift_at, precision_at = _when(sums[:, :2].max(axis=1) > h_x), _when(spread > h_s)
    shift = 0.0
    if drift_at >= 0:
        up, down, n_up, n_down = sums[drift_at]
        shift = k_x + up / n_up if up > h_x else -(k_x + down / n_down)
    clause, verified = rule["source"], rule["verified"]
    square = f"({units})^2" if units else ""
    checks = (Check("drift", float(sums[:, :2].max()), h_x, units, clause, verified),
              Check("precision", float(spread.max()), h_s, square, clause, verified))  # fmt: skip
    values = {"readings": d.size, "s_ams": s_ams, "drift": float(shift), "first_drift": drift_at,
              "first_imprecision": precision_at}  # fmt: skip
    series = {"upper": sums[:, 0].tolist(), "lower": sums[:, 1].tolist(), "spread": spread.tolist(),
              "h_x": [h_x], "h_s": [h_s], "difference": d.tolist()}  # fmt: skip
    return QualityResult("cusum", STANDARD, all(c.passed for c in checks), checks,
                         min(checks, key=lambda c: (c.passed, c.margin)).name, values, series, units,
                         subject)  # fmt: skip


def ewma(
    readings: Any, reference: Any, s_ams: float, *, weight: float | None = None, width: float | None = None,
    asymptotic: bool = False, units: str = "", subject: str = "",
) -> QualityResult:  # fmt: skip
    """Judge drift by an exponentially weighted moving average.

    Parameters
    ----------
    readings, reference, s_ams, units, subject
        As for :func:`shewhart`.
    weight, width : float, optional
        Weight of the newest reading and half-width of the limits in standard deviations; 0.2 and 2.962 by default,
        an average run length of 500 in control.
    asymptotic : bool
        Limits of the steady state from the first reading on, instead of the exact ones.

    References
    ----------
    Roberts 1959, Technometrics 1, 239; Lucas and Saccucci 1990, Technometrics 32, 1; Montgomery 2013, equations
    (9.25) and (9.26).
    """
    rule = criterion("en14181", "ewma")
    weight = float(rule["weight"] if weight is None else weight)
    width = float(rule["width"] if width is None else width)
    if not (0 < weight <= 1 and width > 0):
        raise InputError("weight or width of the chart is out of range", where="ewma", found=f"{weight:g}, {width:g}",
                         need="0 < weight <= 1, width > 0")  # fmt: skip
    d = _differences(readings, reference, s_ams, subject)
    z = np.empty(d.size)
    _kernels.ewma_values(d, weight, z)
    growth = 1.0 if asymptotic else 1.0 - (1.0 - weight) ** (2.0 * np.arange(1, d.size + 1))
    limit = np.broadcast_to(width * s_ams * np.sqrt(weight / (2.0 - weight) * growth), d.shape)
    first = _when(np.abs(z) > limit)
    worst = int(np.argmax(np.abs(z) / limit))
    check = Check("average", float(z[worst]), float(limit[worst]), units, rule["source"], rule["verified"])
    values = {"readings": d.size, "s_ams": s_ams, "weight": weight, "width": width, "first_alarm": first,
              "average_at_end": float(z[-1]), "limit_at_end": float(limit[-1]) if d.size else math.nan}  # fmt: skip
    return QualityResult("ewma", STANDARD, first < 0, (check,), check.name, values,
                         {"average": z.tolist(), "limit": limit.tolist(), "difference": d.tolist()}, units,
                         subject)  # fmt: skip
