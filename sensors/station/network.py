"""Many stations: each calibrated by itself, in parallel, and only where something changed.

Folder: ``<station>.nc``, and under ``state`` what each was made from and the statistics of its files. The key of a
station is the digest of its configuration, of length and time of its files, and of the program; where key and file are
those of the last run nothing is computed. A run that was killed goes on where it stopped: stations that are done stand,
and one that was not takes up the statistics of its files.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.core.errors import GhgError, InputError
from sensors.config.station import StationJob
from sensors.station.network_config import NetworkJob, NetworkStation
from sensors.station.status import StationStatus, failed, station_status

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["Done", "Network", "run_network"]

FRESH = 2.0  # [s] a file changed so shortly ago may change again within one tick of the clock
STATE = "state"


@dataclass(frozen=True)
class Done:
    """What came of one station.

    Parameters
    ----------
    name : str
    digest : str
        Content digest of its file; empty where it failed.
    computed : bool
        Whether anything was computed in this run.
    fault : str
        Why it failed.
    seconds : float
    """

    name: str
    digest: str = ""
    computed: bool = False
    fault: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Network:
    """Result of a run.

    Parameters
    ----------
    done : tuple of Done
        In the order of the configuration.
    status : tuple of StationStatus
    digest : str
        Of the digests of all stations.
    """

    done: tuple[Done, ...]
    status: tuple[StationStatus, ...]
    digest: str


def run_network(
    job: NetworkJob, base: Path, folder: Path, *, workers: int = 1, scheduler: str | None = None,
    announce: Callable[[str], None] = lambda text: None,
) -> Network:  # fmt: skip
    """Process all stations of a network.

    Parameters
    ----------
    job : NetworkJob
    base : Path
        Folder to which the configurations of the stations are relative.
    folder : Path
        Where files go; taken up again by the next run.
    workers : int
        Processes.
    scheduler : str, optional
        Address of a dask.distributed scheduler whose workers see the same folders.
    announce : callable
        Is told of each station.

    Returns
    -------
    Network
        The same for any number of workers.

    Raises
    ------
    InputError
        The folder cannot be made; dask.distributed is not there; every station failed.
    """
    try:
        (folder / STATE).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("the folder cannot be made", where=str(folder), found=str(error.strerror)) from error
    tasks = [(one, base.resolve(), folder.resolve()) for one in job.stations]
    found: dict[str, Done] = {}
    for one in _spread(tasks, workers, scheduler):
        found[one.name] = one
        announce(f"{one.name}: " + (one.fault or (f"calibrated in {one.seconds:.1f} s" if one.computed
                                                  else "nothing changed")))  # fmt: skip
    done = tuple(found[one.label] for one in job.stations)
    if all(one.fault for one in done):
        raise InputError("no station could be processed", found="; ".join(f"{d.name}: {d.fault}" for d in done))
    status = tuple(_status(one, d, job, base, folder) for one, d in zip(job.stations, done, strict=True))
    text = json.dumps(sorted((d.name, d.digest) for d in done))
    return Network(done, status, hashlib.sha256(text.encode()).hexdigest())


def _spread(tasks: list[Any], workers: int, scheduler: str | None) -> Iterator[Done]:
    """Yield results as they come."""
    if scheduler is not None:
        yield from _cluster(tasks, scheduler)
    elif workers == 1 or len(tasks) == 1:
        for task in tasks:
            yield process(task)
    else:
        from concurrent.futures import ProcessPoolExecutor, as_completed
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import get_context

        # a process that was forked after OpenMP has worked would hang
        with ProcessPoolExecutor(min(workers, len(tasks)), get_context("spawn"), _share, (workers,)) as pool:
            for future in as_completed([pool.submit(process, task) for task in tasks]):
                try:
                    yield future.result()
                except BrokenProcessPool as error:
                    raise InputError("a process that worked on a station was ended from outside", where="--workers",
                                     found=str(workers), hint="the memory may be too small: take fewer; stations that "
                                     "were done are kept") from error  # fmt: skip


def _cluster(tasks: list[Any], scheduler: str) -> Iterator[Done]:
    try:
        import distributed  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError("a scheduler needs dask.distributed", where="--scheduler", found="not installed",
                         hint="install ghg-toolkit[cluster]") from error  # fmt: skip
    try:
        client = distributed.Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError("the scheduler does not answer", where="--scheduler", found=scheduler) from error
    with client:
        for future in distributed.as_completed(client.map(process, tasks, pure=False)):
            yield future.result()


def _share(workers: int) -> None:
    """Give each process its part of the cores, and let it end with the one that began it."""
    import os

    from ghg.core.jit import threads
    from ghg.core.processes import end_with_parent

    threads(max(1, min(threads(), (os.cpu_count() or 1) // workers)))
    end_with_parent()


def process(task: tuple[NetworkStation, Path, Path]) -> Done:
    """Calibrate one station if anything it depends on has changed; faults of the user's are returned, not raised."""
    one, base, folder = task
    started = time.perf_counter()
    try:
        job, config = _job(one, base)
        key, settled = _key(job, config)
        target, note = folder / f"{one.label}.nc", folder / STATE / f"{one.label}.json"
        if (known := _known(note, target, key)) is not None:
            return Done(one.label, known)
        digest = _calibrate(job, config, target, folder / STATE / one.label)
        _remember(note, target, key if settled else "", digest)
    except GhgError as error:
        return Done(one.label, fault=str(error), seconds=time.perf_counter() - started)
    return Done(one.label, digest, True, seconds=time.perf_counter() - started)


def _job(one: NetworkStation, base: Path) -> tuple[StationJob, Path]:
    from ghg.core.config import load

    path = Path(one.config)
    path = path if path.is_absolute() else base / path
    return load(path, StationJob, one.set), path


def _key(job: StationJob, config: Path) -> tuple[str, bool]:
    """Return the digest of what a station depends on, and whether none of its files may still be changing."""
    from ghg.core.jit import cache_key
    from sensors.readers.files import expand
    from sensors.station.job import ENDINGS

    paths = expand(job.records.files, config.parent, endings=ENDINGS[job.records.format])
    paths += [config.parent / extra for extra in (job.flags, job.ledger and job.ledger.file) if extra is not None]
    about, youngest = [], 0.0
    for path in paths:
        with suppress(OSError):  # one that vanishes is missed when it is read
            found = path.stat()
            about.append([str(path), found.st_size, found.st_mtime_ns])
            youngest = max(youngest, found.st_mtime)
    text = json.dumps([cache_key(), job.model_dump(mode="json"), about], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest(), time.time() - youngest > FRESH


def _known(note: Path, target: Path, key: str) -> str | None:
    """Return the digest of the file of the last run if nothing has changed since, else None."""
    try:
        state = json.loads(note.read_text(encoding="utf-8"))
        found = target.stat()
        same = state["key"] == key and state["file"] == [found.st_size, found.st_mtime_ns]
        return str(state["digest"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(note: Path, target: Path, key: str, digest: str) -> None:
    from ghg.core.files import write_text

    found = target.stat()
    state = {"key": key, "digest": digest, "file": [found.st_size, found.st_mtime_ns]}
    write_text(note, json.dumps(state) + "\n", force=True)


def _calibrate(job: StationJob, config: Path, target: Path, store: Path) -> str:
    from ghg.core.netcdf import write
    from ghg.core.provenance import Record
    from sensors.station.job import run

    record: Record = Record("sensors calibrate", job, command=["ghg", "sensors", "network"])
    record.use(config, "configuration")
    kept = job if job.store is not None or job.records.format == "neon" else job.model_copy(
        update={"store": str(store)})  # fmt: skip
    return write(run(kept, base=config.parent, record=record), target, record=record, force=True)


def _status(one: NetworkStation, done: Done, job: NetworkJob, base: Path, folder: Path) -> StationStatus:
    from ghg.core.netcdf import read

    if done.fault:
        return failed(one.label, done.fault)
    station, _ = _job(one, base)
    return station_status(read(folder / f"{one.label}.nc"), station, one.label, job.watch, job.goals)
