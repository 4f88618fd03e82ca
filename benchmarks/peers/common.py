"""What the scripts of the peers share; they run in environments that do not have this toolkit."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

SHARED = Path(os.environ.get("GHG_SHARED", Path(__file__).resolve().parents[3] / "shared" / "data"))


def processor() -> float:
    """Return the processor time [s] of this process and of those it has waited for."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def best(work: Callable[[], object], runs: int = 3) -> tuple[float, float]:
    """Return the least wall time and the least processor time [s] of `runs` after an uncounted one."""
    work()
    wall, cpu = [], []
    for _ in range(runs):
        began, used = time.perf_counter(), processor()
        work()
        wall.append(time.perf_counter() - began)
        cpu.append(processor() - used)
    return min(wall), min(cpu)


def say(task: str, took: tuple[float, float], who: str, note: str = "", scale: float = 1.0) -> None:
    """Print the line that ``table.py`` joins with ours by the words of the task; `took` as :func:`best` gives it."""
    line = {"task": task, "seconds": took[0] * scale, "cpu": took[1] * scale, "who": who,
            "version": metadata.version(who), "note": note}  # fmt: skip
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
