"""One byte changed at each level of the chain, and whether the walk from the report down to the raw logs finds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ghg.core.provenance import verify

__all__ = ["LEVELS", "try_all"]

LEVELS = {  # level -> a file of it in the project
    "raw": "towers/nor/logs/*-20240704-*.dat",
    "calibrated": "out/towers/NOR.nc",
    "inventory": "out/inventory/gridded.nc",
    "flux": "out/co2/totals.nc",
    "report": "report/report.html",
}
STRIDE = 101  # bytes between places that are tried in a NetCDF file, parts of which are padding


def try_all(project: Path) -> dict[str, Any]:
    """Change one byte of a file at each level and verify the report; each byte is put back.

    Parameters
    ----------
    project : Path
        With ``report`` and its manifest.

    Returns
    -------
    dict
        ``files`` looked at when nothing is changed; ``levels`` with ``level``, ``file``, ``found`` and ``says``.
    """
    clean = verify(project / "report")
    levels = []
    for level, pattern in LEVELS.items():
        path = sorted(project.glob(pattern))[0]
        with flipped(path):
            found = verify(project / "report")
        named = [p for p in found.problems if p.fatal and path.name in f"{p.file} {p.message}"]
        levels.append({"level": level, "file": path.relative_to(project).as_posix(), "found": bool(named),
                       "says": named[0].message if named else ""})  # fmt: skip
    return {"files": len(clean.checked), "ok": clean.ok, "levels": levels}


@contextmanager
def flipped(path: Path) -> Iterator[None]:
    """Change one byte of a file for a while: the first one from its middle on that is part of what a reader sees."""
    before = path.read_bytes()
    seen = _contents(path)
    try:
        for place in range(len(before) // 2, len(before), STRIDE):
            path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
            if seen is None or _contents(path) != seen:
                break
        yield
    finally:
        path.write_bytes(before)


def _contents(path: Path) -> dict[str, bytes] | None:
    """Return the values of a NetCDF file, empty where it cannot be read any more; None for other files."""
    if path.suffix != ".nc":
        return None
    import netCDF4

    try:
        with netCDF4.Dataset(path) as nc:
            nc.set_auto_mask(False)
            return {
                name: variable[...].tobytes() for name, variable in nc.variables.items() if variable.dtype is not str
            }
    except (OSError, RuntimeError):
        return {}
