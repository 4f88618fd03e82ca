"""Figures of the inventory report, as SVG text: sectors, sources on a map, contributions, treemap, co-control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ghg.report import inventory_maps
from ghg.report.figures import COLOURS, GREY, STYLE, _axes, _svg

SMALL = 0.02  # share below which a tile of the treemap is not named


def label(row: Mapping[str, Any], lang: str) -> str:
    """Return letter and name of a sector in a language."""
    return f"{row['sector']} {row['zh'] if lang == 'zh' else row['name'].split('_', 1)[-1]}"


def sectors(result: Mapping[str, Any], text: Mapping[str, str], lang: str) -> Figure | None:
    """Draw the share of each sector in each species, memo items left out; that of each fuel in the only sector."""
    rows = [{**r, "label": label(r, lang)} for r in result["sectors"] if not r["memo"]]
    if one_sector(result):
        rows = _by_fuel(result, text)
    if len(rows) < 2:
        return None
    names = [n for n in result["species"] if sum(r["mass"][n] for r in rows) > 0]
    figure, axes = _axes(6.2, 0.3 * len(names) + 0.7 + 0.2 * -(-len(rows) // 3))
    left = np.zeros(len(names))
    whole = np.array([sum(r["mass"][n] for r in rows) for n in names])
    for i, row in enumerate(rows):
        share = np.array([row["mass"][n] for n in names]) / whole * 100.0
        if share.max() < 0.05:
            continue
        axes.barh(range(len(names)), share, left=left, color=COLOURS[i % len(COLOURS)], height=0.72,
                  label=row["label"])  # fmt: skip
        left += share
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel(text["share_percent"])
    figure.legend(frameon=False, fontsize=9, ncols=3, loc="outside lower center")
    return figure


def one_sector(result: Mapping[str, Any]) -> bool:
    """Tell whether all is of one sector, so that fuels say more."""
    return sum(not r["memo"] for r in result["sectors"]) == 1 and len(result.get("fuels", [])) > 1


def _by_fuel(result: Mapping[str, Any], text: Mapping[str, str], most: int = 8) -> list[dict[str, Any]]:
    """Return the masses of the greatest fuels and of all others together."""
    rows = [{"label": text.get("fuel_" + r["fuel"], r["fuel"].replace("_", " ")), **r} for r in result["fuels"]]
    if len(rows) <= most:
        return rows
    rest = {n: sum(r["mass"][n] for r in rows[most:]) for n in rows[0]["mass"]}
    return [*rows[:most], {"label": text["others"], "mass": rest}]


def treemap(result: Mapping[str, Any], text: Mapping[str, str], lang: str) -> Figure | None:
    """Draw sectors of CO2 as tiles, area in proportion."""
    every = [r for r in result["sectors"] if not r["memo"]]  # a sector has its colour of the bars
    rows = [(r["mass"].get("CO2", 0.0), label(r, lang), COLOURS[i % len(COLOURS)]) for i, r in enumerate(every)]
    rows = sorted([r for r in rows if r[0] > 0], reverse=True)
    if len(rows) < 2:
        return None
    figure, axes = _axes(6.2, 2.9)
    whole = sum(r[0] for r in rows)
    for i, (x, y, w, h) in enumerate(tiles([r[0] / whole for r in rows], 2.0, 1.0)):
        colour = rows[i][2]
        axes.add_patch(Rectangle((x, y), w, h, facecolor=colour, edgecolor="white", lw=1.5))
        share = rows[i][0] / whole
        if share > SMALL:
            wide = sum(0.042 if ord(c) > 0x2E80 else 0.026 for c in rows[i][1])  # of a line of 9 points, figure 2 wide
            upright = wide <= w or wide > h
            size = min(9.0, 9.0 * (w if upright else h) / wide)
            axes.text(x + w / 2, y + h / 2, f"{rows[i][1]}\n{100 * share:.1f} %", ha="center", va="center",
                      fontsize=size, color=_ink(colour), rotation=0 if upright else 90)  # fmt: skip
    axes.set_xlim(0, 2)
    axes.set_ylim(0, 1)
    axes.axis("off")
    return figure


def _ink(colour: str) -> str:
    """Return the colour of letters that can be read on another."""
    red, green, blue = to_rgb(colour)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.55 else "#1d2129"


def tiles(shares: Sequence[float], width: float, height: float) -> list[tuple[float, float, float, float]]:
    """Return rectangles (x, y, width, height) that fill an area in proportion to shares, cut along the longer side."""
    found = []
    x = y = 0.0
    left = 1.0
    for share in shares:
        part = min(share / left, 1.0) if left > 0 else 1.0
        if width >= height:
            found.append((x, y, width * part, height))
            x, width = x + width * part, width * (1 - part)
        else:
            found.append((x, y, width, height * part))
            y, height = y + height * part, height * (1 - part)
        left -= share
    return found


def contributions(result: Mapping[str, Any], text: Mapping[str, str], lang: str) -> Figure | None:
    """Draw what causes the uncertainty of CO2 and of the pollutant with the widest interval."""
    wanted = [n for n in ("CO2", "CH4", "NOx", "PM2.5") if result["contributions"].get(n)][:4]
    if not wanted:
        return None
    figure, grid = plt.subplots(len(wanted), 1, figsize=(6.2, 1.25 * len(wanted)), layout="constrained")
    figure.patch.set_alpha(0.0)
    for axes, name in zip(np.atleast_1d(grid), wanted, strict=True):
        axes.patch.set_alpha(0.0)
        ranked = result["contributions"][name][:5][::-1]
        axes.barh(range(len(ranked)), [100 * c["share"] for c in ranked], color=COLOURS[0], height=0.65)
        words = [_part(c["name"], text) for c in ranked]
        axes.set_yticks(range(len(ranked)), words, fontsize=8)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_xlim(0, 100)
    np.atleast_1d(grid)[-1].set_xlabel(text["share_variance"])
    return figure


def _part(name: str, text: Mapping[str, str]) -> str:
    """Return a cause of uncertainty in the words of the page."""
    kind, _, of = name.partition(": ")
    known = text.get("part_" + kind.replace(" ", "_"), kind)
    return f"{known}: {of}" if of else known


def sources(result: Mapping[str, Any], text: Mapping[str, str], lang: str) -> Figure | None:
    """Draw the points on longitude and latitude, area in proportion to their mass."""
    lon, lat, mass = (np.array(result["points"][k], float) for k in ("lon", "lat", "mass"))
    if lon.size < 3 or result.get("grid"):  # the map of the grid says more
        return None
    west, east = np.quantile(lon, [0.005, 0.995])
    south, north = np.quantile(lat, [0.005, 0.995])
    shrink = np.cos(np.deg2rad((south + north) / 2))
    ratio = (north - south) / max((east - west) * shrink, 1e-6)
    figure, axes = _axes(6.2, float(np.clip(6.2 * ratio, 2.5, 6.5)))
    order = np.argsort(-mass)
    size = 160.0 * mass[order] / max(mass.max(), 1e-30) + 1.0
    axes.scatter(lon[order], lat[order], s=size, color=COLOURS[1], alpha=0.35, lw=0, rasterized=lon.size > 5000)
    axes.set_xlim(west - 1, east + 1)
    axes.set_ylim(south - 1, north + 1)
    axes.set_aspect(1 / shrink)
    axes.grid(color=GREY, alpha=0.25, lw=0.5)
    axes.set_xlabel(text["longitude"])
    axes.set_ylabel(text["latitude"])
    return figure


def cocontrol(measures: Sequence[Mapping[str, Any]], text: Mapping[str, str]) -> Figure:
    """Draw measures in the co-control plane: x avoided share of CO2e, y avoided share of the pollutant."""
    figure, axes = _axes(6.0, 4.4)
    names = list(dict.fromkeys(m["species"] for m in measures))
    for i, name in enumerate(names):
        part = [m for m in measures if m["species"] == name]
        axes.scatter([100 * m["share_co2e"] for m in part], [100 * m["share"] for m in part],
                     color=COLOURS[i % len(COLOURS)], label=name, s=36, zorder=3)  # fmt: skip
    for number, name in enumerate(dict.fromkeys(m["name"] for m in measures)):
        best = max((m for m in measures if m["name"] == name), key=lambda m: m["share"])
        axes.annotate(name, (100 * best["share_co2e"], 100 * best["share"]), xytext=(6, 5 if number % 2 else -11),
                      textcoords="offset points", fontsize=9)  # fmt: skip
    axes.axline((0.0, 0.0), slope=1.0, color=GREY, lw=0.8, ls="--")  # as much of one as of the other
    axes.margins(0.12)
    axes.axhline(0, color=GREY, lw=0.8)
    axes.axvline(0, color=GREY, lw=0.8)
    axes.set_xlabel(text["avoided_co2e"])
    axes.set_ylabel(text["avoided_pollutant"])
    figure.legend(frameon=False, fontsize=9, ncols=4, loc="outside lower center")
    return figure


DRAWN = {"sectors": sectors, "treemap": treemap, "sources": sources, "contributions": contributions}


def draw(result: Mapping[str, Any], text: Mapping[str, str], lang: str) -> dict[str, str]:
    """Return the SVG text of each figure that the result has the data for."""
    import warnings

    found: dict[str, str] = {}
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for name, function in (DRAWN | inventory_maps.DRAWN).items():
            figure = function(result, text, lang)
            if figure is not None:
                found[name] = _svg(figure)
                plt.close(figure)
        if measures := result.get("measures"):
            figure = cocontrol(measures, text)
            found["cocontrol"] = _svg(figure)
            plt.close(figure)
    return found
