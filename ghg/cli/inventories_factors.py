"""``ghg inventories factor-check``: measured pollutants per CO2 against the factor database."""

from __future__ import annotations

import typer

from ghg.cli import console, jobs, options

app = typer.Typer(pretty_exceptions_enable=False)


@app.command("factor-check")
def factor_check(
    config: options.Config,
    output: options.OutFolder,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Hold measured pollutants per CO2 of plants against the factor database, and list what disagrees."""
    from ghg.core.config import load
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import Record, write_manifest
    from inventories.compile import factor_check as check
    from inventories.compile.output import write_csv

    with console.progress(quiet) as announce, atomic_directory(output, force) as folder:
        job = load(config, check.FactorCheckJob, changes)
        record = Record("inventories factor-check", job)
        record.use(config, "configuration")
        announce("comparing")
        rows = check.check_factors(job, config.parent, record)
        groups = check.classes(rows)
        write_csv(folder / "plants.csv", rows)
        write_csv(folder / "disagree.csv", [r for r in rows if r["verdict"] in check.DISAGREE])
        write_csv(folder / "classes.csv", groups)
        write_manifest(folder, record)
    jobs.tell_steps(record, verbose)
    if form is options.Format.json:
        console.show_json(groups)
        return
    for line in check.words(rows):
        console.show(line)
    console.show(f"Written: {output} (plants.csv, disagree.csv, classes.csv)")
