"""The report of an inventory: one self-contained page, English or Chinese."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ghg.report.page import render, texts

__all__ = ["write_report"]

# notes of a compilation, as inventories.accounting and inventories.compile word them
NOTES = {
    "unverified": r"emission factor of (\S+) \((\S+)\): unverified: (.*)",
    "range": r"emission factor of (\S+) \((\S+)\): (.*)",
    "edition": r"(.*): the edition valid from (\S+) was used for (\d+)",
    "doubled": r"(.*): (\d+) rows stand for one source, fuel and class with another: kept as they are",
    "position": r"(.*): (\d+) of (\d+) rows have no position in (.*)",
    "activity": r"(.*): (\d+) rows have no activity and are not estimated",
    "column": r"(.*): column '(.*)' taken for '(.*)'",
    "unit": r"(.*): unit '(.*)' of column '(.*)' was read from the table",
    "names": r"Note: CF has no standard name for the emission of (.*); the ACDD suite will ask for one",
}
LISTED = 40  # findings that are spelt out; all are in findings.csv


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
    from ghg.report import inventory_figures as figures

    text = texts(lang, "inventory")
    sectors = _sectors(result, lang)
    findings = _grouped(result["findings"], text, sectors)
    shown = {"grid": {}, "reported_classes": [], **result}
    shown["reported_classes"] = [{**one, "why_words": _reasons(one, text)} for one in shown["reported_classes"]]
    shown["notes"] = [_note(one, text) for one in shown["notes"]]
    page = render("inventory", FILTERS, r=shown, t=text, lang=lang, figures=figures.draw(result, text, lang),
                  findings=findings[:LISTED], hidden=max(len(findings) - LISTED, 0), named=_names(lang),
                  sector_names=sectors, fuels=figures.one_sector(result))  # fmt: skip
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _grouped(
    findings: list[dict[str, Any]], text: Mapping[str, str], sectors: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return findings of one kind, species and bound as one row: how many, from where to where."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for f in findings:
        groups.setdefault(tuple(f[k] for k in ("code", "level", "species", "unit", "source")), []).append(f)
    rows = []
    for same in groups.values():
        found = sorted(f["found"] for f in same)
        few = ", ".join(sectors.get(f["where"], f["where"]) for f in same[:3]) + (" …" if len(same) > 3 else "")
        rows.append({**same[0], "words": text.get("finding_" + same[0]["code"], same[0]["code"]), "where": few,
                     "number": len(same), "least": found[0], "most": found[-1], "low": min(f["low"] for f in same),
                     "high": max(f["high"] for f in same)})  # fmt: skip
    return sorted(rows, key=lambda row: (row["level"] != "error", -row["number"]))


def _reasons(one: Mapping[str, Any], text: Mapping[str, str]) -> str:
    """Return the reasons of differences in the words of the page; those of the user stay as they are."""
    said = []
    for code, value, number in one["reasons"]:
        named = text.get(f"fuel_{value}", value) if code == "like" else value
        said.append(f"{number} {text[f'why_{code}'].format(named)}")
    return "; ".join(said)


def _note(words: str, text: Mapping[str, str]) -> str:
    """Return a note of a compilation in the words of the page; one that is not known stays as it is."""
    for code, pattern in NOTES.items():
        if (found := re.fullmatch(pattern, words)) and (known := text.get(f"note_{code}")):
            parts = [text.get(f"fuel_{part}", part) for part in found.groups()]
            return known.format(*parts)
    return words


def _names(lang: str) -> dict[str, str]:
    """Return the names of the species in a language."""
    from inventories.species import SPECIES

    return {n: (s.chinese if lang == "zh" else s.long_name.replace(" um", " µm")) for n, s in SPECIES.items()}


def _sectors(result: Mapping[str, Any], lang: str) -> dict[str, str]:
    """Return the names of the sectors in a language, by letter and by code."""
    from ghg.report.inventory_figures import label
    from inventories.crosswalks import codes, name_of

    found = {str(row["sector"]): label(row, lang) for row in result["sectors"]}
    return found | {f"{one}_{name_of('GNFR', one)}": f"{one} {name_of('GNFR', one, lang)}" for one in codes("GNFR")}


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


def bounds(finding: Mapping[str, Any]) -> str:
    """Return what was expected: from where to where, at most, or above."""
    low, high = finding["low"], finding["high"]
    if high == float("inf"):
        return f"> {digits(low)}"
    return f"≤ {digits(high)}" if low == 0.0 else f"{digits(low)} – {digits(high)}"


def closing(residual: float) -> str:
    """Return the residual of a ledger."""
    return "0" if residual == 0.0 else f"{residual:.0e}".replace("-", "\u2212")


FILTERS = {"mass": mass, "digits": digits, "percent": percent, "bounds": bounds, "closing": closing}
