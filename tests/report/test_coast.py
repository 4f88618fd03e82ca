"""Coastlines: where land is and where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.path import Path as Outline

from ghg.report.coast import coastlines
from ghg.report.inventory_maps import grid_maps

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


@pytest.mark.parametrize("coasts", [True, False])
def test_a_job_decides_whether_maps_show_the_coast(coasts: bool) -> None:
    """Hangzhou Bay, where the invented city of the demonstration lies."""
    x, y = np.linspace(120.0, 122.0, 5), np.linspace(30.0, 31.0, 3)
    one = {"mass": np.ones((2, 4)), "area": np.ones((2, 4)), "x": x, "y": y, "stretch": 1.0, "geographic": True,
           "box": (120.0, 122.0, 30.0, 31.0), "forward": None}  # fmt: skip
    words = {"longitude": "longitude", "latitude": "latitude"}
    figure = grid_maps({"grid": {"maps": {"CO2": one}, "coastlines": coasts}}, words, "en")
    assert figure is not None
    lines = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    assert (sum(len(line.get_segments()) for line in lines) > 0) is coasts
