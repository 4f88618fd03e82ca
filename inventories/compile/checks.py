"""Checks that only a combined inventory allows: the pollutants and the CO2 of one fire must fit each other.

Each finding names rows, what was found and what was expected, and where the bound comes from. Findings never change a
number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from inventories.accounting import factors
from inventories.compile.swap import is_area
from inventories.dataset import GNFR, LEFT, annual_mass, species_of
from inventories.species import SPECIES

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "EXPECTED",
    "Finding",
    "carbon_balance",
    "check",
    "co_emission",
    "double_counting",
    "jumps",
    "measured_ratios",
    "missing_classes",
    "outlier_regions",
    "particle_order",
    "ratio_range",
]  # fmt: skip

Array = npt.NDArray[np.float64]
OUTLIER_Z = 5.0  # robust standard deviations from which a region is an outlier
JUMP = 0.3  # relative change between two years from which it is a jump, unless its uncertainty is larger
# carbon per mass of species, by molar mass (IUPAC): what a carbon balance counts
CARBON = {"CO2": 12.011 / 44.009, "CO2_biogenic": 12.011 / 44.009, "CO": 12.011 / 28.010, "CH4": 12.011 / 16.043,
          "BC": 1.0, "OC": 1.0}  # fmt: skip
# GNFR sectors that every country with any emission of the species has (EMEP/EEA guidebook part B, key categories by
# pollutant; 2006 IPCC Guidelines vol 1 table 4.1)
EXPECTED = {"CO2": "ABCF", "CH4": "DJK", "N2O": "KL", "NOx": "ABCF", "SO2": "ABC", "NMVOC": "CEF", "NH3": "KL",
            "CO": "CF", "PM2.5": "BCF"}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One finding.

    Parameters
    ----------
    code : str
        Kind, for translation.
    level : {"error", "warning"}
        Impossible, or unusual.
    where : str
        Row, class or region.
    species : str
        What is concerned.
    found, low, high : float
        Value and bounds, in `unit`.
    unit : str
        Unit of the three.
    source : str
        Where the bounds come from.
    """

    code: str
    level: str
    where: str
    species: str
    found: float
    low: float
    high: float
    unit: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as a row of a table."""
        return asdict(self)


def check(ds: xr.Dataset) -> list[Finding]:
    """Return all findings of one inventory, errors first."""
    found = [*particle_order(ds), *carbon_balance(ds), *co_emission(ds), *double_counting(ds), *missing_classes(ds),
             *outlier_regions(ds)]  # fmt: skip
    return sorted(found, key=lambda one: one.level != "error")


def particle_order(ds: xr.Dataset) -> list[Finding]:
    """BC is part of PM2.5, PM2.5 of PM10, PM10 of TSP: by row."""
    there = species_of(ds)
    found = []
    for inner, outer in (("BC", "PM2.5"), ("OC", "PM2.5"), ("PM2.5", "PM10"), ("PM10", "TSP")):
        if inner not in there or outer not in there:
            continue
        small, large = annual_mass(ds, inner), annual_mass(ds, outer)
        for i in np.flatnonzero(small > large * (1 + 1e-9)).tolist():
            found.append(Finding("particle_order", "error", str(ds["source"].values[i]), inner, float(small[i]), 0.0,
                                 float(large[i]), "kg", f"{inner} is part of {outer}"))  # fmt: skip
    return found


def carbon_balance(ds: xr.Dataset) -> list[Finding]:
    """Carbon that leaves a row must be within the 95 % range of the carbon in its fuel (2006 IPCC Guidelines)."""
    if "activity_energy" not in ds or "fuel" not in ds.coords:
        return []
    carbon = np.zeros(ds.sizes["source"])
    for name in set(species_of(ds)) & set(CARBON):
        carbon += np.nan_to_num(annual_mass(ds, name)) * CARBON[name]
    energy = ds["activity_energy"].values
    found = []
    for fuel in np.unique(ds["fuel"].values.astype(str)).tolist():
        bounds = _carbon_range(fuel)
        rows = np.flatnonzero((ds["fuel"].values == fuel) & (energy > 0) & (carbon > 0))
        if bounds is None or not rows.size:
            continue
        per = carbon[rows] / energy[rows] * 1e9
        # gross energies hold up to a tenth more than net ones: the bound is widened by the ratio of the two
        low, high = 0.9 * bounds[0], bounds[1]
        for i in rows[(per < low) | (per > high)].tolist():
            value = float(carbon[i] / energy[i] * 1e9)
            found.append(Finding("carbon_balance", "error" if value > high else "warning", str(ds["source"].values[i]),
                                 "C", value, low, high, "kg/GJ", bounds[2]))  # fmt: skip
    return found


def _carbon_range(fuel: str) -> tuple[float, float, str] | None:
    """Return lower and upper carbon [kg/GJ net] of a fuel, and the source."""
    name = factors.code(fuel)
    rows = factors.candidates("ipcc2006", name, "carbon_per_energy")
    if rows:
        return (*_ends(rows[-1], 1.0), rows[-1].source)
    for species in ("CO2", "CO2_biogenic"):
        rows = factors.candidates("ipcc2006", name, "emission_factor", species)
        if rows:
            return (*_ends(rows[-1], CARBON["CO2"]), rows[-1].source)
    return None


def _ends(row: factors.DefaultFactor, share: float) -> tuple[float, float]:
    scale = row.to("kg J-1") / row.value * 1e9 * share
    return row.lower * scale, row.upper * scale


def co_emission(ds: xr.Dataset) -> list[Finding]:
    """Pollutant per CO2 of a row within what its fuel and class can give (tier 1 ranges of the guidebook over IPCC's).

    The lower end is that of a row whose own controls leave what they are said to leave. Above the range nothing
    explains it, unless the fuel is not what it is said to be.
    """
    there = species_of(ds)
    if "fuel" not in ds.coords or not {"CO2", "CO2_biogenic"} & set(there):
        return []
    co2 = sum(np.nan_to_num(annual_mass(ds, n)) for n in ("CO2", "CO2_biogenic") if n in there)
    pairs = np.char.add(np.char.add(ds["fuel"].values.astype(str), "|"), ds["category"].values.astype(str))
    found = []
    for pair in np.unique(pairs).tolist():
        fuel, sector = pair.split("|")
        rows = np.flatnonzero((pairs == pair) & (co2 > 0))
        labels = ds["source"].values[rows].astype(str).tolist()
        for name in there if rows.size else ():
            if SPECIES[name].kind == "pollutant":
                ratio = annual_mass(ds, name)[rows] / np.asarray(co2)[rows]
                left = ds[LEFT + name].values[rows] if LEFT + name in ds else 1.0
                found += measured_ratios(labels, ratio, name, fuel, sector, left)
    return found


def measured_ratios(
    labels: Sequence[str], ratio: Any, name: str, fuel: str, sector: str, left: Any = 1.0
) -> list[Finding]:
    """Return the ratios of pollutant to CO2 [kg/kg] that lie outside the range of the factor database.

    Parameters
    ----------
    labels : sequence of str
        Names of the plants or rows.
    ratio : (n,) array
        Pollutant per CO2.
    name, fuel, sector : str
        Pollutant, fuel and NFR class.
    left : (n,) array
        Share that the controls of each leave: it lowers the lower end.
    """
    bounds = ratio_range(fuel, sector.replace(".", ""), name)
    if bounds is None:
        return []
    low, _, high, source = bounds
    values = np.asarray(ratio, float) * 1e3
    ends = np.broadcast_to(low * np.asarray(left, float), values.shape)
    return [Finding("co_emission", "warning", label, name, value, end, high, "g/kg CO2", source)
            for label, value, end in zip(labels, values.tolist(), ends.tolist(), strict=True)
            if value > high or 0 < value < end]  # fmt: skip


def ratio_range(fuel: str, sector: str, name: str, technology: str = "") -> tuple[float, float, float, str] | None:
    """Return least, middle and most of a pollutant per CO2 that the database gives [g/kg], and where it comes from.

    The ends are those of both 95 % ranges against each other; a factor without a range is taken to be good to half
    and twice its value.
    """
    carbon = _carbon_range(fuel)
    rows = factors.candidates("emep", factors.code(fuel), "emission_factor", name, sector, technology)
    if carbon is None or not rows:
        return None
    row = rows[-1]
    low, high = _ends(row, 1.0)
    middle = row.to("kg J-1") * 1e9
    if not low < high:
        low, high = 0.5 * middle, 2.0 * middle
    per = 1e3 * CARBON["CO2"]
    centre = 0.5 * (carbon[0] + carbon[1])
    return low * per / carbon[1], middle * per / centre, high * per / carbon[0], f"{row.source} over {carbon[2]}"


def double_counting(ds: xr.Dataset) -> list[Finding]:
    """Points and an area total of one region and class: more points than area is impossible, else they may be in it."""
    kind, area = ds["kind"].values.astype(str), is_area(ds)
    region = ds["region"].values.astype(str)
    done = str(ds.attrs.get("swapped", "")).split("; ")
    taken = np.isin([f"{r} {s}" for r, s in zip(region, ds["sector"].values.astype(str), strict=True)], done)
    keys = np.char.add(np.char.add(region, " "), ds["category"].values.astype(str))
    taken |= np.isin(keys, done)
    both = np.intersect1d(keys[(kind == "point") & ~taken], keys[area & ~taken])
    found = []
    for key in both.tolist():
        for name in species_of(ds):
            mass = np.nan_to_num(annual_mass(ds, name))
            points = float(mass[(keys == key) & (kind == "point")].sum())
            whole = float(mass[(keys == key) & area].sum())
            if points > 0 and whole > 0:
                level = "error" if points > whole else "warning"
                why = "points of a class are part of its area total, or the total is what is left"
                found.append(Finding("double_counting", level, key, name, points, 0.0, whole, "kg", why))
    return found


def missing_classes(ds: xr.Dataset) -> list[Finding]:
    """Sectors that a whole inventory has and this one lacks; asked only where it holds at least four sectors."""
    inside = ~ds["memo"].values
    sector = ds["sector"].values.astype(str)
    if len(set(sector[inside])) < 4:
        return []
    found = []
    for name in species_of(ds):
        mass = np.nan_to_num(annual_mass(ds, name))
        for letter in EXPECTED.get(name, ""):
            if not mass[(sector == letter) & inside].sum() > 0:
                found.append(Finding("missing_class", "warning", f"{letter}_{GNFR[letter]}", name, 0.0, 0.0,
                                     float("inf"), "kg", "EMEP/EEA guidebook part B; 2006 IPCC Guidelines vol 1 "
                                     "table 4.1"))  # fmt: skip
    return found


def outlier_regions(ds: xr.Dataset) -> list[Finding]:
    """Regions whose pollutant per CO2 lies far from the others': robust z of the logarithm above 5, of six or more."""
    there = species_of(ds)
    regions, place = np.unique(ds["region"].values.astype(str), return_inverse=True)
    if "CO2" not in there or len(regions) < 6:
        return []
    co2 = np.bincount(place.ravel(), weights=np.nan_to_num(annual_mass(ds, "CO2")))
    found = []
    for name in there:
        if SPECIES[name].kind != "pollutant":
            continue
        mass = np.bincount(place.ravel(), weights=np.nan_to_num(annual_mass(ds, name)))
        known = np.flatnonzero((mass > 0) & (co2 > 0))
        if known.size < 6:
            continue
        logs = np.log(mass[known] / co2[known])
        middle = np.median(logs)
        spread = 1.4826 * np.median(np.abs(logs - middle))
        if spread == 0.0:
            continue
        low, high = np.exp(middle - OUTLIER_Z * spread), np.exp(middle + OUTLIER_Z * spread)
        for i in known[np.abs(logs - middle) > OUTLIER_Z * spread].tolist():
            found.append(Finding("outlier_region", "warning", str(regions[i]), name, float(1e3 * mass[i] / co2[i]),
                                 float(1e3 * low), float(1e3 * high), "g/kg CO2", "median of the regions, 5 robust "
                                 "standard deviations of the logarithm"))  # fmt: skip
    return found


def jumps(series: Sequence[xr.Dataset]) -> list[Finding]:
    """Changes of a class between following years of more than 30 % and more than twice their uncertainty.

    Parameters
    ----------
    series : sequence of Dataset
        Annual emissions with budgets, any order.
    """
    from inventories.uncertainty.approach1 import trend
    from inventories.uncertainty.budget import of_dataset

    years = sorted(series, key=lambda ds: int(ds["year"]))
    found = []
    for before, after in pairwise(years):
        for letter in sorted({*before["sector"].values.tolist(), *after["sector"].values.tolist()}):
            parts = [of_dataset(ds).select(np.flatnonzero(ds["sector"].values == letter)) for ds in (before, after)]
            for name in parts[0].species:
                if name not in parts[1].species or not parts[0].known[parts[0].species.index(name)].sum() > 0:
                    continue
                one = trend(parts[0], parts[1], name)
                most = max(JUMP, 2.0 * one.u)
                if abs(one.change) > most:
                    found.append(Finding("jump", "warning", f"{letter}_{GNFR[letter]} {int(after['year'])}", name,
                                         100.0 * one.change, -100.0 * most, 100.0 * most, "%",
                                         f"against {int(before['year'])}"))  # fmt: skip
    return found
