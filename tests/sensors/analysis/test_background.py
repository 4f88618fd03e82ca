"""REBS, spikes, baseline and the four tests on simulated records with known truth, and with bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason
from sensors.analysis._kernels.local import local_linear
from sensors.analysis.baseline import baseline
from sensors.analysis.quality import Limits, check_series, four_tests
from sensors.analysis.rebs import rebs
from sensors.analysis.spikes import flag_spikes, rebs_spikes, sd_spikes, spikes

HOUR = np.timedelta64(1, "h")


@pytest.mark.kernel
def test_local_fit_is_the_weighted_regression(rng: np.random.Generator) -> None:
    x, y, w = np.sort(rng.random(30)), rng.standard_normal(30), rng.random(30) + 0.1
    fitted = np.empty(30)
    local_linear(x, y, w, 9, 0.0, fitted)
    for i in (0, 11, 29):
        near = np.argsort(np.abs(x - x[i]))[:9]
        width = np.abs(x[near] - x[i]).max()
        d = np.abs(x - x[i]) / width
        k = np.where(d <= 0.999, (1 - np.where(d <= 0.001, 0, d) ** 3) ** 3, 0.0) * w
        design = np.stack([np.ones(30), x - x[i]], axis=1)
        answer = np.linalg.solve(design.T @ (k[:, None] * design), design.T @ (k * y))[0]
        np.testing.assert_allclose(fitted[i], answer, rtol=1e-9)


@pytest.mark.kernel
def test_a_straight_line_is_its_own_fit_also_between_the_places_fitted() -> None:
    x = np.linspace(0, 1, 50)
    fitted = np.empty(50)
    local_linear(x, 3 - 2 * x, np.ones(50), 10, 0.1, fitted)
    np.testing.assert_allclose(fitted, 3 - 2 * x, atol=1e-12)


def test_rebs_finds_the_background_under_pollution(rng: np.random.Generator) -> None:
    days = np.arange(0, 365, 1 / 24)
    truth = 410 + 5 * np.cos(2 * np.pi * days / 365)
    noise = rng.normal(0, 0.4, days.size)
    polluted = (rng.random(days.size) < 0.3) * rng.gamma(2.0, 4.0, days.size)
    y = truth + noise + polluted
    y[100:200] = np.nan
    fit = rebs(days, y, width=60.0)
    assert np.nanmean(np.abs(fit.baseline - truth)) < 0.25
    assert fit.noise == pytest.approx(0.4, rel=0.3)
    assert np.isnan(fit.baseline[100:200]).all()
    assert (fit.above(y)[polluted > 5]).mean() > 0.98


def minutes(rng: np.random.Generator, days: int = 6) -> tuple[Any, Any, Any]:
    """Minutes of CO2 with a diurnal cycle, red noise, and spikes of 3 to 30 ppm that last 2 to 12 minutes."""
    n = days * 1440
    red = np.zeros(n)
    steps = rng.normal(0, 0.03, n)
    for i in range(1, n):
        red[i] = 0.995 * red[i - 1] + steps[i]
    y = 412 + 3 * np.cos(2 * np.pi * np.arange(n) / 1440) + red + rng.normal(0, 0.05, n)
    truth = np.zeros(n, bool)
    for start in rng.choice(np.arange(60, n - 60, 40), 12 * days, replace=False):
        length = int(rng.integers(2, 13))
        y[start : start + length] += rng.uniform(3, 30)
        truth[start : start + length] = True
    return np.arange(n) * 60.0, y, truth


def score(marked: Any, truth: Any) -> tuple[float, float]:
    hit = float((marked & truth).sum())
    return hit / max(float(marked.sum()), 1.0), hit / float(truth.sum())


def test_spikes_are_found_at_the_stated_rates(rng: np.random.Generator) -> None:
    """Stated in docs/analysis.md: REBS precision and recall above 0.97; the sd method is less precise."""
    t, y, truth = minutes(rng)
    precision, recall = score(rebs_spikes(t, y), truth)
    assert precision > 0.97
    assert recall > 0.97
    precision, recall = score(sd_spikes(t, y), truth)
    assert recall > 0.95
    assert precision > 0.5


def test_a_new_level_is_no_spike() -> None:
    y = np.where(np.arange(2880) < 1440, 410.0, 420.0) + np.tile([0.0, 0.05, -0.05, 0.02], 720)
    marked = sd_spikes(np.arange(2880) * 60.0, y, alpha=10.0, longest=3600.0)
    assert marked[1440:1499].all()
    assert not marked[1501:].any()


def test_spikes_are_flagged_and_kept(rng: np.random.Generator) -> None:
    t, y, truth = minutes(rng, 2)
    time = np.datetime64("2024-05-01", "ns") + (t * 1e9).astype("timedelta64[ns]")
    ds = xr.Dataset({"co2": (("time",), y, {"units": "umol mol-1"})}, {"time": time})
    marked = spikes(ds, "co2")
    found = flag_spikes(ds, "co2", marked)
    assert found["co2"].identical(ds["co2"].assign_coords(found["co2"].coords))
    assert (found["co2_flag"].values[marked] == Flag.SUSPECT).all()
    assert (found["co2_reason"].values[marked] & Reason.SPIKE != 0).all()
    assert (found["co2_flag"].values[~marked] == Flag.GOOD).all()
    assert score(marked, truth)[1] > 0.9


def hourly(rng: np.random.Generator) -> xr.Dataset:
    days = np.arange(0, 800, 1 / 12)
    background = 405 + 2.4 * days / 365 + 4 * np.cos(2 * np.pi * days / 365.25)
    night = (np.arange(days.size) % 12 < 4) | (np.arange(days.size) % 12 > 9)
    y = background + rng.normal(0, 0.3, days.size) + night * rng.gamma(2, 3, days.size)
    time = np.datetime64("2022-01-01", "ns") + (days * 24 * 3600).astype("timedelta64[s]")
    wind = np.where(night, 1.0, 5.0)
    return xr.Dataset({"co2": (("time",), y, {"units": "umol mol-1"}), "truth": (("time",), background),
                       "wind_speed": (("time",), wind, {"units": "m s-1"})}, {"time": time})  # fmt: skip


@pytest.mark.parametrize(("method", "most"), [("rebs", 0.3), ("percentile", 1.0), ("afternoon", 0.25)])
def test_baselines_recover_the_background(rng: np.random.Generator, method: str, most: float) -> None:
    ds = hourly(rng)
    found = baseline(ds, "co2", method=method)
    assert float(np.abs(found["baseline"] - ds["truth"]).mean()) < most
    np.testing.assert_allclose(found["excess"], ds["co2"] - found["baseline"])
    if method == "afternoon":
        assert int(found["is_baseline"].where(ds["time"].dt.hour < 12, 0).sum()) == 0
        with_wind = baseline(ds, "co2", method=method, hours=(0, 24), wind="wind_speed", least_wind=2.0)
        assert int(with_wind["is_baseline"].where(ds["wind_speed"] < 2.0, 0).sum()) == 0


def test_curve_baseline_leaves_outliers_out(rng: np.random.Generator) -> None:
    years = np.sort(rng.uniform(2000, 2006, 900))
    truth = 370 + 2 * (years - 2000) + 3 * np.sin(2 * np.pi * years)
    y = truth + rng.normal(0, 0.3, 900)
    bad = rng.random(900) < 0.1
    y[bad] += 6
    from sensors.analysis.series import from_decimal_years

    ds = xr.Dataset({"co2": (("time",), y, {"units": "umol mol-1"})}, {"time": from_decimal_years(years)})
    found = baseline(ds, method="curve")
    assert (found["is_baseline"].values[bad] == 0).all()
    assert (found["is_baseline"].values[~bad] == 1).mean() > 0.97
    assert float(np.abs(found["baseline"] - truth).mean()) < 0.15


def test_four_tests_find_what_was_put_in(rng: np.random.Generator) -> None:
    y = 410 + rng.normal(0, 0.05, 200_000)
    y[10], y[20], y[100] = 5000, np.nan, 411.5
    y[70_000:70_040] = y[70_000]
    y[65_530:65_545] = y[65_530]  # across the border of two blocks
    y[150_000:] += 3.0
    limits = Limits((0, 1000), (350, 600), spike=0.7, spike_bad=100.0, rate=2.0, flat=10, flat_bad=20)
    flag, reason = four_tests(y, limits)
    assert (flag[10], flag[20], flag[100]) == (Flag.BAD, Flag.MISSING, Flag.SUSPECT)
    assert reason[10] & Reason.ABOVE_RANGE
    assert reason[20] == Reason.MISSING
    assert reason[100] & Reason.SPIKE
    assert reason[150_000] & Reason.STEP
    flat = reason & int(Reason.FLAT_LINE) != 0
    np.testing.assert_array_equal(np.flatnonzero(flat), [*range(65_539, 65_545), *range(70_009, 70_040)])
    assert (flag[70_019:70_040] == Flag.BAD).all()
    assert ((flag == Flag.GOOD).sum()) > 199_900


@pytest.mark.kernel
def test_four_tests_on_records_without_values() -> None:
    for y in (np.empty(0), np.full(3, np.nan), np.array([np.inf])):
        with np.errstate(invalid="ignore"):  # plain Python warns of inf - inf, the compiled kernel does not
            flag, _ = four_tests(y, Limits())
        assert (flag == Flag.MISSING).all()


def test_four_tests_merge_with_earlier_flags(rng: np.random.Generator) -> None:
    ds = hourly(rng).isel(time=slice(0, 50))
    first = check_series(ds, "co2", Limits(possible=(0, 1000)))
    second = check_series(first.assign(co2=ds["co2"] + 2000), "co2", Limits(possible=(0, 1000)))
    assert (second["co2_flag"] == Flag.BAD).all()
    assert second["co2_reason"].attrs["flag_meanings"] == first["co2_reason"].attrs["flag_meanings"]


def test_bad_input() -> None:
    x = np.arange(50.0)
    with pytest.raises(InputError, match="too few values for a baseline"):
        rebs(x[:5], x[:5], span=0.5)
    with pytest.raises(InputError, match="not in order"):
        rebs(x[::-1], x, span=0.5)
    with pytest.raises(InputError, match="one width"):
        rebs(x, x, span=0.5, width=3)
    with pytest.raises(InputError, match="no scatter"):
        rebs(x, np.full(50, 400.0), span=0.5)
    with pytest.raises(InputError, match="not in order"):
        sd_spikes(x[::-1], x)
    with pytest.raises(InputError, match="upside down"):
        four_tests(x, Limits(possible=(5, 1)))
    with pytest.raises(InputError, match="below that of suspect"):
        four_tests(x, Limits(flat=20, flat_bad=10))
    with pytest.raises(InputError, match="not in order"):
        four_tests(x, Limits(), seconds=x[::-1])
