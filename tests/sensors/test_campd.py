"""CAMPD bulk files of every kind and generation, written by hand, and what can be wrong with them."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Method, Reason
from ghg.core.time import seconds
from sensors.config import CampdReader
from sensors.readers import read

TON, MMBTU, LB = 907.18474, 1055.05585262e6, 0.45359237
OLD = (
    '"STATE","FACILITY_NAME","ORISPL_CODE","UNITID","OP_DATE","OP_HOUR","OP_TIME","GLOAD (MW)",'
    '"SLOAD (1000lb/hr)","CO2_MASS (tons)","CO2_MASS_MEASURE_FLG","HEAT_INPUT (mmBtu)","FAC_ID","UNIT_ID"'
)
NEW = (
    "State,Facility Name,Facility ID,Unit ID,Date,Hour,Operating Time,"
    "Gross Load (MW),Steam Load (1000 lb/hr),"
    "CO2 Mass (short tons),CO2 Mass Measure Indicator,Heat Input (mmBtu)"
)
DAILY = (
    "State,Facility Name,Facility ID,Date,Gross Load (MWh),Steam Load (1000 lb),CO2 Mass (short tons),"
    "Heat Input (mmBtu)"
)


def old_row(
    hour: int,
    co2: Any,
    flag: str = "Measured",
    *,
    time: float = 1.0,
    day: str = "03-11-2018",
    unit: str = "1",
    facility: int = 113,
    state: str = "AZ",
    load: Any = 100,
    heat: Any = 1000.0,
) -> str:
    values = (state, "Cholla, plant", facility, unit, day, hour, time, load, "", co2, flag, heat, 9, 99)
    return ",".join(f'"{v}"' for v in values)


def write(folder: Path, name: str, header: str, rows: list[str]) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def load(*paths: Path | str, **options: Any) -> Any:
    return read(CampdReader(files=tuple(map(str, paths)), **options))


def test_old_hourly(tmp_path: Path) -> None:
    path = write(tmp_path, "old.csv", OLD, [old_row(2, 98.9), old_row(3, 49.45, time=0.5, load=80)])
    ds = load(path)
    assert ds.source.values.tolist() == ["113-1"] and ds.facility.values.tolist() == ["113"]
    assert ds.facility_name.values.tolist() == ["Cholla, plant"] and ds.unit.values.tolist() == ["1"]
    # 02:00 Mountain standard time is 09:00 UTC; elsewhere in that zone the clocks went forward
    assert ds.time.values[0] == np.datetime64("2018-03-11T09:00")
    np.testing.assert_allclose(ds.emission.values[0] * 3600.0 / TON, [98.9, 49.45], rtol=1e-12)
    np.testing.assert_allclose(ds.heat_input.values[0] * 3600.0 / MMBTU, [1000.0, 1000.0], rtol=1e-9)
    np.testing.assert_allclose(ds.gross_load.values[0], [100e6, 40e6], rtol=1e-12)  # a rate times operating time
    assert "steam_load" not in ds  # the column is blank throughout
    assert ds.emission.attrs["rounding"] == pytest.approx(0.05 * TON / 3600.0)
    assert ds.heat_input.attrs["calorific_basis"] == "gross"
    assert ds.attrs["timezone"] == "UTC-07:00" and "looked up by state: AZ" in ds.attrs["notes"]


def test_new_hourly_is_the_same(tmp_path: Path) -> None:
    old = load(write(tmp_path, "old.csv", OLD, [old_row(2, 98.9), old_row(3, 50.0, time=0.5)]))
    rows = [
        'AZ,"Cholla, plant",113,1,2018-03-11,2,1,100,,98.9,Measured,1000',
        'AZ,"Cholla, plant",113,1,2018-03-11,3,0.5,100,,50,Measured,1000',
    ]
    new = load(write(tmp_path, "new.csv", NEW, rows))
    for name in old.data_vars:
        np.testing.assert_array_equal(old[name].values, new[name].values)


def test_steam_load(tmp_path: Path) -> None:
    rows = ["AZ,x,113,1,2018-01-01,0,0.5,,200,10,Measured,100"]
    ds = load(write(tmp_path, "s.csv", NEW, rows))
    assert float(ds.steam_load[0, 0]) == pytest.approx(200e3 * LB * 0.5 / 3600.0)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "zip"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_packings(tmp_path: Path, suffix: str, bom: bytes) -> None:
    text = bom + "\r\n".join([OLD, old_row(0, 1.5)]).encode()
    path = tmp_path / f"f.{suffix}"
    if suffix == "csv":
        path.write_bytes(text)
    elif suffix == "csv.gz":
        path.write_bytes(gzip.compress(text))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("f.csv", text)
    assert float(load(path).emission[0, 0]) == pytest.approx(1.5 * TON / 3600.0)


def test_folder_pattern_and_relative_paths(tmp_path: Path) -> None:
    write(tmp_path, "a1.csv", OLD, [old_row(0, 1.0)])
    write(tmp_path, "a2.csv", OLD, [old_row(1, 2.0)])
    (tmp_path / "notes.txt").write_text("not a table")
    for pattern in (str(tmp_path), str(tmp_path / "a*.csv")):
        assert load(pattern).sizes["time"] == 2
    assert read(CampdReader(files=("a?.csv",)), base=tmp_path).sizes["time"] == 2
    with pytest.raises(InputError, match="no file fits"):
        load(str(tmp_path / "b*.csv"))
    with pytest.raises(InputError, match="does not exist"):
        load(str(tmp_path / "b.csv"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no table"):
        load(str(tmp_path / "empty"))


def test_standing_still_is_zero_and_a_blank_running_hour_is_missing(tmp_path: Path) -> None:
    rows = [
        old_row(0, "", "", time=0.0, heat="", load=""),
        old_row(1, ""),
        old_row(2, 5.0),
        old_row(4, 5.0),
        old_row(4, 7.0, unit="2"),
    ]
    ds = load(write(tmp_path, "f.csv", OLD, rows))
    one, two = ds.emission.values
    assert one[0] == 0.0 and np.isnan(one[1]) and one[2] > 0 and np.isnan(one[3])
    assert np.isnan(two[:4]).all() and two[4] > 0
    assert ds.emission_flag.values[0].tolist() == [
        Flag.GOOD,
        Flag.MISSING,
        Flag.GOOD,
        Flag.MISSING,
        Flag.GOOD,
    ]
    assert ds.emission_reason.values[0, 0] == Reason.NOT_OPERATING
    assert ds.emission_reason.values[0, 1] == Reason.MISSING
    assert ds.emission_reason.values[0, 3] == Reason.GAP
    assert ds.heat_input.values[0, 0] == 0.0 and ds.operating_time.values[0, 0] == 0.0
    assert ds.emission_u_random.values[0, 0] == 0.0 and np.isnan(ds.emission_u_systematic.values[0, 1])
    np.testing.assert_array_equal(seconds(ds.time_bounds), 3600.0)


def test_methods_of_the_measure_indicator(tmp_path: Path) -> None:
    words = [
        "Measured",
        "Calculated",
        "Substitute",
        "Measured and Substitute",
        "LME",
        "Unknown Code",
        "Other",
        "New word",
    ]
    ds = load(write(tmp_path, "f.csv", OLD, [old_row(h, 10.0, w) for h, w in enumerate(words)]))
    want = [
        Method.DIRECT,
        Method.FUEL_FLOW,
        Method.SUBSTITUTE,
        Method.SUBSTITUTE,
        Method.DEFAULT,
        *[Method.UNKNOWN] * 3,
    ]
    assert ds.emission_method.values[0].tolist() == want
    assert ds.emission_flag.values[0].tolist() == [1, 1, 3, 3, 1, 1, 1, 1]
    assert ds.emission_reason.values[0, 2] == Reason.SUBSTITUTED
    assert ds.emission_reason.values[0, 4] == Reason.DEFAULT_USED
    assert "New word" in ds.attrs["notes"]
    names = ds.emission_u_systematic.attrs["components"].split()
    assert set(names) == {"flow", "concentration", "heat_input", "f_factor", "substitution"}
    flow = ds.emission_u_systematic_flow.values[0] > 0
    assert flow.tolist() == [True, False, True, True, False, True, True, True]
    assert (ds.emission_u_systematic_heat_input.values[0] > 0).tolist() == [False, True, *[False] * 6]
    whole = np.sqrt(sum(ds[f"emission_u_systematic_{n}"] ** 2 for n in names))
    np.testing.assert_allclose(ds.emission_u_systematic, whole, rtol=1e-14)


def test_overridden_uncertainty_and_tier(tmp_path: Path) -> None:
    path = write(tmp_path, "f.csv", OLD, [old_row(0, 100.0)])
    flow = {"systematic": {"relative": 0.06, "form": "limit", "source": "RATA"}}
    ds = load(path, uncertainty={"flow": flow})
    ratio = ds.emission_u_systematic_flow / ds.emission
    np.testing.assert_allclose(ratio, 0.06 / np.sqrt(3.0))
    tier = load(path, mrr_tier=4)
    np.testing.assert_allclose(tier.emission_u_systematic / tier.emission, 0.025 / 1.96)
    with pytest.raises(InputError, match=r"unknown component.*wind"):
        load(path, uncertainty={"wind": flow})
    absolute = {"systematic": {"absolute": 1.0, "units": "kg s-1"}}
    with pytest.raises(InputError, match="relative uncertainties only"):
        load(path, uncertainty={"flow": absolute})


def test_negative_and_absurd_values(tmp_path: Path) -> None:
    rows = [old_row(0, -5.0), old_row(1, 9000.0), old_row(2, 100.0, time=1.5), old_row(3, 5.0, time=0.0)]
    ds = load(write(tmp_path, "f.csv", OLD, rows))
    assert ds.emission_flag.values[0].tolist() == [Flag.BAD, Flag.BAD, Flag.SUSPECT, Flag.SUSPECT]
    reasons = [Reason(int(r)) for r in ds.emission_reason.values[0]]
    assert reasons == [Reason.NEGATIVE, Reason.OUT_OF_RANGE, Reason.OUT_OF_RANGE, Reason.INCONSISTENT]
    np.testing.assert_allclose(ds.emission.values[0] * 3600.0 / TON, [-5.0, 9000.0, 100.0, 5.0])  # kept


def test_repeated_hours(tmp_path: Path) -> None:
    one = write(tmp_path, "one.csv", OLD, [old_row(0, 1.0), old_row(1, 2.0)])
    same = write(tmp_path, "same.csv", OLD, [old_row(1, 2.0), old_row(2, 3.0)])
    other = write(tmp_path, "other.csv", OLD, [old_row(1, 2.5)])
    ds = load(one, same)
    np.testing.assert_allclose(ds.emission.values[0] * 3600.0 / TON, [1.0, 2.0, 3.0])
    assert ds.emission_reason.values[0].tolist() == [0, Reason.DUPLICATE, 0]
    assert "1 records repeated identically" in ds.attrs["notes"]
    with pytest.raises(InputError, match=r"one.csv and other.csv.*113-1 has two different records of 2018-03-11T01"):
        load(one, other)
    with pytest.raises(InputError, match=r"^twice.csv:.*two different records"):
        load(write(tmp_path, "twice.csv", OLD, [old_row(0, 1.0), old_row(0, 1.1)]))


def test_filters(tmp_path: Path) -> None:
    rows = [
        old_row(h, 1.0 + h, facility=f, unit=u, day=d)
        for f in (113, 114)
        for u in ("1", "2")
        for d in ("01-01-2018", "01-02-2018")
        for h in (0, 1)
    ]
    path = write(tmp_path, "f.csv", OLD, rows)
    assert load(path).sizes == {"source": 4, "time": 26, "bounds": 2}
    assert load(path, facility=113).source.values.tolist() == ["113-1", "113-2"]
    assert load(path, unit=[2]).source.values.tolist() == ["113-2", "114-2"]
    assert load(path, period=("2018-01-02", "2018-01-03")).time.values[0] == np.datetime64("2018-01-02T07:00")
    with pytest.raises(InputError, match=r"no record is left.*facility 999"):
        load(path, facility="999")


def test_time_zones(tmp_path: Path) -> None:
    rows = [old_row(0, 1.0, facility=1, state="ID"), old_row(0, 2.0, facility=2, state="ID")]
    path = write(tmp_path, "f.csv", OLD, rows)
    ds = load(path, timezones={"1": "UTC-08:00"})
    assert ds.time.values.tolist() == [np.datetime64(f"2018-03-11T0{h}:00", "ns").astype(int) for h in (7, 8)]
    assert np.isnan(ds.emission.values).tolist() == [[True, False], [False, True]]
    assert ds.attrs["timezone"] == "UTC-08:00 UTC-07:00" or ds.attrs["timezone"] == "UTC-07:00 UTC-08:00"
    assert load(path, timezone="UTC-09:00").time.values[0] == np.datetime64("2018-03-11T09:00")
    assert "two zones" in load(path).attrs["notes"]
    with pytest.raises(InputError, match=r"time zone is not known.*'XX'"):
        load(write(tmp_path, "x.csv", OLD, [old_row(0, 1.0, state="XX")]))
    for zone in ("America/Boise", "-7", "MST"):
        with pytest.raises(ValidationError, match="fixed offset"):
            CampdReader(files=("f",), timezone=zone)


@pytest.mark.parametrize("form", ["1/2/13", "01/02/2013", "01-02-2013", "2013-01-02", "2013-1-2"])
def test_dates(tmp_path: Path, form: str) -> None:
    ds = load(write(tmp_path, "d.csv", DAILY, [f"PA,x,5,{form},,100,10,90"]))
    np.testing.assert_array_equal(
        ds.time_bounds.values[0], np.array(["2013-01-02T05", "2013-01-03T05"], "datetime64[ns]")
    )


def test_two_digit_years(tmp_path: Path) -> None:
    ds = load(write(tmp_path, "d.csv", DAILY, ["PA,x,5,12/31/99,,,10,90", "PA,x,5,1/1/00,,,10,90"]))
    assert ds.time.values.astype("datetime64[D]").astype(str).tolist() == ["1999-12-31", "2000-01-01"]


def test_daily(tmp_path: Path) -> None:
    rows = ["PA,x,5,1/1/13,240,2400,2880,24000", "PA,x,5,1/2/13,,,,", "PA,x,5,1/3/13,,100,,90"]
    path = write(tmp_path, "d.csv", DAILY, rows)
    ds = load(path)
    assert ds.source.values.tolist() == ["5"] and "unit" not in ds.coords
    assert float(ds.emission[0, 0]) == pytest.approx(2880 * TON / 86400)
    assert float(ds.gross_load[0, 0]) == pytest.approx(10e6) and float(ds.steam_load[0, 0]) == pytest.approx(
        2.4e6 * LB / 86400
    )
    assert ds.emission.values[0, 1] == 0.0 and np.isnan(ds.emission.values[0, 2])
    assert ds.emission_flag.values[0].tolist() == [Flag.GOOD, Flag.NOT_EVALUATED, Flag.MISSING]
    assert ds.emission_method.values[0].tolist() == [Method.UNKNOWN] * 3
    assert "rounding" not in ds.emission.attrs
    assert set(ds.emission_u_systematic.attrs["components"].split()) == {"flow", "concentration"}
    missing = load(path, blank_day="missing")
    assert missing.emission_flag.values[0].tolist() == [Flag.GOOD, Flag.MISSING, Flag.MISSING]
    rows.append("TX,y,6,1/1/13,240,2400,2880,24000")
    with pytest.raises(InputError, match="several time zones"):
        load(write(tmp_path, "d.csv", DAILY, rows))


def test_monthly_quarterly_annual(tmp_path: Path) -> None:
    tail = "Gross Load (MWh),CO2 Mass (short tons),Heat Input (mmBtu),Sum of the Operating Time"
    head = f"State,Facility ID,Unit ID,Year,{{}}{tail}"
    month = load(
        write(
            tmp_path,
            "m.csv",
            head.format("Month,"),
            ["AZ,1,A,2012,2,7,29,10,696", "AZ,1,A,2012,4,7,30,10,72"],
        )
    )
    assert month.sizes["time"] == 3 and np.isnan(month.emission.values[0, 1])
    assert seconds(month.time_bounds)[0] == 29 * 86400
    assert float(month.emission[0, 0]) == pytest.approx(TON / 86400)
    np.testing.assert_allclose(month.operating_time.values[0], [1.0, np.nan, 0.1])
    quarter = load(write(tmp_path, "q.csv", head.format("Quarter,"), ["AZ,1,A,2012,4,7,29,10,24"]))
    assert quarter.time.values[0] == np.datetime64("2012-10-01T07")
    year = load(write(tmp_path, "y.csv", head.format(""), ["AZ,1,A,2012,7,366,4000,24", "PA,2,A,2012,7,,,"]))
    assert year.source.values.tolist() == ["1-A", "2-A"]
    assert float(year.emission[0, 0]) == pytest.approx(TON / 86400)
    assert year.emission_flag.values[:, 0].tolist() == [Flag.GOOD, Flag.MISSING]
    assert "put on" in year.attrs["notes"]
    with pytest.raises(InputError, match=r"kinds are mixed.*annual, quarterly"):
        load(tmp_path / "q.csv", tmp_path / "y.csv")


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            OLD.replace('"CO2_MASS (tons)"', '"HG_MASS (lbs)"'),
            [old_row(0, 1)],
            "not a CAMPD.*HG_MASS.*needed CO2 Mass",
        ),
        (OLD.replace('"ORISPL_CODE"', '"CODE"'), [old_row(0, 1)], "needed Facility ID"),
        (
            OLD.replace("(tons)", "(stones)"),
            [old_row(0, 1)],
            "unit of column 'CO2_MASS \\(stones\\)'.*'stones'",
        ),
        (OLD.replace("(mmBtu)", "(tons)"), [old_row(0, 1)], "HEAT_INPUT.*wrong kind"),
        (OLD, [old_row(24, 1)], "OP_HOUR.*out of range.*24"),
        (OLD, [old_row(0, 1, day="13-41-2018")], "date cannot be read.*13-41-2018"),
        (OLD, [old_row(0, "n/a")], "line 2.*holds a text.*n/a"),
        (OLD, [], "holds no record"),
        (OLD, ['"AZ","x"'], "line 2.*another number of fields"),
        (OLD, [old_row(0, 1, facility="")], "no facility code"),  # type: ignore[arg-type]
        ("a,b", ["1,2"], "not a CAMPD"),
    ],
)
def test_faults(tmp_path: Path, header: str, rows: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(write(tmp_path, "f.csv", header, rows))
    assert caught.value.exit_code == 2 and "f.csv" in str(caught.value)


def test_metric_tons_are_read_as_they_say(tmp_path: Path) -> None:
    ds = load(write(tmp_path, "f.csv", OLD.replace("(tons)", "(metric tons)"), [old_row(0, 36.0)]))
    assert float(ds.emission[0, 0]) == pytest.approx(10.0)


def test_zero_bytes(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"f.csv.*empty"):
        load(tmp_path / "f.csv")


def test_blocks_of_any_size_give_one_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ghg.core.provenance import digest
    from sensors.readers import blocks, campd

    rows = [old_row(h, 1.0 + h + k, unit=u, facility=f, flag=("Measured", "Substitute", "LME")[(h + k) % 3])
            for h in range(5) for k, (f, u) in enumerate([(7, "B"), (113, "2"), (7, "A"), (113, "B"), (9, "2")])
            if h or k < 2]  # fmt: skip
    path = write(tmp_path, "a.csv", OLD, rows)
    whole = load(path)
    assert whole["source"].values.tolist() == ["7-B", "7-A", "113-B", "113-2", "9-2"]
    for size in (100, 450):
        monkeypatch.setattr(campd, "read_blocks", lambda path, size=size: blocks.read_blocks(path, size))
        assert digest(load(path)) == digest(whole)
        assert load(path, facility=(113,)).sizes["source"] == 2
    write(tmp_path, "a.csv", OLD, [*rows, old_row(24, 1.0, facility=7, unit="B")])
    with pytest.raises(InputError, match=f"record {len(rows) + 1}.*24"):
        load(path)
