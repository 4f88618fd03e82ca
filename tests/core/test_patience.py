"""A file that never opens: found by benchmarks/fuzz_readers.py, where HDF5 went round in a circle."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from ghg.core import netcdf, patience
from ghg.core._structure import check_structure
from ghg.core.errors import InputError
from tests.terminal import ENVIRONMENT

QUICK = """import sys
from ghg.core import patience
patience.LONGEST, patience._EVERY = 0.2, 0.1
patience.check_structure = lambda path: None  # else it is found before
sys.argv = ["ghg", "verify", "circle.nc"]
from ghg.cli import main
main()
"""


def _circle(path: Path, late: bool, given_back: bool = False) -> None:
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


@pytest.mark.parametrize("late", [False, True])
def test_a_heap_without_an_end_is_found_before_the_file_is_opened(tmp_path: Path, late: bool) -> None:
    path = tmp_path / "circle.nc"
    _circle(path, late)
    with pytest.raises(InputError, match="reading would never end"):
        netcdf.read(path)


@pytest.mark.parametrize(("number", "length"), [(0, 0), (1, 2**64 - 16), (0, 2**64 - 4096)])
def test_objects_that_lead_nowhere(tmp_path: Path, number: int, length: int) -> None:
    path = tmp_path / "circle.nc"
    _circle(path, late=False)
    data = bytearray(path.read_bytes())
    struct.pack_into("<HH4xQ", data, data.index(b"GCOL") + 16, number, 0, length)
    path.write_bytes(data)
    with pytest.raises(InputError, match="never end"):
        check_structure(path)


def test_heaps_that_were_given_back_and_other_files_pass(tmp_path: Path) -> None:
    path = tmp_path / "old.nc"
    _circle(path, late=False, given_back=True)
    check_structure(path)
    path.write_bytes(b"CDF\1" + b"GCOL" + bytes(100))
    check_structure(path)


FORMATS: tuple[Any, ...] = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")


@pytest.mark.parametrize("form", FORMATS)
def test_classic_headers_that_promise_more_than_the_file_holds(tmp_path: Path, form: Any) -> None:
    path = tmp_path / "classic.nc"
    with netCDF4.Dataset(path, "w", format=form) as nc:
        nc.createDimension("t", None)
        nc.createDimension("x", 3)
        nc.setncatts({"text": "fives", "numbers": np.arange(3, dtype="i2")})
        variable = nc.createVariable("v", "f4", ("t", "x"))
        variable.setncattr("units", "kg")
        variable[:4] = 1.0
        nc.createVariable("s", "i2", ())
    check_structure(path)
    data = path.read_bytes()
    wide = 8 if form == FORMATS[2] else 4
    counts = [data.index(b"fives") - wide, data.index(b"kg") - wide, data.index(b"numbers") - wide,
              data.index(b"\0\0\0\x0b") + 4, data.index(b"\0\0\0\x0a") + 4]  # fmt: skip
    for at in counts:  # of an attribute, a name, the variables, the dimensions
        spoilt = data[:at] + b"\x40" + data[at + 1 :]
        path.write_bytes(spoilt)
        with pytest.raises(InputError, match=r"damaged or cut off \(found something of \d+ bytes in a file of \d+\)"):
            netcdf.read(path)
    for cut in range(4, len(data), 7):  # what is cut off is for the library
        path.write_bytes(data[:cut])
        with pytest.raises(InputError):
            netcdf.read(path)


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="there is no clock of a thread")
@pytest.mark.parametrize("late", [False, True])
def test_a_file_that_never_opens_ends_the_command_with_a_sentence(tmp_path: Path, late: bool) -> None:
    _circle(tmp_path / "circle.nc", late)
    done = subprocess.run([sys.executable, "-c", QUICK], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          env=ENVIRONMENT)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("ghg: circle.nc: reading the file never ends: its inner structure is damaged (found ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="there is no clock of a thread")
def test_only_the_time_of_the_opening_thread_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[InputError] = []
    file = tmp_path / "stuck.nc"
    file.write_bytes(b"")
    monkeypatch.setattr(patience, "LONGEST", 0.05)
    monkeypatch.setattr(patience, "_EVERY", 0.01)
    monkeypatch.setattr(patience, "_ends", [told.append])
    with patience.opening(file):
        time.sleep(0.2)
    assert not told
    until = time.thread_time() + 0.2
    while time.thread_time() < until:  # before and behind an opening
        pass
    assert not told
    with patience.opening(file):
        while time.thread_time() < until + 10.0 and not told:
            pass
    assert told[0].where == str(file)
    assert not patience._open
