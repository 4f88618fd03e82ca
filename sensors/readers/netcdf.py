"""Our own NetCDF files as records of a stack: an emission as it was written, or a calibrated gas beside its flow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import ErrorList, InputError
from sensors.config import ComponentUncertainty, NetcdfReader, StackConfig, Uncertainty
from sensors.readers.files import expand

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ENDINGS", "read", "with_stated_uncertainty"]

ENDINGS = (".nc", ".nc4")
PARTNERS = ("u_random", "u_systematic", "flag", "reason")


def read(config: NetcdfReader, *, base: Path | None = None) -> xr.Dataset:
    """Read files of ``ghg sensors emission`` or ``ghg sensors calibrate``.

    Parameters
    ----------
    config : NetcdfReader
        Files, the gas and inlet of a station, and the table with flow and what else the stack needs.
    base : Path, optional
        Folder to which relative paths belong.

    Returns
    -------
    Dataset
        dims (source, time). Files with ``emission`` come as they are. Of a station the gas with its uncertainties,
        flag and reason, on the intervals of the table of channels: an interval the station does not have is missing.

    Raises
    ------
    InputError
        No NetCDF; neither emission nor the gas; an inlet that is not there or not named; intervals of station and
        table that do not fit; overlapping files.
    """
    from ghg.core.netcdf import read as open_file

    paths = expand(config.files, base, endings=ENDINGS)
    parts = [(path, open_file(path)) for path in paths]
    if all("emission" in ds for _, ds in parts):
        from ghg.core.dataset import check_measured

        ds = _joined([ds for _, ds in parts], paths)
        check_measured(ds, where=paths[0].name)
        return ds
    ds = _joined([_gas(ds, config, path.name) for path, ds in parts], paths)
    if config.channels is None:
        raise InputError("a calibrated gas alone gives no emission", where="reader.channels",
                         need="the table with the flow of the stack")  # fmt: skip
    from sensors.readers.table import read as read_table

    others = read_table(config.channels, base=base)
    if config.gas in others or "concentration" in others:
        raise InputError("the table holds a concentration beside that of the station", where="reader.channels",
                         need="flow and what goes with it, and no gas")  # fmt: skip
    ds = _on_intervals(ds, others, paths[0].name)
    found: xr.Dataset = others.assign({name: ds[name] for name in ds.data_vars})
    found.attrs["concentration_from"] = ", ".join(p.name for p in paths)
    return found


def _joined(parts: list[xr.Dataset], paths: list[Path]) -> xr.Dataset:
    import xarray as xr

    if len(parts) == 1:
        return parts[0]
    ds = xr.concat(parts, "time", data_vars="minimal", coords="minimal", compat="override", combine_attrs="override")
    ds = ds.sortby("time")
    bounds = ds["time_bounds"].values
    if (bounds[1:, 0] < bounds[:-1, 1]).any():
        raise InputError("files overlap in time", where=", ".join(p.name for p in paths), need="each interval once")
    return ds


def _gas(ds: xr.Dataset, config: NetcdfReader, where: str) -> xr.Dataset:
    """Return the gas of one inlet with its partners, dims (source=1, time)."""
    gas = config.gas
    if gas not in ds or "time_bounds" not in ds:
        raise InputError(f"the file holds neither an emission nor {gas} with intervals", where=where,
                         found=", ".join(map(str, ds.data_vars)), need="a file of ghg sensors emission or calibrate",
                         )  # fmt: skip
    from ghg.core.dataset import check_intervals

    if faults := check_intervals(ds, where=where):
        raise ErrorList(faults)
    ds = ds[[gas, *(f"{gas}_{p}" for p in PARTNERS if f"{gas}_{p}" in ds), "time_bounds"]]
    if odd := [str(name) for name, one in ds.data_vars.items() if "time" not in one.dims]:
        raise InputError("a variable does not stand over the time", where=where, found=", ".join(odd))
    if "inlet" in ds.dims:
        names = [str(v) for v in ds["inlet"].values]
        inlet = config.inlet if config.inlet is not None else names[0] if len(names) == 1 else None
        if inlet not in names:
            raise InputError("the file holds several inlets" if inlet is None else "the inlet is not in the file",
                             where=where, found=", ".join(names), need="reader.inlet")  # fmt: skip
        ds = ds.isel(inlet=names.index(str(inlet)))
    if str(ds[gas].attrs.get("humidity", "")) not in ("dry", "wet"):
        raise InputError(f"{gas} does not say whether it is dry or wet", where=where, need="attribute humidity")
    bounds = ds["time_bounds"]
    keep: Any = ds.drop_vars([c for c in ds.coords if c != "time"], errors="ignore").drop_vars("time_bounds")
    return keep.expand_dims(source=["stack"]).assign(time_bounds=bounds.drop_vars(bounds.coords, errors="ignore"))


def _on_intervals(ds: xr.Dataset, others: xr.Dataset, where: str) -> xr.Dataset:
    """Return the gas on the intervals of the table."""
    from ghg.core.flags import Flag, Reason

    time, mine = others["time"].values, ds["time"].values
    place = np.searchsorted(mine, time)
    hit = (place < mine.size) & (mine[np.minimum(place, mine.size - 1)] == time)
    a, b = ds["time_bounds"].values[place[hit]], others["time_bounds"].values[hit]
    if not hit.any() or (a != b).any():
        length = [str((v[0, 1] - v[0, 0]).astype("m8[s]")) for v in
                  (ds["time_bounds"].values, others["time_bounds"].values)]  # fmt: skip
        raise InputError("station and table have no interval in common" if not hit.any()
                         else "intervals of station and table differ", where=where,
                         found=f"{length[0]} from {mine[0]} and {length[1]} from {time[0]}",
                         hint="calibrate with averages.interval as the table has it")  # fmt: skip
    found = ds.drop_vars("time_bounds").reindex(time=time)
    sources = others["source"].values
    if sources.size != 1:
        raise InputError("the table holds several stacks beside one station", where=where,
                         found=", ".join(map(str, sources)), need="one")  # fmt: skip
    found = found.assign_coords(source=sources)
    gas = next(str(n) for n in ds.data_vars if f"{n}_flag" in ds or str(n) in ("co2", "ch4", "co", "n2o"))
    for name, value in ((f"{gas}_flag", int(Flag.MISSING)), (f"{gas}_reason", int(Reason.GAP))):
        if name in found:
            found[name] = found[name].fillna(value).astype(ds[name].dtype).assign_attrs(ds[name].attrs)
    return found


def with_stated_uncertainty(records: xr.Dataset, stack: StackConfig) -> StackConfig:
    """Return the stack with the uncertainty the station states for its gas, where the configuration states none.

    The emission takes one number for a component: root mean squares of the relative uncertainties, random and
    systematic, over the values that are used.
    """
    gas = "co2" if stack.species == "CO2" else stack.species.lower()
    if "concentration" in stack.uncertainty or f"{gas}_u_systematic" not in records or gas not in records:
        return stack
    x = records[gas].values
    use = np.isfinite(x) & (x > 0)
    if not use.any():
        return stack
    parts = {}
    for kind in ("random", "systematic"):
        u = records[f"{gas}_u_{kind}"].values if f"{gas}_u_{kind}" in records else np.zeros_like(x)
        relative = float(np.sqrt(np.mean(np.square(np.nan_to_num(u[use] / x[use])))))
        parts[kind] = Uncertainty(relative=relative, source=f"stated in {records.attrs.get('concentration_from', '')}")
    merged = {**stack.uncertainty, "concentration": ComponentUncertainty(**parts)}
    return stack.model_copy(update={"uncertainty": merged})
