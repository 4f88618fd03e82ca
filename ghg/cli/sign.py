"""``ghg sign``: put a name to a file or a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ghg.cli import console, options

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def sign(
    files: Annotated[list[Path], typer.Argument(help="NetCDF files or report folders.")] = [],  # noqa: B006
    key: Annotated[Path | None, typer.Option("--key", help="Private key to sign with.")] = None,
    new_key: Annotated[
        Path | None, typer.Option("--new-key", help="Make a pair of keys: this file, and the same with .pub.")
    ] = None,
    force: options.Force = False,
) -> None:
    """Sign what was written (Ed25519); `ghg verify --key KEY.pub` checks it."""
    from ghg.core import signature
    from ghg.core.errors import InputError

    if new_key is not None:
        private, public = signature.new_key(new_key, force)
        console.show(f"{private}: keep it to yourself\n{public}: give it to those who verify")
        key = key or private
    if key is None:
        raise InputError("no key to sign with", need="--key KEY", hint="make one with: ghg sign --new-key KEY")
    if not files and new_key is None:
        raise InputError("nothing to sign", need="NetCDF files or report folders")
    for path in files:
        console.show(f"Written: {signature.sign(path, key, force)}")
