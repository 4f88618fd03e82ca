"""The report of an inventory: one self-contained page, English or Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ghg.core.errors import InputError
from ghg.report.facility import LANGUAGES

__all__ = ["texts", "write_report"]

LISTED = 40  # findings that are spelt out; all are in findings.csv


@cache
def texts(lang: str) -> dict[str, str]:
    """Return all words of the page in a language.

    Raises
    ------
    InputError
        The language is not offered.
    """
    if lang not in LANGUAGES:
        raise InputError("the language of the report is not offered", found=lang, need=" or ".join(LANGUAGES))
    return tomllib.loads((files("ghg.report") / "text" / f"inventory_{lang}.toml").read_text(encoding="utf-8"))


def write_report(result: Mapping[str, Any], folder: Path, lang: str = "en") -> Path:
    """Write ``report.html``.

    Parameters
    ----------
    result : mapping
        See :func:`inventories.compile.output.summary`; with ``measures`` the co-control assessment is shown.
    folder : Path
        Existing folder.
    lang : {"en", "zh"}
        Language.
    """
    from jinja2 import Environment, StrictUndefined, select_autoescape

    from ghg.report import inventory_figures as figures

    text = texts(lang)
    environment = Environment(undefined=StrictUndefined, autoescape=select_autoescape(["html", "j2"]))
    environment.filters.update(mass=mass, digits=digits, percent=percent)
    source = files("ghg.report") / "templates"
    template = environment.from_string((source / "inventory.html.j2").read_text(encoding="utf-8"))
    style = (source / "style.css").read_text(encoding="utf-8")
    findings = [{**f, "words": text.get("finding_" + f["code"], f["code"])} for f in result["findings"]]
    page = template.render(r=result, t=text, lang=lang, figures=figures.draw(result, text, lang), style=style,
                           findings=findings[:LISTED], hidden=max(len(findings) - LISTED, 0),
                           named=_names(lang))  # fmt: skip
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _names(lang: str) -> dict[str, str]:
    """Return the names of the species in a language."""
    from inventories.species import SPECIES

    return {n: (s.chinese if lang == "zh" else s.long_name) for n, s in SPECIES.items()}


def mass(kilograms: float) -> str:
    """Return a mass in the largest of Mt, kt and t that leaves a figure before the point."""
    size, unit = next(((s, u) for s, u in ((1e9, "Mt"), (1e6, "kt"), (1e3, "t")) if abs(kilograms) >= s), (1.0, "kg"))
    return f"{digits(kilograms / size)}\u202f{unit}"


def digits(value: float) -> str:
    """Return a number with four significant digits and a real minus."""
    if value != value or value in (float("inf"), float("-inf")):
        return "–"
    return f"{value:,.4g}".replace(",", "\u202f").replace("-", "\u2212") if abs(value) < 1e4 else (
        f"{value:,.0f}".replace(",", "\u202f").replace("-", "\u2212"))  # fmt: skip


def percent(value: float) -> str:
    """Return a fraction in percent."""
    return "–" if value != value else f"{100.0 * value:.1f}\u202f%".replace("-", "\u2212")
