"""Crosswalks keep mass: any pair, there and back, and shared out as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import InputError
from inventories.crosswalks import TAXONOMIES, Crosswalk, codes, convert, crosswalk, gnfr_of, name_of

PAIRS = [(a, b) for a in TAXONOMIES for b in TAXONOMIES if a != b]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_pair_keeps_the_mass_there_and_back(source, target, rng):
    masses = dict(zip(codes(source), rng.lognormal(0.0, 3.0, len(codes(source))), strict=True))
    there = convert(masses, source, target)
    again = convert(there, target, source)
    total = sum(masses.values())
    assert sum(there.values()) == pytest.approx(total, rel=1e-12)
    assert sum(again.values()) == pytest.approx(total, rel=1e-12)


@given(st.lists(st.floats(0.0, 1e9), min_size=len(codes("NFR")), max_size=len(codes("NFR"))))
def test_a_round_trip_with_the_masses_of_the_inventory_returns_it(values):
    """NFR -> SNAP -> NFR, shared out by the masses themselves, is the identity."""
    masses = dict(zip(codes("NFR"), values, strict=True))
    table = crosswalk("NFR", "SNAP")
    again = table.back(masses).convert(table.convert(masses))
    for code, mass in masses.items():
        assert again.get(code, 0.0) == pytest.approx(mass, rel=1e-12, abs=1e-9 * max(values) * 1e-3)


def test_classes_stand_where_the_guidelines_put_them():
    """GNFR letters by annex I of the CLRTAP guidelines; IPCC by table 8.2."""
    assert gnfr_of("NFR", ["1A1a", "1A2gvii", "1A3ai(i)", "3B1a", "5A"]) == ["A", "I", "H", "K", "J"]
    assert gnfr_of("NFR", ["1.A.1.a"]) == ["A"]
    assert convert({"1A3bi": 1.0, "1A2gviii": 1.0}, "NFR", "IPCC2006") == {"1.A.3.b": 1.0, "1.A.2.m": 1.0}
    assert convert({"5A": 2.0}, "NFR", "IPCC2006") == {"4.A": 2.0}
    assert name_of("CHINA", "3", "zh") == "移动源" and name_of("GNFR", "F") == "RoadTransport"
    assert len(codes("CHINA")) == 10 and len(codes("SNAP")) == 11


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: gnfr_of("NFR", ["1A1x"]), "not one of NFR.*did you mean 1A1"),
        (lambda: gnfr_of("SNAP", ["8"]), "spread over several GNFR"),
        (lambda: codes("NACE"), "taxonomy is not known"),
        (lambda: convert({"zz": 1.0}, "NFR", "GNFR"), "class is not known"),
        (lambda: Crosswalk("A", "B", ("x",), ("y", "z"), np.array([[0.5, 0.4]])), "do not sum to one"),
        (lambda: Crosswalk("A", "B", ("x",), ("y", "z"), np.array([[1.5, -0.5]])), "negative"),
    ],
)
def test_faults_are_named(act, words):
    with pytest.raises(InputError, match=words):
        act()
