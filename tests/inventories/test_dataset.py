"""The Dataset of annual emissions: masses come back, faults are named, and it survives its file."""

import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.core.netcdf import read, write
from ghg.core.provenance import Record
from inventories.dataset import annual, annual_mass, check_annual, seconds_of_year, species_of, totals
from inventories.species import co2_equivalent_per_mass, species, variable_name


def two() -> object:
    return annual({"CO2": [1e9, 2e9], "PM2.5": [3e4, np.nan]}, source=["a", "b"], region=["CHE", "CHE"],
                  sector=["A", "O"], year=2024, lon=[7.0, np.nan], lat=[47.0, np.nan])  # fmt: skip


def test_mass_of_a_leap_year_comes_back():
    ds = two()
    assert seconds_of_year(2024) == 366 * 86400
    assert annual_mass(ds, "CO2") == pytest.approx([1e9, 2e9], rel=1e-15)
    assert totals(ds) == pytest.approx({"CO2": 1e9, "PM2.5": 3e4}, rel=1e-15)  # cruise is a memo item
    assert totals(ds, memo=True)["CO2"] == pytest.approx(2e9, rel=1e-15)
    assert list(ds["kind"].values) == ["point", "area"]


def test_it_survives_its_file(tmp_path):
    write(two(), tmp_path / "annual.nc", record=Record("test", None))
    back = read(tmp_path / "annual.nc")
    check_annual(back)
    assert species_of(back) == ["CO2", "PM2.5"]
    assert annual_mass(back, "CO2") == pytest.approx([1e9, 2e9], rel=1e-15)
    assert list(back["memo"].values) == [False, True]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ds: ds.assign_coords(sector=("source", ["A", "Q"])), "not one of GNFR"),
        (lambda ds: ds.assign_coords(source=("source", ["a", "a"])), "more than once"),
        (lambda ds: -ds.assign_attrs(), "negative"),
        (lambda ds: ds.drop_vars("lon"), "coordinates of annual emissions are missing"),
    ],
)
def test_faults_are_named(change, words):
    import xarray as xr

    with xr.set_options(keep_attrs=True):
        broken = change(two())
    with pytest.raises(InputError, match=words):
        check_annual(broken)


def test_species_by_any_name():
    assert species("pm25").name == species("细颗粒物").name == "PM2.5"
    assert species("SOx").name == "SO2" and species("VOCs").name == "NMVOC"
    assert variable_name("PM2.5") == "emission_pm25"
    with pytest.raises(InputError, match="did you mean"):
        species("NOxx")


@pytest.mark.parametrize("metric", ["AR4GWP100", "AR5GWP100", "AR6GWP100"])
def test_co2_equivalents_are_those_of_the_reports(metric):
    """Every greenhouse gas against the independent package; values quoted from the reports beside it."""
    import globalwarmingpotentials

    table = globalwarmingpotentials.data[metric]
    for name in ("CH4", "N2O", "SF6", "NF3", "CF4", "C2F6", "HFC23", "HFC32", "HFC125", "HFC134a"):
        assert co2_equivalent_per_mass(name, metric) == pytest.approx(table[name], rel=0)
    assert co2_equivalent_per_mass("CO2", metric) == 1.0
    assert co2_equivalent_per_mass("NOx", metric) is None
    # 1 TJ of gas: 56.1 t CO2, 1 kg CH4, 0.1 kg N2O under AR5 (exact arithmetic)
    mass = {"CO2": 56100.0, "CH4": 1.0, "N2O": 0.1}
    if metric == "AR5GWP100":
        total = sum(m * (co2_equivalent_per_mass(k, metric) or 0.0) for k, m in mass.items())
        assert total == pytest.approx(56154.5, rel=1e-15)
