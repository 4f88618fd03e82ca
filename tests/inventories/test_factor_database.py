"""The factor database against independent copies of its sources, and against itself."""

import csv

import pytest

from ghg.core.errors import InputError
from inventories.accounting import factors, fuels


def test_grades_follow_the_range():
    assert [factors.grade(1.0, 1.0 - w, 1.0 + w) for w in (0.2, 0.5)] == ["A", "B"]
    assert factors.grade(1.0, 0.9, 2.4) == "C" and factors.grade(1.0, 0.5, 3.9) == "D"
    assert factors.grade(1.0, 0.1, 10.0) == "E" and factors.grade(1.0, 1.0, 1.0) == ""
    graded = [r for r in factors.table() if r.set == "emep"]
    assert len(graded) > 500 and all(r.grade == factors.grade(r.value, r.lower, r.upper) or r.grade for r in graded)


@pytest.mark.parametrize(
    ("sector", "fuel", "species", "value", "low", "high"),
    [  # EMEP/EEA guidebook, tier 1 tables of 1.A.1.a, 1.A.2 and 1.A.4.b.i, g/GJ, as read in the notes
        ("1A1a", "bituminous", "NOx", 209.0, 200.0, 350.0),
        ("1A1a", "lignite", "SO2", 1680.0, 330.0, 5000.0),
        ("1A1a", "natural_gas", "PM2.5", 0.89, 0.445, 1.33),
        ("1A1a", "residual_oil", "NOx", 142.0, 70.0, 300.0),
        ("1A1a", "wood", "CO", 90.0, 45.0, 180.0),
        ("1A2a", "coking_coal", "CO", 931.0, 150.0, 2000.0),
        ("1A2f", "natural_gas", "NOx", 74.0, 46.0, 103.0),
        ("1A4bi", "lignite", "CO", 4600.0, 3000.0, 7000.0),
    ],
)
def test_pollutant_factors(sector, fuel, species, value, low, high):
    row = factors.default("emep", fuel, "emission_factor", species, sector=sector)
    scale = 1e9 * 1e3  # kg/J to g/GJ
    assert row.to("kg J-1") * scale == pytest.approx(value, rel=1e-9)
    assert (row.lower, row.upper) == pytest.approx((low, high))


def test_every_fuel_belongs_to_known_families():
    table = fuels.table()
    for one in table.values():
        assert all(p in table for p in one.parents), one
        assert 0.85 < one.net_per_gross <= 1.0
    assert fuels.families("bituminous") == ("bituminous", "hard_coal", "solid")
    assert factors.code("燃煤") == "coal" and factors.code("bit") == "bituminous"


def test_net_per_gross_is_the_quotient_of_published_carbon_factors():
    """CO2 per gross energy (40 CFR 98) over CO2 per net energy (IPCC): the carbon is the same, the energy is not."""
    for name in fuels.table():
        rows = factors.candidates("part98", name, "emission_factor", "CO2")
        if not rows or rows[0].fuel != name or name == "anthracite":  # two kinds of coal under one name: quotient 1.00
            continue
        gross = factors.default("part98", name, "emission_factor", "CO2").to("kg J-1")
        net = factors.default("ipcc2006", name, "carbon_per_energy").to("kg J-1") * 44.0 / 12.0
        one = fuels.table()[name]
        assert gross / net == pytest.approx(one.net_per_gross, abs=2.0 * fuels.NET_PER_GROSS_U), name


def test_nearest_candidates_are_named():
    with pytest.raises(
        InputError, match=r"no default emission factor of NOx for natural_gas in 5C2.*it has one in 1A1a"
    ):
        factors.default("emep", "natural_gas", "emission_factor", "NOx", sector="5C2")
    with pytest.raises(InputError, match="did you mean bituminous"):
        factors.fuel_name("bitumenous coal", "ipcc2006")


def test_table_is_sorted_text_without_doubles():
    keys = [(r.key, r.region) for r in factors.table()]
    assert len(keys) == len(set(keys))


def test_file_has_no_spaces_around_values():
    from importlib import resources

    for name in factors.TABLES:
        text = (resources.files("inventories.accounting") / "data" / name).read_text(encoding="utf-8")
        assert all(cell == cell.strip() for row in csv.reader(text.splitlines()) for cell in row)
