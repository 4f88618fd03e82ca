"""Figures of an analyser's station: droplet test, series with flags, cylinders, target chart, cycles. No science."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ghg.report.figures import ACCOUNTED, DOWN, GREY, MEASURED, STYLE, UP
from ghg.report.series import COLOURS, NAMES, UNITS, _dates

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["cycles", "cylinders", "droplet", "record", "targets"]


def droplet(ds: xr.Dataset, gases: Sequence[str]) -> Figure:
    """Draw the readings of droplet tests against water, the fit, the factory's curve, and what the fit leaves."""
    with plt.rc_context(STYLE):
        figure, rows = plt.subplots(2, len(gases), figsize=(4.6 * len(gases) + 0.6, 5.2), layout="constrained",
                                    squeeze=False, sharex="col", gridspec_kw={"height_ratios": [2, 1]})  # fmt: skip
        for k, gas in enumerate(gases):
            top, bottom = rows[0, k], rows[1, k]
            found = ds[f"{gas}_coefficients"]
            h, y = ds[f"{gas}_water"].values, ds[f"{gas}_ratio"].values
            a, b = found.values
            fine = np.linspace(0.0, np.nanmax(h), 200)
            top.plot(h, y, "o", ms=3.5, color=MEASURED, label="means of steps of water")
            top.plot(fine, 1 + a * fine + b * fine**2, color=ACCOUNTED, lw=1.2,
                     label=f"1 {a:+.5f} h {b:+.2e} h$^2$".replace("+-", "-"))  # fmt: skip
            bottom.plot(h, 1e6 * ds[f"{gas}_misfit"].values, "o", ms=3, color=MEASURED)
            powers = np.stack([fine, fine**2], axis=1)
            u = np.sqrt(np.einsum("ij,jk,ik->i", powers, ds[f"{gas}_coefficients_covariance"].values, powers))
            bottom.fill_between(
                fine, -1.96e6 * u, 1.96e6 * u, color=ACCOUNTED, alpha=0.2, lw=0, label="95 % of the fit"
            )
            if "factory_a" in found.attrs and found.attrs["water_column"] == "h2o_reported":
                fa, fb = found.attrs["factory_a"], found.attrs["factory_b"]
                top.plot(fine, 1 + fa * fine + fb * fine**2, "--", color=GREY, lw=1, label="factory")
            bottom.axhline(0.0, color=GREY, lw=0.7)
            top.set_ylabel(f"{NAMES.get(gas, gas)} wet / dry")
            bottom.set(xlabel="water in %", ylabel="misfit in 10$^{-6}$")
            top.legend(frameon=False, fontsize=8)
            bottom.legend(frameon=False, fontsize=8)
    return figure


def _labels(ds: xr.Dataset, gas: str) -> tuple[str, str]:
    units = str(ds[gas].attrs["units"])
    return NAMES.get(gas, gas), UNITS.get(units, units)


def record(ds: xr.Dataset, gas: str, text: Mapping[str, str]) -> Figure | None:
    """Draw a series of one inlet: reading and calibrated value with flags, what calibration added, uncertainty.

    None where the inlet has no value.
    """
    from ghg.core.flags import Flag

    name, unit = _labels(ds, gas)
    when, x, raw, flag = (ds[v].values for v in ("time", gas, f"{gas}_reading", f"{gas}_flag"))
    if not np.isfinite(x).any():
        return None
    with plt.rc_context(STYLE):
        figure, (top, middle, bottom) = plt.subplots(3, 1, figsize=(9.6, 6.4), layout="constrained", sharex=True,
                                                     gridspec_kw={"height_ratios": [3, 1.3, 1.3]})  # fmt: skip
        top.plot(when, raw, "-", lw=0.7, color=GREY, label=text["reading"], rasterized=True)
        levels = ((Flag.GOOD, MEASURED, 2, text["calibrated"]), (Flag.SUSPECT, "#e69f00", 3, text["suspect"]),
                  (Flag.BAD, ACCOUNTED, 4, text["bad"]))  # fmt: skip
        for level, colour, size, word in levels:
            hit = (flag == int(level)) & np.isfinite(x)
            if hit.any():
                top.plot(when[hit], x[hit], ".", ms=size, color=colour, label=f"{word} ({int(hit.sum())})",
                         rasterized=True)  # fmt: skip
        top.set_ylabel(text["axis"].format(name=name, unit=unit))
        top.legend(frameon=False, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0.0, 1.0))
        u = ds[f"{gas}_u_systematic"].values
        middle.fill_between(
            when, x - raw - 1.96 * u, x - raw + 1.96 * u, color=UP, alpha=0.2, lw=0, label=text["systematic95"]
        )
        middle.plot(when, x - raw, lw=0.9, color=UP, label=text["added"])
        middle.set_ylabel(unit)
        middle.legend(frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0.0, 1.0))
        parts = str(ds[f"{gas}_u_systematic"].attrs["components"]).split()
        for k, part in enumerate(["random", *(f"systematic_{p}" for p in parts)]):
            values = ds[f"{gas}_u_{part}"].values
            if np.nanmax(np.where(np.isfinite(values), values, 0.0)) > 0:
                bottom.plot(
                    when,
                    values,
                    lw=0.9,
                    color=COLOURS[k % len(COLOURS)],
                    label=text["part_" + part.removeprefix("systematic_")],
                )
        bottom.set_ylabel(text["u_axis"].format(unit=unit))
        bottom.set_ylim(bottom=0.0)
        bottom.legend(frameon=False, fontsize=8, ncols=6, loc="lower left", bbox_to_anchor=(0.0, 1.0))
        _dates(bottom)
    return figure


def cylinders(ds: xr.Dataset, gas: str, text: Mapping[str, str]) -> Figure:
    """Draw calibrated minus assigned of every visit by cylinder, and offset and slope of the response."""
    name, unit = _labels(ds, gas)
    v = {k: ds[f"{gas}_visit_{k}"].values for k in ("time", "cylinder", "target", "error", "error_u", "suspect",
                                                   "response_offset", "response_slope")}  # fmt: skip
    order = np.argsort(v["time"], kind="stable")
    with plt.rc_context(STYLE):
        figure, (top, middle, bottom) = plt.subplots(3, 1, figsize=(9.6, 6.2), layout="constrained", sharex=True,
                                                     gridspec_kw={"height_ratios": [2.2, 1, 1]})  # fmt: skip
        for k, label in enumerate(dict.fromkeys(v["cylinder"].tolist())):
            hit = v["cylinder"] == label
            words = str(label)
            for key, is_so in (("is_target", v["target"][hit].any()), ("is_suspect", v["suspect"][hit].any())):
                words = text[key].format(name=words) if is_so else words
            top.plot(v["time"][hit], v["error"][hit], "D" if v["target"][hit].any() else "o", ms=4,
                     color=COLOURS[k % len(COLOURS)], label=words, alpha=0.8)  # fmt: skip
        top.axhline(0.0, color=GREY, lw=0.8)
        top.set_ylabel(text["error_axis"].format(name=name, unit=unit))
        top.legend(frameon=False, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0.0, 1.0))
        middle.plot(v["time"][order], v["response_offset"][order], ".-", ms=4, lw=0.8, color=MEASURED)
        middle.set_ylabel(text["offset_axis"].format(unit=unit))
        bottom.plot(v["time"][order], v["response_slope"][order], ".-", ms=4, lw=0.8, color=ACCOUNTED)
        bottom.set_ylabel(text["slope_axis"])
        bottom.ticklabel_format(axis="y", useOffset=False)
        _dates(bottom)
    return figure


def targets(ds: xr.Dataset, gas: str, goal: float, text: Mapping[str, str]) -> Figure | None:
    """Draw the control chart of the targets: errors with intervals, mean, twice the scatter, the goal; None without."""
    name, unit = _labels(ds, gas)
    hit = ds[f"{gas}_visit_target"].values == 1
    if not hit.any():
        return None
    time, error, u = (ds[f"{gas}_visit_{k}"].values[hit] for k in ("time", "error", "error_u"))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(9.6, 3.4), layout="constrained")
        if np.isfinite(goal):
            axes.axhspan(
                -goal, goal, color=UP, alpha=0.12, lw=0, label=text["goal_band"].format(goal=f"{goal:g}", unit=unit)
            )
        mean = float(error.mean())
        axes.axhline(0.0, color=GREY, lw=0.8)
        axes.axhline(mean, color=ACCOUNTED, lw=1.2, label=text["mean"].format(mean=f"{mean:+.3g}"))
        if error.size > 2:
            sd = float(error.std(ddof=1))
            for sign in (-2.0, 2.0):
                axes.axhline(mean + sign * sd, color=ACCOUNTED, lw=0.9, ls="--",
                             label=text["two_sd"].format(sd=f"{2 * sd:.2g}") if sign > 0 else None)  # fmt: skip
        axes.errorbar(time, error, 1.96 * u, fmt="o", ms=4, lw=0.8, color=MEASURED, label=text["visit95"])
        outside = np.abs(error) > 1.96 * u
        if outside.any():
            axes.plot(time[outside], error[outside], "o", ms=8, mfc="none", color=DOWN, label=text["outside"])
        axes.set_ylabel(text["target_axis"].format(name=name, unit=unit))
        axes.legend(frameon=False, fontsize=8, ncols=5, loc="lower left", bbox_to_anchor=(0.0, 1.0))
        _dates(axes)
    return figure


def cycles(found: xr.Dataset, gas: str, text: Mapping[str, str]) -> Figure:
    """Draw the daily cycle by season and the yearly cycle, medians with quartiles."""
    units = str(found["monthly_median"].attrs["units"])
    name, unit = NAMES.get(gas, gas), UNITS.get(units, units)
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.4), layout="constrained")
        hour = found["hour"].values + 0.5
        for k, season in enumerate(found["season"].values.tolist()):
            one = found.sel(season=season)
            if not one["daily_median"].notnull().any():
                continue
            left.fill_between(hour, one["daily_low"], one["daily_high"], color=COLOURS[k], alpha=0.15, lw=0)
            left.plot(hour, one["daily_median"], "o-", ms=3, lw=1, color=COLOURS[k], label=text[f"season_{season}"])
        left.axhline(0.0, color=GREY, lw=0.7)
        left.set(xlabel=text["hour_axis"], ylabel=text["day_axis"].format(name=name, unit=unit), xlim=(0, 24))
        left.set_xticks(range(0, 25, 6))
        if left.get_legend_handles_labels()[0]:
            left.legend(frameon=False, fontsize=8)
        else:
            left.annotate(text["few_days"], (0.5, 0.5), xycoords="axes fraction", ha="center", color=GREY)
        middle, low, high = (found[f"monthly_{k}"].values for k in ("median", "low", "high"))
        month = found["month"].values
        right.errorbar(month, middle, [middle - low, high - middle], fmt="o", color=MEASURED, capsize=3, ms=5)
        right.set(xlabel=text["month_axis"], ylabel=text["month_values"].format(name=name, unit=unit), xlim=(0.5, 12.5))
        right.set_xticks(range(1, 13))
    return figure
