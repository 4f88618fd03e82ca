"""ObsPack NetCDF files: one variable ``value`` whose species, unit and scale stand in attributes.

The unit is read from the attribute, never assumed: values stand in mol mol-1, nanomol mol-1 or micromol mol-1.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.limits import check_times
from ghg.core.netcdf import opened
from sensors.readers.series._text import SPECIES, assemble, species_attributes
from sensors.readers.series.noaa import qc_flags

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read"]

MISSING = -999.0  # and below, whatever the unit
PREFIXES = {"nanomol": "nmol", "micromol": "umol", "picomol": "pmol"}
PLACES = ("latitude", "longitude", "altitude", "elevation", "intake_height")


def read(path: Path) -> xr.Dataset:
    """Read an ObsPack file.

    Returns
    -------
    Dataset
        dims (time): the species in the unit of the common language, ``_u_random`` (``value_unc``), ``_sd``, ``_n``, the
        place of each sample, and ``assimilate`` (``obs_flag``) where the file has it.
    """
    with opened(path) as nc:
        attrs = {k: nc.getncattr(k) for k in nc.ncattrs()}
        name = str(attrs.get("dataset_parameter", path.name.split("_")[0])).lower()
        if "value" not in nc.variables or "time" not in nc.variables:
            raise InputError("this is no ObsPack file", where=path.name, found=", ".join(list(nc.variables)[:20]),
                             need="variables time and value")  # fmt: skip
        raw = {k: _plain(nc.variables[k]) for k in ("time", "value", "value_unc", "value_std_dev", "nvalue", "obs_flag",
                                                    *PLACES) if k in nc.variables}  # fmt: skip
        unit = str(getattr(nc.variables["value"], "units", ""))
        flags = _texts(nc.variables["qcflag"]) if "qcflag" in nc.variables else ["..."] * raw["value"].size
        since = str(nc.variables["time"].units)
    if not since.startswith("seconds since 1970-01-01"):
        raise InputError("the times count from an unexpected moment", where=path.name, found=since,
                         need="seconds since 1970-01-01")  # fmt: skip
    sizes = {name: np.shape(values) for name, values in raw.items()}
    if any(len(size) != 1 or size != sizes["time"] for size in sizes.values()) or len(flags) != raw["time"].size:
        raise InputError("the variables of the file differ in length", where=path.name,
                         found=", ".join(f"{name} {size}" for name, size in sizes.items()))  # fmt: skip
    if not (np.abs(raw["time"]) < 1e11).all():  # NaN is not
        raise InputError("a record has no readable time", where=path.name, need="seconds since 1970")
    time = check_times(np.datetime64(0, "s") + np.round(raw["time"]).astype("timedelta64[s]"), path.name)
    columns = _columns(name, raw, _factor(name, unit, path.name), str(attrs.get("dataset_calibration_scale", "")))
    flag, reason = qc_flags(flags)
    try:
        place = {k: float(attrs[f"site_{k}"]) for k in ("latitude", "longitude") if f"site_{k}" in attrs}
    except (ValueError, TypeError) as error:
        raise InputError("the position of the site is no number", where=path.name, found=str(error)) from error
    head = {"source": "ObsPack", "site": str(attrs.get("site_code", "")), **place,
            "references": str(attrs.get("obspack_identifier_link", attrs.get("obspack_name", ""))),
            "title": str(attrs.get("dataset_name", path.stem))}  # fmt: skip
    attrs = {k: v for k, v in head.items() if v != ""}
    return assemble(time, columns, {name: (flag, reason)}, where=path.name, notes=[],
                    attrs=attrs, repeats="keep")  # fmt: skip


def _columns(name: str, raw: dict[str, Any], factor: float, scale: str) -> dict[str, Any]:
    base = species_attributes(name, humidity="dry", **({"scale": scale} if scale else {}))
    columns: dict[str, Any] = {name: (raw["value"] * factor, base)}
    for key, target, words in (("value_unc", f"{name}_u_random", "standard uncertainty"),
                               ("value_std_dev", f"{name}_sd", "standard deviation")):  # fmt: skip
        if key in raw:
            values = np.where(raw[key] >= 0, raw[key] * factor, np.nan)
            columns[target] = (values, {"long_name": f"{words} of {name}", "units": base["units"]})
    if "nvalue" in raw:
        columns[f"{name}_n"] = (raw["nvalue"], {"long_name": f"number of values of {name} in the mean", "units": "1"})
    if "obs_flag" in raw:
        columns["assimilate"] = (raw["obs_flag"], {"long_name": "large-scale, well-mixed (1) or not (0)", "units": "1"})
    units = {"latitude": "degrees_north", "longitude": "degrees_east"}
    for key in PLACES:
        if key in raw:
            columns[key] = (
                raw[key],
                {"long_name": f"{key.replace('_', ' ')} of the sample", "units": units.get(key, "m")},
            )
    return columns


def _factor(name: str, unit: str, where: str) -> float:
    from ghg.core.units import factor

    if not unit:
        raise InputError("the values have no unit", where=where, need="attribute units")
    text = unit
    for long, short in PREFIXES.items():
        text = text.replace(long, short)
    return factor(text, SPECIES.get(name, ("mol mol-1", ""))[0], name=name)


def _plain(variable: Any) -> Any:
    values = np.ma.filled(np.ma.asarray(variable[:]).astype(float), np.nan)
    return np.where((np.abs(values) > 1e30) | (values <= MISSING), np.nan, values)


def _texts(variable: Any) -> list[str]:
    import netCDF4

    variable.set_auto_mask(False)
    return [str(text).strip("\0 ") for text in netCDF4.chartostring(variable[:])]
