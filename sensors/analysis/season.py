"""Season, growth and their uncertainty from fits: deseasonalised records, growth by year and by decade."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from sensors.analysis.curvefit import CurveFit, harmonic_design

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["deseasonalise", "growth_by_period", "growth_by_year"]

Float = npt.NDArray[np.float64]


def deseasonalise(
    years: npt.ArrayLike,
    values: npt.ArrayLike,
    *,
    window: float | None = None,
    polynomial: int = 3,
    harmonics: int = 4,
) -> tuple[Float, Float]:
    """Return a record without its seasonal cycle.

    Parameters
    ----------
    years, values : (n,) array
        Decimal years in rising order and the record; NaN stays NaN.
    window : float, optional
        Width in years of the moving window in which the cycle is fitted (NOAA's published monthly values use 7); at
        the ends the first and last whole window. Without it one mean cycle serves the whole record.
    polynomial, harmonics : int
        Terms of the function that is fitted.

    Returns
    -------
    (n,) array, (n,) array
        The record without the cycle, and the cycle.

    Raises
    ------
    InputError
        Too few values, or a window wider than the record.

    References
    ----------
    Thoning et al. (1989), equation 1; NOAA GML, notes to the Mauna Loa monthly means (seasonal cycle of a moving
    seven-year window).
    """
    x, y = np.asarray(years, np.float64), np.asarray(values, np.float64)
    there = np.isfinite(x) & np.isfinite(y)
    need = 2 * (polynomial + 2 * harmonics)
    if there.sum() < need:
        raise InputError("too few values for a seasonal cycle", found=str(there.sum()), need=f"at least {need}")
    tx, ty = x[there], y[there]
    if (np.diff(tx) < 0).any():
        raise InputError("the times are not in order", need="times that do not fall")
    if window is None:
        zero = float(tx.mean())
        fitted = np.linalg.lstsq(harmonic_design(tx - zero, polynomial, harmonics), ty, rcond=None)[0]
        cycle = harmonic_design(x - zero, polynomial, harmonics)[:, polynomial:] @ fitted[polynomial:]
        return y - cycle, cycle
    if window > tx[-1] - tx[0] + 0.1:
        raise InputError("the window is wider than the record", found=f"{tx[-1] - tx[0]:.1f} years",
                         need=f"{window:g} years", hint="choose a narrower window or none")  # fmt: skip
    cycle = np.array([_moving(tx, ty, float(at), (window, polynomial, harmonics)) for at in x])
    return y - cycle, cycle


def _moving(tx: Float, ty: Float, at: float, settings: tuple[float, int, int]) -> float:
    window, polynomial, harmonics = settings
    low = min(max(at - window / 2, tx[0]), tx[-1] - window)
    a, b = np.searchsorted(tx, [low - 1e-6, low + window + 1e-6])
    if b - a < polynomial + 2 * harmonics + 3:
        return np.nan
    design = harmonic_design(tx[a:b] - at, polynomial, harmonics)
    fitted = np.linalg.lstsq(design, ty[a:b], rcond=None)[0]
    return float(fitted[polynomial + 1 :: 2].sum())  # at the centre every sine is zero and every cosine one


def growth_by_period(fit: CurveFit, starts: npt.ArrayLike, ends: npt.ArrayLike) -> tuple[Float, Float]:
    """Return the mean growth rate of periods and its standard uncertainty.

    Parameters
    ----------
    fit : CurveFit
        The fitted curve.
    starts, ends : (k,) array
        Decimal years.

    Returns
    -------
    (k,) array, (k,) array
        Difference of the trend over the period divided by its length, NaN where the fit does not reach; the
        uncertainties of both ends are taken as independent, as the correlation of the filtered residuals has died
        out within the long cutoff.
    """
    a, b = np.asarray(starts, np.float64), np.asarray(ends, np.float64)
    length = b - a
    growth = (fit.at(b, "trend") - fit.at(a, "trend")) / length
    return growth, np.hypot(fit.at(a, "u_trend"), fit.at(b, "u_trend")) / length


def growth_by_year(fit: CurveFit, units: str) -> xr.Dataset:
    """Return growth, amplitude and extremes of the season for each whole calendar year of a fit.

    The growth of a year is the trend at its end minus the trend at its beginning, as NOAA publishes it.
    """
    import xarray as xr

    first, last = int(np.ceil(fit.years[0] - 1e-9)), int(np.floor(fit.years[-1] + 1e-9))
    year = np.arange(first, last)
    growth, u = growth_by_period(fit, year, year + 1.0)
    high, low, when_high, when_low = (np.full(year.size, np.nan) for _ in range(4))
    for k, one in enumerate(year):
        inside = np.flatnonzero((fit.years >= one) & (fit.years < one + 1))
        top, bottom = inside[np.argmax(fit.season[inside])], inside[np.argmin(fit.season[inside])]
        high[k], low[k] = fit.season[top], fit.season[bottom]
        when_high[k], when_low[k] = fit.years[top], fit.years[bottom]
    words = {
        "annual_growth": (growth, "growth of the trend from the first of January to the next", f"{units} year-1"),
        "annual_growth_u_random": (u, "standard uncertainty of the annual growth", f"{units} year-1"),
        "season_maximum": (high, "greatest value of the seasonal cycle in the year", units),
        "season_minimum": (low, "least value of the seasonal cycle in the year", units),
        "season_amplitude": (high - low, "peak-to-trough amplitude of the seasonal cycle in the year", units),
        "date_of_maximum": (when_high, "decimal year of the maximum", "1"),
        "date_of_minimum": (when_low, "decimal year of the minimum", "1"),
    }
    data = {name: (("year",), value, {"long_name": text, "units": unit}) for name, (value, text, unit) in words.items()}
    coords = {"year": ("year", year.astype(np.int32), {"long_name": "calendar year", "units": "1"})}
    return xr.Dataset(data, coords=coords)
