"""``ghg sensors qa`` and ``ghg sensors ledger``: do the monitors pass, and who changed what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, options

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def qa(
    config: Annotated[Path, typer.Argument(help="TOML file of the tests, or an ECMPS JSON file with tests.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for page, plots and JSON.",
                                                rich_help_panel="Output")] = None,
    plan: Annotated[list[Path], typer.Option("--plan", help="ECMPS monitoring plan: what components measure.")] = [],  # noqa: B006
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Judge quality tests of stack monitors: RATA, linearity, QAL2, AST, control charts; exit code 3 if one fails."""
    from ghg.core.errors import AnswerNo
    from ghg.core.provenance import Record
    from sensors.quality.job import run

    job = _job(config, plan, changes)
    record = Record("sensors qa", job)
    if config.suffix.lower() != ".json":
        record.use(config, "configuration")
    with console.progress(quiet) as announce:
        announce("judging the tests")
        found, notes = run(job, base=config.parent, record=record)
        results = [console.finite(result.as_dict()) for result in found]
        if output is not None:
            announce("drawing")
            _write(results, notes, output, force, job.title, record)
    if form is options.Format.json:
        console.show_json({"results": results, "notes": notes})
    else:
        _tell(found, notes)
        if output is not None:
            console.show(f"Written: {output}")
    failed = [result.subject or result.test for result in found if not result.passed]
    if failed:
        raise AnswerNo("a quality test failed", where="; ".join(failed))


def _job(config: Path, plan: list[Path], changes: list[str]) -> Any:
    from ghg.core.config import load, load_dict
    from sensors.quality.config import QaJob

    plans = [str(path.absolute()) for path in plan]
    if config.suffix.lower() == ".json":
        return load_dict({"ecmps": [config.name], "plan": plans}, QaJob)
    job = load(config, QaJob, changes)
    return job.model_copy(update={"plan": (*job.plan, *plans)})


def _write(results: list[dict[str, Any]], notes: list[str], output: Path, force: bool, title: str, record: Any) -> None:
    import json

    from ghg.core.files import atomic_directory
    from ghg.core.provenance import write_manifest
    from ghg.report.quality import write_quality

    with atomic_directory(output, force) as folder:
        write_quality(results, notes, folder, title)
        text = json.dumps(record.as_dict(folder / "provenance.json"), ensure_ascii=False, indent=1)
        (folder / "provenance.json").write_text(text + "\n", encoding="utf-8")
        write_manifest(folder)


def _tell(found: list[Any], notes: list[str]) -> None:
    rows = []
    for result in found:
        check = result.check(result.deciding)
        rows.append({
            "result": "passed" if result.passed else "FAILED", "test": result.test, "monitor": result.subject,
            "deciding": check.name.replace("_", " "), "found": f"{check.value:.4g}", "limit": f"{check.limit:.4g}",
            "units": check.units, "left": f"{result.margin:.0%}",
        })  # fmt: skip
    console.show_rows(rows, "text")
    for result in found:
        for note in result.notes:
            console.show(f"  {result.subject or result.test}: {note}")
    doubtful = sorted({check.clause for result in found for check in result.checks if not check.verified})
    for clause in doubtful:
        console.show(f"  limit not read in its source: {clause}")
    for note in notes:
        console.show(f"  {note}")
