"""York and Deming lines: published vectors, limits, symmetries, coverage."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from ghg.core import _kernels
from ghg.core.errors import InputError
from ghg.core.york import _fit
from ghg.facility.york import deming, york

X = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
Y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
UX = np.array([1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1.0]) ** -0.5
UY = np.array([1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500.0]) ** -0.5


def test_pearson_data_with_york_weights(shared_data: Path) -> None:
    v = json.loads((shared_data / "facility/vectors/vectors.json").read_text())["york_pearson"]
    line = york(v["x"], v["y"], np.power(v["wx"], -0.5), np.power(v["wy"], -0.5))
    found = (line.slope, line.intercept, line.u_slope, line.u_intercept, line.chi2)
    want = tuple(v[k] for k in ("slope", "intercept", "se_slope", "se_intercept", "chi2"))
    assert found == pytest.approx(want, rel=1e-12)
    assert line.birge == pytest.approx(math.sqrt(v["chi2"] / 8)) and 0.1 < line.p_value < 0.2


def test_gum_h3(shared_data: Path) -> None:
    """x exact and equal u_y: ordinary least squares of the GUM's thermometer (JCGM 100:2008, H.3)."""
    v = json.loads((shared_data / "facility/vectors/vectors.json").read_text())["gum_h3"]
    t = np.array(v["t"]) - v["t0"]
    line = york(t, v["b"], 0.0, v["s"])
    assert line.intercept == pytest.approx(v["y1"][0], abs=5e-5) and line.slope == pytest.approx(v["y2"][0], abs=5e-6)
    assert line.birge == pytest.approx(1.0, abs=0.03)
    s = line.birge
    assert s * line.u_intercept == pytest.approx(v["y1"][1], abs=5e-5)
    assert s * line.u_slope == pytest.approx(v["y2"][1], abs=5e-6)
    assert line.covariance[0, 1] / line.u_slope / line.u_intercept == pytest.approx(v["r"], abs=5e-4)
    value, u = line.predict(10.0)
    assert value == pytest.approx(v["b30"][0], abs=5e-5) and s * u == pytest.approx(v["b30"][1], abs=5e-5)


@pytest.mark.parametrize("r", [0.0, 0.6, -0.9])
def test_the_line_is_the_most_likely_one(r: float) -> None:
    """Brute force: minimise S(a, b) of York et al. (2004), eq. 9, with another program."""

    def s(p: np.ndarray) -> float:
        a, b = p
        return float(np.sum((Y - a - b * X) ** 2 / (UY**2 + b * b * UX**2 - 2 * b * r * UX * UY)))

    line = york(X, Y, UX, UY, r)
    best = minimize(s, [5.0, -0.5], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000})
    assert line.chi2 <= best.fun + 1e-9
    assert (line.intercept, line.slope) == pytest.approx(tuple(best.x), rel=1e-5)


def test_exchange_of_x_and_y() -> None:
    one, two = york(X, Y, UX, UY, 0.3), york(Y, X, UY, UX, 0.3)
    assert two.slope == pytest.approx(1 / one.slope, rel=1e-12)
    assert two.intercept == pytest.approx(-one.intercept / one.slope, rel=1e-12)
    assert two.chi2 == pytest.approx(one.chi2, rel=1e-12)


@settings(max_examples=40)
@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_units_do_not_matter(kx: float, ky: float, ox: float, oy: float) -> None:
    base = york(X, Y, UX, UY, 0.2)
    line = york(kx * (X + ox), ky * (Y + oy), kx * UX, ky * UY, 0.2)
    assert line.slope * kx / ky == pytest.approx(base.slope, rel=1e-9)
    assert line.intercept / ky == pytest.approx(base.intercept + oy - base.slope * ox, rel=1e-9, abs=1e-9)
    assert line.u_slope * kx / ky == pytest.approx(base.u_slope, rel=1e-9)
    here, there = base.predict(3.0)[1], line.predict(kx * (3.0 + ox))[1]
    assert there / ky == pytest.approx(here, rel=1e-5)


def test_exact_y_is_the_inverse_regression() -> None:
    line = york(X, Y, UX, 0.0)
    b, a = np.polyfit(Y, X, 1, w=1 / UX)
    assert line.slope == pytest.approx(1 / b, rel=1e-12) and line.intercept == pytest.approx(-a / b, rel=1e-12)


def test_kernel_against_plain_numpy(rng: np.random.Generator) -> None:
    x, y = X + rng.normal(size=(5, 10)) * UX, Y + rng.normal(size=(5, 10)) * UY
    out = _fit(x, y, UX**2, UY**2, 0.4 * UX * UY)
    for row in range(5):
        b = np.polyfit(x[row], y[row], 1)[0]
        for _ in range(500):
            w = 1 / (UY**2 + b * b * UX**2 - 2 * b * 0.4 * UX * UY)
            u, v = x[row] - np.average(x[row], weights=w), y[row] - np.average(y[row], weights=w)
            beta = w * (u * UY**2 + b * v * UX**2 - (b * u + v) * 0.4 * UX * UY)
            b = np.sum(w * beta * v) / np.sum(w * beta * u)
        adjusted = np.average(x[row], weights=w) + beta
        centre = np.average(adjusted, weights=w)
        var_b = 1 / np.sum(w * (adjusted - centre) ** 2)
        a = np.average(y[row], weights=w) - b * np.average(x[row], weights=w)
        want = (b, a, var_b, 1 / w.sum() + centre**2 * var_b, centre)
        assert tuple(out[row, :5]) == pytest.approx(want, rel=1e-10)


def test_a_common_factor_and_a_common_shift_are_propagated_exactly() -> None:
    """y_i (1 + g z) scales slope and intercept by g; y_i + s z moves the intercept by s; on x the inverse."""
    parts = {"gain y": (0.0, 0.03 * Y), "shift y": (0.0, 0.2), "gain x": (0.02 * X, 0.0), "shift x": (0.1, 0.0)}
    wide = york(X, Y, UX, 1e3 * UY, systematic=parts)  # flat weights: a gain cannot change them
    b, a = wide.slope, wide.intercept
    assert wide.systematic["shift y"] == pytest.approx((0.2, 0.0), abs=1e-11)
    assert wide.systematic["shift x"] == pytest.approx((-0.1 * b, 0.0), abs=1e-11)
    assert wide.systematic["gain y"] == pytest.approx((0.03 * a, 0.03 * b), rel=1e-4)
    assert wide.systematic["gain x"] == pytest.approx((0.0, -0.02 * b), rel=1e-3, abs=1e-6)
    shifts = np.array(list(wide.systematic.values()))
    assert wide.covariance == pytest.approx(wide.random + shifts.T @ shifts)


def test_a_component_shared_by_both_sides_cancels() -> None:
    x = np.linspace(90, 110, 12)
    shared = york(x, x, 1.0, 1.0, systematic={"scale": (0.05 * x, 0.05 * x)})
    apart = york(x, x, 1.0, 1.0, systematic={"one": (0.05 * x, 0.0), "two": (0.0, 0.05 * x)})
    assert abs(shared.systematic["scale"][1]) < 1e-12
    assert math.sqrt(apart.covariance[1, 1] - apart.random[1, 1]) == pytest.approx(0.05 * math.sqrt(2), rel=0.01)


@pytest.mark.parametrize("gain", [0.0, 0.05])
def test_slope_intervals_cover(gain: float, rng: np.random.Generator) -> None:
    """4,000 plants of 12 months, errors on both sides and a common gain error of the measured side."""
    runs, true = 4000, np.linspace(60.0, 110.0, 12)
    ux, uy, r = 1.5, 2.0, 0.3
    e = rng.normal(size=(2, runs, 12))
    x = true + ux * e[0]
    y = 5.0 + 1.1 * true + uy * (r * e[0] + math.sqrt(1 - r * r) * e[1])
    y *= 1 + gain * rng.normal(size=(runs, 1))
    fits = _fit(x, y, np.full(12, ux**2), np.full(12, uy**2), np.full(12, r * ux * uy))
    one = york(true, 5 + 1.1 * true, ux, uy, r, systematic={"gain": (0.0, gain * (5 + 1.1 * true))})
    extra = one.covariance[1, 1] - one.random[1, 1]
    covered = np.abs(fits[:, 0] - 1.1) <= 1.96 * np.sqrt(fits[:, 2] + extra)
    assert covered.mean() == pytest.approx(0.95, abs=0.012)
    if gain == 0.0:  # chi2 has its distribution
        assert fits[:, 5].mean() == pytest.approx(10.0, abs=0.25)


def test_missing_points_do_not_count() -> None:
    x = np.append(X, [np.nan, 3.0])
    y = np.append(Y, [2.0, np.nan])
    line = york(x, y, np.append(UX, [1, 1]), np.append(UY, [1, 1]), systematic={"s": (np.ones(12), 0.0)})
    assert line.n == 10 and line.slope == pytest.approx(york(X, Y, UX, UY).slope, rel=1e-13)


@pytest.mark.parametrize(("args", "what"), [
    (([1, 1, 1], [1, 2, 3], 1, 1), "x values that differ"), (([1, 2, 3], [1, 2, 3], 0, 0), "no uncertainty at all"),
    (([1, 2, 3], [1, 2, 3], -1, 1), "not negative"), (([1, 2, 3], [1, 2, 3], 1, 1, 2.0), "between -1 and 1"),
    (([1, 2], [1, 2], 1, 1), "too few pairs"), (([1, 2, 3], [1, 2, 3], [1, 1], 1), "another length"),
])  # fmt: skip
def test_bad_input(args: tuple, what: str) -> None:
    with pytest.raises(InputError, match=what):
        york(*args)


def test_deming_example() -> None:
    """NCSS manual, chapter 303: slope 1.00119, intercept -0.08974 with a ratio V(x)/V(y) of 4."""
    x = [7, 8.3, 10.5, 9, 5.1, 8.2, 10.2, 10.3, 7.1, 5.9]
    y = [7.9, 8.2, 9.6, 9, 6.5, 7.3, 10.2, 10.6, 6.3, 5.2]
    line = deming(x, y, 0.25)
    assert (round(line.slope, 5), round(line.intercept, 5)) == (1.00119, -0.08974)
    # leave-one-out by hand
    left = np.array([deming(np.delete(x, i), np.delete(y, i), 0.25).slope for i in range(10)])
    assert line.u_slope == pytest.approx(math.sqrt(0.9 * np.sum((left - left.mean()) ** 2)), rel=1e-10)


@settings(max_examples=50)
@given(st.floats(0.01, 100.0))
def test_deming_is_york_with_equal_uncertainties(ratio: float) -> None:
    one, two = deming(X, Y, ratio), york(X, Y, 1.0, math.sqrt(ratio))
    assert one.slope == pytest.approx(two.slope, rel=1e-10)
    assert deming(Y, X, 1 / ratio).slope == pytest.approx(1 / one.slope, rel=1e-10)


@pytest.mark.kernel
def test_a_line_that_does_not_settle_is_reported() -> None:
    out = np.empty((1, 7))
    one = np.ones((1, 3))
    _kernels.york_rows(np.array([[0.0, 1.0, 2.0]]), np.array([[0.0, 2.0, 1.0]]), one, one, 0 * one, 1e-15, 1, out)
    assert out[0, 6] == -1
