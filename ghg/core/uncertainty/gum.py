"""First-order propagation of uncertainty with correlated inputs, and type A evaluation.

References
----------
JCGM 100:2008 (GUM), 4.2, 5.1, 5.2, annex H. JCGM 102:2011 (Supplement 2), 6.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = [
    "LineFit", "checked_covariance", "correlation_matrix", "covariance_matrix", "first_order", "jacobian",
    "straight_line", "type_a",
]  # fmt: skip

Array = npt.NDArray[np.float64]
_HALVINGS = 7  # steps h, h/2, ... h/64 of Ridders' extrapolation


def covariance_matrix(u: npt.ArrayLike, correlation: npt.ArrayLike | None = None) -> Array:
    """Covariance matrix u_i r_ij u_j.

    Parameters
    ----------
    u : array, shape (n,)
        Standard uncertainties.
    correlation : array, shape (n, n), optional
        Correlation matrix; independent by default.

    Returns
    -------
    ndarray, shape (n, n)
    """
    s = np.atleast_1d(np.asarray(u, dtype=np.float64))
    r = np.eye(s.size) if correlation is None else np.asarray(correlation, dtype=np.float64)
    if r.shape != (s.size, s.size) or not np.allclose(np.diag(r), 1.0):
        raise InputError("not a correlation matrix of the inputs", found=f"shape {r.shape}", need="1 on the diagonal")
    return checked_covariance(s[:, None] * r * s[None, :], s.size)


def correlation_matrix(covariance: npt.ArrayLike) -> Array:
    """Correlation matrix of a covariance matrix; NaN in rows of zero variance (JCGM 100, eq. 14).

    Parameters
    ----------
    covariance : array, shape (n, n)

    Returns
    -------
    ndarray, shape (n, n)
    """
    c = np.asarray(covariance, dtype=np.float64)
    u = np.sqrt(np.diag(c))
    scale = np.where(u > 0.0, u, np.nan)
    return c / (scale[:, None] * scale[None, :])


def checked_covariance(covariance: npt.ArrayLike, n: int) -> Array:
    """Return a covariance matrix as (n, n) array after checking it.

    Parameters
    ----------
    covariance : array
        Shape (n, n), or (n,) for the standard uncertainties of uncorrelated inputs.
    n : int
        Number of inputs.

    Raises
    ------
    InputError
        If it has another shape, is not symmetric, or has a negative eigenvalue.
    """
    c = np.asarray(covariance, dtype=np.float64)
    if c.shape == (n,):
        c = np.diag(c**2)
    if n == 1 and c.shape == ():
        c = c.reshape(1, 1) ** 2
    if c.shape != (n, n):
        raise InputError("the covariance does not fit the inputs", found=f"shape {c.shape}", need=f"({n}, {n})")
    if not np.all(np.isfinite(c)):
        raise InputError("the covariance is not finite")
    u = np.sqrt(np.abs(np.diag(c)))
    scale = np.where(u > 0.0, u, 1.0)
    r = c / (scale[:, None] * scale[None, :])  # judged as correlation: inputs differ in size by many decades
    if not np.allclose(r, r.T, rtol=0.0, atol=1e-9):
        raise InputError("the covariance is not symmetric")
    if n and np.linalg.eigvalsh(0.5 * (r + r.T))[0] < -1e-8 * n:
        raise InputError("the covariance is not possible", found="a negative eigenvalue", hint="check the correlations")
    return 0.5 * (c + c.T)


def jacobian(
    f: Callable[[Array], Any], x: npt.ArrayLike, u: npt.ArrayLike | None = None, *, method: str = "central"
) -> Array:
    """Sensitivity coefficients df_i / dx_j at x.

    Parameters
    ----------
    f : callable
        Takes an array (n,), returns a number or an array (m,).
    x : array, shape (n,)
        Best estimates.
    u : array, shape (n,), optional
        Standard uncertainties; they set the first step where x is zero.
    method : {"central", "complex"}
        Central differences with Ridders' extrapolation, or the complex step (exact to rounding, but `f` must
        be analytic: no abs, max or comparison).

    Returns
    -------
    ndarray, shape (m, n)

    References
    ----------
    Ridders, C.J.F. (1982), Adv. Eng. Softw. 4, 75-76. Squire & Trapp (1998), SIAM Rev. 40, 110-112.
    """
    at = np.atleast_1d(np.asarray(x, dtype=np.float64))
    spread = np.zeros(at.size) if u is None else np.asarray(u, dtype=np.float64)
    columns = []
    for j in range(at.size):
        if method == "complex":
            step = 1e-30 * max(abs(at[j]), 1e-270)
            shifted = at.astype(np.complex128)
            shifted[j] += 1j * step
            model: Callable[[Any], Any] = f
            columns.append(np.atleast_1d(np.imag(np.asarray(model(shifted)))) / step)
        elif method == "central":
            columns.append(_ridders(f, at, j, float(spread[j])))
        else:
            raise InputError("unknown method of differentiation", found=method, need="central or complex")
    return np.stack(columns, axis=1)


def _ridders(f: Callable[[Array], Any], x: Array, j: int, u: float) -> Array:
    """One column: Neville table of central differences, the entry of least change for every output."""
    size = abs(x[j])
    step = 0.02 * size if size > 1e-3 * u else 0.02 * u
    step = step or 0.02
    table: list[Array] = []
    best = error = np.zeros(0)
    for k in range(_HALVINGS):
        h = step / 2.0**k
        above, below = x.copy(), x.copy()
        above[j] += h
        below[j] -= h
        difference = np.atleast_1d(np.asarray(f(above), dtype=np.float64) - np.asarray(f(below), dtype=np.float64))
        row = [difference / (above[j] - below[j])]
        for order, previous in enumerate(table[:k], start=1):
            row.append(row[-1] + (row[-1] - previous) / (4.0**order - 1.0))
        if k == 0:
            best, error = row[0], np.full(row[0].shape, np.inf)
        for order in range(1, len(row)):
            change = np.maximum(np.abs(row[order] - row[order - 1]), np.abs(row[order] - table[order - 1]))
            better = ~np.isnan(change) & ((change < error) | np.isnan(best))
            best, error = np.where(better, row[order], best), np.where(better, change, error)
        table = row
        if k > 1 and np.all(error <= 1e-13 * np.abs(best)):
            break  # rounding is all that is left
    return best


def first_order(
    f: Callable[[Array], Any],
    x: npt.ArrayLike,
    cov: npt.ArrayLike,
    *,
    names: tuple[str, ...] | None = None,
    derivatives: Callable[[Array], npt.ArrayLike] | npt.ArrayLike | None = None,
    method: str = "central",
) -> tuple[Any, Any]:
    """Law of propagation of uncertainty for a vector-valued model with correlated inputs: U_y = C U_x C^T.

    Parameters
    ----------
    f : callable
        Model; takes an array (n,), returns a number or an array (m,).
    x : array, shape (n,)
        Best estimates.
    cov : array, shape (n, n)
        Covariance of the inputs, or (n,) standard uncertainties of uncorrelated ones.
    names : tuple of str, optional
        Names of the inputs, for messages.
    derivatives : array (m, n) or callable, optional
        Sensitivity coefficients; numerical by default.
    method : {"central", "complex"}
        See :func:`jacobian`.

    Returns
    -------
    value : float or ndarray, shape (m,)
    covariance : float (variance) or ndarray, shape (m, m)

    Raises
    ------
    InputError
        If shapes disagree, the covariance is impossible, or a sensitivity is not finite.

    References
    ----------
    JCGM 100:2008, eq. 13 and 16; JCGM 102:2011, eq. 3 (6.2.1.3).
    """
    at = np.atleast_1d(np.asarray(x, dtype=np.float64))
    covariance = checked_covariance(cov, at.size)
    raw = f(at.copy())
    value = np.asarray(raw, dtype=np.float64)
    if derivatives is None:
        c = jacobian(f, at, np.sqrt(np.diag(covariance)), method=method)
    else:
        c = np.atleast_2d(np.asarray(derivatives(at) if callable(derivatives) else derivatives, dtype=np.float64))
    if c.shape != (value.size, at.size):
        raise InputError("the derivatives do not fit", found=f"shape {c.shape}", need=f"({value.size}, {at.size})")
    varies = np.diag(covariance) > 0.0
    if not np.all(np.isfinite(c[:, varies])):
        j = int(np.flatnonzero(varies)[np.argmax(~np.isfinite(c[:, varies]).all(axis=0))])
        name = names[j] if names else f"number {j}"
        raise InputError(f"the model has no finite derivative by input {name}", found=f"at {at[j]!r}")
    c = np.where(varies, c, 0.0)
    result = c @ covariance @ c.T
    return (float(value), float(result[0, 0])) if value.ndim == 0 else (value, result)


def type_a(observations: npt.ArrayLike, *, correlation_time: float = 0.0) -> tuple[Array, Array, int]:
    """Means of simultaneous repeated observations and the covariance of the means.

    Parameters
    ----------
    observations : array, shape (k, n) or (n,)
        n observations of each of k quantities, taken together.
    correlation_time : float
        e-folding time of the observations' autocorrelation, in steps of the series; 0 for independent.

    Returns
    -------
    mean : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        Covariance of the means.
    degrees_of_freedom : int
        n - 1 (before any loss to autocorrelation).

    Raises
    ------
    InputError
        If there are fewer than two observations or one is NaN.

    References
    ----------
    JCGM 100:2008, eq. 3, 5 and 17; 4.2.7 for correlated observations.
    """
    from ghg.core.uncertainty.series import ar1_inflation

    q = np.atleast_2d(np.asarray(observations, dtype=np.float64))
    n = q.shape[1]
    if q.ndim != 2 or n < 2 or not np.all(np.isfinite(q)):
        raise InputError("a type A evaluation needs at least two complete observations", found=f"shape {q.shape}")
    inflation = float(ar1_inflation(n, math.exp(-1.0 / correlation_time))) if correlation_time > 0.0 else 1.0
    # the sample variance itself is too small by (n - inflation) / (n - 1) when observations are correlated
    unbias = (n - 1) / (n - inflation) if inflation != 1.0 else 1.0
    return q.mean(axis=1), np.atleast_2d(np.cov(q)) / n * inflation * unbias, n - 1


@dataclass(frozen=True)
class LineFit:
    """Ordinary least-squares line y = intercept + slope (x - x0).

    Parameters
    ----------
    intercept, slope : float
        Coefficients.
    covariance : ndarray, shape (2, 2)
        Their covariance, from the scatter `s`.
    s : float
        Standard deviation of one residual.
    degrees_of_freedom : int
        n - 2.
    x0 : float
        Reference abscissa.
    """

    intercept: float
    slope: float
    covariance: Array
    s: float
    degrees_of_freedom: int
    x0: float

    @property
    def correlation(self) -> float:
        """Correlation of intercept and slope."""
        return float(self.covariance[0, 1] / math.sqrt(self.covariance[0, 0] * self.covariance[1, 1]))

    def predict(self, x: npt.ArrayLike) -> tuple[Array, Array]:
        """Return the line at x and its standard uncertainty (scatter of a new observation not included)."""
        d = np.asarray(x, dtype=np.float64) - self.x0
        c = self.covariance
        variance = c[0, 0] + 2.0 * d * c[0, 1] + d * d * c[1, 1]
        return self.intercept + self.slope * d, np.sqrt(variance)


def straight_line(x: npt.ArrayLike, y: npt.ArrayLike, x0: float = 0.0) -> LineFit:
    """Fit y = intercept + slope (x - x0), all scatter being in y.

    Parameters
    ----------
    x, y : array, shape (n,)
        At least three points.
    x0 : float
        Reference abscissa.

    Returns
    -------
    LineFit

    Raises
    ------
    InputError
        If there are fewer than three points or all x are equal.

    References
    ----------
    JCGM 100:2008, H.3, eq. H.13.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or a.size < 3 or np.ptp(a) == 0.0:
        raise InputError("a line needs at least three points at different x", found=f"shapes {a.shape} and {b.shape}")
    centre = a.mean()
    d = a - centre
    sxx = float(d @ d)
    slope = float(d @ b) / sxx
    at_centre = float(b.mean())
    residual = b - at_centre - slope * d
    freedom = a.size - 2
    s2 = float(residual @ residual) / freedom
    lever = x0 - centre
    cross = s2 * lever / sxx
    covariance = np.array([[s2 * (1.0 / a.size + lever**2 / sxx), cross], [cross, s2 / sxx]])
    return LineFit(at_centre + slope * lever, slope, covariance, math.sqrt(s2), freedom, x0)
