"""First-order propagation: the GUM's own examples, correlated inputs, numerical derivatives, type A."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.core.uncertainty import (
    correlation_matrix,
    covariance_matrix,
    first_order,
    jacobian,
    straight_line,
    type_a,
)


@pytest.fixture
def vectors(shared_data: Path) -> dict[str, Any]:
    return json.loads((shared_data / "facility/vectors/vectors.json").read_text())


def impedance(x: Any) -> Any:
    v, i, phi = x
    return np.array([v / i * np.cos(phi), v / i * np.sin(phi), v / i])


@pytest.mark.parametrize("method", ["central", "complex"])
def test_gum_h2_simultaneous_resistance_and_reactance(vectors: dict[str, Any], method: str) -> None:
    data = vectors["gum_h2"]
    mean, covariance, freedom = type_a([data["V"], np.array(data["I_mA"]) / 1000.0, data["phi"]])
    assert freedom == 4
    value, cov = first_order(impedance, mean, covariance, method=method)
    for k, name in enumerate("RXZ"):
        assert round(float(value[k]), 3) == data[name][0]
        # u(X) is 0.29558 from the printed observations, the GUM prints 0.295: one unit of the last digit
        assert abs(math.sqrt(cov[k, k]) - data[name][1]) < 1e-3
    v, i, phi = mean
    exact = np.array(
        [
            [np.cos(phi) / i, -v / i**2 * np.cos(phi), -v / i * np.sin(phi)],
            [np.sin(phi) / i, -v / i**2 * np.sin(phi), v / i * np.cos(phi)],
            [1.0 / i, -v / i**2, 0.0],
        ]
    )
    np.testing.assert_allclose(cov, exact @ covariance @ exact.T, rtol=1e-9)
    r = correlation_matrix(cov)
    printed = [round(float(r[0, 1]), 3), round(float(r[0, 2]), 3), round(float(r[1, 2]), 3)]
    assert printed == [data["r_RX"], data["r_RZ"], data["r_XZ"]]


def test_gum_h2_second_approach_to_the_last_printed_digit(vectors: dict[str, Any]) -> None:
    # JCGM 100 H.2.4: the model applied to each set of observations, then type A
    data = vectors["gum_h2"]
    sets = impedance(np.array([data["V"], np.array(data["I_mA"]) / 1000.0, data["phi"]]))
    mean, covariance, _ = type_a(sets)
    for k, name in enumerate("RXZ"):
        assert [round(float(mean[k]), 3), round(math.sqrt(covariance[k, k]), 3)] == data[name]


def test_gum_h3_thermometer_calibration(vectors: dict[str, Any]) -> None:
    data = vectors["gum_h3"]
    fit = straight_line(data["t"], data["b"], data["t0"])
    assert [round(fit.intercept, 4), round(math.sqrt(fit.covariance[0, 0]), 4)] == data["y1"]
    assert [round(fit.slope, 5), round(math.sqrt(fit.covariance[1, 1]), 5)] == data["y2"]
    assert round(fit.correlation, 3) == data["r"]
    assert round(fit.s, 4) == data["s"]
    assert fit.degrees_of_freedom == 9
    b30, u30 = fit.predict(30.0)
    assert [round(float(b30), 4), round(float(u30), 4)] == data["b30"]
    # the same through the law of propagation with the correlated coefficients
    value, variance = first_order(lambda y: y[0] + y[1] * 10.0, [fit.intercept, fit.slope], fit.covariance)
    assert value == pytest.approx(float(b30), rel=1e-12)
    assert math.sqrt(variance) == pytest.approx(float(u30), rel=1e-9)


def test_against_the_uncertainties_package(rng: np.random.Generator) -> None:
    uncertainties = pytest.importorskip("uncertainties")
    umath = pytest.importorskip("uncertainties.umath")
    root = rng.normal(size=(4, 4)) * 0.01
    cov = root @ root.T
    x = np.array([2.0, 0.7, 1.5, 3.0])

    def f(v: Any) -> Any:
        return np.array([v[0] * np.exp(-v[1]) / v[2], v[3] ** 1.5 * v[0]])

    value, ours = first_order(f, x, cov)
    a, b, c, d = uncertainties.correlated_values(x, cov)
    theirs = [a * umath.exp(-b) / c, d**1.5 * a]
    np.testing.assert_allclose(value, [t.nominal_value for t in theirs], rtol=1e-14)
    np.testing.assert_allclose(ours, uncertainties.covariance_matrix(theirs), rtol=1e-8)


def test_derivatives_are_accurate_over_decades() -> None:
    x = np.array([1e-9, 1e5, 300.0])

    def f(v: Any) -> Any:
        return np.array([np.log(v[0]) * v[2], np.sqrt(v[1]) / v[2], v[0] * v[1] * v[2]])

    exact = np.array(
        [
            [x[2] / x[0], 0.0, math.log(x[0])],
            [0.0, 0.5 / math.sqrt(x[1]) / x[2], -math.sqrt(x[1]) / x[2] ** 2],
            [x[1] * x[2], x[0] * x[2], x[0] * x[1]],
        ]
    )
    np.testing.assert_allclose(jacobian(f, x), exact, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(jacobian(f, x, method="complex"), exact, rtol=1e-14)


def test_derivative_at_zero_uses_the_uncertainty_as_scale() -> None:
    assert jacobian(lambda v: np.sin(v[0]), [0.0], [1e-6])[0, 0] == pytest.approx(1.0, rel=1e-9)
    assert jacobian(lambda v: np.cos(v[0]) + v[0], [0.0])[0, 0] == pytest.approx(1.0, rel=1e-9)


def test_given_derivatives_and_scalar_input() -> None:
    value, variance = first_order(lambda v: 3.0 * v[0], 2.0, 0.1, derivatives=[[3.0]])
    assert (value, variance) == (6.0, pytest.approx(0.09))
    _, cov = first_order(lambda v: v * 2.0, [1.0, 2.0], [0.1, 0.2], derivatives=lambda v: 2.0 * np.eye(2))
    np.testing.assert_allclose(cov, np.diag([0.04, 0.16]))


def test_fully_correlated_inputs_add_linearly() -> None:
    cov = covariance_matrix([0.3, 0.4], np.ones((2, 2)))
    assert math.sqrt(first_order(lambda v: v[0] + v[1], [1.0, 1.0], cov)[1]) == pytest.approx(0.7)
    assert first_order(lambda v: v[0] * 4.0 - v[1] * 3.0, [1.0, 1.0], cov)[1] == pytest.approx(0.0, abs=1e-15)


def test_fixed_inputs_need_no_derivative() -> None:
    # |x| has no derivative at 0, but nothing is uncertain there
    _, variance = first_order(lambda v: math.sqrt(v[0]) if v[0] >= 0 else math.nan, [4.0], [0.1])
    assert variance == pytest.approx((0.1 / 4.0) ** 2, rel=1e-9)
    _, variance = first_order(lambda v: (math.nan if v[1] else 1.0) * v[0], [4.0, 0.0], [0.1, 0.0])
    assert variance == pytest.approx(0.01, rel=1e-9)


@pytest.mark.parametrize(
    ("cov", "message"),
    [
        (np.eye(3), "does not fit"),
        ([[1.0, 0.5], [0.1, 1.0]], "symmetric"),
        ([[1.0, 2.0], [2.0, 1.0]], "negative eigenvalue"),
        ([[math.nan, 0.0], [0.0, 1.0]], "finite"),
    ],
)
def test_impossible_covariances_are_refused(cov: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        first_order(lambda v: v[0] + v[1], [1.0, 1.0], cov)


def test_other_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="no finite derivative by input flow"):
        first_order(lambda v: math.nan * v[0], [1.0], [0.1], names=("flow",))
    with pytest.raises(InputError, match="derivatives do not fit"):
        first_order(lambda v: v[0], [1.0, 2.0], [0.1, 0.1], derivatives=[[1.0]])
    with pytest.raises(InputError, match="differentiation"):
        jacobian(lambda v: v[0], [1.0], method="guess")
    with pytest.raises(InputError, match="correlation"):
        covariance_matrix([1.0, 1.0], [[2.0, 0.0], [0.0, 1.0]])
    with pytest.raises(InputError, match="two complete"):
        type_a([1.0])
    with pytest.raises(InputError, match="three points"):
        straight_line([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])


def test_type_a_of_autocorrelated_observations_covers_the_scatter_of_means(rng: np.random.Generator) -> None:
    phi, n = 0.8, 400
    noise = rng.normal(size=(2000, n + 200)) * math.sqrt(1.0 - phi**2)
    x = np.zeros_like(noise)
    for t in range(1, noise.shape[1]):
        x[:, t] = phi * x[:, t - 1] + noise[:, t]
    x = x[:, 200:]
    scatter = x.mean(axis=1).var()
    tau = -1.0 / math.log(phi)
    stated = np.mean([type_a(row, correlation_time=tau)[1][0, 0] for row in x])
    assert stated == pytest.approx(scatter, rel=0.1)
    naive = np.mean([type_a(row)[1][0, 0] for row in x])
    assert naive < 0.2 * scatter


@given(
    st.lists(st.floats(0.1, 10.0), min_size=2, max_size=5),
    st.lists(st.floats(0.001, 0.05), min_size=5, max_size=5),
)
def test_product_adds_relative_uncertainties_in_quadrature(x: list[float], relative: list[float]) -> None:
    at = np.array(x)
    u = at * np.array(relative[: at.size])
    value, variance = first_order(np.prod, at, u)
    assert math.sqrt(variance) / value == pytest.approx(math.sqrt(np.sum(np.array(relative[: at.size]) ** 2)), rel=1e-7)
