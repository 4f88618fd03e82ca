"""ECMPS quality-assurance JSON: every kind of test, and what a wrong file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ghg.core.errors import InputError
from sensors.quality.config import QaJob
from sensors.quality.ecmps import components, read_qa
from sensors.quality.job import run
from tests.terminal import inside


def _summary(code: str, **more: Any) -> dict[str, Any]:
    return {"unitId": "1", "stackPipeId": None, "testTypeCode": code, "testNumber": f"{code}-1", "componentID": "A1",
            "monitoringSystemID": None, "testResultCode": "PASSED", "beginDate": "2023-01-16", "beginHour": 7,
            "beginMinute": 5, "calculatedSpanValue": 20, **more}  # fmt: skip


def _file(folder: Path, *tests: dict[str, Any], name: str = "qa.json") -> Path:
    path = folder / name
    path.write_text(json.dumps({"orisCode": 3, "testSummaryData": list(tests)}), encoding="utf-8")
    return path


def _plan(folder: Path) -> Path:
    path = folder / "plan.json"
    place = {"unitId": "1", "componentData": [{"componentId": "A1", "componentTypeCode": "CO2"}],
             "monitoringSystemData": [{"monitoringSystemId": "S1", "systemTypeCode": "FLOW"}]}  # fmt: skip
    path.write_text(json.dumps({"orisCode": 3, "monitoringLocationData": [place]}), encoding="utf-8")
    return path


DAY = {"zeroReferenceValue": 0, "zeroMeasuredValue": 0.1, "upscaleReferenceValue": 18, "upscaleMeasuredValue": 18.3}


def test_seven_days_and_cycle_time_are_read_and_judged(tmp_path: Path) -> None:
    shots = [{"injectionCycleTime": t, "beginMonitorValue": b, "endMonitorValue": e}
             for t, b, e in ((5, 0.1, 18.0), (9, 18.0, 0.2))]  # fmt: skip
    path = _file(tmp_path, _summary("7DAY", calibrationInjectionData=[DAY] * 7),
                 _summary("CYCLE", cycleTimeSummaryData=[{"totalTime": 9, "cycleTimeInjectionData": shots}]),
                 _summary("LEAK"))  # fmt: skip
    results, notes = run(QaJob(ecmps=(str(path),), plan=(str(_plan(tmp_path)),)))
    assert [(r.test, r.passed) for r in results] == [("calibration", True), ("cycle_time", True)]
    assert results[0].values["greatest_error"]["upscale"] == pytest.approx(0.3)
    assert results[1].values["upscale"] == 5 and results[1].values["cycle_time"] == 9
    assert results[0].values["begin"] == "2023-01-16T07:05"
    assert "1 tests of type LEAK" in notes[0]


def test_the_plan_tells_what_a_system_measures(tmp_path: Path) -> None:
    runs = [{"runNumber": k, "cemValue": 100.0, "rataReferenceValue": 104.0 + 0.1 * k, "runStatusCode": "RUNUSED"}
            for k in range(9)]  # fmt: skip
    unused = {"runNumber": 9, "cemValue": None, "rataReferenceValue": None, "runStatusCode": "NOTUSED"}
    level = {"referenceMethodCode": "2", "relativeAccuracy": 4.6, "biasAdjustmentFactor": 1.044,
             "rataRunData": [*runs, unused]}  # fmt: skip
    path = _file(tmp_path, _summary("RATA", componentID=None, monitoringSystemID="S1",
                                    rataData=[{"rataSummaryData": [level]}]))  # fmt: skip
    tests, _ = read_qa(path, components([_plan(tmp_path)]))
    assert tests[0].parameter == "flow" and tests[0].remarks == ()  # type: ignore[union-attr]
    results, _ = run(QaJob(ecmps=(str(path),), plan=("plan.json",)), base=tmp_path)
    assert results[0].values["bias_adjustment_factor"] == 1.044  # 1 + 4.4/100
    # d = 4.4, S_d = 0.27386, cc = 2.306 * 0.27386 / 3 = 0.21051: RA = 4.61051/104.4 = 4.42, not the 4.6 reported
    assert any("relative accuracy was reported as 4.6 and is 4.42" in note for note in results[0].notes)


def test_a_wrongly_reported_result_is_named(tmp_path: Path) -> None:
    bad = {**DAY, "upscaleMeasuredValue": 19.0}
    path = _file(tmp_path, _summary("7DAY", calibrationInjectionData=[DAY] * 6 + [bad]))
    results, _ = run(QaJob(ecmps=(str(path),), plan=(str(_plan(tmp_path)),)))
    assert not results[0].passed
    assert "the result was reported as PASSED and is FAILED" in results[0].notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"orisCode": 3, "testSummaryData": [', "not valid JSON"),
        ("[1, 2]", "no ECMPS file"),
        ('{"a": 1}', "no ECMPS data"),
        ('{"hourlyOperatingData": []}', "holds something else"),
        ('{"testSummaryData": {"a": 1}}', "not a list of records"),
        ('{"testSummaryData": [{"testTypeCode": "LINE"}]}', "neither unit nor stack"),
        ('{"testSummaryData": []}', "no test to judge"),
    ],
)
def test_wrong_files_say_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "qa.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        run(QaJob(ecmps=(str(path),)))


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (_summary("7DAY", calibrationInjectionData=[DAY] * 7), "give its monitoring plan"),
        (_summary("LINE", linearitySummaryData=[{"gasLevelCode": "XX"}]), "level of the linearity check is not known"),
        (_summary("LINE", linearitySummaryData=[]), "holds no level"),
        (_summary("LINE", linearitySummaryData=[{"gasLevelCode": "LOW", "linearityInjectionData": [
            {"referenceValue": "5", "measuredValue": 5}]}]), "referenceValue is not a number"),
        (_summary("LINE", linearitySummaryData=[{"gasLevelCode": "LOW", "linearityInjectionData": [{}]}]),
         "referenceValue is missing"),
        (_summary("RATA", rataData=[{"rataSummaryData": [{"referenceMethodCode": "2", "rataRunData": [
            {"runNumber": 1}, {"runNumber": "x"}]}]}]), "runNumber is not a number"),
        (_summary("LINE", calculatedSpanValue="wide", linearitySummaryData=[{"gasLevelCode": "LOW"}]),
         "calculatedSpanValue is not a number"),
        (_summary("CYCLE", cycleTimeSummaryData=[{"totalTime": 10**400, "cycleTimeInjectionData": []}]),
         "no upscale injection"),
    ],
)  # fmt: skip
def test_tests_that_lack_something_are_named(tmp_path: Path, test: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        run(QaJob(ecmps=(str(_file(tmp_path, test)),)))
    assert "qa.json" in str(caught.value)


def test_the_command_writes_a_page_that_verifies_and_answers_no(tmp_path: Path) -> None:
    job = tmp_path / "qa.toml"
    job.write_text(
        '[[test]]\nkind = "cycle_time"\nname = "CO2 <b>"\nupscale = 5\ndownscale = 16\n'
        '[[test]]\nkind = "ewma"\nreadings = [1.0, 1.1]\nreference = 1.0\ns_ams = 0.1\n'
        '[[test]]\nkind = "qal2"\nelv = 200\npercent = 10\nams = { file = "pairs.csv", column = "AMS" }\n'
        'srm = { file = "pairs.csv", column = "SRM" }\n',
        encoding="utf-8",
    )
    rows = "\n".join(f"{x},{12.0 * x + (x % 3)}" for x in range(5, 21))
    (tmp_path / "pairs.csv").write_text(f"AMS,SRM\n{rows}\n", encoding="utf-8")
    out = tmp_path / "out"
    done = inside("sensors", "qa", job, "-o", out, "--quiet")
    assert done.returncode == 3
    assert "CO2 <b>: a quality test failed" in done.stderr
    page = (out / "quality.html").read_text(encoding="utf-8")
    assert "CO2 &lt;b&gt;" in page and page.count("<svg") == 3
    assert inside("verify", out).returncode == 0
    found = json.loads(inside("sensors", "qa", job, "--format", "json", "--quiet").stdout)
    assert [r["passed"] for r in found["results"]] == [False, True, True]
    assert found["results"][2]["values"]["pairs"] == 16


def test_faults_of_a_job_are_reported_together(tmp_path: Path) -> None:
    job = tmp_path / "qa.toml"
    job.write_text('[[test]]\nkind = "ewma"\nname = "one"\nreadings = []\ns_ams = 1\n'
                   '[[test]]\nkind = "cycle_time"\nname = "two"\nupscale = -1\ndownscale = 1\n',
                   encoding="utf-8")  # fmt: skip
    done = inside("sensors", "qa", job, "-o", tmp_path / "out", "--quiet")
    assert done.returncode == 2 and done.stderr.count("ghg: ") == 2
    assert not (tmp_path / "out").exists()
    job.write_text("title = 'nothing'\n", encoding="utf-8")
    assert "there is no test" in inside("sensors", "qa", job).stderr
