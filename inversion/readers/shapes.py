"""Regions drawn as polygons (GeoJSON) to shares of the area of grid cells.

A ring is cut at the parallels, each strip at the meridians, and what is left in a cell is measured in longitude and
sine of latitude, in which areas on the sphere are true. Edges are straight in longitude and latitude, as GeoJSON says.

References
----------
RFC 7946, section 3.1.6 (rings) and 3.1.1 (lines are straight in longitude and latitude). Sutherland & Hodgman (1974),
Commun. ACM 17, 32-42 (clipping); the signed area stays right for rings that are not convex.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.files import open_input
from inversion.regrid import edges

__all__ = ["read_shapes", "shares_of"]

Array = npt.NDArray[np.float64]


def read_shapes(
    path: str | os.PathLike[str], grid: tuple[Array, Array], *, names: str = "name"
) -> tuple[list[str], Array]:
    """Return the regions of a GeoJSON file as shares of the cells of a grid.

    Parameters
    ----------
    path : path
        FeatureCollection of Polygon and MultiPolygon.
    grid : (latitude, longitude)
        Centres, ascending, degrees.
    names : str
        Property that holds the name; features of one name are one region.

    Returns
    -------
    names : list of str
    shares : array (regions, lat, lon)
        From 0 to 1.

    Raises
    ------
    InputError
        No GeoJSON, another kind of geometry, no name, or coordinates that are no longitudes and latitudes.
    """
    where = str(path)
    try:
        data = json.loads(open_input(path).read_text(encoding="utf-8-sig"))
        features = data["features"] if data.get("type") == "FeatureCollection" else [data]
        found: dict[str, Array] = {}
        for number, feature in enumerate(features):
            label = (feature.get("properties") or {}).get(names)
            if label is None:
                raise InputError("a shape has no name", where=f"{where}, feature {number + 1}",
                                 need=f"property '{names}'", hint="say which property is the name")  # fmt: skip
            share = sum(_polygon(p, grid, where) for p in _polygons(feature["geometry"], where))
            found[str(label)] = found.get(str(label), np.zeros(())) + share
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError("this is no GeoJSON of polygons", where=where,
                         need="a FeatureCollection of polygons") from error  # fmt: skip
    if not found:
        raise InputError("the file holds no shape", where=where)
    return list(found), np.clip(np.stack(list(found.values())), 0.0, 1.0)


def _polygons(geometry: dict[str, Any], where: str) -> list[Any]:
    kind = geometry["type"]
    if kind not in ("Polygon", "MultiPolygon"):
        raise InputError("a shape is no polygon", where=where, found=str(kind), need="Polygon or MultiPolygon")
    return [geometry["coordinates"]] if kind == "Polygon" else list(geometry["coordinates"])


def _polygon(rings: list[Any], grid: tuple[Array, Array], where: str) -> Array:
    points = [np.array([p[:2] for p in ring], np.float64) for ring in rings]
    for one in points:
        if not np.isfinite(one).all() or np.abs(one[:, 1]).max() > 90.0 or np.abs(one[:, 0]).max() > 540.0:
            raise InputError("a shape is not in longitudes and latitudes", where=where,
                             found=f"{one.min():g} to {one.max():g}", hint="give it in WGS 84 degrees")  # fmt: skip
    shares = [shares_of(one, grid) for one in points]
    return shares[0] - np.sum(shares[1:], axis=0)


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
    """Return the signed area in longitude [rad] and sine of latitude."""
    if ring.shape[0] < 3:
        return 0.0
    x, y = np.radians(ring[:, 0]), np.sin(np.radians(ring[:, 1]))
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
