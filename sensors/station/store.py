"""The store of a station: statistics of each file, and of all together, so that a later run reads only what is new.

A piece is named by the digest of all it depends on: the file, the settings of the ingestion, the rows carried over from
the file before. So a changed setting or file is computed again, and a run that was killed goes on where it stopped. The
statistics of the whole record are kept too: a new tank value, scale or drift model starts from them and reads no file.
Digests of files are known from an index as long as length and time of the file have not changed.
"""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.files import atomic_path, sha256
from sensors.calibration.records import Records
from sensors.config.station import StationJob
from sensors.station.rows import Plan, Rows

__all__ = ["Piece", "Store", "open_store"]

VERSION = "2"  # of what is kept
FRESH = 2 * 10**9  # [ns] a file changed so shortly ago may change again within one tick of the clock
INDEX = "files.jsonl"
Piece = tuple[Records, tuple[Rows, int], Any, list[str]]
_FIELDS = ("start", "end", "port", "visit", "count", "mean", "m2", "water", "lost", "assigned")
_ROWS = ("time", "port", "bad", "x", "water", "scan")


def open_store(job: StationJob, base: Path | None, digests: dict[Path, str]) -> Store | None:
    """Return the store of a job; None where it names none.

    Raises
    ------
    InputError
        The folder cannot be made.
    """
    if job.store is None:
        return None
    folder = Path(job.store)
    folder = folder if folder.is_absolute() or base is None else base / folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".*.tmp*"):  # of a run that was killed; a younger one may still be written
            if time.time() - left.stat().st_mtime > 3600.0:
                left.unlink(missing_ok=True)
    except OSError as error:
        raise InputError("the store cannot be made", where=str(folder), found=str(error.strerror)) from error
    return Store(folder, job, digests)


class Store:
    """A folder of statistics.

    Parameters
    ----------
    folder : Path
    job : StationJob
    digests : dict
        Path -> SHA-256, shared with whoever reads the files.
    """

    def __init__(self, folder: Path, job: StationJob, digests: dict[Path, str]) -> None:
        self.folder, self.job, self.digests = folder, job, digests
        settings = {
            "version": VERSION, "records": job.records.model_dump(mode="json", exclude={"files"}),
            "instrument": job.instrument.model_dump(mode="json"), "unused": job.unused,
            "gases": {g: one.model_dump(mode="json", include={"units", "column", "dry_column", "water", "limits"})
                      for g, one in job.gases.items()},
            "ports": Plan(job).ports, "schedule": [s.model_dump(mode="json") for s in job.schedule],
        }  # fmt: skip
        self._settings = json.dumps(settings, sort_keys=True, default=str).encode()

    # ---- digests of files

    def recall(self, paths: list[Path]) -> None:
        """Take the digests of files that have not changed from the index; a line cut off by a kill is passed over."""
        index: dict[str, Any] = {}
        with suppress(OSError):
            for line in (self.folder / INDEX).read_text(errors="replace").splitlines():
                with suppress(ValueError, TypeError):
                    name, *entry = json.loads(line)
                    index[name] = entry
        for path in paths:
            entry = index.get(str(path.absolute()))
            if entry and entry[:2] == _signature(path):
                self.digests[path] = str(entry[2])

    def note(self, path: Path) -> None:
        """Append a file to the index; without it the file is read once more, nothing else."""
        if line := self._line(path):
            with suppress(OSError), (self.folder / INDEX).open("a") as stream:
                stream.write(line)

    def remember(self, paths: list[Path]) -> None:
        """Write the index anew, without the files that are gone."""
        with atomic_path(self.folder / INDEX, force=True) as temporary:
            temporary.write_text("".join(self._line(path) for path in paths))

    def _line(self, path: Path) -> str:
        size, changed = _signature(path)
        settled = path in self.digests and time.time_ns() - changed > FRESH
        return json.dumps([str(path.absolute()), size, changed, self.digests[path]]) + "\n" if settled else ""

    def digest(self, path: Path) -> str:
        """Return the digest of a file, taken now unless it is known."""
        if path not in self.digests:
            self.digests[path] = sha256(path)
        return self.digests[path]

    # ---- pieces

    def key(self, path: Path, name: str, flush: Any, tail: tuple[Rows, int] | None) -> str:
        """Return the digest of what the statistics of a file depend on."""
        digest = hashlib.sha256(self._settings + json.dumps(flush.tolist()).encode())
        digest.update(self.digest(path).encode() + name.encode())
        if tail is not None:
            rows, first = tail
            for array in (rows.time, rows.port, rows.bad, rows.x, rows.water, rows.scan):
                digest.update(np.ascontiguousarray(array).tobytes())
            digest.update(str(first).encode())
        return digest.hexdigest()[:40]

    def keep(self, key: str, piece: Piece) -> None:
        """Keep the statistics of a file."""
        records, (rows, first), late, notes = piece
        arrays = {f"row_{n}": getattr(rows, n) for n in _ROWS} | {"late": late}
        self._write(f"{key}.npz", records, arrays, {"first": first, "said": notes})

    def kept(self, key: str) -> Piece | None:
        """Return what was kept, None if nothing was or it is damaged."""
        found = self._read(f"{key}.npz", (*(f"row_{n}" for n in _ROWS), "late"))
        if found is None:
            return None
        records, arrays, about = found
        rows = Rows(*(arrays[f"row_{n}"] for n in _ROWS))
        return records, (rows, int(about["first"])), arrays["late"], list(about["said"])

    # ---- the whole record

    def whole_key(self, paths: list[Path], names: list[str]) -> str | None:
        """Return the name of the statistics of the whole record; None while a digest is not known."""
        if any(p not in self.digests for p in paths):
            return None
        given = {"flush": self.job.calibration.flush, "names": sorted(names),
                 "each": [[i.name, i.flush] for i in (*self.job.inlets, *self.job.cylinders)],
                 "cylinders": sorted({c.port for c in self.job.cylinders}),
                 "files": sorted(self.digests[p] for p in paths)}  # fmt: skip
        return hashlib.sha256(self._settings + json.dumps(given, sort_keys=True).encode()).hexdigest()[:40]

    def keep_whole(self, key: str, records: Records) -> None:
        """Keep the statistics of the whole record; those of an earlier state of it are not needed any more."""
        old = [p for p in self.folder.glob("*.whole") if p.stem != key]
        self._write(f"{key}.whole", records, {}, {})
        for path in old:
            path.unlink(missing_ok=True)

    def whole(self, key: str) -> Records | None:
        """Return the statistics of the whole record, None if they were not kept or are damaged."""
        found = self._read(f"{key}.whole", ())
        return None if found is None else found[0]

    def _write(self, name: str, records: Records, arrays: dict[str, Any], about: dict[str, Any]) -> None:
        fields = {f"record_{n}": getattr(records, n) for n in _FIELDS}
        text = json.dumps({"gases": records.gases, "ports": records.ports, "notes": records.notes, **about})
        with atomic_path(self.folder / name, force=True) as temporary, temporary.open("wb") as stream:
            np.savez(stream, about=np.frombuffer(text.encode(), np.uint8), **fields, **arrays)

    def _read(self, name: str, wanted: tuple[str, ...]) -> tuple[Records, dict[str, Any], dict[str, Any]] | None:
        path = self.folder / name
        if not path.exists():
            return None
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
                about = json.loads(bytes(data["about"]).decode())
                fields = {n: data[f"record_{n}"] for n in _FIELDS}
                records = Records(tuple(about["gases"]), tuple(about["ports"]), **fields, notes=tuple(about["notes"]))
                return records, {n: data[n] for n in wanted}, about
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None  # damaged: computed again and replaced


def _signature(path: Path) -> list[int]:
    about = path.stat()
    return [about.st_size, about.st_mtime_ns]
