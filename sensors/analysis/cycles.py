"""Daily and yearly cycles of a series: medians and quartiles by hour of local solar time, and by month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["cycles"]

Float = npt.NDArray[np.float64]
SEASONS = ("DJF", "MAM", "JJA", "SON")
LEAST = 3  # values of a cell below which it stays empty


def cycles(ds: xr.Dataset, name: str | None = None, *, longitude: float | None = None) -> xr.Dataset:
    """Return the daily cycle by season and the yearly cycle.

    Parameters
    ----------
    ds : Dataset
        With ``time``; values flagged BAD or MISSING are left out.
    name : str, optional
        Variable; may be left out where there is only one.
    longitude : float, optional
        Degrees east for local solar time (UTC + longitude / 15 h); by default the coordinate or attribute of the
        Dataset, else UTC.

    Returns
    -------
    Dataset
        dims (season, hour): ``daily_median``, ``daily_low``, ``daily_high`` (quartiles) of the departure from the mean
        of its solar day, ``daily_n``; (month): ``monthly_median``, ``monthly_low``, ``monthly_high``, ``monthly_n``
        of the values. Cells with fewer than three values are NaN; days with fewer than half of the usual number of
        values do not enter the daily cycle, whose mean would be that of the hours that are there.
    """
    import xarray as xr

    from sensors.analysis.series import series

    found = series(ds, name)
    if longitude is None:
        given = ds["longitude"].values if "longitude" in ds.variables else ds.attrs.get("longitude", 0.0)
        longitude = float(np.asarray(given, float).ravel()[0])
    if not -180.0 <= longitude <= 360.0:
        raise InputError("the longitude is out of range", found=f"{longitude:g}", need="-180 to 360")
    there = np.isfinite(found.values)
    y = found.values[there]
    solar = found.time[there].astype("datetime64[s]").astype(np.int64) + round(longitude * 240.0)
    month = solar.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12
    departure = _from_daily_mean(solar // 86_400, y)
    use = np.isfinite(departure)
    hour, season = solar % 86_400 // 3600, (month + 1) % 12 // 3
    daily = _quartiles(season[use] * 24 + hour[use], departure[use], 96)
    monthly = _quartiles(month, y, 12)
    unit = {"units": found.units}
    data: dict[str, Any] = {}
    for kind, cells, dims, words in (("daily", [c.reshape(4, 24) for c in daily], ("season", "hour"), "departure from "
                                      "the mean of the day"), ("monthly", monthly, ("month",), "value")):  # fmt: skip
        for key, values, what in zip(("median", "low", "high"), cells[:3], ("median", "lower quartile",
                                     "upper quartile"), strict=True):  # fmt: skip
            data[f"{kind}_{key}"] = (dims, values, {"long_name": f"{found.name}, {words}, {what}", **unit})
        data[f"{kind}_n"] = (dims, cells[3].astype(np.int32), {"long_name": "number of values", "units": "1"})
    coords = {
        "season": ("season", np.array(SEASONS), {"long_name": "season, by its months"}),
        "hour": ("hour", np.arange(24, dtype=np.int32), {"long_name": "hour of local solar time", "units": "1"}),
        "month": ("month", np.arange(1, 13, dtype=np.int32), {"long_name": "month", "units": "1"}),
    }
    return xr.Dataset(data, coords, {"title": f"Daily and yearly cycle of {found.name}", "source": "measured series"})


def _from_daily_mean(day: npt.NDArray[np.int64], y: Float) -> Float:
    """Return the departures from the mean of each day, NaN on days with fewer than half of the usual number."""
    _, place, count = np.unique(day, return_inverse=True, return_counts=True)
    mean = np.bincount(place, y) / count
    return np.where(count[place] >= 0.5 * np.median(count), y - mean[place], np.nan)


def _quartiles(cell: npt.NDArray[np.int64], y: Float, cells: int) -> tuple[Float, Float, Float, Float]:
    """Return median, lower and upper quartile, and number of each cell."""
    out = np.full((3, cells), np.nan)
    count = np.bincount(cell, minlength=cells)
    order = np.argsort(cell, kind="stable")
    for k, part in enumerate(np.split(y[order], np.cumsum(count)[:-1])):
        if part.size >= LEAST:
            out[:, k] = np.percentile(part, (50, 25, 75))
    return out[0], out[1], out[2], count.astype(np.float64)
