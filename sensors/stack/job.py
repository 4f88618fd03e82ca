"""The job of the measured side: read the records, compute the emission where they do not hold it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.core.errors import InputError
from ghg.core.pieces import CELLS, WHOLE, Cut, Part, Pieces
from sensors.config import StackJob
from sensors.readers import read_pieces
from sensors.readers.files import expand
from sensors.stack.parameters import against_ledger, flag_unrecorded

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.ledger import Finding
    from ghg.core.provenance import Record

__all__ = ["run", "run_pieces", "try_out"]

TABLES = (".csv", ".csv.gz", ".txt", ".xlsx", ".parquet", ".zip", ".log", ".dat", ".hj212", ".json", ".nc")


def run(config: StackJob, *, base: Path | None = None, record: Record | None = None) -> xr.Dataset:
    """Return the MEASURED Dataset of a job.

    Parameters
    ----------
    config : StackJob
        What to read, and how the stack is computed.
    base : Path, optional
        Folder to which relative paths belong: that of the configuration file.
    record : Record, optional
        Provenance: the files used and the steps taken are written into it.

    Returns
    -------
    Dataset
        dims (source, time); see :func:`sensors.readers.campd.read` and
        :func:`sensors.stack.emission.stack_emission`.

    Raises
    ------
    InputError
        Files, columns, units or states that are missing or wrong, or channels without a ``stack`` section.
    """
    return run_pieces(config, base=base, record=record).only()


def run_pieces(
    config: StackJob,
    *,
    base: Path | None = None,
    record: Record | None = None,
    cut: Cut = WHOLE,
) -> Pieces:
    """Return the MEASURED Dataset of a job in pieces that are computed when they are asked for.

    Parameters
    ----------
    config, base, record
        See :func:`run`; the steps are written into the record at the end.
    cut : Cut
        All is one piece by default, and where missing data are filled, as a regime looks at all of a source.
    """
    if record is not None:
        for path in _files(config, base):
            record.use(path, "stack records")
    cut = cut if config.missing is None else Cut(None, cut.folder)
    records = read_pieces(config.reader, base=base, cut=cut)
    work = _Work(config, records, against_ledger(config, base, record))
    return Pieces(records.sources, records.axis, work.parts(), records.coords, lambda: work.finished(record))


def try_out(config: StackJob, *, base: Path | None = None) -> None:
    """Read and compute everything, piece by piece, and let go of it; faults are raised."""
    pieces = run_pieces(config, base=base, cut=Cut(CELLS))
    for part in pieces.parts:
        del part
    pieces.attrs()


class _Work:
    """The emission of records in pieces, and what is told of it at the end."""

    def __init__(self, config: StackJob, records: Pieces, findings: list[Finding]) -> None:
        self._config, self._records, self._findings = config, records, findings
        self._told: list[str] = []
        self._attrs: dict[str, Any] = {}
        self._whole = False

    def parts(self) -> Iterator[Part]:
        """Yield the emission of each part of the records."""
        for part in self._records.parts:
            self._whole = self._records.whole(part)
            if self._whole:
                part.ds.attrs = dict(self._records.attrs())
            ds, self._told = _emission(part.ds, self._config)
            ds = flag_unrecorded(ds, self._findings)
            self._attrs = dict(ds.attrs)  # the same of all parts: what a part has of its own is told by the records
            done = Part(part.source, part.time, ds, part.split)
            del part, ds
            yield done
            del done  # before the next one is made

    def finished(self, record: Record | None) -> dict[str, Any]:
        """Return the global attributes, when all parts were made, and write down the steps."""
        config, records, attrs = self._config, self._records, self._attrs
        if not self._whole:
            read = dict(records.attrs())
            notes = "; ".join(text for text in (str(read.get("notes", "")), str(attrs.get("notes", ""))) if text)
            attrs = {**attrs, **read, "notes": notes}
        if record is not None:
            size = f"{records.sources} sources, {records.axis.size} intervals"
            record.step(f"read {config.reader.format} records: {size}")
            ledger = config.ledger
            known = ledger is not None and not self._findings
            right = [f"all parameters are as recorded in {Path(ledger.file).name}"] if ledger and known else []
            notes = str(attrs.get("notes", ""))
            for step in [*self._told, *right, *(notes.split("; ") if notes else [])]:
                record.step(step)
        stated = {key: text for key, text in (("title", config.title), ("summary", config.summary)) if text}
        return {**attrs, **stated}


def _emission(records: xr.Dataset, config: StackJob) -> tuple[xr.Dataset, list[str]]:
    """Return the emission of the records, gaps filled where that is asked for, and the steps taken."""
    if "emission" in records:
        if config.stack is not None:
            raise InputError("the records hold the emission already, so it is not computed again", where="stack",
                             need="no section 'stack'")  # fmt: skip
        if config.missing is None:
            return records, []
        from sensors.missing.effect import filled_emission

        return filled_emission(records, config.missing, None)
    if config.stack is None:
        raise InputError("the records hold channels and no emission", where="stack",
                         found=", ".join(map(str, records.data_vars)), need="a section 'stack'")  # fmt: skip
    from sensors.readers.netcdf import with_stated_uncertainty
    from sensors.stack.emission import stack_emission

    stack = with_stated_uncertainty(records, config.stack) if config.reader.format == "netcdf" else config.stack
    told: list[str] = []
    if config.missing is None:
        result = stack_emission(records, stack)
    else:
        from sensors.missing.effect import filled_emission

        result, told = filled_emission(records, config.missing, lambda ds: stack_emission(ds, stack))
    return result, [*told, f"computed the emission by {result.attrs['stack_method']}"]


def _files(config: StackJob, base: Path | None) -> list[Path]:
    """Return the files of a job: records, and the channels beside a calibrated gas."""
    if config.reader.format == "values":
        return []
    beside = config.reader.channels if config.reader.format == "netcdf" else None
    patterns = [*config.reader.files, *(beside.files if beside is not None else ())]
    return expand(patterns, base, endings=TABLES)
