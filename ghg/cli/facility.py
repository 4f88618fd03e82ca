"""``ghg facility``: measured against accounted emissions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ghg.cli import console, jobs, options
from ghg.core.errors import AnswerNo

app = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True,
                  help="Measured against accounted emissions at plants.")  # fmt: skip


@app.command()
def compare(
    config: options.Config,
    output: options.OutFolder,
    force: options.Force = False,
    form: options.Out = options.Format.text,
    lang: options.Lang = options.Language.en,
    changes: options.Set = [],  # noqa: B006
    fail_on: Annotated[bool, typer.Option("--fail-on", help="Exit 3 unless the verdict is 'equivalent'.")] = False,
    seed: options.Seed = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Compare the two sides of a plant: verdict, causes, report."""
    from ghg.core.config import load
    from ghg.core.files import atomic_directory
    from ghg.core.pieces import CELLS, Cut
    from ghg.core.provenance import Record, write_manifest
    from ghg.facility.config import FacilityJob
    from ghg.facility.job import compare_job, write
    from ghg.report.facility import write_report

    with console.progress(quiet) as announce:
        job = load(config, FacilityJob, [*changes, *([] if seed is None else [f"comparison.seed={seed}"])])
        record = Record("facility compare", job, seed=job.comparison.seed)
        record.use(config, "configuration")
        with atomic_directory(output, force) as folder:
            found = compare_job(job, config.parent, record, announce, Cut(CELLS, folder))
            announce("writing files")
            result = write(found, job, record, folder)
            announce("drawing the report")
            write_report(result, folder, lang.value)
            write_manifest(folder)
    jobs.tell_steps(record, verbose)
    if form is options.Format.json:
        console.show_json(result)
    else:
        console.show(summary(result))
        console.show(f"Report: {output / 'report.html'}")
    if fail_on and found.verdict.code != "equivalent":
        raise AnswerNo("the two sides are not shown to be equivalent", found=found.verdict.code)


def summary(result: dict) -> str:
    """Return the verdict, the two totals and the causes in a few lines."""
    coverage = f"{result['verdict']['coverage']:.0%}"
    lines = [f"Verdict: {result['verdict']['code'].replace('_', ' ')}", result["verdict"]["sentence"]]
    for side in ("measured", "accounted"):
        total, (low, high) = result[side]["total_kg"] / 1000.0, result[side]["interval_kg"]
        lines.append(f"{side:>10}: {total:>14,.0f} t {result['species']}   ({coverage} interval {low / 1000.0:,.0f} to "
                     f"{high / 1000.0:,.0f} t)")  # fmt: skip
    ratio = result["ratio"]
    lines.append(f"{'ratio':>10}: {ratio['value']:.5f}   symmetric difference {ratio['symmetric_percent']:+.3f} %")
    for term in result["causes"]["terms"]:
        convention = f"   of which convention {term['convention_ln']:+.5f}" if term["convention_ln"] else ""
        lines.append(f"{term['name'].replace('_', ' '):>20}: {term['ln']:+.5f} in ln{convention}")
    reservations = [f"{'reservation':>20}: {text}" for text in result["verdict"]["reservations"]]
    return "\n".join([*lines, *_wrong_inputs(result), *reservations])


def _wrong_inputs(result: dict) -> list[str]:
    """Return a line for each search for a wrong input that found something."""
    from ghg.core.time import local_date

    timezone = result["period"]["timezone"]
    searches = [("one input wrong", result["attribution"]), *(
        (f"change of {local_date(one['start'], timezone)}", one) for one in result["steps"])]  # fmt: skip
    lines = []
    for title, found in searches:
        if found is None or not found["named"]:
            continue
        first = found["suspects"][0]
        if len(first["tied_with"]) > 2:
            lines.append(f"{title:>20}: something is, but the checks cannot tell what; see the report")
            continue
        names = " or ".join(n.replace(".", " ").replace("_", " ") for n in (first["component"], *first["tied_with"]))
        size = f"{first['bias_percent']:+.2f} \N{PLUS-MINUS SIGN} {first['u_percent']:.2f} %"
        lines.append(f"{title:>20}: {names}, {size} (probability {1 - found['p_none']:.0%})")
    return lines


@app.command()
def check(config: options.Config, changes: options.Set = []) -> None:  # noqa: B006
    """Validate a job and read both sides, without comparing."""
    from ghg.core.config import load
    from ghg.facility.config import FacilityJob
    from ghg.facility.job import check as check_job

    check_job(load(config, FacilityJob, changes), config.parent)
    console.show(f"{config.name}: both sides can be read")


@app.command()
def init(output: options.Starter = Path("compare.toml"), force: options.Force = False) -> None:
    """Write a commented starter job."""
    jobs.starter("ghg.facility", output, force, "ghg facility check")


@app.command()
def screen(
    config: options.Config,
    output: options.OutFolder,
    force: options.Force = False,
    form: options.Out = options.Format.text,
    lang: options.Lang = options.Language.en,
    changes: options.Set = [],  # noqa: B006
    quiet: options.Quiet = False,
) -> None:
    """Rank many plants of one table by how many sigma their two sides differ."""
    import json

    from ghg.core.config import load
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import Record, write_manifest
    from ghg.facility.screen import ScreenJob, as_rows
    from ghg.facility.screen import screen as rank
    from ghg.report.screen import write_screen

    with console.progress(quiet) as announce:
        job = load(config, ScreenJob, changes)
        record = Record("facility screen", job)
        record.use(config, "configuration")
        announce("reading and ranking")
        plants, notes = rank(job, config.parent)
        record.use(config.parent / job.file, "plants")
        rows = as_rows(plants)
        result = console.finite({"plants": rows, "notes": notes, "provenance": record.as_dict(output / "screen.json")})
        with atomic_directory(output, force) as folder:
            text = json.dumps(result, ensure_ascii=False, indent=2)
            (folder / "screen.json").write_text(text + "\n", encoding="utf-8")
            write_screen(rows, notes, folder, lang.value)
            write_manifest(folder)
    if form is options.Format.json:
        console.show_json(result)
        return
    for row in rows[:20]:
        mark = "*" if row["named"] else " "
        console.show(
            f"{row['rank']:>4} {mark} {row['z']:+7.2f} sigma {row['symmetric_percent']:+8.2f} %  {row['name']}"
        )
    console.show(f"{sum(r['named'] for r in rows)} of {len(rows)} plants named (*), {len(notes)} not judged: {output}")
