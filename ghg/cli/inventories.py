"""``ghg inventories``: activity data to accounted emissions."""

from __future__ import annotations

import typer

from ghg.cli import console, options

app = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True,
                  help="Activity data to accounted emissions.")  # fmt: skip


@app.callback()
def group() -> None:
    """Activity data to accounted emissions."""


@app.command()
def account(
    config: options.Config,
    output: options.OutFile,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    quiet: options.Quiet = False,
) -> None:
    """Account the emissions of a plant from its activity data."""
    from ghg.core.config import load
    from ghg.core.netcdf import write
    from ghg.core.provenance import Record
    from inventories.accounting.job import run
    from inventories.config import AccountingJob

    with console.progress(quiet) as announce:
        job = load(config, AccountingJob, changes)
        record = Record("inventories account", job)
        record.use(config, "configuration")
        announce("accounting")
        result = run(job, base=config.parent, record=record)
        write(result, output, record=record, force=force)
    console.show(f"{output}: {result.sizes['stream']} streams, {result.sizes['time']} intervals")
