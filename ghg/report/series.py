"""Figures of series: Allan plot, trend and season, background, spikes. No science."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ghg.core.errors import InputError
from ghg.core.files import atomic_path
from ghg.report.figures import ACCOUNTED, DOWN, GREY, MEASURED, STYLE, UP
from ghg.report.page import texts

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["allan", "background", "save", "spikes", "trend"]

ENDINGS = (".png", ".svg", ".pdf")
COLOURS = (MEASURED, ACCOUNTED, UP, DOWN, "#56b4e9", "#e69f00", "#000000")
NAMES = {"co2": "CO$_2$", "ch4": "CH$_4$", "n2o": "N$_2$O", "co": "CO"}
UNITS = {"umol mol-1": "ppm", "nmol mol-1": "ppb", "umol mol-1 year-1": "ppm per year",
         "nmol mol-1 year-1": "ppb per year"}  # fmt: skip


def _word(name: str) -> str:
    return NAMES.get(name, name)


def _unit(units: str) -> str:
    return UNITS.get(units, units)


def check(path: Path) -> None:
    """Refuse an ending that is no picture, before anything is computed."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError("the ending is not that of a picture", where="--figure", found=path.name,
                         need=" or ".join(ENDINGS))  # fmt: skip


def save(figure: Figure, path: Path, force: bool) -> None:
    """Write a figure; it appears whole or not at all."""
    check(path)
    fixed: dict[str, Any] = {"metadata": {"Date": None}} if path.suffix.lower() == ".svg" else {}
    with atomic_path(path, force) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=150, facecolor="white", **fixed)
    plt.close(figure)


def allan(ds: xr.Dataset, text: Mapping[str, str] | None = None) -> Figure:
    """Draw deviations by averaging time with their intervals, and the slope of white noise."""
    text = text or texts("en", "station")
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
        tau = ds["tau"].values
        for k, label in enumerate(ds["statistic"].values):
            one = ds.sel(statistic=label)
            y, low, high = (one[n].values for n in ("deviation", "deviation_low", "deviation_high"))
            colour = COLOURS[k % len(COLOURS)]
            axes.plot(tau, y, "o-", ms=4, lw=1.2, color=colour, label=str(label).upper())
            axes.fill_between(tau, low, high, color=colour, alpha=0.15, lw=0)
        first = ds["deviation"].values[0]
        if np.isfinite(first[0]):
            reach = tau[np.isfinite(ds["deviation"].values).any(axis=0)]
            axes.plot(reach, first[0] * np.sqrt(tau[0] / reach), "--", lw=1, color=GREY, label=text["white"])
        best = float(ds.attrs["best_averaging_time"])
        axes.axvline(best, color=GREY, lw=0.8, ls=":")
        axes.annotate(text["least_at"].format(time=_duration(best)), (best, 0.02), xytext=(-4, 0), fontsize=8,
                      xycoords=("data", "axes fraction"), textcoords="offset points", color="#3b4048", ha="right",
                      rotation=90)  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel=text["tau_axis"])
        name = str(ds.attrs["title"]).rsplit(" ", 1)[-1]
        unit = _unit(ds["deviation"].attrs["units"])
        axes.set_ylabel(text["deviation_axis"].format(name=_word(name), unit=unit))
        axes.legend(frameon=False, fontsize=8)
    return figure


def _duration(seconds: float) -> str:
    for size, word in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {word}"
    return f"{seconds:.3g} s"


def trend(ds: xr.Dataset, data: xr.DataArray) -> Figure:
    """Draw data with smooth curve and trend, the seasonal cycle, and the growth rate."""
    with plt.rc_context(STYLE):
        figure, rows = plt.subplots(3, 1, figsize=(7.2, 7.6), layout="constrained", sharex=True,
                                    gridspec_kw={"height_ratios": [3, 1.4, 1.6]})  # fmt: skip
        top, middle, bottom = rows
        unit, when = _unit(ds["smooth"].attrs["units"]), ds["time"].values
        top.plot(data["time"].values, data.values, ".", ms=2, color=GREY, alpha=0.6, label="data", rasterized=True)
        top.plot(when, ds["smooth"].values, lw=0.9, color=MEASURED, label="smooth curve")
        top.plot(when, ds["trend"].values, lw=1.6, color=ACCOUNTED, label="trend")
        top.set_ylabel(f"{_word(str(data.name))} in {unit}")
        top.legend(frameon=False, fontsize=8, loc="upper left")
        middle.plot(when, ds["season"].values, lw=0.9, color=MEASURED)
        middle.axhline(0, lw=0.6, color=GREY)
        middle.set_ylabel(f"season in {unit}")
        growth, u = ds["growth_rate"].values, ds["growth_rate_u_random"].values
        bottom.fill_between(when, growth - 1.96 * u, growth + 1.96 * u, color=ACCOUNTED, alpha=0.2, lw=0, label="95 %")
        bottom.plot(when, growth, lw=1.2, color=ACCOUNTED, label="growth rate")
        bottom.axhline(0, lw=0.6, color=GREY)
        bottom.set_ylabel(_unit(ds["growth_rate"].attrs["units"]))
        bottom.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
    return figure


def background(ds: xr.Dataset, name: str, text: Mapping[str, str] | None = None) -> Figure:
    """Draw the series, what belongs to the background, and the background."""
    text = text or texts("en", "station")
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
        when, y, member = ds["time"].values, ds[name].values, ds["is_baseline"].values == 1
        axes.plot(when[~member], y[~member], ".", ms=2, color=GREY, alpha=0.5, label=text["disturbed"], rasterized=True)
        axes.plot(when[member], y[member], ".", ms=2, color=MEASURED, alpha=0.7, label=text["members"],
                  rasterized=True)  # fmt: skip
        axes.plot(when, ds["baseline"].values, lw=1.6, color=ACCOUNTED, label=text["background"])
        axes.set_ylabel(text["axis"].format(name=_word(name), unit=_unit(ds[name].attrs["units"])))
        axes.legend(frameon=False, fontsize=8, markerscale=3)
        _dates(axes)
    return figure


def spikes(ds: xr.Dataset, name: str) -> Figure:
    """Draw the series with its spikes marked."""
    from ghg.core.flags import Reason

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.2, 3.8), layout="constrained")
        when, y = ds["time"].values, np.asarray(ds[name].values, float)
        hit = ds[f"{name}_reason"].values & int(Reason.SPIKE) != 0
        axes.plot(when, np.where(hit, np.nan, y), ".", ms=2, color=MEASURED, label="kept", rasterized=True)
        axes.plot(when[hit], y[hit], ".", ms=4, color=ACCOUNTED, label=f"spikes ({int(hit.sum())})", rasterized=True)
        axes.set_ylabel(f"{_word(name)} in {_unit(ds[name].attrs['units'])}")
        axes.legend(frameon=False, fontsize=8, markerscale=2)
        _dates(axes)
    return figure


def _dates(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
