"""The one door to Numba.

Numba keys its on-disk cache by the kernel's own file only: a corrected callee or constant in another file
would silently keep returning the old number, even after an upgrade. Here the cache directory is keyed by
the sources of all four packages, is proven writable, and is set only around the decoration, so that other
libraries keep theirs. Where no such directory can be had, kernels are compiled in memory and not cached.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba import prange

_numba_config: Any = numba.config  # pyright: ignore[reportPrivateImportUsage]

__all__ = ["cache_directory", "cache_key", "kernel", "kernel_parallel", "kernel_sum", "prange", "spread", "threads"]

PACKAGES = ("ghg", "inversion", "inventories", "sensors")
KEPT_CACHES = 3


def source_files(root: Path) -> list[Path]:
    """Return every Python file of the four packages beside each other under `root`, sorted."""
    return sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))


def cache_key(root: Path | None = None) -> str:
    """Return the SHA-256 over names and contents of all package sources, and the Numba version.

    Parameters
    ----------
    root : Path, optional
        Folder that holds the four packages; the installed place by default.
    """
    root = root or Path(__file__).resolve().parents[2]
    digest = hashlib.sha256(numba.__version__.encode())
    for path in source_files(root):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def _user_cache() -> Path:
    base = os.environ.get("GHG_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ghg"


def _writable(folder: Path) -> bool:
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError:
        return False
    return True


def _prune(folders: Iterable[Path], keep: int) -> None:
    """Delete the caches of old sources but for the newest few; another process may be using them."""
    by_age = sorted(folders, key=lambda p: p.stat().st_mtime, reverse=True)
    for old in by_age[keep:]:
        shutil.rmtree(old, ignore_errors=True)


@cache
def cache_directory() -> str | None:
    """Return the keyed, writable cache directory, or None where there is none."""
    try:
        base = _user_cache()
        folder = base / cache_key()
        if not _writable(folder):
            return None
        os.utime(folder)
        _prune((p for p in base.iterdir() if p.is_dir() and len(p.name) == 24), KEPT_CACHES)
    except (OSError, RuntimeError):  # RuntimeError: no home directory
        return None
    return str(folder)


def _door(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    def decorate(function: Callable[..., Any]) -> Any:
        folder = cache_directory()
        before = _numba_config.CACHE_DIR
        try:
            if folder is not None:
                _numba_config.CACHE_DIR = folder
            return numba.njit(cache=folder is not None, error_model="numpy", **options)(function)
        finally:
            _numba_config.CACHE_DIR = before

    return decorate


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a serial kernel: IEEE arithmetic in the written order, NaN kept, GIL released."""
    return _door(nogil=True)(function)


def kernel_sum(function: Callable[..., Any]) -> Any:
    """Compile a serial kernel whose sums may be re-associated, so that they vectorise.

    Only ``reassoc`` and ``contract`` are allowed: NaN and infinity keep their meaning. The order of
    additions is fixed at compile time, so results repeat on the same machine, but the last bits may differ
    between processors.
    """
    return _door(nogil=True, fastmath={"reassoc", "contract"})(function)


def kernel_parallel(function: Callable[..., Any]) -> Any:
    """Compile a kernel with parallel outer loops over independent items; sums go in ordered blocks."""
    return _door(nogil=True, parallel=True)(function)


def threads(count: int | None = None) -> int:
    """Return the number of threads of parallel kernels, after setting it when `count` is given."""
    if count is not None:
        numba.set_num_threads(count)
    return numba.get_num_threads()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="spread")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork; not on Windows
    os.register_at_fork(after_in_child=_pool.cache_clear)


def spread(function: Callable[..., object], count: int, *arguments: Any, least: int = 1) -> None:
    """Call a serial kernel as ``function(lo, hi, *arguments)`` for parts of 0 .. count, from several threads.

    The items must be independent. It does what a parallel kernel does, for a third of its time of compilation: Numba
    makes and optimises the body of a parallel loop several times over.

    Parameters
    ----------
    function : callable
        Made by :func:`kernel`; it fills arrays among `arguments`.
    count : int
        Number of items.
    least : int
        Items that are worth a thread.
    """
    workers = max(1, min(threads(), count // max(least, 1)))
    if workers == 1:
        function(0, count, *arguments)
        return
    parts = min(4 * workers, count)
    left = iter([(i * count // parts, (i + 1) * count // parts) for i in range(parts)])

    def work() -> None:
        for lo, hi in left:  # one step of an iterator is atomic, so a part goes to one thread
            function(lo, hi, *arguments)

    helpers = [_pool().submit(work) for _ in range(workers - 1)]
    try:
        work()
    finally:
        # a helper that has not begun, since all threads are busy, has nothing left to do
        begun = [helper for helper in helpers if not helper.cancel()]
        for helper in begun:
            helper.result()
