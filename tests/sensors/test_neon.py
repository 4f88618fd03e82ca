"""Numbers of a type that numpy lacks: h5py would write beyond the end of the rows, and the process would end."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from ghg.core.errors import InputError
from sensors.readers.neon import _rows


def test_numbers_of_an_unknown_type_are_refused(tmp_path: Path) -> None:
    odd = h5py.h5t.IEEE_F64LE.copy()
    odd.set_ebias(900)  # one wrong byte of 1023
    rows = h5py.h5t.create(h5py.h5t.COMPOUND, 16)
    rows.insert(b"vari", 0, odd)
    rows.insert(b"mean", 8, h5py.h5t.IEEE_F64LE)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        h5py.h5d.create(file.id, b"damaged", rows, h5py.h5s.create_simple((35,)))
        file["good"] = np.zeros(35, [("mean", "f8"), ("vari", "f8")])
        assert file["damaged"].dtype["vari"].itemsize == 16
        assert _rows(file["good"], "x.h5").shape == (35,)
        with pytest.raises(InputError, match="numbers of a table are of an unknown type"):
            _rows(file["damaged"], "x.h5")
