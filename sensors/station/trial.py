"""Trials of the whole chain on simulated stations: does the stated interval hold the truth as often as it says?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sensors.calibration.records import Records, merge
from sensors.station.simulation import Scenario, simulate

__all__ = ["Summary", "Trial", "spike_scores", "summary", "trial"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One simulated record against what was made of it.

    Parameters
    ----------
    error, u : array, shape (hours,)
        Hourly mean less the mean of the truth over the same rows; its standard uncertainty, all parts.
    mean_error, mean_u : float
        Of the mean over the record: hours equally weighted.
    target_error, target_u : array, shape (visits,)
        Of the target cylinders, against their assigned values.
    suspects : tuple of str
        Cylinders named as wrong.
    parameters : dict
        What the smoother learnt.
    """

    error: Array
    u: Array
    mean_error: float
    mean_u: float
    target_error: Array
    target_u: Array
    suspects: tuple[str, ...]
    parameters: dict[str, float]


def trial(scenario: Scenario, seed: int, changes: dict[str, Any] | None = None) -> Trial:
    """Simulate a station, process its record, compare.

    Parameters
    ----------
    scenario : Scenario
    seed : int
    changes : dict, optional
        Sections of the configuration to change, such as ``{"calibration": {"drift": "interpolate"}}``.

    Returns
    -------
    Trial
    """
    from sensors.config.station import StationJob
    from sensors.station.ingest import records_of
    from sensors.station.job import calibrate

    simulated = simulate(scenario, seed)
    config = dict(simulated.job)
    for section, values in (changes or {}).items():
        config[section] = {**config.get(section, {}), **values}
    job = StationJob(**config)
    ds = calibrate(records_of(simulated.raw, job), job)
    hours = ds["time"].values.astype("datetime64[h]").astype(np.int64)
    truth = _hourly(simulated.records_of_truth(job), hours)
    x = ds["co2"].values[0]
    there = np.isfinite(x) & np.isfinite(truth)
    random, systematic = ds["co2_u_random"].values[0], ds["co2_u_systematic"].values[0]
    error, u = (x - truth)[there], np.hypot(random, systematic)[there]
    own = ds["co2_visit_target"].values == 1
    sets = json.loads(ds.attrs["calibration_findings"])["co2"]["sets"]
    noise = json.loads(ds.attrs["calibration_findings"])["co2"]["noise"]
    return Trial(
        error, u, float(error.mean()), _mean_uncertainty(ds, there),
        ds["co2_visit_error"].values[own], ds["co2_visit_error_u"].values[own],
        tuple(name for one in sets for name in one["suspects"]), noise,
    )  # fmt: skip


def _hourly(records: Records, hours: Any) -> Array:
    """Return the mean of air by hour."""
    air = records.port == 0
    place = (records.start[air] + (records.end[air] - records.start[air]) // 2) // (3600 * 10**9) - hours[0]
    inside = (place >= 0) & (place < hours.size)
    count, mean, m2 = records.count[0][air], records.mean[0][air], records.m2[0][air]
    return merge(count[inside], mean[inside], m2[inside], place[inside], hours.size)[1]


def _mean_uncertainty(ds: Any, there: Any) -> float:
    """Uncertainty of the mean: random in quadrature, fit and drift over their correlation time, the rest linearly."""
    n = there.sum()
    variance = np.square(ds["co2_u_random"].values[0, there]).sum() / n**2
    length = float(np.ptp(ds["time"].values.astype("datetime64[s]").astype(np.float64))) + 3600.0
    for name in ("fit", "drift", "water", "cylinder", "scale"):
        part = ds[f"co2_u_systematic_{name}"]
        tau = float(part.attrs.get("correlation_time", np.inf))
        share = min(2.0 * tau / length, 1.0)
        values = part.values[0, there]
        variance += share * np.square(values).mean() if share < 1.0 else values.mean() ** 2
    return float(np.sqrt(variance))


@dataclass(frozen=True)
class Summary:
    """Coverage of 95 % intervals over trials.

    Parameters
    ----------
    hours, mean, target : float
        Of hourly means, of means over the record, of visits of targets.
    u_hours : float
        Standard uncertainty of the share `hours`, from its scatter between trials.
    rms, u : float
        Root mean square of the errors of hours, and of their standard uncertainties.
    rms_mean, u_mean : float
        The same of means over the record.
    alarms : float
        Share of trials in which a cylinder was called wrong.
    n : int
    """

    hours: float
    u_hours: float
    mean: float
    target: float
    rms: float
    u: float
    rms_mean: float
    u_mean: float
    alarms: float
    n: int


def summary(trials: list[Trial]) -> Summary:
    """Summarise trials of one scenario."""
    k = 1.959964
    share = np.array([(np.abs(one.error) <= k * one.u).mean() for one in trials])
    mean, mean_u = (np.array([getattr(one, name) for one in trials]) for name in ("mean_error", "mean_u"))
    target = [np.abs(one.target_error) <= k * one.target_u for one in trials if one.target_error.size]
    error, u = (np.concatenate([getattr(one, name) for one in trials]) for name in ("error", "u"))
    return Summary(
        float(share.mean()), float(share.std(ddof=1) / np.sqrt(share.size)), float((np.abs(mean) <= k * mean_u).mean()),
        float(np.mean([t.mean() for t in target])) if target else float("nan"), float(np.sqrt((error**2).mean())),
        float(np.sqrt((u**2).mean())), float(np.sqrt((mean**2).mean())), float(np.sqrt((mean_u**2).mean())),
        float(np.mean([bool(one.suspects) for one in trials])), len(trials),
    )  # fmt: skip


def spike_scores(scenario: Scenario, seed: int, method: str = "rebs") -> tuple[int, int, int, int]:
    """Look for spikes of nearby sources in calibrated minutes.

    Parameters
    ----------
    scenario : Scenario
    seed : int
    method : {"rebs", "sd"}

    Returns
    -------
    tuple of int
        Minutes marked; those of them with a spike in them; spikes that reach 3 umol mol-1 in a minute of air; those of
        them with a minute marked.
    """
    from sensors.analysis.spikes import rebs_spikes, sd_spikes
    from sensors.calibration.gas import calibrate_gas
    from sensors.config.station import StationJob
    from sensors.station.ingest import records_of

    simulated = simulate(scenario, seed)
    job = StationJob(**simulated.job)
    records = records_of(simulated.raw, job)
    air = (records.port == 0) & (records.count[0] > 0)
    start = records.start[air]
    minute = simulated.raw["time"].values.astype("datetime64[ns]").astype(np.int64) // 60_000_000_000
    place = np.searchsorted(start // 60_000_000_000, minute)
    inside = (place < start.size) & (start[np.minimum(place, start.size - 1)] // 60_000_000_000 == minute)
    peak = np.zeros(start.size)
    np.maximum.at(peak, place[inside], simulated.excess[inside])
    x = calibrate_gas(records, job, "co2").x[air]
    marked = (rebs_spikes if method == "rebs" else sd_spikes)(start / 1e9, x)
    runs = np.concatenate([[0], np.cumsum((peak[1:] > 0) & (peak[:-1] == 0))])
    high, hit = np.zeros(runs[-1] + 1), np.zeros(runs[-1] + 1, bool)
    np.maximum.at(high, runs[peak > 0], peak[peak > 0])
    hit[runs[marked & (peak > 0)]] = True
    return (
        int(marked.sum()),
        int((marked & (peak > 0)).sum()),
        int((high >= 3.0).sum()),
        int((hit & (high >= 3.0)).sum()),
    )
