"""The response by a Kalman smoother that learns its noise from the record.

The error of each assigned value is a state of its own, a constant known to its stated uncertainty: without it the
lasting disagreement of the cylinders would be taken for noise of their visits, and stated twice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensors.calibration.noise import STATES, Learnt, Readings, gains, learn, processes, readings
from sensors.calibration.response import Response, cylinder_covariance
from sensors.calibration.visits import Visits

__all__ = ["find_jumps", "smoothed"]

Array = npt.NDArray[np.float64]
JUMP = 6.0  # robust standard deviations of the change from one sequence to the next that make a jump
STAYS = 3  # sequences on either side that must show it
FEWEST = 8  # sequences below which no jump is looked for
EARLIER = 1e-3  # [s] before a service the response is still the old one


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
        Parameters of the noise, where they are known already.
    """
    from sensors.calibration._kernels import smoother

    r = readings(visits, degree, frame)
    jumps = find_jumps(visits, services)
    known = Learnt(learnt) if learnt is not None else learn(r, services, jumps)
    t = np.concatenate([visits.time, nodes, services - EARLIER, services])
    order = np.argsort(t, kind="stable")
    n, k = t.size, visits.time.size
    time = t[order]
    seen = (order < k).astype(np.bool_)
    at = np.where(seen, order, 0)
    right = np.zeros((k, 1 + len(visits.tanks)))
    right[:, 0] = r.d
    right[np.arange(k), 1 + visits.tank] = 1.0
    what = (time, seen, r.h[at], r.tank[at])
    noise = _noise(r, known.parameters, time, at, services, jumps)
    coef, cov, share = np.empty((n, 3, right.shape[1])), np.empty((n, 6)), np.empty(n)
    smoother.smooth(*what, right[at], *noise, coef, cov, share)
    weight = np.where(order >= k, 1.0 / max(n - k, 1), 0.0)
    total = smoother.mean_variance(*what, *noise, weight, 0.0)
    if known.draws:
        total = sum(w * smoother.mean_variance(*what, *_noise(r, one, time, at, services, jumps), weight, 0.0)
                    for w, one in known.draws)  # fmt: skip
    keep = np.flatnonzero(np.concatenate([np.diff(time) > 0, [True]]))  # one node for each time
    sensitivity = np.ascontiguousarray(coef[keep][:, :, 1:])
    uncertainty = np.array([tank.uncertainty for tank in visits.tanks])
    tank = cylinder_covariance(sensitivity, uncertainty)
    rest, share = _without(cov[keep], tank), share[keep, None]
    mean = float(np.square((weight @ coef[:, 0, 1:]) * uncertainty).sum())
    level = float((weight[keep] @ rest[:, 0]) / max(weight[keep].sum(), 1e-30))
    length = time[-1] - time[0]
    alike = 0.5 * length * min(max(total - mean, 0.0) / level, 1.0) if level > 0 else float("nan")
    return Response(
        time[keep], np.ascontiguousarray(coef[keep][:, :, 0]), sensitivity, share * rest, (1.0 - share) * rest, tank,
        frame[0], frame[1], known.parameters["repeatability"], visits.noise, known.parameters, alike, jumps,
    )  # fmt: skip


def _noise(
    r: Readings, one: dict[str, float], time: Array, at: npt.NDArray[np.int64], services: Array,
    jumps: tuple[tuple[float, float, float], ...],
) -> tuple[Array, Array, Array, Array, Array, Array]:  # fmt: skip
    """Return variances of the observations, processes, gains and variances at the start, as the kernels take them."""
    tau, power = processes(one)
    prior = r.prior.copy()
    prior[3:STATES] = power
    level, slope = gains(time, one, services, jumps, r.prior)
    return (r.white + one["repeatability"] ** 2)[at], tau, power, level, slope, prior


def _without(cov: Array, tank: Array) -> Array:
    """Return the covariance less the part of the cylinders; its variances are not below zero."""
    rest = cov - tank
    for i in (0, 2, 5):
        np.maximum(rest[:, i], 0.0, out=rest[:, i])
    for i, a, b in ((1, 0, 2), (3, 0, 5), (4, 2, 5)):
        most = np.sqrt(rest[:, a] * rest[:, b])
        rest[:, i] = np.clip(rest[:, i], -most, most)
    return rest


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
