"""Arrays and attributes into NetCDF files: type, chunks, compression, fill value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import netCDF4

LEVEL = 4  # of zlib: the file halves against level 1 in a third more time, above that nothing is gained
CHUNK_VALUES = 1 << 17  # 1 MiB of float64
LATER_CACHE = 4 << 20  # bytes kept of a variable that is written in pieces; the library would keep 16 MiB of each


def chunk_shape(dims: tuple[str, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return chunks of at most 1 MiB of float64 that run along time first."""
    order = sorted(range(len(dims)), key=lambda i: (dims[i] != "time", -i))
    left, chunks = CHUNK_VALUES, [1] * len(dims)
    for i in order:
        chunks[i] = max(1, min(shape[i], left))
        left //= chunks[i]
    return tuple(chunks)


def array(
    nc: netCDF4.Dataset,
    name: str,
    values: npt.NDArray[Any],
    dims: tuple[str, ...],
    attrs: Mapping[str, Any],
    fill: Any = None,
    later: tuple[int, ...] | None = None,
) -> None:
    native = values.dtype.newbyteorder("=")
    options: dict[str, Any] = {"fill_value": fill if fill is not None else False}
    if dims:
        chunks = chunk_shape(dims, values.shape if later is None else later)
        options |= {"zlib": True, "complevel": LEVEL, "shuffle": True, "chunksizes": chunks}
    variable = nc.createVariable(name, native, dims, **options)
    variable.set_auto_maskandscale(False)
    write_attributes(variable, attrs)
    if later is not None:
        variable.set_var_chunk_cache(LATER_CACHE, 521, 1.0)  # what is full goes first
    elif values.size:
        variable[...] = np.ascontiguousarray(values, dtype=native)


def write_attributes(target: Any, attrs: Mapping[str, Any]) -> None:
    """Write attributes; text as UTF-8 characters (bytes), because string attributes upset older readers."""
    for key, value in attrs.items():
        if isinstance(value, str):
            target.setncattr(key, value.encode("utf-8"))
        elif isinstance(value, int) and abs(value) < 2**31:
            target.setncattr(key, np.int32(value))
        elif isinstance(value, list):
            whole = all(isinstance(v, int) for v in value)
            small = whole and all(abs(v) < 2**31 for v in value)
            target.setncattr(key, np.array(value, np.int32 if small else np.int64 if whole else np.float64))
        else:
            target.setncattr(key, value)
