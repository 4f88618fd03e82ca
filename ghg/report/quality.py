"""The quality tests of monitors as one page with a plot for each, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ghg.report.figures import ACCOUNTED, DOWN, GREY, MEASURED, STYLE, UP, _axes, _svg
from ghg.report.page import render

__all__ = ["plot", "write_quality"]

Result = Mapping[str, Any]


def _legend(axes: Axes) -> None:
    """Write the legend above the picture, where it covers nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2, frameon=False, fontsize=8)


def _pairs(result: Result) -> Figure:
    figure, axes = _axes(4.6, 3.2)
    series = result["series"]
    m, r, used = (np.array(series[k]) for k in ("monitor", "reference", "used"))
    ends = np.array([min(m.min(), r.min()), max(m.max(), r.max())])
    pad = 0.08 * (np.ptp(ends) or abs(ends[0]) or 1.0)
    ends = ends + np.array([-pad, pad])
    axes.plot(ends, ends, color=GREY, lw=1, ls=":", label="1 : 1")
    axes.plot(r[used], m[used], "o", color=MEASURED, label="runs used")
    if (~used).any():
        axes.plot(r[~used], m[~used], "x", color=DOWN, label="left out")
    axes.set_xlabel(f"reference method {_unit(result)}")
    axes.set_ylabel(f"monitor {_unit(result)}")
    _legend(axes)
    return figure


def _linearity(result: Result) -> Figure:
    figure, axes = _axes(4.6, 3.2)
    series = result["series"]
    r, a = np.array(series["reference"]), np.array(series["measured"])
    axes.axhline(0.0, color=GREY, lw=1, ls=":")
    axes.plot(r, 100.0 * (a - r) / r, "o", color=MEASURED, label="injections")
    percent = [c for c in result["checks"] if c["units"] == "percent"]
    if percent:
        for sign in (-1, 1):
            axes.axhline(sign * percent[0]["limit"], color=ACCOUNTED, lw=1, label="limit" if sign > 0 else None)
    axes.set_xlabel(f"reference gas {_unit(result)}")
    axes.set_ylabel("error (%)")
    _legend(axes)
    return figure


def _days(result: Result) -> Figure:
    figure, axes = _axes(4.6, 3.2)
    series = result["series"]
    for name, colour, style in (("zero", MEASURED, "o-"), ("upscale", ACCOUNTED, "s-")):
        axes.plot(np.arange(1, len(series[name]) + 1), series[name], style, color=colour, label=name)
    axes.axhline(0.0, color=GREY, lw=1, ls=":")
    axes.set_xlabel("day")
    axes.set_ylabel(f"reading minus reference {_unit(result)}")
    _legend(axes)
    return figure


def _bars(result: Result) -> Figure:
    figure, axes = _axes(4.6, 2.0)
    names = ["upscale", "downscale"]
    axes.barh(names, [result["series"][n][0] for n in names], color=MEASURED, height=0.55)
    axes.axvline(result["checks"][0]["limit"], color=ACCOUNTED, lw=1.5, label="limit")
    axes.set_xlabel("minutes")
    _legend(axes)
    return figure


def _calibration_line(result: Result) -> Figure:
    figure, axes = _axes(4.6, 3.2)
    series, values = result["series"], result["values"]
    x, y = np.array(series["ams"]), np.array(series["srm"])
    axes.plot(x, y, "o", color=MEASURED, label="parallel measurements")
    ends = np.array([min(x.min(), values.get("zero", x.min())), x.max()])
    axes.plot(ends, values["intercept"] + values["slope"] * ends, color=UP, lw=1.5, label="calibration function")
    axes.set_xlabel("signal of the AMS")
    axes.set_ylabel(f"SRM {_unit(result)}")
    _legend(axes)
    return figure


def _chart(result: Result) -> Figure:
    figure, axes = _axes(4.6, 3.2)
    series = result["series"]
    n = np.arange(1, len(series["difference"]) + 1)
    if result["test"] == "cusum":
        axes.plot(n, series["upper"], color=MEASURED, label="upper sum")
        axes.plot(n, -np.array(series["lower"]), color=ACCOUNTED, label="lower sum")
        limits = np.full(n.size, series["h_x"][0])
    elif result["test"] == "ewma":
        axes.plot(n, series["average"], "o-", ms=3, color=MEASURED, label="weighted average")
        limits = np.array(series["limit"])
    else:
        axes.plot(n, series["difference"], "o-", ms=3, color=MEASURED, label="reading minus reference")
        limits = np.full(n.size, series["action"][0])
    axes.plot(n, limits, color=DOWN, lw=1, label="limit")
    axes.plot(n, -limits, color=DOWN, lw=1)
    axes.axhline(0.0, color=GREY, lw=1, ls=":")
    axes.set_xlabel("reading")
    axes.set_ylabel(_unit(result).strip("()"))
    _legend(axes)
    return figure


DRAWN: dict[str, Callable[[Result], Figure]] = {
    "rata": _pairs, "acceptance": _pairs, "linearity": _linearity, "calibration": _days, "cycle_time": _bars,
    "qal2": _calibration_line, "ast": _calibration_line, "shewhart": _chart, "cusum": _chart, "ewma": _chart,
}  # fmt: skip


def _unit(result: Result) -> str:
    return f"({result['units']})" if result["units"] else ""


def plot(result: Result) -> Figure:
    """Draw one test.

    Parameters
    ----------
    result : mapping
        :meth:`sensors.quality.result.QualityResult.as_dict`.
    """
    return DRAWN[result["test"]](result)


def write_quality(results: list[dict[str, Any]], notes: list[str], folder: Path, title: str = "") -> Path:
    """Write ``quality.html``, ``quality.json`` and one SVG and PNG for each test.

    Parameters
    ----------
    results : list of mapping
        :meth:`sensors.quality.result.QualityResult.as_dict`, numbers finite or None.
    notes : list of str
        What was not judged.
    folder : Path
        Existing folder.
    title : str
        Heading of the page.
    """
    pictures = []
    with plt.rc_context(STYLE):
        for k, result in enumerate(results, 1):
            figure = plot(result)
            pictures.append(_svg(figure))
            (folder / f"test-{k:02d}-{result['test']}.svg").write_text(pictures[-1], encoding="utf-8")
            figure.savefig(folder / f"test-{k:02d}-{result['test']}.png", dpi=130, facecolor="white",
                           metadata={"Software": None})  # fmt: skip
            plt.close(figure)
    text = json.dumps({"results": results, "notes": notes}, ensure_ascii=False, indent=2, allow_nan=False)
    (folder / "quality.json").write_text(text + "\n", encoding="utf-8")
    page = render("quality", {"shown": _shown}, results=results, notes=notes, pictures=pictures,
                  title=title or "Quality tests of stack monitors")  # fmt: skip
    path = folder / "quality.html"
    path.write_text(page, encoding="utf-8")
    return path


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_shown(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(v) for v in value) or "none"
    return "none" if value is None or value == "" else str(value)
