"""The chain of evidence as the commands a user would type, run one after another on two lanes.

The lane of the plants runs in a process of its own, that of the towers in this one, so that a machine with two cores
compiles and computes on both. What a command is called with stands in the project's README as it was run.
"""

from __future__ import annotations

import json
import multiprocessing
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ghg.core.errors import GhgError
from ghg.core.processes import end_with_parent
from ghg.demo.world import PLANTS, TOWERS

__all__ = ["Answer", "Chain", "Done", "plant_steps", "tower_steps"]


class Answer(Protocol):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    cpu: float


ORDER = ("raw", "calibrate", "facility", "inventory", "inversion", "balance")
Call = Callable[[Sequence[object], Path], Any]


@dataclass(frozen=True)
class Step:
    """A command: its part of the chain, what it does, and its words."""

    part: str
    title: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Done:
    """A command that was run.

    Parameters
    ----------
    part : str
        ``raw``, ``calibrate``, ``facility``, ``inventory``, ``inversion`` or ``balance``.
    title, command : str
        What it did, and how it was called; empty for what is no command.
    seconds, cpu : float
        How long it took by the clock, and time of the processor.
    stdout : str
        What it said.
    """

    part: str
    title: str
    command: str
    seconds: float
    cpu: float
    stdout: str


def plant_steps() -> list[Step]:
    """Return the commands of the inventory and of the plants, in their order."""
    steps = [Step("inventory", "inventory", ("inventories", "build", "inventory/inventory.toml", "-o",
                                             "out/inventory", "-q"))]  # fmt: skip
    names = [p.name for p in PLANTS]
    steps += [Step("facility", f"verdict on {n}", ("facility", "compare", f"plants/{n.lower()}/compare.toml", "-o",
                                                   f"out/plants/{n}", "-q")) for n in names]  # fmt: skip
    steps += [Step("facility", f"screening of {n}", ("sensors", "screen", f"plants/{n.lower()}/screen.toml", "-o",
                                                     f"out/screening/{n}", "-q")) for n in names]  # fmt: skip
    return steps


def tower_steps() -> list[Step]:
    """Return the commands of the towers' first calibration."""
    return [Step("calibrate", f"calibration of {t.name}",
                 ("sensors", "calibrate", f"towers/{t.name.lower()}/station.toml", "-o", f"out/towers/{t.name}.nc",
                  "-q", "--format", "json")) for t in TOWERS]  # fmt: skip


def _region_steps(gas: str) -> list[Step]:
    return [Step("inversion", f"inversion of {gas.upper()}",
                 ("inversion", "run", f"region/{gas}.toml", "-o", f"out/{gas}", "-q")),
            Step("balance", f"balance of {gas.upper()}",
                 ("balance", "compare", f"region/balance-{gas}.toml", "-o", f"out/balance-{gas}.json"))]  # fmt: skip


class Chain:
    """Runs the commands in a project.

    Parameters
    ----------
    project : Path
        Folder that :mod:`ghg.demo.project` has filled.
    call : callable
        ``call(words, folder)`` runs a command of the terminal and returns its answer; a function of a module, so that
        another process can find it.
    workers : int
        Processes, one or two.
    announce : callable
        Is told each step.
    """

    def __init__(self, project: Path, call: Call, workers: int, announce: Callable[[str], None]) -> None:
        self.project, self.call, self.announce = project, call, announce
        self.done: list[Done] = []
        self._pool = (
            ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), end_with_parent) if workers > 1 else None
        )
        self._waiting: list[tuple[Step, Future[Any]]] = []

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def start_plants(self) -> None:
        """Begin the lane of the plants: beside this process where there are two workers."""
        for step in plant_steps():
            if self._pool is None:
                self._run(step)
            else:
                self._waiting.append((step, self._pool.submit(self.call, step.words, self.project)))

    def towers(self) -> None:
        """Calibrate the towers; a cylinder that is named is taken out, and the tower calibrated again."""
        for step in tower_steps():
            done = self._run(step)
            if suspects := suspects_of(done.stdout):
                self._again(step, suspects)

    def region(self) -> None:
        """Wait for the inventory, then run inversions and balances, then wait for the plants."""
        if self._waiting:
            self._collect(1)
        for gas in ("ch4", "co2"):
            for step in _region_steps(gas):
                if self._pool is not None and gas == "ch4":  # the lane of the plants is the shorter one
                    self._waiting.append((step, self._pool.submit(self.call, step.words, self.project)))
                else:
                    self._run(step)
        self._collect(len(self._waiting))

    def calibrations(self) -> dict[str, dict[str, Any]]:
        """Return the findings of each tower's first calibration, by gas."""
        first: dict[str, dict[str, Any]] = {}
        for done in self.done:
            if done.part == "calibrate":
                first.setdefault(Path(done.command.split()[-1]).stem, json.loads(done.stdout)["gases"])
        return first

    def in_order(self) -> list[Done]:
        """Return what was run in the order of the chain."""
        return sorted(self.done, key=lambda done: ORDER.index(done.part))

    def _again(self, step: Step, suspects: list[str]) -> None:
        before = self.project / step.words[4]
        before.rename(self.project / "out" / "suspect" / before.name)
        first = self.done.pop()
        words = tuple(w.replace("out/towers", "out/suspect") for w in step.words)
        self.done.append(replace(first, command=_line(words)))
        station = self.project / step.words[2]
        mended = station.with_name("station-mended.toml")
        mended.write_text(without(station.read_text(encoding="utf-8"), suspects), encoding="utf-8")
        words = tuple(w.replace("station.toml", "station-mended.toml") for w in step.words)
        self._run(Step(step.part, f"{step.title} without {', '.join(suspects)}", words))

    def _run(self, step: Step) -> Done:
        self.announce(step.title)
        return self._finish(step, self.call(step.words, self.project))

    def _collect(self, count: int) -> None:
        for step, future in self._waiting[:count]:
            if not future.done():
                self.announce(step.title)
            self._finish(step, future.result())
        del self._waiting[:count]

    def _finish(self, step: Step, answer: Answer) -> Done:
        if answer.code not in (0, 3):
            raise GhgError(f"a step of the demonstration failed: {step.title}", found=answer.stderr.strip()[-500:])
        done = Done(step.part, step.title, _line(step.words), answer.seconds, answer.cpu, answer.stdout)
        self.done.append(done)
        return done


def _line(words: Sequence[str]) -> str:
    return " ".join(("ghg", *words)).replace(" -q", "").replace(" --format json", "")


def suspects_of(stdout: str) -> list[str]:
    """Return the cylinders that a calibration names alone, of any gas."""
    gases = json.loads(stdout)["gases"].values()
    named = {one["suspects"][0] for gas in gases for one in gas["sets"] if len(one["suspects"]) == 1}
    return sorted(named)


def without(station: str, cylinders: Sequence[str]) -> str:
    """Return the description of a station without some cylinders, as an operator mends it."""
    head, *tanks = re.split(r"\n(?=\[\[cylinders\]\])", station)
    *tanks, last = tanks
    last, rest = re.split(r"\n(?=\[calibration\])", last)
    tanks.append(last)
    gone = [t for t in tanks if any(f'name = "{name}"' in t for name in cylinders)]
    kept = [t for t in tanks if t not in gone]
    ports = [found.group(1) for t in gone if (found := re.search(r"^valve = (\d+)$", t, re.MULTILINE))]
    words = ", ".join(f'"{port}"' for port in ports)
    told = f"unused = [{words}]   # {', '.join(cylinders)}: its value is probably wrong"
    head = head.replace("\n[site]", f"{told}\n\n[site]", 1)
    return "\n".join([head, *kept, rest])
