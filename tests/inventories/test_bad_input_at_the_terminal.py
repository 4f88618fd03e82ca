"""Every kind of bad input of an inventory: exit 2, a sentence that names it, and nothing left behind."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ghg.core import netcdf
from ghg.core.provenance import Record
from inventories.grid.fields import coordinates, with_year
from inventories.grid.grids import LonLat
from tests.inventories.test_grids_of_a_build import JOB, ROWS, build
from tests.terminal import inside

REGIONS = 'regions = { file = "r.geojson", key = "n" }\nareas = "spread"\n[time]'


@pytest.mark.parametrize(
    ("table", "job", "words"),
    [
        (("heat(TJ)", "heat"), (), r"plants.csv, column 'heat': the column has no unit"),
        (("heat(TJ)", "heat(K)"), (), "the activity is no mass, volume or energy"),
        (("1A1a,bituminous,1000", "1A1a,bitumenous,1000"), (), "bitumenous.*did you mean bituminous"),
        (("p3,XIN,1A2gviii", "p3,XIN,1A2zz"), (), "the class is not one of NFR.*1A2zz"),
        (("bituminous,1000", "bituminous,-1000"), (), "row 2: the activity is negative"),
        ((), ("south = 30.0", 'south = 30.0\noutside = "refuse"'), r"p4.*outside the grid.*longitude -40"),
        ((), ("hour = [0,", "hour = [9,"), "a profile does not sum to one.*33"),
        ((), ("[time]", REGIONS), r"a region is not in the file of regions.*HEB"),
        (("p2,HEB,1A1a,natural_gas,500", "p1,HEB,1A1a,bituminous,500"), (), "two rows stand for one source.*rows 2, 3"),
        (("p1,HEB", "p1,河北"), ('"plants.csv"', '"plants.csv"\nencoding = "ascii"'), "plants.csv.*ascii"),
    ],
)  # fmt: skip
def test_a_build_says_what_is_wrong(tmp_path: Path, table: tuple, job: tuple, words: str) -> None:
    ring = {"type": "Polygon", "coordinates": [[[80, 30], [90, 30], [90, 40], [80, 30]]]}
    shape = {"type": "Feature", "properties": {"n": "XIN"}, "geometry": ring}
    (tmp_path / "r.geojson").write_text(json.dumps(shape | {"type": "Feature"}), encoding="utf-8")
    rows, text = ROWS, JOB
    if table:
        assert table[0] in rows
        rows = rows.replace(*table, 1)
    if job:
        assert job[0] in text
        text = text.replace(*job, 1)
    done = build(tmp_path, text, rows)
    said = " ".join(done.stderr.split())
    assert done.returncode == 2 and re.search(words, said), said
    assert "Traceback" not in said and sorted(p.name for p in tmp_path.iterdir()) == [
        "inventory.toml", "plants.csv", "r.geojson"]  # fmt: skip


def test_mass_beyond_a_target_is_told_with_its_amount(tmp_path: Path) -> None:
    dims, ds = coordinates(LonLat.regular(0.0, 0.0, 1.0, (1, 4)))
    ds["emission_co2"] = (dims, [[1e-9] * 4], {"units": "kg m-2 s-1"})
    netcdf.write(with_year(ds, 2021), tmp_path / "in.nc", record=Record("t", command=["t"]))
    text = 'input = "in.nc"\noutside = "refuse"\n[target]\nwest = 0.0\nsouth = 0.0\nstep = 1.0\nshape = [1, 3]\n'
    (tmp_path / "job.toml").write_text(text, encoding="utf-8")
    done = inside("inventories", "regrid", tmp_path / "job.toml", "-o", tmp_path / "out.nc", "-q")
    said = " ".join(done.stderr.split())
    assert done.returncode == 2 and re.search(r"mass falls outside the target grid.*25\.000%.*1 cells", said), said
    assert not (tmp_path / "out.nc").exists()
    netcdf.write(ds, tmp_path / "in.nc", record=Record("t", command=["t"]), force=True)  # without a year
    done = inside("inventories", "regrid", tmp_path / "job.toml", "-o", tmp_path / "out.nc", "-q")
    assert done.returncode == 2 and "have no time" in done.stderr and "year = 2021" in done.stderr
