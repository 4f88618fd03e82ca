"""The work behind ``ghg.core.time.resample``: one overlap plan for a variable and each of its partners."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core import _kernels
from ghg.core._bounds import edges_of
from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    Variables = Mapping[Any, xr.Variable]

BAD, MISSING, SUBSTITUTE, METHODS = 4, 9, 5, 10
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """Which source intervals overlap each target, and by how much."""

    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    weights: Array  # seconds, or fraction of the source for sums
    overlap: Array  # seconds
    centre: Array  # of the sources, seconds from the first
    source_seconds: Array
    target_seconds: Array
    amounts: bool


def make_plan(source: npt.NDArray[np.int64], target: npt.NDArray[np.int64], amounts: bool) -> Plan:
    """Lay out the overlaps of two sorted sets of intervals (ns), in O(n + m)."""
    for edges, what in ((source, "source"), (target, "target")):
        if np.any(edges[1:, 0] < edges[:-1, 1]):
            i = int(np.argmax(edges[1:, 0] < edges[:-1, 1])) + 1
            raise InputError(
                f"{what} intervals overlap or are out of order",
                found=str(np.datetime64(int(edges[i, 0]), "ns")),
                hint="sort the record and remove repeated intervals first",
            )
    s0, s1, t0, t1 = (np.ascontiguousarray(e) for e in (source[:, 0], source[:, 1], target[:, 0], target[:, 1]))
    first = np.zeros(t0.size, dtype=np.int64)
    last = np.zeros(t0.size, dtype=np.int64)
    _kernels.overlap_ranges(s0, s1, t0, t1, first, last)
    offsets = np.concatenate([[0], np.cumsum(last - first)]).astype(np.int64)
    weights, overlap = np.empty(int(offsets[-1])), np.empty(int(offsets[-1]))
    _kernels.overlap_weights(s0, s1, t0, t1, first, last, 0, offsets, overlap)
    _kernels.overlap_weights(s0, s1, t0, t1, first, last, int(amounts), offsets, weights)
    origin = s0[0] if s0.size else 0
    centre = ((s0 - origin) + (s1 - s0) / 2.0) / 1e9
    return Plan(first, last, offsets, weights, overlap, centre, (s1 - s0) / 1e9, (t1 - t0) / 1e9, amounts)


class _Rows:
    """A variable and its partners as (rows, time) arrays, and the way back."""

    def __init__(self, variables: Variables, name: str, plan: Plan, minimum: float) -> None:
        self.variables, self.name, self.plan = variables, name, plan
        self.base = variables[name].transpose(..., "time")
        self.shape = self.base.shape[:-1]
        self.x = self.take(name, np.float64)
        flag = f"{name}_flag"
        self.flag = self.take(flag, np.int64) if flag in variables else None
        self.valid = np.ascontiguousarray(~np.isnan(self.x) & (self.flag < BAD if self.flag is not None else True))
        _, covered = self.sums(self.x, plan.overlap)
        self.coverage = covered / plan.target_seconds
        # rounding of the sum of overlaps must not turn a full month into 0.9999...
        self.enough = (self.coverage >= minimum - 1e-12) & (covered > 0.0)
        _, self.norm = self.sums(self.x, plan.weights)
        self.divisor = np.ones_like(self.norm) if plan.amounts else np.where(self.norm > 0.0, self.norm, np.nan)

    def take(self, name: str, dtype: Any) -> Any:
        variable = self.variables[name]
        if variable.dims != self.base.dims:
            variable = variable.set_dims(self.base.sizes).transpose(*self.base.dims)
        rows = variable.values.reshape(-1, self.base.sizes["time"])
        return np.require(rows, dtype=dtype, requirements=("C", "W"))

    def sums(self, x: Array, weights: Array) -> tuple[Array, Array]:
        shape = (x.shape[0], self.plan.first.size)
        total, norm = np.zeros(shape), np.zeros(shape)
        p = self.plan
        _kernels.weighted_rows(x, self.valid, p.first, p.last, p.offsets, weights, total, norm)
        return total, norm

    def linear(self, x: Array) -> Array:
        """Weighted mean (or sum); NaN where the coverage is not enough or a used value has no x."""
        total, norm = self.sums(x, self.plan.weights)
        complete = norm >= self.norm * (1.0 - 1e-12)
        return np.where(self.enough & complete, total / self.divisor, np.nan)

    def quadrature(self, u: Array, tau: float) -> Array:
        p = self.plan
        variance = np.zeros((u.shape[0], p.first.size))
        _kernels.correlated_rows(u, self.valid, p.centre, tau, p.first, p.last, p.offsets, p.weights, variance)
        _, norm = self.sums(u, p.weights)
        complete = norm >= self.norm * (1.0 - 1e-12)
        return np.where(self.enough & complete, np.sqrt(np.maximum(variance, 0.0)) / self.divisor, np.nan)

    def put(self, values: Any, attrs: dict[str, Any]) -> xr.Variable:
        from xarray import Variable

        return Variable(self.base.dims, values.reshape(*self.shape, self.plan.first.size), attrs)


def resample(
    variables: Variables,
    bounds: Any,
    names: Sequence[str],
    minimum: float,
    how: str,
    correlation_time: float | None,
) -> dict[str, xr.Variable]:
    """See :func:`ghg.core.time.resample_variables`."""
    if how not in ("mean", "sum"):
        raise InputError("unknown way of resampling", found=how, need="mean or sum")
    if not 0.0 <= minimum <= 1.0:
        raise InputError("the minimum coverage is a fraction", found=str(minimum), need="between 0 and 1")
    for needed in ("time_bounds", *names):
        if needed not in variables or "time" not in variables[needed].dims:
            raise InputError(f"the Dataset has no variable {needed!r} over time", need=needed)
    target = edges_of(bounds, "target bounds")
    source = edges_of(variables["time_bounds"].transpose("time", ...).values, "time_bounds")
    plan = make_plan(source, target, how == "sum")
    found: dict[str, xr.Variable] = {}
    for name in names:
        found |= _one(_Rows(variables, name, plan, minimum), correlation_time)
    return found


def _one(rows: _Rows, correlation_time: float | None) -> dict[str, xr.Variable]:
    known, name = rows.variables, rows.name
    kept = {**known[name].attrs, "cell_methods": f"time: {'sum' if rows.plan.amounts else 'mean'}"}
    out = {name: rows.put(rows.linear(rows.x), kept)}
    coverage = {"units": "1", "long_name": f"covered fraction of the interval of {name}"}
    out[f"{name}_coverage"] = rows.put(rows.coverage, coverage)
    random = f"{name}_u_random"
    if random in known:
        attrs = dict(known[random].attrs)
        tau = float(attrs.get("correlation_time", 0.0)) if correlation_time is None else correlation_time
        if not tau >= 0.0:
            raise InputError(
                "the correlation time is negative or missing", where=random, found=str(tau), need="seconds"
            )
        u = rows.quadrature(rows.take(random, np.float64), tau)
        left = remaining_correlation_time(_median(rows.plan.source_seconds), _median(rows.plan.target_seconds), tau)
        attrs.pop("correlation_time", None)
        out[random] = rows.put(u, attrs | ({"correlation_time": left} if left > 0.0 else {}))
    out |= _systematic(rows)
    out |= _flags(rows)
    return out


def _systematic(rows: _Rows) -> dict[str, xr.Variable]:
    """Each component linearly; the whole in quadrature of them, or linearly if they are not named."""
    known, whole = rows.variables, f"{rows.name}_u_systematic"
    parts = [str(v) for v in known if str(v).startswith(f"{whole}_")]
    columns = {v: rows.linear(rows.take(v, np.float64)) for v in parts}
    out = {v: rows.put(column, dict(known[v].attrs)) for v, column in columns.items()}
    if columns:
        combined = np.sqrt(sum((c * c for c in columns.values()), start=np.zeros(rows.norm.shape)))
        names = " ".join(v.removeprefix(f"{whole}_") for v in parts)
        attrs = (
            dict(known[whole].attrs)
            if whole in known
            else {k: v for k, v in known[parts[0]].attrs.items() if k == "units"}
        )
        out[whole] = rows.put(combined, {"components": names, **attrs})
    elif whole in known:
        out[whole] = rows.put(rows.linear(rows.take(whole, np.float64)), dict(known[whole].attrs))
    return out


def _flags(rows: _Rows) -> dict[str, xr.Variable]:
    there, name, p = rows.variables, rows.name, rows.plan
    out: dict[str, xr.Variable] = {}
    flag_name, reason_name, method_name = f"{name}_flag", f"{name}_reason", f"{name}_method"
    shape = (rows.x.shape[0], p.first.size)
    if rows.flag is not None or reason_name in there:
        flag = rows.flag if rows.flag is not None else np.ones(rows.x.shape, dtype=np.int64)
        reason = rows.take(reason_name, np.int64) if reason_name in there else np.zeros(rows.x.shape, dtype=np.int64)
        worst, union = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        _kernels.worst_rows(flag, reason, rows.valid, p.first, p.last, worst, union)
        if rows.flag is not None:
            worst = np.where(rows.enough, worst, MISSING).astype(np.int8)
            out[flag_name] = rows.put(worst, dict(there[flag_name].attrs))
        if reason_name in there:
            out[reason_name] = rows.put(union.astype(there[reason_name].dtype), dict(there[reason_name].attrs))
    if method_name in there:
        shares = np.zeros((*shape, METHODS))
        method = rows.take(method_name, np.int64)
        _kernels.method_rows(method, rows.x, rows.valid, p.first, p.last, p.offsets, p.weights, shares)
        known = ~np.isnan(shares[..., 0]) & rows.enough
        main = np.where(known, np.argmax(np.nan_to_num(shares), axis=-1), METHODS - 1).astype(np.int8)
        out[method_name] = rows.put(main, dict(there[method_name].attrs))
        attrs = {"units": "1", "long_name": f"share of substituted values in {name}"}
        out[f"{name}_substituted_share"] = rows.put(np.where(known, shares[..., SUBSTITUTE], np.nan), attrs)
    return out


def _median(lengths: Array) -> float:
    return float(np.median(lengths)) if lengths.size else math.nan


def remaining_correlation_time(step: float, target: float, tau: float) -> float:
    """e-folding time of AR(1) means over `target` seconds that keeps the variance of long totals.

    A mean over m = target / step values of an AR(1) series has variance factor B(m) and its long totals the
    factor (1 + phi) / (1 - phi) per step; the new lag-one correlation follows from the two. Where intervals
    are cut (m < 1) the pieces share their error, and the result says so.

    Parameters
    ----------
    step, target : float
        Length of the source and the target intervals (s).
    tau : float
        e-folding time of the source (s); 0 for independent.

    Returns
    -------
    float
        e-folding time in seconds; 0 if nothing is left.
    """
    if not (step > 0.0 and target > 0.0):
        return 0.0
    phi = math.exp(-step / tau) if tau > 0.0 else 0.0
    m = target / step
    long_run = (1.0 + phi) / (1.0 - phi)
    block = 1.0 if m <= 1.0 else long_run / m - 2.0 * phi * (1.0 - phi**m) / (m * m * (1.0 - phi) ** 2)
    g = long_run / (m * block)
    return target / math.log((g + 1.0) / (g - 1.0)) if g > 1.0 + 1e-9 else 0.0
