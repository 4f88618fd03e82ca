"""Positions of a table against regions: what stands at sea, or in another region than its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, field_validator

from ghg.core.config import Model
from ghg.core.errors import InputError
from ghg.core.tables import ColumnSpec, read_table
from inventories.compile.sections import RegionsSection
from inventories.grid.points import locate_regions
from inventories.readers.shapes import read_regions

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["PositionsJob", "list_positions"]


class PositionsJob(Model):
    """``ghg inventories positions``.

    Parameters
    ----------
    file, encoding : str
        Table of sources.
    source : list of str
        Columns that name one.
    lon, lat : str
        Columns of the position [degrees].
    region : str
        Column of its region, where it is to be held against that in which it lies.
    regions : RegionsSection
        Polygons.
    """

    file: str
    encoding: str | None = None
    source: list[str] = Field(min_length=1)
    lon: str
    lat: str
    region: str = ""
    regions: RegionsSection

    @field_validator("source", mode="before")
    @classmethod
    def _one_or_more(cls, given: object) -> object:
        return [given] if isinstance(given, str) else given


def list_positions(job: PositionsJob, base: Path, record: Record | None = None) -> tuple[int, list[dict[str, Any]]]:
    """Return how many sources have a position, and one row for each that lies in no region or in another.

    Raises
    ------
    InputError
        A column is missing, no row has a position, or one is not on Earth.
    """
    specs = {f"source.{i}": ColumnSpec(n, kind="text") for i, n in enumerate(job.source)}
    specs |= {"lon": ColumnSpec(job.lon), "lat": ColumnSpec(job.lat)}
    specs |= {"region": ColumnSpec(job.region, kind="text")} if job.region else {}
    for path, role in ((base / job.file, "sources"), (base / job.regions.file, "regions")):
        if record is not None:
            record.use(path, role)
    frame: Any = read_table(base / job.file, specs, encoding=job.encoding)
    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    bad = known[(np.abs(lat[known]) > 90) | (np.abs(lon[known]) > 360)]
    if not known.size or bad.size:
        raise InputError("no row has a position" if not known.size else "a position is not on Earth", where=job.file,
                         found=f"row {frame.index[bad[0]]}: {lon[bad[0]]:g}, {lat[bad[0]]:g}" if bad.size else "",
                         hint="are lon and lat exchanged?" if bad.size else "")  # fmt: skip
    polygons = read_regions(base / job.regions.file, job.regions.key, encoding=job.regions.encoding)
    cell = locate_regions(polygons, lon[known], lat[known])
    text = {n: frame[n].fillna("").astype(str).str.strip().tolist() for n in specs if n not in ("lon", "lat")}
    rows = []
    for i, k in zip(known.tolist(), cell.tolist(), strict=True):
        own = text["region"][i] if job.region else ""
        lies = str(polygons.names[k]) if k >= 0 else ""
        stated = job.regions.map.get(own, own)
        if lies and (not own or stated not in polygons.names or stated == lies):
            continue
        label = " ".join(text[f"source.{n}"][i] for n in range(len(job.source)))
        rows.append({"row": int(frame.index[i]), "source": label, "region": own, "lon": float(lon[i]),
                     "lat": float(lat[i]), "found": lies or "at sea"})  # fmt: skip
    return int(known.size), rows
