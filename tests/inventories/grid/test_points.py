"""Points and regions on grids: everything has its place or is told."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from ghg.core.errors import InputError
from inventories.conservation import residual
from inventories.grid.fields import coordinates
from inventories.grid.grids import LonLat, Polygons, Projected
from inventories.grid.points import grid_points, locate
from inventories.grid.projections import LambertConformal
from inventories.grid.regions import mask, region_totals, spread

pytestmark = pytest.mark.kernel
GRID = LonLat.regular(0.0, 40.0, 0.5, (8, 10))
WEST = [[(0, 40), (2.3, 40), (2.3, 44), (0, 44)]]
EAST = [[(2.3, 40), (5, 40), (5, 44), (2.3, 44)]]
BEYOND = [[(4, 43), (7, 43), (7, 45), (4, 45)]]


def test_points_are_summed_where_they_stand_and_those_outside_are_booked(rng) -> None:
    lon, lat = rng.uniform(-1, 6, 200), rng.uniform(39, 45, 200)
    rate = rng.lognormal(size=200)
    placed = grid_points({"co2": rate}, lon, lat, GRID)
    mass = (placed.ds["emission_co2"] * placed.ds["cell_area"]).values
    counts, *_ = np.histogram2d(lat, lon, [GRID.lat_edges, GRID.lon_edges], weights=rate)
    assert mass == pytest.approx(counts, rel=1e-12, abs=1e-12)
    row = placed.ds["ledger_mass"].values[0]
    assert abs(residual(row)) < 1e-12
    assert row[2] == pytest.approx(rate[placed.outside].sum()) and placed.outside.size > 20
    with pytest.raises(InputError, match=r"outside the grid.*such points"):
        grid_points({"co2": rate}, lon, lat, GRID, outside="refuse")


def test_points_on_the_last_edge_and_a_turn_further_are_inside() -> None:
    assert locate(GRID, [5.0, 0.25, -359.75], [44.0, 40.25, 40.25]).tolist() == [79, 0, 0]


def test_points_of_projected_grids_and_polygons_are_where_shapely_finds_them(rng) -> None:
    lon, lat = rng.uniform(-1, 8, 300), rng.uniform(39, 46, 300)
    polygons = Polygons([WEST, BEYOND])
    shapes = [shapely.Polygon(p[0]) for p in (WEST, BEYOND)]
    wanted = [next((k for k, s in enumerate(shapes) if s.contains(shapely.Point(x, y))), -1)
              for x, y in zip(lon, lat, strict=True)]  # fmt: skip
    assert locate(polygons, lon, lat).tolist() == wanted
    edges = np.linspace(-2e5, 2e5, 5)
    grid = Projected(LambertConformal(35, 50, 42, 3), edges, edges)
    middle = grid.centres
    assert locate(grid, middle[0].ravel(), middle[1].ravel()).tolist() == list(range(16))


def test_positions_and_emissions_that_are_missing_are_refused() -> None:
    with pytest.raises(InputError, match="point 2: a point has no position"):
        locate(GRID, [1.0, np.nan], [41.0, 41.0])
    with pytest.raises(InputError, match="no emission"):
        grid_points({"co2": [np.nan]}, [1.0], [41.0], GRID)


def test_masks_are_shares_and_totals_of_regions_add_up(rng) -> None:
    regions = Polygons([WEST, EAST], ["west", "east"])
    share = mask(GRID, regions)["share"].values
    assert share.sum(axis=0) == pytest.approx(np.ones(GRID.shape), abs=1e-12)
    assert share[0, 0, 4] == pytest.approx(0.6, abs=1e-9)
    dims, ds = coordinates(GRID)
    ds["emission_co2"] = (dims, rng.random(GRID.shape), {"units": "kg m-2 s-1"})
    totals = region_totals(ds, regions)
    assert float(totals["emission_co2"].sum()) == pytest.approx(
        float((ds["emission_co2"].values * GRID.area).sum()), rel=1e-12
    )
    part = region_totals(ds, Polygons([WEST]))["ledger_mass"].values[0]
    assert abs(residual(part)) < 1e-12 and part[2] > 0


def test_totals_are_spread_by_the_first_proxy_there_is(rng) -> None:
    regions = Polygons([WEST, EAST, BEYOND], ["west", "east", "beyond"])
    people, light = np.zeros(GRID.shape), np.zeros(GRID.shape)
    people[:, :4], light[2:4, 7] = rng.random((8, 4)), 1.0
    ds, used = spread({"co2": [10.0, 5.0, 3.0]}, regions, GRID, [people, light])
    mass = (ds["emission_co2"] * ds["cell_area"]).values
    assert used == [("east", 2), ("beyond", 3)]
    assert mass[:, :4].sum() == pytest.approx(10.0, rel=1e-12)
    assert mass[2:4, 7].sum() == pytest.approx(5.0, rel=1e-12)
    row = ds["ledger_mass"].values[0]
    inside = LonLat(np.array([4.0, 5.0]), np.array([43.0, 44.0])).area.sum() / Polygons([BEYOND]).area[0]
    assert abs(residual(row)) < 1e-12 and row[2] == pytest.approx(3.0 * (1 - inside), rel=1e-6)
    with pytest.raises(InputError, match="proxy 1"):
        spread({"co2": [1.0, 1.0, 1.0]}, regions, GRID, [-people])
    with pytest.raises(InputError, match="region has no total"):
        spread({"co2": [1.0]}, regions, GRID)
