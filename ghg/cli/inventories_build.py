"""``ghg inventories build``: a whole inventory from its tables, and what can be asked of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, jobs, options

app = typer.Typer(pretty_exceptions_enable=False)

File = Annotated[Path, typer.Argument(help="Folder of a compilation, or its inventory.csv.")]


@app.command()
def build(
    config: options.Config,
    output: options.OutFolder,
    force: options.Force = False,
    lang: options.Lang = options.Language.en,
    changes: options.Set = [],  # noqa: B006
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Compile an inventory: every species of every row, with uncertainty, checks, grid, hours, tables and a report."""
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import write_manifest
    from inventories.compile import output as files
    from inventories.compile import reported, space
    from inventories.compile.config import InventoryJob
    from inventories.compile.job import run
    from inventories.compile.rows_table import write_rows_table
    from inventories.compile.swap import swap

    with (
        jobs.running("inventories build", InventoryJob, locals()) as (job, record, announce),
        atomic_directory(output, force) as folder,
    ):
        announce("compiling")
        ds = run(job, base=config.parent, record=record)
        announce("uncertainty and checks")
        ds, swaps = swap(ds, job.swap) if job.swap is not None else (ds, [])
        result = {**files.summary(ds, draws=job.draws, seed=job.seed), "swaps": swaps}
        write_rows_table(ds, result["ensemble"], folder)
        if job.reported is not None:
            record.use(config.parent / job.reported.file, "reported masses")
            result["reported"] = reported.compare(ds, job.reported, config.parent)
            result["reported_classes"] = reported.classes(result["reported"])
            result["reported_causes"] = reported.causes(result["reported"])
        grids = space.write_grids(ds, job, config.parent, folder, record, announce)
        result["grid"] = grids
        announce("tables")
        files.write_tables(ds, result, folder)
        announce("report")
        _report(result, folder, lang.value)
        write_manifest(folder, record)
    for line in files.lines(result):
        console.show(line)
    if job.reported is not None:
        console.show(f"Against {job.reported.name} (reported_classes.csv):")
    against = reported.words(result.get("reported_classes", []), result.get("reported_causes", []))
    for line in (*against, *space.lines(grids)):
        console.show(line)
    console.show(f"Written: {output}")


def _report(result: dict[str, Any], folder: Path, lang: str) -> None:
    """Write the report; where its packages are missing a note says so."""
    try:
        from ghg.report.inventory import write_report

        write_report(result, folder, lang)
    except ModuleNotFoundError as error:
        result["notes"].append(f"no report: {error.name} is not installed (ghg-toolkit[report])")


@app.command()
def ratios(
    file: File,
    by: Annotated[str, typer.Option("--by", help="sector, region, fuel or category.")] = "sector",
    to: Annotated[str, typer.Option("--to", help="Species that divides.")] = "CO2",
    form: options.Out = options.Format.text,
) -> None:
    """Co-emission ratios by group in g per kg, with what both species share cancelled."""
    from inventories.compile.ratios import ratios as compute
    from inventories.compile.rows_table import read_rows_table

    found = compute(read_rows_table(file), by, to)
    rows: list[dict[str, Any]] = [
        {by: r.group, "ratio": f"{r.species}:{r.to}", "g_per_kg": f"{1e3 * r.value:.4g}", "u": f"{1e3 * r.u:.2g}",
         "u_if_independent": f"{1e3 * r.u_apart:.2g}"} for r in found
    ]  # fmt: skip
    console.show_rows(rows or [{by: "-", "ratio": f"no {to}"}], form)


@app.command()
def classes(
    taxonomy: Annotated[str, typer.Argument(help="NFR, GNFR, SNAP, CRT, IPCC2006, EDGAR or CHINA.")],
    form: options.Out = options.Format.text,
) -> None:
    """List the classes of a taxonomy, each with its GNFR sectors."""
    from inventories.crosswalks import codes, crosswalk, name_of

    table = crosswalk(taxonomy, "GNFR")
    rows = []
    for code in codes(taxonomy):
        weights = table.weights[table.rows.index(code)]
        shares = ", ".join(f"{c}" for c, w in zip(table.columns, weights, strict=True) if w > 0)
        rows.append({"class": code, "GNFR": shares, "name": name_of(taxonomy.upper(), code),
                     "chinese": name_of(taxonomy.upper(), code, "zh")})  # fmt: skip
    console.show_rows(rows, form)


@app.command()
def cocontrol(
    base: Annotated[Path, typer.Argument(help="Folder of the compilation without the measures.")],
    scenario: Annotated[list[Path], typer.Argument(help="Folder of one with a measure; its name is the measure's.")],
    form: options.Out = options.Format.text,
    report: Annotated[Path | None, typer.Option("--report", help="Folder for a page with the co-control plot.")] = None,
    lang: options.Lang = options.Language.en,
    force: options.Force = False,
) -> None:
    """Assess measures: pollutants and CO2e avoided together, elasticity, and whether they go hand in hand."""
    from inventories.compile.cocontrol import assess
    from inventories.compile.rows_table import read_rows_table

    ds = read_rows_table(base)
    named = {(path if path.is_dir() else path.parent).resolve().name: read_rows_table(path) for path in scenario}
    found = assess(ds, named, str(ds.attrs.get("gwp_metric", "AR5GWP100")))
    if report is not None:
        _measures(ds, [base, *scenario], [m.as_dict() for m in found], (report, force, lang.value))
    console.show_rows([{"measure": m.name, "species": m.species, "avoided_t": f"{m.avoided / 1e3:,.4g}",
                        "avoided_CO2e_t": f"{m.avoided_co2e / 1e3:,.6g}", "elasticity": f"{m.elasticity:.3g}",
                        "angle": f"{m.angle:.1f}", "effect": m.verdict} for m in found], form)  # fmt: skip


def _measures(ds: Any, compared: list[Path], measures: list[dict[str, Any]], target: tuple[Path, bool, str]) -> None:
    """Write the page of measures, their table and the manifest."""
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import Record, write_manifest
    from ghg.report.inventory import write_report
    from inventories.compile.output import summary, write_csv
    from inventories.compile.rows_table import FILES

    report, force, lang = target
    record = Record("inventories cocontrol", {"lang": lang})
    for path in compared:
        record.use(path / FILES[0] if path.is_dir() else path, "compilation")
    with atomic_directory(report, force) as folder:
        write_report({**summary(ds), "measures": measures}, folder, lang)
        write_csv(folder / "measures.csv", measures)
        write_manifest(folder, record)
