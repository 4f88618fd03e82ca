"""Map projections with their inverses, from their published formulas.

Longitudes and latitudes in degrees, plane coordinates in metres; arrays of any shape. Points that a projection
cannot show become NaN.

References
----------
Snyder (1987): Map Projections - A Working Manual. USGS Professional Paper 1395: Lambert conformal conic 15-1 to
15-11, Mercator 7-6 to 7-10, polar stereographic 21-33 to 21-40, Lambert azimuthal equal-area 24-17 to 24-28.
Karney (2011): Transverse Mercator with an accuracy of a few nanometers. J. Geod. 85, 475: equations 7 and 19-21.
CF conventions 1.11, appendix F (names of grid mappings and parameters).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inventories.grid.ellipsoid import WGS84, Ellipsoid

__all__ = [
    "LambertAzimuthal", "LambertConformal", "Mercator", "PolarStereographic", "Projection", "RotatedPole", "figure",
    "geodetic", "isometric",
]  # fmt: skip

NEAR = 1e-9
Array = npt.NDArray[np.float64]
Pair = tuple[Array, Array]


class Projection(Protocol):
    """What a grid needs of a projection."""

    @property
    def ellipsoid(self) -> Ellipsoid:
        """Figure of the Earth."""
        ...

    def forward(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
        """Return x, y of longitudes and latitudes."""
        ...

    def inverse(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Pair:
        """Return longitudes and latitudes of x, y."""
        ...

    def cf(self) -> dict[str, Any]:
        """Return the attributes of the CF grid mapping."""
        ...


def _radians(*values: npt.ArrayLike) -> tuple[Array, ...]:
    return tuple(np.deg2rad(np.asarray(v, np.float64)) for v in values)


def _around(lon: Array) -> Array:
    """Return longitudes, radians, within -pi to pi."""
    return (lon + np.pi) % (2.0 * np.pi) - np.pi


def figure(ellipsoid: Ellipsoid) -> dict[str, Any]:
    """Return the CF attributes of a figure of the Earth."""
    if ellipsoid.f == 0.0:
        return {"earth_radius": ellipsoid.a}
    return {"semi_major_axis": ellipsoid.a, "inverse_flattening": 1.0 / ellipsoid.f}


def isometric(sine: Array, e: float) -> Array:
    """Return the isometric latitude of the sine of the geodetic one (Snyder, 7-7, as logarithm)."""
    return np.arctanh(sine) - e * np.arctanh(e * sine)


def geodetic(psi: Array, e: float) -> Array:
    """Return the geodetic latitude of the isometric one: Newton on 7-7, quadratic where 7-9 is linear."""
    target = np.sinh(psi)  # tan of the conformal latitude; tau the tan of the geodetic one (Karney, 7 and 19-21)
    tau = target / (1.0 - e * e)
    for _ in range(4 if e else 0):
        root = np.sqrt(1.0 + tau * tau)
        sigma = np.sinh(e * np.arctanh(e * tau / root))
        guess = tau * np.sqrt(1.0 + sigma * sigma) - sigma * root
        step = (
            (target - guess) / np.sqrt(1.0 + guess * guess) * (1.0 + (1.0 - e * e) * tau * tau) / ((1.0 - e * e) * root)
        )
        tau += step
        if not (np.abs(step) > NEAR * (1.0 + np.abs(tau))).any():  # what is left is the square of it
            break
    return np.arctan(tau if e else target)


@dataclass(frozen=True)
class LambertConformal:
    """Lambert conformal conic projection with one or two standard parallels.

    Parameters
    ----------
    parallel1, parallel2 : float
        Standard parallels, degrees.
    lat0, lon0 : float
        Origin, degrees.
    x0, y0 : float
        False easting and northing, m.
    ellipsoid : Ellipsoid
        Figure of the Earth.
    """

    parallel1: float
    parallel2: float
    lat0: float
    lon0: float
    x0: float = 0.0
    y0: float = 0.0
    ellipsoid: Ellipsoid = WGS84

    def __post_init__(self) -> None:
        if (
            not all(-90.0 < p < 90.0 for p in (self.parallel1, self.parallel2))
            or abs(self.parallel1 + self.parallel2) < 1e-9
        ):
            raise InputError("the standard parallels of a Lambert conformal projection are not usable",
                             found=f"{self.parallel1}, {self.parallel2}", need="not opposite")  # fmt: skip

    def _cone(self) -> tuple[float, float, float]:
        e = self.ellipsoid.e
        sines = np.sin(np.deg2rad(np.array([self.parallel1, self.parallel2, self.lat0])))
        m = np.sqrt((1 - sines**2) / (1 - (e * sines) ** 2))
        t = -isometric(sines, e)  # ln t
        same = abs(self.parallel1 - self.parallel2) < 1e-12
        n = float(sines[0] if same else (np.log(m[0]) - np.log(m[1])) / (t[0] - t[1]))
        scale = self.ellipsoid.a * float(m[0]) / n * math.exp(-n * float(t[0]))
        return n, scale, scale * math.exp(n * float(t[2]))

    def forward(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
        """Return x, y of longitudes and latitudes."""
        n, scale, rho0 = self._cone()
        lam, phi = _radians(lon, lat)
        rho = scale * np.exp(-n * isometric(np.sin(phi), self.ellipsoid.e))
        theta = n * _around(lam - math.radians(self.lon0))
        return self.x0 + rho * np.sin(theta), self.y0 + rho0 - rho * np.cos(theta)

    def inverse(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Pair:
        """Return longitudes and latitudes of x, y."""
        n, scale, rho0 = self._cone()
        dx, dy = np.asarray(x, np.float64) - self.x0, rho0 - (np.asarray(y, np.float64) - self.y0)
        sign = math.copysign(1.0, n)
        rho = np.hypot(dx, dy)
        theta = np.arctan2(sign * dx, sign * dy)
        phi = geodetic(-np.log(rho / abs(scale)) / n, self.ellipsoid.e)
        return np.rad2deg(theta / n) + self.lon0, np.rad2deg(phi)

    def cf(self) -> dict[str, Any]:
        """Return the attributes of the CF grid mapping."""
        one = abs(self.parallel1 - self.parallel2) < 1e-12
        return {"grid_mapping_name": "lambert_conformal_conic",
                "standard_parallel": self.parallel1 if one else [self.parallel1, self.parallel2],
                "longitude_of_central_meridian": self.lon0, "latitude_of_projection_origin": self.lat0,
                "false_easting": self.x0, "false_northing": self.y0, **figure(self.ellipsoid)}  # fmt: skip


@dataclass(frozen=True)
class Mercator:
    """Mercator projection, true to scale at a parallel."""

    parallel: float = 0.0
    lon0: float = 0.0
    x0: float = 0.0
    y0: float = 0.0
    ellipsoid: Ellipsoid = WGS84

    def _scale(self) -> float:
        sine = math.sin(math.radians(self.parallel))
        return self.ellipsoid.a * math.sqrt((1 - sine * sine) / (1 - self.ellipsoid.e2 * sine * sine))

    def forward(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
        """Return x, y of longitudes and latitudes."""
        lam, phi = _radians(lon, lat)
        scale = self._scale()
        x = scale * _around(lam - math.radians(self.lon0))
        return self.x0 + x, self.y0 + scale * isometric(np.sin(phi), self.ellipsoid.e)

    def inverse(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Pair:
        """Return longitudes and latitudes of x, y."""
        scale = self._scale()
        phi = geodetic((np.asarray(y, np.float64) - self.y0) / scale, self.ellipsoid.e)
        return np.rad2deg((np.asarray(x, np.float64) - self.x0) / scale) + self.lon0, np.rad2deg(phi)

    def cf(self) -> dict[str, Any]:
        """Return the attributes of the CF grid mapping."""
        return {"grid_mapping_name": "mercator", "standard_parallel": self.parallel,
                "longitude_of_projection_origin": self.lon0, "false_easting": self.x0, "false_northing": self.y0,
                **figure(self.ellipsoid)}  # fmt: skip


@dataclass(frozen=True)
class PolarStereographic:
    """Polar stereographic projection, true to scale at a parallel; the pole is that of the parallel's hemisphere."""

    parallel: float
    lon0: float
    x0: float = 0.0
    y0: float = 0.0
    ellipsoid: Ellipsoid = WGS84

    def _scale(self) -> tuple[float, float]:
        e, sign = self.ellipsoid.e, math.copysign(1.0, self.parallel)
        sine = math.sin(math.radians(abs(self.parallel)))
        if sine > 1.0 - 1e-15:
            return sign, 2.0 * self.ellipsoid.a / math.sqrt((1 + e) ** (1 + e) * (1 - e) ** (1 - e))
        m = math.sqrt((1 - sine * sine) / (1 - (e * sine) ** 2))
        return sign, self.ellipsoid.a * m * math.exp(float(isometric(np.array(sine), e)))

    def forward(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
        """Return x, y of longitudes and latitudes."""
        sign, scale = self._scale()
        lam, phi = _radians(lon, lat)
        with np.errstate(divide="ignore"):
            rho = scale * np.exp(-isometric(np.sin(sign * phi), self.ellipsoid.e))
        theta = lam - math.radians(self.lon0)
        return self.x0 + rho * np.sin(theta), self.y0 - sign * rho * np.cos(theta)

    def inverse(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Pair:
        """Return longitudes and latitudes of x, y."""
        sign, scale = self._scale()
        dx, dy = np.asarray(x, np.float64) - self.x0, np.asarray(y, np.float64) - self.y0
        with np.errstate(divide="ignore", invalid="ignore"):
            phi = geodetic(-np.log(np.hypot(dx, dy) / scale), self.ellipsoid.e)
        phi = np.where(np.hypot(dx, dy) == 0.0, 0.5 * np.pi, phi)
        return np.rad2deg(np.arctan2(dx, -sign * dy)) + self.lon0, sign * np.rad2deg(phi)

    def cf(self) -> dict[str, Any]:
        """Return the attributes of the CF grid mapping."""
        return {"grid_mapping_name": "polar_stereographic", "standard_parallel": self.parallel,
                "latitude_of_projection_origin": math.copysign(90.0, self.parallel),
                "straight_vertical_longitude_from_pole": self.lon0, "false_easting": self.x0,
                "false_northing": self.y0, **figure(self.ellipsoid)}  # fmt: skip


@dataclass(frozen=True)
class LambertAzimuthal:
    """Lambert azimuthal equal-area projection, oblique (the European grid is one)."""

    lat0: float
    lon0: float
    x0: float = 0.0
    y0: float = 0.0
    ellipsoid: Ellipsoid = WGS84

    def _constants(self) -> tuple[float, float, float, float]:
        """Return sine and cosine of the authalic latitude of the centre, D and R_q (Snyder, 3-11, 3-13, 24-20)."""
        sine = float(self.ellipsoid.authalic_sine(self.lat0))
        cosine = math.sqrt(1.0 - sine * sine)
        if cosine < 1e-9:
            raise InputError("the centre of an oblique azimuthal projection cannot be a pole", found=str(self.lat0),
                             need="a latitude between the poles")  # fmt: skip
        phi = math.radians(self.lat0)
        m = math.cos(phi) / math.sqrt(1 - self.ellipsoid.e2 * math.sin(phi) ** 2)
        radius = self.ellipsoid.a * math.sqrt(0.5 * self.ellipsoid.q_pole)
        return sine, cosine, self.ellipsoid.a * m / (radius * cosine), radius

    def forward(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
        """Return x, y of longitudes and latitudes."""
        sine, cosine, d, radius = self._constants()
        lam = np.deg2rad(np.asarray(lon, np.float64) - self.lon0)
        s = self.ellipsoid.authalic_sine(lat)
        c = np.sqrt(np.maximum(1.0 - s * s, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            b = radius * np.sqrt(2.0 / (1.0 + sine * s + cosine * c * np.cos(lam)))
            x = b * d * c * np.sin(lam)
            y = b / d * (cosine * s - sine * c * np.cos(lam))
        return self.x0 + x, self.y0 + y

    def inverse(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Pair:
        """Return longitudes and latitudes of x, y."""
        sine, cosine, d, radius = self._constants()
        dx, dy = (np.asarray(x, np.float64) - self.x0) / d, d * (np.asarray(y, np.float64) - self.y0)
        rho = np.hypot(dx, dy)
        with np.errstate(invalid="ignore"):
            c = 2.0 * np.arcsin(rho / (2.0 * radius))
        ratio = np.where(rho > 0, np.sin(c) / np.where(rho > 0, rho, 1.0), 1.0 / radius)
        beta = np.cos(c) * sine + dy * ratio * cosine
        lam = np.arctan2(dx * ratio, cosine * np.cos(c) - dy * sine * ratio)
        return np.rad2deg(lam) + self.lon0, self._latitude(beta)

    def _latitude(self, s: Array) -> Array:
        """Return geodetic latitudes of authalic sines: Newton on Snyder's 3-16."""
        e = self.ellipsoid.e
        phi = np.arcsin(np.clip(s, -1.0, 1.0))
        for _ in range(5 if e else 0):
            sine = np.sin(phi)
            slope = 2.0 * (1 - e * e) * np.cos(phi) / (1 - (e * sine) ** 2) ** 2 / self.ellipsoid.q_pole
            step = (s - self.ellipsoid.authalic_sine(np.rad2deg(phi))) / np.where(slope > 1e-9, slope, 1.0)
            phi = phi + np.where(slope > 1e-9, step, 0.0)
        return np.rad2deg(phi)

    def cf(self) -> dict[str, Any]:
        """Return the attributes of the CF grid mapping."""
        return {"grid_mapping_name": "lambert_azimuthal_equal_area", "latitude_of_projection_origin": self.lat0,
                "longitude_of_projection_origin": self.lon0, "false_easting": self.x0, "false_northing": self.y0,
                **figure(self.ellipsoid)}  # fmt: skip


@dataclass(frozen=True)
class RotatedPole:
    """Longitudes and latitudes about another pole, in degrees, as regional climate models use them.

    Parameters
    ----------
    pole_lon, pole_lat : float
        Where the rotated north pole lies.
    """

    pole_lon: float
    pole_lat: float
    north_pole_grid_longitude: float = 0.0
    ellipsoid: Ellipsoid = field(default_factory=lambda: Ellipsoid(6371229.0, 0.0, "sphere of ICON and COSMO"))

    def forward(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
        """Return rotated longitudes and latitudes."""
        lam, phi = _radians(np.asarray(lon, np.float64) - self.pole_lon, lat)
        pole = math.radians(self.pole_lat)
        sine = math.sin(pole) * np.sin(phi) + math.cos(pole) * np.cos(phi) * np.cos(lam)
        east = -np.cos(phi) * np.sin(lam)
        north = math.cos(pole) * np.sin(phi) - math.sin(pole) * np.cos(phi) * np.cos(lam)
        rotated = np.rad2deg(np.arctan2(east, north)) + self.north_pole_grid_longitude
        return rotated, np.rad2deg(np.arctan2(sine, np.hypot(east, north)))

    def inverse(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Pair:
        """Return longitudes and latitudes of rotated ones."""
        lam, phi = _radians(np.asarray(x, np.float64) - self.north_pole_grid_longitude, y)
        pole = math.radians(self.pole_lat)
        sine = math.sin(pole) * np.sin(phi) + math.cos(pole) * np.cos(phi) * np.cos(lam)
        east = -np.cos(phi) * np.sin(lam)
        north = math.cos(pole) * np.sin(phi) - math.sin(pole) * np.cos(phi) * np.cos(lam)
        lon = np.rad2deg(np.arctan2(east, north)) + self.pole_lon
        return (lon + 180.0) % 360.0 - 180.0, np.rad2deg(np.arctan2(sine, np.hypot(east, north)))

    def cf(self) -> dict[str, Any]:
        """Return the attributes of the CF grid mapping."""
        return {"grid_mapping_name": "rotated_latitude_longitude", "grid_north_pole_latitude": self.pole_lat,
                "grid_north_pole_longitude": self.pole_lon,
                "north_pole_grid_longitude": self.north_pole_grid_longitude, **figure(self.ellipsoid)}  # fmt: skip
