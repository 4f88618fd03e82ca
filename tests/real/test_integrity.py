"""The screening on genuine records: few alarms, and tampered copies are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensors.config import CampdReader
from sensors.integrity.screen import screen
from sensors.integrity.tamper import Attack
from sensors.integrity.trials import false_alarms, starts, trials
from sensors.integrity.units import Unit, units_of
from sensors.readers import read

FLOW = ("heat_input", "emission")


@pytest.fixture(scope="module")
def idaho(shared_data: Path) -> list[Unit]:
    pattern = str(shared_data / "facility" / "campd" / "epacems2018id*.zip")
    return units_of(read(CampdReader(files=(pattern,))))


def test_at_most_one_alarm_per_unit_year_of_gas_units(idaho: list[Unit]) -> None:
    assert len(false_alarms(idaho)) <= sum(u.years for u in idaho)


def test_scalings_copies_and_substitution_are_found(idaho: list[Unit]) -> None:
    """At six random hours of the two units that run most."""
    rng = np.random.default_rng(9)
    busy = sorted(idaho, key=lambda u: int(u.on.sum()))[-2:]
    hours = [(u, h) for u in busy for h in starts(u, 6, rng)]
    cases = {
        "scale": [(u, Attack("scale", FLOW, s, h)) for u, h in hours for s in (0.05, -0.05)],
        "copy": [(u, Attack("copy", FLOW, 0.0, h, 168)) for u, h in hours if h > 400],
        "substitute": [(u, Attack("substitute", FLOW, 0.0, h)) for u, h in hours],
    }
    share = {kind: np.mean([bool(t.found) for t in trials(some)]) for kind, some in cases.items()}
    assert share["scale"] >= 0.9 and share["copy"] == share["substitute"] == 1.0


def test_a_heat_input_that_stood_still_for_months(shared_data: Path) -> None:
    """Scrubgrass reported 14784 mmBtu on most days of 2002 while the steam load moved."""
    path = shared_data / "facility" / "campd" / "daily-emissions-scrubgrass.csv"
    (alarm,) = screen(read(CampdReader(files=(str(path),)))).alarms
    assert (alarm.detector, alarm.subject) == ("stuck", "heat_input")
    assert str(alarm.start)[:4] == "2002" and alarm.end - alarm.start > np.timedelta64(80, "D")
