"""Commands as a user runs them, in processes forked from one that has loaded the libraries: for robustness.py."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LONGEST = 900.0  # s by the clock of one command
Prepare = Callable[[], None] | None


@dataclass
class Child:
    """A command that runs in a forked process of its own, in a group of its own.

    Parameters
    ----------
    words : list of str
    folder : Path
    prepare : callable, optional
        Called in the process before the command.
    """

    words: list[str]
    folder: Path
    prepare: Prepare = None

    def __post_init__(self) -> None:
        self.said, self.code = b"", None
        self.began = time.perf_counter()
        self._pipe, other = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            self._run(other)
        os.close(other)
        os.set_blocking(self._pipe, False)

    def _run(self, pipe: int) -> None:
        code = 70
        try:
            os.setpgid(0, 0)
            os.dup2(pipe, 1)
            os.dup2(pipe, 2)
            os.chdir(self.folder)
            if self.prepare is not None:
                self.prepare()
            sys.argv = ["ghg", *self.words]
            from ghg.cli import main

            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        except BaseException as error:
            os.write(2, f"TRACEBACK {type(error).__name__}: {error}\n".encode())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def ended(self) -> bool:
        """Tell whether it came to its end; takes in what it says."""
        try:
            while piece := os.read(self._pipe, 65536):
                self.said += piece
        except BlockingIOError:
            pass
        if self.code is None:
            found, status = os.waitpid(self.process, os.WNOHANG)
            if found:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def wait(self) -> Child:
        """Wait for the end."""
        while not self.ended():
            time.sleep(0.005)
            if time.perf_counter() - self.began > LONGEST:
                self.kill()
        self.ended()
        os.close(self._pipe)
        return self

    def kill(self) -> None:
        """End the process, not those it started."""
        os.kill(self.process, signal.SIGKILL)

    @property
    def sentence(self) -> str:
        """The last lines it said."""
        return " ".join(self.said.decode("utf-8", "replace").split())[-300:]


def load() -> None:
    """Load what the commands load, so that forked processes begin at once; nothing is computed here."""
    import importlib

    for name in ("ghg.cli", "xarray", "netCDF4", "pandas", "scipy.sparse", "scipy.optimize", "matplotlib.figure",
                 "numba", "jinja2", "openpyxl", "sensors.station.job", "inversion.job", "inventories.compile.job",
                 "ghg.report.page"):  # fmt: skip
        importlib.import_module(name)


def orphans(group: int, patience: float = 10.0) -> int:
    """Return how many processes of a group go on after its first was killed; they are ended."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return 0
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    return 1
