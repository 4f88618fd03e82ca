"""The root command: finds the groups, imports them only when they are used, and turns errors into exit codes."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ghg import __version__
from ghg.core import patience
from ghg.core.errors import EXIT_BUG, EXIT_INPUT, GhgError

GROUPS = {
    "facility": ("ghg.cli.facility", "Measured against accounted emissions at plants."),
    "sensors": ("ghg.cli.sensors", "Raw records to emissions with uncertainty."),
    "inventories": ("ghg.cli.inventories", "Activity data to accounted emissions."),
    "inversion": ("ghg.cli.inversion", "Observations, footprints and priors to fluxes and sinks."),
    "balance": ("ghg.cli.balance", "Inventory against inversion by region."),
    "demo": ("ghg.cli.demo", "The whole chain on a made-up city whose truth is known."),
    "verify": ("ghg.cli.verify", "Check that files are what was written, down the whole chain."),
    "sign": ("ghg.cli.sign", "Put a name to files and reports."),
    "doctor": ("ghg.cli.doctor", "Is this machine fit for the toolkit."),
}


class LazyGroup(TyperGroup):
    """A group whose members are imported when they are called, so that ``ghg --help`` stays fast."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the groups, in the order of the chain."""
        return list(GROUPS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import and return one group; for the overview a name and a line are enough."""
        if cmd_name not in GROUPS:
            return None
        module, line = GROUPS[cmd_name]
        if cmd_name not in (*sys.argv, *_completed()):
            return typer.main.get_command(_placeholder(cmd_name, line))
        return typer.main.get_command(importlib.import_module(module).app)


def _completed() -> list[str]:
    """Return the words of a line that a shell wants completed: bash, or zsh, fish and PowerShell."""
    return f"{os.environ.get('COMP_WORDS', '')} {os.environ.get('_TYPER_COMPLETE_ARGS', '')}".split()


def _placeholder(name: str, line: str) -> typer.Typer:
    app = typer.Typer(name=name, help=line)
    app.command(name, help=line)(lambda: None)
    return app


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        names = ("numpy", "scipy", "xarray", "netCDF4", "pint", "pandas", "typer", "numba")
        sys.stdout.write(f"ghg {__version__} (Python {sys.version.split()[0]})\n")
        for name in names:
            try:
                sys.stdout.write(f"  {name} {version(name)}\n")
            except PackageNotFoundError:
                sys.stdout.write(f"  {name} missing\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Versions.")] = False,
) -> None:
    """Greenhouse-gas and carbon monitoring: one chain of evidence from raw records to a verdict."""


def _check_neighbours() -> None:
    """Refuse to run with a foreign package of the same name in the place of ours."""
    home = Path(__file__).resolve().parents[2]
    for name in ("sensors", "inventories", "inversion"):
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if origin is None or home not in origin.parents:
            raise GhgError(f"another package named '{name}' stands in the place of ours",
                           hint="install the toolkit in an environment of its own")  # fmt: skip


def run() -> None:
    """Run the command line; errors become one sentence and an exit code."""
    patience.end_with(_end)
    try:
        _check_neighbours()
        app()
    except GhgError as error:
        _explain(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_INPUT)
    except Exception as error:
        if os.environ.get("GHG_DEBUG"):
            raise
        sys.stderr.write(f"ghg: internal error, please report it: {type(error).__name__}: {error}\n"
                         "Set GHG_DEBUG=1 to see where it happened.\n")  # fmt: skip
        sys.exit(EXIT_BUG)


def _end(error: GhgError) -> None:
    """End at once, from another thread than the one that hangs."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K\x1b[?25h")  # what a moving line leaves, and the cursor it hid
    _explain(error)
    sys.stderr.flush()
    os._exit(error.exit_code)


def _explain(error: GhgError) -> None:
    if "json" in (sys.argv[sys.argv.index("--format") + 1 : sys.argv.index("--format") + 2] if "--format" in sys.argv
                  else []) or "--format=json" in sys.argv:  # fmt: skip
        sys.stderr.write(json.dumps(error.as_dict(), ensure_ascii=False) + "\n")
        return
    for one in getattr(error, "errors", [error]):
        sys.stderr.write(f"ghg: {one}\n")
