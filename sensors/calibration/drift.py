"""The response through time: between calibration sequences by straight lines, or by a smoother that learns its noise.

The response is d = x - r (assigned minus read) as a polynomial in z = (r - centre) / scale. Both ways give, at nodes in
time, its coefficients and three covariances: from the noise of the cylinder readings ("fit"), from what happens between
sequences ("drift"), and from the assigned values ("cylinder").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from sensors.calibration.fit import fit_rows
from sensors.calibration.visits import Visits
from sensors.station.config import Calibration

__all__ = ["Applied", "Response", "follow"]

Array = npt.NDArray[np.float64]
DEGREE = {"offset": 0, "linear": 1, "quadratic": 2}
PRIOR = 1e4  # squared multiples of the spread of d: a start that knows nothing
_PAIRS = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))


@dataclass(frozen=True)
class Applied:
    """Calibrated values: x, its derivative by the reading, and standard uncertainties of the response."""

    x: Array
    gain: Array
    u_fit: Array
    u_drift: Array
    u_tank: Array


@dataclass(frozen=True)
class Response:
    """Response of one gas through time.

    Parameters
    ----------
    node : array, shape (k,)
        Times [s since 1970].
    coef : array, shape (k, 3)
        Offset, slope, curve.
    sensitivity : array, shape (k, 3, tanks)
        Change of the coefficients by one unit of an assigned value.
    noise, drift, tank : array, shape (k, 6)
        Covariances aa, ab, bb, ac, bc, cc.
    centre, scale : float
        Of the readings.
    repeatability : float
        Standard deviation of the mean of a visit beyond the noise of its readings.
    reading : float
        Standard deviation of single readings of a cylinder.
    parameters : dict
        What was learnt about the noise, in words.
    """

    node: Array
    coef: Array
    sensitivity: Array
    noise: Array
    drift: Array
    tank: Array
    centre: float
    scale: float
    repeatability: float
    reading: float
    parameters: dict[str, float] = field(default_factory=dict)

    def apply(self, time: Array, reading: Array, variance: Array | None = None) -> Applied:
        """Return calibrated values of readings at ascending times."""
        from sensors.calibration._kernels import propagate

        out = [np.empty(time.size) for _ in range(5)]
        spread = np.zeros(time.size) if variance is None else variance
        arrays = (time, reading, spread, self.node, self.coef, self.noise, self.drift, self.tank)
        propagate.apply_response(*(np.ascontiguousarray(a) for a in arrays), self.centre, self.scale, *out)
        return Applied(*out)


def follow(
    visits: Visits,
    response: str,
    settings: Calibration,
    span: tuple[float, float],
    learnt: dict[str, float] | None = None,
) -> Response:
    """Follow the response of an analyser through the visits of its calibration cylinders.

    Parameters
    ----------
    visits : Visits
        Of calibration cylinders only.
    response : {"offset", "linear", "quadratic"}
    settings : Calibration
    span : (float, float)
        First and last time at which the response is wanted [s].
    learnt : dict, optional
        Noise that is known already (``Response.parameters`` of the smoother).

    Returns
    -------
    Response

    Raises
    ------
    InputError
        Fewer different cylinders than the response needs.
    """
    degree = DEGREE[response]
    different = np.unique(visits.value.round(6)).size
    if different < degree + 1:
        need = {0: "one cylinder", 1: "two cylinders", 2: "three cylinders"}[degree]
        raise InputError(f"a {response} response needs at least {need} of different value",
                         found=f"{different} ({', '.join(t.name for t in visits.tanks)})",
                         hint="state another response, or check the valve map and the validity of the cylinders",
                         )  # fmt: skip
    centre = float(np.median(np.unique(visits.value)))
    scale = float(np.ptp(visits.value)) / 2.0 or max(abs(centre), 1.0) / 10.0
    nodes = _nodes(span, settings.node)
    if settings.drift == "smoother":
        return _smoothed(visits, degree, nodes, (centre, scale), learnt)
    return _interpolated(visits, degree, nodes, (centre, scale))


def _nodes(span: tuple[float, float], step: float) -> Array:
    """Return node times on multiples of `step`, so that they do not depend on where a record is cut."""
    first = np.floor(span[0] / step)
    last = np.ceil(span[1] / step)
    return np.arange(first, max(last, first + 1) + 1) * step


def _packed(matrix: Array) -> Array:
    """Return the six numbers of symmetric 3 x 3 matrices."""
    return np.stack([matrix[..., i, j] for i, j in _PAIRS], axis=-1)


def _tank_covariance(sensitivity: Array, uncertainty: Array) -> Array:
    weighted = sensitivity * uncertainty
    return _packed(np.einsum("kit,kjt->kij", weighted, weighted))


# ---- smoother ------------------------------------------------------------------------------------------------------


def _smoothed(
    visits: Visits, degree: int, nodes: Array, frame: tuple[float, float], learnt: dict[str, float] | None
) -> Response:
    from sensors.calibration._kernels import smoother

    centre, scale = frame
    m = degree + 2
    z = (visits.mean - centre) / scale
    d = visits.value - visits.mean
    h = np.stack([np.ones_like(z), np.ones_like(z), z, z * z], axis=1)
    white = visits.noise**2 / visits.count
    learnt = learnt or learn(visits.time, h, d, white, m)
    var = white + learnt["repeatability"] ** 2
    t = np.concatenate([visits.time, nodes])
    order = np.argsort(t, kind="stable")
    n, k = t.size, visits.time.size
    seen = (order < k).astype(np.bool_)
    at = np.where(seen, order, 0)
    right = np.zeros((k, 1 + len(visits.tanks)))
    right[:, 0] = d
    right[np.arange(k), 1 + visits.tank] = 1.0
    coef, cov, share = np.empty((n, 3, right.shape[1])), np.empty((n, 6)), np.empty(n)
    prior = _prior(d, m)
    prior[1] = learnt["day"] ** 2
    smoother.smooth(t[order], seen, h[at], right[at], var[at], m, *_processes(learnt), prior, coef, cov, share)
    keep = np.flatnonzero(np.concatenate([np.diff(t[order]) > 0, [True]]))  # one node for each time
    coef, cov, share = coef[keep], cov[keep], share[keep, None]
    sensitivity = np.ascontiguousarray(coef[:, :, 1:])
    uncertainty = np.array([tank.uncertainty for tank in visits.tanks])
    return Response(
        t[order][keep], np.ascontiguousarray(coef[:, :, 0]), sensitivity, share * cov, (1.0 - share) * cov,
        _tank_covariance(sensitivity, uncertainty), centre, scale, learnt["repeatability"], visits.noise, learnt,
    )  # fmt: skip


def _processes(learnt: dict[str, float]) -> tuple[float, float, float, float]:
    return (learnt["day_time"], learnt["day"] ** 2, learnt["level_per_day"] ** 2 / 86400.0,
            learnt["slope_per_day"] ** 2 / 86400.0)  # fmt: skip


def _prior(d: Array, m: int) -> Array:
    spread = max(float(np.ptp(d)), float(np.abs(d).max()), 1e-6) ** 2
    prior = np.full(4, PRIOR * spread)
    prior[1] = 0.0  # set by the caller: the day process starts at its own variance
    return prior


def learn(time: Array, h: Array, d: Array, white: Array, m: int) -> dict[str, float]:
    """Learn the noise of the response from the record by penalised maximum likelihood.

    Parameters
    ----------
    time, d, white : array, shape (n,)
        Time [s], assigned minus read, variance of the mean of the readings.
    h : array, shape (n, 4)
        (1, 1, z, z^2).
    m : int
        States.

    Returns
    -------
    dict
        ``repeatability`` (of visits), ``day`` and ``day_time`` (standard deviation and time constant [s] of what
        comes and goes), ``level_per_day`` and ``slope_per_day`` (random walks). A weak penalty (a factor of about e^2
        either way) keeps what a short record cannot tell near the spread of the record.
    """
    from scipy.optimize import minimize

    from sensors.calibration._kernels import smoother

    basis = h[:, [0, 2, 3][: m - 1]]
    rest = d - basis @ np.linalg.lstsq(basis, d, rcond=None)[0]
    spread = max(1.4826 * float(np.median(np.abs(rest))), float(np.sqrt(white.mean())), 1e-9)
    days = max((time[-1] - time[0]) / 86400.0, 1.0)
    middle = np.log([0.3 * spread, 0.7 * spread, 86400.0, 0.3 * spread / np.sqrt(days), 0.1 * spread / np.sqrt(days)])
    width = np.array([1.5, 1.5, 1.0, 2.0, 2.0])
    prior = _prior(d, m)
    hours = np.ascontiguousarray(h)

    def loss(theta: Array) -> float:
        step = np.clip(theta, -40.0, 40.0)
        noise, day, tau, level, slope = np.exp(step)
        start = prior.copy()
        start[1] = day * day
        value = smoother.log_likelihood(time, hours, d, white + noise**2, m, max(tau, 600.0), day * day,
                                        level * level / 86400.0, slope * slope / 86400.0, start)  # fmt: skip
        return -value + 0.5 * float((((theta - middle) / width) ** 2).sum())

    best: Any = minimize(loss, middle, method="Nelder-Mead",
                         options={"xatol": 1e-3, "fatol": 1e-4, "maxiter": 2000})  # fmt: skip
    noise, day, tau, level, slope = np.exp(np.clip(best.x, -40.0, 40.0)).tolist()
    return {"repeatability": noise, "day": day, "day_time": max(tau, 600.0), "level_per_day": level,
            "slope_per_day": slope}  # fmt: skip


# ---- interpolation -------------------------------------------------------------------------------------------------


def _interpolated(visits: Visits, degree: int, nodes: Array, frame: tuple[float, float]) -> Response:
    """Fit every sequence that fixes the response, and join the fits by straight lines."""
    centre, scale = frame
    repeat = _repeatability(visits)
    time, coef, cov, sens, skipped = [], [], [], [], 0
    for s in np.unique(visits.sequence):
        mine = visits.take(visits.sequence == s)
        if np.unique(mine.value).size < degree + 1:
            skipped += 1
            continue
        one = _sequence(mine, degree, (centre, scale), repeat)
        if one is None:
            skipped += 1
            continue
        time.append(float(mine.time.mean()))
        for target, value in zip((coef, cov, sens), one, strict=True):
            target.append(value)
    if not time:
        raise InputError("no calibration sequence holds enough cylinders", found=f"{skipped} sequences",
                         hint="raise calibration.sequence, or use drift = 'smoother'")  # fmt: skip
    t, c, v, s = np.array(time), np.array(coef), np.array(cov), np.array(sens)
    rate = _drift_rate(t, c, v)
    j = np.clip(np.searchsorted(t, nodes, side="right") - 1, 0, max(t.size - 2, 0))
    i = np.minimum(j + 1, t.size - 1)
    gap = np.where(t[i] > t[j], t[i] - t[j], 1.0)
    w = np.clip((nodes - t[j]) / gap, 0.0, 1.0)[:, None]
    outside = np.maximum(t[0] - nodes, 0.0) + np.maximum(nodes - t[-1], 0.0)
    bridge = gap * w[:, 0] * (1.0 - w[:, 0]) * (t[i] > t[j]) + outside
    drift = np.zeros((nodes.size, 6))
    drift[:, 0], drift[:, 2], drift[:, 5] = (rate[n] * bridge for n in range(3))
    sensitivity = (1.0 - w[..., None]) * s[j] + w[..., None] * s[i]
    uncertainty = np.array([tank.uncertainty for tank in visits.tanks])
    return Response(
        nodes, (1.0 - w) * c[j] + w * c[i], sensitivity, (1.0 - w) ** 2 * v[j] + w**2 * v[i], drift,
        _tank_covariance(sensitivity, uncertainty), centre, scale, repeat, visits.noise,
        {"repeatability": repeat, "sequences": float(t.size), "sequences_left_out": float(skipped),
         "offset_per_day": float(np.sqrt(rate[0] * 86400.0))},
    )  # fmt: skip


def _sequence(
    mine: Visits, degree: int, frame: tuple[float, float], repeat: float
) -> tuple[Array, Array, Array] | None:
    """Return coefficients, their covariance from reading noise, and sensitivities to the cylinders."""
    centre, scale = frame
    z, y = (mine.mean - centre) / scale, (mine.value - centre) / scale
    vx = (mine.noise**2 / mine.count + repeat**2) / scale**2
    vy = (mine.uncertainty / scale) ** 2
    beta, _, _, steps = fit_rows(z[None], y[None], vx[None], vy[None], degree)
    if steps[0] < 0:
        return None
    coef = scale * beta[0]
    coef[1] -= scale
    powers = np.power.outer(z, np.arange(degree + 1))
    slope = beta[0, 1] + 2.0 * beta[0, 2] * z if degree else np.ones_like(z)
    weight = 1.0 / (vy + slope**2 * vx)
    gain = np.linalg.solve(powers.T @ (weight[:, None] * powers), powers.T * weight)  # d beta / d y
    noise = np.zeros((3, 3))
    noise[: degree + 1, : degree + 1] = scale**2 * (gain * (slope**2 * vx)) @ gain.T
    sensitivity = np.zeros((3, len(mine.tanks)))
    np.add.at(sensitivity.T, mine.tank, np.pad(gain.T, ((0, 0), (0, 2 - degree))))
    return coef, _packed(noise), sensitivity


def _repeatability(visits: Visits) -> float:
    """Standard deviation of repeated visits of one cylinder in one sequence beyond the noise of the readings."""
    key = visits.sequence * len(visits.tanks) + visits.tank
    _, group, count = np.unique(key, return_inverse=True, return_counts=True)
    if (count > 1).sum() < 3:
        return 0.0
    mean = np.bincount(group, visits.mean) / count
    square = float(((visits.mean - mean[group]) ** 2).sum()) / float((count - 1).sum())
    return float(np.sqrt(max(square - float((visits.noise**2 / visits.count).mean()), 0.0)))


def _drift_rate(time: Array, coef: Array, cov: Array) -> Array:
    """Diffusion [per second] of the coefficients, from each sequence left out and interpolated by its neighbours."""
    if time.size < 3:
        return np.zeros(3)
    left, right = time[1:-1] - time[:-2], time[2:] - time[1:-1]
    w = (left / (left + right))[:, None]
    error = coef[1:-1] - (1.0 - w) * coef[:-2] - w * coef[2:]
    own = cov[:, [0, 2, 5]]
    noise = own[1:-1] + (1.0 - w) ** 2 * own[:-2] + w**2 * own[2:]
    bridge = (left * right / (left + right))[:, None]
    return np.maximum(((error**2 - noise) / bridge).mean(axis=0), 0.0)
