"""Files of readings to statistics by minute: in the order of time, one file at a time, kept for the next run.

Rule for duplicates and overlaps. Files are taken in the order of their first row. A row whose time is not after that of
the last row taken is left out: a repeated row, an overlap with an earlier file, or rows after the clock was set back.
How many were left out is said in the notes.

What is kept between runs stands in :mod:`sensors.station.store`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.files import open_input
from sensors.calibration.flush import find_flush
from sensors.calibration.records import Records, concatenate
from sensors.config.station import StationJob
from sensors.readers.picarro import Member, fill, members, parse_log, serial_of
from sensors.station.rows import GAP, HOLD, Plan, Rows, rows_of
from sensors.station.store import Piece, Store, open_store

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ingest", "records_of"]

MINUTE = 60 * 10**9
ENOUGH = 20  # visits of cylinders from which the flush time is found
_buffers = threading.local()  # the text of a log: each thread uses its own again


def ingest(
    paths: list[Path],
    job: StationJob,
    *,
    base: Path | None = None,
    workers: int = 1,
    digests: dict[Path, str] | None = None,
) -> Records:
    """Return the statistics of all readings.

    Parameters
    ----------
    paths : list of Path
        Logs or tables of one analyser.
    job : StationJob
    base : Path, optional
        Folder to which the store belongs.
    workers : int
        Threads that read files; the next file is read while one is computed even with one.
    digests : dict, optional
        Filled with the SHA-256 of files that were read whole.

    Returns
    -------
    Records

    Raises
    ------
    InputError
        Empty or wrong files, two analysers, valve positions not in the map.
    """
    if not paths:
        raise InputError("no file of records is given", where="records.files")
    logs = _of_one_analyser(paths, job)
    digests = {} if digests is None else digests
    store = open_store(job, base, digests)
    files, names = list(dict.fromkeys(log.path for log in logs)), [log.name for log in logs]
    if store is not None:
        store.recall(files)
        key = store.whole_key(files, names)
        if key is not None and (whole := store.whole(key)) is not None:
            return whole
    records = _computed(_ordered(logs, job), job, store, workers, digests)
    if store is not None:
        store.remember(files)
        if (key := store.whole_key(files, names)) is not None:
            store.keep_whole(key, records)
    return records


def _computed(
    logs: list[Member], job: StationJob, store: Store | None, workers: int, digests: dict[Path, str]
) -> Records:  # fmt: skip
    plan = Plan(job)
    read = _read_ahead(logs, job, workers, digests)
    flush, early = _flush(read, plan, job)
    found, tail, counts, notes = [], None, np.zeros(2, np.int64), []
    for log, load in _with_early(logs, read, early):
        records, tail, late, said = _piece(log, load, tail, (plan, flush), store)
        found.append(records)
        counts += late
        notes += said
    if tail is not None:
        found.append(_finish(tail, plan, flush))
    records = concatenate(found)
    if not records.size:
        raise InputError("the files hold no reading of any port", found=", ".join(log.name for log in logs[:5]))
    notes += [f"{counts[0]} rows repeat an earlier time and were left out"] * bool(counts[0])
    notes += [f"{counts[1]} rows lie before an earlier row (overlap, or clock set back) and were left out"] * bool(
        counts[1]
    )
    return replace(records, visit=_visits(records), notes=tuple(dict.fromkeys(notes)))


def _piece(log: Member, load: Any, tail: Any, ways: tuple[Plan, Any], store: Store | None) -> Piece:
    """Return the statistics of one file, from the store where they are there."""
    plan, flush = ways
    if store is None:
        return _one(load(), tail, plan, flush)
    loaded = (
        None if log.path in store.digests else load()
    )  # a file not known is read in any case, and hashed in passing
    key = store.key(log.path, log.name, flush, tail)
    kept = store.kept(key)
    if kept is None:
        kept = _one(load() if loaded is None else loaded, tail, plan, flush)
        store.keep(key, kept)
        store.note(log.path)
    return kept


def records_of(raw: xr.Dataset, job: StationJob) -> Records:
    """Return the statistics of readings that are in memory.

    Parameters
    ----------
    raw : Dataset
        dim ``time`` (UTC); one variable for each column of the log, as :func:`sensors.readers.picarro.read` gives it.
    job : StationJob

    Returns
    -------
    Records
        Equal to those of :func:`ingest` on the same rows in files.

    Raises
    ------
    InputError
        Columns missing, valve positions not in the map, no reading of any port.
    """
    plan = Plan(job)
    time = raw["time"].values.astype("datetime64[ns]").astype(np.int64)
    columns = {str(name): np.asarray(raw[name].values) for name in raw.data_vars}
    rows, late = _clean(rows_of(time, columns, plan, str(raw.attrs.get("source", "rows"))), None)
    flush, _ = _flush({0: (rows, [])}.__getitem__, plan, job)
    records = plan.accumulate(rows, 0, flush, MINUTE) if rows.time.size else _nothing(plan)
    if not records.size:
        raise InputError("the rows hold no reading of any port", found=f"{time.size} rows")
    notes = (f"{late.sum()} rows are not after the row before and were left out",) if late.any() else ()
    return replace(records, visit=_visits(records), notes=notes)


def _visits(records: Records) -> npt.NDArray[np.int64]:
    """Number uninterrupted stays on a port."""
    new = (records.port[1:] != records.port[:-1]) | (records.start[1:] - records.end[:-1] > GAP)
    return np.concatenate([[0], np.cumsum(new)]).astype(np.int64)


def _of_one_analyser(paths: list[Path], job: StationJob) -> list[Member]:
    for path in paths:
        open_input(path)
    if job.records.format == "table":
        return [Member(p.name, p, lambda: b"", lambda: b"") for p in paths]
    logs = members(paths)
    serials = sorted({s for log in logs if (s := serial_of(log.name))})
    wanted = job.instrument.serial
    if wanted and serials:
        logs = [log for log in logs if serial_of(log.name) in ("", wanted)]
        if not logs:
            raise InputError("the files are of another analyser", found=", ".join(serials), need=wanted)
    elif len(serials) > 1:
        raise InputError("the files are of more than one analyser", found=", ".join(serials),
                         need="one", hint="state instrument.serial to take one of them")  # fmt: skip
    return logs


def _ordered(logs: list[Member], job: StationJob) -> list[Member]:
    """Return the logs in the order of their first row; tables in the order given."""
    if job.records.format == "table":
        return logs
    keys = []
    for log in logs:
        head = log.head()
        lines = head.split(b"\n", 3)
        if len(lines) > 2:
            head = b"\n".join(lines[:2]) + b"\n"
        keys.append(int(parse_log(head, wanted=(), where=log.name).time[0]))
    return [logs[i] for i in sorted(range(len(logs)), key=lambda i: (keys[i], logs[i].name))]


# ---- reading -------------------------------------------------------------------------------------------------------


def load_rows(
    log: Member, job: StationJob, digests: dict[Path, str] | None = None, parallel: bool = True
) -> tuple[Rows, list[str]]:
    """Read one log or table into rows, in the order of the file; the digest of a plain log is taken in passing."""
    plan = Plan(job)
    if job.records.format != "picarro":
        time, columns, notes = _table(log.path, job)
        return rows_of(time, columns, plan, log.name), notes
    text: Any = b""
    if log.plain:
        text = _buffers.text = getattr(_buffers, "text", bytearray())
        fill(log.path, text)
        if digests is not None and log.path not in digests:
            digests[log.path] = hashlib.sha256(text).hexdigest()
    found = parse_log(text if log.plain else log.load(), wanted=plan.wanted, where=log.name, parallel=parallel)
    return rows_of(found.time, found.columns, plan, log.name), found.notes


def _table(path: Path, job: StationJob) -> tuple[Any, dict[str, Any], list[str]]:
    from ghg.core.tables import ColumnSpec, read_table

    config: Any = job.records
    specs: dict[str, Any] = {"time": ColumnSpec(config.time, kind="time")}
    specs |= {name: ColumnSpec(header) for name, header in config.columns.items()}
    if config.valve:
        specs["valve position"] = ColumnSpec(config.valve, kind="raw")
    given = {k: v for k, v in {"delimiter": config.delimiter, "time_format": config.time_format}.items() if v}
    frame = read_table(path, specs, timezone=config.timezone, decimal=config.decimal, **given)
    if frame.empty:
        raise InputError("the table holds no record", where=path.name)
    columns = {name: frame[name].to_numpy(np.float64) for name in config.columns}
    if config.valve:
        raw = frame["valve position"]
        columns[config.valve] = np.array([_label(v) for v in raw], dtype=object)
    return frame["time"].to_numpy().astype("datetime64[ns]").astype(np.int64), columns, list(frame.attrs["notes"])


def _label(value: Any) -> str:
    """Return the label of a valve position: 2.0 and "2" are the same."""
    if value is None or value != value:
        return ""
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value).strip()


def _read_ahead(logs: list[Member], job: StationJob, workers: int, digests: dict[Path, str]) -> Any:
    """Return a function that reads log number i; the next files are read meanwhile.

    Parsing releases the interpreter, so that threads are enough; each of them uses one core.
    """
    if len(logs) < 2:
        return lambda i: load_rows(logs[i], job, digests)
    from concurrent.futures import Future, ThreadPoolExecutor

    ahead = max(workers, 2)
    pool, waiting = ThreadPoolExecutor(ahead), {}

    def take(i: int) -> Any:
        if not 0 <= i < len(logs):
            raise IndexError(i)
        for k in range(i, min(i + ahead, len(logs))):
            if k not in waiting and k not in taken:
                waiting[k] = pool.submit(load_rows, logs[k], job, digests, False)
        taken.add(i)
        future: Future[Any] = waiting.pop(i)
        return future.result()

    taken: set[int] = set()
    return take


def _with_early(logs: list[Member], read: Any, early: dict[int, Any]) -> Iterator[tuple[Member, Any]]:
    for i, log in enumerate(logs):
        yield log, (lambda i=i: early.pop(i) if i in early else read(i))


def _flush(read: Any, plan: Plan, job: StationJob) -> tuple[npt.NDArray[np.int64], dict[int, Any]]:
    """Return the flush time of each port [ns]; where it is to be found, from the first visits of cylinders."""
    setting = job.calibration.flush
    early: dict[int, Any] = {}
    seconds = 0.0 if setting == "auto" else float(setting)
    if setting == "auto" and any(f is None for f in plan.flushes):
        tanks = {k for k, port in enumerate(plan.ports) if port in {c.port for c in job.cylinders}}
        rows, visits, i = None, 0, 0
        while visits < ENOUGH + 2:  # the last one may be cut off
            try:
                early[i] = read(i)
            except (IndexError, KeyError):
                break
            fresh, _ = _clean(early[i][0], None)
            rows = fresh if rows is None or not fresh.time.size or fresh.time[0] <= rows.time[-1] else fresh.after(rows)
            turned = np.concatenate([[True], rows.port[1:] != rows.port[:-1]])
            visits = int(np.isin(rows.port[turned], list(tanks)).sum())
            i += 1
        seconds = 0.0 if rows is None else find_flush(rows.time, rows.port, rows.x[0], sorted(tanks), ENOUGH)
    return np.array([int((seconds if f is None else f) * 1e9) for f in plan.flushes], np.int64), early


# ---- one file ------------------------------------------------------------------------------------------------------


def _clean(rows: Rows, last: int | None) -> tuple[Rows, npt.NDArray[np.int64]]:
    """Return the rows that come after all rows before them, and how many repeat a time or lie before it."""
    time = rows.time
    if time.size and (last is None or time[0] > last) and bool((np.diff(time) > 0).all()):
        return rows, np.zeros(2, np.int64)
    floor = np.iinfo(np.int64).min if last is None else last
    before = np.concatenate([[floor], np.maximum(np.maximum.accumulate(time), floor)[:-1]])
    keep = np.flatnonzero(time > before)
    late = np.array([int((time == before).sum()), int((time < before).sum())])
    return Rows(time[keep], rows.port[keep], rows.bad[keep], rows.x[:, keep], rows.water[keep], rows.scan[keep]), late


def _one(
    loaded: tuple[Rows, list[str]], tail: tuple[Rows, int] | None, plan: Plan, flush: npt.NDArray[np.int64]
) -> tuple[Records, tuple[Rows, int], Any, list[str]]:
    """Return the statistics of the minutes that are complete, and the rows that the next file needs."""
    rows, notes = loaded
    rows, late = _clean(rows, None if tail is None else int(tail[0].time[-1]) if tail[0].time.size else None)
    first = 0
    if tail is not None:
        rows, first = rows.after(tail[0]), tail[1]
    open_minute = rows.time[-1] // MINUTE * MINUTE
    last = int(np.searchsorted(rows.time, open_minute))  # the last minute may go on in the next file
    keep = int(np.searchsorted(rows.time, open_minute - int(flush.max(initial=0)) - MINUTE - GAP - HOLD))
    records = plan.accumulate(rows.part(0, last), first, flush, MINUTE) if last > first else _nothing(plan)
    if last > first and records.size:
        records = _closed(records, rows, last)
    return records, (rows.part(keep), max(last, first) - keep), late, notes


def _closed(records: Records, rows: Rows, last: int) -> Records:
    """The last record of a piece ends where it would if the rows after it had been there."""
    near = rows.port[last] == rows.port[last - 1] and rows.time[last] - rows.time[last - 1] <= GAP
    if near and rows.port[last - 1] >= 0:
        end = records.end.copy()
        end[-1] = (rows.time[last - 1] // MINUTE + 1) * MINUTE
        return replace(records, end=end)
    return records


def _finish(tail: tuple[Rows, int], plan: Plan, flush: npt.NDArray[np.int64]) -> Records:
    rows, first = tail
    return plan.accumulate(rows, first, flush, MINUTE) if rows.time.size > first else _nothing(plan)


def _nothing(plan: Plan) -> Records:
    g, none = len(plan.gases), np.empty(0, np.int64)
    empty = np.empty((g, 0))
    return Records(plan.gases, plan.ports, none, none, none.astype(np.int32), none, empty.astype(np.int64), empty,
                   empty, np.empty(0), np.empty((len(Records.LOST), 0), np.int32), empty)  # fmt: skip
