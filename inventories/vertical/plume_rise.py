"""Final rise of the plume of a stack after Briggs, as the dispersion models of EPA take it.

References
----------
EPA (1995), User's Guide for the Industrial Source Complex (ISC3) Dispersion Models, vol 2, EPA-454/B-95-003b, section
1.1.4; after Briggs G. A. (1969), Plume Rise, and (1975).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["effective_height", "plume_rise"]

Array = npt.NDArray[np.float64]
GRAVITY = 9.80616  # m s-2, at 45 degrees; ISC3
CALM = 1.0  # m s-1: ISC3 takes no smaller wind


def plume_rise(
    diameter: npt.ArrayLike, velocity: npt.ArrayLike, temperature: npt.ArrayLike, *, wind: npt.ArrayLike,
    air_temperature: npt.ArrayLike, gradient: npt.ArrayLike = 0.0,
) -> Array:  # fmt: skip
    """Return the final rise of plumes above the tops of their stacks.

    Parameters
    ----------
    diameter, velocity, temperature : array
        Inner diameter of the stack [m], speed [m s-1] and temperature [K] of the gas that leaves it.
    wind, air_temperature : array
        Wind [m s-1] and temperature [K] of the air at the top of the stack; a wind below 1 m s-1 is taken as 1.
    gradient : array
        Gradient of the potential temperature [K m-1]: above 0 the air is stable (0.020 in class E, 0.035 in F), else
        neutral or unstable.

    Returns
    -------
    array
        Rise [m]: by buoyancy where the gas is warmer than the air by more than ISC3's crossover, else by momentum; NaN
        where something is missing.

    Raises
    ------
    InputError
        A diameter, speed or temperature is not positive, or a wind negative.
    """
    d, v, ts, u, ta, slope = np.broadcast_arrays(
        *(np.asarray(x, np.float64) for x in (diameter, velocity, temperature, wind, air_temperature, gradient))
    )
    for name, values, least in (("diameter", d, 0.0), ("velocity", v, 0.0), ("temperature", ts, 100.0),
                                ("air_temperature", ta, 100.0)):  # fmt: skip
        if (values <= least).any():
            raise InputError(f"the {name.replace('_', ' ')} of a stack is out of range",
                             found=f"{values[values <= least].min():g}", need=f"above {least:g}")  # fmt: skip
    if (u < 0).any():
        raise InputError("a wind is negative", found=f"{u.min():g} m s-1")
    u = np.maximum(u, CALM)
    buoyancy = GRAVITY * v * d**2 * np.maximum(ts - ta, 0.0) / (4.0 * ts)  # m4 s-3
    momentum = v**2 * d**2 * ta / (4.0 * ts)  # m4 s-2
    rise = np.where(slope > 0.0, _stable((d, v, ts, u, ta), buoyancy, momentum, np.maximum(slope, 1e-12)),
                    _unstable((d, v, ts, u, ta), buoyancy))  # fmt: skip
    # a comparison with NaN is false: without this it would choose a branch that does not need what is missing
    return np.where(np.isnan(ts + ta + slope), np.nan, rise)


def _unstable(stack: tuple[Array, ...], buoyancy: Array) -> Array:
    d, v, ts, u, ta = stack
    small = buoyancy < 55.0
    crossover = np.where(small, 0.0297 * ts * np.cbrt(v / d**2), 0.00575 * ts * np.cbrt(v**2 / d))
    by_buoyancy = np.where(small, 21.425 * buoyancy**0.75, 38.71 * buoyancy**0.6) / u
    return np.where(ts - ta >= crossover, by_buoyancy, 3.0 * d * v / u)


def _stable(stack: tuple[Array, ...], buoyancy: Array, momentum: Array, slope: Array) -> Array:
    d, v, ts, u, ta = stack
    s = GRAVITY * slope / ta  # s-2
    crossover = 0.019582 * ts * v * np.sqrt(s)
    by_buoyancy = 2.6 * np.cbrt(buoyancy / (u * s))
    by_momentum = np.minimum(1.5 * np.cbrt(momentum / (u * np.sqrt(s))), 3.0 * d * v / u)
    return np.where(ts - ta >= crossover, by_buoyancy, by_momentum)


def effective_height(
    height: npt.ArrayLike, diameter: npt.ArrayLike, velocity: npt.ArrayLike, temperature: npt.ArrayLike, *,
    wind: npt.ArrayLike, air_temperature: npt.ArrayLike, gradient: npt.ArrayLike = 0.0,
) -> Array:  # fmt: skip
    """Return the height at which plumes come to rest [m]: the stack [m] and the rise, see :func:`plume_rise`."""
    rise = plume_rise(diameter, velocity, temperature, wind=wind, air_temperature=air_temperature, gradient=gradient)
    return np.asarray(height, np.float64) + rise
