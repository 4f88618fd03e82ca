"""The page of the demonstration: what was recovered beside what is true, who was caught, how long. No science."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ghg.report.page import render, texts

__all__ = ["write_page"]

PARTS = ("calibrate", "facility", "inventory", "inversion")
FAINT, FULL = 0.2, 300.0  # umol m-2 s-1: where the colour of a map begins and is full
REACH = 1.3  # of the widest interval of a part that a bar shows


def write_page(result: Mapping[str, Any], folder: Path, lang: str = "en") -> Path:
    """Write ``report.html``.

    Parameters
    ----------
    result : mapping
        ``rows``, ``caught``, ``false_alarms``, ``steps``, ``seconds``, ``seed``, and ``trace`` (None where nothing was
        tampered with), as ``ghg demo`` keeps them in ``result.json``.
    folder : Path
        Existing folder.
    lang : {"en", "zh"}
        Language.

    Returns
    -------
    Path
        The page.
    """
    text = texts(lang, "demo")
    meant = [r for r in result["rows"] if r["meant"]]
    counts = {"inside": sum(r["inside"] for r in meant), "meant": len(meant), "n": result["false_alarms"],
              "caught": sum(c["caught"] for c in result["caught"]), "all": len(result["caught"]),
              "seconds": f"{result['seconds']:.0f}"}  # fmt: skip
    page = render(
        "demo", {}, r=result, t=text, lang=lang,
        summary=[{"main": text[f"summary_{k}"].format(**counts), "note": text[f"summary_{k}_note"]}
                 for k in ("inside", "caught", "alarms", "time")],
        caught=[_case(one, text) for one in result["caught"]],
        parts=[{"key": part, "rows": _rows([r for r in result["rows"] if r["part"] == part], text)} for part in PARTS],
        steps=_bars(result["steps"], text), maps=_maps(result["maps"]),
    )  # fmt: skip
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def _case(one: Mapping[str, Any], text: Mapping[str, str]) -> dict[str, Any]:
    """Return a fault in words: what was done, what was found; a fault that got away has words of its own."""
    key = one["key"]
    words = {"done": text[f"{key}_done"], "found": text[f"{key}_found"]}
    if not one["caught"]:
        words["found"] = text.get(f"{key}_missed", words["found"])
    said = {side: words[side].format(**one[side]).replace("-", "\u2212") for side in words}
    for side in ("done", "found"):  # dates keep their hyphens
        for value in one[side].values():
            if isinstance(value, str):
                said[side] = said[side].replace(value.replace("-", "\u2212"), value)
    return {"title": text[f"{key}_title"], **said, "caught": one["caught"]}


def _rows(rows: list[Mapping[str, Any]], text: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of a part in words; bars are relative to the truth, or to the widest interval about zero."""
    sizes = [abs(r["truth"]) if r["truth"] else 0.0 for r in rows]
    found = []
    for row, size in zip(rows, sizes, strict=True):
        scale = size or max(max(abs(r["low"]), abs(r["high"])) for r in rows if r["what"] == row["what"])
        ends = [(row[k] - row["truth"]) / scale for k in ("low", "value", "high")]
        found.append({"what": text[row["what"]], "place": text.get(row["place"], row["place"]), "unit": row["unit"],
                      **{k: _figure(row[k], row) for k in ("truth", "value", "low", "high")}, "ends": ends,
                      "meant": row["meant"], "inside": row["inside"],
                      "share": None if row["share"] is None else f"{100.0 * row['share']:.0f} %"})  # fmt: skip
    widest = REACH * max((abs(e) for r in found for e in r["ends"]), default=1.0)
    for row in found:
        row["low_x"], row["dot_x"], row["high_x"] = (round(100.0 + 100.0 * e / widest, 1) for e in row.pop("ends"))
    return found


def _figure(value: float, row: Mapping[str, Any]) -> str:
    """Return a number to the second digit of half its interval, with a real minus."""
    half = 0.5 * (row["high"] - row["low"])
    places = max(0, 1 - math.floor(math.log10(half))) if half > 0.0 else 2
    return f"{value:,.{places}f}".replace(",", "\u202f").replace("-", "\u2212")


def _maps(maps: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of each map, darker by the logarithm of their flux, and the marks."""
    found = []
    for name, rows in maps["fields"].items():
        cells = [{"x": x, "y": y, "o": round(shade, 2)} for y, row in enumerate(rows) for x, value in enumerate(row)
                 if value > 0.0 and (shade := math.log10(value / FAINT) / math.log10(FULL / FAINT)) > 0.01]  # fmt: skip
        found.append({"name": name, "cells": [{**c, "o": min(c["o"], 1.0)} for c in cells], "marks": maps["marks"],
                      "width": len(rows[0]), "height": len(rows)})  # fmt: skip
    return found


def _bars(steps: list[Mapping[str, Any]], text: Mapping[str, str]) -> list[dict[str, Any]]:
    longest = max((s["seconds"] for s in steps), default=1.0)
    return [{"title": s["command"] or text["step_raw"], "command": bool(s["command"]), "seconds": f"{s['seconds']:.1f}",
             "width": round(max(100.0 * s["seconds"] / longest, 0.5), 1)}
            for s in steps]  # fmt: skip
