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
from ghg.cli.jobs import tonnes

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
    from ghg.core.pieces import CELLS, Cut, write_pieces
    from ghg.core.uncertainty.parts import SourceTotals
    from sensors.config import StackJob
    from sensors.stack.job import run_pieces

    given = {"config": config, "changes": changes, "quiet": quiet, "verbose": verbose}
    with jobs.running("sensors emission", StackJob, given) as (job, record, announce):
        announce("reading records and computing the emission")
        pieces = run_pieces(job, base=config.parent, record=record, cut=Cut(CELLS, output.parent))
        totals = SourceTotals(draws=200_000)
        pieces.parts = totals.passing(pieces.parts)
        write_pieces(pieces, output, record=record, force=force)
    for label, total in totals.found():
        console.show(f"{label}: {tonnes(total, totals.species)}")
    console.show(f"Written: {output} ({pieces.sources} sources, {pieces.axis.size} intervals)")


@app.command()
def check(config: options.Config, changes: options.Set = []) -> None:  # noqa: B006
    """Validate a job and read its records, without writing."""
    from sensors.config import StackJob
    from sensors.stack.job import try_out

    jobs.check(StackJob, try_out, config, changes, "the records can be read and the emission computed")


@app.command()
def init(output: options.Starter = Path("stack.toml"), force: options.Force = False) -> None:
    """Write a commented starter job."""
    jobs.starter("sensors.stack", output, force, "ghg sensors check")
