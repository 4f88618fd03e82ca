"""The command line in tests: as a process of its own, or inside this one where only messages and files matter."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ghg.cli.inside import call

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, "-c", "import sys; sys.argv = ['ghg', *sys.argv[1:]]; from ghg.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def ghg(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run ``ghg`` as a process of its own."""
    return subprocess.run([*PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT)


@dataclass
class Run:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def inside(*arguments: object) -> Run:
    """Run ``ghg`` inside this process, where warnings are errors and the start costs nothing."""
    answer = call(arguments)
    return Run(answer.code, answer.stdout, answer.stderr)
