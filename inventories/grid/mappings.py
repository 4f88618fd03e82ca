"""CF grid mappings to projections (CF conventions 1.11, appendix F)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ghg.core.errors import InputError
from inventories.grid.ellipsoid import WGS84, Ellipsoid
from inventories.grid.projections import (
    LambertAzimuthal,
    LambertConformal,
    Mercator,
    PolarStereographic,
    Projection,
    RotatedPole,
)
from inventories.grid.transverse import TransverseMercator

__all__ = ["ellipsoid_of", "from_cf"]


def from_cf(attrs: dict[str, Any]) -> Projection | None:
    """Return the projection a CF grid mapping names; None for plain longitude and latitude.

    Raises
    ------
    InputError
        The mapping is not known here.
    """
    name = str(attrs.get("grid_mapping_name", "latitude_longitude"))
    earth = ellipsoid_of(attrs)

    def number(key: str, default: float = 0.0) -> float:
        return float(attrs.get(key, default))

    parallels = np.atleast_1d(np.asarray(attrs.get("standard_parallel", 0.0), float))
    place = {"x0": number("false_easting"), "y0": number("false_northing"), "ellipsoid": earth}
    meridian = number("longitude_of_central_meridian", number("longitude_of_projection_origin"))
    origin = number("latitude_of_projection_origin")
    if name == "latitude_longitude":
        return None
    if name == "lambert_conformal_conic":
        return LambertConformal(float(parallels[0]), float(parallels[-1]), origin, meridian, **place)
    if name == "mercator":
        return Mercator(float(parallels[0]), meridian, **place)
    if name == "polar_stereographic":
        return PolarStereographic(float(parallels[0]), number("straight_vertical_longitude_from_pole"), **place)
    if name == "lambert_azimuthal_equal_area":
        return LambertAzimuthal(origin, meridian, **place)
    if name == "transverse_mercator":
        return TransverseMercator(origin, meridian, number("scale_factor_at_central_meridian", 1.0), **place)
    if name == "rotated_latitude_longitude":
        return RotatedPole(number("grid_north_pole_longitude"), number("grid_north_pole_latitude"),
                           number("north_pole_grid_longitude"), earth)  # fmt: skip
    raise InputError("the grid mapping is not known", found=name, need="one of latitude_longitude, "
                     "lambert_conformal_conic, mercator, polar_stereographic, lambert_azimuthal_equal_area, "
                     "transverse_mercator, rotated_latitude_longitude")  # fmt: skip


def ellipsoid_of(attrs: dict[str, Any]) -> Ellipsoid:
    """Return the figure of the Earth a CF grid mapping states; WGS 84 where it states none."""
    if "earth_radius" in attrs:
        return Ellipsoid(float(attrs["earth_radius"]))
    if "semi_major_axis" in attrs:
        inverse = float(attrs.get("inverse_flattening", 0.0))
        return Ellipsoid(float(attrs["semi_major_axis"]), 1.0 / inverse if inverse else 0.0)
    return WGS84
