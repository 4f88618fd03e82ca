"""Is this machine fit for the toolkit: versions, compiler and its cache, threads, files, time zones, disk."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from ghg import __version__

__all__ = ["Finding", "examine"]

LEAST_DISK = 2 * 10**9  # bytes; a year of hourly records of a large plant with its report stays far below


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        What.
    state : {"ok", "note", "fault"}
        A note is worth knowing; a fault will get in the way.
    text : str
        What was found.
    hint : str
        What to do about a fault.
    """

    name: str
    state: Literal["ok", "note", "fault"]
    text: str
    hint: str = ""


def examine() -> Iterator[Finding]:
    """Yield what is found, one thing after another; a check that itself fails is a fault, not an error."""
    for check in (_python, _packages, _extras, _cache, _compiler, _threads, _netcdf, _zones, _disk):
        try:
            yield check()
        except Exception as error:
            yield Finding(check.__name__.strip("_"), "fault", f"{type(error).__name__}: {error}")


def _python() -> Finding:
    version = sys.version.split()[0]
    return Finding("Python", "ok" if sys.version_info >= (3, 11) else "fault", f"{version}, ghg-toolkit {__version__}",
                   "Python 3.11 or newer is needed")  # fmt: skip


def _requirements() -> Iterator[tuple[str, str, str]]:
    """Yield name, lower bound and extra of every requirement."""
    for text in metadata.requires("ghg-toolkit") or ():
        head, _, marker = text.partition(";")
        found = re.match(r"\s*([A-Za-z0-9._-]+)(?:\[[^]]*])?\s*(?:>=\s*([0-9.]+))?", head)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", marker)
        if found and found[1] != "ghg-toolkit":
            yield found[1], found[2] or "0", extra[1] if extra else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _packages() -> Finding:
    core = [(name, least, _installed(name)) for name, least, extra in _requirements() if not extra]
    wrong = [f"{name} {have or 'missing'} (needed {least})" for name, least, have in core
             if not have or _numbers(have) < _numbers(least)]  # fmt: skip
    if wrong:
        return Finding("packages", "fault", ", ".join(wrong), "pip install --upgrade ghg-toolkit")
    return Finding("packages", "ok", ", ".join(f"{name} {have}" for name, _, have in core))


def _extras() -> Finding:
    wanted: dict[str, list[str]] = {}
    for name, _, extra in _requirements():
        if extra and extra not in ("test", "dev"):
            wanted.setdefault(extra, []).append(name)
    have = [extra for extra, names in wanted.items() if all(map(_installed, names))]
    lack = [extra for extra in wanted if extra not in have]
    text = f"with {', '.join(sorted(have)) or 'none'}" + (f"; without {', '.join(sorted(lack))}" if lack else "")
    hint = f"pip install 'ghg-toolkit[{','.join(sorted(lack))}]' adds them" if lack else ""
    return Finding("extras", "note" if lack else "ok", text, hint)


def _cache() -> Finding:
    from ghg.core.jit import cache_directory

    folder = cache_directory()
    if folder is None:
        return Finding("kernel cache", "note", "no folder can be written: kernels are compiled anew in every run",
                       "set GHG_CACHE_DIR to a folder of yours")  # fmt: skip
    files = [p for p in Path(folder).rglob("*") if p.is_file()]
    size = sum(p.stat().st_size for p in files) / 1e6
    kernels = sum(p.suffix == ".nbi" for p in files)
    return Finding("kernel cache", "ok", f"{kernels} kernels, {size:.0f} MB in {folder}")


def _compiler() -> Finding:
    import numpy as np

    from ghg.core.uncertainty import total

    hours = np.linspace(0.0, 2.0, 1001)  # kg s-1, mean 1
    found = total(hours, 3600.0, components={"flow": 0.01 * hours}, draws=1000)
    good = abs(found.value - 1001 * 3600.0) < 1e-6 and abs(found.u_systematic["flow"] - 10.01 * 3600.0) < 1e-6
    text = f"a total was computed: {found.value:.1f} kg, expected {1001 * 3600.0:.1f} kg"
    return Finding("compiler", "ok" if good else "fault", text, "delete the folder of the kernel cache and try again")


def _threads() -> Finding:
    import os

    from ghg.core.jit import threads

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = threads()
    names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    set_ = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    text = f"{count} for kernels on {cores} cores" + (f"; {', '.join(set_)}" if set_ else "")
    return Finding("threads", "ok" if count <= cores else "note", text, "more threads than cores slow kernels down")


def _netcdf() -> Finding:
    import numpy as np
    import xarray as xr

    from ghg.core.netcdf import write
    from ghg.core.provenance import Record, verify
    from ghg.core.time import bounds_variable, period_bounds
    from ghg.core.variables import attributes

    times = bounds_variable(period_bounds("2024-01-01", "2024-01-02", "hour", "UTC"))
    rate = (("source", "time"), np.ones((1, 24)), attributes("emission"))
    ds = xr.Dataset({"emission": rate, "time_bounds": times}, coords={"source": ["1"], "time": times.time})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nc"
        write(ds, path, record=Record("doctor", {}))
        found = verify(path)
    if not found.ok:
        return Finding("NetCDF", "fault", found.text(), "another netCDF4 or HDF5 library may be in the way")
    return Finding("NetCDF", "ok", "a file was written, read and verified")


def _zones() -> Finding:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    offset = datetime(2024, 7, 1, tzinfo=ZoneInfo("Asia/Shanghai")).utcoffset()
    summer = datetime(2024, 7, 1, tzinfo=ZoneInfo("America/New_York")).utcoffset()
    hours = [o.total_seconds() / 3600 if o is not None else None for o in (offset, summer)]
    if hours != [8.0, -4.0]:
        return Finding("time zones", "fault", f"wrong offsets {hours}", "pip install --upgrade tzdata")
    return Finding("time zones", "ok", "Asia/Shanghai +8, America/New_York -4 in July")


def _disk() -> Finding:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    return Finding("disk", "ok" if free > LEAST_DISK else "note", f"{free / 1e9:.0f} GB free for temporary files",
                   "set TMPDIR to a larger disk")  # fmt: skip
