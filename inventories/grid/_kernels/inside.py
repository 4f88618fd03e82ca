"""Which polygon a point lies in, by the crossings of a ray with its edges; float64, the caller excludes NaN."""

from __future__ import annotations

from ghg.core.jit import kernel


@kernel
def inside(lo, hi, px, py, x, y, first, polygons, box, out):
    """Set `out` to the number of the first polygon that holds each point, -1 where none does; longitudes are periodic.

    For the points lo to hi of :func:`ghg.core.jit.spread`.

    Parameters
    ----------
    px, py : (n,) float64
        Points in the plane of the rings.
    x, y, first, polygons : arrays
        Rings, see :class:`inventories.grid.rings.Rings`.
    box : (p, 4) float64
        West, east, south and north of each polygon.
    out : (n,) int64
        Filled: numbers of polygons.
    """
    for n in range(lo, hi):
        out[n] = -1
        for p in range(polygons.size - 1):
            if py[n] < box[p, 2] or py[n] > box[p, 3]:
                continue
            at = box[p, 0] + (px[n] - box[p, 0]) % 360.0
            if at > box[p, 1]:
                continue
            crossings = 0
            for r in range(polygons[p], polygons[p + 1]):
                before = first[r + 1] - 1
                for v in range(first[r], first[r + 1]):
                    if (y[before] > py[n]) != (y[v] > py[n]) and at < x[before] + (py[n] - y[before]) / (
                        y[v] - y[before]
                    ) * (x[v] - x[before]):
                        crossings += 1
                    before = v
            if crossings % 2 == 1:
                out[n] = p
                break
