"""Resampling with uncertainty, and the kernels of intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.core.time import (
    ar1_inflation,
    period_bounds,
    resample,
    seconds,
)
from ghg.core.uncertainty import dataset_total

HOUR = np.timedelta64(3600, "s")


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
        resample(ds, np.array([["2024-01-01", "NaT"]], "datetime64[ns]"))
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
