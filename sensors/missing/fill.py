"""Fill channels and emissions by a regime, say what was filled, and what the filling adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError, InputError
from ghg.core.flags import Flag, Method, Reason, flag_attributes
from ghg.core.units import parse_quantity
from ghg.core.variables import attributes
from sensors.missing import _kernels
from sensors.missing.config import MissingConfig
from sensors.missing.statespace import smooth

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["RULES", "Filled", "fill_records", "fill_series"]

Array = npt.NDArray[np.float64]
GASES = ("concentration", "co2", "o2", "ch4", "n2o", "co")
FLOWS = ("flow", "velocity")
OTHERS = ("h2o", "temperature", "pressure")
LOADS = ("gross_load", "heat_input", "steam_load")
CAREFUL_LOW = ("o2", "h2o")  # a low value gives the higher emission
OLDEST, WINDOW = 26_280, 8_760  # 40 CFR 75.33(a): three years of clock hours; 75.32: 8760 operating hours
RULES = {
    _kernels.BEFORE_AFTER: "mean of the hour before and the hour after",
    _kernels.PERCENTILE_90: "90th (10th) percentile of the lookback",
    _kernels.PERCENTILE_95: "95th (5th) percentile of the lookback",
    _kernels.MAXIMUM: "greatest (least) value of the lookback",
    _kernels.POTENTIAL: "maximum potential value",
    _kernels.LOAD_MEAN: "mean of the load range",
    _kernels.INITIAL: "initial procedure",
    _kernels.UNFILLED: "not filled: the capture rate is too low",
    9: "mean plus (minus) two standard deviations",
    10: "state-space smoothing",
}


@dataclass
class Filled:
    """One channel of all sources, filled.

    Parameters
    ----------
    values : float64 (source, time)
        The filled series.
    filled : bool (source, time)
        Which values were filled.
    rule : int8 (source, time)
        By which rule (``RULES``), 0 where none.
    estimate, u : float64 (source, time)
        Best estimate by smoothing and its standard uncertainty; the value itself and zero where nothing was filled.
    length : int64 (source, time)
        Operating hours of the gap, zero elsewhere.
    """

    values: Array
    filled: npt.NDArray[np.bool_]
    rule: npt.NDArray[np.int8]
    estimate: Array
    u: Array
    length: npt.NDArray[np.int64]
    notes: list[str] = field(default_factory=list)


def fill_series(
    name: str, values: Any, ok: Any, on: Any, config: MissingConfig, *, load: Any = None, units: str = "1",
    quarter: Any = None,
) -> Filled:  # fmt: skip
    """Fill one series.

    Parameters
    ----------
    name : str
        Name of the channel, which decides the rule.
    values : float (n,)
        Hourly values in `units`.
    ok, on : bool (n,)
        Quality-assured; in operation. Only operating hours without quality-assured value are filled.
    config : MissingConfig
        The regime.
    load : float (n,), optional
        For load ranges and for smoothing, any unit.
    units : str
        Unit of the values, for the maximum potential.
    quarter : int (n,), optional
        Quarter of each hour, for the capture rate of hj75; one for all unless given.

    Returns
    -------
    Filled
        Arrays (n,).

    Raises
    ------
    InputError
        A rule needs a value that is not there (maximum potential, load, quality-assured values).

    References
    ----------
    40 CFR 75.31 to 75.35; HJ 75-2017, 12.2 (unverified); Regulation (EU) 2018/2066, Article 45(3).
    """
    x = np.ascontiguousarray(values, np.float64)
    on8 = np.ascontiguousarray(on, bool).astype(np.uint8)
    ok8 = (np.asarray(ok, bool) & np.isfinite(x)).astype(np.uint8) * on8
    need = (on8 == 1) & (ok8 == 0)
    first, last, length = (np.empty(x.size, np.int64) for _ in range(3))
    _kernels.gaps(ok8, on8, first, last, length)
    rule = np.zeros(x.size, np.int8)
    result = Filled(x.copy(), need, rule, x.copy(), np.zeros(x.size), np.where(need, length, 0))
    if not need.any():
        return result
    smoothed = smooth(x, ok8, on8, load, seed=config.seed)
    result.estimate = np.where(need, _physical(name, smoothed.mean), x)
    result.u = np.where(need, smoothed.u, 0.0)
    by_rule = _by_rule(name, x, ok8, on8, config, load, units, quarter, rule)
    if by_rule is None:
        rule[need] = 10
        by_rule = result.estimate
        if config.regime != "none":
            result.notes.append(f"{name} was smoothed: {config.regime} sets no rule for it")
    result.values = np.where(need, by_rule, x)
    result.filled = need & (rule != _kernels.UNFILLED)
    if (need & ~result.filled).any():
        result.notes.append(f"{int((need & ~result.filled).sum())} hours of {name} were not filled: the capture rate "
                            "is below 75 %")  # fmt: skip
    return result


def _physical(name: str, values: Array) -> Array:
    """Keep estimates from below zero, where the quantity cannot be."""
    return values if name in ("temperature", "pressure") else np.maximum(values, 0.0)


def _by_rule(
    name: str, x: Array, ok: Any, on: Any, config: MissingConfig, load: Any, units: str, quarter: Any, rule: Any
) -> Array | None:
    """Return the values of the regime, None where it sets no rule for the channel."""
    sign = -1.0 if name in CAREFUL_LOW else 1.0
    out = np.empty(x.size)
    if config.regime == "part75" and name in (*GASES, *FLOWS, "h2o"):
        potential = _potential(name, config, units)
        if name in FLOWS:
            ranges = _ranges(load, on, config.load_ranges, name)
            _kernels.part75_flow(x, ok, on, ranges, config.load_ranges, config.lookback_flow, OLDEST, WINDOW, potential,
                                 out, rule)  # fmt: skip
        else:
            _kernels.part75_gas(x, ok, on, sign, config.lookback_gas, OLDEST, WINDOW, potential, out, rule)
        wanting = (rule == _kernels.POTENTIAL) & np.isnan(out)
        if wanting.any():
            raise InputError(f"{int(wanting.sum())} hours of {name} take the maximum potential value, "
                             "which is not given", where="missing.maximum_potential", need=f"{name} = \"... {units}\"",
                             hint="availability is below 80 %, or there is no earlier value")  # fmt: skip
        return out
    if config.regime == "hj75" and name in (*GASES, *FLOWS, "h2o", "emission"):
        _kernels.hj75_fill(x, ok, on, sign, _capture(ok, on, quarter), out, rule)
        return out
    if config.regime == "mrr" and name in GASES:
        good = x[ok == 1]
        rule[(on == 1) & (ok == 0)] = 9
        return np.full(x.size, max(0.0, float(good.mean() + sign * 2.0 * good.std(ddof=1))))
    return None


def _potential(name: str, config: MissingConfig, units: str) -> float:
    text = config.maximum_potential.get(name)
    return np.nan if text is None else float(parse_quantity(text, units, name=f"missing.maximum_potential.{name}"))


def _ranges(load: Any, on: Any, bins: int, name: str) -> npt.NDArray[np.int64]:
    """Return the load range 1 to `bins` of each hour, equal shares of the greatest load; 0 where it is not known."""
    if load is None:
        raise InputError("part75 fills the flow by load range, and the records have no load", where=name,
                         need=" or ".join(LOADS))  # fmt: skip
    values = np.where(np.asarray(on) == 1, np.asarray(load, float), np.nan)
    top = np.nanmax(values) if np.isfinite(values).any() else 0.0
    if not top > 0:
        return np.zeros(values.size, np.int64)
    share = np.ceil(np.nan_to_num(values, nan=0.0) / top * bins - 1e-9)
    return np.where(np.isfinite(values), np.clip(share, 1, bins), 0).astype(np.int64)


def _capture(ok: Any, on: Any, quarter: Any) -> Array:
    """Return the capture rate [percent] of the quarter of each hour."""
    index = np.zeros(np.size(ok), np.int64) if quarter is None else np.unique(quarter, return_inverse=True)[1]
    good, whole = (np.bincount(index, weights=v.astype(float)) for v in (ok, on))
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(100.0 * good / whole)[index]


def fill_records(records: xr.Dataset, config: MissingConfig) -> tuple[xr.Dataset, dict[str, Filled], list[str]]:
    """Fill the channels of a record.

    Parameters
    ----------
    records : Dataset
        dims (source, time), hourly, with ``time_bounds``.
    config : MissingConfig
        The regime and the channels.

    Returns
    -------
    Dataset, dict of Filled, list of str
        The record with its gaps filled (flag suspect; reason substituted, with smoothing also interpolated;
        ``emission_method`` substitute); what was done by channel; notes.

    Raises
    ------
    InputError, ConfigError
        Channels that are not there, intervals that are not hours, a regime that does not fit the record.
    """
    _hourly(records)
    names = _chosen(records, config)
    on, notes = _operation(records, names)
    load = next((records[n].transpose("source", "time").values.astype(float) for n in LOADS if n in records), None)
    quarter = records["time"].values.astype("datetime64[M]").astype(np.int64) // 3
    out, done = records.copy(), {}
    if "operating_time" in out:
        share = out["operating_time"].transpose("source", "time")
        out["operating_time"] = (share.dims, np.where(on & np.isnan(share.values), 1.0, share.values), share.attrs)
    for name in names:
        values = records[name].transpose("source", "time").values.astype(np.float64)
        ok = np.isfinite(values) & _trusted(records, name)
        units = str(records[name].attrs.get("units", "1"))
        rows = [fill_series(name, values[k], ok[k], on[k], config, load=None if load is None else load[k],
                            units=units, quarter=quarter) for k in range(values.shape[0])]  # fmt: skip
        parts = ("values", "filled", "rule", "estimate", "u", "length")
        stacked: dict[str, Any] = {part: np.stack([getattr(r, part) for r in rows]) for part in parts}
        done[name] = Filled(**stacked)
        out = _attach(out, name, done[name], config.regime)
        notes += sorted({note for row in rows for note in row.notes})
        notes += _told(name, done[name], on)
    return out, done, notes


def _hourly(records: xr.Dataset) -> None:
    from ghg.core.time import seconds

    length = seconds(records["time_bounds"].values)
    if not np.allclose(length, 3600.0):
        raise InputError("missing data are filled hour by hour", where="missing",
                         found=f"intervals of {length.min():g} to {length.max():g} s", need="3600 s")  # fmt: skip


def _chosen(records: xr.Dataset, config: MissingConfig) -> list[str]:
    """Return the channels to fill."""
    if "emission" in records:
        if config.regime in ("part75", "mrr"):
            raise InputError(f"{config.regime} fills concentrations and flows, and the records hold the emission",
                             where="missing.regime", need="hj75 or none, or records with channels")  # fmt: skip
        known: tuple[str, ...] = ("emission",)
    else:
        known = (*GASES, *FLOWS, *OTHERS)
    wanting = [name for name in config.channels if name not in records or name not in known]
    if wanting:
        raise ConfigError("a channel to fill is not in the records", where="missing.channels", found=", ".join(wanting),
                          need=", ".join(n for n in known if n in records))  # fmt: skip
    return list(config.channels) or [name for name in known if name in records]


def _trusted(records: xr.Dataset, name: str) -> npt.NDArray[np.bool_]:
    if f"{name}_flag" not in records:
        return np.ones(records[name].transpose("source", "time").shape, bool)
    return records[f"{name}_flag"].transpose("source", "time").values < int(Flag.BAD)


def _operation(records: xr.Dataset, names: list[str]) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Return which hours are in operation; where nothing tells, a load above zero, else operation is taken."""
    shape = records[names[0]].transpose("source", "time").shape
    if "operating_time" not in records:
        return np.ones(shape, bool), []
    share = records["operating_time"].transpose("source", "time").values
    on = share > 0
    unknown = np.isnan(share)
    for load in (n for n in LOADS if n in records):
        values = records[load].transpose("source", "time").values
        unknown &= ~(values == 0)
    notes = [f"{int(unknown.sum())} hours without operating time were taken as in operation"] if unknown.any() else []
    return on | unknown, notes


def _attach(ds: xr.Dataset, name: str, done: Filled, regime: str) -> xr.Dataset:
    """Return the record with one channel filled, flagged and its method changed."""
    dims = ("source", "time")
    reason = int(Reason.SUBSTITUTED) | (int(Reason.INTERPOLATED) if regime == "none" else 0)
    known = ds[name].transpose(*dims).values
    flags = np.where(np.isfinite(known), int(Flag.GOOD), int(Flag.MISSING)).astype(np.int8)
    reasons = np.zeros(flags.shape, np.int32)
    if f"{name}_flag" in ds:
        flags = ds[f"{name}_flag"].transpose(*dims).values.astype(np.int8)
    if f"{name}_reason" in ds:
        reasons = ds[f"{name}_reason"].transpose(*dims).values.astype(np.int32)
    flags = np.where(done.filled, int(Flag.SUSPECT), flags).astype(np.int8)
    reasons = np.where(done.filled, reasons | reason, reasons).astype(np.int32)
    ds = ds.assign({
        name: (dims, done.values, ds[name].attrs),
        f"{name}_flag": (dims, flags, {**attributes(f"{name}_flag"), **flag_attributes(Flag)}),
        f"{name}_reason": (dims, reasons, {**attributes(f"{name}_reason"), **flag_attributes(Reason)}),
    })  # fmt: skip
    if "emission_method" in ds:
        method = ds["emission_method"].transpose(*dims)
        changed = np.where(done.filled, int(Method.SUBSTITUTE), method.values).astype(np.int8)
        ds = ds.assign(emission_method=(dims, changed, method.attrs))
    return ds


def _told(name: str, done: Filled, on: npt.NDArray[np.bool_]) -> list[str]:
    """Return one line on what was filled, by rule."""
    count = int(done.filled.sum())
    if not count:
        return []
    rules = ", ".join(f"{RULES[k]} {int((done.rule == k).sum())}" for k in RULES if (done.rule == k).any())
    return [f"{name}: {count} of {int(on.sum())} operating hours filled ({100 * count / on.sum():.2f} %): {rules}"]
