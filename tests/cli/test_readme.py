"""The README, word by word: every ghg command and the Python block run, and what it shows is what comes out."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.terminal import ENVIRONMENT, ROOT, ghg

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)


def test_the_tour_runs_as_written(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    commands = [line for kind, text in BLOCKS if not kind for line in text.splitlines() if line.startswith("ghg ")]
    assert len(commands) >= 8
    for command in commands:
        arguments = shlex.split(command, comments=True)[1:]
        run = ghg(*arguments, cwd=tmp_path)
        assert run.returncode == 0, f"{command}\n{run.stdout}{run.stderr}"
    assert (tmp_path / "my-report" / "report.html").is_file()


def test_the_python_block_runs_as_written() -> None:
    (code,) = (text for kind, text in BLOCKS if kind == "python")
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT,
                         env=ENVIRONMENT)  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "inconclusive" in run.stdout


def test_the_demo_prints_what_is_shown(tmp_path: Path) -> None:
    shown = README.split("It ends with\n\n```\n")[1].split("```")[0]
    example = ROOT / "examples" / "cholla-2012" / "compare.toml"
    run = ghg("facility", "compare", example, "-o", tmp_path / "report")
    assert run.stdout.splitlines()[:-1] == shown.splitlines()[:-1]


def test_every_file_that_is_named_exists() -> None:
    for name in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / name).exists(), name
