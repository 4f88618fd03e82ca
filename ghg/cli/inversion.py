"""``ghg inversion``: observations, footprints and priors to fluxes and sinks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import console, inversion_example, inversion_pack, jobs, options

app = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True,
                  help="Observations, footprints and priors to fluxes and sinks.")  # fmt: skip
app.add_typer(inversion_example.app)
app.add_typer(inversion_pack.app)


@app.callback()
def group() -> None:
    """Observations, footprints and priors to fluxes and sinks."""


@app.command()
def run(
    config: options.Config,
    output: options.OutFolder,
    force: options.Force = False,
    form: options.Out = options.Format.text,
    changes: options.Set = [],  # noqa: B006
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    lang: options.Lang = options.Language.en,
    page: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html and figures.")] = True,
) -> None:
    """Solve an inversion: flux maps, regional totals with exact covariance, diagnostics, and a page to read."""
    from ghg.core.config import load
    from ghg.core.files import atomic_directory
    from ghg.core.provenance import Record, write_manifest
    from ghg.report.inversion import write_report
    from inversion.config import InversionJob
    from inversion.job import run as work

    with console.progress(quiet) as announce:
        job = load(config, InversionJob, changes)
        record = Record("inversion run", job, seed=job.solver.seed)
        record.use(config, "configuration")
        with atomic_directory(output, force) as folder:
            found = work(job, folder, base=config.parent, record=record, announce=announce)
            if page:
                announce("writing the report")
                write_report(folder, lang.value)
            write_manifest(folder)
    jobs.tell_steps(record, verbose)
    if form is options.Format.json:
        console.show_json(found)
        return
    for line in summary(found):
        console.show(line)
    console.show(f"Written: {output}" + (f"; read {output / 'report.html'}" if page else ""))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder that ghg inversion run wrote.")],
    lang: options.Lang = options.Language.en,
) -> None:
    """Write the page of a run again, in another language too: report.html and figures in its folder."""
    import shutil

    from ghg.core.files import MANIFEST, atomic_directory
    from ghg.core.provenance import write_manifest
    from ghg.report.inversion import write_report

    if not (folder / MANIFEST).is_file():  # no finished run: whoever takes it all the same has nothing to lose
        write_report(folder, lang.value)
        write_manifest(folder)
    else:  # in a copy that takes the place of the folder, so that page and manifest change together
        with atomic_directory(folder.resolve(), force=True) as fresh:
            shutil.copytree(folder, fresh, dirs_exist_ok=True)
            write_report(fresh, lang.value)
            write_manifest(fresh)
    console.show(f"Written: {folder / 'report.html'}")


def summary(found: dict[str, Any]) -> list[str]:
    """Return the totals over the whole time and what the diagnostics say."""
    from ghg.report.inversion import digits

    species = found["species"]
    unit = "TgC" if species == "CO2" else f"Tg{species}"
    lines = [f"Solver: {found['solver']}", f"Sign: {found['sign']}"]
    rows = []
    for row in found["whole"]:
        means = [f"{row[f'{k}_{unit}_per_year']:+.4g}" for k in ("prior", "posterior")]
        spreads = [f"{row[f'{k}_u_{unit}_per_year']:.2g}" for k in ("prior", "posterior")]
        share = row["determined"]
        known = f"{share:.0%}" if share == share else "-"
        rows.append((row["group"], row["region"], *means, *spreads, row["direction"], known))
    head = ("block", "region", f"prior {unit}/yr", f"posterior {unit}/yr", "u prior", "u posterior", "direction",
            "determined by data")  # fmt: skip
    widths = [max(len(str(line[i])) for line in (head, *rows)) for i in range(len(head))]
    lines += ["  ".join(str(c).ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in (head, *rows)]
    if "diagnostics" in found:
        d = found["diagnostics"]
        lines.append(f"Reduced chi-square {d['chi2']:.3f} (p = {d['p']:.2g}), degrees of freedom for signal "
                     f"{d['signal']:.1f} of {d['n']} observations, residual {d['residual']:.1e}")  # fmt: skip
        lines += [f"Alarm: {alarm['text']}" for alarm in d["alarms"]]
    lines += _sampled(found["sampler"]) if "sampler" in found else []
    for one in found.get("bases", []):
        rest = ", ".join(f"{digits(1e9 * v, 2)} nmol/mol at {k}" for k, v in one["error"].items())
        lines.append(
            f"Block '{one['block']}': {one['cells']:,} cells in {one['groups']} groups; aggregation error {rest}"
        )
    lines += [f"Coefficient {c['name']}: {c['value']:.4g} +- {c['u']:.2g}" for c in found.get("coefficients", [])]
    lines += [f"Estimated {e['name']}: {e['value']:.4g} ({e['low']:.4g} to {e['high']:.4g})"
              for e in found.get("estimated", [])]  # fmt: skip
    return lines


def _sampled(s: dict[str, Any]) -> list[str]:
    """Return what the chains of a sampler are worth, and the model errors."""
    from ghg.report.inversion import digits

    lines = [f"{s['chains']} chains of {s['draws']:,} draws: R-hat {s['r_hat']:.4f}, worst effective size "
             f"{s['effective_size']:,.0f} (tails {s['effective_size_tail']:,.0f}), {s['divergent']} divergent, "
             f"{s['acceptance']:.0%} accepted"]  # fmt: skip
    lines += [f"Model error at {e['group']}: {digits(1e9 * e['mean'])} +- {digits(1e9 * e['sd'], 2)} nmol/mol"
              for e in s["model_error"]]  # fmt: skip
    return lines + [f"Alarm: {alarm['text']}" for alarm in s["alarms"]]


@app.command()
def check(config: options.Config, changes: options.Set = []) -> None:  # noqa: B006
    """Read everything, choose the solver, say its memory, and test that H and its adjoint belong together."""
    from ghg.core.config import load
    from inversion.config import InversionJob
    from inversion.job import check as work

    found = work(load(config, InversionJob, changes), base=config.parent)
    console.show(f"{config.name}: {found['observations']} observations, {found['unknowns']} unknowns, "
                 f"{found['totals']} totals")  # fmt: skip
    console.show(f"Solver: {found['plan']}")
    console.show(f"Adjoint test: <Hx, y> and <x, H'y> differ by {found['adjoint']:.1e} of their size")


@app.command()
def osse(
    config: options.Config,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file to write.", rich_help_panel="Output")
    ] = None,
    force: options.Force = False,
    form: options.Out = options.Format.text,
    changes: options.Set = [],  # noqa: B006
    quiet: options.Quiet = False,
) -> None:
    """Simulate truth, network and noise: coverage of the intervals, error reduction, the next site."""
    import json

    from ghg.core.config import load
    from ghg.core.files import write_text
    from inversion.config import InversionJob
    from inversion.job import simulate

    with console.progress(quiet) as announce:
        job = load(config, InversionJob, changes)
        found = simulate(job, base=config.parent, announce=announce)
    if output is not None:
        write_text(output, json.dumps(console.finite(found), indent=2) + "\n", force)
    if form is options.Format.json:
        console.show_json(found)
        return
    console.show(f"{found['replicates']} simulated truths; 95 % intervals should hold 95 % of them")
    console.show_rows([{"block": r["group"], "region": r["region"], "start": r["start"],
                        "coverage": f"{r['coverage']:.1%}", "bias in u": f"{r['bias_in_u']:+.2f}",
                        "error reduction": f"{r['error_reduction']:.0%}"}
                       for r in found["totals"]], "text")  # fmt: skip
    for step in found.get("next_sites", [])[1:]:
        console.show(f"Next site for {found['for_total']}: {step['site']} lowers its uncertainty by "
                     f"{step['reduction']:.1%}")  # fmt: skip


@app.command()
def init(output: options.Starter = Path("inversion.toml"), force: options.Force = False) -> None:
    """Write a commented starter job."""
    jobs.starter("inversion", output, force, "ghg inversion check")
