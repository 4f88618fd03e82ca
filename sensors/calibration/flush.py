"""How long after a valve has turned the reading is still that of the gas before: found from visits of cylinders."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["find_flush"]

STEP = 10.0  # [s] resolution
SHORTEST = 60.0  # [s] visits below are not looked at
MARGIN = 1  # steps added


def find_flush(time: Any, port: Any, x: Any, tanks: list[int], most: int = 20) -> float:
    """Return the flush time [s].

    A visit is compared with its own last third. The flush time ends with the last step in which the median departure
    over the visits is more than three times its noise, plus one step.

    Parameters
    ----------
    time : int64 array, shape (n,)
        [ns], ascending.
    port : int array, shape (n,)
    x : array, shape (n,)
        Readings of one gas.
    tanks : list of int
        Ports of cylinders.
    most : int
        The first so many visits are looked at, so that a longer record finds the same time.

    Returns
    -------
    float
        Zero where no visit is long enough.
    """
    turns = np.flatnonzero(np.concatenate([[True], (port[1:] != port[:-1]) | (np.diff(time) > 60 * 10**9)]))
    ends = np.append(turns[1:], port.size)
    departures: list[Any] = []
    looked = 0
    for a, b in zip(turns.tolist(), ends.tolist(), strict=True):
        length = (time[b - 1] - time[a]) / 1e9
        if a == 0 or port[a] not in tanks:
            continue
        looked += 1
        if looked > most:
            break
        if length < SHORTEST:
            continue
        fresh = np.isfinite(x[a:b])
        since, values = ((time[a:b] - time[a]) / 1e9)[fresh], x[a:b][fresh]
        settled = values[since > 2.0 * length / 3.0]
        if settled.size < 5:
            continue
        level = float(np.median(settled))
        noise = 1.4826 * float(np.median(np.abs(settled - level)))
        step = (since // STEP).astype(np.int64)
        count = np.bincount(step)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(step, values) / count
            departures.append(np.abs(mean - level) / (noise / np.sqrt(count) + 1e-12))
    if not departures:
        return 0.0
    width = min(int(2 * d.size / 3) for d in departures)
    if width < 1:
        return 0.0
    cut = np.stack([d[:width] for d in departures])
    seen = np.flatnonzero(np.isfinite(cut).any(axis=0))  # readings further apart than a step leave steps without any
    above = seen[np.nanmedian(cut[:, seen], axis=0) > 3.0]
    return STEP * (int(above[-1]) + 1 + MARGIN) if above.size else 0.0
