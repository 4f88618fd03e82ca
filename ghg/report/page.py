"""What all pages share: their words in each language, and how a template becomes one self-contained page."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ghg.core.errors import InputError

__all__ = ["LANGUAGES", "number", "render", "signed", "texts"]

LANGUAGES = ("en", "zh")


@cache
def texts(lang: str, topic: str = "") -> dict[str, str]:
    """Return all words of a page in a language.

    Parameters
    ----------
    lang : {"en", "zh"}
        Language.
    topic : str
        ``inventory``, ``inversion``; empty for the pages of plants and stacks.

    Raises
    ------
    InputError
        The language is not offered.
    """
    if lang not in LANGUAGES:
        raise InputError("the language of the report is not offered", found=lang, need=" or ".join(LANGUAGES))
    name = "_".join(filter(None, (topic, lang)))
    return tomllib.loads((files("ghg.report") / "text" / f"{name}.toml").read_text(encoding="utf-8"))


def render(template: str, filters: Mapping[str, Callable[..., Any]], **values: Any) -> str:
    """Return a page from its template, with the style of the house inside.

    Parameters
    ----------
    template : str
        Name of the page: ``facility`` for ``facility.html.j2``.
    filters : mapping
        Name -> function that puts a value into words; ``number`` and ``signed`` are always there.
    **values
        What the template shows.

    Raises
    ------
    InputError
        jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined, select_autoescape
    except ImportError as error:
        raise InputError("the page needs more packages", found=str(error.name),
                         hint="install ghg-toolkit[report]") from error  # fmt: skip
    environment = Environment(undefined=StrictUndefined, autoescape=select_autoescape(["html", "j2"]), trim_blocks=True)
    environment.filters.update({"number": number, "signed": signed, **filters})
    source = files("ghg.report") / "templates"
    style = (source / "style.css").read_text(encoding="utf-8")
    whole = environment.from_string((source / f"{template}.html.j2").read_text(encoding="utf-8"))
    return whole.render(style=style, **values)


def signed(value: float | None, digits: int = 2) -> str:
    """Return a number with its sign, a real minus."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "\u2212")


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with fixed digits."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "\u2212")
