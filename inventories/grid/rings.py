"""Cells as rings of vertices in the plane of longitude (degrees) and authalic sine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["TOLERANCE", "Rings", "quadrilaterals", "subdivisions", "unwrapped"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
TOLERANCE = 1e-7  # relative error of a cell's area from edges that are curved in the plane
BENT = 1e-3  # share of a cell that may lie on the wrong side of one edge
STRAIGHT = 1e-9  # greatest distance between a polygon's edge and its chords, in sines: 6 mm on the ground
MOST = 256


@dataclass(frozen=True, eq=False)
class Rings:
    """Polygons of open rings: outer rings counter-clockwise, holes clockwise.

    Parameters
    ----------
    x, y : (v,) array
        Vertices: degrees of longitude, continuous within a ring, and authalic sines.
    first : (r + 1,) array
        First vertex of each ring.
    polygons : (p + 1,) array
        First ring of each polygon.
    """

    x: Array
    y: Array
    first: Index
    polygons: Index

    def ring_area(self) -> Array:
        """Return the signed areas of the rings, degrees times sines."""
        size = np.diff(self.first)
        if size.size and (size == size[0]).all():
            dx, dy = (v.reshape(-1, size[0])[:, 1:] - v[:: size[0], None] for v in (self.x, self.y))
            forward, back = (np.einsum("ij,ij->i", a, b) for a, b in ((dx[:, :-1], dy[:, 1:]), (dx[:, 1:], dy[:, :-1])))
            return 0.5 * (forward - back)
        start = np.repeat(self.first[:-1], np.diff(self.first))
        following = np.arange(self.x.size) + 1
        following[self.first[1:] - 1] = self.first[:-1]
        dx, dy = self.x - self.x[start], self.y - self.y[start]
        return 0.5 * np.add.reduceat(dx * dy[following] - dx[following] * dy, self.first[:-1])

    def area(self) -> Array:
        """Return the areas of the polygons, degrees times sines."""
        return np.add.reduceat(self.ring_area(), self.polygons[:-1])

    def box(self) -> Array:
        """Return the bounding boxes (p, 4): west, east, south, north."""
        starts = self.first[self.polygons[:-1]]
        return np.stack([np.minimum.reduceat(self.x, starts), np.maximum.reduceat(self.x, starts),
                         np.minimum.reduceat(self.y, starts), np.maximum.reduceat(self.y, starts)], axis=1)  # fmt: skip


def subdivisions(plane: Callable[[Array, Array], tuple[Array, Array]], x: Array, y: Array, tolerance: float) -> int:
    """Return into how many parts the edges of a projected grid must be divided.

    The area between an edge and its chord is two thirds of chord times sagitta, and falls with the square of the
    number of parts. Opposite edges bend alike, so that little of it is left in the area of a cell: that rest is held
    below `tolerance`, and what goes to the wrong side of one edge below BENT of the cell. The worst of a sample of
    cells decides for all, so that neighbours share their vertices.
    """
    i = np.unique(np.linspace(0, x.size - 2, 12).astype(int))
    j = np.unique(np.linspace(0, y.size - 2, 12).astype(int))
    xs, ys = (v.ravel() for v in np.meshgrid(i, j))
    x0, x1, y0, y1 = x[xs], x[xs + 1], y[ys], y[ys + 1]
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    first = np.array(plane(x0, y0))
    rest, bent = np.zeros(x0.size), np.zeros(x0.size)
    at = [_from(first, plane(*corner)) for corner in corners]
    for k in range(4):
        a, b = at[k], at[(k + 1) % 4]
        middle = _from(first, plane(*(0.5 * (p + q) for p, q in zip(corners[k], corners[(k + 1) % 4], strict=True))))
        off = 2.0 / 3.0 * _cross(middle - a, b - a)
        rest, bent = rest + off, np.maximum(bent, np.abs(off))
    cell = np.abs(_cross(at[2] - at[0], at[3] - at[1])) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        need = np.maximum(np.abs(rest) / cell / tolerance, bent / cell / BENT)
    worst = float(np.nanmax(np.where(np.isfinite(need), need, 1.0)))
    return int(np.clip(np.ceil(np.sqrt(worst)), 1, MOST))


def _cross(a: Array, b: Array) -> Array:
    return a[0] * b[1] - a[1] * b[0]


def _from(origin: Array, point: tuple[Array, Array]) -> Array:
    moved = np.array(point) - origin
    moved[0] = _short(moved[0])
    return moved


def _short(degrees: Array) -> Array:
    return (degrees + 180.0) % 360.0 - 180.0


def quadrilaterals(hx: Array, hy: Array, vx: Array, vy: Array, n: int) -> Rings:
    """Return the cells of a logically rectangular grid whose edges have n parts.

    Parameters
    ----------
    hx, hy : (ny + 1, nx * n + 1, 1) array
        Points along the lines of constant row.
    vx, vy : (ny * n + 1, nx + 1, 1) array
        Points along the lines of constant column.
    n : int
        Parts of an edge.
    """
    ny, nx = hx.shape[0] - 1, vx.shape[1] - 1
    x, y = (_round(h[..., 0], v[..., 0], n) for h, v in ((hx, vx), (hy, vy)))
    turn = np.zeros(ny * nx)
    if np.ptp(x) >= 180.0:  # else no cell can meet the date line or go round a pole
        step = _short(np.diff(x, axis=1, append=x[:, :1]))
        turn = step.sum(axis=1)
        x = x[:, :1] + np.concatenate([np.zeros((x.shape[0], 1)), np.cumsum(step[:, :-1], axis=1)], axis=1)
    size = x.shape[1]
    first = np.arange(ny * nx + 1, dtype=np.int64) * size
    polar = np.flatnonzero(np.abs(turn) > 180.0)
    rings = Rings(x.ravel(), y.ravel(), first, np.arange(ny * nx + 1, dtype=np.int64))
    if polar.size:
        rings = _with_poles(rings, polar, turn)
    return _counter_clockwise(rings)


def _round(h: Array, v: Array, n: int) -> Array:
    """Return the points round each cell (ny * nx, 4 n): along its lower, right, upper and left edge."""
    ny, nx = h.shape[0] - 1, v.shape[1] - 1
    out = np.empty((ny, nx, 4, n))
    out[:, :, 0] = h[:-1, :-1].reshape(ny, nx, n)
    out[:, :, 1] = v[:-1, 1:].reshape(ny, n, nx).transpose(0, 2, 1)
    out[:, :, 2] = h[1:, 1:].reshape(ny, nx, n)[..., ::-1]
    out[:, :, 3] = v[1:, :-1].reshape(ny, n, nx)[:, ::-1].transpose(0, 2, 1)
    return out.reshape(ny * nx, 4 * n)


def _with_poles(rings: Rings, polar: Index, turn: Array) -> Rings:
    """Close rings that go round a pole over the pole, which is a line in the plane."""
    xs, ys = np.split(rings.x, rings.first[1:-1]), np.split(rings.y, rings.first[1:-1])
    for p in polar:
        pole = 1.0 if ys[p].mean() > 0 else -1.0
        end = xs[p][0] + turn[p]
        xs[p] = np.concatenate([xs[p], [end, end, xs[p][0]]])
        ys[p] = np.concatenate([ys[p], [ys[p][0], pole, pole]])
    first = np.concatenate([[0], np.cumsum([v.size for v in xs])]).astype(np.int64)
    return Rings(np.concatenate(xs), np.concatenate(ys), first, rings.polygons)


def _counter_clockwise(rings: Rings) -> Rings:
    """Turn a mirrored grid round, all cells alike."""
    area = rings.ring_area()
    if (area >= 0).all():
        return rings
    if (area <= 0).all():
        xs, ys = np.split(rings.x, rings.first[1:-1]), np.split(rings.y, rings.first[1:-1])
        return Rings(np.concatenate([v[::-1] for v in xs]), np.concatenate([v[::-1] for v in ys]), rings.first,
                     rings.polygons)  # fmt: skip
    raise InputError("some cells of a grid are folded over", found=f"{int((area < 0).sum())} of {area.size}",
                     need="cells that all run the same way round")  # fmt: skip


def unwrapped(polygons: Sequence[Sequence[npt.ArrayLike]], ellipsoid: object) -> Rings:
    """Return polygons of longitudes and latitudes as rings: the first ring is outer, those within it are holes.

    Rings may cross the date line and go round a pole. A ring counts as a hole where its first vertex lies within an
    odd number of the other rings of its polygon.
    """
    xs: list[Array] = []
    ys: list[Array] = []
    counts = [0]
    for number, polygon in enumerate(polygons):
        rings = [_ring(np.asarray(ring, np.float64), number) for ring in polygon]
        if not rings:
            raise InputError("a polygon has no ring", where=f"polygon {number + 1}")
        for k, (lon, lat) in enumerate(rings):
            inside = sum(_within(lon[0], lat[0], *other) for m, other in enumerate(rings) if m != k)
            x, y = _densified(lon, lat, ellipsoid)
            signed = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
            forward = (signed > 0) != (inside % 2 == 1)
            xs.append(x if forward else x[::-1])
            ys.append(y if forward else y[::-1])
        counts.append(counts[-1] + len(rings))
    first = np.concatenate([[0], np.cumsum([v.size for v in xs])]).astype(np.int64)
    return Rings(np.concatenate(xs), np.concatenate(ys), first, np.array(counts, np.int64))


def _ring(ring: Array, number: int) -> tuple[Array, Array]:
    where = f"polygon {number + 1}"
    if ring.ndim != 2 or ring.shape[1] != 2 or not np.isfinite(ring).all() or (np.abs(ring[:, 1]) > 90.0).any():
        raise InputError("a ring is no list of longitudes and latitudes", where=where)
    lon, lat = ring.T
    if lon.size > 1 and lon[0] == lon[-1] and lat[0] == lat[-1]:
        lon, lat = lon[:-1], lat[:-1]
    if lon.size < 3:
        raise InputError("a ring has fewer than three vertices", where=where, found=str(lon.size))
    step = _short(np.diff(lon, append=lon[0]))
    step = np.where(np.abs(np.abs(np.diff(lon, append=lon[0])) - 180.0) < 1e-9, np.diff(lon, append=lon[0]), step)
    turn = step.sum()
    lon = lon[0] + np.concatenate([[0.0], np.cumsum(step[:-1])])
    if abs(turn) > 180.0:  # round a pole
        pole = 90.0 if lat.mean() > 0 else -90.0
        lon = np.concatenate([lon, [lon[0] + turn, lon[0] + turn, lon[0]]])
        lat = np.concatenate([lat, [lat[0], pole, pole]])
    return lon, lat


def _within(x: float, y: float, px: Array, py: Array) -> bool:
    """Tell whether a point lies within a ring, by the number of edges it sees to its right."""
    qx, qy = np.roll(px, -1), np.roll(py, -1)
    crosses = (py > y) != (qy > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = px + (y - py) / (qy - py) * (qx - px)
    return bool(np.count_nonzero(crosses & (x < at)) % 2)


def _densified(lon: Array, lat: Array, ellipsoid: object) -> tuple[Array, Array]:
    """Divide edges that are straight in latitude until they are straight in the authalic sine."""
    sine = ellipsoid.authalic_sine  # type: ignore[attr-defined]
    dlon, dlat = np.roll(lon, -1) - lon, np.roll(lat, -1) - lat
    off = np.abs(sine(lat + 0.5 * dlat) - 0.5 * (sine(lat) + sine(lat + dlat)))
    off = np.where(dlon == 0.0, 0.0, off)
    parts = np.clip(np.ceil(np.sqrt(off / STRAIGHT)), 1, MOST * 16).astype(np.int64)
    edge = np.repeat(np.arange(lon.size), parts)
    share = (np.arange(edge.size) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[edge]
    return lon[edge] + share * dlon[edge], sine(lat[edge] + share * dlat[edge])
