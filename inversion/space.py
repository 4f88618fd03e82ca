"""Correlation between cells: identity, dense, or exact on a full regular grid by Fourier transforms along longitude.

On a regular grid the great-circle distance depends on two latitudes and a difference of longitudes. The correlation of
rows of latitude is therefore circulant along a padded circle of longitude, and one small matrix (rows x rows) for each
zonal wave number holds the whole (r, r) matrix: 293 x 391 cells need 0.27 GB in place of 105 GB.

References
----------
Yadav & Michalak (2013), Geosci. Model Dev. 6, 583-590 (Kronecker covariances). Gneiting (2013), Bernoulli 19,
1327-1349: the exponential and the spherical shape are positive definite in great-circle distance; Matern above
smoothness 1/2 is not and takes the chord. Dietrich & Newsam (1997), SIAM J. Sci. Comput. 18, 1088-1107 (circulant
embedding).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.grid import EARTH_RADIUS, Grid, great_circle
from inversion.sensitivity import Array

__all__ = ["DenseSpace", "Independent", "Space", "ZonalFourier", "correlation_in_space", "lower_root", "shape_of"]

DENSE_CELLS = 6000  # above this a regular grid takes Fourier transforms
_COMPLEX = 8_000_000  # complex numbers that are worked on at a time
KINDS = ("exponential", "matern32", "matern52", "spherical")


def shape_of(kind: str) -> Callable[[Array, float], Array]:
    """Return the correlation as a function of distance and length, both in one unit."""

    def exponential(d: Array, length: float) -> Array:
        return np.exp(-d / length)

    def matern32(d: Array, length: float) -> Array:
        a = np.sqrt(3.0) * d / length
        return (1.0 + a) * np.exp(-a)

    def matern52(d: Array, length: float) -> Array:
        a = np.sqrt(5.0) * d / length
        return (1.0 + a + a * a / 3.0) * np.exp(-a)

    def spherical(d: Array, length: float) -> Array:
        a = np.minimum(d / length, 1.0)
        return 1.0 - 1.5 * a + 0.5 * a**3

    shapes = {"exponential": exponential, "matern32": matern32, "matern52": matern52, "spherical": spherical}
    if kind not in shapes:
        raise InputError("the shape of a correlation is not known", found=f"'{kind}'", need=" or ".join(KINDS))
    return shapes[kind]


def lower_root(matrix: Array, what: str) -> Array:
    """Return the lower Cholesky factor.

    Raises
    ------
    InputError
        The matrix is not symmetric or not positive definite; the smallest eigenvalue is named.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"{what} is not square", found=str(matrix.shape))
    if not np.isfinite(matrix).all():
        raise InputError(f"{what} holds missing values")
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=1e-300):
        raise InputError(f"{what} is not symmetric")
    try:
        return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        found = ""
        if matrix.shape[0] <= 2000:
            found = f"smallest eigenvalue {float(np.linalg.eigvalsh(matrix)[0]):.3g}"
        hint = "two cells or periods may be the same, or the shape not valid there"
        raise InputError(f"{what} is not positive definite", found=found, hint=hint) from error


class Space(ABC):
    """E, (r, r), acting on the first axis of arrays (r, p, k)."""

    size: int
    root_size: int

    @abstractmethod
    def apply(self, x: Array) -> Array:
        """Return E x."""

    @abstractmethod
    def root(self, x: Array) -> Array:
        """Return L x for x (root size, p, k), E = L L'."""

    @abstractmethod
    def root_t(self, x: Array) -> Array:
        """Return L' x."""

    @abstractmethod
    def dense(self) -> Array:
        """Return E."""

    def lower(self) -> Array | None:
        """Return the lower factor where it is held as an array."""
        return None

    def with_length(self, length: float) -> Space:
        """Return the same kind with another length [m]."""
        raise InputError("this correlation in space has no length", found=type(self).__name__)


class Independent(Space):
    """No correlation between cells."""

    def __init__(self, size: int) -> None:
        self.size = self.root_size = size

    def apply(self, x: Array) -> Array:
        """Return x."""
        return x

    root = root_t = apply

    def dense(self) -> Array:
        """Return the unit matrix."""
        return np.eye(self.size)


class DenseSpace(Space):
    """A correlation between cells held as a matrix.

    Parameters
    ----------
    matrix : array, shape (r, r)
        Symmetric, positive definite.
    again : callable, optional
        Makes the matrix for another length [m].
    """

    def __init__(self, matrix: npt.ArrayLike, again: Callable[[float], Space] | None = None) -> None:
        self.matrix = np.array(matrix, dtype=np.float64)
        self.size = self.root_size = self.matrix.shape[0]
        self._lower: Array | None = None
        self._again = again
        self.length: float | None = None

    def lower(self) -> Array:
        """Return the lower Cholesky factor."""
        if self._lower is None:
            self._lower = lower_root(self.matrix, "the correlation between cells")
        return self._lower

    def apply(self, x: Array) -> Array:
        """Return E x."""
        return _times(self.matrix, x)

    def root(self, x: Array) -> Array:
        """Return L x."""
        return _times(self.lower(), x)

    def root_t(self, x: Array) -> Array:
        """Return L' x."""
        return _times(self.lower().T, x)

    def dense(self) -> Array:
        """Return E."""
        return self.matrix

    def with_length(self, length: float) -> Space:
        """Return another length."""
        return self._again(length) if self._again is not None else super().with_length(length)


def _times(matrix: Array, x: Array) -> Array:
    return (matrix @ x.reshape(x.shape[0], -1)).reshape(matrix.shape[0], *x.shape[1:])


class ZonalFourier(Space):
    """E on a full regular grid; see the module.

    Parameters
    ----------
    grid : Grid
        Regular.
    kind : str
        Shape of the correlation.
    length : float
        [m].
    classes : array of int, shape (r,), optional
        Land, ocean or other classes of cells.
    between : float
        Factor on the correlation of cells of different classes.
    """

    def __init__(
        self, grid: Grid, kind: str, length: float, classes: npt.NDArray[np.int64] | None = None, between: float = 0.0
    ) -> None:
        self.grid, self.kind, self.length, self.classes, self.between = grid, kind, length, classes, between
        lat, lon = grid.axes()
        self._shape = (lat.size, lon.size)
        self.size = grid.cells
        step = float(lon[1] - lon[0]) if lon.size > 1 else 1.0
        self._circle = _padded(lon.size, step)
        lag = np.minimum(np.arange(self._circle), self._circle - np.arange(self._circle))
        angle = np.minimum(lag * step, 180.0)
        spectra = np.empty((self._circle // 2 + 1, lat.size, lat.size))
        shape = shape_of(kind)
        for i in range(lat.size):
            d = distance(kind, lat[i], 0.0, lat[i:, None], angle[None, :])
            row = np.fft.rfft(shape(d, length), axis=1).real.T
            spectra[:, i, i:], spectra[:, i:, i] = row, row
        self._spectra = spectra
        self._roots: Array | None = None
        count = 1 if classes is None else np.unique(classes).size + (between > 0.0)
        self.root_size = lat.size * self._circle * count

    def _parts(self) -> list[Array | None]:
        """Return the weights of the cells in each part of E = sum_c W_c E0 W_c."""
        if self.classes is None:
            return [None]
        parts: list[Array | None] = [np.sqrt(1.0 - self.between) * (self.classes == c) for c in np.unique(self.classes)]
        return parts if self.between == 0.0 else [*parts, np.full(self.size, np.sqrt(self.between))]

    def _filter(self, matrices: Array, x: Array, keep: int) -> Array:
        """Apply one matrix per wave number to x (rows, n, m), n zero-padded to the circle; keep the first columns."""
        from scipy.fft import irfft, rfft

        out = np.empty((x.shape[0], keep, x.shape[2]))
        step = max(1, _COMPLEX // (x.shape[0] * (self._circle // 2 + 1)))
        for k in range(0, x.shape[2], step):
            columns = np.ascontiguousarray(x[:, :, k : k + step].transpose(2, 0, 1))
            seen = np.ascontiguousarray(np.asarray(rfft(columns, n=self._circle, axis=2)).transpose(2, 1, 0))
            # a real matrix times complex columns: twice the columns, half the arithmetic
            both = np.matmul(matrices, seen.view(np.float64)).view(np.complex128)
            back = np.asarray(irfft(np.ascontiguousarray(both.transpose(2, 1, 0)), n=self._circle, axis=2))
            out[:, :, k : k + step] = back[:, :, :keep].transpose(1, 2, 0)
        return out

    def apply(self, x: Array) -> Array:
        """Return E x."""
        flat = x.reshape(self.size, -1)
        out = np.zeros_like(flat)
        for weight in self._parts():
            part = flat if weight is None else flat * weight[:, None]
            part = self._filter(self._spectra, part.reshape(*self._shape, -1), self._shape[1])
            part = part.reshape(self.size, -1)
            out += part if weight is None else part * weight[:, None]
        return out.reshape(x.shape)

    def _root_spectra(self) -> Array:
        if self._roots is None:
            try:
                self._roots = np.asarray(np.linalg.cholesky(self._spectra), dtype=np.float64)
            except np.linalg.LinAlgError:
                self._roots = self._clipped_roots()
        return self._roots

    def _clipped_roots(self) -> Array:
        """Return roots by eigenvalues, negative ones of the size of rounding cut off."""
        values, vectors = np.linalg.eigh(self._spectra)
        lowest, most = float(values.min()), float(values.max())
        if lowest < -1e-6 * most:
            raise InputError("the correlation between cells is not positive definite",
                             found=f"smallest eigenvalue {lowest:.3g} of {most:.3g}",
                             hint="the correlation length may be too long for the grid")  # fmt: skip
        return vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]

    def root(self, x: Array) -> Array:
        """Return L x for x (root size, p, k): a root on the padded circle, cut to the grid."""
        parts = self._parts()
        rows, circle = self._shape[0], self._circle
        flat = x.reshape(len(parts), rows, circle, -1)
        out = np.zeros((self.size, flat.shape[-1]))
        for z, weight in zip(flat, parts, strict=True):
            part = self._filter(self._root_spectra(), z, self._shape[1]).reshape(self.size, -1)
            out += part if weight is None else part * weight[:, None]
        return out.reshape(self.size, *x.shape[1:])

    def root_t(self, x: Array) -> Array:
        """Return L' x."""
        flat = x.reshape(self.size, -1)
        out = []
        for weight in self._parts():
            part = flat if weight is None else flat * weight[:, None]
            out.append(
                self._filter(self._root_spectra().transpose(0, 2, 1), part.reshape(*self._shape, -1), self._circle)
            )
        return np.stack(out).reshape(self.root_size, *x.shape[1:])

    def dense(self) -> Array:
        """Return E."""
        return self.apply(np.eye(self.size)[:, :, None])[:, :, 0]

    def with_length(self, length: float) -> ZonalFourier:
        """Return another length."""
        return ZonalFourier(self.grid, self.kind, length, self.classes, self.between)


def _padded(columns: int, step: float) -> int:
    """Return the number of columns of the circle: the true one where the step divides 360, else at least twice."""
    from scipy.fft import next_fast_len

    whole = 360.0 / step
    if abs(whole - round(whole)) < 1e-6 * whole and round(whole) <= 4 * columns:
        return int(round(whole))  # noqa: RUF046
    wanted: Any = next_fast_len(2 * columns, real=True)
    return int(wanted)


def distance(kind: str, lat1: npt.ArrayLike, lon1: npt.ArrayLike, lat2: npt.ArrayLike, lon2: npt.ArrayLike) -> Array:
    """Return the distance [m] in which a shape is positive definite on the sphere: arc, or chord for Matern."""
    arc = great_circle(np.asarray(lat1), np.asarray(lon1), np.asarray(lat2), np.asarray(lon2))
    return 2.0 * EARTH_RADIUS * np.sin(arc / (2.0 * EARTH_RADIUS)) if kind.startswith("matern") else arc


def correlation_in_space(
    grid: Grid,
    length: float,
    kind: str = "exponential",
    classes: npt.NDArray[np.int64] | None = None,
    between: float = 0.0,
) -> Space:
    """Return the correlation between the cells of a grid.

    Parameters
    ----------
    grid : Grid
        Cells.
    length : float
        [m]; 0 for independent cells. e-folding distance of the exponential, range of the spherical shape.
    kind : {"exponential", "matern32", "matern52", "spherical"}
        Shape.
    classes : array of int, shape (r,), optional
        Class of each cell (land, ocean): no correlation across classes, or `between` times that within.
    between : float
        From 0 to 1.

    Raises
    ------
    InputError
        Negative length, unknown shape, or many cells that are no regular grid.
    """
    if not length >= 0.0 or not 0.0 <= between <= 1.0:
        raise InputError("a correlation length is negative, or a factor between classes not from 0 to 1",
                         found=f"{length:g} m, {between:g}")  # fmt: skip
    if length == 0.0:
        return Independent(grid.cells)
    if grid.cells > DENSE_CELLS:
        if grid.shape is None:
            raise InputError("too many scattered cells for a dense correlation between them",
                             found=f"{grid.cells} cells, {8e-9 * grid.cells**2:,.0f} GB",
                             need=f"a full regular grid, or at most {DENSE_CELLS} cells")  # fmt: skip
        return ZonalFourier(grid, kind, length, classes, between)

    def make(scale: float) -> Space:
        lat, lon = grid.latitude, grid.longitude
        matrix = shape_of(kind)(distance(kind, lat[:, None], lon[:, None], lat[None, :], lon[None, :]), scale)
        if classes is not None:
            matrix = matrix * np.where(classes[:, None] == classes[None, :], 1.0, between)
        np.fill_diagonal(matrix, 1.0)
        space = DenseSpace(matrix, make)
        space.length = scale
        return space

    return make(length)
