"""How the benchmarks take time: the least of several runs, compiled and warm, with the processor time beside it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

ENOUGH = 0.3  # s


class Took(NamedTuple):
    """Least wall time and least processor time of several runs, s."""

    wall: float
    cpu: float

    def times(self, factor: float) -> Took:
        """Return both, scaled."""
        return Took(self.wall * factor, self.cpu * factor)


def best(work: Callable[[], object], runs: int = 5) -> Took:
    """Run `work` once uncounted and then `runs` times, quick work more often, up to ENOUGH seconds in all.

    A busy machine shows in wall against processor time.
    """
    work()
    wall: list[float] = []
    cpu: list[float] = []
    while len(wall) < runs or (sum(wall) < ENOUGH and len(wall) < 10 * runs):
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


def record(
    task: str,
    ours: float | Took,
    *,
    floor: float | None = None,
    limit: str = "",
    peer: float | Took | None = None,
    who: str = "",
    others: Mapping[str, float | Took] | None = None,
) -> None:
    """Keep a result for the table of ratios, if ``GHG_BENCH`` names a folder (see ``table.py``).

    A task that is there already is replaced. The same words with other sizes are another task: a peer in an
    environment of its own (``peers/``) is joined by them.

    Parameters
    ----------
    task : str
        What was done, with its size.
    ours : float or Took
        Seconds; with the processor time where :func:`best` took them.
    floor : float
        Seconds for the least work that the machine allows, of this run.
    peer : float or Took
        Another program, of this run.
    limit : str
        What the floor is.
    who : str
        The peer.
    others : mapping of float or Took
        More peers, by what they are.
    """
    wall, cpu = _both(ours)
    peers = {**({who: peer} if peer is not None else {}), **(others or {})}
    beside = [dict(zip(("who", "seconds", "cpu"), (name, *_both(took)), strict=True)) for name, took in peers.items()]
    row = {"task": task, "short": short(), "ours": wall, "cpu": cpu, "floor": floor, "limit": limit, "peers": beside}
    _keep(lambda about: about["rows"].__setitem__(slice(None), [r for r in about["rows"] if r["task"] != task] + [row]))


def _both(took: float | Took) -> tuple[float, float | None]:
    return took if isinstance(took, Took) else (took, None)


def missed(what: str) -> None:
    """Print and keep in one sentence what this run could not measure, and why."""
    print(f"not measured: {what}", flush=True)
    _keep(lambda about: about.update(missing=list(dict.fromkeys([*about["missing"], what]))))


def _keep(change: Callable[[dict[str, Any]], object]) -> None:
    folder = os.environ.get("GHG_BENCH")
    if not folder:
        return
    path = Path(folder) / f"{Path(sys.argv[0]).stem}.json"
    about = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": [], "missing": []}
    about |= {"machine": machine(), "load": round(os.getloadavg()[0], 1), "date": time.strftime("%Y-%m-%d"),
              "versions": versions()}  # fmt: skip
    change(about)
    path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """Return processor and cores in words."""
    words = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                 if line.startswith("model name")]  # fmt: skip
        words = names[0] if names else words
    return f"{words}, {os.cpu_count()} cores"


def versions() -> dict[str, str]:
    """Return the versions that make the times: Python, ours, and the libraries below."""
    found = {"Python": platform.python_version()}
    for name in ("ghg-toolkit", "numpy", "scipy", "numba", "xarray", "pandas"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
