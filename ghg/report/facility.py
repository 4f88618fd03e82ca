"""The report of a comparison: one page that opens offline, prints well, and speaks English or Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from ghg.core.errors import InputError

__all__ = ["detail", "texts", "write_report"]

LANGUAGES = ("en", "zh")


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
    return tomllib.loads((files("ghg.report") / "text" / f"{lang}.toml").read_text(encoding="utf-8"))


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
        from jinja2 import Environment, StrictUndefined, select_autoescape

        from ghg.report import figures
    except ImportError as error:
        raise InputError("the report needs more packages", found=str(error.name),
                         hint="install ghg-toolkit[report]") from error  # fmt: skip
    (folder / "figures").mkdir(exist_ok=True)
    drawn = figures.draw(result, text, texts("en"), folder / "figures")
    environment = Environment(undefined=StrictUndefined, autoescape=select_autoescape(["html", "j2"]))
    environment.filters.update(tonnes=tonnes, signed=signed, number=number, share=share, detail=partial(detail, text))
    source = files("ghg.report") / "templates"
    template = environment.from_string((source / "facility.html.j2").read_text(encoding="utf-8"))
    style = (source / "style.css").read_text(encoding="utf-8")
    page = template.render(r=result, t=text, lang=lang, figures=drawn, style=style, evidence=partial(_evidence, text))
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


def signed(value: float | None, digits: int = 2) -> str:
    """Return a number with its sign, a real minus."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "\u2212")


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with fixed digits."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "\u2212")


def share(value: float | None) -> str:
    """Return a fraction in percent."""
    return "–" if value is None else f"{100.0 * value:.1f}\u202f%"
