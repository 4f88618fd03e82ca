"""Series readers: LGR and LI-COR logs as the analysers write them, and everything that can be wrong with a file."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason
from sensors.readers.series import read_series, recognise

LGR_HEAD = ("VC:904M BD:May 23 2013 SN:LGR-13-0171\n                     Time,      [CH4]_ppm,   [CH4]_ppm_sd,"
            "      [H2O]_ppm,      [CO2]d_ppm,  [CO2]d_ppm_sd,     [CH4]d_ppm,      GasP_torr,         GasT_C,"
            "       Fit_Flag,      MIU_VALVE,       MIU_DESC\n")  # fmt: skip
LGR_ROW = "  {}, 1.904e+00, 1.0e-03, 6.4e+03, 4.0521e+02, 2.0e-01, 1.9161e+00, 1.4e+02, 2.5e+01, {}, 0, 1 meters\n"
LICOR = (
         "Model:\tLI-7810\nSN:\tTG10-01234\nSoftware Version:\t2.3.8\nTimestamp:\t2020-07-14 12:00:00\n"
         "Timezone:\tEurope/Berlin\n"
         "DATAH\tSECONDS\tNANOSECONDS\tNDX\tDIAG\tREMARK\tDATE\tTIME\tH2O\tCO2\tCH4\tCAVITY_P\tCAVITY_T\n"
         "DATAU\tsecs\tnsecs\tindex\tdiag\t\tdate\ttime\tppm\tppm\tppb\tkPa\tC\n"
         "DATA\t1594720800\t500000000\t1\t0\t\t2020-07-14\t12:00:00\t11000.5\t405.5\t1905.25\t40.01\t55.0\n"
         "DATA\t1594720801\t500000000\t2\t8\ttank 1\t2020-07-14\t12:00:01\t11001.5\t406.5\t1906.25\t40.01\t55.0\n"
)  # fmt: skip
TOWER = ("Created: 28 Sep 20 07:34 GMT\n     -      -         -    -       co2     co2   co2\n"
         "  date   time      type port         C   stdev     N\n")  # fmt: skip
ROW = "140130 {} air 9 409.69 0.05 26\n"


def write(folder: Path, text: str, name: str = "file.dat") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_lgr_log(tmp_path: Path) -> None:
    text = LGR_HEAD + LGR_ROW.format("30/01/2015 15:13:47.994", 3) + LGR_ROW.format("30/01/2015 15:13:48.994", 0)
    path = write(tmp_path, text + "-----BEGIN PGP MESSAGE-----\nabc\n")
    assert recognise(path) == "lgr"
    ds = read_series(path)
    assert ds["time"].values[0] == np.datetime64("2015-01-30T15:13:47.994")
    assert float(ds["co2"][0]) == 405.21
    assert float(ds["ch4"][0]) == pytest.approx(1916.1)
    assert float(ds["ch4_wet"][0]) == pytest.approx(1904.0)
    assert float(ds["ch4_wet_sd"][0]) == pytest.approx(1.0)
    assert (float(ds["h2o"][0]), ds["h2o"].attrs["units"]) == (6400.0, "umol mol-1")
    assert ds["ch4"].attrs["humidity"] == "dry"
    assert list(ds["co2_flag"].values) == [Flag.NOT_EVALUATED, Flag.BAD]
    assert int(ds["co2_reason"][1]) & Reason.FAULT
    assert ds.attrs["instrument"] == "LGR-13-0171"


def test_lgr_dates(tmp_path: Path) -> None:
    both = write(tmp_path, LGR_HEAD + LGR_ROW.format("03/04/2020 00:00:00.000", 3))
    assert read_series(both)["time"].values[0] == np.datetime64("2020-03-04")
    assert "day or month first" in read_series(both).attrs["notes"]
    assert read_series(both, day_first=True)["time"].values[0] == np.datetime64("2020-04-03")
    year = write(tmp_path, LGR_HEAD + LGR_ROW.format("2020/08/22 14:22:55.041", 3))
    assert read_series(year)["time"].values[0] == np.datetime64("2020-08-22T14:22:55.041")
    with pytest.raises(InputError, match="stamp is no date"):
        read_series(write(tmp_path, LGR_HEAD + LGR_ROW.format("13/14/2020 00:00:00.000", 3)))
    with pytest.raises(InputError, match="a stamp cannot be read"):  # only seconds have a fraction
        read_series(write(tmp_path, LGR_HEAD + LGR_ROW.format("3./04/2020 00:00:00.000", 3)))


def test_licor_log(tmp_path: Path) -> None:
    ds = read_series(write(tmp_path, LICOR))
    assert ds["time"].values[0] == np.datetime64("2020-07-14T10:00:00.5")  # SECONDS are UTC, DATE and TIME are not
    assert float(ds["co2"][0]) == 405.5
    assert float(ds["ch4"][1]) == 1906.25
    assert ds["cavity_p"].attrs["units"] == "kPa"
    assert list(ds["ch4_flag"].values) == [Flag.NOT_EVALUATED, Flag.SUSPECT]
    assert "remark 'tank 1'" in ds.attrs["notes"]
    assert ds.attrs["instrument"] == "LI-7810 TG10-01234"


def test_repeated_and_falling_stamps(tmp_path: Path) -> None:
    text = TOWER + ROW.format("111530") + ROW.format("111430") + ROW.format("111530").replace("409.69", "411.00")
    ds = read_series(write(tmp_path, text))
    assert list(ds["co2"].values) == [409.69, 409.69]
    assert int(ds["co2_flag"][1]) == Flag.SUSPECT
    assert int(ds["co2_reason"][1]) & Reason.DUPLICATE
    assert "fell 1 times" in ds.attrs["notes"]
    assert "1 differ" in ds.attrs["notes"]


def test_a_log_that_is_still_being_written(tmp_path: Path) -> None:
    ds = read_series(write(tmp_path, TOWER + ROW.format("111530") + "140130 111630 air 9 40"))
    assert ds.sizes["time"] == 1
    assert "cut off" in ds.attrs["notes"]
    ds = read_series(write(tmp_path, LICOR + "DATA\t15947208"))
    assert ds.sizes["time"] == 2


@pytest.mark.parametrize(("text", "message"), [
    ("", "empty"),
    ("\n \n", "empty"),
    (TOWER, "no record"),
    (TOWER + ROW.format("111530").replace("409.69", "409,69"), "decimal commas"),
    (TOWER + ROW.format("256199"), "stamp cannot be read"),
    (TOWER + "140130 111530 air 9 409.69\n" + ROW.format("111630"), "wrong number of fields"),
    (TOWER + ROW.format("111530").replace("air", "std"), "no row is of type"),
    (LGR_HEAD + LGR_ROW.format("30/01/2015 15:13:47.994", 3) + LGR_HEAD.splitlines()[1] + "\n", "second time"),
    (LICOR + "DATAH\tSECONDS\tCO2\n", "header changes"),
    ("Site Year Month Day Hour Minute co2 Flag\nX 2011 03 30 08 52 401.6 Z\n", "flag has no meaning"),
])  # fmt: skip
def test_bad_files_are_refused_in_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_series(write(tmp_path, text))
    assert "file.dat" in str(caught.value)


def test_infinities_become_missing_with_a_flag(tmp_path: Path) -> None:
    ds = read_series(write(tmp_path, TOWER + ROW.format("111530").replace("409.69", "inf") + ROW.format("111630")))
    assert np.isnan(float(ds["co2"][0]))
    assert list(ds["co2_flag"].values) == [Flag.MISSING, Flag.NOT_EVALUATED]


def test_damaged_compression_and_binary_files(tmp_path: Path) -> None:
    path = tmp_path / "cut.dat.gz"
    path.write_bytes(gzip.compress((TOWER + ROW.format("111530") * 50).encode())[:-9])
    with pytest.raises(InputError, match="damaged or cut off"):
        read_series(path)
    binary = tmp_path / "x.csv"
    binary.write_bytes(b"\0\1\2\3")
    with pytest.raises(InputError, match="no text"):
        read_series(binary, "tower")
    with pytest.raises(InputError, match="format is unknown"):
        read_series(binary, "gcwerks")
