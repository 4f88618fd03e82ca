"""Coastlines: where land is and where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path as Outline

from ghg.report.coast import coastlines

PLACES = [
    ("Madrid", -3.7, 40.4, True), ("Beijing", 116.4, 39.9, True), ("Denver", -105.0, 39.7, True),
    ("London", -0.1, 51.5, True), ("Reykjavik", -21.8, 64.1, True), ("Auckland", 175.0, -37.1, True),
    ("Bay of Biscay", -5.0, 45.5, False), ("North Sea", 3.0, 55.5, False), ("Irish Sea", -4.8, 53.8, False),
    ("Gulf of Mexico", -90.0, 25.0, False), ("Caspian Sea", 51.0, 42.0, False), ("Sea of Japan", 135.0, 40.0, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "lon", "lat", "land"), PLACES)
def test_a_place_lies_on_the_right_side_of_the_coast(name: str, lon: float, lat: float, land: bool) -> None:
    near = coastlines((lon - 0.1, lon + 0.1, lat - 0.1, lat + 0.1))
    crossed = sum(Outline(line).contains_point((lon, lat)) for line in near)
    assert crossed % 2 == land, name  # holes are lines of their own


def test_lines_are_closed_and_follow_the_longitudes_of_the_map() -> None:
    britain = max(coastlines((-5.0, 1.0, 50.5, 58.0)), key=len)
    assert np.allclose(britain[0], britain[-1])
    turned = max(coastlines((355.0, 361.0, 50.5, 58.0)), key=len)
    assert np.allclose(turned.max(axis=0), britain.max(axis=0) + np.array([360.0, 0.0]))
