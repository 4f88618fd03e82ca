"""Quality tests of 40 CFR 75: relative accuracy with bias, linearity, calibration error, cycle time.

Numbers are computed in decimals and rounded halves away from zero, as EPA's check engine does.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
from scipy.stats import t as student

from ghg.core.errors import InputError
from sensors.quality.criteria import criterion
from sensors.quality.result import Check, QualityResult, exact, finite_values, mean, one_of, round_half_up

__all__ = ["calibration_error", "cycle_time", "linearity", "relative_accuracy"]

STANDARD = "40 CFR 75"


def _pairs(monitor: Any, reference: Any, used: Any, parameter: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    rule = criterion("part75", "rata")
    m, r = np.asarray(monitor, float).ravel(), np.asarray(reference, float).ravel()
    if m.size != r.size:
        raise InputError("the RATA has another number of monitor values than of reference values",
                         where=parameter, found=f"{m.size} and {r.size}")  # fmt: skip
    keep = np.ones(m.size, bool) if used is None else np.asarray(used, bool).ravel()
    if keep.size != m.size:
        raise InputError("`used` has another length than the runs", where=parameter, found=f"{keep.size} for {m.size}")
    dropped = int((~keep).sum())
    if dropped > rule["dropped"]:
        raise InputError("too many runs are left out of the RATA", where=parameter, found=str(dropped),
                         need=f"at most {rule['dropped']}")  # fmt: skip
    m, r = (finite_values(x[keep], f"{parameter}, runs used", rule["runs"], "a RATA") for x in (m, r))
    return m, r, keep, dropped


def _bias(d: Decimal, cc: Decimal, m: Decimal, by_difference: bool) -> tuple[float, bool]:
    """Return the bias adjustment factor (equation A-12) and whether the test found a low bias (7.6.4)."""
    biased = d > abs(cc)
    if not biased or m == 0:
        return 1.0, biased
    factor = round_half_up(1 + abs(d) / m, 3)
    cap = criterion("part75", "bias")["low_emitter_cap"]
    return (min(factor, cap) if by_difference else factor), biased


def relative_accuracy(
    monitor: Any, reference: Any, parameter: str, *, used: Any = None, units: str = "", subject: str = ""
) -> QualityResult:
    """Test the relative accuracy of a monitor against the reference method, and its bias.

    Parameters
    ----------
    monitor, reference : float (n,)
        Run averages of the monitor and of the reference method, on the same basis and in the same unit.
    parameter : {"co2", "o2", "h2o", "flow", "nox_rate", "nox", "so2"}
        What is measured; absolute limits are in percent, percent, percent, none, lb/mmBtu, ppm, ppm.
    used : bool (n,), optional
        Runs that count; at most three may be left out.
    units, subject : str, optional
        For the result.

    Returns
    -------
    QualityResult
        ``values``: relative_accuracy [percent, 0.01], mean_difference, standard_deviation,
        confidence_coefficient, t, bias_adjustment_factor (0.001), low_bias, frequency (4QTRS: annual, 2QTRS:
        semi-annual, empty where it failed).

    Raises
    ------
    InputError
        Fewer than nine runs, more than three left out, unequal lengths, values that are not numbers, or a zero mean
        of the reference.

    References
    ----------
    40 CFR 75 Appendix A 7.3 (A-7 to A-10), 7.6 (A-11, A-12); check-engine RATAChecks.cs for the rounding.
    """
    limits = criterion("part75", "rata", parameter)
    m, r, keep, dropped = _pairs(monitor, reference, used, parameter)
    n = m.size
    differences = [exact(b) - exact(a) for a, b in zip(m, r, strict=True)]
    d, rm, cem = sum(differences, Decimal(0)) / n, mean(r), mean(m)
    if rm == 0:
        raise InputError("the mean of the reference method is zero", where=parameter)
    deviation = (sum(((x - d) ** 2 for x in differences), Decimal(0)) / (n - 1)).sqrt()
    quantile = round_half_up(float(student.ppf(0.975, n - 1)), 3)
    cc = exact(quantile) * deviation / Decimal(n).sqrt()
    ra = round_half_up((abs(d) + abs(cc)) / abs(rm) * 100, 2)
    clause, verified = limits["source"], limits["verified"]
    checks = [Check("relative_accuracy", ra, limits["relative"], "percent", clause, verified)]
    low = float(rm) <= limits.get("low", math.inf)
    if "difference" in limits and low:
        checks.append(Check("mean_difference", float(d), limits["difference"], limits["units"], clause, verified))
    passed, deciding = one_of(checks)
    by_difference = passed and not checks[0].passed
    factor, biased = _bias(d, cc, cem, by_difference) if limits["bias"] and passed else (1.0, False)
    annual = ra <= limits["annual_relative"] or (low and abs(float(d)) <= limits.get("annual_difference", -1.0))
    values = {
        "runs": n, "dropped": dropped, "mean_monitor": float(cem), "mean_reference": float(rm),
        "mean_difference": float(d), "standard_deviation": float(deviation), "t": quantile,
        "confidence_coefficient": float(cc), "relative_accuracy": ra, "bias_adjustment_factor": factor,
        "low_bias": biased, "frequency": ("4QTRS" if annual else "2QTRS") if passed else "",
    }  # fmt: skip
    notes = () if limits["bias"] else ("no bias adjustment is made for this parameter",)
    series = {"monitor": np.asarray(monitor, float).ravel().tolist(),
              "reference": np.asarray(reference, float).ravel().tolist(), "used": keep.tolist()}  # fmt: skip
    return QualityResult("rata", STANDARD, passed, tuple(checks), deciding, values, series,
                         units or limits["units"].replace("any", ""), subject, notes)  # fmt: skip


def linearity(levels: Any, parameter: str, *, units: str = "", subject: str = "") -> QualityResult:
    """Test the linearity of a gas monitor at low, mid and high level.

    Parameters
    ----------
    levels : mapping
        Name of the level -> (reference values, measured values), each float (n,) with n >= 3.
    parameter : str
        co2 and o2 (percent), so2 and nox (ppm) have an absolute limit as well.
    units, subject : str, optional
        For the result.

    Returns
    -------
    QualityResult
        ``values["error"]``: percent error by level (0.1).

    Raises
    ------
    InputError
        Fewer than three injections of a level, unequal numbers, a reference of zero, or no level.

    References
    ----------
    40 CFR 75 Appendix A 3.2 and 7.1, equation A-4: ``LE = 100 |R - A| / R``.
    """
    rule = criterion("part75", "linearity")
    absolute = rule["difference"].get(parameter)
    if not levels:
        raise InputError("a linearity check has no level", where=subject or parameter, need="low, mid and high")
    errors: dict[str, float] = {}
    checks: list[Check] = []
    answers: list[tuple[bool, str]] = []
    series: dict[str, list[Any]] = {"level": [], "reference": [], "measured": []}
    for name, (reference, measured) in levels.items():
        where = f"{subject or parameter}, level {name}"
        r = finite_values(reference, where, rule["injections"], "a linearity check")
        a = finite_values(measured, where, rule["injections"], "a linearity check")
        if r.size != a.size:
            raise InputError("a level has unequal numbers of values", where=where, found=f"{r.size} and {a.size}")
        rm, am = mean(r), mean(a)
        if rm == 0:
            raise InputError("the reference gas of a level is zero", where=where)
        errors[name] = round_half_up(abs(rm - am) / abs(rm) * 100, 1)
        own = [Check(f"{name} error", errors[name], rule["relative"], "percent", rule["source"], rule["verified"])]
        if absolute is not None:
            own.append(Check(f"{name} difference", float(rm - am), absolute, units, rule["source"], rule["verified"]))
        checks += own
        answers.append(one_of(own))
        series["level"] += [name] * r.size
        series["reference"] += r.tolist()
        series["measured"] += a.tolist()
    by_name = {c.name: c for c in checks}
    deciding = min(answers, key=lambda x: (x[0], by_name[x[1]].margin))[1]
    notes = () if set(errors) >= {"low", "mid", "high"} else ("not all of low, mid and high were tested",)
    return QualityResult("linearity", STANDARD, all(a[0] for a in answers), tuple(checks), deciding,
                         {"error": errors}, series, units, subject, notes)  # fmt: skip


def calibration_error(
    days: Any, parameter: str, span: float, *, units: str = "", subject: str = "", need_days: int | None = None
) -> QualityResult:
    """Test the 7-day calibration error of a monitor at zero and upscale level.

    Parameters
    ----------
    days : sequence of (zero reference, zero measured, upscale reference, upscale measured)
        One row of floats for each day.
    parameter : str
        co2 and o2 are limited in percent absolute, others in percent of the span.
    span : float
        Span value in the unit of the monitor.
    units, subject : str, optional
        For the result.
    need_days : int, optional
        Least number of days; that of the regulation (7) unless given: 1 judges a daily test.

    Returns
    -------
    QualityResult
        ``values``: greatest error at zero and upscale level.

    Raises
    ------
    InputError
        Too few days, a span that is not positive, or values that are not numbers.

    References
    ----------
    40 CFR 75 Appendix A 3.1, 6.3.1 and 7.2, equations A-5 (``CE = 100 |R - A| / S``) and A-6.
    """
    rule = criterion("part75", "calibration")
    table = np.asarray(days, float)
    least = rule["days"] if need_days is None else need_days
    if table.ndim != 2 or table.shape[-1] != 4 or table.shape[0] < least:
        found = f"{table.shape[0]} days" if table.ndim == 2 else str(table.shape)
        raise InputError("a calibration error test has too few days", where=subject or parameter, found=found,
                         need=f"at least {least}, each with zero and upscale reference and reading")  # fmt: skip
    finite_values(table, subject or parameter, 4, "a calibration error test")
    absolute, relative = rule["difference"].get(parameter), rule["span"].get(parameter)
    if absolute is None and relative is None:
        raise InputError("part75 sets no calibration error limit for this parameter", found=parameter,
                         need=", ".join(sorted({*rule["difference"], *rule["span"]})))  # fmt: skip
    if relative is not None and not span > 0:
        raise InputError("the span is not positive", where=subject or parameter, found=str(span))
    low = rule["low_span"].get(parameter)
    checks: list[Check] = []
    answers: list[tuple[bool, str]] = []
    worst: dict[str, float] = {}
    for level, column in (("zero", 0), ("upscale", 2)):
        gaps = [abs(exact(row[column]) - exact(row[column + 1])) for row in table]
        own = []
        if relative is not None:
            worst[level] = max(round_half_up(gap / exact(span) * 100, 1) for gap in gaps)
            own.append(Check(f"{level} error", worst[level], relative, "percent of span", rule["source"],
                             rule["verified"]))  # fmt: skip
            if low is not None and (low["below"] == 0.0 or span <= low["below"]):
                own.append(Check(f"{level} difference", float(max(gaps)), low["difference"], units, rule["source"],
                                 rule["verified"]))  # fmt: skip
        if absolute is not None:
            worst[level] = float(max(gaps))
            own.append(Check(f"{level} difference", worst[level], absolute, units, rule["source"], rule["verified"]))
        checks += own
        answers.append(one_of(own))
    by_name = {c.name: c for c in checks}
    deciding = min(answers, key=lambda x: (x[0], by_name[x[1]].margin))[1]
    series = {"zero": (table[:, 1] - table[:, 0]).tolist(), "upscale": (table[:, 3] - table[:, 2]).tolist()}
    return QualityResult("calibration", STANDARD, all(a[0] for a in answers), tuple(checks), deciding,
                         {"days": int(table.shape[0]), "span": span, "greatest_error": worst}, series, units,
                         subject)  # fmt: skip


def cycle_time(upscale: float, downscale: float, *, subject: str = "") -> QualityResult:
    """Test the cycle time of a gas monitor: minutes to 95 percent of the step, the slower of both directions.

    Parameters
    ----------
    upscale, downscale : float
        Minutes.
    subject : str, optional
        For the result.

    Raises
    ------
    InputError
        A time that is negative or not a number.

    References
    ----------
    40 CFR 75 Appendix A 3.5 and 6.4.
    """
    rule = criterion("part75", "cycle_time")
    times = finite_values([upscale, downscale], subject or "cycle time", 2, "a cycle time test")
    if (times < 0).any():
        raise InputError("a cycle time is negative", where=subject or "cycle time", found=f"{times.min():g} min")
    check = Check("cycle_time", float(times.max()), rule["minutes"], "min", rule["source"], rule["verified"])
    values = {"upscale": float(times[0]), "downscale": float(times[1]), "cycle_time": float(times.max())}
    return QualityResult("cycle_time", STANDARD, check.passed, (check,), check.name, values,
                         {"upscale": [float(times[0])], "downscale": [float(times[1])]}, "min", subject)  # fmt: skip
