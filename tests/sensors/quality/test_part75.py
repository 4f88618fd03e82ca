"""Quality tests of 40 CFR 75 against EPA's own numbers and hand computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import InputError
from sensors.quality import calibration_error, cycle_time, linearity, relative_accuracy
from sensors.quality.result import round_half_up

# ORIS 54, first quarter of 2023, as EPA's ECMPS test data (US-EPA-CAMD/easey-testing, upload.json) report them
CEM = [0.073] * 9
RM = [0.071, 0.071, 0.072, 0.072, 0.072, 0.071, 0.072, 0.073, 0.073]


def test_the_rata_of_oris_54() -> None:
    result = relative_accuracy(CEM, RM, "nox_rate")
    assert result.passed
    assert result.values["relative_accuracy"] == 2.38
    assert result.values["bias_adjustment_factor"] == 1.0
    assert result.values["t"] == 2.306
    assert result.values["frequency"] == "4QTRS"
    assert result.margin == pytest.approx(1 - 2.38 / 10.0)


def test_the_linearity_of_oris_54() -> None:
    levels = {"mid": ([33.4] * 3, [33.3, 33.1, 33.1]), "low": ([15.3] * 3, [15.1, 15.0, 15.0]),
              "high": ([53.9] * 3, [54.1] * 3)}  # fmt: skip
    result = linearity(levels, "nox", units="ppm")
    assert result.values["error"] == {"mid": 0.7, "low": 1.7, "high": 0.4}
    assert result.passed and result.deciding == "low error"


def test_a_low_flow_monitor_gets_its_bias_adjustment_factor() -> None:
    # d = 4, S_d = 0 but for one run pair: by hand d = 4.0, S_d = 0.8660, cc = 2.306 * 0.8660 / 3 = 0.6657
    monitor = np.full(9, 96.0)
    reference = monitor + np.array([4, 4, 4, 4, 4, 4, 4, 5.5, 2.5])
    result = relative_accuracy(monitor, reference, "flow")
    s = math.sqrt((1.5**2 + 1.5**2) / 8)
    assert result.values["mean_difference"] == 4.0
    assert result.values["confidence_coefficient"] == pytest.approx(2.306 * s / 3, rel=1e-12)
    assert result.values["relative_accuracy"] == round_half_up(100 * (4 + 2.306 * s / 3) / 100, 2)
    assert result.values["low_bias"]
    assert result.values["bias_adjustment_factor"] == 1.042  # 1 + 4/96 = 1.041666...


def test_co2_is_never_bias_adjusted() -> None:
    result = relative_accuracy(np.full(9, 11.0), np.full(9, 12.0) + np.linspace(-0.01, 0.01, 9), "co2")
    assert result.values["mean_difference"] == pytest.approx(1.0)
    assert result.values["bias_adjustment_factor"] == 1.0
    assert not result.values["low_bias"]


def test_the_absolute_limit_saves_a_low_emitter_and_caps_its_factor() -> None:
    monitor = np.full(9, 0.040)
    reference = monitor + np.array([0.012, 0.013, 0.011, 0.012, 0.012, 0.012, 0.012, 0.012, 0.012])
    result = relative_accuracy(monitor, reference, "nox_rate")
    assert result.values["relative_accuracy"] > 10.0
    assert result.passed and result.deciding == "mean_difference"
    assert result.values["bias_adjustment_factor"] == 1.111  # instead of 1.3 (check-engine RATAChecks.cs)


def test_a_failed_rata_has_no_frequency_and_a_negative_margin() -> None:
    result = relative_accuracy(np.full(9, 12.0), np.full(9, 14.0) + np.linspace(-0.1, 0.1, 9), "co2")
    assert not result.passed
    assert result.margin < 0
    assert result.values["frequency"] == ""


@given(st.lists(st.floats(5.0, 20.0).map(lambda x: round(x, 1)), min_size=9, max_size=12), st.floats(0.5, 100.0))
def test_relative_accuracy_does_not_depend_on_the_unit(values: list[float], factor: float) -> None:
    reference = np.array(values)
    monitor = reference + np.resize([0.1, -0.2, 0.3], reference.size)
    a = relative_accuracy(monitor, reference, "flow").values["relative_accuracy"]
    b = relative_accuracy(factor * monitor, factor * reference, "flow").values["relative_accuracy"]
    assert abs(a - b) <= 0.0101  # a tie may fall either way


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"monitor": CEM[:8], "reference": RM[:8]}, "too few readings"),
        ({"monitor": CEM[:8]}, "another number of monitor values"),
        ({"monitor": CEM * 2, "reference": RM * 2, "used": [False] * 4 + [True] * 14}, "too many runs are left out"),
        ({"monitor": [float("nan"), *CEM[1:]]}, "not a number"),
        ({"reference": [0.0] * 9}, "reference method is zero"),
        ({"parameter": "hg"}, "no criterion"),
    ],
)
def test_bad_ratas_are_refused(change: dict, message: str) -> None:
    arguments = {"monitor": CEM, "reference": RM, "parameter": "nox_rate", **change}
    with pytest.raises(InputError, match=message):
        relative_accuracy(**arguments)


def test_halves_are_rounded_away_from_zero_in_decimals() -> None:
    assert [round_half_up(x, 1) for x in (0.25, -0.25, 0.35, 2.675)] == [0.3, -0.3, 0.4, 2.7]
    assert round_half_up(1.0005, 3) == 1.001  # the double lies below the tie


def test_seven_day_calibration_error_by_hand() -> None:
    days = [(0.0, 0.0, 45.0, 45.0)] * 6 + [(0.0, 1.0, 45.0, 43.8)]
    result = calibration_error(days, "nox", 100.0, units="ppm")
    assert result.values["greatest_error"] == {"zero": 1.0, "upscale": 1.2}
    assert result.passed
    failed = calibration_error([*days[:6], (0.0, 0.0, 45.0, 39.0)], "nox", 100.0, units="ppm")  # 6 %, |R-A| 6 > 5
    assert not failed.passed and failed.deciding.startswith("upscale")


def test_co2_calibration_is_limited_in_percent_co2() -> None:
    good = calibration_error([(0.0, 0.5, 18.0, 17.5)] * 7, "co2", 20.0)
    assert good.passed and good.margin == pytest.approx(0.0)
    assert not calibration_error([(0.0, 0.51, 18.0, 18.0)] * 7, "co2", 20.0).passed
    with pytest.raises(InputError, match="too few days"):
        calibration_error([(0.0, 0.5, 18.0, 17.5)] * 6, "co2", 20.0)


def test_the_slower_direction_is_the_cycle_time() -> None:
    assert cycle_time(6.0, 15.0).passed
    result = cycle_time(16.0, 5.0)
    assert not result.passed and result.values["cycle_time"] == 16.0
    with pytest.raises(InputError, match="negative"):
        cycle_time(-1.0, 5.0)


def test_linearity_wants_three_injections_and_a_gas() -> None:
    with pytest.raises(InputError, match="too few readings"):
        linearity({"low": ([5.0, 5.0], [5.0, 5.0])}, "co2")
    with pytest.raises(InputError, match="reference gas of a level is zero"):
        linearity({"low": ([0.0] * 3, [0.1] * 3)}, "co2")
    absolute = linearity({"low": ([2.0] * 3, [2.3] * 3)}, "co2", units="percent")  # 15 %, but 0.3 % CO2
    assert absolute.passed and absolute.deciding == "low difference"
