"""The job of a screening: read the records, screen them, describe what was found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import ConfigError
from sensors.integrity.config import IntegrityJob
from sensors.integrity.screen import screen_units
from sensors.integrity.units import Unit, units_of
from sensors.readers import read
from sensors.readers.files import expand
from sensors.stack.job import TABLES

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record
    from sensors.integrity.findings import Screening

__all__ = ["run"]


def run(config: IntegrityJob, *, base: Path | None = None, record: Record | None = None) -> Screening:
    """Read and screen the records of a job.

    Parameters
    ----------
    config : IntegrityJob
        What to read, and what is known of the units.
    base : Path, optional
        Folder to which relative paths belong.
    record : Record, optional
        Provenance.

    Raises
    ------
    InputError
        Files or columns that are missing or wrong, no two channels, an unknown fuel, limit or source.
    """
    if record is not None and config.reader.format != "values":
        for path in expand(config.reader.files, base, endings=TABLES):
            record.use(path, "stack records")
    screening = screen_units(_units(config, base))
    if record is not None:
        alarms = len(screening.alarms)
        record.step(f"{screening.tests} tests on {screening.years:.2f} unit-years: {alarms} alarms")
    return screening


def _units(config: IntegrityJob, base: Path | None) -> Iterator[Unit]:
    """Yield the units, file by file where each file holds whole units."""
    line = _line(config.fuel)
    changes: dict[str, list[np.datetime64]] = {}
    for change in config.change:
        changes.setdefault(change.source, []).append(_utc(change.time))
    for reader in _readers(config, base):
        ds = read(reader, base=base)
        here = {name: times for name, times in changes.items() if not config.by_file or name in ds["source"].values}
        yield from units_of(ds, line=line, limits=_limits(config, ds), changes=here)


def _readers(config: IntegrityJob, base: Path | None) -> Iterator[Any]:
    if not config.by_file or config.reader.format == "values":
        yield config.reader
        return
    for path in expand(config.reader.files, base, endings=TABLES):
        yield config.reader.model_copy(update={"files": (str(path),)})


def _line(fuel: str | None) -> tuple[float, float] | None:
    from sensors.defaults import f_factors

    if fuel is None:
        return None
    fd, fc = f_factors(fuel)
    return 100.0 * fc / fd, 100.0 * fc / fd


def _limits(config: IntegrityJob, ds: xr.Dataset) -> dict[str, float]:
    """Return the limits in the units of the records."""
    from ghg.core.units import parse_quantity

    missing = sorted(set(config.limits) - set(map(str, ds.data_vars)))
    if missing:
        raise ConfigError("a limit is set for a channel that the records do not hold", where="limits",
                          found=", ".join(missing), need=", ".join(map(str, ds.data_vars)))  # fmt: skip
    return {name: parse_quantity(text, str(ds[name].attrs["units"]), name=f"limits.{name}")
            for name, text in config.limits.items()}  # fmt: skip


def _utc(text: str) -> np.datetime64:
    from datetime import UTC, datetime

    return np.datetime64(datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None), "s")
