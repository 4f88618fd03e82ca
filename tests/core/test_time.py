"""Calendar periods, local stamps, resampling with uncertainty, autocorrelation, bootstrap."""

from __future__ import annotations

import datetime as dt
import math
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from ghg.core import _kernels
from ghg.core._resample import remaining_correlation_time
from ghg.core.errors import InputError
from ghg.core.time import (
    ar1_inflation,
    autocorrelation_time,
    block_length,
    efolding_time,
    local_date,
    localise,
    period_bounds,
    resample,
    seconds,
    stationary_bootstrap_indices,
    zone,
)
from ghg.core.uncertainty import dataset_total

HOUR = np.timedelta64(3600, "s")


def utc(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[ns]")


# ---------------------------------------------------------------- calendar


def test_months_are_calendar_exact() -> None:
    lengths = seconds(period_bounds("2024-01-01", "2025-01-01", "month")) / 86400
    assert lengths.tolist() == [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert seconds(period_bounds("2023-01-01", "2025-01-01", "year")).tolist() == [365 * 86400, 366 * 86400]
    quarters = seconds(period_bounds("2024-01-01", "2025-01-01", "quarter")) / 86400
    assert quarters.tolist() == [91, 91, 92, 92]


def test_periods_in_local_time() -> None:
    bounds = period_bounds("2024-03-01", "2024-04-01", "month", "America/New_York")
    assert bounds.tolist() == utc("2024-03-01T05", "2024-04-01T04").reshape(1, 2).tolist()
    assert seconds(bounds)[0] == (31 * 24 - 1) * 3600
    assert period_bounds("2024-01-01", "2024-01-02", "day", "Asia/Shanghai")[0, 0] == utc("2023-12-31T16")[0]
    assert period_bounds("2024-01-01", "2024-01-02", "day", "UTC-07:00")[0, 0] == utc("2024-01-01T07")[0]
    assert period_bounds("2024-01-01", "2024-01-02", "day", "Asia/Kolkata")[0, 0] == utc("2023-12-31T18:30")[0]


@pytest.mark.parametrize(("day", "hours"), [("2024-03-10", 23), ("2024-11-03", 25), ("2024-06-01", 24)])
def test_days_at_the_change_of_the_clock(day: str, hours: int) -> None:
    after = str(np.datetime64(day) + 1)
    assert seconds(period_bounds(day, after, "day", "America/New_York")).tolist() == [hours * 3600]
    assert period_bounds(day, after, "hour", "America/New_York").shape == (hours, 2)


def test_midnight_that_does_not_exist_or_exists_twice() -> None:
    # Sao Paulo set the clock forward at midnight of 2018-11-04; Havana sets it back at 01:00 to 00:00
    assert period_bounds("2018-11-04", "2018-11-05", "day", "America/Sao_Paulo")[0, 0] == utc("2018-11-04T03")[0]
    havana = period_bounds("2024-11-03", "2024-11-04", "day", "America/Havana")
    assert seconds(havana)[0] == 25 * 3600


def test_ends_are_rounded_outwards_and_kinds_of_date_agree() -> None:
    expected = period_bounds("2024-01-01", "2024-03-01", "month").tolist()
    assert period_bounds("2024-01-15T12:00", dt.datetime(2024, 2, 1, 0, 0, 1), "month").tolist() == expected
    assert period_bounds(dt.date(2024, 1, 31), np.datetime64("2024-02-29T23:59"), "month").tolist() == expected
    aware = dt.datetime(2023, 12, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-1)))
    assert period_bounds(aware, "2024-03-01", "month").tolist() == expected
    local = period_bounds(np.datetime64("2024-01-01T05"), np.datetime64("2024-02-01T05"), "month", "America/New_York")
    assert local.shape == (1, 2)
    weeks = period_bounds("2024-01-03", "2024-01-09", "week")
    assert weeks[0, 0] == utc("2024-01-01")[0] and weeks.shape == (2, 2)
    assert period_bounds("2024-01-01T00:30", "2024-01-01T01:30", "hour").shape == (2, 2)


@settings(max_examples=60)
@given(
    st.dates(dt.date(1990, 1, 1), dt.date(2035, 1, 1)),
    st.integers(1, 900),
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Shanghai", "UTC+05:45"]),
)
def test_periods_join_and_cover(start: dt.date, days: int, by: str, name: str) -> None:
    end = start + dt.timedelta(days=days)
    bounds = period_bounds(start, end, by, name)
    assert (bounds[1:, 0] == bounds[:-1, 1]).all()
    assert (bounds[:, 1] > bounds[:, 0]).all()
    tz = zone(name)

    def instant(day: dt.date) -> np.datetime64:
        local = dt.datetime(day.year, day.month, day.day, tzinfo=tz)
        return np.datetime64(local.astimezone(dt.UTC).replace(tzinfo=None))

    assert bounds[0, 0] <= instant(start) and bounds[-1, 1] >= instant(end)
    assert bounds[0, 1] > instant(start) and bounds[-1, 0] < instant(end)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2024-02-01", "2024-01-01"), "not after the start"),
        (("2024-13-01", "2024-01-01"), "not a date"),
        ((20240101, "2024-01-01"), "not a date"),
        (("2024-01-01", np.datetime64("NaT")), "start and an end"),
        (("2024-01-01", "2024-02-01", "fortnight"), "unknown period"),
        (("2024-01-01", "2024-02-01", "day", "Mars/Olympus"), "unknown time zone"),
        (("2024-01-01", "2024-02-01", "day", ""), "unknown time zone"),
    ],
)
def test_bad_periods_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        period_bounds(*arguments)


# ---------------------------------------------------------------- local stamps


def test_local_stamps_with_the_double_hour_in_order() -> None:
    local = utc("2024-11-03T00:00", "2024-11-03T01:00", "2024-11-03T01:00", "2024-11-03T02:00")
    start = localise(local, "America/New_York")
    assert (np.diff(start) == HOUR).all()
    assert start[0] == utc("2024-11-03T04")[0]
    five = [f"2024-11-03T01:{m:02d}" for m in range(0, 60, 5)]
    start = localise(utc("2024-11-03T00:55", *five, *five, "2024-11-03T02:00"), "America/New_York")
    assert (np.diff(start) == np.timedelta64(300, "s")).all()


def test_end_labels_and_fixed_offsets() -> None:
    local = utc("2024-11-03T01:00", "2024-11-03T01:00", "2024-11-03T02:00")
    start = localise(local, "America/New_York", "end", interval=3600.0)
    assert start.tolist() == utc("2024-11-03T04", "2024-11-03T05", "2024-11-03T06").tolist()
    standard = localise(utc("2024-03-10T02:30"), "UTC-05:00")
    assert standard[0] == utc("2024-03-10T07:30")[0]
    assert np.isnat(localise(utc("NaT", "2024-01-01"), "Asia/Shanghai")).tolist() == [True, False]
    assert localise(utc(), "Asia/Shanghai").size == 0


def test_two_years_of_double_hours_are_told_apart() -> None:
    nights = [f"{d}T0{h}:00" for d in ("2023-11-05", "2024-11-03") for h in (0, 1, 1, 2)]
    start = localise(utc(*nights), "America/New_York")
    assert (np.diff(start)[[0, 1, 2, 4, 5, 6]] == HOUR).all()


def test_undecidable_and_skipped_stamps_are_refused() -> None:
    with pytest.raises(InputError, match=r"raw.csv: a local hour exists twice.*2024-11-03T01:00:00") as caught:
        localise(
            utc("2024-11-03T00:00", "2024-11-03T01:00", "2024-11-03T02:00"),
            "America/New_York",
            where="raw.csv",
        )
    assert "fixed offset" in str(caught.value)
    with pytest.raises(InputError, match=r"does not exist.*2024-03-10 02:30:00"):
        localise(utc("2024-03-10T01:30", "2024-03-10T02:30"), "America/New_York")
    with pytest.raises(InputError, match="length of the interval"):
        localise(utc("2024-01-01"), "UTC", "end")
    with pytest.raises(InputError, match="length of the interval"):
        localise(utc("2024-01-01"), "UTC", "middle")


# ---------------------------------------------------------------- resampling


def record(n: int = 24 * 59, seed: int = 0, start: str = "2024-01-01", sources: int = 2) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    time = np.datetime64(start, "ns") + np.arange(n) * HOUR.astype("timedelta64[ns]")
    e = 20.0 + rng.random((sources, n)) * 10.0
    dims = ("source", "time")
    return xr.Dataset(
        {
            "emission": (dims, e, {"units": "kg s-1", "species": "CO2"}),
            "emission_u_random": (dims, 0.05 * e, {"units": "kg s-1"}),
            "emission_u_systematic": (
                dims,
                e * 0.05,
                {"units": "kg s-1", "components": "flow concentration"},
            ),
            "emission_u_systematic_flow": (dims, e * 0.04),
            "emission_u_systematic_concentration": (dims, e * 0.03),
            "emission_flag": (dims, np.ones((sources, n), dtype=np.int8), {"flag_values": [1, 2, 3, 4, 9]}),
            "emission_reason": (dims, np.zeros((sources, n), dtype=np.int32)),
            "emission_method": (dims, np.ones((sources, n), dtype=np.int8)),
            "time_bounds": (("time", "bounds"), np.stack([time, time + HOUR], axis=1)),
        },
        coords={"time": time, "source": ["a", "b"][:sources]},
        attrs={"title": "made up"},
    )


def mass(ds: xr.Dataset, name: str = "emission") -> np.ndarray:
    return (np.nan_to_num(ds[name].values) * ds.get(f"{name}_coverage", xr.ones_like(ds[name])).values) @ seconds(
        ds["time_bounds"].values
    )


@pytest.mark.parametrize("by", ["hour", "day", "week", "month", "year"])
@pytest.mark.parametrize("timezone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_mass_is_conserved(by: str, timezone: str) -> None:
    ds = record()
    bounds = period_bounds(np.datetime64("2024-01-01"), np.datetime64("2024-02-29"), by, timezone)
    out = resample(ds, bounds, minimum_coverage=0.0)
    np.testing.assert_allclose(mass(out), mass(ds), rtol=1e-12)
    assert out["time_bounds"].values.tolist() == bounds.tolist()
    assert (out["time"].values == bounds[:, 0]).all()
    assert out.attrs == ds.attrs and out["emission"].attrs["species"] == "CO2"


def test_the_mean_of_a_month_by_hand() -> None:
    ds = record()
    out = resample(ds, period_bounds("2024-01-01", "2024-03-01"), minimum_coverage=0.75)
    january = ds.isel(time=slice(0, 744))
    e = january["emission"].values
    np.testing.assert_allclose(out["emission"].values[:, 0], e.mean(axis=1), rtol=1e-13)
    u = january["emission_u_random"].values
    np.testing.assert_allclose(out["emission_u_random"].values[:, 0], np.sqrt((u**2).sum(axis=1)) / 744, rtol=1e-13)
    np.testing.assert_allclose(out["emission_u_systematic_flow"].values[:, 0], 0.04 * e.mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(out["emission_u_systematic"].values[:, 0], 0.05 * e.mean(axis=1), rtol=1e-13)
    assert out["emission_coverage"].values[:, 0].tolist() == [1.0, 1.0]
    assert out["emission_coverage"].values[0, 1] == pytest.approx(28 / 29)
    assert (out["emission_flag"].values == 1).all()


def test_cutting_and_joining_again_gives_the_record_back() -> None:
    ds = record(48)
    fine_time = np.datetime64("2024-01-01", "ns") + np.arange(48 * 4) * np.timedelta64(900, "s").astype(
        "timedelta64[ns]"
    )
    fine = resample(ds, np.stack([fine_time, fine_time + np.timedelta64(900, "s")], axis=1))
    np.testing.assert_allclose(fine["emission"].values, np.repeat(ds["emission"].values, 4, axis=1), rtol=1e-15)
    np.testing.assert_allclose(
        fine["emission_u_random"].values, np.repeat(ds["emission_u_random"].values, 4, axis=1), rtol=1e-15
    )
    # quarters of an hour share their error, and the attribute says so
    assert fine["emission_u_random"].attrs["correlation_time"] > 0
    back = resample(fine, ds["time_bounds"].values)
    np.testing.assert_allclose(back["emission"].values, ds["emission"].values, rtol=1e-13)
    for d in (ds, fine):
        d["emission_u_random"].values[:] = 1.0
    a, b = dataset_total(ds, draws=0).u_random, dataset_total(fine, draws=0).u_random
    assert b == pytest.approx(a, rel=0.02)


def test_correlated_random_errors_inflate_by_the_closed_form() -> None:
    ds = record(744)
    ds["emission_u_random"].values[:] = 1.0
    tau = 6 * 3600.0
    ds["emission_u_random"].attrs["correlation_time"] = tau
    out = resample(ds, period_bounds("2024-01-01", "2024-02-01"))
    expected = math.sqrt(float(ar1_inflation(744, math.exp(-3600.0 / tau))) / 744)
    np.testing.assert_allclose(out["emission_u_random"].values, expected, rtol=1e-12)
    by_hand = resample(ds, period_bounds("2024-01-01", "2024-02-01"), correlation_time=0.0)
    np.testing.assert_allclose(by_hand["emission_u_random"].values, 1 / math.sqrt(744), rtol=1e-12)


@pytest.mark.parametrize("tau", [0.0, 1800.0, 7200.0, 36_000.0, 360_000.0])
@pytest.mark.parametrize("by", ["day", "week"])
def test_uncertainty_of_a_long_total_does_not_depend_on_the_steps_in_between(tau: float, by: str) -> None:
    ds = record(24 * 7 * 40, sources=1)
    ds["emission_u_random"].values[:] = 1.0
    if tau:
        ds["emission_u_random"].attrs["correlation_time"] = tau
    bounds = period_bounds("2024-01-01", "2024-10-07", by)
    out = resample(ds, bounds)
    ours, direct = dataset_total(out, draws=0), dataset_total(ds, draws=0)
    assert ours.value == pytest.approx(direct.value, rel=1e-12)
    assert ours.u_random == pytest.approx(direct.u_random, rel=0.02)
    assert ours.u_systematic["flow"] == pytest.approx(direct.u_systematic["flow"], rel=1e-12)


def test_bad_and_missing_values_are_left_out_and_seen() -> None:
    ds = record(24, sources=1)
    e = ds["emission"].values
    e[0, 3] = np.nan
    e[0, 4] = -1e9
    ds["emission_flag"].values[0, [3, 4, 5]] = [9, 4, 3]
    ds["emission_reason"].values[0, [3, 4, 7]] = [1, 4, 16]
    good = [i for i in range(24) if i not in (3, 4)]
    out = resample(ds, period_bounds("2024-01-01", "2024-01-02", "day"))
    assert out["emission"].values[0, 0] == pytest.approx(e[0, good].mean())
    assert out["emission_coverage"].values[0, 0] == pytest.approx(22 / 24)
    assert out["emission_flag"].values[0, 0] == 3
    assert out["emission_reason"].values[0, 0] == 21
    assert out["emission_flag"].dtype == np.int8 and out["emission_reason"].dtype == np.int32
    strict = resample(ds, period_bounds("2024-01-01", "2024-01-02", "day"), minimum_coverage=0.95)
    assert np.isnan(strict["emission"].values).all() and np.isnan(strict["emission_u_random"].values).all()
    assert strict["emission_flag"].values[0, 0] == 9
    assert strict["emission_reason"].values[0, 0] == 21


def test_unknown_uncertainty_is_not_taken_for_zero() -> None:
    ds = record(48, sources=1)
    ds["emission_u_random"].values[0, 5] = np.nan
    ds["emission_u_systematic_flow"].values[0, 6] = np.nan
    out = resample(ds, period_bounds("2024-01-01", "2024-01-03", "day"))
    for name in ("emission_u_random", "emission_u_systematic_flow", "emission_u_systematic"):
        assert np.isnan(out[name].values[0]).tolist() == [True, False], name
    assert np.isfinite(out["emission"].values).all()


def test_share_of_substituted_values_is_a_share_of_mass() -> None:
    ds = record(24, sources=1)
    ds["emission"].values[0] = 1.0
    ds["emission"].values[0, 20:] = 10.0
    ds["emission_method"].values[0, 20:] = 5
    out = resample(ds, period_bounds("2024-01-01", "2024-01-02", "day"))
    assert out["emission_substituted_share"].values[0, 0] == pytest.approx(40 / 60)
    assert out["emission_method"].values[0, 0] == 5
    ds["emission"].values[:] = 0.0
    idle = resample(ds, period_bounds("2024-01-01", "2024-01-02", "day"))
    assert idle["emission_substituted_share"].values[0, 0] == pytest.approx(4 / 24)
    assert idle["emission_method"].values[0, 0] == 1


def test_amounts_are_shared_out_and_summed() -> None:
    ds = record(48, sources=1).rename({"emission": "energy", "emission_u_random": "energy_u_random"})
    ds = ds[["energy", "energy_u_random", "time_bounds"]]
    bounds = period_bounds(np.datetime64("2023-12-31T12"), np.datetime64("2024-01-03T12"), "day", "Asia/Kolkata")
    out = resample(ds, bounds, name="energy", how="sum", minimum_coverage=0.0)
    assert np.nansum(out["energy"].values) == pytest.approx(ds["energy"].values.sum(), rel=1e-13)
    assert out["energy"].attrs["cell_methods"] == "time: sum"
    whole = resample(
        ds, period_bounds("2024-01-01", "2024-01-03", "week"), name="energy", how="sum", minimum_coverage=0
    )
    assert whole["energy_u_random"].values[0, 0] == pytest.approx(np.sqrt((ds["energy_u_random"].values ** 2).sum()))


def test_several_names_other_dims_and_no_partners() -> None:
    ds = record(48)
    ds["heat_input"] = ("time", np.arange(48.0))
    ds = ds.transpose("time", "source", "bounds").assign_coords(fuel=("source", ["coal", "gas"]))
    out = resample(ds, period_bounds("2024-01-01", "2024-01-03", "day"), name=["emission", "heat_input"])
    assert out["heat_input"].values.tolist() == [11.5, 35.5]
    assert out["emission"].dims == ("source", "time")
    assert "heat_input_flag" not in out and out["fuel"].values.tolist() == ["coal", "gas"]


def test_periods_without_any_record() -> None:
    out = resample(record(24), period_bounds("2023-12-30", "2024-01-03", "day"))
    assert np.isnan(out["emission"].values[0]).tolist() == [True, True, False, True]
    assert out["emission_flag"].values[0].tolist() == [9, 9, 1, 9]
    assert out["emission_coverage"].values[0].tolist() == [0, 0, 1, 0]
    assert np.isnan(out["emission_substituted_share"].values[0, 0])


def test_bad_records_are_refused() -> None:
    ds, day = record(24), period_bounds("2024-01-01", "2024-01-02", "day")
    with pytest.raises(InputError, match=r"source intervals overlap.*2024-01-01"):
        resample(xr.concat([ds, ds], "time"), day)
    with pytest.raises(InputError, match="target intervals overlap"):
        resample(ds, np.concatenate([day, day]))
    with pytest.raises(InputError, match="no variable 'flow'"):
        resample(ds, day, name="flow")
    with pytest.raises(InputError, match="time_bounds"):
        resample(ds.drop_vars("time_bounds"), day)
    with pytest.raises(InputError, match="mean or sum"):
        resample(ds, day, how="max")
    with pytest.raises(InputError, match="fraction"):
        resample(ds, day, minimum_coverage=75)
    with pytest.raises(InputError, match="must be times"):
        resample(ds, np.zeros((2, 2)))
    with pytest.raises(InputError, match="does not end after"):
        resample(ds, day[:, ::-1])
    with pytest.raises(InputError, match="missing time"):
        resample(ds, utc("2024-01-01", "NaT").reshape(1, 2))
    with pytest.raises(InputError, match="correlation time"):
        resample(ds, day, correlation_time=-1.0)


@settings(max_examples=80)
@given(st.data())
def test_any_two_sets_of_intervals_conserve(data: st.DataObject) -> None:
    def intervals(most: int) -> np.ndarray:
        steps = data.draw(st.lists(st.integers(1, 5000), min_size=2, max_size=most))
        edges = np.cumsum(steps)
        keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(steps) - 1, max_size=len(steps) - 1)))
        keep[0] = True
        seconds_ = np.stack([edges[:-1], edges[1:]], axis=1)[keep]
        return np.datetime64("2024-01-01", "ns") + seconds_ * np.timedelta64(1_000_000_000, "ns")

    source, target = intervals(20), intervals(20)
    rng = np.random.default_rng(len(source))
    x = rng.random(len(source))
    ds = xr.Dataset({"emission": ("time", x), "time_bounds": (("time", "bounds"), source)}, {"time": source[:, 0]})
    out = resample(ds, target, minimum_coverage=0.0)
    overlap = np.minimum(source[None, :, 1], target[:, None, 1]) - np.maximum(source[None, :, 0], target[:, None, 0])
    overlap = np.maximum(overlap / np.timedelta64(1, "s"), 0.0)
    expected = np.where(overlap.sum(axis=1) > 0, overlap @ x / np.maximum(overlap.sum(axis=1), 1e-300), np.nan)
    np.testing.assert_allclose(out["emission"].values, expected, rtol=1e-12)
    np.testing.assert_allclose(out["emission_coverage"].values, overlap.sum(axis=1) / seconds(target), rtol=1e-12)


# ---------------------------------------------------------------- kernels


@pytest.fixture(params=["jit", "python"])
def kernel(request: pytest.FixtureRequest):
    def find(name: str):
        compiled = getattr(_kernels, name)
        return compiled if request.param == "jit" else getattr(compiled, "py_func", compiled)

    return find


@pytest.mark.kernel
@pytest.mark.parametrize("n", [0, 1, 30])
def test_kernels_against_the_obvious(kernel, rng: np.random.Generator, n: int) -> None:
    edges = np.cumsum(rng.integers(1, 20, n + 1)) * 1_000_000_000
    s0, s1 = edges[:-1].copy(), edges[1:].copy()
    marks = np.sort(rng.choice(np.arange(0, 400), 9, replace=False)) * 1_000_000_000
    t0, t1 = marks[:-1].copy(), marks[1:].copy()
    first, last = np.zeros(8, dtype=np.int64), np.zeros(8, dtype=np.int64)
    kernel("overlap_ranges")(s0, s1, t0, t1, first, last)
    overlap = np.maximum(np.minimum(s1, t1[:, None]) - np.maximum(s0, t0[:, None]), 0) / 1e9
    for k in range(8):
        assert np.flatnonzero(overlap[k]).tolist() == list(range(first[k], last[k]))
    offsets = np.concatenate([[0], np.cumsum(last - first)])
    weights = np.empty(offsets[-1])
    kernel("overlap_weights")(s0, s1, t0, t1, first, last, 0, offsets, weights)
    np.testing.assert_allclose(weights, overlap[overlap > 0])

    x = rng.random((2, n)) + 0.5
    x[rng.random((2, n)) < 0.2] = np.nan
    valid = rng.random((2, n)) < 0.8
    used = valid & ~np.isnan(x)
    totals, norms, variances = np.zeros((2, 8)), np.zeros((2, 8)), np.zeros((2, 8))
    kernel("weighted_rows")(x, valid, first, last, offsets, weights, totals, norms)
    np.testing.assert_allclose(totals, np.where(used, x, 0.0) @ overlap.T, atol=1e-12)
    np.testing.assert_allclose(norms, used @ overlap.T, atol=1e-12)

    centre, tau = (s0 + s1) / 2e9, 15.0
    rho = np.exp(-np.abs(centre[:, None] - centre[None, :]) / tau)
    kernel("correlated_rows")(x, valid, centre, tau, first, last, offsets, weights, variances)
    a = np.where(used, x, 0.0)[:, None, :] * overlap[None]
    np.testing.assert_allclose(variances, np.einsum("rki,ij,rkj->rk", a, rho, a), atol=1e-10)

    flag, reason = rng.integers(1, 4, (2, n)), 1 << rng.integers(0, 6, (2, n))
    worst, union = np.zeros((2, 8), dtype=np.int64), np.zeros((2, 8), dtype=np.int64)
    kernel("worst_rows")(flag, reason, valid, first, last, worst, union)
    for r in range(2):
        for k in range(8):
            inside = overlap[k] > 0
            assert worst[r, k] == max(flag[r, inside & valid[r]], default=9)
            assert union[r, k] == np.bitwise_or.reduce(reason[r, inside], initial=0)

    method = rng.integers(1, 7, (2, n))
    shares = np.zeros((2, 8, 10))
    kernel("method_rows")(method, x, valid, first, last, offsets, weights, shares)
    for r in range(2):
        for k in range(8):
            mass_of = np.array([a[r, k, method[r] == m].sum() for m in range(10)])
            expected = mass_of / mass_of.sum() if mass_of.sum() > 0 else np.full(10, np.nan)
            np.testing.assert_allclose(shares[r, k], expected, atol=1e-12)


@pytest.mark.kernel
def test_bootstrap_kernel_jumps_and_runs(kernel) -> None:
    starts = np.array([[2, 0, 0, 4, 0]])
    switches = np.array([[0.9, 0.9, 0.9, 0.1, 0.9]])
    out = np.zeros((1, 5), dtype=np.int64)
    kernel("bootstrap_indices")(starts, switches, 0.5, out)
    assert out.tolist() == [[2, 3, 4, 4, 0]]


@pytest.mark.kernel
def test_read_only_and_strided_input_give_the_same_bytes() -> None:
    ds = record(24 * 5)
    bounds = period_bounds("2024-01-01", "2024-01-06", "day")
    expected = resample(ds, bounds)
    strided = ds.copy(deep=True)
    for name in ("emission", "emission_u_random"):
        values = np.asfortranarray(ds[name].values)
        values.flags.writeable = False
        strided[name] = (ds[name].dims, values, ds[name].attrs)
    xr.testing.assert_identical(resample(strided, bounds), expected)


# ---------------------------------------------------------------- autocorrelation and bootstrap


def ar1(rng: np.random.Generator, phi: float, n: int) -> np.ndarray:
    noise = rng.normal(size=n + 200) * math.sqrt(1.0 - phi**2)
    x = lfilter([1.0], [1.0, -phi], noise)
    return x[200:]


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_integrated_time_of_ar1_is_recovered_with_and_without_gaps(rng: np.random.Generator, phi: float) -> None:
    x = ar1(rng, phi, 400_000)
    expected = (1 + phi) / (1 - phi)
    assert autocorrelation_time(x) == pytest.approx(expected, rel=0.1)
    assert autocorrelation_time(x, step=3600.0) == pytest.approx(3600.0 * autocorrelation_time(x))
    x[rng.random(x.size) < 0.3] = np.nan
    assert autocorrelation_time(x) == pytest.approx(expected, rel=0.1)


def test_efolding_time_inverts_the_closed_form() -> None:
    for tau in (0.1, 1.0, 10.0, 500.0):
        phi = math.exp(-1.0 / tau)
        assert efolding_time((1 + phi) / (1 - phi)) == pytest.approx(tau, rel=1e-9)
    assert efolding_time(1.0) == 0.0 and efolding_time(0.4) == 0.0
    assert efolding_time(3.0 * 3600.0, 3600.0) == pytest.approx(3600.0 / math.log(2.0))


@pytest.mark.parametrize("x", [[], [1.0], [2.0, 2.0, 2.0], [np.nan, np.nan]])
def test_series_without_variation_have_no_correlation_time(x: list[float]) -> None:
    assert math.isnan(autocorrelation_time(x))
    assert block_length(x) == 1.0


@given(st.integers(1, 60), st.floats(-0.95, 0.99))
def test_inflation_is_the_sum_over_the_matrix(n: int, phi: float) -> None:
    matrix = phi ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(float)
    assert float(ar1_inflation(n, phi)) == pytest.approx(matrix.sum() / n, rel=1e-9, abs=1e-9)


def test_inflation_refuses_a_unit_root() -> None:
    with pytest.raises(InputError):
        ar1_inflation(10, 1.0)


def test_remaining_correlation_keeps_the_limits() -> None:
    assert remaining_correlation_time(3600.0, 86_400.0, 0.0) == 0.0
    assert remaining_correlation_time(math.nan, 1.0, 1.0) == 0.0
    same = remaining_correlation_time(3600.0, 3600.0, 7200.0)
    assert same == pytest.approx(7200.0)


@pytest.mark.parametrize("kind", ["stationary", "circular"])
def test_block_length_nears_its_theory_for_ar1(rng: np.random.Generator, kind: str) -> None:
    # Patton, Politis & White (2009): b = (2 G^2 / D)^(1/3) n^(1/3); for AR(1) G / g(0) = 2 phi / (1 - phi^2)
    phi, n = 0.6, 20_000
    g = 2 * phi / (1 - phi**2)
    theory = (2 * g**2 / (2.0 if kind == "stationary" else 4 / 3)) ** (1 / 3) * n ** (1 / 3)
    found = np.median([block_length(ar1(rng, phi, n), kind) for _ in range(15)])
    assert found == pytest.approx(theory, rel=0.15)
    assert block_length(rng.normal(size=2000), kind) < 12.0
    with pytest.raises(InputError, match="bootstrap"):
        block_length([1.0, 2.0], "moving")


def test_stationary_bootstrap_has_geometric_blocks_and_uniform_indices(rng: np.random.Generator) -> None:
    n, length = 500, 8.0
    indices = stationary_bootstrap_indices(n, length, 400, rng)
    assert indices.shape == (400, n) and indices.min() == 0 and indices.max() == n - 1
    runs = np.diff(indices, axis=1) % n == 1
    assert (~runs).mean() == pytest.approx(1 / length * (1 - 1 / n), rel=0.03)
    counts = np.bincount(indices.ravel(), minlength=n)
    assert counts.mean() == 400.0 and counts.std() < 4.0 * math.sqrt(400.0 * 2 * length / 8.0)
    independent = stationary_bootstrap_indices(n, 1.0, 50, rng)
    assert (np.diff(independent, axis=1) % n == 1).mean() < 0.02
    assert stationary_bootstrap_indices(0, 2.0, 5, rng).shape == (5, 0)
    assert stationary_bootstrap_indices(1, 2.0, 5, rng).tolist() == [[0]] * 5
    with pytest.raises(InputError):
        stationary_bootstrap_indices(5, 0.5, 1, rng)


def test_bootstrap_of_a_correlated_mean_finds_its_standard_error(rng: np.random.Generator) -> None:
    phi, n = 0.7, 3000
    ratios = []
    for _ in range(12):
        x = ar1(rng, phi, n)
        means = x[stationary_bootstrap_indices(n, block_length(x), 400, rng)].mean(axis=1)
        ratios.append(means.std() / math.sqrt(float(ar1_inflation(n, phi)) / n))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.12)


def test_calendar_work_does_not_load_the_compiler() -> None:
    code = (
        "import sys; from ghg.core.time import period_bounds; from ghg.core.uncertainty import Budget; "
        "period_bounds('2024-01-01', '2025-01-01'); sys.exit(bool({'numba', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("stamp", "timezone", "date"), [
    ("2024-08-31T16:00:00Z", "Asia/Shanghai", "2024-09-01"),
    ("2024-08-31T15:59:59", "UTC+08:00", "2024-08-31"),
    ("2024-01-01T04:00:00Z", "America/Phoenix", "2023-12-31"),
])  # fmt: skip
def test_the_date_of_a_place(stamp: str, timezone: str, date: str) -> None:
    assert local_date(stamp, timezone) == date
