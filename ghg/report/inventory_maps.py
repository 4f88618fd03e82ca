"""Figures of a gridded compilation, as SVG text: emission on the grid, profiles of time, reported beside compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ghg.report.coast import coastlines
from ghg.report.figures import COLOURS, GREY

WANTED = ("CO2", "NOx", "SO2", "PM2.5", "CH4")
MAPS, ACROSS = 2, 220  # maps that are drawn, and columns beyond which cells are drawn in blocks
DECADES = 4.0  # of the colour scale


def blocks(values: Any, across: int = ACROSS) -> tuple[Any, int]:
    """Return the mass of a field in blocks of cells so that it has at most so many columns, and the block's side."""
    side = max(1, -(-values.shape[1] // across))
    ny, nx = (-(-n // side) * side for n in values.shape)
    wide = np.zeros((ny, nx))
    wide[: values.shape[0], : values.shape[1]] = values
    return wide.reshape(ny // side, side, nx // side, side).sum(axis=(1, 3)), side


def grid_maps(result: Mapping[str, Any], text: Mapping[str, str], lang: str) -> Figure | None:
    """Draw the emission of the year per area on the grid, colours in steps of ten."""
    maps = result.get("grid", {}).get("maps", {})
    names = [n for n in WANTED if n in maps][:MAPS] or list(maps)[:1]
    if not names:
        return None
    first = maps[names[0]]
    ratio = first["mass"].shape[0] / first["mass"].shape[1] * first["stretch"]
    size = (6.2, len(names) * float(np.clip(5.2 * ratio, 1.8, 6.0)) + 0.3)
    figure, grid = plt.subplots(len(names), 1, figsize=size, layout="constrained", squeeze=False)
    figure.patch.set_alpha(0.0)
    for axes, name in zip(grid[:, 0], names, strict=True):
        one = maps[name]
        mass, side = blocks(one["mass"])
        area, _ = blocks(one["area"])
        density = np.divide(mass / 1e3, area / 1e6, out=np.zeros_like(mass), where=area > 0)  # t km-2 a-1
        top = float(density.max())
        x, y = one["x"][::side], one["y"][::side]
        edges = [np.append(v[:n], e[-1]) for v, n, e in ((x, mass.shape[1], one["x"]), (y, mass.shape[0], one["y"]))]
        shown = np.ma.masked_less_equal(density, 0.0)
        low = 10.0 ** np.floor(np.log10(top) - DECADES) if top > 0 else 1e-9
        drawn = axes.pcolormesh(*edges, shown, norm=LogNorm(low, max(top, low * 10)), cmap="plasma_r", rasterized=True)
        axes.set_aspect(one["stretch"])
        axes.patch.set_alpha(0.0)
        axes.grid(color=GREY, alpha=0.25, lw=0.5)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_xlabel(text["longitude"] if one["geographic"] else "x (m)")
        axes.set_ylabel(text["latitude"] if one["geographic"] else "y (m)")
        coasts = coastlines(one["box"]) if result["grid"].get("coastlines", True) else []
        _outlines(axes, one, [*coasts, *result["grid"].get("borders", ())])
        bar = figure.colorbar(drawn, ax=axes, shrink=0.85, pad=0.01, extend="min")
        bar.set_label("t km$^{-2}$ a$^{-1}$")
    return figure


def _outlines(axes: Any, one: Mapping[str, Any], lines: list[Any]) -> None:
    """Draw coasts, and the borders of the regions of the job, within the limits of a map."""
    limits, forward = (axes.get_xlim(), axes.get_ylim()), one["forward"]
    if forward is not None:
        lines = [np.stack(forward(line[:, 0], line[:, 1]), axis=1) for line in lines]
    shown = [part for line in lines for part in within(line, limits)]
    axes.add_collection(LineCollection(shown, colors="#3b4048", linewidths=0.5, zorder=2.5), autolim=False)
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def within(line: Any, limits: Any) -> list[Any]:
    """Return the pieces of a line that have a point within limits, each with the points next to it."""
    inside = np.isfinite(line).all(axis=1)
    for axis, (low, high) in enumerate(limits):
        inside &= (line[:, axis] >= low) & (line[:, axis] <= high)
    near = inside.copy()
    near[1:] |= inside[:-1]
    near[:-1] |= inside[1:]
    runs = np.split(np.arange(near.size), np.flatnonzero(np.diff(near)) + 1)
    return [line[run] for run in runs if near[run[0]] and run.size > 1]


def heights(result: Mapping[str, Any], text: Mapping[str, str], lang: str) -> Figure | None:
    """Draw what part of each species is emitted in each layer."""
    held = result.get("grid", {}).get("heights")
    if not held:
        return None
    edges = np.asarray(held["edges"], float)
    figure, axes = plt.subplots(figsize=(6.2, 2.8), layout="constrained")
    figure.patch.set_alpha(0.0)
    axes.patch.set_alpha(0.0)
    for i, name in enumerate([n for n in WANTED if n in held["share"]] or list(held["share"])[:1]):
        values = 100.0 * np.asarray(held["share"][name])
        axes.stairs(values, edges, orientation="horizontal", color=COLOURS[i], lw=1.6, label=name, baseline=None)
    axes.set_xlim(left=0.0)
    axes.set_ylim(0.0, edges[-1])
    axes.set_xlabel(text["share_percent"])
    axes.set_ylabel(text["height"])
    axes.legend(frameon=False, fontsize=9)
    return figure


def time_profiles(result: Mapping[str, Any], text: Mapping[str, str], lang: str) -> Figure | None:
    """Draw the profiles of the sectors by month, weekday and local hour, mean one."""
    rows = result.get("grid", {}).get("profiles", [])
    if not rows:
        return None
    figure, grid = plt.subplots(1, 3, figsize=(6.2, 2.3), layout="constrained", sharey=True)
    figure.patch.set_alpha(0.0)
    ticks = {"month": [0, 3, 6, 9], "weekday": list(range(7)), "hour": [0, 6, 12, 18]}
    labels = {"month": [1, 4, 7, 10], "weekday": text["weekdays"].split(), "hour": [0, 6, 12, 18]}
    rows = sorted(rows, key=lambda row: row["name"])
    for axes, part in zip(grid, ("month", "weekday", "hour"), strict=True):
        axes.patch.set_alpha(0.0)
        for i, row in enumerate(rows):
            values = np.array(row[part]) / np.mean(row[part])
            axes.step(
                range(values.size), values, where="mid", color=COLOURS[i % len(COLOURS)], label=row["name"], lw=1.6
            )
        axes.axhline(1.0, color=GREY, lw=0.7)
        axes.set_xticks(ticks[part], [str(v) for v in labels[part]])
        axes.set_title(text["by_" + part], loc="left", fontsize=10)
    grid[0].set_ylim(bottom=0.0)
    if len(rows) > 1:
        grid[-1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def reported(result: Mapping[str, Any], text: Mapping[str, str], lang: str) -> Figure | None:
    """Draw compiled against reported masses, those that agree and those that do not."""
    rows = result.get("reported") or []
    names = list(dict.fromkeys(r["species"] for r in rows))[:3]
    if not names:
        return None
    figure, grid = plt.subplots(
        1, len(names), figsize=(2.0 * len(names) + 0.4, 2.5), layout="constrained", squeeze=False
    )
    figure.patch.set_alpha(0.0)
    for axes, name in zip(grid[0], names, strict=True):
        axes.patch.set_alpha(0.0)
        for agrees, colour in ((True, COLOURS[0]), (False, COLOURS[1])):
            some = [(r["reported"] / 1e3, r["compiled"] / 1e3) for r in rows
                    if r["species"] == name and r["agrees"] is agrees]  # fmt: skip
            if some:
                axes.scatter(*np.array(some).T, s=7, lw=0, alpha=0.45, color=colour, rasterized=True,
                             label=text["agrees" if agrees else "differs"])  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        low, high = (f(axes.get_xlim()[i], axes.get_ylim()[i]) for i, f in ((0, min), (1, max)))
        axes.plot([low, high], [low, high], color=GREY, lw=0.8)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set_xlabel(text["reported_t"])
    grid[0][0].set_ylabel(text["compiled_t"])
    grid[0][0].legend(frameon=False, fontsize=8, markerscale=2)
    return figure


DRAWN = {"grid_maps": grid_maps, "heights": heights, "time_profiles": time_profiles, "reported": reported}
