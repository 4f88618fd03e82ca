"""Regions drawn as polygons to shares of the area of grid cells.

A ring is cut at the parallels, each strip at the meridians, and what is left in a cell is measured on the sphere. Edges
are straight in longitude and latitude, and their integral has a closed form.

References
----------
Sutherland & Hodgman (1974), Commun. ACM 17, 32-42: clipping; the signed area stays right for rings that are not convex.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ghg.core.shapes import read_shapes
from inversion.regrid import edges

__all__ = ["read_shares", "shares_of"]

Array = npt.NDArray[np.float64]


def read_shares(path: Path, grid: tuple[Array, Array], *, names: str = "name") -> tuple[list[str], Array]:
    """Return the regions of a shapefile or GeoJSON as shares of the cells of a grid.

    Parameters
    ----------
    path : Path
        See :func:`ghg.core.shapes.read_shapes`.
    grid : (latitude, longitude)
        Centres, ascending, degrees.
    names : str
        Attribute that holds the name; shapes of one name are one region.

    Returns
    -------
    names : list of str
    shares : array (regions, lat, lon)
        From 0 to 1.

    Raises
    ------
    InputError
        See :func:`ghg.core.shapes.read_shapes`.
    """
    found: dict[str, Array] = {}
    for shape in read_shapes(path, names):
        share = found.setdefault(shape.name, np.zeros((grid[0].size, grid[1].size)))
        for ring, hole in zip(shape.rings, shape.holes, strict=True):
            share += (-1.0 if hole else 1.0) * shares_of(ring, grid)
    return list(found), np.clip(np.stack(list(found.values())), 0.0, 1.0)


def shares_of(ring: Array, grid: tuple[Array, Array]) -> Array:
    """Return the share of each cell that lies in a ring (k, 2) of longitudes and latitudes, (lat, lon).

    Parts beyond a longitude of 180 come back on the other side.
    """
    rows, columns = edges(grid[0]), edges(grid[1])
    area = np.zeros((grid[0].size, grid[1].size))
    for turn in (-360.0, 0.0, 360.0):
        moved = ring + np.array([turn, 0.0])
        if moved[:, 0].max() <= columns[0] or moved[:, 0].min() >= columns[-1]:
            continue
        for i in range(grid[0].size):
            strip = _cut(_cut(moved, 1, rows[i], 1.0), 1, rows[i + 1], -1.0)
            if strip.shape[0] < 3:
                continue
            first = max(int(np.searchsorted(columns, strip[:, 0].min(), side="right")) - 1, 0)
            last = min(int(np.searchsorted(columns, strip[:, 0].max(), side="left")), grid[1].size)
            for j in range(first, last):
                cell = _cut(_cut(strip, 0, columns[j], 1.0), 0, columns[j + 1], -1.0)
                area[i, j] += _area(cell)
    whole = np.diff(np.sin(np.radians(rows)))[:, None] * np.diff(np.radians(columns))[None, :]
    return np.abs(area) / whole


def _cut(ring: Array, axis: int, value: float, side: float) -> Array:
    """Return the part of a ring where side * (coordinate - value) >= 0."""
    if ring.shape[0] < 3:
        return ring[:0]
    d = side * (ring[:, axis] - value)
    if (d >= 0.0).all():
        return ring
    after, there = np.roll(d, -1), np.roll(ring, -1, axis=0)
    crosses = (d >= 0.0) != (after >= 0.0)
    t = np.where(crosses, d / np.where(crosses, d - after, 1.0), 0.0)
    points = np.stack([ring, ring + t[:, None] * (there - ring)], axis=1)
    points[:, 1, axis] = value
    keep = np.stack([d >= 0.0, crosses], axis=1)
    return points.reshape(-1, 2)[keep.ravel()]


def _area(ring: Array) -> float:
    """Return the signed area on the unit sphere: minus the sum over the edges of the integral of sin(latitude) dlon.

    Along an edge that is straight in longitude and latitude it is dlon sin(middle) sin(half) / half, half = dlat / 2.
    """
    if ring.shape[0] < 3:
        return 0.0
    lon, lat = np.radians(ring).T
    dlon, half = np.roll(lon, -1) - lon, 0.5 * (np.roll(lat, -1) - lat)
    return -float(np.sum(dlon * np.sin(lat + half) * np.sinc(half / np.pi)))
