"""``ghg facility screen`` through the terminal."""

from __future__ import annotations

import json
from pathlib import Path

from tests.terminal import ghg, inside

JOB = """file = "plants.csv"
name = "电厂"
measured = { column = "实测(t)", unit = "t", u = "4 %" }
accounted = { column = "核算", unit = "万吨", u = "3 %" }
heat_input = { column = "heat", unit = "mmBtu" }
"""
TABLE = "电厂,实测(t),核算,heat\n甲,1000000,100.5,1.07e7\n乙,1500000,100.0,1.6e7\n丙,53914,5.4,1e6\n丁,,3,1\n"


def test_ranked_list(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(JOB, encoding="utf-8")
    (tmp_path / "plants.csv").write_bytes(TABLE.encode("gbk"))
    run = ghg("facility", "screen", tmp_path / "job.toml", "-o", tmp_path / "out", "--lang", "zh")
    assert run.returncode == 0, run.stderr
    result = json.loads((tmp_path / "out" / "screen.json").read_text(encoding="utf-8"))
    assert [p["name"] for p in result["plants"]] == ["乙", "甲", "丙"]
    assert [p["named"] for p in result["plants"]] == [True, False, False]
    assert result["plants"][2]["independence"] == "not independent"  # 1040/385 x 44/2000 short ton/mmBtu
    assert len(result["notes"]) == 1
    assert "乙" in (tmp_path / "out" / "screen.html").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "screen.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_bad_jobs(tmp_path: Path) -> None:
    (tmp_path / "plants.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "job.toml").write_text(JOB.replace("u = ", "v = "), encoding="utf-8")
    run = inside("facility", "screen", tmp_path / "job.toml", "-o", tmp_path / "out")
    assert run.returncode == 2 and "measured.u" in run.stderr
    assert not (tmp_path / "out").exists()
