"""What filling does to the emission: its share, its bias against the smoothed estimate, and its uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.flags import Reason
from ghg.core.time import seconds
from ghg.core.variables import SPECS, Variable, attributes, register
from sensors.missing.config import MissingConfig
from sensors.missing.fill import Filled, fill_records

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["filled_emission"]

Array = npt.NDArray[np.float64]
DIMS = ("source", "time")

for _v in (
    Variable("substituted_share", "1", "share of operating hours that were filled", "Hours in which at least one input "
             "was filled by the missing-data regime, over operating hours.", dims=("source",)),
    Variable("substitution_bias", "kg", "what substitution adds to the emission", "Emission as filled minus the "
             "emission with the smoothed estimate in its place.", dims=("source",), positive=False),
    Variable("emission_substitution_bias", "kg s-1", "what substitution adds to the emission of each interval",
             "As filled minus as with the smoothed estimate in its place.", dims=DIMS, positive=False),
    Variable("substitution_bias_u", "kg", "standard uncertainty of what substitution adds", "k = 1; errors taken as "
             "fully correlated within a gap and independent between gaps.", dims=("source",)),
):  # fmt: skip
    if _v.name not in SPECS:
        register(_v)


def filled_emission(
    records: xr.Dataset, config: MissingConfig, emit: Callable[[xr.Dataset], xr.Dataset] | None
) -> tuple[xr.Dataset, list[str]]:
    """Fill the records, compute the emission, and attach share, bias and uncertainty of the filling.

    Parameters
    ----------
    records : Dataset
        Channels, or a MEASURED Dataset.
    config : MissingConfig
        The regime.
    emit : callable, optional
        Computes the MEASURED Dataset from channels; None where the records hold the emission.

    Returns
    -------
    Dataset, list of str
        MEASURED with ``substituted_share``, ``substitution_bias`` and ``substitution_bias_u`` by source, and
        ``emission_substitution_bias`` by interval. In
        filled hours ``emission_u_random`` holds the uncertainty of the estimate times the square root of the gap's
        length, so that sums over a gap have its fully correlated uncertainty; under a regime the systematic
        component ``substitution`` is the difference from the estimate.
    """
    out, done, notes = fill_records(records, config)
    any_filled = np.any([d.filled for d in done.values()], axis=0)
    length = np.max([d.length for d in done.values()], axis=0)
    if emit is None:
        result, estimate, u = _reported(out, done["emission"])
    else:
        result = emit(out)
        base = _rate(result)
        estimate = _rate(emit(_replaced(out, {n: d.estimate for n, d in done.items()})))
        parts = [_rate(emit(_replaced(out, {n: d.values + d.u}))) - base for n, d in done.items() if d.filled.any()]
        u = np.sqrt(sum((p * p for p in parts), start=np.zeros(base.shape)))
    emission = _rate(result)
    bias = np.where(any_filled, emission - estimate, 0.0)
    u = np.where(any_filled, u, 0.0)
    result = _uncertain(result, bias, u, np.sqrt(np.maximum(length, 1)))
    if config.regime == "none":
        reason = result["emission_reason"].transpose(*DIMS)
        marked = np.where(any_filled, reason.values | int(Reason.INTERPOLATED), reason.values).astype(np.int32)
        result = result.assign(emission_reason=(DIMS, marked, reason.attrs))
    return _totals(result, any_filled, bias, u, length, config, notes)


def _rate(ds: xr.Dataset) -> Array:
    return ds["emission"].transpose(*DIMS).values.astype(np.float64)


def _replaced(ds: xr.Dataset, values: dict[str, Array]) -> xr.Dataset:
    return ds.assign({name: (DIMS, array, ds[name].attrs) for name, array in values.items()})


def _reported(ds: xr.Dataset, done: Filled) -> tuple[xr.Dataset, Array, Array]:
    """Return a MEASURED Dataset whose uncertainties are filled by the mean ratio of the source, estimate and its u."""
    values = {}
    for name in (str(v) for v in ds.data_vars if str(v).startswith(("emission_u_random", "emission_u_systematic"))):
        part = ds[name].transpose(*DIMS).values
        known = np.isfinite(part) & np.isfinite(done.values) & ~done.filled
        whole = np.where(known, done.values, 0.0).sum(axis=1, keepdims=True)
        ratio = np.where(known, part, 0.0).sum(axis=1, keepdims=True) / np.where(whole > 0, whole, 1.0)
        values[name] = np.where(done.filled, ratio * done.values, part)
    return _replaced(ds, values), done.estimate, done.u


def _uncertain(ds: xr.Dataset, bias: Array, u: Array, root: Array) -> xr.Dataset:
    """Return the emission with the uncertainty of the filling added."""
    random = ds["emission_u_random"].transpose(*DIMS)
    told = "In filled hours scaled by the square root of the gap's length, so that sums over a gap are right."
    attrs = {**random.attrs, "comment": f"{random.attrs.get('comment', '')} {told}".strip()}
    values: dict[str, Any] = {"emission_u_random": (DIMS, np.hypot(random.values, u * root), attrs)}
    if np.nan_to_num(bias).any():
        whole = ds["emission_u_systematic"].transpose(*DIMS)
        name = "emission_u_systematic_substitution"
        before = ds[name].transpose(*DIMS).values if name in ds else np.zeros(bias.shape)
        part = np.hypot(np.nan_to_num(before), np.abs(bias))
        rest = np.sqrt(np.maximum(whole.values**2 - np.nan_to_num(before) ** 2, 0.0))
        names = str(whole.attrs.get("components", "")).split()
        names += [] if "substitution" in names else ["substitution"]
        values[name] = (DIMS, part + 0.0 * whole.values, attributes(name))
        values["emission_u_systematic"] = (DIMS, np.hypot(rest, part), {**whole.attrs, "components": " ".join(names)})
    return ds.assign(values)


def _totals(
    ds: xr.Dataset, filled: npt.NDArray[np.bool_], bias: Array, u: Array, length: Any, config: MissingConfig,
    notes: list[str],
) -> tuple[xr.Dataset, list[str]]:  # fmt: skip
    """Attach share, bias and its uncertainty by source."""
    step = seconds(ds["time_bounds"].values)
    on = np.ones(filled.shape, bool)
    if "operating_time" in ds:
        on = ~(ds["operating_time"].transpose(*DIMS).values == 0)
    share = filled.sum(axis=1) / np.maximum(on.sum(axis=1), 1)
    total = np.nansum(bias * step, axis=1)
    spread = np.array([_gap_sum(np.nan_to_num(u[k] * step), filled[k]) for k in range(filled.shape[0])])
    ds = ds.assign({
        "substituted_share": (("source",), share, attributes("substituted_share")),
        "emission_substitution_bias": (DIMS, np.nan_to_num(bias), attributes("emission_substitution_bias")),
        "substitution_bias": (("source",), total, attributes("substitution_bias")),
        "substitution_bias_u": (("source",), spread, attributes("substitution_bias_u")),
    })  # fmt: skip
    ds.attrs["missing_data_regime"] = config.regime
    for k, label in enumerate(ds["source"].values):
        if filled[k].any():
            more = "" if config.regime == "none" else f", which adds {total[k] / 1e3:+,.1f} t"
            notes.append(f"{label}: {share[k]:.2%} of operating hours filled by {config.regime}{more} "
                         f"(standard uncertainty {spread[k] / 1e3:,.1f} t)")  # fmt: skip
    return ds, notes


def _gap_sum(u: Array, filled: npt.NDArray[np.bool_]) -> float:
    """Return the uncertainty of a sum: linear within each gap, in quadrature between gaps."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], filled, [False]]).astype(np.int8)))
    whole = np.concatenate([[0.0], np.cumsum(u)])
    return float(np.sqrt(np.sum((whole[edges[1::2]] - whole[edges[::2]]) ** 2)))
