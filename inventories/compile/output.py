"""What a compilation says: totals with intervals, ratios, contributions, findings; and its tables."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.gases import METRICS
from inventories.compile.checks import check
from inventories.compile.ratios import group_name, ratios
from inventories.crosswalks import name_of
from inventories.dataset import annual_mass, species_of
from inventories.species import SPECIES, co2_equivalent_per_mass
from inventories.uncertainty.approach1 import contributions, covariance
from inventories.uncertainty.approach2 import ensemble
from inventories.uncertainty.budget import groups_of, of_dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["lines", "region_rows", "summary", "table_rows", "write_csv", "write_tables"]

RANKED = 12


def summary(ds: xr.Dataset, *, draws: int = 1000, seed: int = 1) -> dict[str, Any]:
    """Return everything a report needs, as plain numbers and texts (masses in kg).

    Parameters
    ----------
    ds : Dataset
        Annual emissions with their budget.
    draws, seed : int
        Of Approach 2; without draws the intervals are those of lognormal distributions with the mean and the standard
        uncertainty of Approach 1, so that none reaches below zero.
    """
    rows = np.flatnonzero(~np.asarray(ds["memo"].values, bool))
    budget = of_dataset(ds).select(rows)
    names = list(budget.species)
    cov = covariance(budget)[0, :, 0, :]
    u = np.sqrt(np.diag(cov))
    mass = budget.known.sum(axis=1)
    drawn = ensemble(budget, draws=draws, seed=seed)[0] if draws else None
    low, high = _lognormal(mass, u) if drawn is None else np.quantile(drawn, (0.025, 0.975), axis=1)
    metric = str(ds.attrs.get("gwp_metric", "AR5GWP100"))
    total = [{"species": n, "kind": SPECIES[n].kind, "mass": float(mass[k]), "u": float(u[k]), "low": float(low[k]),
              "high": float(high[k])} for k, n in enumerate(names)]  # fmt: skip
    sectors = sorted(set(ds["sector"].values.astype(str).tolist()))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = cov / np.outer(u, u)
    return {
        "title": str(ds.attrs.get("title", "")), "year": int(ds["year"]), "metric": metric, "species": names,
        "rows": int(ds.sizes["source"]), "totals": total, "co2e": _co2e(names, mass, cov),
        "sectors": [{"sector": s, "name": group_name("sector", s), "zh": name_of("GNFR", s, "zh"),
                     "memo": s in "NOPz",
                     "mass": {n: _sum(annual_mass(ds, n)[ds["sector"].values == s]) for n in names}} for s in sectors],
        "fuels": _fuels(ds, names), "regions": _regions(ds, names), "correlation": np.nan_to_num(correlation).tolist(),
        "contributions": {n: [{"name": c.name, "u": c.u, "share": c.share} for c in contributions(budget, n)[:RANKED]]
                          for n in names},
        "ratios": [vars(r) for r in ratios(ds)] if "CO2" in names else [],
        "findings": [f.as_dict() for f in check(ds)],
        "notes": [n for n in str(ds.attrs.get("notes", "")).split("; ") if n], "draws": draws, "seed": seed,
        "ensemble": None if drawn is None else drawn, "points": _points(ds),
    }  # fmt: skip


def _lognormal(mean: Any, u: Any) -> tuple[Any, Any]:
    """Return the 95 % intervals of lognormal distributions of a mean and a standard deviation."""
    spread = np.log1p((u / np.where(mean > 0.0, mean, 1.0)) ** 2)  # of the logarithm, squared
    middle, half = mean * np.exp(-0.5 * spread), 1.959964 * np.sqrt(spread)
    return middle * np.exp(-half), middle * np.exp(half)


def _sum(values: Any) -> float:
    return float(np.nansum(values))


def _points(ds: xr.Dataset) -> dict[str, list[float]]:
    there = np.flatnonzero(np.isfinite(ds["lon"].values) & np.isfinite(ds["lat"].values))
    name = "CO2" if "CO2" in species_of(ds) else species_of(ds)[0]
    mass = np.nan_to_num(annual_mass(ds, name)[there])
    return {"lon": ds["lon"].values[there].tolist(), "lat": ds["lat"].values[there].tolist(), "mass": mass.tolist()}


def _fuels(ds: xr.Dataset, names: list[str]) -> list[dict[str, Any]]:
    """Return masses by fuel, that of the first species largest first."""
    if "fuel" not in ds.coords:
        return []
    inside = ~np.asarray(ds["memo"].values, bool)
    labels, place = groups_of(ds["fuel"].values)
    sums = {n: np.bincount(place[inside], np.nan_to_num(annual_mass(ds, n)[inside]), len(labels)) for n in names}
    rows = [{"fuel": f, "mass": {n: float(sums[n][i]) for n in names}} for i, f in enumerate(labels)]
    return sorted(rows, key=lambda one: -one["mass"][names[0]])


def _regions(ds: xr.Dataset, names: list[str]) -> list[dict[str, Any]]:
    inside = ~np.asarray(ds["memo"].values, bool)
    labels, place = groups_of(ds["region"].values)
    sums = {n: np.bincount(place[inside], weights=np.nan_to_num(annual_mass(ds, n)[inside]), minlength=len(labels))
            for n in names}  # fmt: skip
    return [{"region": r, "mass": {n: float(sums[n][i]) for n in names}} for i, r in enumerate(labels)]


def _co2e(names: list[str], mass: Any, cov: Any) -> list[dict[str, Any]]:
    """Return CO2 equivalents under each metric, with the covariance of the gases."""
    found = []
    for metric in METRICS:
        weight = np.array([co2_equivalent_per_mass(n, metric) or 0.0 for n in names])
        found.append({"metric": metric, "mass": float(weight @ mass), "u": float(np.sqrt(weight @ cov @ weight))})
    return found


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield what the terminal shows."""
    yield f"{result['title']}: {result['rows']} rows"
    for one in result["totals"]:
        digits = _digits(one["u"])
        yield (f"  {one['species']:<13}{one['mass'] / 1e6:>18,.{digits}f} kt  "
               f"95 % {one['low'] / 1e6:,.{digits}f} to {one['high'] / 1e6:,.{digits}f}")  # fmt: skip
    for one in result["co2e"]:
        yield f"  CO2e {one['metric'][:3]:<8}{one['mass'] / 1e6:>18,.{_digits(one['u'])}f} kt"
    errors = sum(f["level"] == "error" for f in result["findings"])
    yield f"Findings: {errors} errors, {len(result['findings']) - errors} warnings"
    if swaps := result.get("swaps"):
        over = sum(one["excess"] > 0 for one in swaps)
        yield f"Swapped: {len(swaps)} area totals are less the points in them, {over} were below them (swaps.csv)"
    for note in result["notes"][:6]:
        yield f"Note: {note}"


def _digits(u_kg: float) -> int:
    return min(6, max(0, 1 - math.floor(math.log10(u_kg / 1e6)))) if u_kg > 0 else 3


def table_rows(ds: xr.Dataset, by: tuple[str, ...] = ("region", "sector")) -> list[dict[str, Any]]:
    """Return masses [t] by region, sector and species in long form, memo items marked, and CO2e under each metric."""
    keys = list(zip(*(ds[b].values.astype(str).tolist() for b in by), strict=True))
    distinct = sorted(set(keys))
    number = {key: i for i, key in enumerate(distinct)}
    place = np.array([number[k] for k in keys])
    rows = []
    sums: dict[str, Any] = {}
    for name in species_of(ds):
        sums[name] = np.bincount(place, weights=np.nan_to_num(annual_mass(ds, name)), minlength=len(distinct))
    plain = dict(sums)
    for metric in METRICS:
        weighed = [m * w for n, m in plain.items() if (w := co2_equivalent_per_mass(n, metric)) is not None]
        if weighed:
            sums[f"CO2e ({metric})"] = np.sum(weighed, axis=0)
    for name, values in list(sums.items()):
        for key, value in zip(distinct, values.tolist(), strict=True):
            if value != 0.0:
                memo = "sector" in by and key[by.index("sector")] in "NOPz"
                rows.append({**dict(zip(by, key, strict=True)), "memo": int(memo), "year": int(ds["year"]),
                             "species": name, "value": value / 1e3, "unit": "t"})  # fmt: skip
    return rows


def region_rows(ds: xr.Dataset) -> list[dict[str, Any]]:
    """Return masses of regions with standard uncertainties [kg] in long form, memo items left out.

    The uncertainty is that of Approach 1, with all correlations through shared quantities inside a region.
    """
    rows = np.flatnonzero(~np.asarray(ds["memo"].values, bool))
    budget = of_dataset(ds).select(rows)
    labels, place = groups_of(ds["region"].values[rows])
    mass = np.stack([np.bincount(place, one, len(labels)) for one in budget.known])
    cov = covariance(budget, place)
    return [{"region": region, "year": int(ds["year"]), "species": name, "mass": float(mass[k, g]),
             "u": float(np.sqrt(cov[g, k, g, k])), "unit": "kg"}
            for k, name in enumerate(budget.species)
            for g, region in enumerate(labels) if mass[k, g] != 0.0]  # fmt: skip


def write_tables(ds: xr.Dataset, result: dict[str, Any], folder: Path) -> None:
    """Write the tables of a compilation: CSV, one workbook, and PRIMAP2's interchange format."""
    from inventories.compile.primap2 import write_interchange

    long = table_rows(ds)
    write_csv(folder / "emissions.csv", long)
    write_csv(folder / "totals.csv", [{k: v for k, v in one.items() if k != "kind"} | {"unit": "kg"}
                                 for one in result["totals"]])  # fmt: skip
    write_csv(folder / "regions.csv", region_rows(ds))
    write_csv(folder / "ratios.csv", [{**r, "unit": "kg/kg"} for r in result["ratios"]])
    write_csv(folder / "findings.csv", result["findings"])
    write_csv(folder / "contributions.csv", [{"species": n, **c} for n, ranked in result["contributions"].items()
                                        for c in ranked])  # fmt: skip
    if result.get("swaps"):
        write_csv(folder / "swaps.csv", [{**one, "unit": "kg"} for one in result["swaps"]])
    if result.get("grid", {}).get("misplaced"):
        write_csv(folder / "positions.csv", result["grid"]["misplaced"])
    if result.get("reported"):
        for name in ("reported", "reported_classes", "reported_causes"):  # the reasons stand there in words
            write_csv(folder / f"{name}.csv", [{k: int(v) if k == "agrees" else v for k, v in r.items()
                                           if k not in ("reason", "reasons")} | {"unit": "kg"}
                                          for r in result[name]])  # fmt: skip
    _workbook(folder / "emissions.xlsx", long, result)
    write_interchange(ds, folder / "primap2.csv")


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows of equal keys as CSV that spreadsheets read."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        if rows:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def _workbook(path: Path, long: list[dict[str, Any]], result: dict[str, Any]) -> None:
    """Write one sheet for each region total, and one with region and sector by species [t]."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("totals (kg)")
    sheet.append(["species", "mass", "standard uncertainty", "95 % low", "95 % high"])
    for one in result["totals"]:
        sheet.append([one[k] for k in ("species", "mass", "u", "low", "high")])
    wide: dict[tuple[str, str], dict[str, float]] = {}
    for row in long:
        wide.setdefault((row["region"], row["sector"]), {})[row["species"]] = row["value"]
    names = list(dict.fromkeys(row["species"] for row in long))
    sheet = book.create_sheet("region x sector (t)")
    sheet.append(["region", "sector", "name", *names])
    for (region, sector), values in sorted(wide.items()):
        sheet.append([region, sector, group_name("sector", sector), *(values.get(n) for n in names)])
    book.save(path)
