"""What the integrity screening finds and how often it errs, measured on genuine records; prints docs tables.

Run ``python -m benchmarks.integrity [FOLDER] [--starts N] [--laws]``; FOLDER holds ``campd`` and ``mats_2015q1`` (by
default ``../shared/data/facility`` beside the project). With ``--laws`` it prints the laws of the detectors as fitted
to all units, and the alarms that each unit gives when its laws and limits come from the other units only.
"""

from __future__ import annotations

import argparse
import collections
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sensors.config import CampdReader
from sensors.integrity.null import nulls
from sensors.integrity.tamper import Attack
from sensors.integrity.trials import Trial, false_alarms, highest, laws, starts, trials
from sensors.integrity.units import Unit, units_of
from sensors.readers import read

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data" / "facility"
FLOW = ("heat_input", "emission")  # what a wrong flow changes together
SCALES = (0.05, -0.05)
RATE = 0.02  # alarms per unit-year that a detector other than the steps may raise


def idaho(folder: Path) -> list[Unit]:
    """Return the 8 gas units of Idaho, 2018."""
    return units_of(read(CampdReader(files=(str(folder / "campd" / "epacems2018id*.zip"),))))


def coal(folder: Path) -> list[Unit]:
    """Return the 7 coal units of the first quarter of 2015; their hours are local standard time."""
    table = pd.concat([pd.read_csv(p) for p in sorted((folder / "mats_2015q1").glob("*.csv.gz"))])
    hours = pd.to_datetime(table["OP_DATE"], format="%m-%d-%Y") + pd.to_timedelta(table["OP_HOUR"], unit="h")
    units = []
    for (plant, unit), rows in table.assign(hour=hours).groupby(["ORISPL_CODE", "UNITID"]):
        rows = rows.drop_duplicates("hour").set_index("hour").sort_index()
        rows = rows.reindex(pd.date_range(rows.index[0], rows.index[-1], freq="h"))
        load, heat = (rows[c].to_numpy(float) for c in ("GLOAD (MW)", "HEAT_INPUT (mmBtu)"))
        on = ((rows["OP_TIME"].to_numpy(float) >= 1.0) & (load > 0.0)).astype(np.uint8)
        start = rows.index.values[0].astype("datetime64[s]")
        units.append(Unit(f"{plant}-{unit}", start, on, {"gross_load": load, "heat_input": heat}))
    return units


def attacks(units: list[Unit], count: int, seed: int = 1) -> dict[str, list[tuple[Unit, Attack]]]:
    """Return the attacks of each kind: at `count` random hours of each unit."""
    rng = np.random.default_rng(seed)
    cases: dict[str, list[tuple[Unit, Attack]]] = collections.defaultdict(list)
    for unit in units:
        flow = tuple(c for c in FLOW if c in unit.channels)
        for hour in starts(unit, count, rng):
            for scale in SCALES:
                cases["scale 5 %: flow (heat input and emission)"].append((unit, Attack("scale", flow, scale, hour)))
                if "emission" in flow:
                    for one in flow:
                        cases[f"scale 5 %: {one.replace('_', ' ')} alone"].append(
                            (unit, Attack("scale", (one,), scale, hour)))  # fmt: skip
                cases["scale 10 %: flow"].append((unit, Attack("scale", flow, 2 * scale, hour)))
                cases["offset 5 % of the median: flow"].append((unit, Attack("offset", flow, scale, hour)))
            for kind, strength, length, words in (
                ("dilution", 0.1, 0, "dilution with 10 % of air"),
                ("drift", -0.2, 0, "drift to -20 % in 14 days"),
                ("ceiling", 0.3, 0, "ceiling at the 70th percentile"),
                ("freeze", 0.0, 72, "frozen for 3 days"),
                ("copy", 0.0, 168, "a week copied"),
                ("scaled_copy", -0.05, 168, "a week copied and scaled by 0.95"),
                ("substitute", 0.0, 0, "the load's signal in its place"),
                ("smooth", 5.0, 0, "means of 5 hours"),
                ("invent", 0.01, 0, "invented: curve and 1 % of white noise"),
                ("invent", 0.0, 0, "invented: the curve itself"),
                ("shift", 2.0, 0, "clock moved by 2 hours"),
            ):
                if kind in ("copy", "scaled_copy") and hour < 2 * 168:
                    continue
                cases[words].append((unit, Attack(kind, flow, strength, hour, length)))
    return cases


def table(rows: list[list[Any]], head: list[str]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(str(c) for c in row) + " |")
    print()


def share(found: Iterable[Trial]) -> str:
    """Return the found share with its 95 % Wilson interval."""
    marks = [bool(t.found) for t in found]
    n = len(marks)
    if n == 0:
        return "-"
    p, z = sum(marks) / n, 1.96
    middle, half = (p + z * z / 2 / n) / (1 + z * z / n), z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    half /= 1 + z * z / n
    return f"{100 * p:.1f} % ({100 * (middle - half):.0f}-{100 * (middle + half):.0f}), n = {n}"


def report_alarms(groups: dict[str, list[Unit]]) -> None:
    """Print the alarms of the genuine records."""
    rows = []
    total, years = 0, 0.0
    for name, units in groups.items():
        found = false_alarms(units)
        length = sum(u.years for u in units)
        kinds = collections.Counter(f.detector for f in found)
        words = ", ".join(f"{k} {n}" for k, n in kinds.items()) or "none"
        rows.append([name, len(units), f"{length:.2f}", len(found), f"{len(found) / length:.2f}", words])
        total, years = total + len(found), years + length
        for f in found:
            print(f"    {f.sentence()}")
    rows.append(["all", sum(map(len, groups.values())), f"{years:.2f}", total, f"{total / years:.2f}", ""])
    table(rows, ["records", "units", "unit-years", "alarms", "per unit-year", "detectors"])


def report_attacks(cases: dict[str, list[tuple[Unit, Attack]]], gas: set[str]) -> None:
    """Print the found share of each kind of attack, and which detectors found it."""
    rows = []
    scalings: list[Trial] = []
    for words, some in cases.items():
        done = trials(some)
        scalings += done if words.startswith("scale 5 %") else []
        by = collections.Counter(d for t in done for d in t.found)
        seen = ", ".join(f"{d} {100 * n / len(done):.0f} %" for d, n in by.most_common(4))
        rows.append([words, share(done), share(t for t in done if t.unit in gas),
                     share(t for t in done if t.unit not in gas), seen])  # fmt: skip
    rows.append(["**all scalings by 5 %**", share(scalings), share(t for t in scalings if t.unit in gas),
                 share(t for t in scalings if t.unit not in gas), ""])  # fmt: skip
    table(rows, ["attack", "found within 14 days", "gas", "coal", "detectors that saw it"])


def report_laws(units: list[Unit]) -> None:
    """Print the laws fitted to all units, and the alarms of each unit under those of the others."""
    scores = highest(units)
    fitted = laws(units)
    rows, alarms = [], 0
    for name, law in fitted.items():
        null = nulls()[name]
        out = []
        for unit, score, _ in scores[name]:
            rest = laws_of(scores[name], unit, null.log)
            out += [unit] if score >= limit(rest, null.log) else []
        alarms += len(out) if name != "step" else 0
        rows.append([name, f"{law[0]:.3f}", f"{law[1]:.3f}", f"{limit(law, null.log):.3f}", null.alarm,
                     f"{max(s for _, s, _ in scores[name]):.3f}", len(out)])  # fmt: skip
    table(rows, ["detector", "yearly", "scale", f"limit at {RATE}/year", "alarm in use", "highest genuine",
                 "units over the limit of the other units"])  # fmt: skip
    print(f"left-one-out alarms of all detectors but the steps: {alarms}")


def report_left_out(units: list[Unit], count: int) -> None:
    """Print what steps and jumps tell of each unit when their limits come from the other units only.

    Both limits are multiplied by the smallest factor that gives the other units at most 0.9 alarms per unit-year.
    """
    grid = np.arange(0.6, 2.01, 0.05)
    kept = {name: nulls()[name] for name in ("step", "jump")}

    def use(factor: float) -> None:
        nulls().update({name: replace(law, alarm=factor * law.alarm) for name, law in kept.items()})

    alarms = np.zeros((len(units), grid.size), int)
    try:
        for k, factor in enumerate(grid):
            use(factor)
            for i, unit in enumerate(units):
                alarms[i, k] = sum(f.detector in kept for f in false_alarms([unit]))
        rng = np.random.default_rng(2)
        rows, found, own = [], [], 0
        for i, unit in enumerate(units):
            years = sum(u.years for j, u in enumerate(units) if j != i)
            k = int(np.flatnonzero(np.delete(alarms, i, 0).sum(0) <= 0.9 * years)[0])
            use(grid[k])
            flow = tuple(c for c in FLOW if c in unit.channels)
            hours = starts(unit, count, rng)
            done = trials([(unit, Attack("scale", flow, s, h)) for h in hours for s in SCALES])
            found += done
            own += int(alarms[i, k])
            rows.append([unit.name, f"{grid[k]:.2f}", alarms[i, k], share(done)])
    finally:
        use(1.0)
    total = sum(u.years for u in units)
    rows.append(["all", "", f"{own} = {own / total:.2f} per unit-year", share(found)])
    table(rows, ["unit left out", "factor from the others", "alarms", "flow scaled by 5 %, found within 14 days"])


def laws_of(rows: list[tuple[str, float, float]], without: str, log: bool) -> tuple[float, float]:
    """Return the law from all units but one."""
    from sensors.integrity.null import fit

    kept = [(s, y) for name, s, y in rows if name != without]
    return fit([s for s, _ in kept], [y for _, y in kept], log=log)


def limit(law: tuple[float, float], log: bool) -> float:
    """Return the score that is exceeded `RATE` times a year."""
    more = law[1] * math.log(1.0 / RATE)
    return law[0] * math.exp(more) if log else law[0] + more


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=BESIDE)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--laws", action="store_true")
    given = parser.parse_args()
    gas, black = idaho(given.folder), coal(given.folder)
    report_alarms({"gas units, Idaho 2018": gas, "coal units, first quarter of 2015": black})
    if given.laws:
        report_laws([*gas, *black])
        report_left_out([*gas, *black], given.starts)
    report_attacks(attacks([*gas, *black], given.starts), {u.name for u in gas})


if __name__ == "__main__":
    main()
