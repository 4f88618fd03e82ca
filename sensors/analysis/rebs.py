"""Robust extraction of the baseline signal (REBS).

References
----------
Ruckstuhl, A. F. et al. (2012), Robust extraction of baseline signal of atmospheric trace species using local
regression, Atmos. Meas. Tech. 5, 2613-2624, doi 10.5194/amt-5-2613-2012: equations 2-6.
Cleveland, W. S. (1979), Robust locally weighted regression, J. Am. Stat. Assoc. 74, 829-836: neighbourhoods,
weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Rebs", "rebs"]

Float = npt.NDArray[np.float64]

LIMIT = 3.5  # tuning constant b of the biweight (Ruckstuhl 2012, section 2.2)
ITERATIONS = 20  # one-sided iterations; the fit has then settled to 1e-8 of the scale on the cases tested
TINY = 1e-12  # scatter relative to the values that is rounding only
SETTLED = 1e-10  # change of the weights at which further iterations would change nothing
FITS = 100  # points of the record at which the regression is carried out; between them it is linear


@dataclass(frozen=True)
class Rebs:
    """A robust baseline.

    Parameters
    ----------
    baseline : (n,) array
        In the order of the input; NaN where the input is missing.
    weights : (n,) array
        Last weights: 1 on and below the baseline, 0 far above it.
    scale : float
        Median size of all residuals over 0.6745, by which the weights are formed; pollution widens it.
    noise : float
        Standard deviation of the background: the same of the residuals below the baseline only (equation 5).
    neighbours : int
        Points of a neighbourhood.
    """

    baseline: Float
    weights: Float
    scale: float
    noise: float
    neighbours: int

    def above(self, values: npt.ArrayLike, times: float = 3.0) -> npt.NDArray[np.bool_]:
        """Return which values lie more than so many standard deviations of the background above it."""
        with np.errstate(invalid="ignore"):
            return np.asarray(values, np.float64) - self.baseline > times * self.noise


def rebs(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    span: float | None = None,
    neighbours: int | None = None,
    width: float | None = None,
    limit: float = LIMIT,
    iterations: tuple[int, int] = (0, ITERATIONS),
    fits: int = FITS,
) -> Rebs:
    """Fit the baseline of a record that is disturbed upwards.

    Parameters
    ----------
    x, y : (n,) array
        Times in rising order (any unit, ties allowed) and values; NaN values are left out.
    span : float, optional
        Share of the points in a neighbourhood.
    neighbours : int, optional
        The same in points.
    width : float, optional
        The same as a length of time in the unit of `x`, at the mean density of points. One of the three is given;
        Ruckstuhl (2012) uses 60 to 90 days for a year of background air.
    limit : float
        Residual in scales at which a value loses all weight.
    iterations : (int, int)
        Iterations with weights on both sides, then on the upper side only.
    fits : int
        The regression is carried out at about so many places, evenly in time; 0 for every point.

    Raises
    ------
    InputError
        Falling times, fewer than ten values, none or several widths, no scatter at all.
    """
    times, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    there = np.isfinite(times) & np.isfinite(values)
    tx, ty = np.ascontiguousarray(times[there]), np.ascontiguousarray(values[there])
    if tx.size < 10:
        raise InputError("too few values for a baseline", found=str(tx.size), need="at least 10")
    if (np.diff(tx) < 0).any():
        raise InputError("the times are not in order", need="times that do not fall")
    near = _neighbours(tx, span, neighbours, width)
    skip = (tx[-1] - tx[0]) / fits if fits > 0 and tx.size > fits else 0.0
    fitted, weights, scale = _iterate(tx, ty, (near, skip, limit), iterations)
    if scale <= TINY * np.abs(ty).max():
        raise InputError("half of the values lie exactly on the curve: no scatter to judge by", found="scale 0",
                         hint="the record may be constant or rounded too coarsely")  # fmt: skip
    full, full_weights = np.full(times.size, np.nan), np.full(times.size, np.nan)
    full[there], full_weights[there] = fitted, weights
    below = ty - fitted
    below = below[below < 0]
    noise = float(np.median(-below)) / 0.6745 if below.size else scale
    return Rebs(full, full_weights, scale, noise, near)


def _iterate(
    x: Float, y: Float, settings: tuple[int, float, float], iterations: tuple[int, int]
) -> tuple[Float, Float, float]:
    """Return fit, last weights and scale; the weights are biweights, later on one for what lies below the fit."""
    from sensors.analysis._kernels.local import local_linear

    near, skip, limit = settings
    fitted, weights, scale = np.empty(x.size), np.ones(x.size), 0.0
    for iteration in range(sum(iterations) + 1):
        local_linear(x, y, weights, near, skip, fitted)
        residual = y - fitted
        scale = float(np.median(np.abs(residual))) / 0.6745
        if scale <= TINY * np.abs(y).max():
            break
        u = residual / (scale * limit)
        before, weights = weights, np.where(np.abs(u) > 1.0, 0.0, (1.0 - u**2) ** 2)
        if iteration >= iterations[0]:
            weights = np.where(u < 0.0, 1.0, weights)
            if np.abs(weights - before).max() < SETTLED:
                break
    return fitted, weights, scale


def _neighbours(x: Float, span: float | None, neighbours: int | None, width: float | None) -> int:
    given = [v for v in (span, neighbours, width) if v is not None]
    if len(given) != 1:
        raise InputError("one width of the neighbourhood is needed", found=f"{len(given)} given",
                         need="span, neighbours or width")  # fmt: skip
    if given[0] <= 0:
        raise InputError("the width of the neighbourhood is not positive", found=str(given[0]))
    if neighbours is not None:
        count = neighbours
    elif span is not None:
        count = int(x.size * span)
    else:
        count = round(x.size * float(given[0]) / max(x[-1] - x[0], 1e-300))
    return int(min(max(count, 4), x.size))
