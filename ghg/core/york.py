"""Straight lines with errors in both variables: York's unified regression, Deming regression.

The model of :func:`york`. True points (xi_i, eta_i) lie on eta = a + b xi. What is seen is

    x_i = xi_i + e_i + sum_j z_j c_ij,    y_i = eta_i + f_i + sum_j z_j d_ij.

(e_i, f_i) are random errors of point i: normal, independent between points, with standard uncertainties u_x,i and u_y,i
and correlation r_i. Each systematic component j (a calibration, a velocity coefficient, a laboratory's bias) has one
standard normal z_j for all points, moving x_i by c_ij and y_i by d_ij at once. A component of one side has zeros for
the other; a component shared by both sides moves both, with signs that count.

The line is the maximum-likelihood one for the random errors (York et al. 2004). Systematic components do not enter the
weights: no number of points averages them out, and a common shift or a common factor is indistinguishable from
intercept and slope. They are propagated: every component shifts all points by plus and minus one standard uncertainty,
the line is fitted again, and half the difference is its contribution to (a, b) (JCGM 100:2008, 5.1.4 note 2). For a
shift that is constant or in proportion to x this is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.pairs import Array, columns, paired

__all__ = ["Line", "NoLine", "deming", "york"]

TOLERANCE = 1e-15  # relative change of the slope at which the iteration has settled
MOST_STEPS = 10_000


class NoLine(InputError):
    """The points hold no line: they are unrelated within their uncertainties."""


@dataclass(frozen=True)
class Line:
    """A fitted line y = intercept + slope x.

    Parameters
    ----------
    slope, intercept : float
        Unit of y per unit of x, and unit of y.
    covariance : ndarray, shape (2, 2)
        Of (intercept, slope), all parts together.
    random : ndarray, shape (2, 2)
        The part of random errors.
    systematic : dict
        For each component the shift of (intercept, slope) by one standard uncertainty.
    n : int
        Number of points.
    chi2 : float
        Weighted sum of squared residuals; NaN where uncertainties were not given.
    """

    slope: float
    intercept: float
    covariance: Array
    random: Array
    systematic: dict[str, tuple[float, float]] = field(default_factory=dict)
    n: int = 0
    chi2: float = math.nan

    @property
    def u_slope(self) -> float:
        """Standard uncertainty of the slope."""
        return math.sqrt(self.covariance[1, 1])

    @property
    def u_intercept(self) -> float:
        """Standard uncertainty of the intercept."""
        return math.sqrt(self.covariance[0, 0])

    @property
    def degrees_of_freedom(self) -> int:
        """Points less two."""
        return self.n - 2

    @property
    def birge(self) -> float:
        """Birge ratio sqrt(chi2 / degrees of freedom): about 1 where the random uncertainties are right."""
        return math.sqrt(self.chi2 / self.degrees_of_freedom) if self.degrees_of_freedom > 0 else math.nan

    @property
    def p_value(self) -> float:
        """Probability of a greater chi2 if line and uncertainties are right."""
        from scipy.special import chdtrc

        return float(chdtrc(self.degrees_of_freedom, self.chi2)) if self.degrees_of_freedom > 0 else math.nan

    def predict(self, x: npt.ArrayLike) -> tuple[Array, Array]:
        """Return the line at `x` and its standard uncertainty (that of the line, not of a new point)."""
        at = np.asarray(x, dtype=np.float64)
        c = self.covariance
        variance = c[0, 0] + 2.0 * at * c[0, 1] + at * at * c[1, 1]
        return self.intercept + self.slope * at, np.sqrt(np.maximum(variance, 0.0))

    def intervals(self, coverage: float = 0.95) -> dict[str, tuple[float, float]]:
        """Return coverage intervals of ``slope`` and ``intercept``.

        Normal where the uncertainties were given; Student's t where they were estimated from the scatter.
        """
        from scipy.special import ndtri, stdtrit

        p = 0.5 + coverage / 2.0
        k = float(ndtri(p) if self.chi2 == self.chi2 else stdtrit(self.degrees_of_freedom, p))
        return {
            "slope": (self.slope - k * self.u_slope, self.slope + k * self.u_slope),
            "intercept": (self.intercept - k * self.u_intercept, self.intercept + k * self.u_intercept),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        known = {
            "slope": self.slope,
            "u_slope": self.u_slope,
            "intercept": self.intercept,
            "u_intercept": self.u_intercept,
            "covariance": float(self.covariance[0, 1]),
            "n": self.n,
            "chi2": self.chi2,
            "birge": self.birge,
            "p": self.p_value,
            "u_slope_random": math.sqrt(self.random[1, 1]),
            "u_slope_systematic": {name: abs(shift[1]) for name, shift in self.systematic.items()},
        }
        return {k: v for k, v in known.items() if v == v}


def york(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    u_x: npt.ArrayLike,
    u_y: npt.ArrayLike,
    correlation: npt.ArrayLike = 0.0,
    *,
    systematic: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]] | None = None,
) -> Line:
    """Straight line with random errors in both variables and components fully correlated between points.

    The model stands at the head of this module.

    Parameters
    ----------
    x, y : array, shape (n,)
        Points, at least three; NaN is missing.
    u_x, u_y : float or array, shape (n,)
        Standard uncertainties of the random errors, in the units of x and y; one of the two may be zero.
    correlation : float or array, shape (n,)
        Correlation r_i of the random errors of x_i and y_i.
    systematic : mapping, optional
        Component name -> (c, d): shift of x and of y by one standard uncertainty, float or array (n,).

    Returns
    -------
    Line
        ``random`` is the covariance of York's eq. 13 (not inflated by the scatter: see ``birge``).

    Raises
    ------
    InputError
        Too few points, all x equal, uncertainties that are negative or both zero, or |r| > 1.
    NoLine
        The iteration does not settle.

    References
    ----------
    York, Evensen, Lopez Martinez & De Basabe Delgado (2004), Am. J. Phys. 72, 367-375, eq. 13a-13d. Cantrell (2008),
    Atmos. Chem. Phys. 8, 5477-5487, compares it with other fits. JCGM 100:2008, 5.1.4 note 2.
    """
    px, py, known = paired(x, y, least=3)
    n = known.size
    sx, sy, r = (v[known] for v in columns(n, u_x=u_x, u_y=u_y, correlation=correlation))
    _check(px, py, sx, sy, r)
    parts = {}
    for name, (c, d) in (systematic or {}).items():
        parts[name] = [v[known] for v in columns(n, **{f"x of {name}": c, f"y of {name}": d})]
    shifts = [(0.0 * px, 0.0 * py)]
    for c, d in parts.values():
        shifts += [(c, d), (-c, -d)]
    rows = _fit(
        np.array([px + c for c, _ in shifts]), np.array([py + d for _, d in shifts]), sx * sx, sy * sy, r * sx * sy
    )
    b, a, var_b, var_a, centre, chi2 = rows[0, :6].tolist()
    random = np.array([[var_a, -centre * var_b], [-centre * var_b, var_b]])
    moved = {
        name: (
            float(rows[2 * k + 1, 1] - rows[2 * k + 2, 1]) / 2.0,
            float(rows[2 * k + 1, 0] - rows[2 * k + 2, 0]) / 2.0,
        )
        for k, name in enumerate(parts)
    }
    covariance = random + sum((np.outer(s, s) for s in moved.values()), np.zeros((2, 2)))
    return Line(b, a, covariance, random, moved, px.size, chi2)


def _check(x: Array, y: Array, sx: Array, sy: Array, r: Array) -> None:
    if not np.ptp(x) > 0.0:
        raise InputError("a line needs x values that differ", found=f"{x.size} times {x[0]:g}")
    if not np.ptp(y) > 0.0 and not (sy > 0.0).all():
        raise InputError("a level line needs uncertain y values", found=f"{y.size} times {y[0]:g}")
    if not (np.isfinite(sx) & np.isfinite(sy) & (sx >= 0.0) & (sy >= 0.0)).all():
        raise InputError("standard uncertainties of points are known and not negative", where="u_x, u_y")
    if not (sx + sy > 0.0).all():
        row = int(np.argmin(sx + sy))
        raise InputError("a point has no uncertainty at all", where=f"point {row}", need="u_x or u_y above zero")
    if not (np.abs(r) <= 1.0).all():
        raise InputError("a correlation lies between -1 and 1", where="correlation")


def _fit(x: Array, y: Array, vx: Array, vy: Array, cxy: Array) -> Array:
    """Fit every row of x and y with the same variances, on coordinates of the order of one."""
    from ghg.core import _kernels

    # the same scale for all rows, so that tiny or huge units (kg s-1 of a plant) cannot under- or overflow
    scale_x, scale_y = float(np.ptp(x[0])), float(np.ptp(y[0])) or float(np.sqrt(vy.max()))
    origin_x, origin_y = float(x[0].mean()), float(y[0].mean())
    shape = x.shape
    out = np.empty((shape[0], 7))
    _kernels.york_rows(
        np.ascontiguousarray((x - origin_x) / scale_x),
        np.ascontiguousarray((y - origin_y) / scale_y),
        np.ascontiguousarray(np.broadcast_to(vx / scale_x**2, shape)),
        np.ascontiguousarray(np.broadcast_to(vy / scale_y**2, shape)),
        np.ascontiguousarray(np.broadcast_to(cxy / (scale_x * scale_y), shape)),
        TOLERANCE,
        MOST_STEPS,
        out,
    )
    if (out[:, 6] < 0).any() or not np.isfinite(out).all():
        raise NoLine(
            "the line with errors in both variables was not found",
            hint="x and y may be unrelated within their uncertainties",
        )
    slope = scale_y / scale_x
    out[:, 0] *= slope
    out[:, 2] *= slope**2
    var_mean = out[:, 3] * scale_y**2 - (out[:, 4] * scale_x) ** 2 * out[:, 2]  # 1 / sum W
    out[:, 1] = origin_y + scale_y * out[:, 1] - out[:, 0] * origin_x
    out[:, 4] = origin_x + scale_x * out[:, 4]
    out[:, 3] = var_mean + out[:, 4] ** 2 * out[:, 2]
    return out


def deming(x: npt.ArrayLike, y: npt.ArrayLike, ratio: float = 1.0) -> Line:
    """Deming regression: errors in both variables of unknown size but known ratio, alike at all points.

    Parameters
    ----------
    x, y : array, shape (n,)
        Points, at least four; NaN is missing.
    ratio : float
        Variance of the errors of y over that of the errors of x, in the units of y squared per x squared.

    Returns
    -------
    Line
        Uncertainties from the jackknife; ``chi2`` is NaN, as the scatter was used to find them.

    Raises
    ------
    InputError
        Too few points, all x equal, no correlation at all, or a ratio that is not positive.

    References
    ----------
    Deming (1943), Statistical Adjustment of Data, Wiley; Linnet (1990), Stat. Med. 9, 1463-1473 (jackknife).
    """
    px, py, _ = paired(x, y, least=4)
    if not (ratio > 0.0 and math.isfinite(ratio)):
        raise InputError("Deming regression needs a positive ratio of variances", found=f"{ratio:g}")
    if not np.ptp(px) > 0.0:
        raise InputError("a line needs x values that differ", found=f"{px.size} times {px[0]:g}")
    n = px.size
    u, v = px - px.mean(), py - py.mean()
    slope = _deming_slope(float(u @ u), float(v @ v), float(u @ v), ratio)
    intercept = float(py.mean()) - slope * float(px.mean())
    # leaving point i out: centred sums lose n / (n - 1) times its product
    k = n / (n - 1.0)
    slopes = _deming_slope(u @ u - k * u * u, v @ v - k * v * v, u @ v - k * u * v, ratio)
    intercepts = (py.sum() - py - slopes * (px.sum() - px)) / (n - 1.0)
    left = np.array([intercepts, slopes])
    centred = left - left.mean(axis=1, keepdims=True)
    covariance = (n - 1.0) / n * centred @ centred.T
    return Line(float(slope), intercept, covariance, covariance, {}, n)


def _deming_slope(sxx: Any, syy: Any, sxy: Any, ratio: float) -> Any:
    if np.any(sxy == 0.0):
        raise InputError("Deming regression needs x and y that are correlated", found="a covariance of zero")
    d = syy - ratio * sxx
    root = np.hypot(d, 2.0 * math.sqrt(ratio) * sxy)
    # the form without cancellation on either side
    return np.where(d >= 0.0, (d + root) / (2.0 * sxy), 2.0 * ratio * sxy / (root - d))[()]
