"""Grids: of longitude and latitude, of a map projection, or of any polygons.

Every grid tells its shape, the exact areas of its cells on its own figure of the Earth, and its cells as rings in
the plane of :mod:`inventories.grid.ellipsoid`, where areas are exact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.jit import spread
from inventories.grid.ellipsoid import WGS84, Ellipsoid
from inventories.grid.rings import TOLERANCE, Rings, quadrilaterals, subdivisions, unwrapped

if TYPE_CHECKING:
    from inventories.grid.projections import Projection

__all__ = ["Grid", "LonLat", "Polygons", "Projected"]

Array = npt.NDArray[np.float64]


def _ascending(edges: npt.ArrayLike, name: str) -> Array:
    found = np.ascontiguousarray(edges, np.float64)
    if found.ndim != 1 or found.size < 2 or not np.isfinite(found).all() or (np.diff(found) <= 0).any():
        raise InputError(f"the edges of a grid in {name} do not rise", need="at least two finite, ascending numbers")
    return found


@dataclass(frozen=True, eq=False)
class LonLat:
    """Cells between meridians and parallels.

    Parameters
    ----------
    lon_edges, lat_edges : (nx + 1,), (ny + 1,) array
        Ascending, degrees; longitudes span at most 360 degrees.
    ellipsoid : Ellipsoid
        Figure of the Earth on which areas are taken.
    """

    lon_edges: Array
    lat_edges: Array
    ellipsoid: Ellipsoid = WGS84

    def __post_init__(self) -> None:
        object.__setattr__(self, "lon_edges", _ascending(self.lon_edges, "longitude"))
        object.__setattr__(self, "lat_edges", np.clip(_ascending(self.lat_edges, "latitude"), -90.0, 90.0))
        span = self.lon_edges[-1] - self.lon_edges[0]
        if span > 360.0 + 1e-6 or abs(self.lat_edges).max() > 90.0:
            raise InputError(
                "a grid spans more than the Earth", found=f"{span} degrees of longitude", need="at most 360"
            )

    @classmethod
    def regular(
        cls, west: float, south: float, step: float | tuple[float, float], shape: tuple[int, int],
        ellipsoid: Ellipsoid = WGS84,
    ) -> LonLat:  # fmt: skip
        """Return a regular grid of `shape` (ny, nx) from its south-west corner; `step` in degrees (lon, lat)."""
        dx, dy = step if isinstance(step, tuple) else (step, step)
        # numbers such as 0.1 are rounded once, at the edge, so that edges of two grids that should meet do meet
        lon: Any = np.round(west + dx * np.arange(shape[1] + 1), 12)
        lat: Any = np.round(south + dy * np.arange(shape[0] + 1), 12)
        return cls(lon, lat, ellipsoid)

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.lat_edges.size - 1, self.lon_edges.size - 1

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]

    @cached_property
    def sine_edges(self) -> Array:
        """Parallels as authalic sines."""
        return self.ellipsoid.authalic_sine(self.lat_edges)

    @cached_property
    def area(self) -> Array:
        """Areas of the cells, m2."""
        return self.ellipsoid.area_per_unit * np.outer(np.diff(self.sine_edges), np.diff(self.lon_edges))

    @property
    def centres(self) -> tuple[Array, Array]:
        """Longitudes (nx,) and latitudes (ny,) of the middles."""
        return 0.5 * (self.lon_edges[1:] + self.lon_edges[:-1]), 0.5 * (self.lat_edges[1:] + self.lat_edges[:-1])

    def rings(self, ellipsoid: Ellipsoid | None = None, tolerance: float = TOLERANCE) -> Rings:
        """Return the cells as rings in the plane of the authalic sine."""
        s = (ellipsoid or self.ellipsoid).authalic_sine(self.lat_edges)
        x, y = np.meshgrid(self.lon_edges, s)
        return quadrilaterals(x[..., None], y[..., None], x[..., None], y[..., None], 1)

    @property
    def fingerprint(self) -> str:
        """Digest that changes with the grid."""
        return _digest(self.lon_edges, self.lat_edges, self.ellipsoid)


@dataclass(frozen=True, eq=False)
class Projected:
    """Rectangular cells in the plane of a map projection.

    Parameters
    ----------
    projection : Projection
        See :mod:`inventories.grid.projections`.
    x_edges, y_edges : (nx + 1,), (ny + 1,) array
        Ascending; metres, degrees for a rotated pole.
    """

    projection: Projection
    x_edges: Array
    y_edges: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "x_edges", _ascending(self.x_edges, "x"))
        object.__setattr__(self, "y_edges", _ascending(self.y_edges, "y"))

    @property
    def ellipsoid(self) -> Ellipsoid:
        """Figure of the Earth of the projection."""
        return self.projection.ellipsoid

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.y_edges.size - 1, self.x_edges.size - 1

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]

    @property
    def centres(self) -> tuple[Array, Array]:
        """Longitudes and latitudes (ny, nx) of the middles."""
        x, y = np.meshgrid(0.5 * (self.x_edges[1:] + self.x_edges[:-1]), 0.5 * (self.y_edges[1:] + self.y_edges[:-1]))
        return self.projection.inverse(x, y)

    @property
    def corners(self) -> tuple[Array, Array]:
        """Longitudes and latitudes (ny + 1, nx + 1) of the nodes."""
        return self.projection.inverse(*np.meshgrid(self.x_edges, self.y_edges))

    @cached_property
    def area(self) -> Array:
        """Areas of the cells, m2, on the figure of the projection."""
        return self.rings().area().reshape(self.shape) * self.ellipsoid.area_per_unit

    def rings(self, ellipsoid: Ellipsoid | None = None, tolerance: float = TOLERANCE) -> Rings:
        """Return the cells as rings; edges are divided until each cell's area is right to `tolerance`."""
        figure = ellipsoid or self.ellipsoid
        n = subdivisions(self._plane(figure), self.x_edges, self.y_edges, tolerance)
        x, y = _refined(self.x_edges, n), _refined(self.y_edges, n)
        along = self._mapped(figure, x, self.y_edges)
        across = along
        if n > 1:  # the nodes are there already
            between = self._mapped(figure, self.x_edges, np.delete(y, np.s_[::n]))
            across = _woven(along[0][:, ::n], between[0], n), _woven(along[1][:, ::n], between[1], n)
        if not all(np.isfinite(v).all() for v in (*along, *across)):
            raise InputError("a grid reaches where its projection has no place on Earth",
                             found=str(self.projection.cf()["grid_mapping_name"]))  # fmt: skip
        return quadrilaterals(along[0][..., None], along[1][..., None], across[0][..., None], across[1][..., None], n)

    def _mapped(self, figure: Ellipsoid, x: Array, y: Array) -> tuple[Array, Array]:
        """Return the points of lines x and y in the plane of the authalic sine, (y, x)."""
        lon, sine = np.empty((y.size, x.size)), np.empty((y.size, x.size))
        plane = self._plane(figure)

        def rows(begin: int, end: int) -> None:
            lon[begin:end], sine[begin:end] = plane(*np.meshgrid(x, y[begin:end]))

        spread(rows, y.size, least=1 + (1 << 14) // x.size)
        return lon, sine

    def _plane(self, figure: Ellipsoid) -> Any:
        def plane(x: Array, y: Array) -> tuple[Array, Array]:
            lon, lat = self.projection.inverse(x, y)
            return lon, figure.authalic_sine(lat)

        return plane

    @property
    def fingerprint(self) -> str:
        """Digest that changes with the grid."""
        return _digest(self.x_edges, self.y_edges, self.projection.cf())


@dataclass(frozen=True, eq=False)
class Polygons:
    """Cells of any shape: regions, catchments, hexagons.

    Parameters
    ----------
    polygons : sequence of sequences of (n, 2) arrays
        Per polygon its rings of longitudes and latitudes; the way round tells outer rings from holes only together
        with `oriented`. Edges are straight in longitude and latitude.
    names : sequence of str
        One per polygon.
    ellipsoid : Ellipsoid
        Figure of the Earth.
    """

    polygons: Sequence[Sequence[npt.ArrayLike]]
    names: Sequence[str] = ()
    ellipsoid: Ellipsoid = field(default=WGS84)

    def __post_init__(self) -> None:
        if self.names and len(self.names) != len(self.polygons):
            raise InputError("polygons and names differ in number", found=f"{len(self.names)} names",
                             need=f"{len(self.polygons)}")  # fmt: skip

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of polygons."""
        return (len(self.polygons),)

    @property
    def size(self) -> int:
        """Number of polygons."""
        return len(self.polygons)

    @cached_property
    def area(self) -> Array:
        """Areas, m2."""
        return self.rings().area() * self.ellipsoid.area_per_unit

    def rings(self, ellipsoid: Ellipsoid | None = None, tolerance: float = TOLERANCE) -> Rings:
        """Return the polygons as rings in the plane of the authalic sine."""
        return unwrapped(self.polygons, ellipsoid or self.ellipsoid)

    @property
    def fingerprint(self) -> str:
        """Digest that changes with the grid."""
        rings = self.rings()
        return _digest(rings.x, rings.y, rings.first, list(self.names))


Grid = LonLat | Projected | Polygons


def _woven(nodes: Array, between: Array, n: int) -> Array:
    """Return rows in turn: one of `nodes`, n - 1 of `between`."""
    out = np.empty((nodes.shape[0] + between.shape[0], nodes.shape[1]))
    out[::n] = nodes
    out[:-1].reshape(-1, n, out.shape[1])[:, 1:] = between.reshape(-1, n - 1, out.shape[1])
    return out


def _refined(edges: Array, n: int) -> Array:
    parts = edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(n) / n)
    return np.append(parts.ravel(), edges[-1])


def _digest(*parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()[:16]
