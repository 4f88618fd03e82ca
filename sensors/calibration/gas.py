"""One gas of a station: response, targets, and calibrated values of every interval, with uncertainty and flags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.flags import Flag, Reason
from sensors.calibration.consistency import Consistency, LeftOut, consistency, leave_one_out
from sensors.calibration.drift import DEGREE, Response, follow
from sensors.calibration.records import Records
from sensors.calibration.visits import Visits, cylinder_visits
from sensors.config.station import StationJob

__all__ = ["COMPONENTS", "Calibrated", "Target", "calibrate_gas"]

Array = npt.NDArray[np.float64]
COMPONENTS = ("fit", "drift", "water", "cylinder", "scale")


@dataclass(frozen=True)
class Target:
    """Visits of cylinders read with the response: targets, and calibration cylinders for their residuals.

    Parameters
    ----------
    value, error, u : array, shape (visits,)
        Calibrated value, calibrated minus assigned, standard uncertainty of the error (the assignment of the target
        included).
    bias, ltr, cmr, coverage : float
        Over targets: mean error; standard deviation of the means of visits about their tank (long-term repeatability);
        root mean square of the standard deviation of minutes within a visit (continuous measurement repeatability);
        share of errors within 1.96 standard uncertainties. NaN without targets.
    """

    value: Array
    error: Array
    u: Array
    bias: float
    ltr: float
    cmr: float
    coverage: float


@dataclass(frozen=True)
class Calibrated:
    """Result for one gas, by interval of the records.

    Parameters
    ----------
    x, sd, u_repeat : array, shape (n,)
        Calibrated mean, standard deviation of the readings, standard uncertainty of a mean beyond that of its readings.
    components : dict of str to array
        Systematic standard uncertainties.
    flag, reason : array, shape (n,)
    """

    x: Array
    sd: Array
    u_repeat: Array
    components: dict[str, Array]
    flag: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int32]
    visits: Visits
    response: Response
    target: Target
    sets: list[Consistency]
    left_out: list[LeftOut]
    notes: tuple[str, ...]


def calibrate_gas(records: Records, job: StationJob, gas: str) -> Calibrated:
    """Calibrate one gas.

    Parameters
    ----------
    records : Records
        In order of time.
    job : StationJob
    gas : str

    Returns
    -------
    Calibrated

    Raises
    ------
    InputError
        Too few cylinders, values missing, scales mixed.
    """
    wanted, g = job.gases[gas], records.gases.index(gas)
    visits = cylinder_visits(records, job, gas)
    span = (float(records.start.min()) / 1e9, float(records.end.max()) / 1e9)
    response = follow(visits.take(visits.fitted), wanted.response, job.calibration, span)
    sets = consistency(visits, DEGREE[wanted.response], wanted.slope_prior)
    response, notes = _inflated(response, visits, sets, wanted.scale)
    notes += [_jumped(one, gas) for one in response.jumps]
    middle = (records.start + (records.end - records.start) // 2) / 1e9
    count = records.count[g]
    reading = np.where(count > 0, records.mean[g], np.nan)
    variance = records.m2[g] / np.maximum(count, 1)
    a = response.apply(middle, reading, variance)
    water = np.nan_to_num(records.water) / wanted.water.reference * wanted.water.uncertainty
    parts = {"fit": a.u_fit, "drift": a.u_drift, "water": np.abs(a.x) * water, "cylinder": a.u_tank,
             "scale": np.where(np.isfinite(a.x), wanted.scale_uncertainty, np.nan)}  # fmt: skip
    sd = np.abs(a.gain) * np.sqrt(records.m2[g] / np.maximum(count - 1, 1))
    flag, reason = _flags(records, g, middle, visits, (sets, response.jumps), job)
    return Calibrated(
        a.x, np.where(count > 1, sd, np.nan), np.abs(a.gain) * response.repeatability,
        {k: np.where(count > 0, v, np.nan) for k, v in parts.items()}, flag, reason, visits, response,
        _target(visits, response, _minute_noise(records, g, visits), wanted.scale_uncertainty), sets,
        leave_one_out(visits, wanted.response, job.calibration, span, _noise(response, job)), (*visits.notes, *notes),
    )  # fmt: skip


def _noise(response: Response, job: StationJob) -> dict[str, float] | None:
    """Return what the smoother has learnt, so that it is not learnt again without one cylinder."""
    return dict(response.parameters) if job.calibration.drift == "smoother" else None


def _inflated(response: Response, visits: Visits, sets: list[Consistency], scale: str) -> tuple[Response, list[str]]:
    """Raise the uncertainty of inconsistent cylinders, and say so."""
    notes = []
    factor = 1.0
    for one in sets:
        if one.consistent:
            continue
        factor = max(factor, one.inflation)
        names = [visits.tanks[i].name for i in one.suspects]
        changes = ", ".join(
            f"{visits.tanks[i].name} by {one.correction[one.tanks.index(i)]:+.3f} +- "
            f"{one.u_correction[one.tanks.index(i)]:.3f}" for i in one.suspects
        )  # fmt: skip
        which = f"the value of cylinder {names[0]} is" if len(names) == 1 else f"one of {', '.join(names)} is"
        notes.append(f"assigned values do not agree (chi2 {one.chi2:.1f} for {one.freedom}, p {one.p:.1e}): {which} "
                     f"probably wrong, alone it would be set right by changing {changes} on {scale}, uncertainties of "
                     f"the cylinders raised by {one.inflation:.2f} and all values suspect")  # fmt: skip
    if factor == 1.0:
        return response, notes
    return replace(response, tank=response.tank * factor**2), notes


def _jumped(jump: tuple[float, float, float], gas: str) -> str:
    before, after = (str(np.datetime64(int(t), "s")).replace("T", " ")[:16] for t in jump[:2])
    return (f"the response of {gas} jumped by {jump[2]:+.3f} between {before} and {after} and no service is stated: "
            "values between are suspect (state calibration.services if the time is known)")  # fmt: skip


def _minute_noise(records: Records, g: int, visits: Visits) -> float:
    """Root mean square of the standard deviation of intervals inside visits of targets."""
    inside = np.zeros(records.size, bool)
    chosen = ~visits.fitted if (~visits.fitted).any() else np.ones(visits.tank.size, bool)
    for start, end in zip(visits.start[chosen], visits.end[chosen], strict=True):
        low, high = np.searchsorted(records.start, (start, end))
        inside[low:high] = True
    n, m2 = records.count[g][inside], records.m2[g][inside]
    ok = n > 1
    return float(np.sqrt((m2[ok] / (n[ok] - 1)).mean())) if ok.any() else float("nan")


def _target(visits: Visits, response: Response, cmr: float, u_scale: float) -> Target:
    a = response.apply(visits.time, visits.mean)
    error = a.x - visits.value
    random = (response.reading**2 / visits.count + response.repeatability**2) * a.gain**2
    # the scale is common to both sides of the comparison and does not count
    u = np.sqrt(random + a.u_fit**2 + a.u_drift**2 + a.u_tank**2 + visits.uncertainty**2)
    own = ~visits.fitted
    if not own.any():
        return Target(a.x, error, u, np.nan, np.nan, cmr, np.nan)
    tank = visits.tank[own]
    mean = np.bincount(tank, error[own]) / np.maximum(np.bincount(tank), 1)
    freedom = tank.size - np.unique(tank).size
    ltr = float(np.sqrt(((error[own] - mean[tank]) ** 2).sum() / freedom)) if freedom > 0 else np.nan
    covered = float((np.abs(error[own]) <= 1.96 * u[own]).mean())
    return Target(a.x, error, u, float(error[own].mean()), ltr, cmr, covered)


def _flags(
    records: Records, g: int, middle: Array, visits: Visits, found: tuple[list[Consistency], Any], job: StationJob
) -> tuple[Any, Any]:
    sets, jumps = found
    n = records.size
    flag, reason = np.full(n, int(Flag.GOOD), np.int8), np.zeros(n, np.int32)
    empty = records.count[g] == 0
    flag[empty] = int(Flag.MISSING)
    reason[empty] |= int(Reason.MISSING)
    for name, why in (("limits", Reason.OUT_OF_RANGE), ("status", Reason.FAULT), ("invalid", Reason.MISSING)):
        lost = records.lost[Records.LOST.index(name)] > 0
        reason[lost & empty] |= int(why)
    times = np.unique(visits.time[visits.fitted])
    j = np.clip(np.searchsorted(times, middle), 1, max(times.size - 1, 1))
    near = np.minimum(np.abs(middle - times[j - 1]), np.abs(middle - times[np.minimum(j, times.size - 1)]))
    far = (near > job.calibration.max_gap) & ~empty
    for before, after, _ in jumps:  # which response was valid there is not known
        far |= (middle > before) & (middle < after) & ~empty
    wrong = np.full(n, any(not s.consistent for s in sets)) & ~empty
    for where, why in ((far, Reason.CALIBRATION), (wrong, Reason.INCONSISTENT)):
        flag[where] = np.maximum(flag[where], int(Flag.SUSPECT))
        reason[where] |= int(why)
    return flag, reason
