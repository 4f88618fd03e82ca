"""Damaged files into every reader: never anything but a sentence, never a hang, never much more memory than the file.

``python benchmarks/fuzz_readers.py [--count 100000] [--seconds S] [--seed 1] [--only WORD] [--json FILE]``. Each reader
runs in a process of its own that reads thousands of inputs and is replaced when it grew, hung or died; input `n` of a
reader is made from (reader, seed, n) alone, so that ``--one "READER" N`` shows the traceback of any finding. With
``--json`` what was read is kept as it comes, and a later call goes on behind it.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import os
import re
import resource
import selectors
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
from benchmarks.fuzz_mutations import JSON, TEXT, damaged
from benchmarks.fuzz_own import BEHIND, OWN_TARGETS
from benchmarks.fuzz_targets import TEXT_TARGETS, Target
from ghg.core import patience
from ghg.core.errors import GhgError, InputError

TARGETS: list[Target] = [*TEXT_TARGETS, *BINARY_TARGETS, *OWN_TARGETS]
LONGEST = 10.0  # s of the processor for one file of some kilobytes; the rule is "never a hang"
OPENING = 2.0  # s of the processor to open one of them; the command waits for 20
STUCK = 30.0  # s of the processor (or a hundred times that by the clock) after which a process is ended
SPARE = 128e6  # bytes one damaged file may cost beyond ten times the valid one: libraries take memory in such steps
STEP = 500  # inputs between two words of a process
BINARY_STEP = 100  # the same for files that may end it
NEVER = "never opens"
TOLD = 75  # how a child ends at a file that HDF5 never opens, and of which the command would say so
GROWN = 1.2e9  # bytes of a process that is replaced by a fresh one
TMP = "/dev/shm" if Path("/dev/shm").is_dir() else None
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "NUMBA", "OPENBLAS", "MKL")}


class Hang(BaseException):
    """The reader took too long."""


def _alarm(*_: object) -> None:
    raise Hang


def make(target: Target, seeds: list[tuple[str, bytes]], seed: int, n: int) -> tuple[str, bytes]:
    """Return name and content of the damaged file number `n`."""
    rng = np.random.default_rng([zlib.crc32(target.name.encode()), seed, n])
    name, data = seeds[int(rng.integers(len(seeds)))]
    return name, damaged(data, target.kinds, rng)


def attempt(target: Target, path: Path, data: bytes) -> str:
    """Read one file; return "read", "refused", or what went wrong."""
    path.unlink(missing_ok=True)  # HDF5 keeps damaged files open, and knows them by their inode
    path.write_bytes(data)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)  # time of the processor: other programs do not make a reader slow
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            target.read(path)
        return "printed" if said.getvalue() else "read"
    except InputError as error:
        return "printed" if said.getvalue() else "refused" if str(error).strip() else "an empty sentence"
    except Hang:
        return "hang"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)
        ours = [f for f in last if re.search(r"/(ghg|sensors|inventories|inversion)/", f.filename)]
        place = ours[-1] if ours else last[-1]
        kind = "GhgError" if isinstance(error, GhgError) else type(error).__name__
        return f"{kind} at {Path(place.filename).name}:{place.lineno}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)


class Memory:
    """The peak of the resident memory, and what one input added to it.

    Asking for the peak is cheap, beginning a new one costs half a millisecond: that is done only when it rose.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin a new peak at what is resident now."""
        Path("/proc/self/clear_refs").write_text("5")
        self.before = self.peak = self._peak()

    @staticmethod
    def _peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0

    def risen(self) -> float:
        """Return the bytes by which the peak stands above the last reset."""
        self.peak = self._peak()
        return self.peak - self.before


def _warm(target: Target, folder: Path) -> float:
    """Read the valid files (kernels are compiled, libraries loaded); return the memory one of them takes [bytes]."""
    for name, data in (target.beside() or {}).items():
        (folder / name).write_bytes(data)
    valid = 0.0
    for name, data in target.seeds():
        (folder / name).write_bytes(data)
        target.read(folder / name)
        memory = Memory()
        target.read(folder / name)
        valid = max(valid, memory.risen())
    return valid


class Tally:
    """What became of the files since the last word."""

    def __init__(self, valid: float) -> None:
        self.valid, self.most, self.slowest = valid, 0.0, 0.0
        self.begin()

    def begin(self) -> None:
        """Begin a new word."""
        self.results: Counter[str] = Counter()
        self.examples: dict[str, int] = {}
        self.began = time.process_time()

    def count(self, found: str, n: int) -> None:
        """Count one file."""
        self.results[found] += 1
        self.examples.setdefault(found, n)

    def say(self, following: int) -> None:
        """Tell it in a line of JSON."""
        print(json.dumps({"next": following, "results": self.results, "examples": self.examples,
                          "most_mb": self.most / 1e6, "slowest_s": self.slowest, "valid_mb": self.valid / 1e6,
                          "seconds": time.process_time() - self.began}), flush=True)  # fmt: skip
        self.begin()


def work(target: Target, seed: int, first: int, last: int, progress: Path) -> None:
    """Read damaged files `first` to `last` and tell in lines of JSON what became of them.

    Children of a process that has read the valid files do it: another one goes on where one grew, or met a file that
    never opens. The end of a child in any other way ends this process.
    """
    warnings.simplefilter("ignore")
    seeds, place = target.seeds(), os.open(progress, os.O_RDWR | os.O_CREAT)
    with tempfile.TemporaryDirectory(dir=TMP) as name_of_folder:
        folder = Path(name_of_folder)
        valid = _warm(target, folder)
        gc.collect()
        gc.freeze()  # what is loaded now is never garbage: collections look at what an input left only
        while first < last:
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGPROF, _alarm)
                _read_files(target, seeds, seed, range(first, last), folder, place, valid)
                os._exit(0)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if code not in (0, TOLD):
                os._exit(code if code > 0 else 128 - code)
            first = int(os.pread(place, 20, 0)) + 1


def _read_files(target: Target, seeds: Any, seed: int, numbers: range, folder: Path, place: int, valid: float) -> None:
    """Read damaged files until all were read or this process grew."""
    step = STEP if target.kinds in (TEXT, JSON) else BINARY_STEP
    tally, memory, n = Tally(valid), Memory(), 0

    def never(_: object) -> None:
        tally.count(NEVER, n)
        tally.say(n + 1)
        os._exit(TOLD)

    patience.LONGEST, patience._EVERY = OPENING, OPENING / 5.0
    patience.end_with(never)
    for n in numbers:
        os.pwrite(place, b"%20d%20d" % (n, os.getpid()), 0)
        name, data = make(target, seeds, seed, n)  # may never end itself, where a damaged file is damaged again
        start = time.process_time()
        found = attempt(target, folder / name, data)
        if found == "hang":  # a kernel compiled for the first time? a hang comes again
            start, found = time.process_time(), attempt(target, folder / name, data)
        tally.slowest = max(tally.slowest, time.process_time() - start)
        extra = memory.risen()
        if extra > 16e6:
            tally.most = max(tally.most, extra)
            if extra > 10.0 * valid + SPARE:
                found = "memory"
            memory.reset()
        tally.count(found, n)
        grown = memory.before > GROWN
        if (n + 1 - numbers.start) % step == 0 or n + 1 == numbers.stop or grown:
            tally.say(n + 1)
            if grown:
                return


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _spent(progress: bytes) -> float:
    """Return the time of the processor that the reading process took [s]."""
    try:
        fields = Path(f"/proc/{int(progress[20:])}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _add(total: dict[str, Any], one: dict[str, Any]) -> None:
    for word, count in one["results"].items():
        total["results"][word] = total["results"].get(word, 0) + count
    total["examples"] = {**one["examples"], **total["examples"]}
    for key in ("most_mb", "slowest_s", "valid_mb"):
        total[key] = max(total[key], one[key])
    total["seconds"] += one["seconds"]
    total["next"] = one["next"]


def _lines(process: Any, progress: Path) -> Any:
    """Yield what a process tells; end it when it is stuck at one input where no alarm reaches it."""
    with selectors.DefaultSelector() as wait:
        wait.register(process.stdout, selectors.EVENT_READ)
        at, since, clock = b"", 0.0, time.monotonic()
        while True:
            if wait.select(timeout=2.0):
                line = process.stdout.readline()
                if not line:
                    return
                yield json.loads(line)
            now = progress.read_bytes() if progress.is_file() else b""
            if now != at:
                at, since, clock = now, _spent(now), time.monotonic()
            elif now and (_spent(now) - since > STUCK or time.monotonic() - clock > 100.0 * STUCK):
                os.killpg(process.pid, signal.SIGKILL)
                return


def run(target: Target, seed: int, count: int, seconds: float, total: dict[str, Any], keep: Any) -> None:
    """Feed one reader until `count` files were read or its time is over; `total` grows and is kept after each word."""
    until = total["seconds"] + seconds
    with tempfile.TemporaryDirectory() as folder:
        progress = Path(folder) / "n"
        while total["next"] < count and total["seconds"] < until:
            progress.unlink(missing_ok=True)
            words = ["--work", target.name, str(seed), str(total["next"]), str(count), str(progress)]
            with (Path(folder) / "errors").open("w+") as errors, subprocess.Popen(
                [sys.executable, __file__, *words], stdout=subprocess.PIPE, stderr=errors, text=True,
                preexec_fn=_limits, env={**os.environ, **ONE_THREAD}, start_new_session=True,
            ) as process:  # fmt: skip
                for one in _lines(process, progress):
                    _add(total, one)
                    keep()
                    if total["seconds"] >= until:
                        os.killpg(process.pid, signal.SIGKILL)
                code = process.wait()
                if code == 0 or total["seconds"] >= until:
                    continue
                errors.seek(0)
                if not progress.is_file():
                    raise SystemExit(f"{target.name}: {errors.read()[-2000:]}")
            # what was read since its last word is read again up to the input that ended it, and not past it
            at, word = int(progress.read_bytes()[:20]), f"process ended with {code}"
            before = _until_crash(target, seed, total["next"], at, progress)
            _add(total, {**before, "results": {**before["results"], word: 1}, "next": at + 1,
                         "examples": {word: at, **before["examples"]}})  # fmt: skip
            keep()


def _until_crash(target: Target, seed: int, first: int, at: int, progress: Path) -> dict[str, Any]:
    """Return what became of the inputs before the one that ended the process."""
    nothing = {"results": {}, "examples": {}, "most_mb": 0.0, "slowest_s": 0.0, "valid_mb": 0.0, "seconds": 0.0}
    if at == first:
        return nothing
    words = ["--work", target.name, str(seed), str(first), str(at), str(progress)]
    done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, preexec_fn=_limits,
                          env={**os.environ, **ONE_THREAD})  # fmt: skip
    total = {**nothing, "next": first, "results": {}, "examples": {}}
    for line in done.stdout.splitlines():
        _add(total, json.loads(line))
    return total


def main() -> None:
    """Run all or some readers and print one line for each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=100_000, help="inputs of each reader of text")
    options.add_argument("--binary", type=int, help="inputs of each other reader; a tenth of --count if not given")
    options.add_argument("--seconds", type=float, default=1e9, help="of the processor for each reader in this call")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="")
    options.add_argument("--json", type=Path)
    options.add_argument("--one", nargs=2, metavar=("READER", "N"))
    options.add_argument("--work", nargs=5)
    given = options.parse_args()
    known = {target.name: target for target in (*TARGETS, *BEHIND)}
    if given.work:
        name, *numbers, progress = given.work
        seed, first, last = map(int, numbers)
        work(known[name], seed, first, last, Path(progress))
        return
    if given.one:
        _show(known[given.one[0]], given.seed, int(given.one[1]))
        return
    table = json.loads(given.json.read_text("utf-8")) if given.json and given.json.is_file() else {}

    def keep() -> None:
        if given.json:
            given.json.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")

    other = given.count // 10 if given.binary is None else given.binary
    for target in known.values():
        count = given.count if target.kinds in (TEXT, JSON) else other
        if count and re.search(given.only, target.name):
            fresh = {"results": {}, "examples": {}, "most_mb": 0.0, "slowest_s": 0.0, "valid_mb": 0.0, "seconds": 0.0}
            total = table.setdefault(target.name, {**fresh, "next": 0, "seed": given.seed})
            run(target, given.seed, count, given.seconds, total, keep)
            _tell(target.name, total)


def _tell(name: str, total: dict[str, Any]) -> None:
    results = total["results"]
    bad = {k: v for k, v in results.items() if k not in ("read", "refused", NEVER)}
    read, refused, never = (results.get(k, 0) for k in ("read", "refused", NEVER))
    files = sum(results.values())
    print(f"{name:22s} {files:7d} files: {read:6d} read, {refused:6d} refused, {never} {NEVER}, "
          f"{sum(bad.values())} wrong; slowest {total['slowest_s']:.2f} s, "
          f"most {total['most_mb']:.0f} MB, {total['seconds']:.0f} s", flush=True)  # fmt: skip
    for word, number in sorted(bad.items(), key=lambda item: -item[1]):
        print(f"    {number:6d} x {word}, the first is {total['examples'][word]}", flush=True)


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
