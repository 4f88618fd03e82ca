"""Who measures and who multiplies, on real records."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghg.facility.independence import assess
from sensors.config import CampdReader
from sensors.readers import read


def campd(folder: Path, *names: str, **options) -> list:
    config = CampdReader.model_validate({"files": [str(folder / "facility" / "campd" / n) for n in names], **options})
    return assess(read(config))


def test_idaho_gas_units_are_not_independent(shared_data: Path) -> None:
    found = campd(shared_data, "epacems2018id*.zip")
    assert len(found) == 8
    for unit in found:
        assert unit.status == "not independent", unit
        assert unit.constant == pytest.approx(0.05943, abs=1e-5)
        assert unit.f_factor == pytest.approx(1040, rel=1e-3)
        assert unit.fuel == "natural_gas"


@pytest.mark.parametrize("name", ["daily-emissions-PA-waste.csv", "daily-emissions-scrubgrass.csv"])
def test_waste_coal_plants_are_not_accused(shared_data: Path, name: str) -> None:
    found = campd(shared_data, name)
    assert found
    assert {unit.status for unit in found} <= {"independent", "undetermined"}
    assert all(unit.status == "independent" for unit in found if unit.constant == unit.constant)


def test_coal_plants_of_2012_are_not_accused(shared_data: Path) -> None:
    found = campd(shared_data, "annual-emissions-2012-coal.csv")
    accused = [unit.source for unit in found if unit.status == "not independent"]
    assert len(found) > 400
    assert not accused


def test_gas_constants_are_told_from_stack_gas(shared_data: Path) -> None:
    """Every unit lies on G-4 within 0.02 % and 0.25 % away from F-15."""
    for unit in campd(shared_data, "epacems2018id*.zip"):
        assert abs(unit.constant / (44 / 385 / 2000 * 1040) - 1) < 2e-4
        assert abs(unit.constant / (5.7e-5 * 1040) - 1) > 2.3e-3
        assert "G-4" in unit.evidence


def test_annual_totals_say_what_they_cannot_show(shared_data: Path) -> None:
    found = [unit for unit in campd(shared_data, "annual-emissions-2012-coal.csv") if unit.constant == unit.constant]
    assert all("cannot show" in u.evidence or "no known F factor" in u.evidence for u in found if u.fuel)
    derived = [unit for unit in found if unit.heat_from_emission]
    assert len(derived) > 300  # most coal plants lie on 5.7e-5 times a tabulated Fc
    assert {unit.fuel for unit in derived} >= {"bituminous", "subbituminous", "lignite"}


def test_cholla_heat_comes_from_co2_with_the_bituminous_factor(shared_data: Path) -> None:
    (cholla,) = campd(shared_data, "annual-emissions-2012-coal.csv", facility=["113"])
    assert cholla.status == "independent"
    assert cholla.heat_from_emission
    assert cholla.f_factor == pytest.approx(1800, rel=1e-5)
    assert cholla.fuel == "bituminous"
