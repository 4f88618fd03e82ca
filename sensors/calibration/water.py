"""Water: from the mole fraction in wet air to that in dry air, and the coefficients of a droplet test.

An analyser reads too little in wet air: dilution, and lines broadened by water. With h the water it reports,
x_wet / x_dry = 1 + a h + b h^2 (Chen et al. 2010, Atmos. Meas. Tech. 3, 375; Rella et al. 2013, Atmos. Meas. Tech. 6,
837). Gases are scanned one after the other: the water that belongs to a scan of CO2 and CH4 is the mean of the water
scans before and after it, and the dry value is complete when the latter is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["SELF_BROADENING", "WaterFit", "actual_water", "bracketing_dry", "combine_tests", "fit_water"]

Array = npt.NDArray[np.float64]
# H2O = 0.772 h + 0.019493 h^2: found in the logs of a G2301 to 10 digits
SELF_BROADENING = (0.772, 0.019493)


def actual_water(reported: npt.ArrayLike) -> Array:
    """Return the water of the column ``H2O`` from ``h2o_reported`` [percent]."""
    h = np.asarray(reported, np.float64)
    return SELF_BROADENING[0] * h + SELF_BROADENING[1] * h * h


def bracketing_dry(
    wet: npt.ArrayLike, reported: npt.ArrayLike, species: npt.ArrayLike, a: float, b: float, scan: float = 3.0
) -> Array:
    """Return dry values at the rows that end a cycle of scans, NaN at all others.

    Parameters
    ----------
    wet, reported, species : array, shape (n,)
        Columns of the log: reading, ``h2o_reported`` [percent], species.
    a, b : float
        Coefficients [1/percent, 1/percent^2].
    scan : float
        Number of the species of water.
    """
    x, h = np.asarray(wet, np.float64), np.asarray(reported, np.float64)
    rows = np.flatnonzero(np.asarray(species) == scan)
    dry = np.full(x.size, np.nan)
    mean = 0.5 * (h[rows[1:]] + h[rows[:-1]])
    dry[rows[1:]] = x[rows[1:]] / (1.0 + mean * (a + b * mean))
    return dry


@dataclass(frozen=True)
class WaterFit:
    """Coefficients of a droplet test.

    Parameters
    ----------
    a, b : float
        [1/percent], [1/percent^2].
    covariance : ndarray, shape (2, 2)
        Of (a, b).
    dry : float
        Reading in dry gas.
    n : int
    residual : float
        Standard deviation of the residuals, in the unit of the gas.
    span : (float, float)
        Water covered [percent].
    """

    a: float
    b: float
    covariance: Array
    dry: float
    n: int
    residual: float
    span: tuple[float, float]

    def uncertainty(self, h: float) -> float:
        """Return the standard uncertainty of the correction at `h` percent of water, as a fraction of the value."""
        g = np.array([h, h * h])
        return float(math.sqrt(g @ self.covariance @ g)) / abs(1.0 + self.a * h + self.b * h * h)


def fit_water(wet: npt.ArrayLike, water: npt.ArrayLike, *, blocks: int = 200) -> WaterFit:
    """Find the coefficients from a droplet test: constant gas, wetted and drying.

    Parameters
    ----------
    wet, water : array, shape (n,)
        Readings of the gas, and of water [percent]; NaN is missing.
    blocks : int
        Number of steps of water into which the readings are averaged, so that the long dry end does not outweigh
        the short wet one, and their noise is not taken for independent.

    Returns
    -------
    WaterFit

    Raises
    ------
    InputError
        Too few readings, too little water between driest and wettest, or a gas that is not constant.

    Notes
    -----
    Least squares on the means of the steps; covariance from the squared residual of each step over its leverage
    (MacKinnon and White 1985, J. Econometrics 29, 305, HC3), then to (a, b) by the derivatives of c1 / c0 and c2 / c0.
    """
    x, h = np.asarray(wet, np.float64), np.asarray(water, np.float64)
    known = np.isfinite(x) & np.isfinite(h)
    x, h = x[known], h[known]
    if x.size < 30:
        raise InputError("a droplet test needs more readings", found=str(x.size), need="at least 30")
    low, high = float(h.min()), float(h.max())
    if high - low < 0.5:
        raise InputError("a droplet test needs more water between its ends", found=f"{low:.3g} to {high:.3g} %",
                         need="0.5 % apart")  # fmt: skip
    step = np.minimum(((h - low) / (high - low) * blocks).astype(np.int64), blocks - 1)
    n = np.bincount(step, minlength=blocks)
    used = n > 0
    if used.sum() < 6:
        raise InputError("the water of a droplet test does not pass through its range", found=f"{used.sum()} steps",
                         need="at least 6 different ones")  # fmt: skip
    hm, xm = (np.bincount(step, v, blocks)[used] / n[used] for v in (h, x))
    powers = np.stack([np.ones_like(hm), hm, hm * hm], axis=1)
    inverse = np.linalg.inv(powers.T @ powers)
    c = inverse @ (powers.T @ xm)
    # steps hold unequal numbers of readings, so that their noise differs: each residual speaks for its own step
    leverage = np.einsum("ij,jk,ik->i", powers, inverse, powers)
    own = (xm - powers @ c) / (1.0 - np.minimum(leverage, 0.99))
    cov = inverse @ (powers.T @ (own[:, None] ** 2 * powers)) @ inverse
    a, b = c[1] / c[0], c[2] / c[0]
    jacobian = np.array([[-a, 1.0, 0.0], [-b, 0.0, 1.0]]) / c[0]
    spread: Any = x - np.stack([np.ones_like(h), h, h * h], axis=1) @ c
    return WaterFit(float(a), float(b), jacobian @ cov @ jacobian.T, float(c[0]), int(x.size), float(spread.std()),
                    (low, high))  # fmt: skip


def combine_tests(fits: Sequence[WaterFit]) -> tuple[Array, Array, float]:
    """Return the coefficients of several droplet tests together.

    Parameters
    ----------
    fits : sequence of WaterFit
        One for each test.

    Returns
    -------
    (2,) array, (2, 2) array, float
        Coefficients (a, b) weighted by the inverse of their covariances; their covariance, raised by the Birge ratio
        where the tests differ more than they say; that ratio (1 for a single test).
    """
    weights = [np.linalg.inv(f.covariance) for f in fits]
    covariance = np.linalg.inv(np.sum(weights, axis=0))
    each = np.array([[f.a, f.b] for f in fits])
    mean = covariance @ np.sum([w @ c for w, c in zip(weights, each, strict=True)], axis=0)
    freedom = 2 * (len(fits) - 1)
    chi2 = sum(float((c - mean) @ w @ (c - mean)) for w, c in zip(weights, each, strict=True))
    ratio = max(1.0, math.sqrt(chi2 / freedom)) if freedom else 1.0
    return mean, covariance * ratio**2, ratio
