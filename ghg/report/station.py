"""Pages of analysers: the status of a network, and one station from raw to final."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ghg.core.files import write_text
from ghg.report.page import render

__all__ = ["write_network", "write_station"]

WORDS = {
    "record": "From reading to calibrated value. Systematic parts: fit, drift, water, cylinder, scale. A value that is "
    "suspect or bad is kept; its reason is in the file.",
    "cylinders": "What the response makes of each cylinder, and the response itself: assigned minus read at the centre "
    "of the cylinders, and its slope.",
    "targets": "Target cylinders are never fitted: they test the result. Bars are 95 % intervals, both sides included.",
    "allan": "Deviation of the series by averaging time (gaps taken into account), against independent samples.",
    "baseline": "REBS (Ruckstuhl et al. 2012): the background, and what lies above it.",
    "cycles": "Departure from the mean of the solar day by season, and values by month.",
}
UNITS = {"umol mol-1": "ppm", "nmol mol-1": "ppb"}


def number(value: float, form: str = ".2g", missing: str = "\N{EN DASH}") -> str:
    """Return a number as text; a dash where there is none."""
    return format(value, form).replace("-", "\N{MINUS SIGN}") if value == value else missing


def _shown(value: float | None, form: str = ".2g") -> str:
    return number(float("nan") if value is None else value, form)


def _page(name: str, **values: Any) -> str:
    filters = {"number": number, "shown": _shown, "unit": lambda text: UNITS.get(text, text)}
    return render(name, filters, made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", **values)


def write_network(status: Sequence[Any], job: Any, folder: Path) -> Path:
    """Write ``status.html``: stations that need a technician first, then the table of all.

    Parameters
    ----------
    status : sequence of StationStatus
        See :func:`sensors.station.status.station_status`.
    job : NetworkJob
        Title, and what is watched.
    folder : Path
        Existing folder.
    """
    order = sorted(status, key=lambda s: (-len(s.technician), -len(s.alarms), s.name))
    unverified = sorted({g.gas for s in status for g in s.gases if not g.verified and g.goal == g.goal})
    page = _page("network", title=job.title, watch=job.watch, stations=status, order=order,
                  unverified=unverified)  # fmt: skip
    path = folder / "status.html"
    write_text(path, page, force=True)
    return path


def write_station(ds: Any, gases: Sequence[tuple[str, dict[str, Any]]], folder: Path, about: dict[str, Any]) -> Path:
    """Write ``report.html`` with its pictures of one inlet of a station.

    Parameters
    ----------
    ds : Dataset
        Of one inlet: dims (time) and the visits of each gas.
    gases : sequence
        Gas -> ``goal``, ``findings``, and the Datasets ``allan``, ``baseline``, ``cycles`` that could be made.
    folder : Path
        Existing folder.
    about : dict
        ``inlet``, ``file``, ``notes`` (what could not be drawn).
    """
    import matplotlib.pyplot as plt

    from ghg.report import series, station_figures
    from ghg.report.figures import _svg

    sections = []
    for gas, found in gases:
        figures: dict[str, Any] = {"record": station_figures.record(ds, gas)}
        figures["cylinders"] = station_figures.cylinders(ds, gas)
        figures["targets"] = station_figures.targets(ds, gas, found["goal"])
        if "allan" in found:
            figures["allan"] = series.allan(found["allan"])
        if "baseline" in found:
            figures["baseline"] = series.background(found["baseline"], gas)
        if "cycles" in found:
            figures["cycles"] = station_figures.cycles(found["cycles"], gas)
        pictures = []
        for key, figure in figures.items():
            if figure is None:
                continue
            svg = _svg(figure)
            plt.close(figure)
            (folder / f"{gas}-{key}.svg").write_text(svg, encoding="utf-8")
            pictures.append((key, svg, WORDS[key]))
        sections.append({"gas": gas, "pictures": pictures, "units": str(ds[gas].attrs["units"]), **found})
    path = folder / "report.html"
    page = _page("station", title=ds.attrs.get("title", "Station"), sections=sections, **about,
                  said=[n for n in str(ds.attrs.get("notes", "")).split("; ") if n])  # fmt: skip
    path.write_text(page, encoding="utf-8")
    return path
