"""Foreign files of inversions to the common forms: footprints, fluxes, boundary curtains, regions, observations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ghg.core.errors import InputError
from inversion.footprints import Footprints
from inversion.readers import _netcdf, gridded, residence, stilt
from inversion.readers.fields import read_curtains, read_flux, read_regions
from inversion.readers.observations import read_observations

__all__ = ["FORMATS", "read_curtains", "read_flux", "read_footprints", "read_observations", "read_regions"]

FORMATS = ("auto", "name", "paris", "nested", "stilt", "flexpart", "hysplit")


def read_footprints(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, format: str = "auto", site: str = "",
    **options: Any,
) -> Footprints:  # fmt: skip
    """Open footprints of one receptor; values are read when they are asked for.

    Parameters
    ----------
    paths : path or sequence of path
        Files of one site.
    format : str
        One of ``FORMATS``; "auto" tells by the variables.
    site : str
        Name of the receptor, where the file does not say it or another is wanted.
    options
        ``units`` and ``label`` ("left", "centre", "right") where a file does not state them; ``layer`` [m],
        ``variable`` and ``time`` for residence times of HYSPLIT.

    Raises
    ------
    InputError
        A file is missing or no footprint, its unit or time convention is missing or wrong, grids differ, or times
        occur twice.
    """
    files = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not files:
        raise InputError("there is no footprint file")
    if format not in FORMATS:
        raise InputError("the format of footprints is unknown", found=format, need=", ".join(FORMATS))
    readers = {"name": gridded.read, "paris": gridded.read, "nested": gridded.read_nested, "stilt": stilt.read,
               "flexpart": residence.read_flexpart, "hysplit": residence.read_hysplit}  # fmt: skip
    parts = []
    for path in files:
        kind = _kind(path) if format == "auto" else format
        parts.append(readers[kind](path, site=site, **options))
    return _netcdf.join(parts)


def _kind(path: str | os.PathLike[str]) -> str:
    with _netcdf.opened(path) as ds:
        names = set(map(str, ds.variables))
    for kind, needed in (("nested", {"fp_low", "fp_high"}), ("name", {"fp"}), ("paris", {"srr"}), ("stilt", {"foot"}),
                         ("flexpart", {"spec001_mr"})):  # fmt: skip
        if needed <= names:
            return kind
    raise InputError("this is no footprint file we know", where=str(path), found=", ".join(sorted(names)[:12]),
                     need="fp (NAME, OpenGHG), srr (PARIS), foot (STILT) or spec001_mr (FLEXPART)",
                     hint="for HYSPLIT say format 'hysplit' and the variable")  # fmt: skip
