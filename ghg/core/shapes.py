"""Regions drawn as polygons: ESRI shapefiles and GeoJSON.

References
----------
ESRI Shapefile Technical Description (1998): main file header and record contents of type Polygon (5, 15, 25).
RFC 7946 (2016), sections 3.1.1 (edges are straight in longitude and latitude) and 3.1.6 (the first ring of a polygon is
its outer one).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.files import open_input

__all__ = ["Shape", "is_shapes", "read_shapes"]

Ring = npt.NDArray[np.float64]
POLYGON = (5, 15, 25)  # plain, with heights, with measures
FARTHEST = 540.0  # degrees of longitude: what goes round once more than 360 is no longitude


@dataclass(frozen=True, eq=False)
class Shape:
    """A region.

    Parameters
    ----------
    name : str
        What its attribute says.
    rings : list of (n, 2) arrays
        Longitudes and latitudes, degrees.
    holes : list of bool
        Which rings are cut out of the others.
    """

    name: str
    rings: list[Ring]
    holes: list[bool]


def is_shapes(path: Path) -> bool:
    """Tell by its ending whether a file holds polygons."""
    return path.suffix.lower() in (".shp", ".geojson", ".json")


def read_shapes(path: Path, key: str, *, encoding: str = "") -> list[Shape]:
    """Read the regions of a file, in its order.

    Parameters
    ----------
    path : Path
        ``.shp`` (its ``.dbf`` beside it, and ``.cpg`` if there is one), or GeoJSON.
    key : str
        Attribute that names a region.
    encoding : str
        Of the attributes of a shapefile; that of the ``.cpg`` where left out, else UTF-8.

    Raises
    ------
    InputError
        The file is none of these, holds other shapes or none, lacks the attribute, or is projected.
    """
    given = open_input(path)
    read = _shapefile(given, key, encoding) if given.suffix.lower() == ".shp" else _geojson(given, key)
    shapes = [shape for shape in read if shape.rings]
    if not shapes:
        raise InputError("the file holds no polygon", where=given.name)
    if odd := next((s for s in shapes for r in s.rings if r.ndim != 2 or r.shape[1] != 2 or len(r) < 3), None):
        raise InputError("a ring has fewer than three points, or points without two numbers", where=given.name,
                         found=f"region '{odd.name}'")  # fmt: skip
    points = np.concatenate([ring for shape in shapes for ring in shape.rings])
    far, high = (float(np.abs(points[:, k]).max()) for k in (0, 1))
    if not (far <= FARTHEST and high <= 90.0):
        raise InputError("the shapes are not in longitude and latitude", where=given.name, found=f"{max(far, high):g}",
                         need="degrees (EPSG:4326)")  # fmt: skip
    return shapes


def _geojson(path: Path, key: str) -> list[Shape]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        features = [data] if data.get("type") == "Feature" else data["features"]
        return [_feature(one, path, key, f"feature {number + 1}") for number, one in enumerate(features)]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise InputError("this is neither a shapefile nor GeoJSON of polygons", where=path.name,
                         need="a .shp file or a FeatureCollection") from error  # fmt: skip


def _feature(one: dict[str, Any], path: Path, key: str, where: str) -> Shape:
    words, drawn = one.get("properties") or {}, one.get("geometry") or {"type": "MultiPolygon", "coordinates": []}
    if key not in words:
        raise _no_key(path, key, list(words), where)
    if drawn["type"] not in ("Polygon", "MultiPolygon"):
        raise InputError("a shape is no polygon", where=f"{path.name}, {where}", found=str(drawn["type"]),
                         need="Polygon or MultiPolygon")  # fmt: skip
    many = [drawn["coordinates"]] if drawn["type"] == "Polygon" else drawn["coordinates"]
    rings = [np.array([point[:2] for point in ring], np.float64) for polygon in many for ring in polygon]
    return Shape(str(words[key]), rings, [k > 0 for polygon in many for k in range(len(polygon))])


def _no_key(path: Path, key: str, known: list[str], where: str = "") -> InputError:
    return InputError("the shapes lack the attribute", where=", ".join(filter(None, (path.name, where))),
                      found=f"'{key}'", need="one of " + ", ".join(known))  # fmt: skip


def _shapefile(path: Path, key: str, encoding: str) -> list[Shape]:
    raw = path.read_bytes()
    if len(raw) < 100 or struct.unpack(">i", raw[:4])[0] != 9994:
        raise InputError("this is no shapefile", where=path.name, need="file code 9994")
    names = _names(path, key, encoding)
    rings, at = [], 100
    try:
        while at + 12 <= len(raw):
            length = 2 * struct.unpack(">i", raw[at + 4 : at + 8])[0]
            if length <= 0:
                raise ValueError(f"a record of {length} bytes")
            rings.append(_rings(raw[at + 8 : at + 8 + length], path))
            at += 8 + length
    except (ValueError, struct.error) as error:
        raise InputError("the shapefile is damaged or cut off", where=path.name, found=str(error)) from error
    if len(rings) != len(names):
        raise InputError("the shapes and their attributes differ in number", where=path.name,
                         found=f"{len(rings)} and {len(names)}")  # fmt: skip
    return [Shape(name, some, _holes(some)) for name, some in zip(names, rings, strict=True)]


def _holes(rings: list[Ring]) -> list[bool]:
    """Return which rings go round against the clock, as holes do; a ring alone is no hole."""
    return [len(rings) > 1 and _signed_area(ring) > 0.0 for ring in rings]


def _signed_area(ring: Ring) -> float:
    x, y = (ring - ring[0]).T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _rings(record: bytes, path: Path) -> list[Ring]:
    kind = struct.unpack("<i", record[:4])[0]
    if kind == 0:
        return []
    if kind not in POLYGON:
        raise InputError("the shapefile holds no polygons", where=path.name, found=f"type {kind}", need="type 5")
    parts, points = struct.unpack("<2i", record[36:44])
    starts = [*struct.unpack(f"<{parts}i", record[44 : 44 + 4 * parts]), points]
    xy = np.frombuffer(record, "<f8", 2 * points, 44 + 4 * parts).reshape(-1, 2)
    rings = [xy[a:b].astype(np.float64) for a, b in pairwise(starts)]
    if any(len(ring) < 3 for ring in rings):
        raise ValueError("a ring of fewer than three points")
    return rings


def _names(path: Path, key: str, encoding: str) -> list[str]:
    table = open_input(path.with_suffix(".dbf")).read_bytes()
    page = path.with_suffix(".cpg")
    codec = encoding or (page.read_text(encoding="ascii").strip() if page.is_file() else "utf-8")
    columns, at, offset = {}, 32, 1
    try:
        count, header, length = struct.unpack("<IHH", table[4:12])
        while table[at] != 13:
            name = table[at : at + 11].split(b"\0")[0].decode("ascii")
            columns[name] = (offset, table[at + 16])
            offset, at = offset + table[at + 16], at + 32
        if length < offset:  # a length of nothing would fit any number of rows
            raise ValueError(f"rows of {length} bytes that hold {offset}")
        if header + count * length > len(table):
            raise ValueError(f"{count} rows of {length} bytes in {len(table)} bytes")
    except (ValueError, IndexError, struct.error) as error:
        raise InputError("the attributes of the shapefile are damaged or cut off", where=path.with_suffix(".dbf").name,
                         found=str(error)) from error  # fmt: skip
    if key not in columns:
        raise _no_key(path, key, list(columns))
    first, width = columns[key]
    cells = [table[header + i * length + first : header + i * length + first + width] for i in range(count)]
    try:
        return [cell.decode(codec).strip() for cell in cells]
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError("the attributes cannot be read in this encoding", where=path.with_suffix(".dbf").name,
                         found=codec, hint="state encoding, such as GBK") from error  # fmt: skip
