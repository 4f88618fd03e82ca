"""The ranked list of many plants, as CSV and as one page."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path
from typing import Any

from ghg.core.errors import InputError
from ghg.report.facility import number, signed, texts, tonnes

__all__ = ["write_screen"]


def write_screen(rows: list[dict[str, Any]], notes: list[str], folder: Path, lang: str = "en") -> Path:
    """Write ``screen.csv`` and ``screen.html``.

    Parameters
    ----------
    rows : list of dict
        See :func:`ghg.facility.screen.as_rows`.
    notes : list of str
        What could not be judged.
    folder : Path
        Existing folder.
    lang : {"en", "zh"}
        Language of the page.
    """
    text = texts(lang)
    with (folder / "screen.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    try:
        from jinja2 import Environment, StrictUndefined, select_autoescape
    except ImportError as error:
        raise InputError(
            "the page needs more packages", found=str(error.name), hint="install ghg-toolkit[report]"
        ) from error
    environment = Environment(undefined=StrictUndefined, autoescape=select_autoescape(["html", "j2"]))
    environment.filters.update(tonnes=tonnes, signed=signed, number=number)
    source = files("ghg.report") / "templates"
    template = environment.from_string((source / "screen.html.j2").read_text(encoding="utf-8"))
    style = (source / "style.css").read_text(encoding="utf-8")
    widest = max(min(abs(row["z"]), 99.0) for row in rows) or 1.0
    page = template.render(rows=rows, notes=notes, t=text, lang=lang, style=style, widest=widest)
    path = folder / "screen.html"
    path.write_text(page, encoding="utf-8")
    return path
