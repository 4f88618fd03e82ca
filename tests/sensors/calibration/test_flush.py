"""The flush time is found from visits of cylinders whatever the spacing of the readings."""

import numpy as np
import pytest

from sensors.calibration.flush import find_flush

SECOND = 10**9


def visits(spacing, memory, missing=(), seed=3):
    """Return time, port and readings of three cylinders' visits of 600 s; what was before lives on for `memory`."""
    since = np.arange(0.0, 600.0, spacing)
    noise = np.random.default_rng(seed).normal(0.0, 0.02, (4, since.size))
    # a reading keeps 20 ppm of the gas before until `memory`, then none: the truth is a step
    x = np.array([400.0, 420.0, 440.0, 460.0])[:, None] - 20.0 * (since < memory) + noise
    for low, high in missing:
        x[:, (since >= low) & (since < high)] = np.nan
    time = (np.arange(4)[:, None] * 600.0 + since).ravel() * SECOND
    return time.astype(np.int64), np.repeat([0, 1, 2, 1], since.size), x.ravel()


@pytest.mark.parametrize("spacing", [1.0, 5.0])
def test_ends_one_step_after_the_last_disturbed_reading(spacing):
    time, port, x = visits(spacing, 100.0)
    assert find_flush(time, port, x, [1, 2]) == 110.0  # 100 s and a step of 10 s


@pytest.mark.parametrize(("spacing", "missing"), [(25.0, ()), (1.0, [(20.0, 60.0)])])
def test_steps_without_any_reading_do_not_count(spacing, missing):
    """Readings 25 s apart leave steps of 10 s empty in every visit; so does a gap at the same place in all."""
    time, port, x = visits(spacing, 100.0, missing)
    assert find_flush(time, port, x, [1, 2]) == pytest.approx(110.0, abs=spacing)


def test_nothing_but_gaps():
    time, port, x = visits(1.0, 0.0, [(0.0, 390.0)])
    assert find_flush(time, port, x, [1, 2]) == 0.0
