"""Footprint files of a network by site: any format of the readers, patterns of names, or a packed store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.footprints import Footprints, refuse
from inversion.store import Store, open_store

if TYPE_CHECKING:
    from ghg.core.provenance import Record
    from inversion.config import FootprintsJob

__all__ = ["ENDING", "Seen", "by_site", "integrated", "matching"]

ENDING = ".ghgfp"
Array = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32]
Times = npt.NDArray[np.datetime64]


def matching(base: Path, pattern: str) -> list[Path]:
    """Return the files of a name or pattern, in order of their names.

    Raises
    ------
    InputError
        A pattern fits no file.
    """
    if not any(mark in pattern for mark in "*?["):
        return [base / pattern]
    given = Path(pattern)
    root = Path(given.anchor) if given.is_absolute() else base
    if not (found := sorted(root.glob(str(given.relative_to(given.anchor))))):
        raise InputError("no footprint file fits the pattern", where=str(base / pattern))
    return found


def by_site(paths: Sequence[Path], **options: Any) -> list[Footprints]:
    """Open footprint files of several sites, still unread; files of one site are joined.

    Parameters
    ----------
    paths : sequence of path
    options
        Of :func:`inversion.readers.read_footprints`.
    """
    from inversion.readers import read_footprints

    files: dict[str, list[Path]] = {}
    for path in paths:
        files.setdefault(read_footprints(path, **options).site, []).append(path)
    return [read_footprints(own, **options) for own in files.values()]


@dataclass(frozen=True)
class Seen:
    """Footprints of one site at its observations.

    Parameters
    ----------
    values : array of float32 (n, cells)
        Integrated over time, (mol mol-1) / (mol m-2 s-1).
    grid : (latitude, longitude)
        Centres.
    rows : Footprints, optional
        The same, still unread, for where their particles left the domain.
    """

    values: Values
    grid: tuple[Array, Array]
    rows: Footprints | None = None


def integrated(one: FootprintsJob, base: Path, time: Times, record: Record | None = None) -> Seen:
    """Return footprints integrated over time at the observations.

    What is resolved in time is summed: the state then sees the whole footprint in the period of the observation.

    Raises
    ------
    InputError
        As the readers and the store; observations without a footprint.
    """
    from inversion.readers import read_footprints

    paths = matching(base, one.file)
    if record is not None:
        for path in paths:
            record.use(path, "footprints")
    if paths[0].suffix == ENDING:
        store = open_store(paths[0])
        own = store.footprints(one.site, time) if len(store.arrays["lags"]) else None
        return Seen(_from_store(store, store.rows_of([one.site] * time.size, time)), store.grid, own)
    opened = read_footprints(paths, format=one.format, site=one.site, units=one.units, label=one.label)
    rows = opened.match(time)
    if one.truncated == "refuse":
        refuse(opened, np.intersect1d(rows, opened.short()), "footprints are truncated",
               "leave these observations out, or say truncated = 'keep'")  # fmt: skip
    kept = opened.select(rows)
    values = np.empty((time.size, opened.latitude.size * opened.longitude.size), np.float32)
    for own, piece in kept.chunks():
        values[own] = piece.total.reshape(own.size, -1)
    refuse(kept, np.flatnonzero(~values.any(axis=1)), "footprints are zero everywhere", "leave these observations out")
    return Seen(values, (opened.latitude, opened.longitude), kept)


def _from_store(store: Store, rows: npt.NDArray[np.int64]) -> Values:
    a = store.arrays
    values = np.zeros((rows.size, a["latitude"].size * a["longitude"].size), np.float32)
    for k, row in enumerate(rows):
        own = slice(int(a["start"][row]), int(a["start"][row + 1]))
        np.add.at(values[k], a["cell"][own], a["value"][own])  # a cell occurs once for each lag
    return values
