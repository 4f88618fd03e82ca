"""Molar masses, carbon conversion, and CO2 equivalents against published values."""

from __future__ import annotations

import pytest

from ghg.core import gases
from ghg.core.errors import InputError


@pytest.mark.parametrize(
    ("formula", "grams"),
    # NIST Chemistry WebBook, SRD 69, molecular weights
    [("CO2", 44.0095), ("CH4", 16.0425), ("N2O", 44.0128), ("CO", 28.0101), ("H2O", 18.0153), ("SF6", 146.055)],
)
def test_molar_masses(formula: str, grams: float) -> None:
    assert gases.gas(formula).molar_mass * 1000 == pytest.approx(grams, rel=5e-5)


def test_carbon_to_co2_says_which_rule() -> None:
    assert gases.carbon_to_co2("44/12") == 44 / 12
    assert gases.carbon_to_co2() == pytest.approx(44.009 / 12.011)
    assert gases.carbon_to_co2("44/12") / gases.carbon_to_co2() == pytest.approx(1.0007, abs=1e-4)
    with pytest.raises(InputError):
        gases.carbon_to_co2("3.67")


@pytest.mark.parametrize(
    ("metric", "ch4", "n2o"),
    # IPCC AR4 WG1 table 2.14; AR5 WG1 table 8.A.1; AR6 WG1 table 7.SM.7 (CH4 without origin: 27.9)
    [("AR4GWP100", 25.0, 298.0), ("AR5GWP100", 28.0, 265.0), ("AR6GWP100", 27.9, 273.0)],
)
def test_global_warming_potentials(metric: str, ch4: float, n2o: float) -> None:
    assert gases.global_warming_potential("CH4", metric) == ch4
    assert gases.global_warming_potential("N2O", metric) == n2o
    assert gases.co2_equivalent({"CO2": 1.0, "CH4": 1.0, "N2O": 1.0}, metric) == 1 + ch4 + n2o


def test_names_and_their_errors() -> None:
    assert gases.gas("二氧化碳") is gases.gas("co2")
    for call in (lambda: gases.gas("phlogiston"), lambda: gases.global_warming_potential("CH4", "AR3"),
                 lambda: gases.global_warming_potential("CO"), lambda: gases.gas("NMVOC").molar_mass):  # fmt: skip
        with pytest.raises(InputError):
            call()
