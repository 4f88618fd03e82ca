"""Readers of NetCDF, HDF5, workbooks and shapefiles as targets for damaged files."""

from __future__ import annotations

import importlib
import io
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import fuzz_mutations as damage
from benchmarks.fuzz_targets import SHARED, TABLE, Target, read_stack_table, workbook
from ghg.core.errors import InputError
from ghg.core.patience import opening

Rng = np.random.Generator
UNITS: tuple[Any, ...] = ("", "kg", "furlong", "1", "%", "Nm3", 7, "days since never", "seconds since 1970-01-01",
                          "hours since 9999-01-01", "\u00ff")  # fmt: skip


def netcdf(data: bytes, rng: Rng) -> bytes:
    """Write a NetCDF file again with something else in it: attributes, variables, dimensions, values."""
    import netCDF4

    try:
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            paths = Path(folder) / "old.nc", Path(folder) / "new.nc"
            paths[0].write_bytes(data)
            with opening(paths[0]), netCDF4.Dataset(paths[0]) as old, netCDF4.Dataset(paths[1], "w") as new:
                old.set_auto_maskandscale(False)
                _copy(old, new, rng)
            return paths[1].read_bytes()
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError, LookupError, MemoryError, InputError):
        return damage.head_flip(data, rng)


def _copy(old: Any, new: Any, rng: Rng) -> None:
    names, kind = list(old.variables), int(rng.integers(8))
    chosen = names[int(rng.integers(len(names)))]
    for name, dim in old.dimensions.items():
        new.createDimension(name, max(1, len(dim)))
    attrs = {k: old.getncattr(k) for k in old.ncattrs()}
    if kind == 0 and attrs:
        attrs.pop(list(attrs)[int(rng.integers(len(attrs)))])
    elif kind == 1 and attrs:
        attrs[list(attrs)[int(rng.integers(len(attrs)))]] = UNITS[int(rng.integers(len(UNITS)))]
    new.setncatts(attrs)
    for name in names:
        given = old.variables[name]
        if name == chosen and kind == 2:
            continue
        dims, values, dtype = given.dimensions, given[:], given.dtype
        about = {k: given.getncattr(k) for k in given.ncattrs() if k != "_FillValue"}
        if name == chosen:
            dims, values, dtype, about = _changed(kind, dims, values, dtype, about, rng)
        label = f"{name}_x" if name == chosen and kind == 7 else name
        made = new.createVariable(label, dtype, dims)
        made.set_auto_maskandscale(False)
        made.setncatts(about)
        if np.size(values):
            made[...] = values


def _changed(kind: int, dims: Any, values: Any, dtype: Any, about: Any, rng: Rng) -> tuple[Any, Any, Any, Any]:
    """Return a variable with another attribute, other values, another type, or a dimension less."""
    if kind == 3 and about:
        key = list(about)[int(rng.integers(len(about)))]
        if rng.random() < 0.4:
            del about[key]
        else:
            about[key] = UNITS[int(rng.integers(len(UNITS)))]
    elif kind in (4, 5) and np.issubdtype(np.asarray(values).dtype, np.number):
        odd = (np.nan, np.inf, -np.inf, 1e300, -1e300, -1, 0, 1e18)
        values = np.array(values, np.float64)
        where = rng.random(values.shape) < (1.0 if kind == 4 else 0.1)
        values = np.where(where, odd[int(rng.integers(len(odd)))], values)
        dtype = np.dtype(np.float64)
    elif kind == 6 and len(dims) > 0 and dtype is not str:
        dims, values = dims[1:], values[0]
    return dims, values, dtype, about


NETCDF: tuple[damage.Damage, ...] = (netcdf, netcdf, netcdf, *damage.BINARY)


def saved(make: Callable[[], Any], name: str = "x.nc") -> Callable[[], list[tuple[str, bytes]]]:
    """Return a Dataset as a file."""

    @cache
    def seeds() -> list[tuple[str, bytes]]:
        with tempfile.TemporaryDirectory() as folder:
            make().to_netcdf(Path(folder) / name)
            return [(name, (Path(folder) / name).read_bytes())]

    return seeds


def real(path: str, *first: tuple[str, int]) -> Callable[[], list[tuple[str, bytes]]]:
    """Return a real file, its dimensions cut to the first few."""

    def make() -> Any:
        import xarray as xr

        with xr.open_dataset(SHARED / path, decode_times=False, decode_cf=False) as ds:
            small = ds.isel({d: slice(0, n) for d, n in first if d in ds.dims}).load()
        for variable in small.variables.values():
            variable.encoding = {}
        return small

    return saved(make, Path(path).name)


def _footprints(kind: str, **options: Any) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        from inversion.readers import read_footprints

        return read_footprints(path, format=kind, **options).read([0])

    return read


def _residence(model: str) -> Callable[[], Any]:
    """Return native output as FLEXPART and HYSPLIT write it."""

    def make() -> Any:
        import xarray as xr

        lat, lon = np.array([50.0, 51.0, 52.0]), np.array([0.0, 1.0, 2.0, 3.0])
        values = np.random.default_rng(1).random((1, 2, 4, 1, 3, 4))
        if model == "hysplit":
            time = np.datetime64("2019-01-01T00:00", "ns") + np.arange(4) * np.timedelta64(1, "h")
            return xr.Dataset({"foot": (("time", "lat", "lon"), values[0, 0, :, 0], {"units": "s m3 kg-1"})},
                              {"time": time, "lat": lat, "lon": lon})  # fmt: skip
        time = np.datetime64("2019-01-01T23:00", "ns") - np.arange(4) * np.timedelta64(1, "h")
        dims, ends = ("nageclass", "pointspec", "time", "height", "latitude", "longitude"), np.array([0, -3600])
        ds = xr.Dataset({"spec001_mr": (dims, values, {"units": "s m3 kg-1"}), "RELSTART": ("pointspec", ends),
                         "RELEND": ("pointspec", ends)},
                        {"time": time, "height": [100.0], "latitude": lat, "longitude": lon})  # fmt: skip
        return ds.assign_attrs(iedate="20190102", ietime="000000")

    return make


def _stilt() -> Any:
    import xarray as xr

    time = np.datetime64("2019-01-01T00:00", "ns") - np.arange(1, 5) * np.timedelta64(1, "h")
    values = np.random.default_rng(1).random((4, 3, 4))
    return xr.Dataset({"foot": (("time", "lat", "lon"), values, {"units": "ppm (umol-1 m2 s)"})},
                      {"time": time, "lat": [50.0, 51.0, 52.0], "lon": [0.0, 1.0, 2.0, 3.0]})  # fmt: skip


def _made_flux() -> Any:
    import xarray as xr

    values = np.random.default_rng(1).random((2, 3, 4)) * 1e-8
    return xr.Dataset({"flux": (("time", "lat", "lon"), values, {"units": "mol m-2 s-1"})},
                      {"time": np.array(["2019-01-01", "2019-02-01"], "datetime64[ns]"), "lat": [50.0, 51.0, 52.0],
                       "lon": [0.0, 1.0, 2.0, 3.0]})  # fmt: skip


def _ours() -> list[tuple[str, bytes]]:
    """Return a file of ours: the emission of a stack as it is written."""
    from ghg.core.netcdf import write
    from ghg.core.provenance import Record

    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "t.csv", Path(folder) / "x.nc"
        path.write_text("t,e\n" + "".join(f"2024-01-01 0{h}:00,{h + 1}\n" for h in range(6)))
        from sensors.config import TableReader
        from sensors.readers import read

        ds = read(TableReader.model_validate({
            "format": "table", "files": str(path), "columns": {"emission": {"column": "e", "units": "t"}},
            "time": {"column": "t", "timezone": "UTC", "label": "start"}}))  # fmt: skip
        write(ds, out, record=Record("ghg sensors emission", None))
        return [("x.nc", out.read_bytes())]


def _netcdf_reader(path: Path) -> Any:
    from sensors.config import NetcdfReader
    from sensors.readers import read

    return read(NetcdfReader.model_validate({"format": "netcdf", "files": [str(path)]}))


def _verify(path: Path) -> Any:
    from ghg.core.errors import AnswerNo
    from ghg.core.provenance import verify

    try:
        return verify(path)
    except AnswerNo:
        return None


def imported(place: str) -> Callable[[Path], Any]:
    """Return a reader that is imported when it is called."""
    module, _, name = place.rpartition(".")
    return lambda path: getattr(importlib.import_module(module), name)(path)


def _neon(path: Path) -> Any:
    from sensors.readers.neon import read

    return read([path], ["co2"])


def _plain(path: str) -> Callable[[], list[tuple[str, bytes]]]:
    return lambda: [(Path(path).name, (SHARED / path).read_bytes())]


def _shape_parts() -> dict[str, bytes]:
    """Return a shapefile of two squares."""

    def record(number: int, west: float) -> bytes:
        ring = [(west, 0.0), (west, 2.0), (west + 2.0, 2.0), (west + 2.0, 0.0), (west, 0.0)]
        body = struct.pack("<i4d2ii", 5, west, 0.0, west + 2.0, 2.0, 1, len(ring), 0)
        body += b"".join(struct.pack("<2d", *point) for point in ring)
        return struct.pack(">2i", number, len(body) // 2) + body

    shp = struct.pack(">i20xi", 9994, 0) + struct.pack("<2i8d", 1000, 5, *([0.0] * 8)) + record(1, 0.0) + record(2, 3.0)
    field = b"name".ljust(11, b"\0") + b"C" + bytes(4) + bytes([8, 0]) + bytes(14)
    rows = b"".join(b" " + n.encode().ljust(8) for n in ("a", "b"))
    return {"r.shp": shp, "r.dbf": struct.pack("<4BIHH20x", 3, 124, 1, 1, 2, 65, 9) + field + b"\r" + rows}


def _shapes(path: Path) -> Any:
    from ghg.core.shapes import read_shapes

    return read_shapes(path.with_suffix(".shp"), "name")


def _table_book() -> list[tuple[str, bytes]]:
    rows: list[list[Any]] = [line.split(",") for line in TABLE[0].splitlines()]
    return [("t.xlsx", workbook([rows[0], *([r[0], *map(float, r[1:])] for r in rows[1:])]))]


def _parquet() -> list[tuple[str, bytes]]:
    import pandas as pd

    buffer = io.BytesIO()
    pd.read_csv(io.StringIO(TABLE[0])).to_parquet(buffer)
    return [("t.parquet", buffer.getvalue())]


def _annex1_book() -> list[tuple[str, bytes]]:
    from inventories.readers.annex1 import ACTIVITIES, POLLUTANTS

    rows: list[list[Any]] = [[None] * 3 for _ in range(11)]
    rows[3] = [None, "CH", None]
    rows.append(["GNFR", None, None, *POLLUTANTS, *ACTIVITIES])
    rows.append([None, "NFR Code", "Longname", *(["kt"] * len(POLLUTANTS)), *(["TJ"] * len(ACTIVITIES))])
    rows += [[g, n, "x", *([1.5] * len(POLLUTANTS)), *(["NO"] * len(ACTIVITIES))]
             for g, n in (("A_PublicPower", "1A1a"), ("B_Industry", "1A2a"), ("N_Natural", "11A"))]  # fmt: skip
    rows.append([None, "NATIONAL TOTAL", "x", *([3.0] * len(POLLUTANTS))])
    return [("a.xlsx", workbook(rows, "2021"))]


def _annex1(path: Path) -> Any:
    from inventories.readers.annex1 import read

    return read(path, 2021)


FORMATS, TAC = "inversion/formats/", "inversion/tac_ch4_2019/"
BINARY_TARGETS = [
    Target("ours read", _ours, _netcdf_reader, NETCDF),
    Target("ours verify", _ours, _verify, NETCDF),
    Target("series obspack", real("sensors/noaa/ch4_esp_surface-flask_2_representative.nc", ("obs", 6)),
           imported("sensors.readers.series.read_series"), NETCDF),
    Target("footprints name", real(FORMATS + "TAC-100magl_TEST_201606.nc", ("time", 3)), _footprints("auto"), NETCDF),
    Target("footprints paris", real(FORMATS + "MHD-10magl_FLEXPART_ECMWFHRES_TEST_inert_201809.nc", ("time", 3)),
           _footprints("auto"), NETCDF),
    Target("footprints stilt", saved(_stilt, "201901010000_1_51_10_foot.nc"), _footprints("stilt"), NETCDF),
    Target("footprints flexpart", saved(_residence("flexpart")), _footprints("flexpart"), NETCDF),
    Target("footprints hysplit", saved(_residence("hysplit")),
           _footprints("hysplit", time="2019-01-01T04:00Z", label="left", layer=100.0), NETCDF),
    Target("observations nc", real(TAC + "obs_mhd_ch4_10m_201901.nc", ("time", 20)),
           imported("inversion.readers.read_observations"), NETCDF),
    Target("flux", saved(_made_flux), imported("inversion.readers.read_flux"), NETCDF),
    Target("curtains", real(TAC + "bc_ch4_europe_cams_2019.nc", ("time", 2), ("height", 3), ("lat", 5), ("lon", 6)),
           imported("inversion.readers.read_curtains"), NETCDF),
    Target("regions nc", real(TAC + "country_EUROPE.nc", ("lat", 6), ("lon", 8)),
           imported("inversion.readers.read_regions"), NETCDF),
    Target("grid wrf", _plain("inventories/eixport/wrfinput_d02"),
           imported("inventories.grid.wrf.from_wrfinput"), NETCDF),
    Target("tanks neon", _plain("sensors/neon/NEON.D15.ONAQ.DP4.00200.001.nsae.2020-06-01.basic.packed.h5"), _neon,
           damage.BINARY),
    Target("regions shp", lambda: [("r.shp", _shape_parts()["r.shp"])], _shapes, damage.BINARY,
           lambda: {"r.dbf": _shape_parts()["r.dbf"]}),
    Target("regions dbf", lambda: [("r.dbf", _shape_parts()["r.dbf"])], _shapes, damage.BINARY,
           lambda: {"r.shp": _shape_parts()["r.shp"]}),
    Target("workbook", _table_book, read_stack_table, damage.ARCHIVE),
    Target("workbook annex1", _annex1_book, _annex1, damage.ARCHIVE),
    Target("parquet", _parquet, read_stack_table, damage.BINARY),
]  # fmt: skip
