"""Allan family: direct sums, gaps without bias, confidence at the stated rate, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from sensors.analysis._kernels import allan as kernels
from sensors.analysis.allan import GAPPED, STATISTICS, allan, averaging_factors, deviations
from sensors.analysis.edf import edf
from sensors.analysis.variogram import gapped, variogram


def record(values: Any, step: str = "1s") -> xr.Dataset:
    time = np.datetime64("2024-01-01", "ns") + np.arange(len(values)) * np.timedelta64(int(step[:-1]), step[-1])
    return xr.Dataset({"co2": (("time",), np.asarray(values), {"units": "umol mol-1"})}, {"time": time})


@pytest.mark.kernel
@pytest.mark.parametrize("hole", [False, True])
def test_kernels_are_the_direct_sums(rng: np.random.Generator, hole: bool) -> None:
    x = np.cumsum(rng.standard_normal(60))
    if hole:
        x[[20, 41]] = np.nan
    for m in (1, 3, 7):
        for order in (2, 3):
            d = np.array([np.dot([1, -2, 1] if order == 2 else [-1, 3, -3, 1], x[i : i + order * m + 1 : m])
                          for i in range(x.size - order * m)])  # fmt: skip
            for overlapping, terms in ((1, d), (0, d[::m])):
                sums, counts = kernels.differences(x, np.array([m]), order, overlapping)
                np.testing.assert_allclose(sums[0], np.nansum(terms**2), rtol=1e-12)
                assert counts[0] == np.isfinite(terms).sum()
        second = x[2 * m :] - 2 * x[m:-m] + x[: -2 * m]
        means = np.array([second[j : j + m].sum() / m for j in range(x.size - 3 * m + 1)])
        sums, counts = kernels.averaged(x, np.array([m]))
        np.testing.assert_allclose(sums[0], np.nansum(means**2), rtol=1e-9)
        assert counts[0] == np.isfinite(means).sum()
        longer = np.concatenate([2 * x[0] - x[1:][::-1], x, 2 * x[-1] - x[:-1][::-1]])
        centre = np.arange(1, x.size - 1) + x.size - 1
        total = longer[centre - m] - 2 * longer[centre] + longer[centre + m]
        sums, counts = kernels.total(x, np.array([m]))
        np.testing.assert_allclose(sums[0], np.nansum(total**2), rtol=1e-12)


@pytest.mark.kernel
def test_kernels_on_short_and_empty_records() -> None:
    for x in (np.empty(0), np.zeros(1), np.full(5, np.nan)):
        for sums, counts in (kernels.differences(x, np.array([1, 9]), 2, 1), kernels.averaged(x, np.array([1, 9])),
                             kernels.total(x, np.array([1, 9]))):  # fmt: skip
            assert (sums == 0).all()
            assert (counts == 0).all()


def test_results_do_not_depend_on_the_number_of_threads(rng: np.random.Generator) -> None:
    from ghg.core.jit import threads

    x, before = rng.standard_normal(5000), threads()
    try:
        answers = []
        for count in (1, before):
            threads(count)
            answers.append(deviations(x, "oadev", "all")["deviation"].tobytes())
        assert answers[0] == answers[1]
    finally:
        threads(before)


def test_white_noise_falls_with_the_root_of_time(rng: np.random.Generator) -> None:
    found = deviations(rng.normal(400, 0.2, 200_000), "oadev", [1, 10, 100], step=2.0)
    np.testing.assert_array_equal(found["tau"], [2, 20, 200])
    np.testing.assert_allclose(found["deviation"], 0.2 / np.sqrt([1, 10, 100]), rtol=0.03)


def test_hadamard_is_blind_to_a_drift(rng: np.random.Generator) -> None:
    noise = rng.standard_normal(3000)
    drift: Any = 0.05 * np.arange(3000)
    pair = [deviations(v, "ohdev", [1, 4, 16])["deviation"] for v in (noise + drift, noise)]
    np.testing.assert_allclose(pair[0], pair[1], rtol=1e-9)
    drift[rng.random(3000) < 0.3] = np.nan
    assert np.abs(gapped(drift, np.array([1, 4, 16]), "hadamard")).max() < 1e-9
    assert gapped(drift, np.array([16]), "allan")[0] == pytest.approx((16 * 0.05) ** 2 / 2, rel=1e-6)


def test_variogram_is_the_mean_over_pairs(rng: np.random.Generator) -> None:
    y = rng.standard_normal(40)
    y[[3, 4, 20]] = np.nan
    gamma, count = variogram(y)
    for k in (1, 7, 30):
        d = y[k:] - y[:-k]
        np.testing.assert_allclose(gamma[k], 0.5 * np.nanmean(d**2), rtol=1e-9)
        assert count[k] == np.isfinite(d).sum()


def walk(rng: np.random.Generator, kind: str, n: int) -> Any:
    white = rng.standard_normal(n)
    return white if kind == "white" else np.cumsum(white)


@pytest.mark.parametrize("kind", ["white", "random walk"])
@pytest.mark.parametrize("pattern", ["scattered", "long"])
def test_gaps_leave_no_bias(rng: np.random.Generator, kind: str, pattern: str) -> None:
    """Mean over 40 records of the variance with gaps against that of the same records whole, within 4 errors."""
    n, factors, runs = 300, np.array([1, 2, 5, 12]), 40
    ratios: dict[str, list[Any]] = {s: [] for s in ("oadev", "mdev", "ohdev", "totdev")}
    for _ in range(runs):
        whole = walk(rng, kind, n)
        holed = whole.copy()
        if pattern == "scattered":
            holed[rng.random(n) < 0.3] = np.nan
        else:
            for start in rng.integers(0, n - 40, 2):
                holed[start : start + 40] = np.nan
        for s, rows in ratios.items():
            rows.append((gapped(holed, factors, GAPPED[s]), deviations(whole, s, list(factors))["deviation"] ** 2))
    for s, rows in ratios.items():
        with_gaps, without = np.array(rows).transpose(1, 0, 2)
        error = (with_gaps - without).std(axis=0) / np.sqrt(runs)
        assert (np.abs((with_gaps - without).mean(axis=0)) < 4 * error + 1e-12).all(), s


def test_intervals_cover_at_the_stated_rate(rng: np.random.Generator) -> None:
    """White noise: the interval holds the true deviation in 90 % of records, with and without gaps."""
    inside = {False: 0, True: 0}
    runs, factors = 40, [1, 4, 16]
    for _ in range(runs):
        for holes in inside:
            y = rng.standard_normal(400)
            if holes:
                y[rng.random(400) < 0.15] = np.nan
            ds = allan(record(y), statistics=["oadev"], factors=factors, confidence=0.9)
            truth = 1 / np.sqrt(factors)
            inside[holes] += int(((ds["deviation_low"][0] < truth) & (truth < ds["deviation_high"][0])).sum())
    assert 0.82 < inside[False] / (3 * runs) < 0.97
    assert 0.80 < inside[True] / (3 * runs) < 0.97


def test_edf_of_long_white_fm() -> None:
    """Independent samples: neighbouring differences are correlated by -1/2, so the edf is the number over 3/2."""
    n, m = 40_001, 8
    np.testing.assert_allclose((n - 1) / m / edf(0, 2, m, n, overlapping=False), 1.5, rtol=0.02)


def test_dataset_and_written_file(rng: np.random.Generator, tmp_path: Any) -> None:
    from ghg.core.netcdf import read, write
    from ghg.core.provenance import Record

    y = rng.normal(400, 0.1, 3000)
    ds = record(y).isel(time=np.r_[0:1000, 1100:3000])
    found = allan(ds, statistics=STATISTICS)
    assert found.attrs["interval_s"] == 1.0
    assert found.attrs["gap_share"] == pytest.approx(100 / 3000, abs=1e-6)
    assert (found["deviation_low"] < found["deviation"]).where(np.isfinite(found["deviation_low"]), True).all()
    assert found["deviation"].attrs["units"] == "umol mol-1"
    assert int(found["noise_exponent"][0]) == 0
    write(found, tmp_path / "allan.nc", record=Record("test", {}))
    again = read(tmp_path / "allan.nc")
    np.testing.assert_allclose(again["deviation"].values, found["deviation"].values)
    assert list(again["statistic"].values) == list(STATISTICS)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="too short"):
        deviations([1.0, 2.0])
    with pytest.raises(InputError, match="statistic is unknown"):
        deviations(np.arange(9.0), "avar")
    with pytest.raises(InputError, match="averaging times is unknown"):
        averaging_factors(10, "centuries")
    with pytest.raises(InputError, match="begin at 1"):
        averaging_factors(10, [0, 1])
    with pytest.raises(InputError, match="no usable value"):
        allan(record([np.inf, np.nan, np.nan]))
    bare = record(np.arange(9.0))
    del bare["co2"].attrs["units"]
    with pytest.raises(InputError, match="has no unit"):
        allan(bare)
    with pytest.raises(InputError, match="more than one series"):
        allan(record(np.arange(9.0)).assign(ch4=(("time",), np.arange(9.0), {"units": "nmol mol-1"})))
    with pytest.raises(InputError, match="missing"):
        allan(record(np.arange(9.0)), "ch4")
