"""Hours of a year: masses close, clocks are right, files stream."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import xarray as xr

from ghg.core import netcdf
from ghg.core.errors import InputError
from ghg.core.provenance import Record, verify
from inventories.conservation import residual
from inventories.grid.fields import coordinates
from inventories.grid.grids import LonLat
from inventories.temporal.calendars import holidays, local_year, year_hours
from inventories.temporal.chunks import slabs
from inventories.temporal.expand import Zones, expand, expand_to_file, factored, multiply_out
from inventories.temporal.gather import scatter
from inventories.temporal.profiles import FLAT, Profile, factors, heating

TRAFFIC = Profile(
    month=np.array([0.88, 0.92, 0.98, 1.03, 1.05, 1.06, 1.01, 1.02, 1.06, 1.05, 1.01, 0.93]),
    weekday=np.array([1.02, 1.06, 1.08, 1.1, 1.14, 0.81, 0.79]),
    hour=1.0 + 0.9 * np.sin(np.arange(24) / 24 * 2 * np.pi - 2.0),
)
# the CF table has no name for NOx counted as NO2, nor for a ledger
ACDD = ["--test=acdd:1.3", "--skip-checks=check_var_standard_name"]
SPRING = Profile(month=np.array([0, 2, 4.75, 2.9, 0.5, 0.4, 0.2, 0.5, 0.75, 0, 0, 0]), name="L")
CLOCKS = ["UTC", "Europe/Zurich", "Asia/Shanghai", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"]


@pytest.mark.parametrize("timezone", CLOCKS)
@pytest.mark.parametrize("year", [2022, 2024])
def test_local_hours_are_those_of_zoneinfo(timezone: str, year: int) -> None:
    calendar = local_year(year, timezone)
    assert calendar.hour.shape == (8784 if year == 2024 else 8760, 4)
    for quarter in range(0, calendar.hour.size, 487):
        when = datetime.fromtimestamp(datetime(year, 1, 1, tzinfo=UTC).timestamp() + quarter * 900, ZoneInfo(timezone))
        found = [int(v.ravel()[quarter]) for v in (calendar.month, calendar.weekday, calendar.hour)]
        assert found == [when.month - 1, when.weekday(), when.hour]


@pytest.mark.parametrize("timezone", CLOCKS)
@pytest.mark.parametrize("year", [2022, 2024])
@pytest.mark.parametrize("profile", [TRAFFIC, SPRING, Profile(month=SPRING.month, hold="month")])
def test_factors_have_mean_one(timezone: str, year: int, profile: Profile) -> None:
    assert factors(profile, year, timezone).mean() == pytest.approx(1.0, abs=1e-14)


def test_daylight_saving_leaves_out_one_hour_and_doubles_another() -> None:
    calendar = local_year(2022, "Europe/Zurich")
    spring, autumn = (np.datetime64(d).astype("M8[D]").astype(int) for d in ("2022-03-27", "2022-10-30"))
    hours = calendar.hour[:, 0]
    assert 2 not in hours[calendar.day[:, 0] == spring] and (calendar.day[:, 0] == spring).sum() == 23
    assert (hours[calendar.day[:, 0] == autumn] == 2).sum() == 2 and (calendar.day[:, 0] == autumn).sum() == 25


def test_months_can_hold_their_share() -> None:
    share = np.arange(1.0, 13.0)
    factor = factors(Profile(month=share, weekday=TRAFFIC.weekday, hold="month"), 2024)
    month = year_hours(2024).astype("M8[M]").astype(int) % 12
    assert np.bincount(month, factor) / factor.sum() == pytest.approx(share / share.sum(), rel=1e-12)


def test_holidays_count_as_sundays_and_working_weekends_as_mondays() -> None:
    off, work = holidays("CHN", 2024)
    assert len(off) == 28 and len(work) == 8
    factor = factors(Profile(weekday=np.array([1, 1, 1, 1, 1, 0.5, 0.25])), 2024, "Asia/Shanghai", "CHN")
    start = np.datetime64("2024-01-01T00", "h")
    noon = {d: factor[int((np.datetime64(f"{d}T04", "h") - start).astype(int))] for d in
            ("2024-02-12", "2024-02-19", "2024-02-18", "2024-02-24")}  # fmt: skip
    assert noon["2024-02-12"] == pytest.approx(0.25 * noon["2024-02-19"])  # Monday of the Spring Festival
    assert noon["2024-02-18"] == pytest.approx(noon["2024-02-19"])  # Sunday that is worked
    assert noon["2024-02-24"] == pytest.approx(0.5 * noon["2024-02-19"])
    with pytest.raises(InputError, match="holidays of this year"):
        holidays("CHN", 1999)
    with pytest.raises(InputError, match="no holidays"):
        holidays("ATA", 2024)


def test_heating_follows_the_degrees_below_the_base() -> None:
    days = 288.15 - 15.0 * np.cos(np.arange(365) / 365 * 2 * np.pi)
    daily = heating(days, floor=0.2)
    assert daily.sum() == pytest.approx(1.0)
    assert daily[182] == pytest.approx(0.2 / 365)
    factor = factors(Profile(daily=daily), 2022)
    assert factor[:24].sum() / factor.sum() == pytest.approx(daily[0], rel=1e-12)
    with pytest.raises(InputError, match="not in kelvin"):
        heating(days - 273.15)
    with pytest.raises(InputError, match="no day is cold"):
        heating(np.full(365, 300.0))
    with pytest.raises(InputError, match="gaps"):
        heating(days[:300])


@pytest.fixture
def annual(rng) -> xr.Dataset:
    dims, ds = coordinates(LonLat.regular(5.0, 45.0, 0.5, (4, 5)))
    values = rng.lognormal(size=(2, 4, 5)) * 1e-9
    ds["emission_co2"] = (("sector", *dims), values, {"units": "kg m-2 s-1"})
    ds["emission_nox"] = (dims, values[0] * 1e-3, {"units": "kg m-2 s-1"})
    return ds.assign_coords(sector=["F", "L"])


PROFILES = {"F": TRAFFIC, "L": SPRING, "": FLAT}
ZONES = Zones(("Europe/Zurich", "Asia/Kolkata"), np.arange(20).reshape(4, 5) // 13)


@pytest.mark.kernel
@pytest.mark.parametrize("bits", [0, 10])
@pytest.mark.parametrize("by_sector", [False, True])
def test_every_cell_keeps_its_annual_mass(annual, bits: int, by_sector: bool) -> None:
    out = expand(annual, PROFILES, 2022, zones=ZONES, by_sector=by_sector, bits=bits)
    rate = out["emission_co2"].values.astype(np.float64)
    wanted = annual["emission_co2"].values if by_sector else annual["emission_co2"].values.sum(axis=0)
    assert rate.dtype != out["emission_co2"].dtype and (rate >= 0).all()
    assert rate.mean(axis=1 if by_sector else 0) == pytest.approx(wanted, rel=1e-10)
    for row in out["ledger_mass"].values:
        assert abs(residual(row)) < 1e-12 and abs(row[3]) < 1e-10 * row[0]
    if bits:
        kept = out["emission_co2"].values.view(np.uint32) & np.uint32((1 << (23 - bits)) - 1)
        assert (kept == 0).mean() > 0.99


@pytest.mark.kernel
def test_hours_are_annual_means_times_factors(annual) -> None:
    out = expand(annual, PROFILES, 2022, zones=ZONES)
    f = [factors(p, 2022, "Asia/Kolkata") for p in (TRAFFIC, SPRING)]
    cell = annual["emission_co2"].values[:, 3, 4]
    assert out["emission_co2"].values[:, 3, 4] == pytest.approx(cell[0] * f[0] + cell[1] * f[1], rel=1e-6, abs=1e-16)


@pytest.mark.kernel
def test_factored_is_the_same_as_expanded(annual) -> None:
    out = expand(annual, PROFILES, 2022, zones=ZONES)
    both = factored(annual, PROFILES, 2022, zones=ZONES)
    for hour in (0, 1234, 8759):
        for name in ("emission_co2", "emission_nox"):
            wanted = multiply_out(both, name, hour)
            assert out[name].values[hour] == pytest.approx(wanted, rel=2e-7, abs=1e-17)


@pytest.mark.kernel
@pytest.mark.slow
def test_the_streamed_file_is_the_dataset_passes_the_checker_and_verifies(annual, tmp_path: Path) -> None:
    path = tmp_path / "hours.nc"
    record = Record("inventories expand", command=["ghg"])
    expand_to_file(annual, PROFILES, 2022, path, zones=ZONES, record=record)
    whole = expand(annual, PROFILES, 2022, zones=ZONES)
    again = netcdf.read(path)
    assert np.array_equal(again["emission_co2"].values, whole["emission_co2"].values)
    assert again["ledger_mass"].values == pytest.approx(whole["ledger_mass"].values, rel=1e-12)  # sums in blocks
    assert verify(path).ok
    tool = Path(sys.executable).with_name("compliance-checker")
    for options in (["--criteria", "strict", "--test=cf:1.11"], ACDD):
        done = subprocess.run([str(tool), *options, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_bad_input_is_named(annual, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no profile for a sector.*'L'"):
        expand(annual, {"F": TRAFFIC}, 2022)
    with pytest.raises(InputError, match="another grid"):
        expand(annual, PROFILES, 2022, zones=Zones(("UTC",), np.zeros((2, 2), int)))
    with pytest.raises(InputError, match="not listed"):
        expand(annual, PROFILES, 2022, zones=Zones(("UTC",), np.ones((4, 5), int)))
    with pytest.raises(InputError, match="negative weights"):
        Profile(month=-np.ones(12))
    with pytest.raises(InputError, match="24 numbers"):
        Profile(hour=np.ones(23))
    with pytest.raises(InputError, match="bits"):
        expand(annual, PROFILES, 2022, bits=40)


@pytest.mark.parametrize("by_sector", [False, True])
def test_gathered_hours_are_those_of_the_cells_that_emit(annual, tmp_path: Path, by_sector: bool) -> None:
    """CF-1.11 8.2: laid out on the grid again they are the whole file, to the last bit."""
    there = np.zeros((4, 5), bool)
    there[[0, 2, 3], [1, 4, 0]] = True
    few = annual.assign({n: annual[n].where(xr.DataArray(there, dims=("lat", "lon")), 0.0).assign_attrs(annual[n].attrs)
                         for n in ("emission_co2", "emission_nox")})  # fmt: skip
    record, path = Record("inventories expand", command=["ghg"]), tmp_path / "g.nc"
    out = expand_to_file(few, PROFILES, 2022, path, zones=ZONES, record=record, by_sector=by_sector, gathered=True)
    raw = netcdf.read(path)
    assert raw["cell"].values.tolist() == [1, 14, 15] and raw["cell"].attrs["compress"] == "lat lon"
    assert raw["emission_co2"].shape[-2:] == (3, 8760)
    whole, back = expand(few, PROFILES, 2022, zones=ZONES, by_sector=by_sector), scatter(raw)
    for name in ("emission_co2", "emission_nox", "cell_area"):
        wanted = whole[name].values if name != "cell_area" else whole[name].values * there
        assert back[name].dims == whole[name].dims and np.array_equal(back[name].values, wanted)
    assert out["ledger_mass"].values == pytest.approx(whole["ledger_mass"].values, rel=1e-12)
    assert verify(path).ok


@pytest.mark.parametrize("hours", [24, 8760, 8784])
@pytest.mark.parametrize("cells", [(5,), (1032,), (300_000,), (2, 3), (100, 100), (300, 300), (400, 600), (1800, 3600)])
def test_chunks_hold_days_in_sight_of_the_compression_and_waste_little(hours: int, cells: tuple[int, ...]) -> None:
    found = slabs(hours, cells)
    assert len(found) == 1 + len(cells)
    padded = [n * -(-size // n) for n, size in zip(found, (hours, *cells), strict=True)]
    assert np.prod(padded, dtype=float) <= 1.05 * hours * np.prod(cells, dtype=float)
    assert 4 * found[0] * np.prod(cells) <= max(1 << 25, 4 * np.prod(cells))  # memory of the hours of a block
    if found[0] >= 48:
        assert 24 * np.prod(found[1:]) <= 1 << 15  # a day lies within the 32 KiB of RFC 1951
