"""What the scripts of the peers share; they run in environments that do not have this toolkit."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

SHARED = Path(os.environ.get("GHG_SHARED", Path(__file__).resolve().parents[3] / "shared" / "data"))


def best(work: Callable[[], object], runs: int = 3) -> float:
    """Return the least wall time [s] of `runs` after an uncounted one."""
    work()
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def say(task: str, seconds: float, who: str, note: str = "") -> None:
    """Print the line that ``table.py`` joins with ours by the words of the task."""
    line = {"task": task, "seconds": seconds, "who": who, "version": metadata.version(who), "note": note}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
