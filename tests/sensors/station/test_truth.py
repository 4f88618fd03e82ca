"""Stations with known truth: the stated intervals hold it as often as they say, and wrong cylinders are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ghg.core.flags import Flag, Reason
from sensors.calibration.smoothing import find_jumps
from sensors.calibration.visits import cylinder_visits
from sensors.config.station import StationJob
from sensors.station.ingest import records_of
from sensors.station.job import calibrate
from sensors.station.simulation import START, Scenario, flicker, simulate
from sensors.station.trial import Summary, summary, trial

USUAL = Scenario(days=6.0, every=20.0, white=0.03)
REPLICATES = 40


def within(result: Summary) -> None:
    """95 % intervals of hours and of means over the record hold the truth in 93 to 97 %, as far as can be told."""
    room = 3.0 * np.sqrt(0.95 * 0.05 / result.n)
    assert 0.93 - 3.0 * result.u_hours < result.hours < 0.97 + 3.0 * result.u_hours
    assert abs(result.mean - 0.95) < room
    assert abs(result.target - 0.95) < room
    assert result.u == pytest.approx(result.rms, rel=0.3)  # neither too small nor padded
    assert result.u_mean == pytest.approx(result.rms_mean, rel=0.3)


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(USUAL, id="usual"),
        pytest.param(replace(USUAL, u_tank=0.1, u_water=3e-5), id="cylinders and water wrong"),
        pytest.param(replace(USUAL, u_tank=0.005, u_water=1e-6, walk=0.15, day=0.05), id="drift"),
        pytest.param(replace(USUAL, u_tank=0.003, u_water=0.0, flicker=0.03, walk=0.06, white=0.15), id="flicker"),
        pytest.param(replace(USUAL, gaps=0.7, spikes=6.0, steps=((3.3, 0.5),)), id="gaps, spikes, a service"),
    ],
)  # fmt: skip
def test_the_interval_holds_the_truth(scenario: Scenario) -> None:
    within(summary([trial(scenario, seed) for seed in range(REPLICATES)]))


def test_by_straight_lines_too() -> None:
    trials = [trial(USUAL, seed, {"calibration": {"drift": "interpolate"}}) for seed in range(20)]
    within(summary(trials))


@pytest.mark.parametrize("tank", range(5))
def test_a_wrong_cylinder_is_named(tank: int) -> None:
    scenario = replace(USUAL, days=3.0, wrong=((tank, 0.4 * (-1) ** tank),))
    named = [trial(scenario, 100 + seed).suspects for seed in range(10)]
    assert all(f"T{tank + 1}" in suspects for suspects in named)
    assert sum(suspects == (f"T{tank + 1}",) for suspects in named) >= 7  # one at the end of the range drags the line


def test_cylinders_that_are_right_are_seldom_suspected() -> None:
    alarms = sum(bool(trial(replace(USUAL, days=2.0), seed).suspects) for seed in range(60))
    assert alarms <= 4  # 1 in 100 expected; 5 or more of 60 have a probability of 4e-4


def test_a_step_without_a_stated_service_is_found_where_it_was() -> None:
    jumps = []
    for seed in range(10):
        one = simulate(replace(USUAL, days=10.0, steps=((5.1, 0.6),), declared=False), seed)
        job = StationJob(**one.job)
        visits = cylinder_visits(records_of(one.raw, job), job, "co2")
        jumps.append(find_jumps(visits.take(visits.fitted), np.empty(0)))
        assert not find_jumps(visits.take(visits.fitted), np.array([START + 5.1 * 86400.0]))  # stated: nothing to find
    right = [j for j in jumps if len(j) == 1 and j[0][0] < START + 5.1 * 86400.0 < j[0][1]]
    assert len(right) >= 7 and all(len(j) <= 1 for j in jumps)  # a step is drawn with sd 0.6: some are small


def test_a_step_nobody_stated_is_said_and_its_gap_is_suspect() -> None:
    one = simulate(replace(USUAL, days=10.0, steps=((5.1, 2.0),), declared=False), 4)
    job = StationJob(**one.job)
    ds = calibrate(records_of(one.raw, job), job)
    assert "the response of co2 jumped by" in ds.attrs["notes"] and "no service is stated" in ds.attrs["notes"]
    day = (ds["time"].values - np.datetime64(int(START), "s")) / np.timedelta64(1, "D")
    suspect = ds["co2_flag"].values[0] == int(Flag.SUSPECT)
    assert suspect[(day > 4.7) & (day < 5.1)].all() and not suspect[(day < 4.5) | (day > 5.5)].any()
    assert (ds["co2_reason"].values[0, suspect] & int(Reason.CALIBRATION)).all()
    told = StationJob(**{**one.job, "calibration": {**one.job["calibration"], "services": ["2023-11-19T02:24:00"]}})
    ds = calibrate(records_of(one.raw, told), told)
    assert "jumped" not in ds.attrs["notes"] and (ds["co2_flag"].values == int(Flag.GOOD)).all()


def test_flicker_falls_with_one_over_f() -> None:
    power = np.mean(
        [np.abs(np.fft.rfft(flicker(4096, np.random.default_rng(k)))) ** 2 for k in range(200)], axis=0
    )  # fmt: skip
    f = np.arange(power.size)
    slope = np.polyfit(np.log(f[1:1000]), np.log(power[1:1000]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.05)
    sd = np.sqrt(np.mean([np.mean(flicker(4096, np.random.default_rng(k)) ** 2) for k in range(200)]))
    assert sd == pytest.approx(1.0, abs=0.03)
