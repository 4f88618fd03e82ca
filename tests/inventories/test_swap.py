"""Area totals less their points, and rows spread by proxies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from inventories.compile.checks import double_counting
from inventories.compile.gridding import place
from inventories.compile.swap import SwapSection, swap
from inventories.conservation import residual
from inventories.dataset import annual, annual_mass
from inventories.grid.grids import LonLat, Polygons
from inventories.grid.lines import Line, lengths_by_cell
from inventories.uncertainty.approach1 import covariance
from inventories.uncertainty.budget import Budget, attach, of_dataset
from tests.inventories.test_areas import EAST, WEST


def inventory(points=(30.0, 10.0), total=100.0):
    """Return two points and two area rows of one sector (60 and 40 %), a row of another region; areas of 10 %."""
    mass = np.array([[*points, 0.6 * total, 0.4 * total, 7.0]])
    ds = annual({"CO2": mass[0]}, source=list("pqabc"), region=["W", "W", "W", "W", "E"], sector=["B"] * 5, year=2021,
                lon=[0.5, 1.5, np.nan, np.nan, np.nan], lat=[0.5, 0.5, np.nan, np.nan, np.nan])  # fmt: skip
    own = np.array([[0.0, 0.0, 0.1, 0.1, 0.1]])
    budget = Budget(("CO2",), mass, mass > 0, np.zeros(5), own, np.zeros((0, 1, 5), np.int32), (), np.zeros(0))
    return attach(ds, budget)


def test_points_are_taken_from_the_total_of_their_region() -> None:
    before = inventory()
    after, rows = swap(before, SwapSection())
    assert annual_mass(after, "CO2") == pytest.approx([30.0, 10.0, 36.0, 24.0, 7.0], rel=1e-12)
    assert annual_mass(after, "CO2")[:4].sum() == pytest.approx(100.0, rel=1e-12)  # the total is counted once
    assert rows == [{"region": "W", "class": "B", "species": "CO2", "total": pytest.approx(100.0),
                     "points": pytest.approx(40.0), "left": pytest.approx(60.0), "excess": 0.0}]  # fmt: skip
    assert double_counting(before) and not double_counting(after)
    # points are exact here, so the absolute uncertainty of the totals stays
    u = [np.sqrt(covariance(of_dataset(ds).select(np.array([2, 3])))[0, 0, 0, 0]) for ds in (before, after)]
    assert u[1] == pytest.approx(u[0], rel=1e-12)


def test_points_above_their_total_are_refused_or_listed() -> None:
    with pytest.raises(InputError, match=r"W B, CO2.*points exceed the area total.*140"):
        swap(inventory((100.0, 40.0)), SwapSection())
    after, rows = swap(inventory((100.0, 40.0)), SwapSection(excess="zero"))
    assert annual_mass(after, "CO2")[2:4].tolist() == [0.0, 0.0] and rows[0]["excess"] == pytest.approx(40.0)
    with pytest.raises(InputError, match=r"not both points and area totals.*F"):
        swap(inventory(), SwapSection(of=["F"]))


def test_rows_follow_the_roads_of_their_region() -> None:
    """A road along y = 0.5 from x = 0 to 4: half of the west's in each of its two lower cells, the east's likewise."""
    regions = Polygons([[np.array(WEST)], [np.array(EAST)]], ["W", "E"])
    grid = LonLat.regular(0.0, 0.0, 1.0, (2, 6))
    metres, _ = lengths_by_cell([Line(np.array([[0.0, 0.5], [4.0, 0.5]]))], grid)
    ds = annual({"CO2": [100.0, 50.0]}, source=["w", "e"], region=["W", "E"], sector=["F", "F"], year=2021)
    out = place(ds, grid, regions=(regions, {}), proxies={"F": metres / grid.area})
    mass = (out["emission_co2"] * out["cell_area"]).values[0, 0] * 365 * 86400
    assert mass[0] == pytest.approx([50.0, 50.0, 25.0, 25.0, 0.0, 0.0], rel=1e-9)
    assert mass[1] == pytest.approx(0.0, abs=1e-12) and abs(residual(out["ledger_mass"].values[0])) < 1e-12
    none, _ = lengths_by_cell([Line(np.array([[0.0, 0.5], [2.0, 0.5]]))], grid)  # no road in the east: by area
    out = place(ds, grid, regions=(regions, {}), proxies={"F": none / grid.area})
    east = (out["emission_co2"] * out["cell_area"]).values[0, 0, :, 2:] * 365 * 86400
    assert east.sum() == pytest.approx(50.0, rel=1e-9) and (east > 0).all()


def test_build_swaps_and_spreads_by_lines(tmp_path: Path) -> None:
    from tests.terminal import inside

    (tmp_path / "rows.csv").write_text("id,region,class,mass (t),x,y\np,W,1A2gviii,40,0.5,0.5\n", encoding="utf-8")
    (tmp_path / "areas.csv").write_text("id,region,class,mass (t)\na,W,1A2gviii,100\nr,W,1A3bi,10\n", encoding="utf-8")
    ring = {"type": "Feature", "properties": {"n": "W"}, "geometry": {"type": "Polygon", "coordinates": [WEST]}}
    (tmp_path / "r.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [ring]}), encoding="utf-8")
    road = {"type": "LineString", "coordinates": [[0.0, 1.5], [1.0, 1.5]]}
    shape = {"type": "Feature", "properties": {"aadt": 3}, "geometry": road}
    (tmp_path / "roads.geojson").write_text(json.dumps(shape), encoding="utf-8")
    table = """[[activity]]
name = "{0}"
file = "{0}.csv"
source = "id"
region = {{ column = "region" }}
sector = {{ column = "class" }}
fuel = "bituminous"
amount = [{{ column = "mass" }}]
carried = {{ NOx = {{ column = "mass", u = 0.1 }} }}
"""
    job = 'year = 2021\nspecies = ["NOx"]\ndraws = 0\n' + table.format("rows") + 'lon = "x"\nlat = "y"\n' + (
        table.format("areas") + '[swap]\nof = ["B"]\n[grid]\nwest = 0.0\nsouth = 0.0\nstep = 1.0\nshape = [2, 2]\n'
        'areas = "spread"\nregions = { file = "r.geojson", key = "n" }\n[[grid.proxy]]\nsectors = ["F"]\n'
        'lines = "roads.geojson"\nweight = "aadt"\n')  # fmt: skip
    (tmp_path / "job.toml").write_text(job, encoding="utf-8")
    done = inside("inventories", "build", tmp_path / "job.toml", "-o", tmp_path / "out", "-q")
    assert done.returncode == 0 and "Swapped: 1 area totals" in done.stdout, done.stderr
    assert "60000" in (tmp_path / "out" / "swaps.csv").read_text(encoding="utf-8-sig")
    from inventories.jobs.gridded import read_gridded

    ds = read_gridded(tmp_path / "out" / "gridded.nc")
    mass = (ds["emission_nox"] * ds["cell_area"]).isel(time=0) * 365 * 86400
    assert float(mass.sum()) == pytest.approx(110e3, rel=1e-9)
    assert mass.sel(sector="F").values.tolist() == [[0.0, 0.0], [pytest.approx(10e3), 0.0]]
    bad = job.replace('weight = "aadt"', 'weight = "lanes"')
    (tmp_path / "job.toml").write_text(bad, encoding="utf-8")
    done = inside("inventories", "build", tmp_path / "job.toml", "-o", tmp_path / "no", "-q")
    assert done.returncode == 2 and "no weight" in done.stderr and not (tmp_path / "no").exists()
