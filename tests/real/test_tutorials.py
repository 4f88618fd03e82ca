"""The tutorials and how-to pages, word by word: every ghg command and every Python block runs as it is written."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from ghg.cli.root import GROUPS
from tests.terminal import ENVIRONMENT, ROOT, inside

PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# Examples that tests of their own run to the end (and what needs their output): here only every option and file of the
# line is checked, unless GHG_TUTORIALS=whole
ELSEWHERE = ("ghg facility compare", "ghg inventories build", "ghg inversion run", "ghg inversion check",
             "ghg sensors calibrate", "ghg sensors network", "ghg sensors report", "ghg inversion report",
             "ghg verify")  # fmt: skip
MADE = ("cholla", "switzerland", "onaq", "tacolneston")  # by the commands above them


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture
def desk(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the tutorials describe it: a copy of examples/ whose paths to the data still lead there."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "examples", folder / "examples")
    (tmp_path / "shared").symlink_to(shared_data.parent)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_commands_run_as_written(page: Path, desk: Path) -> None:
    network = next((text for kind, text in blocks(page) if kind == "toml" and "[[stations]]" in text), "")
    (desk / "network.toml").write_text(network)
    lines = [line for kind, text in blocks(page) if not kind for line in text.splitlines() if line.startswith("ghg ")]
    assert lines
    for line in lines:
        arguments = shlex.split(line, comments=True)[1:]
        if line.startswith(ELSEWHERE) and os.environ.get("GHG_TUTORIALS") != "whole":
            parsed(arguments)
            continue
        run = inside(*arguments)
        assert run.returncode == 0, f"{line}\n{run.stdout}{run.stderr}"


def parsed(arguments: list[str]) -> None:
    """Assert that a command line has options that exist, and files that exist or were made by an earlier line."""
    group, *rest = arguments
    command: Any = get_command(importlib.import_module(GROUPS[group][0]).app)
    if getattr(command, "commands", None):
        command, rest = command.commands[rest[0]], rest[1:]
    given = command.make_context("ghg", list(rest)).params
    for value in given.values():
        for path in value if isinstance(value, list | tuple) else [value]:
            if isinstance(path, Path) and path != given.get("output"):
                assert path.exists() or path.stem.startswith(MADE), path


def test_toml_blocks_are_toml() -> None:
    found = [text for page in (ROOT / "docs").rglob("*.md") for kind, text in blocks(page) if kind == "toml"]
    assert len(found) > 4
    for text in found:
        tomllib.loads(text)


def test_python_blocks_run_as_written(shared_data: Path) -> None:
    first, code = (text for kind, text in blocks(ROOT / "docs" / "howto" / "python.md") if kind == "python")
    assert first in (ROOT / "README.md").read_text(encoding="utf-8")  # which is run by its own test
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT,
                         env=ENVIRONMENT)  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "umol mol-1" in run.stdout


def test_pages_name_commands_that_exist() -> None:
    """Every command that any page writes is one of the program."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    found = {pair for pair in re.findall(r"`ghg ([a-z]+) ([a-z][a-z-]+)", text) if pair[0] in GROUPS}
    assert len(found) > 10
    for group, verb in sorted(found):
        members = getattr(get_command(importlib.import_module(GROUPS[group][0]).app), "commands", None)
        assert members is None or verb in members, f"ghg {group} {verb}"
