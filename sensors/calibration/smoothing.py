"""The response by a Kalman smoother that learns its noise from the record.

The error of each assigned value is a state of its own, a constant known to its stated uncertainty: without it the
lasting disagreement of the cylinders would be taken for noise of their visits, and stated twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sensors.calibration.response import Response, cylinder_covariance
from sensors.calibration.visits import Visits

__all__ = ["find_jumps", "learn", "smoothed"]

Array = npt.NDArray[np.float64]
PRIOR = 1e4  # squared multiples of the spread of d: a start that knows nothing
JUMP = 6.0  # robust standard deviations of the change from one sequence to the next that make a jump
STAYS = 3  # sequences on either side that must show it
FEWEST = 8  # sequences below which no jump is looked for
EARLIER = 1e-3  # [s] before a service the response is still the old one


@dataclass(frozen=True)
class _Readings:
    """Visits as the kernel needs them.

    Parameters
    ----------
    time, d, white : array, shape (n,)
        Time [s], assigned minus read, variance of the mean of the readings.
    h : array, shape (n, 4)
        (1, 1, z, z^2).
    tank : int64 array, shape (n,)
    prior : array, shape (4 + tanks,)
        Variances at the start; that of the day process is set later.
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


def _readings(visits: Visits, degree: int, frame: tuple[float, float]) -> _Readings:
    centre, scale = frame
    z = (visits.mean - centre) / scale
    d = visits.value - visits.mean
    h = np.stack([np.ones_like(z), np.ones_like(z), z, z * z], axis=1)
    spread = max(float(np.ptp(d)), float(np.abs(d).max()), 1e-6) ** 2
    prior = np.zeros(4 + len(visits.tanks))
    prior[[0, 2, 3][: degree + 1]] = PRIOR * spread
    prior[4:] = np.square([tank.uncertainty for tank in visits.tanks])
    return _Readings(visits.time, d, visits.noise**2 / visits.count, h, visits.tank.astype(np.int64), prior, degree + 2)


def smoothed(
    visits: Visits, degree: int, nodes: Array, frame: tuple[float, float], services: Array,
    learnt: dict[str, float] | None,
) -> Response:  # fmt: skip
    """Return the response at `nodes` and at the visits.

    Parameters
    ----------
    visits : Visits
        Of calibration cylinders.
    degree : int
    nodes : array
        Times [s].
    frame : (float, float)
        Centre and scale of z.
    services : array
        Times [s] at which the response may have become another one.
    learnt : dict, optional
        As :func:`learn` returns it.
    """
    from sensors.calibration._kernels import smoother

    r = _readings(visits, degree, frame)
    jumps = find_jumps(visits, services)
    learnt = learnt or learn(r, services, jumps)
    t = np.concatenate([visits.time, nodes, services - EARLIER, services])
    order = np.argsort(t, kind="stable")
    n, k = t.size, visits.time.size
    time = t[order]
    seen = (order < k).astype(np.bool_)
    at = np.where(seen, order, 0)
    right = np.zeros((k, 1 + len(visits.tanks)))
    right[:, 0] = r.d
    right[np.arange(k), 1 + visits.tank] = 1.0
    var = r.white + learnt["repeatability"] ** 2
    prior = r.prior.copy()
    prior[1] = learnt["day"] ** 2
    noise = (learnt["day_time"], learnt["day"] ** 2, *_gains(time, learnt, services, jumps, r.prior))
    coef, cov, share = np.empty((n, 3, right.shape[1])), np.empty((n, 6)), np.empty(n)
    smoother.smooth(time, seen, r.h[at], r.tank[at], right[at], var[at], *noise, prior, coef, cov, share)
    weight = np.where(order >= k, 1.0 / max(n - k, 1), 0.0)
    total = smoother.mean_variance(time, seen, r.h[at], r.tank[at], var[at], *noise, prior, weight, 0.0)
    keep = np.flatnonzero(np.concatenate([np.diff(time) > 0, [True]]))  # one node for each time
    sensitivity = np.ascontiguousarray(coef[keep][:, :, 1:])
    uncertainty = np.array([tank.uncertainty for tank in visits.tanks])
    tank = cylinder_covariance(sensitivity, uncertainty)
    rest, share = _without(cov[keep], tank), share[keep, None]
    mean = float(np.square((weight @ coef[:, 0, 1:]) * uncertainty).sum())
    level = float((weight[keep] @ rest[:, 0]) / max(weight[keep].sum(), 1e-30))
    length = time[-1] - time[0]
    tau = 0.5 * length * min(max(total - mean, 0.0) / level, 1.0) if level > 0 else float("nan")
    return Response(
        time[keep], np.ascontiguousarray(coef[keep][:, :, 0]), sensitivity, share * rest, (1.0 - share) * rest, tank,
        frame[0], frame[1], learnt["repeatability"], visits.noise, learnt, tau, jumps,
    )  # fmt: skip


def _without(cov: Array, tank: Array) -> Array:
    """Return the covariance less the part of the cylinders; its variances are not below zero."""
    rest = cov - tank
    for i in (0, 2, 5):
        np.maximum(rest[:, i], 0.0, out=rest[:, i])
    for i, a, b in ((1, 0, 2), (3, 0, 5), (4, 2, 5)):
        most = np.sqrt(rest[:, a] * rest[:, b])
        rest[:, i] = np.clip(rest[:, i], -most, most)
    return rest


def _gains(
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
            slope[i] += prior[2]
    for before, after, size in jumps:
        inside = np.clip(time, before, after)
        level += np.diff(inside, prepend=inside[0]) / (after - before) * size**2
    return level, slope


def find_jumps(visits: Visits, services: Array) -> tuple[tuple[float, float, float], ...]:
    """Find steps of the response between two sequences that are no drift and no stated service.

    The change of assigned minus read from one sequence to the next, over the cylinders common to both, is compared with
    the robust spread of all such changes.

    Returns
    -------
    tuple of (float, float, float)
        Time of the last visit before and of the first visit after [s]; change.
    """
    number, position = np.unique(visits.sequence, return_inverse=True)
    if number.size < FEWEST:
        return ()
    d = visits.value - visits.mean
    table = np.full((number.size, len(visits.tanks)), np.nan)
    count = np.zeros_like(table)
    np.add.at(count, (position, visits.tank), 1.0)
    total = np.zeros_like(table)
    np.add.at(total, (position, visits.tank), d)
    np.divide(total, count, out=table, where=count > 0)
    step = np.diff(table, axis=0)
    common = np.isfinite(step)
    known = common.any(axis=1)
    change = np.where(common, step, 0.0).sum(axis=1) / np.maximum(common.sum(axis=1), 1)
    first, last = (np.full(number.size, fill) for fill in (np.inf, -np.inf))
    np.minimum.at(first, position, visits.time)
    np.maximum.at(last, position, visits.time)
    stated = np.array(
        [bool(((services > a) & (services <= b)).any()) for a, b in zip(last[:-1], first[1:], strict=True)]
    )
    use = known & ~stated
    if use.sum() < FEWEST - 1:
        return ()
    spread = 1.4826 * float(np.median(np.abs(change[use] - np.median(change[use]))))
    most = JUMP * max(spread, visits.noise / np.sqrt(float(np.median(visits.count))))
    level = np.concatenate([[0.0], np.cumsum(np.where(known, change, 0.0))])
    found = []
    for i in np.flatnonzero(use & (np.abs(change) > most)):
        before, after = level[max(i + 1 - STAYS, 0) : i + 1], level[i + 1 : i + 1 + STAYS]
        stays = min(before.size, after.size) == STAYS and abs(np.median(after) - np.median(before)) > most
        if stays:  # what comes back is no new response, but noise with long tails
            found.append((float(last[i]), float(first[i + 1]), float(change[i])))
    return tuple(found)


def learn(r: _Readings, services: Array, jumps: tuple[tuple[float, float, float], ...] = ()) -> dict[str, float]:
    """Learn the noise of the response from the record by penalised maximum likelihood.

    Parameters
    ----------
    r : _Readings
    services, jumps :
        Times at which the response may become another one, and steps found.

    Returns
    -------
    dict
        ``repeatability`` (of visits), ``day`` and ``day_time`` (standard deviation and time constant [s] of what
        comes and goes), ``level_per_day`` and ``slope_per_day`` (random walks). A weak penalty (a factor of about e^2
        either way) keeps what a short record cannot tell near the spread of the record.
    """
    from scipy.optimize import minimize

    from sensors.calibration._kernels import smoother

    spread, days = _spread(r), max((r.time[-1] - r.time[0]) / 86400.0, 1.0)
    middle = np.log([0.3 * spread, 0.7 * spread, 86400.0, 0.3 * spread / np.sqrt(days), 0.1 * spread / np.sqrt(days)])
    width = np.array([1.5, 1.5, 1.0, 2.0, 2.0])
    zero = {"level_per_day": 0.0, "slope_per_day": 0.0}
    level0, slope0 = _gains(r.time, zero, services, jumps, r.prior)
    step = np.diff(r.time, prepend=r.time[0]) / 86400.0
    h = np.ascontiguousarray(r.h)

    def loss(theta: Array) -> float:
        noise, day, tau, level, slope = np.exp(np.clip(theta, -40.0, 40.0))
        start = r.prior.copy()
        start[1] = day * day
        value = smoother.log_likelihood(r.time, h, r.tank, r.d, r.white + noise**2, r.m, max(tau, 600.0), day * day,
                                        level0 + level**2 * step, slope0 + slope**2 * step, start)  # fmt: skip
        return -value + 0.5 * float((((theta - middle) / width) ** 2).sum())

    best: Any = minimize(loss, middle, method="Nelder-Mead",
                         options={"xatol": 1e-3, "fatol": 1e-4, "maxiter": 2000})  # fmt: skip
    noise, day, tau, level, slope = np.exp(np.clip(best.x, -40.0, 40.0)).tolist()
    return {"repeatability": noise, "day": day, "day_time": max(tau, 600.0), "level_per_day": level,
            "slope_per_day": slope}  # fmt: skip


def _spread(r: _Readings) -> float:
    """Return the robust spread of what is not common to all visits of a cylinder."""
    count = np.bincount(r.tank)
    if r.d.size - (count > 0).sum() >= 3:
        rest = r.d - (np.bincount(r.tank, r.d) / np.maximum(count, 1))[r.tank]
        rest = rest[count[r.tank] > 1]
    else:
        basis = r.h[:, [0, 2, 3][: r.m - 1]]
        rest = r.d - basis @ np.linalg.lstsq(basis, r.d, rcond=None)[0]
    return max(1.4826 * float(np.median(np.abs(rest))), float(np.sqrt(r.white.mean())), 1e-9)
