"""A file that never opens: found by benchmarks/fuzz_readers.py, where HDF5 went round in a circle."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ghg.core import patience
from ghg.core.errors import InputError
from tests.endless import endless
from tests.terminal import ENVIRONMENT

QUICK = """import sys
from ghg.core import patience
patience.LONGEST, patience._EVERY = 0.2, 0.1
patience.check_structure = lambda path: None  # else it is found before
sys.argv = ["ghg", "verify", "circle.nc"]
from ghg.cli import main
main()
"""


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="there is no clock of a thread")
@pytest.mark.parametrize("late", [False, True])
def test_a_file_that_never_opens_ends_the_command_with_a_sentence(tmp_path: Path, late: bool) -> None:
    endless(tmp_path / "circle.nc", late)
    done = subprocess.run([sys.executable, "-c", QUICK], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          env=ENVIRONMENT)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("ghg: circle.nc: reading the file never ends: its inner structure is damaged (found ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="there is no clock of a thread")
def test_only_the_time_of_the_opening_thread_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[InputError] = []
    file = tmp_path / "stuck.nc"
    file.write_bytes(b"")
    monkeypatch.setattr(patience, "LONGEST", 0.05)
    monkeypatch.setattr(patience, "_EVERY", 0.01)
    monkeypatch.setattr(patience, "_ends", [told.append])
    with patience.opening(file):
        time.sleep(0.2)
    assert not told
    until = time.thread_time() + 0.2
    while time.thread_time() < until:  # before and behind an opening
        pass
    assert not told
    with patience.opening(file):
        while time.thread_time() < until + 10.0 and not told:
            pass
    assert told[0].where == str(file)
    assert not patience._open
