"""Processes that work for another one end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

MOTHER = """import multiprocessing, sys, time
from concurrent.futures import ProcessPoolExecutor
from ghg.core.processes import end_with_parent
import os
if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), end_with_parent)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 60.0).result()
"""


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_worker_ends_when_its_mother_is_killed(tmp_path: Path) -> None:
    (tmp_path / "mother.py").write_text(MOTHER)
    with subprocess.Popen([sys.executable, str(tmp_path / "mother.py")], stdout=subprocess.PIPE, text=True) as mother:
        assert mother.stdout is not None
        worker = int(mother.stdout.readline())
        assert _lives(worker)
        os.kill(mother.pid, signal.SIGKILL)
    until = time.monotonic() + 30.0
    while _lives(worker) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _lives(worker)
