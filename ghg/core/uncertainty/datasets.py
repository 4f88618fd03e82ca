"""Totals of the common Datasets: one call from a variable with its uncertainty partners to a Total."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.uncertainty.totals import Total, combine_totals, total

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["dataset_total", "record_totals"]

BAD = 4  # QARTOD: bad; 9 is missing
# A component with a relative standard uncertainty above this is log-normal unless stated otherwise: a normal one would
# make emissions negative (2006 IPCC Guidelines vol 1 ch 3, choice of the probability density function)
LARGE = 0.3


def component_names(ds: xr.Dataset, name: str) -> tuple[str, ...]:
    """Names of the systematic components of a variable, in the order of the attribute or of the Dataset."""
    prefix = f"{name}_u_systematic_"
    whole = ds.variables.get(f"{name}_u_systematic")
    present = [str(v)[len(prefix) :] for v in ds.variables if str(v).startswith(prefix)]
    listed = [] if whole is None else str(whole.attrs.get("components", "")).split()
    ordered = [c for c in listed if c in present]
    return (*ordered, *(c for c in present if c not in ordered))


def _interval_seconds(ds: xr.Dataset) -> Any:
    if "time_bounds" not in ds:
        raise InputError("the Dataset has no time_bounds", need="start and end of every interval")
    return ds.variables["time_bounds"].transpose("time", ...).values.astype("datetime64[ns]").astype(np.int64)


def _with_gaps(bounds: Any, values: Any) -> tuple[Any, Any]:
    """Insert a NaN interval wherever time passes without a record, so that correlation decays over gaps."""
    order = np.argsort(bounds[:, 0], kind="stable")
    start, end = bounds[order, 0], bounds[order, 1]
    if np.any(start[1:] < end[:-1]):
        raise InputError(
            "intervals overlap", found="a repeated or overlapping interval", hint="remove duplicates first"
        )
    gaps = np.flatnonzero(start[1:] > end[:-1]) + 1
    seconds = np.insert((end - start) / 1e9, gaps, ((start[1:] - end[:-1]) / 1e9)[gaps - 1])
    return seconds, [np.insert(v[order], gaps, np.nan) for v in values]


def record_totals(ds: xr.Dataset, name: str = "emission", **options: Any) -> dict[tuple[Hashable, ...], Total]:
    """Total of every record (every combination of the dimensions other than time).

    Parameters
    ----------
    ds : Dataset
        With `name`, `time_bounds`, and the partners ``_u_random``, ``_u_systematic_<component>`` (or
        ``_u_systematic`` alone) and ``_flag``; values flagged bad (4) or missing (9) are left out.
    name : str
        Variable, kg s-1.
    **options
        Passed to :func:`~ghg.core.uncertainty.totals.total`. A component without entry in `shapes` is normal, or
        log-normal where its relative standard uncertainty is above 0.3.

    Returns
    -------
    dict
        Totals by the labels of the other dimensions (empty tuple if there are none).
    """
    import itertools

    if name not in ds:
        raise InputError(f"the Dataset has no variable {name!r}", need=name)
    there = ds.variables
    base = there[name].transpose(..., "time")
    others = [d for d in base.dims if d != "time"]
    parts = _parts(ds, name)
    arrays = {
        key: one if one.dims == base.dims else one.set_dims(base.sizes).transpose(*base.dims)
        for key, one in parts.items()
    }
    tau = float(parts["u_random"].attrs.get("correlation_time", 0.0)) if "u_random" in parts else 0.0
    options.setdefault("correlation_time", tau)
    bounds = _interval_seconds(ds)
    result: dict[tuple[Hashable, ...], Total] = {}
    for index in itertools.product(*(range(base.sizes[d]) for d in others)):
        labels = tuple(there[d].values[i].item() if d in ds.coords else i for d, i in zip(others, index, strict=True))
        e = np.array(base.values[index], dtype=np.float64)
        if "flag" in arrays:
            e[arrays["flag"].values[index] >= BAD] = np.nan
        keys = [k for k in arrays if k != "flag"]
        whole, columns = _with_gaps(bounds, [e, *(np.asarray(arrays[k].values[index], dtype=np.float64) for k in keys)])
        u = dict(zip(keys, columns[1:], strict=True))
        u_random = u.pop("u_random", None)
        chosen = {**_wide_shapes(columns[0], whole, u), **(options.get("shapes") or {})}
        result[labels] = total(columns[0], whole, u_random, u, **{**options, "shapes": chosen})
    return result


def _wide_shapes(emission: Any, seconds: Any, u: dict[str, Any]) -> dict[str, tuple[str, float]]:
    """Return log-normal shapes for the components that are large against a positive emission."""
    mass = float(np.nansum(emission * seconds))
    return wide_shapes(mass, {name: float(np.nansum(values * seconds)) for name, values in u.items()})


def wide_shapes(mass: float, u: Mapping[str, float]) -> dict[str, tuple[str, float]]:
    """Return log-normal shapes for the components whose uncertainty of a total [kg] is large against a positive one."""
    if not mass > 0.0:
        return {}
    relative = {name: value / mass for name, value in u.items()}
    return {name: ("lognormal", math.sqrt(math.log1p(r * r))) for name, r in relative.items() if r > LARGE}


def _parts(ds: xr.Dataset, name: str) -> dict[str, xr.Variable]:
    names = component_names(ds, name)
    partners = {"flag": "flag", "u_random": "u_random", **{c: f"u_systematic_{c}" for c in names}}
    if not names:
        partners["systematic"] = "u_systematic"
    there = ds.variables
    return {key: there[f"{name}_{partner}"] for key, partner in partners.items() if f"{name}_{partner}" in there}


def dataset_total(
    ds: xr.Dataset,
    name: str = "emission",
    *,
    shared: Sequence[str] | None = None,
    coverage: float = 0.95,
    draws: int = 1_000_000,
    seed: int = 0,
    shapes: dict[str, Any] | None = None,
    threads: int | None = None,
) -> Total:
    """Total of a variable over time and over all its other dimensions.

    Parameters
    ----------
    ds : Dataset
        See :func:`record_totals`.
    name : str
        Variable, kg s-1.
    shared : sequence of str, optional
        Components that are the same error in all records; by default the attribute ``shared_components`` of
        the variable. All others are independent between records.
    coverage, draws, seed, shapes, threads
        See :func:`~ghg.core.uncertainty.totals.total`.

    Returns
    -------
    Total
        In kg.
    """
    if ds.variables[name].sizes.get("species", 1) > 1:
        raise InputError("masses of different species are not added", hint="select one species first")
    parts = record_totals(ds, name, draws=0, shapes=shapes)
    listed = str(ds.variables[name].attrs.get("shared_components", "")).replace(",", " ").split()
    return combine_totals(
        list(parts.values()), shared=listed if shared is None else shared,
        coverage=coverage, draws=draws, seed=seed, threads=threads,
    )  # fmt: skip
