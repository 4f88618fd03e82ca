"""``ghg sensors calibrate``: analysers, from raw log to calibrated series."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, options
from ghg.cli.jobs import to_netcdf
from ghg.core.errors import InputError

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

    from sensors.config.station import StationJob
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
        elif seen := {k: v for k, v in one.get("detectable", {}).items() if v is not None}:
            least = ", ".join(f"{name} {error:.2g}" for name, error in seen.items())
            console.show(f"{gas}: cylinders agree (p {one['p']:.2g}); a wrong value would be found (95 %) from {least} "
                         f"{units}")  # fmt: skip


@app.command(name="fit-water")
def fit_water(
    files: Annotated[list[Path], typer.Argument(help="Droplet tests, one a file: Picarro logs, or tables.")],
    gases: Annotated[list[str], typer.Option("--gas", help="co2, ch4, co, n2o.")] = ["co2", "ch4"],  # noqa: B006
    water: Annotated[str | None, typer.Option("--water", help="Column of water (h2o_reported; h2o).")] = None,
    start: Annotated[str | None, typer.Option("--start", help="Begin of the test (UTC).")] = None,
    end: Annotated[str | None, typer.Option("--end", help="End of the test (UTC).")] = None,
    time: Annotated[str | None, typer.Option("--time", help="Header of the times.", rich_help_panel="Tables")] = None,
    columns: Annotated[list[str], typer.Option("--column", metavar="NAME=HEADER:UNIT", rich_help_panel="Tables",
                                               help="Wet readings (co2, ch4 ...) and h2o.")] = [],  # noqa: B006
    output: Annotated[Path | None, typer.Option("--output", "-o", help="NetCDF file to write.",
                                                rich_help_panel="Output")] = None,
    figure: Annotated[Path | None, typer.Option("--figure", help="Picture to write (.png, .svg, .pdf).",
                                                rich_help_panel="Output")] = None,
    force: options.Force = False,
    form: options.Out = options.Format.text,
) -> None:  # fmt: skip
    """Find the water coefficients of an analyser from droplet tests; prints the section for the station."""
    from ghg.cli.sensors_analysis import _column
    from ghg.core.provenance import Record
    from sensors.config.station import GASES
    from sensors.station.droplet import as_toml, droplet_dataset, fit_droplets, read_test

    if unknown := [g for g in gases if g not in GASES]:
        raise InputError("the gas is unknown", where="--gas", found=", ".join(unknown), need=", ".join(GASES))
    if output is not None and output.suffix != ".nc":
        raise InputError("a NetCDF file needs the ending .nc", where="--output", found=str(output))
    if figure is not None:
        from ghg.report.series import check

        check(figure)
    settings = {"time": time, "columns": dict(_column(text) for text in columns)} if columns or time else None
    column = water or ("h2o" if settings else "h2o_reported")
    record = Record("sensors fit-water", {"gases": gases, "water": column, "start": start, "end": end,
                                          **(settings or {})})  # fmt: skip
    for path in files:
        record.use(path, "droplet test")
    tests = [read_test(p, gases, column=column, start=start, end=end, settings=settings) for p in files]
    results = [fit_droplets(tests, gas, column) for gas in gases]
    if form is options.Format.json:
        console.show_json({r.gas: {"a": r.a, "b": r.b, "covariance": r.covariance.tolist(), "column": r.column,
                                   "uncertainty_per_percent": r.slope, "range_percent": list(r.span),
                                   "tests": len(r.tests), "birge_ratio": r.ratio} for r in results})  # fmt: skip
    else:
        for one in results:
            console.show("\n".join([as_toml(one), *_about(one)]))
    _keep(droplet_dataset(results), gases, record, (output, figure, force))


def _keep(ds: Any, gases: list[str], record: Any, wanted: tuple[Path | None, Path | None, bool]) -> None:
    """Write what was wanted of a droplet test: file, picture."""
    output, figure, force = wanted
    if output is not None:
        from ghg.core.netcdf import write

        write(ds, output, record=record, force=force)
        console.show(f"Written: {output}")
    if figure is not None:
        from ghg.report.series import save
        from ghg.report.station_figures import droplet

        save(droplet(ds, gases), figure, force)
        console.show(f"Written: {figure}")


def _about(one: Any) -> list[str]:
    """Return what a user must know before using the coefficients, as comments."""
    low, high = one.span
    lines = [f"# {one.gas}: {len(one.tests)} test{'s' * (len(one.tests) > 1)}, {low:.3g} to {high:.3g} % of water; "
             f"do not use them outside"]  # fmt: skip
    if one.ratio > 1.5:
        lines.append(f"# {one.gas}: the tests differ {one.ratio:.1f} times more than their noise; the uncertainty "
                     "was raised by that")  # fmt: skip
    misfit, error = one.dry_end
    if misfit == misfit and abs(misfit) > 3.0 * error:
        lines.append(f"# {one.gas}: below 0.5 % of water the corrected value is off by {misfit:+.1e} +- {error:.0e} of "
                     "itself, as where the cavity pressure answers to water (Reum et al. 2019)")  # fmt: skip
    return lines


@app.command(name="init-station")
def init_station(output: options.Starter = Path("station.toml"), force: options.Force = False) -> None:
    """Write a commented starter for a station."""
    from ghg.cli import jobs

    jobs.starter("sensors.station", output, force, "ghg sensors calibrate -o OUT.nc")
