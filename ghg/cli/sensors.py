"""``ghg sensors``: raw records to emissions with uncertainty."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, jobs, options, sensors_screen
from ghg.cli.jobs import to_netcdf, tonnes

app = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True,
                  help="Raw records to emissions with uncertainty.")  # fmt: skip

app.add_typer(sensors_screen.app)


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
    for label in result["source"].values:
        total = dataset_total(result.sel(source=[label]), draws=200_000)
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


@app.command()
def listen(
    address: Annotated[str, typer.Argument(help="Address to listen on, HOST:PORT; port 0 takes a free one.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the messages.")],
    station: Annotated[list[str], typer.Option("--station", metavar="MN", help="Take this station only.")] = [],  # noqa: B006
    lenient: Annotated[bool, typer.Option("--lenient", help="Acknowledge damaged messages too.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Receive HJ 212 messages: each is stored durably, then answered."""
    import asyncio

    from sensors.hj212.listen import Listener
    from sensors.hj212.store import Store

    host, port = _address(address)
    store = Store(output)
    listener = Listener(store, lenient=lenient, stations=frozenset(station))

    def ready(where: str, number: int) -> None:
        console.show(f"listening on {where}:{number}, storing in {output}")
        sys.stdout.flush()

    try:
        asyncio.run(_listen(listener, host, port, ready, quiet))
    finally:
        store.close()
    counts = listener.counts
    console.show(f"stored {counts.stored} messages of {len(counts.stations)} stations, {counts.answered} answered, "
                 f"{counts.damaged} damaged and kept apart, {counts.refused} refused")  # fmt: skip


def _address(text: str) -> tuple[str, int]:
    from ghg.core.errors import InputError

    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise InputError("the address cannot be read", where="ADDRESS", found=f"'{text}'",
                         need="host and port, for example 0.0.0.0:5212")  # fmt: skip
    return host.strip("[]"), int(port)


async def _listen(listener: Any, host: str, port: int, ready: Any, quiet: bool) -> None:
    """Run the listener; on a terminal, a line on stderr shows what has come."""
    import asyncio

    running = asyncio.create_task(listener.run(host, port, ready))
    if not quiet and sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("waiting for messages") as status:
            while not running.done():
                await asyncio.wait({running}, timeout=1.0)
                c = listener.counts
                status.update(f"{len(c.stations)} stations, {c.stored} messages stored, {c.damaged} damaged")
    await running
