"""A compilation beside what its sources report: agreement, and what explains the rest."""

from __future__ import annotations

import pytest

from ghg.core.config import load_dict
from ghg.core.errors import InputError
from ghg.report.inventory import _reasons
from ghg.report.page import LANGUAGES, texts
from inventories.compile.config import InventoryJob
from inventories.compile.job import run
from inventories.compile.reported import WHY, classes, compare

MMBTU_TO_T = 93.28e-3  # t CO2 per mmBtu of bituminous coal, 40 CFR 98 table C-1
ROWS = f"""id,heat(mmBtu),fuel,CO2(t),kind
a,1000000,bituminous,{1.01e6 * MMBTU_TO_T},m
b,1000000,bituminous,{1e6 * 53.06e-3},m
c,1000000,bituminous,{1e6 * 65e-3},m
d,1000000,bituminous,10,m
e,1000000,bituminous,10,estimated
f,1000000,bituminous,20,m
"""


def given(tmp_path, **changes):
    (tmp_path / "units.csv").write_text(ROWS, encoding="utf-8")
    table = {"name": "units", "file": "units.csv", "source": "id", "region": "USA", "sector": "1A1a",
             "fuel": {"column": "fuel"}, "amount": [{"column": "heat", "u": 0.02}], "basis": "gross",
             "method": "part98-tier1"}  # fmt: skip
    reported = {"name": "monitors", "file": "units.csv", "source": "id", "by": ["fuel"],
                "mass": {"CO2": {"column": "CO2", "u": 0.01, "where": {"kind": "m"}}},
                "reason": [{"where": {"id": "f"}, "text": "stood still"}], **changes}  # fmt: skip
    return load_dict({"year": 2021, "species": ["CO2"], "activity": [table], "reported": reported}, InventoryJob)


def test_agreement_and_reasons(tmp_path) -> None:
    job = given(tmp_path)
    assert job.reported is not None
    rows = compare(run(job, base=tmp_path), job.reported, tmp_path)
    assert [r["source"] for r in rows] == list("abcdf")  # what is estimated is not compared
    assert [r["agrees"] for r in rows] == [True, False, False, False, False]
    assert rows[0]["ratio"] == pytest.approx(1 / 1.01, rel=1e-9)
    assert "natural gas" in rows[1]["why"] and "two fuels" in rows[2]["why"]
    assert rows[3]["why"] == "" and rows[4]["why"] == "stood still"
    (whole,) = classes(rows)
    assert (whole["sources"], whole["agree"], whole["apart"], whole["explained"]) == (5, pytest.approx(0.2), 4, 2)
    assert "1 not explained" in whole["why"]
    assert {code for code, _, _ in whole["reasons"]} == set(WHY)
    for lang in LANGUAGES:
        text = texts(lang, "inventory")
        said = _reasons(whole, text)
        assert text["fuel_natural_gas"] in said and "stood still" in said and text["why_several"] in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "fuel"}, "no source is in the compilation and in the table.*'bituminous'"),
        ({"mass": {"SO2": {"column": "CO2"}}}, "reported that is not compiled.*SO2"),
        ({"mass": {"CO2": {"column": "CO2", "unit": "K"}}}, "CO2.*K"),
    ],
)
def test_faults_are_named(tmp_path, changes, words) -> None:
    job = given(tmp_path, **changes)
    assert job.reported is not None
    with pytest.raises(InputError, match=words):
        compare(run(job, base=tmp_path), job.reported, tmp_path)
