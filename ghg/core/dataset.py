"""Builders and checks for the Datasets that pass between packages: MEASURED and ACCOUNTED.

MEASURED has dimensions (source, time), ACCOUNTED (species, stream, time). Both carry ``emission`` [kg s-1] over
intervals given in ``time_bounds``, its random and systematic standard uncertainty, and the systematic part by
named components, each fully correlated over the record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ErrorList, GhgError, InputError, UnitError
from ghg.core.flags import merge_reasons
from ghg.core.variables import attributes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_accounted", "check_intervals", "check_measured", "merge_reason", "time_coords", "with_systematic"]

_LISTED = 3  # faults of one kind that are named one by one


def time_coords(starts: Any, ends: Any) -> xr.Dataset:
    """Return ``time`` and ``time_bounds`` of intervals, to be merged into a Dataset.

    Parameters
    ----------
    starts, ends : array of datetime64, shape (n,)
        UTC.

    Returns
    -------
    Dataset
        ``time`` (coordinate, interval start) and ``time_bounds`` (time, bounds), datetime64[ns].

    Raises
    ------
    InputError
        The two differ in length.
    """
    from ghg.core.time import bounds_variable

    first, last = (np.atleast_1d(np.asarray(edge)).astype("datetime64[ns]") for edge in (starts, ends))
    if first.shape != last.shape or first.ndim != 1:
        raise InputError("starts and ends of intervals do not match", found=f"{first.shape} and {last.shape}")
    return bounds_variable(np.stack([first, last], axis=1)).to_dataset()


def with_systematic(
    ds: xr.Dataset, name: str, components: Mapping[str, Any], *, shared: tuple[str, ...] | list[str] = ()
) -> xr.Dataset:
    """Attach systematic standard uncertainties by component, and their quadrature total.

    Parameters
    ----------
    ds : Dataset
        Holds `name`; unchanged.
    name : str
        Variable the uncertainties belong to.
    components : mapping of str to DataArray or array
        Standard uncertainty (k = 1) per component in the units of the variable; anything that broadcasts
        against it: by name for a DataArray, else from the last dimension as in numpy.
    shared : sequence of str
        Components common to all sources or streams (attribute ``shared_components`` of the variable).

    Returns
    -------
    Dataset
        With ``<name>_u_systematic_<component>``, and ``<name>_u_systematic`` whose attribute ``components``
        names them.

    Raises
    ------
    InputError
        The variable is missing, a component is negative, has a dimension the variable lacks or does not
        broadcast, or `shared` names an unknown component.
    """
    if name not in ds:
        raise InputError(f"variable '{name}' is missing", found=", ".join(map(str, ds.data_vars)))
    if unknown := sorted(set(shared) - set(components)):
        raise InputError("shared components are not among the components", found=", ".join(unknown),
                         need="some of " + ", ".join(components))  # fmt: skip
    old = [v for v in ds.variables if str(v).startswith(f"{name}_u_systematic")]
    result = ds.drop_vars(old)
    target = result[name]
    units = {"units": target.attrs["units"]} if "units" in target.attrs else {}
    square: Any = np.zeros(target.shape)
    parts: dict[str, tuple[Any, npt.NDArray[np.float64], dict[str, Any]]] = {}
    for component, values in components.items():
        array = _broadcast(target, f"{name}_u_systematic_{component}", values)
        square = square + array**2
        label = f"{name}_u_systematic_{component}"
        parts[label] = (target.dims, array, {**attributes(label), **units})
    total = f"{name}_u_systematic"
    result[total] = (target.dims, np.sqrt(square), {**attributes(total), **units, "components": " ".join(components)})
    for label, part in parts.items():
        result[label] = part
    if shared:
        result[name].attrs["shared_components"] = " ".join(shared)
    return result


def _broadcast(target: xr.DataArray, name: str, values: Any) -> npt.NDArray[np.float64]:
    """Return an uncertainty in the shape of its variable."""
    dims = getattr(values, "dims", None)
    try:
        if dims is not None:
            if extra := [str(d) for d in dims if d not in target.dims]:
                raise InputError("the uncertainty has a dimension its variable lacks", where=name,
                                 found=", ".join(extra), need="of " + ", ".join(map(str, target.dims)))  # fmt: skip
            import xarray as xr

            template, array = xr.align(target, values, join="exact")
            array = array.broadcast_like(template).transpose(*target.dims).values
        else:
            array = np.broadcast_to(np.asarray(values, np.float64), target.shape)
    except ValueError as error:
        raise InputError("the uncertainty does not fit its variable", where=name, found=str(np.shape(values)),
                         need=str(target.shape)) from error  # fmt: skip
    array = np.ascontiguousarray(array, np.float64)
    if (array < 0).any():
        raise InputError("an uncertainty is negative", where=name, found=str(array[array < 0][0]))
    return array


def merge_reason(ds: xr.Dataset, name: str, where: Any, reason: int, flag: int | None = None) -> xr.Dataset:
    """Add a reason to the values of a variable, and worsen their flag.

    Parameters
    ----------
    ds : Dataset
        Holds `name`; unchanged.
    name : str
        Variable.
    where : array of bool
        Values concerned; broadcasts against the variable.
    reason : int
        :class:`~ghg.core.flags.Reason`; several may be combined by ``|``.
    flag : int, optional
        :class:`~ghg.core.flags.Flag` to which the values are worsened; better flags become this one, worse
        ones stay.

    Returns
    -------
    Dataset
        With ``<name>_reason`` and, where a flag is given or present, ``<name>_flag``.

    Raises
    ------
    InputError
        The variable is missing.
    """
    from ghg.core.flags import Flag, Reason, flag_attributes

    if name not in ds:
        raise InputError(f"variable '{name}' is missing", found=", ".join(map(str, ds.data_vars)))
    result, target = ds.copy(), ds[name]
    hit = np.broadcast_to(np.asarray(getattr(where, "values", where), bool), target.shape)
    label = f"{name}_reason"
    before = ds.get(label)
    old = np.zeros(target.shape, np.int32) if before is None else before.values
    attrs = {**attributes(label), **flag_attributes(Reason)} if before is None else before.attrs
    result[label] = (target.dims, merge_reasons(old, np.where(hit, int(reason), 0)), attrs)
    if flag is None:
        return result
    label = f"{name}_flag"
    level = ds[label].values if label in ds else np.full(target.shape, int(Flag.GOOD), np.int8)
    attrs = ds[label].attrs if label in ds else {**attributes(label), **flag_attributes(Flag)}
    result[label] = (target.dims, np.where(hit, np.maximum(level, int(flag)), level).astype(np.int8), attrs)
    return result


def check_intervals(ds: xr.Dataset, *, where: str = "") -> list[InputError]:
    """Return the faults of the time axis: what is missing, out of order, doubled or overlapping.

    Parameters
    ----------
    ds : Dataset
        Needs ``time`` and ``time_bounds``.
    where : str
        File, for messages.

    Returns
    -------
    list of InputError
        Empty if all is well. Gaps are no fault.
    """
    there = ds.variables
    if "time" not in there:
        return [InputError("coordinate 'time' is missing", where=where)]
    if "time_bounds" not in there:
        return [InputError("variable 'time_bounds' is missing", where=where, need="start and end of every interval")]
    edges, time = there["time_bounds"].values, np.atleast_1d(there["time"].values)
    if edges.shape != (time.size, 2) or edges.dtype.kind != "M" or time.dtype.kind != "M":
        return [InputError("'time_bounds' must be the starts and ends of 'time'", where=where,
                           found=f"{edges.dtype} {edges.shape}", need=f"datetime64 ({time.size}, 2)")]  # fmt: skip
    if np.isnat(edges).any() or np.isnat(time).any():
        return [InputError("the time axis holds a missing time", where=where, found="NaT")]
    if not time.size:
        return [InputError("there is no interval", where=where, found="0 times")]
    start, end = edges[:, 0], edges[:, 1]
    previous = np.maximum.accumulate(end)[:-1]
    doubled = np.isin(start, _repeated(start))
    backward = np.concatenate([[False], start[1:] < start[:-1]])
    overlap = np.concatenate([[False], start[1:] < previous]) & ~doubled & ~backward
    faults = (
        ("an interval does not end after its start", end <= start),
        ("a time is not the start of its interval", time != start),
        ("an interval is there more than once", doubled),
        ("the intervals are not in order of time", backward),
        ("intervals overlap", overlap),
    )
    return [InputError(what, where=where, found=_times(start, bad)) for what, bad in faults if bad.any()]


def _repeated(start: npt.NDArray[Any]) -> npt.NDArray[Any]:
    values, counts = np.unique(start, return_counts=True)
    return values[counts > 1]


def _times(start: npt.NDArray[Any], bad: npt.NDArray[np.bool_]) -> str:
    shown = [f"{np.datetime_as_string(t, unit='m')}Z" for t in start[bad][:_LISTED]]
    more = int(bad.sum()) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def check_measured(ds: xr.Dataset, *, where: str = "") -> None:
    """Check that a Dataset is a MEASURED one.

    Parameters
    ----------
    ds : Dataset
        See the module.
    where : str
        File or configuration key, for messages.

    Raises
    ------
    ErrorList
        All faults: variables, dimensions or units missing or wrong, intervals doubled or overlapping,
        systematic components that are named and missing or do not add up, negative uncertainties.
    """
    _check(ds, ("source", "time"), ("heat_input", "operating_time", "co2", "o2", "h2o", "flow", "temperature",
                                    "pressure", "gross_load", "steam_load"), where)  # fmt: skip


def check_accounted(ds: xr.Dataset, *, where: str = "") -> None:
    """Check that a Dataset is an ACCOUNTED one.

    Parameters
    ----------
    ds : Dataset
        See the module.
    where : str
        File or configuration key, for messages.

    Raises
    ------
    ErrorList
        All faults, as for :func:`check_measured`.
    """
    _check(ds, ("species", "stream", "time"), ("energy", "fuel_mass", "fuel_volume", "calorific_value",
                                               "calorific_value_volume", "carbon_content", "emission_factor",
                                               "oxidation_factor"), where)  # fmt: skip


def _check(ds: xr.Dataset, dims: tuple[str, ...], optional: tuple[str, ...], where: str) -> None:
    there = ds.variables  # as they are: a DataArray for every look would cost more than all the looks
    faults: list[GhgError] = []
    for name in ("emission", "emission_u_random", "emission_u_systematic"):
        if name not in there:
            faults.append(InputError(f"variable '{name}' is missing", where=where,
                                     found=", ".join(sorted(map(str, ds.data_vars))) or "no variables"))  # fmt: skip
        elif tuple(map(str, there[name].dims)) != dims:
            found = f"({', '.join(map(str, there[name].dims))})"
            need = f"({', '.join(dims)})"
            faults.append(
                InputError(f"variable '{name}' has the wrong dimensions", where=where, found=found, need=need)
            )
    for dim in dims[:-1]:
        if dim in ds.sizes and dim not in there:
            faults.append(InputError(f"dimension '{dim}' has no labels", where=where, need=f"a coordinate '{dim}'"))
    for dim in dims[:-1]:
        if repeated := _repeated_labels(ds, dim):
            faults.append(InputError(f"labels of '{dim}' are repeated", where=where, found=", ".join(repeated)))
    faults += _units(ds, optional, where)
    faults += _components(ds, where)
    faults += check_intervals(ds, where=where)
    if faults:
        raise ErrorList(faults)


def _repeated_labels(ds: xr.Dataset, dim: str) -> list[str]:
    labels = [str(label) for label in ds.variables[dim].values] if dim in ds.sizes and dim in ds.variables else []
    return sorted({label for label, count in Counter(labels).items() if count > 1})


def _units(ds: xr.Dataset, optional: tuple[str, ...], where: str) -> list[GhgError]:
    """Return wrong or missing units of the emission, its uncertainties, and the optional variables there are."""
    from ghg.core.units import check_units

    there = ds.variables
    faults: list[GhgError] = []
    emission = ["emission", *(str(v) for v in there if str(v).startswith("emission_u_"))]
    for name in [*emission, *optional]:
        need = attributes(name).get("units")
        if name not in there or need is None:
            continue
        try:
            check_units(there[name].attrs.get("units"), str(need), name=name)
        except UnitError as error:
            faults.append(UnitError(error.what, where=where or error.where, found=error.found, need=error.need,
                                    hint=error.hint))  # fmt: skip
    return faults


def _components(ds: xr.Dataset, where: str) -> list[GhgError]:
    """Return faults of the systematic components: missing, negative, or not adding up in quadrature."""
    total, there = "emission_u_systematic", ds.variables
    faults: list[GhgError] = []
    for name in ("emission_u_random", *(str(v) for v in there if str(v).startswith(total))):
        if name in there and there[name].dtype.kind == "f" and (there[name].values < 0).any():
            faults.append(InputError("an uncertainty is negative", where=where, found=name))
    if total not in there:
        return faults
    named = str(there[total].attrs.get("components", "")).split()
    if missing := [c for c in named if f"{total}_{c}" not in there]:
        faults.append(InputError("systematic components are named and not there", where=where,
                                 found=", ".join(missing), need=f"variables {total}_<component>"))  # fmt: skip
    elif named and all(there[f"{total}_{c}"].dims == there[total].dims for c in named):
        square = sum(there[f"{total}_{c}"].values ** 2 for c in named)
        if not np.allclose(np.sqrt(square), there[total].values, rtol=1e-6, atol=0.0, equal_nan=True):
            faults.append(InputError("the systematic components do not add up to their total", where=where,
                                     found=total, need="their sum in quadrature"))  # fmt: skip
    return faults
