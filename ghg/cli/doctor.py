"""``ghg doctor``: is this machine fit for the toolkit."""

from __future__ import annotations

import typer

from ghg.cli import console, options
from ghg.core.errors import AnswerNo

app = typer.Typer(pretty_exceptions_enable=False)
MARKS = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}


@app.command()
def doctor(form: options.Out = options.Format.text) -> None:
    """Look at versions, compiler, threads, files, time zones and disk; exit code 3 if something will get in the way."""
    from ghg.core.doctor import examine

    findings = []
    for one in examine():
        findings.append(one)
        if form is options.Format.text:
            console.show(f"{MARKS[one.state]}  {one.name}: {one.text}")
            if one.state != "ok" and one.hint:
                console.show(f"       {one.hint}")
    if form is options.Format.json:
        console.show_json([vars(one) for one in findings])
    faults = [one.name for one in findings if one.state == "fault"]
    if faults:
        raise AnswerNo("the machine is not fit yet", found=", ".join(faults))
