"""Mosaics of inventories: the better one where it has a say, nothing lost, every cell with its origin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core import netcdf
from ghg.core.errors import InputError
from ghg.core.provenance import Record
from inventories.conservation import residual
from inventories.grid.fields import coordinates, with_year
from inventories.grid.grids import LonLat, Polygons
from inventories.grid.merge import Part, merge
from tests.terminal import inside

TARGET = LonLat.regular(0.0, 40.0, 1.0, (4, 6))
SECONDS = 365 * 86400.0


def field(grid: LonLat, rate: float, species: str = "co2") -> xr.Dataset:
    dims, ds = coordinates(grid)
    ds[f"emission_{species}"] = (dims, np.full(grid.shape, rate), {"units": "kg m-2 s-1"})
    return with_year(ds, 2021)


@pytest.mark.kernel
def test_a_nest_replaces_the_world_where_it_lies() -> None:
    nest = LonLat.regular(1.0, 41.0, 0.25, (8, 10))  # to 3.5 E: half of a column of the target
    out = merge([Part("nest", field(nest, 5.0)), Part("world", field(TARGET, 1.0))], TARGET)
    flux = out["emission_co2"].values[0]
    assert flux[0] == pytest.approx(np.ones(6))
    assert flux[1] == pytest.approx([1, 5, 5, 3, 1, 1], rel=1e-9)  # half of the fourth cell is the nest's
    assert out["origin_co2"].values[1, [0, 1, 2, 4, 5]].tolist() == [1, 0, 0, 1, 1]  # the fourth is half and half
    assert out["origin_co2"].attrs["flag_meanings"] == "none nest world"
    row = out["ledger_mass"].values[0]
    assert abs(residual(row)) < 1e-12 and row[2] == pytest.approx(0.0, abs=1e-6 * row[0])
    replaced = (TARGET.area[1:3] * np.array([0, 1, 1, 0.5, 0, 0])).sum() * SECONDS
    assert row[3] == pytest.approx(replaced, rel=1e-9)


@pytest.mark.kernel
def test_regions_totals_and_species_of_one_part_only() -> None:
    west = Polygons([[[(0, 40), (2, 40), (2, 44), (0, 44)]]], ["west"])
    better = field(TARGET, 2.0)
    whole = float(TARGET.area.sum()) * SECONDS
    world = xr.merge([field(TARGET, 1.0), field(TARGET, 9.0, "nox")], compat="override", combine_attrs="override")
    out = merge([Part("own", better, west, {"co2": 3.0 * whole}), Part("world", world)], TARGET)
    assert out["emission_co2"].values[0, 0] == pytest.approx([3, 3, 1, 1, 1, 1], rel=1e-6)
    assert out["emission_nox"].values[0] == pytest.approx(np.full((4, 6), 9.0), rel=1e-9)  # own holds no NOx: no say
    assert all(abs(residual(row)) < 1e-12 for row in out["ledger_mass"].values)


def test_faults_are_named() -> None:
    one = field(TARGET, 1.0)
    with pytest.raises(InputError, match="at least two inventories"):
        merge([Part("a", one)], TARGET)
    with pytest.raises(InputError, match="other periods"):
        merge(
            [Part("a", one), Part("b", with_year(one.isel(time=0, drop=True).drop_vars("time_bounds"), 2022))], TARGET
        )
    with pytest.raises(InputError, match=r"does not emit.*so2"):
        merge([Part("a", one, None, {"so2": 1.0}), Part("b", one)], TARGET)


def test_the_terminal(tmp_path: Path) -> None:
    record = Record("x", command=["ghg"])
    for name, rate in (("a", 5.0), ("b", 1.0)):
        grid = LonLat.regular(1.0, 41.0, 1.0, (2, 2)) if name == "a" else TARGET
        netcdf.write(field(grid, rate), tmp_path / f"{name}.nc", record=record)
    parts = "".join(f'[[inventory]]\nname = "{n}"\nfile = "{n}.nc"\n' for n in "ab")
    job = f'target = {{ like = "b.nc" }}\n{parts}'
    (tmp_path / "merge.toml").write_text(job, encoding="utf-8")
    done = inside("inventories", "merge", tmp_path / "merge.toml", "-o", tmp_path / "m.nc", "-q")
    assert done.returncode == 0 and "withheld" in done.stdout, done.stderr
    ds = netcdf.read(tmp_path / "m.nc")
    assert ds["emission_co2"].values[0, 1] == pytest.approx([1, 5, 5, 1, 1, 1], rel=1e-9)
