"""What happens to outputs when things go wrong: killed runs, full disks, read-only folders, two runs at once, threads.

``python benchmarks/robustness.py [kill full readonly together threads] [--only WORD] [--project DIR] [--json FILE]``.
Commands of ``benchmarks/robustness_commands.py`` are run as a user runs them; processes are forked from one that has
loaded the libraries. Nothing is half-written if, whatever happened, the output is either not there or whole
(``ghg verify``), and a second run succeeds. ``--project`` is a kept project of ``ghg demo``, made where it is missing.
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
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.robustness_commands import COMMANDS, SLOW, Command, desk, more
from benchmarks.robustness_runs import Child, load, orphans

ROOT = Path(__file__).resolve().parents[1]
GHG = [sys.executable, "-c", "import sys; sys.argv = ['ghg', *sys.argv[1:]]; from ghg.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2  # what lets root write anywhere


class Bench:
    """The project, the inputs made once, and folders for one command each."""

    def __init__(self, project: Path, base: Path) -> None:
        self.project, self.base, self.made = project, base, base / "made"
        if not (project / "region").is_dir():
            print(f"making {project}", flush=True)
            subprocess.run([*GHG, "demo", "--keep", str(project), "-q"], env=ENVIRONMENT, check=True)
        self.made.mkdir()
        process = os.fork()
        if process == 0:
            try:
                more(self.made, project)
                os._exit(0)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", flush=True)
                os._exit(1)
        if os.waitpid(process, 0)[1]:
            raise SystemExit("the inputs could not be made")

    def folder(self, command: Command, under: Path | None = None) -> Path:
        """Return a new folder with what a command needs."""
        folder = Path(tempfile.mkdtemp(dir=under or self.base))
        desk(folder, self.project, self.made, command)
        return folder


def state(folder: Path, output: str, reference: bytes = b"") -> str:
    """Return "absent", "whole" or what is wrong with an output."""
    path = folder / output
    if not path.exists():
        return "absent"
    if path.is_dir() and not (path / "manifest.json").is_file():
        parts = [p for p in path.rglob("*") if p.suffix in (".nc", ".json") and not p.name.startswith(".")]
        found = [state(path, str(p.relative_to(path))) for p in parts]
        return next((f for f in found if f != "whole"), "whole" if parts else "an empty folder")
    if path.is_dir() or path.suffix == ".nc":
        done = Child(["verify", output], folder).wait()
        return "whole" if done.code == 0 else f"BROKEN: {done.sentence}"
    if path.suffix == ".ghgfp":
        return _store(path)
    data = path.read_bytes()
    if path.suffix == ".json":
        try:
            json.loads(data)
            return "whole"
        except ValueError as error:
            return f"BROKEN: {error}"
    if path.suffix == ".png":
        return "whole" if data.endswith(b"IEND\xaeB`\x82") else "BROKEN: no end"
    if path.suffix == ".jsonl":
        return "whole" if data.endswith(b"\n") else "empty" if not data else "BROKEN: no end of line"
    same = data == reference or (path.suffix == ".sig" and data)
    return "whole" if same else "BROKEN: other than what a whole run writes"


def _store(path: Path) -> str:
    from ghg.core.errors import InputError
    from inversion.store import open_store

    try:
        open_store(path, verify=True)
        return "whole"
    except InputError as error:
        return f"BROKEN: {error}"


def clear(folder: Path, output: str, command: Command, bench: Bench) -> None:
    """Take the output of a command away, or bring back what it stands beside."""
    path = folder / output
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if command.before.split() == command.before.split()[:1] and command.before:
        shutil.copytree(bench.project / command.before, path)


def hidden(folder: Path) -> list[Path]:
    """Return what unfinished runs left."""
    return [p for p in folder.rglob(".*") if ".tmp" in p.name]


def kill(name: str, command: Command, bench: Bench, times: int = 8) -> dict[str, Any]:
    """Stop a command by SIGKILL, half of the times anywhere and half while something is being written; run it again."""
    rng, left = random.Random(name), Counter()
    folder = bench.folder(command)
    words = command.words.split()
    Child(words, folder).wait()  # kernels are compiled now
    clear(folder, command.output, command, bench)
    first, child = None, Child(words, folder)
    while not child.ended():
        if first is None and hidden(folder):
            first = time.perf_counter() - child.began
        time.sleep(0.002)
    length = time.perf_counter() - child.began
    child.wait()
    if child.code != 0:
        return {"CANNOT BE RUN": child.sentence}
    reference = (folder / command.output).read_bytes() if (folder / command.output).is_file() else b""
    behind = 0
    for k in range(times):
        clear(folder, command.output, command, bench)
        child = Child(words, folder)
        if k % 2 and first is not None:
            while not hidden(folder) and not child.ended():
                time.sleep(0.001)
            time.sleep((length - first) * rng.random())
        else:
            time.sleep(length * rng.random())
        if not child.ended():
            child.kill()
        child.wait()
        behind += orphans(child.process)
        left[state(folder, command.output, reference)] += 1
    names = len(hidden(folder))
    again = Child([*words, *command.again.split()], folder).wait()
    left["second run " + ("works" if again.code == 0 else f"FAILS: {again.sentence}")] += 1
    left["whole at the end"] = int(state(folder, command.output, reference) == "whole")
    left["hidden names before the second run"], left["after it"] = names, len(hidden(folder))
    left["processes left behind"] = behind
    shutil.rmtree(folder)
    return {"seconds": round(length, 2), "kills": times, **left}


def full(name: str, command: Command, bench: Bench) -> dict[str, Any]:
    """Let the disk be full: a real one of one free block, or of none where that is enough; else no file above 2 kB."""
    one = _full(command, bench, 1)
    return _full(command, bench, 0) if one["exit"] == 0 and one["disk"] == "tmpfs" else one


def _full(command: Command, bench: Bench, spare: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=bench.base) as place:
        disk = Path(place)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", place], capture_output=True)
        real = mounted.returncode == 0
        try:
            folder = bench.folder(command, disk)
            before = sorted(p.name for p in folder.iterdir())
            if real:
                _fill(disk / "ballast", spare)
            done = Child(command.words.split(), folder, None if real else _small).wait()
            new = sorted({p.name for p in folder.iterdir()} - set(before))
            return {"exit": done.code, "left": new, "says": done.sentence.replace(str(folder), "...")[-160:],
                    "disk": "tmpfs" if real else "limit", "free blocks": spare}  # fmt: skip
        finally:
            if real:
                subprocess.run(["umount", "-l", place], check=False)


def _fill(path: Path, spare: int) -> None:
    """Write until nothing more goes in; leave some blocks."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    size = 0
    try:
        while True:
            size += os.write(descriptor, bytes(4096))
    except OSError:
        os.ftruncate(descriptor, size - 4096 * spare)
    finally:
        os.close(descriptor)


def _small() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))


def _powerless() -> None:
    """Take from this process what lets root write everywhere."""
    libc = ctypes.CDLL(None, use_errno=True)
    head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc.capget(head, data)
    for word in (0, 1):  # effective, permitted
        data[word] &= ~((1 << DAC_OVERRIDE) | (1 << DAC_READ_SEARCH))
    if libc.capset(head, data):
        raise OSError(ctypes.get_errno(), "capset")


def readonly(name: str, command: Command, bench: Bench) -> dict[str, Any]:
    """Run in a folder that may be read and not be written to."""
    folder = bench.folder(command)
    before = sorted(p.name for p in folder.iterdir())
    own = [folder, *(p for p in folder.rglob("*") if not p.is_symlink())]
    for path in own:
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = Child(command.words.split(), folder, _powerless).wait()
    new = sorted({p.name for p in folder.iterdir()} - set(before))
    for path in own:
        path.chmod(0o755)
    shutil.rmtree(folder)
    return {"exit": done.code, "left": new, "says": done.sentence.replace(str(folder), "...")[-160:]}


def together(name: str, command: Command, bench: Bench, count: int = 3) -> dict[str, Any]:
    """Run a command several times at once on one output: one wins, the others are told, what lies there is whole."""
    folder = bench.folder(command)
    children = [Child(command.words.split(), folder) for _ in range(count)]
    while not all([c.ended() for c in children]):
        time.sleep(0.005)
    said = [c.wait().sentence for c in children]
    path = folder / command.output
    found = state(folder, command.output, path.read_bytes() if path.is_file() else b"")
    left = len(hidden(folder))
    shutil.rmtree(folder)
    told = [s for c, s in zip(children, said, strict=True) if c.code not in (0, 2)]
    return {"exit": sorted(c.code or 0 for c in children), "output": found, "hidden names left": left,
            **({"says": told[0]} if told else {})}  # fmt: skip


THREADED = ("sensors calibrate, 2 workers", "inversion run", "inventories build", "inventories build, hours",
            "inventories regrid", "inventories expand", "facility compare", "sensors emission")  # fmt: skip


def threads(name: str, command: Command, bench: Bench) -> dict[str, Any]:
    """Compare files made with one and two threads, of our kernels and of BLAS, in processes that were not forked."""
    made = []
    for kernels, blas in (("1", "1"), ("2", "1"), ("2", "2")):
        folder = bench.folder(command)
        counts = {"NUMBA_NUM_THREADS": kernels, "OMP_NUM_THREADS": kernels, "OPENBLAS_NUM_THREADS": blas}
        words = command.words.replace("--workers 2", f"--workers {kernels}").split()
        subprocess.run([*GHG, *words], cwd=folder, env={**ENVIRONMENT, **counts}, check=True, capture_output=True)
        path = folder / command.output
        made.append([path] if path.is_file() else sorted(path.glob("*.nc")))
    kernels, blas = ([_difference(*pair) for pair in zip(made[0], other, strict=True)] for other in made[1:])
    return {"files": len(made[0]), "kernels": max(kernels), "and BLAS": max(blas)}


def _difference(one: Path, two: Path) -> float:
    """Return the largest difference between the values of two files, of the largest value; 0 for one digest."""
    import netCDF4
    import numpy as np

    most = 0.0
    with netCDF4.Dataset(one) as a, netCDF4.Dataset(two) as b:
        if a.getncattr("content_digest") == b.getncattr("content_digest"):
            return 0.0
        for key, variable in a.variables.items():
            if np.issubdtype(variable.dtype, np.floating):
                x, y = (np.ma.filled(nc[key][...], np.nan) for nc in (a, b))
                most = max(most, float(np.nanmax(np.abs(x - y), initial=0.0) / np.nanmax(np.abs(x), initial=1e-300)))
    return most or float("inf")  # something else than a value differs


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "kill": kill, "full": full, "readonly": readonly, "together": together, "threads": threads,
}  # fmt: skip


def main() -> None:
    """Run all or some parts, print what was found, and keep it as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parts", nargs="*", default=list(PARTS))
    options.add_argument("--only", default="", help="commands whose name holds this (a regular expression)")
    options.add_argument("--times", type=int, default=8, help="kills of each command")
    options.add_argument("--project", type=Path, default=Path("build/robustness-city"))
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    found = json.loads(given.json.read_text("utf-8")) if given.json and given.json.is_file() else {}
    load()
    with tempfile.TemporaryDirectory() as base:
        bench = Bench(given.project.absolute(), Path(base))
        for name, command in COMMANDS.items():
            if not re.search(given.only, name) or (name in SLOW and not given.only):
                continue
            for part in given.parts:
                if part == "threads" and name not in THREADED:
                    continue
                options_ = {"times": given.times} if part == "kill" else {}
                one = PARTS[part](name, command, bench, **options_)
                print(f"{part:9s} {name:28s} {json.dumps(one, ensure_ascii=False)}", flush=True)
                found.setdefault(part, {})[name] = one
                if given.json:
                    given.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
