"""Balance of inventory and inversion: closed forms and coverage."""

from __future__ import annotations

import numpy as np
import pytest

from ghg.balance.compare import compare, observed_alone, verdict
from ghg.core.errors import InputError


def test_joint_of_two_independent_results_is_the_weighted_mean() -> None:
    found = compare(["x"], [10.0], [3.0], [16.0], [4.0])
    assert found.joint[0] == pytest.approx((10 / 9 + 16 / 16) / (1 / 9 + 1 / 16))
    assert found.joint_covariance[0, 0] == pytest.approx(1 / (1 / 9 + 1 / 16))
    assert found.z[0] == pytest.approx(6.0 / 5.0)  # 3-4-5
    assert found.chi2 == pytest.approx(1.44) and found.p == pytest.approx(0.2301, abs=1e-4)


def test_joint_equals_generalised_least_squares_with_shared_inputs() -> None:
    rng = np.random.default_rng(4)
    k = 3
    root = rng.standard_normal((2 * k, 2 * k))
    full = root @ root.T + 0.1 * np.eye(2 * k)
    a, b = rng.standard_normal(k), rng.standard_normal(k)
    found = compare(list("abc"), a, full[:k, :k], b, full[k:, k:], full[:k, k:])
    design = np.vstack([np.eye(k), np.eye(k)])
    weight = np.linalg.inv(full)
    covariance = np.linalg.inv(design.T @ weight @ design)
    assert found.joint == pytest.approx(covariance @ design.T @ weight @ np.append(a, b), rel=1e-8)
    assert found.joint_covariance == pytest.approx(covariance, rel=1e-7)


def test_the_prior_can_be_taken_out_again() -> None:
    rng = np.random.default_rng(5)
    prior, cp = rng.standard_normal(2), np.array([[2.0, 0.5], [0.5, 1.0]])
    y, r = rng.standard_normal(2), np.array([[0.7, 0.1], [0.1, 0.9]])
    c = np.linalg.inv(np.linalg.inv(cp) + np.linalg.inv(r))
    x = c @ (np.linalg.solve(cp, prior) + np.linalg.solve(r, y))
    mean, covariance = observed_alone(prior, cp, x, c)
    assert mean == pytest.approx(y, rel=1e-9) and covariance == pytest.approx(r, rel=1e-9)
    # and put together again with the inventory that was the prior it is the posterior
    assert compare(["x", "y"], prior, cp, mean, covariance).joint == pytest.approx(x, rel=1e-9)
    with pytest.raises(InputError, match="say nothing"):
        observed_alone(prior, cp, prior, cp)


def test_intervals_of_the_joint_estimate_hold_the_truth() -> None:
    rng = np.random.default_rng(6)
    ca, cb = np.array([[4.0, 1.0], [1.0, 2.0]]), np.array([[1.0, -0.5], [-0.5, 3.0]])
    hits, n = 0, 2000
    for a, b in zip(rng.multivariate_normal([1, 2], ca, n), rng.multivariate_normal([1, 2], cb, n), strict=True):
        found = compare(["x", "y"], a, ca, b, cb)
        hits += abs(found.joint[0] - 1.0) < 1.959964 * np.sqrt(found.joint_covariance[0, 0])
    assert abs(hits / n - 0.95) < 4.0 * np.sqrt(0.95 * 0.05 / n)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(InputError, match="does not fit the regions"):
        compare(["x", "y"], [1.0], [1.0], [1.0, 2.0], [1.0, 1.0])
    with pytest.raises(InputError, match=r"missing.*y"):
        compare(["x", "y"], [1.0, np.nan], [1.0, 1.0], [1.0, 2.0], [1.0, 1.0])
    with pytest.raises(InputError, match="not positive definite"):
        compare(["x"], [1.0], [0.0], [1.0], [0.0])
    assert verdict(1.9) == "agree" and "below" in verdict(-2.5) and "doubtful" in verdict(-2.5)
