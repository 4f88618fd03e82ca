"""The response from a fit of every calibration sequence, joined by straight lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from sensors.calibration.fit import fit_rows
from sensors.calibration.response import Response, cylinder_covariance, packed
from sensors.calibration.visits import Visits

__all__ = ["interpolated"]

Array = npt.NDArray[np.float64]
GRID = np.concatenate([[0.0], np.exp2(np.arange(-8.0, 2.0))])  # of variances, in squared misfits of sequences left out


def interpolated(visits: Visits, degree: int, nodes: Array, frame: tuple[float, float], services: Array) -> Response:
    """Fit every sequence that fixes the response, and join the fits by straight lines.

    Parameters
    ----------
    services : array
        Times [s] across which nothing is joined.
    visits, degree, nodes, frame
        As for :func:`sensors.calibration.smoothing.smoothed`.

    Raises
    ------
    InputError
        No sequence holds enough cylinders.
    """
    centre, scale = frame
    repeat = _repeatability(visits, degree, frame)
    t, c, v, s, skipped = _fits(visits, degree, frame, repeat)
    rate, common = _drift(t, c, v, np.searchsorted(services, t))
    v[:, [0, 2, 5]] += common
    j = np.clip(np.searchsorted(t, nodes, side="right") - 1, 0, max(t.size - 2, 0))
    i = np.minimum(j + 1, t.size - 1)
    gap = np.where(t[i] > t[j], t[i] - t[j], 1.0)
    w = np.clip((nodes - t[j]) / gap, 0.0, 1.0)
    outside = np.maximum(t[0] - nodes, 0.0) + np.maximum(nodes - t[-1], 0.0)
    bridge = gap * w * (1.0 - w) * (t[i] > t[j]) + outside
    part = np.searchsorted(services, nodes, side="right")
    apart = np.searchsorted(services, t[j]) != np.searchsorted(services, t[i])
    left = apart & (part == np.searchsorted(services, t[j]))
    w = np.where(apart, np.where(left, 0.0, 1.0), w)[:, None]
    bridge = np.where(apart, np.where(left, nodes - t[j], t[i] - nodes), bridge)
    drift = np.zeros((nodes.size, 6))
    drift[:, 0], drift[:, 2], drift[:, 5] = (rate[n] * np.abs(bridge) for n in range(3))
    sensitivity = (1.0 - w[..., None]) * s[j] + w[..., None] * s[i]
    uncertainty = np.array([tank.uncertainty for tank in visits.tanks])
    noise = (1.0 - w) ** 2 * v[j] + w**2 * v[i]
    # the mean over a long time: noise of each sequence counts for one gap, drift for each gap on its own
    spacing = float(np.diff(t).mean()) if t.size > 1 else float("nan")
    both = float(noise[:, 0].mean() + drift[:, 0].mean())
    tau = spacing * (0.75 * noise[:, 0].mean() + 0.25 * drift[:, 0].mean()) / both if both > 0 else float("nan")
    return Response(
        nodes, (1.0 - w) * c[j] + w * c[i], sensitivity, noise, drift,
        cylinder_covariance(sensitivity, uncertainty), centre, scale, repeat, visits.noise,
        {"repeatability": repeat, "sequences": float(t.size), "sequences_left_out": float(skipped),
         "offset_per_day": float(np.sqrt(rate[0] * 86400.0)), "sequence": float(np.sqrt(common[0]))}, float(tau),
    )  # fmt: skip


def _fits(
    visits: Visits, degree: int, frame: tuple[float, float], repeat: float
) -> tuple[Array, Array, Array, Array, int]:
    """Return time, coefficients, their covariance and sensitivities of every sequence, and how many were left out."""
    time, coef, cov, sens, skipped = [], [], [], [], 0
    for s in np.unique(visits.sequence):
        mine = visits.take(visits.sequence == s)
        one = None if np.unique(mine.value).size < degree + 1 else _sequence(mine, degree, frame, repeat)
        if one is None:
            skipped += 1
            continue
        time.append(float(mine.time.mean()))
        for target, value in zip((coef, cov, sens), one, strict=True):
            target.append(value)
    if not time:
        raise InputError("no calibration sequence holds enough cylinders", found=f"{skipped} sequences",
                         hint="raise calibration.sequence, or use drift = 'smoother'")  # fmt: skip
    return np.array(time), np.array(coef), np.array(cov), np.array(sens), skipped


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
    return coef, packed(noise), sensitivity


def _repeatability(visits: Visits, degree: int, frame: tuple[float, float]) -> float:
    """Standard deviation of the mean of a visit beyond the noise of its readings.

    From repeated visits of one cylinder in one sequence; else from the residuals of the sequences about their curves,
    less what lasts for each cylinder (the error of its value), where there are more cylinders than coefficients.
    """
    key = visits.sequence * len(visits.tanks) + visits.tank
    _, group, count = np.unique(key, return_inverse=True, return_counts=True)
    if (count > 1).sum() >= 3:
        mean = np.bincount(group, visits.mean) / count
        rest, freedom = visits.mean - mean[group], int((count - 1).sum())
    else:
        rest, freedom = _residuals(visits, degree, frame)
    if freedom < 3:
        return 0.0
    noise = float((visits.noise**2 / visits.count).mean())
    return float(np.sqrt(max(float(rest @ rest) / freedom - noise, 0.0)))


def _residuals(visits: Visits, degree: int, frame: tuple[float, float]) -> tuple[Array, int]:
    """Return residuals of every visit about the curve of its sequence less their mean by cylinder; freedom left."""
    z = (visits.mean - frame[0]) / frame[1]
    powers = np.power.outer(z, np.arange(degree + 1))
    d = visits.value - visits.mean
    rest, freedom, most = np.zeros(d.size), 0, 0
    for s in np.unique(visits.sequence):
        mine = visits.sequence == s
        own = int(mine.sum()) - degree - 1
        if own > 0:
            rest[mine] = d[mine] - powers[mine] @ np.linalg.lstsq(powers[mine], d[mine], rcond=None)[0]
            freedom, most = freedom + own, max(most, own)
    count = np.bincount(visits.tank)
    mean = np.bincount(visits.tank, rest) / np.maximum(count, 1)
    return rest - mean[visits.tank], freedom - most


def _drift(time: Array, coef: Array, cov: Array, part: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Return diffusion [per second] of the coefficients, and the variance of what each sequence has for itself.

    Without the second part what comes and goes faster than the sequences follow would pass for a random walk, whose
    bridges average out four times as fast. Both are means (of their roots) over the posterior, from the likelihood on a
    grid with equal weight for each factor of two: which of the two it was a short record does not tell.
    """
    from sensors.calibration._kernels import smoother

    rate, common = np.zeros(3), np.zeros(3)
    whole = part[2:] == part[:-2]
    if not whole.any():
        return rate, common
    left, right = time[1:-1] - time[:-2], time[2:] - time[1:-1]
    w = (left / (left + right))[:, None]
    error = np.square(coef[1:-1] - (1.0 - w) * coef[:-2] - w * coef[2:])[whole].mean(axis=0)
    bridge = float((left * right / (left + right))[whole].mean())
    h, tank, none = np.eye(3)[np.zeros(time.size, np.int64)], np.zeros(time.size, np.int64), np.empty(0)
    step = np.diff(time, prepend=time[0])
    for n, column in enumerate((0, 2, 5)):
        if error[n] <= 0.0:
            continue
        start = np.array([1e6 * max(float(np.ptp(coef[:, n])) ** 2, error[n]), 0.0, 0.0, 0.0])
        jump = np.where(np.diff(part, prepend=part[0]) > 0, start[0], 0.0)
        y = coef[:, n] - coef[0, n]
        log = np.array([
            [smoother.log_likelihood(time, h, tank, y, cov[:, column] + s * error[n], 1, none, none,
                                     jump + q * error[n] / bridge * step, np.zeros_like(step), start) for s in GRID]
            for q in GRID
        ])  # fmt: skip
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        rate[n] = (weight.sum(axis=1) @ np.sqrt(GRID)) ** 2 * error[n] / bridge
        common[n] = (weight.sum(axis=0) @ np.sqrt(GRID)) ** 2 * error[n]
    return rate, common
