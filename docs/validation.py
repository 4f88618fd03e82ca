"""The validation page: comparisons with published values and independent programs, run when the site is built, each
with its figure; and the list of all comparisons that the tests hold."""

from __future__ import annotations

import ast
import csv
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
COEFFICIENTS = -0.012, -2.674e-4  # of CO2, as the analyser's script has them, per percent of reported water


@dataclass
class Gold:
    """One comparison: `x` against `ours` and `theirs`, in `unit`.

    Parameters
    ----------
    title, source, axis, unit : str
    x, ours, theirs : array
    relative : bool
        Whether the difference is shown as a share.
    log : bool
        Logarithmic axes.
    """

    title: str
    source: str
    axis: str
    unit: str
    x: Any
    ours: Any
    theirs: Any
    relative: bool = True
    log: bool = False

    @property
    def differences(self) -> Any:
        """Return our values minus theirs, relative to theirs if asked."""
        ours, theirs = np.asarray(self.ours, float), np.asarray(self.theirs, float)
        return (ours - theirs) / np.abs(theirs) if self.relative else ours - theirs


def allan() -> Gold:
    """Compare the overlapping Allan deviation of a caesium clock."""
    from sensors.analysis.allan import deviations

    folder = SHARED / "sensors" / "allan"
    lines = [line.split() for line in (folder / "oadev_decade.txt").read_text(encoding="latin-1").splitlines()]
    table = np.array([line for line in lines if len(line) == 7 and not line[0].startswith("#")], float)
    x = np.loadtxt(folder / "5071A_phase.txt.gz")
    found = deviations(x, "oadev", list(table[:, 0].astype(np.int64)), phase=True)
    return Gold("Overlapping Allan deviation of a caesium clock, 556,990 points", "Stable32, printed to five digits",
                "averaging time, s", "1", table[:, 1], found["deviation"], table[:, 5], log=True)  # fmt: skip


def baseline() -> Gold:
    """Compare REBS with the program of its authors."""
    from sensors.analysis.rebs import rebs

    gold = SHARED / "sensors" / "gold" / "rebs_mlo_2010_2012_span015_b35.csv"
    table = np.genfromtxt(gold, delimiter=",", names=True)
    fit = rebs(table["t"], table["y"], span=0.15, limit=3.5)
    return Gold("Background of Mauna Loa, 2010 to 2012, by REBS", "rfbaseline of the R package IDPmisc (its authors')",
                "year", "ppm", table["t"], fit.baseline, table["baseline"], relative=False)  # fmt: skip


def curve() -> Gold:
    """Compare the smooth curve of trend and season with NOAA's programme, on its coefficients."""
    from sensors.analysis.curvefit import curve_fit

    folder = SHARED / "sensors"
    answer = json.loads((folder / "gold" / "ccgcrv_mlo_dat_params.json").read_text())
    table = np.genfromtxt(folder / "gold" / "ccgcrv_mlo_dat.csv", delimiter=",", names=True)
    fit = curve_fit(*np.loadtxt(folder / "mauna_loa" / "noaa_mlo.dat").T, step=7, coefficients=answer["params"])
    return Gold("Smooth curve through 8,123 flasks of Mauna Loa", "NOAA's ccgcrv", "year", "ppm", table["decimal_year"],
                fit.smooth, table["smooth"], relative=False)  # fmt: skip


def water() -> Gold:
    """Compare dry mole fractions with the analyser's own."""
    from sensors.calibration.water import bracketing_dry

    path = SHARED / "sensors" / "gold" / "picarro_bookend_water_vectors.csv"
    lines = csv.DictReader(path.read_text().splitlines())
    rows = [{k: float(v) for k, v in row.items() if k != "file"} for row in lines]
    a, b = COEFFICIENTS
    ours = [bracketing_dry([r["CO2"]] * 2, [r["h_prev"], r["h2o_reported"]], [3, 3], a, b)[1] for r in rows]
    return Gold("Dry CO2 from wet CO2 and water", "the columns CO2_dry of a Picarro G2301", "record", "ppm",
                np.arange(len(rows)), ours, [r["CO2_dry"] for r in rows])  # fmt: skip


def york() -> Gold:
    """Compare the line through Pearson's data with York's weights."""
    from ghg.core.york import york as line_through

    v = json.loads((SHARED / "facility" / "vectors" / "vectors.json").read_text())["york_pearson"]
    line = line_through(v["x"], v["y"], np.power(v["wx"], -0.5), np.power(v["wy"], -0.5))
    ours = (line.slope, line.intercept, line.u_slope, line.u_intercept, line.chi2)
    return Gold("Line through Pearson's data with York's weights: slope, intercept, their uncertainties, chi-square",
                "York et al. (2004)", "quantity", "1", np.arange(5), ours,
                [v[k] for k in ("slope", "intercept", "se_slope", "se_intercept", "chi2")])  # fmt: skip


def forward() -> Gold:
    """Compare methane at Tacolneston from footprint and flux with the published calculation."""
    from inversion.readers import read_curtains, read_flux, read_footprints

    tac = SHARED / "inversion" / "tac_ch4_2019"
    one = read_footprints(tac / "one_footprint_full_grid.nc", units="(nmol mol-1) / (mol m-2 s-1)")
    _, flux, _ = read_flux(tac / "flux_total_ch4_europe_edgar7_2019.nc", (one.latitude, one.longitude))
    curtains, _ = read_curtains(tac / "bc_ch4_europe_cams_2019.nc")
    ours = [one.enhancement(flux[0])[0] * 1e9, sum(one.background(curtains, missing="zero").values())[0] * 1e9]
    return Gold("Methane at Tacolneston, 2019-01-01 00:00: enhancement and boundary", "OpenGHG inversions, forward run",
                "quantity", "nmol mol-1", np.arange(2), ours, [35.5636, 1754.6295])  # fmt: skip


COMPARISONS: tuple[Callable[[], Gold], ...] = (allan, baseline, curve, water, york, forward)


def picture(gold: Gold, path: Path) -> None:
    """Draw both, and their difference below."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sizes: Any = {"figsize": (7, 4.2), "height_ratios": [2, 1], "layout": "constrained"}
    figure, (above, below) = plt.subplots(2, 1, sharex=True, **sizes)
    many = len(np.atleast_1d(gold.x)) > 60
    above.plot(gold.x, gold.theirs, "-" if many else "o", color="#b0bec5", lw=4, ms=9, label=gold.source)
    above.plot(gold.x, gold.ours, "-" if many else ".", color="#00695c", lw=1, label="ghg-toolkit")
    below.plot(gold.x, gold.differences, "." if not many else "-", color="#00695c", lw=0.8)
    below.axhline(0, color="#90a4ae", lw=0.6)
    if gold.log:
        above.set(xscale="log", yscale="log")
    above.set_ylabel(gold.unit)
    below.set_ylabel("relative\ndifference" if gold.relative else f"difference,\n{gold.unit}")
    below.set_xlabel(gold.axis)
    above.legend(frameon=False, fontsize=8)
    figure.savefig(path, format="svg")
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


def write(folder: Path) -> None:
    """Write validation.md and its figures."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    table, sections = [], []
    for compare in COMPARISONS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gold = compare()
        name = compare.__name__
        most = float(np.max(np.abs(gold.differences)))
        picture(gold, folder / "figures" / f"{name}.svg")
        size = f"{most:.1e}" + ("" if gold.relative or gold.unit == "1" else f" {gold.unit}")
        count = np.asarray(gold.ours).size
        table.append(f"| [{gold.title}](#{name}) | {gold.source} | {count} | {size} |")
        word = "relative " if gold.relative else ""
        figure = f"![{gold.title}: ours, theirs, and the difference](figures/{name}.svg)"
        words = f"Against {gold.source}. Largest {word}difference {size}."
        sections.append(f"## {gold.title} {{#{name}}}\n\n{words}\n\n{figure}")
    head = "# Validation\n\nRun when this site was built, on files of others that are never made again by us.\n\n"
    head += "| what | against | values | largest difference |\n| --- | --- | --- | --- |\n" + "\n".join(table)
    last = "## All comparisons on real data\n\nHeld by the tests in every run of the gate.\n\n" + held()
    (folder / "validation.md").write_text("\n\n".join([head, *sections, last]) + "\n", encoding="utf-8")
