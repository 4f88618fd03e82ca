"""Regions from files, rows spread over them, and points that lie in none."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from inventories.compile.areas import misplaced
from inventories.compile.gridding import place, zones_of
from inventories.conservation import residual
from inventories.dataset import annual
from inventories.grid.grids import LonLat
from inventories.readers.shapes import read_regions

WEST = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0], [0.0, 0.0]]
EAST = [[2.0, 0.0], [6.0, 0.0], [6.0, 2.0], [2.0, 2.0], [2.0, 0.0]]


def geojson(path: Path, names=("W", "E")) -> Path:
    shapes = [{"type": "Feature", "properties": {"code": n}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
              for n, ring in zip(names, (WEST, EAST), strict=True)]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": shapes}), encoding="utf-8")
    return path


def shapefile(path: Path, names=("西", "东"), codec: str = "gbk", kind: int = 5) -> Path:
    body = b""
    for i, ring in enumerate((WEST, EAST)):
        xy = np.array(ring, "<f8").tobytes()
        record = struct.pack("<i4d2ii", kind, 0, 0, 6, 2, 1, len(ring), 0) + xy
        body += struct.pack(">2i", i + 1, len(record) // 2) + record
    head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, 50 + len(body) // 2) + struct.pack("<2i8d", 1000, kind, *[0.0] * 8)
    path.write_bytes(head + body)
    cells = b"".join(b" " + name.encode(codec).ljust(8) for name in names)
    field = b"code".ljust(11, b"\0") + b"C" + bytes(4) + bytes([8]) + bytes(15)
    head = struct.pack("<4BIHH20x", 3, 126, 1, 1, len(names), 32 + 32 + 1, 9)
    path.with_suffix(".dbf").write_bytes(head + field + b"\r" + cells)
    return path


def inventory():
    return annual({"CO2": [100.0, 300.0, 7.0, 5.0]}, source=["w", "e", "p", "q"], region=["W", "E", "W", "E"],
                  sector=["C", "C", "A", "A"], year=2021, lon=[np.nan, np.nan, 0.5, 7.5],
                  lat=[np.nan, np.nan, 0.5, 1.0])  # fmt: skip


def test_rows_without_a_position_are_spread_over_their_region(tmp_path: Path) -> None:
    regions = read_regions(geojson(tmp_path / "r.geojson"), "code")
    grid = LonLat.regular(0.0, 0.0, 1.0, (2, 4))  # half of the east lies beyond
    out = place(inventory(), grid, regions=(regions, {}))
    mass = (out["emission_co2"] * out["cell_area"]).isel(time=0).values * 365 * 86400
    assert mass.sum(axis=(1, 2)) == pytest.approx([7.0, 250.0], rel=1e-9)
    share = grid.area[:, :2] / grid.area[:, :2].sum()
    assert mass[1, :, :2] == pytest.approx(100.0 * share, rel=1e-9)
    row = out["ledger_mass"].values[0]
    assert row == pytest.approx([412.0, 257.0, 155.0, 0.0], rel=1e-9, abs=1e-9) and abs(residual(row)) < 1e-12
    clocks, index, _ = zones_of(inventory(), grid, "UTC", {"E": "Asia/Tokyo"}, regions=(regions, {}))
    assert [clocks[k][0] for k in index[0]] == ["UTC", "UTC", "Asia/Tokyo", "Asia/Tokyo"]
    with pytest.raises(InputError, match=r"a region is not in the file of regions.*E.*one of W, X"):
        place(inventory(), grid, regions=(read_regions(geojson(tmp_path / "s.json", ("W", "X")), "code"), {}))


@pytest.mark.kernel
def test_points_at_sea_and_in_another_region_are_listed(tmp_path: Path) -> None:
    regions = read_regions(shapefile(tmp_path / "r.shp"), "code", encoding="gbk")
    assert list(regions.names) == ["西", "东"]
    ds = inventory().assign_coords(region=("source", ["西", "东", "E", "东"]))
    found = misplaced(ds, regions, {"E": "东"})
    assert [(f["source"], f["found"]) for f in found] == [("p", "西"), ("q", "at sea")]


@pytest.mark.parametrize(
    ("make", "key", "words"),
    [
        (lambda p: geojson(p / "a.json"), "name", r"lack the attribute.*'name'.*one of code"),
        (lambda p: geojson(p / "a.json", ("W", "W")), "code", "two regions have one name"),
        (lambda p: shapefile(p / "a.shp"), "code", "cannot be read in this encoding.*GBK"),
        (lambda p: shapefile(p / "a.shp", ("W", "E"), kind=3), "code", "holds no polygons.*type 3"),
    ],
)
def test_faults_of_files_are_named(tmp_path: Path, make, key: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_regions(make(tmp_path), key)
