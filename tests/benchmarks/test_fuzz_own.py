"""What damaged files of our own kinds once did, each said in one sentence now."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from benchmarks.fuzz_own import BEHIND, OWN_TARGETS
from ghg.core.errors import GhgError, InputError
from ghg.core.provenance import verify

TARGETS = {target.name: target for target in (*OWN_TARGETS, *BEHIND)}


def laid(name: str, folder: Path) -> Path:
    """Write the valid file of a target with what stands beside it."""
    target = TARGETS[name]
    for other, data in target.beside().items():
        (folder / other).write_bytes(data)
    file, data = target.seeds()[0]
    (folder / file).write_bytes(data)
    target.read(folder / file)
    return folder / file


def refused(name: str, path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match):
        TARGETS[name].read(path)


@pytest.mark.parametrize("about", [{"species": 1}, {"slots": 10**9}, {"taxonomy": None, "year": "x"}])
def test_what_is_said_of_an_inventory_may_be_anything(about: dict[str, Any], tmp_path: Path) -> None:
    path = laid("inventory about", tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | about), encoding="utf-8")
    refused("inventory about", path, "this is no table of a compilation")


@pytest.mark.parametrize("entity", [[1], "x", {"ghg:input1": {"ghg:sha256": "0", "ghg:path": "a" * 5000}}])
def test_a_result_may_name_anything_as_its_input(entity: Any, tmp_path: Path) -> None:
    path = laid("report result", tmp_path)
    path.write_text(json.dumps({"provenance": {"entity": entity}}), encoding="utf-8")
    assert "changed_file" in {problem.kind for problem in verify(tmp_path).problems}


def test_a_key_of_another_kind(tmp_path: Path) -> None:
    path = laid("report key", tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1].replace("MCowBQYDK2Vw", "MCowBQYDK2Zw"), *lines[2:]]) + "\n")
    refused("report key", path, "this is no public Ed25519 key")


@pytest.mark.parametrize(
    "change", [lambda h: h.pop("arrays"), lambda h: h.update(sites=3), lambda h: h["arrays"].pop("lag")]
)
def test_a_packed_store_whose_header_lost_something(change: Callable[[Any], Any], tmp_path: Path) -> None:
    path = laid("footprints packed", tmp_path)
    data = path.read_bytes()
    length = int.from_bytes(data[8:16], "little")
    header = json.loads(data[16 : 16 + length])
    change(header)
    path.write_bytes(data[:16] + json.dumps(header).encode().ljust(length) + data[16 + length :])
    refused("footprints packed", path, "damaged or cut off")
    header = json.loads(data[16 : 16 + length])
    del header["sha256"]
    path.write_bytes(data[:16] + json.dumps(header).encode().ljust(length) + data[16 + length :])
    refused("footprints packed", path, "changed after it was written")


def test_profiles_of_heights_in_another_encoding(tmp_path: Path) -> None:
    path = laid("profiles of heights", tmp_path)
    path.write_bytes("GNFR,20m\n能源,1\n".encode("gb18030"))
    refused("profiles of heights", path, "not UTF-8")


def _without(name: str, dim: str) -> Callable[[Any], None]:
    """Return a change that takes a dimension from a variable, by another of its name."""

    def change(nc: Any) -> None:
        values = nc[name][:]
        dims = nc[name].dimensions
        nc.renameVariable(name, "old")
        made = nc.createVariable(name, values.dtype, dims[1:] if dim == dims[0] else dims[:1])
        made[...] = values[0] if dim == dims[0] else values[:, 0]

    return change


def _fill(name: str, value: float) -> Callable[[Any], None]:
    def change(nc: Any) -> None:
        nc[name][...] = np.full(nc[name].shape, value)

    return change


@pytest.mark.parametrize(
    ("name", "change", "match"),
    [
        ("gridded emissions", _without("lat_bounds", "bounds"), "not two for each"),
        ("gridded emissions", _without("time_bounds", "bounds"), "bounds of the time steps are not two times"),
        ("gridded emissions", _fill("emission_CO2", 1e300), "too great for any unit"),
        ("grid icon", _without("clon_vertices", "nv"), "do not belong together"),
        ("grid icon", _fill("clat", np.inf), "has no place"),
        ("stack of a station", _without("time_bounds", "bounds"), "must be the starts and ends"),
        ("totals nc", _without("flux_total_covariance", "row"), "do not belong together"),
        ("totals nc", lambda nc: nc.renameVariable("period_end", "x"), "this is no file of totals"),
    ],
)
def test_netcdf_whose_parts_do_not_fit(name: str, change: Callable[[Any], None], match: str, tmp_path: Path) -> None:
    path = laid(name, tmp_path)
    with netCDF4.Dataset(path, "a") as nc:
        nc.set_auto_maskandscale(False)
        change(nc)
    with pytest.raises(GhgError, match=match):
        TARGETS[name].read(path)


def test_plants_apart_by_more_than_a_number_holds(tmp_path: Path) -> None:
    path = laid("plants screened", tmp_path)
    path.write_text("plant,measured,accounted,heat\nA,1e-300,1e300,1\nB,1,1,1\n")
    plants, _ = TARGETS["plants screened"].read(path)
    assert plants[0].name == "A" and plants[0].z < -1000.0
