"""The real CAMPD files: Idaho gas units 2018, Pennsylvania waste coal, coal plants 2012."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Method
from ghg.core.time import seconds
from sensors.config import CampdReader
from sensors.readers import delimited, read
from sensors.readers.blocks import read_blocks
from sensors.readers.delimited import parse_delimited

TON, MMBTU = 907.18474, 1055.05585262e6


@pytest.fixture(scope="module")
def campd(shared_data: Path) -> Path:
    return shared_data / "facility" / "campd"


@pytest.fixture(scope="module")
def idaho(campd: Path) -> Any:
    return read(CampdReader(files=(str(campd / "epacems2018id*.zip"),)))


def test_every_field_is_read_as_python_reads_it(campd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "SMALL", 0)  # the compiled reader for all
    for path in sorted(campd.iterdir()):
        for block in read_blocks(path):
            text = block.text
            rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")))
            header, rows = rows[0], rows[1:]
            columns = list(zip(*rows, strict=True))
            numeric = [i for i, column in enumerate(columns) if all(_number(field) for field in column)]
            numbers = [header[i] for i in numeric]
            texts = [name for name in header if name not in numbers]
            found = parse_delimited(text, numbers=numbers, texts=texts)
            for i, name in enumerate(header):
                if name in numbers:
                    want = [float(field) if field else np.nan for field in columns[i]]
                    np.testing.assert_array_equal(found.numbers[name], want)
                else:
                    assert [found.texts[name][k] for k in found.codes[name]] == [f.strip() for f in columns[i]]


def _number(field: str) -> bool:
    try:
        float(field or "0")
    except ValueError:
        return False
    return True


def test_idaho_hours(idaho: Any) -> None:
    assert idaho.sizes == {"source": 8, "time": 8760, "bounds": 2}
    assert idaho.source.values.tolist()[:3] == ["7456-1", "7456-2", "7953-CT1"]
    # Mountain standard time all year, also in July: the first and last hour are seven hours from UTC
    assert idaho.time.values[0] == np.datetime64("2018-01-01T07")
    assert idaho.time_bounds.values[-1, 1] == np.datetime64("2019-01-01T07")
    running = idaho.operating_time.values > 0
    assert running.sum() == 15_833
    assert (idaho.emission_method.values[running] == Method.DIRECT).all()  # what the files claim
    assert (idaho.emission.values[~running] == 0.0).all()
    assert (idaho.emission_flag.values == Flag.GOOD).all()


def test_idaho_is_heat_times_a_constant(idaho: Any) -> None:
    """V7: CO2/HI is 0.05943 short ton/mmBtu = 1040/385 * 44/2000 (G-4), p1 to p99 0.05935 to 0.05951."""
    running = idaho.operating_time.values > 0
    ratio = (idaho.emission / TON / (idaho.heat_input / MMBTU)).values[running]
    assert np.median(ratio) == pytest.approx(0.05943, abs=5e-6)
    low, high = np.percentile(ratio, [1, 99])
    assert low == pytest.approx(0.05935, abs=1e-5) and high == pytest.approx(0.05951, abs=1e-5)
    mass = float((idaho.emission.values * seconds(idaho.time_bounds)).sum() / TON)
    heat = float((idaho.heat_input.values * seconds(idaho.time_bounds)).sum() / MMBTU)
    assert mass / heat == pytest.approx(1040 / 385 * 44 / 2000, rel=5e-5)


def test_idaho_totals_against_plain_python(campd: Path, idaho: Any) -> None:
    total: dict[str, float] = {}
    power: dict[str, float] = {}
    for path in sorted(campd.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                for row in csv.DictReader(io.TextIOWrapper(archive.open(name), newline="")):
                    label = f"{row['ORISPL_CODE']}-{row['UNITID']}"
                    total[label] = total.get(label, 0.0) + float(row["CO2_MASS (tons)"] or 0)
                    power[label] = power.get(label, 0.0) + float(row["GLOAD (MW)"] or 0) * float(row["OP_TIME"])
    span = seconds(idaho.time_bounds)
    for i, label in enumerate(idaho.source.values):
        assert float((idaho.emission.values[i] * span).sum() / TON) == pytest.approx(total[label], rel=1e-12)
        load = np.nansum(idaho.gross_load.values[i] * span) / 3.6e9
        assert load == pytest.approx(power[label], rel=1e-12)


def test_one_unit_of_one_month(campd: Path) -> None:
    ds = read(CampdReader(files=(str(campd / "*.zip"),), facility=55179, period=("2018-07-01", "2018-08-01")))
    assert ds.source.values.tolist() == ["55179-CTGEN1"] and ds.sizes["time"] == 744


def test_pennsylvania_waste_coal(campd: Path) -> None:
    ds = read(CampdReader(files=(str(campd / "daily-emissions-PA-waste.csv"),)))
    assert ds.sizes["source"] == 6 and ds.sizes["time"] == 3742
    gilberton = ds.sel(source="10113")
    assert float(gilberton.emission[0] * 86400 / TON) == pytest.approx(2880.9)
    reported = (ds.emission_flag == Flag.GOOD).sum("time").values.tolist()
    assert reported == [3618, 829, 2385, 1466, 1713, 3569]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (ds.emission / ds.heat_input).values * MMBTU
    ok = (ds.emission_flag.values == Flag.GOOD) & (ds.heat_input.values * 86400 / MMBTU > 1000)
    low, middle, high = np.percentile(ratio[ok], [5, 50, 95])
    assert 94 < middle < 109 and (high - low) / middle > 0.1  # kg per mmBtu of waste coal really varies


def test_scrubgrass(campd: Path) -> None:
    ds = read(CampdReader(files=(str(campd / "daily-emissions-scrubgrass.csv"),)))
    assert (ds.emission_flag == Flag.GOOD).sum() == 3974
    assert ds.time.values[0] == np.datetime64("1998-07-01T05")
    # before 2010 heat input was reported and CO2 was not: missing, not zero
    assert (ds.emission_flag.values[0, :22] == Flag.MISSING).all()


def test_cholla_2012(campd: Path) -> None:
    """V15: 8,468,675.828 short tons and 82,540,692.896 mmBtu."""
    path = str(campd / "annual-emissions-2012-coal.csv")
    ds = read(CampdReader(files=(path,), facility=113))
    year = seconds(ds.time_bounds)[0]
    assert year == 366 * 86400
    assert float(ds.emission[0, 0]) * year / 1000 == pytest.approx(7_682_653, abs=0.5)
    assert float(ds.heat_input[0, 0]) * year / MMBTU == pytest.approx(82_540_692.896, rel=1e-9)
    assert ds.facility_name.values.tolist() == ["Cholla"] and ds.attrs["timezone"] == "UTC-07:00"
    every = read(CampdReader(files=(path,)))
    assert every.sizes["source"] == 488
    assert int((every.emission_flag == Flag.MISSING).sum()) == 74


def test_mercury_files_say_what_they_hold(shared_data: Path) -> None:
    path = shared_data / "facility" / "mats_2015q1" / "mats_01_2015.csv.gz"
    with pytest.raises(InputError, match=r"not a CAMPD emissions file with CO2.*found columns .*needed CO2 Mass"):
        read(CampdReader(files=(str(path),)))


def test_a_truncated_archive(campd: Path, tmp_path: Path) -> None:
    whole = (campd / "epacems2018id01.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut\.zip.*cannot be unpacked"):
        read(CampdReader(files=(str(tmp_path / "cut.zip"),)))
