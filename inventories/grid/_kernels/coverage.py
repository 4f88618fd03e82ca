"""Exact areas that rings cover in the cells of a rectilinear grid.

The area of a polygon in one cell is the contour integral of the clamped abscissa, by Green's theorem: an edge
piece inside a cell adds (mean x - left edge) dy to that cell and width * dy to all cells left of it in its row.
Walking the edges through the grid therefore costs in proportion to the cells they cross; holes, concave rings and
overlapping rings need no special case. Arrays are float64; the caller excludes NaN.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def _find(edges, value, low, high):
    """Return the interval of `edges` that holds `value`, within low .. high - 1."""
    while high - low > 1:
        middle = (low + high) // 2
        if edges[middle] <= value:
            low = middle
        else:
            high = middle
    return low


@kernel
def _row_piece(xe, c0, c1, xa, xb, dy, area, cover):
    """Add a straight piece within one row; area and cover are that row of the window, which starts at column c0."""
    n = c1 - c0
    if xa > xb:
        xa, xb = xb, xa  # the sign of the piece is in dy
    if xb <= xe[c0]:
        return
    if xa >= xe[c1]:
        cover[n] += dy
        return
    span = xb - xa
    k = c0 if xa <= xe[c0] else _find(xe, xa, c0, c1)
    if span <= 0.0 or (k + 1 <= c1 and xb <= xe[k + 1] and xa >= xe[k]):
        area[k - c0] += (0.5 * (xa + xb) - xe[k]) * dy
        cover[k - c0] += dy
        return
    rate = dy / span
    left = max(xa, xe[c0])
    while k < c1 and xe[k] < xb:
        right = min(xb, xe[k + 1])
        part = (right - left) * rate
        area[k - c0] += (0.5 * (left + right) - xe[k]) * part
        cover[k - c0] += part
        left = right
        k += 1
    if xb > xe[c1]:
        cover[n] += (xb - max(left, xa)) * rate


@kernel
def _edge(xe, ye, r0, r1, c0, c1, x0, y0, x1, y1, area, cover):
    """Walk one edge through the rows of the window."""
    if y0 == y1:
        return
    sign = 1.0
    if y0 > y1:
        x0, y0, x1, y1, sign = x1, y1, x0, y0, -1.0
    if y1 <= ye[r0] or y0 >= ye[r1]:
        return
    low = y0
    xa = x0
    r = r0
    if low >= ye[r0]:
        r = _find(ye, low, r0, r1)
        if y1 <= ye[r + 1]:  # most edges stay in one row
            _row_piece(xe, c0, c1, x0, x1, sign * (y1 - y0), area[r - r0], cover[r - r0])
            return
    slope = (x1 - x0) / (y1 - y0)
    if low < ye[r0]:
        low = ye[r0]
        xa = x0 + (low - y0) * slope
    while r < r1 and low < y1:
        high, xb = y1, x1
        if ye[r + 1] < y1:
            high = ye[r + 1]
            xb = x0 + (high - y0) * slope
        _row_piece(xe, c0, c1, xa, xb, sign * (high - low), area[r - r0], cover[r - r0])
        low, xa = high, xb
        r += 1


@kernel
def windows(xe, ye, x, y, rings, polygons, shift, window):
    """Fill for each polygon the rows and columns of its bounding box; an empty window where it is outside.

    Parameters
    ----------
    xe, ye : float64
        Ascending edges of the grid.
    x, y : (v,) float64
        Vertices; rings closed by themselves.
    rings : (r + 1,) int64
        First vertex of each ring.
    polygons : (p + 1,) int64
        First ring of each polygon.
    shift : float
        Added to x.
    window : (p, 4) int64
        Filled: first row, end row, first column, end column.

    Returns
    -------
    (p + 1,) int64
        Where the cells of each window begin when they are laid one after another.
    """
    offset = np.zeros(polygons.size, np.int64)
    ny, nx = ye.size - 1, xe.size - 1
    for p in range(polygons.size - 1):
        a, b = rings[polygons[p]], rings[polygons[p + 1]]
        size = 0
        if b > a:
            x0, x1, y0, y1 = x[a], x[a], y[a], y[a]
            for v in range(a + 1, b):
                x0, x1 = min(x0, x[v]), max(x1, x[v])
                y0, y1 = min(y0, y[v]), max(y1, y[v])
            x0 += shift
            x1 += shift
            if x0 < xe[nx] and x1 > xe[0] and y0 < ye[ny] and y1 > ye[0]:
                window[p, 0] = 0 if y0 <= ye[0] else _find(ye, y0, 0, ny)
                window[p, 1] = (ny - 1 if y1 >= ye[ny] else _find(ye, y1, 0, ny)) + 1
                window[p, 2] = 0 if x0 <= xe[0] else _find(xe, x0, 0, nx)
                window[p, 3] = (nx - 1 if x1 >= xe[nx] else _find(xe, x1, 0, nx)) + 1
                size = (window[p, 1] - window[p, 0]) * (window[p, 3] - window[p, 2])
        offset[p + 1] = offset[p] + size
    return offset


@kernel
def cover(lo, hi, xe, ye, x, y, rings, polygons, shift, window, offset, areas):
    """Fill the area of each polygon in each cell of its window, in the units of x times those of y.

    Counter-clockwise rings count positive, clockwise rings (holes) negative. Parameters as in :func:`windows`;
    lo, hi : the polygons that are filled; areas : (offset[-1],) float64, filled, C order of each window.
    """
    room = 0
    for p in range(lo, hi):
        room = max(room, (window[p, 1] - window[p, 0]) * (window[p, 3] - window[p, 2] + 1))
    left = np.empty(room)
    for p in range(lo, hi):
        if offset[p + 1] > offset[p]:
            r0, r1, c0, c1 = window[p, 0], window[p, 1], window[p, 2], window[p, 3]
            rows, columns = r1 - r0, c1 - c0
            area = areas[offset[p] : offset[p + 1]].reshape(rows, columns)
            area[:] = 0.0
            covers = left[: rows * (columns + 1)].reshape(rows, columns + 1)
            covers[:] = 0.0
            for ring in range(polygons[p], polygons[p + 1]):
                a, b = rings[ring], rings[ring + 1]
                before = b - 1
                for v in range(a, b):
                    _edge(xe, ye, r0, r1, c0, c1, x[before] + shift, y[before], x[v] + shift, y[v], area, covers)
                    before = v
            for r in range(rows):
                beyond = covers[r, columns]
                for c in range(columns - 1, -1, -1):
                    area[r, c] += (xe[c0 + c + 1] - xe[c0 + c]) * beyond
                    beyond += covers[r, c]


@kernel
def compact(areas, offset, window, xe, ye, nx, least, indptr, indices, values):
    """Keep the areas above a share `least` of their cell, as rows of a sparse matrix; return their number.

    indices : flat cell index row * nx + column. The arrays indices and values must hold offset[-1] entries.
    """
    count = 0
    for p in range(offset.size - 1):
        indptr[p] = count
        columns = window[p, 3] - window[p, 2]
        for k in range(offset[p + 1] - offset[p]):
            r, c = window[p, 0] + k // columns, window[p, 2] + k % columns
            cell = (xe[c + 1] - xe[c]) * (ye[r + 1] - ye[r])
            if areas[offset[p] + k] > least * cell:
                indices[count] = r * nx + c
                values[count] = areas[offset[p] + k]
                count += 1
    indptr[offset.size - 1] = count
    return count
