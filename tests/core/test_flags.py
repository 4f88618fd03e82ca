from __future__ import annotations

import subprocess
import sys
from enum import IntEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.flags import (
    BAD,
    GOOD,
    MISSING,
    NOT_EVALUATED,
    SUSPECT,
    Flag,
    Method,
    Reason,
    describe,
    flag_attributes,
    merge_flags,
    merge_reasons,
)

masks = st.integers(0, 2**30 - 1)


def test_the_levels_are_those_of_qartod() -> None:
    # U.S. IOOS (2020), QARTOD flags 1.2: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing
    assert (GOOD, NOT_EVALUATED, SUSPECT, BAD, MISSING) == (1, 2, 3, 4, 9)


def test_every_reason_is_one_bit_of_a_signed_32_bit_number() -> None:
    bits = [int(r) for r in Reason]
    assert all(b & (b - 1) == 0 for b in bits)
    assert len(set(bits)) == len(bits)
    assert sum(bits) <= np.iinfo(np.int32).max


@pytest.mark.parametrize("enum", [Flag, Reason, Method])
def test_attributes_pair_numbers_and_meanings(enum: type[IntEnum]) -> None:
    attrs = flag_attributes(enum)
    key = "flag_masks" if enum is Reason else "flag_values"
    assert set(attrs) == {key, "flag_meanings"}
    meanings = attrs["flag_meanings"].split()
    assert attrs[key].dtype == (np.int32 if enum is Reason else np.int8)
    assert [enum[m.upper()] for m in meanings] == attrs[key].tolist()


def test_attributes_follow_the_type_of_the_variable() -> None:
    assert flag_attributes(Method, "int32")["flag_values"].dtype == np.int32


@given(masks)
def test_a_mask_is_described_by_its_bits(mask: int) -> None:
    known = [r for r in Reason if mask & r]
    assert describe(mask) == [str(r.name).lower() for r in known]


def test_what_is_not_known_is_given_as_a_number() -> None:
    assert describe(7, Flag) == ["7"]
    assert describe(int(Reason.GAP) | 1 << 31) == ["gap", str(1 << 31)]


@given(st.lists(masks, min_size=1, max_size=5))
def test_reasons_only_grow(several: list[int]) -> None:
    union = int(merge_reasons(*several))
    assert all(union & one == one for one in several)
    assert union == int(merge_reasons(*reversed(several)))


def test_the_worst_flag_wins_and_arrays_broadcast() -> None:
    found = merge_flags(np.array([[1], [3]]), np.array([2, 1, 9]), GOOD)
    assert found.dtype == np.int8
    assert found.tolist() == [[2, 1, 9], [3, 3, 9]]


def test_flags_and_files_need_no_numpy() -> None:
    code = (
        "import sys, ghg.core.flags, ghg.core.files, ghg.core.provenance\n"
        "print({'numpy', 'pandas', 'xarray', 'netCDF4', 'numba', 'pint'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
