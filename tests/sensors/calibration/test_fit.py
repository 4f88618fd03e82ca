"""Response curves: NOAA's nine cylinders, York's line, limits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.core.york import york
from sensors.calibration.fit import fit_response


def test_noaa_nine_cylinders(shared_data: Path) -> None:
    """noaa-gml/ccg_dataProcessing, test_example_odr.py: straight line to 8 digits, and the quadratic."""
    v = json.loads((shared_data / "sensors/gold/noaa_odr_example.json").read_text())
    line = fit_response(v["x"], v["y"], v["xsd"], v["ysd"], 1)
    want = v["fits"]["1"]
    assert line.coefficients == pytest.approx(want["beta"], rel=1e-8)
    assert line.residual_variance == pytest.approx(want["res_var"], rel=1e-8)
    sd = np.sqrt(np.diag(line.covariance) * line.residual_variance)
    assert sd == pytest.approx(want["sd"], rel=1e-4)
    curve, want = fit_response(v["x"], v["y"], v["xsd"], v["ysd"], 2), v["fits"]["2"]
    # ODRPACK stopped where the sum of squares had settled to 1.5e-8: ours is lower, and within 0.001 sd of it
    assert curve.residual_variance <= want["res_var"]
    assert curve.residual_variance == pytest.approx(want["res_var"], rel=1e-7)
    assert (np.abs(curve.coefficients - want["beta"]) < 1e-3 * np.array(want["sd"])).all()


def test_the_line_is_yorks(rng: np.random.Generator) -> None:
    for _ in range(20):
        x = np.sort(rng.uniform(350, 500, 5))
        ux, uy = rng.uniform(0.01, 0.1, 5), rng.uniform(0.01, 0.1, 5)
        y = 1.002 * x - 0.4 + rng.normal(0, 0.05, 5)
        one, two = fit_response(x, y, ux, uy), york(x, y, ux, uy)
        assert one.coefficients == pytest.approx([two.intercept, two.slope], rel=1e-9)
        assert one.chi2 == pytest.approx(two.chi2, rel=1e-6)


def test_exact_points_give_the_exact_curve() -> None:
    x = np.array([360.0, 400.0, 440.0, 520.0])
    y = 2.0 + 0.99 * x + 2e-5 * x**2
    curve = fit_response(x, y, 0.02, 0.02, 2)
    assert curve.coefficients == pytest.approx([2.0, 0.99, 2e-5], rel=1e-6)
    assert curve.chi2 == pytest.approx(0.0, abs=1e-12)


def test_too_few_cylinders() -> None:
    with pytest.raises(InputError, match="degree 1 needs more cylinders"):
        fit_response([400.0, 400.0], [400.1, 400.1], 0.1, 0.1)
    with pytest.raises(InputError, match="positive"):
        fit_response([400.0, 410.0], [400.1, 410.0], 0.0, 0.0)
