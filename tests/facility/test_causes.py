"""The split of a difference: exact, additive, symmetric, and the convention named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.facility.causes import decompose
from ghg.facility.lmdi import lmdi, log_mean

positive = st.floats(1e-3, 1e3)
series = st.lists(st.tuples(positive, positive, positive, positive), min_size=1, max_size=12)


@given(series)
def test_lmdi_sums_to_the_whole_and_changes_sign(rows: list[tuple[float, ...]]) -> None:
    a, b, c, d = np.array(rows).T
    parts = lmdi({"x": a, "y": b}, {"x": c, "y": d})
    back = lmdi({"x": c, "y": d}, {"x": a, "y": b})
    assert sum(parts.values()) == pytest.approx(math.log((a * b).sum() / (c * d).sum()), abs=1e-9)
    for name in parts:
        assert parts[name] == pytest.approx(-back[name], abs=1e-9)


@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=8), st.floats(0.5, 2.0))
def test_a_factor_changed_alone_carries_everything(rows: list[tuple[float, float]], change: float) -> None:
    x, y = np.array(rows).T
    parts = lmdi({"x": x * change, "y": y}, {"x": x, "y": y})
    assert parts["x"] == pytest.approx(math.log(change), abs=1e-9)
    assert parts["y"] == pytest.approx(0.0, abs=1e-12)


@given(positive, positive)
def test_log_mean_lies_between_geometric_and_arithmetic(a: float, b: float) -> None:
    mean = float(log_mean(np.array([a]), np.array([b]))[0])
    assert math.sqrt(a * b) * (1 - 1e-9) <= mean <= (a + b) / 2 * (1 + 1e-9)


def test_cholla_2012() -> None:
    # US EPA CAMPD 2012 and EIA-923 2012, with table C-1 factors: 8 468 675.828 short ton, 82 540 692.896 mmBtu
    heat = (np.array([82_540_692.896]), np.array([74_057_718.0 + 30_840.0 + 3_571.0]))
    accounted = 74_057_718 * 97.17 + 30_840 * 73.96 + 3_571 * 53.06
    found = decompose((np.array([8_468_675.828 * 907.18474]), np.array([accounted])), heat, 1800.0, 1840.0)
    terms = {t.name: t for t in found.terms}
    assert round(terms["heat"].ln, 5) == 0.10798
    assert round(terms["emission_factor"].ln, 5) == -0.04291
    assert terms["heat"].convention_ln == pytest.approx(math.log(1840 / 1800))
    assert terms["heat"].convention_ln == -terms["emission_factor"].convention_ln
    assert sum(t.ln for t in found.terms) == pytest.approx(found.total_ln, abs=1e-12)
    assert "Fc 1800" in found.conventions[0].explanation


def test_without_heat_the_mass_is_one_term() -> None:
    found = decompose((np.array([2.0, 3.0]), np.array([1.0, 4.0])), None)
    assert [t.name for t in found.terms] == ["mass"]
    assert found.total_ln == pytest.approx(0.0)


def test_idle_months_fall_back_to_the_totals() -> None:
    heat = (np.array([10.0, 5.0]), np.array([9.0, 5.0]))
    found = decompose((np.array([1.0, 0.0]), np.array([1.0, 0.5])), heat)
    assert sum(t.ln for t in found.terms) == pytest.approx(found.total_ln, abs=1e-12)


def test_an_interval_that_one_side_lacks_belongs_to_the_factor_that_is_zero() -> None:
    parts = lmdi(
        {"heat": np.array([1.0, 2.0]), "factor": np.ones(2)}, {"heat": np.array([1.0, 0.0]), "factor": np.ones(2)}
    )
    assert parts == pytest.approx({"heat": math.log(3.0), "factor": 0.0})
