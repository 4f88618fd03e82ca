"""What the screening says: one finding for each thing that looks wrong, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sensors.integrity.null import benjamini_yekutieli, nulls

if TYPE_CHECKING:
    from sensors.integrity.units import Unit

__all__ = ["Finding", "Screening", "controlled", "made"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One detector on one unit.

    Parameters
    ----------
    source : str
        The unit.
    detector, subject : str
        What was looked for, and in which channel ("heat_input") or relation ("heat_input ~ gross_load").
    score, p : float
        Score of the detector, and the probability that a genuine record scores as high.
    start, end : datetime64
        The evidence window (UTC).
    alarm : bool
        The score is one that genuine units reach less than the agreed number of times a year.
    values : tuple of str
        Size of the step, place of the original ...; what each is, the detector says (``detail``).
    opens : bool
        An alarm, and not within 30 days after another of the same kind: then the unit is under review already.
    q : float
        False-discovery rate at which this is a discovery, over all detectors and units of the screening.
    """

    source: str
    detector: str
    subject: str
    score: float
    p: float
    start: np.datetime64
    end: np.datetime64
    alarm: bool
    values: tuple[str, ...] = ()
    opens: bool = True
    q: float = 1.0

    @property
    def detail(self) -> str:
        """Size or origin in words; empty where the detector has none."""
        return nulls()[self.detector].detail.format(*self.values) if self.values else ""

    def sentence(self) -> str:
        """Return the finding in words."""
        window = f"{_minute(self.start)} to {_minute(self.end)}"
        more = f" ({self.detail})" if self.detail else ""
        meaning = nulls()[self.detector].meaning
        return f"{self.source}, {self.subject}: {meaning}{more}, {window} UTC"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for JSON and tables."""
        return {
            "source": self.source,
            "detector": self.detector,
            "subject": self.subject,
            "score": self.score,
            "p": self.p,
            "q": self.q,
            "alarm": self.alarm and self.opens,
            "during_review": self.alarm and not self.opens,
            "start": _minute(self.start),
            "end": _minute(self.end),
            "detail": self.detail,
            "values": list(self.values),
            "meaning": nulls()[self.detector].meaning,
        }


@dataclass(frozen=True)
class Screening:
    """All findings of a screening; most are not alarms.

    Parameters
    ----------
    findings : tuple of Finding
        Every detector on every unit that gave it something to judge, alarms first.
    years : float
        Unit-years of record.
    tests : int
        Detectors times units.
    """

    findings: tuple[Finding, ...]
    years: float
    tests: int

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The findings that are alarms and open a review."""
        return tuple(f for f in self.findings if f.alarm and f.opens)

    @property
    def further(self) -> tuple[Finding, ...]:
        """What would be alarms if the unit were not under review already."""
        return tuple(f for f in self.findings if f.alarm and not f.opens)

    def discoveries(self, rate: float = 0.05) -> tuple[Finding, ...]:
        """The findings of which at most the share `rate` are false."""
        return tuple(f for f in self.findings if f.q <= rate)

    def sources(self) -> dict[str, tuple[float, float]]:
        """Return for each unit with findings its p-value over all detectors, and its q value over all units.

        The p-values of a unit's detectors depend on each other, so they are combined as Bonferroni does: the smallest
        times their number.
        """
        each: dict[str, list[float]] = {}
        for f in self.findings:
            each.setdefault(f.source, []).append(f.p)
        p = [min(1.0, len(v) * min(v)) for v in each.values()]
        return {name: (one, float(q)) for name, one, q in zip(each, p, benjamini_yekutieli(p), strict=True)}


def _minute(time: np.datetime64) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ")


def made(
    unit: Unit, detector: str, subject: str, score: float, hours: tuple[float, float],
    values: tuple[str, ...] = (), p: float | None = None,
) -> Finding:  # fmt: skip
    """Return a finding of a unit; its p-value by the law of the detector unless given."""
    null = nulls()[detector]
    return Finding(unit.name, detector, subject, float(score), null.p(score, unit.years) if p is None else p,
                   unit.time(hours[0]), unit.time(hours[1]), score >= null.alarm, values)  # fmt: skip


def controlled(findings: list[Finding], tests: int | None = None) -> list[Finding]:
    """Return the findings with their false-discovery rate over `tests` tests, the most certain first."""
    if not findings:
        return []
    q = benjamini_yekutieli([f.p for f in findings], tests)
    marked = [replace(f, q=float(v)) for f, v in zip(findings, q, strict=True)]
    return sorted(marked, key=lambda f: (not f.alarm, not f.opens, f.p, -f.score))
