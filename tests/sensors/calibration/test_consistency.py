"""What the test of consistency can see, against draws of the assigned values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from sensors.calibration.consistency import LEVEL, POWER, _detectable


@pytest.mark.parametrize("values", [(380.0, 450.0, 520.0), (380.0, 415.0, 430.0, 450.0, 520.0)])
def test_a_detectable_error_is_found_as_often_as_stated(rng: np.random.Generator, values: tuple[float, ...]) -> None:
    """20,000 sets with one value off by the detectable error: chi2 of a weighted line by normal equations."""
    x, n = np.array(values), 20_000
    u = np.linspace(0.02, 0.05, x.size)
    a = np.stack([np.ones(x.size), (x - x.mean()) / np.ptp(x)], axis=1)
    left = np.eye(x.size) - a @ np.linalg.solve(a.T @ (a / u[:, None] ** 2), a.T / u**2)
    for i, error in enumerate(_detectable(a, u**2, x.size - 2)):
        y = rng.normal(0.0, u, (n, x.size))
        y[:, i] += error
        found = np.square(y @ left.T / u).sum(axis=1) > chi2.isf(LEVEL, x.size - 2)
        assert found.mean() == pytest.approx(POWER, abs=4.0 * np.sqrt(POWER * (1.0 - POWER) / n))


def test_a_value_that_nothing_checks_is_never_detectable() -> None:
    a = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])  # the slope hangs on the third alone
    assert np.isnan(_detectable(a, np.ones(3), 1)).tolist() == [False, False, True]
