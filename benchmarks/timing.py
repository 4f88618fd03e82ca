"""How the benchmarks take time: the least of several runs, compiled and warm, with the processor time beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
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
