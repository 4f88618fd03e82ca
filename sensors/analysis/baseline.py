"""The background signal of a record: REBS, the curve fit, a running percentile, or chosen hours and winds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["METHODS", "baseline", "percentile_baseline", "selected"]

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

METHODS = ("rebs", "curve", "percentile", "afternoon")
DAY = 86_400.0


def baseline(
    ds: xr.Dataset,
    name: str | None = None,
    *,
    method: str = "rebs",
    width: float = 60.0,
    percentile: float = 10.0,
    times: float = 3.0,
    hours: tuple[float, float] = (12.0, 17.0),
    longitude: float | None = None,
    wind: str | None = None,
    least_wind: float = 2.0,
) -> xr.Dataset:
    """Return the background signal of a variable, and which values belong to it.

    Parameters
    ----------
    ds : Dataset
        With ``time``; values flagged BAD or MISSING are left out.
    name : str, optional
        Variable.
    method : {"rebs", "curve", "percentile", "afternoon"}
        REBS (Ruckstuhl 2012); the smooth curve of Thoning (1989) after leaving out, step by step, what lies more than
        `times` residual standard deviations away; a running percentile; or REBS over the well-mixed hours only.
    width : float
        Neighbourhood in days (REBS, percentile).
    percentile : float
        Which percentile.
    times : float
        Scales above (REBS, curve: on both sides) beyond which a value is not background.
    hours : (float, float)
        Begin and end of the chosen hours of local solar time (afternoon).
    longitude : float, optional
        Degrees east, for local solar time; by default the attribute or coordinate of the Dataset, else UTC.
    wind, least_wind
        Variable of wind speed (m s-1), and the least wind (afternoon).

    Returns
    -------
    Dataset
        dims (time): the variable, ``baseline``, ``excess`` (variable minus baseline), ``is_baseline`` (int8), and the
        attribute ``baseline_noise``: standard deviation of the background about the baseline.
    """
    from sensors.analysis.rebs import rebs
    from sensors.analysis.series import series

    if method not in METHODS:
        raise InputError("the method is unknown", found=f"'{method}'", need=", ".join(METHODS))
    found = series(ds, name)
    days = (found.time - found.time[0]).astype(np.int64) / 1e9 / DAY
    y = found.values
    if method == "rebs":
        fit = rebs(days, y, width=width)
        level, scale = fit.baseline, fit.noise
    elif method == "curve":
        level, scale = _curve(found.years, y, times)
    elif method == "percentile":
        level = percentile_baseline(days, y, width, percentile)
        below = (y - level)[y <= level]
        scale = float(1.4826 * np.median(np.abs(below))) if below.size else float("nan")
    else:
        chosen = selected(ds, found, hours, longitude, wind, least_wind)
        fit = rebs(days, np.where(chosen, y, np.nan), width=width)
        there = np.isfinite(fit.baseline)
        level, scale = np.interp(days, days[there], fit.baseline[there]), fit.noise
    with np.errstate(invalid="ignore"):
        member = np.isfinite(y) & (y - level <= times * scale)
        if method == "curve":
            member &= level - y <= times * scale
        if method == "afternoon":
            member &= chosen
    result = _dataset(found, level, member, {"method": method, "baseline_noise": scale})
    if "time_bounds" in ds and ds["time_bounds"].shape == (found.time.size, 2):
        result["time_bounds"] = ds["time_bounds"].isel(time=found.order).variable
    return result


def _curve(years: Float, y: Float, times: float) -> tuple[Float, float]:
    from sensors.analysis.curvefit import curve_fit

    kept = np.isfinite(y)
    level, scale = y, np.inf
    for _ in range(20):
        fit = curve_fit(years[kept], y[kept])
        level = fit.at(np.clip(years, fit.years[0], fit.years[-1]))
        scale = fit.sd_smooth
        with np.errstate(invalid="ignore"):
            again = np.isfinite(y) & (np.abs(y - level) <= times * scale)
        if (again == kept).all():
            break
        kept = again
    return level, scale


def percentile_baseline(days: Float, y: Float, width: float, percentile: float) -> Float:
    """Return a running percentile: of each window of `width` days, joined by straight lines between their centres."""
    if not 0 < percentile < 100:
        raise InputError("the percentile is out of range", found=str(percentile), need="between 0 and 100")
    centres = np.arange(days[0], days[-1] + width / 4, width / 4)
    low, high = np.searchsorted(days, centres - width / 2), np.searchsorted(days, centres + width / 2, side="right")
    values = np.full(centres.size, np.nan)
    for k, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        inside = y[a:b][np.isfinite(y[a:b])]
        if inside.size >= 5:
            values[k] = np.percentile(inside, percentile)
    there = np.isfinite(values)
    if not there.any():
        raise InputError("no window holds enough values for a percentile", need="at least 5 in a window",
                         hint="widen the window")  # fmt: skip
    return np.interp(days, centres[there], values[there])


def selected(
    ds: xr.Dataset, found: Any, hours: tuple[float, float], longitude: float | None, wind: str | None, least: float
) -> Bool:
    """Return which values fall into the chosen hours of local solar time, and into enough wind."""
    if longitude is None:
        given = ds["longitude"].values if "longitude" in ds.variables else ds.attrs.get("longitude", 0.0)
        longitude = float(np.asarray(given, float).ravel()[0])
    seconds = found.time.astype("datetime64[s]").astype(np.int64)
    solar = (seconds / 3600.0 + longitude / 15.0) % 24.0
    chosen = (solar >= hours[0]) & (solar < hours[1])
    if wind is not None:
        if wind not in ds:
            raise InputError(f"variable '{wind}' is missing", found=", ".join(map(str, ds.data_vars)))
        from ghg.core.units import convert

        speed = np.asarray(convert(ds[wind].values.ravel(), ds[wind].attrs.get("units"), "m s-1", name=wind), float)
        with np.errstate(invalid="ignore"):
            chosen &= speed[found.order] >= least
    if not chosen.any():
        raise InputError("no value falls into the chosen hours and winds", found=f"{hours[0]:g} to {hours[1]:g} h",
                         hint="widen the choice")  # fmt: skip
    return np.asarray(chosen, bool)


def _dataset(found: Any, level: Float, member: Bool, attrs: dict[str, Any]) -> xr.Dataset:
    import xarray as xr

    unit = {"units": found.units}
    named = {k: found.attrs[k] for k in ("standard_name",) if k in found.attrs}
    data: dict[str, Any] = {
        found.name: (("time",), found.values, {"long_name": found.name, **found.attrs}),
        "baseline": (("time",), level, {"long_name": f"background of {found.name}", **named, **unit}),
        "excess": (("time",), found.values - level, {"long_name": f"{found.name} above its background", **unit}),
        "is_baseline": (("time",), member.astype(np.int8), {
            "long_name": f"{found.name} belongs to the background", "flag_values": np.array([0, 1], np.int8),
            "flag_meanings": "disturbed background"}),
    }  # fmt: skip
    head = {"title": f"Background of {found.name}", "source": "measured series", **attrs}
    return xr.Dataset(data, coords={"time": found.time}, attrs=head)
