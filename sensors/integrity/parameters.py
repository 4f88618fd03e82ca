"""Did the record change its level or its slope when a parameter was changed?"""

from __future__ import annotations

import numpy as np

from sensors.integrity._kernels import curve as _curve
from sensors.integrity._kernels import relations as _relations
from sensors.integrity.findings import Finding, made
from sensors.integrity.units import Relation, Unit

__all__ = ["findings"]

HOURS = 96  # steady hours before and after the change
LEAST = 0.005  # ln: a smaller change of level is none


def findings(unit: Unit, relations: list[Relation], tolerance: float) -> tuple[list[Finding], int]:
    """Return for each recorded change of a parameter what it did to what follows the load.

    The p-value is the share of all other places of the unit's own record at which level or slope change as much
    (doubled, for the two looks), so that a restless unit needs a greater change.

    Parameters
    ----------
    unit : Unit
        With `changes`.
    relations : list of Relation
        Those with a curve.
    tolerance : float
        See :func:`sensors.integrity._kernels.relations.steady_hours`.
    """
    found: list[Finding] = []
    for relation in relations if unit.changes else ():
        x, y = unit.channels[relation.x], unit.channels[relation.y]
        index, r, work = np.empty(unit.on.size, np.int64), np.empty(unit.on.size), np.empty(unit.on.size)
        count = _relations.steady_hours(unit.on, x, y, tolerance, index)
        _curve.residuals(x, y, index, count, r, work)
        for hour in unit.changes:
            level, slope, levels, slopes = _relations.change_at(r, x, index, count, hour, HOURS)
            tails = [_tail(level, levels), _tail(slope, slopes)]
            if not np.isfinite(level) or min(tails) >= 1.0:
                continue
            p = min(1.0, 2.0 * min(tails))
            real = tails[1] <= tails[0] or abs(level) >= LEAST
            score = -float(np.log(p)) if real else 0.0
            if score > 0.0:
                sizes = (f"{100.0 * np.expm1(level):+.1f} %", f"{slope:+.3f}")
                found.append(made(unit, "parameter", f"{relation.y} ~ {relation.x}", score,
                                  (max(hour - HOURS, 0), min(hour + HOURS, unit.on.size)), sizes, p=p))  # fmt: skip
    return found, len(unit.changes) * len(relations)


def _tail(value: float, others: np.ndarray) -> float:
    """Return the share of `others` at least as far from zero, the value itself counted."""
    others = others[np.isfinite(others)]
    if not np.isfinite(value) or others.size < 20:
        return 1.0
    return float((1.0 + np.sum(np.abs(others) >= abs(value))) / (1.0 + others.size))
