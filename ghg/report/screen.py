"""The ranked list of many plants, as CSV and as one page."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ghg.report.facility import tonnes
from ghg.report.page import render, texts

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
    widest = max(min(abs(row["z"]), 99.0) for row in rows) or 1.0
    page = render("screen", {"tonnes": tonnes}, rows=rows, notes=notes, t=text, lang=lang, widest=widest)
    path = folder / "screen.html"
    path.write_text(page, encoding="utf-8")
    return path
