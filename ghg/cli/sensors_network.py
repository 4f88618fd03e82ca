"""``ghg sensors network | report``: many stations with their status, and the page of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, options
from ghg.core.errors import AnswerNo

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def network(
    config: options.Config,
    output: options.OutFolder,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.", rich_help_panel="Run")] = 1,
    scheduler: Annotated[str | None, typer.Option("--scheduler", metavar="tcp://HOST:PORT", rich_help_panel="Run",
                                                  help="dask.distributed scheduler.")] = None,
    fail_on: Annotated[bool, typer.Option("--fail-on", help="Exit 3 if a station has an alarm.")] = False,
    lang: options.Lang = options.Language.en,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Calibrate many stations, only where something changed, and tell how each is doing."""
    from ghg.core.config import load
    from ghg.core.files import write_text
    from ghg.report.page import texts
    from ghg.report.station import spoken, write_network
    from sensors.station.network import run_network
    from sensors.station.network_config import NetworkJob

    with console.progress(quiet) as announce:
        job = load(config, NetworkJob, changes)
        found = run_network(job, config.parent, output, workers=workers, scheduler=scheduler, announce=announce)
        announce("drawing the page")
    result = {"title": job.title, "digest": found.digest, "stations": [
        {**s.as_dict(), "words": spoken(s, lang.value), "computed": d.computed, "digest": d.digest,
         "file": f"{d.name}.nc" if d.digest else ""}
        for s, d in zip(found.status, found.done, strict=True)]}  # fmt: skip
    import json

    write_text(
        output / "status.json", json.dumps(console.finite(result), ensure_ascii=False, indent=2) + "\n", force=True
    )
    write_network(found.status, job, output, lang.value)
    if form is options.Format.json:
        console.show_json(result)
    else:
        text = texts(lang.value, "station")
        _tell(found.status, text, {s.name: spoken(s, lang.value) for s in found.status})
        console.show(text["network_done"].format(count=len(found.done), computed=sum(d.computed for d in found.done),
                                                 digest=found.digest[:16], page=output / "status.html"))  # fmt: skip
    if fail_on and (wrong := [s.name for s in found.status if s.alarms]):
        raise AnswerNo("stations have alarms", found=", ".join(wrong))


def _tell(status: Any, text: Any, words: Any) -> None:
    rows = []
    heads = [text[k] for k in ("gas", "covered", "target", "goal", "cmr", "ltr", "u", "drift", "last_target")]
    for one in status:
        for gas in one.gases or (None,):
            cells = ["-"] * len(heads)
            if gas is not None:
                keeps = {None: "", True: "", False: " !"}[gas.within_goal]
                cells = [gas.gas, _percent(gas.coverage), _signed(gas.bias) + keeps, f"{gas.goal:g}", _plain(gas.cmr),
                         _plain(gas.ltr), _plain(gas.u), _signed(gas.drift),
                         f"{_signed(gas.target_error)} {gas.target[:10]}".strip()]  # fmt: skip
            rows.append({text["station"]: one.name, text["last"]: one.last or text["never"],
                         **dict(zip(heads, cells, strict=True)),
                         text["alarms"]: ", ".join(words[one.name]["codes"]) or text["none"]})  # fmt: skip
    console.show_rows(rows, "text")
    for one in status:
        for what in words[one.name]["technician"]:
            console.show(f"{one.name}: {what}")


def _percent(value: float) -> str:
    return f"{value:.0%}" if value == value else "-"


def _signed(value: float) -> str:
    return f"{value:+.3g}" if value == value else "-"


def _plain(value: float) -> str:
    return f"{value:.2g}" if value == value else "-"


@app.command()
def report(
    file: Annotated[Path, typer.Argument(help="File of ghg sensors calibrate.")],
    output: options.OutFolder,
    inlet: Annotated[
        str | None, typer.Option("--inlet", help="Which inlet; the first with values unless given.")
    ] = None,
    force: options.Force = False,
    lang: options.Lang = options.Language.en,
    quiet: options.Quiet = False,
) -> None:
    """Draw a station: raw to final, cylinders, target chart, Allan plot, background, daily and yearly cycle."""
    import json

    from ghg.core.errors import InputError
    from ghg.core.files import atomic_directory
    from ghg.core.netcdf import read
    from ghg.core.provenance import write_manifest
    from ghg.report.station import write_station
    from sensors.station.status import goal_of

    with console.progress(quiet) as announce:
        ds = read(file)
        if "calibration_findings" not in ds.attrs or "inlet" not in ds.dims:
            raise InputError("the file is not of a calibrated station", where=file.name,
                             need="a file of ghg sensors calibrate")  # fmt: skip
        names = [str(n) for n in ds["inlet"].values]
        alive = [n for n, x in zip(names, ds[next(iter(json.loads(ds.attrs["calibration_findings"])))], strict=True)
                 if x.notnull().any()]  # fmt: skip
        chosen = [*alive, *names][0] if inlet is None else inlet
        if chosen not in names:
            raise InputError("the inlet is not in the file", where="--inlet", found=chosen, need=", ".join(names))
        findings = json.loads(ds.attrs["calibration_findings"])
        one = ds.isel(inlet=names.index(chosen))
        missing: list[tuple[str, str, str]] = []
        gases = []
        for gas in findings:
            announce(f"analysing {gas}")
            goal = goal_of(gas, float(ds["latitude"]), {})[0]
            gases.append((gas, {"goal": goal, "findings": findings[gas], **_analyses(one, gas, missing)}))
        announce("drawing")
        with atomic_directory(output, force) as folder:
            write_station(one, gases, folder, {"inlet": chosen, "file": file.name, "missing": missing}, lang.value)
            write_manifest(folder)
    console.show(f"Report: {output / 'report.html'}")


def _analyses(ds: Any, gas: str, missing: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Return what can be found from the series; what cannot is said."""
    from ghg.core.errors import InputError
    from sensors.analysis.allan import allan
    from sensors.analysis.baseline import baseline
    from sensors.analysis.cycles import cycles

    found: dict[str, Any] = {}
    ways = {"allan": lambda: allan(ds, gas, statistics=("oadev", "mdev")),
            "baseline": lambda: baseline(ds, gas, method="rebs", width=30.0),
            "cycles": lambda: cycles(ds, gas)}  # fmt: skip
    for key, way in ways.items():
        try:
            found[key] = way()
        except InputError as error:
            missing.append((gas, key, str(error)))
    return found
