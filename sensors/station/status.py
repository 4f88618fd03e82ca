"""How a station is doing: coverage, precision against the goals, drift, last target, alarms, and what to do there."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.flags import Flag, Reason
from sensors.config.station import StationJob
from sensors.station.network_config import Watch

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Alarm", "GasStatus", "StationStatus", "failed", "goal_of", "station_status"]

DAY = np.timedelta64(86_400, "s")
MONTH = 30.0  # days of a rate of drift


@dataclass(frozen=True)
class Alarm:
    """One thing that is wrong; :mod:`ghg.report.station` puts it into words.

    Parameters
    ----------
    code : str
        failed, silent, never, coverage, fault, target, target_overdue, calibration_overdue, cylinder, jump, drift,
        expiry, ended, goal.
    values : dict of str
        What was seen, as it is shown.
    action : bool
        Whether a technician can do something about it.
    """

    code: str
    values: dict[str, str] = field(default_factory=dict)
    action: bool = True


@dataclass(frozen=True)
class GasStatus:
    """One gas of a station, in its unit; NaN is unknown.

    Parameters
    ----------
    coverage : float
        Share of the intervals of the window with a value that is not bad.
    cmr, ltr, bias : float
        Of the target, over the whole record.
    u : float
        Median standard uncertainty of the values in the window, all parts.
    goal : float
    within_goal : bool or None
        Whether the bias of the target and its uncertainty keep the goal; None without a target.
    drift, u_drift : float
        Change of the response at the centre of the cylinders in 30 days, and its standard uncertainty.
    target, target_error, target_u : str, float, float
        Time of the last target visit, its error, and the standard uncertainty of that.
    """

    gas: str
    units: str
    coverage: float
    cmr: float
    ltr: float
    bias: float
    u: float
    goal: float
    verified: bool
    within_goal: bool | None
    drift: float
    u_drift: float
    target: str
    target_error: float
    target_u: float


@dataclass(frozen=True)
class StationStatus:
    """A station.

    Parameters
    ----------
    last : str
        End of the last interval with a value (UTC).
    """

    name: str
    site: str
    last: str = ""
    gases: tuple[GasStatus, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    latitude: float = float("nan")
    longitude: float = float("nan")
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def technician(self) -> list[Alarm]:
        """Alarms about which something can be done at the station."""
        return [a for a in self.alarms if a.action]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@cache
def _goals() -> dict[str, Any]:
    return tomllib.loads((files("sensors.station") / "data" / "goals.toml").read_text(encoding="utf-8"))


def goal_of(gas: str, latitude: float, given: dict[str, float]) -> tuple[float, bool]:
    """Return the goal for a gas, and whether it was read in its source."""
    if gas in given:
        return given[gas], True
    found = _goals().get(gas)
    if found is None:
        return float("nan"), False
    return float(found.get("south", found["goal"]) if latitude < 0 else found["goal"]), bool(found["verified"])


def failed(name: str, reason: str) -> StationStatus:
    """Return the status of a station that could not be processed."""
    return StationStatus(name, name, alarms=(Alarm("failed", {"reason": reason}),))


def station_status(ds: xr.Dataset, job: StationJob, name: str, watch: Watch, goals: dict[str, float]) -> StationStatus:
    """Judge a station from its calibrated file.

    Parameters
    ----------
    ds : Dataset
        Of :func:`sensors.station.job.run`.
    job : StationJob
    name : str
    watch : Watch
    goals : dict
        Gas -> goal in place of that of the WMO.

    Returns
    -------
    StationStatus
    """
    import datetime

    now = np.datetime64(watch.at or datetime.datetime.now(datetime.UTC).replace(tzinfo=None), "ns")
    ends = ds["time_bounds"].values[:, 1]
    alive = np.zeros(ends.size, bool)
    gases, alarms = [], []
    for gas in job.gases:
        there = np.isfinite(ds[gas].values) & (ds[f"{gas}_flag"].values < int(Flag.BAD))
        alive |= there.any(axis=0)
        one, own = _gas(ds, job, gas, (now, watch), goals)
        gases.append(one)
        alarms += own
    last = ends[alive].max() if alive.any() else np.datetime64("NaT")
    if np.isnat(last) or (now - last) / np.timedelta64(3600, "s") > watch.silent:
        alarms.insert(0, Alarm("never") if np.isnat(last) else Alarm("silent", {"time": _stamp(last)}))
    alarms += _cylinders(job, now, watch)
    return StationStatus(name, job.site.name, _stamp(last), tuple(gases), tuple(_once(alarms)), job.site.latitude,
                         job.site.longitude)  # fmt: skip


def _once(alarms: list[Alarm]) -> list[Alarm]:
    return [one for i, one in enumerate(alarms) if one not in alarms[:i]]


def _stamp(time: Any) -> str:
    return "" if np.isnat(time) else str(time.astype("datetime64[m]")).replace("T", " ")


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _gas(
    ds: xr.Dataset, job: StationJob, gas: str, when: tuple[np.datetime64, Watch], goals: dict[str, float]
) -> tuple[GasStatus, list[Alarm]]:
    now, watch = when
    found = json.loads(ds.attrs["calibration_findings"])[gas]
    units = str(ds[gas].attrs["units"])
    since = now - np.timedelta64(round(watch.window * 86_400), "s")
    share = _coverage(ds, gas, since, now)
    inside = (ds["time"].values >= since) & (ds["time"].values < now)
    u = np.hypot(ds[f"{gas}_u_random"].values, ds[f"{gas}_u_systematic"].values)[:, inside]
    goal, verified = goal_of(gas, job.site.latitude, goals)
    bias = _number(found["target_bias"])
    visits = _visits(ds, gas, now)
    drift, u_drift = _rate(*(v[visits.fitted & (visits.time >= since)] for v in (visits.time, visits.offset)))
    target, error, error_u = "", float("nan"), float("nan")
    if visits.target.any():
        k = int(np.flatnonzero(visits.target)[-1])
        target, error, error_u = _stamp(visits.time[k]), float(visits.error[k]), float(visits.u[k])
    status = GasStatus(
        gas, units, share, _number(found["cmr"]), _number(found["ltr"]), bias,
        float(np.nanmedian(u)) if np.isfinite(u).any() else float("nan"), goal, verified,
        None if not (np.isfinite(bias) and np.isfinite(goal)) else abs(bias) <= goal, drift, u_drift, target, error,
        error_u,
    )  # fmt: skip
    return status, [*_value_alarms(ds, status, watch, since), *_visit_alarms(found, visits, status, now, watch)]


def _coverage(ds: xr.Dataset, gas: str, since: np.datetime64, now: np.datetime64) -> float:
    """Share of the window with a value of any inlet; before the record began nothing was expected."""
    bounds = ds["time_bounds"].values
    begin = max(since, bounds[0, 0])
    if now <= begin:
        return float("nan")
    good = (np.isfinite(ds[gas].values) & (ds[f"{gas}_flag"].values < int(Flag.BAD))).any(axis=0)
    use = good & (bounds[:, 0] >= begin) & (bounds[:, 1] <= now)
    return float((bounds[use, 1] - bounds[use, 0]).sum() / (now - begin)) if use.any() else 0.0


@dataclass(frozen=True)
class _Visits:
    time: npt.NDArray[Any]
    target: npt.NDArray[np.bool_]
    offset: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]
    u: npt.NDArray[np.float64]

    @property
    def fitted(self) -> npt.NDArray[np.bool_]:
        return ~self.target


def _visits(ds: xr.Dataset, gas: str, now: np.datetime64) -> _Visits:
    """Return the visits until now, in the order of time."""
    names = ("time", "target", "response_offset", "error", "error_u")
    time, target, offset, error, u = (ds[f"{gas}_visit_{n}"].values for n in names)
    order = np.argsort(time, kind="stable")
    order = order[time[order] <= now]
    return _Visits(time[order], target[order] == 1, offset[order], error[order], u[order])


def _rate(time: npt.NDArray[Any], offset: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the change in 30 days by a straight line, and its standard error; NaN from fewer than three times."""
    moments, place = np.unique(time, return_inverse=True)
    if moments.size < 3:
        return float("nan"), float("nan")
    y = np.bincount(place, offset) / np.bincount(place)
    t = (moments - moments[0]) / DAY / MONTH
    t = t - t.mean()
    slope = float(t @ y / (t @ t))
    rest = y - y.mean() - slope * t
    return slope, float(np.sqrt(rest @ rest / (t.size - 2) / (t @ t)))


def _value_alarms(ds: xr.Dataset, one: GasStatus, watch: Watch, since: np.datetime64) -> list[Alarm]:
    alarms = []
    if one.coverage < watch.coverage:
        reason = ds[f"{one.gas}_reason"].values[:, ds["time"].values >= since]
        lost = np.isnan(ds[one.gas].values[:, ds["time"].values >= since])
        fault = float((reason[lost] & int(Reason.FAULT | Reason.OUT_OF_RANGE) != 0).mean()) if lost.any() else 0.0
        seen = {"gas": one.gas, "share": f"{one.coverage:.0%}", "days": f"{watch.window:g}", "fault": f"{fault:.0%}"}
        alarms.append(Alarm("fault", seen) if fault > 0.05 else Alarm("coverage", seen, action=False))
    if one.within_goal is False:
        alarms.append(Alarm("goal", _values(one, error=f"{one.bias:+.3g}", goal=f"{one.goal:g}")))
    limit = watch.drift.get(one.gas)
    if limit is not None and abs(one.drift) > limit:
        alarms.append(Alarm("drift", _values(one, rate=f"{one.drift:+.3g}")))
    return alarms


def _values(one: GasStatus, **more: str) -> dict[str, str]:
    return {"gas": one.gas, "units": one.units, **more}


def _visit_alarms(
    found: dict[str, Any], visits: _Visits, one: GasStatus, now: np.datetime64, watch: Watch
) -> list[Alarm]:
    alarms, gas = [], one.gas
    for fitted, code, limit in ((True, "calibration_overdue", watch.calibration_every),
                                (False, "target_overdue", watch.target_every)):  # fmt: skip
        times = visits.time[visits.fitted if fitted else visits.target]
        if times.size and (now - times[-1]) / DAY > limit:
            alarms.append(Alarm(code, {"gas": gas, "time": _stamp(times[-1])}))
    if abs(one.target_error) > watch.target_limit * one.target_u:
        alarms.append(Alarm("target", _values(one, error=f"{one.target_error:+.3g}", u=f"{one.target_u:.2g}")))
    for each in found["sets"]:
        if each["suspects"]:
            alarms.append(
                Alarm("cylinder", {"gas": gas, "names": ", ".join(each["suspects"]), "p": f"{each['p']:.1e}"})
            )
    for jump in found.get("jumps", ()):
        before, after = (_stamp(np.datetime64(jump[key])) for key in ("before", "after"))
        alarms.append(Alarm("jump", _values(one, size=f"{jump['size']:+.3g}", before=before, after=after)))
    return alarms


def _cylinders(job: StationJob, now: np.datetime64, watch: Watch) -> list[Alarm]:
    alarms = []
    for c in job.cylinders:
        if c.valid_to is None:
            continue
        left = (np.datetime64(c.valid_to, "ns") - now) / DAY
        later = any(o.port == c.port and o.valid_from is not None and o.valid_from >= c.valid_to for o in job.cylinders)
        if left < watch.expiry and not later:
            seen = {"name": c.name, "date": f"{c.valid_to:%Y-%m-%d}", "port": str(c.port)}
            alarms.append(Alarm("ended" if left < 0 else "expiry", seen))
    return alarms
