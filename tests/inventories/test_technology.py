"""Factors by technology: the one of the row's technology before that of any, and a slip of the pen is refused."""

from __future__ import annotations

import pytest

from ghg.core.config import load_dict
from ghg.core.errors import InputError
from inventories.compile.config import InventoryJob
from inventories.compile.job import run
from inventories.dataset import annual_mass

FACTORS = """set,sector,fuel,technology,species,quantity,value,unit,source
emep,1A1a,bituminous,cyclone,NOx,emission_factor,599,g/GJ,test
"""


def job(tmp_path, technology):
    (tmp_path / "own.csv").write_text(FACTORS, encoding="utf-8")
    (tmp_path / "units.csv").write_text("id,heat(TJ),firing\na,1000,CYCLONE\nb,1000,\n", encoding="utf-8")
    table = {"name": "units", "file": "units.csv", "source": "id", "region": "USA", "sector": "1A1a",
             "fuel": "bituminous", "technology": technology, "amount": [{"column": "heat"}], "basis": "net",
             "pollutants": "emep-tier1"}  # fmt: skip
    return load_dict({"year": 2021, "species": ["NOx", "SO2"], "activity": [table], "overlay": ["own.csv"]},
                     InventoryJob)  # fmt: skip


def test_each_row_has_the_factor_of_its_technology(tmp_path) -> None:
    ds = run(job(tmp_path, {"column": "firing", "map": {"CYCLONE": "cyclone"}}), base=tmp_path)
    assert annual_mass(ds, "NOx") == pytest.approx([599e3, 209e3], rel=1e-12)  # 209 g/GJ: guidebook, table 3-2
    assert annual_mass(ds, "SO2") == pytest.approx([820e3, 820e3], rel=1e-12)  # none of its own: that of any


def test_an_unknown_technology_is_named(tmp_path) -> None:
    with pytest.raises(InputError, match=r"no factor knows the technology.*'cyclon'.*did you mean cyclone"):
        run(job(tmp_path, "cyclon"), base=tmp_path)
