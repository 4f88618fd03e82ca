"""Every sample file of footprints is read and carried forward; what two files both tell is compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from inversion.footprints import short_rows
from inversion.readers import read_curtains, read_flux, read_footprints, read_observations, read_regions

NANO = "(nmol mol-1) / (mol m-2 s-1)"


@pytest.fixture(scope="module")
def tac(shared_data: Path) -> Path:
    return shared_data / "inversion" / "tac_ch4_2019"


@pytest.fixture(scope="module")
def formats(shared_data: Path) -> Path:
    return shared_data / "inversion" / "formats"


def test_one_hour_on_the_full_grid_is_the_published_forward_calculation(tac: Path) -> None:
    footprints = read_footprints(tac / "one_footprint_full_grid.nc", units=NANO)
    _, flux, _ = read_flux(tac / "flux_total_ch4_europe_edgar7_2019.nc", (footprints.latitude, footprints.longitude))
    curtains, _ = read_curtains(tac / "bc_ch4_europe_cams_2019.nc")
    assert footprints.enhancement(flux[0])[0] * 1e9 == pytest.approx(35.5636, abs=5e-5)
    background = footprints.background(curtains, missing="zero")  # as the reference did
    assert sum(background.values())[0] * 1e9 == pytest.approx(1754.6295, abs=5e-5)


def test_the_reference_baseline_counts_missing_cells_as_zero(tac: Path) -> None:
    footprints = read_footprints(tac / "one_footprint_full_grid.nc", units=NANO)
    curtains, _ = read_curtains(tac / "bc_ch4_europe_cams_2019.nc")
    with pytest.raises(InputError, match=r"missing where particles left .*8\.4%"):
        footprints.background(curtains)
    whole = sum(footprints.background(curtains, missing="interpolate").values())[0]
    values = np.concatenate([c[np.isfinite(c)] for c in curtains.values()])
    assert values.min() < whole < values.max()


def test_the_unit_of_the_merged_file_must_be_stated(tac: Path) -> None:
    with pytest.raises(InputError, match="'fp' has no unit"):
        read_footprints(tac / "one_footprint_full_grid.nc")
    with pytest.raises(InputError, match="wrong kind"):
        read_footprints(tac / "one_footprint_full_grid.nc", units="kg m-2 s-1")


@pytest.mark.parametrize(
    ("name", "variable", "site", "count"),
    [
        ("MHD-10magl_FLEXPART_ECMWFHRES_TEST_inert_201809.nc", "srr", "MHD", 49),
        ("MHD-10magl_NAME_UKV_TEST_inert_PARIS-format_201301.nc", "srr", "MHD", 49),
        ("MHD-10magl_UKV_hfo-1234zee_EUROPE_201401_test.nc", "fp", "MHD", 5),
        ("RGL-90magl_UKV_co2_TEST_201401.nc", "fp", "RGL", 49),
        ("TAC-100magl_TEST_201606.nc", "fp", "TAC", 97),
        ("THW-column_NAME_UMG_EUROPE_TEST_inert_202304.nc", "srr", "THW", 4),
    ],
)
def test_every_form_gives_its_own_sums_forward(formats: Path, name: str, variable: str, site: str, count: int) -> None:
    footprints = read_footprints(formats / name)
    with xr.open_dataset(formats / name) as ds:
        want = ds[variable].transpose("time", ...).values.astype(np.float64).reshape(count, -1).sum(axis=1)
    shape = (footprints.latitude.size, footprints.longitude.size)
    assert (footprints.site, footprints.size, footprints.period) == (site, count, 3600.0)
    assert footprints.enhancement(np.full(shape, 2e-9)) == pytest.approx(2e-9 * want, rel=1e-12)


def test_two_months_join_in_order_and_a_month_twice_is_refused(formats: Path) -> None:
    june, july = (formats / f"TAC-100magl_TEST_20160{m}.nc" for m in (6, 7))
    both = read_footprints([july, june])
    one = read_footprints(june)
    assert both.size == 97 + 145
    rows = np.array([0, 96, 97, 241])
    parts = np.concatenate([one.read([0, 96]).total, read_footprints(july).read([0, 144]).total])
    assert np.array_equal(both.read(rows).total, parts)
    with pytest.raises(InputError, match="occur twice"):
        read_footprints([june, june])


@pytest.mark.parametrize("name", ["RGL-90magl_UKV_co2_TEST_201401.nc", "TAC-100magl_UKV_co2_TEST_201407.nc"])
def test_resolved_and_integrated_footprints_give_the_same_for_a_constant_flux(formats: Path, name: str) -> None:
    footprints = read_footprints(formats / name)
    bad = footprints.screen()["missing"]
    good = np.setdiff1d(np.arange(footprints.size), bad)
    piece = footprints.read(good)
    whole = read_footprints(formats / name, resolved=False).read(good).total
    assert piece.resolved is not None
    assert piece.resolved.sum(axis=1) + piece.remainder == pytest.approx(whole, rel=1e-12, abs=1e-18)
    if bad.size:
        with pytest.raises(InputError, match=r"missing values \(found 36 of 73: 2014-07-01T01:00Z"):
            footprints.read()


def test_the_nested_domain_gives_the_combined_list_of_its_file(formats: Path) -> None:
    path = formats / "footprint_test.nc"
    footprints = read_footprints(path)
    with xr.open_dataset(path) as ds:
        values = ds["fp"].values[:, 0].astype(np.float64)
        lats, lons = ds["index_lats"].values, ds["index_lons"].values
    assert footprints.read().total.sum() == pytest.approx(values.sum(), rel=2e-7)  # float32 list
    # and west of a meridian through the fine domain, along an edge of coarse cells
    edge = footprints.longitude[277] + 0.176
    west = footprints.read().total[0][:, :278].sum()
    assert west == pytest.approx(values[lons < edge].sum(), rel=1e-5)
    assert lats.size == 293 * 391 - 25 + 55 * 55


def test_truncated_hours_of_the_linear_problem_are_found_and_named(tac: Path) -> None:
    with xr.open_dataset(tac / "linear_problem_20190101.nc") as ds:
        boundary = ds["bcsensitivity"].values.sum(axis=1)
    assert short_rows(boundary).tolist() == list(range(12, 24))


def test_observations_and_regions_of_the_set(tac: Path) -> None:
    site = read_observations(tac / "obs_tac_ch4_185m_201901.nc")
    with xr.open_dataset(tac / "one_footprint_full_grid.nc") as ds:
        hour = float(ds["mf"].values[0, 0])
    first = (site.time >= np.datetime64("2019-01-01T00:00")) & (site.time < np.datetime64("2019-01-01T01:00"))
    assert (site.site, site.species) == ("TAC", "ch4")
    assert site.value[first].mean() * 1e9 == pytest.approx(hour, rel=1e-9)
    assert read_observations(tac / "obs_mhd_ch4_10m_201901.nc").site == "MHD"
    names, shares, _ = read_regions(tac / "country_EUROPE.nc", complete=True)
    assert len(names) == 104 and shares.sum() == pytest.approx(293 * 391)
