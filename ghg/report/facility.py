"""The report of a comparison: one page that opens offline, prints well, and speaks English or Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ghg.core.errors import InputError
from ghg.core.time import local_date
from ghg.report.page import render, texts

__all__ = ["detail", "tonnes", "write_report"]


def write_report(result: Mapping[str, Any], folder: Path, lang: str = "en") -> Path:
    """Write ``report.html`` and the figures.

    Parameters
    ----------
    result : mapping
        See :func:`ghg.facility.result.as_dict`.
    folder : Path
        Existing folder.
    lang : {"en", "zh"}
        Language.

    Returns
    -------
    Path
        The page.
    """
    text = texts(lang)
    try:
        from ghg.report import figures
    except ModuleNotFoundError as error:
        raise InputError("the report needs more packages", found=str(error.name),
                         hint="install ghg-toolkit[report]") from error  # fmt: skip
    (folder / "figures").mkdir(exist_ok=True)
    drawn = figures.draw(result, text, texts("en"), folder / "figures")
    filters = {"tonnes": tonnes, "share": share, "detail": partial(detail, text),
               "date": partial(local_date, timezone=result["period"]["timezone"])}  # fmt: skip
    page = render("facility", filters, r=result, t=text, lang=lang, figures=drawn, evidence=partial(_evidence, text))
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _evidence(text: Mapping[str, str], one: Mapping[str, Any]) -> str:
    """Return the finding of independence in the words of the page; English comes with the finding."""
    template = text.get(f"evidence_{one['code']}")
    return str(one["evidence"]) if template is None else template.format(**one)


def detail(text: Mapping[str, str], found: Mapping[str, Any]) -> str:
    """Return size or origin of a finding of the screening in the words of the page; empty where it has none."""
    return text[f"detail_{found['detector']}"].format(*found["values"]) if found["values"] else ""


def tonnes(kilograms: float | None) -> str:
    """Return a mass in tonnes with thin spaces between thousands."""
    return "–" if kilograms is None else f"{kilograms / 1000.0:,.0f}".replace(",", "\u202f")


def share(value: float | None) -> str:
    """Return a fraction in percent."""
    return "–" if value is None else f"{100.0 * value:.1f}\u202f%"
