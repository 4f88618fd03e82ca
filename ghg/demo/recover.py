"""What the chain recovered beside what is true, and who was caught.

Each row is a claim: a value with its 95 % interval, the truth, and whether the interval is meant to hold it. Where
something was done to the data on purpose, the claim is that it is found.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ghg.demo.inventory import LANDFILL_SHARE, TRAFFIC_SHARE
from ghg.demo.plants import COPIED_FROM, COPIED_TO, FLOW_FACTOR, FLOW_SINCE
from ghg.demo.stations import WRONG
from ghg.demo.world import PLANTS, TOWERS

__all__ = ["Caught", "Found", "Row", "recover"]

K95 = 1.959964
ZONE = np.timedelta64(8, "h")  # of the plants' records, ahead of UTC
WEEK = np.timedelta64(7, "D")
PLAIN = 3.0  # z from which on a balance's verdict is no longer called doubtful: who is caught, and who accused
SPOILT = {  # matter of a plant -> when its record is not what was measured; an alarm elsewhere accuses the innocent
    "none": (),
    "flow": ((FLOW_SINCE, np.datetime64("2025-01-01")),),
    "copied": ((COPIED_FROM, COPIED_FROM + WEEK), (COPIED_TO, COPIED_TO + WEEK)),
}


@dataclass(frozen=True)
class Row:
    """A recovered number.

    Parameters
    ----------
    part : str
        Part of the chain.
    what, place : str
        Keys of the words of the page: what was recovered, and where.
    unit : str
    truth, value, low, high : float
        In the unit; the interval is that of 95 %.
    meant : bool
        Whether the interval is meant to hold the truth; it is not where the data were spoilt on purpose.
    share : float, optional
        Share of hours whose interval holds the truth.
    """

    part: str
    what: str
    place: str
    unit: str
    truth: float
    value: float
    low: float
    high: float
    meant: bool = True
    share: float | None = None

    @property
    def inside(self) -> bool:
        """Whether the interval holds the truth."""
        return bool(self.low <= self.truth <= self.high)


@dataclass(frozen=True)
class Caught:
    """Something that was done to the data, and whether it was found.

    Parameters
    ----------
    key : str
        Of the words of the page.
    done, found : dict
        Values that go into the words: what was done, and what the chain says.
    caught : bool
    """

    key: str
    done: dict[str, Any]
    found: dict[str, Any]
    caught: bool


@dataclass
class Found:
    """All claims of a run.

    Parameters
    ----------
    rows : list of Row
    caught : list of Caught
    false_alarms : int
        Accusations of those who had done nothing.
    """

    rows: list[Row] = field(default_factory=list)
    caught: list[Caught] = field(default_factory=list)
    false_alarms: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"rows": [{**asdict(r), "inside": r.inside} for r in self.rows],
                "caught": [asdict(c) for c in self.caught], "false_alarms": self.false_alarms}  # fmt: skip


def recover(project: Path, truth: dict[str, Any], calibrations: dict[str, dict[str, Any]]) -> Found:
    """Read the results of a project that was run and hold them against the truth.

    Parameters
    ----------
    project : Path
        With ``out``.
    truth : dict
        What ``truth.json`` holds.
    calibrations : dict
        Tower -> gas -> findings of its first calibration.
    """
    found = Found()
    _towers(project, truth, calibrations, found)
    _plants(project, truth, found)
    _inventory(project, truth, found)
    _inversion(project, truth, found)
    _balance(project, truth, found)
    return found


def _towers(project: Path, truth: dict[str, Any], calibrations: dict[str, dict[str, Any]], found: Found) -> None:
    for tower in TOWERS:
        for gas, unit in (("co2", "µmol mol⁻¹"), ("ch4", "nmol mol⁻¹")):
            series = project / "out" / "towers" / f"{tower.name}.nc"
            off, u, systematic = hours_of(series, truth["air"], tower.name, gas)
            mean, reach = float(off.mean()), K95 * float(np.hypot(systematic.mean(), (u / off.size**0.5).mean()))
            inside = float(np.mean(np.abs(off) <= K95 * np.hypot(u, systematic)))
            found.rows.append(Row("calibrate", f"mean_{gas}", tower.name, unit, 0.0, mean, mean - reach, mean + reach,
                                  share=inside))  # fmt: skip
        named = sorted({one["suspects"][0] for gas in calibrations[tower.name].values() for one in gas["sets"]
                        if len(one["suspects"]) == 1})  # fmt: skip
        if tower.name == WRONG[0]:
            found.caught.append(Caught("cylinder", {"tower": tower.name, "tank": WRONG[1], "error": WRONG[2]},
                                       {"tank": ", ".join(named) or "–"}, named == [WRONG[1]]))  # fmt: skip
        else:
            found.false_alarms += len(named)


def hours_of(path: Path, air: dict[str, Any], tower: str, gas: str) -> tuple[Any, Any, Any]:
    """Return calibrated less true hourly means and their uncertainties, random and systematic, of all good hours."""
    from ghg.core.flags import Flag
    from ghg.core.netcdf import read

    ds = read(path).isel(inlet=0)
    hours = np.array(air["hours"], "datetime64[ns]")
    true = np.array(air[gas][tower])[np.searchsorted(hours, ds["time"].values.astype("datetime64[ns]"))]
    good = (ds[f"{gas}_flag"].values == int(Flag.GOOD)) & np.isfinite(ds[gas].values)
    parts = ds[gas].values - true, ds[f"{gas}_u_random"].values, ds[f"{gas}_u_systematic"].values
    return parts[0][good], parts[1][good], parts[2][good]


def _plants(project: Path, truth: dict[str, Any], found: Found) -> None:
    for plant in PLANTS:
        result = _json(project / "out" / "plants" / plant.name / "result.json")
        screened = _json(project / "out" / "screening" / plant.name / "screening.json")
        true = truth["plants"][plant.name]["total_kg"] / 1e9
        for side in ("measured", "accounted"):
            value, low, high = (v / 1e9 for v in (result[side]["total_kg"], *result[side]["interval_kg"]))
            found.rows.append(Row("facility", side, plant.name, "Mt CO₂", true, value, low, high,
                                  meant=not (side == "measured" and plant.matter == "flow")))  # fmt: skip
        if plant.matter == "flow":
            found.caught.append(_flow(result, plant.name))
        else:
            found.false_alarms += result["verdict"]["code"].startswith("measured")
        if plant.matter == "copied":
            found.caught.append(_copied(screened, plant.name))
        found.false_alarms += sum(not _touches(alarm, SPOILT[plant.matter]) for alarm in screened["alarms"])


def _touches(alarm: dict[str, Any], windows: tuple[tuple[np.datetime64, np.datetime64], ...]) -> bool:
    start, end = (np.datetime64(alarm[k]) + ZONE for k in ("start", "end"))
    return any(start < last and end > first for first, last in windows)


def _flow(result: dict[str, Any], name: str) -> Caught:
    """Return whether the step and its size were found, and the verdict is the right one."""
    step = max(result["steps"], key=lambda s: abs(s["suspects"][0]["bias_ln"]), default=None)
    done = {"plant": name, "percent": 100.0 * (FLOW_FACTOR - 1.0), "since": str(FLOW_SINCE)[:10]}
    verdict = result["verdict"]["code"]
    if step is None:
        return Caught("flow", done, {"percent": 0.0, "u": 0.0, "since": "–", "verdict": verdict}, False)
    local = (np.datetime64(step["start"].removesuffix("Z")) + ZONE).astype("datetime64[D]")
    flow = next((s for s in step["suspects"] if s["component"] == "measured.flow"), None)
    best = step["suspects"][0]
    tied = flow is not None and (flow is best or "measured.flow" in best["tied_with"])
    bias, u = (flow["bias_percent"], flow["u_percent"]) if flow is not None else (0.0, 0.0)
    right = bool(step["named"] and tied and local == FLOW_SINCE and abs(bias - done["percent"]) < 1.5)
    return Caught("flow", done, {"percent": bias, "u": u, "since": str(local), "verdict": verdict},
                  right and verdict == "measured_lower")  # fmt: skip


def _copied(screened: dict[str, Any], name: str) -> Caught:
    copies = [a for a in screened["alarms"] if a["detector"] == "copied"]
    done = {"plant": name, "start": str(COPIED_TO), "source": str(COPIED_FROM)}
    if not copies:
        return Caught("copied", done, {"start": "–", "source": "–", "channels": "–"}, False)
    start, source = (str((np.datetime64(text) + ZONE).astype("datetime64[D]"))
                     for text in (copies[0]["start"], copies[0]["values"][0]))  # fmt: skip
    channels = ", ".join(sorted({a["subject"] for a in copies}))
    return Caught("copied", done, {"start": start, "source": source, "channels": channels},
                  (start, source) == (done["start"], done["source"]))  # fmt: skip


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _inventory(project: Path, truth: dict[str, Any], found: Found) -> None:
    for row in _table(project / "out" / "inventory" / "regions.csv"):
        block, scale, unit = ("fossil", 1e9, "Mt CO₂") if row["species"] == "CO2" else ("methane", 1e6, "kt CH₄")
        value, u = float(row["mass"]) / scale, float(row["u"]) / scale
        true = truth["regions_kg"][block][row["region"]] / scale
        found.rows.append(Row("inventory", block, row["region"], unit, true, value, value - K95 * u, value + K95 * u,
                              meant=row["region"] not in ("city", "landfill")))  # fmt: skip


def _inversion(project: Path, truth: dict[str, Any], found: Found) -> None:
    for gas, species, scale, unit in (("co2", "TgCO2", 1.0, "Mt CO₂"), ("ch4", "TgCH4", 1e3, "kt CH₄")):
        result = _json(project / "out" / gas / "result.json")
        for row in result["whole"]:
            true = truth["regions_kg"].get(row["group"], {}).get(row["region"])
            if true is None or row[f"posterior_u_{species}_per_year"] == 0.0:
                continue
            value, u = (scale * row[f"{k}_{species}_per_year"] for k in ("posterior", "posterior_u"))
            found.rows.append(Row("inversion", row["group"], row["region"], unit, scale * true / 1e9, value,
                                  value - K95 * u, value + K95 * u))  # fmt: skip


def _balance(project: Path, truth: dict[str, Any], found: Found) -> None:
    for gas, block, region, key, left_out, scale in (
        ("co2", "fossil", "city", "traffic", 1.0 - TRAFFIC_SHARE, 1.0),
        ("ch4", "methane", "landfill", "landfill", 1.0 - LANDFILL_SHARE, 1e3),
    ):
        result = _json(project / "out" / f"balance-{gas}.json")
        row = next(r for r in result["regions"] if r["region"] == region)
        found.caught.append(Caught(key, {"percent": 100.0 * left_out},
                                   {"inventory": scale * row["inventory"], "inversion": scale * row["inversion"],
                                    "u": scale * row["inversion_u"], "z": row["z"],
                                    "truth": scale * truth["regions_kg"][block][region] / 1e9},
                                   row["z"] >= PLAIN))  # fmt: skip
        found.false_alarms += sum(abs(r["z"]) >= PLAIN for r in result["regions"]
                                  if r["region"] not in (region, "all regions"))  # fmt: skip
