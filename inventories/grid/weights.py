"""From one grid to another: exact overlaps, kept as weights that conserve mass.

Two grids of longitude and latitude need weights along each axis only. A grid of longitude and latitude against any
other is a matter of how rings cover rectangles; two other grids are clipped against each other, cell by cell.
Overlaps are taken as shares of the source cell, and a source cell that lies wholly within the target has shares
that add up to one exactly, so that mass is kept to the last bits whatever the figures of the Earth of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.jit import spread
from inventories.grid._kernels import clip, coverage, separable
from inventories.grid.grids import Grid, LonLat
from inventories.grid.rings import TOLERANCE, Rings
from inventories.grid.taps import sum_overlaps

__all__ = ["Remap", "Separable", "Sparse", "overlaps", "remap"]

Array = npt.NDArray[np.float64]
Field = npt.NDArray[np.floating]
Index = npt.NDArray[np.int64]
LEAST = 1e-13  # share of a cell below which an overlap is rounding
WHOLE = 1e-10  # a source cell covered to this is covered wholly


@dataclass(frozen=True, eq=False)
class Separable:
    """Weights along the two axes.

    Parameters
    ----------
    source, target : LonLat
        Grids.
    row_start : (my,) array
        First source row of each target row.
    rows : (my, k) array
        Mass-conserving row weights.
    columns : (l, mx) array
        Source columns.
    weights : (l, mx) array
        Column weights.
    row_share, column_share : array
        Share of each source row and column within the target.
    """

    source: LonLat
    target: LonLat
    row_start: npt.NDArray[np.int64]
    rows: Array
    columns: npt.NDArray[np.uint32]
    weights: Array
    row_share: Array
    column_share: Array

    def flux(
        self, field: npt.NDArray[np.floating], out: npt.NDArray[np.floating] | None = None
    ) -> npt.NDArray[np.floating]:
        """Return flux densities (f, *target); float32 stays float32, sums are float64."""
        fields = np.ascontiguousarray(field).reshape(-1, *self.source.shape)
        if out is None:
            out = np.empty((fields.shape[0], *self.target.shape), fields.dtype)
        sum_overlaps(fields, self.row_start, self.rows, self.columns, self.weights, out)
        return out

    def covered(self) -> Array:
        """Return the share of each source cell that lies within the target."""
        return np.outer(self.row_share, self.column_share)


@dataclass(frozen=True, eq=False)
class Sparse:
    """Weights cell by cell.

    Parameters
    ----------
    source, target : Grid
        Grids.
    indptr, indices : array
        Rows of the sparse matrix are target cells, columns source cells.
    share : array
        Share of the source cell that lies in the target cell.
    """

    source: Grid
    target: Grid
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    share: Array

    def matrix(self):  # scipy types
        """Return the shares as a scipy.sparse matrix (target, source)."""
        from scipy.sparse import csr_array

        return csr_array((self.share, self.indices, self.indptr), shape=(self.target.size, self.source.size))

    def mass(self, field: npt.NDArray[np.floating]) -> Array:
        """Return masses (f, target) of masses (f, source)."""
        fields = np.asarray(field, np.float64).reshape(-1, self.source.size)
        return np.ascontiguousarray((self.matrix() @ np.ascontiguousarray(fields.T)).T)

    def flux(self, field: Field) -> Field:
        """Return flux densities (f, *target) of flux densities (f, *source)."""
        fields = np.asarray(field, np.float64).reshape(-1, self.source.size) * self.source.area.ravel()
        return (self.mass(fields) / self.target.area.ravel()).reshape(-1, *self.target.shape)

    def covered(self) -> Array:
        """Return the share of each source cell that lies within the target."""
        found = np.bincount(self.indices, self.share, self.source.size)
        return np.where(np.abs(found - 1.0) < WHOLE, 1.0, found).reshape(self.source.shape)


Remap = Separable | Sparse


def remap(source: Grid, target: Grid, tolerance: float = TOLERANCE) -> Remap:
    """Return the weights from one grid to another.

    Parameters
    ----------
    source, target : LonLat, Projected or Polygons
        Any pair. Overlaps are taken on the figure of the source, areas of target cells on that of the target.
    tolerance : float
        Relative error of the area of a projected cell, from edges that are curved in longitude and latitude.

    Returns
    -------
    Remap
        :class:`Separable` for two grids of longitude and latitude, else :class:`Sparse`.
    """
    if isinstance(source, LonLat) and isinstance(target, LonLat):
        return _separable(source, target)
    figure = source.ellipsoid
    indptr, indices, area = overlaps(source, target, tolerance)
    plane = source.area.ravel() / figure.area_per_unit if isinstance(source, LonLat) else (
        source.rings(figure, tolerance).area())  # fmt: skip
    share = area / plane[indices]
    total = np.bincount(indices, share, source.size)
    whole = np.abs(total - 1.0) < max(WHOLE, 1e-12)
    share = share / np.where(whole, total, 1.0)[indices]
    return Sparse(source, target, indptr, indices, share)


def overlaps(source: Grid, target: Grid, tolerance: float = TOLERANCE) -> tuple[Index, Index, Array]:
    """Return the overlaps of target cells (rows) with source cells (columns), in degrees times sines."""
    figure = source.ellipsoid
    if isinstance(source, LonLat):
        return _cover(source, source.sine_edges, target.rings(figure, tolerance))
    if isinstance(target, LonLat):
        sines = figure.authalic_sine(target.lat_edges)
        return _transposed(*_cover(target, sines, source.rings(figure, tolerance)), target.size)
    return _clip(source.rings(figure, tolerance), target.rings(figure, tolerance))


def _cover(grid: LonLat, sines: Array, rings: Rings) -> tuple[Index, Index, Array]:
    """Return the areas of polygons (rows) in the cells of a grid (columns)."""
    from scipy.sparse import csr_array

    size = rings.polygons.size - 1
    low, high = rings.x.min(), rings.x.max()
    parts = []
    for shift in (0.0, -360.0, 360.0, -720.0, 720.0):
        if low + shift >= grid.lon_edges[-1] or high + shift <= grid.lon_edges[0]:
            continue
        window = np.zeros((size, 4), np.int64)
        arrays = (grid.lon_edges, sines, rings.x, rings.y, rings.first, rings.polygons, shift, window)
        offset = coverage.windows(*arrays)
        room = int(offset[-1])
        areas = np.empty(room)
        spread(coverage.cover, size, *arrays, offset, areas, least=500)
        indptr = np.empty(size + 1, np.int64)
        indices, values = np.empty(room, np.int64), np.empty(room)
        count = coverage.compact(areas, offset, window, grid.lon_edges, sines, grid.shape[1], LEAST, indptr, indices,
                                 values)  # fmt: skip
        parts.append((indptr, indices[:count], values[:count]))
    if len(parts) == 1:
        return parts[0]
    total: Any = csr_array((size, grid.size))
    for indptr, indices, values in parts:
        total = total + csr_array((values, indices, indptr), shape=(size, grid.size))
    total.sort_indices()
    return total.indptr.astype(np.int64), total.indices.astype(np.int64), total.data.astype(np.float64)


def _transposed(indptr: Index, indices: Index, values: Array, columns: int) -> tuple[Index, Index, Array]:
    from scipy.sparse import csr_array

    turned: Any = csr_array((values, indices, indptr), shape=(indptr.size - 1, columns)).T.tocsr()
    return turned.indptr.astype(np.int64), turned.indices.astype(np.int64), turned.data


def _clip(source: Rings, target: Rings) -> tuple[Index, Index, Array]:
    """Return the common areas of target polygons (rows) and source polygons (columns)."""
    from scipy.sparse import coo_array

    first, second, shift = _candidates(target.box(), source.box())
    area = np.empty(first.size)
    rings = [part for s in (target, source) for part in (s.x, s.y, s.first, s.polygons)]
    spread(clip.pairs_common, first.size, *rings, first, second, shift, area, least=64)
    keep = area > LEAST * source.area()[second]
    shape = (target.polygons.size - 1, source.polygons.size - 1)
    found: Any = coo_array((area[keep], (first[keep], second[keep])), shape=shape).tocsr()
    found.sum_duplicates()
    return found.indptr.astype(np.int64), found.indices.astype(np.int64), found.data


def _candidates(a: Array, b: Array) -> tuple[Index, Index, Array]:
    """Return pairs of boxes that meet, and by how much the first is moved in longitude for it."""
    first, second, moved = [], [], []
    for shift in (0.0, -360.0, 360.0):
        box = a + np.array([shift, shift, 0.0, 0.0])
        if box[:, 0].min() >= b[:, 1].max() or box[:, 1].max() <= b[:, 0].min():
            continue
        i, j = clip.meeting(np.ascontiguousarray(box), b)
        first.append(i)
        second.append(j)
        moved.append(np.full(i.size, shift))
    if not first:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    return np.concatenate(first), np.concatenate(second), np.concatenate(moved)


def _axis(source: Array, target: Array) -> tuple[npt.NDArray[np.int64], Array]:
    start = np.empty(target.size - 1, np.int64)
    room = 4
    while True:
        weights = np.zeros((start.size, room))
        most = separable.overlaps(source, target, start, weights)
        if most <= room:
            return start, weights[:, : max(most, 1)]
        room = most


def _separable(source: LonLat, target: LonLat) -> Separable:
    """Return the weights along both axes; longitudes are periodic."""
    figure = source.ellipsoid
    sines = figure.authalic_sine(target.lat_edges)
    start, rows = _axis(source.sine_edges, sines)
    share = np.zeros(source.shape[0])
    at = start[:, None] + np.arange(rows.shape[1])
    np.add.at(share, np.minimum(at, share.size - 1), rows)
    share /= np.diff(source.sine_edges)
    row_whole = np.abs(share - 1.0) < WHOLE
    rows = rows / np.where(row_whole, share, 1.0)[np.minimum(at, share.size - 1)]
    band = target.area[:, 0] / (target.lon_edges[1] - target.lon_edges[0])  # m2 per degree of longitude
    rows = rows * (figure.area_per_unit / band)[:, None]
    columns, weights = _columns(source.lon_edges, target.lon_edges)
    across = np.bincount(columns.ravel(), weights.ravel(), source.shape[1]) / np.diff(source.lon_edges)
    column_whole = np.abs(across - 1.0) < WHOLE
    weights = weights / np.where(column_whole, across, 1.0)[columns]
    return Separable(source, target, start, rows, columns, weights / np.diff(target.lon_edges),
                     np.where(row_whole, 1.0, share), np.where(column_whole, 1.0, across))  # fmt: skip


def _columns(source: Array, target: Array) -> tuple[npt.NDArray[np.uint32], Array]:
    """Return source columns (l, mx) and overlaps of each target column, all turns of the circle considered."""
    found, lengths = [], []
    for shift in (0.0, -360.0, 360.0):
        edges = target + shift
        if edges[0] >= source[-1] or edges[-1] <= source[0]:
            continue
        start, weights = _axis(source, edges)
        found.append(np.minimum(start[:, None] + np.arange(weights.shape[1]), source.size - 2))
        lengths.append(weights)
    if not found:
        return np.zeros((1, target.size - 1), np.uint32), np.zeros((1, target.size - 1))
    index, weight = np.concatenate(found, axis=1), np.concatenate(lengths, axis=1)
    order = np.argsort(weight <= 0.0, axis=1, kind="stable")
    most = max(1, int((weight > 0.0).sum(axis=1).max()))
    index, weight = (np.take_along_axis(v, order, axis=1)[:, :most] for v in (index, weight))
    return np.ascontiguousarray(index.T, np.uint32), np.ascontiguousarray(weight.T)
