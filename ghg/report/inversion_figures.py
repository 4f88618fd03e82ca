"""Figures of the inversion report: totals, maps with the borders of the run's own regions, series by site."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.colors import LogNorm, Normalize, TwoSlopeNorm
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from ghg.core.netcdf import read
from ghg.report.coast import draw_coast
from ghg.report.figures import FONTS, GREY, STYLE
from ghg.report.inversion_units import Unit

if TYPE_CHECKING:
    import xarray as xr

Array = npt.NDArray[np.float64]
Text = Mapping[str, str]
PRIOR, POSTERIOR, INK = "#8a8f98", "#0072b2", "#3b4048"
K95 = 1.959964
UNSEEN = 0.05  # share of variance removed below which a region was not seen
MOST = 14  # regions in the chart of totals, the best determined ones
MARGIN = 0.2  # of the extent of the regions, about them


def draw(folder: Path, result: Mapping[str, Any], unit: Unit, text: Text, plain: Text) -> dict[str, str]:
    """Draw all figures, write SVG and PNG into ``figures``, and return the SVG text by name.

    Parameters
    ----------
    folder : Path
        Of the run.
    result : mapping
        ``result.json``.
    unit : Unit
        In which totals are told.
    text, plain : mapping
        Labels in the language of the page for SVG, and in Latin letters for PNG, whose fonts are those of this machine.
    """
    seen = read(folder / "network.nc") if (folder / "network.nc").exists() else None
    if seen is not None and result.get("coastlines") is False:
        seen = seen.assign_attrs(coastlines="no")
    data = read(folder / "concentrations.nc")
    jobs: dict[str, Any] = {"whole": lambda t: whole(result, unit, t), "series": lambda t: series(data, result, t)}
    for path in sorted(folder.glob("flux_*.nc")):
        flux = read(path)
        jobs[f"map_{path.stem[5:]}"] = lambda t, f=flux, n=path.stem[5:]: maps(f, n.replace("_", " "), seen, t)
    if seen is not None:
        jobs["footprint"] = lambda t: footprint(seen, t)
    if len({r["start"] for r in result["totals"]}) > 1:
        jobs["periods"] = lambda t: periods(result, unit, t)
    found: dict[str, str] = {}
    import warnings

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for name, function in jobs.items():
            figure = function(text)
            found[name] = _svg(figure)
            (folder / "figures" / f"{name}.svg").write_text(found[name], encoding="utf-8")
            picture = figure if text is plain else function(plain)
            picture.savefig(folder / "figures" / f"{name}.png", dpi=130, facecolor="white", bbox_inches="tight",
                            metadata={"Software": None})  # fmt: skip
            plt.close("all")
    return found


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight", pad_inches=0.05, dpi=150)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", buffer.getvalue(), flags=re.DOTALL)
    return text[text.index("<svg") :].replace("'DejaVu Sans'", FONTS.replace("'", "&apos;"))


def _clear(figure: Figure) -> Figure:
    figure.patch.set_alpha(0.0)
    for axes in figure.axes:
        axes.patch.set_alpha(0.0)
    return figure


def whole(result: Mapping[str, Any], unit: Unit, text: Text) -> Figure:
    """Draw prior and posterior of each region over the whole time, with their intervals."""
    rows = [r for r in result["whole"] if r["group"] == result["whole"][-1]["group"]]
    rows = sorted(rows, key=lambda r: -(r["determined"] or 0.0))[:MOST]
    size = [abs(unit.read(r, "prior")) for r in rows]
    seen = max((s for s, r in zip(size, rows, strict=True) if (r["determined"] or 0.0) >= UNSEEN), default=0.0)
    kept = [r for s, r in zip(size, rows, strict=True) if (r["determined"] or 0.0) >= UNSEEN or s <= 3.0 * seen]
    rows = kept or rows  # what is far larger and not seen would press all others flat
    figure, axes = plt.subplots(figsize=(6.2, 0.5 * len(rows) + 0.9), layout="constrained")
    axes.axvline(0.0, color=GREY, lw=0.8)
    for y, row in enumerate(rows):
        for name, colour, shift in (("prior", PRIOR, -0.16), ("posterior", POSTERIOR, 0.16)):
            value, ends = unit.read(row, name), _ends(row, unit, name)
            axes.plot(ends, [y + shift] * 2, color=colour, lw=3, solid_capstyle="round")
            axes.plot(value, y + shift, "o", color="white", mec=colour, mew=1.6, ms=6, label=None if y else text[name])
    axes.set_yticks(range(len(rows)), [r["region"] for r in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f"{unit.name}/a")
    axes.legend(frameon=False, fontsize=9, ncols=2, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return _clear(figure)


def _ends(row: Mapping[str, Any], unit: Unit, name: str) -> tuple[float, float]:
    """Return the 95 % interval of a total: of the prior that of a Gaussian, of the posterior as it was found."""
    if name == "posterior":
        return unit.read(row, "posterior_low"), unit.read(row, "posterior_high")
    value, u = unit.read(row, name), unit.read(row, f"{name}_u")
    return value - K95 * u, value + K95 * u


def _box(seen: xr.Dataset | None, flux: xr.Dataset) -> tuple[float, float, float, float]:
    """Return west, east, south, north of what is worth showing: the regions that do not reach the rim of the grid."""
    lat, lon = flux["latitude"].values, flux["longitude"].values
    if seen is not None:
        share = seen["region_share"].values > 0.5
        sides = [share[:, 0], share[:, -1], share[:, :, 0], share[:, :, -1]]
        rim = np.sum([s.any(axis=1) for s in sides], axis=0) >= 3
        foot = seen["footprint_mean"].values
        inner = share[~rim].any(axis=0) | (foot >= 0.2 * foot.max()).any(axis=0)
        if (~rim).any() and inner.any():
            i, j = np.nonzero(inner)  # without far islands and overseas parts
            box = [*np.quantile(lon[j], [0.05, 0.95]), *np.quantile(lat[i], [0.05, 0.95])]
            dx, dy = (max(MARGIN * (box[k + 1] - box[k]), 1.0) for k in (0, 2))
            return (max(box[0] - dx, lon[0]), min(box[1] + dx, lon[-1]), max(box[2] - dy, lat[0]),
                    min(box[3] + dy, lat[-1]))  # fmt: skip
    return float(lon[0]), float(lon[-1]), float(lat[0]), float(lat[-1])


def _frame(axes: Any, box: tuple[float, float, float, float], seen: xr.Dataset | None) -> None:
    """Set extent and shape of a map, draw coasts, borders and sites."""
    axes.set_xlim(box[0], box[1])
    axes.set_ylim(box[2], box[3])
    axes.set_aspect(1.0 / np.cos(np.radians(0.5 * (box[2] + box[3]))))
    axes.tick_params(labelsize=8, length=2)
    if seen is None or seen.attrs.get("coastlines") != "no":
        draw_coast(axes, box)
    if seen is None:
        return
    lat, lon = seen["latitude"].values, seen["longitude"].values
    for share in seen["region_share"].values:
        if share.max() > 0.5 and share.min() < 0.5:
            axes.contour(lon, lat, share, [0.5], colors=INK, linewidths=0.5, linestyles="dashed")
    for k, (name, field) in enumerate(zip(seen["site"].values, seen["footprint_mean"].values, strict=True)):
        i, j = np.unravel_index(int(np.argmax(field)), field.shape)
        y, x = (
            float(seen[f"site_{v}"].values[k]) if f"site_{v}" in seen else np.nan for v in ("latitude", "longitude")
        )
        x, y = (x, y) if np.isfinite(x + y) else (float(lon[j]), float(lat[i]))
        axes.plot(x, y, "^", color="white", mec="black", ms=6, mew=0.9, zorder=5)
        label = axes.annotate(str(name), (x, y), xytext=(4, 4), textcoords="offset points", fontsize=7, zorder=6,
                              color=INK)  # fmt: skip
        label.set_path_effects([withStroke(linewidth=2.0, foreground="white", alpha=0.8)])  # read on dark cells too


def _scale(values: list[Array]) -> tuple[float, str]:
    top = max(float(np.nanquantile(np.abs(v), 0.99)) for v in values)
    return next(((f, u) for f, u in ((1e6, "µmol m⁻² s⁻¹"), (1e9, "nmol m⁻² s⁻¹")) if top * f >= 0.1),
                (1e12, "pmol m⁻² s⁻¹"))  # fmt: skip


def maps(flux: xr.Dataset, name: str, seen: xr.Dataset | None, text: Text) -> Figure:
    """Draw prior, posterior and the share of uncertainty that was removed, of one block."""
    weight = np.diff(flux["time_bounds"].values.astype(np.int64), axis=1)[:, 0].astype(float)
    weight /= weight.sum()
    mean = {n: np.tensordot(weight, flux[v].values, 1) for n, v in (("prior", "flux_prior"), ("posterior", "flux"))}
    box = _box(seen, flux)
    lat, lon = flux["latitude"].values, flux["longitude"].values
    shown = (lat >= box[2])[:, None] & (lat <= box[3])[:, None] & (lon >= box[0])[None] & (lon <= box[1])[None]
    factor, unit = _scale([m[shown] for m in mean.values()])
    top = factor * max(float(np.quantile(np.abs(m[shown]), 0.99)) for m in mean.values()) or 1.0
    signed = min(float(m[shown].min()) for m in mean.values()) * factor < -0.02 * top
    norm: Any = TwoSlopeNorm(0.0, -top, top) if signed else Normalize(0.0, top)
    colours = "PuOr_r" if signed else "YlOrBr"
    removed = "flux_u" in flux
    tall = (box[3] - box[2]) / ((box[1] - box[0]) * np.cos(np.radians(0.5 * (box[2] + box[3]))))
    count = 3 if removed else 2
    figure, found = plt.subplots(1, count, figsize=(11.0, min(max(11.0 / count * tall, 2.2), 4.6) + 1.0),
                                 layout="constrained", sharey=True)  # fmt: skip
    for axes, (key, field) in zip(found, mean.items(), strict=False):
        drawn = axes.pcolormesh(lon, lat, factor * field, norm=norm, cmap=colours, rasterized=True)
        axes.set_title(f"{name}: {text['map_' + key]}", fontsize=10, loc="left")
        _frame(axes, box, seen)
    figure.colorbar(drawn, ax=list(found[:2]), label=unit, orientation="horizontal", shrink=0.6, extend="both" if signed
                    else "max", ticks=MaxNLocator(6))  # fmt: skip
    if removed:
        with np.errstate(divide="ignore", invalid="ignore"):
            each = 1.0 - flux["flux_u"].values / flux["flux_prior_u"].values
        field = 100.0 * np.tensordot(weight, np.nan_to_num(each), 1)
        high = max(float(np.quantile(field[shown], 0.999)), 1.0)
        drawn = found[2].pcolormesh(lon, lat, field, vmin=0.0, vmax=high, cmap="Blues", rasterized=True)
        found[2].set_title(f"{name}: {text['map_reduction']}", fontsize=10, loc="left")
        _frame(found[2], box, seen)
        figure.colorbar(drawn, ax=found[2], label=text["percent"], orientation="horizontal", shrink=0.8)
    return _clear(figure)


def footprint(seen: xr.Dataset, text: Text) -> Figure:
    """Draw the mean footprint of all sites."""
    field = seen["footprint_mean"].values.astype(float).mean(axis=0)
    lat, lon = seen["latitude"].values, seen["longitude"].values
    box = (float(lon[0]), float(lon[-1]), float(lat[0]), float(lat[-1]))
    tall = (box[3] - box[2]) / ((box[1] - box[0]) * np.cos(np.radians(0.5 * (box[2] + box[3]))))
    figure, axes = plt.subplots(figsize=(8.0, min(max(6.2 * tall, 2.5), 5.5)), layout="constrained")
    share = np.where(field > 0.0, field / field.max(), np.nan)
    drawn = axes.pcolormesh(lon, lat, share, norm=LogNorm(1e-4, 1.0), cmap="YlGnBu", rasterized=True)
    axes.set_title(text["map_footprint"], fontsize=10, loc="left")
    _frame(axes, box, seen)
    figure.colorbar(drawn, ax=axes, label=text["footprint_label"], shrink=0.8, extend="min")
    return _clear(figure)


def series(data: xr.Dataset, result: Mapping[str, Any], text: Text) -> Figure:
    """Draw observed and predicted mole fractions, a panel for each site."""
    names = [str(s) for s in dict.fromkeys(data["site"].values.tolist())]
    factor, unit = (1e6, "µmol mol⁻¹") if float(np.nanmedian(data["observed"].values)) > 1e-4 else (1e9, "nmol mol⁻¹")
    figure, panels = plt.subplots(len(names), 1, figsize=(9.5, 1.9 * len(names) + 0.6), layout="constrained",
                                  sharex=True, squeeze=False)  # fmt: skip
    for axes, name in zip(panels[:, 0], names, strict=True):
        mine = np.flatnonzero(data["site"].values == name)
        mine = mine[np.argsort(data["observation_time"].values[mine])]
        time = data["observation_time"].values[mine]
        value = {k: factor * data[k].values[mine] for k in ("observed", "observed_u", "background", "predicted",
                                                            "predicted_prior")}  # fmt: skip
        single = "o" if mine.size < 3 else None
        axes.errorbar(time, value["observed"], value["observed_u"], fmt=".", color=INK, ms=4, lw=0.6, alpha=0.75,
                      label=text["observed"], zorder=2)  # fmt: skip
        lines = (("background", GREY, 0.8, "background"), ("predicted_prior", GREY, 1.5, "prior"),
                 ("predicted", POSTERIOR, 1.5, "posterior"))  # fmt: skip
        for key, colour, width, word in lines:
            marker = {"background": "_", "prior": "s", "posterior": "D"}[word] if single else None
            axes.plot(time, value[key], color=colour, lw=width, ls=":" if word == "background" else "-", marker=marker,
                      ms=6, label=text[word], zorder=3)  # fmt: skip
        held = bool(data["withheld"].values[mine].any())
        axes.set_title(f"{name} ({text['withheld']})" if held else name, fontsize=10, loc="left")
        axes.set_ylabel(unit, fontsize=9)
    last = panels[-1, 0]
    start, end = (np.datetime64(result["whole"][0][k], "s") for k in ("start", "end"))
    last.set_xlim(start - (end - start) // 40, end + (end - start) // 40)
    locator = AutoDateLocator(minticks=3, maxticks=9)
    last.xaxis.set_major_locator(locator)
    last.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(), frameon=False, fontsize=9, ncols=4, loc="outside upper left"
    )
    return _clear(figure)


def periods(result: Mapping[str, Any], unit: Unit, text: Text) -> Figure:
    """Draw the totals by period, a panel for each region."""
    rows = [r for r in result["totals"] if r["group"] == result["totals"][-1]["group"]]
    whole = {r["region"]: r["determined"] or 0.0 for r in result["whole"] if r["group"] == rows[0]["group"]}
    regions = sorted(whole, key=lambda n: -whole[n])[:6]
    columns = min(3, len(regions))
    lines = -(-len(regions) // columns)
    figure, panels = plt.subplots(lines, columns, figsize=(10.5, 2.3 * lines + 0.4), layout="constrained", sharex=True,
                                  squeeze=False)  # fmt: skip
    for axes, region in zip(panels.ravel(), regions, strict=False):
        mine = [r for r in rows if r["region"] == region]
        edges = np.array([r["start"] for r in mine] + [mine[-1]["end"]], "datetime64[s]")
        axes.axhline(0.0, color=GREY, lw=0.6)
        for name, colour in (("prior", PRIOR), ("posterior", POSTERIOR)):
            value = np.array([unit.read(r, name) for r in mine])
            ends = np.array([_ends(r, unit, name) for r in mine]).T
            axes.stairs(value, edges, color=colour, lw=1.6, baseline=None, label=text[name])
            axes.fill_between(edges, *(np.append(v, v[-1]) for v in ends), step="post", color=colour, alpha=0.2, lw=0)
        axes.set_title(region, fontsize=10, loc="left")
        locator = AutoDateLocator(minticks=2, maxticks=5)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    for axes in panels.ravel()[len(regions) :]:
        axes.set_visible(False)
    panels[0, 0].set_ylabel(f"{unit.name}/a")
    panels[0, 0].legend(frameon=False, fontsize=8)
    return _clear(figure)
