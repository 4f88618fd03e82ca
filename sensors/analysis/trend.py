"""Trend, season and growth of a variable of a Dataset, from the fit of a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sensors.analysis.curvefit import LONG, SHORT, CurveFit, Float, Minimiser, curve_fit
from sensors.analysis.season import growth_by_year
from sensors.analysis.series import from_decimal_years, series

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["fit_series"]


def fit_series(
    ds: xr.Dataset,
    name: str | None = None,
    *,
    polynomial: int = 3,
    harmonics: int = 4,
    short: float = SHORT,
    long: float = LONG,
    step: float | None = None,
    minimiser: Minimiser = "exact",
) -> xr.Dataset:
    """Fit trend and season to a variable of a Dataset.

    Parameters
    ----------
    ds : Dataset
        With ``time``; values flagged BAD or MISSING are left out.
    name : str, optional
        Variable; may be left out where there is only one.
    polynomial, harmonics, short, long, step, minimiser
        As for :func:`~sensors.analysis.curvefit.curve_fit`.

    Returns
    -------
    Dataset
        dims (time): ``smooth``, ``trend``, ``season`` in the unit of the variable and ``growth_rate`` per year, each
        with ``_u_random``; (coefficient): ``coefficients`` and their standard uncertainties.
    """
    found = series(ds, name)
    fit = curve_fit(found.years, found.values, polynomial=polynomial, harmonics=harmonics, short=short, long=long,
                    step=step, minimiser=minimiser)  # fmt: skip
    result = _dataset(fit, found.name, found.units, from_decimal_years(fit.years))
    if cf := found.attrs.get("standard_name"):
        for key in ("smooth", "trend"):
            result[key].attrs["standard_name"] = cf
            result[f"{key}_u_random"].attrs["standard_name"] = f"{cf} standard_error"
    result.attrs["cutoffs_days"] = [float(short), float(long)]
    for key in ("scale", "site", "height", "humidity"):
        if key in found.attrs:
            result.attrs[key] = found.attrs[key]
    return result.merge(growth_by_year(fit, found.units), combine_attrs="override")


def _dataset(fit: CurveFit, name: str, units: str, times: npt.NDArray[np.datetime64]) -> xr.Dataset:
    import xarray as xr

    rate = f"{units} year-1"
    curves = {
        "smooth": (fit.smooth, fit.u_smooth, units, f"smooth curve of {name}"),
        "trend": (fit.trend, fit.u_trend, units, f"deseasonalised trend of {name}"),
        "season": (fit.season, fit.u_season, units, f"seasonal cycle of {name}: smooth curve minus trend"),
        "growth_rate": (fit.growth, fit.u_growth, rate, f"growth rate of {name}: slope of the trend"),
    }
    data: dict[str, tuple[tuple[str], Float, dict[str, str]]] = {}
    for key, (value, u, unit, words) in curves.items():
        data[key] = (("time",), value, {"long_name": words, "units": unit})
        data[f"{key}_u_random"] = (("time",), u, {"long_name": f"{words}, standard uncertainty", "units": unit,
                                       "comment": "k = 1; sampling and weather, correlated in time."})  # fmt: skip
    labels = [f"poly{k}" for k in range(fit.polynomial)]
    labels += [f"{part}{k}" for k in range(1, fit.harmonics + 1) for part in ("sin", "cos")]
    words = {"long_name": "coefficients of the function", "units": units,
             "comment": "polyk in units per year to the power k; time counts from function_zero_year."}  # fmt: skip
    data["coefficients"] = (("coefficient",), fit.coefficients, words)
    data["coefficients_u_random"] = (("coefficient",), np.sqrt(np.diag(fit.covariance)),
                                     {**words, "long_name": "standard uncertainty of the coefficients"})  # fmt: skip
    coords = {"time": times, "coefficient": ("coefficient", np.array(labels), {"long_name": "term of the function"})}
    attrs = {
        "title": f"Trend and season of {name}",
        "source": "polynomial, harmonics and low-pass filters (Thoning et al. 1989)",
        "function_zero_year": fit.zero,
        "sd_about_function": fit.sd_function,
        "sd_about_smooth": fit.sd_smooth,
    }
    return xr.Dataset(data, coords=coords, attrs=attrs)
