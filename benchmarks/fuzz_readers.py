"""Damaged files into every reader: never anything but a sentence, never a hang, never much more memory than the file.

``python benchmarks/fuzz_readers.py [--count 100000] [--seed 1] [--only WORD] [--json FILE]``. Each reader runs in a
process of its own; input `n` of a reader is made from (reader, seed, n) alone, so that ``--one "READER" N`` shows the
traceback of any finding. A process that dies or hangs is a finding too, and the next one goes on behind the input.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.fuzz_binary import BINARY_TARGETS
from benchmarks.fuzz_mutations import damaged
from benchmarks.fuzz_targets import TEXT_TARGETS, Target
from ghg.core.errors import GhgError, InputError

TARGETS: list[Target] = [*TEXT_TARGETS, *BINARY_TARGETS]
LONGEST = 10.0  # s for one file of some kilobytes; the rule is "never a hang"
SPARE = 128e6  # bytes one damaged file may cost beyond ten times the valid one: libraries take memory in such steps
TMP = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Hang(BaseException):
    """The reader took too long."""


def _alarm(*_: object) -> None:
    raise Hang


def make(target: Target, seeds: list[tuple[str, bytes]], seed: int, n: int) -> tuple[str, bytes]:
    """Return name and content of the damaged file number `n`."""
    rng = np.random.default_rng([zlib.crc32(target.name.encode()), seed, n])
    name, data = seeds[int(rng.integers(len(seeds)))]
    return name, damaged(data, target.kinds, rng)


def _peak(reset: bool = False) -> float:
    """Return the peak of the resident memory [bytes]; `reset` begins a new peak."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return float(found[1]) * 1024 if found else 0.0


def attempt(target: Target, path: Path, data: bytes) -> str:
    """Read one file; return "read", "refused", or what went wrong."""
    path.unlink(missing_ok=True)  # HDF5 keeps damaged files open, and knows them by their inode
    path.write_bytes(data)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        target.read(path)
        return "read"
    except InputError as error:
        return "refused" if str(error).strip() else "an empty sentence"
    except Hang:
        return "hang"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)
        ours = [f for f in last if re.search(r"/(ghg|sensors|inventories|inversion)/", f.filename)]
        place = ours[-1] if ours else last[-1]
        kind = "GhgError" if isinstance(error, GhgError) else type(error).__name__
        return f"{kind} at {Path(place.filename).name}:{place.lineno}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def work(target: Target, seed: int, first: int, count: int, progress: Path) -> dict[str, Any]:
    """Read `count` damaged files and count what became of them."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _alarm)
    seeds = target.seeds()
    results: Counter[str] = Counter()
    examples: dict[str, int] = {}
    most = slowest = 0.0
    with tempfile.TemporaryDirectory(dir=TMP) as folder:
        for name, data in (target.beside() or {}).items():
            (Path(folder) / name).write_bytes(data)
        valid, usual = 0.0, 0.0
        for name, data in seeds:
            (Path(folder) / name).write_bytes(data)
            target.read(Path(folder) / name)  # kernels are compiled and libraries loaded outside of the limits
            _peak(reset=True)
            before = _peak()
            target.read(Path(folder) / name)
            valid = max(valid, _peak() - before)
        for n in range(first, first + count):
            name, data = make(target, seeds, seed, n)
            progress.write_text(str(n))
            _peak(reset=True)
            before, start = _peak(), time.perf_counter()
            found = attempt(target, Path(folder) / name, data)
            if found == "hang":  # a kernel compiled for the first time, or a busy machine? a hang comes again
                start, found = time.perf_counter(), attempt(target, Path(folder) / name, data)
            took, extra = time.perf_counter() - start, _peak() - before
            slowest, most = max(slowest, took), max(most, extra)
            if extra > 10.0 * valid + SPARE:  # what HDF5 takes over a wrong size in its structure is not ours
                found = "memory of HDF5" if found == "refused" and data[:4] == b"\x89HDF" else "memory"
            results[found] += 1
            examples.setdefault(found, n)
            usual += took
    return {"results": dict(results), "examples": examples, "valid_mb": valid / 1e6, "most_mb": most / 1e6,
            "slowest_s": slowest, "seconds": usual}  # fmt: skip


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(target: Target, seed: int, count: int, batch: int = 5000) -> dict[str, Any]:
    """Feed one reader in processes of its own until `count` files were read."""
    total: dict[str, Any] = {"results": Counter(), "examples": {}, "most_mb": 0.0, "slowest_s": 0.0, "seconds": 0.0}
    n = 0
    with tempfile.TemporaryDirectory() as folder:
        progress = Path(folder) / "n"
        while n < count:
            size = min(batch, count - n)
            command = [sys.executable, __file__, "--work", target.name, str(seed), str(n), str(size), str(progress)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST * 60 + size,
                                      preexec_fn=_limits)  # fmt: skip
                code, output, errors = done.returncode, done.stdout, done.stderr
            except subprocess.TimeoutExpired:
                code, output, errors = -9, "", "hang"
            if code == 0:
                one = json.loads(output.splitlines()[-1])
                total["results"].update(one["results"])
                for key in ("most_mb", "slowest_s"):
                    total[key] = max(total[key], one[key])
                total["seconds"] += one["seconds"]
                total["valid_mb"] = one["valid_mb"]
                total["examples"] = {**one["examples"], **total["examples"]}
                n += size
                continue
            if not progress.is_file():
                raise SystemExit(f"{target.name}: {errors[-2000:]}")
            at = int(progress.read_text())  # the files before it in this batch are read again by nobody: count them
            word = f"process ended with {code}"
            total["results"][word] += 1
            total["results"]["before a crash"] += at - n
            total["examples"].setdefault(word, at)
            n = at + 1
    return total


def main() -> None:
    """Run all or some readers and print one line for each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="")
    options.add_argument("--json", type=Path)
    options.add_argument("--one", nargs=2, metavar=("READER", "N"))
    options.add_argument("--work", nargs=5)
    given = options.parse_args()
    known = {target.name: target for target in TARGETS}
    if given.work:
        name, *numbers, progress = given.work
        seed, first, count = map(int, numbers)
        print(json.dumps(work(known[name], seed, first, count, Path(progress))))
        return
    if given.one:
        _show(known[given.one[0]], given.seed, int(given.one[1]))
        return
    table = {}
    for target in TARGETS:
        if not re.search(given.only, target.name):
            continue
        count = given.count if target in TEXT_TARGETS else max(1, given.count // 10)
        found = run(target, given.seed, count)
        bad = {k: v for k, v in found["results"].items() if k not in ("read", "refused", "before a crash")}
        read, refused = (found["results"].get(k, 0) for k in ("read", "refused"))
        files = sum(found["results"].values())
        print(f"{target.name:22s} {files:7d} files: {read:6d} read, {refused:6d} refused, {sum(bad.values())} wrong; "
              f"slowest {found['slowest_s']:.2f} s, most {found['most_mb']:.0f} MB, {found['seconds']:.0f} s",
              flush=True)  # fmt: skip
        for word, number in sorted(bad.items(), key=lambda item: -item[1]):
            print(f"    {number:6d} x {word}, the first is {found['examples'][word]}", flush=True)
        table[target.name] = {**found, "results": dict(found["results"])}
        if given.json:
            given.json.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def _show(target: Target, seed: int, n: int) -> None:
    name, data = make(target, target.seeds(), seed, n)
    with tempfile.TemporaryDirectory() as folder:
        for other, content in (target.beside() or {}).items():
            (Path(folder) / other).write_bytes(content)
        path = Path(folder) / name
        path.write_bytes(data)
        print(f"{name}: {len(data)} bytes\n{data[:3000]!r}")
        target.read(path)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
