"""The record of one unit as the screening takes it, and which channel follows which."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["LOADS", "RELATIONS", "Relation", "Unit", "channels_of", "only_screened", "units_of"]

Array = npt.NDArray[np.float64]
YEAR = 8766.0  # hours
HOUR = np.timedelta64(1, "h")
LOADS = ("gross_load", "steam_load")
KNOWN = (*LOADS, "heat_input", "flow", "velocity", "emission", "concentration", "co2", "o2", "h2o", "temperature",
         "pressure")  # fmt: skip


@dataclass(frozen=True)
class Relation:
    """One channel that follows another.

    Parameters
    ----------
    x, y : str
        Names; `y` follows `x`.
    curve : bool
        By a curve; otherwise in proportion.
    """

    x: str
    y: str
    curve: bool


RELATIONS = (
    Relation("gross_load", "heat_input", True),
    Relation("steam_load", "heat_input", True),
    Relation("gross_load", "flow", True),
    Relation("steam_load", "flow", True),
    Relation("heat_input", "emission", False),
    Relation("gross_load", "emission", True),
    Relation("steam_load", "emission", True),
    Relation("oxygen_deficit", "co2", False),
    Relation("normal_velocity", "flow", False),
)
AUXILIARY = ("oxygen_deficit", "normal_velocity")  # made from other channels: partners only


@dataclass(frozen=True)
class Unit:
    """The record of one unit, interval by interval.

    Parameters
    ----------
    name : str
        Label.
    start : datetime64
        Start of the first interval (UTC).
    on : uint8 (n,)
        Intervals of full operation.
    channels : dict of float64 (n,)
        Those of `KNOWN` that there are, NaN where missing. Units are free: only ratios count, except for temperature
        [K], pressure [Pa] and co2, o2, h2o [percent].
    step : timedelta64
        Length of an interval.
    stamps : int64 (m,), optional
        Time stamps in the order in which they were recorded, in seconds.
    line : pair of float, optional
        CO2 at no oxygen [percent, dry] of the fuels that may be burnt, lowest and highest: 100 Fc/Fd.
    limits : dict of float
        Limit of a channel, for example the emission limit value of a concentration.
    changes : tuple of int
        Intervals in which a parameter was changed.
    """

    name: str
    start: np.datetime64
    on: npt.NDArray[np.uint8]
    channels: dict[str, Array]
    step: np.timedelta64 = HOUR
    stamps: npt.NDArray[np.int64] | None = None
    line: tuple[float, float] | None = None
    limits: dict[str, float] = field(default_factory=dict)
    changes: tuple[int, ...] = ()

    @cached_property
    def years(self) -> float:
        """Length of the record in years."""
        return self.on.size * float(self.step / HOUR) / YEAR

    @cached_property
    def hourly(self) -> bool:
        """Whether the intervals are hours."""
        return bool(self.step == HOUR)

    def time(self, interval: float) -> np.datetime64:
        """Return the start of an interval."""
        first, seconds = self._clock
        return np.datetime64(first + int(interval) * seconds, "s")

    @cached_property
    def _clock(self) -> tuple[int, int]:
        return int(self.start.astype("datetime64[s]").astype(np.int64)), int(self.step / np.timedelta64(1, "s"))

    def load(self) -> str | None:
        """Return the name of the load."""
        return next((n for n in LOADS if n in self.channels), None)


def channels_of(ds: xr.Dataset) -> list[str]:
    """Return the channels of a Dataset that the screening knows and that hold a value."""
    return [n for n in KNOWN if n in ds and np.isfinite(ds.variables[n].values).any()]


def only_screened(ds: xr.Dataset) -> xr.Dataset:
    """Return what the screening looks at of a Dataset."""
    wanted = {"operating_time", "time_bounds", *(n + part for n in KNOWN for part in ("", "_reason", "_method"))}
    left = [name for name in ds.variables if name not in wanted | {"source", "time"}]
    return ds.drop_vars(left)


def units_of(
    ds: xr.Dataset, *, line: tuple[float, float] | None = None, limits: dict[str, float] | None = None,
    changes: dict[str, list[np.datetime64]] | None = None, apart: bool = False,
) -> list[Unit]:  # fmt: skip
    """Return the units of a Dataset with the channels that the screening knows.

    Parameters
    ----------
    ds : Dataset
        dims (source, time) with ``time_bounds``.
    line, limits
        See :class:`Unit`; limits in the units of the Dataset.
    changes : dict
        Times (UTC) of changed parameters by source.
    apart : bool
        These are some of many sources, so that fewer channels will do.

    Raises
    ------
    InputError
        Fewer than two channels, intervals of unequal length or shorter than an hour, or a change of an unknown source.
    """
    bounds = ds["time_bounds"].values.astype("datetime64[s]")
    step = _step(bounds)
    names = channels_of(ds)
    if len(names) < 2 and not apart:
        raise InputError("the records hold no two channels that follow each other", found=", ".join(names) or "none",
                         need="for example gross_load and heat_input or emission")  # fmt: skip
    sources = [str(s) for s in ds["source"].values]
    if unknown := sorted(set(changes or ()) - set(sources)):
        raise InputError("a changed parameter belongs to no source of the records", where="change",
                         found=", ".join(unknown), need=f"one of {', '.join(sources[:10])}")  # fmt: skip
    grid, place = _grid(bounds[:, 0], step)
    units = []
    for i, label in enumerate(sources):
        one = ds.isel(source=i)
        channels = {n: _on_grid(one[n].values, grid, place) for n in names}
        channels = {n: v for n, v in channels.items() if (v > 0.0 if n in LOADS else np.isfinite(v)).any()}
        _drop_substituted(one, channels, grid, place)
        share = _on_grid(one["operating_time"].values, grid, place) if "operating_time" in ds else np.ones(grid)
        load = next((channels[n] for n in LOADS if n in channels), None)
        on = (share >= 1.0 - 1e-9) & (True if load is None else load > 0.0)
        _derive(channels, ds)
        when = tuple(int((t - bounds[0, 0]) // step) for t in (changes or {}).get(label, ()))
        units.append(Unit(label, bounds[0, 0], on.astype(np.uint8), channels, step, bounds[:, 0].astype(np.int64),
                          line, dict(limits or {}), when))  # fmt: skip
    return units


def _step(bounds: Any) -> np.timedelta64:
    lengths = np.unique(np.diff(bounds, axis=1))
    if lengths.size != 1:
        raise InputError("the screening needs intervals of one length", found=f"{lengths.size} lengths",
                         need="hours or days")  # fmt: skip
    if lengths[0] < HOUR:
        raise InputError("the laws of the screening are those of hourly records", found=f"intervals of {lengths[0]}",
                         need="hours or days", hint="read the hourly means")  # fmt: skip
    return lengths[0]


def _grid(starts: Any, step: np.timedelta64) -> tuple[int, npt.NDArray[np.int64]]:
    """Return the number of intervals from first to last, and where each record belongs among them."""
    place = ((starts - starts.min()) // step).astype(np.int64)
    return int(place.max()) + 1, place


def _on_grid(values: Any, grid: int, place: npt.NDArray[np.int64]) -> Array:
    if grid == len(values):
        return np.ascontiguousarray(values, np.float64)
    full = np.full(grid, np.nan)
    full[place] = values
    return full


def _drop_substituted(one: xr.Dataset, channels: dict[str, Array], grid: int, place: npt.NDArray[np.int64]) -> None:
    """Take out what was filled by rule: it repeats and jumps by right."""
    from ghg.core.flags import Method, Reason

    for name in channels:
        filled = np.zeros(len(place), bool)
        if f"{name}_reason" in one:
            filled |= (one[f"{name}_reason"].values & int(Reason.SUBSTITUTED)) != 0
        if f"{name}_method" in one:
            filled |= one[f"{name}_method"].values == int(Method.SUBSTITUTE)
        if filled.any():
            channels[name] = np.where(_on_grid(filled.astype(float), grid, place) > 0.0, np.nan, channels[name])


def _derive(channels: dict[str, Array], ds: xr.Dataset) -> None:
    """Add what CO2 and flow follow by physics: the oxygen used up, and the velocity brought to the normal state."""
    from sensors.stack.part75 import AIR_O2

    same = "co2" in channels and "o2" in channels and ds["co2"].attrs.get("humidity") == ds["o2"].attrs.get("humidity")
    if same:
        air = AIR_O2
        if ds["o2"].attrs.get("humidity") == "wet":
            if "h2o" not in channels:
                return
            air = AIR_O2 * (1.0 - channels["h2o"] / 100.0)
        channels["oxygen_deficit"] = air - channels["o2"]
    if {"velocity", "flow", "temperature", "pressure"} <= set(channels):
        ratio = channels["pressure"] / channels["temperature"]
        dry = ds["flow"].attrs.get("reference_state", ds["flow"].attrs.get("humidity")) == "dry"
        if dry and "h2o" in channels:
            ratio = ratio * (1.0 - channels["h2o"] / 100.0)
        channels["normal_velocity"] = channels["velocity"] * ratio
