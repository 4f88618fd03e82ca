"""What happens to outputs when things go wrong: killed runs, full disks, read-only folders, two runs at once, threads.

``python benchmarks/robustness.py [kill full readonly together threads large] [--json FILE]``. Each part runs the real
command line in processes of its own and says what was left behind. Nothing is half-written if, whatever happened, the
output is either not there or whole (``ghg verify``), and a second run succeeds.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
GHG = [sys.executable, "-c", "import sys; sys.argv = ['ghg', *sys.argv[1:]]; from ghg.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
STACK = """[reader]
format = "table"
files = "records.csv"
columns.emission = { column = "e", units = "t" }
time = { column = "t", timezone = "UTC", label = "start" }
"""
# every kind of writing: a report folder, NetCDF, a figure-less folder of many files, a text file, an appended ledger
COMMANDS: dict[str, tuple[list[str], str]] = {
    "facility compare": (["facility", "compare", "examples/cholla-2012/compare.toml", "-o", "out", "-q"], "out"),
    "inventories account": (["inventories", "account", "examples/china-power/account.toml", "-o", "out.nc"], "out.nc"),
    "sensors emission": (["sensors", "emission", "stack.toml", "-o", "out.nc", "-q"], "out.nc"),
    "facility init": (["facility", "init", "-o", "job.toml"], "job.toml"),
    "sensors ledger add": (["sensors", "ledger", "add", "l.jsonl", "span", "15", "--author", "a", "--reason", "b"],
                           "l.jsonl"),
}  # fmt: skip


def desk(folder: Path) -> None:
    """Lay out what the commands need."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "stack.toml").write_text(STACK)
    days = [f"2024-{m:02d}-{d:02d} {h:02d}:00,{h}.5" for m in (1, 2) for d in range(1, 29) for h in range(24)]
    (folder / "records.csv").write_text("t,e\n" + "\n".join(days) + "\n")


def start(arguments: list[str], folder: Path, prepare: Callable[[], None] | None = None, **more: str) -> Any:
    return subprocess.Popen([*GHG, *arguments], cwd=folder, env={**ENVIRONMENT, **more}, text=True, preexec_fn=prepare,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def run(arguments: list[str], folder: Path, prepare: Callable[[], None] | None = None, **more: str) -> Any:
    process = start(arguments, folder, prepare, **more)
    out, err = process.communicate(timeout=600)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def state(folder: Path, output: str) -> str:
    """Return "absent", "whole" or what is wrong with an output."""
    path = folder / output
    if not path.exists():
        return "absent"
    if path.suffix == ".toml":
        whole = (ROOT / "ghg" / "facility" / "data" / "starter.toml").read_bytes()
        return "whole" if path.read_bytes() == whole else "HALF WRITTEN"
    found = run(["verify", output], folder)
    return "whole" if found.returncode == 0 else f"BROKEN: {found.stdout}{found.stderr}"[:200]


def kill(times: int = 8) -> dict[str, Any]:
    """Stop each command by SIGKILL at random moments; then run it again."""
    table: dict[str, Any] = {}
    rng = random.Random(1)
    for name, (arguments, output) in COMMANDS.items():
        left: Counter[str] = Counter()
        with tempfile.TemporaryDirectory() as base:
            folder = Path(base)
            desk(folder)
            began = time.perf_counter()
            assert run(arguments, folder).returncode == 0, name
            length = time.perf_counter() - began
            for _ in range(times):
                for path in (folder / output,):
                    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
                process = start(arguments, folder)
                time.sleep(length * (0.4 + 0.7 * rng.random()))  # the first part imports libraries only
                process.send_signal(signal.SIGKILL)
                process.communicate()
                left[state(folder, output)] += 1
            again = run([*arguments, *([] if "ledger" in arguments else ["--force"])], folder)
            left["second run " + ("works" if again.returncode == 0 else f"FAILS: {again.stderr}")] += 1
            hidden = [p.name for p in folder.iterdir() if p.name.startswith(".") and ".tmp" in p.name]
            left["hidden temporary names left"] = len(hidden)
        table[name] = dict(left)
    return table


def full() -> dict[str, Any]:
    """Let the disk be full: no file may grow beyond 2 kB."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    return _refused(limit, "full")


def readonly() -> dict[str, Any]:
    """Run in a folder that may be read and not be written to."""
    libc = ctypes.CDLL(None)

    def without() -> None:
        libc.prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)  # root may write everywhere otherwise

    return _refused(without, "write")


def _refused(prepare: Callable[[], None], word: str) -> dict[str, Any]:
    table = {}
    cache = tempfile.mkdtemp()
    Path(cache).chmod(0o777)
    for name, (arguments, _) in COMMANDS.items():
        if name == "facility init" and word == "full":
            arguments = ["inventories", "init", "-o", "job.toml"]
        with tempfile.TemporaryDirectory() as base:
            folder = Path(base)
            desk(folder)
            for path in (folder, *folder.rglob("*")):
                path.chmod((0o555 if word == "write" else 0o755) if path.is_dir() else 0o644)
            done = run(arguments, folder, prepare, GHG_CACHE_DIR=cache, MPLCONFIGDIR=cache, HOME=cache)
            left = sorted(p.name for p in folder.iterdir() if p.name not in ("examples", "stack.toml", "records.csv"))
            sentence = done.stderr.strip().splitlines()[-1][:160] if done.stderr.strip() else ""
            table[name] = {"exit": done.returncode, "left": left, "says": sentence.replace(base, "...")}
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(cache, ignore_errors=True)
    return table


def together(count: int = 3) -> dict[str, Any]:
    """Run a command several times at once on one output: one wins, the others are told, what lies there is whole."""
    table = {}
    for name, (arguments, output) in COMMANDS.items():
        with tempfile.TemporaryDirectory() as base:
            folder = Path(base)
            desk(folder)
            processes = [start(arguments, folder) for _ in range(count)]
            codes = []
            for process in processes:
                process.communicate(timeout=600)
                codes.append(process.returncode)
            table[name] = {"exit": sorted(codes), "output": state(folder, output)}
    return table


def threads() -> dict[str, Any]:
    """Compare the content of files made with one and with two threads."""
    table = {}
    for name in ("facility compare", "inventories account", "sensors emission"):
        arguments, output = COMMANDS[name]
        found = []
        for count in ("1", "2"):
            with tempfile.TemporaryDirectory() as base:
                folder = Path(base)
                desk(folder)
                more = {k: count for k in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
                assert run(arguments, folder, **more).returncode == 0, name
                files = [folder / output] if output.endswith(".nc") else sorted((folder / output).glob("*.nc"))
                found.append([_digest(path) for path in files])
        table[name] = {"files": len(found[0]), "same": found[0] == found[1] and None not in found[0]}
    return table


def _digest(path: Path) -> str:
    import netCDF4

    with netCDF4.Dataset(path) as nc:
        return str(nc.getncattr("content_digest"))


def large(rows: int = 1_000_000) -> dict[str, Any]:
    """Send a large facility table through the command line; memory beside the size of the file."""
    table = {}
    for kind in ("campd", "table"):
        with tempfile.TemporaryDirectory() as base:
            folder = Path(base)
            size = _campd(folder, rows) if kind == "campd" else _rows(folder, rows)
            began = time.perf_counter()
            done = run(["sensors", "emission", "stack.toml", "-o", "out.nc", "-q"], folder)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)  # the largest child so far
            table[kind] = {"rows": rows, "file_mb": size / 1e6, "exit": done.returncode, "says": done.stderr[-200:],
                           "seconds": time.perf_counter() - began, "peak_mb": used.ru_maxrss / 1e3}  # fmt: skip
    return table


def _campd(folder: Path, rows: int) -> int:
    head = "State,Facility Name,Facility ID,Unit ID,Date,Hour,Operating Time,Gross Load (MW),Steam Load (1000 lb/hr),"
    head += "CO2 Mass (short tons),CO2 Mass Measure Indicator,Heat Input (mmBtu)\n"
    import numpy as np

    hours = np.datetime64("2018-01-01T00", "h") + np.arange(8760)
    stamps = [f"{str(h)[:10]},{int(str(h)[11:])},1,300,,98.9,Measured,1000.5\n" for h in hours]
    with (folder / "c.csv").open("w") as file:
        file.write(head)
        for unit in range(-(-rows // 8760)):
            file.writelines(f"AZ,Cholla,113,{unit},{s}" for s in stamps[: rows - unit * 8760])
    (folder / "stack.toml").write_text('[reader]\nformat = "campd"\nfiles = "c.csv"\n')
    return (folder / "c.csv").stat().st_size


def _rows(folder: Path, rows: int) -> int:
    import numpy as np

    stamps = np.datetime64("2020-01-01T00:00", "m") + np.arange(rows)
    with (folder / "records.csv").open("w") as file:
        file.write("t,e\n")
        file.writelines(f"{str(s).replace('T', ' ')},{k % 100}.5\n" for k, s in enumerate(stamps))
    (folder / "stack.toml").write_text(STACK.replace('label = "start"', 'label = "start", interval = 60.0'))
    return (folder / "records.csv").stat().st_size


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "kill": kill, "full": full, "readonly": readonly, "together": together, "threads": threads, "large": large,
}  # fmt: skip


def main() -> None:
    """Run all or some parts, print what was found, and keep it as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parts", nargs="*", default=list(PARTS))
    options.add_argument("--json", type=Path)
    options.add_argument("--rows", type=int, default=1_000_000, help="of the large tables")
    given = options.parse_args()
    found: dict[str, Any] = {}
    for part in given.parts:
        print(f"== {part}: {re.sub(r' +', ' ', (PARTS[part].__doc__ or '').strip())}", flush=True)
        found[part] = large(given.rows) if part == "large" else PARTS[part]()
        for name, one in found[part].items():
            print(f"  {name:22s} {json.dumps(one)}", flush=True)
        if given.json:
            given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
