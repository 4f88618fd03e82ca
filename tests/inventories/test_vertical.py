"""Heights: plume rise against another program, profiles on layers, mass kept."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.core.provenance import Record
from inventories.conservation import residual
from inventories.export.models import fluxes, write_ioapi
from inventories.grid.fields import coordinates, with_year
from inventories.grid.grids import LonLat, Projected
from inventories.grid.projections import LambertConformal
from inventories.grid.regrid import regrid
from inventories.vertical.layers import VerticalProfile, in_layers, layer_shares, plume_shares, read_vertical
from inventories.vertical.plume_rise import effective_height, plume_rise

GAS = 72.93819699672669  # m s-1: a buoyancy flux of 50 m4 s-3 from 1 m at 400 K in air of 288.15 K


def test_plume_rise_is_that_of_another_program() -> None:
    """GasDispersion.jl (A. Farrell), tests of its Briggs model after EPA-454/B-95-003b: classes A, E and F."""
    rise = plume_rise(1.0, [GAS, 87.52583639607202], 400.0, wind=4.0, air_temperature=288.15)
    assert rise == pytest.approx([100.71365158671999, 112.8895989623143], rel=1e-12)
    stable = plume_rise(1.0, GAS, 400.0, wind=4.0, air_temperature=288.15, gradient=[0.020, 0.035])
    assert stable == pytest.approx([68.59722859012221, 56.92380039947288], rel=1e-12)
    fast = plume_rise(1.0, 179.87751923862007, 325.0, wind=4.0, air_temperature=288.15)
    assert fast == pytest.approx(3.0 * 179.87751923862007 / 4.0, rel=1e-12)  # by momentum


def test_plumes_of_odd_weather_and_stacks() -> None:
    calm = plume_rise(1.0, GAS, 400.0, wind=[0.0, 1.0], air_temperature=288.15)
    assert calm[0] == calm[1]  # ISC3 takes no wind below 1 m s-1
    cold = plume_rise(2.0, 10.0, 280.0, wind=5.0, air_temperature=290.0)
    assert cold == pytest.approx(3.0 * 2.0 * 10.0 / 5.0)  # colder than the air: momentum alone
    assert effective_height(100.0, 1.0, GAS, 400.0, wind=4.0, air_temperature=288.15) == pytest.approx(200.7136516)
    whole = {"diameter": 1.0, "velocity": 10.0, "temperature": 400.0, "wind": 4.0, "air_temperature": 290.0,
             "gradient": 0.0}  # fmt: skip
    assert all(np.isnan(plume_rise(**{**whole, name: np.nan})) for name in whole)
    with pytest.raises(InputError, match="diameter of a stack is out of range"):
        plume_rise(0.0, 10.0, 400.0, wind=4.0, air_temperature=290.0)
    with pytest.raises(InputError, match="temperature of a stack"):
        plume_rise(1.0, 10.0, 25.0, wind=4.0, air_temperature=290.0)  # degrees Celsius
    with pytest.raises(InputError, match="wind is negative"):
        plume_rise(1.0, 10.0, 400.0, wind=-1.0, air_temperature=290.0)


def test_profiles_on_the_layers_of_a_model() -> None:
    profile = VerticalProfile([20, 92, 184], [0.2, 0.5, 0.3])
    assert layer_shares(profile, [0, 20, 92, 184, 1000]) == pytest.approx([0.2, 0.5, 0.3, 0.0], abs=1e-15)
    assert layer_shares(profile, [0, 56, 200]) == pytest.approx([0.2 + 0.25, 0.25 + 0.3], rel=1e-14)
    assert layer_shares(profile, [0, 138]).sum() == pytest.approx(0.85, rel=1e-14)  # the rest lies above
    assert plume_shares([100.0, 10.0], [40.0, 60.0], [0, 90, 110, 200]) == pytest.approx(
        np.array([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]]))  # fmt: skip
    assert plume_shares(100.0, 0.0, [0, 90, 110]).tolist() == [0.0, 1.0]


def test_layers_keep_the_mass_or_book_it_as_outside(tmp_path: Path) -> None:
    grid = LonLat.regular(5.0, 45.0, 1.0, (2, 3))
    dims, ds = coordinates(grid)
    values = np.random.default_rng(1).lognormal(size=(2, *grid.shape)) * 1e-9
    ds["emission_co2"] = (("sector", *dims), values, {"units": "kg m-2 s-1"})
    ds = with_year(ds.assign_coords(sector=["A", "F"]), 2021)
    ds["emission_co2"] = ds["emission_co2"].transpose("sector", "time", ...)
    table = tmp_path / "vertical.csv"
    table.write_text(
        "# Bieser et al. 2011\nGNFR,Name,20m,92m,500m\nA,Power,0,0.4,0.6\nF1,Road,1,0,0\n", encoding="utf-8"
    )
    profiles = read_vertical(table)
    out = in_layers(ds, profiles, [0.0, 20.0, 92.0, 296.0], {"F": "F1"})
    assert out["emission_co2"].dims == ("time", "height", "lat", "lon")
    assert out["emission_co2"].values[0] == pytest.approx(np.stack([values[1], 0.4 * values[0], 0.3 * values[0]]))
    row = out["ledger_mass"].values[0]
    power, road = (float((v * grid.area).sum() * 365 * 86400) for v in values)
    assert row == pytest.approx([power + road, 0.7 * power + road, 0.3 * power, 0.0], rel=1e-12)
    assert abs(residual(row)) < 1e-12
    with pytest.raises(InputError, match=r"no vertical profile for a sector.*'F'"):
        in_layers(ds, profiles, [0.0, 20.0])
    with pytest.raises(InputError, match="by sector"):
        in_layers(ds.sum("sector", keep_attrs=True), profiles, [0.0, 20.0])
    with pytest.raises(InputError, match="rise from the ground"):
        in_layers(ds, profiles, [10.0, 20.0], {"F": "F1"})


def test_layers_go_into_the_files_of_models(tmp_path: Path) -> None:
    """Layers keep their shares through a regridding and in the I/O API, whose heights are VGHVAL3 (6), in metres."""
    dims, ds = coordinates(LonLat.regular(5.0, 45.0, 0.5, (4, 6)))
    ds["emission_co"] = (("sector", *dims), np.ones((1, 4, 6)) * 1e-9, {"units": "kg m-2 s-1"})
    ds = with_year(ds.assign_coords(sector=["A"]), 2021)
    high = in_layers(ds, {"A": VerticalProfile([20, 100], [0.25, 0.75])}, [0.0, 20.0, 100.0])
    edges = np.arange(-3, 4) * 20000.0
    on = regrid(high, Projected(LambertConformal(44, 47, 46, 6.5), edges, edges))
    assert on["height_bounds"].values.tolist() == [[0.0, 20.0], [20.0, 100.0]]
    write_ioapi(on, tmp_path / "emis.nc", record=Record("t", command=["t"]))
    with netCDF4.Dataset(tmp_path / "emis.nc") as nc:
        assert (nc.NLAYS, nc.VGTYP, nc.VGLVLS.tolist()) == (2, 6, [0.0, 20.0, 100.0])
        mass = np.asarray(nc["CO"][0], float).sum(axis=(1, 2)) * 0.028010
    assert mass == pytest.approx(np.array([0.25, 0.75]) * 1e-9 * float(on["cell_area"].sum()), rel=1e-6)
    assert fluxes(on, "emission_co").shape == (1, 6, 6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("GNFR,20m,92m\nA,0.5,0.4\n", "does not sum to one.*0.9"),
        ("GNFR,20m,92m\nA,1.5,-0.5\n", "does not sum to one"),
        ("GNFR,92m,20m\nA,0.5,0.5\n", "do not rise"),
        ("GNFR,20m,92m\nA,0.5,x\n", "row 2.*no number"),
        ("GNFR,low,high\nA,0.5,0.5\n", "no layer"),
    ],
)
def test_bad_profiles_are_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "v.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_vertical(tmp_path / "v.csv")
