"""The profiles of TNO: fifteen sectors, two years, zones with daylight saving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from inventories.grid.fields import coordinates
from inventories.grid.grids import LonLat
from inventories.temporal.expand import Zones, expand
from inventories.temporal.profiles import factors, read_profiles

NAMES = ("month-in-year", "day-in-week", "hour-in-day")


@pytest.fixture(scope="module")
def profiles(shared_data: Path) -> dict:
    folder = shared_data / "inventories" / "profiles" / "tno"
    return read_profiles(*(folder / f"timeprofiles-{name}_GNFR.csv" for name in NAMES))


@pytest.mark.parametrize("year", [2022, 2024])
@pytest.mark.parametrize("bits", [0, 12])
def test_hours_of_all_sectors_sum_to_the_year(profiles, year: int, bits: int) -> None:
    assert len(profiles) == 15
    dims, ds = coordinates(LonLat.regular(0.0, 45.0, 1.0, (1, 3)))
    rate = np.random.default_rng(1).lognormal(size=(15, 1, 3)) * 1e-9
    ds["emission_co2"] = (("sector", *dims), rate, {"units": "kg m-2 s-1"})
    ds = ds.assign_coords(sector=list(profiles))
    zones = Zones(("Europe/Berlin", "Asia/Shanghai", "UTC"), np.arange(3).reshape(1, 3))
    out = expand(ds, profiles, year, zones=zones, by_sector=True, bits=bits)
    mean = out["emission_co2"].astype(np.float64).mean("time").values
    assert np.abs(mean / rate - 1.0).max() < 1e-10


def test_without_renormalising_the_year_would_be_missed(profiles) -> None:
    """The error others make is there: -0.90 % for L_AgriOther in 2022 (notes, RAN twice)."""
    grass = profiles["L"]
    hours = np.datetime64("2022-01-01T00") + np.arange(8760) * np.timedelta64(1, "h")
    month = hours.astype("M8[M]").astype(int) % 12
    day = (hours.astype("M8[D]").astype(int) + 3) % 7
    raw = grass.month[month] * grass.weekday[day] * grass.hour[np.arange(8760) % 24] / grass.hour.mean()
    share = raw.sum() / 8766 / (grass.month.mean() * grass.weekday.mean())
    assert 100 * (share - 1) == pytest.approx(-0.9, abs=0.05)
    assert factors(grass, 2022).mean() == pytest.approx(1.0, abs=1e-14)


def test_tables_of_cams_are_read_too(shared_data: Path) -> None:
    folder = shared_data / "inventories" / "profiles" / "copernicus"
    names = ("month_in_year", "day_in_week", "hour_in_day")
    found = read_profiles(*(folder / f"timeprofiles-{name}.csv" for name in names))
    assert "A" in found and found["A"].month[0] == 1.2


def test_a_profile_that_does_not_sum_to_one_is_named(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "inventories" / "profiles" / "copernicus"
    bad = tmp_path / "day.csv"
    bad.write_text((folder / "timeprofiles-day_in_week.csv").read_text().replace("0.85,0.85", "0.85,2.85", 1))
    files = [folder / "timeprofiles-month_in_year.csv", bad, folder / "timeprofiles-hour_in_day.csv"]
    with pytest.raises(InputError, match=r"day.csv, sector A: a profile does not sum to one"):
        read_profiles(*files)
    bad.write_text("GNFR,mon\nA,1\n")
    with pytest.raises(InputError, match="lacks columns"):
        read_profiles(*files)
