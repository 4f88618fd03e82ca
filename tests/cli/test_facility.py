"""The main job through the terminal: the Cholla figures, the files it leaves, and bad input."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ghg.cli.facility import _wrong_inputs
from tests.terminal import ROOT, ghg, inside

EXAMPLE = ROOT / "examples" / "cholla-2012" / "compare.toml"
FEW = ["--set", "comparison.draws=20000"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cholla") / "report"
    run = ghg("facility", "compare", EXAMPLE, "-o", folder, *FEW)
    assert run.returncode == 0, run.stderr
    assert "1.06723" in run.stdout
    assert "Verdict: inconclusive" in run.stdout
    return folder


def test_cholla_2012_to_the_last_digit(report: Path) -> None:
    result = json.loads((report / "result.json").read_text())
    assert round(result["measured"]["total_kg"] / 1000) == 7_682_653
    assert round(result["accounted"]["total_kg"] / 1000) == 7_198_659
    assert round(result["ratio"]["value"], 5) == 1.06723
    assert round(result["ratio"]["symmetric_percent"], 3) == 6.505
    terms = {term["name"]: term for term in result["causes"]["terms"]}
    assert round(terms["heat"]["ln"], 5) == 0.10798
    assert round(terms["emission_factor"]["ln"], 5) == -0.04291
    assert round(terms["heat"]["convention_ln"], 5) == 0.02198
    assert "Fc 1800" in result["causes"]["conventions"][0]["explanation"]


def test_the_verdict_is_what_the_interval_justifies(report: Path) -> None:
    result = json.loads((report / "result.json").read_text())
    low, high = result["ratio"]["interval"]
    assert (result["verdict"]["code"] == "inconclusive") == (low < 1 < high)


# CF has no standard name for the emission of a plant in kg s-1, so ACDD's wish for one everywhere is not checked
CHECKS = """
import json, sys
from compliance_checker.runner import CheckSuite, ComplianceChecker
CheckSuite.load_all_available_checkers()
said = {}
for path in sys.argv[1:]:
    said[path, "cf"] = ComplianceChecker.run_checker(path, ["cf:1.11"], 0, "strict")
    said[path, "acdd"] = ComplianceChecker.run_checker(path, ["acdd:1.3"], 0, "normal", ["check_var_standard_name"])
print(json.dumps([[path, suite, passed, broken] for (path, suite), (passed, broken) in said.items()]))
"""


def test_files_pass_the_independent_checkers(report: Path) -> None:
    files = [str(report / f"{name}.nc") for name in ("measured", "accounted", "comparison")]
    run = subprocess.run([sys.executable, "-c", CHECKS, *files], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    assert said == [[file, suite, True, False] for file in files for suite in ("cf", "acdd")], run.stdout


def test_verify_accepts_what_was_written_and_names_a_single_changed_value(report: Path, tmp_path: Path) -> None:
    assert inside("verify", report).returncode == 0
    copy = tmp_path / "report"
    shutil.copytree(report, copy)
    with netCDF4.Dataset(copy / "accounted.nc", "a") as file:
        values = file["emission"][:]
        values.flat[np.argmax(values)] *= 1.000001
        file["emission"][:] = values
    run = inside("verify", copy)
    assert run.returncode == 3
    assert "accounted.nc" in run.stdout
    assert "emission" in run.stdout


def test_same_input_same_digest(report: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert inside("facility", "compare", EXAMPLE, "-o", again, *FEW).returncode == 0
    for name in ("measured", "accounted", "comparison"):
        with netCDF4.Dataset(report / f"{name}.nc") as a, netCDF4.Dataset(again / f"{name}.nc") as b:
            assert np.array_equal(a["time_bounds"][:], b["time_bounds"][:])
            for variable in a.variables:
                assert np.ma.allequal(a[variable][:], b[variable][:]), variable


def test_the_page_is_self_contained(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "7\u202f682\u202f653" in page
    for forbidden in ("<script", "src=", "@import", "url(http", "<link"):
        assert forbidden not in page
    assert page.count("<svg") == 3  # totals, waterfall, budgets: one pair has no series
    assert page.count("aria-label") == 3
    assert {p.name for p in (report / "figures").iterdir()} >= {"totals.svg", "totals.png", "waterfall.svg"}


def test_existing_folder_is_not_overwritten(report: Path) -> None:
    run = inside("facility", "compare", EXAMPLE, "-o", report, *FEW)
    assert run.returncode == 2
    assert "--force" in run.stderr
    assert inside("facility", "compare", EXAMPLE, "-o", report, "--force", *FEW).returncode == 0


def test_fail_on_gives_exit_3_after_writing(tmp_path: Path) -> None:
    run = ghg("facility", "compare", EXAMPLE, "-o", tmp_path / "r", "--fail-on", "--format", "json", *FEW)
    assert run.returncode == 3
    assert json.loads(run.stdout)["verdict"]["code"] == "inconclusive"
    assert json.loads(run.stderr.splitlines()[-1])["error"] == "AnswerNo"
    assert (tmp_path / "r" / "report.html").is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("comparison.by=month", "longer than the periods"),
        ("comparison.by=fortnight", "comparison.by"),
        ("comparison.margin=0.05 kg", "comparison.margin"),
        ("measured.reader.emission.unit=ton", "short_ton"),
        ("measured.reader.emission.values=[-1.0]", "negative"),
        ("measured.reader.emission.values=[1.0, 2.0]", "wrong number of values"),
        ("accounted.timezone=Mars/Olympus", "Mars/Olympus"),
        ("accounted.stream.0.fuel=SUB+DFO", "two fuels"),
        ("accounted.stream.0.fuel=peet", "no factor"),
        ("accounted.stream.0.energy.unit=kg", "wrong kind"),
        ("accounted.stream.0.energy.basis=net", "gross"),
        ("facility.nmae=x", "did you mean 'name'"),
    ],
)
def test_bad_input_is_one_sentence_exit_2_and_nothing_written(tmp_path: Path, change: str, message: str) -> None:
    run = inside("facility", "compare", EXAMPLE, "-o", tmp_path / "r", "-q", "--set", change)
    assert run.returncode == 2, run.stderr
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "truncated"])
def test_bad_job_files(tmp_path: Path, kind: str) -> None:
    job = tmp_path / "job.toml"
    if kind == "folder":
        job.mkdir()
    elif kind != "missing":
        job.write_text("" if kind == "empty" else EXAMPLE.read_text()[:1500])
    run = inside("facility", "compare", job, "-o", tmp_path / "r")
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "r").exists()


def test_unwritable_target(tmp_path: Path) -> None:
    run = inside("facility", "compare", EXAMPLE, "-o", tmp_path / "none" / "r")
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


def test_init_gives_a_job_that_checks(tmp_path: Path) -> None:
    assert inside("facility", "init", "-o", tmp_path / "job.toml").returncode == 0
    assert inside("facility", "check", tmp_path / "job.toml").returncode == 0
    assert inside("facility", "init", "-o", tmp_path / "job.toml").returncode == 2


def test_version_names_the_libraries() -> None:
    run = ghg("--version")
    assert run.returncode == 0
    assert "numba" in run.stdout


def test_summary_names_the_input_that_changed() -> None:
    suspect = {"component": "measured.flow", "tied_with": ["measured.moisture"], "bias_percent": 4.58, "u_percent": 0.3}
    one = {"named": True, "p_none": 0.0, "suspects": [suspect]}
    # the month began at midnight in China
    result = {"attribution": {**one, "named": False}, "steps": [{**one, "start": "2023-06-30T16:00:00Z"}],
              "period": {"timezone": "Asia/Shanghai"}}  # fmt: skip
    lines = _wrong_inputs(result)
    assert lines == ["change of 2023-07-01: measured flow or measured moisture, +4.58 ± 0.30 % (probability 100%)"]
    assert _wrong_inputs({**result, "attribution": None, "steps": []}) == []
