"""Files of our own, and small ones that users write, as targets for damage: tables of an inventory, report folders with
manifest and signature, packed footprints, lines, profiles of heights. See :mod:`benchmarks.fuzz_targets`."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import fuzz_mutations as damage
from benchmarks.fuzz_binary import NETCDF, saved
from benchmarks.fuzz_targets import Reader, Target, text


def _gone(folder: str) -> dict[str, bytes]:
    """Return the files of a folder, and take it away."""
    found = {p.name: p.read_bytes() for p in sorted(Path(folder).iterdir())}
    shutil.rmtree(folder)
    return found


ACTIVITY = "id,region,sector,fuel,TJ\np1,A,1A1a,烟煤,1000\np2,B,1A1a,天然气,500\n"


def _build(path: Path) -> Any:
    """Compile an inventory from a table of activities."""
    from ghg.core.config import load_dict
    from inventories.compile.config import InventoryJob
    from inventories.compile.job import run

    table = {"name": "t", "file": path.name, "source": "id", "region": {"column": "region"},
             "sector": {"column": "sector"}, "fuel": {"column": "fuel"}, "basis": "net",
             "amount": [{"column": "TJ", "u": 0.02, "unit": "TJ"}], "method": "ipcc2006-tier1"}  # fmt: skip
    job = load_dict({"year": 2021, "species": ["CO2", "CH4"], "activity": [table]}, InventoryJob)
    return run(job, base=path.parent)


@functools.cache
def _inventory() -> dict[str, bytes]:
    """Return the tables that a build writes of two sources."""
    from inventories.compile.rows_table import write_rows_table

    with tempfile.TemporaryDirectory() as base:
        (Path(base) / "t.csv").write_text(ACTIVITY, encoding="utf-8")
        ds = _build(Path(base) / "t.csv")
    folder = tempfile.mkdtemp()
    write_rows_table(ds, None, Path(folder))
    return _gone(folder)


def _read_inventory(path: Path) -> Any:
    from inventories.compile.rows_table import read_rows_table

    return read_rows_table(path.with_name("inventory.csv"))


@functools.cache
def _report() -> dict[str, bytes]:
    """Return a report folder with a page, a result, its manifest, a signature and the public key."""
    from ghg.core.provenance import Record, write_manifest
    from ghg.core.signature import new_key, sign

    folder = tempfile.mkdtemp()
    base = Path(folder)
    (base / "input.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    record = Record("facility compare", command=["ghg"])
    record.use(base / "input.csv", "stack records")
    (base / "report.html").write_text("<p>1</p>\n", encoding="utf-8")
    result = {"verdict": "equivalent", "provenance": record.as_dict(base / "result.json")}
    (base / "result.json").write_text(json.dumps(result), encoding="utf-8")
    write_manifest(base)
    with tempfile.TemporaryDirectory() as keys:
        secret, public = new_key(Path(keys) / "key.pem")
        sign(base, secret)
        (base / "public.pem").write_bytes(public.read_bytes())
    return _gone(folder)


def _verify(path: Path) -> Any:
    from ghg.core.provenance import verify

    return verify(path.parent, key=path.with_name("public.pem"))


def _store() -> list[tuple[str, bytes]]:
    from inversion.footprints import Footprints, Piece
    from inversion.store import pack

    rng = np.random.default_rng(1)
    hours = np.datetime64("2019-01-01T00", "ns") + np.arange(3) * np.timedelta64(3600, "s")
    values = np.where(rng.random((3, 4, 5)) < 0.5, rng.random((3, 4, 5)), 0.0)
    one = Footprints("A", hours, 3600.0, np.arange(4.0), np.arange(5.0), lambda rows: Piece(values[rows]))
    with tempfile.TemporaryDirectory() as folder:
        pack([one], Path(folder) / "f.ghgfp")
        return [("f.ghgfp", (Path(folder) / "f.ghgfp").read_bytes())]


def _open_store(path: Path) -> Any:
    from inversion.store import open_store

    return open_store(path, verify=True)


def ours(make: Callable[[], Any]) -> Callable[[], list[tuple[str, bytes]]]:
    """Return a Dataset as a file of ours."""

    @functools.cache
    def seeds() -> list[tuple[str, bytes]]:
        from ghg.core.netcdf import write
        from ghg.core.provenance import Record

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.nc"
            write(make().assign_attrs(title="t", summary="s"), path, record=Record("ghg", None))
            return [("x.nc", path.read_bytes())]

    return seeds


def _gridded() -> Any:
    """Return emissions of two months on a grid, with their cells' edges."""
    import xarray as xr

    values = np.random.default_rng(1).random((2, 3, 4)) * 1e-9
    lat, lon = np.array([50.0, 51.0, 52.0]), np.array([4.0, 5.0, 6.0, 7.0])
    time = np.array(["2021-01-01", "2021-02-01", "2021-03-01"], "datetime64[ns]")
    units = {"units": "kg m-2 s-1"}
    return xr.Dataset(
        {"emission_CO2": (("time", "lat", "lon"), values, units), "people": (("lat", "lon"), values[0] * 1e9),
         "time_bounds": (("time", "bounds"), np.stack([time[:-1], time[1:]], axis=1)),
         "lat_bounds": (("lat", "bounds"), np.stack([lat - 0.5, lat + 0.5], axis=1))},
        {"time": ("time", time[:-1], {"bounds": "time_bounds"}),
         "lat": ("lat", lat, {"units": "degrees_north", "standard_name": "latitude", "bounds": "lat_bounds"}),
         "lon": ("lon", lon, {"units": "degrees_east", "standard_name": "longitude"})})  # fmt: skip


@functools.cache
def _grids() -> list[tuple[str, bytes]]:
    """Return a file of ours, and one of another hand."""
    plain = saved(lambda: _gridded().drop_vars("time_bounds"), "plain.nc")
    return [*ours(_gridded)(), *plain()]


def _fields(path: Path) -> None:
    """Read a file as emissions to be regridded, as a proxy, and as a prior of an inversion."""
    from ghg.core.errors import InputError
    from inventories.grid.grids import LonLat
    from inventories.grid.regions import field_density
    from inventories.grid.regrid import regrid
    from inventories.jobs.gridded import read_gridded
    from inversion.fields import in_units, open_variable

    grid = LonLat(np.linspace(4.0, 7.0, 3), np.linspace(50.0, 52.0, 3))
    refused = None
    for read in (
        lambda: regrid(read_gridded(path), grid),
        lambda: field_density(path, "people", grid),
        lambda: in_units(open_variable(path, "emission_CO2", "prior", None, "prior"), "kg m-2 s-1", "prior"),
    ):
        try:
            read()
        except InputError as error:
            refused = refused or error
    if refused is not None:
        raise refused


def _triangles() -> Any:
    import xarray as xr

    corners = np.radians([[[4.0, 50.0], [5.0, 50.0], [4.0, 51.0]], [[5.0, 50.0], [5.0, 51.0], [4.0, 51.0]]])
    radian = {"units": "radian"}
    return xr.Dataset({"clon": ("cell", corners[:, :, 0].mean(axis=1), radian),
                       "clat": ("cell", corners[:, :, 1].mean(axis=1), radian),
                       "clon_vertices": (("cell", "nv"), corners[:, :, 0], radian),
                       "clat_vertices": (("cell", "nv"), corners[:, :, 1], radian)},
                      attrs={"uuidOfHGrid": "a-b"})  # fmt: skip


def _icon(path: Path) -> Any:
    from inventories.export.icon import icon_grid

    return icon_grid(path)


def _station() -> Any:
    """Return a calibrated gas of hours, as a stack takes it from a station."""
    import xarray as xr

    time = np.datetime64("2024-01-01T00", "ns") + np.arange(7) * np.timedelta64(3600, "s")
    gas = (("inlet", "time"), np.full((1, 6), 120000.0), {"units": "umol mol-1", "humidity": "dry"})
    return xr.Dataset({"co2": gas, "co2_u_random": (gas[0], np.full((1, 6), 5.0), {"units": "umol mol-1"}),
                       "co2_flag": (gas[0], np.ones((1, 6), np.int8)),
                       "time_bounds": (("time", "bounds"), np.stack([time[:-1], time[1:]], axis=1))},
                      {"time": ("time", time[:-1], {"bounds": "time_bounds"}), "inlet": ["top"]})  # fmt: skip


def _stack_of_station(path: Path) -> Any:
    from sensors.config import NetcdfReader
    from sensors.readers import read

    state = {"temperature": "0 degC", "humidity": "dry"}
    channels = {"format": "table", "files": ["flow.csv"],
                "columns": {"flow": {"column": "q", "units": "m3/s", "state": state}},
                "time": {"column": "t", "timezone": "UTC", "label": "start", "interval": 3600.0}}  # fmt: skip
    reader = {"format": "netcdf", "files": [path.name], "channels": channels}
    return read(NetcdfReader.model_validate(reader), base=path.parent)


FLOW = "t,q\n" + "".join(f"2024-01-01 0{h}:00,20\n" for h in range(6))


def _totals() -> Any:
    import xarray as xr

    k = np.array([3.0, 4.0])
    edges = np.array([["2019-01-01", "2020-01-01"]] * 2, "datetime64[ns]")
    units = {"units": "kg s-1"}
    return xr.Dataset({"flux_total": ("row", k, units), "flux_total_prior": ("row", k + 1, units),
                       "flux_total_covariance": (("row", "row_2"), np.diag(k), {"units": "kg2 s-2"}),
                       "flux_total_prior_covariance": (("row", "row_2"), np.diag(2 * k), {"units": "kg2 s-2"}),
                       "group": ("row", np.array(["all", "all"])), "region": ("row", np.array(["A", "B"])),
                       "period_start": ("row", edges[:, 0]), "period_end": ("row", edges[:, 1])},
                      attrs={"species": "CH4"})  # fmt: skip


def _balance(path: Path) -> Any:
    from ghg.balance.config import BalanceJob
    from ghg.balance.job import run

    table = {"file": "b.csv", "region": "region", "value": "kt", "uncertainty": "u", "units": "kt"}
    return run(
        BalanceJob.model_validate({"posterior": path.name, "group": "all", "inventory": table}), base=path.parent
    )


def _surface(path: Path) -> Any:
    from inversion.fields import in_units, open_variable

    return in_units(open_variable(path, "emission_CO2", "prior", None, "prior"), "kg m-2 s-1", "prior")


LINES = json.dumps({"type": "FeatureCollection", "features": [
    {"type": "Feature", "properties": {"adt": 1200}, "geometry": {"type": kind, "coordinates": place}}
    for kind, place in (("LineString", [[5.0, 50.0], [5.5, 50.2], [6.0, 50.1]]),
                        ("MultiLineString", [[[5.1, 50.1], [5.2, 50.4]], [[5.3, 50.3], [5.4, 50.6]]]))]})  # fmt: skip


def _lines(path: Path) -> Any:
    from inventories.grid.lines import read_lines

    return read_lines(path, "adt")


def _vertical(path: Path) -> Any:
    from inventories.vertical.layers import read_vertical

    return read_vertical(path)


PLANTS = "plant,measured,accounted,heat\nA,1000,1010,9900\nB,2000,1900,21000\nC,500,505,\n"


def _screened(path: Path) -> Any:
    from ghg.facility.screen import ScreenJob, screen

    sides = {side: {"column": side, "unit": "t", "u": "3 %"} for side in ("measured", "accounted")}
    given = {"file": path.name, "name": "plant", **sides, "heat_input": {"column": "heat", "unit": "GJ"}}
    return screen(ScreenJob.model_validate(given), path.parent)


SPECIES = "species,sector,to,share,mole_share,molar_mass\nNOx,,no,,0.9,30\nNOx,,no2,,0.1,46\nNMVOC,A,par,0.7,,\n"


def _speciation(path: Path) -> Any:
    from inventories.speciation import read_speciation

    return read_speciation(path)


def _one_of(files: Callable[[], dict[str, bytes]], name: str, read: Reader, label: str) -> Target:
    """Return the target of one file that others stand beside."""
    kinds = damage.JSON if name.endswith((".json", ".sig")) else damage.TEXT
    return Target(label, lambda: [(name, files()[name])], read, kinds,
                  lambda: {other: data for other, data in files().items() if other != name})  # fmt: skip


OWN_TARGETS = [
    Target("activity table", text("t.csv", ACTIVITY), _build),
    Target("plants screened", text("p.csv", PLANTS), _screened),
    Target("speciation", text("s.csv", SPECIES), _speciation),
    _one_of(_inventory, "inventory.csv", _read_inventory, "inventory rows"),
    _one_of(_inventory, "inventory_shared.csv", _read_inventory, "inventory shared"),
    _one_of(_inventory, "inventory.json", _read_inventory, "inventory about"),
    _one_of(_report, "manifest.json", _verify, "report manifest"),
    _one_of(_report, "result.json", _verify, "report result"),
    _one_of(_report, "manifest.json.sig", _verify, "report signature"),
    _one_of(_report, "public.pem", _verify, "report key"),
    Target("footprints packed", _store, _open_store, damage.BINARY),
    Target("grid icon", saved(_triangles), _icon, NETCDF),
    Target("lines geojson", text("l.geojson", LINES), _lines, damage.JSON),
    Target("profiles of heights", text("v.csv", "GNFR,20m,92m,184m\nA,0.2,0.3,0.5\nB,1,0,0\n"), _vertical),
]  # fmt: skip
# What NetCDF is taken for behind `ours read`
BEHIND = [
    Target("gridded emissions", _grids, _fields, NETCDF),
    Target("stack of a station", ours(_station), _stack_of_station, NETCDF, lambda: {"flow.csv": FLOW.encode()}),
    Target("totals nc", ours(_totals), _balance, NETCDF,
           lambda: {"b.csv": b"region,kt,u\nA,90,10\nB,120,20\n"}),
]  # fmt: skip
