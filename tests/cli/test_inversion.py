"""``ghg inversion`` and ``ghg balance`` from the terminal, on good files and on bad ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from ghg.core.errors import InputError
from tests.inversion import example
from tests.terminal import Run, inside


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("inversion")
    job = example.write(folder)
    return folder, inside("inversion", "run", job, "-o", folder / "out", "-v")


def test_a_run_writes_fluxes_totals_and_diagnostics(solved: tuple[Path, Run]) -> None:
    folder, run = solved
    assert run.returncode == 0, run.stderr
    assert "TgC/yr" in run.stdout and "sink" in run.stdout and "Reduced chi-square" in run.stdout
    assert "dual" in run.stderr or "primal" in run.stderr  # the plan is told before
    found = json.loads((folder / "out" / "result.json").read_text())
    for row in found["whole"]:
        if row["region"] in ("south", "north"):  # the truth is 1.5 times the prior
            rest = row["posterior_TgC_per_year"] - 1.5 * row["prior_TgC_per_year"]
            assert abs(rest) < 3.5 * row["posterior_u_TgC_per_year"]
            assert row["determined"] > 0.8
            assert row["posterior_TgCO2_per_year"] / row["posterior_TgC_per_year"] == pytest.approx(3.664, rel=1e-3)
            assert row["direction"] == "sink"
    assert {one["site"] for one in found["without_site"]} == {"A", "B"}
    from ghg.core.netcdf import read

    flux, totals = read(folder / "out" / "flux_land.nc"), read(folder / "out" / "totals.nc")
    assert flux["flux"].attrs["units"] == "mol m-2 s-1" and "sink" in flux["flux"].attrs["comment"]
    # the file of maps gives the same totals as the file of totals
    share = xr.open_dataset(folder / "regions.nc")["share"].sel(region="south").values
    from inversion.grid import Grid

    grid = Grid.regular(example.LAT, example.LON)
    rate = (flux["flux"].values[0] * share * grid.area.reshape(6, 8)).sum() * 0.044009
    assert totals["flux_total"].values[0] == pytest.approx(rate, rel=1e-6)
    assert inside("verify", folder / "out" / "flux_land.nc").returncode == 0


def test_check_says_sizes_memory_and_the_adjoint(solved: tuple[Path, Run]) -> None:
    run = inside("inversion", "check", solved[0] / "job.toml")
    assert run.returncode == 0, run.stderr
    assert "360 observations" in run.stdout and "MB" in run.stdout and "Adjoint test" in run.stdout


def test_osse_covers_and_names_the_next_site(solved: tuple[Path, Run]) -> None:
    changes = ["--set", 'osse.candidates=["B"]', "--set", "osse.total=land/north", "--set", "osse.replicates=200"]
    run = inside("inversion", "osse", solved[0] / "job.toml", *changes, "--format", "json", "-q")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert all(0.88 < row["coverage"] <= 1.0 for row in found["totals"])
    assert found["next_sites"][1]["site"] == "B" and found["next_sites"][1]["reduction"] > 0.0


def test_balance_with_an_inventory(solved: tuple[Path, Run], tmp_path: Path) -> None:
    found = json.loads((solved[0] / "out" / "result.json").read_text())
    rows = {r["region"]: r for r in found["whole"]}
    lines = [f"{n},{rows[n]['posterior_TgCO2_per_year'] * s},{abs(rows[n]['posterior_TgCO2_per_year']) * 0.05}"
             for n, s in (("south", 1.0), ("north", 3.0))]  # fmt: skip
    (tmp_path / "inventory.csv").write_text("\n".join(["region,value,uncertainty", *lines]) + "\n")
    job = tmp_path / "balance.toml"
    job.write_text(f'posterior = "{solved[0] / "out" / "totals.nc"}"\ngroup = "land"\n[inventory]\n'
                   'file = "inventory.csv"\nunits = "Tg"\n')  # fmt: skip
    run = inside("balance", "compare", job, "--format", "json")
    assert run.returncode == 0, run.stderr
    south, north = json.loads(run.stdout)["regions"][:2]
    assert south["verdict"] == "agree" and abs(south["z"]) < 1e-6
    assert abs(north["z"]) > 3.0 and "inventory" in north["verdict"]
    refused = inside("balance", "compare", job, "--set", "group=ocean")
    assert refused.returncode == 2 and "needed land" in refused.stderr
    refused = inside("balance", "compare", job, "--set", "inventory.units=Tg yr-1")
    assert refused.returncode == 2 and "inventory.units" in refused.stderr


def edit(name: str, change: Callable[[xr.Dataset], xr.Dataset]) -> Callable[[Path], None]:
    def work(folder: Path) -> None:
        ds = xr.load_dataset(folder / name)
        change(ds).to_netcdf(folder / name)

    return work


def units(ds: xr.Dataset) -> xr.Dataset:
    ds["footprint"].attrs["units"] = "s m3 kg-1"
    return ds


def spoil(ds: xr.Dataset) -> xr.Dataset:
    ds["footprint"][12:15] = np.nan
    return ds


def cut(ds: xr.Dataset) -> xr.Dataset:
    ds["footprint"][12:24] = 0.0
    return ds


def zero(ds: xr.Dataset) -> xr.Dataset:
    return ds.assign(flux=ds["flux"] * 0.0)


def overlap(ds: xr.Dataset) -> xr.Dataset:
    ds["share"][1, 2] = 1.0
    return ds


FLOOR = ("--set", 'block.0.floor="0 mol m-2 s-1"')
BAD = {
    "footprints in another unit": (edit("A.nc", units), (), ["unit", "footprints of A"]),
    "observations before the first footprint": (
        edit("A.nc", lambda ds: ds.isel(time=slice(10, None))), (), ["10 of 180", "2019-01-01"]),
    "a site without footprints": (
        lambda folder: (folder / "job.toml").write_text(example.JOB.replace('site = "B"', 'site = "C"')), (),
        ["observations and no footprints", "B"]),
    "missing values": (edit("A.nc", spoil), (), ["missing values", "3 of 180", "2019-01-07"]),
    "truncated": (edit("A.nc", cut), (), ["zero everywhere", "12 of 180", "cut off"]),
    "zero prior": (edit("prior.nc", zero), FLOOR, ["zero everywhere", "sigma"]),
    "regions overlap": (edit("regions.nc", overlap), (), ["regions overlap", "south and north"]),
    "regions leave cells out": (lambda folder: None, ("--set", "regions.rest=error"), ["leave cells out"]),
    "outside the period": (
        lambda folder: None, ("--set", 'start="2021-01-01"', "--set", 'end="2021-02-01"'), ["no observation lies"]),
    "too little memory": (
        lambda folder: None, ("--set", 'solver.memory="10 kilobyte"', "--set", "solver.method=dual"),
        ["memory will not suffice", "about"]),
    "another grid": (
        edit("prior.nc", lambda ds: ds.isel(latitude=slice(1, None))), (),
        ["does not cover the grid", "8 cells of 48"]),
    "observations in another unit": (
        lambda folder: None, ("--set", "observations.units=kg m-3"), ["kg m-3", "observations.csv"]),
    "a site outside the domain": (
        lambda folder: None, ("--set", "sites.A.latitude=12.0", "--set", "sites.A.longitude=0.0"),
        ["site A", "outside the domain of the footprints", "12.00 N", "47.50 to 53.50 N"]),
    "a place without observations": (
        lambda folder: None, ("--set", "sites.Z.latitude=50.0", "--set", "sites.Z.longitude=0.0"),
        ["site of the table has no observations", "Z", "one of A, B"]),
    "times of the footprints end-labelled": (  # as file of NAME without saying so: refused, not guessed
        lambda folder: as_name(folder, "A", label=""),
        ("--set", 'footprints.0.file="A-name-*.nc"', "--set", "footprints.0.format=auto"),
        ["start or the end of the averaging interval", "left, centre or right"]),
    "too little memory for draws": (
        lambda folder: None, ("--set", "solver.method=sampled", "--set", "solver.memory=10 kilobyte"),
        ["memory will not suffice", "about"]),
    "truncated footprints": (
        lambda folder: leaking(folder),
        ("--set", 'footprints.0.file="A-name-*.nc"', "--set", "footprints.0.format=auto"),
        ["footprints are truncated", "2 of 180", "2019-01-07T00:00"]),
    "no unit": (lambda folder: None, ("--set", "block.0.length=200"), ["no unit"]),
    "unknown key": (lambda folder: None, ("--set", "block.0.lenght=2"), ["did you mean 'length'"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case: str, tmp_path: Path) -> None:
    spoiled, changes, words = BAD[case]
    job = example.write(tmp_path)
    spoiled(tmp_path)
    run = inside("inversion", "run", job, "-o", tmp_path / "out", "-q", "--no-report", *changes)
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr and not (tmp_path / "out").exists()
    for word in words:
        assert word in run.stderr, run.stderr


def test_descending_latitudes_and_longitudes_to_360_are_understood(solved: tuple[Path, Run], tmp_path: Path) -> None:
    job = example.write(tmp_path)
    edit("A.nc", lambda ds: ds.isel(latitude=slice(None, None, -1)))(tmp_path)
    edit("B.nc", lambda ds: ds.assign_coords(longitude=ds["longitude"] % 360.0))(tmp_path)
    run = inside("inversion", "run", job, "-o", tmp_path / "out", "-q", "--no-report")
    assert run.returncode == 0, run.stderr
    one = json.loads((tmp_path / "out" / "result.json").read_text())["whole"]
    other = json.loads((solved[0] / "out" / "result.json").read_text())["whole"]
    for a, b in zip(one, other, strict=True):
        assert a["posterior_TgC_per_year"] == pytest.approx(b["posterior_TgC_per_year"], rel=1e-6)


def test_init_writes_a_job_that_is_valid(tmp_path: Path) -> None:
    assert inside("inversion", "init", "-o", tmp_path / "job.toml").returncode == 0
    run = inside("inversion", "check", tmp_path / "job.toml")
    assert run.returncode == 2 and "observations.csv" in run.stderr


def as_name(folder: Path, site: str, label: str = "left") -> Path:
    """Write the footprints of a site in the layout of NAME: fp(lat, lon, time)."""
    ds = xr.load_dataset(folder / f"{site}.nc").rename(footprint="fp", latitude="lat", longitude="lon")
    ds = ds.transpose("lat", "lon", "time").assign_attrs(site=site)
    ds["time"].attrs["label"] = label
    for half, part in enumerate((slice(None, 90), slice(90, None))):
        ds.isel(time=part).to_netcdf(folder / f"{site}-name-{half}.nc")
    return folder / f"{site}-name-*.nc"


def leaking(folder: Path) -> None:
    """Write the footprints of A with the shares of particles that left, of which two hours have lost half."""
    as_name(folder, "A")
    for path in folder.glob("A-name-*.nc"):
        ds = xr.load_dataset(path).assign_coords(height=[500.0, 1500.0])
        lost = np.isin(ds["time"].values, np.datetime64("2019-01-07") + np.array([0, 12], "timedelta64[h]"))
        for side, along in {"n": "lon", "s": "lon", "e": "lat", "w": "lat"}.items():
            share = np.full((ds.sizes["time"], 2, ds.sizes[along]), 0.125 / ds.sizes[along])
            share[lost] *= 0.5
            ds[f"particle_locations_{side}"] = (("time", "height", along), share, {"units": "1"})
        ds.to_netcdf(path)


def totals_of(folder: Path) -> list[float]:
    return [row["posterior_TgC_per_year"] for row in json.loads((folder / "result.json").read_text())["whole"]]


def test_foreign_footprints_and_a_packed_store_give_the_same_totals(solved: tuple[Path, Run], tmp_path: Path) -> None:
    job = example.write(tmp_path)
    for site in "AB":
        as_name(tmp_path, site)
    files = sorted(tmp_path.glob("*-name-*.nc"))
    run = inside("inversion", "pack", *files, "-o", tmp_path / "network.ghgfp", "--label", "left")
    assert run.returncode == 0, run.stderr
    assert "360 footprints" in run.stdout and "A (180 footprints)" in run.stderr
    again = inside("inversion", "pack", *files, "-o", tmp_path / "network.ghgfp", "--label", "left")
    assert again.returncode == 2 and "network.ghgfp" in again.stderr
    text = example.JOB
    patterns = text.replace('"A.nc"', '"A-name-*.nc"\nformat = "auto"\nlabel = "left"')
    packed = text.replace('"A.nc"', '"network.ghgfp"').replace('"B.nc"', '"network.ghgfp"')
    for name, changed in (("patterns", patterns), ("packed", packed)):
        job.write_text(changed)
        run = inside("inversion", "run", job, "-o", tmp_path / name, "-q", "--no-report")
        assert run.returncode == 0, run.stderr
        assert totals_of(tmp_path / name) == pytest.approx(totals_of(solved[0] / "out"), rel=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"A.nc"', '"nothing-*.nc"\nformat = "auto"', ["no footprint file fits the pattern", "nothing-*.nc"]),
        ('"A.nc"', '"A.nc"\nformat = "auto"', ["no footprint file we know", "A.nc"]),
        ('"A.nc"', '"job.toml"\nformat = "auto"', ["no NetCDF file", "job.toml"]),
    ],
)
def test_bad_foreign_footprints_are_one_sentence(old: str, new: str, words: list[str], tmp_path: Path) -> None:
    job = example.write(tmp_path)
    job.write_text(example.JOB.replace(old, new))
    run = inside("inversion", "run", job, "-o", tmp_path / "out", "-q", "--no-report")
    assert run.returncode == 2 and not (tmp_path / "out").exists()
    for word in words:
        assert word in run.stderr, run.stderr


def test_foreign_footprints_that_are_zero_are_refused_and_named(tmp_path: Path) -> None:
    job = example.write(tmp_path)
    edit("A.nc", cut)(tmp_path)
    as_name(tmp_path, "A")
    job.write_text(example.JOB.replace('"A.nc"', '"A-name-*.nc"\nformat = "auto"\nlabel = "left"'))
    run = inside("inversion", "run", job, "-o", tmp_path / "out", "-q", "--no-report")
    assert run.returncode == 2 and not (tmp_path / "out").exists()
    assert "zero everywhere" in run.stderr and "12 of 180" in run.stderr and "2019-01-07T00:00" in run.stderr


def test_packing_a_missing_value_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    example.write(tmp_path)
    edit("A.nc", spoil)(tmp_path)
    as_name(tmp_path, "A")
    run = inside("inversion", "pack", tmp_path / "A-name-0.nc", "-o", tmp_path / "a.ghgfp", "--label", "left")
    assert run.returncode == 2 and "3 of 90" in run.stderr and not (tmp_path / "a.ghgfp").exists()
    run = inside("inversion", "pack", tmp_path / "A-name-0.nc", "-o", tmp_path / "a.ghgfp", "--label", "left", "--skip")
    assert run.returncode == 0 and "Left out: 3 of A missing" in run.stdout


def as_stations(folder: Path, unit: str = "nmol mol-1") -> str:
    """Write the observations as files of stations, A as ours and B as OpenGHG's, every hour twice; return the job."""
    table = pd.read_csv(folder / "observations.csv", parse_dates=["time"])
    minute = pd.Timedelta("30 min")
    for site, own in table.groupby("site"):
        time = np.concatenate([own["time"], own["time"] + minute, own["time"] + 3 * minute])
        value = np.concatenate([own["co2"], own["co2"], own["co2"] + 50.0])
        order = np.argsort(time)
        u = np.full(time.size, 0.2 * np.sqrt(2.0))
        data: dict[str, Any] = {"co2": ("time", 1e3 * value[order], {"units": unit})}
        if site == "A":
            data["co2_u_random"] = ("time", 1e3 * u, {"units": unit})
            data["co2_u_systematic"] = ("time", 0.0 * u, {"units": unit})
            data["co2_flag"] = ("time", np.where(np.arange(time.size) % 3 == 2, 3, 1))  # the third is suspect
        else:
            data["co2_repeatability"] = ("time", 1e3 * u, {"units": unit})
            data["status_flag"] = ("time", (np.arange(time.size) % 3 == 2).astype(int))
        ds = xr.Dataset(data, {"time": time[order].astype("datetime64[ns]")}, {"site": site, "species": "CO2"})
        ds.to_netcdf(folder / f"station-{site}.nc")
    start = example.JOB.index("[observations]")
    end = example.JOB.index("[[footprints]]")
    return (example.JOB[:start] + '[[observations]]\nfile = "station-*.nc"\naverage = "1 hour"\n' + example.JOB[end:]
            + '[background]\nvalue = "410 umol mol-1"\n')  # fmt: skip


def test_station_files_in_another_unit_give_the_same_totals(solved: tuple[Path, Run], tmp_path: Path) -> None:
    job = example.write(tmp_path)
    text = as_stations(tmp_path)
    job.write_text(text)
    run = inside("inversion", "run", job, "-o", tmp_path / "out", "-q", "--no-report")
    assert run.returncode == 0, run.stderr
    assert totals_of(tmp_path / "out") == pytest.approx(totals_of(solved[0] / "out"), rel=1e-6)
    job.write_text(text.replace('average = "1 hour"', "hours = [11, 16]"))
    run = inside("inversion", "check", job)
    assert run.returncode == 0 and "360 observations" in run.stdout, run.stderr  # noon, and half past: no averaging
    job.write_text(text.replace('average = "1 hour"', "hours = [3, 6]"))
    run = inside("inversion", "check", job)
    assert run.returncode == 2 and "period and hours" in run.stderr
    as_stations(tmp_path, "kg m-3")
    run = inside("inversion", "check", job)
    assert run.returncode == 2 and "kg m-3" in run.stderr and "station-A.nc" in run.stderr


def test_the_page_of_a_run_says_what_a_region_takes_up(
    solved: tuple[Path, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = solved[0] / "out"
    page = (out / "report.html").read_text()
    found = {r["region"]: r for r in json.loads((out / "result.json").read_text())["whole"]}
    best = max(found.values(), key=lambda r: r["determined"])
    value = -best["posterior_TgC_per_year"]
    said = page[page.index(f"{best['region']} takes up ") :][:60]
    assert abs(float(said.split()[3].replace("\u202f", "")) - value) < best["posterior_u_TgC_per_year"]
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", page) and "url(http" not in page  # nothing from outside
    assert "Lines are coasts." in page  # unless the job says otherwise
    for name in ("whole", "series", "footprint", "map_land", "periods"):
        assert (out / "figures" / f"{name}.png").stat().st_size > 5000
    run = inside("inversion", "report", out, "--lang", "zh")
    assert run.returncode == 0, run.stderr
    assert "每年吸收" in (out / "report.html").read_text() and 'lang="zh-CN"' in (out / "report.html").read_text()
    assert inside("verify", out / "totals.nc").returncode == 0

    def stopped(*_: object) -> None:
        raise InputError("stopped")

    manifest = (out / "manifest.json").read_bytes()
    with monkeypatch.context() as patch:  # between page and manifest: neither is changed
        patch.setattr("ghg.core.provenance.write_manifest", stopped)
        assert inside("inversion", "report", out).returncode == 2
    assert 'lang="zh-CN"' in (out / "report.html").read_text() and (out / "manifest.json").read_bytes() == manifest
    assert not [p for p in out.parent.iterdir() if p.name.startswith(".")]


def test_a_folder_without_a_run_has_no_report(tmp_path: Path) -> None:
    run = inside("inversion", "report", tmp_path)
    assert run.returncode == 2 and "no run of an inversion" in run.stderr
