"""From rows to the files of a grid and of its hours, in one go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import ConfigError, InputError
from inventories.compile.areas import misplaced
from inventories.compile.config import InventoryJob
from inventories.compile.gridding import place, with_zones, zones_of
from inventories.compile.hours import profiles_of, write_hours, zones_for
from inventories.compile.sections import GridSection
from inventories.conservation import ENTRIES, residual
from inventories.grid import fields
from inventories.grid.grids import LonLat, Polygons
from inventories.grid.lines import lengths_by_cell, read_lines
from inventories.grid.names import as_nitrogen, as_no2, note
from inventories.grid.regions import field_density
from inventories.jobs.target import target_grid
from inventories.readers.shapes import read_regions
from inventories.temporal.calendars import local_year

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["GRIDDED", "HOURLY", "LAYERS", "lines", "write_grids"]

GRIDDED, HOURLY = "gridded.nc", {"hours": "hourly.nc", "gathered": "hourly.nc", "factored": "factored.nc"}
LAYERS = ("layers.nc", "layers_hourly.nc")
LEDGERS = {"ledger": "the year", "hours": "the hours", "layers": "the layers", "layer_hours": "the hours of the layers"}


def write_grids(
    ds: xr.Dataset, job: InventoryJob, base: Path, folder: Path, record: Record,
    announce: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Write ``gridded.nc`` and the hours, where the job has the sections [grid] and [time].

    Parameters
    ----------
    ds : Dataset
        The compilation, see :func:`inventories.compile.job.run`.
    job : InventoryJob
        Configuration.
    base, folder : Path
        Where relative paths belong, and where files are written.
    record : Record
        Provenance.
    announce : callable
        Told what is being done.

    Returns
    -------
    dict
        ``ledger`` and ``sources`` of the grid, ``hours`` with the ledger of the hours, ``files``, and ``annual``, the
        gridded Dataset; empty without [grid].
    """
    from ghg.core.netcdf import write

    if job.grid is None:
        return {}
    profiles = profiles_of(job.time, base, record) if job.time is not None else {}
    announce("grid")
    grid = target_grid(job.grid, base, record)
    if isinstance(grid, Polygons):
        raise ConfigError("sources are put on a grid of rows and columns", where="key 'grid.like'")
    regions, apart_ = _regions(ds, job.grid, base, record)
    proxies = _proxies(job.grid, grid, base, record)
    annual = place(ds, grid, sectors=job.grid.sectors, memo=job.grid.memo, outside=job.grid.outside,
                   regions=regions if job.grid.areas == "spread" else None, proxies=proxies)  # fmt: skip
    clocks: Any = ([("UTC", "")], np.zeros(grid.shape, np.int32), 0)
    if job.time is not None:
        apart = tuple(sorted({one.region for one in job.time.profile if one.region}))
        clocks = zones_of(ds, grid, job.time.timezone, job.time.zones, apart,
                          regions if job.grid.areas == "spread" else None)  # fmt: skip
        for timezone, _ in clocks[0]:
            local_year(int(ds["year"]), timezone)  # an unknown zone is told before anything is written
        annual = with_zones(annual, clocks[0], clocks[1])
    record.step(str(annual["ledger_mass"].attrs["step"]))
    write(as_nitrogen(annual), folder / GRIDDED, record=record)
    found = {"annual": annual, "ledger": _ledger(annual), "files": [GRIDDED], "hours": [], "other_clock": clocks[2],
             "sources": {k.removeprefix("sources_"): v for k, v in annual.attrs.items() if k.startswith("sources_")},
             "profiles": _drawn(profiles, annual), "maps": _maps(annual, grid), "coastlines": job.coastlines,
             "borders": [np.asarray(ring) for one in _spread_over(job.grid, regions) for ring in one],
             "clocks": [z for z, _ in clocks[0]], "misplaced": apart_, "notes": note(annual)}  # fmt: skip
    if job.time is not None:
        announce("hours")
        name = HOURLY[job.time.write]
        written = as_nitrogen(annual)
        hours = as_no2(write_hours(written, job.time, profiles, (clocks[0], clocks[1]), (folder / name, record)))
        found["hours"] = [{**new, "species": old["species"]}
                          for new, old in zip(_ledger(hours), found["ledger"], strict=True)]  # fmt: skip
        found["files"].append(name)
        _same(found["ledger"], found["hours"])
    if job.layers is not None:
        announce("layers")
        places = (grid, clocks, profiles, regions if job.grid.areas == "spread" else None, proxies)
        found |= write_layers(ds, job, base, folder, record, places)
        found["files"] += found["layer_files"]
    return found


def _proxies(section: GridSection, grid: Any, base: Path, record: Record) -> dict[str, Any]:
    """Return the density of each sector that has a proxy."""
    if section.proxy and not section.sectors:
        raise ConfigError("proxies are those of sectors", where="key 'grid.proxy'", need="grid.sectors = true")
    found: dict[str, Any] = {}
    for number, one in enumerate(section.proxy):
        path = base / (one.lines or one.field)
        record.use(path, "proxy")
        if one.lines:
            metres, outside = lengths_by_cell(read_lines(path, one.weight), grid)
            if not metres.any():
                raise InputError(
                    "no line of a proxy lies on the grid", where=f"key 'grid.proxy.{number}'", found=path.name
                )
            record.step(f"{path.name}: {metres.sum():.9g} m (x weight) on the grid, {outside:.9g} outside")
            density = metres / grid.area
        else:
            density = field_density(path, one.variable, grid)
        found |= dict.fromkeys(one.sectors, density)
    return found


def _regions(ds: xr.Dataset, section: GridSection, base: Path, record: Record) -> tuple[Any, list[dict[str, Any]]]:
    """Return the polygons of the regions with their names, and the sources that stand at sea or in another one."""
    if section.regions is None:
        return None, []
    path = base / section.regions.file
    polygons = read_regions(path, section.regions.key, encoding=section.regions.encoding)
    record.use(path, "regions")
    return (polygons, section.regions.map), misplaced(ds, polygons, section.regions.map)


def _spread_over(section: GridSection, regions: Any) -> Any:
    """Return the polygons that mass is spread over, for maps; those that only check positions are not drawn."""
    return regions[0].polygons if regions is not None and section.areas == "spread" else ()


def _drawn(profiles: dict[Any, Any], annual: xr.Dataset) -> list[dict[str, Any]]:
    """Return the profiles of the sectors that are on the grid, for a picture; flat ones and doubles left out."""
    there = [str(s) for s in annual["sector"].values] if "sector" in annual.coords else list(profiles)
    found: dict[int, dict[str, Any]] = {}
    for key, one in profiles.items():
        parts = (key,) if isinstance(key, str) else key
        if any(p in there for p in parts) and one.name != "flat":
            row = {"name": " ".join(parts), "month": one.month, "weekday": one.weekday, "hour": one.hour}
            found.setdefault(id(one), row)
    return list(found.values())


def _maps(annual: xr.Dataset, grid: Any) -> dict[str, dict[str, Any]]:
    """Return the mass of each species by cell [kg] with edges, for pictures."""
    geographic = isinstance(grid, LonLat)
    x, y = (grid.lon_edges, grid.lat_edges) if geographic else (grid.x_edges, grid.y_edges)
    stretch = float(1.0 / np.cos(np.deg2rad(0.5 * (y[0] + y[-1])))) if geographic else 1.0
    lon, lat = grid.centres
    box = tuple(float(v) for v in (np.min(lon), np.max(lon), np.min(lat), np.max(lat)))
    forward = None if geographic else grid.projection.forward
    length = float(np.diff(annual["time_bounds"].values.astype("M8[s]").astype(np.int64)).sum())
    found = {}
    for name in fields.emissions(annual):
        values = np.asarray(annual[name].values, float)
        mass = values.reshape(-1, *grid.shape).sum(axis=0) * grid.area * length
        found[str(annual[name].attrs["species"])] = {"mass": mass, "area": grid.area, "x": x, "y": y,
                                                     "stretch": stretch, "geographic": geographic, "box": box,
                                                     "forward": forward}  # fmt: skip
    return found


def _ledger(ds: xr.Dataset) -> list[dict[str, Any]]:
    table = ds["ledger_mass"]
    names = {fields.species_of(str(v)): str(ds[v].attrs.get("species", "")) for v in ds.data_vars}
    rows = []
    for name, row in zip(map(str, table["ledger_species"].values), table.values, strict=True):
        entries = dict(zip(ENTRIES, map(float, row), strict=True))
        rows.append({"species": names.get(name) or name, **entries, "residual": residual(row)})
    return rows


def write_layers(
    ds: xr.Dataset, job: InventoryJob, base: Path, folder: Path, record: Record, places: tuple[Any, ...]
) -> dict[str, Any]:
    """Write ``layers.nc``, and ``layers_hourly.nc`` where asked for; return their ledgers, files and notes."""
    from ghg.core.netcdf import write
    from inventories.compile import heights
    from inventories.compile.heights_hours import write_layer_hours

    grid, clocks, profiles, regions, proxies = places
    section, options = job.layers, job.grid
    assert section is not None and options is not None
    plumes, notes = heights.plumes_of(ds, grid, section, base, options.memo, record)
    rest = place(heights.without(ds, plumes), grid, memo=options.memo, regions=regions, proxies=proxies)
    vertical = heights.profiles_by_sector(rest, section, base, record)
    clock = None
    if job.time is not None:
        clock = heights.Clock(profiles, zones_for(job.time, clocks), int(ds["year"]))
    mean = heights.layered(ds, rest, vertical, plumes, section.edges, clock)
    record.step(str(mean["ledger_mass"].attrs["step"]))
    write(as_nitrogen(mean), folder / LAYERS[0], record=record)
    found = {"layers": _ledger(mean), "layer_hours": [], "layer_files": [LAYERS[0]], "layer_notes": notes,
             "heights": {"edges": section.edges, "share": _by_layer(mean)}}  # fmt: skip
    if section.write == "hours" and clock is not None and job.time is not None:
        target = (folder / LAYERS[1], record, job.time.bits, job.time.compression)
        hours = as_no2(write_layer_hours(mean, rest, ds, vertical, plumes, clock, target))
        found["layer_hours"] = [{**new, "species": old["species"]}
                                for new, old in zip(_ledger(hours), found["layers"], strict=True)]  # fmt: skip
        found["layer_files"].append(LAYERS[1])
        _same(found["layers"], found["layer_hours"])
    return found


def _by_layer(mean: xr.Dataset) -> dict[str, list[float]]:
    """Return the part of each species in each layer, of what is in the layers."""
    found = {}
    for name in fields.emissions(mean):
        mass = (mean[name] * mean["cell_area"]).sum([d for d in mean[name].dims if d != "height"]).values
        found[str(mean[name].attrs["species"])] = (mass / mass.sum() if mass.sum() > 0 else mass).tolist()
    return found


def _same(annual: list[dict[str, Any]], hours: list[dict[str, Any]]) -> None:
    """Hold the mass that goes into the hours against that on the grid."""
    for one, other in zip(annual, hours, strict=True):
        if abs(one["out"] - other["in"]) > 1e-11 * abs(one["out"]):
            raise InputError(f"the hours of {one['species']} began with another mass than lies on the grid",
                             found=f"{other['in']:.12g} kg", need=f"{one['out']:.12g} kg")  # fmt: skip


def lines(found: dict[str, Any]) -> list[str]:
    """Return what the terminal shows of grid and hours."""
    if not found:
        return []
    n = found["sources"]
    text = [f"Grid: {n['placed']:,} sources placed, {n['spread']:,} spread over their regions, {n['outside']:,} "
            f"outside, {n['without_position']:,} withheld (no position, or memo)"]  # fmt: skip
    if found["misplaced"]:
        sea = sum(one["found"] == "at sea" for one in found["misplaced"])
        text.append(f"Positions: {sea} sources at sea, {len(found['misplaced']) - sea} in another region than theirs "
                    "(positions.csv)")  # fmt: skip
    text += [f"Layers: {note}" for note in found.get("layer_notes", [])]
    for step, words in LEDGERS.items():
        if found.get(step):
            text.append(f"Ledger of {words} (kg):")
        text += [f"  {r['species']:<13}in {r['in']:.9g} = out {r['out']:.9g} + outside {r['outside']:.6g} + withheld "
                 f"{r['withheld']:.6g}, residual {r['residual']:.1e}" for r in found.get(step, [])]  # fmt: skip
    if found["other_clock"]:
        text.append(f"Note: {found['other_clock']} sources share a cell with greater ones of another time zone")
    return text + found["notes"]
