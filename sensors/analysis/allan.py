"""The Allan family: how noise falls with averaging time, with confidence, and with gaps.

An analyser measuring a tank is to be read as a frequency record: the deviation at an averaging time is the scatter,
from one average to the next, of averages over that time. Phase records (clocks) are accepted for comparison with
published values.

References
----------
Riley, W. J. (2008), Handbook of Frequency Stability Analysis, NIST Special Publication 1065, section 5.2:
equations 8 (ADEV), 10 (OADEV), 12 (MDEV), 15 (TDEV), 17 and 19 (HDEV, overlapping), 25 (TOTDEV).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from sensors.analysis import edf as freedom

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["STATISTICS", "allan", "averaging_factors", "deviations"]

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

STATISTICS = ("adev", "oadev", "mdev", "tdev", "hdev", "ohdev", "totdev")
NAMES = {
    "adev": "Allan deviation", "oadev": "overlapping Allan deviation", "mdev": "modified Allan deviation",
    "tdev": "time deviation", "hdev": "Hadamard deviation", "ohdev": "overlapping Hadamard deviation",
    "totdev": "total deviation",
}  # fmt: skip
SPAN = {"adev": 2, "oadev": 2, "mdev": 3, "tdev": 3, "hdev": 3, "ohdev": 3, "totdev": 1}
GAPPED = {"adev": "allan", "oadev": "allan", "mdev": "modified", "tdev": "modified", "hdev": "hadamard",
          "ohdev": "hadamard", "totdev": "total"}  # fmt: skip


def averaging_factors(points: int, kind: str | Sequence[int] = "octave") -> Int:
    """Return averaging factors: octaves (1, 2, 4 ...), decades (1, 2, 4, 10 ...), all of them, or a list."""
    top = max((points - 1) // 2, 1)
    if not isinstance(kind, str):
        chosen = np.unique(np.asarray(kind, np.int64))
        if chosen.size == 0 or chosen[0] < 1:
            raise InputError("averaging factors begin at 1", found=str(list(kind)))
        return chosen
    if kind == "octave":
        return 2 ** np.arange(int(np.log2(top)) + 1)
    if kind == "decade":
        steps = np.outer(10 ** np.arange(19, dtype=np.int64)[: len(str(top))], [1, 2, 4]).ravel()
        return steps[steps <= top]
    if kind == "all":
        return np.arange(1, top + 1)
    raise InputError("the choice of averaging times is unknown", found=f"'{kind}'", need="octave, decade or all")


def deviations(
    values: npt.ArrayLike,
    statistic: str = "oadev",
    factors: str | Sequence[int] | Int = "octave",
    *,
    step: float = 1.0,
    phase: bool = False,
) -> dict[str, Float]:
    """Return the deviation of a regular record by averaging time.

    Parameters
    ----------
    values : (n,) array
        Frequency (any quantity that is averaged), or phase in seconds; NaN is missing. Frequency with gaps is
        answered without bias from the variogram (:mod:`sensors.analysis.variogram`); phase with gaps loses the
        differences that touch a gap.
    statistic : {"adev", "oadev", "mdev", "tdev", "hdev", "ohdev", "totdev"}
        Which deviation.
    factors : str or sequence of int
        As for :func:`averaging_factors`.
    step : float
        Sampling interval in seconds.
    phase : bool
        What `values` are.

    Returns
    -------
    dict
        ``tau`` [s], ``deviation`` (unit of `values`; of phase: 1; ``tdev``: that times s) and ``terms``; where there
        are fewer than one term, NaN.

    Raises
    ------
    InputError
        Unknown statistic, fewer than three values.
    """
    if statistic not in STATISTICS:
        raise InputError("the statistic is unknown", found=f"'{statistic}'", need=", ".join(STATISTICS))
    data = np.ascontiguousarray(values, np.float64)
    if data.ndim != 1 or np.isfinite(data).sum() < 3:
        raise InputError("the record is too short", found=f"{np.isfinite(data).sum()} values", need="at least 3")
    points = data.size if phase else data.size + 1
    chosen = averaging_factors(points, factors if isinstance(factors, str) else list(factors))
    if not phase and np.isnan(data).any():
        variance, terms = gapped_variance(data, chosen, statistic)
    else:
        x = data if phase else np.concatenate([[0.0], np.cumsum(data - data.mean()) * step])
        variance, terms = phase_variance(x, chosen, statistic, step)
    tau: Float = np.asarray(chosen * step, np.float64)
    with np.errstate(invalid="ignore"):
        deviation = np.sqrt(variance)
    if statistic == "tdev":
        deviation = deviation * tau / np.sqrt(3.0)
    return {"tau": tau, "deviation": deviation, "terms": terms.astype(float)}


def phase_variance(x: Float, factors: Int, statistic: str, step: float) -> tuple[Float, Int]:
    """Return variances and numbers of terms of a phase record."""
    from sensors.analysis._kernels import allan as kernels

    x = np.ascontiguousarray(x, np.float64)
    if statistic in ("mdev", "tdev"):
        sums, terms = kernels.averaged(x, factors)
    elif statistic == "totdev":
        sums, terms = kernels.total(x, factors)
    else:
        sums, terms = kernels.differences(x, factors, 3 if "hdev" in statistic else 2, int(statistic[0] == "o"))
    share = 6.0 if "hdev" in statistic else 2.0
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(terms > 0, sums / terms / share, np.nan) / (factors * step) ** 2, terms


def gapped_variance(y: Float, factors: Int, statistic: str) -> tuple[Float, Int]:
    """Return variances of frequency with gaps, and the numbers of values that stand behind them."""
    from sensors.analysis.variogram import gapped

    variance = gapped(y, factors, GAPPED[statistic])
    present = int(np.isfinite(y).sum())
    return variance, np.where(np.isfinite(variance), np.maximum(present - SPAN[statistic] * factors + 1, 1), 0)


def exponents(values: Float, factors: Int, *, phase: bool) -> npt.NDArray[np.int64]:
    """Return the noise exponent at each averaging factor; where too few values are left, the last that was found."""
    result, last = np.zeros(len(factors), np.int64), 0
    for k, m in enumerate(int(f) for f in factors):
        found = freedom.noise_exponent(_averaged(values, m, phase), phase=phase) if values.size // m >= 30 else None
        last = last if found is None else found
        result[k] = last
    return result


def _averaged(values: Float, m: int, phase: bool) -> Float:
    if phase:
        return values[::m]
    blocks = values[: values.size // m * m].reshape(-1, m)
    there = np.isfinite(blocks)
    counts = there.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(2 * counts >= m, np.where(there, blocks, 0.0).sum(axis=1) / counts, np.nan)


def degrees(statistic: str, factors: Int, alpha: Int, points: int) -> Float:
    """Return the equivalent degrees of freedom at each averaging factor."""
    if statistic == "totdev":
        return np.array([freedom.total_edf(int(a), int(m), points) for m, a in zip(factors, alpha, strict=True)])
    order = 3 if "hdev" in statistic else 2
    least = {2: -2, 3: -4}[order]
    overlapping, modified = statistic not in ("adev", "hdev"), statistic in ("mdev", "tdev")
    return np.array([
        freedom.edf(max(int(a), least), order, int(m), points, overlapping=overlapping, modified=modified)
        for m, a in zip(factors, alpha, strict=True)
    ])  # fmt: skip


def allan(
    ds: xr.Dataset,
    name: str | None = None,
    *,
    statistics: Sequence[str] = ("oadev", "mdev", "hdev"),
    factors: str | Sequence[int] = "octave",
    confidence: float = 0.683,
    interval: float | None = None,
) -> xr.Dataset:
    """Return the Allan family of a series.

    Parameters
    ----------
    ds : Dataset
        With ``time``; the variable is read as frequency. Values flagged BAD or MISSING are gaps.
    name : str, optional
        Variable; may be left out where there is only one.
    statistics : sequence of str
        Of :data:`STATISTICS`.
    factors : str or sequence of int
        Averaging times in steps of the record: "octave", "decade", "all", or a list.
    confidence : float
        Probability of the two-sided interval, from the equivalent degrees of freedom of the noise found. With gaps
        the number of values present stands for the length of the record.
    interval : float, optional
        Step of the record in seconds; by default the commonest.

    Returns
    -------
    Dataset
        dims (statistic, tau): ``deviation``, ``deviation_low``, ``deviation_high``, ``degrees_of_freedom``; (tau):
        ``noise_exponent``; attributes ``gap_share``, ``best_averaging_time``.

    Raises
    ------
    InputError
        See :func:`sensors.analysis.series.series` and :func:`deviations`.
    """
    from sensors.analysis.series import on_grid, series

    found = series(ds, name)
    values, step = on_grid(found, interval)
    chosen = averaging_factors(values.size + 1, factors)
    alpha = exponents(values, chosen, phase=False)
    points = int(np.isfinite(values).sum()) + 1
    columns: dict[str, list[Float]] = {"deviation": [], "degrees_of_freedom": [], "low": [], "high": []}
    for statistic in statistics:
        deviation = deviations(values, statistic, list(chosen), step=step)["deviation"]
        nu = np.where(np.isfinite(deviation), degrees(statistic, chosen, alpha, points), np.nan)
        low, high = freedom.interval(deviation, nu, confidence)
        for key, column in zip(columns, (deviation, nu, low, high), strict=True):
            columns[key].append(column)
    gaps = float(np.isnan(values).mean())
    tau: Float = np.asarray(chosen * step, np.float64)
    return _dataset(found, {k: np.array(v) for k, v in columns.items()}, (list(statistics), tau, alpha),
                    {"interval_s": step, "gap_share": round(gaps, 6), "confidence": confidence})  # fmt: skip


def _dataset(found: Any, columns: dict[str, Float], axes: tuple[list[str], Float, Int], attrs: Any) -> xr.Dataset:
    import xarray as xr

    labels, tau, alpha = axes
    unit, dims = found.units, ("statistic", "tau")
    spread = f"unit of {found.name}; of tdev times s"
    words = {
        "deviation": {"long_name": f"deviation of {found.name} by averaging time", "units": unit, "comment": spread},
        "deviation_low": {"long_name": "lower end of the confidence interval", "units": unit},
        "deviation_high": {"long_name": "upper end of the confidence interval", "units": unit},
        "degrees_of_freedom": {"long_name": "equivalent degrees of freedom", "units": "1"},
    }
    keys = {"deviation": "deviation", "deviation_low": "low", "deviation_high": "high",
            "degrees_of_freedom": "degrees_of_freedom"}  # fmt: skip
    data: dict[str, Any] = {name: (dims, columns[key], words[name]) for name, key in keys.items()}
    data["noise_exponent"] = (("tau",), alpha.astype(np.int8), {
        "long_name": "exponent of the power-law noise of frequency", "flag_values": np.arange(-2, 3).astype(np.int8),
        "flag_meanings": "random_walk_fm flicker_fm white_fm flicker_pm white_pm"})  # fmt: skip
    first = columns["deviation"][0]
    best = int(np.nanargmin(first)) if np.isfinite(first).any() else 0
    coords: dict[str, Any] = {
        "statistic": ("statistic", np.array(labels), {"long_name": "statistic of the Allan family"}),
        "tau": ("tau", tau, {"long_name": "averaging time", "units": "s"}),
        "degrees_of_freedom": data.pop("degrees_of_freedom"),
    }
    head = {
        "title": f"Allan deviations of {found.name}",
        "source": "NIST SP 1065; confidence by Greenhall and Riley (2003)",
        "best_averaging_time": float(tau[best]),
        "time_coverage_start": f"{found.time[0].astype('datetime64[s]')}Z",
        "time_coverage_end": f"{found.time[-1].astype('datetime64[s]')}Z",
        "time_coverage_duration": f"PT{int((found.time[-1] - found.time[0]).astype('timedelta64[s]').astype(int))}S",
        "time_coverage_resolution": f"PT{attrs['interval_s']:g}S",
        **attrs,
    }
    return xr.Dataset(data, coords=coords, attrs=head)
