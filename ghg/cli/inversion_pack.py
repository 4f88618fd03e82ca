"""``ghg inversion pack``: footprints of a network into one packed store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ghg.cli import console, options

app = typer.Typer()


@app.command()
def pack(
    files: Annotated[list[Path], typer.Argument(help="Footprint files of any number of sites.")],
    output: options.OutFile,
    layout: Annotated[str, typer.Option("--layout", help="auto, name, paris, nested, stilt, flexpart.")] = "auto",
    units: Annotated[str, typer.Option("--units", help="Unit, where the files state none.")] = "",
    label: Annotated[str, typer.Option("--label", help="What the times mark, where the files do not say: left, centre "
                                                       "or right.")] = "",
    keep: Annotated[float, typer.Option("--keep", help="Share of each footprint to keep, largest cells first.")] = 1.0,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out missing, zero or truncated rows.")] = False,
    force: options.Force = False,
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Pack footprint files once into a store that runs read at memory speed."""
    from ghg.core.provenance import Record
    from inversion.receptors import by_site
    from inversion.store import pack as work

    with console.progress(quiet) as announce:
        record = Record("inversion pack")
        for path in files:
            record.use(path, "footprints")
        footprints = by_site(files, format=layout, units=units, label=label)
        announce("packing " + ", ".join(f"{f.site} ({f.size} footprints)" for f in footprints))
        found = work(footprints, output, record=record, keep=keep, skip=skip, force=force)
    if form is options.Format.json:
        console.show_json(found)
        return
    console.show(f"{found['rows']} footprints, {found['values']} values, {found['bytes'] / 1e6:.1f} MB")
    for why, count in found["left_out"].items():
        console.show(f"Left out: {count} of {why}")
    console.show(f"Written: {output}")
