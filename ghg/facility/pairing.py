"""Both sides of a comparison on the same periods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from ghg.facility.config import Comparison as Settings

RATES = ("heat_input",)
AMOUNTS = ("energy", "fuel_mass", "fuel_volume")
FACTORS = ("calorific_value", "calorific_value_volume", "carbon_content", "emission_factor", "oxidation_factor")


def select_species(measured: xr.Dataset, accounted: xr.Dataset, species: str) -> xr.Dataset:
    """Return the direct accounted emission of one species, after a look that the measured side is of it."""
    have = str(measured.variables["emission"].attrs.get("species", species))
    if have != species:
        raise InputError("the measured side is of another species", found=have, need=species)
    if "species" in accounted.dims:
        listed = [str(s) for s in accounted.variables["species"].values]
        if species not in listed:
            raise InputError("the accounted side lacks the species", found=", ".join(listed), need=species)
        accounted = accounted.isel(species=listed.index(species), drop=True)
    return _direct(accounted)


def _direct(accounted: xr.Dataset) -> xr.Dataset:
    """Return the streams that leave a stack of the plant; bought energy was emitted elsewhere."""
    if "scope" not in accounted.coords:
        return accounted
    direct = accounted.variables["scope"].values != "indirect"
    if direct.all():
        return accounted
    if not direct.any():
        raise InputError("the accounted side has only indirect emissions, which no monitor of the plant sees",
                         found=", ".join(str(s) for s in accounted["stream"].values))  # fmt: skip
    left = ", ".join(str(s) for s in accounted["stream"].values[~direct])
    note = f"left out of the comparison because emitted elsewhere (bought energy): {left}"
    notes = "; ".join(filter(None, [str(accounted.attrs.get("notes", "")), note]))
    return accounted.isel(stream=direct).assign_attrs(notes=notes)


def on_periods(ds: xr.Dataset, bounds: Any, side: str, settings: Settings) -> xr.Dataset:
    """Bring one side to the paired periods, by exact overlap of intervals."""
    import xarray as xr

    from ghg.core._bounds import time_variables
    from ghg.core.time import resample_variables, seconds

    coarsest = float(np.max(seconds(ds.variables["time_bounds"].values)))
    if coarsest > 1.2 * float(np.max(seconds(bounds))):
        raise InputError(
            f"the {side} intervals are longer than the periods to be paired",
            where="comparison.by",
            found=f"intervals of {coarsest / 86400:.4g} days",
            need=f"periods as long; '{settings.by}' is too fine",
        )
    there = ds.variables
    names = ["emission", *(n for n in RATES if n in there)]
    found = dict(zip(("time", "time_bounds"), time_variables(bounds), strict=True))
    found |= resample_variables(there, bounds, names, settings.minimum_coverage)
    found |= _amounts_and_factors(there, bounds, settings.minimum_coverage)
    fixed = [k for k in ds.coords if "time" not in there[k].dims]
    return xr.Dataset(found | {k: there[k] for k in fixed}, attrs=dict(ds.attrs)).set_coords(fixed)


def _amounts_and_factors(there: Mapping[Any, xr.Variable], bounds: Any, minimum: float) -> dict[str, xr.Variable]:
    """Return the amounts of the periods, and the factors of the chain weighted by the emission they made."""
    import xarray as xr

    from ghg.core.time import resample_variables, seconds

    amounts, factors = ([name for name in names if name in there] for names in (AMOUNTS, FACTORS))
    if not amounts and not factors:
        return {}
    emission = there["emission"].transpose(..., "time")
    mass = emission.values * seconds(there["time_bounds"].values)
    weighted = {}
    for name in factors:
        factor = there[name].set_dims(emission.sizes).transpose(*emission.dims).values
        known = ~np.isnan(factor) & (mass > 0)
        weighted[f"{name}_mass"] = xr.Variable(emission.dims, np.where(known, factor * mass, np.nan))
        weighted[f"{name}_weight"] = xr.Variable(emission.dims, np.where(known, mass, np.nan))
    sums = resample_variables({**there, **weighted}, bounds, [*amounts, *weighted], minimum, "sum")
    found = {name: sums[name] for name in amounts}
    for name in factors:
        mean = sums[f"{name}_mass"].values / sums[f"{name}_weight"].values
        found[name] = xr.Variable(emission.dims, mean, there[name].attrs)
    return found


def known_periods(ds: xr.Dataset, along: str) -> npt.NDArray[np.bool_]:
    """Tell which periods have an emission of every source or stream."""
    emission = ds.variables["emission"]
    return np.isfinite(emission.values.sum(emission.dims.index(along)))


def within(ds: xr.Dataset, bounds: Any) -> xr.Dataset:
    """Return the intervals that lie in the paired periods."""
    start = ds.variables["time_bounds"].values[:, 0]
    period = np.searchsorted(bounds[:, 0], start, side="right") - 1
    return chosen(ds, (period >= 0) & (start < bounds[np.maximum(period, 0), 1]))


def chosen(ds: xr.Dataset, mask: npt.NDArray[np.bool_]) -> xr.Dataset:
    """Return the intervals of a mask; the Dataset itself where all are wanted."""
    return ds if mask.all() else ds.isel(time=mask)


def pair_table(measured: xr.Dataset, accounted: xr.Dataset) -> xr.Dataset:
    """Return both sides summed over sources and streams, for each period, with uncertainty, ratio and coverage."""
    import xarray as xr

    data: dict[str, Any] = {}

    def put(name: str, values: Any, units: str, words: str) -> None:
        data[name] = ("time", np.asarray(values, float), {"long_name": words, "units": units})

    for side, ds, along in (("measured", measured, "source"), ("accounted", accounted, "stream")):
        name, words = f"{side}_emission", f"{side} mass emission rate"
        names = ("emission", "emission_u_random", "emission_u_systematic", "emission_coverage")
        rows = {n: ds.variables[n].transpose("time", along).values for n in names if n in ds}
        rate = np.nansum(rows["emission"], axis=1)
        put(name, rate, "kg s-1", words)
        squares = np.zeros(rate.shape)
        for kind in ("random", "systematic"):
            if f"emission_u_{kind}" in rows:
                part = np.nansum(rows[f"emission_u_{kind}"] ** 2, axis=1)
                put(f"{name}_u_{kind}", part**0.5, "kg s-1", f"{words}, standard uncertainty, {kind}")
                squares = squares + part
        put(f"{name}_u", squares**0.5, "kg s-1", f"{words}, combined standard uncertainty")
        if "emission_coverage" in rows:
            covered = np.nanmean(rows["emission_coverage"], axis=1)
            put(f"{side}_coverage", covered, "1", f"covered share of the period, {side}")
    m, a = data["measured_emission"][1], data["accounted_emission"][1]
    put("ratio", m / np.where(a > 0, a, np.nan), "1", "measured over accounted emission")
    there = measured.variables
    return xr.Dataset({**data, "time_bounds": there["time_bounds"]}, coords={"time": there["time"]})
