"""``ghg sensors calibrate``: analysers, from raw log to calibrated series."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, options
from ghg.cli.jobs import to_netcdf

app = typer.Typer()

Workers = Annotated[int, typer.Option("--workers", min=1, help="Threads that read files.", rich_help_panel="Run")]


@app.command()
def calibrate(
    config: options.Config,
    output: options.OutFile,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    workers: Workers = 1,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Calibrate the record of an analyser against its cylinders, with uncertainty and flags."""
    from functools import partial

    from sensors.station.config import StationJob
    from sensors.station.job import run

    given = {"config": config, "output": output, "force": force, "changes": changes, "quiet": quiet,
             "verbose": verbose}  # fmt: skip
    _, ds = to_netcdf("sensors calibrate", StationJob, partial(run, workers=workers), given,
                      "reading the record and calibrating it")  # fmt: skip
    findings = json.loads(ds.attrs["calibration_findings"])
    if form == options.Format.json:
        console.show_json({"output": str(output), "gases": findings, "notes": ds.attrs["notes"]})
        return
    for gas, found in findings.items():
        _tell(gas, str(ds[gas].attrs["units"]), found)
    for note in str(ds.attrs["notes"]).split("; "):
        if note:
            console.show(f"note: {note}")
    console.show(f"Written: {output} ({ds.sizes['inlet']} inlets, {ds.sizes['time']} intervals)")


def _tell(gas: str, units: str, found: dict[str, Any]) -> None:
    if found["target_visits"]:
        sd = "" if found["ltr"] is None else f", sd {found['ltr']:.3g}"
        console.show(f"{gas}: target off by {found['target_bias']:+.3g} {units}{sd} ({found['target_visits']} visits, "
                     f"{found['target_coverage']:.0%} inside the 95 % interval)")  # fmt: skip
    for name, left in found["left_out"].items():
        sd = "" if left["sd"] is None else f" +- {left['sd']:.3g}"
        console.show(f"{gas}: {name} withheld: {left['mean']:+.3g}{sd} {units}, stated u {left['u']:.3g}, "
                     f"{left['coverage']:.0%} of {left['n']} inside 95 %")  # fmt: skip
    for one in found["sets"]:
        if one["suspects"]:
            console.show(f"{gas}: SUSPECT cylinder: {' or '.join(one['suspects'])} (p {one['p']:.1e})")


@app.command(name="init-station")
def init_station(output: options.Starter = Path("station.toml"), force: options.Force = False) -> None:
    """Write a commented starter for a station."""
    from ghg.cli import jobs

    jobs.starter("sensors.station", output, force, "ghg sensors calibrate -o OUT.nc")
