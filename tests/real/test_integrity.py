"""The screening on genuine records: few alarms, and tampered copies are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.integrity import attacks, coal, idaho
from sensors.config import CampdReader
from sensors.integrity.screen import screen
from sensors.integrity.trials import false_alarms, trials
from sensors.integrity.units import Unit
from sensors.readers import read


@pytest.fixture(scope="module")
def genuine(shared_data: Path) -> list[Unit]:
    """Return 8 gas units of one year and 7 coal units of one quarter."""
    folder = shared_data / "facility"
    return [*idaho(folder), *coal(folder)]


def test_at_most_one_alarm_per_unit_year(genuine: list[Unit]) -> None:
    assert len(genuine) == 15
    assert len(false_alarms(genuine)) <= sum(u.years for u in genuine)


def test_scalings_copies_and_substitution_are_found(genuine: list[Unit]) -> None:
    """At twelve random hours of each unit."""
    cases = attacks(genuine, 12, seed=9)
    names = [name for name in cases if name.startswith("scale 5 %")]
    scaled = [t for name in names for t in trials(cases[name])]
    assert len(names) == 3 and len(scaled) == 600
    assert np.mean([bool(t.found) for t in scaled]) >= 0.9
    assert all(t.found for name in ("a week copied", "the load's signal in its place") for t in trials(cases[name]))


def test_a_heat_input_that_stood_still_for_months(shared_data: Path) -> None:
    """Scrubgrass reported 14784 mmBtu on most days of 2002 while the steam load moved."""
    path = shared_data / "facility" / "campd" / "daily-emissions-scrubgrass.csv"
    (alarm,) = screen(read(CampdReader(files=(str(path),)))).alarms
    assert (alarm.detector, alarm.subject) == ("stuck", "heat_input")
    assert str(alarm.start)[:4] == "2002" and alarm.end - alarm.start > np.timedelta64(80, "D")
