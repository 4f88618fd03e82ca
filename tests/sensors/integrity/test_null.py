"""The laws of scores, and the control of false discoveries."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensors.integrity.null import Null, benjamini_yekutieli, fit, nulls


def test_the_rate_is_one_a_year_at_yearly_and_falls_by_e() -> None:
    law = Null(3.0, 2.0, 0.5, "")
    assert law.rate(2.0) == 1.0 and law.rate(2.5) == pytest.approx(math.exp(-1))
    assert law.p(2.5, 3.0) == pytest.approx(1 - math.exp(-3 * math.exp(-1)))
    assert Null(3.0, 2.0, 0.5, "", log=True).rate(2.0 * math.exp(0.5)) == pytest.approx(math.exp(-1))
    assert law.p(0.0, 1.0) == 1.0


@pytest.mark.parametrize("log", [False, True])
def test_fit_recovers_the_law(log: bool) -> None:
    """Highest scores of records of unequal length; the maximum likelihood estimate of 4000 lies within 4 %."""
    rng = np.random.default_rng(3)
    years = rng.uniform(0.2, 3.0, 4000)
    scores = 2.0 + 0.5 * (np.log(years) + rng.gumbel(size=4000))
    yearly, scale = fit(np.exp(scores) if log else scores, years, log=log)
    assert (math.log(yearly) if log else yearly) == pytest.approx(2.0, rel=0.04)
    assert scale == pytest.approx(0.5, rel=0.04)


def test_benjamini_yekutieli_by_hand() -> None:
    """m = 4: the harmonic sum is 25/12; q = p m c / rank, made monotone."""
    c = 25 / 12
    q = benjamini_yekutieli([0.01, 0.5, 0.02, 0.03])
    np.testing.assert_allclose(q, [0.04 * c, 1.0, 0.04 * c, 0.04 * c])
    assert benjamini_yekutieli([0.01], 4)[0] == pytest.approx(0.04 * c)


def test_false_discoveries_stay_under_their_rate() -> None:
    """100 of 1000 tests are true, in correlated blocks of ten: the mean false share stays below 5 %."""
    from scipy.stats import norm

    rng = np.random.default_rng(8)
    shares = []
    for _ in range(100):
        z = np.repeat(rng.standard_normal(100), 10) * 0.7 + math.sqrt(0.51) * rng.standard_normal(1000)
        z[:100] += 5.0
        named = benjamini_yekutieli(norm.sf(z)) <= 0.05
        shares.append(named[100:].sum() / max(1, named.sum()))
        assert named[:100].sum() > 30
    assert np.mean(shares) < 0.05


def test_every_law_is_sound() -> None:
    for name, law in nulls().items():
        assert law.scale > 0 and law.yearly > 0 and law.meaning, name
        # genuine levels change too; "parameter" has a p of its own
        assert name in ("step", "jump", "parameter") or law.rate(law.alarm) < 0.03, name
