"""``ghg sensors``: raw records to emissions with uncertainty."""

from __future__ import annotations

import typer

from ghg.cli import console, options

app = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True,
                  help="Raw records to emissions with uncertainty.")  # fmt: skip


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
) -> None:
    """Compute the emission of stacks from their records."""
    from ghg.core.config import load
    from ghg.core.netcdf import write
    from ghg.core.provenance import Record
    from sensors.config import StackJob
    from sensors.stack.job import run

    with console.progress(quiet) as announce:
        job = load(config, StackJob, changes)
        record = Record("sensors emission", job)
        record.use(config, "configuration")
        announce("reading records and computing the emission")
        result = run(job, base=config.parent, record=record)
        write(result, output, record=record, force=force)
    console.show(f"{output}: {result.sizes['source']} sources, {result.sizes['time']} intervals")
