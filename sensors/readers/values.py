"""Totals typed into the configuration: published figures of a stack, with their citation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ghg.core.errors import ConfigError, InputError
from ghg.core.flags import Flag, Method, Reason
from ghg.core.time import bounds_variable, period_bounds, seconds
from ghg.core.units import convert
from ghg.core.variables import attributes
from sensors.measured import emission_variables, reported_uncertainty, unverified_note

if TYPE_CHECKING:
    import xarray as xr

    from sensors.config import TypedSeries, ValuesReader

__all__ = ["read"]


def read(config: ValuesReader) -> xr.Dataset:
    """Return the MEASURED Dataset of typed totals.

    Parameters
    ----------
    config : ValuesReader
        Totals per interval with unit, how they came about, and where they were published.

    Returns
    -------
    Dataset
        dims (source=1, time).

    Raises
    ------
    ConfigError, InputError
        Wrong number of values, wrong units, negative totals.
    """
    import xarray as xr

    bounds = period_bounds(config.start, config.end, config.by, config.timezone)
    length = seconds(bounds)
    emission = _per_second(config.emission, "kg", length, "emission")
    method = np.full(emission.shape, Method[config.method.upper()], np.int8)
    parts, random, doubtful = reported_uncertainty(emission, method, config.uncertainty, config.mrr_tier)
    missing = np.isnan(emission)
    flags = np.where(missing, Flag.MISSING, Flag.NOT_EVALUATED).astype(np.int8)
    reasons = np.where(missing, Reason.GAP, 0).astype(np.int32)
    data = emission_variables((emission, random, parts), (flags, reasons, method), species=config.species)
    if config.heat_input is not None:
        heat = _per_second(config.heat_input, "J", length, "heat_input")
        data["heat_input"] = (
            ("source", "time"),
            heat,
            attributes("heat_input", calorific_basis=config.calorific_basis),
        )
    times = bounds_variable(bounds)
    ds = xr.Dataset({**data, "time_bounds": times}, coords={"source": [config.source], "time": times.time})
    ds.attrs["citation"] = config.citation
    ds.attrs["timezone"] = config.timezone
    notes = [f"typed from: {config.citation}", *unverified_note(doubtful)]
    ds.attrs["notes"] = "; ".join(notes)
    return ds


def _per_second(series: TypedSeries, need: str, length: np.ndarray, name: str) -> np.ndarray:
    values = np.array([np.nan if v == "nan" else v for v in series.values], float)
    if values.size != length.size:
        raise ConfigError(
            f"{name} has the wrong number of values",
            where="measured.reader",
            found=str(values.size),
            need=str(length.size),
        )
    if np.any(values < 0):
        raise InputError(f"{name} is negative", where="measured.reader", found=f"{values[values < 0][0]} {series.unit}")
    return (np.asarray(convert(values, series.unit, need, name=name), float) / length)[None, :]
