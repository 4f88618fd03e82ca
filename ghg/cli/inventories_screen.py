"""``ghg inventories screen``: do the analyses behind an accounting look like analyses?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ghg.cli import console, options
from ghg.core.errors import AnswerNo

app = typer.Typer()


@app.command()
def screen(
    config: options.Config,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="JSON file to write.",
                                                rich_help_panel="Output")] = None,
    force: options.Force = False,
    form: options.Out = options.Format.text,
    changes: options.Set = [],  # noqa: B006
    fail_on: Annotated[bool, typer.Option("--fail-on", help="Exit 3 if there is an alarm.")] = False,
) -> None:  # fmt: skip
    """Look for repeated months, values at a default, and carbon that does not belong to its calorific value."""
    import json

    from ghg.core.config import load
    from ghg.core.files import write_text
    from ghg.core.provenance import Record
    from inventories.accounting.job import run
    from inventories.config import AccountingJob
    from inventories.integrity import examine

    job = load(config, AccountingJob, changes)
    record = Record("inventories screen", job)
    record.use(config, "configuration")
    found = examine(run(job, base=config.parent, record=record))
    rows = [f.as_dict() for f in found]
    if output is not None:
        document = console.finite({"findings": rows, "provenance": record.as_dict(output)})
        write_text(output, json.dumps(document, ensure_ascii=False, indent=2) + "\n", force)
    if form is options.Format.json:
        console.show_json(rows)
    else:
        for f in found:
            mark = "ALARM" if f.alarm else "     "
            console.show(f"{mark} {f.stream}, {f.subject}: {f.detector.replace('_', ' ')}: {f.detail} (p = {f.p:.2g})")
        console.show(f"{sum(f.alarm for f in found)} alarms")
        if output is not None:
            console.show(f"Written: {output}")
    if fail_on and any(f.alarm for f in found):
        raise AnswerNo("the screening raised alarms", found=f"{sum(f.alarm for f in found)}")
