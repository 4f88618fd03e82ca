"""Trend and season of a record: polynomial, harmonics, and two low-pass filters over the residuals.

The smooth curve is the fitted function plus the residuals filtered with a short cutoff; the trend is the polynomial
plus the residuals filtered with a long cutoff; the growth rate is the slope of the trend.

References
----------
Thoning, K. W., Tans, P. P. and Komhyr, W. D. (1989), Atmospheric carbon dioxide at Mauna Loa Observatory 2. Analysis of
the NOAA GMCC data, 1974-1985, J. Geophys. Res. 94, 8549-8565, doi 10.1029/JD094iD06p08549: function (equation 1),
filter (equation 2 and appendix), variance of the curves (appendix). Settings and order of steps as in NOAA's programme
ccgcrv: residuals straightened by a line through both ends (a quarter of the long cutoff each), interpolated to a
regular step, padded with zeros to a power of two; filter 2^-min((f/fc)^6, 20).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    pass

__all__ = ["CurveFit", "Minimiser", "curve_fit", "harmonic_design"]

Float = npt.NDArray[np.float64]

Minimiser = Literal["exact", "ccgcrv"]
DAYS = 365.0  # days of a year for cutoffs and steps, as in ccgcrv
POWER, CLIP = 6, 20.0  # steepness of the filter, and the exponent at which it levels off
SHORT, LONG = 80.0, 667.0  # cutoffs in days


def harmonic_design(t: Float, polynomial: int, harmonics: int) -> Float:
    """Return the columns 1, t, t^2 ..., sin 2 pi t, cos 2 pi t, sin 4 pi t ... (Thoning 1989, equation 1)."""
    columns = [t**k for k in range(polynomial)]
    for k in range(1, harmonics + 1):
        columns += [np.sin(2 * np.pi * k * t), np.cos(2 * np.pi * k * t)]
    return np.stack(columns, axis=1)


@dataclass(frozen=True)
class CurveFit:
    """A fitted curve on a regular grid.

    Parameters
    ----------
    zero : float
        Year that is zero in the function.
    coefficients : (p,) array
        Polynomial in units per year^k, then sine and cosine of each harmonic.
    covariance : (p, p) array
        Of the coefficients, scaled by the variance of the residuals.
    polynomial, harmonics : int
        Numbers of terms.
    years : (n,) array
        Grid, decimal years.
    smooth, trend, season, growth : (n,) array
        Curves; `season` is smooth minus trend; `growth` per year.
    u_smooth, u_trend, u_season, u_growth : (n,) array
        Standard uncertainties.
    sd_function, sd_smooth : float
        Standard deviations of the residuals about function and smooth curve (divided by n - 1).
    """

    zero: float
    coefficients: Float
    covariance: Float
    polynomial: int
    harmonics: int
    years: Float
    smooth: Float
    trend: Float
    season: Float
    growth: Float
    u_smooth: Float
    u_trend: Float
    u_season: Float
    u_growth: Float
    sd_function: float
    sd_smooth: float

    def function(self, years: npt.ArrayLike) -> Float:
        """Return the function at decimal years."""
        t = np.asarray(years, np.float64) - self.zero
        return harmonic_design(t, self.polynomial, self.harmonics) @ self.coefficients

    def poly(self, years: npt.ArrayLike) -> Float:
        """Return the polynomial part of the function."""
        t = np.asarray(years, np.float64) - self.zero
        return np.asarray(np.polynomial.polynomial.polyval(t, self.coefficients[: self.polynomial]), np.float64)

    def at(self, years: npt.ArrayLike, curve: str = "smooth") -> Float:
        """Return a curve of the grid at other times, linear between its points, NaN outside."""
        return np.interp(np.asarray(years, np.float64), self.years, getattr(self, curve), left=np.nan, right=np.nan)


def curve_fit(
    years: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    polynomial: int = 3,
    harmonics: int = 4,
    short: float = SHORT,
    long: float = LONG,
    step: float | None = None,
    zero: float | None = None,
    coefficients: npt.ArrayLike | None = None,
    minimiser: Minimiser = "exact",
) -> CurveFit:
    """Fit trend and season.

    Parameters
    ----------
    years, values : (n,) array
        Decimal years in rising order (repeated stamps are averaged for the filters), and the record; NaN is left out.
    polynomial, harmonics : int
        Numbers of terms of the function; harmonics the step cannot resolve are left out.
    short, long : float
        Cutoffs in days (response one half).
    step : float, optional
        Grid in days; by default the mean distance of samples more than a day apart, rounded to days.
    zero : float, optional
        Year that is zero; by default the whole year of the first value.
    coefficients : (p,) array, optional
        A function already known, for example of an earlier fit; its uncertainty is then taken as zero.
    minimiser : {"exact", "ccgcrv"}
        Least squares solved exactly, or as NOAA's programme does: by iteration from coefficients of one with numerical
        derivatives, which stops about 1e-6 before the minimum; for those who must reproduce its numbers.

    Raises
    ------
    InputError
        Falling times, less than a year and a half, or fewer values than twice the terms.
    """
    x, y = _checked(years, values, polynomial + 2 * harmonics)
    step = _step(x) if step is None else float(step)
    harmonics = min(harmonics, int(DAYS / (2 * step)))
    zero = float(np.floor(x[0])) if zero is None else zero
    t = x - zero
    design = harmonic_design(t, polynomial, harmonics)
    if coefficients is None:
        fitted, covariance = _solve(design, y)
        if minimiser == "ccgcrv":
            fitted = _as_ccgcrv(t, y, polynomial, harmonics)
    else:
        fitted = np.asarray(coefficients, np.float64)
        if fitted.shape != (design.shape[1],):
            raise InputError("the coefficients do not fit the function", found=str(fitted.size),
                             need=str(design.shape[1]))  # fmt: skip
        covariance = np.zeros((fitted.size, fitted.size))
    residual = y - design @ fitted
    grid, even, line = _even(t, residual, step / DAYS, long)
    near, far = (_low_pass(even, step / DAYS, cutoff) + line for cutoff in (short, long))
    return _curves((t, y, residual), (zero, fitted, covariance, polynomial, harmonics), (grid, even + line, near, far),
                   (step / DAYS, short, long))  # fmt: skip


def _checked(years: npt.ArrayLike, values: npt.ArrayLike, terms: int) -> tuple[Float, Float]:
    x, y = np.asarray(years, np.float64), np.asarray(values, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise InputError("times and values do not match", found=f"{x.shape} and {y.shape}")
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    if x.size < 2 * terms:
        raise InputError("too few values for a curve fit", found=str(x.size), need=f"at least {2 * terms}")
    if (np.diff(x) < 0).any():
        raise InputError("the times are not in order", need="times that do not fall")
    if x[-1] - x[0] < 1.5:
        raise InputError("the record is too short for trend and season", found=f"{x[-1] - x[0]:.2f} years",
                         need="a year and a half")  # fmt: skip
    return x, y


def _step(x: Float) -> float:
    apart = np.diff(x)
    apart = apart[apart > 1.0 / DAYS]
    mean = float(apart.mean()) * DAYS if apart.size else 1.0
    return float(round(mean)) if mean > 1 else 1.0


def _solve(design: Float, y: Float) -> tuple[Float, Float]:
    """Return the least-squares solution and its covariance for independent residuals of equal variance."""
    scale = np.linalg.norm(design, axis=0)
    q, r = np.linalg.qr(design / scale)
    solution = np.linalg.solve(r, q.T @ y) / scale
    residual = y - design @ solution
    inverse = np.linalg.inv(r) / scale[:, None]
    variance = float(residual @ residual) / max(y.size - design.shape[1], 1)
    return solution, variance * inverse @ inverse.T


def _as_ccgcrv(t: Float, y: Float, polynomial: int, harmonics: int) -> Float:
    """Return the coefficients NOAA's programme stops at.

    MINPACK's lmdif (More, Garbow and Hillstrom 1980, ANL-80-74) with its usual tolerances, starting from ones. Its
    forward differences carry the rounding of the function, so sums are taken in the order of that programme: Horner's
    scheme, then the harmonics one after the other.
    """
    from scipy.optimize import leastsq

    angle = 2 * np.pi * t
    waves = [(np.sin(k * angle), np.cos(k * angle)) for k in range(1, harmonics + 1)]

    def residual(p: Float) -> Float:
        season = np.zeros(t.size)
        for k, (sine, cosine) in enumerate(waves):
            at = polynomial + 2 * k
            season += p[at] * sine + p[at + 1] * cosine
        return y - (np.polyval(p[polynomial - 1 :: -1], t) + season)

    found: Float = leastsq(residual, np.ones(polynomial + 2 * harmonics))[0]
    return found


def _even(t: Float, residual: Float, step: float, long: float) -> tuple[Float, Float, Float]:
    """Return grid, straightened residuals on it, and the line that was taken away, on the grid."""
    intercept, slope = 0.0, 0.0
    if t[-1] - t[0] >= long / DAYS:
        end = long / DAYS / 4
        near = (t <= t[0] + end) | (t >= t[-1] - end)
        slope, intercept = (float(v) for v in np.polyfit(t[near], residual[near], 1))
    grid = np.arange(t[0], t[-1] + step / 2, step)
    grid[-1] = t[-1]
    unique, place = np.unique(t, return_inverse=True)
    mean = np.bincount(place, residual - (intercept + slope * t)) / np.bincount(place)
    return grid, np.interp(grid, unique, mean), intercept + slope * grid


def _response(frequency: npt.NDArray[np.floating], cutoff: float) -> Float:
    """Return the filter at frequencies per year (Thoning 1989, equation 2)."""
    return 2.0 ** -np.minimum((frequency * cutoff / DAYS) ** POWER, CLIP)


def _low_pass(even: Float, step: float, cutoff: float) -> Float:
    size = 1 << (even.size - 1).bit_length()
    start = (size - even.size) // 2
    padded = np.zeros(size)
    padded[start : start + even.size] = even
    transform = np.fft.rfft(padded) * _response(np.fft.rfftfreq(size, step), cutoff)
    return np.fft.irfft(transform, size)[start : start + even.size]


def _noise(residual: Float) -> tuple[float, float]:
    """Return variance and lag 1 autocorrelation of residuals about a curve."""
    centred = residual - residual.mean()
    variance = float(centred @ centred) / (centred.size - 1)
    return variance, float(np.clip(centred[1:] @ centred[:-1] / (centred @ centred), 0.0, 0.99))


def _variances(residual: Float, step: float, cutoff: float) -> tuple[float, float]:
    """Return the variances of a filtered curve and of its slope (Thoning 1989, appendix).

    The sum over the squared weights of the filter and their products, with residuals correlated as r1^k, is taken in
    the frequency domain: the mean over frequencies of response squared times the spectrum of a first-order process.
    """
    variance, r1 = _noise(residual)
    size = 1 << 14
    frequency = np.asarray(np.fft.fftfreq(size, step), np.float64)
    spectrum = variance * (1 - r1**2) / np.abs(1 - r1 * np.exp(-2j * np.pi * frequency * step)) ** 2
    passed = _response(np.asarray(np.abs(frequency)), cutoff) ** 2 * spectrum
    return float(passed.mean()), float(((2 * np.pi * frequency) ** 2 * passed).mean())


def _curves(
    data: tuple[Float, Float, Float],
    function: tuple[float, Float, Float, int, int],
    filtered: tuple[Float, Float, Float, Float],
    filters: tuple[float, float, float],
) -> CurveFit:
    """Return the curves and their uncertainties."""
    from scipy.interpolate import CubicSpline

    t, y, residual = data
    zero, fitted, covariance, polynomial, harmonics = function
    grid, even, near, far = filtered
    step, short, long = filters
    design = harmonic_design(grid, polynomial, harmonics)
    poly = design[:, :polynomial] @ fitted[:polynomial]
    smooth, trend = design @ fitted + near, poly + far
    slope = np.stack([k * grid ** max(k - 1, 0) for k in range(polynomial)], axis=1)
    growth = slope @ fitted[:polynomial] + CubicSpline(grid, far)(grid, 1)
    of_poly = covariance[:polynomial, :polynomial]

    def spread(columns: Float, matrix: Float) -> Float:
        return np.einsum("ij,jk,ik->i", columns, matrix, columns)

    var_short, _ = _variances(even - near, step, short)
    var_long, var_slope = _variances(even - far, step, long)
    of_harmonics = spread(design[:, polynomial:], covariance[polynomial:, polynomial:])
    return CurveFit(
        zero, fitted, covariance, polynomial, harmonics, grid + zero, smooth, trend, smooth - trend, growth,
        u_smooth=np.sqrt(var_short + spread(design, covariance)),
        u_trend=np.sqrt(var_long + spread(design[:, :polynomial], of_poly)),
        u_season=np.sqrt(var_short + var_long + of_harmonics),
        u_growth=np.sqrt(var_slope + spread(slope, of_poly)),
        sd_function=float(np.std(residual, ddof=1)),
        sd_smooth=float(np.std(y - np.interp(t, grid, smooth), ddof=1)),
    )  # fmt: skip
