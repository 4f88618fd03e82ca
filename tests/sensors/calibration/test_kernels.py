"""Kernels of the calibration chain against closed forms and plain NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sensors._kernels import days_since_1970
from sensors.calibration._kernels import accumulate, smoother
from sensors.readers import _picarro_kernels as text
from sensors.readers.picarro import _POWERS

pytestmark = pytest.mark.kernel
TAU, POWER, LEVEL, SLOPE = np.array([3.0, 0.4]), np.array([0.3, 0.2]) ** 2, 0.2**2, 0.05**2
PRIOR = np.array([4.0, 1.0, 0.5, *POWER, 0.04, 0.09])


@pytest.fixture
def problem(rng: np.random.Generator) -> dict[str, Any]:
    """Ten observations of two cylinders and four nodes without, and their joint Gaussian, written out in full."""
    t = np.sort(rng.uniform(0.0, 20.0, 14))
    seen = np.ones(14, np.bool_)
    seen[[0, 5, 6, 13]] = False
    z = rng.uniform(-1.0, 1.0, 14)
    h = np.stack([np.ones(14), z, z * z], axis=1)
    tank = (np.arange(14) % 2).astype(np.int64)
    var = rng.uniform(0.01, 0.05, 14)
    step = np.diff(t, prepend=t[0])
    level, slope = LEVEL * step, SLOPE * step
    level[8] += 2.0  # a service
    grown = [np.cumsum(q) + p for q, p in ((level, PRIOR[0]), (slope, PRIOR[1]))]
    walk = [np.minimum.outer(g, g) for g in grown]
    apart = np.abs(np.subtract.outer(t, t))
    comes_and_goes = POWER[0] * np.exp(-apart / TAU[0]) + POWER[1] * np.exp(-apart / TAU[1])
    full = np.zeros((3, 14, 3, 14))  # offset, slope, curve at every time
    full[0, :, 0], full[1, :, 1], full[2, :, 2] = walk[0] + comes_and_goes, walk[1], PRIOR[2]
    own = PRIOR[5:][tank][:, None] * (tank[:, None] == tank[None, :])
    a = np.stack([np.ones(14), z, z * z])
    seen_cov = np.einsum("ik,ikjl,jl->kl", a, full, a) + own + np.diag(var)
    cross = np.einsum("ikjl,jl->ikl", full, a)
    d = rng.multivariate_normal(np.zeros(14), seen_cov)
    return locals()


def test_the_smoother_is_the_gaussian_posterior(problem: dict[str, Any]) -> None:
    p = problem
    i = np.flatnonzero(p["seen"])
    right = np.column_stack([p["d"], p["tank"] == 0, p["tank"] == 1]).astype(float)
    coef, cov, share = np.empty((14, 3, 3)), np.empty((14, 6)), np.empty(14)
    noise = (TAU, POWER, p["level"], p["slope"], PRIOR)
    smoother.smooth(p["t"], p["seen"], p["h"], p["tank"], right, p["var"], *noise, coef, cov, share)
    gain = np.linalg.solve(p["seen_cov"][np.ix_(i, i)], p["cross"][:, :, i].transpose(2, 0, 1).reshape(i.size, -1))
    expected = (gain.T @ right[i]).reshape(3, 14, 3).transpose(1, 0, 2)
    assert coef == pytest.approx(expected, abs=1e-10)
    rest = p["full"] - np.einsum("ikn,nm->ikm", p["cross"][:, :, i], gain).reshape(3, 14, 3, 14)
    for column, (a, b) in enumerate(((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))):
        assert cov[:, column] == pytest.approx(np.einsum("kk->k", rest[a, :, b]), abs=1e-10)
    assert ((share >= 0) & (share <= 1)).all()
    weight = np.where(p["seen"], 0.0, 0.25)
    mean = smoother.mean_variance(p["t"], p["seen"], p["h"], p["tank"], p["var"], *noise, weight, 0.7)
    w = np.outer([1.0, 0.7, 0.49], weight)
    assert mean == pytest.approx(np.einsum("ik,ikjl,jl->", w, rest, w), abs=1e-10)


def test_the_likelihood_is_that_of_the_joint_gaussian(problem: dict[str, Any]) -> None:
    p = problem
    args = (p["t"], p["h"], p["tank"], p["d"], p["var"])
    found = smoother.log_likelihood(*args, 0, TAU, POWER, p["level"], p["slope"], PRIOR)
    _, log = np.linalg.slogdet(p["seen_cov"])
    assert found == pytest.approx(-0.5 * (log + p["d"] @ np.linalg.solve(p["seen_cov"], p["d"])), abs=1e-9)


def test_line_ends_are_counted_eight_bytes_at_once(rng: np.random.Generator) -> None:
    for size in (0, 8, 80, 8 * 700):
        data = rng.integers(0, 256, size).astype(np.uint8)
        data[rng.random(size) < 0.5] = 10
        data.flags.writeable = False  # as in a file
        words = data.view(np.uint64)
        assert text.feeds(words, 0, words.size) == (data == 10).sum()
        counts = np.empty(3, np.int64)
        text.count_feeds(0, counts.size, words, -(-words.size // 3) or 1, counts)
        assert counts.sum() == (data == 10).sum()


def test_days_are_those_of_the_calendar() -> None:
    for day in np.arange("1899-12-30", "2101-03-02", 59, "datetime64[D]"):
        year, month, of_month = map(int, str(day).split("-"))
        assert days_since_1970(year, month, of_month) == day.astype(int)


def test_numbers_of_the_analyser_are_rounded_correctly(rng: np.random.Generator) -> None:
    for _ in range(300):
        written = f"{rng.uniform(1, 10):.10f}E{rng.choice(['+', '-'])}{rng.integers(0, 12):03d} "
        value, ok = text._exponential(np.frombuffer(written.encode(), np.uint8), 0, _POWERS)
        assert ok and value == float(written)
    for wrong in ("1.2345678901E+0x2 ", "1,2345678901E+002 ", "1.2345678901E+002x", "-1.234567890E+002 ",
                  "1.2345678901E+302 ", "                  "):  # fmt: skip
        assert text._exponential(np.frombuffer(wrong.encode(), np.uint8), 0, _POWERS)[1] == 0


@pytest.mark.parametrize("gases", [1, 2])
def test_sums_by_minute_are_those_of_numpy(rng: np.random.Generator, gases: int) -> None:
    n, minute = 700, 60 * 10**9
    time = np.sort(rng.choice(2000, n, replace=False)).astype(np.int64) * 10**9
    port = (time // (240 * 10**9) % 3).astype(np.int16) - 1  # -1, 0, 1
    bad = np.where(rng.random(n) < 0.05, 1, 0).astype(np.uint8)
    x = rng.normal(400.0, 1.0, (gases, n))
    x[0, rng.random(n) < 0.05] = np.nan
    water = rng.uniform(0.5, 2.0, n)
    bounds = np.array([0, 256, n], np.int64)
    slots, room = np.array([0, 300], np.int64), 600
    start, end, ports, sizes = (
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int32),
        np.zeros(2, np.int64),
    )
    count, mean, m2 = np.empty((gases, room), np.int64), np.empty((gases, room)), np.empty((gases, room))
    wet, lost = np.empty(room), np.empty((4, room), np.int32)
    flush = np.array([20, 30], np.int64) * 10**9
    accumulate.accumulate(0, 2, time, port, bad, x, water, np.zeros(n, np.bool_), np.ones(gases, np.int64),
                          np.full(gases, -0.012), np.full(gases, -2.7e-4), flush, 90 * 10**9, 60 * 10**9, 20 * 10**9,
                          minute, bounds, slots, start, end, ports, count, mean, m2, wet, lost, sizes)  # fmt: skip
    stay = np.cumsum(np.concatenate([[True], (port[1:] != port[:-1]) | (np.diff(time) > minute)]))
    begun = np.array([time[stay == s][0] for s in stay])
    ready = (port >= 0) & (bad == 0) & (time - begun >= flush[np.maximum(port, 0)])
    rows = np.concatenate([np.arange(s, s + k) for s, k in zip(slots, sizes, strict=True)])
    rows = rows[ports[rows] >= 0]
    dry = x / (1.0 - 0.012 * water - 2.7e-4 * water**2)
    for r in rows:
        mine = ready & (port == ports[r]) & (time // minute == start[r] // minute)
        mine &= (time >= start[r]) & (time < end[r])
        for g in range(gases):
            use = mine & np.isfinite(dry[g])
            assert count[g, r] == use.sum()
            if use.any():
                assert mean[g, r] == pytest.approx(dry[g, use].mean(), rel=1e-13)
                assert m2[g, r] == pytest.approx(((dry[g, use] - dry[g, use].mean()) ** 2).sum(), abs=1e-8)
    assert count[0, rows].sum() == (ready & np.isfinite(dry[0])).sum()


@pytest.mark.parametrize("jump", [60 * 10**9, 3600 * 10**9, 9 * 10**18])
def test_a_chunk_has_room_for_its_records_whatever_its_clock_does(jump: int) -> None:
    """Rows of one minute, a port of its own, a jump: four records at the most, not one for each minute between."""
    time = np.array([0, 10**9, 2 * 10**9, jump, jump + 10**9]) - 45 * 10**17
    port = np.array([1, 1, 2, 2, 2], np.int16)
    assert 3 <= accumulate.chunk_capacity(time, port, 0, 5, 60 * 10**9, 60 * 10**9) <= 4
