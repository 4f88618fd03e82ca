"""Coastlines for maps, without downloads.

``data/coastline.npz`` (128 kB) is the outline of the union of all countries of Natural Earth 1:10m, version 5.1.1,
which is in the public domain (naturalearthdata.com, "Terms of Use"): straight between points, within 0.03 degrees of
the original, in hundredths of a degree; islands and lakes smaller than 0.01 square degrees are left out. Borders
between countries are not in it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["coastlines", "draw_coast"]

Line = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]


@cache
def _rings() -> tuple[Line, ...]:
    place = files("ghg.report").joinpath("data", "coastline.npz")
    with place.open("rb") as file, np.load(file) as held:
        length, step = held["length"].astype(np.int64), held["step"].T
    ends = np.cumsum(length)
    # each ring begins at its own place, every further point at a step from the one before
    return tuple(np.cumsum(step[b - n : b], axis=0, dtype=np.int64) / 100.0 for n, b in zip(length, ends, strict=True))


def coastlines(box: Box) -> list[Line]:
    """Return the coastlines that touch a box.

    Parameters
    ----------
    box : (west, east, south, north)
        Degrees; longitudes may reach beyond 180 or be counted to 360.

    Returns
    -------
    list of (n, 2) arrays
        Longitude and latitude of closed lines, moved by 360 degrees where the box lies there.
    """
    west, east, south, north = box
    found = []
    for ring in _rings():
        (left, low), (right, high) = ring.min(axis=0), ring.max(axis=0)
        if high < south or low > north:
            continue
        for turn in (-360.0, 0.0, 360.0):
            if right + turn >= west and left + turn <= east:
                found.append(ring + np.array([turn, 0.0]) if turn else ring)
    return found


def draw_coast(axes: Any, box: Box, colour: str = "#3b4048", width: float = 0.5) -> None:
    """Draw the coastlines of a box on axes of longitude and latitude; the limits of the axes stay as they are."""
    from matplotlib.collections import LineCollection

    lines = coastlines(box)
    if lines:
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, zorder=2.5), autolim=False)
