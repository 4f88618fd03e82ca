"""Budgets: combination, degrees of freedom, IPCC approach 1, text for files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.core.uncertainty import Budget, Component, ipcc_product, ipcc_sum

END_GAUGE = Budget(
    (
        Component("standard", 25.0, degrees_of_freedom=18),
        Component("difference", 9.7, degrees_of_freedom=25.6),
        Component("expansion", 2.9, degrees_of_freedom=50),
        Component("temperature", 16.6, degrees_of_freedom=2),
    ),
    value=50_000_838.0,
    unit="nm",
)


def test_end_gauge_of_gum_h1() -> None:
    # JCGM 100 H.1.5-H.1.6, first order: u = 32 nm, 16 degrees of freedom, U99 = 2.92 * 32 = 93 nm
    assert round(END_GAUGE.u) == 32
    assert math.floor(END_GAUGE.effective_degrees_of_freedom) == 16
    interval = END_GAUGE.interval(0.99)
    assert interval.k == pytest.approx(2.92, abs=0.005)
    assert round(interval.upper - END_GAUGE.value) == 93
    assert "16 degrees of freedom" in str(interval)


def test_random_and_systematic_are_kept_apart() -> None:
    budget = Budget((Component("flow", 3.0), Component("noise", 4.0, kind="random")), 100.0, "kg s-1")
    assert (budget.systematic, budget.random, budget.u, budget.u_rel) == (3.0, 4.0, 5.0, 0.05)
    mean = budget.mean_of(16)
    assert (mean.systematic, mean.random) == (3.0, 1.0)


def test_combination_shared_is_linear_and_own_is_quadratic() -> None:
    a = Budget((Component("flow", 3.0), Component("concentration", 3.0)), 10.0, "t")
    b = Budget((Component("flow", 4.0), Component("concentration", 4.0), Component("moisture", 1.0)), 20.0, "t")
    both = a.combine(b, shared=["flow"])
    assert {c.name: c.u for c in both.components} == {"flow": 7.0, "concentration": 5.0, "moisture": 1.0}
    assert both.value == 30.0


def test_degrees_of_freedom_of_added_components_are_welch_satterthwaite() -> None:
    a = Budget((Component("x", 3.0, degrees_of_freedom=5),), 1.0, "t")
    b = Budget((Component("x", 4.0, degrees_of_freedom=10),), 1.0, "t")
    assert a.combine(b).components[0].degrees_of_freedom == pytest.approx(5**4 / (3**4 / 5 + 4**4 / 10))


def test_relative_and_absolute_are_inverse() -> None:
    relative = END_GAUGE.relative()
    assert relative.unit == "1"
    back = relative.absolute(END_GAUGE.value, "nm")
    assert back.u == pytest.approx(END_GAUGE.u, rel=1e-15)
    with pytest.raises(InputError, match="other than zero"):
        Budget((Component("a", 1.0),), 0.0, "t").relative()
    with pytest.raises(InputError, match="not relative"):
        END_GAUGE.absolute(1.0, "t")


def test_interval_states_what_it_is() -> None:
    budget = Budget((Component("a", 2.0),), 10.0, "t")
    interval = budget.interval(k=2.0)
    assert (interval.lower, interval.upper, interval.distribution) == (6.0, 14.0, "normal")
    assert interval.coverage == pytest.approx(0.9545, abs=5e-5)  # JCGM 100 table G.2, normal
    assert END_GAUGE.interval(0.95, distribution="normal").k == pytest.approx(1.960, abs=5e-4)
    with pytest.raises(InputError, match="not both"):
        budget.interval(0.95, k=2.0)
    with pytest.raises(InputError, match="coverage"):
        budget.interval(1.5)
    with pytest.raises(InputError, match="distribution"):
        budget.interval(distribution="cauchy")


def test_table_ranks_and_its_shares_are_whole() -> None:
    rows = END_GAUGE.table()
    assert [r["name"] for r in rows[:2]] == ["standard", "temperature"]
    assert sum(r["share"] for r in rows[:4]) == pytest.approx(1.0)
    assert [r["name"] for r in rows[-3:]] == ["random", "systematic", "combined"]


def test_text_round_trip_is_strict_json() -> None:
    text = END_GAUGE.to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert Budget.from_json(text) == END_GAUGE
    empty = Budget.from_json(Budget().to_json())
    assert empty.components == () and math.isnan(empty.value)
    for wrong in ("", "[]", '{"components": [{"u": 1}], "value": 1, "unit": ""}'):
        with pytest.raises(InputError, match="not an uncertainty budget"):
            Budget.from_json(wrong)


def test_limits_and_certificates() -> None:
    # JCGM 100 4.3.7 and 4.3.9: a / sqrt(3), a / sqrt(6); 4.3.3: U / k
    assert Component.from_limits("a", 3.0).u == pytest.approx(math.sqrt(3.0))
    assert Component.from_limits("a", 6.0, "triangular").u == pytest.approx(math.sqrt(6.0))
    assert Component.from_expanded("a", 240e-6, 3.0).u == pytest.approx(80e-6)
    with pytest.raises(InputError, match="bounded"):
        Component.from_limits("a", 1.0, "normal")


def test_shape_of_a_component() -> None:
    assert Component("a", 1.0).shape == "normal"
    assert Component("a", 1.0, degrees_of_freedom=9).shape == ("t", 9)
    assert Component("a", 1.0, distribution="rectangular").shape == "rectangular"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"u": -1.0}, "zero or more"),
        ({"u": math.nan}, "zero or more"),
        ({"kind": "both"}, "kind"),
        ({"distribution": "U"}, "distribution"),
        ({"degrees_of_freedom": 0.0}, "degrees of freedom"),
    ],
)
def test_bad_components_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Component(**({"name": "flow", "u": 1.0} | change))  # type: ignore[arg-type]


def test_bad_budgets_are_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        Budget((Component("a", 1.0), Component("a", 2.0)))
    a, b = Budget((Component("a", 1.0),), 1.0, "t"), Budget((Component("a", 1.0, kind="random"),), 1.0, "t")
    with pytest.raises(InputError, match="random in one"):
        a.combine(b)
    with pytest.raises(InputError, match="cannot be shared"):
        b.combine(b, shared=["a"])
    with pytest.raises(InputError, match="different units"):
        a.combine(Budget((), 1.0, "kg"))
    with pytest.raises(InputError, match="at least one"):
        a.mean_of(0)


def test_ipcc_approach_1(shared_data: Path) -> None:
    vector = json.loads((shared_data / "facility/vectors/vectors.json").read_text())["ipcc_approach1_sum"]
    values, percent = zip(vector["a"], vector["b"], strict=True)
    total, u = ipcc_sum(values, percent)
    assert (total, round(u, 1)) == tuple(vector["sum"])


def test_ipcc_correlation_limits() -> None:
    assert ipcc_product([3.0, 4.0]) == 5.0
    assert ipcc_product([3.0, 4.0], 1.0) == pytest.approx(7.0)
    assert ipcc_product([3.0, 4.0], [[1.0, -1.0], [-1.0, 1.0]]) == pytest.approx(1.0)
    assert ipcc_sum([10.0, 10.0], [5.0, 5.0], 1.0)[1] == pytest.approx(5.0)
    assert ipcc_sum([10.0, -10.0], [5.0, 5.0])[0] == 0.0
    assert math.isnan(ipcc_sum([10.0, -10.0], [5.0, 5.0])[1])
    with pytest.raises(InputError):
        ipcc_sum([1.0, 2.0], [1.0])
    with pytest.raises(InputError, match="negative eigenvalue"):
        ipcc_product([1.0, 1.0, 1.0], -0.9)


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=8), st.floats(-0.1, 1.0))
def test_ipcc_product_lies_between_independent_and_linear(percent: list[float], r: float) -> None:
    u = ipcc_product(percent, r)
    assert u <= sum(percent) * (1 + 1e-9) + 1e-9
    if r >= 0:
        assert u >= ipcc_product(percent) * (1 - 1e-9) - 1e-9
    assert u == pytest.approx(ipcc_product(np.array(percent)[::-1], r), rel=1e-9, abs=1e-9)
