"""Response of an analyser to cylinders of known value: polynomials with errors in both variables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Curve", "fit_response", "fit_rows"]

Array = npt.NDArray[np.float64]
TOLERANCE, MOST = 1e-15, 200


@dataclass(frozen=True)
class Curve:
    """A fitted polynomial y = c0 + c1 x + c2 x^2.

    Parameters
    ----------
    coefficients : ndarray, shape (degree + 1,)
    covariance : ndarray, shape (degree + 1, degree + 1)
        For the stated uncertainties.
    chi2 : float
    n : int
    """

    coefficients: Array
    covariance: Array
    chi2: float
    n: int

    @property
    def degrees_of_freedom(self) -> int:
        """Points less coefficients."""
        return self.n - self.coefficients.size

    @property
    def residual_variance(self) -> float:
        """chi2 over degrees of freedom: about 1 where the stated uncertainties are right."""
        return self.chi2 / self.degrees_of_freedom if self.degrees_of_freedom > 0 else math.nan

    def predict(self, x: npt.ArrayLike) -> tuple[Array, Array]:
        """Return the curve at `x` and its standard uncertainty."""
        powers = np.power.outer(np.asarray(x, np.float64), np.arange(self.coefficients.size))
        variance = np.einsum("...i,ij,...j->...", powers, self.covariance, powers)
        return powers @ self.coefficients, np.sqrt(np.maximum(variance, 0.0))


def fit_response(x: npt.ArrayLike, y: npt.ArrayLike, u_x: npt.ArrayLike, u_y: npt.ArrayLike, degree: int = 1) -> Curve:
    """Fit assigned values `y` on readings `x`, both uncertain.

    Parameters
    ----------
    x, y : array, shape (n,)
        Readings and assigned values, in one unit; more points than `degree`.
    u_x, u_y : float or array, shape (n,)
        Standard uncertainties, not both zero.
    degree : {0, 1, 2}

    Returns
    -------
    Curve

    Raises
    ------
    InputError
        Too few different cylinders for the degree, or uncertainties that are not positive.

    References
    ----------
    Boggs, Byrd & Schnabel (1987), SIAM J. Sci. Stat. Comput. 8, 1052-1078; York et al. (2004), Am. J. Phys. 72, 367.
    """
    px, py, ux, uy = (np.atleast_1d(np.asarray(v, np.float64)) for v in np.broadcast_arrays(x, y, u_x, u_y))
    if np.unique(px).size <= degree:
        raise InputError(f"a polynomial of degree {degree} needs more cylinders", found=f"{np.unique(px).size}",
                         need=f"at least {degree + 1}")  # fmt: skip
    if not ((ux >= 0) & (uy >= 0) & (ux + uy > 0)).all():
        raise InputError("standard uncertainties of a fit are positive", where="u_x, u_y")
    beta, cov, chi2, steps = fit_rows(px[None], py[None], ux[None] ** 2, uy[None] ** 2, degree)
    if steps[0] < 0:
        raise InputError("the response curve was not found", hint="cylinders too close together for the degree")
    m = degree + 1
    return Curve(beta[0, :m], cov[0, :m, :m], float(chi2[0]), px.size)


def fit_rows(x: Array, y: Array, vx: Array, vy: Array, degree: int) -> tuple[Array, Array, Array, Any]:
    """Fit every row; coordinates are centred and scaled inside, coefficients are those of the given ones.

    Parameters
    ----------
    x, y, vx, vy : array, shape (rows, n)
        Points and variances.
    degree : int

    Returns
    -------
    tuple
        Coefficients (rows, 3), covariances (rows, 3, 3), chi2 (rows,), iterations (rows,), -1 where none was found.
    """
    from ghg.core.jit import spread
    from sensors.calibration._kernels import fit

    rows = x.shape[0]
    beta, cov, chi2 = np.empty((rows, 3)), np.empty((rows, 3, 3)), np.empty(rows)
    steps = np.empty(rows, np.int64)
    centre = float(x.mean())
    scale = float(np.ptp(x)) / 2.0 or 1.0
    arrays = ((x - centre) / scale, (y - centre) / scale, vx / scale**2, vy / scale**2)
    used = [np.ascontiguousarray(a) for a in arrays]
    spread(fit.odr_rows, rows, *used, degree, TOLERANCE, MOST, beta, cov, chi2, steps, least=8)
    # back from z = (x - c) / s, y' = (y - c) / s to x and y
    k = centre / scale
    back = np.array([[1.0, -k, k * k], [0.0, 1.0 / scale, -2.0 * k / scale], [0.0, 0.0, 1.0 / scale**2]])
    cov = scale**2 * (back @ cov @ back.T)
    beta = scale * (beta @ back.T)
    beta[:, 0] += centre
    return beta, cov, chi2, steps
