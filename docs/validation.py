"""The validation page: comparisons with published values and independent programs, run when the site is built, each
with its figure; and the list of all comparisons that the tests hold."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from golds import ROOT, Gold
from golds_of_emissions import COMPARISONS

COUNTED = ("record", "quantity", "result", "fuel", "unit", "unit, by size", "group", "coefficient",
           "number of the table", "cell", "sector and zone")  # axes that only number what is compared  # fmt: skip


def picture(gold: Gold, path: Path) -> None:
    """Draw both, and their difference below."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sizes: Any = {"figsize": (7, 4.2), "height_ratios": [2, 1], "layout": "constrained"}
    figure, (above, below) = plt.subplots(2, 1, sharex=True, **sizes)
    points = gold.scattered or gold.axis in COUNTED or np.size(gold.x) <= 60
    size = 9 if np.size(gold.x) <= 60 else 4
    above.plot(gold.x, gold.theirs, "o" if points else "-", color="#b0bec5", lw=4, ms=size, label="theirs")
    above.plot(gold.x, gold.ours, "." if points else "-", color="#00695c", lw=1, ms=size * 0.6, label="ghg-toolkit")
    below.plot(gold.x, gold.differences, ".", color="#00695c", ms=size * 0.6)
    below.axhline(0, color="#90a4ae", lw=0.6)
    if gold.log:
        above.set(xscale="log", yscale="log")
    elif gold.axis in COUNTED and np.min(gold.theirs) > 0 and np.max(gold.theirs) > 1000 * np.min(gold.theirs):
        above.set_yscale("log")
    middle = float(np.mean(gold.theirs))
    if np.ptp(gold.theirs) < 1e-6 * abs(middle):  # the same value throughout: what differs stands below
        above.set_ylim(middle - 0.01 * abs(middle), middle + 0.01 * abs(middle))
    unit = "no unit" if gold.unit == "1" else gold.unit
    above.set_ylabel(unit)
    below.set_ylabel("relative\ndifference" if gold.relative else f"difference,\n{unit}")
    below.set_xlabel(gold.axis)
    above.legend(frameon=False, fontsize=8)
    figure.savefig(path, format="svg" if np.size(gold.x) < 2000 else "png", dpi=110)
    plt.close(figure)


def held() -> str:
    """Return the comparisons of the tests on real data, from their own words."""
    rows = []
    for path in sorted((ROOT / "tests" / "real").glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tests = [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
        names = [name.removeprefix("test_").replace("_", " ") for name in tests]
        about = " ".join((ast.get_docstring(tree) or "").split())
        rows.append(f"| {about} | {'; '.join(names)} |")
    return "| about | held by tests |\n| --- | --- |\n" + "\n".join(rows)


def size_of(gold: Gold) -> tuple[str, str]:
    """Return the median and the largest difference, with their unit."""
    apart = np.abs(gold.differences)
    unit = "" if gold.relative or gold.unit == "1" else f" {gold.unit}"
    middle, most = (f"{x:.1e}" if x > 0 else "0" for x in (float(np.median(apart)), float(np.max(apart))))
    return f"{middle}{unit}", f"{most}{unit}"


def write(folder: Path) -> None:
    """Write validation.md and its figures."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    table, sections = [], []
    for compare in COMPARISONS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gold = compare()
        name = compare.__name__
        place = f"figures/{name}.{'svg' if np.size(gold.x) < 2000 else 'png'}"
        picture(gold, folder / place)
        middle, most = size_of(gold)
        table.append(f"| [{gold.title}](#{name}) | {gold.source} | {np.size(gold.ours)} | {middle} | {most} |")
        kind = "relative differences" if gold.relative else "differences"
        words = f"Against {gold.source}. Of the {kind} the median is {middle}, the largest {most}. {gold.note}".strip()
        sections.append(f"## {gold.title} {{#{name}}}\n\n{words}\n\n![{gold.title}: ours, theirs, and the "
                        f"difference]({place})")  # fmt: skip
    head = (
        f"# Validation\n\n{len(COMPARISONS)} comparisons, run when this site was built, on files of others that are "
        "never made again by us. Differences are relative unless a unit is given.\n\n"
        "| what | against | values | median difference | largest |\n| --- | --- | --- | --- | --- |\n"
    )
    last = "## All comparisons on real data\n\nHeld by the tests in every run of the gate.\n\n" + held()
    text = "\n\n".join([head + "\n".join(table), *sections, last])
    (folder / "validation.md").write_text(text + "\n", encoding="utf-8")
