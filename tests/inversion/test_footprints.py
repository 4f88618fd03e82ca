"""Footprints in the forms of single models made here, their conventions, and what is wrong with files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from inversion.readers import read_flux, read_footprints, read_observations
from inversion.readers.fields import check_regions
from inversion.readers.observations import average
from inversion.readers.residence import MOLAR_MASS_AIR
from inversion.regrid import Regrid, edges

LAT, LON = np.array([50.5, 51.5, 52.5, 53.5]), np.array([-2.0, 0.0, 2.0, 4.0, 6.0])
UNIT = "(mol/mol)/(mol/m2/s)"
HOURS = np.datetime64("2019-01-01T00:00", "ns") + np.arange(6) * np.timedelta64(1, "h")


def _name(values: np.ndarray, lat: np.ndarray = LAT, lon: np.ndarray = LON, **change: Any) -> xr.Dataset:
    attrs = {"units": change.get("units", UNIT)}
    ds = xr.Dataset({"fp": (("lat", "lon", "time"), values, attrs)}, {"lat": lat, "lon": lon, "time": HOURS},
                    {"site": "TST"})  # fmt: skip
    ds["time"].attrs = {"label": change.get("label", "left"), "period": "1 hours"}
    return ds


def _saved(ds: xr.Dataset, folder: Path, name: str = "TST_fp.nc") -> Path:
    ds.to_netcdf(folder / name)
    return folder / name


@pytest.fixture
def values(rng: np.random.Generator) -> np.ndarray:
    return rng.exponential(size=(4, 5, 6))


def test_descending_latitudes_and_longitudes_to_360_give_the_same(tmp_path: Path, values: np.ndarray) -> None:
    plain = read_footprints(_saved(_name(values), tmp_path))
    order = np.argsort(LON % 360.0)
    turned = _name(values[::-1][:, order], LAT[::-1], (LON % 360.0)[order])
    other = read_footprints(_saved(turned, tmp_path, "TST_turned.nc"))
    assert np.array_equal(plain.read().total, other.read().total)
    assert np.allclose(other.longitude, LON) and np.allclose(other.latitude, LAT)
    assert "descending" in other.attrs["notes"] and "360" in other.attrs["notes"]


def test_end_labelled_times_are_moved_to_the_start(tmp_path: Path, values: np.ndarray) -> None:
    footprints = read_footprints(_saved(_name(values, label="right"), tmp_path))
    assert footprints.time[0] == HOURS[0] - np.timedelta64(1, "h")


def test_other_units_are_converted(tmp_path: Path, values: np.ndarray) -> None:
    footprints = read_footprints(_saved(_name(values, units="ppm (umol-1 m2 s)"), tmp_path))
    assert footprints.read().total[2] == pytest.approx(values[:, :, 2])


@pytest.mark.parametrize(
    ("change", "words"),
    [({"units": ""}, "has no unit"), ({"units": "s m3 kg-1"}, "wrong kind"), ({"label": ""}, "start or the end")],
)
def test_missing_conventions_are_refused(tmp_path: Path, values: np.ndarray, change: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_footprints(_saved(_name(values, **change), tmp_path))


def test_faulty_rows_are_named(tmp_path: Path, values: np.ndarray) -> None:
    values[1, 1, 2] = np.nan
    values[:, :, 4] = 0.0
    footprints = read_footprints(_saved(_name(values), tmp_path))
    found = footprints.screen()
    assert found["missing"].tolist() == [2] and found["zero"].tolist() == [4]
    with pytest.raises(InputError, match=r"missing values \(found 1 of 6: 2019-01-01T02:00Z\)"):
        footprints.read()
    assert footprints.select([0, 1, 3]).read().total.shape == (3, 4, 5)


def test_observations_before_the_first_footprint_or_without_one(tmp_path: Path, values: np.ndarray) -> None:
    footprints = read_footprints(_saved(_name(values), tmp_path))
    quarter = np.timedelta64(15, "m")
    assert footprints.match(HOURS + quarter).tolist() == list(range(6))
    with pytest.raises(InputError, match="before the first footprint"):
        footprints.match(HOURS - quarter)
    with pytest.raises(InputError, match="have no footprint"):
        footprints.match(HOURS + 2 * np.timedelta64(1, "h"))


def test_no_background_without_exits(tmp_path: Path, values: np.ndarray) -> None:
    with pytest.raises(InputError, match="do not tell where particles left"):
        read_footprints(_saved(_name(values), tmp_path)).background({})


def test_regridding_keeps_the_product_with_any_flux_of_the_target(values: np.ndarray) -> None:
    lat, lon = np.array([51.0, 53.0]), np.array([-1.0, 3.0])
    moved = Regrid.between((LAT, LON[:4]), (lat, lon))
    flux = np.array([[1.0, 2.0], [3.0, 4.0]])
    fine = np.kron(flux, np.ones((2, 2)))
    field = values[:, :4, 0]
    assert (moved.footprint(field) * flux).sum() == pytest.approx((field * fine).sum(), rel=1e-13)
    assert moved.flux(fine) == pytest.approx(flux, rel=1e-12)
    assert moved.covered() == pytest.approx(np.ones((4, 4)))


def test_fluxes_keep_their_mass_on_another_grid(rng: np.random.Generator) -> None:
    fine = (np.linspace(-89.5, 89.5, 180), np.linspace(-179.0, 179.0, 180))
    coarse = (np.linspace(-87.0, 87.0, 30), np.linspace(-176.4, 176.4, 50))
    flux = rng.normal(size=(180, 180))

    def mass(field: np.ndarray, grid: tuple) -> float:
        bands = np.diff(np.sin(np.radians(np.clip(edges(grid[0]), -90, 90))))
        return float((field * bands[:, None]).sum() * np.radians(grid[1][1] - grid[1][0]))

    moved = Regrid.between(fine, coarse)
    assert mass(moved.flux(flux), coarse) == pytest.approx(mass(flux, fine), rel=1e-10)


def test_stilt_files_join_by_receptor_and_lag(tmp_path: Path, rng: np.random.Generator) -> None:
    field = rng.exponential(size=(3, 4, 5)).astype(np.float32)
    for hour in (18, 19):
        stamps = np.datetime64(f"2015-06-18T{hour}:00", "ns") - np.arange(3, 0, -1) * np.timedelta64(1, "h")
        ds = xr.Dataset({"foot": (("time", "lat", "lon"), field * hour, {"units": "ppm (umol-1 m2 s)"})},
                        {"time": stamps, "lat": LAT, "lon": LON})  # fmt: skip
        ds.to_netcdf(tmp_path / f"20150618{hour}00_-112_40.5_5_foot.nc")
    footprints = read_footprints(sorted(tmp_path.glob("*_foot.nc")), site="wbb")
    assert footprints.lags is not None and footprints.lags.tolist() == [[0, 1], [1, 2], [2, 3]]
    piece = footprints.read()
    assert piece.resolved is not None
    assert piece.resolved[1, 0] == pytest.approx(field[2] * 19.0, rel=1e-6)  # the latest hour comes first
    assert piece.total[0] == pytest.approx(18.0 * field.sum(axis=0), rel=1e-6)
    other = tmp_path / "no_receptor_foot.nc"
    (tmp_path / "201506181800_-112_40.5_5_foot.nc").rename(other)
    with pytest.raises(InputError, match="does not tell the time"):
        read_footprints(other)
    with pytest.raises(InputError, match="after the receptor"):
        read_footprints(other, time="2015-06-18T10:00")


def test_residence_times_of_flexpart_become_footprints(tmp_path: Path) -> None:
    field = np.zeros((1, 1, 3, 2, 4, 5))
    field[0, 0, :, 0] = np.arange(1.0, 4.0)[:, None, None]
    field[0, 0, :, 1] = 99.0  # the upper layer is not the surface
    release = np.datetime64("2019-01-02T00:00", "ns")
    ds = xr.Dataset(
        {"spec001_mr": (("nageclass", "pointspec", "time", "height", "latitude", "longitude"), field,
                        {"units": "s m3 kg-1"}),
         "RELSTART": ("pointspec", [-3600.0], {"long_name": "s"}), "RELEND": ("pointspec", [0.0])},
        {"time": release - np.arange(1, 4) * np.timedelta64(1, "h"), "height": [100.0, 500.0], "latitude": LAT,
         "longitude": LON}, {"iedate": "20190102", "ietime": "000000"})  # fmt: skip
    footprints = read_footprints(_saved(ds, tmp_path, "grid_time.nc"), site="x")
    want = MOLAR_MASS_AIR / 100.0 * 6.0
    assert footprints.read().total[0] == pytest.approx(np.full((4, 5), want))
    assert footprints.time[0] == release - np.timedelta64(30, "m")
    for stamps, message in (
        ([release] * 3, "have no length: times occur twice"),
        ([release, np.datetime64("NaT", "ns"), release], "times cannot be read"),
        (release - np.arange(864_000, 864_003) * np.timedelta64(1, "s"), "ends too far before its releases"),
    ):
        with pytest.raises(InputError, match=message):
            read_footprints(_saved(ds.assign_coords(time=stamps), tmp_path, "odd.nc"), site="x", format="flexpart")
    for odd, message in (({"height": [0.0, 500.0]}, "lowest layer has no depth"),
                         ({"RELEND": ("pointspec", [np.nan])}, "times of the releases cannot be read")):  # fmt: skip
        with pytest.raises(InputError, match=message):
            read_footprints(_saved(ds.assign(odd), tmp_path, "odd.nc"), site="x", format="flexpart")


def test_hysplit_needs_its_conventions(tmp_path: Path) -> None:
    stamps = np.datetime64("2019-01-01T21:00", "ns") + np.arange(3) * np.timedelta64(1, "h")
    ds = xr.Dataset({"PART": (("time", "levels", "latitude", "longitude"), np.ones((3, 1, 4, 5)),
                              {"units": "s m3 kg-1"})},
                    {"time": stamps, "levels": [50.0], "latitude": LAT, "longitude": LON})  # fmt: skip
    path = _saved(ds, tmp_path, "cdump.nc")
    given: dict[str, Any] = {"format": "hysplit", "variable": "PART", "site": "x"}
    with pytest.raises(InputError, match="time of the receptor"):
        read_footprints(path, **given)
    with pytest.raises(InputError, match="start or the end"):
        read_footprints(path, time="2019-01-02T00:00", **given)
    with pytest.raises(InputError, match="depth of the surface layer"):
        read_footprints(path, time="2019-01-02T00:00", label="left", **given)
    with pytest.raises(InputError, match="after the receptor"):
        read_footprints(path, time="2019-01-01T23:00", label="left", layer=50.0, **given)
    footprints = read_footprints(path, time="2019-01-02T00:00", label="left", layer=50.0, **given)
    assert footprints.read().total[0] == pytest.approx(np.full((4, 5), 3.0 * MOLAR_MASS_AIR / 50.0))


def test_files_that_are_no_footprints(tmp_path: Path, values: np.ndarray) -> None:
    text = tmp_path / "a.nc"
    text.write_text("lat,lon\n")
    with pytest.raises(InputError, match="no NetCDF file"):
        read_footprints(text)
    whole = _saved(_name(values), tmp_path)
    cut = tmp_path / "cut.nc"
    cut.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(InputError, match="damaged or cut off"):
        read_footprints(cut)
    with pytest.raises(InputError, match="no footprint file"):
        read_footprints([])


def test_a_flux_that_does_not_cover_the_grid_is_refused(tmp_path: Path) -> None:
    ds = xr.Dataset({"flux": (("lat", "lon"), np.ones((4, 5)), {"units": "umol m-2 s-1"})}, {"lat": LAT, "lon": LON})
    path = _saved(ds, tmp_path, "flux.nc")
    assert read_flux(path)[1] == pytest.approx(np.full((1, 4, 5), 1e-6))
    with pytest.raises(InputError, match="does not cover the grid"):
        read_flux(path, (LAT + 1.0, LON))


def test_regions_that_overlap_or_miss_cells() -> None:
    shares = np.zeros((2, 2, 2))
    shares[0, 0], shares[1, 1] = 1.0, 1.0
    check_regions(["a", "b"], shares, complete=True)
    shares[1, 0, 0] = 0.5
    with pytest.raises(InputError, match=r"overlap \(found 1 cells, for example a and b"):
        check_regions(["a", "b"], shares)
    shares[:, 0, 0] = 0.2
    with pytest.raises(InputError, match="miss cells"):
        check_regions(["a", "b"], shares, complete=True)


def test_observations_of_obspack_csv_and_ours(tmp_path: Path) -> None:
    obspack = xr.Dataset({"value": ("time", [4.1e-4, 4.2e-4, 9e-4], {"units": "mol mol-1"}),
                          "qcflag": ("time", ["...", "...", "*.."])}, {"time": HOURS[:3]},
                         {"site_code": "cbw", "dataset_parameter": "co2"})  # fmt: skip
    found = read_observations(_saved(obspack, tmp_path, "obspack.nc"))
    assert (found.site, found.species, found.value.tolist()) == ("CBW", "co2", [4.1e-4, 4.2e-4])
    table = tmp_path / "obs.csv"
    table.write_text("time,co2,sd\n2019-01-01T00:00Z,410.0,0.1\n2019-01-01T00:30Z,414.0,0.1\n")
    read = read_observations(table, species="co2", units="umol mol-1", error_column="sd")
    mean = average(read)
    assert mean.value == pytest.approx([412e-6]) and mean.count.tolist() == [2]
    assert mean.error == pytest.approx([np.hypot(0.1 / np.sqrt(2.0), 2.0) * 1e-6])
    with pytest.raises(InputError, match="species and the unit"):
        read_observations(table)
    ours = xr.Dataset({"ch4": ("time", [1900.0, 1901.0], {"units": "nmol mol-1"}), "ch4_flag": ("time", [1, 4]),
                       "ch4_u_random": ("time", [0.3, 0.3]), "ch4_u_systematic": ("time", [0.4, 0.4])},
                      {"time": HOURS[:2]}, {"species": "CH4"})  # fmt: skip
    kept = read_observations(_saved(ours, tmp_path, "ours.nc"))
    assert kept.value == pytest.approx([1.9e-6]) and kept.error == pytest.approx([0.5e-9])
