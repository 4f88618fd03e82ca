"""How Datasets lie in NetCDF files: labels as flags or characters, times as whole counts, NaN as fill value.

On disk                                           in memory
------------------------------------------------  ---------------------------------------------
int coordinate with flag_values, flag_meanings    short labels of letters, digits and ``_-.+@``
char variable ``<name>_label`` or ``<name>``      every other text (UTF-8), as strings
int64 count of s, ms, us or ns since 1970         datetime64[ns], timedelta64[ns]
int8 0 and 1 with meanings "false true"           bool
int scalar whose attributes are the rows           small table of numbers that marks itself (``storage``)

Strings of variable length are avoided: the checkers of the conventions fail on them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core import _container, _counts
from ghg.core._arrays import LEVEL, array, chunk_shape, write_attributes
from ghg.core._counts import NAT, to_nanoseconds
from ghg.core.errors import InputError

if TYPE_CHECKING:
    import netCDF4
    import xarray as xr

TYPE = "ghg_type"  # what a stored variable is in memory: text, boolean, duration or container
NAME = "ghg_name"  # its name in memory, where that differs
COORDINATES = "auxiliary_coordinates"  # global: which variables are coordinates in memory
BLOCKS = "content_blocks"  # codes that say where a file was changed; no part of the data
MAX_MEANINGS = 64
_MEANING = re.compile(r"^[A-Za-z0-9_\-.+@]+$")
_OF_VARIABLE = ("valid_min", "valid_max", "valid_range", "flag_values", "flag_masks")
_NEVER = ("_FillValue", "missing_value", "scale_factor", "add_offset", "coordinates", TYPE, NAME)


def kind(values: npt.NDArray[Any]) -> str:
    """Return text, boolean, time, duration or number.

    Raises
    ------
    InputError
        The type cannot be stored.
    """
    code = values.dtype.kind
    if code in "USTO":
        return "text"
    if code == "b":
        return "boolean"
    if code == "M":
        return "time"
    if code == "m":
        return "duration"
    if code in "iu" or (code == "f" and values.dtype.itemsize in (4, 8)):
        return "number"
    raise InputError("values of this type cannot be stored", found=str(values.dtype), need="float64, float32, "
                     "integers, booleans, times or text")  # fmt: skip


def as_text(values: npt.NDArray[Any], name: Hashable = "") -> npt.NDArray[np.str_]:
    """Return text as a plain array of str; a missing label becomes the empty text.

    Raises
    ------
    InputError
        Something in it is not text.
    """
    out = np.empty(values.shape, dtype=object)
    for i, value in enumerate(values.ravel().tolist()):
        if isinstance(value, bytes):
            value = value.decode("utf-8")
        if value is None or (isinstance(value, float) and np.isnan(value)):
            value = ""
        if not isinstance(value, str):
            raise InputError(f"variable '{name}' mixes text and other things", found=repr(value), need="text only")
        out.ravel()[i] = value.rstrip("\0")
    width = max((len(value) for value in out.ravel().tolist()), default=1)
    return out.astype(f"U{max(width, 1)}")


def plain(value: Any) -> Any:
    """Return an attribute as str, int, float or list of numbers, the form in which files give it back.

    None stands for an attribute that cannot be stored and is left out.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        items = [plain(v) for v in (sorted(value, key=str) if isinstance(value, set | frozenset) else list(value))]
        if not items or not all(isinstance(v, int | float) for v in items):
            return ", ".join(str(v) for v in items)
        return items[0] if len(items) == 1 else items
    return str(value)


def plain_attributes(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes in their plain form, without those that belong to the file and not to the data."""
    found = {str(k): plain(v) for k, v in attrs.items() if k not in _NEVER}
    return {k: v for k, v in found.items() if v is not None}


def coerce(attrs: Mapping[Any, Any], dtype: np.dtype[Any]) -> dict[str, Any]:
    """Give flag values and valid ranges the type of their variable, as the conventions want."""
    return {
        str(k): np.asarray(v).astype(dtype) if k in _OF_VARIABLE and dtype.kind in "iuf" else v
        for k, v in attrs.items()
    }


def dump(nc: netCDF4.Dataset, ds: xr.Dataset, global_attrs: Mapping[str, Any], blocks: str) -> None:
    """Write a completed Dataset into an open file."""
    unlimited = ds.encoding.get("unlimited_dims", ())
    for name, size in ds.sizes.items():
        _check_name(str(name), "dimension")
        nc.createDimension(str(name), None if name in unlimited else int(size))
    dump_rest(nc, ds, (), global_attrs, blocks)


def dump_rest(
    nc: netCDF4.Dataset, ds: xr.Dataset, done: Collection[str], global_attrs: Mapping[str, Any], blocks: str
) -> None:
    """Write what is not `done` of a Dataset, and the global attributes, into a file that has its dimensions."""
    dump_variables(nc, ds, done)
    dump_globals(nc, ds, global_attrs, blocks)


def dump_variables(
    nc: netCDF4.Dataset, ds: xr.Dataset, done: Collection[str], later: Mapping[str, tuple[int, ...]] | None = None
) -> None:
    """Write what is not `done` of a Dataset; the variables `later` get their shape, and their values afterwards."""
    bounds = bounds_of(ds)
    stored = {str(name): _store_name(ds, str(name)) for name in ds.variables if name not in done}
    for name in map(str, ds.variables):
        if name not in done:
            _check_name(name, "variable")
            _dump_variable(nc, ds, name, stored, bounds, (later or {}).get(name))


def bounds_of(ds: xr.Dataset) -> dict[str, str]:
    """Return bounds variables and the coordinate each belongs to, in a completed Dataset."""
    return {str(v.attrs["bounds"]): str(n) for n, v in ds.variables.items() if "bounds" in v.attrs}


def dump_globals(nc: netCDF4.Dataset, ds: xr.Dataset, global_attrs: Mapping[str, Any], blocks: str) -> None:
    """Write the global attributes, and the codes that say where a file was changed."""
    write_attributes(nc, {**global_attrs, COORDINATES: " ".join(str(c) for c in ds.coords if c not in ds.dims)})
    _char(nc, BLOCKS, np.array(blocks), (), {"long_name": "digests of blocks of values, to find a change"})


def _check_name(name: str, what: str) -> None:
    if not name or "/" in name or name != name.strip():
        raise InputError(f"a {what} cannot have this name in a file", found=repr(name))


def _store_name(ds: xr.Dataset, name: str) -> str:
    """Return the name on disk: text along its own dimension needs another name unless stored as flags."""
    values = ds.variables[name]
    if name not in ds.dims or kind(values.values) != "text" or _meanings(as_text(values.values, name), True):
        return name
    other = f"{name}_label"
    while other in ds.variables or other in ds.dims:
        other += "_"
    return other


def _meanings(text: npt.NDArray[np.str_], unique: bool) -> list[str]:
    """Return the distinct labels in order of appearance if they can be flag meanings, else nothing."""
    labels = list(dict.fromkeys(text.ravel().tolist()))
    if not labels or len(labels) > MAX_MEANINGS or (unique and len(labels) != text.size):
        return []
    return labels if all(_MEANING.match(label) for label in labels) else []


def _dump_variable(
    nc: netCDF4.Dataset,
    ds: xr.Dataset,
    name: str,
    stored: Mapping[str, str],
    bounds: Mapping[str, str],
    later: tuple[int, ...] | None = None,
) -> None:
    variable = ds.variables[name]
    values, dims = variable.values, tuple(str(d) for d in variable.dims)
    attrs = plain_attributes(variable.attrs)
    what = kind(values)
    unit = {"units": "1"} if name in ds.coords else {}  # of codes: coordinates need one
    if _container.wanted(variable):
        rows = as_text(ds[dims[0]].values, dims[0])
        array(nc, name, np.zeros((), np.int32), (), {**_container.pack(values, rows, dims, attrs), TYPE: "container"})
        return
    others = [
        stored[str(c)]
        for c in ds.coords
        if name in ds.data_vars and name not in bounds and stored[str(c)] not in dims
        and set(ds.coords[c].dims) <= set(dims) and ds.coords[c].attrs.get("ghg_role") != "extent"
    ]  # fmt: skip
    if others:
        attrs["coordinates"] = " ".join(others)
    if what == "text":
        text = as_text(values, name)
        meanings = _meanings(text, name in ds.dims)
        if not meanings:
            renamed = {NAME: name} if stored[name] != name else {}
            _char(nc, stored[name], text, dims, {**attrs, TYPE: "text", **renamed})
            return
        lookup = {label: i for i, label in enumerate(meanings)}
        codes = np.array([lookup[label] for label in text.ravel().tolist()], np.int32).reshape(text.shape)
        attrs |= {"flag_values": np.arange(len(meanings), dtype=np.int32), "flag_meanings": " ".join(meanings),
                  TYPE: "text", **unit}  # fmt: skip
        array(nc, name, codes, dims, attrs)
    elif what == "boolean":
        attrs |= {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "false true", TYPE: "boolean", **unit}
        array(nc, name, values.astype(np.int8), dims, attrs, later=later)
    elif what in ("time", "duration"):
        _dump_time(nc, ds, name, values, attrs, bounds, later)
    else:
        fill = np.nan if values.dtype.kind == "f" and not _unfilled(ds, name, values, bounds) else None
        array(nc, name, values, dims, coerce(attrs, values.dtype), fill, later)


def _unfilled(ds: xr.Dataset, name: str, values: npt.NDArray[Any], bounds: Mapping[str, str]) -> bool:
    """Tell the variables that must not have a fill value: coordinates and bounds."""
    if name in ds.dims or name in bounds:
        return True
    return name in ds.coords and not np.isnan(values).any()


def _dump_time(
    nc: netCDF4.Dataset,
    ds: xr.Dataset,
    name: str,
    values: npt.NDArray[Any],
    attrs: dict[str, Any],
    bounds: Mapping[str, str],
    later: tuple[int, ...] | None = None,
) -> None:
    counts = to_nanoseconds(values)
    parent = bounds.get(name)
    partner = attrs.get("bounds") if parent is None else parent
    if partner in ds.variables and ds.variables[partner].dtype.kind == "M":
        # bounds share the units of their parent, so the two are counted together
        unit, dtype = _counts.unit_of(counts, to_nanoseconds(ds.variables[partner].values))
    else:
        (unit, dtype), parent = _counts.unit_of(counts), None
    missing = bool((counts == NAT).any())
    counts = _counts.counted(counts, unit, dtype)
    if values.dtype.kind == "m":
        attrs |= {"units": unit, TYPE: "duration"}
    elif parent is None:
        attrs |= {"units": f"{unit} since {_counts.EPOCH}", "calendar": "standard",
                  "units_metadata": "leap_seconds: unknown"}  # fmt: skip
    fill = NAT if missing else None
    if fill is not None and name in ds.dims:
        raise InputError("a coordinate holds a missing time", where=name, found="NaT")
    array(nc, name, counts, tuple(str(d) for d in ds.variables[name].dims), attrs, fill, later)


def _char(
    nc: netCDF4.Dataset, name: str, text: npt.NDArray[Any], dims: tuple[str, ...], attrs: Mapping[str, Any]
) -> None:
    encoded = np.char.encode(text.astype(str), "utf-8") if text.size else np.empty(text.shape, "S1")
    width = max(encoded.dtype.itemsize, 1)
    length = f"{name}_length"
    nc.createDimension(length, width)
    chunks = (*chunk_shape(dims, (*text.shape,)), width)
    variable = nc.createVariable(name, "S1", (*dims, length), zlib=True, complevel=LEVEL, chunksizes=chunks,
                                 fill_value=False)  # fmt: skip
    variable.set_auto_chartostring(False)
    write_attributes(variable, {**attrs, "_Encoding": "utf-8"})
    if text.size:
        padded = np.ascontiguousarray(encoded.astype(f"S{width}"))
        variable[...] = padded.reshape(-1).view("S1").reshape(*text.shape, width)


def load(nc: netCDF4.Dataset) -> tuple[xr.Dataset, str]:
    """Return the Dataset of an open file, as it was completed for writing, and its block codes."""
    import xarray as xr

    nc.set_auto_maskandscale(False)
    nc.set_auto_chartostring(False)
    bounds = {_attribute(v.getncattr("bounds")): v for v in nc.variables.values() if "bounds" in v.ncattrs()}
    variables: dict[str, xr.Variable] = {}
    blocks = ""
    for stored, variable in nc.variables.items():
        if stored == BLOCKS:
            blocks = str(_characters(variable).item())
            continue
        name, loaded = _load_variable(stored, variable, bounds)
        variables[name] = loaded
    attrs = {key: _attribute(nc.getncattr(key), key) for key in nc.ncattrs()}
    coords = set(str(attrs.pop(COORDINATES, "")).split())
    for variable in variables.values():
        coords |= set(str(variable.attrs.pop("coordinates", "")).split())
    ds = xr.Dataset(variables, attrs=attrs)
    return ds.set_coords([c for c in coords if c in ds.variables]), blocks


def _attribute(value: Any, key: str = "") -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, np.generic):
        return np.atleast_1d(value) if key in ("flag_values", "flag_masks") else value.item()
    return value


def _characters(variable: Any) -> npt.NDArray[Any]:
    raw = np.ascontiguousarray(np.ma.getdata(variable[...]).astype("S1"))
    if not raw.size:
        return np.empty(raw.shape[:-1], "U1")
    joined = raw.reshape(-1).view(f"S{raw.shape[-1]}").reshape(raw.shape[:-1])
    return np.char.decode(joined, "utf-8")


def _load_variable(stored: str, variable: Any, bounds: Mapping[str, Any]) -> tuple[str, xr.Variable]:
    import xarray as xr

    attrs = {key: _attribute(variable.getncattr(key), key) for key in variable.ncattrs()}
    name, what = str(attrs.pop(NAME, stored)), attrs.pop(TYPE, "")
    attrs.pop("_FillValue", None)
    dims = variable.dimensions
    if variable.dtype is str or variable.dtype == "S1":
        attrs.pop("_Encoding", None)
        if variable.dtype is str:
            return name, xr.Variable(dims, as_text(np.asarray(variable[...], dtype=object), name), attrs)
        return name, xr.Variable(dims[:-1], as_text(_characters(variable), name), attrs)
    if what == "container":
        return name, xr.Variable(*_container.unpack(attrs))
    values = np.asarray(np.ma.getdata(variable[...]))
    if what in ("text", "boolean"):
        labels = str(attrs.pop("flag_meanings")).split(" ")
        attrs.pop("units", None)
        codes = {int(k): i for i, k in enumerate(np.atleast_1d(attrs.pop("flag_values")))}
        index = np.vectorize(lambda code: codes.get(int(code), -1), otypes=[np.int64])(values)
        if (index < 0).any():
            raise InputError("a code has no label", where=name, found=str(values[index < 0][0]))
        table = np.array(labels) if what == "text" else np.array([False, True])
        return name, xr.Variable(dims, table[index], attrs)
    return name, xr.Variable(dims, _decode_time(stored, values, attrs, what, bounds), attrs)


def _decode_time(
    stored: str, values: npt.NDArray[Any], attrs: dict[str, Any], what: str, bounds: Mapping[str, Any]
) -> npt.NDArray[Any]:
    units = attrs.get("units")
    parent = bounds.get(stored)
    if units is None and parent is not None and "units" in parent.ncattrs():
        units = _attribute(parent.getncattr("units"))
    found = _counts.decode(str(units), values, what == "duration")
    if found is None:
        return values
    for key in ("units", "calendar", "units_metadata"):
        attrs.pop(key, None)
    return found
