"""The unit door: every trap of plain pint, the reference states, and the decorator."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from ghg.core import units as u
from ghg.core.errors import ErrorList, UnitError

# CODATA/SI definitions and the international-table Btu (1055.05585262 J, NIST SP 811 table B.8)
READ_RIGHTLY = [
    ("kg m-2 s-1", "kg/m**2/s", 1.0),
    ("umol mol-1", "1", 1e-6),
    ("µmol mol-1", "1", 1e-6),
    ("nmol mol-1", "1", 1e-9),
    ("m3 s-1", "m3 h-1", 3600.0),
    ("h-1", "s-1", 1 / 3600.0),
    ("mg m-3", "kg/m3", 1e-6),
    ("ppm", "1", 1e-6),
    ("ppmv", "ppm", 1.0),
    ("ppb", "1", 1e-9),
    ("ppt", "1", 1e-12),
    ("kt", "kg", 1e6),
    ("Tt", "kg", 1e15),
    ("Mt", "t", 1e6),
    ("Gg", "t", 1e3),
    ("t", "kg", 1e3),
    ("short_ton", "kg", 907.18474),
    ("long_ton", "kg", 1016.0469088),
    ("mmBtu", "J", 1055.05585262e6),
    ("MMBtu", "mmBtu", 1.0),
    ("GJ t-1", "J kg-1", 1e6),
    ("kg/mmBtu", "kg/GJ", 1 / 1.05505585262),
    ("万吨", "kg", 1e7),
    ("吨", "kg", 1e3),
    ("m³/h", "m3 s-1", 1 / 3600.0),
    ("(mol mol-1) / (mol m-2 s-1)", "m2 s mol-1", 1.0),
    ("%", "1", 0.01),
    ("percent", "1", 0.01),
]


@pytest.mark.parametrize(("found", "need", "expected"), READ_RIGHTLY)
def test_cf_and_table_units_are_read_rightly(found: str, need: str, expected: float) -> None:
    assert u.factor(found, need) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Nm3", "reference temperature"), ("mg/Nm3", "reference temperature"), ("Nm**3", "reference temperature"),
        ("Nm3/h", "reference temperature"), ("Sm3", "reference temperature"), ("scf", "reference temperature"),
        ("scfh", "reference temperature"), ("dscm", "reference temperature"), ("kscfh", "reference temperature"),
        ("ton", "short_ton"), ("tons", "short_ton"), ("ton/h", "short_ton"), ("mt", "tonnes"), ("Pg C", "species"),
        ("tC", "species"), ("tCO2", "species"), ("kg CO2", "species"), ("kgCO2/GJ", "species"), ("t CO2e", "species"),
    ],
)  # fmt: skip
def test_ambiguous_units_are_refused_with_advice(text: str, advice: str) -> None:
    with pytest.raises(UnitError, match=advice):
        u.factor(text, "kg")


def test_dimension_mismatch_names_variable_found_and_needed() -> None:
    with pytest.raises(UnitError, match=r"flow .*'kg s-1'.*'m3 s-1'"):
        u.convert(1.0, "kg s-1", "m3 s-1", name="flow")


@pytest.mark.parametrize("missing", [None, "", "   "])
def test_missing_unit_is_an_error(missing: str | None) -> None:
    with pytest.raises(UnitError, match="no unit"):
        u.convert(1.0, missing, "kg s-1", name="emission")


def test_offset_temperatures_convert_but_have_no_factor() -> None:
    assert u.convert(np.array([0.0, 20.0]), "degC", "K") == pytest.approx([273.15, 293.15])
    assert u.convert(68.0, "degF", "K") == pytest.approx(293.15)
    with pytest.raises(UnitError, match="offset"):
        u.factor("degC", "K")


@given(st.floats(-1e12, 1e12), st.sampled_from([("t/h", "kg s-1"), ("GJ", "mmBtu"), ("hPa", "Pa"), ("degC", "K")]))
def test_conversion_round_trips(value: float, pair: tuple[str, str]) -> None:
    there = u.convert(value, *pair)
    assert u.convert(there, pair[1], pair[0]) == pytest.approx(value, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "need", "expected"),
    [("5 %", "1", 0.05), ("24.1 GJ/t", "J kg-1", 24.1e6), ("273.15 K", "K", 273.15), ("1,234.5 t", "kg", 1234500.0),
     ("20 degC", "K", 293.15), ("3", "1", 3.0)],
)  # fmt: skip
def test_quantities_in_text(text: str, need: str, expected: float) -> None:
    assert u.parse_quantity(text, need) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["12", "abc", "12 parsecs", "12 ton"])
def test_bad_quantities_in_text(text: str) -> None:
    with pytest.raises(UnitError):
        u.parse_quantity(text, "kg")


def test_reference_states_follow_the_gas_law() -> None:
    # 0 degC against 20 degC and 25 degC: 7.3 % and 9.2 % by the ratio of absolute temperatures
    assert u.volume_ratio(u.STATE_0C, u.STATE_20C) == pytest.approx(293.15 / 273.15)
    assert u.volume_ratio(u.STATE_0C, u.STATE_25C) == pytest.approx(1.0915, abs=1e-4)
    # CODATA 2018 molar volume of an ideal gas at 273.15 K and 101.325 kPa
    assert u.STATE_0C.molar_volume == pytest.approx(22.41396954e-3, rel=1e-9)


def test_dry_and_wet_volumes_need_the_moisture() -> None:
    wet = u.ReferenceState(273.15, 101325.0, "wet")
    assert u.volume_ratio(wet, u.STATE_0C, 10.0) == pytest.approx(0.9)
    assert u.volume_ratio(u.STATE_0C, wet, 10.0) == pytest.approx(1 / 0.9)
    with pytest.raises(UnitError, match="moisture"):
        u.volume_ratio(wet, u.STATE_0C)


@pytest.mark.parametrize("args", [(0.0, 101325.0, "dry"), (273.15, -1.0, "dry"), (273.15, 101325.0, "moist")])
def test_reference_state_refuses_nonsense(args: tuple[float, float, str]) -> None:
    with pytest.raises(UnitError):
        u.ReferenceState(*args)


@u.units(flow="m3 s-1", density="kg m-3", returns="kg s-1")
def mass_flow(flow, density):
    return flow * density


def test_decorator_converts_and_writes_the_unit() -> None:
    flow = xr.DataArray([3600.0], dims="time", attrs={"units": "m3 h-1"})
    result = mass_flow(flow, (2000.0, "g m-3"))
    assert result.item() == pytest.approx(2.0)
    assert result.attrs["units"] == "kg s-1"
    assert mass_flow.plain(2.0, 3.0) == 6.0


def test_decorator_lists_every_bad_argument() -> None:
    with pytest.raises(ErrorList) as caught:
        mass_flow(1.0, (1.0, "kg"))
    assert "flow" in str(caught.value) and "density" in str(caught.value)


def test_decorator_refuses_names_that_do_not_exist() -> None:
    with pytest.raises(TypeError, match="speed"):
        u.units(speed="m s-1")(lambda flow: flow)
