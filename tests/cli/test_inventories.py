"""``ghg inventories``: the examples, against hand arithmetic from their own tables."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.terminal import ROOT, inside

EXAMPLES = ROOT / "examples"


def total(text: str, scope: str) -> float:
    match = re.search(rf"^{scope}: ([\d,.]+) t CO2", text, re.MULTILINE)
    assert match, text
    return float(match.group(1).replace(",", ""))


def test_chinese_power_plant(tmp_path: Path) -> None:
    run = inside("inventories", "account", EXAMPLES / "china-power" / "account.toml", "-o", tmp_path / "a.nc", "-q")
    assert run.returncode == 0, run.stderr
    t = pd.read_csv(EXAMPLES / "china-power" / "fuel.csv")
    carbon = t["空干基元素碳(%)"] * (100 - t["全水分(%)"]) / (100 - t["空干基水分(%)"]) / 100
    assert total(run.stdout, "direct") == pytest.approx((t["入炉煤量(t)"] * carbon).sum() * 0.99 * 44 / 12, rel=1e-4)
    assert total(run.stdout, "indirect") == pytest.approx(t["购入电量(MWh)"].sum() * 0.5306, rel=1e-3)
    assert "not found" in inside("verify", tmp_path / "a.nc").stdout
    found = inside("verify", tmp_path / "a.nc", "--base", EXAMPLES / "china-power")
    assert found.returncode == 0 and "not found" not in found.stdout
    shutil.copytree(EXAMPLES / "china-power", tmp_path / "inputs")
    table = tmp_path / "inputs" / "fuel.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("182340", "182341"), encoding="utf-8")
    changed = inside("verify", tmp_path / "a.nc", "--base", tmp_path / "inputs")
    assert changed.returncode == 3 and "fuel.csv" in changed.stdout


def test_steel_works(tmp_path: Path) -> None:
    run = inside("inventories", "account", EXAMPLES / "steel-works" / "account.toml", "-o", tmp_path / "a.nc", "-q")
    assert run.returncode == 0, run.stderr
    carbon = 2310 * 0.764 + 640 * 0.789 + 510 * 0.12 + 820 * 0.04 - 4050 * 0.0012 - 78 * 0.86
    assert total(run.stdout, "direct") == pytest.approx(carbon * 1000 * 44 / 12, rel=1e-4)
    assert "unverified" in run.stdout


def test_methods_and_factors_are_listed() -> None:
    methods = json.loads(inside("inventories", "methods", "--format", "json").stdout)
    assert {"part98-tier3", "mrr-mass-balance", "cement-clinker", "china-power"} <= {m["method"] for m in methods}
    grid = json.loads(inside("inventories", "factors", "--set-name", "china-grid", "--format", "json").stdout)
    assert {row["value"] for row in grid if row["verified"]} == {0.5366, 0.5306}
    wrong = inside("inventories", "factors", "--set-name", "chin")
    assert wrong.returncode == 2 and "china-grid" in wrong.stderr


def test_a_table_in_the_wrong_place_leaves_nothing(tmp_path: Path) -> None:
    job = tmp_path / "account.toml"
    job.write_text((EXAMPLES / "china-power" / "account.toml").read_text(encoding="utf-8"), encoding="utf-8")
    run = inside("inventories", "account", job, "-o", tmp_path / "a.nc", "-q")
    assert run.returncode == 2
    assert "fuel.csv" in run.stderr and "does not exist" in run.stderr
    assert not (tmp_path / "a.nc").exists()


def test_starters_can_be_edited_from_the_first_minute(tmp_path: Path) -> None:
    job = tmp_path / "account.toml"
    assert inside("inventories", "init", "-o", job).returncode == 0
    assert inside("inventories", "check", job).returncode == 0
    run = inside("inventories", "account", job, "-o", tmp_path / "a.nc", "-q", "--verbose")
    assert "2006 IPCC Guidelines" in run.stderr
    assert inside("inventories", "init", "-o", job).returncode == 2
    stack = tmp_path / "stack.toml"
    assert inside("sensors", "init", "-o", stack).returncode == 0
    missing = inside("sensors", "check", stack)
    assert missing.returncode == 2 and "records.csv" in missing.stderr
    header = "time,flow,co2,temperature,static pressure,moisture\n"
    rows = "".join(f"2023-01-01 {h:02d}:00,1000000,12,50,-200,10\n" for h in range(24))
    (tmp_path / "records.csv").write_text(header + rows, encoding="utf-8")
    assert inside("sensors", "check", stack).returncode == 0
