"""Transfer functions recover a known sensor, state what they do on unseen time, and find drifting members."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ghg.core.errors import InputError
from sensors.analysis.collocation import network_drift, transfer


def sensor(rng: np.random.Generator, n: int = 2000) -> tuple[Any, dict[str, Any]]:
    hour = np.arange(n)
    truth = 430 + 15 * np.cos(2 * np.pi * hour / 24) + np.cumsum(rng.normal(0, 0.5, n))
    temperature = 288 + 8 * np.cos(2 * np.pi * hour / 24 + 1) + 4 * np.sin(2 * np.pi * hour / 700)
    pressure = 1005 + 8 * np.sin(2 * np.pi * hour / 170)
    humidity = 60 + 20 * np.sin(2 * np.pi * hour / 24) + rng.normal(0, 5, n)
    age = hour / 24
    raw = (truth * pressure / 1013.25 + 0.9 * (temperature - 288) + 0.08 * (humidity - 60) - 0.05 * age
           + 20 + rng.normal(0, 3, n))  # fmt: skip
    return truth, {"raw": raw, "pressure": pressure, "temperature": temperature, "humidity": humidity, "age": age}


def test_a_known_sensor_is_recovered_and_its_error_stated(rng: np.random.Generator) -> None:
    truth, terms = sensor(rng)
    bare = transfer(truth, {"raw": terms["raw"]})
    full = transfer(truth, terms)
    assert full.rmse < 0.6 * bare.rmse
    assert full.u_random == pytest.approx(3.0, rel=0.1)  # the noise that was put in
    value, u, outside = full.apply(terms)
    assert not outside.any()
    error = value - truth
    inside = np.abs(error) < 1.96 * np.hypot(u, full.u_random)
    assert 0.93 < inside.mean() < 0.97


def test_blocks_left_out_show_what_random_choice_hides(rng: np.random.Generator) -> None:
    """A drift that no term explains: the error of unseen time is far above the residual of the fit."""
    truth, terms = sensor(rng)
    raw = terms["raw"] + np.linspace(0, 100, truth.size)
    found = transfer(truth, {"raw": raw, "temperature": terms["temperature"], "pressure": terms["pressure"]})
    assert found.u_transfer > 2 * transfer(truth, terms).u_transfer
    assert found.u_transfer > 2.0
    with_age = transfer(truth, {**terms, "raw": raw})
    assert with_age.u_transfer < 0.5 * found.u_transfer


def test_outliers_of_the_reference_do_not_pull(rng: np.random.Generator) -> None:
    truth, terms = sensor(rng)
    spoilt = np.where(rng.random(truth.size) < 0.03, truth + 200, truth)
    robust, plain = (transfer(spoilt, terms, robust=r) for r in (True, False))
    clean = transfer(truth, terms)
    errors = [np.abs(f.apply(terms)[0] - clean.apply(terms)[0]).mean() for f in (robust, plain)]
    assert errors[0] < 0.2 * errors[1]


def test_values_outside_the_fitted_range_are_told_and_less_sure(rng: np.random.Generator) -> None:
    truth, terms = sensor(rng)
    found = transfer(truth, terms)
    far = {k: np.array([np.mean(v), np.max(v) + 40]) for k, v in terms.items()}
    _, u, outside = found.apply(far)
    assert list(outside) == [False, True]
    assert u[1] > 2 * u[0]


def test_a_drifting_member_of_a_network_is_found(rng: np.random.Generator) -> None:
    n = 24 * 120
    time = np.datetime64("2024-01-01") + np.arange(n) * np.timedelta64(1, "h")
    air = 430 + 10 * np.cos(2 * np.pi * np.arange(n) / 24)
    mixed = (np.arange(n) % 24 > 11) & (np.arange(n) % 24 < 17)
    network = {f"s{k}": air + rng.normal(0, 2, n) + ~mixed * rng.gamma(2, 5, n) for k in range(6)}
    assert not any(d.suspect for d in network_drift(time, network, mixed, tolerance=1.0).values())
    network["s2"] = network["s2"] - 0.08 * np.arange(n) / 24
    network["s4"] = network["s4"] + 5.0
    network["s5"][:500] = np.nan
    found = network_drift(time, network, mixed, tolerance=1.5)
    assert {name for name, d in found.items() if d.suspect} == {"s2", "s4"}
    assert found["s2"].rate == pytest.approx(-0.08, abs=4 * found["s2"].u_rate)
    assert np.nanmean(found["s4"].offset) == pytest.approx(5.0, abs=0.8)


def test_bad_input(rng: np.random.Generator) -> None:
    truth, terms = sensor(rng, 200)
    with pytest.raises(InputError, match="too few common values"):
        transfer(np.full(200, np.nan), terms)
    with pytest.raises(InputError, match="does not vary"):
        transfer(truth, {"raw": terms["raw"], "pressure": np.full(200, 1013.0)})
    with pytest.raises(InputError, match="told apart"):
        transfer(truth, {"raw": terms["raw"], "twice": terms["raw"] * 2})
    with pytest.raises(InputError, match="differ in length"):
        transfer(truth, {"raw": terms["raw"], "short": terms["raw"][:10]})
    with pytest.raises(InputError, match="is missing"):
        transfer(truth, terms).apply({"raw": terms["raw"]})
    time = np.datetime64("2024-01-01") + np.arange(200) * np.timedelta64(1, "h")
    with pytest.raises(InputError, match="three sensors"):
        network_drift(time, {"a": truth}, np.ones(200, bool))
    with pytest.raises(InputError, match="well mixed"):
        network_drift(time, {"a": truth, "b": truth, "c": truth}, np.zeros(200, bool))
