"""A job that makes one NetCDF file: configuration in, Dataset out, with its provenance."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.cli import console

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record
    from ghg.core.uncertainty.totals import Total


def to_netcdf(
    command: str, model: type[Any], run: Callable[..., xr.Dataset], options: dict[str, Any], doing: str
) -> tuple[Any, xr.Dataset]:
    """Run a job and write its Dataset; nothing is left behind where it fails.

    Parameters
    ----------
    command : str
        Name of the command, for the provenance.
    model : type
        Configuration of the job.
    run : callable
        ``run(job, base=folder, record=record)`` returns the Dataset.
    options : dict
        ``config``, ``output``, ``force``, ``changes``, ``quiet`` and ``verbose`` of the command line.
    doing : str
        What is announced while it runs.
    """
    from ghg.core.config import load
    from ghg.core.netcdf import write
    from ghg.core.provenance import Record

    config: Path = options["config"]
    with console.progress(options["quiet"]) as announce:
        job = load(config, model, options["changes"])
        record = Record(command, job)
        record.use(config, "configuration")
        announce(doing)
        result = run(job, base=config.parent, record=record)
        write(result, options["output"], record=record, force=options["force"])
    tell_steps(record, options["verbose"])
    return job, result


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
