"""``ghg verify``: are these files what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ghg.cli import console, options
from ghg.core.errors import AnswerNo

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def verify(
    files: Annotated[list[Path], typer.Argument(help="NetCDF files, parameter ledgers or report folders.")],
    form: options.Out = options.Format.text,
    base: Annotated[
        Path | None, typer.Option(help="Folder in which the inputs lie; without it beside the files.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Public key: the signature of each file or folder must be its owner's.")
    ] = None,
) -> None:
    """Recompute digests down the chain of files; exit code 3 names what was changed."""
    from ghg.core.provenance import verify as check

    results = [(path, check(path, base=base, key=key)) for path in files]
    if form is options.Format.json:
        console.show_json([{"file": path.name, **result.as_dict()} for path, result in results])
    else:
        for _, result in results:
            console.show(result.text())
    bad = [path.name for path, result in results if not result.ok]
    if bad:
        raise AnswerNo("not what was written", where=", ".join(bad))
