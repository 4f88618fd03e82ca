"""The accounted side of Cholla, 2012, from the monthly fuel table, and faults of such a table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ghg.core.errors import InputError
from ghg.core.uncertainty.datasets import dataset_total
from inventories import account
from inventories.config import AccountingJob, Eia923Reader
from inventories.readers import eia923


@pytest.fixture
def table(shared_data: Path) -> Path:
    return shared_data / "facility" / "eia923" / "generation_fuel_eia923.csv"


def test_cholla_2012(table: Path) -> None:
    config = AccountingJob(start="2012-01-01", end="2013-01-01", timezone="UTC-07:00",
                           eia923=Eia923Reader(file=str(table), plant=113))  # fmt: skip
    result = account(config)
    # 74 057 718 x 97.17 + 30 840 x 73.96 + 3 571 x 53.06 kg
    assert round(dataset_total(result.isel(species=0), draws=0).value / 1000) == 7_198_659
    assert float(result["energy"].sum()) / 1.05505585262e9 == pytest.approx(74_092_129, rel=1e-9)
    assert result.sizes["time"] == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="fuel_type"), "column 'fuel_type' is missing"),
        (lambda t: t[t.plant_id_eia != 113], "plant 113 has no rows"),
        (lambda t: t[~((t.plant_id_eia == 113) & (t.report_date == "2012-05-01") & (t.fuel_type == "SUB"))],
         "SUB has no record in 2012-05"),
        (lambda t: t.assign(fuel_consumed_mmbtu=-t.fuel_consumed_mmbtu), "negative amount"),
    ],
)  # fmt: skip
def test_faulty_tables(table: Path, tmp_path: Path, change, message: str) -> None:
    copy = tmp_path / "fuel.csv"
    change(pd.read_csv(table)).to_csv(copy, index=False)
    with pytest.raises(InputError, match=message):
        eia923.read(copy, 113, "2012-01-01", "2013-01-01")


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\xff\xfe"])
def test_unreadable_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fuel.csv"
    path.write_bytes(content)
    with pytest.raises(InputError):
        eia923.read(path, 113, "2012-01-01", "2013-01-01")
    with pytest.raises(InputError, match="does not exist"):
        eia923.read(tmp_path / "none.csv", 113, "2012-01-01", "2013-01-01")
