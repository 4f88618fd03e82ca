"""Projections against the numerical examples of Snyder (1987), appendix A, and their own inverses."""

from __future__ import annotations

import numpy as np
import pytest

from ghg.core.errors import InputError
from inventories.grid.ellipsoid import CLARKE_1866, WGS84, Ellipsoid
from inventories.grid.mappings import from_cf
from inventories.grid.projections import LambertAzimuthal, LambertConformal, Mercator, PolarStereographic, RotatedPole
from inventories.grid.transverse import TransverseMercator, utm

INTERNATIONAL = Ellipsoid(6378388.0, 1.0 / 297.0)
SNYDER = [
    (LambertConformal(33, 45, 23, -96, ellipsoid=CLARKE_1866), (-75, 35), (1894410.9, 1564649.5)),
    (TransverseMercator(0, -75, 0.9996, 0, 0, CLARKE_1866), (-73.5, 40.5), (127106.5, 4484124.4)),
    (LambertAzimuthal(40, -100, ellipsoid=CLARKE_1866), (-110, 30), (-965932.1, -1056814.9)),
    (Mercator(0, -180, ellipsoid=CLARKE_1866), (-75, 35), (11688673.7, 4139145.6)),
    (PolarStereographic(-71, -100, ellipsoid=INTERNATIONAL), (150, -75), (-1540033.6, -560526.4)),
]


@pytest.mark.parametrize(("projection", "place", "plane"), SNYDER)
def test_numerical_examples_of_snyder(projection, place, plane) -> None:
    assert projection.forward(*place) == pytest.approx(plane, abs=0.1)  # printed to 0.1 m
    lon, lat = projection.inverse(*projection.forward(*place))
    assert ((lon - place[0] + 180) % 360 - 180, lat - place[1]) == pytest.approx((0.0, 0.0), abs=1e-12)


ALL = [p for p, *_ in SNYDER] + [utm(50), utm(33, south=True), RotatedPole(-162.0, 39.25),
                                 LambertAzimuthal(52, 10, 4321000.0, 3210000.0), PolarStereographic(90, 0)]  # fmt: skip


@pytest.mark.parametrize("projection", ALL)
def test_cf_attributes_give_the_projection_back(projection) -> None:
    again = from_cf(projection.cf())
    assert type(again) is type(projection)
    lon0 = 100.0 if isinstance(projection, RotatedPole) else getattr(projection, "lon0", 0.0) + 2.0
    lat = -60.0 if isinstance(projection, PolarStereographic) and projection.parallel < 0 else 60.0
    assert again.forward(lon0, lat) == pytest.approx(projection.forward(lon0, lat), rel=1e-14)


def test_whole_earth_has_the_area_of_the_ellipsoid() -> None:
    # closed form of the area of an oblate spheroid
    e = WGS84.e
    area = 2 * np.pi * WGS84.a**2 * (1 + (1 - e * e) / e * np.arctanh(e))
    assert WGS84.area_per_unit * 360.0 * 2.0 == pytest.approx(area, rel=1e-15)


def test_what_cannot_be_projected_is_refused() -> None:
    with pytest.raises(InputError, match="grid mapping is not known"):
        from_cf({"grid_mapping_name": "sinusoidal"})
    with pytest.raises(InputError, match="no such UTM zone"):
        utm(61)
    with pytest.raises(InputError, match="standard parallels"):
        LambertConformal(30, -30, 0, 0)
