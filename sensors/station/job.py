"""The job of a station: read its records, calibrate them, average them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.core.errors import InputError
from sensors.config.station import StationJob
from sensors.readers.files import expand

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record
    from sensors.calibration.records import Records

__all__ = ["calibrate", "read_records", "run"]

ENDINGS = {
    "picarro": (".dat", ".txt", ".csv", ".gz", ".zip"),
    "neon": (".h5", ".hdf5"),
    "table": (".csv", ".txt", ".gz", ".zip", ".parquet", ".xlsx", ".dat"),
}


def run(job: StationJob, *, base: Path | None = None, record: Record | None = None, workers: int = 1) -> xr.Dataset:
    """Read, calibrate and average the record of a station.

    Parameters
    ----------
    job : StationJob
    base : Path, optional
        Folder to which relative paths belong: that of the configuration file.
    record : Record, optional
        Provenance: the files used and the steps taken are written into it.
    workers : int
        Processes that read files; the result does not depend on it.

    Returns
    -------
    Dataset
        See :func:`sensors.calibration.series.station_dataset`.

    Raises
    ------
    InputError
        Files, columns, ports, cylinders or values that are missing or wrong.
    """
    from sensors.station.parameters import against_ledger, flag_unrecorded

    digests: dict[Path, str] = {}
    findings = against_ledger(job, base, record)
    records, paths = read_records(job, base=base, workers=workers, digests=digests)
    manual: Any = []
    if job.flags is not None:
        from sensors.calibration.manual import read_manual

        path = Path(job.flags) if base is None or Path(job.flags).is_absolute() else base / job.flags
        manual = read_manual(path, job)
        if record is not None:
            record.use(path, "manual flags")
    if record is not None:
        for path in paths:
            record.use(path, "analyser records", digest=digests.get(path))
        record.step(f"read {len(paths)} files: {records.size} intervals, ports {', '.join(records.ports)}")
        for one in manual:
            record.step(one.sentence())
    ds = flag_unrecorded(calibrate(records, job, manual), list(job.gases), findings)
    if job.ledger is not None and not findings and record is not None:
        record.step(f"all parameters are as recorded in {Path(job.ledger.file).name}")
    if record is not None:
        for note in str(ds.attrs["notes"]).split("; "):
            if note:
                record.step(note)
    return ds


def calibrate(records: Records, job: StationJob, manual: Any = ()) -> xr.Dataset:
    """Calibrate and average statistics of readings.

    Parameters
    ----------
    records : Records
        In order of time.
    job : StationJob
    manual : sequence of ManualFlag

    Returns
    -------
    Dataset
        dims (inlet, time) and a list of visits for each gas.
    """
    from sensors.calibration.gas import calibrate_gas
    from sensors.calibration.series import station_dataset

    ds = station_dataset(records, job, {gas: calibrate_gas(records, job, gas) for gas in job.gases}, manual)
    if manual:
        words = [one.sentence() for one in manual]
        ds.attrs["notes"] = "; ".join([*([ds.attrs["notes"]] if ds.attrs["notes"] else []), *words])
    return ds


def read_records(
    job: StationJob, *, base: Path | None = None, workers: int = 1, digests: dict[Path, str] | None = None
) -> tuple[Records, list[Path]]:
    """Return the statistics of all readings of a station, and the files they come from."""
    config = job.records
    paths = expand(config.files, base, endings=ENDINGS[config.format])
    if config.format == "neon":
        from sensors.readers.neon import read

        records = read(paths, tuple(job.gases))
        _check_ports(records, job)
        return records, paths
    from sensors.station.ingest import ingest

    paths, waiting = _begun(paths, config.format)
    records = ingest(paths, job, base=base, workers=workers, digests=digests)
    if waiting:
        note = f"no row yet in {', '.join(p.name for p in waiting)}: left out"
        records = replace(records, notes=(*records.notes, note))
    return records, paths


def _begun(paths: list[Path], kind: str) -> tuple[list[Path], list[Path]]:
    """Split off logs without a row: one that was just opened must not stop the others; alone it is refused by name."""

    def rowless(path: Path) -> bool:
        with suppress(OSError), path.open("rb") as stream:
            head = stream.read(65536)
            packed = path.suffix.lower() in (".gz", ".zip")
            return not head or (kind == "picarro" and not packed and len(head) < 65536 and head.count(b"\n") < 2)
        return False

    waiting = [path for path in paths if rowless(path)]
    return (paths, []) if len(waiting) == len(paths) else ([p for p in paths if p not in waiting], waiting)


def _check_ports(records: Records, job: StationJob) -> None:
    known = {i.valve if i.valve is not None else i.name for i in job.inlets} | {c.port for c in job.cylinders}
    if not known & set(records.ports):
        raise InputError("no port of the records is in the configuration", found=", ".join(records.ports),
                         need=", ".join(sorted(known)), hint="state valve for inlets and cylinders")  # fmt: skip
