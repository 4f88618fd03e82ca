"""Activity tables: by column, by row, with units from the header, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pytest

from ghg.core.config import load_dict
from ghg.core.errors import InputError
from inventories import account
from inventories.config import AccountingJob
from inventories.readers import eia923

MONTHS = [f"2023-{m:02d}" for m in range(1, 13)]
MASS = np.arange(100.0, 112.0)
VALUE = np.linspace(20.0, 22.0, 12)


def job(table: Path, *streams: dict, by: str = "month", **records) -> AccountingJob:
    return load_dict({"start": "2023-01-01", "end": "2024-01-01", "by": by, "timezone": "Asia/Shanghai",
                      "records": {"file": table.name, "time": "月份", **records}, "stream": list(streams)},
                     AccountingJob)  # fmt: skip


COAL = {"name": "coal", "fuel": "烟煤", "method": "ipcc2006-tier1", "mass": {"column": "耗煤量"},
        "calorific_value": {"column": "低位发热量", "basis": "net"}}  # fmt: skip


def wide(path: Path, encoding: str = "utf-8", months=MONTHS, mass=MASS) -> Path:
    rows = ["月份,耗煤量(t),低位发热量(GJ/t)"]
    rows += [f"{m},{a},{v}" for m, a, v in zip(months, mass, VALUE, strict=True)]
    path.write_bytes("\n".join(rows).encode(encoding))
    return path


def kilograms(config: AccountingJob, base: Path) -> np.ndarray:
    from ghg.core.time import seconds

    result = account(config, base=base)
    return (result["emission"].isel(species=0) * seconds(result["time_bounds"].values)).values


EXPECTED = MASS * VALUE * 25.8 * 44 / 12


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_columns_with_units_in_chinese_headers(tmp_path: Path, encoding: str) -> None:
    wide(tmp_path / "fuel.csv", encoding)
    np.testing.assert_allclose(kilograms(job(tmp_path / "fuel.csv", COAL), tmp_path)[0], EXPECTED, rtol=1e-12)


def test_workbook_with_title_rows_dates_and_shuffled_months(tmp_path: Path) -> None:
    import datetime

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["某电厂 2023 年燃料台账"])
    sheet.append([])
    sheet.append(["月份", "耗煤量", "低位发热量"])
    for i in (11, 0, 5, 1, 2, 3, 4, 6, 7, 8, 9, 10):
        sheet.append([datetime.datetime(2023, i + 1, 1), MASS[i], VALUE[i]])
    book.save(tmp_path / "fuel.xlsx")
    coal = {**COAL, "mass": {"column": "耗煤量", "unit": "t"},
            "calorific_value": {"column": "低位发热量", "unit": "GJ/t", "basis": "net"}}  # fmt: skip
    np.testing.assert_allclose(kilograms(job(tmp_path / "fuel.xlsx", coal), tmp_path)[0], EXPECTED, rtol=1e-12)


def test_long_table_is_chosen_by_rows(tmp_path: Path) -> None:
    lines = ["月份,品种,数量"]
    for month, amount in zip(MONTHS, MASS, strict=True):
        lines += [f"{month},烟煤,{amount}", f"{month},柴油,{amount / 100}"]
    (tmp_path / "fuel.csv").write_text("\n".join(lines), encoding="utf-8")
    mass = {"column": "数量", "unit": "t"}
    streams = [{"name": n, "fuel": n, "method": "ipcc2006-tier1", "mass": mass, "rows": {"品种": n}}
               for n in ("烟煤", "柴油")]  # fmt: skip
    found = kilograms(job(tmp_path / "fuel.csv", *streams), tmp_path)
    np.testing.assert_allclose(found[0], MASS * 25.8 * 25.8 * 44 / 12, rtol=1e-12)
    np.testing.assert_allclose(found[1], MASS / 100 * 43.0 * 20.2 * 44 / 12, rtol=1e-12)
    with pytest.raises(InputError, match=r"2023-01 has 2 rows.*rows 2, 3"):
        kilograms(job(tmp_path / "fuel.csv", {**streams[0], "rows": {}}), tmp_path)
    with pytest.raises(InputError, match=r"no row belongs to the stream.*品种 = '褐煤'"):
        kilograms(job(tmp_path / "fuel.csv", {**streams[0], "rows": {"品种": "褐煤"}}), tmp_path)


def test_years(tmp_path: Path) -> None:
    (tmp_path / "fuel.csv").write_text("月份,耗煤量(t)\n2022,1\n2023,7\n", encoding="utf-8")
    coal = {"name": "coal", "fuel": "烟煤", "method": "ipcc2006-tier1", "mass": {"column": "耗煤量"}}
    found = kilograms(job(tmp_path / "fuel.csv", coal, by="year"), tmp_path)
    np.testing.assert_allclose(found, [[7 * 25.8 * 25.8 * 44 / 12]], rtol=1e-12)


def test_an_empty_cell_is_missing_and_an_empty_month_is_refused(tmp_path: Path) -> None:
    wide(tmp_path / "fuel.csv", mass=["" if i == 4 else a for i, a in enumerate(MASS)])
    assert np.flatnonzero(np.isnan(kilograms(job(tmp_path / "fuel.csv", COAL), tmp_path)[0])).tolist() == [4]
    text = (tmp_path / "fuel.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "fuel.csv").write_text("\n".join(text[:5] + text[6:]), encoding="utf-8")
    with pytest.raises(InputError, match=r"2023-05 has no row.*write 0"):
        kilograms(job(tmp_path / "fuel.csv", COAL), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("耗煤量(t)", "耗煤量"), "no unit.*stream 'coal'"),
        (lambda t: t.replace("耗煤量(t)", "用煤(t)"), "column '耗煤量' is missing"),
        (lambda t: t.replace("耗煤量(t)", "耗煤量(吨标准)"), "no unit"),
        (lambda t: t.replace("(GJ/t)", "(kWh)"), "wrong kind"),
        (lambda t: t.replace("103.0", "many"), "row 5.*not a number"),
        (lambda t: t.replace("103.0", "-103.0"), "mass is negative"),
        (lambda t: "", "empty"),
    ],
)
def test_faulty_tables_are_one_clear_sentence(tmp_path: Path, change, message: str) -> None:
    path = wide(tmp_path / "fuel.csv")
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        account(job(path, COAL), base=tmp_path)


def test_columns_without_table_and_table_without_columns(tmp_path: Path) -> None:
    base = {"start": "2023-01-01", "end": "2024-01-01", "timezone": "UTC"}
    with pytest.raises(InputError, match=r"points to a column, but there is no \[records\]"):
        load_dict({**base, "stream": [COAL]}, AccountingJob)
    plain = {**COAL, "mass": {"unit": "t", "values": [1.0]}, "calorific_value": None}
    with pytest.raises(InputError, match="no stream points to a column"):
        job(tmp_path / "fuel.csv", {k: v for k, v in plain.items() if v is not None})
    with pytest.raises(InputError, match="either values or column"):
        load_dict({**base, "stream": [{**plain, "mass": {"unit": "t"}}]}, AccountingJob)


# ---- the published EIA-923 workbook ----------------------------------------------------------------------------
def workbook(path: Path, mutate=lambda row: row) -> Path:
    """Write two fuels of one plant as on page 1 of the workbook: five title rows, headers with line breaks."""
    names = list(eia923.MONTHS)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Page 1 Generation and Fuel Data"
    for text in ("U.S. Department of Energy", "Form EIA-923", "", "Year-To-Date", ""):
        sheet.append([text])
    sheet.append(["Plant Id", "Plant Name", "Reported\nPrime Mover", "Reported\nFuel Type Code",
                  "Physical\nUnit Label", *(f"Quantity\n{m}" for m in names), *(f"Tot_MMBtu\n{m}" for m in names),
                  "YEAR"])  # fmt: skip
    for plant, mover, fuel, per, scale in ((113, "ST", "SUB", 18.0, 1000.0), (113, "GT", "SUB", 18.0, 10.0),
                                           (113, "GT", "NG", 1.02, 5.0), (114, "ST", "SUB", 18.0, 1.0)):  # fmt: skip
        units = [scale * (i + 1) for i in range(12)]
        sheet.append(mutate([plant, "Cholla", mover, fuel, "x", *units, *(per * u for u in units), 2012]))
    book.save(path)
    return path


def test_the_published_workbook(tmp_path: Path) -> None:
    streams = eia923.read(workbook(tmp_path / "f923.xlsx"), 113, "2012-01-01", "2013-01-01")
    gas, coal = streams
    assert (gas.fuel, coal.fuel) == ("NG", "SUB")
    assert coal.mass is not None and coal.energy is not None and gas.mass is not None
    assert coal.mass.unit == "short_ton" and coal.mass.values == [1010.0 * (i + 1) for i in range(12)]
    assert coal.energy.values == pytest.approx([1010.0 * 18 * (i + 1) for i in range(12)])
    assert gas.mass.unit == "ft3" and gas.mass.values == [5000.0 * (i + 1) for i in range(12)]


def test_a_withheld_month_of_the_workbook_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "f923.xlsx", lambda row: [*row[:21], ".", *row[22:]])
    with pytest.raises(InputError, match="has no record in 2012-05"):
        eia923.read(path, 113, "2012-01-01", "2013-01-01")
    path = workbook(tmp_path / "f923.xlsx", lambda row: [*row[:21], "lots", *row[22:]])
    with pytest.raises(InputError, match=r"mmbtu of May is not a number.*lots"):
        eia923.read(path, 113, "2012-01-01", "2013-01-01")
    path = workbook(tmp_path / "f923.xlsx", lambda row: [*row[:21], "1e999", *row[22:]])
    with pytest.raises(InputError, match=r"mmbtu of May is not a number.*1e999"):
        eia923.read(path, 113, "2012-01-01", "2013-01-01")
