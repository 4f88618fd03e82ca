"""Files in and out: inputs are checked in one sentence, outputs appear whole or not at all.

An output is built under a temporary name beside its target and moved into place when it is finished and on
disk. A run that is stopped, even by SIGKILL, leaves nothing under the final name; what it may leave is a file
or folder whose name begins with a dot and holds ``.tmp``, which the next run on the same output takes away.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ghg.core._leftovers import EXCHANGE, NEW, rename, stale, sweep, token
from ghg.core.errors import InputError

__all__ = ["MANIFEST", "atomic_directory", "atomic_path", "is_netcdf", "open_input", "sha256", "write_text"]

OLD = ".old.tmp"  # ending of a folder that was moved aside
MANIFEST = "manifest.json"  # lists what a finished report folder holds; see ghg.core.provenance


def open_input(path: str | os.PathLike[str], *, where: str = "") -> Path:
    """Check that a file can be read, before anything is computed.

    Parameters
    ----------
    path : path
        File given by the user.
    where : str, optional
        Where the path was given (file and key), for the message.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    InputError
        It does not exist, is a folder, is empty, or may not be read.
    """
    given = Path(path)
    prefix = f"{where}: " if where else ""
    if not given.exists():
        hint = "" if given.parent.is_dir() else f"its folder {given.parent} does not exist either"
        raise InputError("the file does not exist", where=f"{prefix}{given}", hint=hint)
    if given.is_dir():
        raise InputError("this is a folder", where=f"{prefix}{given}", need="a file")
    try:
        with given.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise InputError("the file cannot be read", where=f"{prefix}{given}", found=_why(error)) from error
    if empty:
        raise InputError("the file is empty", where=f"{prefix}{given}", found="0 bytes")
    return given


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file as hexadecimal text, reading it in blocks.

    Raises
    ------
    InputError
        It does not exist, is a folder, or may not be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError("the file cannot be read", where=str(path), found=_why(error)) from error


def is_netcdf(path: str | os.PathLike[str]) -> bool:
    """Tell by its first bytes whether a file is NetCDF (classic or HDF5)."""
    with Path(path).open("rb") as stream:
        return stream.read(8).startswith((b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF\r\n\x1a\n"))


@contextmanager
def atomic_path(target: str | os.PathLike[str], force: bool = False) -> Iterator[Path]:
    """Give a temporary name to write to; move it to `target` when the block ends without an exception.

    Parameters
    ----------
    target : path
        Final name. Its folder must exist.
    force : bool
        Replace an existing file.

    Yields
    ------
    Path
        Temporary name in the same folder with the same suffix; the block must create it.

    Raises
    ------
    InputError
        The target exists and `force` is not given, is a folder, or its folder is missing or not writable,
        or the disk is full.
    """
    final = Path(target)
    _check_target(final, force)
    sweep(final.parent, f".{final.stem}.", f".tmp{final.suffix}")
    temporary = final.with_name(f".{final.stem}.{token()}.tmp{final.suffix}")
    _probe(final.parent, temporary)
    try:
        with _explained(final, temporary):
            yield temporary
            _sync(temporary)
            _move_file(temporary, final, force)
            _sync(final.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(target: str | os.PathLike[str], force: bool = False) -> Iterator[Path]:
    """Give a temporary folder to fill; move it to `target` when the block ends without an exception.

    Parameters
    ----------
    target : path
        Final name of the folder. Its parent must exist. An empty folder may be there already.
    force : bool
        Replace an existing folder, if it is one of ours (it holds a ``manifest.json``): a folder with other
        things in it is never removed.

    Yields
    ------
    Path
        Temporary folder beside the target.

    Raises
    ------
    InputError
        The target exists with something in it, is a file, or its parent is missing or not writable, or the
        disk is full.

    Notes
    -----
    Where the system cannot exchange two folders in one step, the old one is moved aside first with `force`; a run
    killed between the two steps leaves the old folder under a hidden name, and the next one brings it back.
    """
    final = Path(target).absolute()
    if not final.exists():
        _bring_back(final)
    _check_folder(final, force)
    for end in (".tmp", OLD):
        sweep(final.parent, f".{final.name}.", end)
    temporary = final.with_name(f".{final.name}.{token()}.tmp")
    try:
        temporary.mkdir()
    except OSError as error:
        raise InputError("the folder cannot be made", where=str(final), found=_why(error)) from error
    try:
        with _explained(final, temporary):
            yield temporary
            for path in temporary.rglob("*"):
                if path.is_file():
                    _sync(path)
            _check_folder(final, force)
            _move_folder(temporary, final, force)
            _sync(final.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(target: str | os.PathLike[str], text: str, force: bool = False) -> None:
    """Write a text file atomically, in UTF-8 with plain line ends."""
    with atomic_path(target, force) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _check_parent(folder: Path, final: Path) -> None:
    if not folder.exists():
        raise InputError("the folder to write to does not exist", where=str(final), found=f"no {folder}",
                         hint="make it first")  # fmt: skip
    if not folder.is_dir():
        raise InputError("the output would lie in a file, not a folder", where=str(final), found=str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError("the folder may not be written to", where=str(folder), hint="choose another output")


def _check_target(final: Path, force: bool) -> None:
    if final.is_dir():
        raise InputError("there is a folder where the file belongs", where=str(final), need="a file name")
    _check_parent(final.parent, final)
    if final.exists() and not force:
        raise InputError("the output exists already", where=str(final), hint="give --force to replace it")


def _check_folder(final: Path, force: bool) -> None:
    if final.exists() and not final.is_dir():
        raise InputError("there is a file where the output folder belongs", where=str(final))
    _check_parent(final.parent, final)
    if not final.exists() or not any(final.iterdir()):
        return
    if not force:
        raise InputError("the folder exists already", where=str(final), hint="give --force to replace it")
    if not (final / MANIFEST).is_file():
        raise InputError(
            "the folder holds other things and is not replaced, --force or not",
            where=str(final), found=f"no {MANIFEST} in it", hint="choose another output folder",
        )  # fmt: skip


def _probe(folder: Path, temporary: Path) -> None:
    """Find out at once, not after an hour's work, that a file cannot be made here."""
    try:
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        raise InputError("the folder cannot be written to", where=str(folder), found=_why(error)) from error


def _move_file(temporary: Path, final: Path, force: bool) -> None:
    if not force:
        why = rename(temporary, final, NEW)
        if why == 0:
            return
        if final.exists():  # it appeared while we were working
            _check_target(final, force)
    temporary.replace(final)


def _move_folder(temporary: Path, final: Path, force: bool) -> None:
    try:
        temporary.rename(final)  # also onto an empty folder
        return
    except OSError:
        if not final.exists():
            raise
    _check_folder(final, force)  # it may have appeared while we were working
    if rename(temporary, final, EXCHANGE) == 0:
        return  # the old one has the temporary name now, and goes with it
    old = final.with_name(f".{final.name}.{token()}{OLD}")
    final.rename(old)
    try:
        temporary.rename(final)
    except BaseException:
        old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _bring_back(final: Path) -> None:
    """Give the folder its name again that a run was replacing when it was killed."""
    for old in stale(final.parent, f".{final.name}.", OLD):
        with suppress(OSError):
            old.rename(final)
            return


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def _explained(final: Path, temporary: Path) -> Iterator[None]:
    """Turn a full disk into a sentence; leave every other exception alone.

    HDF5 does not say why it could not write, so it is tried once more beside the unfinished file.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        why = error.errno if isinstance(error, OSError) else None
        if why not in FULL:
            why = _no_room(temporary)
        if why in FULL:
            raise InputError(
                "the disk is full", where=_meant(final), found=os.strerror(why or errno.ENOSPC).lower()
            ) from error
        raise


def _meant(path: Path) -> str:
    """Return a path as its user knows it, also where it lies in a folder that is not yet moved to its name."""
    return str(Path(*(p[1:].removesuffix(".tmp").rpartition(".")[0] if p[0] == "." and p.endswith(".tmp") else p
                      for p in path.parts)))  # fmt: skip


def _no_room(temporary: Path) -> int | None:
    """Return why nothing more than `temporary` can be written beside it; None if something can."""
    grown = temporary.stat().st_size if temporary.is_file() else 0
    probe = temporary.with_name(f".{token()}.probe.tmp")
    try:
        with probe.open("wb") as stream:
            for _ in range(1 + min(grown, 1 << 28) // (1 << 20) + 1):
                stream.write(bytes(1 << 20))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return error.errno
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return None


def _sync(path: Path) -> None:
    """Bring a file or folder to disk before it gets its name, so that a power cut cannot leave it hollow."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise
    finally:
        os.close(descriptor)
