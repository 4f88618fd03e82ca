"""Observations from our own calibrated files, ObsPack, OpenGHG and CSV to one table of mole fractions."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.files import is_netcdf, open_input
from ghg.core.flags import Flag
from inversion.readers._netcdf import opened, scale_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Observations", "average", "read_observations"]

Array = npt.NDArray[np.float64]
MOLE = "mol mol-1"


@dataclass(frozen=True)
class Observations:
    """Dry mole fractions at one site.

    Parameters
    ----------
    site, species : str
    time : array of datetime64[ns] (n,)
        Starts of the intervals, ascending.
    value : array (n,)
        mol mol-1.
    error : array (n,)
        Standard uncertainty, mol mol-1; NaN where the file states none.
    count : array of int (n,)
        Samples in each interval.
    systematic : array (n,)
        The part of `error` that is common to the whole record, mol mol-1; 0 where the file states none.
    correlated : array (n,)
        The part of `error` that is correlated in time as exp(-|dt| / `correlation_time`), mol mol-1.
    correlation_time : float
        s; 0 where the file states none.
    place : (latitude, longitude, altitude)
        Degrees, and m of the inlet above sea level; NaN where the file does not tell.
    """

    site: str
    species: str
    time: npt.NDArray[np.datetime64]
    value: Array
    error: Array
    count: npt.NDArray[np.int64]
    systematic: Array
    correlated: Array
    correlation_time: float = 0.0
    place: tuple[float, float, float] = (np.nan, np.nan, np.nan)

    @property
    def random(self) -> Array:
        """Return the part of `error` that is independent between intervals, mol mol-1."""
        return np.sqrt(np.maximum(self.error**2 - self.systematic**2 - self.correlated**2, 0.0))


def read_observations(
    path: str | os.PathLike[str], *, species: str = "", site: str = "", units: str = "", inlet: str = "",
    time_column: str = "time", value_column: str = "", error_column: str = "",
) -> Observations:  # fmt: skip
    """Read observations; values that are missing or not flagged good are left out.

    Parameters
    ----------
    path : path
        NetCDF of ours (``ch4`` with ``ch4_flag``), of ObsPack (``value`` with ``qcflag``) or OpenGHG (``ch4``,
        ``ch4_variability``), or a CSV table with a header.
    species, site : str
        Where the file does not tell.
    units : str
        Where the file does not tell.
    inlet : str
        Name of the inlet, where a file of ours holds several.
    time_column, value_column, error_column : str
        Of a CSV table; the value column is named as the species by default.

    Raises
    ------
    InputError
        The file is none of these or holds another gas, units are missing or wrong, times are not ascending, or several
        inlets and none named.
    """
    given = open_input(path)
    if not is_netcdf(given):
        return _csv(given, species, site, units, time_column, value_column or species, error_column)
    where = str(path)
    with opened(path) as ds:
        told = str(ds.attrs.get("species", ds.attrs.get("dataset_parameter", ""))).strip().lower()
        gas = species.lower() or told
        if told and gas != told:
            raise InputError("the observations are of another gas", where=where, found=told, need=gas)
        ds = _one_inlet(ds, inlet, where)
        if "time" not in ds.variables or ds["time"].dtype.kind != "M":
            raise InputError("the observations have no times", where=where, found=", ".join(map(str, ds.variables)))
        name = next((n for n in (gas, "value", "mf") if n and n in ds.data_vars), "")
        if not name:
            raise InputError("there are no mole fractions", where=where, found=", ".join(map(str, ds.data_vars)),
                             need="the species, value or mf", hint="state the species")  # fmt: skip
        scale = scale_of(ds, name, where, units, MOLE)
        value = scale * np.asarray(ds[name].values, np.float64).ravel()
        bad = _flagged(ds, name)
        parts = [n for n in (f"{name}_u_random", f"{name}_u_systematic", f"{name}_repeatability", f"{name}_variability",
                             "value_std_dev", "value_unc") if n in ds]  # fmt: skip
        own = [n for n in parts if n.startswith(f"{name}_u_")]
        sizes = {n: scale * np.asarray(ds[n].values, np.float64).ravel() for n in own or parts[:1]}
        error = np.sqrt(sum(v**2 for v in sizes.values())) if parts else np.full(value.size, np.nan)
        none = np.zeros(value.size)
        systematic = sizes.get(f"{name}_u_systematic", none)
        random = f"{name}_u_random"
        tau = float(ds[random].attrs.get("correlation_time", 0.0)) if random in own else 0.0
        if not 0.0 <= tau < np.inf:
            raise InputError("the correlation time of the random uncertainty is no duration",
                             where=f"{where}, {random}", found=f"{tau:g}", need="seconds")  # fmt: skip
        correlated = sizes[random] if tau > 0.0 else none
        place = site or str(ds.attrs.get("site", ds.attrs.get("site_code", ""))).strip() or given.stem
        time = np.asarray(ds["time"].values).astype("datetime64[ns]")
        position = _place(ds)
        label = str(ds["time"].attrs.get("label", "left")).lower()
        length = float(ds["time"].attrs.get("sampling_period_seconds", 0.0) or 0.0)
    if label == "right":
        time = time - np.timedelta64(round(length * 1e9), "ns")
    found = _made(place, gas, time, (value, error, systematic, correlated), bad, where, tau)
    return replace(found, place=position)


def _place(ds: xr.Dataset) -> tuple[float, float, float]:
    """Return where the station stands, from its coordinates (ours) or attributes (OpenGHG, ObsPack)."""

    def told(*names: str) -> float:
        for name in names:
            given = ds[name].values.ravel() if name in ds.variables else [ds.attrs.get(name)]
            try:
                values = np.asarray(given, np.float64)
            except (TypeError, ValueError):
                continue
            if values.size and np.isfinite(values[0]) and np.ptp(values) < 1e-3 and values[0] > -999.0:
                return float(values[0])
        return np.nan

    ground = told("station_height_masl", "site_elevation", "station_altitude")
    inlet = told("inlet_height_magl", "dataset_intake_ht", "intake_height")
    height = ground + inlet
    if "altitude" in ds.variables:  # ours: of the ground; ObsPack: of the sample
        height = told("altitude") + (inlet if "intake_height" in ds.variables else 0.0)
    latitude = told("station_latitude", "site_latitude", "latitude")
    return latitude, told("station_longitude", "site_longitude", "longitude"), height


def _one_inlet(ds: xr.Dataset, inlet: str, where: str) -> xr.Dataset:
    """Return the inlet that is named, or the only one."""
    if "inlet" not in ds.dims:
        return ds
    from ghg.core.netcdf import read

    names = [str(n) for n in np.atleast_1d(read(where)["inlet"].values)]
    if inlet not in names and (inlet or len(names) > 1):
        raise InputError("the file holds several inlets" if not inlet else "there is no such inlet", where=where,
                         found=inlet or ", ".join(names), need="inlet = one of " + ", ".join(names))  # fmt: skip
    return ds.isel(inlet=names.index(inlet) if inlet else 0)


def _flagged(ds: xr.Dataset, name: str) -> npt.NDArray[np.bool_]:
    """Return which values their file does not call good: ours (1), ObsPack (first sign is a dot), OpenGHG."""
    bad = np.zeros(ds[name].size, bool)
    if f"{name}_flag" in ds:
        bad |= np.asarray(ds[f"{name}_flag"].values).ravel() != int(Flag.GOOD)
    if "qcflag" in ds:
        marks = np.asarray(ds["qcflag"].values)
        texts = [str(m.decode() if isinstance(m, bytes) else m) for m in marks.ravel()]
        bad |= np.array([not t.startswith(".") for t in texts])
    if "obs_flag" in ds:
        bad |= np.asarray(ds["obs_flag"].values).ravel() == 0
    if "status_flag" in ds:
        bad |= np.asarray(ds["status_flag"].values).ravel() == 1
    return bad


def _csv(given: Any, species: str, site: str, units: str, time: str, value: str, error: str) -> Observations:
    from ghg.core.tables import ColumnSpec, read_table
    from ghg.core.units import factor

    if not species or not units:
        raise InputError("a table of observations needs the species and the unit", where=str(given),
                         hint="state both")  # fmt: skip
    scale = factor(units, MOLE, name=f"'{value}'")
    columns: dict[str, Any] = {"time": ColumnSpec(time, kind="time"), "value": ColumnSpec(value, kind="number")}
    if error:
        columns["error"] = ColumnSpec(error, kind="number")
    table = read_table(given, columns)
    values = scale * table["value"].to_numpy(np.float64)
    errors = scale * table["error"].to_numpy(np.float64) if error else np.full(values.size, np.nan)
    stamps = table["time"].to_numpy()
    none = np.zeros(values.size)
    return _made(site or given.stem, species, stamps.astype("datetime64[ns]"), (values, errors, none, none),
                 np.zeros(values.size, bool), str(given))  # fmt: skip


def _made(
    site: str, species: str, time: Any, values: tuple[Array, ...], bad: npt.NDArray[np.bool_], where: str,
    tau: float = 0.0,
) -> Observations:  # fmt: skip
    if any(v.shape != time.shape for v in (*values, bad)):
        raise InputError("mole fractions, uncertainties and flags are not one for each time", where=where,
                         found=", ".join(str(v.size) for v in (*values, bad)), need=str(time.size))  # fmt: skip
    good = np.isfinite(values[0]) & ~bad & ~np.isnat(time)
    if not good.any():
        raise InputError(
            "no observation is left", where=where, found=f"{int(bad.sum())} of {bad.size} not flagged good"
        )
    time, value, error, systematic, correlated = time[good], *(v[good] for v in values)
    if (np.diff(time) <= np.timedelta64(0, "ns")).any():
        raise InputError("the observations are not in order of time, or a time occurs twice", where=where)
    if not 0.0 < float(np.median(value)) < 1e-2:
        raise InputError("the mole fractions are out of any range of trace gases", where=where,
                         found=f"median {np.median(value):g} mol mol-1", hint="is the unit right?")  # fmt: skip
    count = np.ones(value.size, np.int64)
    return Observations(site.upper(), species.lower(), time, value, error, count, np.nan_to_num(systematic),
                        np.nan_to_num(correlated), tau)  # fmt: skip


def average(one: Observations, period: float = 3600.0) -> Observations:
    """Return means over intervals of `period` seconds from midnight UTC.

    The error is that of the mean of its samples and the scatter within the interval, in quadrature, as inversions use
    it: the scatter stands for what the transport does not resolve. Systematic parts average linearly, correlated ones
    with their correlation, and what is left of it between intervals is kept.
    """
    step = np.int64(round(period * 1e9))
    bins = one.time.astype(np.int64) // step
    starts, place, count = np.unique(bins, return_inverse=True, return_counts=True)
    mean = np.bincount(place, one.value) / count
    scatter = np.sqrt(np.maximum(np.bincount(place, (one.value - mean[place]) ** 2) / count, 0.0))
    known = np.where(np.isfinite(one.error), one.random, 0.0)
    own = np.sqrt(np.bincount(place, known**2)) / count
    systematic = np.bincount(place, one.systematic) / count
    correlated, tau = _correlated_mean(one, place, count, period)
    error = np.sqrt(own**2 + scatter**2 + systematic**2 + correlated**2)
    missing = np.bincount(place, ~np.isfinite(one.error)) > 0
    error = np.where(missing & (scatter == 0.0), np.nan, error)
    return Observations(one.site, one.species, (starts * step).astype("datetime64[ns]"), mean, error, count, systematic,
                        correlated, tau, one.place)  # fmt: skip


def _correlated_mean(
    one: Observations, place: npt.NDArray[np.int64], count: npt.NDArray[np.int64], period: float
) -> tuple[Array, float]:
    """Return the correlated part of the error of means, and the correlation time that is left between them."""
    if one.correlation_time == 0.0:
        return np.zeros(count.size), 0.0
    from ghg.core._resample import remaining_correlation_time
    from inversion import _kernels

    gap = np.diff(one.time.astype(np.int64)) / 1e9
    rho = np.zeros(place.size)
    rho[1:] = np.where(np.diff(place) == 0, np.exp(-gap / one.correlation_time), 0.0)
    both = np.empty((place.size, 1))
    _kernels.exponential_times(rho, np.ascontiguousarray(one.correlated[:, None]), both)
    mean = np.sqrt(np.bincount(place, one.correlated * both[:, 0])) / count
    step = float(np.median(gap)) if gap.size else period
    return mean, remaining_correlation_time(min(step, period), period, one.correlation_time)
