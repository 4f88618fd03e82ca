"""Regridding of Datasets: ledger, uncertainties and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError, UnitError
from inventories.conservation import residual
from inventories.grid.fields import coordinates, grid_of
from inventories.grid.grids import LonLat, Projected
from inventories.grid.projections import LambertConformal
from inventories.grid.regrid import regrid

SOURCE = LonLat.regular(100.0, 30.0, 0.5, (10, 14))
EDGES = np.linspace(-2e5, 2e5, 6)
LAMBERT = Projected(LambertConformal(25, 40, 32, 103), EDGES, EDGES)


@pytest.fixture
def field(rng) -> xr.Dataset:
    dims, ds = coordinates(SOURCE)
    values = rng.random((2, *SOURCE.shape))
    ds["emission_co2"] = (("sector", *dims), values * 1e-8, {"units": "kg m-2 s-1"})
    ds["emission_co2_u_random"] = (("sector", *dims), values * 1e-9, {"units": "kg m-2 s-1"})
    ds["emission_co2_u_systematic"] = (("sector", *dims), values * 2e-9, {"units": "kg m-2 s-1"})
    return ds.assign_coords(sector=["A", "B"])


@pytest.mark.parametrize("target", [LonLat.regular(101.0, 29.0, 0.3, (30, 40)), LAMBERT])
def test_the_ledger_closes(field, target) -> None:
    out = regrid(field, target)
    row = out["ledger_mass"].sel(ledger_species="co2").values
    assert abs(residual(row)) < 1e-12
    assert row[2] > 0.0
    assert row[1] == pytest.approx(float((out["emission_co2"] * out["cell_area"]).sum()), rel=1e-12)
    assert row[0] == pytest.approx(float((field["emission_co2"].values * SOURCE.area).sum()), rel=1e-12)


def test_sources_and_sinks_may_cancel(field) -> None:
    """The net of a year may be a millionth of a millionth of what came and went: it closes against the latter."""
    values = field["emission_co2"].values
    values -= (values * SOURCE.area).sum() / (2 * SOURCE.area.sum())
    for share in (0.0, 1e-9):
        moved = field.assign(emission_co2=field["emission_co2"].copy(data=values + share * np.abs(values).mean()))
        row = regrid(moved, LonLat.regular(99.0, 29.0, 0.3, (30, 40)))["ledger_mass"].sel(ledger_species="co2").values
        assert abs(residual(row, float(np.abs(values * SOURCE.area).sum()))) < 1e-12
        assert abs(row[0]) < 2e-9 * np.abs(values * SOURCE.area).sum()


def test_fields_per_cell_are_taken_as_mass(field) -> None:
    per_cell = field.copy()
    per_cell["emission_co2"] = (field["emission_co2"] * field["cell_area"]).assign_attrs(units="kg s-1")
    wanted = regrid(field[["emission_co2", *(v for v in field if "bounds" in str(v) or v == "crs")]], LAMBERT)
    found = regrid(per_cell.drop_vars(["emission_co2_u_random", "emission_co2_u_systematic"]), LAMBERT)
    assert found["emission_co2"].values == pytest.approx(wanted["emission_co2"].values, rel=1e-12)


def test_grids_are_read_back_from_their_coordinates() -> None:
    for grid in (SOURCE, LAMBERT):
        again = grid_of(coordinates(grid)[1])
        assert again.area == pytest.approx(grid.area, rel=1e-12)
        assert type(again) is type(grid)


@pytest.mark.parametrize("target", [LonLat.regular(100.0, 30.0, 1.0, (5, 7)), LAMBERT])
def test_uncertainties_add_by_their_kind(field, target) -> None:
    out = regrid(field, target)
    u = out["emission_co2_u_systematic"].values / out["emission_co2"].values
    assert u == pytest.approx(np.full(u.shape, 0.2), rel=1e-9)
    if isinstance(target, LonLat):  # whole cells: plain quadrature
        mass = field["emission_co2_u_random"].values * SOURCE.area
        wanted = np.sqrt((mass**2).reshape(2, 5, 2, 7, 2).sum(axis=(2, 4))) / target.area
        assert out["emission_co2_u_random"].values == pytest.approx(wanted, rel=1e-12)


def test_descending_latitudes_are_the_same_field(field) -> None:
    turned = field.isel(lat=slice(None, None, -1))
    assert regrid(turned, LAMBERT)["emission_co2"].values == pytest.approx(
        regrid(field, LAMBERT)["emission_co2"].values, rel=1e-12
    )


def test_mass_outside_can_be_refused(field) -> None:
    with pytest.raises(InputError, match=r"mass falls outside.*kg.*cells"):
        regrid(field, LAMBERT, outside="refuse")


def test_bad_input_is_named(field) -> None:
    with pytest.raises(InputError, match="does not stand over the grid"):
        regrid(field.assign(emission_co2=field["emission_co2"].isel(lat=0)), LAMBERT)
    bare = field.copy()
    bare["emission_co2"] = bare["emission_co2"].drop_attrs()
    with pytest.raises(UnitError, match=r"emission_co2.*no unit"):
        regrid(bare, LAMBERT)
    bare["emission_co2"].attrs["units"] = "ug m-3"
    with pytest.raises(UnitError, match="ug m-3"):
        regrid(bare, LAMBERT)
    holes = field.copy(deep=True)
    holes["emission_co2"].values[0, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"missing in some cells.*1 NaN"):
        regrid(holes, LAMBERT)
    assert np.isfinite(regrid(holes, LAMBERT, missing="zero")["emission_co2"]).all()
    with pytest.raises(InputError, match="no grid"):
        regrid(xr.Dataset({"emission_co2": ("source", [1.0], {"units": "kg s-1"})}), LAMBERT)
    with pytest.raises(InputError, match="option outside"):
        regrid(field, LAMBERT, outside="drop")
