"""The observations of a job: tables and station files of any format to one list of mole fractions by site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.config import InversionJob, ObservationsJob
from inversion.receptors import matching
from inversion.sensitivity import Array

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["Data", "observations", "places", "withheld"]

Times = npt.NDArray[np.datetime64]
Place = tuple[float, float, float]


@dataclass(frozen=True)
class Data:
    """Observations of all sites.

    Parameters
    ----------
    time : array of datetime64[ns] (n,)
        Starts of the intervals.
    site : array of str (n,)
    value, random, systematic, correlated, background : array (n,)
        mol mol-1: dry mole fraction; standard uncertainty, independent, common to the record of a site, and correlated
        in time; the part that is taken as known.
    memory : array (n,)
        e-folding time of the correlated part, s.
    left_out : int
        Observations outside the period or the hours, missing, or not flagged good in a table.
    places : dict
        Latitude and longitude [degrees] and altitude of the inlet [m] of the sites whose files tell.
    """

    time: Times
    site: npt.NDArray[np.str_]
    value: Array
    random: Array
    systematic: Array
    correlated: Array
    memory: Array
    background: Array
    left_out: int = 0
    places: dict[str, Place] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Number of observations."""
        return int(self.time.size)

    def take(self, keep: npt.NDArray[Any]) -> Data:
        """Return some observations; the others count as left out."""
        arrays = [getattr(self, name)[keep] for name in ARRAYS]
        return Data(*arrays, left_out=self.left_out + self.n - arrays[0].size, places=self.places)


ARRAYS = tuple(f.name for f in fields(Data) if f.name not in ("left_out", "places"))


def places(job: InversionJob, data: Data) -> dict[str, Place]:
    """Return where sites stand: as the job says, else as their files do.

    Raises
    ------
    InputError
        The job places a site that has no observations.
    """
    if unknown := sorted(set(job.sites) - set(data.site.tolist())):
        raise InputError("a site of the table has no observations", where="[sites]", found=", ".join(unknown),
                         need="one of " + ", ".join(dict.fromkeys(data.site.tolist())))  # fmt: skip
    given = {s: (p.latitude, (p.longitude + 180.0) % 360.0 - 180.0, np.nan if p.altitude is None else p.altitude)
             for s, p in job.sites.items()}  # fmt: skip
    return {s: p for s, p in (data.places | given).items() if s in set(data.site.tolist())}


def observations(job: InversionJob, base: Path, record: Record | None = None) -> Data:
    """Return the observations of a job that lie in its period and hours, in the order of its sources.

    Raises
    ------
    InputError
        As the readers; no observation is left, a site occurs in two sources, no uncertainty is known, or one is zero.
    """
    from ghg.core.time import period_bounds

    whole = period_bounds(job.start, job.end, "day")
    parts: list[Data] = []
    for one in job.observations:
        paths = matching(base, one.file)
        if record is not None:
            for path in paths:
                record.use(path, "observations")
        for path in paths:
            parts.append(_source(one, path, job.species, (whole[0, 0], whole[-1, 1])))
    data = _joined(parts)
    if not data.n:
        raise InputError("no observation lies in the period and hours of the inversion",
                         where=", ".join(o.file for o in job.observations), found=f"{data.left_out} others",
                         need=f"{job.start} to {job.end}")  # fmt: skip
    return data


def withheld(job: InversionJob, data: Data) -> npt.NDArray[np.bool_]:
    """Return which observations are predicted only.

    Raises
    ------
    InputError
        A withheld site has no observations.
    """
    names = {name for one in job.observations for name in one.withheld_sites}
    if unknown := sorted(names - set(data.site.tolist())):
        raise InputError("a withheld site has no observations", found=", ".join(unknown),
                         need="of " + ", ".join(dict.fromkeys(data.site.tolist())))  # fmt: skip
    return np.isin(data.site, sorted(names))


def _source(one: ObservationsJob, path: Path, species: str, period: tuple[Any, Any]) -> Data:
    from ghg.core.files import is_netcdf, open_input

    station = is_netcdf(open_input(path))
    data = _station(one, path, species) if station else _table(one, path)
    known = np.isfinite(data.value) & np.isfinite(data.random) & ~np.isnat(data.time)
    inside = (data.time >= period[0]) & (data.time < period[1])
    data = data.take(known & inside & _in_hours(one, data.time))
    least = 0.0 if one.least_uncertainty is None else one.least_uncertainty
    return replace(data, random=np.maximum(data.random, least))


def _station(one: ObservationsJob, path: Path, species: str) -> Data:
    from inversion.readers.observations import average, read_observations

    units = one.units if "units" in one.model_fields_set else ""
    found = read_observations(path, species=species.lower(), site=one.station, units=units, inlet=one.inlet)
    if one.average:
        found = average(found, one.average)
    missing = ~np.isfinite(found.error)
    if missing.all() and one.least_uncertainty is None:
        raise InputError("the file states no uncertainty of the observations", where=str(path),
                         hint="give least_uncertainty with a unit, or average, so that the scatter is known",
                         )  # fmt: skip
    random = np.where(missing, one.least_uncertainty if one.least_uncertainty is not None else np.nan, found.random)
    site = np.full(found.time.size, found.site)
    none = np.zeros(site.size)
    return Data(found.time, site, found.value, random, found.systematic, found.correlated,
                none + found.correlation_time, none,
                places={found.site: found.place} if np.isfinite(found.place[:2]).all() else {})  # fmt: skip


def _table(one: ObservationsJob, path: Path) -> Data:
    from ghg.core.tables import ColumnSpec, read_table

    units: dict[str, Any] = {"unit": one.units, "quantity": "mol mol-1"}
    columns = {"time": ColumnSpec(one.time, kind="time"), "value": ColumnSpec(one.value, **units),
               "u": ColumnSpec(one.uncertainty, **units)}  # fmt: skip
    if not one.station:
        columns["site"] = ColumnSpec(one.site, kind="text")
    if one.background is not None:
        columns["background"] = ColumnSpec(one.background, **units)
    frame = read_table(path, columns, timezone=one.timezone)
    number = {c: frame[c].to_numpy(dtype=np.float64) for c in ("value", "u", "background") if c in frame}
    n = len(frame)
    site = np.full(n, one.station) if one.station else frame["site"].to_numpy(dtype=str)
    time = frame["time"].to_numpy().astype("datetime64[ns]")
    none = np.zeros(n)
    return Data(time, site, number["value"], number["u"], none, none, none, number.get("background", none))


def _in_hours(one: ObservationsJob, time: Times) -> npt.NDArray[np.bool_]:
    """Return which observations begin within the hours of the day that are wanted, in their time zone."""
    if one.hours is None or not time.size:
        return np.ones(time.size, bool)
    import pandas as pd

    from ghg.core.time import zone

    local = pd.DatetimeIndex(time, tz="UTC").tz_convert(zone(one.hours_timezone))
    hour = np.asarray(local.hour) + np.asarray(local.minute) / 60.0
    first, last = one.hours
    return (hour >= first) & (hour < last) if first <= last else (hour >= first) | (hour < last)


def _joined(parts: Sequence[Data]) -> Data:
    seen: set[tuple[str, Any]] = set()
    for part in parts:
        own = set(zip(part.site.tolist(), part.time.tolist(), strict=True))
        if len(own) < part.n or own & seen:
            twice = sorted(own & seen)[:1] or [("", None)]
            name = twice[0][0] or next(iter(part.site.tolist()))
            raise InputError("an observation of a site and time occurs twice", found=str(name),
                             hint="two files, inlets or rows give the same hour: keep one")  # fmt: skip
        seen |= own
    arrays = [np.concatenate([getattr(p, name) for p in parts]) for name in ARRAYS]
    places = {site: place for p in parts for site, place in p.places.items()}
    return Data(*arrays, left_out=sum(p.left_out for p in parts), places=places)
