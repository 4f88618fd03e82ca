"""Jobs with their provenance: configuration in; a NetCDF file, or a folder of tables, out."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.cli import console

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record
    from ghg.core.uncertainty.totals import Total

    Rows = list[dict[str, Any]]


@contextmanager
def running(
    command: str, model: type[Any], options: Mapping[str, Any]
) -> Iterator[tuple[Any, Record, Callable[[str], None]]]:
    """Read the configuration of a job and begin its record; its steps are told when it is done.

    Parameters
    ----------
    command : str
        Name of the command, for the provenance.
    model : type
        Configuration of the job; its ``seed``, where it has one, is recorded.
    options : mapping
        ``config``, ``changes``, ``quiet`` and ``verbose`` of the command line: its ``locals()``.

    Yields
    ------
    job, record, announce
        The configuration, the provenance, and the function that says what is being done.
    """
    from ghg.core.config import load
    from ghg.core.provenance import Record

    config: Path = options["config"]
    with console.progress(options["quiet"]) as announce:
        job = load(config, model, options["changes"])
        record = Record(command, job, seed=getattr(job, "seed", None))
        record.use(config, "configuration")
        yield job, record, announce
    tell_steps(record, options["verbose"])


def to_netcdf(
    command: str, model: type[Any], run: Callable[..., xr.Dataset], options: Mapping[str, Any], doing: str
) -> tuple[Any, xr.Dataset]:
    """Run a job and write its Dataset; nothing is left behind where it fails.

    Parameters
    ----------
    command, model, options
        As :func:`running` takes them; ``output`` is a file, ``force`` replaces it.
    run : callable
        ``run(job, base=folder, record=record)`` returns the Dataset.
    doing : str
        What is announced while it runs.
    """
    from ghg.core.netcdf import write

    with running(command, model, options) as (job, record, announce):
        announce(doing)
        result = run(job, base=options["config"].parent, record=record)
        write(result, options["output"], record=record, force=options["force"])
    return job, result


def to_tables(
    command: str, model: type[Any], run: Callable[[Any, Path, Record], dict[str, Rows]], options: Mapping[str, Any],
    doing: str,
) -> dict[str, Rows]:  # fmt: skip
    """Run a job and write its tables into a folder with their manifest; nothing is left behind where it fails.

    Parameters
    ----------
    command, model, options
        As :func:`running` takes them; ``output`` is a folder, ``force`` replaces it.
    run : callable
        ``run(job, folder of the configuration, record)`` returns the rows of each table by the name of its file.
    doing : str
        What is announced while it runs.
    """
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import write_manifest
    from inventories.compile.output import write_csv

    with (
        running(command, model, options) as (job, record, announce),
        atomic_directory(options["output"], options["force"]) as folder,
    ):
        announce(doing)
        tables = run(job, options["config"].parent, record)
        for name, rows in tables.items():
            write_csv(folder / name, rows)
        write_manifest(folder, record)
    return tables


def tell_steps(record: Record, verbose: bool) -> None:
    """Tell what was done, step by step, on stderr."""
    for step in record.steps if verbose else ():
        sys.stderr.write(f"  {step}\n")


def check(model: type[Any], run: Callable[..., Any], config: Path, changes: list[str], sound: str) -> None:
    """Read and compute everything a job needs without writing; faults are raised."""
    from ghg.core.config import load

    run(load(config, model, changes), base=config.parent)
    console.show(f"{config.name}: {sound}")


def starter(package: str, output: Path, force: bool, next_step: str) -> None:
    """Write the commented starter job of a package."""
    from importlib.resources import files

    from ghg.core.files import write_text

    write_text(output, (files(package) / "data" / "starter.toml").read_text(encoding="utf-8"), force)
    console.show(f"{output}: edit it, then run  {next_step} {output}")


def tonnes(total: Total, species: str) -> str:
    """Return a total with its interval in tonnes, to the digits its uncertainty allows, and how complete it is."""
    low, high = (v / 1000.0 for v in total.interval)
    digits = decimals(total)
    interval = f"95 % interval {low:,.{digits}f} to {high:,.{digits}f} t"
    gaps = "" if total.completeness > 0.9999 else f", {total.completeness:.1%} of the period"
    return f"{total.value / 1000.0:,.{digits}f} t {species} ({interval}){gaps}"


def decimals(total: Total) -> int:
    """Return the decimals of a mass in tonnes that leave its uncertainty three digits."""
    return max(0, 2 - math.floor(math.log10(total.u / 1000.0))) if total.u > 0 else 3
