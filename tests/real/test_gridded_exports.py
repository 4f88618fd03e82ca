"""Real domains, plants and files: WRF-Chem in the layout of a known sample, I/O API, the plants of the world."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from ghg.core import netcdf
from ghg.core.errors import InputError
from ghg.core.provenance import Record, verify
from inventories.conservation import residual
from inventories.export import cf
from inventories.export.models import write_ioapi, write_wrfchem
from inventories.grid.fields import coordinates, with_year
from inventories.grid.grids import LonLat, Projected
from inventories.grid.points import grid_points
from inventories.grid.projections import LambertConformal
from inventories.grid.regrid import regrid
from inventories.grid.wrf import from_wrfinput
from inventories.jobs.gridded import read_gridded

pytestmark = pytest.mark.kernel
RECORD = Record("inventories export", command=["ghg", "inventories", "export"])


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "inventories"


@pytest.fixture(scope="module")
def brazil() -> xr.Dataset:
    grid = LonLat.regular(-52.0, -28.0, 0.1, (100, 120))
    dims, ds = coordinates(grid)
    rng = np.random.default_rng(2)
    for name, size in (("co", 1e-9), ("pm2_5", 1e-11)):
        ds[f"emission_{name}"] = (dims, rng.lognormal(size=grid.shape) * size, {"units": "kg m-2 s-1"})
    return ds


@pytest.mark.parametrize("name", ["wrfinput_d01", "wrfinput_d02"])
def test_domains_have_the_positions_of_their_files(folder: Path, name: str) -> None:
    grid = from_wrfinput(folder / "eixport" / name)
    with netCDF4.Dataset(folder / "eixport" / name) as nc:
        lon, lat = np.asarray(nc["XLONG"][:]).squeeze(), np.asarray(nc["XLAT"][:]).squeeze()
        factor = np.asarray(nc["MAPFAC_M"][:]).squeeze() if "MAPFAC_M" in nc.variables else None
        dx = float(nc.DX)
    assert np.abs(grid.centres[0] - lon).max() < 1e-3 and np.abs(grid.centres[1] - lat).max() < 1e-3
    if factor is not None:
        assert grid.area == pytest.approx((dx / factor) ** 2, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda nc: nc.setncattr("MAP_PROJ", "Lambert"), "attribute 'MAP_PROJ': the attribute is not a number"),
     (lambda nc: nc.setncattr("DX", [3000.0, 3000.0]), "attribute 'DX': the attribute is not a number"),
     (lambda nc: nc.setncattr("TRUELAT1", np.nan), "attribute 'TRUELAT1': the attribute is not a number"),
     (lambda nc: nc.renameVariable("XLAT", "XLAT_M"), "this is no wrfinput file"),
     (lambda nc: nc["XLAT"].__setitem__((..., 3, 3), np.nan), "the positions of the cells are missing")],
)  # fmt: skip
def test_domains_that_are_damaged(folder: Path, tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "wrfinput_d02"
    shutil.copy(folder / "eixport" / "wrfinput_d02", path)
    path.chmod(0o644)
    with netCDF4.Dataset(path, "a") as nc:
        change(nc)
    with pytest.raises(InputError, match=message):
        from_wrfinput(path)


def test_positions_that_are_no_grid(tmp_path: Path) -> None:
    path = tmp_path / "wrfinput"
    with netCDF4.Dataset(path, "w") as nc:
        nc.setncatts({"DX": 3000.0, "DY": 3000.0, "TRUELAT1": 30.0, "TRUELAT2": 60.0, "STAND_LON": 0.0, "MAP_PROJ": 1})
        nc.createDimension("x", 3)
        for name in ("XLAT", "XLONG"):
            nc.createVariable(name, "f4", ("x",))[:] = np.arange(3.0)
    with pytest.raises(InputError, match=r"no grid of rows and columns \(found XLAT \(3,\), XLONG \(3,\),"):
        from_wrfinput(path)


def test_wrfchem_file_has_the_layout_of_the_sample(folder: Path, brazil: xr.Dataset, tmp_path: Path) -> None:
    path = tmp_path / "wrfchemi_d02"
    on = write_wrfchem(brazil, folder / "eixport" / "wrfinput_d02", path, record=RECORD, start="2011-08-02T00:00:00")
    with zipfile.ZipFile(folder / "eixport" / "wrfchemi_d02_2011-08-02.zip") as archive:
        sample = tmp_path / archive.namelist()[0]
        archive.extractall(tmp_path)
    with netCDF4.Dataset(path) as mine, netCDF4.Dataset(sample) as other:
        assert {n: len(d) for n, d in mine.dimensions.items()} == {n: len(d) for n, d in other.dimensions.items()}
        assert mine.dimensions["Time"].isunlimited()
        for name in ("XLAT", "XLONG", "E_CO"):
            assert mine[name].dimensions == other[name].dimensions and mine[name].dtype == other[name].dtype
            assert {k: mine[name].getncattr(k) for k in mine[name].ncattrs()} == {
                k: other[name].getncattr(k) for k in other[name].ncattrs()
            }
        assert mine["E_PM2_5"].units == "ug m^-2 s^-1"
        assert np.asarray(mine["Times"][0]).tobytes() == np.asarray(other["Times"][0]).tobytes()
        area = from_wrfinput(folder / "eixport" / "wrfinput_d02").area
        moles = float((np.asarray(mine["E_CO"][0, 0], float) * area / 1e6 / 3600).sum())  # mol s-1
    rate = on["ledger_mass"].sel(ledger_species="co").values
    assert moles * 0.028010 == pytest.approx(rate[1], rel=1e-6)
    assert abs(residual(rate)) < 1e-12


def test_ioapi_file_holds_the_mass_in_moles(brazil: xr.Dataset, tmp_path: Path) -> None:
    edges = np.arange(-10, 11) * 9000.0
    on = regrid(brazil, Projected(LambertConformal(-20, -30, -23, -46), edges, edges))
    assert write_ioapi(on, tmp_path / "emis.nc", record=RECORD, start="2022-07-01T00:00:00") < 1e-7
    with netCDF4.Dataset(tmp_path / "emis.nc") as nc:
        assert (nc.SDATE, nc.STIME, nc.TSTEP, nc.FTYPE, nc.GDTYP) == (2022182, 0, 10000, 1, 2)
        assert nc["TFLAG"][:].tolist() == [[[2022182, 0], [2022182, 0]]]
        assert (nc.NCOLS, nc.XORIG, nc.XCELL, nc["CO"].units.strip()) == (20, -90000.0, 9000.0, "moles/s")
        total = float(np.asarray(nc["CO"][:], float).sum())
    assert total * 0.028010 == pytest.approx(float((on["emission_co"] * on["cell_area"]).sum()), rel=1e-7)
    with pytest.raises(InputError, match="projected grid"):
        write_ioapi(brazil, tmp_path / "no.nc", record=RECORD, start="2022-07-01")
    with pytest.raises(InputError, match="no time"):
        write_ioapi(on, tmp_path / "no.nc", record=RECORD)


def judged(path: Path) -> None:
    tool = Path(sys.executable).with_name("compliance-checker")
    for options in (["--criteria", "strict", "--test=cf:1.11"],
                    ["--test=acdd:1.3", "--skip-checks=check_var_standard_name"]):  # fmt: skip
        done = subprocess.run([str(tool), *options, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_files_for_hemco_edgar_and_of_regridding_pass_the_checker(brazil: xr.Dataset, tmp_path: Path) -> None:
    edges = np.arange(-10, 11) * 9000.0
    lambert = regrid(with_year(brazil, 2022), Projected(LambertConformal(-20, -30, -23, -46), edges, edges))
    coarse = regrid(brazil, LonLat.regular(-52.0, -28.0, 0.5, (20, 24)))
    for name, ds in (("lambert", lambert), ("hemco", cf.hemco(coarse, 2022)), ("edgar", cf.edgar(coarse, 2022))):
        netcdf.write(ds, tmp_path / f"{name}.nc", record=RECORD)
        judged(tmp_path / f"{name}.nc")
        assert verify(tmp_path / f"{name}.nc").ok
    with netCDF4.Dataset(tmp_path / "hemco.nc") as nc:
        assert nc.dimensions["time"].isunlimited() and nc["emission_co"].dimensions == ("time", "lat", "lon")
    assert set(netcdf.read(tmp_path / "edgar.nc").data_vars) >= {"emi_co", "emi_pm2_5"}
    with pytest.raises(InputError, match=r"no time.*--start"):
        cf.edgar(coarse)
    with pytest.raises(InputError, match="grid of longitude and latitude"):
        cf.hemco(lambert)


def test_edgar_files_keep_their_mass(folder: Path) -> None:
    for path in sorted((folder / "edgar").glob("v6.0_*.nc")):
        ds = read_gridded(path)
        out = regrid(with_year(ds, 2015), LonLat.regular(-180.0, -90.0, 2.0, (90, 180)))
        row = out["ledger_mass"].values[0]
        assert row[0] > 1e9 and row[2] == 0.0 and abs(residual(row)) < 1e-12
    with pytest.raises(InputError, match="no NetCDF file"):
        read_gridded(folder / "README.md")


def test_plants_of_the_world_keep_the_total_of_every_country(folder: Path) -> None:
    table = pd.read_csv(folder / "gppd" / "gppd_subset_kat159.csv.gz", low_memory=False, encoding="latin-1")
    assert len(table) == 34936
    rate = table["estimated_generation_gwh_2017"].fillna(0.0).to_numpy(float)
    lon, lat = table["longitude"].to_numpy(float), table["latitude"].to_numpy(float)
    grid = LonLat.regular(-180.0, -90.0, 0.5, (360, 720))
    placed = grid_points({"co2": rate}, lon, lat, grid)  # generation stands in for the emission
    assert placed.outside.size == 0 and abs(residual(placed.ds["ledger_mass"].values[0])) < 1e-12
    for _, rows in table.groupby("country_long").groups.items():
        at = np.asarray(rows)
        one = np.bincount(placed.cell[at], rate[at], grid.size)
        assert one.sum() == pytest.approx(rate[at].sum(), rel=1e-12)
