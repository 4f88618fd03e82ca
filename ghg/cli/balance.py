"""``ghg balance``: inventory against inversion by region."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ghg.cli import console, options

app = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True, help="Inventory against inversion by region.")


@app.callback()
def group() -> None:
    """Inventory against inversion by region."""


@app.command()
def compare(
    config: options.Config,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write.", rich_help_panel="Output")
    ] = None,
    force: options.Force = False,
    form: options.Out = options.Format.text,
    changes: options.Set = [],  # noqa: B006
) -> None:
    """Compare an inventory with the totals of an inversion: z-scores and the joint best estimate."""
    import json

    from ghg.balance.config import BalanceJob
    from ghg.balance.job import run
    from ghg.core.config import load
    from ghg.core.files import write_text
    from ghg.core.provenance import Record

    job = load(config, BalanceJob, changes)
    record = Record("balance compare", job)
    record.use(config, "configuration")
    found = run(job, base=config.parent, record=record)
    if output is not None:
        full = {**found, "provenance": record.as_dict(output)}
        write_text(output, json.dumps(console.finite(full), ensure_ascii=False, indent=2) + "\n", force)
    if form is options.Format.json:
        console.show_json(found)
        return
    console.show(f"{found['title']}: {found['unit']}, {found['period'][0]} to {found['period'][1]}; {found['sign']}")
    console.show_rows([{"region": r["region"], "inventory": f"{r['inventory']:+.4g} ± {r['inventory_u']:.2g}",
                        "inversion": f"{r['inversion']:+.4g} ± {r['inversion_u']:.2g}", "z": f"{r['z']:+.1f}",
                        "verdict": r["verdict"], "joint": f"{r['joint']:+.4g} ± {r['joint_u']:.2g}"}
                       for r in found["regions"]], "text")  # fmt: skip
    console.show(f"All together: chi-square {found['chi2']:.2f}, p = {found['p']:.2g} (k = 1 uncertainties)")
    for note in found["notes"]:
        console.show(f"Note: {note}")
