"""Options shared by the commands, each defined once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """What stdout carries."""

    text = "text"
    json = "json"


class Language(StrEnum):
    """Language of a report."""

    en = "en"
    zh = "zh"


Config = Annotated[Path, typer.Argument(help="TOML file of the job; paths in it are relative to it.")]
OutFile = Annotated[Path, typer.Option("--output", "-o", help="File to write.", rich_help_panel="Output")]
OutFolder = Annotated[Path, typer.Option("--output", "-o", help="Folder to write.", rich_help_panel="Output")]
Starter = Annotated[Path, typer.Option("--output", "-o", help="File to write.", rich_help_panel="Output")]
Force = Annotated[bool, typer.Option("--force", help="Replace what stands there.", rich_help_panel="Output")]
Out = Annotated[Format, typer.Option("--format", help="Results on stdout as text or JSON.", rich_help_panel="Output")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the report.", rich_help_panel="Output")]
Set = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the job.",
                                        rich_help_panel="Run")]  # fmt: skip
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the random draws.", rich_help_panel="Run")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell each step on stderr.", rich_help_panel="Run")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.", rich_help_panel="Run")]
