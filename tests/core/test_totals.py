"""Totals: sufficient sums against brute force, closed forms, correlation in time, shared errors."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.core.uncertainty import (
    MonomialSums,
    Total,
    _kernels,
    combine_totals,
    coverage_interval,
    dataset_total,
    monomial_sums,
    sample_total,
    total,
)
from ghg.core.uncertainty.datasets import record_totals

NAMES = ("flow", "concentration", "moisture", "temperature", "pressure")
RELATIVE = (0.03, 0.015, 0.01, 0.005, 0.002)


def obvious_sums(e: np.ndarray, u: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Every monomial by its definition, with fsum."""
    usable = ~np.isnan(e) & ~np.isnan(u).any(axis=0)
    e, u, w = e[usable], u[:, usable], w[usable]
    sums = []
    for mask in range(1 << len(u)):
        members = [j for j in range(len(u)) if mask >> j & 1]
        terms = []
        for t in range(e.size):
            if e[t] == 0.0:
                terms.append(w[t] * u[members[0], t] if len(members) == 1 else 0.0)
            else:
                terms.append(w[t] * e[t] * math.prod(u[j, t] / e[t] for j in members))
        sums.append(math.fsum(terms))
    return np.array(sums)


def year(n: int = 8760, seed: int = 1) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    e = 60.0 + 40.0 * np.sin(np.arange(n) * 0.007) ** 2 + 10.0 * rng.random(n)
    # shares that vary over the year, so that no monomial factors out
    u = {c: e * r * (0.5 + rng.random(n)) for c, r in zip(NAMES, RELATIVE, strict=True)}
    return e, u


@pytest.fixture(params=["jit", "python"])
def kernels(request: pytest.FixtureRequest) -> tuple:
    functions = (_kernels.monomial_sums, _kernels.add_multilinear)
    return functions if request.param == "jit" else tuple(getattr(f, "py_func", f) for f in functions)


@pytest.mark.kernel
@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 200])
@pytest.mark.parametrize("components", [0, 1, 2, 5])
def test_sums_against_their_definition(kernels: tuple, rng: np.random.Generator, n: int, components: int) -> None:
    e = rng.normal(5.0, 4.0, n)
    u = rng.random((components, n))
    w = rng.random(n) + 0.5
    e[rng.random(n) < 0.1] = np.nan
    e[rng.random(n) < 0.1] = 0.0
    u[rng.random(u.shape) < 0.02] = np.nan
    sums, counts = np.zeros(1 << components), np.zeros(3, dtype=np.int64)
    kernels[0](e, u, w, sums, counts)
    np.testing.assert_allclose(sums, obvious_sums(e, u, w), rtol=1e-12, atol=1e-13)
    assert counts.sum() == n
    assert counts[1] == np.isnan(e).sum()
    assert counts[2] == (~np.isnan(e) & np.isnan(u).any(axis=0)).sum()


@pytest.mark.kernel
@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 150])
@pytest.mark.parametrize("components", [0, 1, 3, 5])
def test_polynomial_against_its_definition(kernels: tuple, rng: np.random.Generator, n: int, components: int) -> None:
    sums = rng.normal(size=1 << components)
    z = rng.normal(size=(components + 2, n))
    rows = rng.permutation(components + 2)[:components].astype(np.int64)
    start = rng.normal(size=n)
    out = start.copy()
    kernels[1](sums, z, rows, out)
    expected = start.copy()
    for mask in range(1 << components):
        term = np.full(n, sums[mask])
        for j in range(components):
            if mask >> j & 1:
                term = term * z[rows[j]]
        expected = expected + term
    np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.kernel
def test_ten_components(rng: np.random.Generator) -> None:
    e = rng.random(40) + 1.0
    u = rng.random((10, 40)) * 0.2
    sums = monomial_sums(e, u)
    z = rng.normal(size=(10, 7))
    out = np.zeros(7)
    _kernels.add_multilinear(sums.values, z, np.arange(10), out)
    brute = (e[:, None] * np.prod(1.0 + z[:, None, :] * (u / e)[:, :, None], axis=0)).sum(axis=0)
    np.testing.assert_allclose(out, brute, rtol=1e-12)
    with pytest.raises(InputError, match="at most 10"):
        monomial_sums(e, rng.random((11, 40)))


@pytest.mark.kernel
def test_polynomial_is_what_every_hour_with_the_same_z_gives() -> None:
    e, u = year()
    sums = monomial_sums(e, np.array(list(u.values())), weights=np.full(e.size, 3600.0), names=NAMES)
    z = np.random.default_rng(3).normal(size=(5, 2000))
    out = np.zeros(2000)
    _kernels.add_multilinear(sums.values, z, np.arange(5), out)
    brute = np.zeros(2000)
    ratios = np.array([u[c] / e for c in NAMES])
    for t in range(e.size):
        brute += 3600.0 * e[t] * np.prod(1.0 + z * ratios[:, t, None], axis=0)
    np.testing.assert_allclose(out, brute, rtol=1e-12)
    for statistic in (np.mean, np.std):
        assert statistic(out) == pytest.approx(statistic(brute), rel=1e-10)
    assert coverage_interval(out) == pytest.approx(coverage_interval(brute), rel=1e-12)


def test_million_draws_agree_with_the_exact_moments_and_with_brute_force_to_1e_3() -> None:
    e, u = year(200)
    result = total(e, 3600.0, components=u, draws=1_000_000, seed=5)
    assert result.sums is not None
    assert result.mean == pytest.approx(result.value, rel=1e-3)
    assert result.u_draws == pytest.approx(math.sqrt(result.sums.variance), rel=3e-3)
    # independent brute force: another generator, hour by hour
    rng = np.random.default_rng(99)
    z = rng.normal(size=(5, 1_000_000))
    ratios = np.array([u[c] / e for c in NAMES])
    brute = np.zeros(z.shape[1])
    for t in range(e.size):
        hour = np.full(z.shape[1], 3600.0 * e[t])
        for j in range(5):
            hour *= 1.0 + z[j] * ratios[j, t]
        brute += hour
    assert result.mean == pytest.approx(brute.mean(), rel=1e-3)
    assert np.array(result.interval) == pytest.approx(np.array(coverage_interval(brute)), rel=1e-3)
    assert result.u_draws / result.value == pytest.approx(brute.std() / result.value, abs=1e-3)


def test_first_order_parts_are_linear_for_systematic_and_quadratic_for_random() -> None:
    e = np.array([1.0, 2.0, 3.0])
    result = total(e, [10.0, 20.0, 30.0], [0.1, 0.2, 0.3], {"flow": [0.01, 0.02, 0.03]}, draws=0)
    assert result.value == 140.0
    assert result.u_systematic["flow"] == pytest.approx(10 * 0.01 + 20 * 0.02 + 30 * 0.03)
    assert result.u_random == pytest.approx(math.sqrt((10 * 0.1) ** 2 + (20 * 0.2) ** 2 + (30 * 0.3) ** 2))
    assert result.u == pytest.approx(math.hypot(result.u_random, result.u_systematic["flow"]))
    assert result.u_rel == pytest.approx(result.u / 140.0)
    assert result.expanded() == 2.0 * result.u
    assert result.interval[1] - result.value == pytest.approx(1.959964 * result.u, rel=1e-6)
    assert "first order" in result.statement()


def test_correlated_random_errors_follow_the_matrix() -> None:
    rng = np.random.default_rng(4)
    n, tau = 60, 5400.0
    u, w = rng.random(n) + 0.5, rng.choice([900.0, 1800.0, 3600.0], n)
    e = np.ones(n)
    e[20:24] = np.nan
    centre = np.cumsum(w) - w / 2
    a = np.where(np.isnan(e), 0.0, w * u)
    correlation = np.exp(-np.abs(centre[:, None] - centre[None, :]) / tau)
    result = total(e, w, u, correlation_time=tau, draws=0)
    assert result.u_random == pytest.approx(math.sqrt(a @ correlation @ a), rel=1e-12)
    by_attribute = total(e, w, xr.DataArray(u, dims="time", attrs={"correlation_time": tau}), draws=0)
    assert by_attribute.u_random == result.u_random
    assert total(e, w, u, draws=0).u_random == pytest.approx(math.sqrt(a @ a))
    whole = total(e, w, u, correlation_time=1e15, draws=0).u_random
    assert whole == pytest.approx(a.sum(), rel=1e-6)


def test_missing_values_are_skipped_and_counted() -> None:
    e = np.array([1.0, np.nan, 3.0])
    result = total(e, 10.0, [0.1, np.nan, 0.1], {"flow": [0.1, np.nan, 0.1]}, draws=100)
    assert result.value == 40.0
    assert result.completeness == pytest.approx(2 / 3)
    assert result.sums is not None and (result.sums.count, result.sums.missing) == (2, 1)
    with pytest.raises(InputError, match="uncertainty is missing"):
        total([1.0, 2.0], 10.0, components={"flow": [0.1, np.nan]})
    with pytest.raises(InputError, match="uncertainty is missing"):
        total([1.0, 2.0], 10.0, [0.1, np.nan])


@pytest.mark.parametrize("e", [[], [np.nan, np.nan]])
def test_nothing_known_is_a_total_of_nothing(e: list[float]) -> None:
    result = total(np.array(e), 1.0, np.zeros(len(e)), {"flow": np.zeros(len(e))}, draws=1000)
    assert (result.value, result.u, result.interval) == (0.0, 0.0, (0.0, 0.0))
    assert math.isnan(result.u_rel)
    assert result.completeness == 0.0 or math.isnan(result.completeness)


def test_results_do_not_depend_on_threads_or_memory_layout() -> None:
    e, u = year(500)
    sums = monomial_sums(e, np.array(list(u.values())), names=NAMES)
    one = sample_total(sums, 3.0, 100_000, 7, threads=1)
    two = sample_total(sums, 3.0, 100_000, 7, threads=2)
    assert one.tobytes() == two.tobytes()
    assert sample_total(sums, 3.0, 20_000, 7).tobytes() == one[:20_000].tobytes()
    assert not np.array_equal(one, sample_total(sums, 3.0, 100_000, 8))
    strided = np.repeat(e, 2)[::2]
    frozen = np.array(list(u.values()))[:, ::-1][:, ::-1]
    frozen.flags.writeable = False
    strided.flags.writeable = False
    long, u_long = np.tile(e, 600), np.tile(np.array(list(u.values())), 600)
    by_threads = [monomial_sums(long, u_long, threads=k).values for k in (1, 2)]
    assert by_threads[0].tobytes() == by_threads[1].tobytes()
    np.testing.assert_allclose(by_threads[0], 600 * sums.values, rtol=1e-12)
    again = monomial_sums(strided, frozen, names=NAMES)
    assert again.values.tobytes() == sums.values.tobytes()


def test_generator_as_seed_is_used_up() -> None:
    sums = monomial_sums([1.0], [[0.1]])
    rng = np.random.default_rng(0)
    first, second = sample_total(sums, 0.0, 10, rng), sample_total(sums, 0.0, 10, rng)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, sample_total(sums, 0.0, 10, np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("shape", "standard_deviation", "end"),
    [
        ("normal", 1.0, 1.959964),
        ("rectangular", 1.0, 0.95 * math.sqrt(3.0)),
        ("triangular", 1.0, (1.0 - math.sqrt(0.05)) * math.sqrt(6.0)),
        (("t", 5), math.sqrt(5.0 / 3.0), 2.570582),
    ],
)
def test_shapes_of_systematic_components(shape: object, standard_deviation: float, end: float) -> None:
    result = total([100.0], 1.0, components={"flow": [1.0]}, shapes={"flow": shape}, draws=1_000_000, seed=2)
    assert result.u_draws == pytest.approx(standard_deviation, rel=0.006)
    assert result.u == pytest.approx(standard_deviation, rel=1e-12)
    assert result.interval == pytest.approx((100.0 - end, 100.0 + end), abs=0.015)
    by_list = sample_total([100.0, 1.0], 0.0, 1000, 2, [shape])
    by_name = sample_total(monomial_sums([100.0], [[1.0]], names=["flow"]), 0.0, 1000, 2, {"flow": shape})
    assert np.array_equal(by_list, by_name)


def test_shared_errors_add_linearly_and_own_ones_in_quadrature() -> None:
    e, u = year(300)
    a = total(e, 3600.0, 0.1 * e, u, draws=0)
    b = total(2.0 * e, 3600.0, 0.1 * e, {k: 2.0 * v for k, v in u.items()}, draws=0)
    both = combine_totals([a, b], shared=["flow"], draws=300_000, seed=3)
    assert both.value == pytest.approx(3.0 * a.value)
    assert both.u_systematic["flow"] == pytest.approx(3.0 * a.u_systematic["flow"])
    assert both.u_systematic["moisture"] == pytest.approx(math.sqrt(5.0) * a.u_systematic["moisture"])
    assert both.u_random == pytest.approx(math.hypot(a.u_random, b.u_random))
    assert both.u_draws == pytest.approx(both.u, rel=0.01)
    assert both.sums is None
    # one record of both, all shared: the same as merging the sums
    merged = combine_totals([a, b], shared=NAMES, draws=0)
    assert merged.sums is not None and a.sums is not None and b.sums is not None
    np.testing.assert_allclose(merged.sums.values, (a.sums + b.sums).values)
    assert merged.u == pytest.approx(total(3.0 * e, 3600.0, 0, {k: 3 * v for k, v in u.items()}, draws=0).u, rel=1e-2)


def test_a_shared_error_cancels_in_a_difference() -> None:
    a = total([5.0], 1.0, [0.01], {"span": [0.5]}, draws=0)
    difference = combine_totals([a, a], shared=["span"], weights=[1.0, -1.0], draws=50_000)
    assert difference.value == 0.0
    assert difference.u == pytest.approx(math.sqrt(2.0) * 0.01)
    assert difference.u_draws == pytest.approx(difference.u, rel=0.02)
    independent = combine_totals([a, a], weights=[1.0, -1.0], draws=0)
    assert independent.u_systematic["span"] == pytest.approx(0.5 * math.sqrt(2.0))


def test_many_sources_against_brute_force() -> None:
    rng = np.random.default_rng(8)
    parts = [total([10.0 + k], 1.0, [0.2], {"span": [0.3], "flow": [0.5]}, draws=0) for k in range(6)]
    both = combine_totals(parts, shared=["span"], draws=400_000, seed=1)
    span = rng.normal(size=400_000)
    brute = np.zeros(400_000)
    for k in range(6):
        e = 10.0 + k
        brute += e * (1 + span * 0.3 / e) * (1 + rng.normal(size=400_000) * 0.5 / e) + rng.normal(size=400_000) * 0.2
    assert both.mean == pytest.approx(brute.mean(), rel=1e-3)
    assert both.u_draws == pytest.approx(brute.std(), rel=5e-3)
    assert np.array(both.interval) == pytest.approx(np.array(coverage_interval(brute)), rel=1e-3)


def test_stated_intervals_cover_the_truth() -> None:
    # the true total is drawn from the model; 95 % intervals must cover it in 93-97 % of 1000 trials
    rng = np.random.default_rng(12)
    e = rng.random(50) + 5.0
    u = {"flow": 0.2 * e, "concentration": 0.1 * e}
    tau, step, covered = 3.0, 1.0, 0
    root = np.linalg.cholesky(np.exp(-np.abs(np.subtract.outer(np.arange(50), np.arange(50))) * step / tau))
    for trial in range(1000):
        z = rng.normal(size=2)
        measured = e * (1 + 0.2 * z[0]) * (1 + 0.1 * z[1]) + 0.5 * (root @ rng.normal(size=50))
        parts = {k: v / e * measured for k, v in u.items()}
        result = total(measured, step, np.full(50, 0.5), parts, draws=4000, seed=trial, correlation_time=tau)
        # around the truth: the interval of measured / truth, both multiplicative
        covered += result.interval[0] <= e.sum() <= result.interval[1]
    assert 0.92 <= covered / 1000 <= 0.98


def dataset() -> xr.Dataset:
    time = np.array(["2024-01-01T00", "2024-01-01T01", "2024-01-01T04"], dtype="datetime64[ns]")
    bounds = np.stack([time, time + np.timedelta64(1, "h")], axis=1)
    e = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    return xr.Dataset(
        {
            "emission": (("source", "time"), e, {"units": "kg s-1", "shared_components": "span"}),
            "emission_u_random": (("source", "time"), 0.1 * e, {"correlation_time": 3600.0}),
            "emission_u_systematic": (("source", "time"), 0.05 * e, {"components": "flow span"}),
            "emission_u_systematic_span": (("source", "time"), 0.03 * e),
            "emission_u_systematic_flow": (("source", "time"), 0.04 * e),
            "emission_flag": (("source", "time"), np.array([[1, 1, 1], [1, 4, 1]], dtype=np.int8)),
            "time_bounds": (("time", "bounds"), bounds),
        },
        coords={"time": time, "source": ["a", "b"]},
    )


def test_total_of_a_dataset() -> None:
    ds = dataset()
    parts = record_totals(ds, draws=0)
    assert set(parts) == {("a",), ("b",)}
    assert parts[("a",)].value == 6.0 * 3600.0
    assert parts[("b",)].value == 10.0 * 3600.0  # the bad hour is left out
    assert parts[("a",)].seconds == 5 * 3600.0  # the gap counts as time not known
    assert parts[("a",)].completeness == pytest.approx(3 / 5)
    # correlation decays over the gap: hours 0, 1 and 4
    u = 360.0 * np.array([1.0, 2.0, 3.0])
    lag = np.abs(np.subtract.outer([0, 1, 4], [0, 1, 4]))
    assert parts[("a",)].u_random == pytest.approx(math.sqrt(u @ np.exp(-lag) @ u))
    whole = dataset_total(ds, draws=1000)
    assert whole.value == 16.0 * 3600.0
    assert whole.u_systematic["span"] == pytest.approx(0.03 * 16.0 * 3600.0)
    assert whole.u_systematic["flow"] == pytest.approx(0.04 * 3600.0 * math.hypot(6.0, 10.0))
    assert list(whole.u_systematic) == ["flow", "span"]
    transposed = dataset_total(ds.transpose("bounds", "time", "source"), draws=1000)
    assert transposed.interval == whole.interval
    one = dataset_total(
        ds.isel(source=0).drop_vars(["emission_u_systematic_span", "emission_u_systematic_flow"]), draws=0
    )
    assert one.u_systematic == {"systematic": pytest.approx(0.05 * 6.0 * 3600.0)}


def test_datasets_that_cannot_be_added_are_refused() -> None:
    ds = dataset()
    with pytest.raises(InputError, match="time_bounds"):
        dataset_total(ds.drop_vars("time_bounds"))
    with pytest.raises(InputError, match="overlap"):
        dataset_total(xr.concat([ds, ds], "time"))
    with pytest.raises(InputError, match="no variable"):
        record_totals(ds, "heat")
    with pytest.raises(InputError, match="species"):
        dataset_total(ds.rename(source="species"))


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        monomial_sums([1.0, 2.0], [[0.1]])
    with pytest.raises(InputError, match="names do not fit"):
        monomial_sums([1.0], [[0.1], [0.1]], names=["a", "a"])
    with pytest.raises(InputError, match="known length"):
        total([1.0], [np.nan])
    with pytest.raises(InputError, match="one record"):
        total([[1.0]], 1.0)
    with pytest.raises(InputError, match="does not fit the emission"):
        total([1.0, 2.0], 1.0, [0.1, 0.1, 0.1])
    with pytest.raises(InputError, match="correlation time"):
        total([1.0], 1.0, [0.1], correlation_time=-1.0)
    with pytest.raises(InputError, match="coverage"):
        total([1.0], 1.0, coverage=95.0)
    with pytest.raises(InputError, match="power of two"):
        sample_total([1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="at least one draw"):
        sample_total([1.0], draws=0)
    with pytest.raises(InputError, match="non-negative"):
        sample_total([1.0], rng=-1)
    with pytest.raises(InputError, match="unknown distribution"):
        sample_total([1.0, 0.1], shapes=["cauchy"])
    with pytest.raises(InputError, match="degrees of freedom"):
        sample_total([1.0, 0.1], shapes=[("t", 2)])
    with pytest.raises(InputError, match="one for each"):
        sample_total([1.0, 0.1], shapes=[])
    with pytest.raises(InputError, match="monomial sums"):
        combine_totals([Total(1.0, 0.1)])
    with pytest.raises(InputError, match="weights"):
        combine_totals([Total(1.0, 0.1)], weights=[1.0, 2.0])
    a = total([1.0], 1.0, components={"flow": [0.1]}, draws=0)
    b = total([1.0], 1.0, components={"flow": [0.1]}, shapes={"flow": "rectangular"}, draws=0)
    with pytest.raises(InputError, match="different distributions"):
        combine_totals([a, b], shared=["flow"])
    with pytest.raises(InputError, match="same systematic components"):
        monomial_sums([1.0], [[0.1]], names=["a"]) + monomial_sums([1.0], [[0.1]], names=["b"])


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0.5, 10.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=2, max_size=40),
    st.integers(1, 39),
)
def test_merged_sums_are_the_sums_of_the_whole(rows: list[tuple[float, float, float]], cut: int) -> None:
    e, a, b = np.array(rows).T
    u = np.array([a, b])
    merged = monomial_sums(e[:cut], u[:, :cut]) + monomial_sums(e[cut:], u[:, cut:])
    whole = monomial_sums(e, u)
    np.testing.assert_allclose(merged.values, whole.values, rtol=1e-12, atol=1e-12)
    assert merged.count == whole.count
    np.testing.assert_array_equal(np.asarray(whole), whole.values)


def test_variance_of_the_polynomial_is_the_sum_of_squares() -> None:
    # all corners of z = +-1 have mean 0 and variance 1, so the variance over them is exact
    sums = MonomialSums(np.array([3.0, 1.0, -2.0, 0.5, 0.25, 0.125, 2.0, 1.0]), ("a", "b", "c"))
    corners = np.array(list(itertools.product([-1.0, 1.0], repeat=3))).T.copy()
    out = np.zeros(8)
    _kernels.add_multilinear(sums.values, corners, np.arange(3), out)
    assert out.mean() == pytest.approx(3.0)
    assert out.var() == pytest.approx(sums.variance)
    assert sums.first_order == {"a": 1.0, "b": 2.0, "c": 0.25}
