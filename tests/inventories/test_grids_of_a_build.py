"""One command from activities to the grid and to its hours: masses close, clocks and profiles are the right ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core import netcdf
from ghg.core.errors import InputError
from inventories.compile.gridding import by_longitude, place, zones_of
from inventories.compile.rows_table import read_rows_table
from inventories.conservation import residual
from inventories.dataset import annual, annual_mass
from inventories.grid.grids import LonLat
from inventories.temporal.expand import multiply_out
from inventories.uncertainty.budget import Budget, attach
from tests.terminal import inside

ROWS = """id,prov,class,fuel,heat(TJ),x,y
p1,HEB,1A1a,bituminous,1000,114.52,38.04
p2,HEB,1A1a,natural_gas,500,114.58,38.02
p3,XIN,1A2gviii,bituminous,300,87.6,43.8
p4,HEB,1A1a,bituminous,200,-40.0,10.0
p5,HEB,1A1a,bituminous,100,,
"""
JOB = """year = 2021
species = ["CO2", "SO2"]
draws = 0
[[activity]]
name = "plants"
file = "plants.csv"
source = "id"
region = { column = "prov" }
sector = { column = "class" }
fuel = { column = "fuel" }
lon = "x"
lat = "y"
amount = [{ column = "heat", u = 0.03 }]
basis = "net"
method = "ipcc2006-tier1"
pollutants = "emep-tier1"
[grid]
west = 80.0
south = 30.0
step = 2.0
shape = [10, 20]
[time]
timezone = "longitude"
zones = { HEB = "Asia/Shanghai" }
write = "factored"
[[time.profile]]
sector = "A"
hour = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
[[time.profile]]
sector = "B"
hour = [0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0]
"""


def build(folder: Path, text: str = JOB, rows: str = ROWS, name: str = "out"):
    (folder / "plants.csv").write_text(rows, encoding="utf-8")
    (folder / "inventory.toml").write_text(text, encoding="utf-8")
    return inside("inventories", "build", folder / "inventory.toml", "-o", folder / name, "-q")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("build")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_mass_is_on_the_grid_outside_or_without_position(built) -> None:
    folder, text = built
    ds = netcdf.read(folder / "out" / "gridded.nc")
    rows = read_rows_table(folder / "out")
    for name, row in zip(("CO2", "SO2"), ds["ledger_mass"].values, strict=True):
        mass = annual_mass(rows, name)
        assert row == pytest.approx([mass.sum(), mass[:3].sum(), mass[3], mass[4]], rel=1e-12)
        assert abs(residual(row)) < 1e-12
        token = f"emission_{name.lower()}"
        on_grid = float((ds[token] * ds["cell_area"]).sum()) * 365 * 86400
        assert on_grid == pytest.approx(mass[:3].sum(), rel=1e-12)
    assert "3 sources placed, 0 spread over their regions, 1 outside, 1 withheld" in text and "residual" in text
    assert [str(s) for s in ds["sector"].values] == ["A", "B"]


def test_cells_have_the_clock_of_their_region_and_hours_follow_it(built) -> None:
    folder, _ = built
    ds = netcdf.read(folder / "out" / "factored.nc")
    assert [str(z) for z in ds["zone"].values] == ["Asia/Shanghai", "UTC+06"]
    row = ds["ledger_mass"].values[0]
    assert abs(residual(row)) < 1e-12 and row[0] > 0
    west = {"lat": 43.0, "lon": 87.0}
    hours = np.array([multiply_out(ds, "emission_co2", h)[6, 3] for h in (0, 2, 13, 14, 23)])
    assert hours[0] == hours[4] == 0.0  # 06:00 and 05:00 by a clock of UTC+6: the profile begins at 08:00
    mean = float(ds["emission_co2"].sel(west, method="nearest").sum())
    assert hours[1] == pytest.approx(2.0 * mean, rel=1e-9) and hours[2] == pytest.approx(2.0 * mean, rel=1e-9)
    assert hours[3] == 0.0  # 20:00


@pytest.mark.parametrize("shown", [True, False])
def test_the_job_decides_whether_its_page_has_coasts(tmp_path: Path, monkeypatch, shown: bool) -> None:
    from ghg.report import inventory_maps

    asked: list[object] = []
    monkeypatch.setattr(inventory_maps, "coastlines", lambda box: asked.append(box) or [])
    done = build(tmp_path, JOB if shown else f"coastlines = false\n{JOB}")
    assert done.returncode == 0, done.stderr
    assert bool(asked) is shown


def test_the_grid_passes_the_checker(built) -> None:
    folder, _ = built
    tool = Path(sys.executable).with_name("compliance-checker")
    for options in (["--criteria", "strict", "--test=cf:1.11"], ["--test=acdd:1.3"]):
        for name in ("gridded", "factored"):
            done = subprocess.run([str(tool), *options, str(folder / "out" / f"{name}.nc")], capture_output=True,
                                  text=True, check=False)  # fmt: skip
            assert done.returncode == 0, done.stdout
    assert not list((folder / "out").glob("inventory*.nc"))  # rows of sources are tables


def test_uncertainty_of_a_cell_by_hand() -> None:
    """Two rows in a cell, 30 and 40 kg, own activity 10 %, a shared factor of 20 %: 5 kg random, 14 kg systematic."""
    ds = annual({"CO2": [30.0, 40.0]}, source=["a", "b"], region=["X", "X"], sector=["A", "A"], year=2021,
                lon=[0.5, 0.6], lat=[0.5, 0.5])  # fmt: skip
    mass = np.array([[30.0, 40.0]])
    budget = Budget(("CO2",), mass, mass > 0, np.array([0.1, 0.1]), np.zeros((1, 2)), np.zeros((1, 1, 2), np.int32),
                    ("factor",), np.array([0.2]))  # fmt: skip
    out = place(attach(ds, budget), LonLat.regular(0.0, 0.0, 1.0, (2, 2)), sectors=False)
    factor = out["cell_area"].values[0, 0] * 365 * 86400
    assert out["emission_co2_u_random"].values[0, 0, 0] * factor == pytest.approx(5.0, rel=1e-12)
    assert out["emission_co2_u_systematic"].values[0, 0, 0] * factor == pytest.approx(14.0, rel=1e-12)


def test_a_shared_cell_has_the_clock_of_the_greater_emission() -> None:
    ds: xr.Dataset = annual({"CO2": [1.0, 2.0, 3.0]}, source=["a", "b", "c"], region=["X", "Y", "X"],
                            sector=["A"] * 3, year=2021, lon=[0.1, 0.2, 5.5], lat=[0.5] * 3)  # fmt: skip
    grid = LonLat.regular(0.0, 0.0, 1.0, (1, 6))
    clocks, index, other = zones_of(ds, grid, "UTC", {"X": "Europe/Paris", "Y": "Asia/Kolkata"})
    assert [clocks[k][0] for k in index[0, [0, 5]]] == ["Asia/Kolkata", "Europe/Paris"] and other == 1
    assert [by_longitude(x) for x in (0.0, -7.6, 116.0, 350.0)] == ["UTC", "UTC-01", "UTC+08", "UTC-01"]
    with pytest.raises(InputError, match="region is named that the inventory does not hold"):
        zones_of(ds, grid, "UTC", {"Z": "UTC"})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("south = 30.0", 'south = 30.0\noutside = "refuse"', "source lies outside the grid.*longitude -40"),
        ("west = 80.0", "west = 10.0", "all sources lie outside the grid"),
        ("hour = [0,", "hour = [9,", "profile does not sum to one.*sum 33"),
        ('sector = "B"', 'sector = "Q"', "not one of GNFR"),
        ('"longitude"', '"Asia/Beijing"', "Asia/Beijing"),
        ("HEB =", "HEN =", "region is named that the inventory does not hold"),
        ("step = 2.0\n", "", "needs 'like', or west, south, step and shape"),
        ('lon = "x"\nlat = "y"\n', "", "no source has a position"),
    ],
)  # fmt: skip
def test_bad_input_leaves_nothing(tmp_path: Path, old: str, new: str, words: str) -> None:
    import re

    assert old in JOB
    done = build(tmp_path, JOB.replace(old, new))
    assert done.returncode == 2 and re.search(words, done.stderr.replace("\n", " ")), done.stderr
    assert not (tmp_path / "out").exists()


def test_expand_takes_the_clocks_of_the_file_or_of_the_longitude(built, tmp_path: Path) -> None:
    folder, _ = built
    job = tmp_path / "expand.toml"
    job.write_text(f'input = "{folder / "out" / "gridded.nc"}"\nyear = 2021\nfactored = true\n', encoding="utf-8")
    for given, zones in (("", ["Asia/Shanghai", "UTC+06"]), ("longitude", ["UTC+05", "UTC+06", "UTC+07", "UTC+08"])):
        done = inside(
            "inventories", "expand", job, "-o", tmp_path / f"x{given}.nc", "-q", "--set", f"timezone='{given}'"
        )
        assert done.returncode == 0, done.stderr
        ds = netcdf.read(tmp_path / f"x{given}.nc")
        assert [str(z) for z in ds["zone"].values] == zones
    # 81 degrees east is nearest to UTC+5, 119 to UTC+8
    assert [int(ds["zone_index"].values[0, i]) for i in (0, -1)] == [0, 3]
