"""How the benchmarks take time: the least of several runs, compiled and warm, with the processor time beside it."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Took(NamedTuple):
    """Least wall time and least processor time of several runs, s."""

    wall: float
    cpu: float


def best(work: Callable[[], object], runs: int = 5) -> Took:
    """Run `work` once uncounted and then `runs` times; a busy machine shows in wall against processor time."""
    work()
    wall, cpu = [], []
    for _ in range(runs):
        a, b = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - a)
        cpu.append(time.process_time() - b)
    return Took(min(wall), min(cpu))


def least(work: Callable[[], object], runs: int = 5) -> float:
    """Return the least wall time alone, s."""
    return best(work, runs).wall


def short() -> bool:
    """Tell whether the short form was asked for: smaller inputs, a few seconds each, for the gate."""
    return bool(os.environ.get("GHG_BENCH_SHORT"))


def record(task: str, ours: float, *, floor: float | None = None, peer: float | None = None, who: str = "") -> None:
    """Keep a result for the table of ratios, if ``GHG_BENCH`` names a folder (see ``table.py``).

    Parameters
    ----------
    task : str
        What was done.
    ours, floor, peer : float
        Seconds for the same work: ours, the least the machine allows, and the best other program.
    who : str
        The peer.
    """
    folder = os.environ.get("GHG_BENCH")
    if not folder:
        return
    path = Path(folder) / f"{Path(sys.argv[0]).stem}.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    rows.append({"task": task, "ours": ours, "floor": floor, "peer": peer, "who": who})
    about = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "short": short(), "rows": rows}
    path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """Return processor, cores and Python in words."""
    words = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                 if line.startswith("model name")]  # fmt: skip
        words = names[0] if names else words
    return f"{words}, {os.cpu_count()} cores, Python {platform.python_version()}"
