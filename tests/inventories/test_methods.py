"""Each accounting rule against hand arithmetic, stoichiometry or a value printed in its source."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from ghg.core.config import load_dict
from ghg.core.errors import InputError
from ghg.core.uncertainty.datasets import dataset_total
from inventories import account
from inventories.accounting import factors
from inventories.config import AccountingJob


def job(*streams: dict, year: int = 2023, by: str = "year", species=("CO2",), timezone: str = "UTC") -> AccountingJob:
    named = [{"name": f"stream {i}", "fuel": "coal", **s} for i, s in enumerate(streams)]
    data = {"start": f"{year}-01-01", "end": f"{year + 1}-01-01", "by": by, "timezone": timezone,
            "species": list(species), "stream": named}  # fmt: skip
    return load_dict(data, AccountingJob)


def tonnes(*streams: dict, **options) -> float:
    return dataset_total(account(job(*streams, **options)).isel(species=0), draws=0).value / 1000.0


def amount(value: float, unit: str = "t") -> dict:
    return {"unit": unit, "values": [value]}


def share(value: float, **more) -> dict:
    return {"unit": "%", "values": [value], **more}


# ---- 40 CFR 98 tier 3 ------------------------------------------------------------------------------------------
def test_tier3_liquid_is_carbon_per_gallon() -> None:
    """Eq C-4: 44/12 x fuel [gallon] x carbon [kg/gallon] x 0.001."""
    carbon = {"unit": "kg/gallon", "values": [2.8], "state": "as_received"}
    found = tonnes({"method": "part98-tier3", "mass": amount(1e5, "gallon"), "carbon_content": carbon})
    assert found == pytest.approx(44 / 12 * 1e5 * 2.8 * 0.001, rel=1e-12)


@pytest.mark.parametrize(("reference", "mvc"), [("68 degF", 849.5), ("60 degF", 836.6)])
def test_tier3_gas_uses_the_molar_volume_of_the_regulation(reference: str, mvc: float) -> None:
    """Eq C-5: 44/12 x volume [scf] x carbon [kg/kg] x molecular weight / MVC x 0.001."""
    found = tonnes({"method": "part98-tier3", "mass": amount(1e6, "ft3"), "carbon_content": share(73.0),
                    "molecular_weight": amount(17.4, "kg/kmol"), "reference_temperature": reference,
                    "reference_pressure": "101.325 kPa"})  # fmt: skip
    assert found == pytest.approx(44 / 12 * 1e6 * 0.73 * 17.4 / mvc * 0.001, rel=1e-7)


def test_pure_methane_gives_one_mole_of_co2_per_mole_at_any_reference() -> None:
    carbon = share(100 * 12.011 / 16.043)
    gas = {"method": "mrr-mass-balance", "carbon_content": carbon, "molecular_weight": amount(16.043, "g/mol")}
    for reference, volume in (("0 degC", 22.41397), ("15 degC", 23.64484), ("25 degC", 24.46540)):
        found = tonnes({**gas, "mass": amount(volume, "m3"), "reference_temperature": reference})
        assert found == pytest.approx(12.011e-3 * 3.664, rel=1e-6)  # 1 kmol


def test_gas_volume_without_reference_state_is_refused() -> None:
    gas = {"method": "part98-tier3", "mass": amount(1.0, "m3"), "carbon_content": share(73.0),
           "molecular_weight": amount(17.4, "kg/kmol")}  # fmt: skip
    with pytest.raises(InputError, match=r"0 degC and 20 degC differ by 7.3 %"):
        tonnes(gas)
    with pytest.raises(InputError, match="absurd"):
        tonnes({**gas, "reference_temperature": "20 K"})


# ---- 2006 IPCC -------------------------------------------------------------------------------------------------
def test_ipcc_tier1_gives_methane_and_nitrous_oxide_of_the_same_coal() -> None:
    coal = {"method": "ipcc2006-tier1", "fuel": "bituminous", "mass": amount(1000.0)}
    found = account(job(coal, species=("CO2", "CH4", "N2O")))
    heat = 1000 * 25.8e-3  # TJ
    kilograms = (found["emission"].isel(stream=0, time=0) * 365 * 86400).values
    np.testing.assert_allclose(kilograms, [heat * 25.8e3 * 44 / 12, heat * 1.0, heat * 1.5], rtol=1e-12)


def test_table_c2_of_part_98_is_the_ipcc_table_in_other_units() -> None:
    """40 CFR 98 table C-2 prints the IPCC defaults per mmBtu with two digits, not always rounded to the nearest.

    Its coal CH4 is the one of industry (10 kg/TJ); power plants may use 1 g/mmBtu, says its note.
    """
    mmbtu = 1055.05585262e-6  # TJ
    for fuel, ch4, n2o in (("bituminous", 10.0, 1.5), ("natural_gas", 1.0, 0.1), ("diesel", 3.0, 0.6)):
        for species, per_tj in (("CH4", ch4), ("N2O", n2o)):
            printed = factors.default("part98", fuel, "emission_factor", species).value
            assert per_tj * mmbtu == pytest.approx(printed, rel=0.06)
            if (fuel, species) != ("bituminous", "CH4"):
                assert factors.default("ipcc2006", fuel, "emission_factor", species).value == per_tj


def test_a_range_of_factors_is_log_normal_and_never_negative() -> None:
    """CH4 of coal is 1 (0.3 to 3) kg/TJ: the interval of the emission is that range about its mean."""
    coal = {"method": "ipcc2006-tier1", "fuel": "bituminous", "energy": {**amount(1.0, "TJ"), "basis": "net"},
            "uncertainty": {"fuel_mass": {"systematic": 0.0}}}  # fmt: skip
    total = dataset_total(account(job(coal, species=("CH4",))).isel(species=0), draws=1_000_000)
    width = np.log(10.0) / (2 * 1.959964)
    np.testing.assert_allclose(
        total.interval, np.exp(np.array([-1.959964, 1.959964]) * width - width**2 / 2), rtol=0.01
    )
    assert total.u / total.value == pytest.approx(np.sqrt(np.expm1(width**2)), rel=1e-7)


def test_ipcc_tier3_takes_the_factors_of_the_plant_for_every_gas() -> None:
    stated = {gas: {"unit": "kg/TJ", "values": [v]} for gas, v in (("CO2", 94000.0), ("CH4", 0.7), ("N2O", 1.1))}
    coal = {"method": "ipcc2006-tier3", "energy": {**amount(2.0, "TJ"), "basis": "net"}, "emission_factors": stated}
    found = account(job(coal, species=("CO2", "CH4", "N2O")))
    kilograms = (found["emission"].isel(stream=0, time=0) * 365 * 86400).values
    np.testing.assert_allclose(kilograms, [188000.0, 1.4, 2.2], rtol=1e-12)


def test_oxidation_acts_on_the_carbon_only() -> None:
    coal = {"method": "ipcc2006-tier1", "fuel": "bituminous", "mass": amount(1000.0), "oxidation": share(98.0)}
    full = account(job({**coal, "oxidation": share(100.0)}, species=("CO2", "CH4")))["emission"].values.ravel()
    found = account(job(coal, species=("CO2", "CH4")))["emission"].values.ravel()
    np.testing.assert_allclose(found / full, [0.98, 1.0], rtol=1e-12)


# ---- EU --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("tier", "percent"), [(1, 7.5), (2, 5.0), (3, 2.5), (4, 1.5)])
def test_activity_tiers_are_95_percent_limits(tier: int, percent: float) -> None:
    coal = {"method": "mrr", "activity_tier": tier, "mass": amount(100.0), "oxidation": share(100.0),
            "calorific_value": {**amount(25.0, "GJ/t"), "basis": "net"},
            "emission_factor": amount(94.6, "t/TJ")}  # fmt: skip
    total = dataset_total(account(job(coal)).isel(species=0), draws=0)
    assert total.u_systematic["fuel_mass"] / total.value == pytest.approx(percent / 100 / 1.959964, rel=1e-6)


# ---- carbon balances -------------------------------------------------------------------------------------------
def test_steel_balance_is_carbon_in_minus_carbon_out() -> None:
    works = [
        {"method": "mass-balance", "fuel": "coking_coal", "mass": amount(700.0)},
        {"method": "mass-balance", "fuel": "limestone", "mass": amount(150.0)},
        {"method": "mass-balance", "fuel": "steel", "role": "output", "mass": amount(1000.0)},
        {"method": "mass-balance", "fuel": "coal_tar", "role": "output", "mass": amount(30.0),
         "carbon_content": share(86.0, state="as_received")},
    ]  # fmt: skip
    expected = 44 / 12 * (700 * 0.73 + 150 * 0.12 - 1000 * 0.01 - 30 * 0.86)
    assert tonnes(*works) == pytest.approx(expected, rel=1e-12)
    result = account(job(*works))
    assert (result["emission_u_systematic"].values > 0).all()
    total = dataset_total(result.isel(species=0), draws=0)
    parts = np.array([700 * 0.73, 150 * 0.12, 1000 * 0.01, 30 * 0.86]) * 44 / 12 * 1000
    u_mass = 0.05 / 1.959964
    u_carbon = np.array([0.1, 0.1, 0.1, 0.0]) / 1.959964  # products too: table 4.4
    u = np.sqrt(np.sum(parts**2 * (u_mass**2 + u_carbon**2)))
    assert total.u == pytest.approx(u, rel=0.02)  # ranges are rounded to four digits


def test_what_goes_in_and_comes_out_again_emits_nothing() -> None:
    carbon = share(83.0, state="as_received")
    through = {"method": "mrr-mass-balance", "fuel": "coke", "mass": amount(500.0), "carbon_content": carbon}
    assert tonnes(through, {**through, "role": "output"}) == pytest.approx(0.0, abs=1e-9)


def test_only_balances_have_outputs() -> None:
    with pytest.raises(InputError, match="only a mass balance has outputs"):
        job({"method": "part98-tier1", "fuel": "SUB", "role": "output", "mass": amount(1.0)})


# ---- China -----------------------------------------------------------------------------------------------------
CHINA = {"method": "china-power", "fuel": "烟煤", "mass": {"unit": "吨", "values": [100.0]}}


def test_carbon_of_the_sample_is_brought_to_the_fuel_as_received() -> None:
    """One coal analysed three ways: as received, air dried, dry."""
    dry, wet, inherent = 70.0, 12.0, 3.0
    received = dry * (100 - wet) / 100
    ways = [
        {"carbon_content": share(received, state="as_received")},
        {"carbon_content": share(dry * (100 - inherent) / 100, state="air_dried"), "moisture_as_received": share(wet),
         "moisture_air_dried": share(inherent)},
        {"carbon_content": share(dry, state="dry"), "moisture_as_received": share(wet)},
    ]  # fmt: skip
    for way in ways:
        assert tonnes({**CHINA, **way}) == pytest.approx(100 * received / 100 * 0.99 * 44 / 12, rel=1e-12)


def test_moisture_that_is_missing_or_exchanged_is_refused() -> None:
    sample = {"carbon_content": share(68.0, state="air_dried")}
    with pytest.raises(InputError, match="needs moisture_as_received"):
        tonnes({**CHINA, **sample})
    with pytest.raises(InputError, match="needs moisture_air_dried"):
        tonnes({**CHINA, **sample, "moisture_as_received": share(12.0)})
    with pytest.raises(InputError, match="may be exchanged"):
        tonnes({**CHINA, **sample, "moisture_as_received": share(3.0), "moisture_air_dried": share(12.0)})


@pytest.mark.parametrize(("year", "default"), [(2021, 0.03356), (2022, 0.03085), (2024, 0.03085)])
def test_carbon_not_measured_takes_the_default_of_the_year(year: int, default: float) -> None:
    coal = {**CHINA, "calorific_value": {**amount(21.0, "GJ/t"), "basis": "net"}}
    assert tonnes(coal, year=year) == pytest.approx(100 * 21 * default * 0.99 * 44 / 12, rel=1e-12)
    assert "unverified" in account(job(coal, year=year)).attrs["notes"]


@pytest.mark.parametrize(("year", "factor"), [(2022, 0.5366), (2023, 0.5306)])
def test_bought_electricity_takes_the_factor_of_its_year_in_local_time(year: int, factor: float) -> None:
    bought = {"method": "china-electricity", "fuel": "电力", "energy": amount(1000.0, "MWh")}
    result = account(job(bought, year=year, timezone="Asia/Shanghai"))
    assert dataset_total(result.isel(species=0), draws=0).value == pytest.approx(1e6 * factor)
    assert result["scope"].item() == "indirect"
    assert "notes" not in result.attrs


def test_an_old_grid_factor_is_used_and_said() -> None:
    bought = {"method": "china-electricity", "fuel": "electricity", "energy": amount(1.0, "MWh")}
    result = account(job(bought, year=2025))
    assert "the value of 2023 is the newest one and was used for 2025" in result.attrs["notes"]


# ---- cement ----------------------------------------------------------------------------------------------------
def test_default_clinker_is_what_the_guidelines_print() -> None:
    """2006 IPCC Guidelines vol 3 ch 2: 0.51 t CO2 per t clinker, 0.52 with 2 % for kiln dust."""
    clinker = {"method": "cement-clinker", "fuel": "clinker", "mass": amount(1.0)}
    assert tonnes({**clinker, "kiln_dust": amount(1.0, "1")}) == pytest.approx(0.51, abs=0.005)
    assert tonnes(clinker) == pytest.approx(0.52, abs=0.005)


def test_oxides_give_back_the_co2_of_their_carbonates() -> None:
    """1 kmol CaCO3 and 0.1 kmol MgCO3 burn to oxides: what they lose is the CO2 (44/56 and 44/40 by mass)."""
    clinker = 100.0  # kg, of which 56 CaO and 4 MgO from carbonate
    oxides = {"cao": share(66.0), "cao_not_carbonate": share(10.0), "mgo": share(5.0), "mgo_not_carbonate": share(1.0)}
    found = tonnes({"method": "cement-clinker", "fuel": "熟料", "mass": amount(clinker, "kg"), **oxides,
                    "kiln_dust": amount(1.0, "1")})  # fmt: skip
    assert found * 1000 == pytest.approx(44.0 + 4.4, rel=1e-12)


def test_impossible_clinker_is_refused() -> None:
    clinker = {"method": "cement-clinker", "fuel": "clinker", "mass": amount(1.0)}
    for changes, message in (
        ({"cao": share(10.0), "cao_not_carbonate": share(20.0)}, "larger than cao"),
        ({"kiln_dust": amount(0.9, "1")}, "at least 1"),
        ({"cao": share(95.0)}, "larger than 0.8"),
    ):
        with pytest.raises(InputError, match=message):
            tonnes({**clinker, **changes})


# ---- any factor ------------------------------------------------------------------------------------------------
def test_any_activity_times_factor_drives_pollutants_and_greenhouse_gases_together() -> None:
    stated = {"CO2": amount(1.9, "t/t"), "SO2": amount(8.0, "kg/t")}
    result = account(job({"method": "factor", "mass": amount(10.0), "emission_factors": stated},
                         species=("CO2", "SO2", "CH4")))  # fmt: skip
    kilograms = (result["emission"].isel(stream=0, time=0) * 365 * 86400).values
    np.testing.assert_allclose(kilograms, [19000.0, 80.0, 0.0], rtol=1e-12)
    with pytest.raises(InputError, match="per unit of the activity"):
        tonnes({"method": "factor", "mass": amount(10.0), "emission_factor": amount(94.0, "t/TJ")})


def test_edition_later_than_the_period_is_said() -> None:
    coal = {"method": "part98-tier1", "fuel": "SUB", "mass": amount(1.0, "short_ton")}
    assert "the edition valid from 2017-01-01 was used for 2012" in account(job(coal, year=2012)).attrs["notes"]
    assert "notes" not in account(job(coal, year=2018)).attrs


def test_indirect_streams_never_meet_a_monitor() -> None:
    from ghg.facility.pairing import select_species

    coal = {"method": "part98-tier1", "fuel": "SUB", "mass": amount(1.0, "short_ton")}
    bought = {"method": "china-electricity", "fuel": "electricity", "energy": amount(1.0, "MWh")}
    measured = xr.Dataset({"emission": ("time", [1.0], {"species": "CO2"})})
    kept = select_species(measured, account(job(coal, bought)), "CO2")
    assert list(kept["stream"].values) == ["stream 0"] and "stream 1" in kept.attrs["notes"]
    with pytest.raises(InputError, match="only indirect"):
        select_species(measured, account(job(bought)), "CO2")
