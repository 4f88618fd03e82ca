"""Damage that is found before a library opens the file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest

from ghg.core import netcdf
from ghg.core._structure import check_structure
from ghg.core._texts import longest_text
from ghg.core.errors import InputError
from tests.endless import endless


@pytest.mark.parametrize("late", [False, True])
def test_a_heap_without_an_end_is_found_before_the_file_is_opened(tmp_path: Path, late: bool) -> None:
    path = tmp_path / "circle.nc"
    endless(path, late)
    with pytest.raises(InputError, match="reading would never end"):
        netcdf.read(path)


@pytest.mark.parametrize(("number", "length"), [(0, 0), (1, 2**64 - 16), (0, 2**64 - 4096)])
def test_objects_that_lead_nowhere(tmp_path: Path, number: int, length: int) -> None:
    path = tmp_path / "circle.nc"
    endless(path, late=False)
    data = bytearray(path.read_bytes())
    struct.pack_into("<HH4xQ", data, data.index(b"GCOL") + 16, number, 0, length)
    path.write_bytes(data)
    with pytest.raises(InputError, match="never end"):
        check_structure(path)


def test_heaps_that_were_given_back_and_other_files_pass(tmp_path: Path) -> None:
    path = tmp_path / "old.nc"
    endless(path, late=False, given_back=True)
    check_structure(path)
    path.write_bytes(b"CDF\1" + b"GCOL" + bytes(100))
    check_structure(path)


def _netcdf(path: Path) -> None:
    with netCDF4.Dataset(path, "w") as nc:
        nc.createDimension("x", 3)
        nc.createVariable("name", str, ("x",))[:] = np.array(["Mace Head", "Tacolneston", "瓦里关"], dtype=object)


def _hdf5(path: Path, **how: Any) -> None:
    with h5py.File(path, "w", **how) as file:
        file["name"] = np.array(["Mace Head", "Tacolneston", "瓦里关"], dtype=object)


@pytest.mark.parametrize("write", [_netcdf, _hdf5, partial(_hdf5, libver="latest")])
def test_texts_that_are_longer_than_the_file(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "texts.nc"
    write(path)
    check_structure(path)
    data = path.read_bytes()
    assert longest_text(data) == len("Tacolneston")
    heap = struct.pack("<Q", data.index(b"GCOL"))
    at = data.index(struct.pack("<I", len("Tacolneston")) + heap)
    path.write_bytes(data[:at] + struct.pack("<I", 2**31) + data[at + 4 :])  # the library would ask for 2 GB
    with pytest.raises(InputError, match=rf"found a text of {2**31} bytes in a file of {len(data)}"):
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
        with pytest.raises(InputError, match=r"cut off \(found (something|a list) of \d+.* in a file of \d+"):
            netcdf.read(path)
    for cut in range(4, len(data), 7):  # what is cut off is for the library
        path.write_bytes(data[:cut])
        with pytest.raises(InputError):
            netcdf.read(path)


def test_more_variables_than_the_file_could_hold(tmp_path: Path) -> None:
    """What follows the header looks like a variable of an unknown dimension, where the library stops too late."""
    path = tmp_path / "classic.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as nc:
        nc.createDimension("x", 3)
        nc.createVariable("v", "i4", ("x",))[:] = [0, 1, 9]
    data = bytearray(path.read_bytes())
    data[data.index(b"\0\0\0\x0b") + 4] = 8  # of the number of variables, whose memory the library asks for first
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"found a list of {8 * 2**24 + 1} in a file of {len(data)} bytes"):
        netcdf.read(path)


def test_an_empty_list_by_another_name_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "classic.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as nc:
        nc.createDimension("x", 3)
        nc.createVariable("first", "i4", ("x",))[:] = 1
        nc.createVariable("second", "i4", ("x",))[:] = 2
        nc["second"].setncattr("text", "fives")
    data = bytearray(path.read_bytes())
    data[data.index(b"first") + 16] = 207  # of the attributes of the first variable, of which there are none
    data[data.index(b"fives") - 4] = 164  # length of a text
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"found something of {164 * 2**24 + 5} bytes in a file of {len(data)}"):
        netcdf.read(path)
