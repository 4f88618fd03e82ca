"""Comparisons of plants, factors, inventories and inversions with published values and independent programs.

As :mod:`golds`, whose :class:`Gold` they return; here is the list of all.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import golds as series
import numpy as np
from golds import ROOT, SHARED, Gold


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


def gum() -> Gold:
    """Compare the two worked examples of correlated quantities."""
    from ghg.core.uncertainty import first_order, straight_line, type_a

    v = json.loads((SHARED / "facility" / "vectors" / "vectors.json").read_text())
    h2, h3 = v["gum_h2"], v["gum_h3"]
    sets = np.array([h2["V"], np.array(h2["I_mA"]) / 1000.0, h2["phi"]])
    u, i, phi = sets
    mean, cov, _ = type_a(np.array([u / i * np.cos(phi), u / i * np.sin(phi), u / i]))
    line = straight_line(h3["t"], h3["b"], h3["t0"])
    b30, variance = first_order(lambda y: y[0] + y[1] * 10.0, [line.intercept, line.slope], line.covariance)
    ours = [*mean, *np.sqrt(np.diag(cov)), line.intercept, line.slope, line.correlation, line.s, float(b30),
            float(np.sqrt(variance))]  # fmt: skip
    theirs = [*(h2[k][0] for k in "RXZ"), *(h2[k][1] for k in "RXZ"), h3["y1"][0], h3["y2"][0], h3["r"], h3["s"],
              *h3["b30"]]  # fmt: skip
    return Gold("Examples H.2 (impedance) and H.3 (thermometer) of the Guide", "JCGM 100:2008, as printed", "quantity",
                "1", np.arange(len(ours)), ours, theirs,
                note="The difference is the rounding of what the Guide prints.")  # fmt: skip


def quality() -> Gold:
    """Compare linearity errors and relative accuracy with what was reported to US EPA."""
    from sensors.quality.config import QaJob
    from sensors.quality.job import run

    folder = SHARED / "facility" / "ecmps_qa"
    results, _ = run(QaJob(ecmps=("QA_files_upload.json",)), base=folder)
    content = json.loads((folder / "QA_files_upload.json").read_text(encoding="utf-8"))
    tests = [t for t in content["testSummaryData"] if t["testTypeCode"] == "LINE"]
    theirs = [{s["gasLevelCode"].lower(): s["percentError"] for s in t["linearitySummaryData"]} for t in tests]
    found = [r.values["error"] for r in results if r.test == "linearity"]
    rata = next(r for r in results if r.test == "rata")
    a = [one[level] for one, other in zip(found, theirs, strict=True) for level in sorted(other)]
    b = [other[level] for other in theirs for level in sorted(other)]
    return Gold("Linearity errors and relative accuracy of monitors, computed from the runs",
                "the results reported in EPA's own ECMPS test file (ORIS 54)", "result", "percent",
                np.arange(len(a) + 1), [*a, rata.values["relative_accuracy"]], [*b, 2.38], relative=False)  # fmt: skip


def heat_constant() -> Gold:
    """Compare CO2 per heat of Idaho's gas units with equation G-4."""
    from sensors.config import CampdReader
    from sensors.readers import read

    ds = read(CampdReader(files=(str(SHARED / "facility" / "campd" / "epacems2018id*.zip"),)))
    mass, heat = ds.emission.values, ds.heat_input.values
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(heat > 0, mass / heat, np.nan) / 907.18474 * 1055.05585262e6  # short tons per mmBtu
    ours = [float(np.nanmedian(one)) for one in ratio if np.isfinite(one).any()]
    return Gold("CO2 per heat of Idaho's gas units, median over the hours of 2018", "40 CFR 75, equation G-4: "
                "1040/385 44/2000", "unit", "short tons per mmBtu", np.arange(len(ours)), ours,
                np.full(len(ours), 1040 / 385 * 44 / 2000),
                note="CO2 is reported to a tenth of a ton: these units multiply, they do not measure.")  # fmt: skip


def carbon_contents() -> Gold:
    """Compare the default CO2 factors with carbon contents of an independent copy of the guidelines."""
    from inventories.accounting import factors

    path = SHARED / "inventories" / "bonsai_ipcc" / "generic" / "par_carbon_content_per_energy.csv"
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    copy = {r["product"]: float(r["value"]) * 44 / 12 for r in rows if r["property"] == "def"}
    found = [(row.to("kg J-1") * 1e9, copy[row.fuel]) for row in factors.table()
             if row.set == "ipcc2006" and row.fuel in copy and row.quantity == "emission_factor"
             and row.species in ("CO2", "CO2_biogenic")]  # fmt: skip
    ours, theirs = zip(*found, strict=True)
    return Gold("Default CO2 factors of fuels, 2006 IPCC Guidelines, volume 2, table 1.4",
                "44/12 of the carbon contents of table 1.3 in bonsai-ipcc", "fuel", "kg GJ-1", np.arange(len(ours)),
                ours, theirs, note="The guidelines themselves round the two tables apart.")  # fmt: skip


def stationary() -> Gold:
    """Compare defaults and ranges of stationary combustion with the copy that CEDS keeps."""
    import openpyxl

    from inventories.accounting import factors

    book = openpyxl.load_workbook(SHARED / "inventories" / "ceds" / "CO2_base_EF.xlsx", read_only=True)
    copy = {str(r[1] or r[0]): r[2:11] for r in book["IPCC_Table2.2"].iter_rows(values_only=True)
            if isinstance(r[2], int | float)}  # fmt: skip
    book.close()
    names = {"Other Bituminous Coal": "bituminous", "Natural Gas": "natural_gas", "Gas/Diesel Oil": "diesel",
             "Coke Oven Gas": "coke_oven_gas", "Petroleum Coke": "petroleum_coke", "Jet Kerosene": "jet_kerosene",
             "Lignite": "lignite"}  # fmt: skip
    ours, theirs = [], []
    for label, fuel in names.items():
        for k, species in enumerate(("CO2", "CH4", "N2O")):
            rows = [r for r in factors.candidates("ipcc2006", fuel, "emission_factor", species) if r.fuel == fuel]
            if rows:
                ours += [rows[0].value, rows[0].lower, rows[0].upper]
                theirs += copy[label][3 * k : 3 * k + 3]
    return Gold("Stationary combustion: value, lower and upper bound of CO2, CH4 and N2O, seven fuels (table 2.2)",
                "the copy of the table in CEDS", "number of the table", "kg TJ-1", np.arange(len(ours)), ours, theirs,
                log=False)  # fmt: skip


@cache
def switzerland() -> Any:
    """Return the example of Switzerland, compiled."""
    from ghg.core.config import load
    from inventories.compile.config import InventoryJob
    from inventories.compile.job import run

    example = ROOT / "examples" / "switzerland-2021" / "inventory.toml"
    return run(load(example, InventoryJob), base=example.parent)


def nox_per_co2() -> Gold:
    """Compare NOx per CO2 of Swiss sectors with an independent evaluation of the same workbook."""
    from inventories.compile.ratios import ratios

    seen = {"A": 4.19, "B": 1.59, "C": 0.68, "F": 1.85, "G": 8.71, "I": 3.64}
    found = {r.group: 1e3 * r.value for r in ratios(switzerland()) if r.species == "NOx"}
    return Gold("NOx per CO2 of Switzerland, 2021, by GNFR sector A, B, C, F, G, I", "an independent evaluation "
                "of the same workbook, printed to 0.01", "sector", "g kg-1", list(seen),
                [found[g] for g in seen], list(seen.values()),
                relative=False)  # fmt: skip


def swiss() -> Gold:
    """Compare the CO2 of Swiss activity rows by group with the greenhouse-gas inventory of the same submission."""
    import openpyxl

    from inventories.dataset import annual_mass

    ds = switzerland()
    co2, sector = annual_mass(ds, "CO2") / 1e6, ds["sector"].values.astype(str)
    category = ds["category"].values.astype(str)
    folder = SHARED / "inventories" / "foen" / "input_data" / "input_sub2023" / "input_emission"
    book = openpyxl.load_workbook(folder / "EM_GHGs_inventory_sub2023.xlsm", read_only=True, data_only=True)
    rows = [(str(r[1]), str(r[3]), float(r[7])) for r in book["EM_for_U_KCA"].iter_rows(min_row=10, values_only=True)
            if r[4] == "CO2" and str(r[5]) == "kt" and isinstance(r[7], int | float)]  # fmt: skip
    book.close()
    other = ("Other fuels", "Biomass")
    fired = [v for code, fuel, v in rows if code[:2] == "1A" and code[:4] != "1A3a" and fuel not in other]
    theirs = [sum(fired), *(sum(v for code, _, v in rows if code.startswith(c)) for c in ("1A3b", "1A3a"))]
    flights = np.char.startswith(category, "1A3aii")
    ours = [co2[(sector != "H") & ~ds["memo"].values], co2[sector == "F"], co2[flights]]
    return Gold("CO2 of Switzerland, 2021, from the activity rows of the pollutants' inventory: all fuel but "
                "aviation, road, domestic aviation", "the separate greenhouse-gas inventory of the same submission",
                "group", "kt", np.arange(3), [float(np.nansum(one)) for one in ours], theirs,
                note="Default factors here, national ones there: 0.16 % is what was found independently.")  # fmt: skip


def monitored() -> Gold:
    """Compare the CO2 compiled from the fuel of US units with what their monitors measured."""
    from ghg.core.config import load
    from inventories.compile.config import InventoryJob
    from inventories.compile.job import run
    from inventories.dataset import annual_mass

    example = ROOT / "examples" / "power-plants" / "us-2021.toml"
    ds = run(load(example, InventoryJob), base=example.parent)
    co2: Any = sum(np.nan_to_num(annual_mass(ds, name)) for name in ("CO2", "CO2_biogenic"))
    mine = dict(zip(ds["source"].values.astype(str), co2, strict=True))
    with gzip.open(SHARED / "facility" / "egrid_unit_2021.csv.gz", "rt", encoding="utf-8") as file:
        rows = [(f"{r['orispl']} {r['unitid']} {r['prmvr']}", r) for r in csv.DictReader(file)]
    count = Counter(key for key, _ in rows)
    known = [(key, r) for key, r in rows if count[key] == 1 and r["co2src"] == "EPA/CAMD" and mine.get(key, 0) > 0]
    found = [(mine[key], float(r["co2an"]) * 907.18474) for key, r in known if float(r["co2an"] or 0) > 0]
    ours, theirs = (np.array(one) / 1e6 for one in zip(*found, strict=True))
    order = np.argsort(theirs)
    return Gold("Annual CO2 of US units from heat and default factors, 2021", "their continuous monitors (EPA, eGRID)",
                "unit, by size", "kt", np.arange(order.size), ours[order], theirs[order],
                note="No gold but a measurement: more than 90 % lie within the stated 95 % interval; most of the rest "
                     "burn a second fuel that the table does not name.")  # fmt: skip


def shares() -> Gold:
    """Compare the share of each cell that lies in a country, South Africa, with its hole, and Lesotho."""
    import shapely

    from ghg.core.shapes import read_shapes
    from inversion.readers.shapes import read_shares

    path = SHARED / "inventories" / "regions" / "naturalearth_lowres" / "naturalearth_lowres.shp"
    latitude, longitude = np.arange(-35.5, -21.0), np.arange(15.5, 34.0)
    names, found = read_shares(path, (latitude, longitude))
    shapes = {shape.name: shape for shape in read_shapes(path, "name")}
    ours, theirs = [], []
    for name in ("South Africa", "Lesotho"):
        rings = [shapely.get_coordinates(shapely.segmentize(shapely.LinearRing(r), 0.01)) for r in shapes[name].rings]
        flat = [np.column_stack([r[:, 0], np.sin(np.radians(r[:, 1]))]) for r in rings]  # areas are true here
        country, mine = shapely.Polygon(flat[0], flat[1:]), found[names.index(name)]
        south, north = np.sin(np.radians(latitude - 0.5)), np.sin(np.radians(latitude + 0.5))
        for i, j in zip(*np.nonzero(mine), strict=True):
            cell = shapely.box(longitude[j] - 0.5, south[i], longitude[j] + 0.5, north[i])
            ours.append(mine[i, j])
            theirs.append(country.intersection(cell).area / cell.area)
    return Gold("Share of cells of one degree in South Africa and in Lesotho, its hole", "shapely, edges cut into "
                "pieces of 0.01 degree, in the plane in which areas are true", "cell", "1", np.arange(len(ours)), ours,
                theirs, relative=False)  # fmt: skip


def years() -> Gold:
    """Compare the mean of all hours of a year with the annual rate, for each sector of TNO's profiles."""
    from inventories.grid.fields import coordinates
    from inventories.grid.grids import LonLat
    from inventories.temporal.expand import Zones, expand
    from inventories.temporal.profiles import read_profiles

    folder = SHARED / "inventories" / "profiles" / "tno"
    names = ("month-in-year", "day-in-week", "hour-in-day")
    profiles = read_profiles(*(folder / f"timeprofiles-{name}_GNFR.csv" for name in names))
    dims, ds = coordinates(LonLat.regular(0.0, 45.0, 1.0, (1, 3)))
    ds["emission_co2"] = (("sector", *dims), np.ones((len(profiles), 1, 3)), {"units": "kg m-2 s-1"})
    zones = Zones(("Europe/Berlin", "Asia/Shanghai", "UTC"), np.arange(3).reshape(1, 3))
    hours = expand(ds.assign_coords(sector=list(profiles)), profiles, 2024, zones=zones, by_sector=True, bits=0)
    ours = hours["emission_co2"].astype(np.float64).mean("time").values.ravel()
    return Gold("Mean of the 8,784 hours of 2024 over the annual rate: fifteen sectors of TNO, three time zones",
                "the year itself", "sector and zone", "1", np.arange(ours.size), ours, np.ones(ours.size),
                note="Profiles taken as they are miss the year by up to 0.9 %.")  # fmt: skip


COMPARISONS: tuple[Callable[[], Gold], ...] = (
    series.allan, series.bounds, series.phase_dat, series.nbs14, series.baseline, series.curve, series.growth,
    series.amplitude, series.deseasonalised, series.water, series.dry_methane, series.broadening, series.cylinders,
    series.tower_days, quality, heat_constant, york, gum, forward, carbon_contents, stationary, nox_per_co2, swiss,
    monitored, shares, years,
)  # fmt: skip
