"""``ghg inventories``: activity data to accounted emissions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ghg.cli import (
    console,
    inventories_build,
    inventories_factors,
    inventories_grids,
    inventories_screen,
    inventories_shape,
    jobs,
    options,
)
from ghg.cli.jobs import decimals, to_netcdf, tonnes

app = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True,
                  help="Activity data to accounted emissions.")  # fmt: skip
for part in (inventories_build, inventories_factors, inventories_grids, inventories_shape, inventories_screen):
    app.add_typer(part.app)


@app.callback()
def group() -> None:
    """Activity data to accounted emissions."""


@app.command()
def account(
    config: options.Config,
    output: options.OutFile,
    force: options.Force = False,
    changes: options.Set = [],  # noqa: B006
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Account the emissions of a plant from its activity data."""
    from inventories.accounting.job import run
    from inventories.config import AccountingJob

    job, result = to_netcdf("inventories account", AccountingJob, run, locals(), "accounting")
    for species in job.species:
        for line in _totals(result.sel(species=species), species):
            console.show(line)
    for note in filter(None, str(result.attrs.get("notes", "")).split("; ")):
        console.show(f"Note: {note}")
    console.show(f"Written: {output}")


def _totals(ds: Any, species: str) -> Iterator[str]:
    """Yield a line for the total of each scope, and one for each stream."""
    from ghg.core.uncertainty.datasets import dataset_total

    for scope in ("direct", "indirect"):
        streams = ds.isel(stream=(ds["scope"] == scope).values)
        if not streams.sizes["stream"]:
            continue
        total = dataset_total(streams, draws=200_000)
        digits = decimals(total)
        yield f"{scope}: {tonnes(total, species)}"
        for i, name in enumerate(streams["stream"].values):
            one = dataset_total(streams.isel(stream=[i]), draws=0)
            yield f"  {one.value / 1000.0:>18,.{digits}f} t  {name}  [{streams['method'].values[i]}]"


@app.command()
def check(config: options.Config, changes: options.Set = []) -> None:  # noqa: B006
    """Validate a job and read its records, without writing."""
    from inventories.accounting.job import run
    from inventories.config import AccountingJob

    jobs.check(AccountingJob, run, config, changes, "every stream can be accounted")


@app.command()
def init(output: options.Starter = Path("account.toml"), force: options.Force = False) -> None:
    """Write a commented starter job."""
    jobs.starter("inventories.accounting", output, force, "ghg inventories check")


@app.command()
def methods(form: options.Out = options.Format.text) -> None:
    """List the accounting rules, what each needs, and where it stands."""
    from inventories.rules import METHODS

    rows = [
        {"method": name, "kind": rule.kind, "scope": rule.scope, "needs": ", ".join(rule.needs).replace("|", " or "),
         "defaults": rule.factor_set, "source": rule.source}
        for name, rule in METHODS.items()
    ]  # fmt: skip
    console.show_rows(rows, form)


@app.command()
def factors(
    form: options.Out = options.Format.text,
    factor_set: Annotated[str, typer.Option("--set-name", help="Only this factor set.")] = "",
) -> None:
    """List the default factors with unit, 95 % range, edition and source."""
    from ghg.core.errors import InputError
    from inventories.accounting.factors import table

    found = [row for row in table() if factor_set in ("", row.set)]
    if not found:
        sets = ", ".join(sorted({row.set for row in table()}))
        raise InputError("the factor set is not known", found=f"'{factor_set}'", need=f"one of {sets}")
    rows = [{"set": row.set, "fuel": row.fuel, "species": row.species, "quantity": row.quantity, "value": row.value,
             "unit": row.unit, "lower": row.lower, "upper": row.upper, "from": row.valid_from, "to": row.valid_to,
             "verified": row.verified, "source": row.source} for row in found]  # fmt: skip
    console.show_rows(rows, form)
