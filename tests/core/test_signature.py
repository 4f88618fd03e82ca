"""Signatures: a forger who recomputes every digest is found, and so is every other way to get one wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from ghg.core import netcdf, signature
from ghg.core.errors import InputError
from ghg.core.provenance import Record, verify, write_manifest
from ghg.core.time import bounds_variable, period_bounds
from ghg.core.variables import attributes
from tests.terminal import inside


def series(scale: float = 1.0) -> xr.Dataset:
    bounds = period_bounds("2024-01-01", "2024-01-03", "hour", "UTC")
    rate = scale * np.linspace(1.0, 2.0, len(bounds))[None]
    times = bounds_variable(bounds)
    ds = xr.Dataset({"time_bounds": times}, coords={"time": times.time}).assign(
        emission=(("source", "time"), rate, attributes("emission"))
    )
    ds.attrs = {"title": "Emission", "summary": "Hours", "source": "simulated"}
    return ds.assign_coords(source=("source", np.array(["1"])))


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return signature.new_key(tmp_path / "agency.pem")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    folder = tmp_path / "report"
    folder.mkdir()
    netcdf.write(series(), folder / "measured.nc", record=Record("test", {}))
    (folder / "report.html").write_text("<p>1.5 kg s-1</p>")
    write_manifest(folder)
    return folder


def kinds(path: Path, key: Path) -> set[str]:
    return {p.kind for p in verify(path, key=key).problems if p.fatal}


def test_the_private_key_is_private(keys: tuple[Path, Path]) -> None:
    private, public = keys
    assert private.stat().st_mode & 0o077 == 0
    assert "PRIVATE" in private.read_text() and "PUBLIC" in public.read_text()
    with pytest.raises(InputError, match="exists"):
        signature.new_key(private)


def test_file_and_folder_are_signed_and_accepted(keys: tuple[Path, Path], report: Path) -> None:
    private, public = keys
    signature.sign(report, private)
    signature.sign(report / "measured.nc", private)
    for target in (report, report / "measured.nc"):
        found = verify(target, key=public)
        assert found.ok and len(found.signed) == 1 and not found.problems, found.text()


def test_other_compression_leaves_the_signature_sound(keys: tuple[Path, Path], report: Path, tmp_path: Path) -> None:
    private, public = keys
    place = signature.sign(report / "measured.nc", private)
    with netCDF4.Dataset(report / "measured.nc") as old, netCDF4.Dataset(tmp_path / "measured.nc", "w") as new:
        new.setncatts({k: old.getncattr(k) for k in old.ncattrs()})
        for name, dimension in old.dimensions.items():
            new.createDimension(name, len(dimension))
        for name, variable in old.variables.items():
            fill = getattr(variable, "_FillValue", None)
            made = new.createVariable(name, variable.dtype, variable.dimensions, fill_value=fill)
            made.setncatts({k: variable.getncattr(k) for k in variable.ncattrs() if k != "_FillValue"})
            made.set_auto_maskandscale(False)
            variable.set_auto_maskandscale(False)
            made[...] = variable[...]
    shutil.copy(place, tmp_path / place.name)
    assert kinds(tmp_path / "measured.nc", public) == set()


def test_a_forger_who_recomputes_all_digests_is_found(keys: tuple[Path, Path], report: Path) -> None:
    private, public = keys
    signature.sign(report, private)
    signature.sign(report / "measured.nc", private)
    netcdf.write(series(1.05), report / "measured.nc", record=Record("test", {}), force=True)
    write_manifest(report)
    assert verify(report).ok  # without the key nothing shows
    assert kinds(report, public) == {"changed_since_signed"}
    assert kinds(report / "measured.nc", public) == {"changed_since_signed"}


def test_the_wrong_key_an_edited_statement_and_a_moved_signature(keys: tuple[Path, Path], report: Path,
                                                                 tmp_path: Path) -> None:  # fmt: skip
    private, public = keys
    place = signature.sign(report / "measured.nc", private)
    other = signature.new_key(tmp_path / "other.pem")[1]
    assert kinds(report / "measured.nc", other) == {"bad_signature"}
    document = json.loads(place.read_text())
    document["statement"]["signed_at"] = "2020-01-01T00:00:00Z"
    place.write_text(json.dumps(document))
    assert kinds(report / "measured.nc", public) == {"bad_signature"}
    place.write_text("{}")
    assert kinds(report / "measured.nc", public) == {"bad_signature"}
    place.unlink()
    assert kinds(report / "measured.nc", public) == {"no_signature"}
    netcdf.write(series(), report / "copy.nc", record=Record("test", {}))
    signature.sign(report / "copy.nc", private).rename(place)
    assert kinds(report / "measured.nc", public) == {"bad_signature"}


def test_what_was_changed_is_not_signed(keys: tuple[Path, Path], report: Path) -> None:
    (report / "report.html").write_text("<p>1.4 kg s-1</p>")
    with pytest.raises(InputError, match="what was changed is not signed"):
        signature.sign(report, keys[0])
    assert not (report / "manifest.json.sig").exists()


def test_at_the_terminal(report: Path, tmp_path: Path) -> None:
    key = tmp_path / "k.pem"
    assert inside("sign", "--new-key", key, report).returncode == 0
    run = inside("verify", report, "--key", f"{key}.pub")
    assert run.returncode == 0 and "signature: manifest.json, signed" in run.stdout
    (report / "report.html").write_text("forged")
    write_manifest(report)
    run = inside("verify", report, "--key", f"{key}.pub")
    assert run.returncode == 3 and "not what was signed" in run.stdout
    for arguments, words in (
        (("sign", report), "no key to sign with"),
        (("sign", report, "--key", f"{key}.pub"), "no private Ed25519 key"),
        (("verify", report, "--key", key), "no public Ed25519 key"),
        (("sign", "--key", key), "nothing to sign"),
        (("sign", report / "report.html", "--key", key), "cannot be signed"),
        (("sign", tmp_path, "--key", key), "no manifest"),
    ):
        run = inside(*arguments)
        assert run.returncode == 2 and words in run.stderr, run.stderr
