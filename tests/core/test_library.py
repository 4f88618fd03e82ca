"""Damaged files over which the NetCDF library would end the process: found by benchmarks/fuzz_readers.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ghg.core._library import dataset
from ghg.core.errors import InputError
from tests.terminal import ENVIRONMENT

READERS = {
    "netcdf": "from ghg.core.netcdf import read",
    "record": "from ghg.core._record import own_attributes as read",
    "footprints": "from inversion.readers import read_footprints as read",
    "regions": "from inversion.readers import read_regions as read",
}
CODE = """
from pathlib import Path
from ghg.core.errors import InputError
try:
    print(read(Path("texts.nc")))
except InputError as error:
    print(error)
"""


def _texts(path: Path) -> None:
    with netCDF4.Dataset(path, "w") as nc:
        nc.createDimension("x", 3)
        nc.createVariable("x", "f8", ("x",))[:] = np.arange(3.0)
        nc.setncattr_string("texts", ["one", "another"])
        nc["x"].setncattr_string("words", ["of", "the axis"])


@pytest.mark.parametrize("reader", list(READERS))
def test_texts_that_cannot_be_read_do_not_end_the_process(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "texts.nc"
    _texts(path)
    path.write_bytes(path.read_bytes().replace(b"GCOL", b"NONE"))  # what the texts point to
    done = subprocess.run([sys.executable, "-c", READERS[reader] + CODE], cwd=tmp_path, capture_output=True, text=True,
                          env={**ENVIRONMENT, "MALLOC_PERTURB_": "165"})  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.startswith("{}" if reader == "record" else "texts.nc: the NetCDF file is damaged")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files cannot be listed")
def test_files_are_closed_unless_the_library_failed(tmp_path: Path) -> None:
    _texts(tmp_path / "good.nc")

    def still_open() -> bool:
        found = Path("/proc/self/fd").iterdir()
        return any(os.path.realpath(one) == str((tmp_path / "good.nc").resolve()) for one in found)

    with dataset(tmp_path / "good.nc") as nc:
        assert still_open() and nc["x"][:].tolist() == [0.0, 1.0, 2.0]
    assert not still_open()
    with pytest.raises(InputError), dataset(tmp_path / "good.nc"):
        raise InputError("not what is wanted")
    assert not still_open()
    with pytest.raises(RuntimeError), dataset(tmp_path / "good.nc"):
        raise RuntimeError("NetCDF: HDF error")
    assert still_open()
