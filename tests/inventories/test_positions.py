"""Sources of a table against regions, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghg.core.provenance import verify
from tests.inventories.test_areas import geojson
from tests.terminal import inside

TABLE = "id,name,x,y,code\n1,in,1.0,1.0,W\n2,sea,9.0,1.0,W\n3,other,3.0,1.0,W\n4,nowhere,,,W\n5,free,5.0,1.0,\n"
JOB = """file = "t.csv"
source = ["id", "name"]
lon = "x"
lat = "y"
region = "code"
[regions]
file = "r.geojson"
key = "code"
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    geojson(tmp_path / "r.geojson")
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "job.toml").write_text(JOB, encoding="utf-8")
    return tmp_path / "job.toml"


def test_all_that_stand_elsewhere_are_listed(job: Path, tmp_path: Path) -> None:
    done = inside("inventories", "positions", job, "-o", tmp_path / "out", "-q")
    assert done.returncode == 0 and "4 positions: 1 at sea, 1 in another region" in done.stdout, done.stderr
    lines = (tmp_path / "out" / "positions.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines == ["row,source,region,lon,lat,found", "3,2 sea,W,9.0,1.0,at sea", "4,3 other,W,3.0,1.0,E"]
    assert verify(tmp_path / "out").ok


@pytest.mark.parametrize(
    ("old", "new", "words"), [("1,in,1.0,1.0", "1,in,1.0,91.0", "not on Earth"), ("name,x", "name,z", "x")]
)
def test_bad_positions_are_named(job: Path, tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(TABLE.replace(old, new), encoding="utf-8")
    done = inside("inventories", "positions", job, "-o", tmp_path / "out", "-q")
    assert done.returncode == 2 and words in done.stderr and not (tmp_path / "out").exists()
