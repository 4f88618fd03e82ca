"""Both sides of a comparison on the same periods."""

from __future__ import annotations

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
    have = str(measured["emission"].attrs.get("species", species))
    if have != species:
        raise InputError("the measured side is of another species", found=have, need=species)
    if "species" in accounted.dims:
        listed = [str(s) for s in accounted["species"].values]
        if species not in listed:
            raise InputError("the accounted side lacks the species", found=", ".join(listed), need=species)
        accounted = accounted.isel(species=listed.index(species), drop=True)
    return _direct(accounted)


def _direct(accounted: xr.Dataset) -> xr.Dataset:
    """Return the streams that leave a stack of the plant; bought energy was emitted elsewhere."""
    if "scope" not in accounted.coords:
        return accounted
    direct = (accounted["scope"] != "indirect").values
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

    from ghg.core.time import resample_variables, seconds

    coarsest = float(np.max(seconds(ds["time_bounds"].values)))
    if coarsest > 1.2 * float(np.max(seconds(bounds))):
        raise InputError(
            f"the {side} intervals are longer than the periods to be paired",
            where="comparison.by",
            found=f"intervals of {coarsest / 86400:.4g} days",
            need=f"periods as long; '{settings.by}' is too fine",
        )
    names = ["emission", *(n for n in RATES if n in ds)]
    found = resample_variables(ds.variables, bounds, names, settings.minimum_coverage)
    found |= _amounts_and_factors(ds, bounds, settings.minimum_coverage)
    fixed = {k: v for k, v in ds.coords.items() if "time" not in v.dims}
    return xr.Dataset(found, coords=fixed, attrs=dict(ds.attrs))


def _amounts_and_factors(ds: xr.Dataset, bounds: Any, minimum: float) -> dict[str, xr.Variable]:
    """Return the amounts of the periods, and the factors of the chain weighted by the emission they made."""
    import xarray as xr

    from ghg.core.time import resample_variables, seconds

    amounts, factors = ([name for name in names if name in ds] for names in (AMOUNTS, FACTORS))
    if not amounts and not factors:
        return {}
    there = ds.variables
    mass = there["emission"] * xr.Variable("time", seconds(there["time_bounds"].values))
    weighted = {}
    for name in factors:
        known = there[name].notnull() & (mass > 0)
        weighted[f"{name}_mass"] = (there[name] * mass).where(known)
        weighted[f"{name}_weight"] = mass.where(known)
    sums = resample_variables({**there, **weighted}, bounds, [*amounts, *weighted], minimum, "sum")
    found = {name: sums[name] for name in amounts}
    for name in factors:
        mean = sums[f"{name}_mass"] / sums[f"{name}_weight"]
        found[name] = xr.Variable(mean.dims, mean.values, there[name].attrs)
    return found


def known_periods(ds: xr.Dataset, along: str) -> npt.NDArray[np.bool_]:
    """Tell which periods have an emission of every source or stream."""
    return np.isfinite(ds["emission"].sum(along, skipna=False).values)


def within(ds: xr.Dataset, bounds: Any) -> xr.Dataset:
    """Return the intervals that lie in the paired periods."""
    start = ds["time_bounds"].values[:, 0]
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
    return xr.Dataset({**data, "time_bounds": measured["time_bounds"]}, coords={"time": measured["time"]})
