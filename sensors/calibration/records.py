"""Statistics of readings by interval and port: what everything after the raw log is computed from.

One interval is a clock minute of one port (or what the network delivers, nine minutes at NEON). Number, mean and sum of
squared deviations are kept for every gas, so that visits, hours and every later calibration are algebra on them: a
new tank value or another drift model never needs the raw rows again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Records", "concatenate", "merge"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Records:
    """Statistics by interval.

    Parameters
    ----------
    gases : tuple of str
    ports : tuple of str
        Labels; `port` points into them.
    start, end : int64, shape (n,)
        Edges [ns since 1970, UTC].
    port : int32, shape (n,)
    visit : int64, shape (n,)
        Number of the uninterrupted stay on a port.
    count : int64, shape (gases, n)
        Readings used.
    mean, m2 : float64, shape (gases, n)
        Mean in dry air on the analyser's own scale, and sum of squared deviations, in the unit of the gas.
    water : float64, shape (n,)
        Mean water [percent]; NaN where it is not known.
    lost : int32, shape (reasons, n)
        Readings not used, by :data:`LOST`.
    assigned : float64, shape (gases, n)
        Value of the cylinder where the record itself carries it, else NaN.
    notes : tuple of str
        What was found in the files.
    """

    gases: tuple[str, ...]
    ports: tuple[str, ...]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    port: npt.NDArray[np.int32]
    visit: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    mean: Array
    m2: Array
    water: Array
    lost: npt.NDArray[np.int32]
    assigned: Array
    notes: tuple[str, ...] = field(default=())

    LOST = ("limits", "status", "flush", "invalid")

    @property
    def size(self) -> int:
        """Number of intervals."""
        return self.start.size

    def take(self, where: Any) -> Records:
        """Return the intervals chosen by a mask, an index or a slice."""
        last = {name: getattr(self, name)[:, where] for name in ("count", "mean", "m2", "lost", "assigned")}
        first = {name: getattr(self, name)[where] for name in ("start", "end", "port", "visit", "water")}
        return replace(self, **first, **last)


def concatenate(parts: Sequence[Records]) -> Records:
    """Join records of the same gases and ports in the order given; visits must be numbered throughout."""
    names = ("start", "end", "port", "visit", "count", "mean", "m2", "water", "lost", "assigned")
    joined = {name: np.concatenate([getattr(p, name) for p in parts], axis=-1) for name in names}
    notes = tuple(dict.fromkeys(note for p in parts for note in p.notes))
    return replace(parts[0], **joined, notes=notes)


def merge(count: Any, mean: Any, m2: Any, group: Any, groups: int) -> tuple[Any, Array, Array]:
    """Merge statistics by group: number, mean and sum of squares of the whole.

    Parameters
    ----------
    count, mean, m2 : array, shape (n,)
        Of the parts; parts without readings count nothing.
    group : int array, shape (n,)
        Number of the group of each part, below `groups`.
    groups : int

    Returns
    -------
    tuple
        count, mean (NaN where empty) and m2, each (groups,).

    References
    ----------
    Chan, Golub & LeVeque (1983), Am. Stat. 37, 242-247: updating sums of squares.
    """
    used = count > 0
    n, x, g = count[used].astype(np.float64), mean[used], group[used]
    total = np.bincount(g, n, groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.bincount(g, n * x, groups) / total
    inside = np.bincount(g, m2[used], groups)
    between = np.bincount(g, n * (x - centre[g]) ** 2, groups)
    square: Any = inside + between
    return total.astype(np.int64), centre, square
