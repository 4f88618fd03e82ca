"""Readers of text as targets for damaged files: a small valid file of each (a piece of a real one where there is one),
and how it is read."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import fuzz_mutations as damage

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
Reader = Callable[[Path], Any]


@dataclass(frozen=True)
class Target:
    """One reader.

    Parameters
    ----------
    name : str
    seeds : callable
        Returns valid files: name and content.
    read : callable
        Reads a file.
    kinds : tuple
        Damages that make sense.
    beside : dict
        Other files that must stand beside the damaged one.
    """

    name: str
    seeds: Callable[[], list[tuple[str, bytes]]]
    read: Reader
    kinds: tuple[damage.Damage, ...] = damage.TEXT
    beside: Callable[[], dict[str, bytes]] = field(default=dict)


def piece(path: str, first: int, root: Path = SHARED) -> Callable[[], list[tuple[str, bytes]]]:
    """Return the first lines of a real file."""

    def seeds() -> list[tuple[str, bytes]]:
        import gzip

        file = root / path
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        return [(file.name.removesuffix(".gz"), b"\n".join(data.split(b"\n")[:first]) + b"\n")]

    return seeds


def text(name: str, *contents: str) -> Callable[[], list[tuple[str, bytes]]]:
    """Return texts made here."""
    return lambda: [(name, one.encode()) for one in contents]


# ---- stacks --------------------------------------------------------------------------------------------------------

CAMPD = (
    "State,Facility Name,Facility ID,Unit ID,Date,Hour,Operating Time,Gross Load (MW),Steam Load (1000 lb/hr),"
    "CO2 Mass (short tons),CO2 Mass Measure Indicator,Heat Input (mmBtu)\n"
    + "".join(f'AZ,"Cholla, plant",113,{u},2018-03-{d:02d},{h},1,{100 + h},,98.9,Measured,1000.5\n'
              for u in (1, 2) for d in (11, 12) for h in (2, 3)),
    '"STATE","FACILITY_NAME","ORISPL_CODE","UNITID","OP_DATE","OP_HOUR","OP_TIME","GLOAD (MW)","SLOAD (1000lb/hr)",'
    '"CO2_MASS (tons)","CO2_MASS_MEASURE_FLG","HEAT_INPUT (mmBtu)","FAC_ID","UNIT_ID"\n'
    + "".join(f'"AZ","Cholla",113,"1","03-11-2018",{h},1,{100 + h},,98.9,"Measured",1000.5,9,99\n' for h in range(4)),
)  # fmt: skip


def _campd(path: Path) -> Any:
    from sensors.config import CampdReader
    from sensors.readers import read

    return read(CampdReader(files=(str(path),)))


TABLE = (
    "时间,烟气流量(m3/h),CO2浓度(mg/m3),烟温(℃),静压(Pa),湿度(%)\n"
    + "".join(f"2024-03-01 {h:02d}:00,1000{h}00,200000,{50 + h},-200,10.5\n" for h in range(6)),
    "时间;烟气流量(m3/h);CO2浓度(mg/m3);烟温(℃);静压(Pa);湿度(%)\n"
    + "".join(f"2024-03-{d:02d} 00:00;1e6;2.0e5;50;-200;{d}\n" for d in range(1, 5)),
)


def _table_reader(path: Path) -> Any:
    from sensors.config import TableReader

    state = {"temperature": "0 degC", "pressure": "101.325 kPa", "humidity": "dry"}
    return TableReader.model_validate({
        "format": "table", "files": str(path),
        "time": {"column": "时间", "timezone": "Asia/Shanghai", "label": "start"},
        "columns": {"flow": {"column": "烟气流量(m3/h)", "units": "m3 h-1", "state": "actual"},
                    "concentration": {"column": "CO2浓度(mg/m3)", "units": "mg m-3", "state": state},
                    "temperature": {"column": "烟温(℃)", "units": "degC"},
                    "pressure": {"column": "静压(Pa)", "units": "Pa", "gauge": True},
                    "h2o": {"column": "湿度(%)", "units": "percent"}}})  # fmt: skip


def read_stack_table(path: Path) -> Any:
    """Read a table of stack records."""
    from sensors.readers import read

    return read(_table_reader(path))


def _monthly(path: Path) -> Any:
    from sensors.config import TableReader
    from sensors.readers import read

    return read(TableReader.model_validate({
        "format": "table", "files": str(path), "source_column": "stack", "method_column": "how",
        "methods": {"m": "direct", "s": "substitute"}, "columns": {"emission": {"column": "t", "units": "t"}},
        "time": {"column": "month", "timezone": "America/New_York", "label": "start",
                 "interval": "month"}}))  # fmt: skip


def workbook(rows: list[list[Any]], title: str = "Sheet") -> bytes:
    """Return a workbook of one sheet, the same at any time."""
    import openpyxl

    book = openpyxl.Workbook()
    book.worksheets[0].title = title
    for row in rows:
        book.worksheets[0].append(row)
    made, undated = io.BytesIO(), io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as given, zipfile.ZipFile(undated, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in given.namelist():
            content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2024-01-01T00:00:00Z", given.read(name))
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return undated.getvalue()


def ecmps_hours() -> list[tuple[str, bytes]]:
    """Return ECMPS emissions of three hours."""

    def reading(code: str, number: float) -> dict[str, Any]:
        return {"parameterCode": code, "unadjustedHourlyValue": number, "adjustedHourlyValue": None, "modcCode": "01",
                "moistureBasis": None}  # fmt: skip

    hours = [{"unitId": "1", "stackPipeId": None, "date": "2021-07-01", "hour": h, "operatingTime": 1.0,
              "hourLoad": 400, "loadUnitsOfMeasureCode": "MW",
              "monitorHourlyValueData": [reading("CO2C", 12.0), reading("FLOW", 6e7)],
              "derivedHourlyValueData": [reading("CO2", 410.4), reading("HI", 4000.0)]} for h in range(3)]  # fmt: skip
    return [("e.json", json.dumps({"orisCode": 3, "year": 2021, "quarter": 3, "hourlyOperatingData": hours}).encode())]


def _ecmps(path: Path) -> Any:
    from sensors.config import EcmpsReader
    from sensors.readers import read

    for take in ("emission", "channels"):
        read(EcmpsReader.model_validate({"format": "ecmps", "files": [str(path)], "timezone": "UTC-06:00",
                                         "take": take, "humidity": "wet"}))  # fmt: skip


def _qa_seeds() -> list[tuple[str, bytes]]:
    """Return one test of each kind of a real file."""
    content = json.loads((SHARED / "facility/ecmps_qa/QA_files_upload.json").read_text(encoding="utf-8"))
    kept: dict[str, Any] = {}
    for test in content["testSummaryData"]:
        kept.setdefault(test.get("testTypeCode"), test)
    return [("qa.json", json.dumps({**content, "testSummaryData": [test]}).encode()) for test in kept.values()]


def _qa(path: Path) -> Any:
    from sensors.quality.ecmps import read_qa

    return read_qa(path)


HJ212 = [
    f"QN=2024030{d}0{h}0500001;ST=31;CN=2061;PW=123456;MN=88888880000001;Flag=4;CP=&&DataTime=2024030{d}0{h}0000;"
    f"a05001-Avg=12{h}000.5,a05001-Flag=N;a00000-Avg=30.{h},a00000-Cou=900,a00000-Flag=N;a01012-Avg=51,a01012-Flag=D&&"
    for d in (1, 2) for h in range(3)
]  # fmt: skip


def hj212_seeds() -> list[tuple[str, bytes]]:
    from sensors.hj212.frame import crc16

    def frame(segment: str) -> bytes:
        body = segment.encode("gb18030")
        return b"##%04d" % len(body) + body + b"%04X\r\n" % crc16(body)

    return [("m.txt", b"".join(map(frame, HJ212)))]


def _hj212(path: Path) -> Any:
    from sensors.config import Hj212Reader
    from sensors.readers import read

    return read(Hj212Reader.model_validate({
        "format": "hj212", "files": [str(path)], "label": "start", "channels": {
            "concentration": {"code": "a05001", "units": "mg m-3", "humidity": "dry",
                              "state": {"temperature": "0 degC", "humidity": "dry"}},
            "flow": {"code": "a00000", "units": "m3 s-1", "state": "actual"},
            "temperature": {"code": "a01012", "units": "degC"}}}))  # fmt: skip


def _hj212_frames(path: Path) -> Any:
    """Take a stream in pieces as the listener does, message by message, and decode each in both ways."""
    from ghg.core.errors import InputError
    from sensors.hj212.bulk import decode_all
    from sensors.hj212.frame import decode
    from sensors.hj212.stream import Assembler, Splitter

    data = path.read_bytes()
    splitter, assembler = Splitter(), Assembler()
    messages = [m for at in range(0, len(data), 97) for m in splitter.feed(data[at : at + 97])] + splitter.close()
    for message in messages:
        try:
            assembler.add(decode(message, strict=False))
            decode(message, strict=True)
        except InputError:
            continue
    decode_all(data)


# ---- analysers and networks ------------------------------------------------------------------------------------------

LGR = (
    "VC:904M BD:May 23 2013 SN:LGR-13-0171\n                     Time,      [CH4]_ppm,   [CH4]_ppm_sd,"
    "      [H2O]_ppm,      [CO2]d_ppm,  [CO2]d_ppm_sd,     [CH4]d_ppm,      GasP_torr,         GasT_C,"
    "       Fit_Flag,      MIU_VALVE,       MIU_DESC\n"
) + "".join(f"  30/01/2015 15:13:4{i}.994, 1.904e+00, 1.0e-03, 6.4e+03, 4.0521e+02, 2.0e-01, 1.9161e+00, 1.4e+02, "
            f"2.5e+01, 3, 0, 1 meters\n" for i in range(5))  # fmt: skip
LICOR = (
    "Model:\tLI-7810\nSN:\tTG10-01234\nSoftware Version:\t2.3.8\nTimestamp:\t2020-07-14 12:00:00\n"
    "Timezone:\tEurope/Berlin\nDATAH\tSECONDS\tNANOSECONDS\tNDX\tDIAG\tREMARK\tDATE\tTIME\tH2O\tCO2\tCH4\tCAVITY_P\t"
    "CAVITY_T\nDATAU\tsecs\tnsecs\tindex\tdiag\t\tdate\ttime\tppm\tppm\tppb\tkPa\tC\n"
) + "".join(f"DATA\t159472080{i}\t500000000\t{i}\t0\t\t2020-07-14\t12:00:0{i}\t11000.5\t405.5\t1905.25\t40.01\t55.0\n"
            for i in range(5))  # fmt: skip


def _series(path: Path) -> Any:
    from sensors.readers.series import read_series

    return read_series(path)


def _series_as(kind: str) -> Reader:
    def read(path: Path) -> Any:
        from sensors.readers.series import read_series

        return read_series(path, kind)

    return read


def _series_table(path: Path) -> Any:
    from sensors.readers.series import read_series

    return read_series(path, time="Date", columns={"co2": ("CO2", "umol mol-1"), "ch4": ("Methane", "umol mol-1")})


def _picarro(path: Path) -> Any:
    from sensors.readers.picarro import read

    return read([path])


# ---- activity data and regions ---------------------------------------------------------------------------------------


def _eia923(path: Path) -> Any:
    from inventories.readers.eia923 import read

    return read(path, 34, "2011-01-01", "2011-03-01")


def _eia_long() -> list[tuple[str, bytes]]:
    data = (SHARED / "facility/eia923/generation_fuel_eia923.csv").read_bytes().split(b"\n")
    rows = [r.replace(b",WAT,hydro,", b",SUB,coal,") for r in data[1:4]]
    return [("eia.csv", b"\n".join([data[0], *rows]) + b"\n")]


def _eia_wide() -> list[tuple[str, bytes]]:
    import calendar

    months = list(calendar.month_name)[1:]
    head = ["Plant Id", "YEAR", "Reported Fuel Type Code"]
    head += [f"{what} {month}" for what in ("Quantity", "Tot_MMBtu") for month in months]
    return [("page.csv", (",".join(head) + "\n" + "".join(f"34,2011,{f}," + ",".join(map(str, range(1, 25))) + "\n"
                                                          for f in ("SUB", "DFO"))).encode())]  # fmt: skip


RECORDS = "月份,耗煤量(t),低位发热量(GJ/t)\n" + "".join(f"2023-{m:02d},{100 + m},2{m % 10}.5\n" for m in range(1, 13))


def _records(path: Path) -> Any:
    from ghg.core.config import load_dict
    from inventories import account
    from inventories.config import AccountingJob

    stream = {"name": "coal", "fuel": "烟煤", "method": "ipcc2006-tier1", "mass": {"column": "耗煤量"},
              "calorific_value": {"column": "低位发热量", "basis": "net"}}  # fmt: skip
    job = load_dict({"start": "2023-01-01", "end": "2024-01-01", "by": "month", "timezone": "Asia/Shanghai",
                     "records": {"file": path.name, "time": "月份"}, "stream": [stream]}, AccountingJob)  # fmt: skip
    return account(job, base=path.parent)


def _profiles(path: Path) -> Any:
    from inventories.temporal.profiles import read_profiles

    other = [SHARED / f"inventories/profiles/tno/timeprofiles-{n}_GNFR.csv" for n in ("day-in-week", "hour-in-day")]
    return read_profiles(path, *other)


def _geojson() -> list[tuple[str, bytes]]:
    box = [[[0, 0], [4, 0], [4, 3], [0, 3], [0, 0]], [[1, 1], [1, 2], [2, 2], [1, 1]]]
    features = [{"type": "Feature", "properties": {"name": n}, "geometry": {"type": t, "coordinates": c}}
                for n, t, c in (("a", "Polygon", box), ("b", "MultiPolygon", [box]))]  # fmt: skip
    return [("r.geojson", json.dumps({"type": "FeatureCollection", "features": features}).encode())]


def _regions(path: Path) -> Any:
    from inventories.readers.shapes import read_regions
    from inversion.readers.shapes import read_shares

    read_regions(path, "name")
    return read_shares(path, (np.arange(0.5, 4.0), np.arange(0.5, 5.0)))


def _observations(path: Path) -> Any:
    from inversion.readers import read_observations

    return read_observations(path, species="ch4", units="nmol mol-1", time_column="time", error_column="err")


OBSERVATIONS = "time,ch4,err\n" + "".join(f"2019-01-01T0{h}:00Z,19{h}5.25,2.5\n" for h in range(8))


def _config(path: Path) -> Any:
    from ghg.core.config import load
    from ghg.facility.config import FacilityJob

    return load(path, FacilityJob)


def _ledger(path: Path) -> Any:
    from ghg.core.ledger import check

    return check(path)


def _ledger_seeds() -> list[tuple[str, bytes]]:
    import tempfile

    from ghg.core.ledger import add

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "l.jsonl"
        for k in range(3):
            add(path, "span.co2", 15.0 + k, author="a", reason="b", time=f"2024-01-0{k + 1}T00:00:00Z")
        return [("l.jsonl", path.read_bytes())]


TEXT_TARGETS = [
    Target("stack campd", text("c.csv", *CAMPD), _campd),
    Target("stack campd annual", piece("facility/campd/annual-emissions-2012-coal.csv", 8), _campd),
    Target("stack table", text("t.csv", *TABLE), read_stack_table),
    Target("stack table monthly", text("m.csv", "month,stack,t,how\n2024-01,A,10,m\n2024-02,A,11,s\n2024-01,B,12,m\n"),
           _monthly),
    Target("stack ecmps", ecmps_hours, _ecmps, damage.JSON),
    Target("tests ecmps", _qa_seeds, _qa, damage.JSON),
    Target("stack hj212", hj212_seeds, _hj212),
    Target("hj212 frames", hj212_seeds, _hj212_frames),
    Target("analyser picarro", piece("sensors/picarro/CFADS2283-20180801-003712Z-DataLog_User.dat", 5), _picarro),
    Target("series recognised", text("x.dat", LGR, LICOR), _series),
    Target("series lgr", text("lgr.txt", LGR), _series_as("lgr")),
    Target("series licor", text("licor.data", LICOR), _series_as("licor")),
    Target("series tower", piece("sensors/crds/bsd.picarro.1minute.42m.dupes.dat", 9), _series_as("tower")),
    Target("series icos", piece("sensors/icos/ICOS_ATC_L2_L2-2024.1_RGL_90.0_CTS.CH4", 60), _series_as("icos")),
    Target("series icos blank", piece("sensors/icos/tta.co2.1minute.222m.min.dat", 6), _series_as("icos")),
    Target("series icos comma", piece("sensors/icos_ope/OPE_2011-2019_co2_120m.csv.gz", 6), _series_as("icos")),
    Target("series noaa", piece("sensors/noaa/ch4_scsn06_surface-flask_1_ccgg_event.txt", 90), _series_as("noaa")),
    Target("series table", piece("sensors/networks/THAMESBARRIER/thames_test_20190707.csv", 6), _series_table),
    Target("activity eia923 long", _eia_long, _eia923),
    Target("activity eia923 page", _eia_wide, _eia923),
    Target("activity records", text("fuel.csv", RECORDS), _records),
    Target("profiles", piece("inventories/profiles/tno/timeprofiles-month-in-year_GNFR.csv", 40), _profiles),
    Target("regions geojson", _geojson, _regions, damage.JSON),
    Target("observations csv", text("o.csv", OBSERVATIONS), _observations),
    Target("job toml", piece("examples/cholla-2012/compare.toml", 200, root=ROOT), _config),
    Target("ledger", _ledger_seeds, _ledger),
]  # fmt: skip
