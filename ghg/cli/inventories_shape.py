"""``ghg inventories layers | speciate | series | positions``: heights, mechanisms, years, and what stands at sea."""

from __future__ import annotations

import typer

from ghg.cli import console, inventories_grids, jobs, options

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
    from inventories.grid.jobs import LayersJob, run_layers

    given = {"config": config, "output": output, "force": force, "changes": changes, "quiet": quiet,
             "verbose": verbose}  # fmt: skip
    _, ds = jobs.to_netcdf("inventories layers", LayersJob, run_layers, given, "layers")
    inventories_grids.tell(ds, output, form)


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
    from inventories.grid.jobs import SpeciateJob, run_speciate

    given = {"config": config, "output": output, "force": force, "changes": changes, "quiet": quiet,
             "verbose": verbose}  # fmt: skip
    _, ds = jobs.to_netcdf("inventories speciate", SpeciateJob, run_speciate, given, "speciation")
    inventories_grids.tell(ds, output, form)


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

    from ghg.core.config import load
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import Record, write_manifest
    from inventories.compile.output import write_csv
    from inventories.series import SeriesJob, run_series

    with console.progress(quiet) as announce, atomic_directory(output, force) as folder:
        job = load(config, SeriesJob, changes)
        record = Record("inventories series", job)
        record.use(config, "configuration")
        announce("splicing")
        rows = run_series(job, config.parent, record)
        write_csv(folder / "series.csv", rows)
        write_manifest(folder, record)
    jobs.tell_steps(record, verbose)
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
    from ghg.core.config import load
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import Record, write_manifest
    from inventories.compile.output import write_csv
    from inventories.compile.positions import PositionsJob, list_positions

    with console.progress(quiet) as announce, atomic_directory(output, force) as folder:
        job = load(config, PositionsJob, changes)
        record = Record("inventories positions", job)
        record.use(config, "configuration")
        announce("positions")
        known, rows = list_positions(job, config.parent, record)
        write_csv(folder / "positions.csv", rows)
        write_manifest(folder, record)
    jobs.tell_steps(record, verbose)
    if form is options.Format.json:
        console.show_json(rows)
        return
    sea = sum(row["found"] == "at sea" for row in rows)
    console.show(f"{known} positions: {sea} at sea, {len(rows) - sea} in another region than theirs")
    console.show(f"Written: {output} (positions.csv)")
