"""Regions from ESRI shapefiles and GeoJSON, as polygons of longitude and latitude.

References
----------
ESRI Shapefile Technical Description (1998): main file header and record contents of type Polygon (5, 15, 25).
RFC 7946 (2016): GeoJSON; positions are longitude, latitude on WGS 84.
"""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.files import open_input
from inventories.grid.grids import Polygons

__all__ = ["read_regions"]

Ring = npt.NDArray[np.float64]
POLYGON = (5, 15, 25)  # plain, with heights, with measures


def read_regions(path: Path, key: str, *, encoding: str = "") -> Polygons:
    """Read the regions of a file.

    Parameters
    ----------
    path : Path
        ``.shp`` (its ``.dbf`` beside it, and ``.cpg`` if there is one) or ``.geojson`` / ``.json``.
    key : str
        Attribute that names a region.
    encoding : str
        Of the attributes of a shapefile; that of the ``.cpg`` where left out, else UTF-8.

    Raises
    ------
    InputError
        The file is none of these, holds other shapes, lacks the attribute, is projected, or names a region twice.
    """
    given = open_input(path)
    pairs = _shapefile(given, key, encoding) if given.suffix.lower() == ".shp" else _geojson(given, key)
    pairs = [(name, rings) for name, rings in pairs if rings]
    if not pairs:
        raise InputError("the file holds no polygon", where=given.name)
    names = [name for name, _ in pairs]
    if twice := sorted({n for n in names if names.count(n) > 1 and n not in ("", "-99")}):
        raise InputError("two regions have one name", where=f"{given.name}, attribute '{key}'", found=twice[0],
                         need="an attribute that tells them apart")  # fmt: skip
    corner = max(float(np.abs(ring).max()) for _, rings in pairs for ring in rings)
    if corner > 360.0 or max(float(np.abs(ring[:, 1]).max()) for _, rings in pairs for ring in rings) > 90.0:
        raise InputError("the regions are not in longitude and latitude", where=given.name, found=f"{corner:g}",
                         need="degrees (EPSG:4326)")  # fmt: skip
    return Polygons([rings for _, rings in pairs], names)


def _geojson(path: Path, key: str) -> list[tuple[str, list[Ring]]]:
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("this is neither a shapefile nor GeoJSON", where=path.name,
                         need="a .shp file or a FeatureCollection") from error  # fmt: skip
    found = []
    for number, one in enumerate(features):
        shape, words = one.get("geometry") or {}, one.get("properties") or {}
        if key not in words:
            raise _no_key(path, key, list(words), f"feature {number + 1}")
        many = {"Polygon": lambda s: [s["coordinates"]], "MultiPolygon": lambda s: s["coordinates"]}.get(
            shape.get("type", ""), lambda _: [])(shape)  # fmt: skip
        found.append((str(words[key]), [np.array(ring, float)[:, :2] for polygon in many for ring in polygon]))
    return found


def _no_key(path: Path, key: str, known: list[str], where: str = "") -> InputError:
    return InputError("the regions lack the attribute", where=", ".join(filter(None, (path.name, where))),
                      found=f"'{key}'", need="one of " + ", ".join(known))  # fmt: skip


def _shapefile(path: Path, key: str, encoding: str) -> list[tuple[str, list[Ring]]]:
    raw = path.read_bytes()
    if len(raw) < 100 or struct.unpack(">i", raw[:4])[0] != 9994:
        raise InputError("this is no shapefile", where=path.name, need="file code 9994")
    names = _names(path, key, encoding)
    shapes, at = [], 100
    while at + 12 <= len(raw):
        length = 2 * struct.unpack(">i", raw[at + 4 : at + 8])[0]
        shapes.append(_rings(raw[at + 8 : at + 8 + length], path))
        at += 8 + length
    if len(shapes) != len(names):
        raise InputError("the shapes and their attributes differ in number", where=path.name,
                         found=f"{len(shapes)} and {len(names)}")  # fmt: skip
    return list(zip(names, shapes, strict=True))


def _rings(record: bytes, path: Path) -> list[Ring]:
    kind = struct.unpack("<i", record[:4])[0]
    if kind == 0:
        return []
    if kind not in POLYGON:
        raise InputError("the shapefile holds no polygons", where=path.name, found=f"type {kind}", need="type 5")
    parts, points = struct.unpack("<2i", record[36:44])
    starts = [*struct.unpack(f"<{parts}i", record[44 : 44 + 4 * parts]), points]
    xy = np.frombuffer(record, "<f8", 2 * points, 44 + 4 * parts).reshape(-1, 2)
    return [xy[a:b].astype(np.float64) for a, b in pairwise(starts)]


def _names(path: Path, key: str, encoding: str) -> list[str]:
    table = open_input(path.with_suffix(".dbf")).read_bytes()
    page = path.with_suffix(".cpg")
    codec = encoding or (page.read_text(encoding="ascii").strip() if page.is_file() else "utf-8")
    count, header, length = struct.unpack("<IHH", table[4:12])
    columns, at, offset = {}, 32, 1
    while table[at] != 13:
        name = table[at : at + 11].split(b"\0")[0].decode("ascii")
        columns[name] = (offset, table[at + 16])
        offset, at = offset + table[at + 16], at + 32
    if key not in columns:
        raise _no_key(path, key, list(columns))
    first, width = columns[key]
    cells = [table[header + i * length + first : header + i * length + first + width] for i in range(count)]
    try:
        return [cell.decode(codec).strip() for cell in cells]
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError("the attributes cannot be read in this encoding", where=path.with_suffix(".dbf").name,
                         found=codec, hint="state encoding, such as GBK") from error  # fmt: skip
