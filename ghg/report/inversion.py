"""The report of an inversion: one page that opens offline, in English or Chinese, from the folder of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ghg.core.errors import InputError
from ghg.report.inversion_units import Unit, rounded
from ghg.report.page import render, texts

__all__ = ["write_report"]

FEW = 4  # regions that are put into words
MUCH, LITTLE = 0.75, 0.25  # shares of variance removed, for words


def write_report(folder: Path, lang: str = "en") -> Path:
    """Write ``report.html`` and the figures beside the files of a run.

    Parameters
    ----------
    folder : Path
        What ``ghg inversion run`` wrote: ``result.json``, ``flux_*.nc``, ``totals.nc``, ``concentrations.nc``,
        ``network.nc``.
    lang : {"en", "zh"}
        Language.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        The folder holds no run, or the packages of the report are missing.
    """
    text = texts(lang, "inversion")
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        whole = result["whole"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("the folder holds no run of an inversion", where=str(folder), need="result.json",
                         hint="make one with ghg inversion run") from error  # fmt: skip
    if not any(key.startswith("posterior_low") for key in whole[0]):
        raise InputError("the run was written by an earlier version, which had no intervals", where=str(folder),
                         hint="run it again")  # fmt: skip
    try:
        from ghg.report import inversion_figures as figures
    except ModuleNotFoundError as error:
        raise InputError("the report needs more packages", found=str(error.name),
                         hint="install ghg-toolkit[report]") from error  # fmt: skip
    unit = Unit.of(result)
    (folder / "figures").mkdir(exist_ok=True)
    drawn = figures.draw(folder, result, unit, text, texts("en", "inversion"))
    main = whole[-1]["group"]  # the sum of all blocks stands last
    first = sorted((r for r in whole if r["group"] == main), key=lambda r: -(r["determined"] or 0.0))
    page = render(
        "inversion", {"digits": digits, "percent": percent, "pvalue": pvalue},
        r=result, t=text, lang=lang, figures=drawn, unit=unit, main=main,
        sentences=[sentence(row, unit, text) for row in first[:FEW]],
        rows=[line(row, unit, text) for row in whole], alarms=alarms(result, text),
        without=[without(one, main, unit) for one in result.get("without_site", [])],
    )  # fmt: skip
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def sentence(row: Mapping[str, Any], unit: Unit, text: Mapping[str, str]) -> dict[str, str]:
    """Return what the first screen says of a region: a sentence, its interval, and how much the data determined."""
    value, u = unit.read(row, "posterior"), unit.read(row, "posterior_u")
    prior, prior_u = unit.read(row, "prior"), unit.read(row, "prior_u")
    low, high = unit.read(row, "posterior_low"), unit.read(row, "posterior_high")
    kind = {"source": "source", "sink": "sink"}.get(row["direction"], "either")
    share = row["determined"]
    level = "none" if share is None else "much" if share >= MUCH else "part" if share >= LITTLE else "little"
    said = {
        "kind": kind,
        "main": text[kind].format(region=row["region"], value=rounded(abs(value), u), signed=rounded(value, u),
                                  unit=unit.name),
        "interval": text["interval"].format(low=rounded(low, u), high=rounded(high, u), prior=rounded(prior, prior_u),
                                            prior_u=rounded(prior_u, prior_u)),
        "known": text[f"known_{level}"].format(share=percent(share)),
        "also": "",
    }  # fmt: skip
    if unit.other is not None:
        both = [float(row[f"{n}_{unit.other[0]}_per_year"]) for n in ("posterior", "posterior_u")]
        said["also"] = text["also"].format(unit=unit.other[1], value=rounded(*both), u=rounded(both[1], both[1]))
    return said


def line(row: Mapping[str, Any], unit: Unit, text: Mapping[str, str]) -> dict[str, Any]:
    """Return a row of the table of regions."""
    kind = {"source": "source", "sink": "sink"}.get(row["direction"], "either")
    out: dict[str, Any] = {"group": row["group"], "region": row["region"], "direction": text[f"dir_{kind}"],
                           "determined": percent(row["determined"])}  # fmt: skip
    for name in ("prior", "posterior"):
        value, u = unit.read(row, name), unit.read(row, f"{name}_u")
        out[name] = f"{rounded(value, u)} ± {rounded(u, u)}"
        if unit.other is not None:
            value, u = (float(row[f"{n}_{unit.other[0]}_per_year"]) for n in (name, f"{name}_u"))
            out[f"{name}_other"] = f"{rounded(value, u)} ± {rounded(u, u)}"
    return out


def without(one: Mapping[str, Any], main: str, unit: Unit) -> dict[str, Any]:
    """Return the totals without a site, for the table."""
    totals = {r["region"]: f"{rounded(unit.read(r, 'posterior'), unit.read(r, 'posterior_u'))} ± "
              f"{rounded(unit.read(r, 'posterior_u'), unit.read(r, 'posterior_u'))}"
              for r in one["totals"] if r["group"] == main}  # fmt: skip
    return {"site": one["site"], "n": one["n"], "p": one["p"], "totals": totals}


def alarms(result: Mapping[str, Any], text: Mapping[str, str]) -> list[str]:
    """Return the alarms in the words of the page."""
    found = result.get("diagnostics", result.get("sampler", {})).get("alarms", [])
    return [text[f"alarm_{one['code']}"].format(*one["values"]) for one in found]


def digits(value: float | None, count: int = 3) -> str:
    """Return a number to some significant digits, with a real minus."""
    if value is None or value != value:
        return "–"
    text = f"{value:.{count}g}"
    if "e+" in text and abs(value) < 1e6:
        text = f"{float(text):,.0f}".replace(",", "\u202f")
    return text.replace("-", "\u2212")


def pvalue(value: float | None) -> str:
    """Return a probability; very small ones as below 0.001."""
    return "–" if value is None else "< 0.001" if value < 1e-3 else f"{value:.2g}"


def percent(value: float | None) -> str:
    """Return a fraction in percent."""
    return "–" if value is None or value != value else f"{100.0 * value:.0f}\u202f%".replace("-", "\u2212")
