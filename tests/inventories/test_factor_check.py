"""Measured pollutants per CO2 against the factor database, by hand; bad input in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghg.core.config import load
from ghg.core.errors import GhgError
from ghg.core.provenance import verify
from inventories.compile.checks import ratio_range
from inventories.compile.factor_check import FactorCheckJob, check_factors, classes
from tests.terminal import inside

PLANTS = """id,co2 (t),so2 (t)
1,1000,{inside}
2,1000,{tenth}
3,1000,{tenth}
4,1000,{tenth}
5,1000,{tenth}
6,1000,99
7,,1
"""
UNITS = """plant,fuel,heat,clean
2,BIT,9,FGD
3,BIT,9,
4,BIT,10,FGD
4,BIT,90,
5,NG,1,FGD
6,BIT,1,
"""
JOB = """file = "plants.csv"
source = "id"
sector = "1A1a"
fuels = ["bituminous"]
[mass]
CO2 = { column = "co2" }
SO2 = { column = "so2" }
[about]
file = "units.csv"
key = "plant"
match = "{id}"
weight = "heat"
fuel = "fuel"
map = { BIT = "bituminous" }
[[about.control]]
name = "scrubber"
species = "SO2"
least = 0.9
most = 0.98
where = { clean = "FGD" }
""".replace('source = "id"', 'source = ["id"]')


@pytest.fixture
def job(tmp_path: Path) -> Path:
    low = ratio_range("bituminous", "1A1a", "SO2")[0]  # type: ignore[index]  # g per kg CO2, that is t per 1000 t
    text = PLANTS.format(inside=1.01 * low, tenth=0.1 * low)
    (tmp_path / "plants.csv").write_text(text, encoding="utf-8")
    (tmp_path / "units.csv").write_text(UNITS, encoding="utf-8")
    (tmp_path / "job.toml").write_text(JOB, encoding="utf-8")
    return tmp_path / "job.toml"


def test_verdicts_follow_the_range_and_what_is_known_of_the_plant(job: Path) -> None:
    """EMEP/EEA 1.A.1.a hard coal SO2 820 [300, 5000] g/GJ over IPCC table 2.2 94.6 [89.5, 99.7] kg CO2/GJ."""
    low, middle, high, _ = ratio_range("bituminous", "1A1a", "SO2")  # type: ignore[misc]
    assert (low, middle, high) == pytest.approx((300 / 99.7, 820 / 94.6, 5000 / 89.5), rel=3e-3)
    rows = check_factors(load(job, FactorCheckJob), job.parent)
    assert [r["verdict"] for r in rows] == ["agrees", "controlled", "no_control", "below_control", "unknown", "above"]
    assert rows[1]["control"] == "scrubber (100%)" and rows[3]["control"] == "scrubber (10%)"
    assert rows[1]["removed"] == pytest.approx(1.0 - 0.1 * low / middle)
    groups = {(g["fuel"], g["control"]): g["plants"] for g in classes(rows)}
    assert groups == {("bituminous", "scrubber"): 2, ("bituminous", "none known"): 2, ("not known", "not known"): 2}


def test_command_writes_its_lists_with_their_origin(job: Path, tmp_path: Path) -> None:
    done = inside("inventories", "factor-check", job, "-o", tmp_path / "out", "-q")
    assert done.returncode == 0 and "SO2: 6 plants, 3 disagree" in done.stdout, done.stderr
    assert len((tmp_path / "out" / "disagree.csv").read_text(encoding="utf-8-sig").splitlines()) == 4
    assert verify(tmp_path / "out").ok
    (tmp_path / "units.csv").write_text(UNITS.replace("FGD", "X"), encoding="utf-8")
    assert {p.kind for p in verify(tmp_path / "out").problems} == {"changed_input"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("CO2 = {", "NOx = {", "ratios need CO2"),
        ('column = "co2"', 'column = "mass"', "mass"),
        ('fuels = ["bituminous"]', 'fuels = ["moonshine"]', "no range for a fuel.*moonshine"),
        ('sector = "1A1a"\n', "", "sector"),
        ('match = "{id}"', 'match = "{nr}"', "nr"),
    ],
)
def test_bad_input_is_named(job: Path, old: str, new: str, words: str) -> None:
    assert old in JOB
    job.write_text(JOB.replace(old, new), encoding="utf-8")
    with pytest.raises(GhgError, match=f"(?s){words}"):
        check_factors(load(job, FactorCheckJob), job.parent)
