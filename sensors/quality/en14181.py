"""EN 14181: calibration and variability of an automated measuring system (QAL2), annual surveillance test (AST).

The equations are those of the standard as it is taught; the printed text was not at hand, so the criteria that were
not read in a source are marked in ``data/criteria.toml`` and every result says so.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2
from scipy.stats import t as student

from ghg.core.errors import InputError
from sensors.quality.criteria import criterion
from sensors.quality.result import Check, QualityResult, finite_values

__all__ = ["ast", "k_v", "permissible_deviation", "qal2", "standardise"]

STANDARD = "EN 14181"
Array = npt.NDArray[np.float64]


def k_v(pairs: int) -> float:
    """Return the factor of the variability test, ``sqrt(chi2_0.5(N-1) / (N-1))``.

    Parameters
    ----------
    pairs : int
        Number N of parallel measurements, at least 2.

    References
    ----------
    EN 14181, table of k_v: 0.8326 (N = 3) to 0.9761 (N = 15).
    """
    if pairs < 2:
        raise InputError("a variability test needs at least two pairs", where="pairs", found=str(pairs))
    return math.sqrt(chi2.ppf(0.5, pairs - 1) / (pairs - 1))


def permissible_deviation(elv: float, percent: float) -> float:
    """Return sigma_0, the standard deviation that belongs to a maximum permissible uncertainty.

    Parameters
    ----------
    elv : float
        Emission limit value, in any unit; for CO2, which has none, the annual average of the emission.
    percent : float
        Maximum permissible uncertainty P, a 95 % half-width in percent of `elv`.

    References
    ----------
    EN 14181: ``sigma_0 = P E / 1.96``.
    """
    if not (elv > 0 and percent > 0):
        raise InputError("limit value and permissible uncertainty are positive", where="elv, percent",
                         found=f"{elv:g}, {percent:g} %")  # fmt: skip
    return percent / 100.0 * elv / criterion("en14181", "variability")["coverage"]


def standardise(
    temperature: Any, pressure: Any, h2o: Any = 0.0, o2: Any = None, *, reference_o2: float | None = None,
    reference_temperature: float = 273.15, reference_pressure: float = 101325.0, air_o2: float = 21.0,
) -> Array:  # fmt: skip
    """Return the factor from measured conditions to dry gas at the reference state and oxygen content.

    Parameters
    ----------
    temperature, pressure : float (n,)
        K and Pa (absolute), of the gas as it is measured.
    h2o, o2 : float (n,)
        Percent by volume: water of the gas as it is measured (0 for a dry analyser), oxygen of the dry gas.
    reference_o2 : float, optional
        Percent; no correction for oxygen without it.
    reference_temperature, reference_pressure : float
        K, Pa.
    air_o2 : float
        Oxygen of air as the rule writes it [percent].

    Returns
    -------
    float64 (n,)
        ``(T/T_0) (p_0/p) 100/(100 - h) (21 - o_ref)/(21 - o)``.

    References
    ----------
    EN 14181, standardisation of measured values; Directive 2010/75/EU, annex V part 1 (oxygen).
    """
    t, p, h = np.broadcast_arrays(*(np.asarray(x, float) for x in (temperature, pressure, h2o)))
    if (t <= 0).any() or (p <= 0).any() or (h < 0).any() or (h >= 100).any():
        raise InputError("temperature, pressure or moisture is absurd", where="standardise", need="K, Pa and percent")
    factor = t / reference_temperature * reference_pressure / p * 100.0 / (100.0 - h)
    if reference_o2 is not None:
        if o2 is None:
            raise InputError("a correction to a reference oxygen needs the oxygen", where="o2")
        oxygen = np.asarray(o2, float)
        if (oxygen >= air_o2).any():
            raise InputError("oxygen reaches that of air: the correction is without bound", where="o2",
                             found=f"{oxygen.max():g} %", need=f"below {air_o2:g} %")  # fmt: skip
        factor = factor * (air_o2 - reference_o2) / (air_o2 - oxygen)
    return np.asarray(factor, np.float64)


def _calibrate(x: Array, y: Array, zero: float, procedure: str) -> tuple[float, float]:
    """Return intercept and slope of the calibration function y = a + b x."""
    if procedure == "a":
        spread = float(np.sum((x - x.mean()) ** 2))
        if spread == 0.0:
            raise InputError("all signals are equal: procedure a has no slope", where="ams", hint="use procedure b")
        slope = float(np.sum((x - x.mean()) * (y - y.mean()))) / spread
        return float(y.mean() - slope * x.mean()), slope
    if x.mean() == zero:
        raise InputError("the mean signal equals the zero offset: procedure b has no slope", where="zero")
    slope = float(y.mean() / (x.mean() - zero))
    return -slope * zero, slope


def _two(ams: Any, srm: Any, least: int, test: str) -> tuple[Array, Array]:
    x, y = (finite_values(v, name, least, test) for v, name in ((ams, "ams"), (srm, "srm")))
    if x.size != y.size:
        raise InputError(f"{test} has another number of AMS than of SRM values", where="ams, srm",
                         found=f"{x.size} and {y.size}")  # fmt: skip
    return x, y


def _factor(factor: Any, like: Array, name: str) -> Array:
    values = np.asarray(1.0 if factor is None else factor, float)
    if values.ndim and values.size != like.size:
        raise InputError("the standardisation has another length than the pairs", where=name,
                         found=f"{values.size} for {like.size}")  # fmt: skip
    return np.broadcast_to(values, like.shape)


def _variability(d: Array, sigma: float, name: str, factor: float, rule: str) -> tuple[Check, float, float]:
    """Return the test of the standard deviation of differences, that deviation and k_v."""
    k = k_v(d.size)
    source, base = criterion("en14181", rule), criterion("en14181", "variability")
    s = float(d.std(ddof=1))
    return Check(name, s, factor * sigma * k, "", source["source"], bool(source["verified"] and base["verified"])), s, k


def qal2(
    ams: Any, srm: Any, elv: float, percent: float, *, procedure: Literal["auto", "a", "b"] = "auto",
    zero: float = 0.0, standard_ams: Any = None, standard_srm: Any = None, days: Any = None, units: str = "",
    subject: str = "",
) -> QualityResult:  # fmt: skip
    """Calibrate a measuring system against the reference method and test its variability.

    Parameters
    ----------
    ams : float (n,)
        Signals of the measuring system, n >= 15.
    srm : float (n,)
        Standard reference method at the conditions of the signal, in `units`.
    elv, percent : float
        Emission limit value in `units`, and the maximum permissible uncertainty P (95 %) in percent of it.
    procedure : {"auto", "a", "b"}
        a: regression line; b: line through the zero offset and the mean, for a small range. ``auto`` takes a where
        the range of the standardised reference is at least the maximum permissible uncertainty.
    zero : float
        Z, signal at zero concentration (4 mA for 4-20 mA).
    standard_ams, standard_srm : float (n,), optional
        Factors to standard conditions from the conditions each measured (:func:`standardise`); none if both are
        at standard conditions.
    days : sequence of str, optional
        Day of each pair, to check that they spread over at least three.
    units, subject : str, optional
        For the result.

    Returns
    -------
    QualityResult
        ``values``: intercept a and slope b, standard_deviation s_D, mean_difference, sigma_0, k_v, valid_range (0 to
        110 % of the greatest calibrated value), correlation.

    Raises
    ------
    InputError
        Too few pairs, unequal lengths, or a line that cannot be found.

    References
    ----------
    EN 14181, QAL2: ``b = sum((x-xm)(y-ym))/sum((x-xm)^2)``, ``a = ym - b xm`` (procedure a); ``b = ym/(xm - Z)``,
    ``a = -b Z`` (procedure b); ``D = y_s - yhat_s``; ``s_D <= sigma_0 k_v``.
    """
    rule = criterion("en14181", "qal2")
    x, y = _two(ams, srm, rule["pairs"], "QAL2")
    f_ams, f_srm = _factor(standard_ams, x, "standard_ams"), _factor(standard_srm, y, "standard_srm")
    reference = y * f_srm
    sigma = permissible_deviation(elv, percent)
    span = float(np.ptp(reference))
    chosen = procedure if procedure != "auto" else ("a" if span >= percent / 100.0 * elv else "b")
    a, b = _calibrate(x, y, zero, chosen)
    calibrated = (a + b * x) * f_ams
    d = reference - calibrated
    check, s, k = _variability(d, sigma, "standard_deviation", 1.0, "variability")
    notes = [] if procedure != "auto" else [f"procedure {chosen} was chosen by the range of the reference"]
    if days is not None and len(set(days)) < rule["days"]:
        notes.append(f"the pairs lie on {len(set(days))} days, EN 14181 wants at least {rule['days']}")
    if b <= 0:
        notes.append("the slope is not positive: the signal does not follow the reference")
    spread = float(x.std() * y.std())
    values = {
        "pairs": x.size, "procedure": chosen, "intercept": a, "slope": b, "zero": zero, "mean_difference": d.mean(),
        "standard_deviation": s, "sigma_0": sigma, "k_v": k, "range_of_reference": span,
        "valid_range": [0.0, criterion("en14181", "range")["range_extension"] * float(calibrated.max())],
        "correlation": float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread else math.nan,
    }  # fmt: skip
    values["mean_difference"] = float(d.mean())
    series = {"ams": x.tolist(), "srm": y.tolist(), "calibrated": calibrated.tolist(), "reference": reference.tolist()}
    return QualityResult("qal2", STANDARD, check.passed and b > 0, (check,), check.name, values, series, units, subject,
                         tuple(notes))  # fmt: skip


def ast(
    ams: Any, srm: Any, elv: float, percent: float, *, intercept: float = 0.0, slope: float = 1.0,
    valid_range: tuple[float, float] | None = None, standard_ams: Any = None, standard_srm: Any = None,
    units: str = "", subject: str = "",
) -> QualityResult:  # fmt: skip
    """Test once a year that variability and calibration function still hold.

    Parameters
    ----------
    ams, srm : float (n,)
        As for :func:`qal2`, n >= 5.
    elv, percent : float
        As for :func:`qal2`.
    intercept, slope : float
        Calibration function of the last QAL2.
    valid_range : (float, float), optional
        Valid calibration range of the last QAL2, for a remark on values beyond it.
    standard_ams, standard_srm : float (n,), optional
        As for :func:`qal2`.
    units, subject : str, optional
        For the result.

    Returns
    -------
    QualityResult
        Both tests must pass: ``s_D <= 1.5 sigma_0 k_v`` and ``|D| <= t_0.95(N-1) s_D / sqrt(N) + sigma_0``.

    References
    ----------
    EN 14181, AST: variability and validity of the calibration function.
    """
    rule = criterion("en14181", "ast")
    x, y = _two(ams, srm, rule["pairs"], "an AST")
    reference = y * _factor(standard_srm, y, "standard_srm")
    calibrated = (intercept + slope * x) * _factor(standard_ams, x, "standard_ams")
    d = reference - calibrated
    sigma = permissible_deviation(elv, percent)
    spread, s, k = _variability(d, sigma, "standard_deviation", rule["factor"], "ast")
    t = float(student.ppf(0.95, x.size - 1))
    shift = Check("mean_difference", float(d.mean()), t * s / math.sqrt(x.size) + sigma, "", rule["source"],
                  rule["verified"])  # fmt: skip
    checks = (spread, shift)
    notes = []
    if valid_range is not None:
        beyond = int(((calibrated < valid_range[0]) | (calibrated > valid_range[1])).sum())
        if beyond:
            notes.append(f"{beyond} of {x.size} values lie outside the valid calibration range")
    deciding = min(checks, key=lambda c: (c.passed, c.margin)).name
    values = {
        "pairs": x.size, "intercept": intercept, "slope": slope, "mean_difference": float(d.mean()),
        "standard_deviation": s, "sigma_0": sigma, "k_v": k, "t": t,
    }  # fmt: skip
    series = {"ams": x.tolist(), "srm": y.tolist(), "calibrated": calibrated.tolist(), "reference": reference.tolist()}
    return QualityResult("ast", STANDARD, all(c.passed for c in checks), checks, deciding, values, series, units,
                         subject, tuple(notes))  # fmt: skip
