"""EPA's own ECMPS test files: every reported number is found again."""

from __future__ import annotations

import json
from pathlib import Path

from sensors.quality.config import QaJob
from sensors.quality.ecmps import components
from sensors.quality.job import run


def test_all_tests_of_oris_54_are_found_as_reported(shared_data: Path) -> None:
    folder = shared_data / "facility" / "ecmps_qa"
    results, notes = run(QaJob(ecmps=("QA_files_upload.json",)), base=folder)
    content = json.loads((folder / "QA_files_upload.json").read_text(encoding="utf-8"))
    reported = [
        {s["gasLevelCode"].lower(): s["percentError"] for s in t["linearitySummaryData"]}
        for t in content["testSummaryData"]
        if t["testTypeCode"] == "LINE"
    ]
    assert [r.values["error"] for r in results if r.test == "linearity"] == reported
    assert {r.values["error"]["mid"] for r in results[:1]} == {0.7}
    rata = next(r for r in results if r.test == "rata")
    assert rata.values["relative_accuracy"] == 2.38 and rata.values["bias_adjustment_factor"] == 1.0
    assert all(r.passed for r in results) and not notes
    assert not any("was reported as" in note for r in results for note in r.notes)


def test_the_plans_confirm_what_was_inferred(shared_data: Path) -> None:
    folder = shared_data / "facility" / "ecmps_qa"
    older = components([folder / "exportImport_files_upload.json"])
    assert older["component", "SCT5", "721"] == "o2" and older["system", "SCT5", "520"] == "nox_rate"
    plan = folder / "exportImport_files_upload2.json"  # of the unit that was tested
    known = components([plan])
    assert known["component", "SCT1", "370"] == "nox" and known["component", "SCT1", "371"] == "o2"
    inferred, _ = run(QaJob(ecmps=("QA_files_upload.json",)), base=folder)
    planned, _ = run(QaJob(ecmps=("QA_files_upload.json",), plan=(plan.name,)), base=folder)
    assert [r.checks for r in inferred] == [r.checks for r in planned]
    assert all(r.notes for r in inferred) and not any(r.notes for r in planned)
