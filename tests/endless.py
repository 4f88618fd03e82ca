"""A file over which HDF5 goes round in a circle, as benchmarks/fuzz_readers.py found them."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np


def endless(path: Path, late: bool, given_back: bool = False) -> None:
    """Write a NetCDF file whose references between variables, or texts, lie in a heap that goes round in a circle.

    If the heap is `given_back`, nothing points to it any more.
    """
    with netCDF4.Dataset(path, "w") as nc:
        if late:
            nc.setncattr_string("texts", ["read later than when the file is opened", "and another"])
        else:
            nc.createDimension("x", 3)
            for name in ("x", "y"):
                nc.createVariable(name, "f8", ("x",))[...] = np.arange(3.0)
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    data[heap + 16 : heap + 32] = bytes(16)  # the first object: number, references, length
    if given_back:
        data += bytes(24) + data[heap : heap + 4096]
        data[heap : heap + 4] = b"none"
    path.write_bytes(data)
