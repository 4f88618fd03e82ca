"""The job of the accounted side: records -> chains -> ACCOUNTED Dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inventories.config import AccountingJob

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["run"]


def run(config: AccountingJob, *, base: Path | None = None, record: Record | None = None) -> xr.Dataset:
    """Return the ACCOUNTED Dataset of a job.

    Parameters
    ----------
    config : AccountingJob
        Streams and period.
    base : Path, optional
        Folder to which relative paths belong.
    record : Record, optional
        Provenance.

    Raises
    ------
    InputError
        See :func:`inventories.accounting.methods.stream` and the readers.
    """
    from ghg.core.time import period_bounds
    from inventories.accounting.engine import dataset
    from inventories.accounting.methods import stream
    from inventories.rules import METHODS

    bounds = period_bounds(config.start, config.end, config.by, config.timezone)
    streams, notes = config.stream, []
    if config.eia923 is not None:
        from inventories.readers import eia923

        path = (base or Path()) / config.eia923.file
        if record is not None and path.is_file():
            record.use(path, "fuel records")
        streams = eia923.read(path, config.eia923.plant, config.start, config.end)
    if config.records is not None:
        from inventories.readers import records

        path = (base or Path()) / config.records.file
        if record is not None and path.is_file():
            record.use(path, "activity records")
        streams, notes = records.fill(config, bounds, base)
    chains = [stream(s, bounds, config.species) for s in streams]
    result = dataset(chains, bounds, config.species)
    if notes:
        result.attrs["notes"] = "; ".join(filter(None, [result.attrs.get("notes", ""), *notes]))
    result.attrs["timezone"] = config.timezone
    result.attrs["title"] = config.title or "accounted emissions"
    if record is not None:
        for name in dict.fromkeys(s.method for s in streams):
            record.step(f"accounted by {name}: {METHODS[name].source}")
    return result
