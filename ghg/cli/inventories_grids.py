"""``ghg inventories regrid | merge | expand | export``: emissions on grids, in hours, for models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, jobs, options

app = typer.Typer(pretty_exceptions_enable=False)


class Model(StrEnum):
    """Forms of file."""

    cf = "cf"
    hemco = "hemco"
    edgar = "edgar"
    wrfchem = "wrfchem"
    ioapi = "ioapi"
    icon = "icon"


@app.command()
def regrid(
    config: options.Config,
    output: options.OutFile,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Put gridded emissions on another grid; mass is kept, what falls outside is told."""
    from inventories.jobs.regrid import RegridJob, run_regrid

    gridded("regrid", RegridJob, run_regrid, locals(), "regridding")


@app.command()
def merge(
    config: options.Config,
    output: options.OutFile,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Put gridded inventories together by priority, regions and totals; each cell keeps its origin."""
    from inventories.jobs.regrid import MergeJob, run_merge

    gridded("merge", MergeJob, run_merge, locals(), "merging")


@app.command()
def expand(
    config: options.Config,
    output: options.OutFile,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    form: options.Out = options.Format.text,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Expand annual emissions to the hours of a year; the year's mass is kept."""
    from inventories.jobs.expand import ExpandJob, run_expand

    with jobs.running("inventories expand", ExpandJob, locals()) as (job, record, announce):
        announce("expanding")
        ds = run_expand(job, base=config.parent, record=record, output=output, force=force)
    tell(ds, output, form)


@app.command()
def export(
    source: Annotated[Path, typer.Argument(help="NetCDF file of gridded emissions.")],
    output: options.OutFile,
    to: Annotated[Model, typer.Option("--to", help="For which model.")],
    domain: Annotated[
        Path | None, typer.Option("--domain", help="wrfinput (wrfchem) or ICON grid file (icon).")
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help="Time of emissions that have none.")] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write gridded emissions in the form a model reads."""
    from ghg.core.provenance import Record
    from inventories.jobs.gridded import read_gridded

    record = Record("inventories export", {"to": to.value, "start": start})
    with console.progress(quiet) as announce:
        ds = read_gridded(source)
        record.use(source, "gridded emissions")
        announce("writing")
        _export(ds, to, output, domain, start, record, force)
    console.show(f"Written: {output}")


def _export(ds: Any, to: Model, output: Path, domain: Path | None, start: str | None, record: Any, force: bool) -> None:
    from ghg.core.errors import InputError
    from ghg.core.netcdf import write
    from inventories.export import cf, models

    if to is Model.wrfchem:
        if domain is None:
            raise InputError("WRF-Chem needs a domain", where="--domain", need="a wrfinput file")
        record.use(domain, "domain")
        models.write_wrfchem(ds, domain, output, record=record, start=start, force=force)
    elif to is Model.icon:
        from inventories.export.icon import write_icon

        if domain is None:
            raise InputError("ICON-ART needs a grid", where="--domain", need="an ICON grid file")
        record.use(domain, "grid")
        write_icon(ds, domain, output, record=record, start=start, force=force)
    elif to is Model.ioapi:
        models.write_ioapi(ds, output, record=record, start=start, force=force)
    else:
        year = _year(start)
        forms = {
            Model.cf: lambda d: cf.standard(d, year),
            Model.edgar: lambda d: cf.edgar(d, year),
            Model.hemco: lambda d: cf.hemco(d, year),
        }
        write(forms[to](ds), output, record=record, force=force)


def _year(start: str | None) -> int | None:
    import datetime as dt

    from ghg.core.errors import InputError

    if start is None:
        return None
    try:
        return dt.datetime.fromisoformat(start).year
    except ValueError as error:
        raise InputError("the start is no date", where="--start", found=f"'{start}'", need="2022-01-01") from error


def gridded(command: str, model: type[Any], run: Callable[..., Any], options: Mapping[str, Any], doing: str) -> None:
    """Run a job that writes gridded emissions, and tell its ledger; see :func:`ghg.cli.jobs.to_netcdf`."""
    _, ds = jobs.to_netcdf(f"inventories {command}", model, run, options, doing)
    tell(ds, options["output"], options["form"])


def tell(ds: Any, output: Path, form: options.Format) -> None:
    """Show the ledger of a file, NOx as NO2, and what its judges will miss."""
    from inventories.conservation import rows
    from inventories.grid.names import as_no2, note

    plain = as_no2(ds)  # as inventories count
    console.show_rows(rows(plain), form.value)
    if form is options.Format.text:
        for line in note(plain):
            console.show(line)
        console.show(f"Written: {output}")
