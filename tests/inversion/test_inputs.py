"""What a job reads: shapes, priors on other grids and in other units, curtains, baselines."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ghg.core.config import load_dict
from ghg.core.errors import ConfigError, InputError
from inversion.assemble import assemble, totals_of
from inversion.config import InversionJob
from inversion.grid import Grid
from inversion.readers import read_flux
from inversion.readers.shapes import read_shares
from tests.inversion import example

LAT, LON = np.arange(50.0, 54.0), np.arange(-3.0, 3.0)


def shape(name: str, *rings: list[tuple[float, float]]) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"name": name},
            "geometry": {"type": "Polygon", "coordinates": [[list(p) for p in r] for r in rings]}}  # fmt: skip


def saved(folder: Path, *features: dict[str, Any]) -> Path:
    path = folder / "shapes.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return path


def box(west: float, south: float, east: float, north: float) -> list[tuple[float, float]]:
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def test_boxes_with_a_hole_have_the_area_of_the_sphere(tmp_path: Path) -> None:
    path = saved(tmp_path, shape("a", box(-2.0, 50.2, 1.3, 52.9), box(-1.0, 51.0, 0.0, 52.0)[::-1]),
                 shape("b", box(-1.0, 51.0, 0.0, 52.0)))  # fmt: skip
    names, shares = read_shares(path, (LAT, LON))
    assert names == ["a", "b"] and shares.sum(axis=0).max() <= 1.0 + 1e-12
    grid = Grid.regular(LAT, LON)

    def area(west: float, south: float, east: float, north: float) -> float:
        r = np.radians([west, south, east, north])
        return 6_371_008.8**2 * (r[2] - r[0]) * (np.sin(r[3]) - np.sin(r[1]))

    want = area(-2.0, 50.2, 1.3, 52.9) - area(-1.0, 51.0, 0.0, 52.0)
    assert (shares[0].ravel() * grid.area).sum() == pytest.approx(want, rel=1e-12)
    assert (shares[1].ravel() * grid.area).sum() == pytest.approx(area(-1.0, 51.0, 0.0, 52.0), rel=1e-12)


def test_a_shape_that_is_not_convex_and_one_in_longitudes_to_360(tmp_path: Path) -> None:
    star = [(-2.5, 50.0), (0.0, 51.0), (2.5, 50.0), (0.0, 53.4), (-2.5, 50.0)]
    moved = [(x + 360.0, y) for x, y in star]
    _, shares = read_shares(saved(tmp_path, shape("a", star), shape("b", moved)), (LAT, LON))
    np.testing.assert_allclose(shares[0], shares[1], atol=1e-12)
    flat = np.abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(star))) / 2.0
    assert shares[0].sum() == pytest.approx(flat, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "neither a shapefile nor GeoJSON"),
        (json.dumps({"type": "FeatureCollection", "features": []}), "no polygon"),
        (json.dumps({**shape("a", box(0, 0, 1, 1)), "properties": {"id": 3}}), "lack the attribute.*'name'.*one of id"),
        (json.dumps(shape("a", box(500000.0, 100000.0, 600000.0, 200000.0))), "longitude and latitude.*600000"),
    ],
)
def test_what_is_no_shape_is_said(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.geojson").write_text(text)
    with pytest.raises(InputError, match=words):
        read_shares(tmp_path / "x.geojson", (LAT, LON))


def job(folder: Path, changes: dict[str, str] | None = None) -> InversionJob:
    import tomllib

    text = example.JOB
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    return load_dict(tomllib.loads(text), InversionJob)


def test_a_fine_prior_in_mass_descending_to_360_is_the_same_prior(tmp_path: Path) -> None:
    example.write(tmp_path)
    plain = assemble(job(tmp_path), tmp_path).block("land").prior
    prior = xr.load_dataset(tmp_path / "prior.nc")["flux"]
    fine = np.repeat(np.repeat(prior.values, 2, axis=0), 2, axis=1) * 0.044009
    lat = np.repeat(example.LAT, 2) + np.tile([-0.25, 0.25], 6)
    lon = np.repeat(example.LON, 2) + np.tile([-0.25, 0.25], 8)
    ds = xr.Dataset({"emission": (("lat", "lon"), fine, {"units": "kg m-2 s-1"})},
                    {"lat": lat, "lon": lon % 360.0}).isel(lat=slice(None, None, -1)).sortby("lon")  # fmt: skip
    ds.to_netcdf(tmp_path / "fine.nc")
    changed = job(tmp_path, {'prior = "prior.nc"': 'prior = "fine.nc"\nvariable = "emission"'})
    np.testing.assert_allclose(assemble(changed, tmp_path).block("land").prior, plain, rtol=1e-4)
    ds["emission"].attrs["units"] = "kg m-2"
    ds.to_netcdf(tmp_path / "fine.nc")
    with pytest.raises(InputError, match=r"fine\.nc.*kg m-2"):
        assemble(changed, tmp_path)


def test_a_prior_by_month_of_another_year(tmp_path: Path) -> None:
    example.write(tmp_path)
    prior = xr.load_dataset(tmp_path / "prior.nc")["flux"]
    months = np.arange("2012-01", "2013-01", dtype="datetime64[M]").astype("datetime64[ns]")
    scale = xr.DataArray(np.arange(1.0, 13.0), {"time": months}, "time")
    (prior * scale).transpose("time", ...).assign_attrs(prior.attrs).to_dataset(name="flux").to_netcdf(
        tmp_path / "monthly.nc"
    )
    found = assemble(job(tmp_path, {'prior = "prior.nc"': 'prior = "monthly.nc"\nrecord = "month"'}), tmp_path)
    np.testing.assert_allclose(found.block("land").prior[:, 0] / prior.values[0, 0], [1.0, 2.0, 3.0])
    found = assemble(job(tmp_path, {'prior = "prior.nc"': 'prior = "monthly.nc"\nrecord = "mean"'}), tmp_path)
    np.testing.assert_allclose(found.block("land").prior[:, 0] / prior.values[0, 0], 6.5)
    (prior * scale).transpose("time", ...).assign_coords(time=months + np.timedelta64(3000, "D")).assign_attrs(
        prior.attrs).to_dataset(name="flux").to_netcdf(tmp_path / "late.nc")  # fmt: skip
    with pytest.raises(InputError, match="nothing for a period"):
        assemble(job(tmp_path, {'prior = "prior.nc"': 'prior = "late.nc"'}), tmp_path)


def test_regions_are_selected_and_grouped(tmp_path: Path) -> None:
    example.write(tmp_path)
    problem = assemble(job(tmp_path), tmp_path)
    groups = job(tmp_path, {'rest = "sea"': 'rest = "ignore"\n[regions.groups]\nland = ["south", "north"]'})
    assert list(totals_of(groups, problem, tmp_path).regions) == ["land"]
    with pytest.raises(InputError, match=r"no such region .*found west"):
        totals_of(job(tmp_path, {'rest = "sea"': 'rest = "ignore"\nselect = ["west"]'}), problem, tmp_path)
    saved(tmp_path, shape("a", box(-4.5, 47.5, 3.5, 50.5)))
    shapes = job(tmp_path, {'file = "regions.nc"\nrest = "sea"': 'file = "shapes.geojson"\nrest = "others"'})
    found = totals_of(shapes, problem, tmp_path).regions
    assert list(found) == ["a", "others"] and found["a"]["land"].sum() == pytest.approx(24.0)


def test_a_background_is_one_thing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give one of 'value', 'curtains' and 'site'"):
        job(tmp_path, {"[regions]": '[background]\nvalue = "400 umol mol-1"\nsite = "A"\n[regions]'})
    example.write(tmp_path)
    with pytest.raises(InputError, match="two backgrounds"):
        assemble(job(tmp_path, {"[regions]": '[background]\nsite = "A"\n[regions]'}), tmp_path)
    nothing = {'background = "background"': "", "[regions]": '[background]\ncurtains = "bc.nc"\n[regions]'}
    with pytest.raises(InputError, match=r"footprints of A: .* do not tell where particles left"):
        assemble(job(tmp_path, nothing), tmp_path)
    nothing["[regions]"] = '[background]\nsite = "Z"\n[regions]'
    with pytest.raises(InputError, match=r"background\.site: .*no observations .*found Z"):
        assemble(job(tmp_path, nothing), tmp_path)


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_positions_of_a_grid_that_is_not_regular_are_no_axes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    dims = ("y", "x")[: len(shape)]
    place = np.zeros(shape)
    ds = xr.Dataset({"flux": (dims, place, {"units": "mol m-2 s-1"}), "lat": (dims, place), "lon": (dims, place)})
    ds.to_netcdf(path := tmp_path / "flux.nc")
    with pytest.raises(InputError, match=r"lat and lon are no axes \(found shapes .*, needed one dimension each\)"):
        read_flux(path)
