"""The accounting engine against hand arithmetic, published factors, and brute force; bad input in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from ghg.core.config import load_dict
from ghg.core.errors import InputError
from ghg.core.uncertainty.budget import ipcc_sum
from ghg.core.uncertainty.datasets import dataset_total
from ghg.core.units import factor as unit_factor
from inventories import account
from inventories.accounting import factors
from inventories.accounting.engine import Factor, mass, relative_random, relative_systematic
from inventories.config import AccountingJob
from inventories.rules import METHODS

STREAM = {
    "name": "coal",
    "fuel": "subbituminous",
    "method": "part98-tier1",
    "mass": {"unit": "short_ton", "values": [1000.0]},
}


def job(*, species=("CO2",), by: str = "year", **changes) -> AccountingJob:
    stream = {k: v for k, v in {**STREAM, **changes}.items() if v is not None}
    data = {
        "start": "2023-01-01",
        "end": "2024-01-01",
        "by": by,
        "timezone": "UTC",
        "species": list(species),
        "stream": [stream],
    }
    return load_dict(data, AccountingJob)


def kilograms(config: AccountingJob, species: int = 0) -> float:
    return dataset_total(account(config).isel(species=species), draws=0).value


def test_part98_tier1_is_mass_times_default_heat_times_default_factor() -> None:
    # eq C-1 with table C-1: 1000 short ton x 17.25 mmBtu/short ton x 97.17 kg/mmBtu
    assert kilograms(job()) == pytest.approx(1000 * 17.25 * 97.17, rel=1e-12)


def test_part98_tier1_of_gas_by_volume_and_of_oil() -> None:
    gas = job(fuel="natural_gas", mass={"unit": "ft3", "values": [1e6]})
    assert kilograms(gas) == pytest.approx(1e6 * 1.026e-3 * 53.06, rel=1e-12)
    oil = job(fuel="DFO", mass={"unit": "gallon", "values": [1000.0]})
    assert kilograms(oil) == pytest.approx(1000 * 0.138 * 73.96, rel=1e-12)


def test_part98_tier2_uses_the_measured_heating_value() -> None:
    value = {"unit": "mmBtu/short_ton", "values": [18.0], "basis": "gross"}
    assert kilograms(job(method="part98-tier2", calorific_value=value)) == pytest.approx(1000 * 18 * 97.17, rel=1e-12)


def test_part98_tier3_uses_carbon() -> None:
    # eq C-3: 44/12 x fuel x carbon x 0.91 (the regulation's rounded tonnes per short ton)
    carbon = {"unit": "percent", "values": [52.0], "state": "as_received"}
    found = kilograms(job(method="part98-tier3", carbon_content=carbon))
    assert found == pytest.approx(44 / 12 * 1000 * 0.52 * 907.18474, rel=1e-12)
    assert found == pytest.approx(44 / 12 * 1000 * 0.52 * 0.91 * 1000, rel=0.004)


def test_other_gases_come_from_the_same_activity() -> None:
    config = job(species=("CO2", "CH4", "N2O"))
    heat = 1000 * 17.25
    assert kilograms(config, 1) == pytest.approx(heat * 1.1e-2, rel=1e-12)
    assert kilograms(config, 2) == pytest.approx(heat * 1.6e-3, rel=1e-12)


def test_ipcc_tier1_is_net_and_follows_tables_1_2_and_1_3() -> None:
    # other bituminous coal: 25.8 GJ/t x 25.8 kg C/GJ x 44/12; table 2.2 prints 94 600 kg CO2/TJ
    config = job(method="ipcc2006-tier1", fuel="bituminous", mass={"unit": "t", "values": [1.0]})
    assert kilograms(config) == pytest.approx(25.8 * 25.8 * 44 / 12, rel=1e-12)
    assert kilograms(config) / 25.8 == pytest.approx(94.6, abs=0.05)


def test_mrr_and_china_multiply_what_the_plant_gives() -> None:
    mrr = job(
        method="mrr",
        mass={"unit": "t", "values": [100.0]},
        calorific_value={"unit": "GJ/t", "values": [20.0], "basis": "net"},
        emission_factor={"unit": "t/TJ", "values": [95.0]},
        oxidation={"unit": "1", "values": [0.99]},
    )
    assert kilograms(mrr) == pytest.approx(100 * 20 * 95e-3 * 0.99 * 1000, rel=1e-12)
    china = job(
        method="china-power",
        mass={"unit": "吨", "values": [100.0]},
        carbon_content={"unit": "%", "values": [55.0], "state": "as_received"},
        oxidation={"unit": "%", "values": [99.0]},
    )
    assert kilograms(china) == pytest.approx(100e3 * 0.55 * 0.99 * 44 / 12, rel=1e-12)


def test_product_of_factors_agrees_with_brute_force() -> None:
    chain = (
        Factor("fuel_mass", np.array([100.0]), 0.02, 0.01),
        Factor("calorific_value", np.array([20.0]), 0.015),
        Factor("emission_factor", np.array([0.095]), 0.03),
    )
    rng = np.random.default_rng(1)
    draws = np.ones(2_000_000)
    for f in chain:
        draws *= f.values[0] * (1 + f.u_systematic * rng.standard_normal(draws.size))
        draws *= 1 + f.u_random * rng.standard_normal(draws.size)
    u = np.hypot(relative_random(chain), np.sqrt(sum(v**2 for v in relative_systematic(chain).values())))
    assert draws.mean() == pytest.approx(mass(chain)[0], rel=1e-4)
    assert draws.std() / draws.mean() == pytest.approx(u, rel=2e-3)


def test_ipcc_approach_1_example() -> None:
    value, percent = ipcc_sum([110.0, 90.0], [4.0, 24.0])
    assert (value, round(percent, 1)) == (200.0, 11.0)


UNITS = {
    "emission_factor": "kg J-1",
    "emission_per_mass": "1",
    "carbon_per_energy": "kg J-1",
    "grid_factor": "kg J-1",
    "carbon_content": "1",
    "oxidation": "1",
    "cao": "1",
    "kiln_dust": "1",
}


def test_every_default_lies_in_its_range_and_its_unit_parses() -> None:
    for row in factors.table():
        assert row.lower <= row.value <= row.upper, row
        assert row.source and row.edition and row.valid_from
        assert not row.valid_to or row.valid_to > row.valid_from
        need = UNITS.get(row.quantity) or ("J kg-1" if unit_is_per_mass(row.unit) else "J m-3")
        assert unit_factor(row.unit, need) > 0
        assert row.verified or row.range_source.startswith("unverified"), row


def unit_is_per_mass(unit: str) -> bool:
    return unit.endswith(("/t", "short_ton"))


def test_every_method_finds_its_factor_set() -> None:
    sets = {row.set for row in factors.table()}
    assert all(rule.factor_set in sets for rule in METHODS.values() if rule.factor_set)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fuel": "subbituminus"}, r"subbituminus.*did you mean subbituminous"),
        ({"fuel": "SUB+DFO"}, "two fuels stand in one record"),
        ({"mass": {"unit": "ton", "values": [1.0]}}, "short_ton"),
        ({"mass": {"unit": "Nm3", "values": [1.0]}}, "reference temperature"),
        ({"mass": {"unit": "K", "values": [1.0]}}, "wrong kind"),
        ({"mass": {"unit": "t", "values": [-1.0]}}, "mass is negative.*-1"),
        ({"mass": {"unit": "t", "values": [1.0, 2.0]}}, "wrong number of values"),
        ({"mass": None}, "needs its activity"),
        ({"energy": {"unit": "mmBtu", "values": [1.0]}}, "gross .*HHV.* or net"),
        ({"energy": {"unit": "GJ", "values": [1.0], "basis": "net"}}, "per gross energy"),
        ({"method": "part98-tier2"}, "needs calorific_value"),
        ({"method": "part98-tier3"}, "needs carbon_content"),
        ({"method": "part98-tier3", "carbon_content": {"unit": "%", "values": [50.0]}}, "of which sample"),
        (
            {"method": "part98-tier3", "carbon_content": {"unit": "1", "values": [50.0], "state": "as_received"}},
            "larger than the mass",
        ),
        (
            {"method": "china-power", "carbon_content": {"unit": "%", "values": [50.0], "state": "as_received"}},
            "needs oxidation",
        ),
        ({"oxidation": {"unit": "1", "values": [1.2]}}, "oxidation is larger than 1"),
        ({"method": "part99"}, "key 'stream.0.method'"),
    ],
)
def test_bad_input_is_one_clear_sentence(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        account(job(**changes))


def test_an_empty_month_is_missing_and_not_zero() -> None:
    values = [100.0] * 11 + ["nan"]
    result = account(job(by="month", mass={"unit": "t", "values": values}))
    assert np.isnan(result["emission"].values[0, 0, 11])
    assert dataset_total(result.isel(species=0), draws=0).completeness == pytest.approx(334 / 365)
