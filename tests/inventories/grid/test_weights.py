"""Weights against shapely, closed forms and conservation."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ghg.core.errors import InputError
from ghg.core.jit import threads
from inventories.grid.ellipsoid import Ellipsoid
from inventories.grid.grids import LonLat, Polygons, Projected
from inventories.grid.projections import LambertConformal, PolarStereographic
from inventories.grid.transverse import utm
from inventories.grid.weights import overlaps, remap

pytestmark = pytest.mark.kernel
LAMBERT = LambertConformal(30, 60, 34, 110)


def star(centre, radii, turn=0.0):
    """Return a simple, in general concave ring."""
    angle = turn + 2 * np.pi * np.arange(len(radii)) / len(radii)
    return np.stack([centre[0] + radii * np.cos(angle), centre[1] + radii * np.sin(angle)], axis=1)


def in_plane(rings, p):
    parts = range(rings.polygons[p], rings.polygons[p + 1])
    shapes = [shapely.Polygon(np.stack([rings.x, rings.y], 1)[rings.first[r] : rings.first[r + 1]]) for r in parts]
    signs = [1 if s.exterior.is_ccw else -1 for s in shapes]
    outer = shapely.union_all([s for s, sign in zip(shapes, signs, strict=True) if sign > 0])
    return shapely.difference(outer, shapely.union_all([s for s, g in zip(shapes, signs, strict=True) if g < 0]))


def against_shapely(source, target) -> None:
    """Compare every overlap with that of shapely, relative to the source cell, in the same plane."""
    indptr, indices, area = overlaps(source, target)
    a, b = target.rings(source.ellipsoid), source.rings()
    sources = [in_plane(b, q) for q in range(source.size)]
    size = b.area()
    for p in range(target.size):
        mine = np.zeros(source.size)
        np.add.at(mine, indices[indptr[p] : indptr[p + 1]], area[indptr[p] : indptr[p + 1]])
        other = in_plane(a, p)
        theirs = shapely.area(shapely.intersection(other, np.array(sources)))
        assert np.abs(mine - theirs).max() < 1e-10 * size.max()


radii = st.lists(st.floats(0.3, 3.0), min_size=3, max_size=9).map(np.array)
centres = st.tuples(st.floats(1.0, 5.0), st.floats(41.0, 45.0))


@settings(max_examples=12)
@given(centres, radii, st.floats(0, 6))
def test_random_polygons_on_a_grid_agree_with_shapely(centre, r, turn) -> None:
    hole = star(centre, 0.2 * r.min() * np.ones(4))
    polygons = Polygons([[star(centre, r, turn), hole]])
    grid = LonLat(np.array([0.0, 0.7, 1.9, 3.0, 4.4, 6.0]), np.array([40.0, 41.5, 42.0, 43.7, 46.0]))
    against_shapely(grid, polygons)
    against_shapely(polygons, grid)


@pytest.mark.slow
@settings(max_examples=5)
@given(centres, radii, st.floats(0, 6), centres, radii)
def test_random_polygons_against_each_other_agree_with_shapely(centre, r, turn, other, s) -> None:
    hole = star(other, 0.2 * s.min() * np.ones(4))
    against_shapely(Polygons([[star(centre, r, turn)]]), Polygons([[star(other, s), hole]]))


def test_projected_cells_agree_with_shapely() -> None:
    edges = np.linspace(-3e5, 3e5, 5)
    lambert = Projected(LAMBERT, edges, edges)
    against_shapely(LonLat.regular(105.0, 30.0, 1.3, (6, 8)), lambert)
    against_shapely(Projected(utm(49), np.linspace(3e5, 6e5, 4), np.linspace(3.6e6, 4e6, 4)), lambert)


PAIRS = [
    (LonLat.regular(90, 10, 2.0, (25, 25)), Projected(LAMBERT, np.linspace(-8e5, 8e5, 9), np.linspace(-8e5, 8e5, 8))),
    (LonLat.regular(0, -90, 5.0, (36, 72)), LonLat.regular(-180, -90, 4.0, (45, 90))),
    (LonLat.regular(-180, -90, 5.0, (36, 72)), Projected(PolarStereographic(90, 0), *[np.linspace(-4e6, 4e6, 8)] * 2)),
    (LonLat.regular(-180, -90, 5.0, (36, 72)), LonLat.regular(100, 20, 0.7, (9, 13))),
]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_constant_fields_stay_constant_and_mass_is_kept(source, target, rng) -> None:
    way = remap(source, target)
    assert np.abs(way.flux(np.ones((1, *source.shape))) - 1.0).max() < 1e-10
    mass = rng.random((2, *source.shape))
    out = way.flux(mass / source.area) * target.area
    lost = (mass * (1.0 - way.covered())).sum(axis=(1, 2))
    assert out.sum(axis=(1, 2)) + lost == pytest.approx(mass.sum(axis=(1, 2)), rel=1e-13)


def test_a_finer_division_of_edges_changes_areas_by_less_than_a_millionth() -> None:
    edges = np.linspace(-1.35e6, 1.35e6, 31)
    grid = Projected(LAMBERT, edges, edges)
    fine = grid.rings(tolerance=1e-12).area() * grid.ellipsoid.area_per_unit
    assert np.abs(grid.area.ravel() / fine - 1.0).max() < 1e-6


def test_mass_is_kept_between_two_figures_of_the_earth(rng) -> None:
    source = LonLat.regular(0, 40, 0.5, (10, 12))
    target = LonLat.regular(-1, 39, 0.7, (11, 12), Ellipsoid(6370000.0))
    mass = rng.random((1, *source.shape))
    out = remap(source, target).flux(mass / source.area) * target.area
    assert out.sum() == pytest.approx(mass.sum(), rel=1e-13)


def test_float32_fields_are_summed_in_float64(rng) -> None:
    source, target = LonLat.regular(-180, -90, 1.0, (180, 360)), LonLat.regular(-180, -90, 2.5, (72, 144))
    way = remap(source, target)
    assert (way.flux(np.ones((1, *source.shape), np.float32)) == 1.0).all()
    field = rng.random((1, *source.shape), dtype=np.float32)
    out = way.flux(field)
    assert out.dtype == np.float32
    assert (out * target.area).sum() == pytest.approx((field * source.area).sum(), rel=1e-9)


@pytest.mark.parametrize(("source", "target"), [
    (LonLat.regular(-180, -30, (0.1, 5.0), (12, 3600)), LonLat.regular(0, -33, (0.25, 3.0), (22, 1440))),  # turned
    (LonLat.regular(100, 20, 0.1, (40, 50)), LonLat.regular(99, 19, (1.0, 0.7), (9, 7))),  # 11 columns a cell, outside
    (LonLat.regular(100, 20, 1.0, (5, 6)), LonLat.regular(101, 21, 0.25, (12, 8))),  # finer
])  # fmt: skip
def test_separable_sums_are_those_of_the_matrices_whatever_the_threads(source, target, rng) -> None:
    way = remap(source, target)
    down, across = np.zeros((target.shape[0], source.shape[0] + 9)), np.zeros((source.shape[1], target.shape[1]))
    for k in range(way.rows.shape[1]):
        down[np.arange(target.shape[0]), way.row_start + k] += way.rows[:, k]
    for column, weight in zip(way.columns, way.weights, strict=True):
        np.add.at(across, (column, np.arange(target.shape[1])), weight)
    field, before = rng.random((2, *source.shape)), threads()
    expected = down[:, : source.shape[0]] @ field @ across
    found = []
    try:
        for count in sorted({1, before}):
            threads(count)
            found.append(way.flux(field))
    finally:
        threads(before)
    assert found[0] == pytest.approx(expected, rel=1e-13, abs=1e-300)
    assert np.array_equal(found[0], found[-1])
    field[1, 2, 3] = np.nan
    touched = np.outer(down[:, 2] > 0, across[3] > 0)
    assert np.array_equal(np.isnan(way.flux(field)), [np.zeros_like(touched), touched])


def test_rings_across_the_date_line_and_round_a_pole() -> None:
    grid = LonLat.regular(-180, -90, 10.0, (18, 36))
    box = [(175.0, -10.0), (-175.0, -10.0), (-175.0, 10.0), (175.0, 10.0)]
    cap = [(lon, 80.0) for lon in range(-180, 180, 15)]
    areas = Polygons([[box], [cap]]).area
    way = remap(grid, Polygons([[box], [cap]]))
    covered = np.asarray(way.matrix().multiply(grid.area.ravel()).sum(axis=1)).ravel()
    assert covered == pytest.approx(areas, rel=1e-12)
    assert areas[0] == pytest.approx(grid.area[8:10, 0].sum(), rel=1e-12)
    assert areas[1] == pytest.approx(grid.area[17].sum(), rel=1e-9)


def test_edges_that_do_not_rise_are_refused() -> None:
    with pytest.raises(InputError, match="do not rise"):
        LonLat(np.array([0.0, 2.0, 1.0]), np.array([0.0, 1.0]))
    with pytest.raises(InputError, match="more than the Earth"):
        LonLat(np.array([0.0, 200.0, 400.0]), np.array([0.0, 1.0]))
    with pytest.raises(InputError, match="fewer than three"):
        _ = Polygons([[[(0, 0), (1, 1)]]]).area
