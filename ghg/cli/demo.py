"""``ghg demo``: the whole chain on a made-up city whose truth is known."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, options

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the report, without --keep.", rich_help_panel="Output")
    ] = Path("ghg-demo"),
    keep: Annotated[
        Path | None, typer.Option(help="Leave the whole project here: raw files, jobs, results, and the report.",
                                  rich_help_panel="Output")
    ] = None,
    force: options.Force = False,
    lang: options.Lang = options.Language.en,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of weather, particles, drift, noise and errors.",
                                      rich_help_panel="Run")] = 1,
    workers: Annotated[int | None, typer.Option("--workers", min=1, max=2, help="Processes; as many as there are "
                                                "cores unless given.", rich_help_panel="Run")] = None,
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Recover a made-up city whose truth is known: towers, plants, inventory, fluxes and balance from raw files."""
    import shutil
    import tempfile

    from ghg.cli.inside import call
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import Record, write_manifest
    from ghg.demo.run import run

    record = Record("demo", {"seed": seed}, seed=seed)
    count = workers or min(2, os.cpu_count() or 1)
    with console.progress(quiet) as announce:
        if keep is not None:
            with atomic_directory(keep, force) as folder:
                result = run(folder, call, record, seed=seed, workers=count, lang=lang.value, announce=announce)
                write_manifest(folder)
        else:
            with tempfile.TemporaryDirectory(prefix="ghg-demo-") as place, atomic_directory(output, force) as folder:
                work = Path(place)
                result = run(work, call, record, seed=seed, workers=count, lang=lang.value, announce=announce)
                shutil.copytree(work / "report", folder / "report")
                if (work / "report.key.pub").is_file():
                    shutil.copy(work / "report.key.pub", folder)
                write_manifest(folder)
    if form is options.Format.json:
        console.show_json(result)
        return
    for line in summary(result):
        console.show(line)
    console.show(f"Report: {(keep or output) / 'report' / 'report.html'}")
    if keep is not None:
        console.show(f"Project: {keep} (README.md tells how to go on)")


def summary(result: dict[str, Any]) -> list[str]:
    """Return what the terminal says."""
    meant = [r for r in result["rows"] if r["meant"]]
    lines = [f"{sum(r['inside'] for r in meant)} of {len(meant)} 95 % intervals hold the truth"]
    lines += [f"  {'caught' if c['caught'] else 'NOT CAUGHT':<11}{c['key']}: "
              + ", ".join(f"{k} {round(v, 2) if isinstance(v, float) else v}" for k, v in c["done"].items())
              for c in result["caught"]]  # fmt: skip
    lines.append(f"{result['false_alarms']} false accusations")
    if result["trace"] is not None:
        levels = result["trace"]["levels"]
        lines.append(f"{sum(one['found'] for one in levels)} of {len(levels)} changed bytes found by ghg verify"
                     + ("; the report is signed" if result["trace"]["signed"] else ""))  # fmt: skip
    lines.append(f"{result['seconds']:.0f} s from raw files to the report")
    return lines
