"""Help and version come back without the heavy libraries: asserted on imports, not on time."""

from __future__ import annotations

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
