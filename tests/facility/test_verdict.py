"""The verdict follows from its numbers, in a stated order."""

from __future__ import annotations

import pytest

from ghg.facility.verdict import CODES, decide


@pytest.mark.parametrize(
    ("ratio", "equivalent", "options", "code"),
    [
        ((1.01, 0.99, 1.03), True, {}, "equivalent"),
        ((1.02, 1.01, 1.03), True, {}, "equivalent"),
        ((1.10, 1.05, 1.15), False, {}, "measured_higher"),
        ((0.90, 0.85, 0.95), False, {}, "measured_lower"),
        ((1.067, 0.945, 1.206), False, {}, "inconclusive"),
        ((1.00, 0.99, 1.01), True, {"not_independent": ("G-4",)}, "not_independent"),
        ((1.00, 0.99, 1.01), True, {"not_independent": ("G-4",), "not_comparable": ("gap",)}, "not_comparable"),
    ],
)
def test_order_of_findings(ratio, equivalent: bool, options: dict, code: str) -> None:
    verdict = decide(ratio, equivalent, margin=0.05, coverage=0.95, **options)
    assert verdict.code == code
    assert code in CODES
    assert verdict.reasons
    assert verdict.as_dict()["margin_percent"] == 5.0
