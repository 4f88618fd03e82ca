"""Gridded files before the independent checker of the conventions, with nothing skipped; ICON's triangles."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from compliance_checker.runner import CheckSuite, ComplianceChecker

from ghg.core import netcdf
from ghg.core.errors import InputError
from ghg.core.provenance import Record, verify
from inventories.conservation import residual
from inventories.export import cf
from inventories.export.icon import icon_grid, write_icon
from inventories.grid import names
from inventories.grid.fields import coordinates, with_year
from inventories.grid.grids import LonLat
from inventories.grid.regrid import regrid
from inventories.jobs.gridded import read_gridded
from inventories.temporal.expand import expand_to_file, factored
from inventories.temporal.profiles import FLAT
from tests.terminal import inside

RECORD = Record("inventories export", command=["ghg", "inventories", "export"])
STRICT, ACDD = ["--criteria", "strict", "--test=cf:1.11"], ["--test=acdd:1.3"]


@pytest.fixture(scope="module")
def annual() -> xr.Dataset:
    grid = LonLat.regular(6.0, 45.0, 0.5, (6, 8))
    dims, ds = coordinates(grid)
    rng = np.random.default_rng(4)
    for name, size in (("co2", 1e-8), ("nox", 1e-10), ("pm25", 1e-11), ("oc", 1e-12)):
        ds[f"emission_{name}"] = (dims, rng.lognormal(size=grid.shape) * size, {"units": "kg m-2 s-1"})
    for kind in ("random", "systematic"):
        ds[f"emission_pm25_u_{kind}"] = (dims, 0.1 * ds["emission_pm25"].values, {"units": "kg m-2 s-1"})
    return with_year(regrid(ds, LonLat.regular(6.0, 45.0, 1.0, (3, 4))), 2024)


def judge(path: Path, *options: str) -> tuple[int, str]:
    """Run the checker as its command does, in this process: the import alone would be most of the time."""
    out = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(out):
        warnings.simplefilter("ignore")
        CheckSuite.load_all_available_checkers()
        tests = [o.removeprefix("--test=") for o in options if o.startswith("--test=")]
        criteria = "strict" if "strict" in options else "normal"
        passed, errors = ComplianceChecker.run_checker(str(path), tests, 0, criteria)
    return int(not passed or errors), out.getvalue()


@pytest.mark.parametrize("form", ["annual", "factored", "by_sector", "gathered", "hemco", "edgar"])
def test_files_of_every_kind_pass_both_suites(annual: xr.Dataset, tmp_path: Path, form: str) -> None:
    """The hours hold a species with sectors and one without."""
    path = tmp_path / "f.nc"
    made = names.as_nitrogen(annual)
    sectors = made.drop_vars([n for n in made if str(n).startswith("origin")])
    for name in ("emission_co2", "emission_nox_n"):
        sectors[name] = sectors[name].expand_dims(sector=["A", "F"]).assign_attrs(made[name].attrs)
    if form in ("by_sector", "gathered"):
        expand_to_file(sectors, {"": FLAT}, 2024, path, record=RECORD, by_sector=True, gathered=form == "gathered")
    else:
        forms = {"annual": lambda: made, "factored": lambda: factored(sectors, {"": FLAT}, 2024),
                 "hemco": lambda: cf.hemco(sectors), "edgar": lambda: cf.edgar(annual)}  # fmt: skip
        netcdf.write(forms[form](), path, record=RECORD)
    for options in (STRICT, ACDD):
        code, text = judge(path, *options)
        assert code == 0, text
    assert verify(path).ok


def test_nitrogen_of_files_is_no2_again_when_read(annual: xr.Dataset, tmp_path: Path) -> None:
    """A file holds 14.007/46.005 of the mass counted as NO2 (IUPAC 2021); readers of ours give NO2 back."""
    netcdf.write(names.as_nitrogen(annual), tmp_path / "a.nc", record=RECORD)
    share = netcdf.read(tmp_path / "a.nc")["emission_nox_n"].values / annual["emission_nox"].values
    assert share == pytest.approx(14.007 / 46.005, rel=1e-12)
    back = read_gridded(tmp_path / "a.nc")
    assert back["emission_nox"].values == pytest.approx(annual["emission_nox"].values, rel=1e-15)
    assert back["ledger_mass"].values == pytest.approx(annual["ledger_mass"].values, rel=1e-14)
    assert "standard_name" not in back["emission_nox"].attrs and "NO2" in back["emission_nox"].attrs["comment"]


def test_nox_is_nitrogen_under_its_standard_name(annual: xr.Dataset) -> None:
    """CF table v93: nox_expressed_as_nitrogen; 1 kg NO2 holds 0.3045 kg N."""
    named = cf.standard(annual)
    share = (named["emission_nox_n"] / annual["emission_nox"]).values
    assert share == pytest.approx(0.30446, abs=2e-5)
    row = named["ledger_mass"].sel(ledger_species="nox_n").values
    old = annual["ledger_mass"].sel(ledger_species="nox").values
    assert row == pytest.approx(old * cf.NITROGEN) and abs(residual(row)) < 1e-12
    bad = annual.rename(emission_oc="emission_sf6")
    with pytest.raises(InputError, match=r"no standard name.*emission_sf6"):
        cf.standard(bad)


@pytest.mark.parametrize("to", ["cf", "hemco", "edgar"])
def test_export_asks_for_the_year_of_emissions_without_time(annual: xr.Dataset, tmp_path: Path, to: str) -> None:
    plain = annual[["emission_co2", "cell_area", "crs"]].isel(time=0).drop_vars("time")
    netcdf.write(plain, tmp_path / "in.nc", record=RECORD)
    command = ("inventories", "export", tmp_path / "in.nc", "-o", tmp_path / "out.nc", "--to", to, "-q")
    for start, words in (((), "no time.*--start"), (("--start", "2021-13-01"), "no date"),
                         (("--start", "3000-01-01"), "out of range.*3000")):  # fmt: skip
        done = inside(*command, *start)
        assert done.returncode == 2 and re.search(words, " ".join(done.stderr.split())), done.stderr
        assert not (tmp_path / "out.nc").exists()
    done = inside(*command, "--start", "2021-01-01")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(tmp_path / "out.nc") as out:
        assert np.atleast_1d(out["time"].values)[0] == np.datetime64("2021-01-01")


def test_ledger_is_read_with_nothing_but_netcdf(annual: xr.Dataset, tmp_path: Path) -> None:
    netcdf.write(annual, tmp_path / "a.nc", record=RECORD)
    with netCDF4.Dataset(tmp_path / "a.nc") as nc:
        book = nc["ledger_mass"]
        came, went, outside, withheld = book.row_co2
        assert book.shape == () and book.table_units == "kg s-1"
        assert nc["time"].dtype == np.int32 and nc["time_bounds"].dtype == np.int32
    assert came == pytest.approx(went + outside + withheld, rel=1e-12)
    back = netcdf.read(tmp_path / "a.nc")["ledger_mass"]
    assert back.equals(annual["ledger_mass"]) and back.attrs["units"] == "kg s-1"


@pytest.fixture
def triangles(tmp_path: Path) -> Path:
    """A square of 2 x 2 degrees cut into eight triangles, as an ICON grid file [radian]."""
    corners = [(7.0 + i, 45.5 + j) for j in range(2) for i in range(2)]
    rings = [
        t for x, y in corners for t in ([(x, y), (x + 1, y), (x + 1, y + 1)], [(x, y), (x + 1, y + 1), (x, y + 1)])
    ]
    points = np.radians(np.array(rings))
    path = tmp_path / "icon_grid.nc"
    with netCDF4.Dataset(path, "w") as nc:
        nc.createDimension("cell", len(rings))
        nc.createDimension("nv", 3)
        for name, values, dims in (("clon", points[..., 0].mean(axis=1), ("cell",)),
                                   ("clat", points[..., 1].mean(axis=1), ("cell",)),
                                   ("clon_vertices", points[..., 0], ("cell", "nv")),
                                   ("clat_vertices", points[..., 1], ("cell", "nv"))):  # fmt: skip
            made = nc.createVariable(name, "f8", dims)
            made.units = "radian"
            made[:] = values
        nc.uuidOfHGrid = "f25aa6bc-809a-11e2-839d-15e92cba77d6"
    return path


def test_icon_file_holds_the_mass_of_the_square(annual: xr.Dataset, triangles: Path, tmp_path: Path) -> None:
    """All that lies in the square comes to the triangles; the layout is that of ICON-ART's own emission sets."""
    on = write_icon(annual, triangles, tmp_path / "ART_ANT_iconR-grid-2024-01-01-00.nc", record=RECORD)
    square = regrid(annual, LonLat.regular(7.0, 45.5, 2.0, (1, 1)))
    grid, _ = icon_grid(triangles)
    with netCDF4.Dataset(tmp_path / "ART_ANT_iconR-grid-2024-01-01-00.nc") as nc:
        assert nc.dimensions["time"].isunlimited() and len(nc.dimensions["ncells"]) == 8
        assert nc["CO2"].dimensions == ("time", "ncells") and nc["CO2"].units == "kg/m2/s"
        assert nc["clon"].bounds == "clon_bnds" and nc.uuidOfHGrid.startswith("f25aa6bc")
        assert nc["CO2"].standard_name == "tendency_of_atmosphere_mass_content_of_carbon_dioxide_due_to_emission"
        rate = float((np.asarray(nc["CO2"][0], float) * grid.area).sum())
        assert float(nc["time"][0]) == 19723.0  # days from 1970-01-01 to 2024-01-01
    # the triangles lie on the sphere of equal area, the square on the ellipsoid: areas of cells differ by latitude
    expected = float((square["emission_co2"] * square["cell_area"]).sum())
    assert rate == pytest.approx(expected, rel=3e-3)
    row = on["ledger_mass"].sel(ledger_species="co2").values
    assert abs(residual(row)) < 1e-12 and row[2] > 0
    assert on["ledger_mass"].attrs["units"] == "kg"  # of the year 2024; the file holds what went out, to float32
    assert rate * 366 * 86400 == pytest.approx(row[1], rel=1e-6)
    with pytest.raises(InputError, match="no ICON grid"):
        netcdf.write(annual, tmp_path / "a.nc", record=RECORD)
        icon_grid(tmp_path / "a.nc")
