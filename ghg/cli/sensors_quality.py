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


ledger = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True, help="Parameters and who changed them.")
app.add_typer(ledger, name="ledger")
LedgerFile = Annotated[Path, typer.Argument(help="Ledger: JSON lines, appended only.")]


@ledger.callback()
def _ledger() -> None:
    """Record parameters and their changes, append-only and hash-chained."""


@ledger.command()
def add(
    file: LedgerFile,
    key: Annotated[str, typer.Argument(help="Parameter, for example stack.velocity_coefficient.")],
    value: Annotated[str, typer.Argument(help="New value: a number, true, false, or text.")],
    author: Annotated[str, typer.Option("--author", help="Who changes it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    old: Annotated[str | None, typer.Option("--old", help="Refuse unless this is the recorded value.")] = None,
    time: Annotated[str | None, typer.Option("--time", help="From when it holds (ISO 8601 with zone).")] = None,
) -> None:
    """Record a parameter or its change; when the command ends, the disk has it."""
    from ghg.core import ledger as book

    entry = book.add(file, key, _value(value), author=author, reason=reason, time=time, expect_old=old is not None,
                     old=None if old is None else _value(old))  # fmt: skip
    before = "" if entry.old is None else f", was {entry.old}"
    console.show(f"entry {entry.number}: {entry.key} = {entry.new}{before} ({entry.sha256[:12]})")


@ledger.command()
def show(
    file: LedgerFile,
    key: Annotated[str | None, typer.Option("--key", help="This parameter only.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="Values at a time (ISO 8601 with zone).")] = None,
    form: options.Out = options.Format.text,
) -> None:
    """Show the entries of a ledger, or with --at the values at a time."""
    from ghg.core import ledger as book

    if at is not None:
        values = {k: v for k, v in book.parameters(file, at).items() if key in (None, k)}
        rows = [{"key": k, "value": v} for k, v in values.items()]
    else:
        rows = [vars(e) for e in book.read(file) if key in (None, e.key)]
        if form is options.Format.text:
            rows = [{k: row[k] for k in ("number", "time", "key", "old", "new", "author", "reason")} for row in rows]
    if rows:
        console.show_rows(rows, form.value)
    else:
        console.show("[]" if form is options.Format.json else "no entry")


@ledger.command()
def check(
    file: LedgerFile,
    job: Annotated[
        Path | None, typer.Option("--job", help="Job of a stack or station whose parameters must be recorded.")
    ] = None,
    form: options.Out = options.Format.text,
) -> None:
    """Check the chain, and with --job that no parameter was changed without a record; exit code 3 if not."""
    from ghg.core import ledger as book
    from ghg.core.errors import AnswerNo

    findings = book.check(file) if job is None else book.compare(file, _recorded(job))
    if form is options.Format.json:
        console.show_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            console.show(f"{finding.kind.replace('_', ' ')}: {finding.message}")
        if not findings:
            console.show(f"{file.name}: {len(book.read(file))} entries, the chain is whole")
    if findings:
        raise AnswerNo("the ledger does not answer for what is in use" if job else "the ledger is not as written",
                       where=file.name, found=f"{len(findings)} findings")  # fmt: skip


def _recorded(job: Path) -> dict[str, Any]:
    """Return the parameters of a job of a stack or, where it has a site, of a station."""
    import tomllib
    from contextlib import suppress

    from ghg.core.config import load

    given = {}
    with suppress(OSError, ValueError):  # said when it is loaded
        given = tomllib.loads(job.read_text(encoding="utf-8"))
    if "site" in given:
        from sensors.config.station import StationJob
        from sensors.station.parameters import recorded as of_station

        return of_station(load(job, StationJob))
    from sensors.config import StackJob
    from sensors.stack.parameters import recorded as of_stack

    return of_stack(load(job, StackJob))


def _value(text: str) -> Any:
    """Return a value of the command line: a number, a truth value, or the text itself."""
    import json

    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
