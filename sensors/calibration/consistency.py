"""Do the assigned values of the cylinders agree with each other, as one analyser sees them?

Differences between cylinders are free of the analyser's offset of the day. The mean difference assigned minus read of
each cylinder must lie on the response curve within the uncertainty of the assigned values. With one cylinder more than
the curve needs a wrong value is seen; with two more, or a slope known from elsewhere, it is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sensors.calibration.visits import Visits

__all__ = ["Consistency", "LeftOut", "consistency", "leave_one_out"]

Array = npt.NDArray[np.float64]
LEVEL = 0.01  # probability of calling a consistent set inconsistent
POWER = 0.95  # with which an error is found that is called detectable


@dataclass(frozen=True)
class Consistency:
    """Finding on a set of cylinders that were used together.

    Parameters
    ----------
    tanks : tuple of int
        Positions in ``visits.tanks``.
    chi2, p : float
        Of the assigned values about the curve.
    freedom : int
        Cylinders (and stated slope) less coefficients.
    correction : array, shape (tanks,)
        Change of each assigned value that alone would put it on the curve of the others; NaN where there are too few.
    u_correction : array, shape (tanks,)
        Its standard uncertainty.
    suspects : tuple of int
        Positions (in ``visits.tanks``) of the cylinders that may be wrong; one where it can be told.
    detectable : array, shape (tanks,)
        Smallest error of each assigned value, it alone being wrong, that the test finds with a probability of 95 %;
        NaN where it can never be seen.
    """

    tanks: tuple[int, ...]
    chi2: float
    p: float
    freedom: int
    correction: Array
    u_correction: Array
    suspects: tuple[int, ...]
    detectable: Array

    @property
    def consistent(self) -> bool:
        """Whether the values agree, or cannot be tested."""
        return not self.suspects

    @property
    def inflation(self) -> float:
        """Factor by which uncertainties of the assigned values are raised: the Birge ratio of an inconsistent set."""
        return max(1.0, float(np.sqrt(self.chi2 / self.freedom))) if self.suspects and self.freedom > 0 else 1.0


def consistency(visits: Visits, degree: int, slope_prior: tuple[float, float] | None = None) -> list[Consistency]:
    """Test each set of cylinders that were read in common sequences.

    Parameters
    ----------
    visits : Visits
        Calibration and target cylinders.
    degree : int
        Of the response.
    slope_prior : (float, float), optional
        Slope of the response and its uncertainty.

    Returns
    -------
    list of Consistency
    """
    sets, found = _connected(visits), []
    for tanks in sets:
        mine = visits.take(np.isin(visits.tank, tanks))
        mean, variance, reading = _differences(mine, tanks)
        found.append(_judge(visits, tanks, (mean, variance, reading), degree, slope_prior))
    return found


def _connected(visits: Visits) -> list[list[int]]:
    """Return the sets of cylinders linked by common sequences."""
    parent = list(range(len(visits.tanks)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for s in np.unique(visits.sequence):
        members = np.unique(visits.tank[visits.sequence == s]).tolist()
        for other in members[1:]:
            parent[root(other)] = root(members[0])
    sets: dict[int, list[int]] = {}
    for i in np.unique(visits.tank).tolist():
        sets.setdefault(root(i), []).append(i)
    return list(sets.values())


def _differences(mine: Visits, tanks: list[int]) -> tuple[Array, Array, Array]:
    """Return for each cylinder the mean of assigned minus read, free of the offset of the sequence, its variance, and
    the mean reading."""
    index = np.searchsorted(np.array(sorted(tanks)), mine.tank)
    k = len(tanks)
    d = mine.value - mine.mean
    _, sequence = np.unique(mine.sequence, return_inverse=True)
    n_tank, n_sequence = np.bincount(index, minlength=k), np.bincount(sequence)
    effect, offset = np.zeros(k), np.zeros(n_sequence.size)
    for _ in range(200):  # two-way means, by turns
        offset = np.bincount(sequence, d - effect[index]) / n_sequence
        new = np.bincount(index, d - offset[sequence], k) / n_tank
        new -= new.mean()
        settled = np.abs(new - effect).max() < 1e-12 * (np.abs(new).max() + 1e-12)
        effect = new
        if settled:
            break
    rest = d - effect[index] - offset[sequence]
    freedom = max(d.size - k - n_sequence.size + 1, 1)
    noise = max(float((rest**2).sum()) / freedom, float((mine.noise**2 / mine.count).mean()))
    reading = np.bincount(index, mine.mean, k) / n_tank
    return effect, noise / n_tank, reading


def _judge(
    visits: Visits, tanks: list[int], data: tuple[Array, Array, Array], degree: int, slope: tuple[float, float] | None
) -> Consistency:
    from scipy.special import chdtrc

    effect, variance, reading = data
    order = sorted(tanks)
    u = np.array([visits.tanks[i].uncertainty for i in order])
    centre, scale = float(reading.mean()), float(np.ptp(reading)) / 2.0 or 1.0
    powers = np.power.outer((reading - centre) / scale, np.arange(degree + 1))
    y, v = effect.copy(), u**2 + variance
    if slope is not None and degree > 0:
        row = np.zeros((1, degree + 1))
        row[0, 1] = 1.0
        powers, y = np.vstack([powers, row]), np.append(y, (slope[0] - 1.0) * scale)
        v = np.append(v, (slope[1] * scale) ** 2)
    v = np.maximum(v, 1e-18)
    freedom = y.size - degree - 1
    k = len(order)
    unknown = np.full(k, np.nan)
    nothing = Consistency(tuple(order), 0.0, 1.0, max(freedom, 0), unknown, unknown, (), unknown)
    if freedom < 1:
        return nothing
    chi2 = _chi2(powers, y, v)
    p = float(chdtrc(freedom, chi2))
    correction, error, left = np.full(k, np.nan), np.full(k, np.nan), np.full(k, np.inf)
    for i in range(k):
        keep = np.arange(y.size) != i
        a, w = powers[keep], 1.0 / v[keep]
        normal = a.T @ (w[:, None] * a)
        if np.linalg.cond(normal) > 1e12:
            continue
        beta = np.linalg.solve(normal, a.T @ (w * y[keep]))
        correction[i] = powers[i] @ beta - y[i]
        error[i] = float(np.sqrt(v[i] + powers[i] @ np.linalg.solve(normal, powers[i])))
        left[i] = _chi2(a, y[keep], v[keep])
    suspects = _suspects(order, p, freedom, left, chdtrc)
    seen = _detectable(powers, v, freedom)[:k]
    return Consistency(tuple(order), chi2, p, freedom, correction, error, suspects, seen)


def _detectable(powers: Array, v: Array, freedom: int) -> Array:
    """Return the error of each value that the test finds with probability POWER.

    An error e of one value makes chi2 non-central, by e^2 (1 - h) / v with h its leverage on the curve.
    """
    from scipy.special import chdtri, chndtrinc

    root = powers / np.sqrt(v)[:, None]
    free = 1.0 - np.einsum("ij,ji->i", root, np.linalg.pinv(root))
    shift = float(chndtrinc(chdtri(freedom, LEVEL), freedom, 1.0 - POWER))
    return np.sqrt(shift * v / np.where(free > 1e-9, free, np.nan))


def _suspects(order: list[int], p: float, freedom: int, left: Array, chdtrc: Any) -> tuple[int, ...]:
    """Return who may be wrong: the one without which the rest agree, if one is clearly the best explanation."""
    if p >= LEVEL:
        return ()
    if freedom < 2:
        return tuple(order)
    ranked = np.argsort(left)
    best, next_best = left[ranked[0]], left[ranked[1]]
    if float(chdtrc(freedom - 1, best)) > 1e-4 and next_best - best > 6.0:  # odds of about 20 to 1
        return (order[int(ranked[0])],)
    return tuple(order[int(i)] for i in ranked if left[i] < best + 6.0)


def _times(time: Array) -> Array:
    """Return at least two ascending times."""
    times = np.unique(time)
    return times if times.size > 1 else np.array([times[0], times[0] + 1.0])


def _chi2(powers: Array, y: Array, v: Array) -> float:
    root = 1.0 / np.sqrt(v)
    beta = np.linalg.lstsq(powers * root[:, None], y * root, rcond=None)[0]
    return float((((y - powers @ beta) * root) ** 2).sum())


@dataclass(frozen=True)
class LeftOut:
    """One cylinder withheld from the fit and read with the response of the others.

    Parameters
    ----------
    tank : int
    error, u : array, shape (visits,)
        Calibrated minus assigned, and its standard uncertainty (cylinders of both sides included).
    """

    tank: int
    error: Array
    u: Array

    @property
    def coverage(self) -> float:
        """Share of visits whose error lies within 1.96 standard uncertainties."""
        return float((np.abs(self.error) <= 1.96 * self.u).mean())


def leave_one_out(
    visits: Visits, response: str, settings: Any, span: tuple[float, float], learnt: dict[str, float] | None = None
) -> list[LeftOut]:
    """Withhold each cylinder in turn and read it with the response of the others.

    Parameters
    ----------
    visits : Visits
        Calibration and target cylinders.
    response, settings, span, learnt
        As for :func:`sensors.calibration.drift.follow`.

    Returns
    -------
    list of LeftOut
        Of the cylinders without which the response is still fixed.
    """
    from sensors.calibration.drift import DEGREE, follow

    found = []
    for tank in np.unique(visits.tank).tolist():
        rest, own = visits.take(visits.tank != tank), visits.take(visits.tank == tank)
        if np.unique(rest.value.round(6)).size < DEGREE[response] + 1:
            continue
        model = follow(rest, response, settings, span, learnt, _times(own.time))
        a = model.apply(own.time, own.mean)
        random = model.reading**2 / own.count + model.repeatability**2
        u = np.sqrt(random * a.gain**2 + a.u_fit**2 + a.u_drift**2 + a.u_tank**2 + own.uncertainty**2)
        found.append(LeftOut(int(tank), a.x - own.value, u))
    return found
