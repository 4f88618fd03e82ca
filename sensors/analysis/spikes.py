"""Short spikes of nearby sources: the standard-deviation method and REBS.

References
----------
El Yazidi, A. et al. (2018), Identification of spikes associated with local sources in continuous time series of
atmospheric CO, CO2 and CH4, Atmos. Meas. Tech. 11, 1599-1614, doi 10.5194/amt-11-1599-2018: section 2.3 (sd method,
alpha 1 for CO2 and CH4, 3 for CO), section 2.4 (REBS, beta).
Cristofanelli, P. et al. (2023), Atmos. Meas. Tech. 16, 5977-5994: beta 8 for one-hour REBS windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["flag_spikes", "rebs_spikes", "sd_spikes", "spikes"]

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

ALPHA = {"co": 3.0}  # multiple of sigma by species; 1 for all others
BETA = 8.0
DAY = 86_400.0


def sd_spikes(
    seconds: npt.ArrayLike, values: npt.ArrayLike, *, alpha: float = 1.0, window: float = DAY, longest: float = 7200.0
) -> Bool:
    """Mark spikes by the standard-deviation method.

    Parameters
    ----------
    seconds, values : (n,) array
        Times in seconds, rising, and values; NaN is missing.
    alpha : float
        Multiple of sigma.
    window : float
        Length in seconds of the windows in which sigma, the standard deviation of the values between the quartiles, is
        taken.
    longest : float
        Longest spike in seconds; what stays up longer is a new level, not a spike.

    Returns
    -------
    (n,) array of bool
    """
    from sensors.analysis._kernels import checks

    t, y = _checked(seconds, values)
    place = np.floor((t - t[0]) / window).astype(np.int64)
    sigma = np.full(int(place[-1]) + 1, np.nan)
    edges = np.searchsorted(place, np.arange(sigma.size + 1))
    for k in range(sigma.size):
        inside = y[edges[k] : edges[k + 1]]
        inside = inside[np.isfinite(inside)]
        if inside.size >= 20:
            low, high = np.quantile(inside, [0.25, 0.75])
            middle = inside[(inside >= low) & (inside <= high)]
            sigma[k] = middle.std(ddof=1) if middle.size > 1 else np.nan
    step = float(np.median(np.diff(t))) if t.size > 1 else 1.0
    marked = np.zeros(y.size, bool)
    checks.sd_spikes(y, place, sigma, float(alpha), max(int(longest / max(step, 1e-9)), 1), marked)
    return marked


def rebs_spikes(
    seconds: npt.ArrayLike, values: npt.ArrayLike, *, beta: float = BETA, width: float = 3600.0, chunk: float = DAY
) -> Bool:
    """Mark spikes as values more than `beta` scales above a REBS baseline of short neighbourhoods.

    Parameters
    ----------
    seconds, values : (n,) array
        Times in seconds, rising, and values; NaN is missing.
    beta : float
        Scales above the baseline.
    width : float
        Neighbourhood in seconds.
    chunk : float
        Length of the pieces in seconds; each has its own scale, and borrows one neighbourhood on both sides.

    Returns
    -------
    (n,) array of bool
    """
    from sensors.analysis.rebs import rebs

    t, y = _checked(seconds, values)
    marked = np.zeros(y.size, bool)
    step = float(np.median(np.diff(t))) if t.size > 1 else 1.0
    near = max(int(width / max(step, 1e-9)), 5)
    for begin in np.arange(t[0], t[-1] + 1e-9, chunk):
        a, b = np.searchsorted(t, [begin - width, begin + chunk + width])
        inside = slice(int(a), int(b))
        if np.isfinite(y[inside]).sum() < max(20, near):
            continue
        try:
            fit = rebs(t[inside], y[inside], neighbours=near, fits=max(int((chunk + 2 * width) / width) * 8, 16))
        except InputError:  # no scatter: nothing can be a spike
            continue
        own = (t[inside] >= begin) & (t[inside] < begin + chunk)
        marked[inside] |= fit.above(y[inside], beta) & own
    return marked


def _checked(seconds: npt.ArrayLike, values: npt.ArrayLike) -> tuple[Float, Float]:
    t, y = np.ascontiguousarray(seconds, np.float64), np.ascontiguousarray(values, np.float64)
    if t.shape != y.shape or t.ndim != 1 or t.size == 0:
        raise InputError("times and values do not match, or there are none", found=f"{t.shape} and {y.shape}")
    if (np.diff(t) < 0).any():
        raise InputError("the times are not in order", need="times that do not fall")
    return t, np.where(np.isfinite(y), y, np.nan)


def spikes(ds: xr.Dataset, name: str | None = None, *, method: str = "rebs", **settings: Any) -> Bool:
    """Return which values of a variable are spikes, in the order of the Dataset.

    Parameters
    ----------
    ds : Dataset
        With ``time``.
    name : str, optional
        Variable.
    method : {"rebs", "sd"}
        Which method; `settings` go to :func:`rebs_spikes` or :func:`sd_spikes`.
    """
    from sensors.analysis.series import series

    found = series(ds, name)
    seconds = (found.time - found.time[0]).astype(np.int64) / 1e9
    if method == "sd":
        settings.setdefault("alpha", ALPHA.get(found.name, 1.0))
        marked = sd_spikes(seconds, found.values, **settings)
    elif method == "rebs":
        marked = rebs_spikes(seconds, found.values, **settings)
    else:
        raise InputError("the method is unknown", found=f"'{method}'", need="rebs or sd")
    result = np.empty(marked.size, bool)
    result[found.order] = marked
    return result


def flag_spikes(ds: xr.Dataset, name: str, marked: Bool) -> xr.Dataset:
    """Return the Dataset with spikes marked: reason SPIKE, flag SUSPECT where it was better; no value is dropped."""
    from ghg.core.dataset import merge_reason
    from ghg.core.flags import Flag, Reason

    if f"{name}_flag" not in ds:
        from ghg.core.flags import flag_attributes

        flags = np.where(np.isfinite(ds[name].values), int(Flag.GOOD), int(Flag.MISSING)).astype(np.int8)
        ds = ds.assign(
            {f"{name}_flag": (ds[name].dims, flags, {"long_name": f"{name}, flag", **flag_attributes(Flag)})}
        )
    return merge_reason(ds, name, marked.reshape(ds[name].shape), int(Reason.SPIKE), int(Flag.SUSPECT))
