"""Transverse Mercator projection and the zones of UTM, by the series of Krueger (1912) to the sixth order.

References
----------
Karney (2011): Transverse Mercator with an accuracy of a few nanometers. J. Geod. 85, 475: equations 7-9, 35, 36.
Snyder (1987): Map Projections - A Working Manual. USGS Professional Paper 1395, pages 57 to 64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inventories.grid.ellipsoid import WGS84, Ellipsoid
from inventories.grid.projections import figure, geodetic, isometric

__all__ = ["TransverseMercator", "utm"]

Array = npt.NDArray[np.float64]
Pair = tuple[Array, Array]


def _radians(*values: npt.ArrayLike) -> tuple[Array, ...]:
    return tuple(np.deg2rad(np.asarray(v, np.float64)) for v in values)


def _around(lon: Array) -> Array:
    return (lon + np.pi) % (2.0 * np.pi) - np.pi


def _krueger(n: float) -> tuple[Any, Any]:
    """Return the coefficients alpha and beta of Karney's equations 35 and 36, to n^6."""
    p = n ** np.arange(1, 7)
    alpha = np.array([
        [1 / 2, -2 / 3, 5 / 16, 41 / 180, -127 / 288, 7891 / 37800],
        [0, 13 / 48, -3 / 5, 557 / 1440, 281 / 630, -1983433 / 1935360],
        [0, 0, 61 / 240, -103 / 140, 15061 / 26880, 167603 / 181440],
        [0, 0, 0, 49561 / 161280, -179 / 168, 6601661 / 7257600],
        [0, 0, 0, 0, 34729 / 80640, -3418889 / 1995840],
        [0, 0, 0, 0, 0, 212378941 / 319334400],
    ])  # fmt: skip
    beta = np.array([
        [1 / 2, -2 / 3, 37 / 96, -1 / 360, -81 / 512, 96199 / 604800],
        [0, 1 / 48, 1 / 15, -437 / 1440, 46 / 105, -1118711 / 3870720],
        [0, 0, 17 / 480, -37 / 840, -209 / 4480, 5569 / 90720],
        [0, 0, 0, 4397 / 161280, -11 / 504, -830251 / 7257600],
        [0, 0, 0, 0, 4583 / 161280, -108847 / 3991680],
        [0, 0, 0, 0, 0, 20648693 / 638668800],
    ])  # fmt: skip
    return alpha @ p, beta @ p


@dataclass(frozen=True)
class TransverseMercator:
    """Transverse Mercator projection; see :func:`utm` for the zones of UTM."""

    lat0: float = 0.0
    lon0: float = 0.0
    scale: float = 0.9996
    x0: float = 500000.0
    y0: float = 0.0
    ellipsoid: Ellipsoid = WGS84

    def _radius(self) -> tuple[float, Any, Any]:
        n = self.ellipsoid.f / (2.0 - self.ellipsoid.f)
        alpha, beta = _krueger(n)
        series = 1.0 + n**2 / 4 + n**4 / 64 + n**6 / 256
        return self.scale * self.ellipsoid.a / (1.0 + n) * series, alpha, beta

    def _plane(self, lam: Array, phi: Array) -> tuple[Any, Any]:
        radius, alpha, _ = self._radius()
        tau = np.sinh(isometric(np.sin(phi), self.ellipsoid.e))
        xi = np.arctan2(tau, np.cos(lam))
        eta = np.arcsinh(np.sin(lam) / np.hypot(tau, np.cos(lam)))
        zeta = xi + 1j * eta
        zeta = zeta + sum(a * np.sin(2 * (j + 1) * zeta) for j, a in enumerate(alpha))
        return radius * zeta.imag, radius * zeta.real

    def forward(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
        """Return x, y of longitudes and latitudes."""
        lam, phi = _radians(np.asarray(lon, np.float64) - self.lon0, lat)
        x, y = self._plane(_around(lam), phi)
        _, origin = self._plane(np.zeros(1), np.deg2rad(np.array([self.lat0])))
        return self.x0 + x, self.y0 + y - origin[0]

    def inverse(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Pair:
        """Return longitudes and latitudes of x, y."""
        radius, _, beta = self._radius()
        _, origin = self._plane(np.zeros(1), np.deg2rad(np.array([self.lat0])))
        zeta = (np.asarray(y, np.float64) - self.y0 + origin[0] + 1j * (np.asarray(x, np.float64) - self.x0)) / radius
        zeta = zeta - sum(b * np.sin(2 * (j + 1) * zeta) for j, b in enumerate(beta))
        lam = np.arctan2(np.sinh(zeta.imag), np.cos(zeta.real))
        tau = np.sin(zeta.real) / np.hypot(np.sinh(zeta.imag), np.cos(zeta.real))
        return np.rad2deg(lam) + self.lon0, np.rad2deg(geodetic(np.arcsinh(tau), self.ellipsoid.e))

    def cf(self) -> dict[str, Any]:
        """Return the attributes of the CF grid mapping."""
        return {"grid_mapping_name": "transverse_mercator", "scale_factor_at_central_meridian": self.scale,
                "longitude_of_central_meridian": self.lon0, "latitude_of_projection_origin": self.lat0,
                "false_easting": self.x0, "false_northing": self.y0, **figure(self.ellipsoid)}  # fmt: skip


def utm(zone: int, south: bool = False, ellipsoid: Ellipsoid = WGS84) -> TransverseMercator:
    """Return the projection of a zone of the Universal Transverse Mercator grid.

    Raises
    ------
    InputError
        There is no such zone.
    """
    if not 1 <= zone <= 60:
        raise InputError("there is no such UTM zone", found=str(zone), need="1 to 60")
    return TransverseMercator(0.0, 6.0 * zone - 183.0, 0.9996, 500000.0, 1e7 if south else 0.0, ellipsoid)
