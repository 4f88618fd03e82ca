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
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from ghg.core.time import local_date

# Okabe and Ito's palette: told apart by colour-blind readers
MEASURED, ACCOUNTED, UP, DOWN, GREY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a8f98"
# the same, lightened once for what is beyond eight
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#8a8f98", "#b8a000", "#7fb8d8", "#eaaf7f",
           "#7fceb9", "#f2cf7f", "#e5bcd3")  # fmt: skip
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
MANY = 120  # points above which single error bars and ellipses cannot be told apart


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
    """Draw both sides, their ratio with its change points, and the coverage by period; None for a single period."""
    pairs = result.get("pairs", [])
    if len(pairs) < 2:
        return None
    covered = any(f"{side}_coverage" in pairs[0] for side in ("measured", "accounted"))
    heights = [3.0, 2.0, 0.6] if covered else [3.0, 2.0]
    figure, panels = plt.subplots(
        len(heights), 1, figsize=(11.0, 5.8), sharex=True, layout="constrained", height_ratios=heights
    )
    figure.patch.set_alpha(0.0)
    top, below = panels[0], panels[1]
    labels = [local_date(p["start"], result["period"]["timezone"]) for p in pairs]
    scale, unit = _scale([p["measured_kg"] or 0.0 for p in pairs])
    for side, colour, shift in (("measured", MEASURED, -0.12), ("accounted", ACCOUNTED, 0.12)):
        values, errors = _column(pairs, f"{side}_kg") / scale, 2 * _column(pairs, f"u_{side}_kg") / scale
        _points(top, np.arange(len(pairs)) + shift, values, errors, colour, "o-", text[side])
    ratios, u = _ratios(pairs)
    _points(below, np.arange(len(pairs)), ratios, 2 * u, UP, "o", "")
    below.axhline(1.0, color=GREY, lw=0.8)
    for change in result["statistics"].get("change_points", {}).get("changes", []):
        for axes in (top, below):
            axes.axvline(change["index"] - 0.5, color=DOWN, lw=1.2, ls="--")
    if covered:
        _coverage_strip(panels[2], pairs, text)
    step = max(1, len(labels) // 12)
    panels[-1].set_xticks(range(0, len(labels), step), labels[::step], rotation=45, ha="right")
    top.set_ylabel(f"{unit} {result['species']}")
    below.set_ylabel(text["ratio"])
    top.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0))
    for axes in panels:
        axes.patch.set_alpha(0.0)
    return figure


def _column(pairs: list[Mapping[str, Any]], name: str) -> np.ndarray:
    return np.array([math.nan if p.get(name) is None else p[name] for p in pairs], float)


def _ratios(pairs: list[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Return measured/accounted and its standard uncertainty, NaN where a side is not positive."""
    (m, um), (a, ua) = ((_column(pairs, f"{s}_kg"), _column(pairs, f"u_{s}_kg")) for s in ("measured", "accounted"))
    good = (m > 0) & (a > 0)
    m, a = np.where(good, m, math.nan), np.where(good, a, math.nan)
    return m / a, m / a * np.hypot(np.nan_to_num(um) / m, np.nan_to_num(ua) / a)


def _points(axes: Any, x: Any, y: Any, errors: Any, colour: str, style: str, label: str) -> None:
    """Draw points with error bars; a band where they are too many to be told apart."""
    if len(y) <= MANY:
        axes.errorbar(x, y, np.nan_to_num(errors), fmt=style, color=colour, ms=4, lw=1, capsize=2, label=label)
        return
    axes.fill_between(x, y - errors, y + errors, color=colour, alpha=0.2, lw=0, rasterized=True)
    axes.plot(x, y, color=colour, lw=0.6, rasterized=True, label=label)


def _coverage_strip(axes: Any, pairs: list[Mapping[str, Any]], text: Mapping[str, str]) -> None:
    """Draw the covered share of each period as a strip, one row for each side."""
    rows = np.stack([_column(pairs, f"{side}_coverage") for side in ("measured", "accounted")])
    axes.imshow(rows, aspect="auto", cmap="Greens", vmin=0.0, vmax=1.8, interpolation="nearest",
                extent=(-0.5, len(pairs) - 0.5, 1.5, -0.5))  # fmt: skip
    axes.set_yticks([0, 1], [text["measured"], text["accounted"]], fontsize=9)
    axes.set_xlabel(f"{text['coverage']}: {np.nanmin(rows):.0%} \N{EN DASH} {np.nanmax(rows):.0%}")
    for spine in axes.spines.values():
        spine.set_visible(False)


def scatter(result: Mapping[str, Any], text: Mapping[str, str]) -> Figure | None:
    """Draw the pairs with k = 2 ellipses of their random parts, the line of equality, and York's line with its band."""
    pairs = result.get("pairs", [])
    if len(pairs) < 3:
        return None
    figure, axes = _axes(5.2, 4.6)
    scale, unit = _scale([p["measured_kg"] or 0.0 for p in pairs])
    a, m = _column(pairs, "accounted_kg") / scale, _column(pairs, "measured_kg") / scale
    known = np.isfinite(a) & np.isfinite(m)
    low, high = min(a[known].min(), m[known].min()), max(a[known].max(), m[known].max())
    pad = 0.06 * (high - low or high)
    ends = np.array([low - pad, high + pad])
    axes.plot(ends, ends, color=GREY, lw=1, ls=":", label="1 : 1")
    if len(pairs) <= MANY:
        ua, um = (2 * _column(pairs, f"u_random_{s}_kg") / scale for s in ("accounted", "measured"))
        for x, y, rx, ry in zip(a, m, np.nan_to_num(ua), np.nan_to_num(um), strict=True):
            axes.add_patch(Ellipse((x, y), 2 * rx, 2 * ry, fc=MEASURED, alpha=0.15, lw=0))
    axes.plot(a, m, "o", color=MEASURED, ms=4 if len(pairs) <= MANY else 2, alpha=0.9, rasterized=len(pairs) > MANY)
    line = result["statistics"].get("york")
    if line is not None:
        seconds = _mean_seconds(pairs) / scale  # the line is of rates in kg/s
        x = np.linspace(float(ends[0]), float(ends[1]), 100)
        y = line["intercept"] * seconds + line["slope"] * x
        u = np.sqrt(np.maximum((line["u_intercept"] * seconds) ** 2 + (line["u_slope"] * x) ** 2
                               + 2 * x * line["covariance"] * seconds, 0.0))  # fmt: skip
        axes.fill_between(x, y - 2 * u, y + 2 * u, color=UP, alpha=0.15, lw=0)
        axes.plot(x, y, color=UP, lw=1.6, label=text["york"])
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.set_aspect("equal")
    axes.set_xlabel(f"{text['accounted']} ({unit} {result['species']})")
    axes.set_ylabel(f"{text['measured']} ({unit} {result['species']})")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _mean_seconds(pairs: list[Mapping[str, Any]]) -> float:
    start, end = (np.array([p[name].rstrip("Z") for p in pairs], "datetime64[s]") for name in ("start", "end"))
    return float(np.mean((end - start) / np.timedelta64(1, "s")))


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


DRAWN = {"totals": totals, "waterfall": waterfall, "series": series, "scatter": scatter, "budgets": budgets}


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
