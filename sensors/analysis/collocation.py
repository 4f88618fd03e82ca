"""Low-cost sensors beside a reference: transfer functions that are tested on time they have not seen, and their drift.

References
----------
Martin, C. R. et al. (2017), Evaluation and environmental correction of ambient CO2 measurements from a low-cost NDIR
sensor, Atmos. Meas. Tech. 10, 2383-2395, doi 10.5194/amt-10-2383-2017: linear regression on pressure, temperature and
water vapour. Mueller, M. et al. (2020), Integration and calibration of NDIR CO2 low-cost sensors, Atmos. Meas. Tech.
13, 3815-3834: drift against reference sites in well-mixed hours. Huber, P. J. (1981), Robust Statistics, section 7.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Drift", "Transfer", "network_drift", "transfer"]

Float = npt.NDArray[np.float64]

HUBER = 1.345  # 95 % efficient at the normal law


@dataclass(frozen=True)
class Transfer:
    """A transfer function from sensor to reference.

    Parameters
    ----------
    names : tuple of str
        Of the terms after the constant: the sensor's own value first.
    coefficients : (p,) array
        Constant and slopes, for terms centred on `centres` and divided by `scales`.
    covariance : (p, p) array
        Of the coefficients, widened for the correlation of the residuals in time.
    centres, scales : (p - 1,) array
        Of the terms.
    low, high : (p - 1,) array
        Range in which the function was fitted.
    u_random : float
        Standard deviation of a single transferred value, from blocks left out.
    u_transfer : float
        Standard deviation of the mean of a block left out, in excess of what `u_random` makes of it: what does not
        average away.
    bias : (b,) array
        Mean error of each block left out.
    rmse : float
        Root mean square error over all values left out.
    """

    names: tuple[str, ...]
    coefficients: Float
    covariance: Float
    centres: Float
    scales: Float
    low: Float
    high: Float
    u_random: float
    u_transfer: float
    bias: Float
    rmse: float

    def apply(self, terms: Mapping[str, npt.ArrayLike]) -> tuple[Float, Float, npt.NDArray[np.bool_]]:
        """Return transferred values, their systematic standard uncertainty, and which lie outside the fitted range.

        The uncertainty has the part found from blocks left out and that of the coefficients, which grows outside the
        range.
        """
        columns = _columns(terms, self.names)
        design = _design(columns, self.centres, self.scales)
        spread = np.einsum("ij,jk,ik->i", design, self.covariance, design)
        outside = np.asarray(((columns < self.low) | (columns > self.high)).any(axis=1), np.bool_)
        return design @ self.coefficients, np.asarray(np.sqrt(spread + self.u_transfer**2)), outside


def transfer(
    reference: npt.ArrayLike,
    terms: Mapping[str, npt.ArrayLike],
    *,
    blocks: int = 8,
    robust: bool = True,
) -> Transfer:
    """Fit a transfer function and test it by blocks of time left out.

    Parameters
    ----------
    reference : (n,) array
        Values of the reference in the order of time; NaN is left out.
    terms : mapping of str to (n,) array
        The sensor's value first, then what it depends on: pressure, temperature, humidity, age ...
    blocks : int
        Stretches of time, each left out in turn. Values at random would be neighbours of those fitted and flatter the
        sensor.
    robust : bool
        Huber's weights: values of the reference that are far off do not pull. Spikes of the sensor itself have leverage
        and are to be flagged first.

    Raises
    ------
    InputError
        Too few values, a term that does not vary, or terms that cannot be told apart.
    """
    names = tuple(terms)
    y, x = np.asarray(reference, np.float64), _columns(terms, names)
    there = np.isfinite(y) & np.isfinite(x).all(axis=1)
    y, x = y[there], x[there]
    need = 5 * (x.shape[1] + 1)
    if blocks < 2 or y.size < max(need, 3 * blocks):
        raise InputError("too few common values for a transfer function", found=str(y.size),
                         need=f"at least {max(need, 3 * blocks)} in 2 or more blocks")  # fmt: skip
    centres, scales = x.mean(axis=0), x.std(axis=0)
    if flat := [n for n, s in zip(names, scales, strict=True) if s <= 1e-12]:
        raise InputError("a term does not vary", found=", ".join(flat), hint="leave it out")
    design = _design(x, centres, scales)
    if np.linalg.cond(design) > 1e4:
        raise InputError("the terms cannot be told apart", found=", ".join(names), hint="leave one of them out")
    fitted = _solve(design, y, robust)
    errors = np.empty(y.size)
    bias = np.empty(blocks)
    edges = np.linspace(0, y.size, blocks + 1).astype(int)
    for k in range(blocks):
        out = slice(edges[k], edges[k + 1])
        keep = np.ones(y.size, bool)
        keep[out] = False
        errors[out] = design[out] @ _solve(design[keep], y[keep], robust) - y[out]
        bias[k] = errors[out].mean()
    within = errors - np.repeat(bias, np.diff(edges))
    u_random = float(within.std(ddof=blocks))
    length = y.size / blocks
    excess = float(np.mean(bias**2)) - u_random**2 * _inflation(within) / length
    covariance = _covariance(design, y - design @ fitted)
    return Transfer(names, fitted, covariance, centres, scales, x.min(axis=0), x.max(axis=0), u_random,
                    float(np.sqrt(max(excess, 0.0))), bias, float(np.sqrt(np.mean(errors**2))))  # fmt: skip


def _columns(terms: Mapping[str, npt.ArrayLike], names: Sequence[str]) -> Float:
    if missing := [n for n in names if n not in terms]:
        raise InputError("a term of the transfer function is missing", found=", ".join(terms), need=", ".join(missing))
    columns = [np.asarray(terms[n], np.float64) for n in names]
    if len({c.shape for c in columns}) != 1 or columns[0].ndim != 1:
        raise InputError("the terms differ in length", found=", ".join(str(c.shape) for c in columns))
    return np.stack(columns, axis=1)


def _design(x: Float, centres: Float, scales: Float) -> Float:
    return np.column_stack([np.ones(x.shape[0]), (x - centres) / scales])


def _solve(design: Float, y: Float, robust: bool) -> Float:
    fitted = np.linalg.lstsq(design, y, rcond=None)[0]
    for _ in range(50 if robust else 0):
        residual = y - design @ fitted
        scale = 1.4826 * float(np.median(np.abs(residual - np.median(residual))))
        if scale <= 0:
            break
        weight = np.sqrt(np.minimum(1.0, HUBER * scale / np.maximum(np.abs(residual), 1e-300)))
        again = np.linalg.lstsq(design * weight[:, None], y * weight, rcond=None)[0]
        settled = np.abs(again - fitted).max() < 1e-9 * max(np.abs(fitted).max(), 1e-300)
        fitted = again
        if settled:
            break
    return np.asarray(fitted, np.float64)


def _inflation(residual: Float) -> float:
    """Return by how much correlation in time widens the variance of a mean: (1 + r) / (1 - r) at lag 1."""
    power = float(residual @ residual)
    r = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
    r = min(max(r, 0.0), 0.99)
    return (1 + r) / (1 - r)


def _covariance(design: Float, residual: Float) -> Float:
    variance = float(residual @ residual) / max(residual.size - design.shape[1], 1)
    return variance * _inflation(residual) * np.linalg.inv(design.T @ design)


@dataclass(frozen=True)
class Drift:
    """Drift of one sensor against its network.

    Parameters
    ----------
    starts : (w,) datetime64
        Begin of each window.
    offset, u_offset : (w,) array
        Offset from the network in well-mixed hours and its standard uncertainty; NaN where there were too few.
    rate, u_rate : float
        Drift per day and its standard uncertainty.
    suspect : bool
        The drift or the last offset is beyond `times` standard uncertainties and beyond `tolerance`.
    """

    starts: npt.NDArray[np.datetime64]
    offset: Float
    u_offset: Float
    rate: float
    u_rate: float
    suspect: bool


def network_drift(
    time: npt.NDArray[np.datetime64],
    sensors: Mapping[str, npt.ArrayLike],
    mixed: npt.ArrayLike,
    *,
    window: float = 14.0,
    tolerance: float = 0.0,
    times: float = 3.0,
) -> dict[str, Drift]:
    """Check each sensor against the median of the others in well-mixed hours.

    Parameters
    ----------
    time : (n,) datetime64
        In order, common to all.
    sensors : mapping of str to (n,) array
        Three or more; NaN is missing.
    mixed : (n,) array of bool
        Hours in which all sites see the same air: windy afternoons.
    window : float
        Days in which an offset is formed.
    tolerance : float
        Offset that is of no concern, in the unit of the values.
    times : float
        Standard uncertainties beyond which a drift counts.
    """
    if len(sensors) < 3:
        raise InputError("a network check needs three sensors", found=str(len(sensors)))
    values = np.stack([np.asarray(v, np.float64) for v in sensors.values()])
    chosen = np.asarray(mixed, bool)
    if values.shape[1] != time.size or chosen.shape != time.shape:
        raise InputError("times, sensors and mixed hours differ in length",
                         found=f"{time.size}, {values.shape[1]}, {chosen.size}")  # fmt: skip
    if not chosen.any():
        raise InputError("no hour is well mixed", hint="widen the choice")
    place = ((time - time[0]).astype("timedelta64[s]").astype(np.int64) // round(window * 86_400)).astype(np.int64)
    starts = time[0] + (np.arange(int(place[-1]) + 1) * round(window * 86_400)).astype("timedelta64[s]")
    result = {}
    for k, name in enumerate(sensors):
        others = np.delete(values, k, axis=0)
        enough = chosen & np.isfinite(values[k]) & (np.isfinite(others).sum(axis=0) >= 2)
        difference = np.full(time.size, np.nan)
        if enough.any():
            difference[enough] = values[k, enough] - np.nanmedian(others[:, enough], axis=0)
        result[name] = _drift(difference, place, starts, window, (tolerance, times))
    return result


def _drift(difference: Float, place: npt.NDArray[np.int64], starts: npt.NDArray[np.datetime64], window: float,
           limits: tuple[float, float]) -> Drift:  # fmt: skip
    tolerance, times = limits
    offset, u = np.full(starts.size, np.nan), np.full(starts.size, np.nan)
    for w in range(starts.size):
        inside = difference[(place == w) & np.isfinite(difference)]
        if inside.size >= 5:
            offset[w] = np.median(inside)
            spread = 1.4826 * np.median(np.abs(inside - offset[w]))
            u[w] = 1.2533 * spread * np.sqrt(_inflation(inside - offset[w]) / inside.size)  # of a median
    there = np.isfinite(offset) & (u > 0)
    rate, u_rate = np.nan, np.nan
    if there.sum() >= 3:
        days = np.flatnonzero(there) * window
        weight = 1.0 / u[there]
        design = np.stack([np.ones(days.size), days - days.mean()], axis=1) * weight[:, None]
        solution = np.linalg.lstsq(design, offset[there] * weight, rcond=None)[0]
        residual = offset[there] * weight - design @ solution
        birge = max(1.0, float(residual @ residual) / max(days.size - 2, 1))  # windows that differ by more than stated
        rate, u_rate = float(solution[1]), float(np.sqrt(birge * np.linalg.inv(design.T @ design)[1, 1]))
    last = np.flatnonzero(there)[-1:] if there.any() else np.empty(0, int)
    far = bool(last.size and abs(offset[last[0]]) > max(tolerance, times * u[last[0]]))
    span = (starts.size - 1) * window
    drifting = bool(np.isfinite(rate) and abs(rate) > times * u_rate and abs(rate) * span > tolerance)
    return Drift(starts, offset, u, rate, u_rate, far or drifting)
