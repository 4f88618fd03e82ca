"""``ghg sensors``: raw records to emissions with uncertainty."""

from __future__ import annotations

from pathlib import Path

import typer

from ghg.cli import (
    console,
    jobs,
    options,
    sensors_analysis,
    sensors_hj212,
    sensors_network,
    sensors_quality,
    sensors_screen,
    sensors_station,
)
from ghg.cli.jobs import to_netcdf, tonnes

app = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True,
                  help="Raw records to emissions with uncertainty.")  # fmt: skip
for part in (sensors_analysis, sensors_hj212, sensors_quality, sensors_screen, sensors_station, sensors_network):
    app.add_typer(part.app)


@app.callback()
def group() -> None:
    """Raw records to emissions with uncertainty."""


@app.command()
def emission(
    config: options.Config,
    output: options.OutFile,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Compute the emission of stacks from their records."""
    from ghg.core.uncertainty.datasets import dataset_total
    from sensors.config import StackJob
    from sensors.stack.job import run

    given = {"config": config, "output": output, "force": force, "changes": changes, "quiet": quiet,
             "verbose": verbose}  # fmt: skip
    _, result = to_netcdf("sensors emission", StackJob, run, given, "reading records and computing the emission")
    species = str(result["emission"].attrs.get("species", "CO2"))
    for k, label in enumerate(result["source"].values):
        total = dataset_total(result.isel(source=slice(k, k + 1)), draws=200_000)  # a slice is no copy
        console.show(f"{label}: {tonnes(total, species)}")
    console.show(f"Written: {output} ({result.sizes['source']} sources, {result.sizes['time']} intervals)")


@app.command()
def check(config: options.Config, changes: options.Set = []) -> None:  # noqa: B006
    """Validate a job and read its records, without writing."""
    from sensors.config import StackJob
    from sensors.stack.job import run

    jobs.check(StackJob, run, config, changes, "the records can be read and the emission computed")


@app.command()
def init(output: options.Starter = Path("stack.toml"), force: options.Force = False) -> None:
    """Write a commented starter job."""
    jobs.starter("sensors.stack", output, force, "ghg sensors check")
