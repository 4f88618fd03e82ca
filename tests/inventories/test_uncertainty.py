"""Uncertainty of inventories: the guidelines' example, closed forms, draws against first order, trends."""

import numpy as np
import pytest

from ghg.core.errors import InputError
from inventories.uncertainty.approach1 import contributions, covariance, ipcc_table_3_2, ratio_u, trend
from inventories.uncertainty.approach2 import ensemble, multipliers
from inventories.uncertainty.budget import Budget


def budget(mass, *, activity=0.0, own=0.0, shared=(), u=(), follows=True) -> Budget:
    """Return a budget whose rows all have the same uncertainties."""
    mass = np.asarray(mass, float)
    n, m = mass.shape
    index = np.full((max(len(shared), 1), n, m), -1, np.int32)
    for slot, component in enumerate(shared):
        index[slot] = component
    names = ("CO2", "NOx", "SO2", "CO")[:n]
    return Budget(names, mass, np.full((n, m), follows), np.full(m, float(activity)),
                  np.full((n, m), float(own)), index, tuple(f"c{i}" for i in range(len(u))),
                  np.array(u, float))  # fmt: skip


def test_approach_1_example_of_the_guidelines():
    """Products by eq 3.1, sums by eq 3.2: 100 +- 20 % and 100 +- 9.2 % give 200 +- 11.0 %; as one budget too."""
    sheet = ipcc_table_3_2([100.0, 100.0], [100.0, 100.0], [0.0, 0.0], [20.0, 9.2])
    assert round(float(sheet["total_u"]), 1) == 11.0
    one = budget([[100.0, 100.0]])
    one = Budget(one.species, one.mass, one.follows, one.u_activity, np.array([[0.2, 0.092]]) / 1.96, one.shared, (),
                 one.u)  # fmt: skip
    u = np.sqrt(covariance(one)[0, 0, 0, 0])
    assert round(1.96 * u / 200 * 100, 1) == 11.0


def test_product_rule():
    """Eq 3.1: 3 % and 4 % give 5 %."""
    cov = covariance(budget([[10.0]], activity=0.03, own=0.04))
    assert np.sqrt(cov[0, 0, 0, 0]) == pytest.approx(0.5, rel=1e-12)


def test_shared_factor_adds_linearly_and_own_in_quadrature():
    rows = np.full((1, 100), 2.0)
    assert np.sqrt(covariance(budget(rows, shared=[0], u=[0.1]))[0, 0, 0, 0]) == pytest.approx(20.0, rel=1e-12)
    assert np.sqrt(covariance(budget(rows, own=0.1))[0, 0, 0, 0]) == pytest.approx(2.0, rel=1e-12)


def test_shared_activity_cancels_in_the_ratio():
    """CO2 and NOx of one row: correlation one through the activity, so that their ratio is exact."""
    both = budget([[100.0], [2.0]], activity=0.2)
    cov = covariance(both)[0, :, 0, :]
    assert cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1]) == pytest.approx(1.0, rel=1e-12)
    assert ratio_u(np.array([100.0, 2.0]), cov, 1, 0) == pytest.approx(0.0, abs=1e-7)
    carried = budget([[100.0], [2.0]], activity=0.2, follows=False)
    assert covariance(carried).max() == 0.0


def test_groups_add_up_to_the_whole(rng):
    mass = rng.lognormal(size=(3, 50))
    one = budget(mass, activity=0.1, own=0.2, shared=[0, 1], u=[0.05, 0.3])
    group = rng.integers(0, 4, 50)
    parts, whole = covariance(one, group), covariance(one)
    assert parts.sum(axis=(0, 2)) == pytest.approx(whole[0, :, 0, :], rel=1e-10)


@pytest.mark.kernel
def test_draws_agree_with_first_order(rng):
    """Approach 2 against Approach 1 within 2 % of sampling error where all is near linear; the same seed, the same."""
    mass = rng.lognormal(size=(2, 20))
    one = budget(mass, activity=0.08, own=0.05, shared=[0], u=[0.05])
    group = np.arange(20) % 2
    drawn = ensemble(one, group, draws=3000, seed=5)
    assert drawn.shape == (2, 2, 3000)
    cov = covariance(one, group).reshape(4, 4)
    found = np.cov(drawn.reshape(4, -1))
    assert np.sqrt(np.diag(found)) == pytest.approx(np.sqrt(np.diag(cov)), rel=0.06)
    assert found[0, 1] == pytest.approx(cov[0, 1], rel=0.15)
    assert (drawn == ensemble(one, group, draws=3000, seed=5)).all()
    assert drawn.mean(axis=2).ravel() == pytest.approx(
        np.array([[mass[k, group == g].sum() for k in range(2)] for g in range(2)]).ravel(), rel=0.01
    )


def test_wide_factors_are_lognormal_and_never_negative(rng):
    drawn = multipliers(rng, [0.1, 0.9], 200_000)
    assert drawn[1].min() > 0.0
    assert drawn.mean(axis=1) == pytest.approx([1.0, 1.0], abs=0.01)
    assert drawn.std(axis=1) == pytest.approx([0.1, 0.9], rel=0.03)


def test_contributions_rank_and_add_up():
    one = budget([[30.0, 70.0]], activity=0.1, own=0.02, shared=[0, 1], u=[0.05, 0.2])
    ranked = contributions(one, "CO2")
    assert [c.name for c in ranked][:2] == ["c1", "own activities"]
    assert sum(c.share for c in ranked) == pytest.approx(1.0)
    assert sum(c.u**2 for c in ranked) == pytest.approx(covariance(one)[0, 0, 0, 0])
    with pytest.raises(InputError, match="does not hold the species"):
        contributions(one, "NH3")


def test_trend_a_shared_factor_cancels_and_an_activity_does_not():
    """The same factor in both years: no uncertainty of the change; independent activities: sqrt(1 + ratio^2) u."""
    before, after = budget([[100.0]], shared=[0], u=[0.3]), budget([[80.0]], shared=[0], u=[0.3])
    assert trend(before, after, "CO2").u == pytest.approx(0.0, abs=1e-12)
    before, after = budget([[100.0]], activity=0.05), budget([[80.0]], activity=0.05)
    one = trend(before, after, "CO2")
    assert one.change == pytest.approx(-0.2)
    assert one.u == pytest.approx(0.05 * 0.8 * np.sqrt(2.0), rel=1e-12)


def test_budgets_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="does not fit"):
        Budget(("CO2",), np.ones((1, 2)), np.ones((1, 2), bool), np.zeros(3), np.zeros((1, 2)),
               np.full((1, 1, 2), -1, np.int32), (), np.zeros(0))  # fmt: skip
    with pytest.raises(InputError, match="negative or missing"):
        budget([[1.0]], own=-0.1)
