"""What a quality test answers: pass or fail, how far from the limit, the numbers, and where the limit stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

from ghg.core.errors import InputError

__all__ = ["Check", "QualityResult", "finite_values", "mean", "one_of", "round_half_up"]


@dataclass(frozen=True)
class Check:
    """One number against its limit: it holds where ``abs(value) <= limit``.

    Parameters
    ----------
    name : str
        What is limited.
    value, limit : float
        In `units`.
    units : str
        Unit of both.
    clause : str
        Where the limit stands.
    verified : bool
        Whether the limit was read in its source.
    """

    name: str
    value: float
    limit: float
    units: str
    clause: str
    verified: bool

    @property
    def passed(self) -> bool:
        """Whether the number keeps its limit; NaN does not."""
        return abs(self.value) <= self.limit

    @property
    def margin(self) -> float:
        """Share of the limit that is left: 1 at zero, 0 at the limit, negative beyond."""
        if self.limit == 0.0:
            return 0.0 if self.value == 0.0 else -math.inf
        return (self.limit - abs(self.value)) / self.limit

    def as_dict(self) -> dict[str, Any]:
        """Return the check for JSON."""
        return {**vars(self), "passed": self.passed, "margin": self.margin}


@dataclass(frozen=True)
class QualityResult:
    """Answer of a quality test.

    Parameters
    ----------
    test : str
        rata, linearity, calibration, cycle_time, qal2, ast, shewhart, cusum, ewma or acceptance.
    standard : str
        Under which rules.
    passed : bool
        The answer.
    checks : tuple of Check
        The limits, those of which one is enough included.
    deciding : str
        Name of the check on which the answer rests: the failed or the nearest one.
    values : dict
        The numbers of the test by name.
    series : dict of list
        What a plot needs.
    units : str
        Unit of the measured quantity.
    subject : str
        Monitor, place and test number.
    notes : tuple of str
        Remarks.
    """

    test: str
    standard: str
    passed: bool
    checks: tuple[Check, ...]
    deciding: str
    values: dict[str, Any]
    series: dict[str, list[Any]] = field(default_factory=dict)
    units: str = ""
    subject: str = ""
    notes: tuple[str, ...] = ()

    @property
    def margin(self) -> float:
        """Share of the deciding limit that is left, negative where the test failed."""
        return self.check(self.deciding).margin

    @property
    def clause(self) -> str:
        """Where the deciding limit stands."""
        return self.check(self.deciding).clause

    @property
    def verified(self) -> bool:
        """Whether all limits that entered were read in their source."""
        return all(check.verified for check in self.checks)

    def check(self, name: str) -> Check:
        """Return a check by its name."""
        return next(check for check in self.checks if check.name == name)

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {
            "test": self.test, "standard": self.standard, "subject": self.subject, "passed": self.passed,
            "margin": self.margin, "deciding": self.deciding, "clause": self.clause, "verified": self.verified,
            "units": self.units, "values": self.values, "checks": [c.as_dict() for c in self.checks],
            "series": self.series, "notes": list(self.notes),
        }  # fmt: skip


def one_of(checks: Sequence[Check]) -> tuple[bool, str]:
    """Return the answer where one kept limit is enough, and the deciding check: the first kept, else the nearest."""
    kept = [check for check in checks if check.passed]
    best = kept[0] if kept else max(checks, key=lambda c: c.margin)
    return best.passed, best.name


def finite_values(values: Any, name: str, least: int, test: str) -> np.ndarray:
    """Return the readings of a test as float64 (n,).

    Raises
    ------
    InputError
        Not enough of them, or one that is not finite.
    """
    array = np.asarray(values, float).ravel()
    if array.size < least:
        raise InputError(f"{test} has too few readings", where=name, found=str(array.size), need=f"at least {least}")
    if not np.isfinite(array).all():
        raise InputError(f"{test} has a reading that is not a number", where=f"{name}, number "
                         f"{int(np.argmin(np.isfinite(array))) + 1}", hint="leave the run out")  # fmt: skip
    return array


def exact(value: float) -> Decimal:
    """Return a reading as the decimal that was written: the shortest that gives the same double."""
    return Decimal(repr(float(value)))


def mean(values: Any) -> Decimal:
    """Return the mean of readings in decimals, as the regulation computes it."""
    parts = [exact(v) for v in np.asarray(values, float).ravel()]
    return sum(parts, Decimal(0)) / len(parts)


def round_half_up(value: Decimal | float, decimals: int) -> float:
    """Round halves away from zero in decimals (``MidpointRounding.AwayFromZero`` of EPA's check engine)."""
    number = value if isinstance(value, Decimal) else exact(value)
    return float(number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP))
