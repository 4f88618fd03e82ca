"""Comparisons of series and calibrations with published values and independent programs.

All stand on files of others that we never make again. Every function returns one :class:`Gold`; :mod:`validation` runs
them when the site is built and draws them. Those of emissions are in :mod:`golds_of_emissions`.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
COEFFICIENTS = {"CO2": (-0.012, -2.674e-4), "CH4": (-0.00982, -2.393e-4)}  # of the analyser, per percent of water


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
    note : str
        What the reader must know of the comparison.
    scattered : bool
        Points of their own rather than a curve.
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
    note: str = ""
    scattered: bool = False

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
    a, b = COEFFICIENTS["CO2"]
    ours = [bracketing_dry([r["CO2"]] * 2, [r["h_prev"], r["h2o_reported"]], [3, 3], a, b)[1] for r in rows]
    return Gold("Dry CO2 from wet CO2 and water", "the columns CO2_dry of a Picarro G2301", "record", "ppm",
                np.arange(len(rows)), ours, [r["CO2_dry"] for r in rows])  # fmt: skip


def stable32(path: Path) -> Any:
    """Return the rows of a table of Stable32: averaging factor, tau, number, alpha, least, deviation, greatest."""
    lines = [line.split() for line in path.read_text(encoding="latin-1").splitlines() if not line.startswith("#")]
    return np.array([line for line in lines if len(line) == 7], float)


def phase_dat() -> Gold:
    """Compare every statistic of the Allan family on the file that comes with Stable32."""
    from sensors.analysis.allan import STATISTICS, deviations

    folder = SHARED / "sensors" / "allan" / "phasedat"
    x = np.loadtxt(folder / "PHASE.DAT")
    tau, ours, theirs = [], [], []
    for statistic in STATISTICS:
        table = stable32(folder / f"phase_dat_{statistic}.txt")
        found = deviations(x, statistic, list(table[:, 0].astype(np.int64)), phase=True)
        tau, ours, theirs = [*tau, *table[:, 1]], [*ours, *found["deviation"]], [*theirs, *table[:, 5]]
    return Gold(f"PHASE.DAT at every averaging time: {', '.join(STATISTICS)}", "Stable32, printed to five digits",
                "averaging time, s", "1", tau, ours, theirs, log=True, scattered=True)  # fmt: skip


def nbs14() -> Gold:
    """Compare with the 1000-point test suite."""
    from sensors.analysis.allan import deviations

    n, values = 1234567890, []
    for _ in range(1000):  # Riley (2008), NIST SP 1065, section 12.4
        values.append(n / 2147483647)
        n = 16807 * n % 2147483647
    printed = {"adev": (2.922319e-1, 9.965736e-2, 3.897804e-2), "totdev": (2.922319e-1, 9.134743e-2, 3.406530e-2)}
    ours = np.concatenate([deviations(values, name, [1, 10, 100])["deviation"] for name in printed])
    return Gold("The 1000-point test suite: Allan and total deviation", "Riley (2008), NIST SP 1065, table 31",
                "averaging factor", "1", [1, 10, 100] * 2, ours, np.concatenate(list(printed.values())), log=True,
                scattered=True)  # fmt: skip


def growth() -> Gold:
    """Compare the growth rate along the record of Mauna Loa."""
    from sensors.analysis.curvefit import curve_fit

    folder = SHARED / "sensors"
    table = np.genfromtxt(folder / "gold" / "ccgcrv_mlo_dat.csv", delimiter=",", names=True)
    fit = curve_fit(*np.loadtxt(folder / "mauna_loa" / "noaa_mlo.dat").T, step=7, minimiser="ccgcrv")
    return Gold("Growth rate of CO2 at Mauna Loa, from the flasks alone", "NOAA's ccgcrv", "year", "ppm per year",
                table["decimal_year"], fit.growth, table["growth_rate"], relative=False)  # fmt: skip


def amplitude() -> Gold:
    """Compare the amplitude of the season of each year."""
    from sensors.analysis.curvefit import curve_fit
    from sensors.analysis.season import growth_by_year

    folder = SHARED / "sensors"
    answer = json.loads((folder / "gold" / "ccgcrv_mlo_dat_params.json").read_text())
    fit = curve_fit(*np.loadtxt(folder / "mauna_loa" / "noaa_mlo.dat").T, step=7, coefficients=answer["params"])
    years = growth_by_year(fit, "umol mol-1")
    table = np.loadtxt(folder / "gold" / "ccgcrv_mlo_amplitudes.csv", delimiter=",", skiprows=1)
    table = table[np.isin(table[:, 0], years["year"].values)]
    return Gold("Amplitude of the season at Mauna Loa", "NOAA's ccgcrv", "year", "ppm", table[:, 0],
                years["season_amplitude"].values, table[:, 1], relative=False)  # fmt: skip


def deseasonalised() -> Gold:
    """Compare deseasonalised monthly means with those NOAA publishes."""
    from sensors.analysis.season import deseasonalise

    table = np.genfromtxt(SHARED / "sensors" / "mauna_loa" / "co2_mm_mlo.csv", delimiter=",", names=True)
    table = table[table["average"] > 0]
    ours, _ = deseasonalise(table["decimal_date"], table["average"], window=7.0)
    return Gold("Deseasonalised monthly means of Mauna Loa", "NOAA's published record, printed to 0.01 ppm", "year",
                "ppm", table["decimal_date"], ours, table["deseasonalized"], relative=False,
                note="NOAA's cycle is a moving one of seven years whose exact weights are not published.")  # fmt: skip


def dry_methane() -> Gold:
    """Compare dry CH4 of a whole log with the analyser's own."""
    from sensors.calibration.water import bracketing_dry
    from sensors.readers.picarro import read

    ds = read([SHARED / "sensors" / "picarro" / "G2301_CFADS2283-20150831-181850Z-DataLog_User.dat.gz"])
    dry = bracketing_dry(ds["CH4"], ds["h2o_reported"], ds["species"], *COEFFICIENTS["CH4"])
    known = np.isfinite(dry)
    return Gold("Dry CH4 of a whole raw log", "the columns CH4_dry of a Picarro G2301", "record", "ppm",
                np.flatnonzero(known), dry[known], ds["CH4_dry"].values[known])  # fmt: skip


def cylinders() -> Gold:
    """Compare the curve through NOAA's cylinders with ODRPACK."""
    from sensors.calibration.fit import fit_response

    v = json.loads((SHARED / "sensors" / "gold" / "noaa_odr_example.json").read_text())
    line, curved = (fit_response(v["x"], v["y"], v["xsd"], v["ysd"], degree) for degree in (1, 2))
    ours = [*line.coefficients, *curved.coefficients]
    u = [*v["fits"]["1"]["sd"], *v["fits"]["2"]["sd"]]
    theirs = [*v["fits"]["1"]["beta"], *v["fits"]["2"]["beta"]]
    return Gold("Response through nine cylinders: coefficients of line and parabola, in standard uncertainties",
                "ODRPACK, as NOAA uses it", "coefficient", "standard uncertainty", np.arange(5), np.divide(ours, u),
                np.divide(theirs, u), relative=False,
                note="ODRPACK stops where the sum of squares settles to 1.5e-8; ours is lower.")  # fmt: skip


def tower_days() -> Gold:
    """Compare the daily lines through two cylinders at a NEON tower."""
    from ghg.core.config import load
    from sensors.calibration.fit import fit_response
    from sensors.config.station import StationJob
    from sensors.station.job import read_records

    path = f'records.files="{SHARED}/sensors/neon/*2019-05*.h5"'
    records = read_records(load(ROOT / "examples" / "neon-onaq" / "station.toml", StationJob, [path]))[0]
    days = records.start.astype("datetime64[ns]").astype("datetime64[D]").astype(str)
    x, ours, theirs = [], [], []
    for row in csv.DictReader((SHARED / "sensors/gold/neon_ONAQ_two_point_daily.csv").read_text().splitlines()):
        mine, point = days == row["day"][:10], {}
        for tank in ("co2Low", "co2Med", "co2High"):
            hit = np.flatnonzero(mine & (records.port == records.ports.index(tank)))
            if hit.size == 1:
                point[tank] = (records.mean[0, hit[0]], records.assigned[0, hit[0]])
        if len(point) == 3:
            low, high = zip(point["co2Low"], point["co2High"], strict=True)
            line = fit_response(low, high, 0.01, 0.0).coefficients
            x.append(int(row["day"][8:10]))
            ours.append(line[0] + line[1] * point["co2Med"][0] - point["co2Med"][1])
            theirs.append(float(row["med_cal_error"]))
    return Gold("Error of the withheld cylinder after a line through two, by day (NEON ONAQ, May 2019)",
                "an independent computation from the same HDF5 bundle", "day of May 2019", "ppm", x, ours, theirs,
                relative=False)  # fmt: skip


def broadening() -> Gold:
    """Compare the water vapour an analyser makes of the water it reads."""
    from sensors.calibration.water import actual_water
    from sensors.readers.picarro import read

    ds = read([SHARED / "sensors" / "picarro" / "G2301_CFADS2283-20150831-171845Z-DataLog_User.dat.gz"])
    ours, theirs = actual_water(ds["h2o_reported"]), ds["H2O"].values
    return Gold("Water vapour from the reported one: the polynomial of self-broadening", "the column H2O of a Picarro "
                "G2301, to ten digits", "record", "percent", np.arange(theirs.size), ours, theirs,
                relative=False)  # fmt: skip


def bounds() -> Gold:
    """Compare the bounds of the 68.3 % interval of every deviation of the caesium clock."""
    from sensors.analysis.allan import STATISTICS, degrees
    from sensors.analysis.edf import interval

    tau, ours, theirs = [], [], []
    for statistic in STATISTICS:
        if statistic == "ohdev":  # no such table for this clock
            continue
        table = stable32(SHARED / "sensors" / "allan" / f"{statistic}_decade.txt")
        freedom = degrees(statistic, table[:, 0].astype(np.int64), table[:, 3].astype(np.int64), 556_990)
        low, high = interval(table[:, 5], freedom, 0.683)
        tau, ours, theirs = (
            [*tau, *table[:, 1], *table[:, 1]],
            [*ours, *low, *high],
            [*theirs, *table[:, [4, 6]].T.flat],
        )
    return Gold("Bounds of the 68.3 % interval of seven statistics, caesium clock", "Stable32, printed to five digits",
                "averaging time, s", "1", tau, ours, theirs, log=True, scattered=True,
                note="The noise of each averaging time is as Stable32 names it.")  # fmt: skip
