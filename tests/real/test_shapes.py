"""Countries of Natural Earth as shares of grid cells, beside shapely in the plane in which areas are true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from ghg.core.shapes import read_shapes
from inventories.grid.points import locate_regions
from inventories.readers.shapes import read_regions
from inversion.readers.shapes import read_shares

LATITUDE, LONGITUDE = np.arange(-35.5, -21.0), np.arange(15.5, 34.0)


COUNTRIES = Path("inventories", "regions", "naturalearth_lowres", "naturalearth_lowres.shp")


def test_a_country_within_another_is_a_hole(shared_data: Path) -> None:
    path = shared_data / COUNTRIES
    shapes = {shape.name: shape for shape in read_shapes(path, "name")}
    assert len(shapes) == 177
    assert shapes["South Africa"].holes == [False, True] and shapes["Lesotho"].holes == [False]
    names, shares = read_shares(path, (LATITUDE, LONGITUDE))
    outer, inner = (shares[names.index(name)] for name in ("South Africa", "Lesotho"))
    assert (outer + inner).max() <= 1.0 + 1e-12
    west, south = 0.5 * np.abs(np.diff(LONGITUDE[:2])), 0.5 * np.abs(np.diff(LATITUDE[:2]))
    for name, share in (("South Africa", outer), ("Lesotho", inner)):
        rings = [shapely.segmentize(shapely.LinearRing(ring), 0.01) for ring in shapes[name].rings]
        flat = [
            np.column_stack([x := shapely.get_coordinates(r), np.sin(np.radians(x[:, 1]))])[:, [0, 2]] for r in rings
        ]
        country = shapely.Polygon(flat[0], flat[1:])
        for i, j in ((4, 10), (6, 12), (9, 5), (1, 4)):
            lat, lon = LATITUDE[i], LONGITUDE[j]
            bottom, top = np.sin(np.radians([lat - south[0], lat + south[0]]))
            cell = shapely.box(lon - west[0], bottom, lon + west[0], top)
            assert abs(country.intersection(cell).area / cell.area - share[i, j]) < 1e-7


def test_plants_at_sea_are_few_and_shapely_says_the_same(shared_data: Path) -> None:
    """Every twentieth plant of the world; the coast of 1:110 million is coarse."""
    regions = read_regions(shared_data / COUNTRIES, "name")
    table = pd.read_csv(shared_data / "inventories" / "gppd" / "gppd_subset_kat159.csv.gz", low_memory=False,
                        encoding="latin-1").iloc[::20]  # fmt: skip
    lon, lat = table["longitude"].to_numpy(float), table["latitude"].to_numpy(float)
    found = locate_regions(regions, lon, lat)
    assert 0.02 < (found < 0).mean() < 0.06
    shapes = [shapely.Polygon(ring) for polygon in regions.polygons for ring in polygon]  # holes are countries
    for i in np.flatnonzero(found < 0)[:20]:
        assert not any(shape.contains(shapely.Point(lon[i], lat[i])) for shape in shapes)
    for i in np.flatnonzero(found >= 0)[:20]:
        own = regions.polygons[found[i]]
        assert any(shapely.Polygon(ring).contains(shapely.Point(lon[i], lat[i])) for ring in own)
