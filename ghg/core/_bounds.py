"""Bounds of intervals: their edges, their lengths, and the variable that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["bounds_variable", "edges_of", "seconds"]

Times = npt.NDArray[np.datetime64]


def seconds(bounds: Any) -> npt.NDArray[np.float64]:
    """Length of intervals in seconds.

    Parameters
    ----------
    bounds : array of datetime64 or DataArray, shape (n, 2)

    Returns
    -------
    ndarray, shape (n,)
    """
    edges = edges_of(bounds, "time_bounds")
    return (edges[:, 1] - edges[:, 0]) / 1e9


def edges_of(bounds: Any, what: str) -> npt.NDArray[np.int64]:
    values = np.asarray(bounds)
    if values.ndim != 2 or values.shape[1] != 2 or values.dtype.kind != "M":
        raise InputError(
            f"{what} must be times", found=f"{values.dtype} {values.shape}", need="datetime64, shape (n, 2)"
        )
    if np.isnat(values).any():
        raise InputError(f"{what} contain a missing time", found="NaT")
    edges = np.ascontiguousarray(values.astype("datetime64[ns]").astype(np.int64))
    if np.any(edges[:, 1] <= edges[:, 0]):
        raise InputError(
            f"{what}: an interval does not end after its start",
            found=str(values[np.argmax(edges[:, 1] <= edges[:, 0])]),
        )
    return edges


def bounds_variable(bounds: Times) -> xr.DataArray:
    """Return ``time_bounds`` with its ``time`` coordinate (interval start), for a Dataset.

    Parameters
    ----------
    bounds : array of datetime64, shape (m, 2)
    """
    import xarray as xr

    time, edges = time_variables(bounds)
    return xr.DataArray(edges, coords={"time": time}, name="time_bounds")


def time_variables(bounds: Times) -> tuple[xr.Variable, xr.Variable]:
    """Return ``time`` (interval start) and ``time_bounds`` as they are, where a whole DataArray would cost too much."""
    import xarray as xr

    edges = np.asarray(bounds).astype("datetime64[ns]")
    attrs = {
        "standard_name": "time",
        "long_name": "start of the interval",
        "axis": "T",
        "bounds": "time_bounds",
    }
    return xr.Variable("time", edges[:, 0], attrs), xr.Variable(("time", "bounds"), edges)
