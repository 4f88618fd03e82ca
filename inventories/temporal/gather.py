"""Files that hold only the cells that emit: compression by gathering.

References
----------
CF conventions 1.11, section 8.2: a list variable holds the places of the kept points in the flattened dimensions that
its attribute ``compress`` names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError

__all__ = ["CELL", "gather_template", "scatter"]

CELL = "cell"
MOST_BYTES = 4 << 30  # of one variable that is laid out again


def gather_template(
    ds: xr.Dataset, names: Sequence[str], cells: npt.NDArray[np.int64], dims: tuple[str, str]
) -> xr.Dataset:
    """Return the Dataset of a file in which variables and cell areas are kept for some cells only.

    Parameters
    ----------
    ds : Dataset
        The whole file; `names` are placeholders.
    names : sequence of str
        Variables to gather, with `dims` last.
    cells : (n,) array
        Flat numbers of the cells.
    dims : tuple of str
        Row and column dimension.
    """
    from ghg.core.stream import placeholder

    out = ds
    for name in names:  # CF-1.11 2.4: other dimensions stand left of time
        variable = ds[name]
        kept = [(str(d), n) for d, n in zip(variable.dims, variable.shape, strict=True) if d not in (*dims, "time")]
        sizes = [*kept, (CELL, cells.size), ("time", ds.sizes["time"])]
        values = placeholder(tuple(n for _, n in sizes))
        out = out.drop_vars(name).assign({name: (tuple(d for d, _ in sizes), values, dict(variable.attrs))})
    area = ds["cell_area"]
    out = out.drop_vars("cell_area").assign(cell_area=(CELL, area.values.reshape(-1)[cells], dict(area.attrs)))
    words = {"long_name": "place of the cell in the grid, rows first", "compress": " ".join(dims)}
    out = out.assign_coords({CELL: (CELL, cells.astype(np.int32), words)})
    # without standard names: CF-1.11 5.6 wants one latitude and one longitude beside a grid mapping, those of the axes
    for short, standard, units in (("lat", "latitude", "degrees_north"), ("lon", "longitude", "degrees_east")):
        axis = ds[short].values
        whole = np.broadcast_to(axis, area.shape) if axis.ndim == 2 or short == "lon" else (
            np.broadcast_to(axis[:, None], area.shape))  # fmt: skip
        about = {"long_name": f"{standard} of the cell", "units": units}
        out = out.assign_coords({f"cell_{short}": (CELL, whole.reshape(-1)[cells], about)})
    return out


def scatter(ds: xr.Dataset) -> xr.Dataset:
    """Return a Dataset with gathered variables laid out on their grid again; cells that were left out hold zero.

    Raises
    ------
    InputError
        A variable would be larger than 4 GiB.
    """
    lists = [str(n) for n in ds.variables if "compress" in ds[n].attrs and ds[n].dims == (n,)]
    out = ds
    for name in lists:
        dims = str(ds[name].attrs["compress"]).split()
        sizes = [ds.sizes[d] for d in dims]
        place = np.asarray(ds[name].values, np.int64)
        for variable in [str(n) for n in ds.data_vars if name in ds[n].dims]:
            array = ds[variable].transpose(..., name)
            lead = array.shape[:-1]
            if math.prod((*lead, *sizes)) * array.dtype.itemsize > MOST_BYTES:
                raise InputError("a gathered file is too large to be laid out on its grid", where=variable,
                                 found=f"{math.prod((*lead, *sizes)) * array.dtype.itemsize / 2**30:.0f} GiB",
                                 need=f"{MOST_BYTES >> 30} GiB", hint="cut it in time first")  # fmt: skip
            whole = np.zeros((*lead, math.prod(sizes)), array.dtype)
            whole[..., place] = array.values
            kept = [str(d) for d in array.dims[:-1]]
            out = out.drop_vars(variable).assign(
                {variable: ((*kept, *dims), whole.reshape(*lead, *sizes), array.attrs)}
            )
        out = out.drop_vars([n for n in out.variables if name in out[n].dims])
    return out
