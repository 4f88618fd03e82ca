"""Series of analysers and networks: real files of each format, read to the digits that stand in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason
from sensors.readers.series import read_series, recognise


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "sensors"


def test_tower_minutes(folder: Path) -> None:
    ds = read_series(folder / "crds" / "tac.picarro.1minute.100m.201208.dat.gz")
    assert int(ds["co2"].notnull().sum()) == int(ds["ch4"].notnull().sum()) == 24_948  # notes: 24.9 k minutes
    assert ds["co2"].attrs["units"] == "umol mol-1"
    assert ds["ch4"].attrs["units"] == "nmol mol-1"
    assert (ds["co2_flag"].where(ds["co2"].isnull(), drop=True) == Flag.MISSING).all()


def test_tower_files_with_faults(folder: Path) -> None:
    ds = read_series(folder / "crds" / "bsd.picarro.1minute.42m.dupes.dat")
    assert ds.sizes["time"] == 3
    assert "3 records repeat a stamp" in ds.attrs["notes"]
    assert float(ds["ch4"][0]) == 1960.84
    assert ds["time"].values[0] == np.datetime64("2014-01-30T11:15:30")
    ds = read_series(folder / "crds" / "bsd.picarro.1minute.108m.min.dat")
    late = (ds["co2_reason"] & Reason.INCONSISTENT) != 0
    assert int(late.sum()) == 12
    assert "dated after the creation" in ds.attrs["notes"]
    assert (np.diff(ds["time"].values) > np.timedelta64(0)).all()


def test_icos_level_2(folder: Path) -> None:
    ds = read_series(folder / "icos" / "ICOS_ATC_L2_L2-2024.1_RGL_90.0_CTS.CH4")
    one = ds.sel(time="2021-02-26T22:00")
    assert float(one["ch4"]) == 2000.91
    assert float(one["ch4_sd"]) == 2.847
    assert float(one["ch4_n"]) == 49
    assert float(one["ch4_ltr"]) == 0.177
    assert float(one["ch4_cmr"]) == 0.215
    assert float(one["ch4_sttb"]) == -0.609
    assert float(one["ch4_without_spikes_sd"]) == 2.848
    assert int(one["ch4_flag"]) == Flag.GOOD
    first = ds.isel(time=0)
    assert int(first["ch4_flag"]) == Flag.MISSING
    assert int(first["ch4_reason"]) & Reason.MANUAL
    assert ds["ch4"].attrs["scale"] == "WMO X2004A"  # the instrument of unknown scale has no value here
    assert ds.attrs["latitude"] == 51.9975


def test_icos_exports_with_blanks_and_commas(folder: Path) -> None:
    ds = read_series(folder / "icos" / "tta.co2.1minute.222m.min.dat")
    assert float(ds["co2"][1]) == 401.645
    assert int(ds["co2_flag"][0]) == Flag.MISSING
    ope = read_series(folder / "icos_ope" / "OPE_2011-2019_co2_120m.csv.gz")
    counts = dict(zip(*np.unique(ope["co2_flag"], return_counts=True), strict=True))
    assert counts[Flag.GOOD] == 60_207  # notes: O 60,207, U 5,987; N and K carry no value
    assert counts[Flag.NOT_EVALUATED] == 5_987
    assert counts[Flag.MISSING] == 5_488 + 170


def test_noaa_events(folder: Path) -> None:
    ds = read_series(folder / "noaa" / "ch4_scsn06_surface-flask_1_ccgg_event.txt")
    assert ds.sizes["time"] == 10
    assert float(ds["ch4"][0]) == 1713.21
    assert float(ds["ch4_u_random"][0]) == 2.4
    assert float(ds["longitude"][0]) == 107.98
    assert ds["time"].values[0] == ds["time"].values[1] == np.datetime64("1991-07-05T17:00")  # flasks come in pairs
    co = read_series(folder / "noaa" / "co_pocn25_surface-flask_1_ccgg_event.txt")
    assert int((co["co_flag"] == Flag.BAD).sum()) == 10


def test_obspack_units_come_from_the_attribute(folder: Path) -> None:
    tower = read_series(folder / "noaa" / "ch4_bao_tower-insitu_1_ccgg_all.nc")  # nanomol mol-1
    flask = read_series(folder / "noaa" / "ch4_esp_surface-flask_2_representative.nc")  # mol mol-1
    for ds in (tower, flask):
        assert ds["ch4"].attrs["units"] == "nmol mol-1"
        assert 1700 < float(ds["ch4"].mean()) < 2000
    assert flask["ch4"].attrs["scale"] == "WMO CH4 X2004A"
    polar = read_series(folder / "noaa" / "ch4_spf_surface-flask_1_ccgg_Event.nc")
    assert float(polar["ch4"].min()) > 0
    assert int((polar["ch4_flag"] == Flag.MISSING).sum()) > 0


def test_tables_by_map(folder: Path) -> None:
    path = folder / "networks" / "THAMESBARRIER" / "thames_test_20190707.csv"
    with pytest.raises(InputError, match="no map of columns"):
        read_series(path)
    ds = read_series(path, time="Date", columns={"co2": ("CO2", "umol mol-1"), "ch4": ("Methane", "umol mol-1")})
    assert float(ds["co2"][0]) == pytest.approx(417.973447605473)
    assert ds["ch4"].attrs["units"] == "umol mol-1"
    mlo = read_series(folder / "mauna_loa" / "co2_mm_mlo.csv", time="decimal date", time_format="decimal year",
                      columns={"co2": ("average", "umol mol-1")}, missing=-99.99)  # fmt: skip
    assert mlo.sizes["time"] == 806
    assert recognise(path) == "table"
