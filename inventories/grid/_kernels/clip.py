"""Areas common to polygons of two sets, by clipping (Sutherland and Hodgman 1974).

The clipped ring may be concave: the degenerate edges the method leaves there carry no area. The clipping ring must
be convex; a concave one is taken as its fan of triangles with signs, whose indicator functions add up to its own.
Rings are open (first vertex not repeated) and counter-clockwise, holes clockwise. Float64; the caller excludes NaN.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def _half_plane(px, py, n, ax, ay, bx, by, qx, qy):
    """Keep what lies left of a -> b; return the number of vertices left in q."""
    m = 0
    dx, dy = bx - ax, by - ay
    x0, y0 = px[n - 1], py[n - 1]
    s0 = dx * (y0 - ay) - dy * (x0 - ax)
    for i in range(n):
        x1, y1 = px[i], py[i]
        s1 = dx * (y1 - ay) - dy * (x1 - ax)
        if (s0 > 0.0 and s1 < 0.0) or (s0 < 0.0 and s1 > 0.0):
            t = s0 / (s0 - s1)
            qx[m] = x0 + t * (x1 - x0)
            qy[m] = y0 + t * (y1 - y0)
            m += 1
        if s1 >= 0.0:
            qx[m] = x1
            qy[m] = y1
            m += 1
        x0, y0, s0 = x1, y1, s1
    return m


@kernel
def _area(px, py, n):
    """Return the signed area of a ring, about its first vertex so that large coordinates do not cancel."""
    total = 0.0
    for i in range(1, n - 1):
        total += (px[i] - px[0]) * (py[i + 1] - py[0]) - (px[i + 1] - px[0]) * (py[i] - py[0])
    return 0.5 * total


@kernel
def _convex_common(sx, sy, cx, cy, bufx, bufy):
    """Return the signed area of ring s within the convex counter-clockwise ring c."""
    n = sx.size
    bufx[0, :n] = sx
    bufy[0, :n] = sy
    now = 0
    k = cx.size
    for i in range(k):
        j = i + 1 if i + 1 < k else 0
        n = _half_plane(bufx[now], bufy[now], n, cx[i], cy[i], cx[j], cy[j], bufx[1 - now], bufy[1 - now])
        now = 1 - now
        if n < 3:
            return 0.0
    return _area(bufx[now], bufy[now], n)


@kernel
def _is_convex(x, y):
    n = x.size
    for i in range(n):
        j, k = (i + 1) % n, (i + 2) % n
        if (x[j] - x[i]) * (y[k] - y[j]) - (y[j] - y[i]) * (x[k] - x[j]) < 0.0:
            return False
    return n == 3 or n == 4


@kernel
def ring_common(sx, sy, cx, cy):
    """Return the signed area common to two rings: positive where both run the same way round."""
    room = 6 * (sx.size + 2)  # a half-plane turns n vertices into at most 3 n / 2, and there are at most four
    bufx, bufy = np.empty((2, room)), np.empty((2, room))
    if _is_convex(cx, cy):
        return _convex_common(sx, sy, cx, cy, bufx, bufy)
    total = 0.0
    tx, ty = np.empty(3), np.empty(3)
    for i in range(1, cx.size - 1):
        tx[0], ty[0], tx[1], ty[1], tx[2], ty[2] = cx[0], cy[0], cx[i], cy[i], cx[i + 1], cy[i + 1]
        area = _area(tx, ty, 3)
        if area < 0.0:
            tx[1], ty[1], tx[2], ty[2] = tx[2], ty[2], tx[1], ty[1]
        if area != 0.0:
            part = _convex_common(sx, sy, tx, ty, bufx, bufy)
            total += part if area > 0.0 else -part
    return total


@kernel
def pairs_common(lo, hi, ax, ay, arings, apolygons, bx, by, brings, bpolygons, first, second, shift, out):
    """Fill the areas common to pairs of polygons: number first[k] of set a, moved by shift[k], and second[k] of b.

    For the pairs lo to hi of :func:`ghg.core.jit.spread`.
    """
    for k in range(lo, hi):
        total = 0.0
        for ring in range(apolygons[first[k]], apolygons[first[k] + 1]):
            sx = ax[arings[ring] : arings[ring + 1]] + shift[k]
            sy = ay[arings[ring] : arings[ring + 1]]
            for other in range(bpolygons[second[k]], bpolygons[second[k] + 1]):
                i, j = brings[other], brings[other + 1]
                total += ring_common(sx, sy, bx[i:j], by[i:j])
        out[k] = total


@kernel
def _bins(box, x0, y0, dx, dy, nx, ny, start, members):
    """Sort boxes into a uniform grid of bins by counting: every bin a box touches lists it."""
    count = np.zeros(nx * ny + 1, np.int64)
    for fill in range(2):
        if fill == 1:
            for k in range(nx * ny):
                count[k + 1] += count[k]
            start[:] = count
            if members.size < count[nx * ny]:
                return count[nx * ny]
        for p in range(box.shape[0]):
            i0, i1 = int((box[p, 0] - x0) / dx), int((box[p, 1] - x0) / dx)
            j0, j1 = int((box[p, 2] - y0) / dy), int((box[p, 3] - y0) / dy)
            for j in range(max(j0, 0), min(j1, ny - 1) + 1):
                for i in range(max(i0, 0), min(i1, nx - 1) + 1):
                    k = j * nx + i
                    if fill == 0:
                        count[k + 1] += 1
                    else:
                        members[count[k]] = p
                        count[k] += 1
    return start[nx * ny]


@kernel
def _pairs(a, b, x0, y0, dx, dy, nx, ny, start, members, first, second):
    """List the pairs of boxes that meet; count on beyond the room of `first`, then the call must be repeated."""
    seen = np.full(b.shape[0], -1, np.int64)
    count = 0
    for p in range(a.shape[0]):
        i0, i1 = int((a[p, 0] - x0) / dx), int((a[p, 1] - x0) / dx)
        j0, j1 = int((a[p, 2] - y0) / dy), int((a[p, 3] - y0) / dy)
        for j in range(max(j0, 0), min(j1, ny - 1) + 1):
            for i in range(max(i0, 0), min(i1, nx - 1) + 1):
                for m in range(start[j * nx + i], start[j * nx + i + 1]):
                    q = members[m]
                    if seen[q] != p:
                        seen[q] = p
                        if a[p, 0] < b[q, 1] and a[p, 1] > b[q, 0] and a[p, 2] < b[q, 3] and a[p, 3] > b[q, 2]:
                            if count < first.size:
                                first[count] = p
                                second[count] = q
                            count += 1
    return count


def meeting(a, b):
    """Return the pairs of boxes (west, east, south, north) that share area: indices into a and into b."""
    low, high = b[:, [0, 2]].min(axis=0), b[:, [1, 3]].max(axis=0)
    side = max(1, int(np.sqrt(b.shape[0])))
    dx, dy = (max((h - v) / side * (1.0 + 1e-9), 1e-12) for v, h in zip(low, high, strict=True))
    start = np.empty(side * side + 1, np.int64)
    place = (low[0], low[1], dx, dy, side, side, start)
    members = np.empty(4 * b.shape[0] + 16, np.int64)
    need = _bins(b, *place, members)
    if need > members.size:
        members = np.empty(need, np.int64)
        _bins(b, *place, members)
    room = 8 * (a.shape[0] + b.shape[0])
    while True:
        first, second = np.empty(room, np.int64), np.empty(room, np.int64)
        count = _pairs(a, b, *place, members, first, second)
        if count <= room:
            return first[:count], second[:count]
        room = count
