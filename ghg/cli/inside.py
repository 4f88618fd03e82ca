"""A command of the terminal called inside this process: the same code, its words caught, its exit code returned."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What a command left behind.

    Parameters
    ----------
    code : int
        Exit code.
    stdout, stderr : str
        What it said.
    seconds, cpu : float
        How long it took by the clock, and time of the processor.
    """

    code: int
    stdout: str
    stderr: str
    seconds: float
    cpu: float


def call(arguments: Sequence[object], folder: Path | None = None) -> Answer:
    """Run ``ghg ARGUMENTS``, in a folder where one is given.

    Parameters
    ----------
    arguments : sequence
        The words after ``ghg``.
    folder : Path, optional
        Where it is run.
    """
    from ghg.cli import main

    words = [str(one) for one in arguments]
    out, err, began, code = io.StringIO(), io.StringIO(), (time.perf_counter(), time.process_time()), 0
    place = contextlib.nullcontext() if folder is None else contextlib.chdir(folder)
    with place, _arguments(words), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = int(str(stop.code or 0))
    return Answer(code, out.getvalue(), err.getvalue(), time.perf_counter() - began[0], time.process_time() - began[1])


@contextlib.contextmanager
def _arguments(words: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = ["ghg", *words]
    try:
        yield
    finally:
        sys.argv = before
