"""The made-up network: its files are read as any others, and the run finds the truth it was made from."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from ghg.core.config import load
from ghg.core.provenance import Record
from inversion.config import InversionJob
from inversion.example import write_example
from inversion.job import run


def test_the_truth_lies_where_the_run_says(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    job = write_example(tmp_path / "raw", Record("example"), days=3, particles=6)
    (tmp_path / "out").mkdir()
    found = run(
        load(job, InversionJob, ["solver.deviation=false"]), tmp_path / "out", base=job.parent, record=Record("run")
    )
    assert 15 <= found["observations"]["used"] <= 24 and found["observations"]["withheld"] >= 4
    truth = list(csv.DictReader((job.parent / "truth.csv").read_text().splitlines()))
    rows = {(r["group"], r["region"]): r for r in found["whole"]}
    assert len(truth) == 6
    for one in truth:
        row = rows[one["block"], one["region"]]
        assert abs(row["prior_TgC_per_year"] - float(one["prior_TgC_per_year"])) < 1e-3
        assert (
            abs(row["posterior_TgC_per_year"] - float(one["truth_TgC_per_year"]))
            < 3.5 * row["posterior_u_TgC_per_year"]
        )
    assert max(rows["land", r]["determined"] for r in ("Westmark", "Ostmark", "Northmark")) > 0.5
    assert json.loads((tmp_path / "out" / "result.json").read_text())["withheld"][0]["site"] == "EKE"
