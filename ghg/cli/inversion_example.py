"""``ghg inversion example``: raw files of a made-up network, and the job that inverts them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ghg.cli import console, options

app = typer.Typer()


@app.command()
def example(
    output: options.OutFolder = Path("inversion-example"),
    seed: Annotated[int, typer.Option("--seed", help="Of wind, particles, truth and noise.")] = 1,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write raw files of a made-up network with a known truth, ready to be run."""
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import Record
    from inversion.example import write_example

    with console.progress(quiet) as announce:
        record = Record("inversion example", seed=seed)
        with atomic_directory(output, force) as folder:
            job = write_example(folder, record, seed=seed, announce=announce)
    console.show(f"Written: {output}. Now run  ghg inversion run {output / job.name} -o result")
