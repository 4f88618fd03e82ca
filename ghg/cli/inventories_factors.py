"""``ghg inventories factor-check``: measured pollutants per CO2 against the factor database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ghg.cli import console, jobs, options

if TYPE_CHECKING:
    from ghg.core.provenance import Record

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
    from inventories.compile import factor_check as check

    def run(job: check.FactorCheckJob, base: Path, record: Record) -> dict[str, list[dict[str, Any]]]:
        rows = check.check_factors(job, base, record)
        some = [r for r in rows if r["verdict"] in check.DISAGREE]
        return {"plants.csv": rows, "disagree.csv": some, "classes.csv": check.classes(rows)}

    tables = jobs.to_tables("inventories factor-check", check.FactorCheckJob, run, locals(), "comparing")
    if form is options.Format.json:
        console.show_json(tables["classes.csv"])
        return
    for line in check.words(tables["plants.csv"]):
        console.show(line)
    console.show(f"Written: {output} ({', '.join(tables)})")
