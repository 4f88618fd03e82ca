"""The curve fit against NOAA's own programme and NOAA's published monthly values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensors.analysis.curvefit import CurveFit, curve_fit, harmonic_design
from sensors.analysis.season import deseasonalise, growth_by_period, growth_by_year
from sensors.analysis.series import from_decimal_years


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "sensors"


@pytest.fixture(scope="module")
def flasks(folder: Path) -> Any:
    return np.loadtxt(folder / "mauna_loa" / "noaa_mlo.dat").T


@pytest.fixture(scope="module")
def answer(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "gold" / "ccgcrv_mlo_dat_params.json").read_text())


@pytest.fixture(scope="module")
def curves(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "gold" / "ccgcrv_mlo_dat.csv")


@pytest.fixture(scope="module")
def ours(flasks: Any) -> CurveFit:
    return curve_fit(*flasks, step=7)


@pytest.fixture(scope="module")
def same_function(flasks: Any, answer: dict[str, Any]) -> CurveFit:
    """The filters on the function of NOAA's programme."""
    return curve_fit(*flasks, step=7, coefficients=answer["params"])


def test_the_function_is_noaas_and_a_better_minimum(flasks: Any, answer: dict[str, Any], ours: CurveFit) -> None:
    """NOAA's programme minimises by MINPACK with numerical derivatives and stops 1e-6 before the minimum."""
    x, y = flasks
    theirs = np.array(answer["params"])
    assert ours.zero == answer["timezero"]
    np.testing.assert_allclose(ours.coefficients, theirs, rtol=0, atol=2e-6)
    np.testing.assert_allclose(ours.coefficients[0], theirs[0], rtol=1e-8)
    np.testing.assert_allclose(ours.sd_function, answer["rsd1"], rtol=1e-8)
    np.testing.assert_allclose(ours.sd_smooth, answer["rsd2"], rtol=1e-8)
    design = harmonic_design(x - 1969.0, 3, 4)
    squares = [float(np.sum((y - design @ c) ** 2)) for c in (ours.coefficients, theirs)]
    assert squares[0] < squares[1]
    gradient = design.T @ (y - design @ ours.coefficients)
    their_gradient = design.T @ (y - design @ theirs)
    assert np.abs(gradient).max() < 1e-3 * np.abs(their_gradient).max()


def test_curves_are_noaas_on_noaas_function(same_function: CurveFit, curves: pd.DataFrame) -> None:
    fit = same_function
    np.testing.assert_allclose(fit.years, curves["decimal_year"], rtol=0, atol=1e-9)
    for mine, theirs in (("smooth", "smooth"), ("trend", "trend"), ("growth", "growth_rate")):
        np.testing.assert_allclose(getattr(fit, mine), curves[theirs], rtol=0, atol=1e-9, err_msg=mine)
    np.testing.assert_allclose(fit.function(fit.years), curves["function"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(fit.poly(fit.years), curves["poly"], rtol=0, atol=1e-9)


def test_curves_of_our_own_minimum_differ_by_the_distance_of_the_minima(ours: CurveFit, curves: pd.DataFrame) -> None:
    np.testing.assert_allclose(ours.smooth, curves["smooth"], rtol=0, atol=4e-6)
    np.testing.assert_allclose(ours.trend, curves["trend"], rtol=0, atol=2e-6)
    np.testing.assert_allclose(ours.growth, curves["growth_rate"], rtol=0, atol=2e-6)


def test_by_the_same_minimiser_parameters_and_curves_are_noaas(
    flasks: Any, answer: dict[str, Any], curves: pd.DataFrame
) -> None:
    """From the flasks alone: parameters to 8 digits, curves to 1e-6 ppm."""
    fit = curve_fit(*flasks, step=7, minimiser="ccgcrv")
    np.testing.assert_allclose(fit.coefficients, answer["params"], rtol=1e-8, atol=0)
    np.testing.assert_allclose(fit.sd_function, answer["rsd1"], rtol=1e-10)
    np.testing.assert_allclose(fit.sd_smooth, answer["rsd2"], rtol=1e-10)
    for mine, theirs in (("smooth", "smooth"), ("trend", "trend"), ("growth", "growth_rate")):
        np.testing.assert_allclose(getattr(fit, mine), curves[theirs], rtol=0, atol=1e-6, err_msg=mine)


def test_amplitudes_and_monthly_means_are_noaas(folder: Path, same_function: CurveFit) -> None:
    theirs = np.loadtxt(folder / "gold" / "ccgcrv_mlo_amplitudes.csv", delimiter=",", skiprows=1)
    years = growth_by_year(same_function, "umol mol-1")
    chosen = theirs[np.isin(theirs[:, 0], years["year"].values)]
    assert len(chosen) == years.sizes["year"] == 45
    columns = ("season_amplitude", "date_of_maximum", "season_maximum", "date_of_minimum", "season_minimum")
    for k, name in enumerate(columns, 1):
        np.testing.assert_allclose(years[name], chosen[:, k], rtol=0, atol=1e-8, err_msg=name)
    months = np.loadtxt(folder / "gold" / "ccgcrv_mlo_monthly.csv", delimiter=",", skiprows=1)
    stamps = from_decimal_years(same_function.years).astype("datetime64[M]")
    means = pd.Series(same_function.smooth).groupby(stamps).agg(["mean", "std", "count"]).fillna(0.0).to_numpy()
    np.testing.assert_allclose(means, months[:, 2:5], rtol=0, atol=1e-8)


@pytest.fixture(scope="module")
def monthly(folder: Path) -> Any:
    table = pd.read_csv(folder / "mauna_loa" / "co2_mm_mlo.csv")
    return table[table["average"] > 0]


@pytest.mark.parametrize(("window", "most"), [(None, 0.15), (7.0, 0.09)])
def test_deseasonalised_monthly_means_are_noaas(monthly: Any, window: float | None, most: float) -> None:
    x = monthly["decimal date"].to_numpy()
    ours, _ = deseasonalise(x, monthly["average"], window=window)
    difference = ours - monthly["deseasonalized"].to_numpy()
    assert difference.std() < most
    slope, error = np.polyfit(x - x.mean(), difference, 1, cov=True)
    assert abs(slope[0]) < 2 * np.sqrt(error[0, 0])
    assert abs(slope[0]) * 10 < 0.001  # ppm per decade


def test_decadal_growth_is_that_of_the_published_deseasonalised_record(monthly: Any) -> None:
    x = monthly["decimal date"].to_numpy()
    fit = curve_fit(x, monthly["average"], step=30)
    starts = np.arange(1960.0, 2020.0, 10.0)
    growth, u = growth_by_period(fit, starts, starts + 10.0)
    record: Any = pd.Series(monthly["deseasonalized"].to_numpy())
    smooth = record.rolling(13, center=True, min_periods=1).mean().to_numpy()
    published = (np.interp(starts + 10, x, smooth) - np.interp(starts, x, smooth)) / 10
    np.testing.assert_allclose(growth, published, rtol=0, atol=0.02)
    assert (u < 0.05).all()
