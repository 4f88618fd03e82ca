"""Lines on grids: lengths of the ellipsoid, nothing lost between cells."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from inventories.grid.ellipsoid import WGS84
from inventories.grid.grids import LonLat, Projected
from inventories.grid.lines import Line, length, lengths_by_cell, read_lines
from inventories.grid.points import locate
from inventories.grid.projections import LambertConformal


def test_lengths_are_those_of_the_ellipsoid() -> None:
    """Quarter of the meridian of WGS 84: 10,001,965.729 m (NGA.STND.0036); a parallel is a circle of radius N cos."""
    assert length([[7.0, float(i)] for i in range(91)], WGS84).sum() == pytest.approx(10_001_965.729, abs=2e-3)
    lat = np.radians(50.0)
    radius = 6378137.0 * np.cos(lat) / np.sqrt(1 - 0.0066943799901413165 * np.sin(lat) ** 2)
    assert length([[0.0, 50.0], [1.0, 50.0]], WGS84)[0] == pytest.approx(radius * np.pi / 180.0, rel=1e-12)


def test_a_straight_road_lies_in_its_cells_by_their_crossings() -> None:
    """From (0.5, 0) to (3.5, 0) along the equator: half a cell, two whole ones, half a cell."""
    grid = LonLat.regular(0.0, -0.5, 1.0, (1, 3))
    found, outside = lengths_by_cell([Line(np.array([[0.5, 0.0], [3.5, 0.0]]), 2.0)], grid)
    degree = 6378137.0 * np.pi / 180.0
    assert found[0] == pytest.approx(np.array([1.0, 2.0, 2.0]) * degree, rel=1e-12)
    assert outside == pytest.approx(degree, rel=1e-12)
    seam = lengths_by_cell([Line(np.array([[179.0, 0.0], [181.0, 0.0]]))], LonLat.regular(-180, -0.5, 1.0, (1, 360)))
    assert seam[0][0, [-1, 0]] == pytest.approx([degree, degree]) and seam[1] == 0.0
    west = np.array([[-179.95, 0.0], [-180.55, 0.0]])  # out of a grid round the Earth by its western edge, and back in
    for way in (west, west[::-1], west + np.array([360.0, 0.0])):
        fine, lost = lengths_by_cell([Line(way)], LonLat.regular(-180, -0.05, 0.1, (1, 3600)))
        assert fine[0, [0, *range(-1, -7, -1)]] == pytest.approx(degree * np.array([0.05, *[0.1] * 5, 0.05]), rel=1e-9)
        assert lost == 0.0


@pytest.mark.parametrize("projected", [False, True])
def test_nothing_is_lost_whatever_the_way(projected: bool) -> None:
    rng = np.random.default_rng(3)
    edges = (np.arange(41) - 20) * 9000.0
    grid = Projected(LambertConformal(30, 60, 34, 110), edges, edges) if projected else (
        LonLat.regular(108.0, 32.0, 0.1, (40, 40)))  # fmt: skip
    start = np.array([110.0, 34.0])
    lines = [Line(np.cumsum(rng.normal(size=(30, 2)) * 0.3, axis=0) + start, w) for w in rng.lognormal(size=10)]
    found, outside = lengths_by_cell(lines, grid)
    whole = sum(length(one.points, WGS84).sum() * one.weight for one in lines)
    assert found.sum() + outside == pytest.approx(whole, rel=1e-12) and outside > 0
    p = lines[0].points
    fine = [np.linspace(a, b, 401) for a, b in itertools.pairwise(p)]  # by dividing, not by cutting
    cells = [(locate(grid, *(0.5 * (q[1:] + q[:-1])).T), length(q, grid.ellipsoid)) for q in fine]
    near = sum(np.bincount(c[c >= 0], m[c >= 0], grid.size) for c, m in cells).reshape(grid.shape)
    assert lengths_by_cell([Line(p)], grid)[0] == pytest.approx(near, abs=400.0)  # a piece at each end of a cell


def test_files_of_lines(tmp_path: Path) -> None:
    shapes = [{"type": "Feature", "properties": {"aadt": 5}, "geometry": {"type": "MultiLineString", "coordinates": [
        [[0, 0], [1, 0]], [[1, 1], [2, 1, 7]]]}}, {"type": "Feature", "properties": {}, "geometry": None}]  # fmt: skip
    path = tmp_path / "roads.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": shapes}), encoding="utf-8")
    lines = read_lines(path, "aadt")
    assert [one.weight for one in lines] == [5.0, 5.0] and lines[1].points.tolist() == [[1, 1], [2, 1]]
    with pytest.raises(InputError, match=r"feature 1.*no weight.*lanes"):
        read_lines(path, "lanes")
    path.write_text(json.dumps({"type": "FeatureCollection", "features": shapes[1:]}), encoding="utf-8")
    with pytest.raises(InputError, match="no line"):
        read_lines(path)
    bad = [
        5,
        {"type": "LineString"},
        *({"type": "LineString", "coordinates": c} for c in (5, [[1, "a"], [2, 3]], [[1]] * 2)),
    ]
    for text in ["[1, 2", *(json.dumps({"type": "Feature", "properties": {}, "geometry": one}) for one in bad)]:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="no GeoJSON of lines"):
            read_lines(path)
    with pytest.raises(InputError, match="leaves the Earth"):
        lengths_by_cell([Line(np.array([[0.0, 91.0], [1.0, 0.0]]))], LonLat.regular(0, 0, 1.0, (1, 1)))
