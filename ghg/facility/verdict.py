"""The verdict in words, from numbers that justify it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

CODES = ("equivalent", "measured_higher", "measured_lower", "inconclusive", "not_independent", "not_comparable")


@dataclass(frozen=True)
class Verdict:
    """What a comparison says.

    Parameters
    ----------
    code : str
        One of `CODES`.
    sentence : str
        The verdict with its numbers.
    reasons : tuple of str
        Why, one sentence each.
    margin_percent, coverage : float
        Equivalence margin and coverage probability of the intervals.
    reservations : tuple of str
        What the records say about themselves: alarms, substituted and flagged data. They do not move the numbers.
    """

    code: str
    sentence: str
    reasons: tuple[str, ...]
    margin_percent: float
    coverage: float
    reservations: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict for JSON."""
        return {**asdict(self), "reasons": list(self.reasons), "reservations": list(self.reservations)}


def decide(
    ratio: tuple[float, float, float],
    equivalent: bool,
    *,
    margin: float,
    coverage: float,
    not_comparable: tuple[str, ...] = (),
    not_independent: tuple[str, ...] = (),
) -> Verdict:
    """Return the verdict.

    Parameters
    ----------
    ratio : tuple of float
        Measured/accounted with the ends of its coverage interval.
    equivalent : bool
        Both one-sided tests against the margin are passed (TOST).
    margin, coverage : float
        As fractions.
    not_comparable, not_independent : tuple of str
        Findings that come before any number: what the pair lacks, or why it is not two measurements.

    Notes
    -----
    The order is part of the verdict: a pair that is not comparable is not judged, one that is not independent
    cannot confirm anything, and equivalence within the margin counts before a significant difference inside it.
    """
    value, low, high = ratio
    numbers = (
        f"measured differs from accounted by {100 * (value - 1):+.2f} % ({coverage:.0%} interval "
        f"{100 * (low - 1):+.1f} to {100 * (high - 1):+.1f} %)"
    )
    if not_comparable:
        return Verdict("not_comparable", "The two sides cannot be compared.", not_comparable, 100 * margin, coverage)
    if not_independent:
        sentence = f"The two sides are not independent, so their agreement proves nothing; {numbers}."
        return Verdict("not_independent", sentence, not_independent, 100 * margin, coverage)
    if equivalent:
        reasons = (f"both one-sided tests against a margin of {margin:.1%} are passed at 5 %",)
        return Verdict(
            "equivalent",
            f"Measured and accounted agree within {margin:.1%}: {numbers}.",
            reasons,
            100 * margin,
            coverage,
        )
    if low > 1.0 or high < 1.0:
        code = "measured_higher" if low > 1.0 else "measured_lower"
        word = "higher" if low > 1.0 else "lower"
        reasons = (f"the {coverage:.0%} interval of the ratio excludes 1",)
        return Verdict(code, f"Measured is {word} than accounted: {numbers}.", reasons, 100 * margin, coverage)
    reasons = (
        f"the {coverage:.0%} interval of the ratio includes 1, so a difference is not shown",
        f"it reaches beyond the margin of {margin:.1%}, so agreement is not shown either",
    )
    return Verdict(
        "inconclusive", f"The uncertainties do not allow a verdict: {numbers}.", reasons, 100 * margin, coverage
    )
