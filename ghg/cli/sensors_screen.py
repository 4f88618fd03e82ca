"""``ghg sensors screen``: look for signs that records of stack monitors were changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, jobs, options
from ghg.core.errors import AnswerNo

app = typer.Typer()
MOST = 30  # alarms that are told on the terminal


@app.command()
def screen(
    config: options.Config,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder, or a .nc, .csv, .json or .html file.",
                                         rich_help_panel="Output")],
    force: options.Force = False,
    form: options.Out = options.Format.text,
    lang: options.Lang = options.Language.en,
    changes: options.Set = [],  # noqa: B006
    fail_on: Annotated[bool, typer.Option("--fail-on", help="Exit 3 if there is an alarm.")] = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:  # fmt: skip
    """Screen records for copies, clipping, twins, steps, vanished noise and other signs of a hand in them."""
    from ghg.core.config import load
    from ghg.core.provenance import Record
    from ghg.report.integrity import write_screening
    from sensors.integrity.config import IntegrityJob
    from sensors.integrity.job import run
    from sensors.integrity.output import as_dict

    with console.progress(quiet) as announce:
        job = load(config, IntegrityJob, changes)
        record = Record("sensors screen", job)
        record.use(config, "configuration")
        announce("reading and screening")
        screening = run(job, base=config.parent, record=record)
        announce("writing")
        write_screening(screening, job, record, output, force=force, lang=lang.value)
    jobs.tell_steps(record, verbose)
    result = console.finite(as_dict(screening, job.false_discovery_rate))
    if form is options.Format.json:
        console.show_json(result)
    else:
        for line in summary(result, [f.sentence() for f in screening.alarms[:MOST]]):
            console.show(line)
        console.show(f"Written: {output}")
    if fail_on and screening.alarms:
        raise AnswerNo("the screening raised alarms", found=f"{len(screening.alarms)}")


def summary(result: dict[str, Any], sentences: list[str]) -> list[str]:
    """Return the outcome in lines."""
    count, units = len(result["alarms"]), len(result["sources"])
    lines = [f"alarms: {count}; unit-years: {result['unit_years']:.2f}; units: {units}; tests: {result['tests']}"]
    lines += [f"  {sentence}" for sentence in sentences]
    if count > len(sentences):
        lines.append(f"  and {count - len(sentences)} more: see the file")
    if result["during_review"]:
        lines.append(f"  {len(result['during_review'])} more within 30 days of another: those units are under review")
    return lines
