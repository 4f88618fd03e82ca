"""Lines on grids: roads, railways and ship lanes, cut at the edges of cells, their lengths on the ellipsoid.

A line is straight in longitude and latitude between its vertices (RFC 7946, 3.1.1). The length of a piece is the
integral of sqrt((M dphi)^2 + (N cos(phi) dlambda)^2), M and N the radii of curvature of the ellipsoid (Snyder 1987,
eq 4-18 and 4-20), so that the lengths in all cells and outside add up to that of the line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.files import open_input
from inventories.grid.ellipsoid import Ellipsoid
from inventories.grid.grids import LonLat, Projected
from inventories.grid.points import locate

__all__ = ["Line", "length", "lengths_by_cell", "read_lines"]

Array = npt.NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)  # 1e-13 of a piece of a degree
LONGEST = 1.0  # degrees: longer pieces are divided, so that the quadrature holds
BENT = 0.02  # of a cell of a projection: pieces no longer than that are straight there to 1e-4 of themselves


@dataclass(frozen=True, eq=False)
class Line:
    """A line.

    Parameters
    ----------
    points : (n, 2) array
        Longitudes and latitudes [degrees].
    weight : float
        What its length counts, such as its traffic.
    """

    points: Array
    weight: float = 1.0


def read_lines(path: Path, weight: str = "") -> list[Line]:
    """Read the LineString and MultiLineString features of a GeoJSON file.

    Parameters
    ----------
    path : Path
        The file.
    weight : str
        Property that each length is multiplied by; 1 where left out.

    Raises
    ------
    InputError
        It is no GeoJSON, holds no line, or a weight is missing or negative.
    """
    given = open_input(path)
    try:
        data = json.loads(given.read_text(encoding="utf-8-sig"))
        features = data["features"] if data.get("type") == "FeatureCollection" else [data]
        lines = [line for number, one in enumerate(features, start=1)
                 for line in _feature(one, weight, f"{given.name}, feature {number}")]  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise InputError("this is no GeoJSON of lines", where=given.name, found=str(error),
                         need="a FeatureCollection") from error  # fmt: skip
    if not lines:
        raise InputError("the file holds no line", where=given.name, need="LineString or MultiLineString")
    return lines


def _feature(one: dict[str, Any], weight: str, where: str) -> list[Line]:
    shape = one.get("geometry") or {}
    if shape.get("type") not in ("LineString", "MultiLineString"):
        return []
    many = shape["coordinates"] if shape["type"] == "MultiLineString" else [shape["coordinates"]]
    value = (one.get("properties") or {}).get(weight) if weight else 1.0
    if not isinstance(value, int | float) or not value >= 0:
        raise InputError("a line has no weight", where=where, found=f"{weight}: {value}",
                         need="a number of at least 0")  # fmt: skip
    parts = [np.array([point[:2] for point in part], np.float64) for part in many if len(part) > 1]
    if any(part.shape[1] != 2 for part in parts):
        raise ValueError("a point without two numbers")
    return [Line(part, float(value)) for part in parts]


def length(points: npt.ArrayLike, ellipsoid: Ellipsoid) -> Array:
    """Return the lengths of the segments between vertices [m]; points (n, 2) in degrees."""
    p = np.asarray(points, np.float64)
    return _measure(p[:-1], p[1:], ellipsoid)


def _measure(a: Array, b: Array, ellipsoid: Ellipsoid) -> Array:
    """Return the length of straight pieces a -> b (n, 2), by Gauss-Legendre quadrature along each."""
    dlon, dlat = np.radians(b - a).T
    t = 0.5 * (_NODES + 1.0)
    lat = np.radians(a[:, 1, None] + (b - a)[:, 1, None] * t)
    e2 = ellipsoid.f * (2.0 - ellipsoid.f)
    w = 1.0 - e2 * np.sin(lat) ** 2
    meridian = ellipsoid.a * (1.0 - e2) / w**1.5
    normal = ellipsoid.a / np.sqrt(w)
    return 0.5 * (np.hypot(meridian * dlat[:, None], normal * np.cos(lat) * dlon[:, None]) @ _WEIGHTS)


def lengths_by_cell(lines: Sequence[Line], grid: LonLat | Projected) -> tuple[Array, float]:
    """Return length x weight by cell, and what lies outside.

    Parameters
    ----------
    lines : sequence of Line
        The lines.
    grid : LonLat or Projected
        Where to.

    Returns
    -------
    (*grid) array
        Metres times weight.
    float
        The same beyond the grid.

    Raises
    ------
    InputError
        A vertex is not on Earth.
    """
    total, outside = np.zeros(grid.size), 0.0
    for line in lines:
        if not np.isfinite(line.points).all() or (np.abs(line.points[:, 1]) > 90.0).any():
            raise InputError("a line leaves the Earth", found=str(line.points[0].tolist()), need="degrees")
        a, b = _pieces(line.points, grid)
        middle = 0.5 * (a + b)
        cell = locate(grid, middle[:, 0], middle[:, 1])
        part = _measure(a, b, grid.ellipsoid) * line.weight
        total += np.bincount(cell[cell >= 0], part[cell >= 0], grid.size)
        outside += float(part[cell < 0].sum())
    return total.reshape(grid.shape), outside


def _pieces(points: Array, grid: LonLat | Projected) -> tuple[Array, Array]:
    """Return the line in pieces, none of which crosses an edge of the grid."""
    start, end = points[:-1], points[1:]
    if isinstance(grid, LonLat):
        parts = np.ceil(np.abs(end - start).max(axis=1) / LONGEST)
    else:
        u, v = (np.stack(grid.projection.forward(p[:, 0], p[:, 1]), axis=1) for p in (start, end))
        cell = min(np.diff(grid.x_edges).min(), np.diff(grid.y_edges).min())
        parts = np.ceil(np.nan_to_num(np.abs(v - u).max(axis=1), nan=0.0) / cell * 2.0)
        # how far the middle of a segment lies from the straight line between its ends, in the plane of the projection
        mid = np.stack(grid.projection.forward(*(0.5 * (start + end)).T), axis=1)
        bend = np.nan_to_num(np.abs(mid - 0.5 * (u + v)).max(axis=1), nan=0.0) / (BENT * cell)
        parts = np.maximum(parts, np.ceil(np.sqrt(bend)))
    number = np.maximum(parts, 1.0).astype(int)
    which = np.repeat(np.arange(number.size), number)
    at = np.concatenate([np.arange(n) for n in number])
    share = (at / number[which])[:, None]
    step = ((end - start) / number[:, None])[which]
    first = start[which] + (end - start)[which] * share
    return _cut(first, first + step, grid)


def _cut(a: Array, b: Array, grid: LonLat | Projected) -> tuple[Array, Array]:
    """Cut straight pieces where they cross an edge of the grid."""
    if isinstance(grid, LonLat):
        turn = np.floor((a[:, 0] - grid.lon_edges[0]) / 360.0) * 360.0
        u, v = a - np.stack([turn, np.zeros_like(turn)], 1), b - np.stack([turn, np.zeros_like(turn)], 1)
        xe, ye = grid.lon_edges, grid.lat_edges
        if (u[:, 0] > xe[-1]).any() or (v[:, 0] < xe[0]).any() or (v[:, 0] > xe[-1]).any():  # the grid comes again
            xe = np.unique(np.concatenate([xe - 360.0, xe, xe + 360.0]))
    else:
        u, v = (np.stack(grid.projection.forward(p[:, 0], p[:, 1]), axis=1) for p in (a, b))
        xe, ye = grid.x_edges, grid.y_edges
    starts, ends = [], []
    for k in range(a.shape[0]):
        t = [0.0, 1.0]
        for axis, edges in ((0, xe), (1, ye)):
            low, high = sorted((u[k, axis], v[k, axis]))
            if high > low:
                some = edges[np.searchsorted(edges, low, "right") : np.searchsorted(edges, high, "left")]
                t += ((some - u[k, axis]) / (v[k, axis] - u[k, axis])).tolist()
        cuts = np.unique(np.clip(t, 0.0, 1.0))
        starts.append(a[k] + (b[k] - a[k]) * cuts[:-1, None])
        ends.append(a[k] + (b[k] - a[k]) * cuts[1:, None])
    return np.concatenate(starts), np.concatenate(ends)
