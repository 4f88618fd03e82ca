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


def test_cholla_heat_comes_from_co2_with_the_bituminous_factor(shared_data: Path) -> None:
    (cholla,) = campd(shared_data, "annual-emissions-2012-coal.csv", facility=["113"])
    assert cholla.status == "independent"
    assert cholla.heat_from_emission
    assert cholla.f_factor == pytest.approx(1800, rel=1e-5)
    assert cholla.fuel == "bituminous"
