"""stdout is for results, stderr for progress and messages."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def show(text: str) -> None:
    """Print a result."""
    sys.stdout.write(text + "\n")


def show_json(value: Any) -> None:
    """Print a result as one JSON document; numbers that are not finite become null."""
    sys.stdout.write(json.dumps(finite(value), ensure_ascii=False, indent=2) + "\n")


def show_rows(rows: list[dict[str, Any]], form: str) -> None:
    """Print rows as a table of aligned columns, or as JSON."""
    if form == "json":
        show_json(rows)
        return
    if not rows:
        return
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    for line in cells:
        show("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def finite(value: Any) -> Any:
    """Return `value` with NaN and infinity replaced by None: JSON has neither."""
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value


@contextmanager
def progress(quiet: bool = False) -> Iterator[Any]:
    """Yield a function that announces the next step; a moving line on a terminal, plain lines elsewhere."""
    if quiet:
        yield lambda text: None
        return
    if not sys.stderr.isatty():
        yield lambda text: sys.stderr.write(f"{text} ...\n")
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("starting") as status:

        def announce(text: str) -> None:
            console.print(f"[green]-[/] {text}", highlight=False)
            status.update(text)

        yield announce
