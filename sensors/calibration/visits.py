"""Visits of cylinders: one row for each stay of a cylinder, with its assigned value on the scale of the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError, InputError
from sensors.calibration.records import Records, merge
from sensors.calibration.scales import convert_scale
from sensors.config.station import Cylinder, Gas, StationJob

__all__ = ["Tank", "Visits", "cylinder_visits"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tank:
    """A cylinder with one assigned value.

    Parameters
    ----------
    name : str
    role : str
        ``calibration`` or ``target``.
    value, uncertainty : float
        On the scale of the result.
    scale : str
        The scale the value was assigned on.
    """

    name: str
    role: str
    value: float
    uncertainty: float
    scale: str


@dataclass(frozen=True)
class Visits:
    """Visits of cylinders, in order of time.

    Parameters
    ----------
    tanks : tuple of Tank
    tank : int array, shape (n,)
        Points into `tanks`.
    start, end : int64, shape (n,)
        Edges of the readings used [ns].
    time : array, shape (n,)
        Middle [s since 1970].
    count, mean, sd : array, shape (n,)
        Readings used, their mean and standard deviation.
    sequence : int array, shape (n,)
        Number of the calibration sequence.
    notes : tuple of str
    """

    tanks: tuple[Tank, ...]
    tank: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    time: Array
    count: npt.NDArray[np.int64]
    mean: Array
    sd: Array
    sequence: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()

    @property
    def value(self) -> Array:
        """Assigned value of each visit."""
        return np.array([t.value for t in self.tanks])[self.tank]

    @property
    def uncertainty(self) -> Array:
        """Standard uncertainty of the assigned value of each visit."""
        return np.array([t.uncertainty for t in self.tanks])[self.tank]

    @property
    def fitted(self) -> npt.NDArray[np.bool_]:
        """Whether a visit is of a calibration cylinder."""
        return np.array([t.role == "calibration" for t in self.tanks], bool)[self.tank]

    @property
    def noise(self) -> float:
        """Standard deviation of single readings of a cylinder, pooled over the visits."""
        freedom = self.count - 1
        return float(np.sqrt((freedom * self.sd**2).sum() / max(freedom.sum(), 1)))

    def take(self, where: Any) -> Visits:
        """Return the visits chosen by a mask."""
        names = ("tank", "start", "end", "time", "count", "mean", "sd", "sequence")
        return Visits(self.tanks, *(getattr(self, n)[where] for n in names), self.notes)  # type: ignore[arg-type]


def cylinder_visits(records: Records, job: StationJob, gas: str) -> Visits:
    """Return the visits of cylinders that have a value for a gas.

    Parameters
    ----------
    records : Records
    job : StationJob
        Cylinders, their values and validity.
    gas : str

    Returns
    -------
    Visits

    Raises
    ------
    InputError, ConfigError
        A cylinder without a value, on another scale, or no visit at all.
    """
    g = records.gases.index(gas)
    ports = {i: port for i, port in enumerate(records.ports) if port in {c.port for c in job.cylinders}}
    chosen = np.isin(records.port, list(ports)) & (records.count[g] > 0)
    if not chosen.any():
        raise InputError("the records hold no reading of a cylinder", where=gas, found=", ".join(records.ports),
                         need=", ".join(c.port for c in job.cylinders) or "cylinders in the configuration",
                         hint="check the valve map or the schedule")  # fmt: skip
    part = records.take(chosen)
    _, first, group = np.unique(part.visit, return_index=True, return_inverse=True)
    k = first.size
    count, mean, m2 = merge(part.count[g], part.mean[g], part.m2[g], group, k)
    start, end = np.full(k, np.iinfo(np.int64).max), np.full(k, np.iinfo(np.int64).min)
    np.minimum.at(start, group, part.start)
    np.maximum.at(end, group, part.end)
    notes: list[str] = []
    tanks: dict[Tank, int] = {}
    tank = np.full(k, -1, np.int64)
    for i in range(k):
        cylinder = _hanging(job, ports[int(part.port[first[i]])], int(start[i]))
        if cylinder is None or gas not in cylinder.values:
            continue
        one = _tank(cylinder, gas, job.gases[gas], float(part.assigned[g, first[i]]))
        tank[i] = tanks.setdefault(one, len(tanks))
    for port in sorted({ports[int(part.port[first[i]])] for i in np.flatnonzero(tank < 0)}):
        lost = np.array([ports[int(part.port[first[i]])] == port for i in range(k)]) & (tank < 0)
        day = str(start[lost].min().astype("datetime64[ns]"))[:10]
        notes.append(f"{int(lost.sum())} visits of port {port} from {day} on not used for {gas}: no cylinder with a "
                     "value was valid")  # fmt: skip
    few = (tank >= 0) & (count < job.calibration.least_readings)
    if few.any():
        notes.append(f"{int(few.sum())} visits of cylinders with fewer than {job.calibration.least_readings} readings "
                     f"of {gas} not used")  # fmt: skip
    use = np.flatnonzero((tank >= 0) & ~few)
    if not use.size:
        raise InputError(f"no visit of a cylinder can be used for {gas}", found="; ".join(notes),
                         hint="check valid_from and valid_to of the cylinders")  # fmt: skip
    use = use[np.argsort(start[use], kind="stable")]
    start, end = start[use], end[use]
    gaps = np.concatenate([[False], start[1:] - np.maximum.accumulate(end)[:-1] > job.calibration.sequence * 1e9])
    sd = np.sqrt(m2[use] / np.maximum(count[use] - 1, 1))
    names = _distinct(list(tanks))
    return Visits(names, tank[use], start, end, (start + (end - start) // 2) / 1e9, count[use], mean[use], sd,
                  np.cumsum(gaps), tuple(notes))  # fmt: skip


def _hanging(job: StationJob, port: str, start: int) -> Cylinder | None:
    """Return the cylinder that hung on a port at a time."""
    for cylinder in job.cylinders:
        begins = -np.inf if cylinder.valid_from is None else np.datetime64(cylinder.valid_from, "ns").astype(np.int64)
        ends = np.inf if cylinder.valid_to is None else np.datetime64(cylinder.valid_to, "ns").astype(np.int64)
        if cylinder.port == port and begins <= start < ends:
            return cylinder
    return None


def _tank(cylinder: Cylinder, gas: str, wanted: Gas, written: float) -> Tank:
    """Return the cylinder with its value on the scale of the result; the record's own value where none is stated."""
    assigned = cylinder.values[gas]
    value = assigned.value if assigned.value is not None else written
    where = f"cylinder {cylinder.name}, values.{gas}"
    if not np.isfinite(value):
        raise ConfigError("the cylinder has no value", where=where, need="value",
                          hint="only NEON records carry the assigned values")  # fmt: skip
    u = assigned.uncertainty
    if assigned.scale != wanted.scale:
        if not wanted.convert:
            raise ConfigError("cylinders of two scales are mixed", where=where, found=assigned.scale, need=wanted.scale,
                              hint=f"set gases.{gas}.convert = true to convert it")  # fmt: skip
        value, u = (float(v) for v in convert_scale(value, gas, assigned.scale, wanted.scale, u))
    return Tank(cylinder.name, cylinder.role, float(value), u, assigned.scale)


def _distinct(tanks: list[Tank]) -> tuple[Tank, ...]:
    """Name the second and later values of a cylinder apart."""
    seen: dict[str, int] = {}
    result = []
    for tank in tanks:
        seen[tank.name] = seen.get(tank.name, 0) + 1
        name = tank.name if seen[tank.name] == 1 else f"{tank.name}#{seen[tank.name]}"
        result.append(Tank(name, tank.role, tank.value, tank.uncertainty, tank.scale))
    return tuple(result)
