"""Find the files that a reader is to read: files, folders and patterns, in a fixed order."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ghg.core.errors import InputError

__all__ = ["expand"]


@cache
def _standard_input() -> Path:
    """Return a file with what came through standard input: it is read twice, for its digest and its content."""
    folder = Path(tempfile.mkdtemp(prefix="ghg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "standard-input"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


def expand(patterns: Sequence[str | Path], base: Path | None = None, *, endings: Sequence[str]) -> list[Path]:
    """Return the files meant by paths, folders and patterns, each once, in the order given.

    Parameters
    ----------
    patterns : sequence of str or Path
        A file, a folder (its files with one of the `endings`), a pattern with ``*``, ``?`` or ``[``, or ``-`` for
        standard input.
    base : Path, optional
        Folder to which relative paths belong; the working folder by default.
    endings : sequence of str
        Lower-case endings of the files taken from folders.

    Raises
    ------
    InputError
        Nothing there.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        if str(pattern) == "-":
            found[_standard_input()] = None
            continue
        path = Path(pattern).expanduser()
        path = path if path.is_absolute() or base is None else base / path
        if path.is_dir():
            hits = sorted(p for p in path.iterdir() if p.name.lower().endswith(tuple(endings)))
            if not hits:
                raise InputError("the folder holds no table", where=str(path), need=" or ".join(endings))
        elif path.exists():
            hits = [path]
        elif any(c in str(pattern) for c in "*?["):
            # the pattern may be absolute, which Path.glob refuses: split off its anchor
            root = Path(path.anchor) if path.is_absolute() else Path()
            hits = sorted(root.glob(str(path.relative_to(path.anchor) if path.is_absolute() else path)))
            hits = [p for p in hits if p.is_file()]
            if not hits:
                raise InputError("no file fits the pattern", where=str(path))
        else:
            raise InputError("the file does not exist", where=str(path))
        found.update(dict.fromkeys(hits))
    return list(found)
