"""The response of an analyser through time, and how it is applied to readings.

The response is d = x - r (assigned minus read) as a polynomial in z = (r - centre) / scale. At nodes in time it has
coefficients and three covariances: from the noise of the cylinder readings ("fit"), from what happens between
sequences ("drift"), and from the assigned values ("cylinder").
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Applied", "Response", "cylinder_covariance", "packed"]

Array = npt.NDArray[np.float64]
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
    correlation_time : float
        Over which errors of fit and drift are alike [s]: the variance of their mean over a long time T is
        ``2 correlation_time / T`` of the variance at one time.
    jumps : tuple of (float, float, float)
        Steps of the response that were found and not stated: times of the visits before and after [s], size.
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
    correlation_time: float = float("nan")
    jumps: tuple[tuple[float, float, float], ...] = ()

    def apply(self, time: Array, reading: Array, variance: Array | None = None) -> Applied:
        """Return calibrated values of readings at ascending times."""
        from ghg.core.jit import spread
        from sensors.calibration._kernels import propagate

        out = [np.empty(time.size) for _ in range(5)]
        scatter = np.zeros(time.size) if variance is None else variance
        arrays = (time, reading, scatter, self.node, self.coef, self.noise, self.drift, self.tank)
        used = [np.ascontiguousarray(a) for a in arrays]
        spread(propagate.apply_response, -(-time.size // propagate.BLOCK), *used, self.centre, self.scale, *out)
        return Applied(*out)


def packed(matrix: Array) -> Array:
    """Return the six numbers of symmetric 3 x 3 matrices."""
    return np.stack([matrix[..., i, j] for i, j in _PAIRS], axis=-1)


def cylinder_covariance(sensitivity: Array, uncertainty: Array) -> Array:
    """Return the covariance of the coefficients from independent errors of the assigned values."""
    weighted = sensitivity * uncertainty
    return np.stack([np.einsum("kt,kt->k", weighted[:, i], weighted[:, j]) for i, j in _PAIRS], axis=-1)
