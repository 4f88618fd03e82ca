"""The noise of the response, learnt from the record: what kinds there are, how large they are, how well that is known.

Visits of cylinders see white noise of the visit (repeatability), a process of about a day, flicker noise as the sum of
first-order processes of equal variance whose time constants are a factor of five apart (a long row of them follows 1/f
within 2 percent), and random walks of level and slope.
Without flicker noise visits of one sequence, which share it, would count as independent, and means over a long time be
called better than they are. A record of ten days tells a variance to some 30 percent only: what a mean over the record
is worth is therefore averaged over the posterior of the parameters, not taken at its peak.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sensors.calibration.visits import Visits

__all__ = ["STATES", "Learnt", "Readings", "gains", "learn", "processes", "readings"]

Array = npt.NDArray[np.float64]
PRIOR = 1e4  # squared multiples of the spread of d: a start that knows nothing
FLICKER = (1800.0, 9000.0, 45000.0)  # [s] time constants of processes of equal variance
STATES = 4 + len(FLICKER)  # of the response
DRAWS = 64  # of the parameters from their posterior
WIDER = 1.2  # than the normal approximation are the draws, so that its tails are reached
MANY = 1000  # visits from which on variances are known well enough
STEP = 0.3  # of the logarithms, for second derivatives


@dataclass(frozen=True)
class Readings:
    """Visits as the kernel needs them.

    Parameters
    ----------
    time, d, white : array, shape (n,)
        Time [s], assigned minus read, variance of the mean of the readings.
    h : array, shape (n, 3)
        (1, z, z^2).
    tank : int64 array, shape (n,)
    prior : array, shape (7 + tanks,)
        Variances at the start; those of the processes are set later.
    m : int
        Degree and two: states of the response in use.
    """

    time: Array
    d: Array
    white: Array
    h: Array
    tank: npt.NDArray[np.int64]
    prior: Array
    m: int


def readings(visits: Visits, degree: int, frame: tuple[float, float]) -> Readings:
    """Return visits as the kernel needs them; `frame` is centre and scale of z."""
    centre, scale = frame
    z = (visits.mean - centre) / scale
    d = visits.value - visits.mean
    h = np.stack([np.ones_like(z), z, z * z], axis=1)
    spread = max(float(np.ptp(d)), float(np.abs(d).max()), 1e-6) ** 2
    prior = np.zeros(STATES + len(visits.tanks))
    prior[: degree + 1] = PRIOR * spread
    prior[STATES:] = np.square([tank.uncertainty for tank in visits.tanks])
    return Readings(visits.time, d, visits.noise**2 / visits.count, h, visits.tank.astype(np.int64), prior, degree + 2)


def processes(noise: dict[str, float]) -> tuple[Array, Array]:
    """Return time constants and variances of what comes and goes: one of about a day, and flicker noise."""
    tau = np.array([noise["day_time"], *FLICKER])
    return tau, np.array([noise["day"] ** 2, *[noise["flicker"] ** 2] * len(FLICKER)])


def gains(
    time: Array, learnt: dict[str, float], services: Array, jumps: tuple[tuple[float, float, float], ...], prior: Array
) -> tuple[Array, Array]:
    """Return the variance that level and slope gain on the way to each time: walk, services, jumps.

    A jump that is not stated may have come at any time between two visits: as a random walk over that time, of the
    variance of its size, it has the mean and the variance of a step at an unknown time.
    """
    step = np.diff(time, prepend=time[0])
    level, slope = (step * learnt[name] ** 2 / 86400.0 for name in ("level_per_day", "slope_per_day"))
    for service in services:
        i = int(np.searchsorted(time, service))
        if 0 < i < time.size:
            level[i] += prior[0]
            slope[i] += prior[1]
    for before, after, size in jumps:
        inside = np.clip(time, before, after)
        level += np.diff(inside, prepend=inside[0]) / (after - before) * size**2
    return level, slope


@dataclass(frozen=True)
class Learnt:
    """What was learnt about the noise.

    Parameters
    ----------
    parameters : dict
        ``repeatability`` (of visits), ``day`` and ``day_time`` (standard deviation and time constant [s] of what
        comes and goes), ``flicker`` (standard deviation of flicker noise in a factor of five of time),
        ``level_per_day`` and ``slope_per_day`` (random walks).
    draws : tuple of (float, dict)
        Weight and parameters of draws from their posterior; empty where the record is long enough to know them.
    """

    parameters: dict[str, float]
    draws: tuple[tuple[float, dict[str, float]], ...] = ()


def learn(r: Readings, services: Array, jumps: tuple[tuple[float, float, float], ...] = ()) -> Learnt:
    """Learn the noise of the response from the record by penalised maximum likelihood.

    Parameters
    ----------
    r : Readings
    services, jumps :
        Times at which the response may become another one, and steps found.

    Returns
    -------
    Learnt
        A weak penalty (a factor of about e^2 either way) keeps what a short record cannot tell near the spread of the
        record.
    """
    from scipy.optimize import minimize

    spread, days = _spread(r), max((r.time[-1] - r.time[0]) / 86400.0, 1.0)
    middle = np.log([0.3 * spread, 0.7 * spread, 86400.0, 0.1 * spread, 0.3 * spread / np.sqrt(days),
                     0.1 * spread / np.sqrt(days)])  # fmt: skip
    width = np.array([1.5, 1.5, 1.0, 2.0, 2.0, 2.0])
    loss = _loss(r, services, jumps, middle, width)
    best: Any = minimize(loss, middle, method="Nelder-Mead",
                         options={"xatol": 1e-3, "fatol": 1e-4, "maxiter": 2000})  # fmt: skip
    draws = () if r.d.size > MANY else _draws(loss, best.x, float(width.max()))
    return Learnt(_named(best.x), draws)


def _named(theta: Array) -> dict[str, float]:
    noise, day, day_time, flicker, level, slope = np.exp(np.clip(theta, -40.0, 40.0)).tolist()
    return {"repeatability": noise, "day": day, "day_time": max(day_time, 600.0), "flicker": flicker,
            "level_per_day": level, "slope_per_day": slope}  # fmt: skip


def _loss(
    r: Readings, services: Array, jumps: tuple[tuple[float, float, float], ...], middle: Array, width: Array
) -> Callable[[Array], float]:
    """Return the negative log of the posterior of the logarithms of the parameters."""
    from sensors.calibration._kernels import smoother

    level0, slope0 = gains(r.time, {"level_per_day": 0.0, "slope_per_day": 0.0}, services, jumps, r.prior)
    step = np.diff(r.time, prepend=r.time[0]) / 86400.0
    h = np.ascontiguousarray(r.h)

    def loss(theta: Array) -> float:
        one = _named(theta)
        tau, power = processes(one)
        start = r.prior.copy()
        start[3:STATES] = power
        value = smoother.log_likelihood(
            r.time, h, r.tank, r.d, r.white + one["repeatability"] ** 2, r.m, tau, power,
            level0 + one["level_per_day"] ** 2 * step, slope0 + one["slope_per_day"] ** 2 * step, start)  # fmt: skip
        return -value + 0.5 * float((((theta - middle) / width) ** 2).sum())

    return loss


def _draws(loss: Callable[[Array], float], peak: Array, widest: float) -> tuple[tuple[float, dict[str, float]], ...]:
    """Return draws from the posterior by importance sampling about its normal approximation; seed fixed."""
    unit, n = STEP * np.eye(peak.size), peak.size
    low = loss(peak)
    up, down = (np.array([loss(peak + sign * e) for e in unit]) for sign in (1.0, -1.0))
    curve = np.diag((up - 2.0 * low + down) / STEP**2)
    for i in range(n):
        for j in range(i):
            both = loss(peak + unit[i] + unit[j]) + loss(peak - unit[i] - unit[j])
            curve[i, j] = curve[j, i] = (both - up[i] - up[j] + 2.0 * low - down[i] - down[j]) / (2.0 * STEP**2)
    values, axes = np.linalg.eigh(curve)
    root = axes / np.sqrt(np.maximum(values, widest**-2))
    normal = WIDER * np.random.default_rng(0).standard_normal((DRAWS, n))
    theta = peak + normal @ root.T
    log = np.array([low - loss(one) for one in theta]) + 0.5 * np.square(normal / WIDER).sum(axis=1)
    weight = np.exp(log - log.max())
    return tuple((float(w), _named(one)) for w, one in zip(weight / weight.sum(), theta, strict=True))


def _spread(r: Readings) -> float:
    """Return the robust spread of what is not common to all visits of a cylinder."""
    count = np.bincount(r.tank)
    if r.d.size - (count > 0).sum() >= 3:
        rest = r.d - (np.bincount(r.tank, r.d) / np.maximum(count, 1))[r.tank]
        rest = rest[count[r.tank] > 1]
    else:
        basis = r.h[:, : r.m - 1]
        rest = r.d - basis @ np.linalg.lstsq(basis, r.d, rcond=None)[0]
    return max(1.4826 * float(np.median(np.abs(rest))), float(np.sqrt(r.white.mean())), 1e-9)
