"""The Earth's figure, and the plane of longitude and authalic sine in which areas are exact.

In the plane (longitude in degrees, s) with s = q / q_pole the area of any figure on the ellipsoid is its area in the
plane times one constant. A cell between parallels and meridians is a rectangle there.

References
----------
Snyder, J. P. (1987): Map Projections - A Working Manual. USGS Professional Paper 1395, equation 3-12.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["AUTHALIC_SPHERE", "CLARKE_1866", "GRS80", "WGS84", "WRF_SPHERE", "Ellipsoid"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid of revolution; a sphere where the flattening is zero.

    Parameters
    ----------
    a : float
        Semi-major axis, m.
    f : float
        Flattening.
    name : str
        For messages and attributes.
    """

    a: float
    f: float = 0.0
    name: str = ""

    @property
    def e2(self) -> float:
        """Square of the eccentricity."""
        return self.f * (2.0 - self.f)

    @property
    def e(self) -> float:
        """Eccentricity."""
        return math.sqrt(self.e2)

    @property
    def q_pole(self) -> float:
        """q at the pole (Snyder, 3-12 with latitude 90 degrees); 2 for a sphere."""
        e = self.e
        return 2.0 if e == 0.0 else 1.0 + (1.0 - e * e) / e * math.atanh(e)

    @property
    def area_per_unit(self) -> float:
        """Square metres per degree of longitude and unit of s."""
        return 0.5 * self.a * self.a * self.q_pole * math.pi / 180.0

    def authalic_sine(self, lat: npt.ArrayLike) -> Array:
        """Return s in [-1, 1] of geodetic latitudes in degrees (Snyder, 3-12)."""
        sine = np.sin(np.deg2rad(np.asarray(lat, np.float64)))
        e = self.e
        if e == 0.0:
            return sine
        q = (1.0 - e * e) * (sine / (1.0 - (e * sine) ** 2) + np.arctanh(e * sine) / e)
        return q / self.q_pole


WGS84 = Ellipsoid(6378137.0, 1.0 / 298.257223563, "WGS 84")
GRS80 = Ellipsoid(6378137.0, 1.0 / 298.257222101, "GRS 80")
CLARKE_1866 = Ellipsoid(6378206.4, 1.0 / 294.978698213898, "Clarke 1866")
WRF_SPHERE = Ellipsoid(6370000.0, 0.0, "sphere of WRF")  # module_llxy and the constants of the model
AUTHALIC_SPHERE = Ellipsoid(6371007.2, 0.0, "authalic sphere of WGS 84")  # Snyder 3-13, metres, rounded
