"""Pages of analysers: the status of a network, and one station from raw to final."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ghg.core.files import write_text
from ghg.report.page import render, texts

__all__ = ["spoken", "write_network", "write_station"]

UNITS = {"umol mol-1": "ppm", "nmol mol-1": "ppb"}


def number(value: float, form: str = ".2g", missing: str = "\N{EN DASH}") -> str:
    """Return a number as text; a dash where there is none."""
    return format(value, form).replace("-", "\N{MINUS SIGN}") if value == value else missing


def _shown(value: float | None, form: str = ".2g") -> str:
    return number(float("nan") if value is None else value, form)


def _page(name: str, lang: str, **values: Any) -> str:
    filters = {"number": number, "shown": _shown, "unit": lambda text: UNITS.get(text, text)}
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return render(name, filters, t=texts(lang, "station"), lang=lang, made=made, **values)


def _filled(template: str, values: dict[str, str]) -> str:
    """Return an alarm in words: gases and units as they are read, real minus signs."""
    shown = {"gas": values.get("gas", "").upper(), "units": UNITS.get(values.get("units", ""), values.get("units", ""))}
    numbers = {k: values[k].replace("-", "\N{MINUS SIGN}") for k in ("error", "rate", "size") if k in values}
    return template.format(**{**values, **shown, **numbers})


def spoken(status: Any, lang: str = "en") -> dict[str, list[str]]:
    """Put the alarms of a station into words.

    Parameters
    ----------
    status : StationStatus
    lang : {"en", "zh"}

    Returns
    -------
    dict
        ``codes``, ``alarms``: what was seen; ``technician``: what to do at the station. Each once.
    """
    t = texts(lang, "station")
    return {
        "codes": list(dict.fromkeys(t[f"code_{a.code}"] for a in status.alarms)),
        "alarms": list(dict.fromkeys(_filled(t[f"alarm_{a.code}"], a.values) for a in status.alarms)),
        "technician": list(dict.fromkeys(_filled(t[f"action_{a.code}"], a.values) for a in status.technician)),
    }


def write_network(status: Sequence[Any], job: Any, folder: Path, lang: str = "en") -> Path:
    """Write ``status.html``: stations that need a technician first, then the table of all.

    Parameters
    ----------
    status : sequence of StationStatus
        See :func:`sensors.station.status.station_status`.
    job : NetworkJob
        Title, and what is watched.
    folder : Path
        Existing folder.
    lang : {"en", "zh"}
    """
    words = {s.name: spoken(s, lang) for s in status}
    order = sorted(status, key=lambda s: (-len(words[s.name]["technician"]), -len(s.alarms), s.name))
    unverified = sorted({g.gas for s in status for g in s.gases if not g.verified and g.goal == g.goal})
    page = _page("network", lang, title=job.title, watch=job.watch, stations=status, order=order, words=words,
                 unverified=unverified)  # fmt: skip
    path = folder / "status.html"
    write_text(path, page, force=True)
    return path


def write_station(
    ds: Any, gases: Sequence[tuple[str, dict[str, Any]]], folder: Path, about: dict[str, Any], lang: str = "en"
) -> Path:
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
        ``inlet``, ``file``, ``missing`` (key of a picture and why it could not be drawn).
    lang : {"en", "zh"}
    """
    import matplotlib.pyplot as plt

    from ghg.report import series, station_figures
    from ghg.report.figures import STYLE, _svg

    text, sections = texts(lang, "station"), []
    for gas, found in gases:
        figures: dict[str, Any] = {"record": station_figures.record(ds, gas, text)}
        figures["cylinders"] = station_figures.cylinders(ds, gas, text)
        figures["targets"] = station_figures.targets(ds, gas, found["goal"], text)
        if "allan" in found:
            figures["allan"] = series.allan(found["allan"], text)
        if "baseline" in found:
            figures["baseline"] = series.background(found["baseline"], gas, text)
        if "cycles" in found:
            figures["cycles"] = station_figures.cycles(found["cycles"], gas, text)
        pictures = []
        for key, figure in figures.items():
            if figure is None:
                continue
            with plt.rc_context(STYLE):  # words stay words, in the reader's font
                svg = _svg(figure)
            plt.close(figure)
            (folder / f"{gas}-{key}.svg").write_text(svg, encoding="utf-8")
            pictures.append((key, svg, text[f"words_{key}"]))
        seen = {name: e for one in found["findings"]["sets"] for name, e in one.get("detectable", {}).items()}
        sections.append({"gas": gas, "pictures": pictures, "units": str(ds[gas].attrs["units"]), "detectable": seen,
                         **found})  # fmt: skip
    path = folder / "report.html"
    notes = [f"{gas.upper()}, {text[f'none_{key}'].format(reason=why)}" for gas, key, why in about["missing"]]
    page = _page("station", lang, title=ds.attrs.get("title", "Station"), sections=sections, inlet=about["inlet"],
                 file=about["file"], notes=notes,
                 said=[n for n in str(ds.attrs.get("notes", "")).split("; ") if n])  # fmt: skip
    path.write_text(page, encoding="utf-8")
    return path
