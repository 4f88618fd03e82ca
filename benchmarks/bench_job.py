"""Speed a user feels: start-up of the command, and the whole Cholla job on its first and on later runs.

Run ``python benchmarks/bench_job.py``. The first run has no compiled kernels, no font cache and no bytecode, as on a
new machine; the floor is what Python and the libraries cost without us, with bytecode. No other program does this job.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import record, short

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "cholla-2012" / "compare.toml"
GHG = [sys.executable, "-c", "import sys; sys.argv = ['ghg', *sys.argv[1:]]; from ghg.cli import main; main()"]
LIBRARIES = "import numpy, pandas, xarray, netCDF4, pint, numba, scipy.stats, matplotlib.pyplot, jinja2, pydantic"
GOALS = {"ghg --help": 0.4, "whole job, first run": 15.0, "whole job, later runs": 4.0}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**usual, **environment})
    return time.perf_counter() - start


def line(name: str, value: float) -> None:
    goal = f"goal {GOALS[name]:.1f} s" if name in GOALS else ""
    print(f"{name:<40}{value:8.2f} s   {goal}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        caches = {"GHG_CACHE_DIR": f"{folder}/kernels", "MPLCONFIGDIR": f"{folder}/fonts", "PYTHONPATH": str(ROOT),
                  "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}  # fmt: skip

        def job(i: int) -> list[str]:
            return [*GHG, "facility", "compare", str(EXAMPLE), "-o", f"{folder}/report{i}", "-q"]

        python = min(seconds([sys.executable, "-c", ""], caches) for _ in range(5))
        asked = min(seconds([*GHG, "--help"], caches) for _ in range(3 if short() else 5))
        line("ghg --help", asked)
        line("floor: Python alone", python)
        record("ghg --help", asked, floor=python, limit="Python alone")
        if short():
            return
        first = seconds(job(0), {**caches, "PYTHONPYCACHEPREFIX": f"{folder}/new"})
        line("whole job, first run", first)
        later = min(seconds(job(i), caches) for i in range(1, 6))  # the first of them compiles what --help did not load
        line("whole job, later runs", later)
        libraries = min(seconds([sys.executable, "-c", LIBRARIES], caches) for _ in range(3))
        line("floor: importing the libraries", libraries)
        limit = "importing the libraries"
        record("a plant's comparison with report and figures, first run", first, floor=libraries, limit=limit)
        record("a plant's comparison with report and figures, later runs", later, floor=libraries, limit=limit)


if __name__ == "__main__":
    main()
