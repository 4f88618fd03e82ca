"""Help and version come back without the heavy libraries: asserted on imports, not on time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = {"numpy", "scipy", "pandas", "xarray", "pint", "numba", "netCDF4", "matplotlib", "jinja2", "dask"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["facility", "--help"],
        ["facility", "compare", "--help"],
        ["verify", "--help"],
        ["sensors", "--help"],
        ["inventories", "--help"],
        ["inversion", "--help"],
        ["inversion", "run", "--help"],
        ["balance", "--help"],
        ["demo", "--help"],
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = "import sys; sys.argv = ['ghg', *sys.argv[1:]]; from ghg.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in run.stderr.splitlines() if "|" in line}
    assert "typer" in imported
    assert not imported & HEAVY
    assert "Usage" in run.stdout


@pytest.mark.parametrize(
    ("line", "found"),
    [("ghg fac", "facility"), ("ghg facility com", "compare"), ("ghg sensors cal", "calibrate"),
     ("ghg facility compare --la", "--lang")],
)  # fmt: skip
def test_shells_complete_groups_commands_and_options(line: str, found: str) -> None:
    code = "import sys; sys.argv = ['ghg']; from ghg.cli import main; main()"
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_GHG_COMPLETE": "complete_bash"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **asked})
    assert found in run.stdout.split(), run.stderr
