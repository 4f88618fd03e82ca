"""Figures of the facility report, as SVG text and PNG files."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by colour-blind readers
MEASURED, ACCOUNTED, UP, DOWN, GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a8f98"
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": "#3b4048",
    "xtick.color": "#3b4048",
    "ytick.color": "#3b4048",
    "svg.hashsalt": "ghg",
}
FONTS = "system-ui,'Segoe UI','Noto Sans','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif"
MEGA = 1e9  # kg per Mt


def _axes(width: float, height: float) -> tuple[Figure, Any]:
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0.0)
    axes.patch.set_alpha(0.0)
    return figure, axes


def _scale(values: list[float]) -> tuple[float, str]:
    top = max(values)
    return next((s, u) for s, u in ((1e9, "Mt"), (1e6, "kt"), (1e3, "t"), (1.0, "kg")) if top >= s or u == "kg")


def totals(result: Mapping[str, Any], text: Mapping[str, str]) -> Figure:
    """Draw the two totals with their intervals, and the band of equivalence around the accounted one."""
    figure, axes = _axes(6.4, 1.9)
    sides = (("measured", MEASURED), ("accounted", ACCOUNTED))
    scale, unit = _scale([result[s]["total_kg"] for s, _ in sides])
    centre = result["accounted"]["total_kg"] / scale
    margin = result["verdict"]["margin_percent"] / 100.0
    axes.axvspan(centre * (1 - margin), centre * (1 + margin), color=GREY, alpha=0.15, lw=0, label=text["margin"])
    for y, (side, colour) in zip((1, 0), sides, strict=True):
        value, (low, high) = result[side]["total_kg"] / scale, (v / scale for v in result[side]["interval_kg"])
        axes.plot([low, high], [y, y], color=colour, lw=3, solid_capstyle="round")
        axes.plot(value, y, "o", color=colour, ms=9)
        axes.annotate(f"{value:.3f}", (value, y), xytext=(0, 9), textcoords="offset points", ha="center", color=colour)
    axes.set_yticks([1, 0], [text["measured"], text["accounted"]])
    axes.set_ylim(-0.6, 1.7)
    axes.set_xlabel(f"{unit} {result['species']}")
    axes.legend(frameon=False, fontsize=8, loc="upper right", bbox_to_anchor=(1.0, 1.2))
    return figure


def waterfall(result: Mapping[str, Any], text: Mapping[str, str]) -> Figure:
    """Draw the causes as steps from accounted to measured, the part that is convention hatched."""
    figure, axes = _axes(6.4, 3.0)
    terms = result["causes"]["terms"]
    names, level = [], 0.0
    for i, term in enumerate(terms):
        height, part = 100 * term["ln"], 100 * term["convention_ln"]
        colour = UP if height >= 0 else DOWN
        axes.bar(i, height, bottom=level, color=colour, width=0.55)
        if part:
            start = level + height - part
            axes.bar(i, part, bottom=start, width=0.55, facecolor="none", edgecolor="white", hatch="////", lw=0)
        axes.annotate(f"{height:+.2f}", (i, max(level, level + height)), xytext=(0, 4), textcoords="offset points",
                      ha="center")  # fmt: skip
        axes.plot([i + 0.28, i + 0.72], [level + height] * 2, color=GREY, lw=0.8)
        level += height
        names.append(text.get(f"term_{term['name']}", term["name"].replace("_", " ")))
    axes.bar(len(terms), level, color=MEASURED, width=0.55)
    axes.annotate(
        f"{level:+.2f}", (len(terms), max(level, 0.0)), xytext=(0, 4), textcoords="offset points", ha="center"
    )
    axes.axhline(0, color=GREY, lw=0.8)
    axes.set_xticks(range(len(terms) + 1), [*names, text["whole"]])
    axes.set_ylabel(text["percent_ln"])
    axes.margins(y=0.18)
    return figure


def series(result: Mapping[str, Any], text: Mapping[str, str]) -> Figure | None:
    """Draw both sides and their ratio by period with k = 2 intervals; None for a single period."""
    pairs = result.get("pairs", [])
    if len(pairs) < 2:
        return None
    figure, (top, below) = plt.subplots(2, 1, figsize=(7.6, 4.6), sharex=True, layout="constrained")
    figure.patch.set_alpha(0.0)
    labels = [p["start"][:10] for p in pairs]
    scale, unit = _scale([p["measured_kg"] for p in pairs])
    for side, colour, shift in (("measured", MEASURED, -0.12), ("accounted", ACCOUNTED, 0.12)):
        values = [p[f"{side}_kg"] / scale for p in pairs]
        errors = [2 * (p[f"u_{side}_kg"] or 0.0) / scale for p in pairs]
        x = [i + shift for i in range(len(pairs))]
        top.errorbar(x, values, errors, fmt="o-", color=colour, ms=4, lw=1, capsize=2, label=text[side])
    ratios = [p["measured_kg"] / p["accounted_kg"] if p["accounted_kg"] else math.nan for p in pairs]
    relative = [r * math.hypot(p["u_measured_kg"] / p["measured_kg"], p["u_accounted_kg"] / p["accounted_kg"])
                if r == r and p["measured_kg"] else 0.0 for r, p in zip(ratios, pairs, strict=True)]  # fmt: skip
    below.errorbar(range(len(pairs)), ratios, [2 * u for u in relative], fmt="o", color=UP, ms=4, capsize=2)
    below.axhline(1.0, color=GREY, lw=0.8)
    step = max(1, len(labels) // 12)
    below.set_xticks(range(0, len(labels), step), labels[::step], rotation=45, ha="right")
    top.set_ylabel(f"{unit} {result['species']}")
    below.set_ylabel(text["ratio"])
    top.legend(frameon=False)
    for axes in (top, below):
        axes.patch.set_alpha(0.0)
    return figure


def budgets(result: Mapping[str, Any], text: Mapping[str, str]) -> Figure:
    """Draw the parts of the uncertainty of both totals, random and systematic apart, in percent of the total."""
    rows = []
    for side, colour in (("measured", MEASURED), ("accounted", ACCOUNTED)):
        one = result[side]
        parts = {text["random"]: one["u_random_kg"], **one["u_systematic_kg"]}
        for name, u in parts.items():
            rows.append(
                (f"{text[side]}: {text.get('component_' + name, name.replace('_', ' '))}", u, one["total_kg"], colour)
            )
    figure, axes = _axes(6.4, 0.42 * len(rows) + 0.7)
    for y, (_, u, total, colour) in enumerate(reversed(rows)):
        axes.barh(y, 100 * u / total, color=colour, height=0.6)
        axes.annotate(
            f"{100 * u / total:.2f}", (100 * u / total, y), xytext=(4, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(range(len(rows)), [r[0] for r in reversed(rows)])
    axes.set_xlabel(text["percent_total"])
    axes.margins(x=0.12)
    return figure


DRAWN = {"totals": totals, "waterfall": waterfall, "series": series, "budgets": budgets}


def draw(result: Mapping[str, Any], text: Mapping[str, str], plain: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Draw all figures, write SVG and PNG into `folder`, and return the SVG text by name.

    Parameters
    ----------
    result : mapping
        See :func:`ghg.facility.result.as_dict`.
    text, plain : mapping
        Labels of the page's language for SVG, whose fonts are the reader's, and in Latin letters for PNG, where
        the fonts are those of this machine.
    folder : Path
        Existing folder.
    """
    found: dict[str, str] = {}
    with matplotlib.rc_context(STYLE):
        for name, function in DRAWN.items():
            figure = function(result, text)
            if figure is None:
                continue
            found[name] = _svg(figure)
            (folder / f"{name}.svg").write_text(found[name], encoding="utf-8")
            picture = figure if text is plain else function(result, plain)
            assert picture is not None
            picture.savefig(folder / f"{name}.png", dpi=130, facecolor="white", metadata={"Software": None})
            plt.close("all")
    return found


def _svg(figure: Figure) -> str:
    import warnings

    buffer = io.StringIO()
    with warnings.catch_warnings():
        # Chinese labels are measured with a font that lacks them; the reader's font draws them
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace("'DejaVu Sans'", FONTS.replace("'", "&apos;"))
