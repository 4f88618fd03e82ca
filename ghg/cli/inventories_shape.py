"""``ghg inventories layers | speciate | series | positions``: heights, mechanisms, years, and what stands at sea."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ghg.cli import console, jobs, options
from ghg.cli.inventories_grids import gridded

if TYPE_CHECKING:
    from ghg.core.provenance import Record

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def layers(
    config: options.Config,
    output: options.OutFile,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Put gridded emissions into layers above the ground by profiles of their sectors; mass is kept."""
    from inventories.jobs.layers import LayersJob, run_layers

    gridded("layers", LayersJob, run_layers, locals(), "layers")


@app.command()
def speciate(
    config: options.Config,
    output: options.OutFile,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Split NMVOC, NOx or PM of gridded emissions into the species of a mechanism; mass, or moles, are kept."""
    from inventories.jobs.layers import SpeciateJob, run_speciate

    gridded("speciate", SpeciateJob, run_speciate, locals(), "speciation")


@app.command()
def series(
    config: options.Config,
    output: options.OutFolder,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Recalculate base years after a change of method, and fill gaps (2006 IPCC Guidelines vol 1 ch 5)."""
    from collections import Counter

    from inventories.series import SeriesJob, run_series

    def run(job: SeriesJob, base: Path, record: Record) -> dict[str, list[dict[str, Any]]]:
        return {"series.csv": run_series(job, base, record)}

    rows = jobs.to_tables("inventories series", SeriesJob, run, locals(), "splicing")["series.csv"]
    if form is options.Format.json:
        console.show_json(rows)
        return
    for method, count in Counter(r["method"] for r in rows).items():
        console.show(f"  {count:>6} years {method}")
    console.show(f"Written: {output} (series.csv)")


@app.command()
def positions(
    config: options.Config,
    output: options.OutFolder,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """List sources of a table that stand at sea, or in another region than theirs."""
    from inventories.compile.positions import PositionsJob, list_positions

    known = 0

    def run(job: PositionsJob, base: Path, record: Record) -> dict[str, list[dict[str, Any]]]:
        nonlocal known
        known, rows = list_positions(job, base, record)
        return {"positions.csv": rows}

    rows = jobs.to_tables("inventories positions", PositionsJob, run, locals(), "positions")["positions.csv"]
    if form is options.Format.json:
        console.show_json(rows)
        return
    sea = sum(row["found"] == "at sea" for row in rows)
    console.show(f"{known} positions: {sea} at sea, {len(rows) - sea} in another region than theirs")
    console.show(f"Written: {output} (positions.csv)")
