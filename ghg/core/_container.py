"""Small tables of numbers kept in a file as the attributes of a scalar.

The checkers of the conventions ask a standard name of every array with a unit, and there is none for a ledger of
mass. A scalar without unit whose attributes hold the numbers is what CF calls a container (as for grid mappings and
geometries): nothing is claimed of it, and ncdump shows it row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import xarray as xr

MARK = "storage"  # attribute of a variable that asks for it, with the value "container"
ROW = "row_"
UNITS, DIMENSIONS = "table_units", "table_dimensions"


def wanted(variable: xr.Variable) -> bool:
    """Tell whether a variable asks to be kept in attributes: marked, float64, of two labelled dimensions."""
    return variable.attrs.get(MARK) == "container" and variable.ndim == 2 and variable.dtype == np.float64


def pack(
    values: npt.NDArray[Any], labels: npt.NDArray[np.str_], dims: tuple[str, ...], attrs: dict[str, Any]
) -> dict[str, Any]:
    """Return the attributes of the scalar: one for each row, named by its label."""
    rows = {f"{ROW}{label}": np.array(row, np.float64) for label, row in zip(labels.tolist(), values, strict=True)}
    kept = {(UNITS if key == "units" else key): value for key, value in attrs.items()}
    return {**kept, DIMENSIONS: " ".join(dims), **rows}


def unpack(attrs: dict[str, Any]) -> tuple[list[str], npt.NDArray[np.float64], dict[str, Any]]:
    """Return dimensions, values and attributes of the table."""
    left = dict(attrs)
    dims = str(left.pop(DIMENSIONS)).split()
    if UNITS in left:
        left["units"] = left.pop(UNITS)
    rows = [np.atleast_1d(left.pop(key)) for key in attrs if key.startswith(ROW)]
    return dims, np.array(rows, np.float64), left
