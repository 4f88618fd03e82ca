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
from benchmarks.fuzz_targets import Reader, Target, text


def _gone(folder: str) -> dict[str, bytes]:
    """Return the files of a folder, and take it away."""
    found = {p.name: p.read_bytes() for p in sorted(Path(folder).iterdir())}
    shutil.rmtree(folder)
    return found


ACTIVITY = "id,region,sector,fuel,TJ\np1,A,1A1a,烟煤,1000\np2,B,1A1a,天然气,500\n"


@functools.cache
def _inventory() -> dict[str, bytes]:
    """Return the tables that a build writes of two sources."""
    from ghg.core.config import load_dict
    from inventories.compile.config import InventoryJob
    from inventories.compile.job import run
    from inventories.compile.rows_table import write_rows_table

    with tempfile.TemporaryDirectory() as base:
        (Path(base) / "t.csv").write_text(ACTIVITY, encoding="utf-8")
        table = {"name": "t", "file": "t.csv", "source": "id", "region": {"column": "region"},
                 "sector": {"column": "sector"}, "fuel": {"column": "fuel"}, "basis": "net",
                 "amount": [{"column": "TJ", "u": 0.02, "unit": "TJ"}], "method": "ipcc2006-tier1"}  # fmt: skip
        ds = run(
            load_dict({"year": 2021, "species": ["CO2", "CH4"], "activity": [table]}, InventoryJob), base=Path(base)
        )
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


def _one_of(files: Callable[[], dict[str, bytes]], name: str, read: Reader, label: str) -> Target:
    """Return the target of one file that others stand beside."""
    kinds = damage.JSON if name.endswith((".json", ".sig")) else damage.TEXT
    return Target(label, lambda: [(name, files()[name])], read, kinds,
                  lambda: {other: data for other, data in files().items() if other != name})  # fmt: skip


OWN_TARGETS = [
    _one_of(_inventory, "inventory.csv", _read_inventory, "inventory rows"),
    _one_of(_inventory, "inventory_shared.csv", _read_inventory, "inventory shared"),
    _one_of(_inventory, "inventory.json", _read_inventory, "inventory about"),
    _one_of(_report, "manifest.json", _verify, "report manifest"),
    _one_of(_report, "result.json", _verify, "report result"),
    _one_of(_report, "manifest.json.sig", _verify, "report signature"),
    _one_of(_report, "public.pem", _verify, "report key"),
    Target("footprints packed", _store, _open_store, damage.BINARY),
    Target("lines geojson", text("l.geojson", LINES), _lines, damage.JSON),
    Target("profiles of heights", text("v.csv", "GNFR,20m,92m,184m\nA,0.2,0.3,0.5\nB,1,0,0\n"), _vertical),
]  # fmt: skip
