"""Regions from shapefiles and GeoJSON as cells of any shape."""

from __future__ import annotations

from pathlib import Path

from ghg.core.errors import InputError
from ghg.core.shapes import read_shapes
from inventories.grid.grids import Polygons

__all__ = ["read_regions"]


def read_regions(path: Path, key: str, *, encoding: str = "") -> Polygons:
    """Read the regions of a file; each name may stand once.

    Parameters
    ----------
    path, key, encoding
        See :func:`ghg.core.shapes.read_shapes`.

    Raises
    ------
    InputError
        See there; or the file names a region twice.
    """
    shapes = read_shapes(path, key, encoding=encoding)
    names = [shape.name for shape in shapes]
    if twice := sorted({n for n in names if names.count(n) > 1 and n not in ("", "-99")}):
        raise InputError("two regions have one name", where=f"{path.name}, attribute '{key}'", found=twice[0],
                         need="an attribute that tells them apart")  # fmt: skip
    return Polygons([shape.rings for shape in shapes], names)
