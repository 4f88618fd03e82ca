"""A tamper simulator: genuine records, changed as records have been changed, with the truth kept.

The kinds follow what supervisors reported: a factor or an offset in the software, air led into the probe, a ceiling, a
frozen value, weeks copied, another channel's signal in the place of the true one, a smoothed or an invented record, a
clock moved. After the change a channel is rounded to the resolution it had, since a forger's software does that too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from sensors.integrity._kernels.patterns import resolution
from sensors.integrity.units import LOADS, Unit

__all__ = ["KINDS", "Attack", "tamper"]

Array = npt.NDArray[np.float64]
AIR_O2 = 20.9  # percent, dry


@dataclass(frozen=True)
class Attack:
    """What is done to a record.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    channels : tuple of str
        Channels that are changed. Those measured by one instrument go together: a wrong flow changes heat input and
        emission alike.
    strength : float
        What it means depends on the kind: see the functions of this module.
    start, length : int
        First interval, and number of intervals (to the end of the record if 0).
    """

    kind: str
    channels: tuple[str, ...]
    strength: float
    start: int
    length: int = 0


def tamper(unit: Unit, attack: Attack, *, seed: int = 0) -> Unit:
    """Return the unit with its record changed; the original stays as it is.

    Parameters
    ----------
    unit : Unit
        A genuine record.
    attack : Attack
        What is done.
    seed : int
        For kinds that invent values.

    Raises
    ------
    InputError
        An unknown kind or channel, or a window outside the record.
    """
    n = unit.on.size
    stop = n if attack.length == 0 else attack.start + attack.length
    if attack.kind not in KINDS:
        raise InputError("the kind of attack is not known", found=attack.kind, need=", ".join(KINDS))
    if not 0 <= attack.start < stop <= n:
        raise InputError("the attack lies outside the record", found=f"{attack.start} to {stop}", need=f"0 to {n}")
    missing = [c for c in attack.channels if c not in unit.channels]
    if missing or not attack.channels:
        raise InputError("the record has no such channel", found=", ".join(missing) or "none",
                         need=", ".join(unit.channels))  # fmt: skip
    rng = np.random.default_rng(seed)
    window = slice(attack.start, stop)
    channels = dict(unit.channels)
    for name in attack.channels:
        channels[name] = _changed(unit, name, window, attack, rng)
    return replace(unit, channels=channels)


def _changed(unit: Unit, name: str, window: slice, attack: Attack, rng: np.random.Generator) -> Array:
    """Return the channel with its window changed and rounded to the steps in which the channel stands."""
    old = unit.channels[name]
    running = old[(unit.on == 1) & np.isfinite(old)]
    if running.size == 0:
        return old.copy()
    step, origin = resolution(running, running.size), running[0]
    new = KINDS[attack.kind](unit, name, window, attack.strength, rng)
    result = old.copy()
    moved = np.isfinite(new) & np.isfinite(old[window]) & (new != old[window])
    result[window] = np.where(moved, origin + np.round((new - origin) / step) * step, old[window])
    return result


def _scale(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Multiply by 1 + strength."""
    return unit.channels[name][window] * (1.0 + strength)


def _offset(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Add strength times the median of the channel in operation."""
    running = unit.channels[name][unit.on == 1]
    return np.maximum(0.0, unit.channels[name][window] + strength * float(np.nanmedian(running)))


def _drift(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Multiply by a factor that grows evenly from 1 to 1 + strength."""
    y = unit.channels[name][window]
    return y * np.linspace(1.0, 1.0 + strength, y.size)


def _dilution(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Lead a share `strength` of air into the sample: CO2 falls, and the oxygen deficit with it."""
    return unit.channels[name][window] * (1.0 - strength)


def _ceiling(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Cut at the quantile 1 - strength of the channel in operation."""
    running = unit.channels[name][unit.on == 1]
    return np.minimum(unit.channels[name][window], float(np.nanquantile(running, 1.0 - strength)))


def _freeze(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Hold the first value in operation as long as the unit runs."""
    y, on = unit.channels[name][window], unit.on[window] == 1
    first = y[on][0] if on.any() else np.nan
    return np.where(on, first, y)


def _earlier(unit: Unit, window: slice) -> slice:
    length = window.stop - window.start
    if window.start < length:
        raise InputError("there is no earlier stretch of that length to copy", found=f"starts at {window.start}")
    best, place = -1, 0
    wanted = unit.on[window]
    for begin in range(0, window.start - length + 1, 24):  # the earlier days that ran at the same hours
        same = int(np.sum((unit.on[begin : begin + length] == 1) & (wanted == 1)))
        if same > best:
            best, place = same, begin
    return slice(place, place + length)


def _copy(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Put an earlier stretch in place of the window, where the unit ran in both."""
    source = _earlier(unit, window)
    both = (unit.on[source] == 1) & (unit.on[window] == 1)
    return np.where(both, unit.channels[name][source], unit.channels[name][window])


def _scaled_copy(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Put an earlier stretch times 1 + strength in place of the window."""
    source = _earlier(unit, window)
    both = (unit.on[source] == 1) & (unit.on[window] == 1)
    return np.where(both, unit.channels[name][source] * (1.0 + strength), unit.channels[name][window])


def _substitute(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Put the load, scaled to the channel's own mean and spread, in its place."""
    load = next(unit.channels[n] for n in LOADS if n in unit.channels)
    y, on = unit.channels[name], unit.on == 1
    slope = float(np.nanstd(y[on]) / max(float(np.nanstd(load[on])), 1e-9))
    line = float(np.nanmean(y[on])) + slope * (load - float(np.nanmean(load[on])))
    return np.where(on, line, y)[window]


def _smooth(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Put the mean of the neighbouring hours (`strength`, an odd number) in place of each value of a steady run."""
    y, on = unit.channels[name], unit.on == 1
    half = int(strength) // 2
    load = next(unit.channels[n] for n in LOADS if n in unit.channels)
    rate = y / np.where(on & (load > 0.0), load, np.nan)
    padded = np.pad(rate, half, constant_values=np.nan)
    stacked = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    total, count = np.nansum(stacked, axis=1), np.sum(~np.isnan(stacked), axis=1)
    mean = total / np.maximum(count, 1)
    return np.where(on & (count > 0), mean * load, y)[window]


def _invent(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Write load times the usual rate, with white noise of relative size `strength`."""
    y, on = unit.channels[name], unit.on == 1
    load = next(unit.channels[n] for n in LOADS if n in unit.channels)
    usable = on & (load > 0.0) & (y > 0.0)
    line = np.polynomial.Polynomial.fit(load[usable], y[usable], 2)
    made = line(load) * (1.0 + strength * rng.standard_normal(y.size))
    return np.where(on, made, y)[window]


def _shift(unit: Unit, name: str, window: slice, strength: float, rng: np.random.Generator) -> Array:
    """Move the clock by `strength` intervals."""
    return np.roll(unit.channels[name], int(strength))[window]


KINDS: dict[str, Callable[[Unit, str, slice, float, np.random.Generator], Array]] = {
    "scale": _scale,
    "offset": _offset,
    "drift": _drift,
    "dilution": _dilution,
    "ceiling": _ceiling,
    "freeze": _freeze,
    "copy": _copy,
    "scaled_copy": _scaled_copy,
    "substitute": _substitute,
    "smooth": _smooth,
    "invent": _invent,
    "shift": _shift,
}
