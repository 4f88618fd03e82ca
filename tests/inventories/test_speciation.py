"""Speciation: mass of NMVOC and PM, nitrogen of NOx, cell by cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core import netcdf
from ghg.core.errors import InputError
from ghg.core.provenance import Record
from inventories.grid.fields import coordinates, with_year
from inventories.grid.grids import LonLat
from inventories.grid.names import as_nitrogen
from inventories.speciation import read_speciation, speciate
from tests.terminal import inside

TABLE = """species,sector,to,share,mole_share,molar_mass
NMVOC,F,par,0.7,,14.5
NMVOC,F,tol,0.3,,92.1
NMVOC,,par,1.0,,14.5
NOx,,no,,0.9,30.006
NOx,,no2,,0.1,46.005
PM2.5,,bc,0.25,,
PM2.5,,pm_other,0.75,,
"""


@pytest.fixture
def ds() -> xr.Dataset:
    grid = LonLat.regular(5.0, 45.0, 1.0, (2, 3))
    dims, made = coordinates(grid)
    rng = np.random.default_rng(1)
    for name in ("nmvoc", "nox", "pm25", "co"):
        made[f"emission_{name}"] = (("sector", *dims), rng.lognormal(size=(2, 2, 3)) * 1e-9, {"units": "kg m-2 s-1"})
    out = with_year(made.assign_coords(sector=["A", "F"]), 2021)
    return out.assign({n: out[n].transpose("sector", "time", ...) for n in out.data_vars if "sector" in out[n].dims})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "split.csv").write_text(TABLE, encoding="utf-8")
    return tmp_path / "split.csv"


def test_mass_of_nmvoc_and_moles_of_nox_stay_in_every_cell(ds: xr.Dataset, table: Path) -> None:
    out = speciate(ds, read_speciation(table))
    nmvoc = ds["emission_nmvoc"].values
    assert (out["emission_par"] + out["emission_tol"]).values == pytest.approx(nmvoc, rel=1e-14)
    assert out["emission_tol"].values[0] == pytest.approx(0.0) and out["emission_tol"].values[1] == pytest.approx(
        0.3 * nmvoc[1])  # fmt: skip
    moles = ds["emission_nox"].values / 46.005
    assert (out["emission_no"] / 30.006 + out["emission_no2"] / 46.005).values == pytest.approx(moles, rel=1e-14)
    assert out["emission_no"].values == pytest.approx(0.9 * moles * 30.006, rel=1e-14)
    assert out["emission_bc"].values == pytest.approx(0.25 * ds["emission_pm25"].values, rel=1e-14)
    assert np.array_equal(out["emission_co"].values, ds["emission_co"].values)
    assert not {"emission_nmvoc", "emission_nox", "emission_pm25"} & set(out.data_vars)
    assert out["emission_par"].attrs["molar_mass"] == pytest.approx(0.0145)
    for row in out["ledger_mass"].values:
        assert row[0] == pytest.approx(row[1], rel=1e-12) and row[0] > 0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("NMVOC,F,tol,0.3", "NMVOC,F,tol,0.2", "nmvoc, sector F.*do not sum to one.*0.9"),
        ("NMVOC,,par,1.0,,14.5\n", "", "sector has no speciation.*'A'"),
        ("NMVOC,F,tol,0.3", "NMVOC,F,tol,-0.3", "negative"),
        ("NOx,,no,,0.9,30.006", "NOx,,no,0.9,0.9,30.006", "one share"),
        ("NOx,,no,,0.9,30.006", "NOx,,hono,,0.9,", "molar mass"),
        ("PM2.5,,bc,0.25", "PM2.5,,co,0.25", "made that the file holds already.*co"),
        ("NMVOC", "unobtainium", "species is not known"),
    ],
)
def test_bad_tables_are_named(ds: xr.Dataset, table: Path, old: str, new: str, words: str) -> None:
    assert old in TABLE
    table.write_text(TABLE.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        speciate(ds, read_speciation(table))


def test_commands_take_files_whose_nox_is_nitrogen(ds: xr.Dataset, table: Path, tmp_path: Path) -> None:
    netcdf.write(as_nitrogen(ds), tmp_path / "in.nc", record=Record("t", command=["t"]))
    (tmp_path / "s.toml").write_text('input = "in.nc"\ntable = "split.csv"\n', encoding="utf-8")
    done = inside("inventories", "speciate", tmp_path / "s.toml", "-o", tmp_path / "out.nc", "-q")
    assert done.returncode == 0 and "CF has no standard name for the emission of" in done.stdout, done.stderr
    no = netcdf.read(tmp_path / "out.nc")["emission_no"].values
    assert no == pytest.approx(0.9 * ds["emission_nox"].values * 30.006 / 46.005, rel=1e-12)
    (tmp_path / "v.csv").write_text("GNFR,20m,92m\nA,0.5,0.5\nF,1,0\n", encoding="utf-8")
    (tmp_path / "l.toml").write_text('input = "in.nc"\nprofiles = "v.csv"\nedges = [0, 20, 100]\n', encoding="utf-8")
    done = inside("inventories", "layers", tmp_path / "l.toml", "-o", tmp_path / "layers.nc", "-q")
    assert done.returncode == 0, done.stderr
    assert netcdf.read(tmp_path / "layers.nc")["emission_nox_n"].sizes["height"] == 2
    only = ds[["emission_co", "crs", "cell_area"]]
    netcdf.write(only.drop_vars("time").squeeze("time") if "time" in only.dims else only, tmp_path / "in.nc",
                 record=Record("t", command=["t"]), force=True)  # fmt: skip
    done = inside("inventories", "layers", tmp_path / "l.toml", "-o", tmp_path / "no.nc", "-q")
    assert done.returncode == 2 and "no time" in done.stderr and not (tmp_path / "no.nc").exists()
