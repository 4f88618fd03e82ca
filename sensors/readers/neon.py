"""NEON eddy-covariance bundle DP4.00200.001 (HDF5): tank injections with their assigned values, and air.

Read are the nine-minute statistics of the carbon-dioxide isotope analyser (``dp01/data/isoCo2``): mean, variance,
number of readings, begin and end. The assigned value of each injection stands beside it (``...Refe``); the files state
no uncertainty of it. Its unit, ``umolCo2 mol-1``, names the substance inside the unit. ``rtioMoleDryCo2`` is taken as
the analyser logged it: the sum of the two isotopologues divided by 0.99526 is 0.37 ppm more.

The text fields lie inside compound types, which the netCDF library misreads, so that h5py is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.limits import DAMAGED_NETCDF
from ghg.core.patience import opening, reading
from sensors.calibration.records import Records

__all__ = ["read"]

ENDINGS = (".h5", ".hdf5")
VARIABLE = {"co2": ("rtioMoleDryCo2", "umolCo2 mol-1"), "ch4": ("rtioMoleDryCh4", "umolCh4 mol-1")}
_FACTOR = {"co2": 1.0, "ch4": 1000.0}
_WATER = "rtioMoleWetH2o"


def read(paths: Sequence[Path], gases: Sequence[str]) -> Records:
    """Read bundles in the order of time.

    Parameters
    ----------
    paths : sequence of Path
        HDF5 files of one site.
    gases : sequence of str
        Gases wanted.

    Returns
    -------
    Records
        Ports are ``co2Low``, ``co2Med``, ``co2High`` and the levels (``000_010`` is the first).

    Raises
    ------
    InputError
        h5py is not there; no HDF5 file; two sites; no record of the analyser; another unit; a truncated file.
    """
    import pandas as pd

    tables, sites = [], set()
    for path in paths:
        site, rows = _file(path, gases)
        sites.add(site)
        tables += rows
    if len(sites) > 1:
        raise InputError("the files are of more than one site", found=", ".join(sorted(sites)), hint="one station each")
    table: Any = pd.concat(tables, ignore_index=True).sort_values(["start", "port"], kind="stable")
    known: Any = table[[f"n_{g}" for g in gases]].gt(0).any(axis=1)
    empty = int((~known).sum())
    table = table[known]
    if table.empty:
        raise InputError("the files hold no reading", where=", ".join(p.name for p in paths))
    repeated = table.duplicated(["start", "port"])
    table = table[~repeated]
    notes = [f"{empty} intervals without readings left out"] * bool(empty)
    notes += [f"{int(repeated.sum())} intervals given twice, the first one used"] * bool(repeated.any())
    ports = tuple(sorted(set(table["port"])))
    n = len(table)
    count = np.array([table[f"n_{g}"] for g in gases]).reshape(len(gases), n).astype(np.int64)
    mean, var, assigned = (np.array([table[f"{k}_{g}"] for g in gases], np.float64) for k in ("mean", "var", "refe"))
    return Records(
        gases=tuple(gases), ports=ports, start=table["start"].to_numpy(np.int64), end=table["end"].to_numpy(np.int64),
        port=table["port"].map({p: i for i, p in enumerate(ports)}).to_numpy(np.int32),
        visit=np.arange(n, dtype=np.int64), count=count, mean=np.where(count > 0, mean, np.nan),
        m2=np.where(count > 0, var * np.maximum(count - 1, 0), 0.0), water=table["water"].to_numpy(np.float64),
        lost=np.zeros((len(Records.LOST), n), np.int32), assigned=assigned, notes=tuple(notes),
    )  # fmt: skip


def _file(path: Path, gases: Sequence[str]) -> tuple[str, list[Any]]:
    try:
        import h5py
    except ImportError as error:
        raise InputError("NEON files need the package h5py", where=path.name,
                         hint="install ghg-toolkit[hdf5]") from error  # fmt: skip
    try:
        with opening(path):
            bundle = h5py.File(path)
        with bundle, reading(path):
            sites = [str(name) for name in bundle if f"{name}/dp01/data/isoCo2" in bundle]
            if not sites:
                raise InputError("the file holds no record of the isotope analyser", where=path.name,
                                 found=", ".join(bundle) or "nothing", need="SITE/dp01/data/isoCo2")  # fmt: skip
            base: Any = bundle[f"{sites[0]}/dp01/data/isoCo2"]
            found = [_port(base[name], name, gases, path.name) for name in sorted(base) if name.endswith("_09m")]
    except DAMAGED_NETCDF as error:
        raise InputError("the HDF5 file is damaged or cut off", where=path.name, found=str(error)[:80]) from error
    if not found:
        raise InputError("the file holds no nine-minute statistics", where=path.name)
    return sites[0], found


def _port(group: Any, name: str, gases: Sequence[str], where: str) -> Any:
    """Return one row per interval of a tank or level."""
    import pandas as pd

    frame = pd.DataFrame()
    for gas in gases:
        variable, unit = VARIABLE.get(gas, ("", ""))
        if variable not in group:
            raise InputError(f"the analyser did not measure {gas}", where=f"{where}, {name}", need="co2")
        found = _unit(group[variable])
        if found != unit:
            raise InputError(f"the unit of {variable} is another one", where=f"{where}, {name}", found=found, need=unit)
        rows, factor = _rows(group[variable], f"{where}, {name}, {variable}"), _FACTOR[gas]
        if not len(frame):
            for edge, key in (("start", "timeBgn"), ("end", "timeEnd")):
                text = np.char.rstrip(rows[key].astype("U"), "Z")
                frame[edge] = text.astype("datetime64[ns]").astype(np.int64)
            frame["end"] += 1_000_000_000  # the end names the last second
        frame[f"mean_{gas}"], frame[f"var_{gas}"] = rows["mean"] * factor, rows["vari"] * factor**2
        frame[f"n_{gas}"] = np.where(np.isfinite(rows["mean"]), np.nan_to_num(rows["numSamp"]), 0).astype(np.int64)
        reference = f"{variable}Refe"
        given = _rows(group[reference], f"{where}, {name}, {reference}")["mean"] if reference in group else np.nan
        frame[f"refe_{gas}"] = given * factor
    water = _rows(group[_WATER], f"{where}, {name}, {_WATER}")["mean"] if _WATER in group else np.nan
    frame["water"] = water * 0.1  # mmol mol-1
    frame["port"] = name.removesuffix("_09m")
    return frame


def _rows(dataset: Any, where: str) -> Any:
    """Return the rows of a table.

    Where a damaged number is of no type that numpy has, h5py takes a larger one and writes beyond the end of the rows.
    """
    import h5py

    if h5py.h5t.py_create(dataset.dtype).get_size() != dataset.id.get_type().get_size():
        raise InputError("the numbers of a table are of an unknown type", where=where, found=str(dataset.dtype)[:80],
                         hint="the file may be damaged")  # fmt: skip
    return dataset[:]


def _unit(dataset: Any) -> str:
    units = np.atleast_1d(dataset.attrs.get("unit", [b""]))
    first = units[0]
    return first.decode() if isinstance(first, bytes) else str(first)
