"""The job of the measured side: read the records, compute the emission where they do not hold it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ghg.core.errors import InputError
from sensors.config import StackJob
from sensors.readers import read
from sensors.readers.files import expand
from sensors.stack.parameters import against_ledger, flag_unrecorded

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["run"]

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
    if record is not None:
        for path in _files(config, base):
            record.use(path, "stack records")
    records = read(config.reader, base=base)
    steps = [
        f"read {config.reader.format} records: {records.sizes['source']} sources, {records.sizes['time']} intervals"
    ]
    result, told = _emission(records, config)
    steps += told
    findings = against_ledger(config, base, record)
    result = flag_unrecorded(result, findings)
    if config.ledger is not None and not findings:
        steps.append(f"all parameters are as recorded in {Path(config.ledger.file).name}")
    if notes := str(result.attrs.get("notes", "")):
        steps += notes.split("; ")
    if record is not None:
        for step in steps:
            record.step(step)
    for key, text in (("title", config.title), ("summary", config.summary)):
        if text:
            result.attrs[key] = text
    return result


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
